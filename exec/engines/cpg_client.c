/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The clients' side of the cpg engine: connections, synchronous calls, records of the data ring.
 * Everything a client wrote is checked here; nothing of it is trusted.
 */
#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

#include "exec/engines/cpg_engine.h"

static struct cpg_client *
client_of(struct cpg_engine *engine, struct cs_conn *conn)
{
	return engine->ops->conn_private(conn);
}

void
cpg_reply(struct cpg_engine *engine, struct cpg_client *client, cs_error_t error)
{
	struct cpg_wire_reply reply = { .error = (uint32_t) error };

	engine->ops->reply(engine->host, client->conn, &reply, sizeof reply);
}

int
cpg_send(struct cpg_engine *engine, const struct cpg_message *message, const void *payload,
    size_t payload_len)
{
	uint8_t head[CPG_MESSAGE_HEAD_BYTES_MAX];
	struct iovec iov[2];

	/* Until activation the ring's queue for us is that of synchronisation. */
	if (!engine->ops->is_active(engine->host) || !cpg_state_stable(engine->state))
		return -EAGAIN;
	iov[0].iov_base = head;
	iov[0].iov_len = cpg_message_encode(message, head, sizeof head);
	iov[1].iov_base = (void *) (uintptr_t) payload;
	iov[1].iov_len = payload_len;
	return engine->ops->multicast(engine->host, message->safe ? CS_SAFE : CS_AGREED, iov,
	    payload_len > 0 ? 2 : 1);
}

/* --- local processes ----------------------------------------------------------------------- */

struct cpg_local *
cpg_local_find(const struct cpg_engine *engine, uint32_t id)
{
	struct cpg_local *local = engine->locals;

	while (local != NULL && local->id != id)
		local = local->next;
	return local;
}

static struct cpg_local *
local_find_named(const struct cpg_engine *engine, uint32_t pid,
    const struct cpg_group_name *name)
{
	struct cpg_local *local = engine->locals;

	while (local != NULL && (local->pid != pid || cpg_name_compare(&local->name, name) != 0))
		local = local->next;
	return local;
}

static void
local_free(struct cpg_engine *engine, struct cpg_local *local)
{
	struct cpg_local **link = &engine->locals;

	cs_assert(local->group == NULL);
	while (*link != local)
		link = &(*link)->next;
	*link = local->next;
	cs_assert(engine->local_count > 0);
	engine->local_count--;
	if (local->depart_unsent)
		engine->unsent_count--;
	free(local);
}

/* It leaves; or its connection is closed and it will, when what it sent before was taken. */
static bool
is_going(const struct cpg_engine *engine, const struct cpg_local *local)
{
	return local->state == CPG_LEAVING || (local->client != NULL &&
	    engine->ops->conn_is_closing(local->client->conn));
}

/* A new process and its JOIN on the way. */
static cs_error_t
local_join(struct cpg_engine *engine, struct cpg_client *client,
    const struct cpg_group_name *name)
{
	const struct cpg_local *other = local_find_named(engine, client->pid, name);
	struct cpg_message message = { .type = CPG_MESSAGE_JOIN, .pid = client->pid,
	    .name = *name };
	struct cpg_local *local;

	if (other != NULL)
		return is_going(engine, other) ? CS_ERR_TRY_AGAIN : CS_ERR_EXIST;
	if (engine->local_count >= CPG_PROCESSES_MAX)
		return CS_ERR_NO_RESOURCES;
	local = calloc(1, sizeof *local);
	if (local == NULL)
		return CS_ERR_NO_MEMORY;
	do {
		local->id = ++engine->last_id;
	} while (local->id == 0 || cpg_local_find(engine, local->id) != NULL);
	message.id = local->id;
	if (cpg_send(engine, &message, NULL, 0) < 0) {
		free(local);
		return CS_ERR_TRY_AGAIN;
	}
	local->pid = client->pid;
	local->name = *name;
	local->state = CPG_JOINING;
	local->client = client;
	local->next = engine->locals;
	engine->locals = local;
	engine->local_count++;
	client->local = local;
	return CS_OK;
}

static int
depart_send(struct cpg_engine *engine, const struct cpg_local *local, uint32_t reason)
{
	struct cpg_message message = { .type = CPG_MESSAGE_DEPART, .id = local->id,
	    .reason = reason };

	return cpg_send(engine, &message, NULL, 0);
}

/* It leaves, now or as soon as the ring takes it: there is nobody who would ask again. */
static void
local_depart(struct cpg_engine *engine, struct cpg_local *local, uint32_t reason)
{
	if (local->state == CPG_LEAVING)
		return;
	local->state = CPG_LEAVING;
	if (depart_send(engine, local, reason) == 0)
		return;
	local->depart_unsent = true;
	local->depart_reason = reason;
	engine->unsent_count++;
}

void
cpg_departures_flush(struct cpg_engine *engine)
{
	if (engine->unsent_count == 0)
		return;
	for (struct cpg_local *local = engine->locals; local != NULL; local = local->next) {
		if (!local->depart_unsent)
			continue;
		if (depart_send(engine, local, local->depart_reason) < 0)
			return;
		local->depart_unsent = false;
		engine->unsent_count--;
	}
}

void
cpg_local_end(struct cpg_engine *engine, struct cpg_local *local)
{
	struct cpg_client *client = local->client;

	local_free(engine, local);
	if (client == NULL)
		return;
	client->local = NULL;
	if (client->large_waits) {
		client->large_waits = false;
		cpg_reply(engine, client, CS_ERR_NOT_EXIST);
	}
	if (client->join_waits) {
		client->join_waits = false;
		cpg_reply(engine, client, local_join(engine, client, &client->join_name));
	}
}

/* --- connections --------------------------------------------------------------------------- */

int
cpg_conn_open(void *instance, struct cs_conn *conn)
{
	struct cpg_engine *engine = instance;
	struct cpg_client *client = calloc(1, sizeof *client);

	if (client == NULL)
		return -ENOMEM;
	client->conn = conn;
	client->pid = (uint32_t) engine->ops->conn_pid(conn);
	client->next = engine->clients;
	engine->clients = client;
	engine->ops->conn_private_set(conn, client);
	cpg_departures_flush(engine);
	return 0;
}

void
cpg_conn_close(void *instance, struct cs_conn *conn)
{
	struct cpg_engine *engine = instance;
	struct cpg_client *client = client_of(engine, conn), **link = &engine->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	if (client->local != NULL) {
		client->local->client = NULL;
		local_depart(engine, client->local, CPG_REASON_PROCDOWN);
	}
	engine->ops->conn_private_set(conn, NULL);
	free(client);
	cpg_departures_flush(engine);
}

/* --- synchronous calls --------------------------------------------------------------------- */

static bool
name_get(const struct cpg_wire_name *wire, struct cpg_group_name *ret_name)
{
	if (wire->length > CPG_NAME_BYTES_MAX)
		return false;
	ret_name->len = (uint8_t) wire->length;
	memcpy(ret_name->value, wire->value, wire->length);
	return true;
}

static void
name_put(const struct cpg_group_name *name, struct cpg_wire_name *ret_wire)
{
	*ret_wire = (struct cpg_wire_name) { .length = name->len };
	memcpy(ret_wire->value, name->value, name->len);
}

static void
call_open(struct cpg_engine *engine, struct cpg_client *client, const struct cpg_wire_open *open)
{
	struct cpg_wire_opened opened = {
		.reply.error = CS_OK,
		.node_id = engine->ops->node_id(engine->host),
		.pid = client->pid,
	};

	client->flags = open->flags;
	engine->ops->reply(engine->host, client->conn, &opened, sizeof opened);
}

static void
call_join(struct cpg_engine *engine, struct cpg_client *client, const struct cpg_wire_name *wire)
{
	struct cpg_group_name name;
	cs_error_t error;

	if (!name_get(wire, &name)) {
		error = CS_ERR_NAME_TOO_LONG;
	} else if (client->local == NULL) {
		error = local_join(engine, client, &name);
	} else if (client->local->state == CPG_LEAVING && !client->join_waits) {
		client->join_waits = true;	/* answered by cpg_local_end() */
		client->join_name = name;
		return;
	} else {
		error = CS_ERR_EXIST;
	}
	cpg_reply(engine, client, error);
}

static void
call_leave(struct cpg_engine *engine, struct cpg_client *client, const struct cpg_wire_name *wire)
{
	struct cpg_local *local = client->local;
	struct cpg_group_name name;
	cs_error_t error;

	if (!name_get(wire, &name)) {
		error = CS_ERR_NAME_TOO_LONG;
	} else if (local == NULL || local->state == CPG_LEAVING ||
	    cpg_name_compare(&local->name, &name) != 0) {
		error = CS_ERR_NOT_EXIST;
	} else if (depart_send(engine, local, CPG_REASON_LEAVE) < 0) {
		error = CS_ERR_TRY_AGAIN;
	} else {
		local->state = CPG_LEAVING;
		error = CS_OK;
	}
	cpg_reply(engine, client, error);
}

static void
call_membership(struct cpg_engine *engine, struct cpg_client *client,
    const struct cpg_wire_name *wire)
{
	struct cpg_wire_members reply = { .reply.error = CS_OK };
	const struct cpg_group *group = NULL;
	struct cpg_group_name name;

	if (name_get(wire, &name))
		group = cpg_state_group(engine->state, &name);
	else
		reply.reply.error = CS_ERR_NAME_TOO_LONG;
	for (size_t i = 0; group != NULL && i < group->member_count &&
	    i < CPG_WIRE_MEMBERS_MAX; i++) {
		reply.member[i].node_id = group->members[i].node_id;
		reply.member[i].pid = group->members[i].pid;
		reply.count++;
	}
	engine->ops->reply(engine->host, client->conn, &reply, sizeof reply);
}

/* One page.  The place is the last entry's key, not a number, so what changes meanwhile cannot
 * make an entry that stays be missed or named twice. */
static void
call_iterate(struct cpg_engine *engine, struct cpg_client *client,
    const struct cpg_wire_iterate *iterate)
{
	struct cpg_wire_page page = { .reply.error = CS_OK };
	struct cpg_group_name one, name;
	struct cpg_member after = { 0 };
	struct cpg_group *group;
	bool from_start;
	size_t index;

	if (!name_get(&iterate->name, &one) || !name_get(&iterate->after.name, &name)) {
		page.reply.error = CS_ERR_NAME_TOO_LONG;
	} else {
		from_start = iterate->resume == 0 && iterate->type != CPG_ITERATION_ONE_GROUP;
		if (iterate->resume != 0) {
			after.node_id = iterate->after.node_id;
			after.pid = iterate->after.pid;
			if (iterate->type == CPG_ITERATION_NAME_ONLY)
				after.node_id = after.pid = UINT32_MAX;
		} else {
			name = one;
		}
		while (cpg_state_after(engine->state, from_start ? NULL : &name, &after, &group,
		    &index)) {
			struct cpg_wire_entry *entry = &page.entry[page.count];

			if (iterate->type == CPG_ITERATION_ONE_GROUP &&
			    cpg_name_compare(&group->name, &one) != 0)
				break;
			if (page.count == CPG_WIRE_PAGE_ENTRIES) {
				page.more = 1;
				break;
			}
			page.count++;
			from_start = false;
			name = group->name;
			name_put(&name, &entry->name);
			if (iterate->type == CPG_ITERATION_NAME_ONLY) {
				after.node_id = after.pid = UINT32_MAX;
				continue;
			}
			after = group->members[index];
			entry->node_id = after.node_id;
			entry->pid = after.pid;
		}
	}
	engine->ops->reply(engine->host, client->conn, &page, sizeof page);
}

static void
call_large_end(struct cpg_engine *engine, struct cpg_client *client,
    const struct cpg_wire_mcast *mcast)
{
	struct cpg_message message = { .type = CPG_MESSAGE_PART, .flags = CPG_WIRE_PART_LAST,
	    .safe = mcast->guarantee == CPG_TYPE_SAFE };
	struct cpg_local *local = client->local;

	if (local == NULL || local->state == CPG_LEAVING) {
		cpg_reply(engine, client, CS_ERR_NOT_EXIST);
		return;
	}
	if (client->large_taken != client->large_total) {
		cpg_reply(engine, client, CS_ERR_INVALID_PARAM);
		return;
	}
	message.id = local->id;
	/* BUSY is for the library alone: the parts are on their way, ask for the end again. */
	if (client->large_waits || cpg_send(engine, &message, NULL, 0) < 0) {
		cpg_reply(engine, client, CS_ERR_BUSY);
		return;
	}
	client->large_waits = true;	/* answered when it is ordered */
	client->large_total = client->large_taken = 0;
}

/* The request's struct, or NULL when it is not of that size.  The copy gives it alignment. */
static bool
request_get(const struct cs_request *request, void *to, size_t size)
{
	if (request->len != size)
		return false;
	memcpy(to, request->data, size);
	return true;
}

static void
call_finalize(struct cpg_engine *engine, struct cpg_client *client)
{
	if (client->local != NULL)
		local_depart(engine, client->local, CPG_REASON_LEAVE);
	cpg_reply(engine, client, CS_OK);
}

void
cpg_request(void *instance, struct cs_conn *conn, const struct cs_request *request)
{
	struct cpg_engine *engine = instance;
	struct cpg_client *client = client_of(engine, conn);
	union {
		struct cpg_wire_open open;
		struct cpg_wire_name name;
		struct cpg_wire_iterate iterate;
		struct cpg_wire_mcast mcast;
	} in;

	cpg_departures_flush(engine);
	if (request->function == CPG_CALL_OPEN && request_get(request, &in, sizeof in.open)) {
		call_open(engine, client, &in.open);
	} else if (request->function == CPG_CALL_JOIN &&
	    request_get(request, &in, sizeof in.name)) {
		call_join(engine, client, &in.name);
	} else if (request->function == CPG_CALL_LEAVE &&
	    request_get(request, &in, sizeof in.name)) {
		call_leave(engine, client, &in.name);
	} else if (request->function == CPG_CALL_FINALIZE && request->len == 0) {
		call_finalize(engine, client);
	} else if (request->function == CPG_CALL_MEMBERSHIP &&
	    request_get(request, &in, sizeof in.name)) {
		call_membership(engine, client, &in.name);
	} else if (request->function == CPG_CALL_ITERATE &&
	    request_get(request, &in, sizeof in.iterate)) {
		call_iterate(engine, client, &in.iterate);
	} else if (request->function == CPG_CALL_LARGE_END &&
	    request_get(request, &in, sizeof in.mcast)) {
		call_large_end(engine, client, &in.mcast);
	} else {
		cpg_reply(engine, client, CS_ERR_INVALID_PARAM);
		engine->ops->disconnect(engine->host, conn, "malformed cpg request");
	}
}

/* --- the data ring ------------------------------------------------------------------------- */

/* The others make room for the total that the first part says: all of them must come to just that.
 * They count also while their sender is in no group: it may leave and join between two. */
static bool
part_fits(const struct cpg_client *client, const struct cpg_message *message)
{
	if ((message->flags & CPG_WIRE_PART_FIRST) != 0)
		return message->payload_len <= message->total_bytes;
	return message->total_bytes == client->large_total &&
	    message->payload_len <= client->large_total - client->large_taken;
}

static void
part_count(struct cpg_client *client, const struct cpg_message *message)
{
	if (message->type != CPG_MESSAGE_PART)
		return;
	if ((message->flags & CPG_WIRE_PART_FIRST) != 0) {
		client->large_total = message->total_bytes;
		client->large_taken = 0;
	}
	client->large_taken += (uint32_t) message->payload_len;
	cs_assert(client->large_taken <= client->large_total);
}

static int
record_part(const struct cpg_client *client, const struct cs_request *record,
    struct cpg_message *message, uint32_t *ret_guarantee)
{
	struct cpg_wire_part part;

	if (record->len < sizeof part)
		return -EBADMSG;
	memcpy(&part, record->data, sizeof part);
	message->payload = (const uint8_t *) record->data + sizeof part;
	message->payload_len = record->len - sizeof part;
	if ((part.flags & ~CPG_WIRE_PART_FIRST) != 0 ||
	    part.total_bytes > CPG_WIRE_LARGE_BYTES_MAX ||
	    message->payload_len > CPG_WIRE_PART_BYTES_MAX)
		return -EBADMSG;
	message->type = CPG_MESSAGE_PART;
	message->flags = part.flags;
	message->total_bytes = part.total_bytes;
	if (!part_fits(client, message))
		return -EBADMSG;
	*ret_guarantee = part.guarantee;
	return 0;
}

static int
record_mcast(const struct cs_request *record, struct cpg_message *message,
    uint32_t *ret_guarantee)
{
	struct cpg_wire_mcast mcast;

	if (record->len < sizeof mcast || record->len - sizeof mcast > CPG_WIRE_MESSAGE_BYTES_MAX)
		return -EBADMSG;
	memcpy(&mcast, record->data, sizeof mcast);
	message->type = CPG_MESSAGE_MCAST;
	message->payload = (const uint8_t *) record->data + sizeof mcast;
	message->payload_len = record->len - sizeof mcast;
	*ret_guarantee = mcast.guarantee;
	return 0;
}

int
cpg_conn_data(void *instance, struct cs_conn *conn, const struct cs_request *record)
{
	struct cpg_engine *engine = instance;
	struct cpg_client *client = client_of(engine, conn);
	struct cpg_message message = { 0 };
	uint32_t guarantee;
	int r;

	cpg_departures_flush(engine);
	if (record->function == CPG_RECORD_MCAST)
		r = record_mcast(record, &message, &guarantee);
	else if (record->function == CPG_RECORD_PART)
		r = record_part(client, record, &message, &guarantee);
	else
		return -EBADMSG;
	if (r < 0 || guarantee > CPG_TYPE_SAFE)
		return -EBADMSG;
	/* Another thread may have left between the library's look and its send. */
	if (client->local != NULL && client->local->state != CPG_LEAVING) {
		message.id = client->local->id;
		message.safe = guarantee == CPG_TYPE_SAFE;
		r = cpg_send(engine, &message, message.payload, message.payload_len);
	}
	if (r == 0)	/* else it comes again */
		part_count(client, &message);
	return r;
}
