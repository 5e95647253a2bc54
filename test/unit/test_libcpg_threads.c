/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * One thread joins, another dispatches: the change that says so may be called back before
 * cpg_join() returns, and what is done in that callback counts.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/test_libcpg.h"

#define TURNS	300u

struct turn {				/* between who joins and who dispatches */
	unsigned int joined, left;	/* changes so far; atomic */
	bool finalize;
	cs_error_t sent;		/* of the last join */
};

static unsigned int
count_of(const unsigned int *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void
on_turn(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	void *context = NULL;
	struct turn *turn;

	(void) group, (void) members, (void) member_count, (void) left, (void) joined;
	ck_assert_int_eq(cpg_context_get(handle, &context), CS_OK);
	turn = context;
	if (joined_count > 0) {
		turn->sent = send_text(handle, "tell me the state");
		if (turn->finalize)
			ck_assert_int_eq(cpg_finalize(handle), CS_OK);
		__atomic_fetch_add(&turn->joined, 1, __ATOMIC_RELEASE);
	}
	if (left_count > 0)
		__atomic_fetch_add(&turn->left, 1, __ATOMIC_RELEASE);
}

static void *
dispatcher_thread(void *argument)
{
	(void) cpg_dispatch(*(cpg_handle_t *) argument, CS_DISPATCH_BLOCKING);
	return NULL;
}

static cpg_handle_t
open_turning(struct turn *turn)
{
	cpg_callbacks_t callbacks = { .cpg_confchg_fn = on_turn };
	cs_error_t error = CS_ERR_TRY_AGAIN;
	cpg_handle_t handle;

	for (int i = 0; i < 500 && error != CS_OK; i++) {
		error = cpg_initialize(&handle, &callbacks);
		if (error != CS_OK)
			(void) poll(NULL, 0, 20);	/* the daemon is starting */
	}
	ck_assert_int_eq(error, CS_OK);
	ck_assert_int_eq(cpg_context_set(handle, turn), CS_OK);
	return handle;
}

static void
join_patiently(cpg_handle_t handle, const struct cpg_name *name)
{
	cs_error_t error;

	while ((error = cpg_join(handle, name)) == CS_ERR_TRY_AGAIN)
		(void) poll(NULL, 0, 1);
	ck_assert_int_eq(error, CS_OK);
}

START_TEST(who_hears_of_its_join_may_send)
{
	struct cpg_name name = name_of("turns");
	struct turn turn = { 0 };
	cpg_handle_t h = open_turning(&turn);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, dispatcher_thread, &h), 0);
	for (unsigned int i = 1; i <= TURNS; i++) {
		join_patiently(h, &name);
		while (count_of(&turn.joined) < i)
			(void) poll(NULL, 0, 1);
		ck_assert_int_eq(turn.sent, CS_OK);
		ck_assert_int_eq(cpg_leave(h, &name), CS_OK);
		ck_assert_int_eq(send_text(h, "too late"), CS_ERR_NOT_EXIST);
		while (count_of(&turn.left) < i)
			(void) poll(NULL, 0, 1);
	}
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* The others see a leave, not a death. */
START_TEST(who_hears_of_its_join_may_finalize)
{
	struct seen seen;
	cpg_handle_t watcher = open_joined(&seen, "finalizes");
	unsigned int left = 0;
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct cpg_name name = name_of("finalizes");

		for (unsigned int i = 0; i < TURNS; i++) {
			struct turn turn = { .finalize = true };
			cpg_handle_t h = open_turning(&turn);
			pthread_t thread;

			ck_assert_int_eq(pthread_create(&thread, NULL, dispatcher_thread, &h), 0);
			join_patiently(h, &name);
			ck_assert_int_eq(pthread_join(thread, NULL), 0);
			ck_assert_uint_eq(turn.joined, 1);
		}
		_exit(0);
	}
	while (left < TURNS) {
		unsigned int changes = seen.changes;

		ck_assert_int_eq(cpg_dispatch(watcher, CS_DISPATCH_ONE), CS_OK);
		if (seen.changes == changes || seen.left == 0)
			continue;
		ck_assert_uint_eq(seen.reason, CPG_REASON_LEAVE);
		left++;
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(cpg_finalize(watcher), CS_OK);
}
END_TEST

void
threads_tests(TCase *tc)
{
	tcase_add_test(tc, who_hears_of_its_join_may_send);
	tcase_add_test(tc, who_hears_of_its_join_may_finalize);
}
