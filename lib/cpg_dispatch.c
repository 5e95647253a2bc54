/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Events of the daemon become callbacks.  A callback gets the record where it lies, mostly in the
 * shared ring; it may dispatch again and may finalise the handle, which lives until we put it.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cpg_private.h"

_Static_assert(sizeof(struct cpg_wire_address) == sizeof(struct cpg_address), "same layout");
_Static_assert(offsetof(struct cpg_wire_address, reason) == offsetof(struct cpg_address, reason),
    "same layout");
_Static_assert(sizeof(struct cpg_wire_name) == sizeof(struct cpg_name), "same layout");

enum outcome {
	NOTHING_DUE,		/* no callback is due for that event */
	DONE,			/* one was, even if it is NULL */
	BROKEN,			/* not an event of our engine */
	NO_MEMORY,
};

static void
partial_drop(struct cpg_partial *partial)
{
	LIST_REMOVE(partial, link);
	free(partial);
}

void
cpg_partials_drop(struct cpg *cpg)
{
	while (!LIST_EMPTY(&cpg->partial))
		partial_drop(LIST_FIRST(&cpg->partial));
}

static struct cpg_partial *
partial_find(struct cpg *cpg, uint32_t node_id, uint32_t pid)
{
	struct cpg_partial *partial;

	LIST_FOREACH(partial, &cpg->partial, link)
		if (partial->node_id == node_id && partial->pid == pid)
			return partial;
	return NULL;
}

static void
call_deliver(struct cpg *cpg, cpg_handle_t handle, uint32_t node_id, uint32_t pid, void *msg,
    size_t len)
{
	/* A copy: a nested dispatch may see us leave and join another group. */
	struct cpg_name group = cpg->group;

	if (cpg->model.cpg_deliver_fn != NULL)
		cpg->model.cpg_deliver_fn(handle, &group, node_id, pid, msg, len);
}

static enum outcome
on_deliver(struct cpg *cpg, cpg_handle_t handle, uint8_t *data, size_t len)
{
	struct cpg_wire_deliver head;

	if (len < sizeof head)
		return BROKEN;
	memcpy(&head, data, sizeof head);
	call_deliver(cpg, handle, head.node_id, head.pid, data + sizeof head, len - sizeof head);
	return DONE;
}

static enum outcome
partial_begin(struct cpg *cpg, const struct cpg_wire_deliver_part *head)
{
	struct cpg_partial *partial = partial_find(cpg, head->node_id, head->pid);

	if (partial != NULL)	/* its sender began anew */
		partial_drop(partial);
	if (head->total_bytes > CPG_WIRE_LARGE_BYTES_MAX)
		return BROKEN;
	partial = malloc(sizeof *partial + head->total_bytes);
	if (partial == NULL)
		return NO_MEMORY;
	*partial = (struct cpg_partial) { .node_id = head->node_id, .pid = head->pid,
	    .safe = (head->flags & CPG_WIRE_PART_SAFE) != 0, .total = head->total_bytes };
	LIST_INSERT_HEAD(&cpg->partial, partial, link);
	return NOTHING_DUE;
}

/* A part.  Those of a message whose beginning we do not have, because it was sent before we joined
 * or because someone joined since, are of no use to anybody.  Nor is a message whose parts are not
 * what its first one said: its sender's daemon should refuse it; all members see the same of it and
 * drop it at the same place. */
static enum outcome
on_part(struct cpg *cpg, cpg_handle_t handle, const uint8_t *data, size_t len)
{
	struct cpg_wire_deliver_part head;
	struct cpg_partial *partial;
	enum outcome outcome;

	if (len < sizeof head)
		return BROKEN;
	memcpy(&head, data, sizeof head);
	data += sizeof head;
	len -= sizeof head;
	if ((head.flags & CPG_WIRE_PART_FIRST) != 0) {
		outcome = partial_begin(cpg, &head);
		if (outcome != NOTHING_DUE)
			return outcome;
	}
	partial = partial_find(cpg, head.node_id, head.pid);
	if (partial == NULL)
		return NOTHING_DUE;
	if (len > partial->total - partial->len) {
		partial_drop(partial);
		return NOTHING_DUE;
	}
	memcpy(partial->data + partial->len, data, len);
	partial->len += len;
	if ((head.flags & CPG_WIRE_PART_LAST) == 0)
		return NOTHING_DUE;
	if (partial->len != partial->total) {
		partial_drop(partial);
		return NOTHING_DUE;
	}
	LIST_REMOVE(partial, link);
	call_deliver(cpg, handle, partial->node_id, partial->pid, partial->data, partial->len);
	free(partial);
	return DONE;
}

/* Our own large message: its sender left it for us. */
static enum outcome
on_own(struct cpg *cpg, cpg_handle_t handle)
{
	struct cpg_own *own;

	(void) pthread_mutex_lock(&cpg->lock);
	own = STAILQ_FIRST(&cpg->own);
	if (own != NULL)
		STAILQ_REMOVE_HEAD(&cpg->own, link);
	(void) pthread_mutex_unlock(&cpg->lock);
	if (own == NULL)
		return BROKEN;
	call_deliver(cpg, handle, cpg->node_id, cpg->pid, own->data, own->len);
	free(own);
	return DONE;
}

static void
partials_update(struct cpg *cpg, const struct cpg_address *left, size_t left_count,
    size_t joined_count)
{
	struct cpg_partial *partial;

	/* Who joined lacks the beginnings: those messages count for nobody; cf. the engine. */
	if (joined_count > 0)
		cpg_partials_drop(cpg);
	for (size_t i = 0; i < left_count; i++) {
		partial = partial_find(cpg, left[i].nodeid, left[i].pid);
		/* The rest of a SAFE one may still come; if it does not, the next join ends it. */
		if (partial != NULL &&
		    !(partial->safe && left[i].reason == CPG_REASON_NODEDOWN))
			partial_drop(partial);
		if (left[i].nodeid == cpg->node_id && left[i].pid == cpg->pid)
			cpg_partials_drop(cpg);
	}
}

static enum outcome
on_confchg(struct cpg *cpg, cpg_handle_t handle, const uint8_t *data, size_t len)
{
	struct cpg_wire_confchg head;
	const struct cpg_address *members, *left, *joined;
	struct cpg_name group;
	size_t count;

	if (len < sizeof head)
		return BROKEN;
	memcpy(&head, data, sizeof head);
	count = (size_t) head.member_count + head.left_count + head.joined_count;
	if (head.name.length > CPG_MAX_NAME_LENGTH ||
	    len - sizeof head != count * sizeof(struct cpg_address))
		return BROKEN;
	members = (const struct cpg_address *) (const void *) (data + sizeof head);
	left = members + head.member_count;
	joined = left + head.left_count;
	memcpy(&group, &head.name, sizeof group);
	cpg->group = group;
	partials_update(cpg, left, head.left_count, head.joined_count);
	if (cpg->model.cpg_confchg_fn != NULL)
		cpg->model.cpg_confchg_fn(handle, &group, members, head.member_count, left,
		    head.left_count, joined, head.joined_count);
	return DONE;
}

static enum outcome
on_totem(const struct cpg *cpg, cpg_handle_t handle, const uint8_t *data, size_t len)
{
	struct cpg_wire_totem head;
	struct cpg_ring_id ring;

	if (len < sizeof head)
		return BROKEN;
	memcpy(&head, data, sizeof head);
	if (len - sizeof head != (size_t) head.member_count * sizeof(uint32_t))
		return BROKEN;
	ring = (struct cpg_ring_id) { .nodeid = head.ring_rep, .seq = head.ring_seq };
	if (cpg->model.cpg_totem_confchg_fn != NULL)
		cpg->model.cpg_totem_confchg_fn(handle, ring, head.member_count,
		    (const uint32_t *) (const void *) (data + sizeof head));
	return DONE;
}

static enum outcome
run(struct cpg *cpg, cpg_handle_t handle, const struct client_record *record)
{
	/* That memory is ours to write to while the record is lent. */
	uint8_t *data = (uint8_t *) (uintptr_t) record->data;

	switch (record->function) {
	case CPG_EVENT_DELIVER:
		return on_deliver(cpg, handle, data, record->len);
	case CPG_EVENT_PART:
		return on_part(cpg, handle, data, record->len);
	case CPG_EVENT_OWN:
		return on_own(cpg, handle);
	case CPG_EVENT_CONFCHG:
		return on_confchg(cpg, handle, data, record->len);
	case CPG_EVENT_TOTEM:
		return on_totem(cpg, handle, data, record->len);
	default:	/* tidy: open set: a number of the daemon's */
		return BROKEN;
	}
}

/* Until one callback was due.  TRY_AGAIN: nothing there, and we were not to wait. */
static cs_error_t
dispatch_one(struct cpg *cpg, cpg_handle_t handle, bool wait)
{
	struct client_record record;
	enum outcome outcome;
	cs_error_t error;

	do {
		error = client_next(cpg->client, wait ? -1 : 0, &record);
		if (error != CS_OK)
			return error;
		/* Another thread finalises: its own leave is nobody's any more. */
		outcome = cpg_is_closed(handle) ? DONE : run(cpg, handle, &record);
		client_done(cpg->client);
	} while (outcome == NOTHING_DUE);
	if (outcome == DONE)
		return CS_OK;
	/* What cannot be delivered must not be passed over: we are no member any more. */
	client_interrupt(cpg->client);
	return outcome == NO_MEMORY ? CS_ERR_NO_MEMORY : CS_ERR_LIBRARY;
}

cs_error_t
cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t dispatch_types)
{
	const bool wait = dispatch_types == CS_DISPATCH_ONE ||
	    dispatch_types == CS_DISPATCH_BLOCKING;
	const bool once = dispatch_types == CS_DISPATCH_ONE ||
	    dispatch_types == CS_DISPATCH_ONE_NONBLOCKING;
	struct cpg *cpg;
	cs_error_t error = cpg_get(handle, &cpg);

	if (error != CS_OK)
		return error;
	if (dispatch_types < CS_DISPATCH_ONE || dispatch_types > CS_DISPATCH_ONE_NONBLOCKING) {
		cpg_put(handle);
		return CS_ERR_INVALID_PARAM;
	}
	do {
		error = dispatch_one(cpg, handle, wait);
	} while (error == CS_OK && !once && !cpg_is_closed(handle));
	if (cpg_is_closed(handle) ||
	    (error == CS_ERR_TRY_AGAIN && dispatch_types == CS_DISPATCH_ALL))
		error = CS_OK;
	cpg_put(handle);
	return error;
}
