/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Handle tables.  A handle is a slot's number and the generation of its use, so a stale one is
 * noticed.  One lock for all tables and for the list of connections, held for a few instructions
 * only, and across fork(), so that a child can start afresh.
 */
#include "config.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/private.h"

#define SLOTS_FIRST	8u
#define SLOTS_MAX	65536u

struct client_slot {
	void *object;		/* NULL: free */
	uint32_t generation;
	uint32_t users;
	unsigned int fork_count;	/* of the process that made it */
	bool closed;
};

static uint64_t
handle_make(const struct client_handles *handles, uint32_t index)
{
	return (uint64_t) handles->slots[index].generation << 32 | (index + 1u);
}

/* The slot in use under that handle by this process, or NULL.  Called with the lock held. */
static struct client_slot *
slot_find(const struct client_handles *handles, uint64_t handle)
{
	uint32_t index = (uint32_t) handle - 1u;
	struct client_slot *slot;

	if (index >= handles->slot_count)
		return NULL;
	slot = &handles->slots[index];
	if (slot->object == NULL || slot->generation != (uint32_t) (handle >> 32) ||
	    slot->fork_count != client_fork_count())
		return NULL;
	return slot;
}

static int
slots_grow(struct client_handles *handles)
{
	uint32_t count = handles->slot_count == 0 ? SLOTS_FIRST : 2u * handles->slot_count;
	struct client_slot *slots;
	struct timespec now;

	if (count > SLOTS_MAX)
		return -EMFILE;
	slots = realloc(handles->slots, count * sizeof *slots);
	if (slots == NULL)
		return -ENOMEM;
	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	for (uint32_t i = handles->slot_count; i < count; i++)
		slots[i] = (struct client_slot) {
			/* Another process's handles, and another library's, should not fit. */
			.generation = ((uint32_t) now.tv_nsec ^
			    (uint32_t) (uintptr_t) handles) * 2654435761u + i,
		};
	handles->slots = slots;
	handles->slot_count = count;
	return 0;
}

cs_error_t
client_handle_new(struct client_handles *handles, void *object, uint64_t *ret_handle)
{
	uint32_t index = 0;
	int r = 0;

	client_lock();
	while (index < handles->slot_count && handles->slots[index].object != NULL)
		index++;
	if (index == handles->slot_count)
		r = slots_grow(handles);
	if (r == 0) {
		struct client_slot *slot = &handles->slots[index];

		slot->object = object;
		slot->generation++;
		slot->users = 0;
		slot->fork_count = client_fork_count();
		slot->closed = false;
		*ret_handle = handle_make(handles, index);
	}
	client_unlock();
	if (r == -EMFILE)
		return CS_ERR_NO_RESOURCES;
	return r == 0 ? CS_OK : CS_ERR_NO_MEMORY;
}

cs_error_t
client_handle_get(struct client_handles *handles, uint64_t handle, void **ret_object)
{
	struct client_slot *slot;
	cs_error_t error = CS_ERR_BAD_HANDLE;

	client_lock();
	slot = slot_find(handles, handle);
	if (slot != NULL && !slot->closed) {
		slot->users++;
		*ret_object = slot->object;
		error = CS_OK;
	}
	client_unlock();
	return error;
}

/* Free the slot when nobody uses it any more; gives the object to destroy, or NULL. */
static void *
slot_let_go(struct client_slot *slot)
{
	void *object = slot->object;

	if (!slot->closed || slot->users > 0)
		return NULL;
	slot->object = NULL;
	return object;
}

void
client_handle_put(struct client_handles *handles, uint64_t handle)
{
	struct client_slot *slot;
	void *object = NULL;

	client_lock();
	slot = slot_find(handles, handle);
	if (slot != NULL && slot->users > 0) {
		slot->users--;
		object = slot_let_go(slot);
	}
	client_unlock();
	if (object != NULL)
		handles->destroy(object);
}

cs_error_t
client_handle_close(struct client_handles *handles, uint64_t handle)
{
	struct client_slot *slot;
	void *object = NULL;
	cs_error_t error = CS_ERR_BAD_HANDLE;

	client_lock();
	slot = slot_find(handles, handle);
	if (slot != NULL && !slot->closed) {
		slot->closed = true;
		object = slot_let_go(slot);
		error = CS_OK;
	}
	client_unlock();
	if (object != NULL)
		handles->destroy(object);
	return error;
}

bool
client_handle_closed(struct client_handles *handles, uint64_t handle)
{
	struct client_slot *slot;
	bool closed;

	client_lock();
	slot = slot_find(handles, handle);
	closed = slot == NULL || slot->closed;
	client_unlock();
	return closed;
}
