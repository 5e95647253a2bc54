/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * libcpg with a real daemon of one node, which this program starts.  Runs in the build tree.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/test_libcpg.h"

pid_t daemon_pid;
static char work[64];
static char instance[32];

/* --- the daemon ---------------------------------------------------------------------------- */

static void
config_write(void)
{
	char path[128];
	FILE *file;

	(void) snprintf(path, sizeof path, "%s/conf", work);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "totem {\n version: 2\n cluster_name: %s\n transport: udpu\n}\n"
	    "nodelist {\n node {\n ring0_addr: 127.0.0.1\n nodeid: 7\n port: %d\n }\n}\n"
	    "logging {\n to_stderr: yes\n to_syslog: no\n}\n"
	    "system {\n client_backlog: 33554432\n}\n", instance, 20000 + getpid() % 20000);
	ck_assert_int_eq(fclose(file), 0);
}

void
daemon_start(void)
{
	char config[128], log[128];
	pid_t parent = getpid();

	(void) snprintf(config, sizeof config, "%s/conf", work);
	(void) snprintf(log, sizeof log, "%s/log", work);
	daemon_pid = fork();
	if (daemon_pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || freopen(log, "a", stderr) == NULL)
			_exit(99);
		execl("./corosync", "corosync", "-f", "-p", "-i", instance, "--run-dir", work,
		    "--state-dir", work, "-c", config, (char *) NULL);
		_exit(99);
	}
	ck_assert_int_gt(daemon_pid, 0);
}

void
daemon_stop(int signal_number)
{
	(void) kill(daemon_pid, signal_number);
	ck_assert_int_eq(waitpid(daemon_pid, NULL, 0), daemon_pid);
}

static void
suite_begin(void)
{
	(void) snprintf(work, sizeof work, "/tmp/test_libcpg.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(work));
	(void) snprintf(instance, sizeof instance, "libcpg%d", (int) getpid());
	ck_assert_int_eq(setenv("COROSYNC_INSTANCE", instance, 1), 0);
	ck_assert_int_eq(setenv("COROSYNC_ENGINE_DIR", ".libs", 0), 0);
	config_write();
	daemon_start();
}

static void
suite_end(void)
{
	char command[128];

	daemon_stop(SIGTERM);
	(void) snprintf(command, sizeof command, "rm -rf %s", work);
	ck_assert_int_eq(system(command), 0);
}

/* --- helpers ------------------------------------------------------------------------------- */

struct cpg_name
name_of(const char *text)
{
	struct cpg_name name = { .length = (uint32_t) strlen(text) };

	memcpy(name.value, text, name.length);
	return name;
}

uint64_t
sum_of(const uint8_t *data, size_t len)
{
	uint64_t sum = len;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static struct seen *
seen_of(cpg_handle_t handle)
{
	void *context = NULL;

	ck_assert_int_eq(cpg_context_get(handle, &context), CS_OK);
	return context;
}

static void
in_callback(cpg_handle_t handle, struct seen *seen)
{
	unsigned int nested = seen->nested;

	seen->nested = 0;
	while (nested-- > 0)
		ck_assert_int_eq(cpg_dispatch(handle, CS_DISPATCH_ONE), CS_OK);
	if (seen->large > 0) {
		struct iovec iov = { .iov_base = calloc(1, seen->large), .iov_len = seen->large };

		ck_assert_ptr_nonnull(iov.iov_base);
		seen->large = 0;
		ck_assert_int_eq(cpg_mcast_joined(handle, CPG_TYPE_AGREED, &iov, 1), CS_OK);
		free(iov.iov_base);
	}
	if (seen->finalize) {
		ck_assert_int_eq(cpg_finalize(handle), CS_OK);
		ck_assert_int_eq(cpg_finalize(handle), CS_ERR_BAD_HANDLE);
	}
}

static void
on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node_id, uint32_t pid,
    void *msg, size_t len)
{
	struct seen *seen = seen_of(handle);
	uint64_t sum = sum_of(msg, len);

	ck_assert_uint_eq((uintptr_t) msg % 8, 0);
	in_callback(handle, seen);
	ck_assert_uint_eq(sum_of(msg, len), sum);	/* still the same behind a nested one */
	seen->messages++;
	seen->bytes += len;
	seen->len_last = len;
	seen->sum ^= sum;
	seen->node_id = node_id;
	seen->pid = pid;
	seen->group = *group;
}

static void
on_change(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	struct seen *seen = seen_of(handle);

	seen->changes++;
	seen->members = member_count;
	seen->left = left_count;
	seen->joined = joined_count;
	seen->reason = left_count > 0 ? left[0].reason : joined[0].reason;
	seen->group = *group;
	for (size_t i = 0; i < member_count; i++)
		ck_assert_uint_eq(members[i].reason, CPG_REASON_UNDEFINED);
	in_callback(handle, seen);
}

static void
on_ring(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t count, const uint32_t *members)
{
	struct seen *seen = seen_of(handle);

	ck_assert_uint_eq(ring.nodeid, 7);
	ck_assert_uint_gt(ring.seq, 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(members[0], 7);
	seen->rings++;
	ck_assert_uint_gt(seen->changes, 0);	/* behind the change that says that we joined */
}

cpg_handle_t
open_handle(struct seen *seen)
{
	cpg_model_v1_data_t model = { .model = CPG_MODEL_V1, .cpg_deliver_fn = on_deliver,
	    .cpg_confchg_fn = on_change, .cpg_totem_confchg_fn = on_ring,
	    .flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF };
	cpg_handle_t handle;
	cs_error_t error = CS_ERR_TRY_AGAIN;

	memset(seen, 0, sizeof *seen);
	for (int i = 0; i < 500 && error != CS_OK; i++) {
		error = cpg_model_initialize(&handle, CPG_MODEL_V1, (cpg_model_data_t *) &model,
		    seen);
		if (error != CS_OK)
			(void) poll(NULL, 0, 20);	/* it is starting */
	}
	ck_assert_int_eq(error, CS_OK);
	return handle;
}

cpg_handle_t
open_joined(struct seen *seen, const char *group)
{
	struct cpg_name name = name_of(group);
	cpg_handle_t handle = open_handle(seen);
	cs_error_t error;

	while ((error = cpg_join(handle, &name)) == CS_ERR_TRY_AGAIN)
		(void) poll(NULL, 0, 5);
	ck_assert_int_eq(error, CS_OK);
	while (seen->changes == 0 || seen->rings == 0)
		ck_assert_int_eq(cpg_dispatch(handle, CS_DISPATCH_ONE), CS_OK);
	return handle;
}

void
wait_messages(cpg_handle_t handle, const struct seen *seen, unsigned int count)
{
	while (seen->messages < count)
		ck_assert_int_eq(cpg_dispatch(handle, CS_DISPATCH_ONE), CS_OK);
	ck_assert_uint_eq(seen->messages, count);
}

cs_error_t
send_text(cpg_handle_t handle, const char *text)
{
	struct iovec iov = { .iov_base = (void *) (uintptr_t) text, .iov_len = strlen(text) };

	return cpg_mcast_joined(handle, CPG_TYPE_AGREED, &iov, 1);
}

static bool
is_readable(int fd, int timeout_ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, timeout_ms) == 1;
}

/* --- tests --------------------------------------------------------------------------------- */

START_TEST(bad_handles)
{
	struct seen seen;
	cpg_handle_t good = open_handle(&seen), bad[] = { 0, 1, UINT64_MAX, good + 1, good ^ 1 };
	struct cpg_address list[CPG_MEMBERS_MAX];
	struct cpg_iteration_description_t entry;
	struct cpg_name name = name_of("g");
	cpg_flow_control_state_t flow;
	cpg_iteration_handle_t iteration;
	unsigned int node_id;
	uint32_t size;
	void *pointer;
	int number;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cpg_handle_t h = bad[i];

		ck_assert_int_eq(cpg_fd_get(h, &number), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_context_get(h, &pointer), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_context_set(h, NULL), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_join(h, &name), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_leave(h, &name), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(send_text(h, "x"), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_membership_get(h, &name, list, &number), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_local_get(h, &node_id), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_flow_control_state_get(h, &flow), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_max_atomic_msgsize_get(h, &size), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_zcb_alloc(h, 10, &pointer), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_zcb_free(h, &number), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_zcb_mcast_joined(h, CPG_TYPE_AGREED, &number, 1),
		    CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_iteration_initialize(h, CPG_ITERATION_ALL, NULL, &iteration),
		    CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_iteration_next(h, &entry), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_iteration_finalize(h), CS_ERR_BAD_HANDLE);
		ck_assert_int_eq(cpg_finalize(h), CS_ERR_BAD_HANDLE);
	}
	ck_assert_int_eq(cpg_finalize(good), CS_OK);
	ck_assert_int_eq(cpg_finalize(good), CS_ERR_BAD_HANDLE);
	ck_assert_int_eq(cpg_dispatch(good, CS_DISPATCH_ALL), CS_ERR_BAD_HANDLE);
}
END_TEST

START_TEST(bad_arguments)
{
	cpg_model_v1_data_t model = { .model = CPG_MODEL_V1, .flags = 2 };
	struct cpg_name name = name_of("g"), too_long = { .length = 129 };
	struct iovec hole = { .iov_base = NULL, .iov_len = 1 };
	struct iovec huge[2] = { { &name, SIZE_MAX - 3 }, { &name, 100 } };
	struct iovec over = { &name, 64u * 1024 * 1024 + 1 };
	struct seen seen;
	cpg_handle_t h;
	cpg_iteration_handle_t iteration;

	ck_assert_int_eq(cpg_initialize(NULL, NULL), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_model_initialize(&h, CPG_MODEL_V1, NULL, NULL), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_model_initialize(&h, CPG_MODEL_V1, (cpg_model_data_t *) &model, NULL),
	    CS_ERR_INVALID_PARAM);
	model.flags = 0;
	ck_assert_int_eq(cpg_model_initialize(&h, (cpg_model_t) 2, (cpg_model_data_t *) &model,
	    NULL), CS_ERR_INVALID_PARAM);
	h = open_joined(&seen, "bad-arguments");
	ck_assert_int_eq(cpg_join(h, NULL), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_join(h, &too_long), CS_ERR_NAME_TOO_LONG);
	ck_assert_int_eq(cpg_leave(h, &too_long), CS_ERR_NAME_TOO_LONG);
	ck_assert_int_eq(cpg_leave(h, &name), CS_ERR_NOT_EXIST);
	ck_assert_int_eq(cpg_dispatch(h, (cs_dispatch_flags_t) 0), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_dispatch(h, (cs_dispatch_flags_t) 5), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_fd_get(h, NULL), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_local_get(h, NULL), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_mcast_joined(h, CPG_TYPE_AGREED, NULL, 1), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_mcast_joined(h, CPG_TYPE_AGREED, &hole, 1), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_mcast_joined(h, CPG_TYPE_AGREED, huge, 2), CS_ERR_TOO_BIG);
	ck_assert_int_eq(cpg_mcast_joined(h, CPG_TYPE_AGREED, &over, 1), CS_ERR_TOO_BIG);
	ck_assert_int_eq(cpg_mcast_joined(h, (cpg_guarantee_t) 4, NULL, 0), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_mcast_joined(h, CPG_TYPE_AGREED, &hole, 100000),
	    CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_iteration_initialize(h, (cpg_iteration_type_t) 0, NULL, &iteration),
	    CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_iteration_initialize(h, CPG_ITERATION_ONE_GROUP, NULL, &iteration),
	    CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

START_TEST(join_and_leave)
{
	struct cpg_name group = name_of("join"), other = name_of("other");
	struct seen seen, twin_seen;
	cpg_handle_t h = open_handle(&seen), twin;

	ck_assert_int_eq(send_text(h, "x"), CS_ERR_NOT_EXIST);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
	h = open_joined(&seen, "join");
	ck_assert(seen.members == 1 && seen.joined == 1 && seen.left == 0 && seen.rings == 1);
	ck_assert_uint_eq(seen.reason, CPG_REASON_JOIN);
	ck_assert_int_eq(cpg_join(h, &other), CS_ERR_EXIST);
	twin = open_handle(&twin_seen);
	ck_assert_int_eq(cpg_join(twin, &group), CS_ERR_EXIST);
	ck_assert_int_eq(send_text(h, "last"), CS_OK);
	ck_assert_int_eq(cpg_leave(h, &group), CS_OK);
	ck_assert_int_eq(send_text(h, "too late"), CS_ERR_NOT_EXIST);
	ck_assert_int_eq(cpg_leave(h, &group), CS_ERR_NOT_EXIST);
	ck_assert_int_eq(cpg_join(h, &other), CS_OK);		/* waits for the leave */
	ck_assert_int_eq(send_text(h, "new"), CS_OK);
	wait_messages(h, &seen, 2);
	ck_assert_uint_eq(seen.changes, 3);
	ck_assert_uint_eq(seen.group.length, other.length);
	ck_assert_mem_eq(seen.group.value, "other", 5);
	ck_assert_uint_eq(seen.pid, (uint32_t) getpid());
	ck_assert_int_eq(cpg_join(twin, &group), CS_OK);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
	ck_assert_int_eq(cpg_finalize(twin), CS_OK);
}
END_TEST

/* Finalise, and join the same group again at once: at most "try again", never "exists". */
START_TEST(finalize_and_come_again)
{
	struct cpg_name group = name_of("again");
	struct seen seen;

	for (int i = 0; i < 50; i++) {
		cpg_handle_t h = open_handle(&seen);
		cs_error_t error;

		while ((error = cpg_join(h, &group)) == CS_ERR_TRY_AGAIN)
			(void) poll(NULL, 0, 1);
		ck_assert_int_eq(error, CS_OK);
		ck_assert_int_eq(cpg_finalize(h), CS_OK);
	}
}
END_TEST

START_TEST(dispatch_flags)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "flags");
	int fd;

	ck_assert_int_eq(cpg_fd_get(h, &fd), CS_OK);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE_NONBLOCKING), CS_ERR_TRY_AGAIN);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
	ck_assert(!is_readable(fd, 50));
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(send_text(h, "x"), CS_OK);
	/* One at a time: the descriptor says so as long as there is something, and then no more. */
	for (unsigned int i = 1; i <= 5; i++) {
		ck_assert(is_readable(fd, 5000));
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
		ck_assert_uint_eq(seen.messages, i);
	}
	ck_assert(!is_readable(fd, 50));
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(send_text(h, "x"), CS_OK);
	while (seen.messages < 10) {
		ck_assert(is_readable(fd, 5000));
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
	}
	ck_assert(!is_readable(fd, 50));
	/* Dispatching in a callback. */
	seen.nested = true;
	ck_assert_int_eq(send_text(h, "outer"), CS_OK);
	ck_assert_int_eq(send_text(h, "inner message"), CS_OK);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
	ck_assert_uint_eq(seen.messages, 12);
	ck_assert_uint_eq(seen.len_last, 5);		/* the outer one ended last */
	/* Finalising in a callback ends a dispatch that would go on for ever. */
	seen.finalize = true;
	ck_assert_int_eq(send_text(h, "end"), CS_OK);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_BLOCKING), CS_OK);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_BLOCKING), CS_ERR_BAD_HANDLE);
}
END_TEST

START_TEST(sizes_and_parts_of_iovec)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 4096, 65536, 1047552, 1048576 };
	static uint8_t data[1048576];
	static struct iovec iov[1000];
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "sizes");
	uint32_t max;
	uint64_t sum = 0;
	unsigned int sent = 0;

	ck_assert_int_eq(cpg_max_atomic_msgsize_get(h, &max), CS_OK);
	ck_assert_uint_eq(max, 1047552);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t) (i * 31 + i / 256);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (int g = CPG_TYPE_UNORDERED; g <= CPG_TYPE_SAFE; g++) {
			unsigned int parts = i % 2 == 0 ? 1 : 1000;
			size_t at = 0;

			for (unsigned int k = 0; k < parts; k++) {
				iov[k].iov_base = data + at;
				iov[k].iov_len = k + 1 == parts ? sizes[i] - at : sizes[i] / parts;
				at += iov[k].iov_len;
			}
			while (cpg_mcast_joined(h, (cpg_guarantee_t) g, iov, parts) ==
			    CS_ERR_TRY_AGAIN)
				ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
			sum ^= sum_of(data, sizes[i]);
			wait_messages(h, &seen, ++sent);
			ck_assert_uint_eq(seen.len_last, sizes[i]);
			ck_assert_uint_eq(seen.sum, sum);
		}
	}
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

START_TEST(what_can_be_asked)
{
	struct cpg_address list[CPG_MEMBERS_MAX];
	struct cpg_name group = name_of("asked"), nobody = name_of("nobody");
	struct cpg_iteration_description_t entry;
	cpg_iteration_handle_t iteration;
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "asked");
	unsigned int node_id;
	void *context;
	int count, fd;
	struct ucred peer;
	socklen_t len = sizeof peer;

	ck_assert_int_eq(cpg_local_get(h, &node_id), CS_OK);
	ck_assert_uint_eq(node_id, 7);
	ck_assert_int_eq(cpg_context_set(h, &group), CS_OK);
	ck_assert_int_eq(cpg_context_get(h, &context), CS_OK);
	ck_assert_ptr_eq(context, &group);
	ck_assert_int_eq(cpg_membership_get(h, &group, list, &count), CS_OK);
	ck_assert_int_eq(count, 1);
	ck_assert(list[0].nodeid == 7 && list[0].pid == (uint32_t) getpid());
	ck_assert_int_eq(cpg_membership_get(h, &nobody, list, &count), CS_OK);
	ck_assert_int_eq(count, 0);
	ck_assert_int_eq(cpg_iteration_initialize(h, CPG_ITERATION_ONE_GROUP, &group, &iteration),
	    CS_OK);
	ck_assert_int_eq(cpg_iteration_next(iteration, &entry), CS_OK);
	ck_assert(entry.nodeid == 7 && entry.pid == (uint32_t) getpid());
	ck_assert_mem_eq(entry.group.value, "asked", 5);
	ck_assert_int_eq(cpg_iteration_next(iteration, &entry), CS_ERR_NO_SECTIONS);
	ck_assert_int_eq(cpg_iteration_finalize(iteration), CS_OK);
	ck_assert_int_eq(cpg_iteration_finalize(iteration), CS_ERR_BAD_HANDLE);
	/* Clients look who serves them. */
	ck_assert_int_eq(cpg_fd_get(h, &fd), CS_OK);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
	ck_assert_int_eq(peer.pid, daemon_pid);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

START_TEST(null_callbacks)
{
	struct cpg_name group = name_of("null");
	cpg_handle_t h;
	cpg_callbacks_t none = { 0 };

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(cpg_initialize(&h, i == 0 ? NULL : &none), CS_OK);
		while (cpg_join(h, &group) == CS_ERR_TRY_AGAIN)
			(void) poll(NULL, 0, 1);
		ck_assert_int_eq(send_text(h, "x"), CS_OK);
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);	/* the change */
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);	/* the message */
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE_NONBLOCKING), CS_ERR_TRY_AGAIN);
		ck_assert_int_eq(cpg_finalize(h), CS_OK);
	}
}
END_TEST

START_TEST(zero_copy_buffers)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "zcb");
	void *a, *b;
	char *text;

	ck_assert_int_eq(cpg_zcb_alloc(h, 100, &a), CS_OK);
	ck_assert_int_eq(cpg_zcb_alloc(h, SIZE_MAX, &b), CS_ERR_NO_MEMORY);
	ck_assert_int_eq(cpg_zcb_alloc(h, 1000, &b), CS_OK);
	text = a;
	memset(text, 'a', 100);
	ck_assert_int_eq(cpg_zcb_mcast_joined(h, CPG_TYPE_AGREED, a, 100), CS_OK);
	ck_assert_int_eq(cpg_zcb_mcast_joined(h, CPG_TYPE_SAFE, text + 50, 50), CS_OK);
	ck_assert_int_eq(cpg_zcb_mcast_joined(h, CPG_TYPE_AGREED, a, 101), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_zcb_mcast_joined(h, CPG_TYPE_AGREED, text + 50, 51),
	    CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_zcb_mcast_joined(h, CPG_TYPE_AGREED, &seen, 1), CS_ERR_INVALID_PARAM);
	wait_messages(h, &seen, 2);
	ck_assert_uint_eq(seen.bytes, 150);
	ck_assert_int_eq(cpg_zcb_free(h, text + 1), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_zcb_free(h, a), CS_OK);
	ck_assert_int_eq(cpg_zcb_free(h, a), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);	/* frees b */
}
END_TEST

START_TEST(a_child_cannot_use_it)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "fork");
	int status;
	pid_t child = fork();

	if (child == 0) {
		bool good = send_text(h, "child") == CS_ERR_BAD_HANDLE &&
		    cpg_dispatch(h, CS_DISPATCH_ALL) == CS_ERR_BAD_HANDLE &&
		    cpg_finalize(h) == CS_ERR_BAD_HANDLE;

		_exit(good ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(send_text(h, "parent"), CS_OK);	/* nothing of it is harmed */
	wait_messages(h, &seen, 1);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

/* Others see why a process left. */
static void *
open_ghost(void *seen)
{
	return (void *) (uintptr_t) open_handle(seen);
}

/* While a thread connects, another forks: the child must not keep the connection. */
START_TEST(a_child_made_while_connecting)
{
	struct seen seen, own;
	cpg_handle_t h = open_joined(&seen, "ghost");
	pid_t child = fork();
	pthread_t thread;
	void *opened;

	if (child == 0) {
		struct cpg_name name = name_of("ghost");

		ck_assert_int_eq(kill(daemon_pid, SIGSTOP), 0);
		ck_assert_int_eq(pthread_create(&thread, NULL, open_ghost, &own), 0);
		(void) poll(NULL, 0, 200);
		if (fork() == 0) {
			(void) poll(NULL, 0, 10000);
			_exit(0);
		}
		ck_assert_int_eq(kill(daemon_pid, SIGCONT), 0);
		ck_assert_int_eq(pthread_join(thread, &opened), 0);
		ck_assert_int_eq(cpg_join((cpg_handle_t) (uintptr_t) opened, &name), CS_OK);
		(void) poll(NULL, 0, 200);
		_exit(0);
	}
	while (seen.members < 2)
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	for (int i = 0; i < 50 && seen.members == 2; i++) {
		(void) poll(NULL, 0, 50);
		ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_OK);
	}
	ck_assert_uint_eq(seen.members, 1);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

START_TEST(reasons)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "reasons");

	for (int dies = 0; dies < 2; dies++) {
		unsigned int changes = seen.changes;
		pid_t child = fork();

		if (child == 0) {
			struct seen own;
			cpg_handle_t mine = open_joined(&own, "reasons");

			if (!dies)
				(void) cpg_finalize(mine);
			_exit(own.members == 2 ? 0 : 1);
		}
		while (seen.changes < changes + 2)
			ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ONE), CS_OK);
		ck_assert_uint_eq(seen.members, 1);
		ck_assert_uint_eq(seen.reason, dies ? CPG_REASON_PROCDOWN : CPG_REASON_LEAVE);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
	}
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

#define THREAD_MESSAGES	20000u

static void *
sender_thread(void *argument)
{
	cpg_handle_t h = *(cpg_handle_t *) argument;

	for (unsigned int i = 0; i < THREAD_MESSAGES;) {
		cs_error_t error = send_text(h, "from the thread");

		if (error == CS_OK)
			i++;
		else if (error == CS_ERR_TRY_AGAIN)
			(void) poll(NULL, 0, 1);
		else
			return argument;
	}
	return NULL;
}

START_TEST(one_thread_sends_one_dispatches)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "threads");
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pthread_create(&thread, NULL, sender_thread, &h), 0);
	wait_messages(h, &seen, THREAD_MESSAGES);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_null(result);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

static void *
finalizer_thread(void *argument)
{
	(void) poll(NULL, 0, 100);
	(void) cpg_finalize(*(cpg_handle_t *) argument);
	return NULL;
}

START_TEST(another_thread_finalizes)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "finalizer");
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, finalizer_thread, &h), 0);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_BLOCKING), CS_OK);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_ERR_BAD_HANDLE);
}
END_TEST

/* A daemon that stands still: sending goes on until the way is full, flow control says so, and what
 * was taken comes, no more and no less. */
START_TEST(flow_control)
{
	static uint8_t data[50000];
	struct iovec iov = { data, sizeof data };
	cpg_flow_control_state_t flow;
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "flow");
	unsigned int taken = 0;
	cs_error_t error;

	ck_assert_int_eq(cpg_flow_control_state_get(h, &flow), CS_OK);
	ck_assert_int_eq(flow, CPG_FLOW_CONTROL_DISABLED);
	ck_assert_int_eq(kill(daemon_pid, SIGSTOP), 0);
	while ((error = cpg_mcast_joined(h, CPG_TYPE_AGREED, &iov, 1)) == CS_OK)
		ck_assert_uint_lt(++taken, 100000);
	ck_assert_int_eq(error, CS_ERR_TRY_AGAIN);
	ck_assert_uint_gt(taken, 20);
	ck_assert_int_eq(cpg_flow_control_state_get(h, &flow), CS_OK);
	ck_assert_int_eq(flow, CPG_FLOW_CONTROL_ENABLED);
	ck_assert_int_eq(kill(daemon_pid, SIGCONT), 0);
	wait_messages(h, &seen, taken);
	ck_assert_int_eq(cpg_flow_control_state_get(h, &flow), CS_OK);
	ck_assert_int_eq(flow, CPG_FLOW_CONTROL_DISABLED);
	ck_assert_int_eq(send_text(h, "on"), CS_OK);
	wait_messages(h, &seen, taken + 1);
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
}
END_TEST

/* Must be the last: a child of the test's process cannot restart the suite's daemon. */
START_TEST(daemon_dies)
{
	struct seen seen;
	cpg_handle_t h = open_joined(&seen, "dies");
	struct pollfd poller = { .events = POLLIN };
	unsigned int node_id;

	ck_assert_int_eq(cpg_fd_get(h, &poller.fd), CS_OK);
	ck_assert_int_eq(kill(daemon_pid, SIGKILL), 0);
	ck_assert_int_eq(poll(&poller, 1, 5000), 1);
	ck_assert((poller.revents & (POLLHUP | POLLIN)) != 0);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_BLOCKING), CS_ERR_LIBRARY);
	ck_assert_int_eq(cpg_dispatch(h, CS_DISPATCH_ALL), CS_ERR_LIBRARY);
	ck_assert_int_eq(send_text(h, "x"), CS_ERR_LIBRARY);
	ck_assert_int_eq(cpg_local_get(h, &node_id), CS_OK);	/* that is known */
	ck_assert_int_eq(cpg_finalize(h), CS_OK);
	ck_assert_int_eq(cpg_initialize(&h, NULL), CS_ERR_LIBRARY);
	daemon_start();					/* dies with this process */
	h = open_joined(&seen, "dies");
	ck_assert_int_eq(send_text(h, "alive again"), CS_OK);
	wait_messages(h, &seen, 1);
	daemon_stop(SIGTERM);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("libcpg"), *cases[4];
	Suite *suite = suite_create("libcpg");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, bad_handles);
	tcase_add_test(tc, bad_arguments);
	tcase_add_test(tc, join_and_leave);
	tcase_add_test(tc, finalize_and_come_again);
	tcase_add_test(tc, dispatch_flags);
	tcase_add_test(tc, sizes_and_parts_of_iovec);
	tcase_add_test(tc, what_can_be_asked);
	tcase_add_test(tc, null_callbacks);
	tcase_add_test(tc, zero_copy_buffers);
	tcase_add_test(tc, a_child_cannot_use_it);
	tcase_add_test(tc, a_child_made_while_connecting);
	tcase_add_test(tc, reasons);
	tcase_add_test(tc, one_thread_sends_one_dispatches);
	tcase_add_test(tc, another_thread_finalizes);
	threads_tests(tc);
	tcase_add_test(tc, flow_control);
	cases[0] = tc;
	cases[1] = large_tests();
	cases[2] = waits_tests();
	cases[3] = tcase_create("death");
	tcase_set_timeout(cases[3], 60);
	tcase_add_test(cases[3], daemon_dies);
	for (int i = 0; i < 4; i++) {
		tcase_add_unchecked_fixture(cases[i], suite_begin, suite_end);
		suite_add_tcase(suite, cases[i]);
	}
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
