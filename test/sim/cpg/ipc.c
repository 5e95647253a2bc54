/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * exec/ipc/ipc.h without shared memory: the same order of calls and records, the same turns, the
 * same bounds of rings and backlog, the same rule for clients that are too slow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/assert.h"
#include "exec/ipc/ipc.h"
#include "test/sim/cpg/cpg.h"

#define TURN_RECORDS	64u		/* as exec/ipc/internal.h */
#define TURN_BYTES	262144u
#define HEAD_BYTES	8u		/* of a record in a ring */
#define REPLY_BYTES_MAX	65536u
#define PENDING_BYTES	24u		/* what an event in the backlog costs besides */

struct ipc_server {
	struct ipc_server *next;	/* of the same daemon */
	struct cpg_node *node;
	struct ipc_config config;
	struct ipc_handlers handlers;
	void *host;
	char name[16];
	struct ipc_conn *conns;
	bool held, work_due, kicked;
	bool congested, grace_over;
	uint64_t grace_number;
	struct ipc_stats stats;
};

struct ipc_server *
ipc_server_next(struct ipc_server *server)
{
	return server->next;
}

/* --- items ----------------------------------------------------------------------------------- */

size_t
ipc_cost(size_t len)
{
	return HEAD_BYTES + ((len + 7u) & ~(size_t) 7u);
}

struct ipc_item *
ipc_item_new(uint32_t function, const struct iovec *iov, size_t count)
{
	struct ipc_item *item;
	size_t len = 0, at = 0;

	for (size_t i = 0; i < count; i++)
		len += iov[i].iov_len;
	item = malloc(sizeof *item + len);
	cs_assert(item != NULL);
	*item = (struct ipc_item) { .function = function, .len = len };
	for (size_t i = 0; i < count; at += iov[i++].iov_len)
		if (iov[i].iov_len > 0)
			memcpy(item->data + at, iov[i].iov_base, iov[i].iov_len);
	return item;
}

void
ipc_items_add(struct ipc_items *items, struct ipc_item *item)
{
	item->next = NULL;
	if (items->first == NULL)
		items->last = &items->first;
	*items->last = item;
	items->last = &item->next;
	items->count++;
	items->bytes += ipc_cost(item->len);
}

struct ipc_item *
ipc_items_take(struct ipc_items *items)
{
	struct ipc_item *item = items->first;

	if (item == NULL)
		return NULL;
	items->first = item->next;
	items->count--;
	items->bytes -= ipc_cost(item->len);
	return item;
}

void
ipc_items_drop(struct ipc_items *items)
{
	struct ipc_item *item;

	while ((item = ipc_items_take(items)) != NULL)
		free(item);
}

uint64_t
ipc_backlog(const struct cpg_node *node)
{
	uint64_t bytes = 0;

	for (const struct ipc_server *server = node->servers; server != NULL;
	    server = server->next)
		bytes += server->stats.backlog_bytes;
	return bytes;
}

/* --- connections ----------------------------------------------------------------------------- */

void
ipc_work_later(struct ipc_server *server)
{
	struct sim *sim = server->node->sim;

	if (server->work_due)
		return;
	server->work_due = true;
	host_later(sim, server->node->host, HAPPEN_APP, dice(&sim->prng, 1, 40) * US_NS, 0);
}

void
ipc_conn_put(struct ipc_conn *conn)
{
	if (conn->server != NULL || conn->client != NULL)
		return;
	ipc_items_drop(&conn->to_daemon);
	ipc_items_drop(&conn->to_client);
	ipc_items_drop(&conn->backlog);
	free(conn->reply);
	free(conn);
}

struct ipc_conn *
ipc_connect(struct cpg_node *node, const char *service, struct client *client, uint32_t pid)
{
	struct ipc_server *server = node->servers;
	struct ipc_conn *conn, **link;

	while (server != NULL && strcmp(server->name, service) != 0)
		server = server->next;
	if (node->engines == NULL || server == NULL)
		return NULL;
	conn = calloc(1, sizeof *conn);
	cs_assert(conn != NULL);
	conn->server = server;
	conn->client = client;
	conn->pid = pid;
	conn->refused = 1;
	for (link = &server->conns; *link != NULL; link = &(*link)->next)
		;
	*link = conn;
	server->stats.active++;
	ipc_work_later(server);
	return conn;
}

static void
ipc_backlog_drop(struct ipc_conn *conn)
{
	struct ipc_item *item;
	size_t bytes = 0;

	while ((item = ipc_items_take(&conn->backlog)) != NULL) {
		bytes += PENDING_BYTES + item->len;
		free(item);
	}
	cs_assert(conn->server->stats.backlog_bytes >= bytes);
	conn->server->stats.backlog_bytes -= bytes;
}

static size_t
ipc_backlog_bytes(const struct ipc_conn *conn)
{
	size_t bytes = 0;

	for (const struct ipc_item *item = conn->backlog.first; item != NULL; item = item->next)
		bytes += PENDING_BYTES + item->len;
	return bytes;
}

static void
ipc_unlink(struct ipc_conn *conn)
{
	struct ipc_conn **link = &conn->server->conns;

	while (*link != conn)
		link = &(*link)->next;
	*link = conn->next;
	conn->server->stats.active--;
	conn->server = NULL;
	conn->state = IPC_GONE;
	conn->hung_up = true;
	if (conn->client != NULL)
		link_wake(conn->client);
	ipc_conn_put(conn);
}

void
ipc_client_gone(struct ipc_conn *conn)
{
	conn->client = NULL;
	conn->hung_up = true;
	if (conn->server != NULL)
		ipc_work_later(conn->server);
	ipc_conn_put(conn);
}

/* --- to the client --------------------------------------------------------------------------- */

/* Move what waits into the ring, as far as there is room. */
static void
ipc_flush(struct ipc_conn *conn)
{
	size_t ring_bytes = cpg_of(conn->server->node->sim)->ring_bytes;
	struct ipc_item *item;

	while (conn->backlog.first != NULL &&
	    conn->to_client.bytes + ipc_cost(conn->backlog.first->len) <= ring_bytes) {
		item = ipc_items_take(&conn->backlog);
		conn->server->stats.backlog_bytes -= PENDING_BYTES + item->len;
		ipc_items_add(&conn->to_client, item);
	}
	if (conn->to_client.first != NULL && conn->client != NULL)
		link_wake(conn->client);
}

int
ipc_event(struct ipc_conn *conn, uint32_t function, const struct iovec *iov, size_t count)
{
	struct ipc_server *server = conn->server;
	size_t ring_bytes = cpg_of(server->node->sim)->ring_bytes;
	struct ipc_item *item;

	if (conn->state != IPC_OPEN || conn->cut)
		return -ENOBUFS;
	item = ipc_item_new(function, iov, count);
	if (item->len > ring_bytes / 2 - HEAD_BYTES) {
		free(item);
		return -EMSGSIZE;
	}
	item->tag = server->node->tag;
	if (conn->backlog.first == NULL &&
	    conn->to_client.bytes + ipc_cost(item->len) <= ring_bytes) {
		ipc_items_add(&conn->to_client, item);
	} else {
		if (conn->backlog.first == NULL)
			conn->backlog_ns = server->node->sim->now_ns;
		ipc_items_add(&conn->backlog, item);
		server->stats.backlog_bytes += PENDING_BYTES + item->len;
		ipc_flush(conn);
		if (server->stats.backlog_bytes > server->config.backlog_bytes_max / 2)
			ipc_work_later(server);
	}
	server->stats.events++;
	if (conn->client != NULL)
		link_wake(conn->client);
	return 0;
}

void
ipc_reply(struct ipc_conn *conn, const void *data, size_t len)
{
	cs_assert(len <= REPLY_BYTES_MAX);
	if (!conn->call_pending)
		return;
	conn->call_pending = false;
	if (conn->state != IPC_OPEN || conn->cut)
		return;
	free(conn->reply);
	conn->reply = malloc(len > 0 ? len : 1);
	cs_assert(conn->reply != NULL);
	if (len > 0)
		memcpy(conn->reply, data, len);
	conn->reply_len = len;
	conn->replied = true;
	if (conn->client != NULL)
		link_wake(conn->client);
}

static void
ipc_cut(struct ipc_conn *conn, bool drain)
{
	conn->cut = true;
	conn->cut_drain = drain;
	ipc_backlog_drop(conn);
	ipc_work_later(conn->server);
}

void
ipc_disconnect(struct ipc_conn *conn, const char *why)
{
	if (conn->cut || conn->state != IPC_OPEN)
		return;
	conn->server->handlers.log(conn->server->host, 4, why);
	ipc_cut(conn, /* drain= */ false);
}

pid_t
ipc_conn_pid(const struct ipc_conn *conn)
{
	return (pid_t) conn->pid;
}

uid_t
ipc_conn_uid(const struct ipc_conn *conn)
{
	(void) conn;
	return 0;
}

void *
ipc_conn_private(const struct ipc_conn *conn)
{
	return conn->private;
}

void
ipc_conn_private_set(struct ipc_conn *conn, void *value)
{
	conn->private = value;
}

/* --- from the client ------------------------------------------------------------------------- */

static void
ipc_hello(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;
	int r;

	if (conn->client == NULL) {
		ipc_unlink(conn);
		return;
	}
	r = server->handlers.authorise(server->host, 0, 0, (pid_t) conn->pid);
	if (r == 0) {
		conn->state = IPC_OPEN;
		r = server->handlers.opened(server->host, conn);
	}
	conn->refused = r;
	if (r < 0)
		ipc_unlink(conn);
	else
		link_wake(conn->client);
}

/* One call or record.  0, or -EAGAIN: the engine wants it later. */
static int
ipc_take(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;
	struct ipc_item *item = conn->to_daemon.first;
	int r = 0;

	if (item->call) {
		item = ipc_items_take(&conn->to_daemon);
		cs_assert(!conn->call_pending);
		conn->call_pending = true;
		server->stats.requests++;
		server->handlers.request(server->host, conn, item->function, item->data,
		    item->len);
		free(item);
		return 0;
	}
	r = server->handlers.record(server->host, conn, item->function, item->data, item->len);
	if (r == -EAGAIN)
		return r;
	cs_assert(r == 0);	/* our library writes no garbage */
	free(ipc_items_take(&conn->to_daemon));
	server->stats.records++;
	return 0;
}

static bool
ipc_drained(const struct ipc_conn *conn)
{
	return conn->state == IPC_CLOSING && conn->drain_left == 0;
}

static void
ipc_drain(struct ipc_conn *conn)
{
	size_t bytes = 0, count = 0, len;

	while (!conn->cut && !ipc_drained(conn) && conn->to_daemon.first != NULL) {
		if (conn->server->held) {
			conn->blocked = true;
			return;
		}
		if (count == TURN_RECORDS || bytes >= TURN_BYTES) {
			ipc_work_later(conn->server);
			return;
		}
		len = conn->to_daemon.first->len;
		if (ipc_take(conn) == -EAGAIN) {
			conn->blocked = true;
			conn->starved = count == 0;
			return;
		}
		count++;
		bytes += len;
		if (conn->state == IPC_CLOSING)
			conn->drain_left--;
	}
}

/* The socket is gone, or shall be.  What the client had sent by now is still taken. */
static void
ipc_hang_up(struct ipc_conn *conn, bool drain)
{
	ipc_backlog_drop(conn);
	if (conn->state == IPC_OPEN)
		conn->drain_left = conn->to_daemon.count;
	conn->state = IPC_CLOSING;
	if (!drain)
		conn->drain_left = 0;
	conn->cut = false;
	conn->hung_up = true;
	if (conn->client != NULL)
		link_wake(conn->client);
}

static void
ipc_turn(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;

	if (conn->state == IPC_HELLO) {
		ipc_hello(conn);
		return;
	}
	if (conn->state == IPC_OPEN && conn->hung_up)
		ipc_hang_up(conn, /* drain= */ true);
	if (conn->state == IPC_OPEN && !conn->cut)
		ipc_flush(conn);
	if (!conn->blocked && !conn->cut)
		ipc_drain(conn);
	if (conn->cut)
		ipc_hang_up(conn, conn->cut_drain);
	if (!ipc_drained(conn))
		return;
	server->stats.closed++;
	server->handlers.closed(server->host, conn);
	ipc_unlink(conn);
}

/* --- slow clients ---------------------------------------------------------------------------- */

/* It had time to read what waited, and did so till now.  (What comes in one go may be too much at
 * once for anybody.) */
static bool
ipc_reads(const struct ipc_conn *conn)
{
	uint64_t now_ns = conn->server->node->sim->now_ns;

	return now_ns - conn->backlog_ns >= 5 * MS_NS &&
	    now_ns - conn->client->read_ns < 5 * MS_NS;
}

static void
ipc_slowest_cut(struct ipc_server *server)
{
	struct ipc_conn *slowest = NULL;
	size_t most = 0, bytes;

	for (struct ipc_conn *conn = server->conns; conn != NULL; conn = conn->next) {
		bytes = ipc_backlog_bytes(conn);
		if (slowest == NULL || bytes > most) {
			slowest = conn;
			most = bytes;
		}
	}
	cs_assert(slowest != NULL && most > 0);
	server->stats.slow_cut++;
	cpg_counted(server->node->sim, CPG_COUNT_CUT);
	record_note(server->node->sim, "%u: process %u does not read: cut off",
	    server->node->host->node_id, slowest->pid);
	if (slowest->client != NULL)
		program_cut(slowest->client, ipc_reads(slowest));
	ipc_cut(slowest, /* drain= */ true);
}

void
ipc_grace_end(struct ipc_server *server, uint64_t number)
{
	if (server->congested && server->grace_number == number)
		server->grace_over = true;
}

/* Harder than ipc_congestion_check() of exec/ipc/slow.c: at the end of the grace time the slowest
 * goes, also if it reads, and what several are to get counts for each. */
static void
ipc_congestion(struct ipc_server *server)
{
	uint64_t limit = server->config.backlog_bytes_max;
	struct sim *sim = server->node->sim;

	while (server->stats.backlog_bytes > (server->grace_over ? limit / 2 : limit))
		ipc_slowest_cut(server);
	if (!server->congested && server->stats.backlog_bytes > limit / 2) {
		server->congested = true;
		server->stats.congestions++;
		server->grace_number++;
		cpg_counted(sim, CPG_COUNT_CONGESTED);
		host_later(sim, server->node->host, HAPPEN_APP, server->config.grace_ns,
		    server->grace_number);
		server->handlers.congested(server->host, true);
	} else if (server->congested && server->stats.backlog_bytes <= limit / 4) {
		server->congested = false;
		server->handlers.congested(server->host, false);
	}
	if (!server->congested)
		server->grace_over = false;
}

/* --- the server ------------------------------------------------------------------------------ */

/* Those that got nothing before go first. */
static void
ipc_turns(struct ipc_server *server, bool starved)
{
	for (struct ipc_conn *conn = server->conns, *next; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->starved == starved)
			ipc_turn(conn);
	}
}

void
ipc_work_now(struct ipc_server *server)
{
	server->work_due = false;
	if (server->kicked && !server->held)
		for (struct ipc_conn *conn = server->conns; conn != NULL; conn = conn->next)
			conn->blocked = false;
	server->kicked = false;
	ipc_turns(server, true);
	for (struct ipc_conn *conn = server->conns; conn != NULL; conn = conn->next)
		conn->starved = conn->starved && conn->blocked;
	ipc_turns(server, false);
	ipc_congestion(server);
}

int
ipc_server_new(qb_loop_t *loop, const struct ipc_config *config,
    const struct ipc_handlers *handlers, void *host, struct ipc_server **ret_server)
{
	struct ipc_server *server = calloc(1, sizeof *server);

	(void) loop;
	if (server == NULL)
		return -ENOMEM;
	cs_assert(strlen(config->name) < sizeof server->name);
	memcpy(server->name, config->name, strlen(config->name) + 1);
	server->node = cpg_now_acting;
	server->config = *config;
	server->config.name = server->name;
	server->handlers = *handlers;
	server->host = host;
	server->next = server->node->servers;
	server->node->servers = server;
	*ret_server = server;
	return 0;
}

struct ipc_server *
ipc_server_free(struct ipc_server *server)
{
	struct ipc_server **link;

	if (server == NULL)
		return NULL;
	while (server->conns != NULL) {
		struct ipc_conn *conn = server->conns;

		if (conn->state == IPC_OPEN || conn->state == IPC_CLOSING) {
			ipc_backlog_drop(conn);
			server->handlers.closed(server->host, conn);
		}
		conn->orphan = true;
		ipc_unlink(conn);
	}
	for (link = &server->node->servers; *link != server; link = &(*link)->next)
		;
	*link = server->next;
	free(server);
	return NULL;
}

void
ipc_server_kick(struct ipc_server *server)
{
	server->kicked = true;
	ipc_work_later(server);
}

void
ipc_server_hold(struct ipc_server *server, bool hold)
{
	server->held = hold;
	if (!hold)
		ipc_server_kick(server);
}

/* Here every record rings. */
bool
ipc_server_look(struct ipc_server *server)
{
	(void) server;
	return false;
}

const struct ipc_stats *
ipc_server_stats(const struct ipc_server *server)
{
	return &server->stats;
}
