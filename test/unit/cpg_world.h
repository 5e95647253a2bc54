/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A world for the cpg engine: up to eight nodes, each with the production engine on a host made
 * here, under a total order with ring changes as extended virtual synchrony has them.  What moves
 * together delivers the same, in the same configurations; everything else is left to chance.
 *
 *   world_send()      one message of a node gets its place in its ring's order
 *   world_deliver()   a node delivers the next of the order
 *   world_rings()     the rings are these now; crashed nodes are in none
 *   world_settle()    both until nothing is left to do
 */
#ifndef TEST_UNIT_CPG_WORLD_H
#define TEST_UNIT_CPG_WORLD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <corosync/engine/engine.h>
#include <corosync/ipc/cpg_wire.h>

#include "exec/base/prng.h"

#define WORLD_NODES	8u
#define WORLD_EVENTS	512u

struct world;

struct world_event {
	uint32_t function;
	uint8_t *data;
	size_t len;
};

struct cs_conn {		/* a client's connection */
	struct world *world;
	uint32_t node;		/* index */
	pid_t pid;
	void *private;
	bool closed;		/* by the engine */
	bool closing;		/* as one is whose last records are still to be taken */
	bool answered;
	uint8_t reply[4096];
	size_t reply_len;
	struct world_event events[WORLD_EVENTS];
	size_t event_count;
	size_t event_bytes_max;	/* larger ones are refused; 0: none */
};

struct world_message {
	enum { WORLD_SYNC, WORLD_BARRIER, WORLD_APP } kind;
	uint32_t node;		/* index of the origin */
	bool safe;
	uint8_t *data;
	size_t len;
};

struct world_queue {
	struct world_message *items;
	size_t head, count, size;
};

struct cs_host {		/* a node */
	struct cs_host_head head;
	struct world *world;
	uint32_t index;
	uint64_t incarnation;
	void *engine;		/* NULL: crashed */
	uint32_t ring;		/* index of its order, UINT32_MAX: none yet */
	uint32_t activated_ring;	/* the last that was */
	size_t delivered;	/* of that order */
	bool syncing, sync_sent, active;
	bool moving;		/* between TRANSITIONAL and REGULAR */
	uint32_t movers;	/* bits of the nodes that do so together */
	uint32_t barriers;	/* bits of nodes */
	struct world_queue sync, app;
	size_t app_limit;	/* multicast() says EAGAIN above it */
	bool starved;		/* and did: room() is due */
	unsigned int log_count[8];	/* by priority */
};

enum world_moment { WORLD_MESSAGE, WORLD_TRANSITIONAL, WORLD_ACTIVATION };

struct world_ring {
	uint32_t members;	/* bits of nodes */
	struct world_queue order;
	size_t safe_end;	/* behind the last SAFE one that someone delivered: all have it */
};

struct world {
	struct prng prng;
	uint32_t node_count;
	struct cs_host nodes[WORLD_NODES];
	struct world_ring *rings;	/* all there ever were; the index is the ring's sequence */
	uint32_t ring_count, ring_size;
	bool try_again;			/* let multicast() refuse by chance */
	/* Called when a connection got events or a reply; NULL allowed. */
	void (*on_events)(struct world *world, struct cs_conn *conn, enum world_moment moment);
	enum world_moment moment;
	struct cs_conn *conns[256];
	size_t conn_count;
	void *user;
};

extern const struct cs_engine cs_engine_descriptor;

struct world *world_new(uint32_t node_count, uint64_t seed);
struct world *world_free(struct world *world);
uint32_t world_pick(struct world *world, uint32_t below);
static inline uint32_t world_id(uint32_t index) { return index + 1; }

void world_crash(struct world *world, uint32_t node);
void world_restart(struct world *world, uint32_t node);
/* group[i]: number of node i's new ring; nodes of a number of their own are alone.  Nodes that
 * are in the same ring as before with the same members keep it, unless `force`. */
void world_rings(struct world *world, const uint32_t *group, bool force);
bool world_send(struct world *world, uint32_t node);
bool world_deliver(struct world *world, uint32_t node);
void world_settle(struct world *world);

struct cs_conn *world_open(struct world *world, uint32_t node, pid_t pid);
void world_close(struct world *world, struct cs_conn *conn);
/* The reply's error, or 0 when it was not answered yet. */
cs_error_t world_call(struct world *world, struct cs_conn *conn, uint32_t function,
    const void *data, size_t len);
int world_record(struct world *world, struct cs_conn *conn, uint32_t function,
    const void *head, size_t head_len, const void *data, size_t len);
void world_events_drop(struct cs_conn *conn);
struct cpg_wire_name world_name(const char *text);
#endif
