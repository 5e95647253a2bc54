/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The ring's side of the cpg engine, and its descriptor.
 */
#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

#include "exec/base/text.h"
#include "exec/engines/cpg_engine.h"

static void
sink_change(struct cpg_sink *sink, const struct cpg_change *change)
{
	/* The sink is the engine's first member. */
	cpg_event_change((struct cpg_engine *) (void *) sink, change);
}

_Noreturn void
cpg_out_of_memory(const struct cpg_engine *engine)
{
	engine->ops->fail(engine->host, "no memory for what the ring's order brought");
}

static void __attribute__((noreturn))
sink_no_memory(struct cpg_sink *sink)
{
	cpg_out_of_memory((const struct cpg_engine *) (const void *) sink);
}

static int
cpg_init(struct cs_host *host, void **ret_instance)
{
	struct cpg_engine *engine = calloc(1, sizeof *engine);

	if (engine == NULL)
		return -ENOMEM;
	engine->host = host;
	engine->ops = cs_host_ops(host);
	engine->sink.change = sink_change;
	engine->sink.no_memory = sink_no_memory;
	engine->state = cpg_state_new(engine->ops->node_id(host), &engine->sink);
	if (engine->state == NULL) {
		free(engine);
		return -ENOMEM;
	}
	*ret_instance = engine;
	return 0;
}

static void
cpg_exit(void *instance)
{
	struct cpg_engine *engine = instance;

	for (struct cpg_local *local = engine->locals, *next; local != NULL; local = next) {
		next = local->next;
		free(local);
	}
	for (struct cpg_client *client = engine->clients, *next; client != NULL; client = next) {
		next = client->next;
		free(client);
	}
	engine->state = cpg_state_free(engine->state);
	free(engine);
}

/* --- ordered messages ---------------------------------------------------------------------- */

/* What is said in our own name must be of a process of ours: a peer that forges it must not make us
 * look for one that is not there. */
static bool
is_of_ours(struct cpg_engine *engine, uint32_t node_id, uint32_t id, uint32_t pid,
    const struct cpg_group_name *name)
{
	const struct cpg_local *local;

	if (node_id != engine->ops->node_id(engine->host))
		return true;
	local = cpg_local_find(engine, id);
	if (local != NULL && local->pid == pid && cpg_name_compare(&local->name, name) == 0)
		return true;
	engine->counters.refused++;
	engine->ops->log(engine->host, LOG_ERR, "A message in our name tells of process %u, whom "
	    "we do not know: ignored", pid);
	return false;
}

static void
deliver_join(struct cpg_engine *engine, uint32_t node_id, const struct cpg_message *message)
{
	struct cpg_local *local;
	int r;

	if (!is_of_ours(engine, node_id, message->id, message->pid, &message->name))
		return;
	r = cpg_state_join(engine->state, node_id, message->id, message->pid, &message->name);
	if (r == 0)
		return;
	if (r == -ENODEV) {	/* of a departed node, to a group without members here */
		engine->counters.orphan++;
		return;
	}
	engine->counters.refused++;
	engine->ops->log(engine->host, LOG_ERR, "Join of process %u of node %u refused: %s",
	    message->pid, node_id, strerror(-r));
	if (node_id != engine->ops->node_id(engine->host))
		return;
	local = cpg_local_find(engine, message->id);
	if (local == NULL || local->group != NULL)
		return;
	if (local->client != NULL)
		engine->ops->disconnect(engine->host, local->client->conn, "its join was refused");
	cpg_local_end(engine, local);
}

static void
deliver_joinlist(struct cpg_engine *engine, uint32_t node_id, const struct cpg_message *message)
{
	struct buf_reader in = buf_reader(message->payload, message->payload_len);
	struct cpg_group_name name;
	struct cpg_member member;

	while (cpg_joinlist_next(&in, &member, &name)) {
		int r;

		if (!is_of_ours(engine, node_id, member.id, member.pid, &name))
			continue;
		r = cpg_state_joinlist(engine->state, &message->ring, node_id, &member, &name);

		if (r == -ESTALE)	/* of a round that is over */
			return;
		if (r < 0) {
			engine->counters.refused++;
			engine->ops->log(engine->host, LOG_ERR,
			    "What node %u says of its process %u is not what we know: %s", node_id,
			    member.pid, strerror(-r));
		}
	}
}

static void
deliver_to_group(struct cpg_engine *engine, uint32_t node_id, const struct cpg_message *message)
{
	const struct cpg_group *group;
	uint32_t pid;

	group = cpg_state_find(engine->state, node_id, message->id, &pid);
	if (group == NULL && message->safe) {
		group = cpg_state_departed(engine->state, node_id, message->id, &pid);
		engine->counters.last_words += group != NULL;
	}
	if (group == NULL) {
		engine->counters.orphan++;
		return;
	}
	cpg_event_deliver(engine, group, node_id, pid, message);
}

static void
cpg_deliver(void *instance, uint32_t node_id, uint64_t incarnation, const void *data, size_t len)
{
	struct cpg_engine *engine = instance;
	struct cpg_message message;

	(void) incarnation;	/* a node that came back was gone in a configuration between */
	if (cpg_message_decode(data, len, &message) < 0) {
		engine->counters.malformed++;
		engine->ops->log(engine->host, LOG_WARNING,
		    "Malformed message of %zu bytes from node %u ignored", len, node_id);
		return;
	}
	switch (message.type) {
	case CPG_MESSAGE_JOIN:
		deliver_join(engine, node_id, &message);
		break;
	case CPG_MESSAGE_DEPART:
		if (cpg_state_depart(engine->state, node_id, message.id, message.reason) < 0)
			engine->counters.orphan++;
		break;
	case CPG_MESSAGE_MCAST:
	case CPG_MESSAGE_PART:
		deliver_to_group(engine, node_id, &message);
		break;
	case CPG_MESSAGE_JOINLIST:
		deliver_joinlist(engine, node_id, &message);
		break;
	}
	cpg_departures_flush(engine);
}

/* --- configurations and synchronisation ---------------------------------------------------- */

static void
cpg_confchg(void *instance, const struct cs_configuration *configuration)
{
	struct cpg_engine *engine = instance;

	if (configuration->kind == CS_CONFIG_TRANSITIONAL)
		cpg_state_transitional(engine->state, configuration->members,
		    configuration->member_count);
	else
		cpg_state_regular(engine->state, &configuration->ring, configuration->members,
		    configuration->member_count);
}

static void
cpg_sync_init(void *instance, const struct cs_configuration *transitional,
    const struct cs_configuration *regular)
{
	struct cpg_engine *engine = instance;

	(void) transitional;
	(void) regular;
	engine->joinlist_index = 0;
}

static int
cpg_sync_process(void *instance)
{
	struct cpg_engine *engine = instance;
	struct cpg_group_name name;
	struct cpg_member member;
	uint8_t data[CPG_JOINLIST_BYTES_MAX];
	struct iovec iov = { .iov_base = data };
	size_t index;
	int r;

	while (cpg_state_own(engine->state, engine->joinlist_index, &member, &name)) {
		index = engine->joinlist_index;
		iov.iov_len = cpg_joinlist_encode(engine->state, &index, data, sizeof data);
		r = engine->ops->multicast(engine->host, CS_AGREED, &iov, 1);
		if (r < 0)
			return r;
		engine->joinlist_index = index;
	}
	return 0;
}

static void
cpg_sync_activate(void *instance)
{
	struct cpg_engine *engine = instance;

	cpg_state_activate(engine->state);
	for (struct cpg_client *client = engine->clients; client != NULL; client = client->next)
		if ((client->flags & CPG_WIRE_WANT_TOTEM) != 0)
			cpg_event_totem(engine, client);
	engine->ops->log(engine->host, LOG_DEBUG, "%zu processes in %zu groups",
	    cpg_state_process_count(engine->state), cpg_state_group_count(engine->state));
}

static void
cpg_sync_abort(void *instance)
{
	struct cpg_engine *engine = instance;

	cpg_state_abort(engine->state);
}

static void
cpg_room(void *instance)
{
	cpg_departures_flush(instance);
}

static void
cpg_dump(void *instance)
{
	struct cpg_engine *engine = instance;
	const struct cpg_counters *c = &engine->counters;
	struct cpg_group_name name;
	struct cpg_member last = { .node_id = UINT32_MAX, .pid = UINT32_MAX };
	struct cpg_group *group;
	char text[TEXT_ESCAPED_MAX(sizeof name.value)];
	size_t index;

	engine->ops->log(engine->host, LOG_INFO,
	    "malformed %ju orphan %ju last words %ju refused %ju large messages void %ju",
	    (uintmax_t) c->malformed, (uintmax_t) c->orphan, (uintmax_t) c->last_words,
	    (uintmax_t) c->refused, (uintmax_t) c->large_void);
	for (bool more = cpg_state_after(engine->state, NULL, &last, &group, &index); more;
	    more = cpg_state_after(engine->state, &name, &last, &group, &index)) {
		name = group->name;
		engine->ops->log(engine->host, LOG_INFO, "group %s: %zu members",
		    text_escape(TEXT_NAME, name.value, name.len, text, sizeof text),
		    group->member_count);
	}
}

extern const struct cs_engine cs_engine_descriptor;

__attribute__((visibility("default"))) const struct cs_engine cs_engine_descriptor = {
	.abi = CS_ENGINE_ABI,
	.service_id = 2,
	.version = 1,
	.name = "cpg",
	.description = "corosync cluster closed process group service v1.01",
	.subsystem = "CPG",
	.init = cpg_init,
	.exit = cpg_exit,
	.conn_open = cpg_conn_open,
	.conn_close = cpg_conn_close,
	.request = cpg_request,
	.conn_data = cpg_conn_data,
	.deliver = cpg_deliver,
	.confchg = cpg_confchg,
	.sync_init = cpg_sync_init,
	.sync_process = cpg_sync_process,
	.sync_activate = cpg_sync_activate,
	.sync_abort = cpg_sync_abort,
	.dump = cpg_dump,
	.room = cpg_room,
};
