/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * exec/ipc/ against the libraries' common part: a server process and this process as its client.
 * Nothing sleeps and hopes: what is waited for has a bound, and a hang fails by the time-out.
 */
#include <check.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <corosync/ipc/link.h>
#include "exec/base/prng.h"
#include "lib/client.h"
#include "test/unit/ipc_ask.h"
#include "test/unit/ipc_toy.h"

#define MS_NS		UINT64_C(1000000)
#define BIG_BYTES	(1048576u + 1024u)

/* Wait until the server says so; 5 s at most. */
static struct toy_state
state_wait(struct client *client, bool (*there)(const struct toy_state *, uint64_t), uint64_t arg)
{
	uint64_t until = cs_timestamp_get() + 5000 * MS_NS;
	struct toy_state state;

	do {
		state = ask_state(client);
		if (there(&state, arg))
			return state;
		(void) poll(NULL, 0, 1);
	} while (cs_timestamp_get() < until);
	ck_abort_msg("the server did not come to the state in 5 s");
	return state;
}

static bool
active_is(const struct toy_state *state, uint64_t count)
{
	return state->active == count;
}

static void
count_send(struct client *client, uint64_t number)
{
	struct iovec iov = { .iov_base = &number, .iov_len = sizeof number };
	cs_error_t error;

	while ((error = client_send(client, TOY_RECORD_COUNT, &iov, 1)) == CS_ERR_TRY_AGAIN)
		(void) poll(NULL, 0, 1);
	if (error != CS_OK)
		ck_abort_msg("client_send: %d", (int) error);
}

/* --- order --- */

START_TEST(a_call_comes_after_what_was_sent)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct toy_state state;
	uint64_t number = 0;

	for (int round = 1; round <= 50; round++) {
		for (int i = 0; i < 37; i++)
			count_send(client, ++number);
		state = ask_state(client);
		ck_assert_uint_eq(state.connection_records, number);
		ck_assert_uint_eq(state.connection_errors, 0);
	}
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* The engine takes four records a millisecond: order stays, calls wait behind, and both connections
 * get on. */
START_TEST(refused_records_come_again_in_order)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open(), *other = ask_open();
	uint32_t room = 4;
	struct toy_state state;

	ask_call(client, TOY_CALL_ROOM, &room, sizeof room);
	ask_call(client, TOY_CALL_HOLD, NULL, 0);
	for (uint64_t i = 1; i <= 200; i++) {
		count_send(client, i);
		count_send(other, i);
	}
	state = ask_state(client);
	ck_assert_uint_eq(state.connection_records, 200);
	ck_assert_uint_eq(state.connection_errors, 0);
	ck_assert_uint_ge(state.refused, 40);
	ck_assert_uint_ge(state.total_records, 200 + 100);	/* the other got its share */
	state = ask_state(other);
	ck_assert_uint_eq(state.connection_records, 200);
	other = client_close(other);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

static bool
closed_is(const struct toy_state *state, uint64_t count)
{
	return state->closed == count;
}

/* What was sent before hanging up is taken before the close is reported, refused or not. */
START_TEST(a_close_comes_after_what_was_sent)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *watcher = ask_open();
	uint32_t room = 10;
	struct toy_state state;

	ask_call(watcher, TOY_CALL_ROOM, &room, sizeof room);
	for (uint64_t round = 1; round <= 5; round++) {
		struct client *client = ask_open();

		for (uint64_t i = 1; i <= 200; i++)
			count_send(client, i);
		client = client_close(client);
		state = state_wait(watcher, closed_is, round);
		ck_assert_uint_eq(state.closed_records, 200 * round);
		ck_assert_uint_eq(state.closed_errors, 0);
	}
	watcher = client_close(watcher);
	toy_kill(pid, SIGTERM);
}
END_TEST

START_TEST(held_server_takes_nothing_until_let_go)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open(), *late;
	uint64_t start;

	ask_call(client, TOY_CALL_HOLD, NULL, 0);
	start = cs_timestamp_get();
	count_send(client, 1);
	late = ask_open();		/* connecting goes on */
	ck_assert_uint_lt(cs_timestamp_get() - start, 90 * MS_NS);
	ck_assert_uint_eq(ask_state(client).connection_records, 1);
	ck_assert_uint_ge(cs_timestamp_get() - start, 90 * MS_NS);
	late = client_close(late);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- bulk --- */

struct bulk {
	struct prng lengths;		/* the same twice: for sending and for checking */
	uint64_t count;
	uint8_t *bytes;
};

static size_t
bulk_next(struct bulk *bulk)
{
	uint64_t kind = prng_below(&bulk->lengths, 1000);
	size_t len = 8 + (size_t) prng_below(&bulk->lengths, kind == 0 ? 1048576 :
	    kind < 20 ? 20000 : 200);

	bulk->count++;
	for (size_t i = 0; i < len; i += 512)
		bulk->bytes[i] = (uint8_t) (bulk->count + i / 512);
	memcpy(bulk->bytes, &bulk->count, sizeof bulk->count);
	bulk->bytes[len - 1] = (uint8_t) (bulk->count * 7);
	return len;
}

static void
bulk_check(struct bulk *bulk, const struct client_record *record)
{
	size_t len = bulk_next(bulk);
	const uint8_t *bytes = record->data;
	size_t wrong = 0;

	if (record->len != len || ((uintptr_t) record->data & 7) != 0)
		ck_abort_msg("record %" PRIu64 " has %zu bytes", bulk->count, record->len);
	for (size_t i = 0; i < len; i += 512)
		wrong += bytes[i] != bulk->bytes[i];
	wrong += memcmp(bytes, bulk->bytes, 8) != 0 || bytes[len - 1] != bulk->bytes[len - 1];
	if (wrong > 0)
		ck_abort_msg("content of record %" PRIu64, bulk->count);
}

/* Take what is there; wait when `wait`. */
static void
bulk_take(struct client *client, struct bulk *bulk, uint64_t until, bool wait)
{
	struct client_record record;
	cs_error_t error;

	while (bulk->count < until) {
		error = client_next(client, wait ? 5000 : 0, &record);
		if (error == CS_ERR_TRY_AGAIN && !wait)
			return;
		if (error != CS_OK)
			ck_abort_msg("client_next: %d after %" PRIu64, (int) error, bulk->count);
		bulk_check(bulk, &record);
		client_done(client);
	}
}

/* 10^5 records of 8 B to 1 MiB to the server, and back as events. */
START_TEST(a_hundred_thousand_each_way)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct bulk out = { .lengths = { .state = 77 } }, in = out;
	struct toy_state state;
	cs_error_t error;

	out.bytes = calloc(1, BIG_BYTES);
	in.bytes = calloc(1, BIG_BYTES);
	while (out.count < 100000) {
		struct iovec iov = { .iov_base = out.bytes, .iov_len = bulk_next(&out) };

		while ((error = client_send(client, TOY_RECORD_ECHO, &iov, 1)) != CS_OK) {
			if (error != CS_ERR_TRY_AGAIN)
				ck_abort_msg("client_send: %d", (int) error);
			bulk_take(client, &in, UINT64_MAX, false);
		}
		if (out.count % 64 == 0)
			bulk_take(client, &in, UINT64_MAX, false);
	}
	bulk_take(client, &in, out.count, true);
	state = ask_state(client);
	ck_assert_uint_eq(state.slow_cut + state.garbage_cut, 0);
	ck_assert_uint_eq(state.backlog_bytes, 0);
#ifndef __SANITIZE_ADDRESS__	/* whose shadow counts as well */
	/* Its rings, its copy buffer, and no more. */
	if (getenv("CK_TIMEOUT_MULTIPLIER") == NULL)	/* else it may be valgrind's own */
		ck_assert_uint_lt(state.resident_kib, 24 * 1024);
#endif
	client = client_close(client);
	toy_kill(pid, SIGTERM);
	free(out.bytes);
	free(in.bytes);
}
END_TEST

START_TEST(large_records_and_too_large_ones)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open(), *small;
	uint8_t *bytes = calloc(1, IPC_RING_LARGE_BYTES);
	struct iovec iov = { .iov_base = bytes, .iov_len = BIG_BYTES };
	struct client_record record;

	for (int i = 0; i < 20; i++) {		/* goes around the ring's end some times */
		memset(bytes, i + 1, BIG_BYTES);
		ck_assert_int_eq(client_send(client, TOY_RECORD_ECHO, &iov, 1), CS_OK);
		ck_assert_int_eq(client_next(client, 5000, &record), CS_OK);
		ck_assert_uint_eq(record.len, BIG_BYTES);
		ck_assert_mem_eq(record.data, bytes, BIG_BYTES);
		client_done(client);
	}
	iov.iov_len = client_send_max(client) + 1;
	ck_assert_int_eq(client_send(client, TOY_RECORD_ECHO, &iov, 1), CS_ERR_TOO_BIG);
	iov.iov_len = IPC_CALL_BYTES_MAX + 1;
	ck_assert_int_eq(client_call(client, TOY_CALL_STATE, &iov, 1, bytes, 4096, NULL),
	    CS_ERR_TOO_BIG);
	ck_assert_int_eq(client_open("toy", false, &small), CS_OK);
	iov.iov_len = IPC_CALL_BYTES_MAX;
	ck_assert_int_eq(client_call(small, TOY_CALL_NOTHING, &iov, 1, NULL, 0, NULL), CS_OK);
	iov.iov_len = 65536;
	ck_assert_int_eq(client_send(small, TOY_RECORD_ECHO, &iov, 1), CS_ERR_TOO_BIG);
	small = client_close(small);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
	free(bytes);
}
END_TEST

/* A full ring to the daemon says TRY_AGAIN and takes nothing, and a call still fits. */
START_TEST(full_ring_says_try_again)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	static uint8_t bytes[1024], large[IPC_CALL_BYTES_MAX];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };
	uint64_t number = 1;
	struct toy_state state;

	ask_call(client, TOY_CALL_HOLD, NULL, 0);
	memcpy(bytes, &number, sizeof number);
	while (client_send(client, TOY_RECORD_COUNT, &iov, 1) == CS_OK) {
		number++;
		memcpy(bytes, &number, sizeof number);
	}
	ck_assert_uint_gt(number, 3900);
	ck_assert_int_eq(client_send(client, TOY_RECORD_COUNT, &iov, 1), CS_ERR_TRY_AGAIN);
	ck_assert_uint_ge(client_send_fill(client), 99);
	iov = (struct iovec) { .iov_base = large, .iov_len = IPC_CALL_BYTES_MAX };
	ck_assert_int_eq(client_call(client, TOY_CALL_NOTHING, &iov, 1, NULL, 0, NULL), CS_OK);
	state = ask_state(client);
	ck_assert_uint_eq(state.connection_records, number - 1);
	ck_assert_uint_eq(client_send_fill(client), 0);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- doorbells --- */

/* A plain select() loop that takes one record at a time, while bursts of all sizes come: it must
 * never wait with work there, and never be told of work that isn't. */
START_TEST(select_and_one_at_a_time)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct prng prng = { .state = 9 };
	struct client_record record;
	uint64_t sent = 0, taken = 0, stray = 0;
	uint8_t bytes[64] = { 0 };
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };
	int fd;

	ck_assert_int_eq(client_fd(client, &fd), CS_OK);
	while (taken < 30000) {
		struct timeval timeout = { .tv_sec = 3 };
		fd_set set;

		for (uint64_t n = prng_below(&prng, 5); n > 0 && sent < taken + 40; n--)
			if (client_send(client, TOY_RECORD_ECHO, &iov, 1) == CS_OK)
				sent++;
		if (sent == taken)
			continue;
		FD_ZERO(&set);
		FD_SET(fd, &set);
		if (select(fd + 1, &set, NULL, NULL, &timeout) != 1)
			ck_abort_msg("asleep with work: sent %" PRIu64 ", taken %" PRIu64, sent,
			    taken);
		if (client_next(client, 0, &record) == CS_OK) {
			taken++;
			client_done(client);
		} else {
			stray++;
		}
	}
	ck_assert_uint_eq(stray, 0);
	while (taken < sent && client_next(client, 3000, &record) == CS_OK) {
		taken++;
		client_done(client);
	}
	ck_assert_uint_eq(taken, sent);
	ck_assert_int_eq(client_next(client, 0, &record), CS_ERR_TRY_AGAIN);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* The library takes its bell's byte with recv(), this one: an event comes just then, between its
 * looking at the ring and its arming. */
static struct client *late_client;

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	struct client *client = late_client;
	struct iovec iov = { .iov_base = &late_client, .iov_len = sizeof late_client };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	late_client = NULL;
	if (client != NULL) {
		(void) client_send(client, TOY_RECORD_ECHO, &iov, 1);
		(void) client_call(client, TOY_CALL_NOTHING, NULL, 0, NULL, 0, NULL);
	}
	iov = (struct iovec) { .iov_base = data, .iov_len = len };
	return recvmsg(fd, &message, flags);
}

START_TEST(event_at_the_moment_of_arming)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct toy_burst burst = { .count = 1, .bytes = 8 };
	struct pollfd poller = { .events = POLLIN };
	struct client_record record;

	ck_assert_int_eq(client_fd(client, &poller.fd), CS_OK);
	for (int i = 0; i < 20; i++) {
		ask_call(client, TOY_CALL_BURST, &burst, sizeof burst);
		ck_assert_int_eq(client_next(client, 1000, &record), CS_OK);
		late_client = client;
		client_done(client);
		ck_assert_ptr_null(late_client);
		ck_assert_int_eq(poll(&poller, 1, 3000), 1);
		ck_assert_int_eq(client_next(client, 0, &record), CS_OK);
		client_done(client);
		ck_assert_int_eq(poll(&poller, 1, 0), 0);
	}
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* Under load the bells are few: that is what the rings are for. */
START_TEST(bells_are_rung_for_sleepers_only)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct toy_burst burst = { .count = 5000, .bytes = 100 };
	struct client_record record;
	struct toy_state before = ask_state(client), after;

	ask_call(client, TOY_CALL_BURST, &burst, sizeof burst);
	for (uint32_t i = 0; i < burst.count; i++) {
		if (client_next(client, 3000, &record) != CS_OK)
			ck_abort_msg("event %u", i);
		client_done(client);
	}
	after = ask_state(client);
	ck_assert_uint_ge(after.doorbells_tx, before.doorbells_tx + 1);
	ck_assert_uint_le(after.doorbells_tx, before.doorbells_tx + 10);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* A callback that dispatches again sees the next event, and its own stays readable. */
START_TEST(dispatching_nests)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct toy_burst burst = { .count = 3, .bytes = 8 };
	struct client_record outer, inner;
	uint32_t number;

	ask_call(client, TOY_CALL_BURST, &burst, sizeof burst);
	ck_assert_int_eq(client_next(client, 1000, &outer), CS_OK);
	ck_assert_int_eq(client_next(client, 1000, &inner), CS_OK);
	memcpy(&number, inner.data, sizeof number);
	ck_assert_uint_eq(number, 1);
	client_done(client);
	memcpy(&number, outer.data, sizeof number);
	ck_assert_uint_eq(number, 0);
	client_done(client);
	ck_assert_int_eq(client_next(client, 1000, &inner), CS_OK);
	memcpy(&number, inner.data, sizeof number);
	ck_assert_uint_eq(number, 2);
	client_done(client);
	ck_assert_int_eq(client_next(client, 20, &inner), CS_ERR_TRY_AGAIN);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- threads and fork --- */

static void *
wait_for_event(void *data)
{
	struct client_record record;
	static cs_error_t error;

	error = client_next(data, -1, &record);
	return &error;
}

START_TEST(interrupt_wakes_who_waits)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_event, client), 0);
	(void) poll(NULL, 0, 20);
	client_interrupt(client);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_int_eq(*(cs_error_t *) result, CS_ERR_LIBRARY);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

static void *
call_many(void *data)
{
	for (int i = 0; i < 2000; i++)
		if (client_call(data, TOY_CALL_NOTHING, NULL, 0, NULL, 0, NULL) != CS_OK)
			return data;
	return NULL;
}

/* Two threads call, one sends, one takes events. */
START_TEST(threads_share_a_connection)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct client_record record;
	uint64_t number = 0;
	struct iovec iov = { .iov_base = &number, .iov_len = sizeof number };
	uint64_t taken = 0;
	pthread_t threads[2];
	void *failed;

	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_many, client), 0);
	while (number < 20000 || taken < number) {
		if (number < 20000 && client_send(client, TOY_RECORD_ECHO, &iov, 1) == CS_OK)
			number++;
		while (client_next(client, number < 20000 ? 0 : 3000, &record) == CS_OK) {
			uint64_t got;

			memcpy(&got, record.data, sizeof got);
			if (got != taken)
				ck_abort_msg("%" PRIu64 " instead of %" PRIu64, got, taken);
			taken++;
			client_done(client);
			if (taken == 20000)
				break;
		}
	}
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* In the child: every function says BAD_HANDLE, and a connection of its own works. */
static int
fork_child(struct client *client)
{
	struct client_record record;
	struct client *own;
	int fd;

	if (client_call(client, TOY_CALL_STATE, NULL, 0, NULL, 0, NULL) != CS_ERR_BAD_HANDLE ||
	    client_send(client, TOY_RECORD_COUNT, NULL, 0) != CS_ERR_BAD_HANDLE ||
	    client_next(client, 0, &record) != CS_ERR_BAD_HANDLE ||
	    client_fd(client, &fd) != CS_ERR_BAD_HANDLE)
		return 1;
	client = client_close(client);
	if (client_open("toy", true, &own) != CS_OK ||
	    client_call(own, TOY_CALL_NOTHING, NULL, 0, NULL, 0, NULL) != CS_OK)
		return 2;
	own = client_close(own);
	return 0;
}

START_TEST(fork_leaves_the_connection_to_the_parent)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN), child;
	struct client *client = ask_open();
	int status;

	count_send(client, 1);
	child = fork();
	if (child == 0)
		_exit(fork_child(client));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	count_send(client, 2);
	ck_assert_uint_eq(state_wait(client, active_is, 1).connection_records, 2);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* The daemon sees a killed process go even while its child lives on. */
START_TEST(a_child_does_not_keep_the_connection_open)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN), parent, child = 0;
	struct client *watcher = ask_open();
	int note[2];

	ck_assert_int_eq(pipe(note), 0);
	parent = fork();
	if (parent == 0) {
		struct client *client;

		if (client_open("toy", true, &client) != CS_OK)
			_exit(1);
		child = fork();
		if (child == 0) {
			(void) poll(NULL, 0, 20000);
			_exit(0);
		}
		(void) write(note[1], &child, sizeof child);
		(void) pause();
		_exit(0);
	}
	ck_assert_int_eq(read(note[0], &child, sizeof child), sizeof child);
	(void) state_wait(watcher, active_is, 2);
	ck_assert_int_eq(kill(parent, SIGKILL), 0);
	ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
	(void) state_wait(watcher, active_is, 1);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	watcher = client_close(watcher);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- handles --- */

static unsigned int destroyed;

static void
count_destroyed(void *object)
{
	(void) object;
	destroyed++;
}

START_TEST(handles_survive_misuse)
{
	static struct client_handles handles = { .destroy = count_destroyed };
	int thing = 0, other = 0;
	uint64_t handle, second;
	void *object;

	ck_assert_int_eq(client_handle_get(&handles, 0, &object), CS_ERR_BAD_HANDLE);
	ck_assert_int_eq(client_handle_get(&handles, UINT64_MAX, &object), CS_ERR_BAD_HANDLE);
	ck_assert_int_eq(client_handle_new(&handles, &thing, &handle), CS_OK);
	ck_assert_int_eq(client_handle_get(&handles, handle + (UINT64_C(1) << 32), &object),
	    CS_ERR_BAD_HANDLE);
	ck_assert_int_eq(client_handle_get(&handles, handle + 1, &object), CS_ERR_BAD_HANDLE);
	ck_assert_int_eq(client_handle_get(&handles, handle, &object), CS_OK);
	ck_assert_ptr_eq(object, &thing);
	/* Closed while in use: it lives until the user has done. */
	ck_assert_int_eq(client_handle_close(&handles, handle), CS_OK);
	ck_assert(client_handle_closed(&handles, handle));
	ck_assert_int_eq(client_handle_close(&handles, handle), CS_ERR_BAD_HANDLE);
	ck_assert_int_eq(client_handle_get(&handles, handle, &object), CS_ERR_BAD_HANDLE);
	ck_assert_uint_eq(destroyed, 0);
	client_handle_put(&handles, handle);
	ck_assert_uint_eq(destroyed, 1);
	client_handle_put(&handles, handle);
	/* The slot is used again, the stale handle does not fit. */
	ck_assert_int_eq(client_handle_new(&handles, &other, &second), CS_OK);
	ck_assert_uint_ne(second, handle);
	ck_assert_int_eq(client_handle_get(&handles, handle, &object), CS_ERR_BAD_HANDLE);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(client_handle_new(&handles, &thing, &handle), CS_OK);
	ck_assert_int_eq(client_handle_get(&handles, second, &object), CS_OK);
	ck_assert_ptr_eq(object, &other);
	client_handle_put(&handles, second);
	ck_assert_int_eq(client_handle_close(&handles, second), CS_OK);
	ck_assert_uint_eq(destroyed, 2);
}
END_TEST

static Suite *
ipc_suite(void)
{
	Suite *suite = suite_create("ipc");
	TCase *tc = tcase_create("ipc");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_call_comes_after_what_was_sent);
	tcase_add_test(tc, refused_records_come_again_in_order);
	tcase_add_test(tc, a_close_comes_after_what_was_sent);
	tcase_add_test(tc, held_server_takes_nothing_until_let_go);
	tcase_add_test(tc, a_hundred_thousand_each_way);
	tcase_add_test(tc, large_records_and_too_large_ones);
	tcase_add_test(tc, full_ring_says_try_again);
	tcase_add_test(tc, select_and_one_at_a_time);
	tcase_add_test(tc, event_at_the_moment_of_arming);
	tcase_add_test(tc, bells_are_rung_for_sleepers_only);
	tcase_add_test(tc, dispatching_nests);
	tcase_add_test(tc, interrupt_wakes_who_waits);
	tcase_add_test(tc, threads_share_a_connection);
	tcase_add_test(tc, fork_leaves_the_connection_to_the_parent);
	tcase_add_test(tc, a_child_does_not_keep_the_connection_open);
	tcase_add_test(tc, handles_survive_misuse);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(ipc_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
