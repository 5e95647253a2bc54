/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Dozing: a client that sends while it has events to read waits for none of its messages, it
 * streams.  Rung for each of its records we would, with our priority, keep it from writing the next
 * one, and send every message in a frame of its own.  So we tell it not to ring (IPC_DOZING), and
 * look when we are awake anyway and at least every IPC_DOZE_NS.  It rings for IPC_DOZE_BYTES, and
 * it ends the doze when it has read everything (link.h).
 */
#include "config.h"
#include <errno.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "exec/ipc/internal.h"

static bool
client_streams(const struct ipc_conn *conn)
{
	return conn->lively && ipc_ring_used(&conn->to_client) > 0;
}

static void
conn_awake(struct ipc_conn *conn)
{
	__atomic_store_n(&conn->page->to_daemon.consumer_wish, IPC_AWAKE, __ATOMIC_SEQ_CST);
	ipc_queue_move(conn, IPC_QUEUE_READY);
}

/* From now on it rings for each record; what came before that is seen here. */
static void
conn_sleep(struct ipc_conn *conn)
{
	ipc_queue_move(conn, IPC_QUEUE_NONE);
	__atomic_store_n(&conn->page->to_daemon.consumer_wish, IPC_ASLEEP, __ATOMIC_SEQ_CST);
	if (!ipc_ring_empty(&conn->to_daemon))
		conn_awake(conn);
}

static void
doze_time(struct ipc_server *server)
{
	const struct itimerspec when = { .it_value = { .tv_nsec = IPC_DOZE_NS } };

	if (server->doze_timed)
		return;
	server->stats.system_calls++;
	server->doze_timed = timerfd_settime(server->doze_fd, 0, &when, NULL) == 0;
}

static int32_t
doze_end(int32_t fd, int32_t revents, void *data)
{
	struct ipc_server *server = data;
	struct ipc_conn *conn;
	uint64_t count;

	(void) revents;
	server->stats.wakes++;
	server->stats.system_calls++;
	if (read(fd, &count, sizeof count) < 0)
		return 0;
	server->doze_timed = false;
	TAILQ_FOREACH(conn, &server->dozing, queue_link)
		conn->lively = false;		/* unless it has sent meanwhile */
	if (ipc_server_look(server))
		doze_time(server);
	if (server->handlers.turned != NULL)
		server->handlers.turned(server->host);
	return 0;
}

/* Not by a timer of the loop: libqb polls without a pause when one is due within a millisecond. */
int
ipc_doze_init(struct ipc_server *server)
{
	server->doze_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (server->doze_fd < 0)
		return -errno;
	return qb_loop_poll_add(server->loop, QB_LOOP_HIGH, server->doze_fd, POLLIN, server,
	    doze_end);
}

static void
conn_doze(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;

	ipc_queue_move(conn, IPC_QUEUE_DOZING);
	__atomic_store_n(&conn->page->to_daemon.consumer_wish, IPC_DOZING, __ATOMIC_SEQ_CST);
	doze_time(server);
	/* It may have read its last event before it could see that we doze. */
	if (!server->doze_timed || ipc_ring_used(&conn->to_client) == 0)
		conn_sleep(conn);
}

void
ipc_conn_rest(struct ipc_conn *conn)
{
	if (client_streams(conn))
		conn_doze(conn);
	else
		conn_sleep(conn);
}

bool
ipc_server_look(struct ipc_server *server)
{
	struct ipc_conn *conn;
	size_t count = 0;

	/* Whose turn is over goes to the end of the list, or of another one. */
	TAILQ_FOREACH(conn, &server->dozing, queue_link)
		if (++count == IPC_TURN_CONNECTIONS)
			break;
	while (count-- > 0 && (conn = TAILQ_FIRST(&server->dozing)) != NULL)
		ipc_turn(conn);
	return !TAILQ_EMPTY(&server->dozing);
}
