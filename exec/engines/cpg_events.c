/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the cpg engine tells its clients.  A client that is too slow is being closed by the host;
 * what could not be said to it then no longer matters.  One that cannot be told something for its
 * size must not go on without it, so it is closed, too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exec/engines/cpg_engine.h"

static void
event(struct cpg_engine *engine, struct cpg_client *client, enum cpg_wire_event function,
    const struct iovec *iov, size_t iov_count)
{
	size_t bytes = 0;
	char why[96];

	if (client == NULL || engine->ops->event(engine->host, client->conn, function, iov,
	    iov_count) != -EMSGSIZE)
		return;
	for (size_t i = 0; i < iov_count; i++)
		bytes += iov[i].iov_len;
	(void) snprintf(why, sizeof why, "%s of %zu bytes is more than its ring takes",
	    function == CPG_EVENT_CONFCHG ? "a configuration" : "an event", bytes);
	engine->ops->disconnect(engine->host, client->conn, why);
}

/* An iovec of what is only read. */
static struct iovec
lend(const void *data, size_t len)
{
	return (struct iovec) { .iov_base = (void *) (uintptr_t) data, .iov_len = len };
}

static struct cpg_wire_address *
put_addresses(struct cpg_wire_address *to, const struct cpg_member *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		*to++ = (struct cpg_wire_address) { .node_id = members[i].node_id,
		    .pid = members[i].pid, .reason = members[i].reason };
	return to;
}

static void
tell_change(struct cpg_engine *engine, const struct cpg_change *change)
{
	const struct cpg_group *group = change->group;
	size_t count = group->member_count + change->left_count + change->joined_count;
	struct cpg_wire_confchg head = {
		.name.length = group->name.len,
		.member_count = (uint32_t) group->member_count,
		.left_count = (uint32_t) change->left_count,
		.joined_count = (uint32_t) change->joined_count,
	};
	struct cpg_wire_address *list = calloc(count, sizeof *list), *at = list;
	struct iovec iov[2];

	if (list == NULL)
		cpg_out_of_memory(engine);
	memcpy(head.name.value, group->name.value, group->name.len);
	at = put_addresses(at, group->members, group->member_count);
	at = put_addresses(at, change->left, change->left_count);
	at = put_addresses(at, change->joined, change->joined_count);
	cs_assert(at == list + count);
	iov[0] = lend(&head, sizeof head);
	iov[1] = lend(list, count * sizeof *list);
	for (struct cpg_local *local = group->locals; local != NULL; local = local->group_next)
		event(engine, local->client, CPG_EVENT_CONFCHG, iov, 2);
	free(list);
}

static void
attach(struct cpg_engine *engine, struct cpg_group *group, const struct cpg_member *joined)
{
	struct cpg_local *local = cpg_local_find(engine, joined->id);

	cs_assert(local != NULL && local->group == NULL);
	local->group = group;
	local->group_next = group->locals;
	group->locals = local;
	if (local->state == CPG_JOINING)
		local->state = CPG_MEMBER;
}

static void
detach(struct cpg_engine *engine, struct cpg_group *group, const struct cpg_member *left)
{
	struct cpg_local *local = cpg_local_find(engine, left->id), **link = &group->locals;

	cs_assert(local != NULL && local->group == group);
	while (*link != local)
		link = &(*link)->group_next;
	*link = local->group_next;
	local->group = NULL;
	cpg_local_end(engine, local);
}

void
cpg_event_change(struct cpg_engine *engine, const struct cpg_change *change)
{
	const uint32_t here = engine->ops->node_id(engine->host);
	struct cpg_group *group = change->group;

	for (size_t i = 0; i < change->joined_count; i++)
		if (change->joined[i].node_id == here)
			attach(engine, group, &change->joined[i]);
	for (struct cpg_local *local = group->locals; local != NULL; local = local->group_next)
		if (change->joined_count > 0 && local->large_open)
			local->large_void = true;
	if (group->locals != NULL)
		tell_change(engine, change);
	for (size_t i = 0; i < change->joined_count; i++) {
		struct cpg_local *local = change->joined[i].node_id == here ?
		    cpg_local_find(engine, change->joined[i].id) : NULL;

		if (local != NULL && local->client != NULL &&
		    (local->client->flags & CPG_WIRE_WANT_INITIAL) != 0)
			cpg_event_totem(engine, local->client);
	}
	for (size_t i = 0; i < change->left_count; i++)
		if (change->left[i].node_id == here)
			detach(engine, group, &change->left[i]);
}

void
cpg_event_totem(struct cpg_engine *engine, struct cpg_client *client)
{
	const struct cs_ring_id *ring = cpg_state_ring(engine->state);
	uint32_t ids[CS_ENGINE_MEMBERS_MAX];
	struct cpg_wire_totem head;
	struct iovec iov[2];
	size_t count;
	const struct cs_member *nodes = cpg_state_nodes(engine->state, &count);

	for (size_t i = 0; i < count; i++)
		ids[i] = nodes[i].node_id;
	head = (struct cpg_wire_totem) { .ring_seq = ring->seq, .ring_rep = ring->rep,
	    .member_count = (uint32_t) count };
	iov[0] = lend(&head, sizeof head);
	iov[1] = lend(ids, count * sizeof ids[0]);
	event(engine, client, CPG_EVENT_TOTEM, iov, 2);
}

/* Our own large message: the library has it, and its sender waits to hear how it went. */
static void
own_part(struct cpg_engine *engine, struct cpg_local *local, const struct cpg_message *message)
{
	bool good;

	if ((message->flags & CPG_WIRE_PART_FIRST) != 0) {
		local->large_open = true;
		local->large_void = false;
	}
	if ((message->flags & CPG_WIRE_PART_LAST) == 0)
		return;
	good = local->large_open && !local->large_void;
	local->large_open = local->large_void = false;
	if (!good)
		engine->counters.large_void++;
	if (local->client == NULL || !local->client->large_waits)
		return;
	local->client->large_waits = false;
	if (good)
		event(engine, local->client, CPG_EVENT_OWN, NULL, 0);
	cpg_reply(engine, local->client, good ? CS_OK : CS_ERR_TRY_AGAIN);
}

void
cpg_event_deliver(struct cpg_engine *engine, const struct cpg_group *group,
    uint32_t node_id, uint32_t pid, const struct cpg_message *message)
{
	const bool own = node_id == engine->ops->node_id(engine->host);
	struct cpg_wire_deliver head = { .node_id = node_id, .pid = pid };
	struct cpg_wire_deliver_part part = { .node_id = node_id, .pid = pid,
	    .flags = message->flags | (message->safe ? CPG_WIRE_PART_SAFE : 0),
	    .total_bytes = message->total_bytes };
	enum cpg_wire_event function;
	struct iovec iov[2];

	if (message->type == CPG_MESSAGE_PART) {
		function = CPG_EVENT_PART;
		iov[0] = lend(&part, sizeof part);
	} else {
		function = CPG_EVENT_DELIVER;
		iov[0] = lend(&head, sizeof head);
	}
	iov[1] = lend(message->payload, message->payload_len);
	for (struct cpg_local *local = group->locals; local != NULL; local = local->group_next) {
		if (function == CPG_EVENT_PART && own && local->id == message->id)
			own_part(engine, local, message);
		else
			event(engine, local->client, function, iov, 2);
	}
}
