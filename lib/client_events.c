/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Events from the daemon: records of the ring to us are lent to who dispatches.  While a thread
 * waits for the daemon, they are read ahead: the daemon may wait for the room.
 */
#include "config.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/client_private.h"

#define BELL_WAIT_MS	100	/* for a byte that is already on its way */
#define LOCK_LOOK_NS	20000000
#define AHEAD_BYTES_MAX	(1024u * 1024u * 1024u)	/* so much is kept for who does not dispatch */
#define AHEAD_BYTES_MUCH (128u * 1024u * 1024u)	/* it should dispatch, rather than send */
#define AHEAD_STUCK_NS	500000000	/* nothing was moved aside for so long: something is */

static _Thread_local unsigned int callbacks;	/* under way in this thread */

void
client_events_begin(struct client *client)
{
	client->ahead_end = &client->ahead;
	client->dispatched = true;
}

static struct copy *
copy_drop(struct copy *copy)
{
	struct copy *next = copy->next;

	free(copy);
	return next;
}

/* What a copy takes, with what malloc() adds. */
static size_t
copy_bytes(uint32_t len)
{
	return sizeof(struct copy) + len + 2 * sizeof(size_t);
}

/* Where the ring was, as far as nothing is lent from there any more. */
static void
past_drop(struct client *client)
{
	struct past *past;

	while ((past = client->past) != NULL && past->level >= client->lent) {
		client->past = past->next;
		(void) munmap(past->data, client->to_client.size);
		free(past);
	}
	if (client->lent < client->past_level)
		client->past_level = client->lent;
}

void
client_events_end(struct client *client)
{
	while (client->lent_copy != NULL)
		client->lent_copy = copy_drop(client->lent_copy);
	while (client->ahead != NULL)
		client->ahead = copy_drop(client->ahead);
	client->lent = 0;
	past_drop(client);
	(void) munmap(client->to_client.data, client->to_client.size);
}

/* Every event was read: from now on the daemon shall be rung for each record, and at once when some
 * are left. */
static void
client_end_doze(struct client *client)
{
	struct ipc_ring_shared *shared = &client->page->to_daemon;

	if (ipc_wish_change(&shared->consumer_wish, IPC_DOZING, IPC_ASLEEP) &&
	    __atomic_load_n(&shared->head, __ATOMIC_SEQ_CST) !=
	    __atomic_load_n(&shared->tail, __ATOMIC_SEQ_CST))
		client_wake_daemon(client, /* urgent= */ false);
}

/* Take the one byte that a rung bell means. */
static bool
client_bell_take(struct client *client)
{
	struct pollfd poller = { .fd = client->fd, .events = POLLIN };
	ssize_t n;
	char byte;

	for (;;) {
		n = recv(client->fd, &byte, 1, MSG_DONTWAIT);
		if (n == 1)
			return true;
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno != EAGAIN) {
			client_died(client);
			return false;
		}
		/* Left in it, it would announce later what was taken by then. */
		if (poll(&poller, 1, BELL_WAIT_MS) == 0)
			return false;
	}
}

/* The ring was seen empty: from now on the daemon rings for the next record.  Look again. */
static void
client_arm(struct client *client)
{
	uint32_t *wish = &client->page->to_client.consumer_wish;

	client_end_doze(client);
	if (__atomic_load_n(wish, __ATOMIC_SEQ_CST) == IPC_RUNG && client_bell_take(client))
		__atomic_store_n(wish, IPC_ARMED, __ATOMIC_SEQ_CST);
}

/* Go past the record and give a copy; NULL: no memory, nothing happened. */
static struct copy *
copy_take(struct client *client, const struct ipc_ring_record *record)
{
	struct copy *copy = malloc(sizeof *copy + record->len);

	if (copy == NULL)
		return NULL;
	copy->function = record->function;
	copy->len = record->len;
	ipc_ring_read(&client->to_client, record, 0, copy->data, record->len);
	ipc_ring_advance(&client->to_client, record);
	return copy;
}

static void
copy_lend(struct client *client, struct copy *copy, struct client_record *ret_record)
{
	copy->level = client->lent++;
	copy->next = client->lent_copy;
	client->lent_copy = copy;
	*ret_record = (struct client_record) { .function = copy->function, .data = copy->data,
	    .len = copy->len };
}

static void
ahead_count(struct client *client, size_t bytes)
{
	__atomic_store_n(&client->ahead_bytes, bytes, __ATOMIC_RELAXED);
}

bool
client_in_callback(void)
{
	return callbacks > 0;
}

bool
client_has_much_ahead(const struct client *client)
{
	return __atomic_load_n(&client->ahead_bytes, __ATOMIC_RELAXED) >= AHEAD_BYTES_MUCH;
}

static void
ahead_lend(struct client *client, struct client_record *ret_record)
{
	struct copy *copy = client->ahead;

	client->ahead = copy->next;
	ahead_count(client, client->ahead_bytes - copy_bytes(copy->len));
	if (client->ahead == NULL) {
		client->ahead_end = &client->ahead;
		client->ahead_most = 0;
	}
	copy_lend(client, copy, ret_record);
}

/* Where it lies, or, around the ring's end, as a copy. */
static cs_error_t
client_lend(struct client *client, const struct ipc_ring_record *record,
    struct client_record *ret_record)
{
	struct copy *copy;

	if (record->len > client->to_client.size - record->place) {
		copy = copy_take(client, record);
		if (copy == NULL)
			return CS_ERR_NO_MEMORY;
		copy_lend(client, copy, ret_record);
		return CS_OK;
	}
	*ret_record = (struct client_record) { .function = record->function,
	    .data = client->to_client.data + record->place, .len = record->len };
	ipc_ring_advance(&client->to_client, record);
	client->lent++;
	client->lent_here++;
	return CS_OK;
}

/* No lent record lies in the ring: give its room to the daemon, and see that the descriptor is
 * readable exactly when there is work. */
static void
client_release(struct client *client)
{
	struct ipc_ring *ring = &client->to_client;
	uint32_t used = __atomic_load_n(&ring->shared->head, __ATOMIC_RELAXED) - ring->at;

	ipc_ring_release(ring);
	if (client_is_dead(client))
		return;
	if (used <= ring->size / 2 && ipc_wish_change(&ring->shared->producer_wish, 1, 0))
		client_ring_bell(client);
	if (ipc_ring_empty(ring) && client->ahead == NULL)
		client_arm(client);
	if (!ipc_ring_empty(ring) &&
	    __atomic_load_n(&ring->shared->consumer_wish, __ATOMIC_SEQ_CST) == IPC_ARMED)
		client_ring_bell(client);	/* it came between our look and our arming */
}

/* The daemon has not got back half of it. */
static bool
ring_is_tight(const struct client *client)
{
	const struct ipc_ring_shared *shared = client->to_client.shared;

	return __atomic_load_n(&shared->head, __ATOMIC_SEQ_CST) -
	    __atomic_load_n(&shared->tail, __ATOMIC_RELAXED) > client->to_client.size / 2;
}

/* A page of a private mapping becomes memory of its own, while another thread may be writing to
 * it. */
static void
page_keep(uint8_t *byte)
{
	uint8_t value = __atomic_load_n(byte, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(byte, &value, value, false, __ATOMIC_RELAXED,
	    __ATOMIC_RELAXED))
		;
}

/* What is lent lies between the ring's tail and where we are.  The base cannot change meanwhile. */
static void
lent_keep(const struct client *client, uint8_t *data)
{
	const struct ipc_ring *ring = &client->to_client;
	const uint32_t base = __atomic_load_n(&ring->shared->base, __ATOMIC_RELAXED);
	const uint32_t tail = __atomic_load_n(&ring->shared->tail, __ATOMIC_RELAXED);
	const uint32_t page = (uint32_t) sysconf(_SC_PAGESIZE);

	for (uint32_t at = 0; at < ring->at - tail; at += page)
		page_keep(data + ipc_ring_place(ring, tail + at, base));
	page_keep(data + ipc_ring_place(ring, ring->at - 1u, base));
}

/* Lent records also keep the room behind them, as long as a callback runs.  So they stay where the
 * application sees them, at addresses that become its own, and the ring is reached at others.  The
 * callback may be another thread's, and it may be writing to its message: that goes to the shared
 * memory before the mapping is changed, and is what the private one begins with.  False: the system
 * did not let us, or the application closed our descriptor. */
static bool
ring_move(struct client *client)
{
	struct ipc_ring *ring = &client->to_client;
	struct past *past = client_memory_is_ours(client) ? malloc(sizeof *past) : NULL;
	void *fresh = MAP_FAILED, *own = MAP_FAILED;

	if (past == NULL)
		return false;
	own = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, client->memory_fd,
	    (off_t) client->head_bytes);
	/* Of old size 0, which gives a second mapping of shared memory. */
	fresh = mremap(ring->data, 0, ring->size, MREMAP_MAYMOVE);
	if (own == MAP_FAILED || fresh == MAP_FAILED || mremap(own, ring->size, ring->size,
	    MREMAP_MAYMOVE | MREMAP_FIXED, ring->data) == MAP_FAILED) {
		if (fresh != MAP_FAILED)
			(void) munmap(fresh, ring->size);
		if (own != MAP_FAILED)
			(void) munmap(own, ring->size);
		free(past);
		return false;
	}
	lent_keep(client, ring->data);
	*past = (struct past) { .next = client->past, .data = ring->data,
	    .level = client->past_level };
	client->past = past;
	client->past_level = client->lent;
	client->lent_here = 0;
	ring->data = fresh;
	return true;
}

/* With both locks held. */
static cs_error_t
client_take(struct client *client, struct client_record *ret_record)
{
	struct ipc_ring_record record;
	int r;

	if (client->ahead != NULL) {
		ahead_lend(client, ret_record);
		return CS_OK;
	}
	r = ipc_ring_peek(&client->to_client, &record);
	if (r == -EAGAIN && !client_is_dead(client)) {
		/* If it could not be moved before. */
		if (client->lent_here > 0 && ring_is_tight(client) && ring_move(client))
			client_release(client);
		client_arm(client);
		r = ipc_ring_peek(&client->to_client, &record);
	}
	if (r == -EAGAIN)
		return CS_ERR_TRY_AGAIN;
	return r == 0 ? client_lend(client, &record, ret_record) : CS_ERR_LIBRARY;
}

static int64_t
now_ms(void)
{
	return (int64_t) (cs_timestamp_get() / CS_TIME_NS_IN_MSEC);
}

/* Until the socket has something to say.  False: time is up. */
static bool
client_wait(struct client *client, int timeout_ms, int64_t deadline_ms)
{
	struct pollfd poller = { .fd = client->fd, .events = POLLIN };
	int64_t left = timeout_ms;
	int r;

	for (;;) {
		if (timeout_ms > 0) {
			left = deadline_ms - now_ms();
			left = left < 0 ? 0 : left;
		}
		r = poll(&poller, 1, (int) left);
		if (r == 0)
			return false;
		if (r > 0 && (poller.revents & ~POLLIN) != 0)
			client_died(client);
		if (r > 0 || errno != EINTR)
			return true;
	}
}

cs_error_t
client_next(struct client *client, int timeout_ms, struct client_record *ret_record)
{
	int64_t deadline_ms = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
	cs_error_t error;
	bool dead;

	if (!client_is_ours(client))
		return CS_ERR_BAD_HANDLE;
	for (;;) {
		dead = client_is_dead(client);	/* before looking: what it wrote last counts */
		(void) pthread_mutex_lock(&client->dispatch_lock);
		(void) pthread_mutex_lock(&client->ring_lock);
		error = client_take(client, ret_record);
		(void) pthread_mutex_unlock(&client->ring_lock);
		if (error == CS_OK) {
			callbacks++;
			return CS_OK;
		}
		(void) pthread_mutex_unlock(&client->dispatch_lock);
		if (error != CS_ERR_TRY_AGAIN)
			return error;
		if (dead)
			return CS_ERR_LIBRARY;
		if (!client_is_dead(client) && !client_wait(client, timeout_ms, deadline_ms))
			return CS_ERR_TRY_AGAIN;
	}
}

/* What is in the ring, until so many bytes are aside.  Not while no bell is rung or on its way: the
 * daemon, asked for one, would find the ring empty, and the descriptor would not become readable
 * for what is aside. */
static void
ring_read_ahead(struct client *client, size_t bytes_max)
{
	const uint32_t *wish = &client->page->to_client.consumer_wish;
	struct ipc_ring_record record;
	struct copy *copy;

	while (__atomic_load_n(wish, __ATOMIC_SEQ_CST) == IPC_RUNG &&
	    client->ahead_bytes < bytes_max && ipc_ring_peek(&client->to_client, &record) == 0) {
		copy = copy_take(client, &record);
		if (copy == NULL)
			break;
		copy->next = NULL;
		*client->ahead_end = copy;
		client->ahead_end = &copy->next;
		ahead_count(client, client->ahead_bytes + copy_bytes(copy->len));
		(void) clock_gettime(CLOCK_MONOTONIC_COARSE, &client->moved);
	}
	client_release(client);
}

/* To the daemon we read as fast as we dispatch, also while that is of what is aside, which may take
 * long.  But a large record takes the room of many small ones, and the daemon shall not take us for
 * one that does not read. */
static void
ring_read_on(struct client *client)
{
	size_t bytes_max = client->ahead_most;
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (client->ahead_bytes >= bytes_max && client->ahead_bytes < AHEAD_BYTES_MAX &&
	    client_ns_since(&client->moved, &now) >= AHEAD_STUCK_NS)
		bytes_max = client->ahead_bytes + 1;
	ring_read_ahead(client, bytes_max);
}

/* In memory that is shared with the daemon a child's message would be overwritten by what comes
 * next, and what the child writes would be seen here. */
void
client_events_fork(struct client *client)
{
	(void) pthread_mutex_lock(&client->ring_lock);
	if (client->lent_here > 0)
		(void) ring_move(client);	/* without memory it stays shared */
	(void) pthread_mutex_unlock(&client->ring_lock);
}

/* With the lock held. */
static bool
read_ahead(struct client *client)
{
	if (!ring_is_tight(client) || client_is_dead(client) ||
	    (client->lent_here > 0 && !ring_move(client)))
		return false;
	ring_read_ahead(client, AHEAD_BYTES_MAX);
	if (client->ahead_bytes > client->ahead_most)
		client->ahead_most = client->ahead_bytes;
	return true;
}

bool
client_read_ahead(void)
{
	struct client *client;
	bool any = false;

	client_lock();
	LIST_FOREACH(client, &client_all, link) {
		/* Not open yet; or somebody reads it. */
		if (!client->open || pthread_mutex_trylock(&client->ring_lock) != 0)
			continue;
		any |= read_ahead(client);
		(void) pthread_mutex_unlock(&client->ring_lock);
	}
	client_unlock();
	return any;
}

void
client_lock_reading(pthread_mutex_t *lock)
{
	struct timespec until;

	if (pthread_mutex_trylock(lock) == 0)
		return;
	do {
		(void) client_read_ahead();
		(void) clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOCK_LOOK_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
	} while (pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
}

void
client_done(struct client *client)
{
	callbacks--;
	if (!client_is_ours(client))
		return;		/* the callback forked, and this is the child */
	(void) pthread_mutex_lock(&client->ring_lock);
	client->lent--;
	if (client->lent_copy != NULL && client->lent_copy->level == client->lent)
		client->lent_copy = copy_drop(client->lent_copy);
	else if (client->lent >= client->past_level)
		client->lent_here--;
	past_drop(client);
	__atomic_store_n(&client->dispatched, true, __ATOMIC_RELAXED);
	/* A callback that dispatches and dispatches. */
	if (client->lent_here > 0 && ring_is_tight(client))
		(void) ring_move(client);
	if (client->lent_here == 0) {
		if (client->ahead != NULL && ring_is_tight(client))
			ring_read_on(client);
		else
			client_release(client);
	}
	(void) pthread_mutex_unlock(&client->ring_lock);
	(void) pthread_mutex_unlock(&client->dispatch_lock);
}
