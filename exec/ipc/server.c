/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The server of one service: the listening socket, the doorbells, and whose turn it is.
 *
 * Fairness: a connection's bell gives it one turn at once.  If that was not enough it queues; the
 * work descriptor stays readable while anything is queued, so the loop comes back after its other
 * descriptors had theirs.  Connections that the engine sent away with -EAGAIN wait for the kick,
 * those that got nothing at all in front.
 */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <unistd.h>

#include "exec/ipc/closer.h"
#include "exec/ipc/internal.h"
#include "exec/ipc/rights.h"

#define LISTEN_BACKLOG		128
#define ACCEPTS_MAX		16	/* in one go */
#define LISTEN_AGAIN_NS		UINT64_C(10000000)

void
ipc_log(const struct ipc_server *server, int priority, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	server->handlers.log(server->host, priority, text);
}

void
ipc_work(struct ipc_server *server)
{
	(void) eventfd_write(server->work_fd, 1);
	server->stats.system_calls++;
}

void
ipc_cut(struct ipc_conn *conn, bool drain)
{
	conn->cut = true;
	conn->drain = drain;
	ipc_backlog_drop(conn);
	ipc_queue_move(conn, IPC_QUEUE_READY);
}

void
ipc_disconnect(struct ipc_conn *conn, const char *why)
{
	if (conn->cut || conn->state != IPC_CONN_OPEN)
		return;
	ipc_log(conn->server, LOG_WARNING, "%s: disconnecting client pid %d (uid %u): %s",
	    conn->server->name, (int) conn->pid, (unsigned int) conn->uid, why);
	ipc_cut(conn, /* drain= */ false);
}

/* --- the life of a connection --- */

static void
conn_socket_close(struct ipc_conn *conn)
{
	if (conn->fd < 0)
		return;
	(void) qb_loop_poll_del(conn->server->loop, conn->fd);
	ipc_socket_close(conn->server, conn->fd);
	conn->fd = -1;
}

static void
conn_free(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;

	if (conn->state == IPC_CONN_HELLO)
		(void) qb_loop_timer_del(server->loop, conn->hello_timer);
	conn_socket_close(conn);
	ipc_backlog_drop(conn);
	ipc_queue_move(conn, IPC_QUEUE_NONE);
	ipc_conn_unmap(conn);
	TAILQ_REMOVE(&server->conns, conn, link);
	server->stats.active--;
	free(conn);
}

/* The socket is gone, or shall be.  What the client had sent by now is still taken. */
static void
conn_hang_up(struct ipc_conn *conn, bool drain)
{
	if (conn->state == IPC_CONN_HELLO) {
		conn_free(conn);
		return;
	}
	conn_socket_close(conn);
	ipc_backlog_drop(conn);
	if (conn->state == IPC_CONN_OPEN) {
		conn->state = IPC_CONN_CLOSING;
		conn->drain_until =
		    __atomic_load_n(&conn->page->to_daemon.head, __ATOMIC_SEQ_CST);
	}
	if (!drain)
		conn->drain_until = conn->to_daemon.at;
	conn->cut = false;
	if (!drain || conn->queue == IPC_QUEUE_NONE || conn->queue == IPC_QUEUE_DOZING)
		ipc_queue_move(conn, IPC_QUEUE_READY);
}

void
ipc_turn(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;

	if (!conn->cut)
		ipc_conn_turn(conn);
	if (conn->cut)
		conn_hang_up(conn, conn->drain);
	if (!ipc_conn_drained(conn))
		return;
	server->stats.closed++;
	server->handlers.closed(server->host, conn);
	conn_free(conn);
}

/* 0 or -errno.  One that is refused sees the end of the connection, whatever this says. */
static int
welcome_send(int fd, int error)
{
	const struct ipc_welcome welcome = { .magic = IPC_MAGIC, .error = error };

	return send(fd, &welcome, sizeof welcome, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void
conn_refuse(struct ipc_conn *conn, int error, const char *why)
{
	struct ipc_server *server = conn->server;

	server->stats.refused++;
	ipc_log(server, LOG_NOTICE, "%s: refused client pid %d (uid %u): %s (%s)", server->name,
	    (int) conn->pid, (unsigned int) conn->uid, why, strerror(-error));
	(void) welcome_send(conn->fd, error);
	conn_free(conn);
}

/* --- the hello --- */

/* Bytes of the hello, 0 at end of file, or -errno.  Keeps the first descriptor. */
static ssize_t
hello_receive(struct ipc_conn *conn, struct ipc_hello *hello, int *ret_memory_fd)
{
	int fds[RIGHTS_MAX];
	size_t count;
	bool lost;
	ssize_t n;

	n = ipc_socket_receive(conn->fd, hello, sizeof *hello, fds, &count, &lost);
	if (n < 0)
		return n;
	for (size_t i = 1; i < count; i++)
		ipc_foreign_close(conn->server, fds[i]);
	*ret_memory_fd = count > 0 ? fds[0] : -1;
	/* What came could not be taken: no descriptor is left here. */
	return count == 0 && lost ? -EMFILE : n;
}

/* 0, or -errno: refused.  The descriptor is closed. */
static int
hello_take(struct ipc_conn *conn, const struct ipc_hello *hello, int memory_fd)
{
	int r = ipc_conn_map(conn, hello, memory_fd);

	/* Only the one that is mapped is known to be no more than memory. */
	if (r < 0)
		ipc_foreign_close(conn->server, memory_fd);
	else
		(void) close(memory_fd);
	return r;
}

static void
conn_hello(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;
	struct ipc_hello hello;
	int memory_fd = -1, r;
	ssize_t n;

	n = hello_receive(conn, &hello, &memory_fd);
	if (n == -EAGAIN || n == -EINTR)
		return;
	rights_refuse(conn->fd);
	if (n != sizeof hello || memory_fd < 0) {
		if (memory_fd >= 0)
			ipc_foreign_close(server, memory_fd);
		conn_refuse(conn, n < 0 ? (int) n : -EPROTO, "its first message was not taken");
		return;
	}
	r = hello_take(conn, &hello, memory_fd);
	if (r < 0) {
		conn_refuse(conn, r, "its shared memory is not what was agreed");
		return;
	}
	(void) qb_loop_timer_del(server->loop, conn->hello_timer);
	conn->state = IPC_CONN_OPEN;
	r = server->handlers.opened(server->host, conn);
	if (r < 0) {
		conn->state = IPC_CONN_CLOSING;		/* its timer is gone */
		conn_refuse(conn, r, "not taken by the service");
		return;
	}
	r = welcome_send(conn->fd, 0);
	/* It would wait for it; when it has gone, that is no news. */
	if (r < 0 && r != -EPIPE)
		ipc_disconnect(conn, "its welcome could not be sent");
	ipc_turn(conn);
}

/* --- what the loop calls --- */

/* Bells, 0 at the end of file, or -errno.  A client passes descriptors with its hello only. */
static ssize_t
bells_receive(struct ipc_conn *conn)
{
	int fds[RIGHTS_MAX];
	char bells[64];
	size_t count;
	bool lost;
	ssize_t n;

	n = ipc_socket_receive(conn->fd, bells, sizeof bells, fds, &count, &lost);
	if (n < 0)
		return n;
	for (size_t i = 0; i < count; i++)
		ipc_foreign_close(conn->server, fds[i]);
	if (count > 0 || lost)
		ipc_disconnect(conn, "it passes descriptors that nobody asked for");
	return n;
}

static void
conn_socket(struct ipc_conn *conn, int32_t revents)
{
	struct ipc_server *server = conn->server;
	ssize_t n;

	server->stats.wakes++;
	server->stats.system_calls++;
	if (conn->state == IPC_CONN_HELLO && (revents & POLLIN) != 0) {
		conn_hello(conn);
		return;
	}
	if ((revents & POLLIN) != 0) {
		n = bells_receive(conn);
		if (n > 0) {
			server->stats.doorbells_rx += (uint64_t) n;
			ipc_turn(conn);
			/* It may have been the one that the ring was slowed for. */
			if (server->congested)
				ipc_congestion_check(server);
			return;
		}
		if (n == -EAGAIN || n == -EINTR)
			return;
	}
	/* One that is to be cut off already goes as it was said then. */
	conn_hang_up(conn, !conn->cut || conn->drain);
}

static void
server_turned(struct ipc_server *server)
{
	if (server->handlers.turned != NULL)
		server->handlers.turned(server->host);
}

static int32_t
conn_ready(int32_t fd, int32_t revents, void *data)
{
	struct ipc_conn *conn = data;
	struct ipc_server *server = conn->server;

	(void) fd;
	conn_socket(conn, revents);		/* it may be gone now */
	server_turned(server);
	return 0;
}

static void
hello_late(void *data)
{
	struct ipc_conn *conn = data;

	conn_refuse(conn, -ETIMEDOUT, "connected and said nothing");
}

static void
conn_accept(struct ipc_server *server, int fd, const struct ucred *peer)
{
	struct ipc_conn *conn;
	int r;

	r = server->handlers.authorise(server->host, peer->uid, peer->gid, peer->pid);
	if (r == 0 && server->stats.active >= IPC_CONNECTIONS_MAX)
		r = -EMFILE;
	conn = r == 0 ? calloc(1, sizeof *conn) : NULL;
	if (conn == NULL) {
		r = r == 0 ? -ENOMEM : r;
		server->stats.refused++;
		/* Who may not connect was named by authorise(), which limits how often. */
		ipc_log(server, r == -EAGAIN || r == -EACCES ? LOG_DEBUG : LOG_NOTICE,
		    "%s: refused client pid %d (uid %u, gid %u): %s", server->name,
		    (int) peer->pid, (unsigned int) peer->uid, (unsigned int) peer->gid,
		    r == -EAGAIN ? "not ready yet" : strerror(-r));
		(void) welcome_send(fd, r);
		ipc_socket_close(server, fd);
		return;
	}
	conn->server = server;
	conn->fd = fd;
	conn->pid = peer->pid;
	conn->uid = peer->uid;
	STAILQ_INIT(&conn->backlog);
	TAILQ_INSERT_TAIL(&server->conns, conn, link);
	server->stats.active++;
	r = qb_loop_timer_add(server->loop, QB_LOOP_LOW, IPC_HELLO_WAIT_NS, conn, hello_late,
	    &conn->hello_timer);
	if (r == 0)
		r = qb_loop_poll_add(server->loop, QB_LOOP_MED, fd, POLLIN, conn, conn_ready);
	/* libqb says -1 when its heap of timers has no memory to grow: no matter of rights. */
	if (r < 0)
		conn_refuse(conn, r == -EPERM ? -ENOMEM : r, "the main loop did not take it");
}

static int32_t listen_ready(int32_t listen_fd, int32_t revents, void *data);

static void
listen_again(void *data)
{
	struct ipc_server *server = data;

	if (server->spare_fd < 0)
		server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (server->spare_fd >= 0 && qb_loop_poll_add(server->loop, QB_LOOP_MED,
	    server->listen_fd, POLLIN, server, listen_ready) == 0) {
		server->deaf = false;
		return;
	}
	server->deaf = qb_loop_timer_add(server->loop, QB_LOOP_LOW, LISTEN_AGAIN_NS, server,
	    listen_again, &server->deaf_timer) == 0;
	if (!server->deaf)
		ipc_log(server, LOG_CRIT, "%s: no client can connect any more: out of memory",
		    server->name);
}

/* Out of descriptors: the one kept for this lets us say so.  What was accepted in its place is
 * closed a little later; until the place is ours again nobody is listened to, or the loop would
 * spin. */
static void
accept_starved(struct ipc_server *server)
{
	int fd;

	if (server->spare_fd >= 0)
		(void) close(server->spare_fd);
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		(void) welcome_send(fd, -EMFILE);
		ipc_socket_close(server, fd);
		server->stats.refused++;
	}
	if (!server->starved_told)
		ipc_log(server, LOG_ERR, "%s: refusing clients: out of file descriptors",
		    server->name);
	server->starved_told = true;
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (server->spare_fd >= 0)
		return;
	(void) qb_loop_poll_del(server->loop, server->listen_fd);
	listen_again(server);
}

static int32_t
listen_ready(int32_t listen_fd, int32_t revents, void *data)
{
	struct ipc_server *server = data;
	struct ucred peer;
	socklen_t len = sizeof peer;
	int fd;

	(void) revents;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
			accept_starved(server);
			return 0;
		}
		if (fd < 0)
			return 0;
		server->starved_told = false;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
			ipc_socket_close(server, fd);
		else
			conn_accept(server, fd, &peer);
	}
	return 0;
}

/* --- the work queue --- */

static int32_t
work_ready(int32_t fd, int32_t revents, void *data)
{
	struct ipc_server *server = data;
	struct ipc_conn *conn;
	eventfd_t value;

	(void) revents;
	(void) eventfd_read(fd, &value);
	server->stats.wakes++;
	server->stats.system_calls++;
	for (size_t i = 0; i < IPC_TURN_CONNECTIONS; i++) {
		conn = TAILQ_FIRST(&server->ready);
		if (conn == NULL)
			break;
		ipc_queue_move(conn, IPC_QUEUE_NONE);
		ipc_turn(conn);
	}
	ipc_congestion_check(server);
	if (!TAILQ_EMPTY(&server->ready))
		ipc_work(server);
	server_turned(server);
	return 0;
}

void
ipc_server_kick(struct ipc_server *server)
{
	struct ipc_conns *lists[] = { &server->starved, &server->blocked };
	struct ipc_conn *conn;

	if (server->held)
		return;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		while ((conn = TAILQ_FIRST(lists[i])) != NULL)
			ipc_queue_move(conn, IPC_QUEUE_READY);
}

void
ipc_server_hold(struct ipc_server *server, bool hold)
{
	server->held = hold;
	ipc_server_kick(server);
}

/* --- the server's life --- */

static int
server_listen(struct ipc_server *server)
{
	struct sockaddr_un address;
	socklen_t len = ipc_address(&address, server->name);

	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0)
		return -errno;
	if (bind(server->listen_fd, (const struct sockaddr *) &address, len) < 0 ||
	    listen(server->listen_fd, LISTEN_BACKLOG) < 0)
		return -errno;
	return qb_loop_poll_add(server->loop, QB_LOOP_MED, server->listen_fd, POLLIN, server,
	    listen_ready);
}

static int
server_start(struct ipc_server *server)
{
	int r;

	server->record = malloc(IPC_RECORD_BYTES_MAX);
	if (server->record == NULL)
		return -ENOMEM;
	r = closer_new(&server->closer);
	if (r < 0)
		return r;
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->work_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->spare_fd < 0 || server->work_fd < 0)
		return -errno;
	r = qb_loop_poll_add(server->loop, QB_LOOP_MED, server->work_fd, POLLIN, server,
	    work_ready);
	if (r == 0)
		r = ipc_tick_init(server);
	return r < 0 ? r : server_listen(server);
}

int
ipc_server_new(qb_loop_t *loop, const struct ipc_config *config,
    const struct ipc_handlers *handlers, void *host, struct ipc_server **ret_server)
{
	struct ipc_server *server;
	int r;

	if (strlen(config->name) >= sizeof server->name)
		return -ENAMETOOLONG;
	server = calloc(1, sizeof *server);
	if (server == NULL)
		return -ENOMEM;
	server->loop = loop;
	server->handlers = *handlers;
	server->host = host;
	(void) snprintf(server->name, sizeof server->name, "%s", config->name);
	server->backlog_bytes_max = config->backlog_bytes_max;
	server->grace_ns = config->grace_ns;
	server->listen_fd = server->spare_fd = server->work_fd = server->tick_fd = -1;
	ipc_queues_init(server);
	r = server_start(server);
	if (r < 0) {
		(void) ipc_server_free(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

static void
server_fd_close(struct ipc_server *server, int fd)
{
	if (fd < 0)
		return;
	(void) qb_loop_poll_del(server->loop, fd);
	(void) close(fd);
}

/* Who is in the queue goes with the socket, and what they sent with them: so they are taken out. */
static void
listen_close(struct ipc_server *server)
{
	int fd;

	if (server->deaf)
		(void) qb_loop_timer_del(server->loop, server->deaf_timer);
	if (server->listen_fd < 0)
		return;
	(void) shutdown(server->listen_fd, SHUT_RDWR);
	for (int i = 0; i <= LISTEN_BACKLOG; i++) {
		fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			break;
		ipc_socket_close(server, fd);
	}
	server_fd_close(server, server->listen_fd);
}

struct ipc_server *
ipc_server_free(struct ipc_server *server)
{
	struct ipc_conn *conn;

	if (server == NULL)
		return NULL;
	while ((conn = TAILQ_FIRST(&server->conns)) != NULL) {
		if (conn->state != IPC_CONN_HELLO) {
			conn->state = IPC_CONN_CLOSING;
			server->stats.closed++;
			server->handlers.closed(server->host, conn);
		}
		conn_free(conn);
	}
	if (server->congested && !server->check_due)
		(void) qb_loop_timer_del(server->loop, server->check_timer);
	listen_close(server);
	server->closer = closer_free(server->closer);
	server_fd_close(server, server->tick_fd);
	server_fd_close(server, server->work_fd);
	if (server->spare_fd >= 0)
		(void) close(server->spare_fd);
	free(server->record);
	free(server);
	return NULL;
}
