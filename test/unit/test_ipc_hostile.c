/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * exec/ipc/ and bad company: clients that write garbage, die at any moment, do not say hello; and
 * the library when the daemon refuses, dies or never was.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <corosync/ipc/link.h>
#include "exec/base/prng.h"
#include "lib/private.h"
#include "test/unit/ipc_ask.h"
#include "test/unit/ipc_raw.h"
#include "test/unit/ipc_toy.h"

#define MS_NS		UINT64_C(1000000)
#define HELLO_SMALL	{ .magic = IPC_MAGIC, .version = IPC_VERSION, \
	.to_daemon_bytes = IPC_RING_SMALL_BYTES, .to_client_bytes = IPC_RING_SMALL_BYTES }

/* The server hangs up on us within 5 s. */
static bool
raw_is_cut(const struct raw *raw)
{
	struct pollfd poller = { .fd = raw->fd };

	return poll(&poller, 1, 5000) == 1 && (poller.revents & POLLHUP) != 0;
}

/* --- garbage --- */

enum garbage {
	GARBAGE_HEAD, GARBAGE_HEAD_ODD, GARBAGE_LEN, GARBAGE_BASE, GARBAGE_CALL_TWICE,
	GARBAGE_CALL_SHORT, GARBAGE_RECORD, GARBAGE_TAIL, GARBAGE_COUNT
};

static void
garbage_write(struct raw *raw, enum garbage kind)
{
	const uint32_t head[2] = { 1, 0 };
	const struct toy_burst burst = { .count = 10, .bytes = 100 };
	uint8_t call[sizeof head + sizeof burst];

	memcpy(call, head, sizeof head);
	memcpy(call + sizeof head, &burst, sizeof burst);
	switch (kind) {
	case GARBAGE_HEAD:
		raw->page->to_daemon.head = IPC_RING_SMALL_BYTES + 8;
		break;
	case GARBAGE_HEAD_ODD:
		raw->page->to_daemon.head = 13;
		break;
	case GARBAGE_LEN:
		raw_put(raw, TOY_RECORD_COUNT, call, 8);
		((uint32_t *) (void *) raw->to_daemon.data)[1] = 0xfffffff0u;
		break;
	case GARBAGE_BASE:
		raw_put(raw, TOY_RECORD_COUNT, call, 8);
		raw->page->to_daemon.base = 3;
		break;
	case GARBAGE_CALL_TWICE:
		raw_put(raw, TOY_CALL_SILENCE | IPC_FUNCTION_CALL, head, sizeof head);
		raw_put(raw, TOY_CALL_SILENCE | IPC_FUNCTION_CALL, head, sizeof head);
		break;
	case GARBAGE_CALL_SHORT:
		raw_put(raw, TOY_CALL_SILENCE | IPC_FUNCTION_CALL, head, 4);
		break;
	case GARBAGE_RECORD:
		raw_put(raw, TOY_RECORD_BAD, call, 8);
		break;
	case GARBAGE_TAIL:
		raw->page->to_client.tail = 77;
		raw_put(raw, TOY_CALL_BURST | IPC_FUNCTION_CALL, call, sizeof call);
		break;
	case GARBAGE_COUNT:
		break;
	}
	raw_bell(raw);
}

/* Each kind ends that connection, is counted, and nothing else happens. */
START_TEST(garbage_ends_that_connection_only)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct raw raw;

	raw_open(&raw);
	garbage_write(&raw, (enum garbage) _i);
	ck_assert(raw_is_cut(&raw));
	raw_close(&raw);
	ck_assert_uint_eq(ask_active_wait(client, 1).garbage_cut, 1);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* Its event ring is found to be garbage when another one's burst comes to it; then, before its
 * turn, it hangs up.  That ends it: what it sent, garbage as well, is not looked at. */
START_TEST(garbage_is_said_once)
{
	const struct { uint32_t head[2]; struct toy_burst burst; } call = {
		.head = { 1, 0 }, .burst = { .count = 10, .bytes = 100 },
	};
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct raw sender, victim;

	raw_open(&sender);
	raw_open(&victim);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	raw_put(&sender, TOY_CALL_BURST_ALL | IPC_FUNCTION_CALL, &call, sizeof call);
	raw_bell(&sender);
	victim.page->to_client.tail = 77;
	raw_put(&victim, TOY_RECORD_BAD, "garbage", 8);
	raw_close(&victim);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	ck_assert_uint_eq(ask_active_wait(client, 2).garbage_cut, 1);
	raw_close(&sender);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* Scribble everywhere while the server works on it. */
static void
scribble(struct raw *raw, struct prng *prng)
{
	const struct toy_burst burst = { .count = 20, .bytes = 3000 };
	const uint32_t head[2] = { 1, 0 };
	uint8_t call[sizeof head + sizeof burst];
	uint32_t *words = (uint32_t *) (void *) raw->map;
	size_t count = sizeof(struct ipc_page) / sizeof *words;

	memcpy(call, head, sizeof head);
	memcpy(call + sizeof head, &burst, sizeof burst);
	raw_put(raw, TOY_CALL_BURST | IPC_FUNCTION_CALL, call, sizeof call);
	raw_bell(raw);
	for (int i = 0; i < 200; i++) {
		uint64_t kind = prng_below(prng, 3);
		uint32_t value = (uint32_t) prng_u64(prng);

		if (kind == 0)
			words[prng_below(prng, count)] = value;
		else if (kind == 1)
			words[prng_below(prng, count)] = value & 0x1fff8u;
		else
			words[prng_below(prng, raw->bytes / sizeof *words)] = value;
		if (i % 8 == 0)
			raw_bell(raw);
	}
}

START_TEST(scribbling_never_harms_the_server)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct prng prng = { .state = (uint64_t) _i };
	struct toy_state state;
	struct raw raw;

	for (int round = 0; round < 60; round++) {
		raw_open(&raw);
		scribble(&raw, &prng);
		raw_close(&raw);
	}
	state = ask_active_wait(client, 1);
	ck_assert_uint_eq(state.opened, state.closed + 1);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- bells --- */

/* Send each record when the server has just taken the one before and is about to fall asleep: a
 * lost wake-up leaves it there. */
START_TEST(server_never_sleeps_over_a_record)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct prng prng = { .state = 11 };
	struct ipc_ring_shared *shared;
	struct raw raw;
	uint64_t until;

	raw_open(&raw);
	shared = &raw.page->to_daemon;
	for (uint64_t number = 1; number <= 50000; number++) {
		struct iovec iov = { .iov_base = &number, .iov_len = sizeof number };

		if (ipc_ring_put(&raw.to_daemon, TOY_RECORD_COUNT, &iov, 1, 0) != 0)
			ck_abort_msg("no room");
		if (ipc_wish_change(&shared->consumer_wish, IPC_ASLEEP, IPC_AWAKE))
			raw_bell(&raw);
		until = cs_timestamp_get() + 5000 * MS_NS;
		for (uint64_t looks = 1;
		    __atomic_load_n(&shared->tail, __ATOMIC_SEQ_CST) != raw.to_daemon.at; looks++)
			if (looks % 100000 == 0 && cs_timestamp_get() > until)
				ck_abort_msg("record %" PRIu64 " is slept over", number);
		for (uint64_t spin = prng_below(&prng, 100); spin > 0; spin--)
			__asm__ volatile ("" ::: "memory");
	}
	raw_close(&raw);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* A client that armed with work in its ring rings the server, which rings back; once. */
START_TEST(server_rings_back)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct { uint32_t head[2]; struct toy_burst burst; } call = {
		.head = { 1, 0 }, .burst = { .count = 1, .bytes = 8 },
	};
	struct raw raw;
	struct pollfd poller;
	char bytes[8];

	raw_open(&raw);
	poller = (struct pollfd) { .fd = raw.fd, .events = POLLIN };
	raw.page->to_client.consumer_wish = IPC_ARMED;
	raw_put(&raw, TOY_CALL_BURST | IPC_FUNCTION_CALL, &call, sizeof call);
	for (int i = 0; i < 10; i++) {
		raw_bell(&raw);
		ck_assert_int_eq(poll(&poller, 1, 3000), 1);
		ck_assert_int_eq(recv(raw.fd, bytes, sizeof bytes, 0), 1);
		ck_assert_uint_eq(raw.page->to_client.consumer_wish, IPC_RUNG);
		raw_bell(&raw);		/* not armed: no bell */
		ck_assert_int_eq(poll(&poller, 1, 20), 0);
		raw.page->to_client.consumer_wish = IPC_ARMED;
	}
	raw_close(&raw);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- hello --- */

static int
plain_connect(void)
{
	char name[IPC_NAME_BYTES_MAX];
	struct sockaddr_un address;
	socklen_t len;
	int fd;

	ck_assert_int_eq(ipc_name(name, sizeof name, "toy", getenv("COROSYNC_INSTANCE")), 0);
	len = ipc_address(&address, name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *) &address, len), 0);
	return fd;
}

/* No descriptor, other words, memory that could shrink, wrong size, not memory. */
START_TEST(hello_is_checked)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct ipc_hello hello = HELLO_SMALL;
	size_t bytes = ipc_map_bytes(IPC_RING_SMALL_BYTES, IPC_RING_SMALL_BYTES);
	int fd, memory_fd;
	struct ipc_welcome welcome;
	struct client *client;

	fd = plain_connect();
	ck_assert_int_eq(send(fd, "hello, world", 12, 0), 12);
	ck_assert_int_eq(recv(fd, &welcome, sizeof welcome, 0), sizeof welcome);
	ck_assert_int_eq(welcome.error, -EPROTO);
	(void) close(fd);
	memory_fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(memory_fd, (off_t) bytes), 0);
	ck_assert_int_eq(connect_open("toy", &hello, memory_fd, &fd), -EPERM);
	ck_assert_int_eq(ftruncate(memory_fd, (off_t) bytes - 1), 0);
	ck_assert_int_eq(fcntl(memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	ck_assert_int_eq(connect_open("toy", &hello, memory_fd, &fd), -EINVAL);
	(void) close(memory_fd);
	memory_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_lt(connect_open("toy", &hello, memory_fd, &fd), 0);
	(void) close(memory_fd);
	ck_assert_int_eq(connect_memory(bytes, &memory_fd), 0);
	hello.to_daemon_bytes += 8;
	ck_assert_int_eq(connect_open("toy", &hello, memory_fd, &fd), -EINVAL);
	hello.to_daemon_bytes = IPC_RING_SMALL_BYTES;
	hello.version++;
	ck_assert_int_eq(connect_open("toy", &hello, memory_fd, &fd), -EPROTO);
	hello.version--;
	ck_assert_int_eq(connect_open("toy", &hello, memory_fd, &fd), 0);
	(void) close(fd);
	(void) close(memory_fd);
	client = ask_open();
	(void) ask_active_wait(client, 1);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* The daemon's; what it just saw is no more when it goes on. */
static bool shrinks_when_seen;

int
fstat(int fd, struct stat *status)
{
	int r = fstatat(fd, "", status, AT_EMPTY_PATH);

	if (shrinks_when_seen && r == 0 && S_ISREG(status->st_mode)) {
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	}
	return r;
}

/* Memory that is sealed only after its size was looked at. */
START_TEST(memory_that_shrinks_when_seen)
{
	struct ipc_hello hello = HELLO_SMALL;
	size_t bytes = ipc_map_bytes(IPC_RING_SMALL_BYTES, IPC_RING_SMALL_BYTES);
	int fd, memory_fd;
	pid_t pid;

	shrinks_when_seen = true;
	pid = toy_start(TOY_DOOR_OPEN);
	memory_fd = memfd_create("shrinks", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(memory_fd, (off_t) bytes), 0);
	ck_assert_int_eq(connect_open("toy", &hello, memory_fd, &fd), -EPERM);
	(void) close(memory_fd);
	toy_kill(pid, SIGTERM);
}
END_TEST

#define LINGER_S	3

/* The client's end of a connection that has more to send than the other end takes: its last close
 * lasts as long as it says. */
static int
lingering_socket(int *ret_other)
{
	static const struct linger linger = { .l_onoff = 1, .l_linger = LINGER_S };
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof at;
	static char bytes[65536];
	int door, fd;

	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(door, (struct sockaddr *) &at, len), 0);
	ck_assert_int_eq(listen(door, 1), 0);
	ck_assert_int_eq(getsockname(door, (struct sockaddr *) &at, &len), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *) &at, len), 0);
	*ret_other = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*ret_other, 0);
	(void) close(door);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
	while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
	return fd;
}

/* Together in one message, and then they are the receiver's alone. */
static void
fds_give(int fd, const void *data, size_t data_len, int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = { .bytes = { 0 } };
	union {
		const void *data;
		void *base;
	} from = { .data = data };
	struct iovec iov = { .iov_base = from.base, .iov_len = data_len };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	ck_assert_int_eq(sendmsg(fd, &message, MSG_NOSIGNAL), (ssize_t) data_len);
	for (size_t i = 0; i < count; i++)
		(void) close(fds[i]);
}

enum lingering {
	LINGERING_REFUSED, LINGERING_GARBAGE, LINGERING_MEMORY, LINGERING_MORE, LINGERING_BELL,
	LINGERING_QUEUED, LINGERING_COUNT
};

static void
lingering_send(int fd, enum lingering kind, int *ret_other)
{
	const struct ipc_hello hello = {
		.magic = IPC_MAGIC, .version = IPC_VERSION,
		.to_daemon_bytes = IPC_RING_SMALL_BYTES, .to_client_bytes = IPC_RING_SMALL_BYTES,
	};
	size_t bytes = ipc_map_bytes(IPC_RING_SMALL_BYTES, IPC_RING_SMALL_BYTES);
	int fds[7], count = 0;

	if (kind == LINGERING_REFUSED || kind == LINGERING_GARBAGE || kind == LINGERING_MEMORY) {
		fds[0] = lingering_socket(ret_other);
		fds_give(fd, &hello, kind == LINGERING_MEMORY ? sizeof hello : 16, fds, 1);
		return;
	}
	ck_assert_int_eq(connect_memory(bytes, &fds[count++]), 0);
	for (; kind == LINGERING_MORE && count < 7; count++)
		fds[count] = count < 6 ? dup(fds[0]) : lingering_socket(ret_other);
	fds_give(fd, &hello, sizeof hello, fds, (size_t) count);
	if (kind == LINGERING_MORE)
		return;
	for (int i = 0; kind == LINGERING_QUEUED && i < 70; i++)
		ck_assert_int_eq(send(fd, "", 1, MSG_NOSIGNAL), 1);
	fds[0] = lingering_socket(ret_other);
	fds_give(fd, "", 1, fds, 1);
}

/* Descriptors that take long to close: in front of a door that is shut, as a hello, as its memory,
 * as more than that, with a bell, and behind many. */
START_TEST(closing_holds_nobody_up)
{
	pid_t pid = toy_start(_i == LINGERING_REFUSED ? TOY_DOOR_REFUSE : TOY_DOOR_OPEN);
	struct client *client;
	int fds[10], other[10];
	uint64_t start;

	for (size_t i = 0; i < 10; i++) {
		ck_assert_int_eq(kill(pid, SIGSTOP), 0);	/* it comes before it looks */
		fds[i] = plain_connect();
		lingering_send(fds[i], (enum lingering) _i, &other[i]);
		ck_assert_int_eq(kill(pid, SIGCONT), 0);
		if (i % 2 == 0)
			(void) close(fds[i]);
		start = cs_timestamp_get();
		ck_assert_int_eq(client_open("toy", true, &client),
		    _i == LINGERING_REFUSED ? CS_ERR_ACCESS : CS_OK);
		if (_i != LINGERING_REFUSED) {
			(void) ask_state(client);
			client = client_close(client);
		}
		ck_assert_uint_lt(cs_timestamp_get() - start, LINGER_S * 1000 * MS_NS / 2);
	}
	start = cs_timestamp_get();
	toy_kill(pid, SIGTERM);
	ck_assert_uint_lt(cs_timestamp_get() - start, LINGER_S * 1000 * MS_NS / 2);
	for (size_t i = 0; i < 10; i++) {
		if (i % 2 != 0)
			(void) close(fds[i]);
		(void) close(other[i]);
	}
}
END_TEST

/* Whoever connects and says nothing is sent away after 5 s, and harms nobody meanwhile. */
START_TEST(silence_is_not_waited_for)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	int fd = plain_connect();
	struct client *client = ask_open();
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	struct ipc_welcome welcome;

	ck_assert_int_eq(poll(&poller, 1, 8000), 1);
	ck_assert_int_eq(recv(fd, &welcome, sizeof welcome, 0), sizeof welcome);
	ck_assert_int_eq(welcome.error, -ETIMEDOUT);
	(void) ask_active_wait(client, 1);
	(void) close(fd);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- clients that die --- */

static void
child_work(int round)
{
	struct toy_burst burst = { .count = 50, .bytes = 500 };
	struct iovec call = { .iov_base = &burst, .iov_len = sizeof burst };
	uint64_t number = 0;
	struct iovec iov = { .iov_base = &number, .iov_len = sizeof number };
	struct client_record record;
	struct client *client;

	if (client_open("toy", round % 2 == 0, &client) != CS_OK)
		_exit(1);
	for (;;) {
		number++;
		while (client_send(client, TOY_RECORD_COUNT, &iov, 1) == CS_ERR_TRY_AGAIN)
			;
		if (number % 100 == 0)
			(void) client_call(client, TOY_CALL_BURST, &call, 1, NULL, 0, NULL);
		while (client_next(client, 0, &record) == CS_OK)
			client_done(client);
	}
}

static uint64_t
shm_entries(void)
{
	DIR *dir = opendir("/dev/shm");
	uint64_t count = 0;
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		count += strncmp(entry->d_name, "corosync", 8) == 0 ||
		    strncmp(entry->d_name, "qb-", 3) == 0;
	if (dir != NULL)
		(void) closedir(dir);
	return count;
}

/* Killed at 80 random moments from before connecting on: no descriptor, memory, file stays. */
START_TEST(killed_clients_leave_nothing)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN), child;
	struct client *client = ask_open();
	struct prng prng = { .state = 4 };
	struct toy_state before = ask_state(client), after;
	uint64_t files = shm_entries();

	for (int round = 0; round < 80; round++) {
		struct timespec wait = {
			.tv_nsec = (long) prng_below(&prng, round < 40 ? 1000000 : 20000000),
		};

		child = fork();
		if (child == 0)
			child_work(round);
		(void) nanosleep(&wait, NULL);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
	}
	after = ask_active_wait(client, 1);
	for (int i = 0; i < 100 && after.fds != before.fds; i++) {	/* closed a little later */
		(void) poll(NULL, 0, 20);
		after = ask_state(client);
	}
	ck_assert_uint_eq(after.fds, before.fds);
	ck_assert_uint_eq(after.closed_errors, 0);
	ck_assert_uint_eq(after.garbage_cut, 0);
	ck_assert_uint_eq(after.backlog_bytes, 0);
	ck_assert_uint_gt(after.closed, 20);
	ck_assert_uint_gt(after.closed_records, 1000);
	ck_assert_uint_eq(shm_entries(), files);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- the daemon refuses, dies, never was --- */

START_TEST(refusals_have_their_errors)
{
	struct client *client;
	pid_t pid = toy_start(TOY_DOOR_REFUSE);

	ck_assert_int_eq(client_open("toy", true, &client), CS_ERR_ACCESS);
	toy_kill(pid, SIGTERM);
	ck_assert_int_eq(client_open("toy", true, &client), CS_ERR_LIBRARY);
	pid = toy_start_again(TOY_DOOR_NOT_READY);
	ck_assert_int_eq(client_open("toy", true, &client), CS_ERR_TRY_AGAIN);
	toy_kill(pid, SIGTERM);
	pid = toy_start_again(TOY_DOOR_OPEN);
	ck_assert_int_eq(client_open("toy", true, &client), CS_OK);
	ask_call(client, TOY_CALL_CLOSE, NULL, 0);
	ck_assert_int_eq(client_call(client, TOY_CALL_STATE, NULL, 0, NULL, 0, NULL),
	    CS_ERR_LIBRARY);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

START_TEST(out_of_descriptors_is_said)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open(), *other[10];
	size_t count = 0;
	cs_error_t error = CS_OK;

	ask_call(client, TOY_CALL_LIMIT_FDS, NULL, 0);
	while (count < 10 && (error = client_open("toy", true, &other[count])) == CS_OK)
		count++;
	ck_assert_int_eq(error, CS_ERR_NO_RESOURCES);
	ck_assert_uint_lt(count, 10);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(client_open("toy", true, &other[count]), CS_ERR_NO_RESOURCES);
	ask_call(client, TOY_CALL_NOTHING, NULL, 0);	/* it goes on working */
	while (count > 0)
		(void) client_close(other[--count]);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

static void
kill_later(pid_t pid, int delay_ms)
{
	if (fork() != 0)
		return;
	(void) poll(NULL, 0, delay_ms);
	(void) kill(pid, SIGKILL);
	_exit(0);
}

/* SIGKILL of the daemon: whoever is in a call or waits for an event hears at once; sending says it
 * too; after a new start a new connection works. */
START_TEST(daemon_death_is_heard_at_once)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct client_record record;
	uint64_t number = 1, start;
	struct iovec iov = { .iov_base = &number, .iov_len = sizeof number };
	cs_error_t error;

	kill_later(pid, 100);
	start = cs_timestamp_get();
	if (_i == 0)
		error = client_call(client, TOY_CALL_SILENCE, NULL, 0, NULL, 0, NULL);
	else if (_i == 1)
		error = client_next(client, -1, &record);
	else
		do {
			error = client_send(client, TOY_RECORD_COUNT, &iov, 1);
			number += error == CS_OK;
		} while (error == CS_OK || error == CS_ERR_TRY_AGAIN);
	ck_assert_int_eq(error, CS_ERR_LIBRARY);
	ck_assert_uint_lt(cs_timestamp_get() - start, 400 * MS_NS);
	ck_assert_int_eq(client_send(client, TOY_RECORD_COUNT, &iov, 1), CS_ERR_LIBRARY);
	ck_assert_int_eq(client_next(client, 0, &record), CS_ERR_LIBRARY);
	ck_assert_int_eq(client_call(client, TOY_CALL_STATE, NULL, 0, NULL, 0, NULL),
	    CS_ERR_LIBRARY);
	client = client_close(client);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(client_open("toy", true, &client), CS_ERR_LIBRARY);
	pid = toy_start_again(TOY_DOOR_OPEN);
	client = ask_open();
	ck_assert_uint_eq(ask_state(client).active, 1);
	client = client_close(client);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* Events that were there before the daemon died are still handed out. */
START_TEST(last_events_of_a_dead_daemon)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct client *client = ask_open();
	struct toy_burst burst = { .count = 10, .bytes = 8 };
	struct client_record record;
	int taken = 0;

	ask_call(client, TOY_CALL_BURST, &burst, sizeof burst);
	toy_kill(pid, SIGKILL);
	while (client_next(client, 1000, &record) == CS_OK) {
		taken++;
		client_done(client);
	}
	ck_assert_int_eq(taken, 10);
	ck_assert_int_eq(client_next(client, -1, &record), CS_ERR_LIBRARY);
	client = client_close(client);
}
END_TEST

/* --- somebody in the daemon's place --- */

#define STRANGER	65533u

/* A user's process listens at that name.  Ends with status 1 when it is sent something. */
static pid_t
squatter_start(const char *name, uid_t user)
{
	struct sockaddr_un address;
	socklen_t len = ipc_address(&address, name);
	int ready[2], fd;
	char byte = 'r';
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		(void) alarm(20);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setresuid(user, user, user) < 0 ||
		    bind(fd, (const struct sockaddr *) &address, len) < 0 || listen(fd, 4) < 0 ||
		    write(ready[1], &byte, 1) != 1)
			_exit(2);
		fd = accept(fd, NULL, NULL);
		_exit(recv(fd, &byte, 1, 0) == 1);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void) close(ready[0]);
	(void) close(ready[1]);
	return pid;
}

/* Alone in a user namespace that has no number for anybody else. */
static bool
namespace_enter(void)
{
	int fd;
	bool good = unshare(CLONE_NEWUSER) == 0;

	fd = good ? open("/proc/self/uid_map", O_WRONLY) : -1;
	good = fd >= 0 && write(fd, "0 0 1", 5) == 5;
	(void) close(fd);
	return good;
}

enum meeting { MEET_STRANGER, MEET_OWN, MEET_UNKNOWN, MEET_COUNT };

/* Our memory is for root's daemon or our own; where users cannot be told apart, for anybody's. */
START_TEST(strangers_get_no_memory)
{
	const enum meeting meeting = (enum meeting) _i;
	char name[IPC_NAME_BYTES_MAX];
	struct client *client;
	pid_t squatter, pid;
	int status;

	if (geteuid() != 0)
		return;		/* cannot be a stranger to itself */
	(void) snprintf(name, sizeof name, "squat%d", (int) getpid());
	squatter = squatter_start(name, STRANGER);
	pid = fork();
	if (pid == 0) {
		cs_error_t wanted = meeting == MEET_STRANGER ? CS_ERR_ACCESS : CS_ERR_LIBRARY;

		if (meeting == MEET_OWN && setresuid(STRANGER, STRANGER, STRANGER) < 0)
			_exit(2);
		if (meeting == MEET_UNKNOWN && !namespace_enter())
			_exit(77);
		_exit(client_open(name, false, &client) != wanted);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) != 77) {	/* some systems have no such namespaces */
		ck_assert_int_eq(status, 0);
		ck_assert_int_eq(waitpid(squatter, &status, 0), squatter);
		ck_assert_int_eq(WEXITSTATUS(status), meeting != MEET_STRANGER);
	} else {
		(void) kill(squatter, SIGKILL);
		(void) waitpid(squatter, NULL, 0);
	}
}
END_TEST

static Suite *
hostile_suite(void)
{
	Suite *suite = suite_create("ipc in bad company");
	TCase *tc = tcase_create("hostile");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, garbage_ends_that_connection_only, 0, GARBAGE_COUNT);
	tcase_add_loop_test(tc, garbage_is_said_once, 0, 10);
	tcase_add_loop_test(tc, scribbling_never_harms_the_server, 0, 10);
	tcase_add_test(tc, server_never_sleeps_over_a_record);
	tcase_add_test(tc, server_rings_back);
	tcase_add_test(tc, hello_is_checked);
	tcase_add_test(tc, memory_that_shrinks_when_seen);
	tcase_add_loop_test(tc, closing_holds_nobody_up, 0, LINGERING_COUNT);
	tcase_add_test(tc, silence_is_not_waited_for);
	tcase_add_test(tc, killed_clients_leave_nothing);
	tcase_add_test(tc, refusals_have_their_errors);
	tcase_add_test(tc, out_of_descriptors_is_said);
	tcase_add_loop_test(tc, daemon_death_is_heard_at_once, 0, 3);
	tcase_add_test(tc, last_events_of_a_dead_daemon);
	tcase_add_loop_test(tc, strangers_get_no_memory, 0, MEET_COUNT);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(hostile_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
