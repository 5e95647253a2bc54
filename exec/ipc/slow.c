/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Clients that do not read: the ring is slowed for them, and after the grace time the slowest are
 * cut off.
 */
#include "config.h"
#include <inttypes.h>
#include <syslog.h>

#include "exec/ipc/internal.h"

static void
slowest_cut(struct ipc_server *server)
{
	struct ipc_conn *conn, *slowest = NULL;

	TAILQ_FOREACH(conn, &server->conns, link)
		if (slowest == NULL || conn->backlog_bytes > slowest->backlog_bytes)
			slowest = conn;
	cs_assert(slowest != NULL && slowest->backlog_bytes > 0);
	server->stats.slow_cut++;
	ipc_log(server, LOG_WARNING, "%s: client pid %d (uid %u) does not read its events: %zu KiB"
	    " are queued for it, %zu KiB is the limit for all; disconnecting it", server->name,
	    (int) slowest->pid, (unsigned int) slowest->uid, slowest->backlog_bytes / 1024,
	    server->backlog_bytes_max / 1024);
	ipc_cut(slowest, /* drain= */ true);
}

static void
grace_end(void *data)
{
	struct ipc_server *server = data;

	server->grace_over = true;
	ipc_work(server);
}

bool
ipc_backlog_room(struct ipc_conn *conn, size_t bytes)
{
	struct ipc_server *server = conn->server;

	while (!conn->cut && server->stats.backlog_bytes > 0
	    && server->stats.backlog_bytes + bytes > server->backlog_bytes_max)
		slowest_cut(server);
	return !conn->cut;
}

/* Over half the limit: slow the ring down for the grace time, then cut until we are below.  (The
 * limit itself is kept by ipc_backlog_room().) */
void
ipc_congestion_check(struct ipc_server *server)
{
	uint64_t limit = server->backlog_bytes_max / 2;

	while (server->grace_over && server->stats.backlog_bytes > limit)
		slowest_cut(server);
	if (!server->congested && server->stats.backlog_bytes > limit) {
		server->congested = true;
		server->stats.congestions++;
		/* Under full load this comes and goes many times a second: counted, not news. */
		ipc_log(server, LOG_DEBUG, "%s: %" PRIu64 " KiB of events wait for clients;"
		    " slowing the ring", server->name, server->stats.backlog_bytes / 1024);
		/* Without a timer there is no grace, or the ring would stay slow. */
		if (qb_loop_timer_add(server->loop, QB_LOOP_HIGH, server->grace_ns, server,
		    grace_end, &server->grace_timer) < 0)
			grace_end(server);
		server->handlers.congested(server->host, true);
	} else if (server->congested && server->stats.backlog_bytes <= limit / 2) {
		server->congested = false;
		ipc_log(server, LOG_DEBUG, "%s: clients have caught up", server->name);
		if (!server->grace_over)
			(void) qb_loop_timer_del(server->loop, server->grace_timer);
		server->handlers.congested(server->host, false);
	}
	if (!server->congested)
		server->grace_over = false;
}
