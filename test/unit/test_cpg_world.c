/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Property test of the cpg engine: random clients on random nodes join, leave, die, send (also in
 * parts), while nodes crash, come back and are divided and joined again.  The clients check what
 * they are told as it comes (C2 to C5, C8), and at the end it is compared between those that
 * stayed together (C1), with what was sent (C7), and with who is there (C6, C11).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/cpg_model.h"

#define GROUPS		3u
#define PIDS		6u	/* few, so that the same process comes again */

/* --- what clients do ----------------------------------------------------------------------- */

static const char *const group_names[GROUPS] = { "a", "bb", "group-c" };

/* Another client is, as far as our node knows, this process in that group. */
static bool
is_taken(struct model *model, const struct client *c, uint32_t group)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *o = &model->clients[i];

		if (o != c && o->conn != NULL && o->conn->node == c->conn->node &&
		    o->conn->pid == c->conn->pid && o->state != OUT && o->group == group)
			return true;
	}
	return false;
}

static void
do_join(struct model *model, struct client *c)
{
	uint32_t group = world_pick(model->world, GROUPS);
	struct cpg_wire_name name = world_name(group_names[group]);
	bool was_out = c->state == OUT, taken = is_taken(model, c, group);
	cs_error_t error;

	if (c->join_waits || c->large_total > 0)
		return;
	error = world_call(model->world, c->conn, CPG_CALL_JOIN, &name, sizeof name);
	if (error == 0) {
		ck_assert(c->state == LEAVING);
		c->join_waits = true;
		c->next_group = group;
	} else if (error == CS_OK) {
		ck_assert(was_out && !taken);
		c->state = JOINING;
		c->group = group;
		c->sent = c->own_seen = 0;
	} else if (error == CS_ERR_EXIST) {
		ck_assert(!was_out || taken);
	} else {
		ck_assert_int_eq(error, CS_ERR_TRY_AGAIN);
		ck_assert(was_out);
	}
}

static void
do_leave(struct model *model, struct client *c)
{
	struct cpg_wire_name name = world_name(group_names[c->group]);
	cs_error_t error;

	if (c->large_total > 0 || c->join_waits || model_dies(c->conn->pid))
		return;
	error = world_call(model->world, c->conn, CPG_CALL_LEAVE, &name, sizeof name);
	if (c->state == OUT || c->state == LEAVING) {
		ck_assert_int_eq(error, CS_ERR_NOT_EXIST);
	} else if (error == CS_OK) {
		c->state = LEAVING;
	} else {
		ck_assert_int_eq(error, CS_ERR_TRY_AGAIN);
	}
}

static uint32_t
any_guarantee(struct model *model)
{
	return world_pick(model->world, 2) == 0 ? CPG_TYPE_SAFE : CPG_TYPE_AGREED;
}

static void
do_send(struct model *model, struct client *c)
{
	struct cpg_wire_mcast mcast = { .guarantee = any_guarantee(model) };
	uint8_t data[sizeof(struct payload) + 64];
	struct payload payload = { .group = c->group, .pid = (uint32_t) c->conn->pid,
	    .seq = c->sent + 1,
	    .len = world_pick(model->world, 64), .safe = mcast.guarantee == CPG_TYPE_SAFE };
	int r;

	if (c->large_total > 0 || (c->state != JOINING && c->state != IN))
		return;
	memcpy(data, &payload, sizeof payload);
	for (size_t i = 0; i < payload.len; i++)
		data[sizeof payload + i] = (uint8_t) (payload.seq * 7 + i);
	r = world_record(model->world, c->conn, CPG_RECORD_MCAST, &mcast, sizeof mcast, data,
	    sizeof payload + payload.len);
	if (r == 0)
		c->sent++;
	else
		ck_assert_int_eq(r, -EAGAIN);
}

static void
do_large(struct model *model, struct client *c)
{
	struct cpg_wire_mcast mcast = { 0 };
	struct cpg_wire_part part = { 0 };
	uint32_t data[100] = { c->sent + 1 }, len;
	cs_error_t error;

	if (c->large_total == 0) {
		if (c->state != IN)
			return;
		c->large_total = 400 + world_pick(model->world, 1200);
		c->large_sent = 0;
		c->large_guarantee = any_guarantee(model);
	}
	if (c->large_waits)
		return;
	mcast.guarantee = part.guarantee = c->large_guarantee;
	if (c->large_sent < c->large_total) {
		part.flags = c->large_sent == 0 ? CPG_WIRE_PART_FIRST : 0;
		part.total_bytes = c->large_total;
		len = c->large_total - c->large_sent < sizeof data ?
		    c->large_total - c->large_sent : (uint32_t) sizeof data;
		if (world_record(model->world, c->conn, CPG_RECORD_PART, &part, sizeof part, data,
		    len) == 0)
			c->large_sent += len;
		return;
	}
	error = world_call(model->world, c->conn, CPG_CALL_LARGE_END, &mcast, sizeof mcast);
	ck_assert(error == 0 || error == CS_ERR_BUSY);
	c->large_waits = error == 0;
}

static void
do_close(struct model *model, struct client *c)
{
	struct cs_conn *conn = c->conn;

	if (!model_dies(conn->pid)) {
		if (c->large_waits || c->join_waits)
			return;		/* the thread is in that call */
		ck_assert_int_eq(world_call(model->world, conn, CPG_CALL_FINALIZE, NULL, 0),
		    CS_OK);
	}
	*c = (struct client) { .conn = NULL };
	world_close(model->world, conn);
}

static void
do_open(struct model *model, struct client *c)
{
	uint32_t node = world_pick(model->world, model->world->node_count);

	if (model->world->nodes[node].engine == NULL)
		return;
	*c = (struct client) { .transitional_ring = NO_RING, .activation_ring = NO_RING };
	c->conn = world_open(model->world, node, (pid_t) (100 + world_pick(model->world, PIDS)));
}

static void
client_act(struct model *model)
{
	struct client *c = &model->clients[world_pick(model->world, CLIENTS_MAX)];
	uint32_t dice = world_pick(model->world, 100);

	if (c->conn == NULL)
		do_open(model, c);
	else if (c->large_total > 0 && dice < 90)
		do_large(model, c);
	else if (dice < 20)
		do_join(model, c);
	else if (dice < 26)
		do_leave(model, c);
	else if (dice < 80)
		do_send(model, c);
	else if (dice < 96)
		do_large(model, c);
	else
		do_close(model, c);
}

/* --- what happens to nodes ----------------------------------------------------------------- */

static void
nodes_act(struct model *model)
{
	struct world *world = model->world;
	uint32_t group[WORLD_NODES], node = world_pick(world, world->node_count);
	uint32_t parts = 1 + world_pick(world, 3);

	if (world_pick(world, 4) == 0) {
		if (world->nodes[node].engine == NULL) {
			world_restart(world, node);
		} else {
			for (size_t i = 0; i < CLIENTS_MAX; i++)
				if (model->clients[i].conn != NULL &&
				    model->clients[i].conn->node == node)
					model->clients[i] = (struct client) { .conn = NULL };
			world_crash(world, node);
			if (world_pick(world, 2) == 0)	/* back before anyone noticed */
				world_restart(world, node);
		}
	}
	for (uint32_t i = 0; i < world->node_count; i++)
		group[i] = world_pick(world, parts);
	world_rings(world, group, world_pick(world, 4) == 0);
	model_segments_turn(model);
}

/* C6: what every node of a ring says of a group is who is there, no more and no less. */
static void
check_membership(struct model *model)
{
	struct world *world = model->world;
	struct cpg_wire_members members;

	for (uint32_t g = 0; g < GROUPS; g++) {
		struct cpg_wire_name name = world_name(group_names[g]);

		for (uint32_t node = 0; node < world->node_count; node++) {
			struct cs_conn *conn = world_open(world, node, 99);
			uint32_t expected = 0;

			world->on_events = NULL;
			ck_assert_int_eq(world_call(world, conn, CPG_CALL_MEMBERSHIP, &name,
			    sizeof name), CS_OK);
			memcpy(&members, conn->reply, sizeof members);
			world_close(world, conn);
			world->on_events = model_events;
			for (size_t i = 0; i < CLIENTS_MAX; i++) {
				struct client *c = &model->clients[i];
				uint32_t k = 0;

				if (c->conn == NULL || c->state != IN || c->group != g)
					continue;
				expected++;
				while (k < members.count && (members.member[k].node_id !=
				    world_id(c->conn->node) ||
				    members.member[k].pid != (uint32_t) c->conn->pid))
					k++;
				ck_assert_uint_lt(k, members.count);
				ck_assert_uint_eq(c->view_count, members.count);
			}
			ck_assert_uint_eq(members.count, expected);
		}
	}
}

static void
check_end(struct model *model)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &model->clients[i];

		if (c->conn == NULL)
			continue;
		ck_assert(c->state == OUT || c->state == IN);
		ck_assert(!c->join_waits && !c->large_waits);
		ck_assert_uint_eq(c->sent, c->own_seen);		/* C7 */
		if (c->segment != NULL)
			c->segment->to_end = c->segment->activated = true;
	}
	for (size_t i = 0; i < model->segment_count; i++)
		for (size_t j = i + 1; j < model->segment_count; j++)
			model_segments_compare(&model->segments[i], &model->segments[j]);
	for (uint32_t i = 0; i < model->world->node_count; i++)
		ck_assert_uint_eq(model->world->nodes[i].log_count[3], 0);	/* LOG_ERR */
}

static void
run(uint64_t seed, struct model *model)
{
	static const uint32_t one_ring[WORLD_NODES];
	struct world *world = world_new(2 + (uint32_t) (seed % 5), seed);

	*model = (struct model) { .world = world };
	model->segments = calloc(SEGMENTS_MAX, sizeof model->segments[0]);
	world->user = model;
	world->on_events = model_events;
	world->try_again = seed % 2 == 0;
	world_rings(world, one_ring, true);
	for (uint32_t step = 0; step < 4000; step++) {
		uint32_t dice = world_pick(world, 1000);

		if (dice < 250)
			client_act(model);
		else if (dice < 500)
			(void) world_send(world, world_pick(world, world->node_count));
		else if (dice < 992)
			(void) world_deliver(world, world_pick(world, world->node_count));
		else
			nodes_act(model);
	}
	for (uint32_t i = 0; i < world->node_count; i++)
		if (world->nodes[i].engine == NULL)
			world_restart(world, i);
	world_rings(world, one_ring, false);
	model_segments_turn(model);
	world_settle(world);
	/* What a thread was in the middle of: it goes on until it is through. */
	for (int i = 0; i < 200; i++) {
		for (size_t k = 0; k < CLIENTS_MAX; k++)
			if (model->clients[k].conn != NULL && model->clients[k].large_total > 0)
				do_large(model, &model->clients[k]);
		world_settle(world);
	}
	check_end(model);
	check_membership(model);
	for (size_t i = 0; i < model->segment_count; i++)
		free(model->segments[i].seen);
	free(model->segments);
	world_free(world);
}

START_TEST(engines_agree)
{
	struct model model;

	run((uint64_t) _i, &model);
}
END_TEST

/* The workload is not an easy one: all that is checked does happen. */
START_TEST(workload_reaches_everything)
{
	struct model model, sum = { 0 };

	for (uint64_t seed = 1; seed <= 40; seed++) {
		run(seed, &model);
		sum.messages += model.messages;
		sum.larges += model.larges;
		sum.voids += model.voids;
		sum.changes += model.changes;
		sum.merges += model.merges;
		sum.last_words += model.last_words;
		sum.short_lives += model.short_lives;
		sum.last_larges += model.last_larges;
	}
	printf("40 worlds: %u messages, %u large, %u void, %u changes, %u of them merges, "
	    "%u + %u large last words\n", sum.messages, sum.larges, sum.voids, sum.changes,
	    sum.merges, sum.last_words, sum.last_larges);
	ck_assert_uint_gt(sum.messages, 10000);
	ck_assert_uint_gt(sum.larges, 100);
	ck_assert_uint_gt(sum.voids, 20);
	ck_assert_uint_gt(sum.changes, 4000);
	ck_assert_uint_gt(sum.merges, 500);
	ck_assert_uint_gt(sum.last_words, 10);
	ck_assert_uint_gt(sum.short_lives, 0);
	ck_assert_uint_gt(sum.last_larges, 0);
}
END_TEST

int
main(int argc, char **argv)
{
	TCase *tc = tcase_create("world");
	Suite *suite = suite_create("cpg world");
	SRunner *runner = srunner_create(suite);
	int first = 1, count = 300, failed;

	/* test_cpg_world [SEED [COUNT]] */
	if (argc > 1) {
		first = (int) strtol(argv[1], NULL, 10);
		count = argc > 2 ? (int) strtol(argv[2], NULL, 10) : 1;
	} else {
		tcase_add_test(tc, workload_reaches_everything);
	}
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, engines_agree, first, first + count);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
