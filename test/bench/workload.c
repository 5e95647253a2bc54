/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A fixed piece of work, always the same, whose instructions can be counted: three nodes in one
 * process, on each the production ring, the production cpg engine and a client with the production
 * rings of shared memory, with a network and a time that are simulated and lose nothing.
 *
 *	client --ring--> cpg engine --> totem --frames--> totems --> cpg engines --ring--> clients
 *
 * All nodes send as fast as they are let, and every message is verified at all three.  The calls
 * are those of the daemon: exec/core/ and exec/ipc/ between the parts are not in it, nor are system
 * calls.  What counts is what happens between the calls to measured_work(), which is all sending
 * and delivering once the ring is formed (valgrind --toggle-collect=measured_work).
 *
 *	workload BYTES COUNT	COUNT messages of each node
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <corosync/cpg.h>
#include <corosync/engine/engine.h>
#include <corosync/ipc/cpg_wire.h>
#include <corosync/ipc/ring.h>

#include "exec/base/buf.h"
#include "exec/totem/totem.h"

#define NODES		3u
#define FRAME_BYTES	1472u
#define INBOX_FRAMES	8192u
#define TURN_NS		UINT64_C(5000)	/* virtual time that one turn of a node takes */
#define TURNS_MAX	UINT64_C(20000000)
#define RING_BYTES	4194304u
#define MESSAGE_BYTES_MAX	1048576u
#define SERVICE_CPG	2u
#define SERVICE_BARRIER	0xffffu
#define HEAD_BYTES	4u

extern const struct cs_engine cs_engine_descriptor;
static const struct cs_engine *const cpg = &cs_engine_descriptor;

struct frame {
	uint32_t len;
	uint8_t data[FRAME_BYTES];
};

/* A ring in memory that is not even shared, with both sides' private halves. */
struct pipe {
	struct ipc_ring_shared shared;
	struct ipc_ring producer, consumer;
};

struct cs_conn {
	void *private;
	uint32_t node_id;
	struct pipe to_daemon, to_client;
	uint64_t sent;
	uint64_t received[NODES + 1];	/* by node id */
	bool joined;			/* the group has all members */
};

struct cs_host {
	struct cs_host_head head;
	uint32_t node_id;
	struct totem *totem;
	void *engine;
	struct cs_conn conn;
	struct frame *inbox;		/* a circle */
	uint32_t inbox_head, inbox_tail;
	bool syncing, sync_sent, active;
	uint64_t ring_seq;
	uint32_t barriers, members;	/* counts, of the current ring */
	struct cs_member members_last[NODES];
	uint8_t record[MESSAGE_BYTES_MAX];
};

static struct cs_host node[NODES];
static uint64_t now_ns = 1000000000;
static uint8_t content[MESSAGE_BYTES_MAX + 256];
static size_t message_bytes;
static uint64_t message_count;

static _Noreturn void
broken(const char *what)
{
	fprintf(stderr, "workload: %s\n", what);
	exit(EXIT_FAILURE);
}

/* --- what the engine may call --- */

static uint32_t host_node_id(const struct cs_host *host) { return host->node_id; }
static uint64_t host_now_ns(const struct cs_host *host) { (void) host; return now_ns; }
static bool host_is_active(const struct cs_host *host) { return host->active; }
static pid_t host_conn_pid(const struct cs_conn *conn) { return (pid_t) (100 + conn->node_id); }
static uid_t host_conn_uid(const struct cs_conn *conn) { (void) conn; return 0; }
static bool host_conn_is_closing(const struct cs_conn *conn) { (void) conn; return false; }
static void *host_conn_private(const struct cs_conn *conn) { return conn->private; }
static void host_conn_private_set(struct cs_conn *conn, void *value) { conn->private = value; }

static int
submit(struct cs_host *host, uint32_t service, const struct iovec *iov, size_t count,
    enum totem_guarantee guarantee)
{
	uint8_t head[HEAD_BYTES];
	struct buf_writer out = buf_writer(head, sizeof head);
	struct totem_part part[8] = { { .data = head, .len = sizeof head } };

	buf_put_u32(&out, service);
	if (count >= 8)
		broken("too many parts");
	for (size_t i = 0; i < count; i++)
		part[i + 1] = (struct totem_part) { .data = iov[i].iov_base,
		    .len = iov[i].iov_len };
	return totem_submit_parts(host->totem, now_ns,
	    host->active ? TOTEM_QUEUE_APP : TOTEM_QUEUE_SYNC, guarantee, part, count + 1, NULL);
}

static int
host_multicast(struct cs_host *host, enum cs_guarantee guarantee, const struct iovec *iov,
    size_t count)
{
	return submit(host, SERVICE_CPG, iov, count,
	    guarantee == CS_SAFE ? TOTEM_SAFE : TOTEM_AGREED);
}

static size_t
host_room(const struct cs_host *host)
{
	return totem_app_room(host->totem);
}

static void
host_reply(struct cs_host *host, struct cs_conn *conn, const void *data, size_t len)
{
	struct cpg_wire_reply reply;

	(void) host;
	(void) conn;
	if (len < sizeof reply)
		broken("a short reply");
	memcpy(&reply, data, sizeof reply);
	if (reply.error != CS_OK)
		broken("a call failed");
}

static int
host_event(struct cs_host *host, struct cs_conn *conn, uint32_t function,
    const struct iovec *iov, size_t count)
{
	(void) host;
	if (ipc_ring_put(&conn->to_client.producer, function, iov, count, 0) < 0)
		broken("no room in the client's ring");
	return 0;
}

static void
host_disconnect(struct cs_host *host, struct cs_conn *conn, const char *why)
{
	(void) host;
	(void) conn;
	broken(why);
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
	va_list arguments;

	if (priority > 3)
		return;
	va_start(arguments, format);
	fprintf(stderr, "node %" PRIu32 ": ", host->node_id);
	(void) vfprintf(stderr, format, arguments);
	fprintf(stderr, "\n");
	va_end(arguments);
}

static const struct cs_host_ops ops = {
	.node_id = host_node_id, .now_ns = host_now_ns, .multicast = host_multicast,
	.multicast_room = host_room, .is_active = host_is_active, .reply = host_reply,
	.event = host_event, .disconnect = host_disconnect, .conn_pid = host_conn_pid,
	.conn_uid = host_conn_uid, .conn_is_closing = host_conn_is_closing,
	.conn_private = host_conn_private,
	.conn_private_set = host_conn_private_set, .node_info = host_node_info,
	.ignore = host_ignore, .transport = host_transport, .log = host_log,
};

/* --- the client --- */

static const uint8_t *
message_content(uint32_t node_id, uint64_t number)
{
	return content + (node_id * 67 + number) % 256;
}

static void
client_send(struct cs_conn *conn, uint64_t limit)
{
	struct cpg_wire_mcast head = { .guarantee = CPG_TYPE_AGREED };

	while (conn->sent < limit) {
		struct iovec iov[2] = {
			{ .iov_base = &head, .iov_len = sizeof head },
			{ .iov_base = (void *) (uintptr_t) message_content(conn->node_id,
			    conn->sent), .iov_len = message_bytes },
		};

		if (ipc_ring_put(&conn->to_daemon.producer, CPG_RECORD_MCAST, iov, 2, 0) < 0)
			return;
		conn->sent++;
	}
}

static void
client_take(struct cs_conn *conn, const uint8_t *data, size_t len)
{
	struct cpg_wire_deliver head;
	uint64_t number;

	memcpy(&head, data, sizeof head);
	if (head.node_id == 0 || head.node_id > NODES || len - sizeof head != message_bytes)
		broken("a message of another sender or length");
	number = conn->received[head.node_id]++;
	if (memcmp(data + sizeof head, message_content(head.node_id, number), message_bytes) != 0)
		broken("a message is damaged, lost or out of order");
}

static void
client_receive(struct cs_conn *conn)
{
	static uint8_t event[RING_BYTES];
	struct ipc_ring *ring = &conn->to_client.consumer;
	struct ipc_ring_record record;
	struct cpg_wire_confchg change;

	while (ipc_ring_peek(ring, &record) == 0) {
		ipc_ring_read(ring, &record, 0, event, record.len);
		ipc_ring_advance(ring, &record);
		ipc_ring_release(ring);
		if (record.function == CPG_EVENT_DELIVER) {
			client_take(conn, event, record.len);
		} else if (record.function == CPG_EVENT_CONFCHG) {
			memcpy(&change, event, sizeof change);
			conn->joined = change.member_count == NODES;
		}
	}
}

/* --- the node --- */

static void
engine_feed(struct cs_host *host)
{
	struct ipc_ring *ring = &host->conn.to_daemon.consumer;
	struct cs_request request = { .data = host->record };
	struct ipc_ring_record record;

	while (host->active && ipc_ring_peek(ring, &record) == 0) {
		if (record.len > sizeof host->record)
			broken("a long record");
		ipc_ring_read(ring, &record, 0, host->record, record.len);
		request.function = record.function;
		request.len = record.len;
		if (cpg->conn_data(host->engine, &host->conn, &request) != 0)
			return;
		ipc_ring_advance(ring, &record);
		ipc_ring_release(ring);
	}
}

static struct cs_configuration
configuration(const struct totem_configuration *from, struct cs_member *members)
{
	for (size_t i = 0; i < from->member_count; i++)
		members[i] = (struct cs_member) { .node_id = from->members[i].node_id,
		    .incarnation = from->members[i].incarnation };
	return (struct cs_configuration) {
		.kind = from->kind == TOTEM_REGULAR ? CS_CONFIG_REGULAR : CS_CONFIG_TRANSITIONAL,
		.ring = { from->ring.rep, from->ring.seq, from->ring.nonce },
		.members = members, .member_count = from->member_count,
	};
}

static void
on_configuration(struct cs_host *host, const struct totem_configuration *change)
{
	struct cs_member members[NODES];
	struct cs_configuration config = configuration(change, members), before;

	host->active = false;
	if (host->syncing)
		cpg->sync_abort(host->engine);
	host->syncing = false;
	cpg->confchg(host->engine, &config);
	if (change->kind == TOTEM_TRANSITIONAL) {
		memcpy(host->members_last, members, sizeof members);
		host->members = (uint32_t) config.member_count;
		return;
	}
	before = (struct cs_configuration) { .kind = CS_CONFIG_TRANSITIONAL,
	    .members = host->members_last, .member_count = host->members };
	cpg->sync_init(host->engine, &before, &config);
	host->members = (uint32_t) config.member_count;
	host->ring_seq = config.ring.seq;
	host->syncing = true;
	host->sync_sent = false;
	host->barriers = 0;
}

/* The barrier of this ring: from all, and the engines are synchronised. */
static void
on_barrier(struct cs_host *host, struct buf_reader *in)
{
	if (!host->syncing || buf_get_u64(in) != host->ring_seq)
		return;
	if (++host->barriers < host->members)
		return;
	host->syncing = false;
	cpg->sync_activate(host->engine);
	host->active = true;
	totem_app_open(host->totem, now_ns);
	if (cpg->room != NULL)
		cpg->room(host->engine);
}

static void
on_deliver(struct cs_host *host, const struct totem_output *output)
{
	struct buf_reader in = buf_reader(output->data, output->len);

	if (buf_get_u32(&in) == SERVICE_CPG)
		cpg->deliver(host->engine, output->origin, output->origin_incarnation, in.at,
		    in.left);
	else
		on_barrier(host, &in);
}

static void
send_to(uint32_t node_id, const uint8_t *data, size_t len)
{
	struct cs_host *to = &node[node_id - 1];
	struct frame *frame = &to->inbox[to->inbox_head % INBOX_FRAMES];

	if (to->inbox_head - to->inbox_tail == INBOX_FRAMES || len > FRAME_BYTES)
		broken("the network is full");
	frame->len = (uint32_t) len;
	memcpy(frame->data, data, len);
	to->inbox_head++;
}

static void
carry_out(struct cs_host *host)
{
	struct totem_output output;

	while (totem_output(host->totem, &output)) {
		switch (output.kind) {
		case TOTEM_SEND:
			for (size_t i = 0; i < output.to_count; i++)
				send_to(output.to[i], output.data, output.len);
			break;
		case TOTEM_RESERVE:
			totem_reserved(host->totem, now_ns, output.ring_seq);
			break;
		case TOTEM_DELIVER:
			on_deliver(host, &output);
			break;
		case TOTEM_CONFIGURATION:
			on_configuration(host, &output.config);
			break;
		case TOTEM_SEND_SOURCE:
		case TOTEM_NOTICE:
			break;
		}
	}
}

static void
synchronise(struct cs_host *host)
{
	uint8_t barrier[8];
	struct buf_writer out = buf_writer(barrier, sizeof barrier);
	struct iovec iov = { .iov_base = barrier, .iov_len = sizeof barrier };

	if (!host->syncing || host->sync_sent || cpg->sync_process(host->engine) != 0)
		return;
	buf_put_u64(&out, host->ring_seq);
	host->sync_sent = submit(host, SERVICE_BARRIER, &iov, 1, TOTEM_AGREED) == 0;
}

/* One turn of a daemon's loop and then of its client. */
static void
turn(struct cs_host *host, uint64_t send_limit)
{
	uint32_t end = host->inbox_head;

	now_ns += TURN_NS;
	if (host->inbox_tail != end) {
		for (; host->inbox_tail != end; host->inbox_tail++) {
			const struct frame *frame = &host->inbox[host->inbox_tail % INBOX_FRAMES];

			(void) totem_datagram(host->totem, now_ns, frame->data, frame->len, NULL);
			carry_out(host);
		}
		totem_settle(host->totem, now_ns);
		carry_out(host);
	}
	if (now_ns >= totem_deadline(host->totem)) {
		totem_expire(host->totem, now_ns);
		carry_out(host);
	}
	synchronise(host);
	engine_feed(host);
	carry_out(host);
	client_receive(&host->conn);
	client_send(&host->conn, send_limit);
}

/* --- the run --- */

static void
pipe_init(struct pipe *pipe)
{
	uint8_t *data = calloc(1, RING_BYTES);

	if (data == NULL)
		broken("no memory");
	pipe->producer = pipe->consumer = (struct ipc_ring) { .shared = &pipe->shared,
	    .data = data, .size = RING_BYTES };
}

static void
node_init(uint32_t node_id)
{
	struct cs_host *host = &node[node_id - 1];
	uint32_t peers[NODES - 1];
	struct totem_config config = {
		.node_id = node_id, .incarnation = node_id, .cluster_hash = 1, .seed = node_id,
		.frame_bytes_max = FRAME_BYTES, .peers = peers, .peer_count = NODES - 1,
		.timing = totem_timing_default(NODES),
	};

	for (uint32_t i = 1, k = 0; i <= NODES; i++)
		if (i != node_id)
			peers[k++] = i;
	host->head.ops = &ops;
	host->node_id = host->conn.node_id = node_id;
	host->inbox = calloc(INBOX_FRAMES, sizeof host->inbox[0]);
	if (host->inbox == NULL || totem_new(&config, &host->totem) < 0 ||
	    cpg->init(host, &host->engine) < 0)
		broken("no memory");
	pipe_init(&host->conn.to_daemon);
	pipe_init(&host->conn.to_client);
	totem_start(host->totem, now_ns);
	carry_out(host);
}

static void
client_open(struct cs_host *host)
{
	struct cpg_wire_open hello = { 0 };
	struct cpg_wire_name name = { .length = 4, .value = "work" };
	struct cs_request open = { .function = CPG_CALL_OPEN, .data = &hello,
	    .len = sizeof hello };
	struct cs_request join = { .function = CPG_CALL_JOIN, .data = &name, .len = sizeof name };

	if (cpg->conn_open(host->engine, &host->conn) != 0)
		broken("conn_open");
	cpg->request(host->engine, &host->conn, &open);
	cpg->request(host->engine, &host->conn, &join);
	carry_out(host);
}

static bool
all_active(void)
{
	for (size_t i = 0; i < NODES; i++)
		if (!node[i].active || node[i].members != NODES)
			return false;
	return true;
}

static bool
all_joined(void)
{
	return node[0].conn.joined && node[1].conn.joined && node[2].conn.joined;
}

static bool
all_received(void)
{
	for (size_t i = 0; i < NODES; i++)
		for (uint32_t id = 1; id <= NODES; id++)
			if (node[i].conn.received[id] < message_count)
				return false;
	return true;
}

static void
turns_until(bool (*reached)(void), uint64_t send_limit)
{
	for (uint64_t i = 0; !reached(); i++) {
		if (i == TURNS_MAX)
			broken("does not come to an end");
		turn(&node[i % NODES], send_limit);
	}
}

void measured_work(void);

/* Its instructions are counted; a function that can be found by its name. */
void __attribute__((noinline))
measured_work(void)
{
	turns_until(all_received, message_count);
}

int
main(int argc, char **argv)
{
	struct timespec from, to;
	double took_s;

	message_bytes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	message_count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (message_bytes == 0 || message_bytes > MESSAGE_BYTES_MAX - 64 || message_count == 0) {
		fprintf(stderr, "usage: workload BYTES COUNT\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (uint8_t) (i * 131 ^ i >> 5);
	for (uint32_t id = 1; id <= NODES; id++)
		node_init(id);
	turns_until(all_active, 0);
	for (size_t i = 0; i < NODES; i++)
		client_open(&node[i]);
	turns_until(all_joined, 0);
	(void) clock_gettime(CLOCK_MONOTONIC, &from);
	measured_work();
	(void) clock_gettime(CLOCK_MONOTONIC, &to);
	took_s = (double) (to.tv_sec - from.tv_sec) + (double) (to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%" PRIu64 " messages of %zu B in order at %u nodes, %.0f messages/s\n",
	    NODES * message_count, message_bytes, NODES, (double) (NODES * message_count) / took_s);
	return EXIT_SUCCESS;
}
