/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The cpg engine: clients of three nodes with calls and records of any content, messages of the
 * ring that no engine of ours would send, and ring changes in between.  The engine's invariants are
 * checked after each message.
 */
#include "exec/engines/cpg_message.h"
#include "test/fuzz/input.h"
#include "test/unit/cpg_world.h"

#define NODES		3u
#define OPERATIONS_MAX	64u
#define CONNS_MAX	12u

static void
on_events(struct world *world, struct cs_conn *conn, enum world_moment moment)
{
	(void) world;
	(void) moment;
	world_events_drop(conn);
	conn->answered = false;
}

static void
forge(struct world *world, struct input *in, uint32_t node)
{
	struct cs_host *host = &world->nodes[node];
	uint32_t sender = input_number(in, 1) % (NODES + 1);
	struct cpg_message message;
	size_t len;
	uint8_t *data = input_block(in, input_number(in, 1), &len);

	if (host->ring != UINT32_MAX) {
		world->moment = WORLD_MESSAGE;
		if (cpg_message_decode(data, len, &message) == 0)
			FUZZ_REQUIRE(message.payload_len <= len);
		cs_engine_descriptor.deliver(host->engine, sender + 1,
		    sender < NODES ? world->nodes[sender].incarnation : 1, data, len);
		for (size_t i = 0; i < world->conn_count; i++)
			on_events(world, world->conns[i], WORLD_MESSAGE);
	}
	free(data);
}

static void
client(struct world *world, struct input *in, uint32_t what)
{
	struct cs_conn *conn;
	size_t len;
	uint8_t *data;

	if (world->conn_count == 0)
		return;
	conn = world->conns[input_number(in, 1) % world->conn_count];
	data = input_block(in, input_number(in, 2) % 600, &len);
	if (conn->closed) {
		world_close(world, conn);
	} else if ((what & 8) != 0) {
		(void) world_record(world, conn, what >> 4, data, len, NULL, 0);
	} else if (world->nodes[conn->node].active) {
		world->moment = WORLD_MESSAGE;
		(void) world_call(world, conn, what >> 4, data, len);
	}
	free(data);
}

/* A client that joins by the rules, so that there is something to forge. */
static void
member(struct world *world, struct input *in, uint32_t node)
{
	struct cpg_wire_open flags = { .flags = input_number(in, 1) };
	struct cpg_wire_name name = world_name((input_number(in, 1) & 1) != 0 ? "a" : "b");
	struct cs_conn *conn;

	if (world->conn_count == CONNS_MAX)
		return;
	conn = world_open(world, node, (pid_t) (1 + world->conn_count));
	if (!world->nodes[node].active)
		return;
	world->moment = WORLD_MESSAGE;
	(void) world_call(world, conn, CPG_CALL_OPEN, &flags, sizeof flags);
	(void) world_call(world, conn, CPG_CALL_JOIN, &name, sizeof name);
}

static void
change(struct world *world, struct input *in, uint32_t node)
{
	uint32_t groups = input_number(in, 1), group[WORLD_NODES] = { 0 };

	if ((groups & 0x80) != 0 && world->nodes[node].engine != NULL) {
		world_crash(world, node);
		world_restart(world, node);
	}
	for (uint32_t i = 0; i < NODES; i++)
		group[i] = groups >> (2 * i) & 3;
	world_rings(world, group, (groups & 0x40) != 0);
}

static void
operate(struct world *world, struct input *in)
{
	uint32_t what = input_number(in, 1), node = (what >> 3) % NODES;

	switch (what % 8) {
	case 0:
		world_settle(world);
		break;
	case 1:
		(void) world_send(world, node);
		(void) world_deliver(world, node);
		break;
	case 2:
		member(world, in, node);
		break;
	case 3:
		change(world, in, node);
		break;
	case 4:
		if (world->conn_count > 0)
			world_close(world, world->conns[node % world->conn_count]);
		break;
	case 5:
		forge(world, in, node);
		break;
	default:	/* tidy: open set */
		client(world, in, what);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { .at = data, .left = len };
	struct world *world = world_new(NODES, input_number(&in, 1));
	const uint32_t together[WORLD_NODES] = { 0 };

	world->on_events = on_events;
	world_rings(world, together, false);
	world_settle(world);
	for (size_t i = 0; i < OPERATIONS_MAX && in.left > 0; i++)
		operate(world, &in);
	world_settle(world);
	world = world_free(world);
	return 0;
}
