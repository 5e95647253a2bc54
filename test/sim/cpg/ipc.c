/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A daemon's main loop as far as its clients see it: who is heard, whose turn it is, timers.  It
 * stands in for exec/ipc/server.c and doze.c, and does what they do in the same order, but that
 * nobody dozes: every record to a daemon that sleeps rings.  What is done with a connection is
 * production code (conn.c, slow.c, backlog.c), on the structures and the rings that it has there.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "test/sim/cpg/wire.h"

struct loop_timer {		/* of a daemon */
	struct loop_timer *next;
	uint64_t number, due_ns;
	void *data;
	qb_loop_timer_dispatch_fn fire;
};

/* --- the main loop --------------------------------------------------------------------------- */

void
service_soon(struct service *service)
{
	struct sim *sim = service->node->sim;

	if (service->due)
		return;
	service->due = true;
	host_later(sim, service->node->host, HAPPEN_APP, dice(&sim->prng, 1, 40) * US_NS, 0);
}

/* As libqb has it; the only ones here are those of exec/ipc/slow.c. */
int32_t
qb_loop_timer_add(qb_loop_t *loop, enum qb_loop_priority priority, uint64_t span_ns, void *data,
    qb_loop_timer_dispatch_fn fire, qb_loop_timer_handle *ret_handle)
{
	struct cpg_node *node = cpg_now_acting;
	struct loop_timer *timer = util_alloc(sizeof *timer);

	(void) loop;
	(void) priority;
	*timer = (struct loop_timer) { .next = node->timers, .number = ++node->timer_last,
	    .due_ns = node->sim->now_ns + span_ns, .data = data, .fire = fire };
	node->timers = timer;
	host_later(node->sim, node->host, HAPPEN_APP, span_ns, timer->number);
	*ret_handle = timer->number;
	return 0;
}

static struct loop_timer **
timer_find(struct cpg_node *node, uint64_t number)
{
	struct loop_timer **link = &node->timers;

	while (*link != NULL && (*link)->number != number)
		link = &(*link)->next;
	return link;
}

int32_t
qb_loop_timer_del(qb_loop_t *loop, qb_loop_timer_handle handle)
{
	struct loop_timer **link = timer_find(cpg_now_acting, handle), *timer = *link;

	(void) loop;
	if (timer == NULL)
		return -ENOENT;
	*link = timer->next;
	free(timer);
	return 0;
}

static void
timer_fire(struct cpg_node *node, uint64_t number)
{
	struct loop_timer **link = timer_find(node, number), *timer = *link;

	if (timer == NULL)
		return;
	*link = timer->next;
	service_of(timer->data)->check_ns = timer->due_ns;
	timer->fire(timer->data);
	free(timer);
}

uint64_t
service_timer_ns(const struct service *service)
{
	for (const struct loop_timer *timer = service->node->timers; timer != NULL;
	    timer = timer->next)
		if (timer->data == &service->ipc)
			return timer->due_ns;
	return 0;
}

/* --- what exec/ipc/ asks of its server ------------------------------------------------------- */

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
	service_of(server)->work = true;
	service_soon(service_of(server));
}

void
ipc_cut(struct ipc_conn *conn, bool drain)
{
	watch_cut(wire_of(conn), /* slow= */ drain);	/* else it is not trusted any more */
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

bool
ipc_tick_wanted(struct ipc_server *server)
{
	(void) server;
	return false;
}

void
ipc_conn_rest(struct ipc_conn *conn)
{
	uint32_t *wish = &conn->page->to_daemon.consumer_wish;

	ipc_queue_move(conn, IPC_QUEUE_NONE);
	conn->streamed = 0;
	*wish = IPC_ASLEEP;
	if (ipc_ring_empty(&conn->to_daemon))
		return;
	*wish = IPC_AWAKE;
	ipc_queue_move(conn, IPC_QUEUE_READY);
}

/* --- the life of a connection ---------------------------------------------------------------- */

static void
conn_socket_close(struct ipc_conn *conn)
{
	struct wire *wire = wire_of(conn);

	wire->heard = false;
	wire->hung_up = true;
	if (wire->client != NULL)
		link_wake(wire->client);
}

static void
conn_free(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;

	wire_settle(wire_of(conn), 0);
	conn_socket_close(conn);
	ipc_backlog_drop(conn);
	ipc_queue_move(conn, IPC_QUEUE_NONE);
	TAILQ_REMOVE(&server->conns, conn, link);
	server->stats.active--;
	conn->server = NULL;
	wire_put(wire_of(conn));
}

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
		conn->drain_until = conn->page->to_daemon.head;
	}
	if (!drain)
		conn->drain_until = conn->to_daemon.at;
	conn->cut = false;
	if (!drain || conn->queue == IPC_QUEUE_NONE)
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

static void
conn_map(struct ipc_conn *conn)
{
	struct wire *wire = wire_of(conn);

	conn->page = wire_page(wire);
	conn->reply = wire->memory + IPC_PAGE_BYTES;
	wire_rings(wire, &conn->to_daemon, &conn->to_client);
}

static void
conn_hello(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;
	struct wire *wire = wire_of(conn);
	int r;

	r = server->handlers.authorise(server->host, 0, 0, conn->pid);
	if (r == 0) {
		conn_map(conn);
		conn->state = IPC_CONN_OPEN;
		r = server->handlers.opened(server->host, conn);
	}
	wire->welcome = r;
	if (r < 0) {
		server->stats.refused++;
		conn_free(conn);
		return;
	}
	link_wake(wire->client);
	ipc_turn(conn);
}

/* --- a turn of the loop ---------------------------------------------------------------------- */

static void
service_check(struct service *service)
{
	service->checks = true;
	ipc_congestion_check(&service->ipc);
	service->checks = false;
	watch_checked(service);
}

static void
conn_socket(struct ipc_conn *conn)
{
	struct ipc_server *server = conn->server;
	struct wire *wire = wire_of(conn);

	server->stats.wakes++;
	if (conn->state == IPC_CONN_HELLO && wire->client != NULL) {
		conn_hello(conn);
	} else if (wire->bell) {
		wire->bell = false;
		if (wire->hung_up)	/* which is seen behind the byte */
			service_soon(service_of(server));
		server->stats.doorbells_rx++;
		ipc_turn(conn);
		if (server->congested)
			service_check(service_of(server));
	} else {
		conn_hang_up(conn, !conn->cut || conn->drain);
	}
}

static void
service_sockets(struct service *service)
{
	struct ipc_conn *next;

	for (struct ipc_conn *conn = TAILQ_FIRST(&service->ipc.conns); conn != NULL; conn = next) {
		const struct wire *wire = wire_of(conn);

		next = TAILQ_NEXT(conn, link);
		if (wire->heard && (conn->state == IPC_CONN_HELLO || wire->bell || wire->hung_up))
			conn_socket(conn);
	}
}

static void
service_work(struct service *service)
{
	struct ipc_server *server = &service->ipc;
	struct ipc_conn *conn;

	service->work = false;
	server->stats.wakes++;
	for (size_t i = 0; i < IPC_TURN_CONNECTIONS; i++) {
		conn = TAILQ_FIRST(&server->ready);
		if (conn == NULL)
			break;
		ipc_queue_move(conn, IPC_QUEUE_NONE);
		ipc_turn(conn);
	}
	service_check(service);
	if (!TAILQ_EMPTY(&server->ready))
		ipc_work(server);
}

static void
service_turn(struct service *service)
{
	service->due = false;
	service_sockets(service);
	if (service->work)
		service_work(service);
	service->ipc.handlers.turned(service->ipc.host);
}

void
ipc_happening(struct cpg_node *node, uint64_t timer)
{
	if (timer != 0) {
		timer_fire(node, timer);
		return;
	}
	for (struct service *service = node->services; service != NULL; service = service->next)
		if (service->due)
			service_turn(service);
}

/* --- exec/ipc/ipc.h -------------------------------------------------------------------------- */

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

bool
ipc_server_look(struct ipc_server *server)
{
	(void) server;
	return false;		/* nobody dozes */
}

/* In front of the engine's own: what it is told is looked at. */
static void
service_congested(void *host, bool on)
{
	struct service *service = cpg_now_acting->services;

	while (service->ipc.host != host)
		service = service->next;
	watch_slowed(service, on);
	service->congested(host, on);
}

int
ipc_server_new(qb_loop_t *loop, const struct ipc_config *config,
    const struct ipc_handlers *handlers, void *host, struct ipc_server **ret_server)
{
	struct service *service = util_alloc(sizeof *service);
	struct ipc_server *server = &service->ipc;

	cs_assert(strlen(config->name) < sizeof server->name);
	server->loop = loop;
	server->handlers = *handlers;
	server->handlers.congested = service_congested;
	server->host = host;
	memcpy(server->name, config->name, strlen(config->name) + 1);
	server->backlog_bytes_max = config->backlog_bytes_max;
	server->grace_ns = config->grace_ns;
	server->record = util_alloc(IPC_RECORD_BYTES_MAX);
	ipc_queues_init(server);
	service->congested = handlers->congested;
	service->node = cpg_now_acting;
	service->next = service->node->services;
	service->node->services = service;
	*ret_server = server;
	return 0;
}

struct ipc_server *
ipc_server_free(struct ipc_server *server)
{
	struct service **link, *service;
	struct ipc_conn *conn;

	if (server == NULL)
		return NULL;
	while ((conn = TAILQ_FIRST(&server->conns)) != NULL) {
		if (conn->state != IPC_CONN_HELLO) {
			conn->state = IPC_CONN_CLOSING;
			server->stats.closed++;
			server->handlers.closed(server->host, conn);
		}
		wire_of(conn)->orphan = true;
		conn_free(conn);
	}
	if (server->congested && !server->check_due)
		(void) qb_loop_timer_del(server->loop, server->check_timer);
	service = service_of(server);
	for (link = &service->node->services; *link != service; link = &(*link)->next)
		;
	*link = service->next;
	free(server->record);
	free(service);
	return NULL;
}
