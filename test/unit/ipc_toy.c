/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <corosync/corotypes.h>
#include <corosync/ipc/link.h>
#include "exec/ipc/ipc.h"
#include "test/unit/ipc_toy.h"

#define MS_NS	UINT64_C(1000000)

struct toy_conn {
	LIST_ENTRY(toy_conn) link;
	struct ipc_conn *conn;
	uint64_t records, errors;
};

struct toy {
	qb_loop_t *loop;
	struct ipc_server *server;
	enum toy_door door;
	uint32_t room_each, room;
	bool kick_coming;
	uint64_t congested_since_ns;
	LIST_HEAD(, toy_conn) conns;
	struct toy_state state;
};

static int
toy_authorise(void *host, uid_t uid, gid_t gid, pid_t pid)
{
	struct toy *toy = host;

	(void) uid;
	(void) gid;
	(void) pid;
	if (toy->door == TOY_DOOR_OPEN)
		return 0;
	return toy->door == TOY_DOOR_REFUSE ? -EACCES : -EAGAIN;
}

static int
toy_opened(void *host, struct ipc_conn *conn)
{
	struct toy *toy = host;
	struct toy_conn *mine = calloc(1, sizeof *mine);

	if (mine == NULL)
		return -ENOMEM;
	mine->conn = conn;
	LIST_INSERT_HEAD(&toy->conns, mine, link);
	ipc_conn_private_set(conn, mine);
	toy->state.opened++;
	return 0;
}

static void
toy_closed(void *host, struct ipc_conn *conn)
{
	struct toy *toy = host;
	struct toy_conn *mine = ipc_conn_private(conn);

	toy->state.closed++;
	toy->state.closed_records += mine->records;
	toy->state.closed_errors += mine->errors;
	LIST_REMOVE(mine, link);
	free(mine);
}

static void
toy_kick(void *data)
{
	struct toy *toy = data;

	toy->kick_coming = false;
	toy->room = toy->room_each;
	ipc_server_kick(toy->server);
}

static void
toy_release(void *data)
{
	struct toy *toy = data;

	ipc_server_hold(toy->server, false);
}

static bool
toy_refuses(struct toy *toy)
{
	qb_loop_timer_handle timer;

	if (toy->room_each == 0)
		return false;
	if (toy->room > 0) {
		toy->room--;
		return false;
	}
	toy->state.refused++;
	if (!toy->kick_coming)
		(void) qb_loop_timer_add(toy->loop, QB_LOOP_HIGH, MS_NS, toy, toy_kick, &timer);
	toy->kick_coming = true;
	return true;
}

static int
toy_record(void *host, struct ipc_conn *conn, uint32_t function, const void *data, size_t len)
{
	struct toy *toy = host;
	struct toy_conn *mine = ipc_conn_private(conn);
	union {
		const void *data;
		void *base;
	} from = { .data = data };
	struct iovec iov = { .iov_base = from.base, .iov_len = len };
	uint64_t number;

	if (toy_refuses(toy))
		return -EAGAIN;
	if (function == TOY_RECORD_COUNT && len >= sizeof number) {
		memcpy(&number, data, sizeof number);
		toy->state.total_records++;
		if (number == mine->records + 1)
			mine->records++;
		else
			mine->errors++;
		return 0;
	}
	if (function != TOY_RECORD_ECHO)
		return -EINVAL;
	(void) ipc_event(conn, TOY_EVENT_ECHO, &iov, 1);
	return 0;
}

/* `all`: not to this connection only, each event to every one before the next event. */
static void
toy_burst(struct toy *toy, struct ipc_conn *conn, bool all, const void *data, size_t len)
{
	struct toy_burst burst;
	struct toy_conn *each;
	uint8_t *bytes;

	if (len != sizeof burst)
		return;
	memcpy(&burst, data, sizeof burst);
	bytes = calloc(1, burst.bytes);
	for (uint32_t i = 0; i < burst.count; i++) {
		struct iovec iov = { .iov_base = bytes, .iov_len = burst.bytes };

		memcpy(bytes, &i, burst.bytes < sizeof i ? burst.bytes : sizeof i);
		if (!all)
			(void) ipc_event(conn, TOY_EVENT_BURST, &iov, 1);
		else
			LIST_FOREACH(each, &toy->conns, link)
				(void) ipc_event(each->conn, TOY_EVENT_BURST, &iov, 1);
	}
	free(bytes);
}

static uint64_t
fds_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		(void) closedir(dir);
	return count;
}

static uint64_t
resident_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long value = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "VmRSS: %lu", &value) == 1)
			break;
	if (file != NULL)
		(void) fclose(file);
	return value;
}

static void
toy_state(struct toy *toy, struct ipc_conn *conn)
{
	const struct ipc_stats *stats = ipc_server_stats(toy->server);
	const struct toy_conn *mine = ipc_conn_private(conn);
	struct toy_state state = toy->state;

	state.connection_records = mine->records;
	state.connection_errors = mine->errors;
	state.fds = fds_count();
	state.resident_kib = resident_kib();
	state.active = stats->active;
	state.slow_cut = stats->slow_cut;
	state.garbage_cut = stats->garbage_cut;
	state.backlog_bytes = stats->backlog_bytes;
	state.doorbells_tx = stats->doorbells_tx;
	state.doorbells_rx = stats->doorbells_rx;
	ipc_reply(conn, &state, sizeof state);
}

static void
limit_fds(void)
{
	/* The directory that counting opens is one of them, so one too many. */
	struct rlimit limit = { .rlim_cur = fds_count() - 3, .rlim_max = 1024 };

	(void) setrlimit(RLIMIT_NOFILE, &limit);
}

static void
toy_request(void *host, struct ipc_conn *conn, uint32_t function, const void *data, size_t len)
{
	struct toy *toy = host;
	qb_loop_timer_handle timer;

	switch (function) {
	case TOY_CALL_STATE:
		toy_state(toy, conn);
		return;
	case TOY_CALL_BURST:
	case TOY_CALL_BURST_ALL:
		toy_burst(toy, conn, function == TOY_CALL_BURST_ALL, data, len);
		break;
	case TOY_CALL_BURST_BEHIND:
		ipc_reply(conn, NULL, 0);
		toy_burst(toy, conn, false, data, len);
		return;
	case TOY_CALL_SILENCE:
		return;
	case TOY_CALL_ROOM:
		if (len == sizeof toy->room_each)
			memcpy(&toy->room_each, data, len);
		toy->room = toy->room_each;
		break;
	case TOY_CALL_HOLD:
		ipc_server_hold(toy->server, true);
		(void) qb_loop_timer_add(toy->loop, QB_LOOP_HIGH, 100 * MS_NS, toy, toy_release,
		    &timer);
		break;
	case TOY_CALL_LIMIT_FDS:
		limit_fds();
		break;
	case TOY_CALL_CLOSE:
		ipc_reply(conn, NULL, 0);
		ipc_disconnect(conn, "it asked for it");
		return;
	default:	/* tidy: open set */
		break;
	}
	ipc_reply(conn, NULL, 0);
}

static void
toy_congested(void *host, bool on)
{
	struct toy *toy = host;

	if (on) {
		toy->state.congested_on++;
		toy->congested_since_ns = cs_timestamp_get();
		toy->state.congested_bytes = ipc_server_stats(toy->server)->backlog_bytes;
	} else {
		toy->state.congested_off++;
		toy->state.congested_ns = cs_timestamp_get() - toy->congested_since_ns;
	}
}

static void
toy_log(void *host, int priority, const char *text)
{
	(void) host;
	(void) priority;
	if (getenv("TOY_VERBOSE") != NULL)
		(void) fprintf(stderr, "%s\n", text);
}

static int32_t
toy_stop(int32_t number, void *data)
{
	struct toy *toy = data;

	(void) number;
	qb_loop_stop(toy->loop);
	return 0;
}

static void
toy_run(enum toy_door door, int ready_fd)
{
	static const struct ipc_handlers handlers = {
		.authorise = toy_authorise, .opened = toy_opened, .closed = toy_closed,
		.request = toy_request, .record = toy_record, .congested = toy_congested,
		.log = toy_log,
	};
	char name[IPC_NAME_BYTES_MAX];
	struct ipc_config config = {
		.name = name, .backlog_bytes_max = TOY_BACKLOG_BYTES, .grace_ns = TOY_GRACE_NS,
	};
	struct toy toy = { .door = door };
	qb_loop_signal_handle signal_handle;
	int r;

	toy.loop = qb_loop_create();
	(void) ipc_name(name, sizeof name, "toy", getenv("COROSYNC_INSTANCE"));
	(void) qb_loop_signal_add(toy.loop, QB_LOOP_HIGH, SIGTERM, &toy, toy_stop,
	    &signal_handle);
	r = ipc_server_new(toy.loop, &config, &handlers, &toy, &toy.server);
	(void) write(ready_fd, r == 0 ? "+" : "-", 1);
	(void) close(ready_fd);
	if (r < 0)
		_exit(3);
	qb_loop_run(toy.loop);
	toy.server = ipc_server_free(toy.server);
	qb_loop_destroy(toy.loop);
	_exit(toy.state.opened == toy.state.closed ? 0 : 4);
}

pid_t
toy_start_again(enum toy_door door)
{
	int ready[2];
	char byte = '?';
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void) close(ready[0]);
		toy_run(door, ready[1]);
	}
	(void) close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void) close(ready[0]);
	ck_assert_int_eq(byte, '+');
	return pid;
}

pid_t
toy_start(enum toy_door door)
{
	char instance[32];

	(void) snprintf(instance, sizeof instance, "unit%d", (int) getpid());
	ck_assert_int_eq(setenv("COROSYNC_INSTANCE", instance, 1), 0);
	return toy_start_again(door);
}

void
toy_kill(pid_t pid, int number)
{
	int status;

	ck_assert_int_eq(kill(pid, number), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (number == SIGTERM)
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
