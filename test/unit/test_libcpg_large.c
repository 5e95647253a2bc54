/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Messages that go in parts: whole or not at all, while others come and go.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/test_libcpg.h"

#define MIB	((size_t) 1024 * 1024)

static uint8_t *
content(size_t len, unsigned int seed)
{
	uint8_t *data = malloc(len);

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t) (i * 13 + i / 1000 + seed);
	return data;
}

static cs_error_t
send_bytes(cpg_handle_t h, uint8_t *data, size_t len)
{
	struct iovec iov[3] = { { data, 5 }, { data + 5, 0 }, { data + 5, len - 5 } };

	return cpg_mcast_joined(h, CPG_TYPE_AGREED, iov, 3);
}

START_TEST(large_messages_come_whole)
{
	static const size_t sizes[] = { MIB + 1, 3 * MIB + 77, 16 * MIB, 64 * MIB };
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "large");
	uint64_t sum = 0;

	for (unsigned int i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint8_t *data = content(sizes[i], i);

		ck_assert_int_eq(send_text(h, "before"), CS_OK);
		ck_assert_int_eq(send_bytes(h, data, sizes[i]), CS_OK);
		ck_assert_int_eq(send_text(h, "after"), CS_OK);
		wait_messages(h, &seen, 3 * i + 2);
		ck_assert_uint_eq(seen.len_last, sizes[i]);	/* in its place between */
		sum ^= sum_of(data, sizes[i]);
		wait_messages(h, &seen, 3 * i + 3);
		ck_assert_uint_eq(seen.len_last, 5);
		sum ^= sum_of((const uint8_t *) "before", 6) ^ sum_of((const uint8_t *) "after", 5);
		ck_assert_uint_eq(seen.sum, sum);
		free(data);
	}
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

/* A process that comes and goes, to make large messages void; ends when told. */
static _Noreturn void
comer(void)
{
	struct seen seen;

	for (;;) {
		cpg_handle_t h = open_joined(&seen, "void");

		(void) cpg_dispatch(h, CS_DISPATCH_ALL);
		(void) cpg_finalize(h);
		(void) poll(NULL, 0, 30);
	}
}

/* A member that checks: so many whole messages of that size, nothing else. */
static _Noreturn void
receiver(int ready, unsigned int count, size_t len)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "void");

	if (write(ready, "r", 1) != 1)
		_exit(3);
	while (seen.messages < count)
		if (cpg_dispatch(h, CS_DISPATCH_ONE) != CS_OK)
			_exit(2);
	_exit(seen.bytes == count * len ? 0 : 1);
}

START_TEST(joins_make_no_half_messages)
{
	enum { COUNT = 12 };
	const size_t len = 3 * MIB;
	uint8_t *data = content(len, 1);
	struct seen seen;
	pid_t child[2];
	int ready[2], status;
	char byte;
	cpg_handle_t h;

	ck_assert_int_eq(pipe(ready), 0);
	child[0] = fork();
	if (child[0] == 0)
		receiver(ready[1], COUNT, len);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	child[1] = fork();
	if (child[1] == 0)
		comer();
	h = open_joined(&seen, "void");
	for (unsigned int i = 0; i < COUNT;) {
		cs_error_t error = send_bytes(h, data, len);

		ck_assert(error == CS_OK || error == CS_ERR_TRY_AGAIN);
		i += error == CS_OK;
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
	}
	wait_messages(h, &seen, COUNT);
	ck_assert_uint_eq(seen.bytes, COUNT * len);
	ck_assert_uint_gt(seen.changes, 2);		/* the comer did come */
	ck_assert_int_eq(waitpid(child[0], &status, 0), child[0]);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(kill(child[1], SIGKILL), 0);
	ck_assert_int_eq(waitpid(child[1], &status, 0), child[1]);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
	free(data);
}
END_TEST

/* Its sender is killed in the middle: what came of it is forgotten. */
START_TEST(killed_sender_leaves_nothing)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "killed");
	pid_t child = fork();

	if (child == 0) {
		uint8_t *data = content(60 * MIB, 1);
		struct seen own;
		cpg_handle_t mine = open_joined(&own, "killed");

		(void) send_bytes(mine, data, 60 * MIB);
		_exit(1);
	}
	while (seen.members < 2)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
	(void) poll(NULL, 0, 10);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	while (seen.members > 1)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
	ck_assert_uint_eq(seen.reason, CPG_REASON_PROCDOWN);
	ck_assert(seen.messages == 0 || seen.bytes == 60 * MIB);
	ck_assert_int_eq(send_text(h, "still here"), CS_OK);
	wait_messages(h, &seen, seen.messages + 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

/* In a callback more is dispatched than the ring holds; its own message stays as it is. */
START_TEST(nested_dispatches_past_the_ring)
{
	enum { COUNT = 200 };
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "nested");
	int status;
	pid_t child = fork();

	if (child == 0) {
		uint8_t *data = content(65536, 1);
		struct seen own;
		cpg_handle_t mine = open_joined(&own, "nested");

		for (unsigned int i = 0; i <= COUNT;) {
			i += send_bytes(mine, data, 65536) == CS_OK;
			ck_assert_int_eq(cpg_dispatch(mine, CS_DISPATCH_ALL), CS_OK);
		}
		wait_messages(mine, &own, COUNT + 1);
		_exit(0);
	}
	while (seen.members < 2)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
	seen.nested = COUNT;
	while (seen.messages <= COUNT)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
	ck_assert_uint_eq(seen.bytes, (COUNT + 1) * 65536);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

#define CROWD	5

static void
wait_crowd(const pid_t child[CROWD])
{
	int status;

	for (unsigned int i = 0; i < CROWD; i++) {
		ck_assert_int_eq(waitpid(child[i], &status, 0), child[i]);
		ck_assert_int_eq(status, 0);
	}
}

static cpg_handle_t
open_in_crowd(struct seen *seen, const char *group)
{
	cpg_handle_t h = open_joined(seen, group);

	while (seen->members < CROWD)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
	return h;
}

/* All send as much as is taken, and ask something before they dispatch: the answer waits behind
 * what they sent, and that for the others, who wait, too. */
START_TEST(calls_behind_full_rings)
{
	pid_t child[CROWD];

	for (unsigned int i = 0; i < CROWD; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			uint8_t *data = content(100, i);
			struct cpg_name name = name_of("calls");
			struct cpg_address member[CPG_MEMBERS_MAX];
			struct seen own;
			cpg_handle_t h = open_in_crowd(&own, "calls");
			int count;

			for (unsigned int k = 0; k < 2; k++) {
				while (send_bytes(h, data, 100) == CS_OK)
					;
				ck_assert_int_eq(cpg_membership_get(h, &name, member, &count),
				    CS_OK);
				ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
			}
			_exit(0);
		}
	}
	wait_crowd(child);
}
END_TEST

/* All send a large message from the same callback, which returns when the message was taken. */
START_TEST(large_messages_from_callbacks)
{
	const size_t len = 8 * MIB;
	pid_t child[CROWD];

	for (unsigned int i = 0; i < CROWD; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			struct seen own;
			cpg_handle_t h = open_in_crowd(&own, "answers");

			own.large = len;
			if (i == 0)
				ck_assert_int_eq(send_text(h, "go"), CS_OK);
			wait_messages(h, &own, 1 + CROWD);
			ck_assert_uint_eq(own.bytes, 2 + CROWD * len);
			_exit(0);
		}
	}
	wait_crowd(child);
}
END_TEST

TCase *
large_tests(void)
{
	TCase *tc = tcase_create("large");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, large_messages_come_whole);
	tcase_add_test(tc, joins_make_no_half_messages);
	tcase_add_test(tc, killed_sender_leaves_nothing);
	tcase_add_test(tc, nested_dispatches_past_the_ring);
	tcase_add_test(tc, calls_behind_full_rings);
	tcase_add_test(tc, large_messages_from_callbacks);
	return tc;
}
