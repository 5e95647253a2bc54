/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Programs that do not dispatch while they wait, or do odd things in a callback: none is cut off
 * for it, and the message that a callback looks at stays.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/unit/test_libcpg.h"

#define CROWD		5u
#define FEW		3u
#define MESSAGE_BYTES	65536u
#define LARGE_BYTES	(8u * 1024u * 1024u)

struct waiter {
	struct cpg_name name;
	unsigned int members, messages;		/* so far; atomic */
	void (*on_message)(cpg_handle_t handle, const uint8_t *data, size_t len);
	bool leaving;				/* the main thread; atomic */
	unsigned int left;			/* the callback's answer, not 0; atomic */
	pid_t child;
	unsigned int depth, most_maps;
};

static uint8_t message[MESSAGE_BYTES];
static struct waiter *waiter;		/* one in each process */
static unsigned int place_in_crowd;
static pthread_mutex_t application = PTHREAD_MUTEX_INITIALIZER;

static unsigned int
count_of(const unsigned int *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void
on_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node_id, uint32_t pid,
    void *data, size_t len)
{
	(void) group, (void) node_id, (void) pid;
	__atomic_fetch_add(&waiter->messages, 1, __ATOMIC_RELEASE);
	if (waiter->on_message != NULL)
		waiter->on_message(handle, data, len);
}

static void
on_members(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	(void) handle, (void) group, (void) members, (void) left, (void) left_count;
	(void) joined, (void) joined_count;
	__atomic_store_n(&waiter->members, (unsigned int) member_count,
	    __ATOMIC_RELEASE);
}

/* A member, when so many are. */
static cpg_handle_t
waiter_open(struct waiter *mine, const char *group, unsigned int members)
{
	cpg_callbacks_t callbacks = { on_message, on_members };
	cs_error_t error = CS_ERR_TRY_AGAIN;
	cpg_handle_t handle;

	waiter = mine;
	waiter->name = name_of(group);
	for (int i = 0; i < 500 && error != CS_OK; i++) {
		error = cpg_initialize(&handle, &callbacks);
		if (error != CS_OK)
			(void) poll(NULL, 0, 20);	/* the daemon is starting */
	}
	ck_assert_int_eq(error, CS_OK);
	while ((error = cpg_join(handle, &waiter->name)) == CS_ERR_TRY_AGAIN)
		(void) poll(NULL, 0, 1);
	ck_assert_int_eq(error, CS_OK);
	while (count_of(&waiter->members) < members)
		ck_assert_int_eq(cpg_dispatch(handle, CS_DISPATCH_ONE), CS_OK);
	return handle;
}

static cs_error_t
send_message(cpg_handle_t handle)
{
	struct iovec iov = { message, sizeof message };

	return cpg_mcast_joined(handle, CPG_TYPE_AGREED, &iov, 1);
}

/* Again and again until it is taken, for so many ms at most. */
static cs_error_t
send_again(cpg_handle_t handle, unsigned int ms)
{
	cs_error_t error;

	while ((error = send_message(handle)) == CS_ERR_TRY_AGAIN && ms-- > 0)
		(void) poll(NULL, 0, 1);
	return error;
}

static void
crowd(unsigned int count, void (*member)(void))
{
	pid_t child[CROWD];
	int status;

	for (unsigned int i = 0; i < count; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			place_in_crowd = i;
			member();
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < count; i++) {
		ck_assert_int_eq(waitpid(child[i], &status, 0), child[i]);
		ck_assert_int_eq(status, 0);
	}
}

static void
sends_first(void)
{
	enum { COUNT = 600 };	/* 112 MiB of all: more than rings, queues and backlog hold */
	struct waiter own = { 0 };
	cpg_handle_t h = waiter_open(&own, "sends first", FEW);

	for (unsigned int i = 0; i < COUNT; i++)
		ck_assert_int_eq(send_again(h, 20000), CS_OK);
	while (own.messages < FEW * COUNT)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
}

/* All members send what they have, and try again until it is taken, and only then dispatch. */
START_TEST(sends_again_without_dispatch)
{
	crowd(FEW, sends_first);
}
END_TEST

static void
sends_to_two(void)
{
	enum { COUNT = 600 };
	struct waiter own = { 0 };
	cpg_handle_t h[2];

	h[0] = waiter_open(&own, "one of two", FEW);
	own.members = 0;
	h[1] = waiter_open(&own, "the other", FEW);
	for (unsigned int i = 0; i < 2 * COUNT; i++)
		ck_assert_int_eq(send_again(h[i % 2], 20000), CS_OK);
	for (unsigned int i = 0; own.messages < FEW * 2 * COUNT; i++)
		ck_assert_int_eq(cpg_dispatch(h[i % 2], CS_DISPATCH_ALL), CS_OK);
}

/* The daemon may wait for the room of one of them while the program waits at the other. */
START_TEST(two_handles_of_one_thread)
{
	crowd(FEW, sends_to_two);
}
END_TEST

static void
waits_for_flow(void)
{
	enum { COUNT = 600 };
	struct waiter own = { 0 };
	cpg_handle_t h = waiter_open(&own, "flow", FEW);
	cpg_flow_control_state_t state = CPG_FLOW_CONTROL_DISABLED;

	for (unsigned int i = 0; i < COUNT;) {
		ck_assert_int_eq(cpg_flow_control_state_get(h, &state), CS_OK);
		if (state == CPG_FLOW_CONTROL_ENABLED)
			(void) poll(NULL, 0, 1);
		else
			i += send_message(h) == CS_OK;
	}
	while (own.messages < FEW * COUNT)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
}

/* Who asks before each send whether it should wait, and does so, is never refused. */
START_TEST(flow_control_is_waited_for)
{
	crowd(FEW, waits_for_flow);
}
END_TEST

static void
answer(cpg_handle_t handle, const uint8_t *data, size_t len)
{
	struct iovec iov = { (void *) (uintptr_t) data, 1 };
	cs_error_t error;

	if (len == 1)
		return;
	while ((error = cpg_mcast_joined(handle, CPG_TYPE_AGREED, &iov, 1)) == CS_ERR_TRY_AGAIN)
		(void) poll(NULL, 0, 1);
	ck_assert_int_eq(error, CS_OK);
}

static void
answers_much(void)
{
	enum { COUNT = 2000 };	/* 375 MiB of all: more than is too much */
	struct waiter own = { 0 };
	cpg_handle_t h = waiter_open(&own, "answers", FEW);
	/* The time limit of a sanitizer's or valgrind's run is longer. */
	const char *times = getenv("CK_TIMEOUT_MULTIPLIER");
	struct timespec begin, end;

	for (unsigned int i = 0; i < COUNT; i++)
		ck_assert_int_eq(send_again(h, 20000), CS_OK);
	own.on_message = answer;
	(void) clock_gettime(CLOCK_MONOTONIC, &begin);
	while (own.messages < FEW * COUNT)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
	(void) clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_int_lt(end.tv_sec - begin.tv_sec,
	    times == NULL ? 10 : 10 * strtol(times, NULL, 10));
	/* The others read it to its end. */
	while (own.messages < FEW * COUNT + FEW * FEW * COUNT)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
}

/* Nobody can dispatch instead while a callback sends, however much is aside. */
START_TEST(answers_from_callbacks_with_much_ahead)
{
	crowd(FEW, answers_much);
}
END_TEST

static void
sleep_on_it(cpg_handle_t handle, const uint8_t *data, size_t len)
{
	(void) handle, (void) data, (void) len;
	(void) poll(NULL, 0, 2);
}

/* One reads most ahead, and then needs more than two seconds for that, while others go on. */
static void
dispatches_slowly(void)
{
	enum { COUNT = 900, OTHERS = 1200 };
	struct waiter own = { 0 };
	cpg_handle_t h = waiter_open(&own, "slowly", FEW);
	bool slow = place_in_crowd == 0;

	for (unsigned int i = 0; slow && i < COUNT; i++)
		ck_assert_int_eq(send_again(h, 20000), CS_OK);
	if (slow)
		own.on_message = sleep_on_it;
	for (unsigned int i = 0; !slow && i < OTHERS;) {
		i += send_message(h) == CS_OK;
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
	}
	while (own.messages < COUNT + (FEW - 1) * OTHERS)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
}

START_TEST(much_ahead_and_slow_callbacks)
{
	crowd(FEW, dispatches_slowly);
}
END_TEST

static void *
dispatcher_thread(void *argument)
{
	(void) cpg_dispatch(*(cpg_handle_t *) argument, CS_DISPATCH_BLOCKING);
	return NULL;
}

static bool
is_all(const uint8_t *data, size_t len, uint8_t byte)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != byte)
			return false;
	return true;
}

/* The message is the callback's to write to, and stays while it waits. */
static void
work_locked(cpg_handle_t handle, const uint8_t *data, size_t len)
{
	enum { PASSES = 4 };
	bool locked = false;
	uint8_t byte = 0;

	(void) handle;
	while (!locked && byte < PASSES) {
		memset((uint8_t *) (uintptr_t) data, ++byte, len);
		ck_assert(is_all(data, len, byte));
		locked = pthread_mutex_trylock(&application) == 0;
	}
	if (!locked)
		(void) pthread_mutex_lock(&application);
	ck_assert(is_all(data, len, byte));
	(void) pthread_mutex_unlock(&application);
}

static void
sends_locked(void)
{
	enum { COUNT = 20, SMALL = 10 };	/* 516 MiB of all */
	struct waiter own = { .on_message = work_locked };
	cpg_handle_t h = waiter_open(&own, "one mutex", FEW);
	struct iovec large = { calloc(1, LARGE_BYTES), LARGE_BYTES };
	cs_error_t error;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, dispatcher_thread, &h), 0);
	for (unsigned int i = 0, small = 0; i < COUNT;) {
		(void) pthread_mutex_lock(&application);
		error = small < SMALL ? send_message(h) :
		    cpg_mcast_joined(h, CPG_TYPE_AGREED, &large, 1);
		(void) pthread_mutex_unlock(&application);
		if (error == CS_OK) {
			i += small == SMALL;
			small = small < SMALL ? small + 1 : 0;
		} else {
			ck_assert_int_eq(error, CS_ERR_TRY_AGAIN);
			(void) poll(NULL, 0, 1);
		}
	}
	while (count_of(&own.messages) < FEW * COUNT * (SMALL + 1))
		(void) poll(NULL, 0, 1);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	free(large.iov_base);
}

/* A mutex of the application's is held while one thread sends, and while another's callback works:
 * the one that sends, and waits for the daemon, has to read for the other one. */
START_TEST(mutex_round_sends_and_callbacks)
{
	crowd(FEW, sends_locked);
}
END_TEST

static void
leave_too(cpg_handle_t handle, const uint8_t *data, size_t len)
{
	(void) data, (void) len;
	waiter->on_message = NULL;
	while (!__atomic_load_n(&waiter->leaving, __ATOMIC_ACQUIRE))
		(void) poll(NULL, 0, 1);
	(void) poll(NULL, 0, 50);	/* the other one waits by now */
	__atomic_store_n(&waiter->left, (unsigned int) cpg_leave(handle, &waiter->name),
	    __ATOMIC_RELEASE);
}

static void
leaves_twice(void)
{
	enum { COUNT = 600 };	/* 187 MiB of all */
	struct waiter own = { .on_message = leave_too };
	cpg_handle_t h = waiter_open(&own, "leaves twice", CROWD);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, dispatcher_thread, &h), 0);
	for (unsigned int i = 0; i < COUNT && send_again(h, 600) == CS_OK; i++)
		;
	__atomic_store_n(&own.leaving, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(cpg_leave(h, &own.name), CS_OK);
	while (count_of(&own.left) == 0)
		(void) poll(NULL, 0, 1);
	ck_assert_uint_eq(own.left, CS_ERR_NOT_EXIST);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* One thread leaves behind a full ring, and so does a callback of the one that dispatches. */
START_TEST(two_threads_leave)
{
	crowd(CROWD, leaves_twice);
}
END_TEST

static void
fork_here(cpg_handle_t handle, const uint8_t *data, size_t len)
{
	(void) handle;
	waiter->on_message = NULL;
	waiter->child = fork();
	if (waiter->child != 0)
		return;
	for (int i = 0; i < 30 && is_all(data, len, 'A'); i++)
		(void) poll(NULL, 0, 20);
	_exit(is_all(data, len, 'A') ? 0 : 1);
}

/* A callback makes a process that works on the message while its parent goes on. */
START_TEST(child_keeps_its_message)
{
	struct waiter own = { .on_message = fork_here };
	cpg_handle_t h = waiter_open(&own, "forks", 1);
	unsigned int sent = 0;
	int status;

	memset(message, 'A', sizeof message);
	ck_assert_int_eq(send_message(h), CS_OK);
	memset(message, 'B', sizeof message);
	while (own.messages < 300) {
		sent += sent < 300 && send_message(h) == CS_OK;
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
	}
	ck_assert_int_eq(waitpid(own.child, &status, 0), own.child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

/* Of connections' memory. */
static unsigned int
maps_count(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned int count = 0;
	char line[512];

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof line, maps) != NULL)
		count += strstr(line, "/memfd:corosync") != NULL;
	(void) fclose(maps);
	return count;
}

/* The outer one dispatches until `messages` is what it should be; each inner one waits for the
 * daemon while the ring is more than half full. */
static void
dispatch_and_wait(cpg_handle_t handle, const uint8_t *data, size_t len)
{
	enum { ROUNDS = 10, COUNT = 60 };
	struct iovec large = { calloc(1, LARGE_BYTES), LARGE_BYTES };
	unsigned int first, count;

	ck_assert_ptr_nonnull(large.iov_base);
	(void) data, (void) len;
	waiter->on_message = NULL;
	if (waiter->depth++ == 0) {
		for (unsigned int round = 0; round < ROUNDS; round++) {
			first = waiter->messages + 1;
			for (unsigned int i = 0; i < COUNT; i++)
				ck_assert_int_eq(send_again(handle, 5000), CS_OK);
			waiter->depth = 1;
			waiter->on_message = dispatch_and_wait;
			while (waiter->messages < first + COUNT)
				ck_assert_int_eq(cpg_dispatch(handle, CS_DISPATCH_ONE), CS_OK);
			count = maps_count();
			if (count > waiter->most_maps)
				waiter->most_maps = count;
		}
	} else {
		(void) poll(NULL, 0, 30);	/* the rest has come */
		ck_assert_int_eq(cpg_mcast_joined(handle, CPG_TYPE_AGREED, &large, 1), CS_OK);
	}
	free(large.iov_base);
}

START_TEST(nested_waits_leave_nothing)
{
	struct waiter own = { .on_message = dispatch_and_wait };
	cpg_handle_t h = waiter_open(&own, "nests", 1);
	unsigned int before = maps_count();

	ck_assert_int_eq(send_message(h), CS_OK);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
	ck_assert_uint_gt(own.messages, 600);
	ck_assert_uint_le(own.most_maps, before + 4);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

TCase *
waits_tests(void)
{
	TCase *tc = tcase_create("waits");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, sends_again_without_dispatch);
	tcase_add_test(tc, two_handles_of_one_thread);
	tcase_add_test(tc, flow_control_is_waited_for);
	tcase_add_test(tc, answers_from_callbacks_with_much_ahead);
	tcase_add_test(tc, much_ahead_and_slow_callbacks);
	tcase_add_test(tc, mutex_round_sends_and_callbacks);
	tcase_add_test(tc, two_threads_leave);
	tcase_add_test(tc, child_keeps_its_message);
	tcase_add_test(tc, nested_waits_leave_nothing);
	return tc;
}
