/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The server of IPC and the cfg engine behind it: hellos of any content with any memory, words and
 * records in that memory that change while the daemon looks at them, and hanging up at any time.
 * The sockets are real; the main loop is the small one below, and time passes when the input says.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "exec/ipc/closer.h"
#include "exec/ipc/internal.h"
#include <corosync/engine/engine.h>
#include "test/fuzz/input.h"

#define CLIENTS		2u
#define FDS_MAX		64u	/* 32 operations, each may open a client */
#define TIMERS_MAX	64u	/* as many clients, each saying hello late, and the grace time */
#define TURNS_MAX	16u	/* of the loop; a hostile client may keep it busy */
#define BACKLOG_BYTES	65536u	/* half of a ring */
#define MAP_BYTES	(IPC_PAGE_BYTES + IPC_REPLY_BYTES_MAX + 2 * IPC_RING_SMALL_BYTES)

extern const struct cs_engine cs_engine_descriptor;

struct job {
	int fd;
	void *data;
	qb_loop_poll_dispatch_fn fn;
};

struct timer {
	qb_loop_timer_handle handle;
	void *data;
	qb_loop_timer_dispatch_fn fn;
};

struct client {
	int fd;
	uint8_t *map;		/* NULL: no memory */
	uint32_t at;		/* its head */
};

struct cs_host {
	struct cs_host_head head;
	void *engine;
	unsigned int replies;
};

static struct job jobs[FDS_MAX];
static size_t job_count;
static struct timer timers[TIMERS_MAX];
static size_t timer_count;
static qb_loop_timer_handle timer_last;
static int doze_fd;			/* -1: it is not set */
static struct client clients[CLIENTS];
static struct input *under_way;		/* what the callbacks go on with */
static size_t opened, closed;

/* --- the main loop ------------------------------------------------------------------------- */

int32_t
qb_loop_poll_add(qb_loop_t *loop, enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
    qb_loop_poll_dispatch_fn fn)
{
	(void) loop;
	(void) p;
	(void) events;
	FUZZ_REQUIRE(job_count < FDS_MAX);
	jobs[job_count++] = (struct job) { .fd = fd, .data = data, .fn = fn };
	return 0;
}

int32_t
qb_loop_poll_del(qb_loop_t *loop, int32_t fd)
{
	(void) loop;
	for (size_t i = 0; i < job_count; i++) {
		if (jobs[i].fd == fd) {
			jobs[i] = jobs[--job_count];
			return 0;
		}
	}
	return -ENOENT;
}

int32_t
qb_loop_timer_add(qb_loop_t *loop, enum qb_loop_priority p, uint64_t ns, void *data,
    qb_loop_timer_dispatch_fn fn, qb_loop_timer_handle *ret_timer)
{
	(void) loop;
	(void) p;
	(void) ns;
	FUZZ_REQUIRE(timer_count < TIMERS_MAX);
	*ret_timer = ++timer_last;
	timers[timer_count++] = (struct timer) { .handle = timer_last, .data = data, .fn = fn };
	return 0;
}

int32_t
qb_loop_timer_del(qb_loop_t *loop, qb_loop_timer_handle timer)
{
	(void) loop;
	for (size_t i = 0; i < timer_count; i++) {
		if (timers[i].handle == timer) {
			timers[i] = timers[--timer_count];
			return 0;
		}
	}
	return -ENOENT;
}

/* In place of libc's: it runs out when the input says, so a run is the same every time. */
int
timerfd_create(int clock, int flags)
{
	(void) clock;
	(void) flags;
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int
timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *ret_before)
{
	(void) flags;
	(void) when;
	(void) ret_before;
	doze_fd = fd;
	return 0;
}

/* In place of closer.c, without its threads: closed at once. */
int
closer_new(struct closer **ret_closer)
{
	*ret_closer = NULL;
	return 0;
}

struct closer *
closer_free(struct closer *closer)
{
	return closer;
}

int
closer_close(struct closer *closer, int fd)
{
	(void) closer;
	(void) close(fd);
	return 0;
}

static void
doze_due(void)
{
	const uint64_t once = 1;

	if (doze_fd >= 0)
		FUZZ_REQUIRE(write(doze_fd, &once, sizeof once) == sizeof once);
	doze_fd = -1;
}

/* The oldest timer runs out. */
static void
timer_due(void)
{
	struct timer due;

	if (timer_count == 0)
		return;
	due = timers[0];
	FUZZ_REQUIRE(qb_loop_timer_del(NULL, due.handle) == 0);
	due.fn(due.data);
}

static void
loop_run(void)
{
	for (size_t turn = 0; turn < TURNS_MAX; turn++) {
		bool busy = false;

		for (size_t i = job_count; i-- > 0;) {
			struct pollfd poller = { .events = POLLIN };
			struct job job;

			if (i >= job_count)
				continue;
			job = jobs[i];
			poller.fd = job.fd;
			if (poll(&poller, 1, 0) <= 0)
				continue;
			busy = true;
			(void) job.fn(job.fd, poller.revents, job.data);
		}
		if (!busy)
			return;
	}
}

/* --- hostile memory ------------------------------------------------------------------------ */

static void
scribble(const struct client *client, struct input *in)
{
	struct ipc_page *page = (struct ipc_page *) (void *) client->map;
	uint32_t what = input_number(in, 1), value = input_number(in, 4);
	uint32_t *words[] = {
		&page->to_daemon.head, &page->to_daemon.base, &page->to_daemon.tail,
		&page->to_daemon.consumer_wish, &page->to_client.head, &page->to_client.tail,
		&page->to_client.base, &page->to_client.producer_wish,
		&page->to_client.consumer_wish, &page->reply_sequence, &page->reply_len,
	};
	size_t count = sizeof words / sizeof words[0];

	if (client->map == NULL)
		return;
	if ((what & 0x80) != 0)
		value = client->at + (value & 0xffff) - 0x8000;
	if (what % 16 < count)
		*words[what % 16] = value;
	else	/* the records' heads */
		memcpy(client->map + IPC_PAGE_BYTES + IPC_REPLY_BYTES_MAX + (value >> 16) % 512 * 4,
		    &value, sizeof value);
}

static void
append(struct client *client, struct input *in, uint32_t what)
{
	struct ipc_page *page = (struct ipc_page *) (void *) client->map;
	uint32_t head[4] = { 0 };
	size_t len, head_len = sizeof head;
	uint8_t *data = input_block(in, input_number(in, 1), &len);
	uint8_t *ring;

	head[0] = input_number(in, 1);
	if ((what & 0x10) != 0)
		head[0] |= IPC_FUNCTION_CALL;
	else
		head_len = IPC_RING_HEAD_BYTES;
	head[1] = (uint32_t) (head_len - IPC_RING_HEAD_BYTES + len);
	if ((what & 0x20) != 0)
		head[1] += input_number(in, 1);
	if (client->map != NULL && client->at + 512 < IPC_RING_SMALL_BYTES) {
		ring = client->map + IPC_PAGE_BYTES + IPC_REPLY_BYTES_MAX;
		memcpy(ring + client->at, head, head_len);
		memcpy(ring + client->at + head_len, data, len);
		client->at += ipc_ring_round((uint32_t) (head_len + len));
		page->to_daemon.head = client->at;
	}
	free(data);
}

/* --- the daemon's side ---------------------------------------------------------------------- */

static int
authorise(void *host, uid_t uid, gid_t gid, pid_t pid)
{
	(void) host;
	(void) uid;
	(void) gid;
	(void) pid;
	return 0;
}

static int
on_opened(void *host, struct ipc_conn *conn)
{
	struct cs_host *self = host;
	int r = cs_engine_descriptor.conn_open(self->engine, (struct cs_conn *) (void *) conn);

	opened += r == 0;
	return r;
}

static void
on_closed(void *host, struct ipc_conn *conn)
{
	struct cs_host *self = host;

	closed++;
	cs_engine_descriptor.conn_close(self->engine, (struct cs_conn *) (void *) conn);
}

/* The client writes while the daemon is at work. */
static void
meanwhile(void)
{
	if (clients[0].map != NULL && under_way->left > 0
	    && (input_number(under_way, 1) & 3) == 0)
		scribble(&clients[0], under_way);
}

static void
on_request(void *host, struct ipc_conn *conn, uint32_t function, const void *data, size_t len)
{
	struct cs_host *self = host;
	struct cs_request request = { .function = function, .data = data, .len = len };
	unsigned int before = self->replies;

	meanwhile();
	cs_engine_descriptor.request(self->engine, (struct cs_conn *) (void *) conn, &request);
	FUZZ_REQUIRE(self->replies == before + 1);
}

static int
on_record(void *host, struct ipc_conn *conn, uint32_t function, const void *data, size_t len)
{
	union {
		const void *data;
		void *base;
	} from = { .data = data };
	struct iovec iov = { .iov_base = from.base, .iov_len = len };
	static uint8_t bulk[4096];	/* events that soon fill a ring that nobody reads */

	(void) host;
	meanwhile();
	if ((function & 0x40) != 0)
		iov = (struct iovec) { .iov_base = bulk, .iov_len = sizeof bulk };
	if (function == 1)
		return -EAGAIN;
	if (function == 2)
		return -EINVAL;
	for (uint32_t i = 0; i < function % 64; i++)
		(void) ipc_event(conn, function, &iov, 1);
	return 0;
}

static void
congested(void *host, bool on)
{
	(void) host;
	(void) on;
}

static void
on_log(void *host, int priority, const char *text)
{
	(void) host;
	(void) priority;
	FUZZ_REQUIRE(text != NULL);
}

/* --- what the cfg engine asks of its host --------------------------------------------------- */

static uint32_t host_node_id(const struct cs_host *host) { (void) host; return 1; }
static uid_t host_uid(const struct cs_conn *conn) { (void) conn; return 0; }
static pid_t host_pid(const struct cs_conn *conn) { (void) conn; return 1; }
static const char *host_transport(const struct cs_host *host) { (void) host; return "udpu"; }

static void
host_reply(struct cs_host *host, struct cs_conn *conn, const void *data, size_t len)
{
	host->replies++;
	ipc_reply((struct ipc_conn *) (void *) conn, data, len);
}

static int
host_node_info(const struct cs_host *host, size_t index, struct cs_node_info *ret_info)
{
	(void) host;
	if (index >= CS_ENGINE_MEMBERS_MAX)
		return -ENOENT;
	*ret_info = (struct cs_node_info) { .node_id = (uint32_t) index + 1, .name = "n" };
	return 0;
}

static int
host_ignore(struct cs_host *host, const uint32_t *node_ids, size_t count)
{
	(void) host;
	for (size_t i = 0; i < count; i++)
		if (node_ids[i] == 0 || node_ids[i] == 1)
			return -EINVAL;
	return 0;
}

static void
host_log(const struct cs_host *host, int priority, const char *format, ...)
{
	char line[64];
	va_list args;

	(void) host;
	(void) priority;
	va_start(args, format);
	(void) vsnprintf(line, sizeof line, format, args);
	va_end(args);
}

static const struct cs_host_ops ops = {
	.node_id = host_node_id, .reply = host_reply, .conn_uid = host_uid, .conn_pid = host_pid,
	.node_info = host_node_info, .ignore = host_ignore, .transport = host_transport,
	.log = host_log,
};

/* --- the client's side ----------------------------------------------------------------------- */

static int
memory_new(struct client *client, uint32_t what)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	FUZZ_REQUIRE(fd >= 0 && ftruncate(fd, (what & 1) != 0 ? 4096 : MAP_BYTES) == 0);
	if ((what & 2) == 0)
		FUZZ_REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	if ((what & 1) == 0) {
		client->map = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		FUZZ_REQUIRE(client->map != MAP_FAILED);
	}
	return fd;
}

static void
hello(struct client *client, struct input *in, uint32_t what)
{
	struct ipc_hello words = { IPC_MAGIC, IPC_VERSION, IPC_RING_SMALL_BYTES,
	    IPC_RING_SMALL_BYTES };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = &words, .iov_len = sizeof words };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[2] = { -1, -1 };

	if ((what & 4) != 0)
		((uint32_t *) &words)[input_number(in, 1) % 4] = input_number(in, 4);
	if ((what & 8) != 0)
		iov.iov_len = 1 + input_number(in, 1) % sizeof words;
	fds[0] = fds[1] = memory_new(client, what);
	if ((what & 16) == 0) {
		struct cmsghdr *c;
		size_t bytes = ((what & 32) != 0 ? 2 : 1) * sizeof(int);

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(bytes);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(c), fds, bytes);
	}
	(void) sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void) close(fds[0]);
}

static void
client_close(struct client *client)
{
	if (client->fd >= 0)
		(void) close(client->fd);
	if (client->map != NULL)
		(void) munmap(client->map, MAP_BYTES);
	*client = (struct client) { .fd = -1 };
}

static void
client_open(struct client *client, const char *name, struct input *in, uint32_t what)
{
	struct sockaddr_un address;
	socklen_t len = ipc_address(&address, name);

	client_close(client);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	FUZZ_REQUIRE(client->fd >= 0);
	if (connect(client->fd, (const struct sockaddr *) &address, len) == 0 && what != 0xff)
		hello(client, in, what);
}

/* The server is awake for another reason, or sleeps until a time. */
static void
time_passes(struct ipc_server *server, uint32_t what)
{
	if ((what & 0x08) != 0)
		(void) ipc_server_look(server);
	if ((what & 0x10) != 0)
		doze_due();
	if ((what & 0x20) != 0)
		timer_due();
	loop_run();
}

static void
operate(struct ipc_server *server, const char *name, struct input *in)
{
	uint32_t what = input_number(in, 1);
	struct client *client = &clients[(what & 0x80) != 0];

	switch (what % 8) {
	case 0:
		client_open(client, name, in, input_number(in, 1));
		break;
	case 1:
		client_close(client);
		break;
	case 2:
	case 3:
		if (client->map != NULL)
			scribble(client, in);
		break;
	case 4:
		ipc_server_hold(server, (what & 8) != 0);
		break;
	case 5:
		time_passes(server, what);
		return;
	default:	/* tidy: open set */
		append(client, in, what);
		break;
	}
	if (client->fd >= 0 && (what & 0x40) == 0) {
		(void) send(client->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		loop_run();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct ipc_handlers handlers = {
		.authorise = authorise, .opened = on_opened, .closed = on_closed,
		.request = on_request, .record = on_record, .congested = congested,
		.log = on_log,
	};
	struct input in = { .at = data, .left = len };
	struct cs_host host = { .head.ops = &ops };
	char name[IPC_NAME_BYTES_MAX];
	struct ipc_config config = { .name = name, .backlog_bytes_max = BACKLOG_BYTES };
	struct ipc_server *server;

	(void) snprintf(name, sizeof name, "fuzz%d", (int) getpid());
	under_way = &in;
	opened = closed = 0;
	timer_last = 0;
	doze_fd = -1;
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i] = (struct client) { .fd = -1 };
	FUZZ_REQUIRE(cs_engine_descriptor.init(&host, &host.engine) == 0);
	FUZZ_REQUIRE(ipc_server_new(NULL, &config, &handlers, &host, &server) == 0);
	client_open(&clients[0], name, &in, 0);
	loop_run();
	for (size_t i = 0; i < 32 && in.left > 0; i++)
		operate(server, name, &in);
	for (size_t i = 0; i < CLIENTS; i++)
		client_close(&clients[i]);
	ipc_server_hold(server, false);
	loop_run();
	server = ipc_server_free(server);
	FUZZ_REQUIRE(opened == closed && job_count == 0 && timer_count == 0);
	cs_engine_descriptor.exit(host.engine);
	return 0;
}
