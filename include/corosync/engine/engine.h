/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Engine API: what a service engine offers to the daemon and what it may ask of it.  An engine is a
 * shared module that exports one `const struct cs_engine cs_engine_descriptor`.  It keeps all its
 * state in the instance that its init() made (no globals), is called from one thread only, never
 * blocks, and encodes what it multicasts in a fixed byte order field by field: a 32-bit, a
 * big-endian and a little-endian node are one cluster.
 *
 * A ring change as an engine sees it, the same on all nodes that move together:
 *
 *   confchg(TRANSITIONAL)   who comes with us from the old ring; the departed are gone from here on
 *   deliver() ...           what the old ring still owed
 *   confchg(REGULAR)        the new ring
 *   sync_init()             of all engines, before any synchronisation message
 *   sync_process() ...      multicast what the others must know, until it returns 0
 *   deliver() ...           the engines' own synchronisation messages, of all nodes
 *   sync_activate()         of all engines, at one place of the order: the last node's barrier;
 *                           or sync_abort(), when the ring changed again before that
 *
 * Between REGULAR and activation multicast() is for synchronisation only; requests and data of
 * clients wait.
 */
#ifndef COROSYNC_ENGINE_ENGINE_H
#define COROSYNC_ENGINE_ENGINE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define CS_ENGINE_ABI		1u
#define CS_ENGINE_SYMBOL	"cs_engine_descriptor"
#define CS_ENGINE_MEMBERS_MAX	128u

struct cs_host;			/* the daemon's side; first argument of every host call */
struct cs_conn;			/* one client's connection to one engine */

struct cs_ring_id {
	uint32_t rep;
	uint64_t seq;
	uint64_t nonce;
};

enum cs_config_kind { CS_CONFIG_TRANSITIONAL, CS_CONFIG_REGULAR };

struct cs_member {
	uint32_t node_id;
	uint64_t incarnation;	/* one start of that node's daemon */
};

struct cs_configuration {
	enum cs_config_kind kind;
	struct cs_ring_id ring;		/* TRANSITIONAL: the old ring; REGULAR: the new one */
	const struct cs_member *members;	/* ascending node ids; lent for the call */
	size_t member_count;
};

enum cs_guarantee { CS_AGREED, CS_SAFE };

enum cs_link_state { CS_LINK_DOWN, CS_LINK_UP, CS_LINK_LOCAL };

/* What cfg and the tools show of one node. */
struct cs_node_info {
	uint32_t node_id;
	char name[256];			/* "" when the configuration gives none */
	char address[64];		/* numeric, as used for sending; "" when not known yet */
	char local_address[64];		/* ours that faces it */
	uint16_t port;
	bool local;
	bool member;			/* of the current ring */
	bool ignored;			/* by administrative command */
	enum cs_link_state link;
	uint32_t mtu;			/* bytes of a frame */
	uint64_t round_trip_ns;		/* 0: not known */
};

/* A request that came with a connection's synchronous call, or a record of its data ring. */
struct cs_request {
	uint32_t function;		/* the engine's own numbering */
	const void *data;		/* lent; as the client wrote it: check all of it */
	size_t len;
};

/* Calls an engine may make.  None of them blocks or calls back into the engine. */
struct cs_host_ops {
	uint32_t (*node_id)(const struct cs_host *host);
	uint64_t (*now_ns)(const struct cs_host *host);		/* monotonic */
	/* One message to this engine's deliver() on all nodes, in the one order.  0, -EAGAIN (queue
	 * full: call again from sync_process() or when conn_data() is called again), -EMSGSIZE.
	 * Copies the data. */
	int (*multicast)(struct cs_host *host, enum cs_guarantee guarantee,
	    const struct iovec *iov, size_t iov_count);
	/* Bytes multicast() would take now. */
	size_t (*multicast_room)(const struct cs_host *host);
	/* Engines synchronised and no ring change under way. */
	bool (*is_active)(const struct cs_host *host);

	/* Answer the synchronous request being handled, or later one left unanswered.  Copies. */
	void (*reply)(struct cs_host *host, struct cs_conn *conn, const void *data, size_t len);
	/* Append one record to the client's event ring and ring its bell if it sleeps.  Copies.
	 * 0; -ENOBUFS: the client was too slow for too long, its connection is being closed;
	 * -EMSGSIZE: more than half of its ring, and it was not told. */
	int (*event)(struct cs_host *host, struct cs_conn *conn, uint32_t function,
	    const struct iovec *iov, size_t iov_count);
	/* Close the connection because of what the client did; `why` goes to the log. */
	void (*disconnect)(struct cs_host *host, struct cs_conn *conn, const char *why);
	pid_t (*conn_pid)(const struct cs_conn *conn);
	uid_t (*conn_uid)(const struct cs_conn *conn);
	/* The engine's own pointer for a connection. */
	void *(*conn_private)(const struct cs_conn *conn);
	void (*conn_private_set)(struct cs_conn *conn, void *value);

	/* All known nodes, ascending ids: entry `index`, or -ENOENT behind the last. */
	int (*node_info)(const struct cs_host *host, size_t index, struct cs_node_info *ret_info);
	/* Ignore these nodes' frames and send them none, from now on; count 0 takes it back.
	 * 0 or -EINVAL (unknown node, or our own). */
	int (*ignore)(struct cs_host *host, const uint32_t *node_ids, size_t count);
	const char *(*transport)(const struct cs_host *host);	/* "udpu", "udp" */

	/* Syslog priority; one line, without newline. */
	void (*log)(const struct cs_host *host, int priority, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));
	/* This node cannot follow the others any longer (no memory for what the order brought): the
	 * daemon says why and ends, and they go on without it.  Does not return. */
	__attribute__((noreturn)) void (*fail)(const struct cs_host *host, const char *why);

	/* Is the connection being closed?  Its last records are still to come; it gets nothing. */
	bool (*conn_is_closing)(const struct cs_conn *conn);
};

/* The first member of every struct cs_host. */
struct cs_host_head {
	const struct cs_host_ops *ops;
};

static inline const struct cs_host_ops *
cs_host_ops(const struct cs_host *host)
{
	return ((const struct cs_host_head *) (const void *) host)->ops;
}

struct cs_engine {
	uint32_t abi;			/* CS_ENGINE_ABI */
	uint16_t service_id;		/* cmap 0, cfg 1, cpg 2, quorum 3, pload 4, votequorum 5 */
	uint16_t version;		/* of its messages; carried in the sync barrier */
	const char *name;		/* socket name clients connect to: "cpg" */
	const char *description;
	const char *subsystem;		/* log tag: "CPG" */

	/* 0 and the instance, or -errno: the engine is then not offered. */
	int (*init)(struct cs_host *host, void **ret_instance);
	void (*exit)(void *instance);

	/* Clients.  conn_open: 0 or -errno (refused).  conn_close comes once, after all records of
	 * the connection's data ring were taken. */
	int (*conn_open)(void *instance, struct cs_conn *conn);
	void (*conn_close)(void *instance, struct cs_conn *conn);
	/* A synchronous call; the records sent before it were taken before.  Must lead to exactly
	 * one reply(). */
	void (*request)(void *instance, struct cs_conn *conn, const struct cs_request *request);
	/* One record of the data ring.  0: taken; -EAGAIN: leave it there and come again when there
	 * is room; other -errno: garbage, the client is disconnected.  May be NULL. */
	int (*conn_data)(void *instance, struct cs_conn *conn, const struct cs_request *record);

	/* The ring.  `node_id` is the sender; data is lent for the call. */
	void (*deliver)(void *instance, uint32_t node_id, uint64_t incarnation,
	    const void *data, size_t len);
	void (*confchg)(void *instance, const struct cs_configuration *configuration);

	/* Synchronisation; all may be NULL when the engine has no replicated state. */
	void (*sync_init)(void *instance, const struct cs_configuration *transitional,
	    const struct cs_configuration *regular);
	int (*sync_process)(void *instance);	/* 0: all sent; -EAGAIN: call again */
	void (*sync_activate)(void *instance);
	void (*sync_abort)(void *instance);

	/* State for the log, one line a call of ops->log.  May be NULL. */
	void (*dump)(void *instance);

	/* multicast() takes application messages again: after each activation, and after it said
	 * -EAGAIN.  For what no client asks for once more.  May be NULL. */
	void (*room)(void *instance);
};

#endif
