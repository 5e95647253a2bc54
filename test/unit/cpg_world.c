/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The world for the cpg engine: orders, ring changes, and a host of fakes around each engine.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/engines/cpg_engine.h"
#include "test/unit/cpg_world.h"

static const struct cs_engine *const cpg = &cs_engine_descriptor;

static void
broken(const char *what)
{
	fprintf(stderr, "cpg_world: %s\n", what);
	abort();
}

static void *
copy_of(const void *data, size_t len)
{
	void *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		broken("out of memory");
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

static void
queue_push(struct world_queue *queue, struct world_message message)
{
	if (queue->count == queue->size) {
		queue->size = queue->size > 0 ? 2 * queue->size : 16;
		queue->items = realloc(queue->items, queue->size * sizeof queue->items[0]);
		if (queue->items == NULL)
			broken("out of memory");
	}
	queue->items[queue->count++] = message;
}

static bool
queue_empty(const struct world_queue *queue)
{
	return queue->head == queue->count;
}

static void
queue_drop(struct world_queue *queue)
{
	for (size_t i = queue->head; i < queue->count; i++)
		free(queue->items[i].data);
	free(queue->items);
	*queue = (struct world_queue) { 0 };
}

uint32_t
world_pick(struct world *world, uint32_t below)
{
	return (uint32_t) prng_below(&world->prng, below);
}

/* --- the host's calls ---------------------------------------------------------------------- */

static uint32_t host_node_id(const struct cs_host *host) { return world_id(host->index); }
static uint64_t host_now_ns(const struct cs_host *host) { (void) host; return 1; }
static bool host_is_active(const struct cs_host *host) { return host->active; }
static pid_t host_conn_pid(const struct cs_conn *conn) { return conn->pid; }
static uid_t host_conn_uid(const struct cs_conn *conn) { (void) conn; return 0; }
static bool host_conn_is_closing(const struct cs_conn *conn) { return conn->closing; }
static void *host_conn_private(const struct cs_conn *conn) { return conn->private; }
static void host_conn_private_set(struct cs_conn *conn, void *value) { conn->private = value; }
static size_t host_room(const struct cs_host *host) { (void) host; return 1 << 20; }

static int
host_multicast(struct cs_host *host, enum cs_guarantee guarantee, const struct iovec *iov,
    size_t iov_count)
{
	struct world_message message = { .node = host->index, .safe = guarantee == CS_SAFE };
	struct world_queue *queue = &host->app;
	uint8_t *at;

	message.kind = WORLD_APP;
	if (!host->active) {
		if (!host->syncing || host->sync_sent ||
		    host->world->moment == WORLD_ACTIVATION)
			broken("multicast() while neither active nor asked to synchronise");
		message.kind = WORLD_SYNC;
		queue = &host->sync;
	}
	if (queue->count - queue->head >= host->app_limit ||
	    (host->world->try_again && world_pick(host->world, 8) == 0)) {
		host->starved = true;
		return -EAGAIN;
	}
	for (size_t i = 0; i < iov_count; i++)
		message.len += iov[i].iov_len;
	at = message.data = malloc(message.len);
	for (size_t i = 0; i < iov_count; at += iov[i++].iov_len)
		memcpy(at, iov[i].iov_base, iov[i].iov_len);
	queue_push(queue, message);
	return 0;
}

static void
host_reply(struct cs_host *host, struct cs_conn *conn, const void *data, size_t len)
{
	(void) host;
	if (conn->answered || len > sizeof conn->reply)
		broken("answered twice, or too much");
	conn->answered = true;
	memcpy(conn->reply, data, len);
	conn->reply_len = len;
}

static int
host_event(struct cs_host *host, struct cs_conn *conn, uint32_t function,
    const struct iovec *iov, size_t iov_count)
{
	struct world_event *event = &conn->events[conn->event_count];
	uint8_t *at;

	(void) host;
	event->len = 0;
	for (size_t i = 0; i < iov_count; i++)
		event->len += iov[i].iov_len;
	if (conn->closed)
		return -ENOBUFS;
	if (conn->event_bytes_max > 0 && event->len > conn->event_bytes_max)
		return -EMSGSIZE;
	conn->event_count++;
	if (conn->event_count > WORLD_EVENTS)
		broken("too many events at once");
	event->function = function;
	at = event->data = malloc(event->len + 1);
	for (size_t i = 0; i < iov_count; at += iov[i++].iov_len)
		if (iov[i].iov_len > 0)
			memcpy(at, iov[i].iov_base, iov[i].iov_len);
	return 0;
}

static void
host_disconnect(struct cs_host *host, struct cs_conn *conn, const char *why)
{
	(void) host;
	(void) why;
	conn->closed = true;
}

static int
host_node_info(const struct cs_host *host, size_t index, struct cs_node_info *ret_info)
{
	(void) host;
	(void) index;
	(void) ret_info;
	return -ENOENT;
}

static int
host_ignore(struct cs_host *host, const uint32_t *node_ids, size_t count)
{
	(void) host;
	(void) node_ids;
	(void) count;
	return -EINVAL;
}

static const char *host_transport(const struct cs_host *host) { (void) host; return "none"; }

static void
host_log(const struct cs_host *host, int priority, const char *format, ...)
{
	struct cs_host *self = &host->world->nodes[host->index];
	char line[256];
	va_list args;

	va_start(args, format);
	(void) vsnprintf(line, sizeof line, format, args);
	va_end(args);
	self->log_count[priority & 7]++;
	if (getenv("WORLD_LOG") != NULL)
		fprintf(stderr, "node %u: %s\n", world_id(host->index), line);
}

static const struct cs_host_ops world_ops = {
	.node_id = host_node_id, .now_ns = host_now_ns, .multicast = host_multicast,
	.multicast_room = host_room, .is_active = host_is_active, .reply = host_reply,
	.event = host_event, .disconnect = host_disconnect, .conn_pid = host_conn_pid,
	.conn_uid = host_conn_uid, .conn_is_closing = host_conn_is_closing,
	.conn_private = host_conn_private,
	.conn_private_set = host_conn_private_set, .node_info = host_node_info,
	.ignore = host_ignore, .transport = host_transport, .log = host_log,
};

/* --- connections --------------------------------------------------------------------------- */

void
world_events_drop(struct cs_conn *conn)
{
	for (size_t i = 0; i < conn->event_count; i++)
		free(conn->events[i].data);
	conn->event_count = 0;
}

static void
drain(struct world *world, uint32_t node)
{
	for (size_t i = 0; i < world->conn_count; i++) {
		struct cs_conn *conn = world->conns[i];

		if (conn->node == node && world->on_events != NULL &&
		    (conn->event_count > 0 || conn->answered))
			world->on_events(world, conn, world->moment);
	}
}

struct cs_conn *
world_open(struct world *world, uint32_t node, pid_t pid)
{
	struct cs_conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL || world->conn_count == 256)
		broken("too many connections");
	conn->world = world;
	conn->node = node;
	conn->pid = pid;
	if (cpg->conn_open(world->nodes[node].engine, conn) < 0)
		broken("conn_open");
	world->conns[world->conn_count++] = conn;
	return conn;
}

static void
conn_forget(struct world *world, struct cs_conn *conn)
{
	size_t i = 0;

	while (world->conns[i] != conn)
		i++;
	world->conns[i] = world->conns[--world->conn_count];
	world_events_drop(conn);
	free(conn);
}

void
world_close(struct world *world, struct cs_conn *conn)
{
	uint32_t node = conn->node;

	cpg->conn_close(world->nodes[node].engine, conn);
	conn_forget(world, conn);
	drain(world, node);
}

cs_error_t
world_call(struct world *world, struct cs_conn *conn, uint32_t function, const void *data,
    size_t len)
{
	struct cs_request request = { .function = function, .data = data, .len = len };
	struct cpg_wire_reply reply;

	conn->answered = false;
	cpg->request(world->nodes[conn->node].engine, conn, &request);
	if (!conn->answered)
		return 0;
	conn->answered = false;
	memcpy(&reply, conn->reply, sizeof reply);
	drain(world, conn->node);
	return (cs_error_t) reply.error;
}

int
world_record(struct world *world, struct cs_conn *conn, uint32_t function,
    const void *head, size_t head_len, const void *data, size_t len)
{
	struct cs_request record = { .function = function, .len = head_len + len };
	uint8_t *bytes = malloc(record.len + 1);
	int r;

	memcpy(bytes, head, head_len);
	if (len > 0)
		memcpy(bytes + head_len, data, len);
	record.data = bytes;
	r = cpg->conn_data(world->nodes[conn->node].engine, conn, &record);
	free(bytes);
	return r;
}

struct cpg_wire_name
world_name(const char *text)
{
	struct cpg_wire_name name = { .length = (uint32_t) strlen(text) };

	memcpy(name.value, text, name.length);
	return name;
}

/* --- the order ----------------------------------------------------------------------------- */

bool
world_send(struct world *world, uint32_t node)
{
	struct cs_host *host = &world->nodes[node];
	struct world_queue *from = NULL;

	if (host->engine == NULL || host->ring == UINT32_MAX)
		return false;
	world->moment = WORLD_MESSAGE;
	if (host->syncing && !host->sync_sent && cpg->sync_process(host->engine) == 0) {
		queue_push(&host->sync, (struct world_message) { .kind = WORLD_BARRIER,
		    .node = node, .data = copy_of("", 0) });
		host->sync_sent = true;
	}
	if (host->active && host->starved) {
		host->starved = false;
		cpg->room(host->engine);
		drain(world, node);
	}
	if (!queue_empty(&host->sync))
		from = &host->sync;
	else if (host->active && !queue_empty(&host->app))
		from = &host->app;
	if (from == NULL)
		return (host->syncing && !host->sync_sent) || host->starved;
	queue_push(&world->rings[host->ring].order, from->items[from->head++]);
	return true;
}

static void
check_state(const struct cs_host *host)
{
	const struct cpg_engine *engine = host->engine;

	cpg_state_check(engine->state);
}

/* One message of the order at one node.  `regular`: barriers count. */
static void
take(struct world *world, struct cs_host *host, const struct world_message *message, bool regular)
{
	world->moment = WORLD_MESSAGE;
	if (message->kind != WORLD_BARRIER) {
		/* Each node its own copy: nobody may lean on what another wrote. */
		uint8_t *copy = copy_of(message->data, message->len);

		cpg->deliver(host->engine, world_id(message->node),
		    world->nodes[message->node].incarnation, copy, message->len);
		free(copy);
	} else if (regular && host->syncing) {
		host->barriers |= 1u << message->node;
		if (host->barriers == world->rings[host->ring].members) {
			host->syncing = false;
			host->activated_ring = host->ring;
			world->moment = WORLD_ACTIVATION;
			cpg->sync_activate(host->engine);
			host->active = true;
			cpg->room(host->engine);
		}
	}
	check_state(host);
	drain(world, host->index);
}

bool
world_deliver(struct world *world, uint32_t node)
{
	struct cs_host *host = &world->nodes[node];
	const struct world_message *message;
	struct world_ring *ring;

	if (host->engine == NULL || host->ring == UINT32_MAX ||
	    host->delivered == world->rings[host->ring].order.count)
		return false;
	ring = &world->rings[host->ring];
	message = &ring->order.items[host->delivered];
	take(world, host, message, true);
	host->delivered++;
	if (message->safe && ring->safe_end < host->delivered)
		ring->safe_end = host->delivered;
	return true;
}

void
world_settle(struct world *world)
{
	for (uint32_t quiet = 0; quiet < 4 * world->node_count;) {
		uint32_t node = quiet > 0 ? quiet % world->node_count :
		    world_pick(world, world->node_count);
		bool busy = world_send(world, node);

		while (world_deliver(world, node))
			busy = true;
		quiet = busy ? 0 : quiet + 1;
	}
}

/* --- ring changes -------------------------------------------------------------------------- */

static size_t
members_of(struct world *world, uint32_t bits, struct cs_member *ret_members)
{
	size_t count = 0;

	for (uint32_t i = 0; i < world->node_count; i++)
		if ((bits >> i & 1) != 0)
			ret_members[count++] = (struct cs_member) { .node_id = world_id(i),
			    .incarnation = world->nodes[i].incarnation };
	return count;
}

static void
transitional(struct world *world, struct cs_host *host, uint32_t movers)
{
	struct cs_member members[WORLD_NODES];
	struct cs_configuration config = { .kind = CS_CONFIG_TRANSITIONAL, .members = members };
	bool abort_first = world_pick(world, 2) == 0;

	config.member_count = members_of(world, movers, members);
	config.ring = (struct cs_ring_id) { .rep = 1, .seq = host->ring };
	host->active = false;
	world->moment = WORLD_TRANSITIONAL;
	if (host->syncing && abort_first)
		cpg->sync_abort(host->engine);
	cpg->confchg(host->engine, &config);
	if (host->syncing && !abort_first)
		cpg->sync_abort(host->engine);
	host->syncing = false;
	host->moving = true;
	host->movers = movers;
	check_state(host);
	drain(world, host->index);
}

/* Those that go together from one ring end it together. */
static void
ring_end(struct world *world, uint32_t movers)
{
	uint32_t first = 0, point = 0, end, gap;
	struct world_ring *ring;

	while ((movers >> first & 1) == 0)
		first++;
	if (world->nodes[first].ring == UINT32_MAX) {
		transitional(world, &world->nodes[first], movers);
		return;
	}
	ring = &world->rings[world->nodes[first].ring];
	end = (uint32_t) ring->order.count;
	for (uint32_t i = 0; i < world->node_count; i++)
		if ((movers >> i & 1) != 0 && world->nodes[i].delivered > point)
			point = (uint32_t) world->nodes[i].delivered;
	point += world_pick(world, end - point + 1);
	gap = ring->members == movers ? end : point + world_pick(world, end - point + 1);
	if (gap < ring->safe_end)
		gap = (uint32_t) ring->safe_end;
	for (uint32_t i = 0; i < world->node_count; i++) {
		struct cs_host *host = &world->nodes[i];

		if ((movers >> i & 1) == 0)
			continue;
		while (host->delivered < point)
			(void) world_deliver(world, i);
		transitional(world, host, movers);
		for (; host->delivered < end; host->delivered++) {
			const struct world_message *m = &ring->order.items[host->delivered];

			if (host->delivered < gap || (movers >> m->node & 1) != 0)
				take(world, host, m, false);
		}
		queue_drop(&host->sync);
	}
}

static void
ring_begin(struct world *world, uint32_t bits)
{
	struct cs_member members[WORLD_NODES], alone[1];
	struct cs_configuration config = { .kind = CS_CONFIG_REGULAR, .members = members };
	struct cs_configuration before = { .members = alone, .member_count = 1 };

	if (world->ring_count == world->ring_size) {
		world->ring_size = world->ring_size > 0 ? 2 * world->ring_size : 16;
		world->rings = realloc(world->rings,
		    world->ring_size * sizeof world->rings[0]);
		if (world->rings == NULL)
			broken("out of memory");
	}
	world->rings[world->ring_count] = (struct world_ring) { .members = bits };
	config.member_count = members_of(world, bits, members);
	config.ring = (struct cs_ring_id) { .rep = members[0].node_id, .seq = world->ring_count,
	    .nonce = prng_u64(&world->prng) };
	for (uint32_t i = 0; i < world->node_count; i++) {
		struct cs_host *host = &world->nodes[i];

		if ((bits >> i & 1) == 0)
			continue;
		alone[0] = (struct cs_member) { .node_id = world_id(i),
		    .incarnation = host->incarnation };
		host->ring = world->ring_count;
		host->delivered = 0;
		host->syncing = true;
		host->sync_sent = false;
		host->barriers = 0;
		host->moving = false;
		cpg->confchg(host->engine, &config);
		cpg->sync_init(host->engine, &before, &config);
		check_state(host);
	}
	world->ring_count++;
}

/* They are that ring, and all of them since its beginning. */
static bool
is_ring(const struct world *world, uint32_t ring, uint32_t bits)
{
	if (ring == UINT32_MAX || world->rings[ring].members != bits)
		return false;
	for (uint32_t i = 0; i < world->node_count; i++)
		if ((bits >> i & 1) != 0 && world->nodes[i].ring != ring)
			return false;
	return true;
}

void
world_rings(struct world *world, const uint32_t *group, bool force)
{
	uint32_t bits[WORLD_NODES] = { 0 }, done = 0;

	for (uint32_t i = 0; i < world->node_count; i++)
		for (uint32_t j = 0; j < world->node_count; j++)
			if (world->nodes[i].engine != NULL && world->nodes[j].engine != NULL &&
			    group[i] == group[j])
				bits[i] |= 1u << j;
	for (uint32_t i = 0; i < world->node_count; i++) {
		const struct cs_host *host = &world->nodes[i];
		uint32_t movers = 0;

		if (host->engine == NULL || (done >> i & 1) != 0)
			continue;
		if (!force && is_ring(world, host->ring, bits[i]))
			continue;
		for (uint32_t j = 0; j < world->node_count; j++)
			if ((bits[i] >> j & 1) != 0 && world->nodes[j].ring == host->ring &&
			    (host->ring != UINT32_MAX || j == i))
				movers |= 1u << j;
		ring_end(world, movers);
		done |= movers;
	}
	for (uint32_t i = 0; i < world->node_count; i++) {
		if ((done >> i & 1) == 0)
			continue;
		ring_begin(world, bits[i]);
		done &= ~bits[i];
	}
}

void
world_crash(struct world *world, uint32_t node)
{
	struct cs_host *host = &world->nodes[node];

	for (size_t i = world->conn_count; i-- > 0;)
		if (world->conns[i]->node == node)
			conn_forget(world, world->conns[i]);
	cpg->exit(host->engine);
	host->engine = NULL;
	queue_drop(&host->sync);
	queue_drop(&host->app);
}

void
world_restart(struct world *world, uint32_t node)
{
	struct cs_host *host = &world->nodes[node];

	*host = (struct cs_host) {
		.head.ops = &world_ops, .world = world, .index = node,
		.incarnation = host->incarnation + 1, .ring = UINT32_MAX, .app_limit = 64,
		.activated_ring = UINT32_MAX,
	};
	if (cpg->init(host, &host->engine) < 0)
		broken("init");
}

struct world *
world_new(uint32_t node_count, uint64_t seed)
{
	struct world *world = calloc(1, sizeof *world);

	if (world == NULL)
		broken("out of memory");
	world->prng.state = seed;
	world->node_count = node_count;
	for (uint32_t i = 0; i < node_count; i++)
		world_restart(world, i);
	return world;
}

struct world *
world_free(struct world *world)
{
	for (uint32_t i = 0; i < world->node_count; i++)
		if (world->nodes[i].engine != NULL)
			world_crash(world, i);
	for (uint32_t i = 0; i < world->ring_count; i++) {
		world->rings[i].order.head = 0;
		queue_drop(&world->rings[i].order);
	}
	free(world->rings);
	free(world);
	return NULL;
}
