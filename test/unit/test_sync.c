/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The synchronisation barrier: alone, and several of them over one order of messages with rings
 * that change at any moment.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/prng.h"
#include "exec/core/sync.h"

#define ENGINES		3u
#define NODES		3u

static const struct sync_engine engines[ENGINES] = { { 1, 1 }, { 2, 1 }, { 7, 4 } };
static const struct totem_member members[NODES] = { { 1, 11 }, { 2, 22 }, { 5, 55 } };

static struct totem_ring_id
ring(uint64_t seq)
{
	return (struct totem_ring_id) { 1, seq, seq * 77 };
}

static void
expect(struct sync *s, enum sync_do what, size_t engine)
{
	size_t at = 99;

	ck_assert_int_eq(sync_next(s, &at), what);
	if (engine != 99)
		ck_assert_uint_eq(at, engine);
}

/* From a new ring to our barrier being sent. */
static void
up_to_barrier(struct sync *s, uint64_t seq)
{
	struct totem_ring_id id = ring(seq);

	sync_regular(s, &id, members, NODES);
	for (size_t i = 0; i < ENGINES; i++)
		expect(s, SYNC_DO_INIT, i);
	for (size_t i = 0; i < ENGINES; i++) {
		expect(s, SYNC_DO_PROCESS, i);
		sync_processed(s, i, 0);
	}
	expect(s, SYNC_DO_SEND, 99);
	sync_sent(s, 0);
	expect(s, SYNC_DO_NOTHING, 99);
}

static enum sync_note
barrier_from(struct sync *s, uint32_t node_id, uint64_t seq)
{
	uint8_t data[SYNC_BARRIER_BYTES_MAX];
	struct sync other;
	uint16_t service;
	size_t len;

	sync_init(&other, engines, ENGINES);
	other.ring = ring(seq);
	len = sync_barrier(&other, data);
	return sync_deliver(s, node_id, data, len, &service);
}

START_TEST(round_in_order)
{
	struct sync s;

	sync_init(&s, engines, ENGINES);
	expect(&s, SYNC_DO_NOTHING, 99);
	up_to_barrier(&s, 4);
	ck_assert_int_eq(barrier_from(&s, 2, 4), SYNC_NOTE_NONE);
	ck_assert_int_eq(barrier_from(&s, 1, 4), SYNC_NOTE_NONE);
	expect(&s, SYNC_DO_NOTHING, 99);
	ck_assert_int_eq(barrier_from(&s, 5, 4), SYNC_NOTE_NONE);
	for (size_t i = 0; i < ENGINES; i++)
		expect(&s, SYNC_DO_ACTIVATE, i);
	expect(&s, SYNC_DO_OPEN, 99);
	expect(&s, SYNC_DO_NOTHING, 99);
	ck_assert_int_eq(s.state, SYNC_ACTIVE);
	/* The next ring change has nothing to abort. */
	sync_transitional(&s);
	expect(&s, SYNC_DO_NOTHING, 99);
	ck_assert_uint_eq(s.abort_count, 0);
}
END_TEST

START_TEST(full_queue_waits)
{
	struct totem_ring_id id = ring(4);
	struct sync s;

	sync_init(&s, engines, ENGINES);
	sync_regular(&s, &id, members, NODES);
	for (size_t i = 0; i < ENGINES; i++)
		expect(&s, SYNC_DO_INIT, i);
	expect(&s, SYNC_DO_PROCESS, 0);
	sync_processed(&s, 0, -11);
	expect(&s, SYNC_DO_NOTHING, 99);
	sync_retry(&s);
	for (size_t i = 0; i < ENGINES; i++) {
		expect(&s, SYNC_DO_PROCESS, i);
		sync_processed(&s, i, 0);
	}
	expect(&s, SYNC_DO_SEND, 99);
	sync_sent(&s, -11);
	expect(&s, SYNC_DO_NOTHING, 99);
	sync_retry(&s);
	expect(&s, SYNC_DO_SEND, 99);
	sync_sent(&s, 0);
	expect(&s, SYNC_DO_NOTHING, 99);
	ck_assert_int_eq(s.state, SYNC_WAIT);
}
END_TEST

/* An abort reaches every engine in every state (corosync 2ab885ab: it did not in the barrier). */
START_TEST(abort_reaches_every_state)
{
	for (int steps = 0; steps <= 7; steps++) {
		struct totem_ring_id id = ring(4);
		size_t begun = 0, aborted = 0, at;
		enum sync_do what;
		struct sync s;

		sync_init(&s, engines, ENGINES);
		sync_regular(&s, &id, members, NODES);
		for (int i = 0; i < steps; i++) {
			what = sync_next(&s, &at);
			begun += what == SYNC_DO_INIT;
			if (what == SYNC_DO_PROCESS)
				sync_processed(&s, at, 0);
			else if (what == SYNC_DO_SEND)
				sync_sent(&s, 0);
		}
		sync_transitional(&s);
		while ((what = sync_next(&s, &at)) != SYNC_DO_NOTHING) {
			ck_assert_int_eq(what, SYNC_DO_ABORT);
			ck_assert_uint_lt(at, begun);
			aborted++;
		}
		ck_assert_uint_eq(aborted, begun);
		/* And the barriers of that ring mean nothing any more. */
		ck_assert_int_eq(barrier_from(&s, 1, 4), SYNC_NOTE_OTHER_RING);
		up_to_barrier(&s, 8);
	}
}
END_TEST

START_TEST(barriers_that_do_not_count)
{
	uint8_t data[SYNC_BARRIER_BYTES_MAX];
	uint16_t service = 0;
	struct sync s, other;
	size_t len;

	sync_init(&s, engines, ENGINES);
	up_to_barrier(&s, 8);
	ck_assert_int_eq(barrier_from(&s, 1, 4), SYNC_NOTE_OTHER_RING);
	ck_assert_int_eq(barrier_from(&s, 9, 8), SYNC_NOTE_STRANGER);
	ck_assert_int_eq(barrier_from(&s, 1, 8), SYNC_NOTE_NONE);
	ck_assert_int_eq(barrier_from(&s, 1, 8), SYNC_NOTE_DUPLICATE);
	/* The same sequence, but another representative's nonce. */
	sync_init(&other, engines, ENGINES);
	other.ring = ring(8);
	other.ring.nonce++;
	len = sync_barrier(&other, data);
	ck_assert_int_eq(sync_deliver(&s, 2, data, len, &service), SYNC_NOTE_OTHER_RING);
	/* Cut short anywhere, or with bytes behind it. */
	other.ring = ring(8);
	len = sync_barrier(&other, data);
	for (size_t cut = 0; cut < len; cut++)
		ck_assert_int_eq(sync_deliver(&s, 2, data, cut, &service), SYNC_NOTE_MALFORMED);
	ck_assert_int_eq(sync_deliver(&s, 2, data, len + 1, &service), SYNC_NOTE_MALFORMED);
	data[24] = 0xff;	/* the count of engines */
	data[25] = 0xff;
	ck_assert_int_eq(sync_deliver(&s, 2, data, len, &service), SYNC_NOTE_MALFORMED);
	ck_assert_uint_eq(s.seen_count, 1);
	expect(&s, SYNC_DO_NOTHING, 99);
}
END_TEST

START_TEST(unlike_engines_are_named)
{
	static const struct sync_engine newer[] = { { 1, 1 }, { 2, 2 }, { 7, 4 } };
	static const struct sync_engine more[] = { { 1, 1 }, { 2, 1 }, { 7, 4 }, { 9, 1 } };
	uint8_t data[SYNC_BARRIER_BYTES_MAX];
	uint16_t service = 0;
	struct sync s, other;

	sync_init(&s, engines, ENGINES);
	up_to_barrier(&s, 8);
	sync_init(&other, newer, 3);
	other.ring = ring(8);
	ck_assert_int_eq(sync_deliver(&s, 1, data, sync_barrier(&other, data), &service),
	    SYNC_NOTE_VERSION);
	ck_assert_uint_eq(service, 2);
	sync_init(&other, more, 4);
	other.ring = ring(8);
	ck_assert_int_eq(sync_deliver(&s, 2, data, sync_barrier(&other, data), &service),
	    SYNC_NOTE_VERSION);
	ck_assert_uint_eq(service, 9);
	ck_assert_uint_eq(s.seen_count, 2);	/* they count all the same */
}
END_TEST

/* --- several nodes over one order ------------------------------------------------------------ */

struct world_node {
	struct sync s;
	uint64_t begun[ENGINES], ended[ENGINES], activated_ring;
	size_t sent_count;
};

struct world_message {
	uint32_t node_id;
	size_t len;
	uint8_t data[SYNC_BARRIER_BYTES_MAX];
};

struct world {
	struct prng prng;
	struct world_node node[NODES];
	struct world_message queue[64];
	size_t count;
	uint64_t ring_seq;
};

/* Carry out what the barrier wants; engines and the queue refuse by chance. */
static void
turn(struct world *w, size_t n)
{
	struct world_node *node = &w->node[n];
	struct world_message *m;
	enum sync_do what;
	size_t at;

	while ((what = sync_next(&node->s, &at)) != SYNC_DO_NOTHING) {
		switch (what) {
		case SYNC_DO_INIT:
			node->begun[at]++;
			break;
		case SYNC_DO_PROCESS:
			sync_processed(&node->s, at, prng_below(&w->prng, 4) == 0 ? -11 : 0);
			break;
		case SYNC_DO_SEND:
			if (prng_below(&w->prng, 4) == 0) {
				sync_sent(&node->s, -11);
				break;
			}
			ck_assert_uint_lt(w->count, 64);
			m = &w->queue[w->count++];
			m->node_id = members[n].node_id;
			m->len = sync_barrier(&node->s, m->data);
			sync_sent(&node->s, 0);
			node->sent_count++;
			break;
		case SYNC_DO_ABORT:
		case SYNC_DO_ACTIVATE:
			node->ended[at]++;
			ck_assert_uint_eq(node->ended[at], node->begun[at]);
			break;
		case SYNC_DO_OPEN:
			node->activated_ring = node->s.ring.seq;
			break;
		case SYNC_DO_NOTHING:
			break;
		}
	}
}

static void
ring_change(struct world *w)
{
	w->ring_seq += 4;
	for (size_t n = 0; n < NODES; n++) {
		struct totem_ring_id id = ring(w->ring_seq);

		sync_transitional(&w->node[n].s);
		turn(w, n);
		sync_regular(&w->node[n].s, &id, members, NODES);
		turn(w, n);
	}
}

/* Every node delivers the oldest message; sometimes it is lost with its ring, or comes late. */
static void
deliver_one(struct world *w)
{
	struct world_message m = w->queue[0];
	uint16_t service;

	memmove(&w->queue[0], &w->queue[1], --w->count * sizeof w->queue[0]);
	for (size_t n = 0; n < NODES; n++) {
		(void) sync_deliver(&w->node[n].s, m.node_id, m.data, m.len, &service);
		turn(w, n);
	}
	/* One place of the order: all are active after the same message, or none. */
	for (size_t n = 1; n < NODES; n++)
		ck_assert_uint_eq(w->node[n].activated_ring, w->node[0].activated_ring);
}

START_TEST(all_activate_at_one_place)
{
	struct world w = { .prng = { (uint64_t) _i + 1 }, .ring_seq = 4 };

	for (size_t n = 0; n < NODES; n++)
		sync_init(&w.node[n].s, engines, ENGINES);
	ring_change(&w);
	for (int step = 0; step < 300; step++) {
		if (prng_below(&w.prng, 12) == 0) {
			if (prng_below(&w.prng, 2) == 0)
				w.count = 0;
			if (w.count < 32)
				ring_change(&w);
		} else if (w.count > 0 && prng_below(&w.prng, 2) == 0) {
			deliver_one(&w);
		} else {
			size_t n = (size_t) prng_below(&w.prng, NODES);

			sync_retry(&w.node[n].s);
			turn(&w, n);
		}
	}
	/* Left alone, the last ring becomes active everywhere. */
	for (int step = 0; step < 1000 && w.node[0].activated_ring != w.ring_seq; step++) {
		for (size_t n = 0; n < NODES; n++) {
			sync_retry(&w.node[n].s);
			turn(&w, n);
		}
		if (w.count > 0)
			deliver_one(&w);
	}
	ck_assert_uint_eq(w.node[0].activated_ring, w.ring_seq);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sync");
	TCase *tc = tcase_create("sync");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, round_in_order);
	tcase_add_test(tc, full_queue_waits);
	tcase_add_test(tc, abort_reaches_every_state);
	tcase_add_test(tc, barriers_that_do_not_count);
	tcase_add_test(tc, unlike_engines_are_named);
	tcase_add_loop_test(tc, all_activate_at_one_place, 0, 100);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
