/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * exec/ipc/ and clients that read slowly, or not at all: for whom the ring is slowed, for how long,
 * and who is cut off.
 */
#include <check.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <corosync/ipc/link.h>
#include "exec/ipc/internal.h"
#include "lib/private.h"
#include "test/unit/ipc_ask.h"
#include "test/unit/ipc_raw.h"
#include "test/unit/ipc_toy.h"

#define MS_NS		UINT64_C(1000000)

/* Over the limit but not far: the ring is slowed for the grace time, then the client is cut off.
 * It still gets what its ring holds; the other one notices nothing. */
START_TEST(slow_client_is_cut_after_grace)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *slow = ask_open(), *other = ask_open();
	struct toy_burst burst = { .count = 5600, .bytes = 1024 };
	struct client_record record;
	uint64_t start = cs_timestamp_get(), taken = 0;
	struct toy_state state;
	cs_error_t error;

	ask_call(slow, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
	state = ask_state(other);
	ck_assert_uint_gt(state.backlog_bytes, TOY_BACKLOG_BYTES / 2);
	ck_assert_uint_le(state.backlog_bytes, TOY_BACKLOG_BYTES);
	state = ask_active_wait(other, 1);
	ck_assert_uint_ge(cs_timestamp_get() - start, TOY_GRACE_NS / 4 * 3);
	ck_assert_uint_lt(cs_timestamp_get() - start, TOY_GRACE_NS + 2000 * MS_NS);
	ck_assert_uint_eq(state.slow_cut, 1);
	ck_assert_uint_eq(state.congested_on, 1);
	ck_assert_uint_eq(state.congested_off, 1);
	/* Told in the middle of the burst, not when it is over. */
	ck_assert_uint_lt(state.congested_bytes, TOY_BACKLOG_BYTES / 2 + 4096);
	ck_assert_uint_eq(state.backlog_bytes, 0);
	while ((error = client_next(slow, 1000, &record)) == CS_OK) {
		taken++;
		client_done(slow);
	}
	ck_assert_int_eq(error, CS_ERR_LIBRARY);
	ck_assert_uint_gt(taken, 3000);
	ck_assert_uint_lt(taken, burst.count);
	slow = client_close(slow);
	other = client_close(other);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* Far over the limit: at once. */
START_TEST(very_slow_client_is_cut_at_once)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *slow = ask_open(), *other = ask_open();
	struct toy_burst burst = { .count = 8000, .bytes = 1024 };
	uint64_t start = cs_timestamp_get();
	struct client_record record;
	struct iovec iov;
	cs_error_t error;

	/* Cut off within the call: there is no answer any more. */
	iov = (struct iovec) { .iov_base = &burst, .iov_len = sizeof burst };
	ck_assert_int_eq(client_call(slow, TOY_CALL_BURST, &iov, 1, NULL, 0, NULL),
	    CS_ERR_LIBRARY);
	ck_assert_uint_eq(ask_active_wait(other, 1).slow_cut, 1);
	ck_assert_uint_lt(cs_timestamp_get() - start, TOY_GRACE_NS);
	while ((error = client_next(slow, 1000, &record)) == CS_OK)
		client_done(slow);
	ck_assert_int_eq(error, CS_ERR_LIBRARY);
	slow = client_close(slow);
	other = client_close(other);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* The events of a burst from number `from` to before number `to`. */
static void
events_take(struct client *client, uint32_t from, uint32_t to)
{
	struct client_record record;
	uint32_t number;

	for (uint32_t i = from; i < to; i++) {
		if (client_next(client, 2000, &record) != CS_OK)
			ck_abort_msg("event %u", i);
		memcpy(&number, record.data, sizeof number);
		if (number != i)
			ck_abort_msg("event %u is %u", i, number);
		client_done(client);
	}
}

/* Late, but within the grace time: it gets everything, in order, and stays.  The ring is slowed no
 * longer than that takes. */
START_TEST(late_client_is_forgiven)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *late = ask_open(), *other = ask_open();
	struct toy_burst burst = { .count = 5600, .bytes = 1024 };
	uint64_t start = cs_timestamp_get(), took_ns;
	struct toy_state state;

	ask_call(late, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
	(void) poll(NULL, 0, 100);
	events_take(late, 0, burst.count);
	took_ns = cs_timestamp_get() - start;
	(void) poll(NULL, 0, 400);
	state = ask_state(other);
	ck_assert_uint_eq(state.active, 2);
	ck_assert_uint_eq(state.slow_cut, 0);
	ck_assert_uint_eq(state.backlog_bytes, 0);
	ck_assert_uint_eq(state.congested_on, 1);
	ck_assert_uint_eq(state.congested_off, 1);
	ck_assert_uint_lt(state.congested_ns, took_ns + 100 * MS_NS);
	late = client_close(late);
	other = client_close(other);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* It reads, but for several grace times more slowly than would let the ring go: it stays. */
START_TEST(slow_reader_stays)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *slow = ask_open(), *other = ask_open();
	struct toy_burst burst = { .count = 5600, .bytes = 1024 };
	struct toy_state state;
	uint32_t at = 0;

	ask_call(slow, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
	for (; at < 1800; at += 60) {
		events_take(slow, at, at + 60);
		(void) poll(NULL, 0, TOY_GRACE_NS / MS_NS / 10);
	}
	state = ask_state(other);
	ck_assert_uint_gt(state.backlog_bytes, TOY_BACKLOG_BYTES / 4);
	ck_assert_uint_eq(state.slow_cut, 0);
	events_take(slow, at, burst.count);
	state = ask_state(other);
	ck_assert_uint_eq(state.slow_cut, 0);
	ck_assert_uint_eq(state.congested_on, 1);
	ck_assert_uint_eq(state.congested_off, 1);
	ck_assert_uint_ge(state.congested_ns, 2 * TOY_GRACE_NS);
	slow = client_close(slow);
	other = client_close(other);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* What all are to get is kept once, so that some that are late together are not too much. */
START_TEST(late_clients_share_what_waits)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client[6];
	struct toy_burst burst = { .count = 5600, .bytes = 1024 };
	struct toy_state state;

	for (size_t i = 0; i < 6; i++)
		client[i] = ask_open();
	ask_call(client[0], TOY_CALL_BURST_ALL, &burst, sizeof burst);
	state = ask_state(client[0]);
	ck_assert_uint_gt(state.backlog_bytes, TOY_BACKLOG_BYTES / 2);
	ck_assert_uint_le(state.backlog_bytes, TOY_BACKLOG_BYTES);
	for (uint32_t at = 0; at < burst.count; at += 100)
		for (size_t i = 0; i < 6; i++)
			events_take(client[i], at, at + 100);
	state = ask_state(client[0]);
	ck_assert_uint_eq(state.active, 6);
	ck_assert_uint_eq(state.slow_cut, 0);
	ck_assert_uint_eq(state.backlog_bytes, 0);
	for (size_t i = 0; i < 6; i++)
		client[i] = client_close(client[i]);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* Of some that do not read, just those are cut off that keep the ring slowed; who reads stays. */
START_TEST(stuck_clients_are_cut_not_readers)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *stuck = ask_open(), *reader = ask_open();
	struct toy_burst burst = { .count = 4800, .bytes = 1024 };
	struct toy_state state;
	uint32_t at = 0;

	ask_call(stuck, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
	ask_call(reader, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
	do {
		events_take(reader, at, at + 40);
		at += 40;
		(void) poll(NULL, 0, TOY_GRACE_NS / MS_NS / 10);
		state = ask_state(reader);
	} while (state.active == 2 && at < 2000);
	ck_assert_uint_eq(state.active, 1);
	ck_assert_uint_eq(state.slow_cut, 1);
	events_take(reader, at, burst.count);
	stuck = client_close(stuck);
	reader = client_close(reader);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* When there is no room, who reads nothing goes before who reads slowly and has more waiting.  On a
 * machine that is too busy for the two to be there until then it is tried again. */
START_TEST(who_reads_nothing_makes_room)
{
	struct toy_state state = { .active = 0 };

	for (uint32_t tries = 0; tries < 20 && state.active != 2; tries++) {
		pid_t pid = toy_start(TOY_DOOR_OPEN);
		struct client *stuck = ask_open(), *reader = ask_open();
		struct toy_burst burst = { .count = 4600, .bytes = 1024 };

		ask_call(stuck, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
		burst.count = 5000;
		ask_call(reader, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
		for (uint32_t at = 0; at < 24; at += 4) {
			events_take(reader, at, at + 4);
			(void) poll(NULL, 0, TOY_GRACE_NS / MS_NS / 16);
		}
		state = ask_state(reader);
		if (state.active == 2) {
			burst.count = 700;
			ask_call(reader, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
			ck_assert_uint_eq(ask_active_wait(reader, 1).slow_cut, 1);
			events_take(reader, 24, 5000);
		}
		stuck = client_close(stuck);
		reader = client_close(reader);
		toy_kill(pid, SIGTERM);
	}
	ck_assert_uint_eq(state.active, 2);
}
END_TEST

/* Read 132 events of 1 KiB a second.  False: we did not run for too long at a time. */
static bool
read_steadily(struct client *client, uint64_t span_ns, uint32_t *ret_at)
{
	uint64_t start = cs_timestamp_get(), last = start, now = start;
	bool steady = true;

	for (*ret_at = 0; now - start < span_ns; now = cs_timestamp_get()) {
		uint32_t due = (uint32_t) ((now - start) / (1000 * MS_NS / 132));

		steady = steady && now - last < TOY_GRACE_NS / 10;
		last = now;
		if (due > *ret_at) {
			events_take(client, *ret_at, due);
			*ret_at = due;
		}
		(void) poll(NULL, 0, 2);
	}
	return steady;
}

/* A steady reader of 128 KiB a second reads enough, whatever part of that a check sees. */
START_TEST(just_enough_is_enough)
{
	bool steady = false;

	for (uint32_t tries = 0; tries < 20 && !steady; tries++) {
		pid_t pid = toy_start(TOY_DOOR_OPEN);
		struct client *slow = ask_open(), *other = ask_open();
		struct toy_burst burst = { .count = 5600, .bytes = 1024 };
		uint32_t at;

		ask_call(slow, TOY_CALL_BURST_BEHIND, &burst, sizeof burst);
		steady = read_steadily(slow, 3 * TOY_GRACE_NS, &at);
		if (steady) {
			ck_assert_uint_eq(ask_state(other).slow_cut, 0);
			events_take(slow, at, burst.count);
		}
		slow = client_close(slow);
		other = client_close(other);
		toy_kill(pid, SIGTERM);
	}
	ck_assert(steady);
}
END_TEST

/* One that is sent more than it reads: what does not fit into its ring is three quarters of the
 * limit. */
static void
raw_open_behind(struct raw *raw)
{
	const struct { uint32_t head[2]; struct toy_burst burst; } call = {
		.head = { 1, 0 },
		.burst = { .bytes = 1024, .count =
		    (IPC_RING_SMALL_BYTES + TOY_BACKLOG_BYTES * 3 / 4) / 1024 },
	};

	raw_open(raw);
	raw_put(raw, TOY_CALL_BURST | IPC_FUNCTION_CALL, &call, sizeof call);
	raw_bell(raw);
}

/* Send until the server dozes for us; not more than 100 records. */
static bool
dozes_for(struct raw *raw)
{
	const uint32_t *wish = &raw->page->to_daemon.consumer_wish;
	uint64_t until;

	for (uint64_t number = 1; number <= 100; number++) {
		raw_put(raw, TOY_RECORD_COUNT, &number, sizeof number);
		raw_bell(raw);
		until = cs_timestamp_get() + 5 * MS_NS;
		while (cs_timestamp_get() < until)
			if (__atomic_load_n(wish, __ATOMIC_SEQ_CST) == IPC_DOZING)
				return true;
	}
	return false;
}

/* Who streams while it reads nothing slows the ring, and then dies: the ring is slowed no longer,
 * whether the server sleeps or dozes for it when the end comes. */
START_TEST(the_dead_slow_nobody)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *other = ask_open();
	struct toy_state state;
	uint64_t start, took_ns, dozed = 0;
	struct raw raw;

	for (uint64_t round = 1; round <= 5; round++) {
		raw_open_behind(&raw);
		start = cs_timestamp_get();
		do
			state = ask_state(other);
		while (state.congested_on < round && cs_timestamp_get() - start < TOY_GRACE_NS);
		ck_assert_uint_eq(state.congested_on, round);
		dozed += dozes_for(&raw);
		took_ns = cs_timestamp_get() - start;
		raw_close(&raw);
		(void) poll(NULL, 0, 150);	/* a question would wake the server */
		state = ask_active_wait(other, 1);
		ck_assert_uint_eq(state.congested_off, round);
		ck_assert_uint_lt(state.congested_ns, took_ns + 100 * MS_NS);
		ck_assert_uint_eq(state.slow_cut, 0);
		ck_assert_uint_eq(state.backlog_bytes, 0);
	}
	ck_assert_uint_gt(dozed, 0);
	other = client_close(other);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* Who moves its tail to and fro reads nothing, and gains no time by it: by a word, in whose room no
 * event fits, or by half the ring, which is garbage when it goes back. */
START_TEST(tail_to_and_fro_gains_nothing)
{
	static const uint32_t steps[] = { 8, IPC_RING_SMALL_BYTES / 2 };
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *other = ask_open();
	struct toy_state state;
	uint32_t *tail, first;
	uint64_t start;
	struct raw raw;

	raw_open_behind(&raw);
	start = cs_timestamp_get();
	while (ask_state(other).congested_on == 0)
		ck_assert_uint_lt(cs_timestamp_get() - start, TOY_GRACE_NS);
	tail = &raw.page->to_client.tail;
	first = *tail;
	for (bool there = true; ask_state(other).active == 2; there = !there) {
		ck_assert_uint_lt(cs_timestamp_get() - start, 2 * TOY_GRACE_NS);
		__atomic_store_n(tail, there ? first + steps[_i] : first, __ATOMIC_RELEASE);
		raw_bell(&raw);
		(void) poll(NULL, 0, TOY_GRACE_NS / MS_NS / 10);
	}
	state = ask_state(other);
	ck_assert_uint_eq(state.slow_cut + state.garbage_cut, 1);
	ck_assert_uint_eq(state.slow_cut, _i == 0);
	ck_assert_uint_eq(state.congested_off, 1);
	ck_assert_uint_eq(state.backlog_bytes, 0);
	raw_close(&raw);
	other = client_close(other);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- many at once --- */

#define STOPPED		400u	/* clients that read nothing */
#define STOPPED_EVENTS	1500u

static void
nothing_congested(void *host, bool on)
{
	(void) host;
	(void) on;
}

static void
nothing_logged(void *host, int priority, const char *text)
{
	(void) host;
	(void) priority;
	(void) text;
}

static void
stopped_open(struct ipc_server *server, struct ipc_conn *conn, struct ipc_page *page)
{
	conn->server = server;
	conn->fd = -1;
	conn->state = IPC_CONN_OPEN;
	conn->page = page;
	conn->to_client = (struct ipc_ring) {
		.shared = &page->to_client, .size = IPC_RING_SMALL_BYTES,
	};
	STAILQ_INIT(&conn->backlog);
	TAILQ_INSERT_TAIL(&server->conns, conn, link);
}

static uint64_t
worked_ns(void)
{
	struct timespec t;

	ck_assert_int_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
	return (uint64_t) t.tv_sec * 1000 * MS_NS + (uint64_t) t.tv_nsec;
}

/* All their events, once each, as a message to a group comes. */
static void
stopped_fill(struct ipc_conn *conns)
{
	for (uint64_t i = 0; i < STOPPED_EVENTS; i++)
		for (size_t k = 0; k < STOPPED; k++) {
			struct iovec iov = { .iov_base = &i, .iov_len = sizeof i };

			ck_assert_int_eq(ipc_backlog_add(&conns[k], 1, &iov, 1, sizeof i), 0);
		}
}

/* Many that stopped and are to get the same small events are all cut off in one check, or all for
 * one event: the work is that of going through what waits a few times, not once for each. */
START_TEST(many_are_cut_in_little_time)
{
	struct ipc_server *server = calloc(1, sizeof *server);
	struct ipc_conn *conns = calloc(STOPPED, sizeof *conns);
	struct ipc_page *page = calloc(1, sizeof *page);
	uint64_t start, walk_ns, cut_ns;
	struct iovec iov = { .iov_base = page, .iov_len = 64 };

	server->loop = qb_loop_create();
	server->handlers.congested = nothing_congested;
	server->handlers.log = nothing_logged;
	server->work_fd = -1;
	ipc_queues_init(server);
	for (size_t k = 0; k < STOPPED; k++)
		stopped_open(server, &conns[k], page);
	stopped_fill(conns);
	start = worked_ns();
	for (size_t k = 0; k < STOPPED; k++)
		(void) ipc_backlog_share(&conns[k]);
	walk_ns = worked_ns() - start;
	server->backlog_bytes_max = _i == 0 ? server->stats.backlog_bytes : 1;
	server->grace_ns = 1000 * 1000 * MS_NS;		/* its timer never comes by itself */
	page->to_client.head = page->to_client.tail = conns[0].to_client.at = 0;
	start = worked_ns();
	for (unsigned int checks = 0; _i == 0 && server->stats.slow_cut == 0; checks++) {
		ck_assert_uint_lt(checks, 10);
		ipc_congestion_check(server);
		server->check_due = server->congested;
	}
	if (_i == 1)
		ck_assert(!ipc_backlog_room(&conns[STOPPED - 1], 1, &iov, 1, iov.iov_len));
	cut_ns = worked_ns() - start;
	if (_i == 0)
		ck_assert_uint_le(server->stats.backlog_bytes, server->backlog_bytes_max / 4);
	ck_assert_uint_gt(server->stats.slow_cut, STOPPED / 2);
	if (cut_ns > 40 * walk_ns)
		ck_abort_msg("%" PRIu64 " us, and %" PRIu64 " us to go through all once",
		    cut_ns / 1000, walk_ns / 1000);
	for (size_t k = 0; k < STOPPED; k++)
		ipc_backlog_drop(&conns[k]);
	ck_assert_uint_eq(server->stats.backlog_bytes, 0);
	qb_loop_destroy(server->loop);
	free(page);
	free(conns);
	free(server);
}
END_TEST

static Suite *
slow_suite(void)
{
	Suite *suite = suite_create("slow clients");
	TCase *tc = tcase_create("slow");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, slow_client_is_cut_after_grace);
	tcase_add_test(tc, very_slow_client_is_cut_at_once);
	tcase_add_test(tc, late_client_is_forgiven);
	tcase_add_test(tc, slow_reader_stays);
	tcase_add_test(tc, late_clients_share_what_waits);
	tcase_add_test(tc, stuck_clients_are_cut_not_readers);
	tcase_add_test(tc, who_reads_nothing_makes_room);
	tcase_add_test(tc, just_enough_is_enough);
	tcase_add_test(tc, the_dead_slow_nobody);
	tcase_add_loop_test(tc, tail_to_and_fro_gains_nothing, 0, 2);
	tcase_add_loop_test(tc, many_are_cut_in_little_time, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(slow_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
