/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Dozing: a client that sends while it has events to read waits for none of its messages, it
 * streams.  Rung for each of its records we would, with our priority, keep it from writing the next
 * one, and send every message in a frame of its own.  So we tell it not to ring (IPC_DOZING), and
 * look when we are awake anyway and at each tick.  It rings for IPC_DOZE_BYTES, and it ends the
 * doze when it has read everything (link.h).
 *
 * Ticks come every IPC_TICK_NS while somebody dozes, or is owed a bell.
 */
#include "config.h"
#include <errno.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "exec/ipc/internal.h"

bool
ipc_tick_wanted(struct ipc_server *server)
{
	const struct itimerspec when = { .it_value = { .tv_nsec = IPC_TICK_NS } };

	if (server->ticks)
		return true;
	server->stats.system_calls++;
	server->ticks = timerfd_settime(server->tick_fd, 0, &when, NULL) == 0;
	return server->ticks;
}

/* From now on it rings for each record; what came before that is seen here. */
static void
conn_sleep(struct ipc_conn *conn)
{
	uint32_t *wish = &conn->page->to_daemon.consumer_wish;

	ipc_queue_move(conn, IPC_QUEUE_NONE);
	conn->streamed = 0;
	__atomic_store_n(wish, IPC_ASLEEP, __ATOMIC_SEQ_CST);
	if (ipc_ring_empty(&conn->to_daemon))
		return;
	__atomic_store_n(wish, IPC_AWAKE, __ATOMIC_SEQ_CST);
	ipc_queue_move(conn, IPC_QUEUE_READY);
}

static void
conn_doze(struct ipc_conn *conn)
{
	ipc_queue_move(conn, IPC_QUEUE_DOZING);
	__atomic_store_n(&conn->page->to_daemon.consumer_wish, IPC_DOZING, __ATOMIC_SEQ_CST);
	/* It may have read its last event before it could see that we doze. */
	if (!ipc_tick_wanted(conn->server) || ipc_ring_used(&conn->to_client) == 0)
		conn_sleep(conn);
}

void
ipc_conn_rest(struct ipc_conn *conn)
{
	if (conn->streamed > 0 && ipc_ring_used(&conn->to_client) > 0)
		conn_doze(conn);
	else
		conn_sleep(conn);
}

/* Whose turn is over goes to the end of the list, or of another one. */
static void
look(struct ipc_server *server, size_t count_max)
{
	struct ipc_conn *conn;
	size_t count = 0;

	TAILQ_FOREACH(conn, &server->dozing, queue_link)
		if (++count == count_max)
			break;
	while (count-- > 0 && (conn = TAILQ_FIRST(&server->dozing)) != NULL)
		ipc_turn(conn);
	if (server->congested)
		ipc_congestion_check(server);
}

bool
ipc_server_look(struct ipc_server *server)
{
	if (TAILQ_EMPTY(&server->dozing))
		return false;
	look(server, IPC_TURN_CONNECTIONS);
	return server->streams;
}

/* Who has sent nothing since the last tick does not stream any more. */
static void
streams_count(struct ipc_server *server)
{
	struct ipc_conn *conn;

	server->streams = false;
	TAILQ_FOREACH(conn, &server->dozing, queue_link) {
		server->streams |= conn->streamed >= IPC_STREAM_RECORDS;
		conn->streamed = 0;
	}
}

static int32_t
tick(int32_t fd, int32_t revents, void *data)
{
	struct ipc_server *server = data;
	struct ipc_conn *conn;
	bool owed = false;
	uint64_t count;

	(void) revents;
	server->stats.wakes++;
	server->stats.system_calls++;
	if (read(fd, &count, sizeof count) < 0)
		return 0;
	server->ticks = false;
	streams_count(server);
	look(server, IPC_CONNECTIONS_MAX);
	TAILQ_FOREACH(conn, &server->conns, link)
		if (conn->bell_tries > 0 && conn->fd >= 0) {
			ipc_conn_ring(conn);
			owed |= conn->bell_tries > 0;
		}
	if ((owed || !TAILQ_EMPTY(&server->dozing)) && !ipc_tick_wanted(server))
		while ((conn = TAILQ_FIRST(&server->dozing)) != NULL)
			conn_sleep(conn);
	if (server->handlers.turned != NULL)
		server->handlers.turned(server->host);
	return 0;
}

/* Not by a timer of the loop: libqb polls without a pause when one is due within a millisecond. */
int
ipc_tick_init(struct ipc_server *server)
{
	server->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (server->tick_fd < 0)
		return -errno;
	return qb_loop_poll_add(server->loop, QB_LOOP_HIGH, server->tick_fd, POLLIN, server, tick);
}
