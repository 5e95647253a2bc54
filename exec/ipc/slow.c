/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Clients that read slowly, or not at all.  Over half the limit the ring is slowed.  While it is,
 * those that read next to nothing for the grace time are cut off, the largest part of the backlog
 * first, until the ring can be let go; who reads may take longer.  The limit itself is always kept:
 * when there is no room for an event, somebody goes, and first who does not read.
 *
 * Whose part is the largest is found by going through all that waits, millions of events if they
 * are small, so not for each who is cut off: shares_count().
 */
#include "config.h"
#include <inttypes.h>
#include <syslog.h>

#include "exec/ipc/internal.h"

#define CHECKS			8	/* in a grace time, of who has read; */
#define STUCK_CHECKS		7	/* none in so many: within the grace time at all events */
#define ENOUGH_CHECKS		6	/* in so many of them who reads enough has shown it */
#define READ_BYTES_SECOND	131072u	/* less is next to nothing */
#define SHARES_WALK_MAX		65536u	/* events: half a millisecond */
#define SHARES_PARTS		16u	/* of the limit: the shares are no older */

static uint32_t
conn_tail(const struct ipc_conn *conn)
{
	return __atomic_load_n(&conn->page->to_client.tail, __ATOMIC_RELAXED);
}

void
ipc_slow_begin(struct ipc_conn *conn)
{
	conn->slow = (struct ipc_slow) { .tail = conn_tail(conn), .seen = conn_tail(conn),
		.still = conn->server->congested ? -1 : 0 };
}

/* It has read nothing at all between two checks, and since. */
static bool
is_silent(const struct ipc_conn *conn)
{
	return conn->slow.silent > 0 && conn_tail(conn) == conn->slow.seen;
}

/* Each one's part of the backlog, to be known before somebody is chosen.  Everybody who is cut off
 * changes the others' parts, as they share what waits.  As long as that takes little they are
 * counted anew each time; then only once a check, and when so much was queued that the order may
 * be another.  So the work grows with what waits, and not with how many are cut off, too. */
static void
shares_count(struct ipc_server *server)
{
	struct ipc_conn *conn;

	if (!server->shares_known
	    || server->queued_since > server->backlog_bytes_max / SHARES_PARTS)
		server->shares_walked = 0;
	else if (server->shares_walked >= SHARES_WALK_MAX)
		return;
	TAILQ_FOREACH(conn, &server->conns, link)
		server->shares_walked += ipc_backlog_share(conn);
	server->shares_known = true;
	server->queued_since = 0;
}

/* Of those that have not read enough for so many checks, or nothing at all, the one with the
 * largest part of the backlog; NULL: nobody. */
static struct ipc_conn *
slowest(struct ipc_server *server, int32_t still, bool silent)
{
	struct ipc_conn *conn, *ret = NULL;

	shares_count(server);
	TAILQ_FOREACH(conn, &server->conns, link) {
		if (STAILQ_EMPTY(&conn->backlog) || conn->slow.still < still
		    || (silent && !is_silent(conn)))
			continue;
		if (ret == NULL || conn->slow.share > ret->slow.share)
			ret = conn;
	}
	return ret;
}

static void
slow_cut(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;
	bool reads = conn_tail(conn) != conn->slow.tail;

	server->stats.slow_cut++;
	ipc_log(server, LOG_WARNING, "%s: client pid %d (uid %u) %s: %zu KiB are queued for it, %zu"
	    " KiB is the limit for all; disconnecting it", server->name, (int) conn->pid,
	    (unsigned int) conn->uid,
	    reads ? "reads its events too slowly" : "does not read its events",
	    conn->backlog_bytes / 1024, server->backlog_bytes_max / 1024);
	ipc_cut(conn, /* drain= */ true);
}

bool
ipc_backlog_room(struct ipc_conn *conn, uint32_t function, const struct iovec *iov, size_t count,
    size_t len)
{
	struct ipc_server *server = conn->server;
	struct ipc_conn *victim;

	/* What it costs changes when those are cut off that have the same event waiting. */
	while (!conn->cut && server->stats.backlog_bytes > 0
	    && server->stats.backlog_bytes + ipc_backlog_cost(server, function, iov, count, len)
	    > server->backlog_bytes_max) {
		victim = slowest(server, 1, /* silent= */ true);
		if (victim == NULL)
			victim = slowest(server, 1, /* silent= */ false);
		if (victim == NULL)
			victim = slowest(server, -1, /* silent= */ false);
		cs_assert(victim != NULL);
		slow_cut(victim);
	}
	return !conn->cut;
}

static void
check_is_due(void *data)
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
	    check_is_due, &server->check_timer) < 0)
		check_is_due(server);
}

static void
congestion_begin(struct ipc_server *server)
{
	struct ipc_conn *conn;

	TAILQ_FOREACH(conn, &server->conns, link)
		if (!STAILQ_EMPTY(&conn->backlog))
			ipc_slow_begin(conn);
	server->congested = true;
	server->checks = 0;
	server->shares_known = false;
	server->slow_told = false;
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
	ipc_log(server, server->slow_told ? LOG_NOTICE : LOG_DEBUG,
	    "%s: clients have caught up; the ring is not slowed any more", server->name);
	if (!server->check_due)
		(void) qb_loop_timer_del(server->loop, server->check_timer);
	server->check_due = false;
	server->handlers.congested(server->host, false);
}

/* The ring has been slowed for the grace time, for somebody who reads.  Once for each client. */
static void
reader_tell(struct ipc_server *server)
{
	struct ipc_conn *conn = slowest(server, -1, /* silent= */ false);

	if (conn == NULL || conn->slow.still != 0 || conn->slow_told)
		return;
	conn->slow_told = true;
	server->slow_told = true;
	ipc_log(server, LOG_WARNING, "%s: client pid %d (uid %u) reads its events more slowly than"
	    " they come: %zu KiB are queued for it; everybody's sending is slowed down for it",
	    server->name, (int) conn->pid, (unsigned int) conn->uid, conn->backlog_bytes / 1024);
}

/* Forward only, and not beyond what is there: the tail is the client's word. */
static void
conn_check(struct ipc_conn *conn)
{
	uint32_t tail = conn_tail(conn), used = conn->to_client.at - tail;
	int32_t read = (int32_t) (tail - conn->slow.tail);
	uint64_t enough = conn->server->grace_ns * READ_BYTES_SECOND / UINT64_C(1000000000)
	    * ENOUGH_CHECKS / CHECKS;

	if (used > conn->to_client.size) {
		ipc_conn_garbage(conn, "tail of the event ring");
		return;
	}
	conn->slow.silent = tail == conn->slow.seen && used > 0 ? conn->slow.silent + 1 : 0;
	conn->slow.seen = tail;
	if (read > 0 && (used == 0 || (uint64_t) read >= enough)) {
		conn->slow.tail = tail;
		conn->slow.still = 0;
	} else {
		conn->slow.still++;
	}
}

/* Who has read?  Below `enough` the ring is let go. */
static void
readers_check(struct ipc_server *server, uint64_t enough)
{
	struct ipc_conn *conn;

	TAILQ_FOREACH(conn, &server->conns, link)
		if (!STAILQ_EMPTY(&conn->backlog))
			conn_check(conn);
	server->shares_known = false;
	while (server->stats.backlog_bytes > enough
	    && (conn = slowest(server, STUCK_CHECKS, /* silent= */ false)) != NULL)
		slow_cut(conn);
	if (server->stats.backlog_bytes > enough && ++server->checks % CHECKS == 0)
		reader_tell(server);
	check_later(server);
}

/* At once: before the main loop comes round again many tokens may have passed here, and each brings
 * a window of everybody's. */
void
ipc_congestion_notice(struct ipc_server *server)
{
	if (!server->congested && server->stats.backlog_bytes > server->backlog_bytes_max / 2)
		congestion_begin(server);
}

void
ipc_congestion_check(struct ipc_server *server)
{
	uint64_t enough = server->backlog_bytes_max / 4;

	if (server->congested && server->check_due)
		readers_check(server, enough);
	ipc_congestion_notice(server);
	if (server->congested && server->stats.backlog_bytes <= enough)
		congestion_end(server);
}
