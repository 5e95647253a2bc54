/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Clients that read slowly, or not at all.  Over half the limit the ring is slowed.  While it is,
 * those that read nothing for the grace time are cut off, as far as it takes to let the ring go;
 * who reads may take longer.  The limit itself is always kept: when there is no room for an event,
 * the slowest go, reading or not.
 */
#include "config.h"
#include <inttypes.h>
#include <syslog.h>

#include "exec/ipc/internal.h"

#define CHECKS		4u	/* in a grace time, of who has read */

static uint32_t
tail(const struct ipc_conn *conn)
{
	return __atomic_load_n(&conn->page->to_client.tail, __ATOMIC_RELAXED);
}

static bool
stuck(const struct ipc_conn *conn)
{
	return conn->slow.still >= CHECKS;
}

/* With the largest backlog; NULL: there is none. */
static struct ipc_conn *
slowest(struct ipc_server *server, bool only_stuck)
{
	struct ipc_conn *conn, *ret = NULL;

	TAILQ_FOREACH(conn, &server->conns, link)
		if (conn->backlog_bytes > (ret == NULL ? 0 : ret->backlog_bytes)
		    && (!only_stuck || stuck(conn)))
			ret = conn;
	return ret;
}

static void
cut(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;

	server->stats.slow_cut++;
	ipc_log(server, LOG_WARNING, "%s: client pid %d (uid %u) %s: %zu KiB are queued for it, %zu"
	    " KiB is the limit for all; disconnecting it", server->name, (int) conn->pid,
	    (unsigned int) conn->uid,
	    conn->slow.still > 0 ? "does not read its events" : "reads its events too slowly",
	    conn->backlog_bytes / 1024, server->backlog_bytes_max / 1024);
	ipc_cut(conn, /* drain= */ true);
}

bool
ipc_backlog_room(struct ipc_conn *conn, size_t bytes)
{
	struct ipc_server *server = conn->server;
	struct ipc_conn *victim;

	while (!conn->cut && server->stats.backlog_bytes > 0
	    && server->stats.backlog_bytes + bytes > server->backlog_bytes_max) {
		victim = slowest(server, /* only_stuck= */ false);
		cs_assert(victim != NULL);
		cut(victim);
	}
	return !conn->cut;
}

static void
check_due(void *data)
{
	struct ipc_server *server = data;

	server->check_due = true;
	ipc_work(server);
}

static void
check_later(struct ipc_server *server)
{
	server->check_due = false;
	/* Without a timer there is no grace, or the ring would stay slow. */
	if (qb_loop_timer_add(server->loop, QB_LOOP_HIGH, server->grace_ns / CHECKS, server,
	    check_due, &server->check_timer) < 0)
		check_due(server);
}

static void
congestion_begin(struct ipc_server *server)
{
	struct ipc_conn *conn;

	TAILQ_FOREACH(conn, &server->conns, link)
		if (conn->page != NULL)
			conn->slow = (struct ipc_slow) { .tail = tail(conn) };
	server->congested = true;
	server->checks = 0;
	server->stats.congestions++;
	/* Under full load this comes and goes many times a second: counted, not news. */
	ipc_log(server, LOG_DEBUG, "%s: %" PRIu64 " KiB of events wait for clients; slowing the"
	    " ring", server->name, server->stats.backlog_bytes / 1024);
	check_later(server);
	server->handlers.congested(server->host, true);
}

static void
congestion_end(struct ipc_server *server)
{
	server->congested = false;
	ipc_log(server, LOG_DEBUG, "%s: clients have caught up", server->name);
	if (!server->check_due)
		(void) qb_loop_timer_del(server->loop, server->check_timer);
	server->check_due = false;
	server->handlers.congested(server->host, false);
}

/* The ring has been slowed for the grace time, and not for somebody who is stuck. */
static void
reader_tell(struct ipc_server *server)
{
	struct ipc_conn *conn = slowest(server, /* only_stuck= */ false);

	if (conn == NULL || conn->slow_told)
		return;
	conn->slow_told = true;
	ipc_log(server, LOG_WARNING, "%s: client pid %d (uid %u) reads its events more slowly than"
	    " they come: %zu KiB are queued for it; everybody's sending is slowed down for it",
	    server->name, (int) conn->pid, (unsigned int) conn->uid, conn->backlog_bytes / 1024);
}

/* Who has read since the last time?  Below `enough` the ring is let go. */
static void
check(struct ipc_server *server, uint64_t enough)
{
	struct ipc_conn *conn;

	TAILQ_FOREACH(conn, &server->conns, link) {
		if (conn->page == NULL)
			continue;
		conn->slow.still = tail(conn) == conn->slow.tail ? conn->slow.still + 1 : 0;
		conn->slow.tail = tail(conn);
	}
	while (server->stats.backlog_bytes > enough
	    && (conn = slowest(server, /* only_stuck= */ true)) != NULL)
		cut(conn);
	if (server->stats.backlog_bytes > enough && ++server->checks == CHECKS)
		reader_tell(server);
	check_later(server);
}

void
ipc_congestion_check(struct ipc_server *server)
{
	uint64_t limit = server->backlog_bytes_max / 2;

	if (server->congested && server->check_due)
		check(server, limit / 2);
	if (!server->congested && server->stats.backlog_bytes > limit)
		congestion_begin(server);
	else if (server->congested && server->stats.backlog_bytes <= limit / 2)
		congestion_end(server);
}
