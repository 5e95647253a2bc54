/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Between the files that stand for the kernel between a process and its daemon: ipc.c the daemon's
 * main loop, wire.c what is on the way, watch.c what C12 is judged by, link.c the process's end.
 */
#ifndef SIM_CPG_WIRE_H
#define SIM_CPG_WIRE_H
#include "exec/ipc/internal.h"
#include "test/sim/cpg/cpg.h"

#define WATCH_SPANS	8u	/* in a grace time */

struct watch {			/* how a process reads; its times have no delays of the daemon */
	uint64_t span;			/* number of the present one */
	uint64_t read_bytes[WATCH_SPANS];
	bool waits;			/* for something to come, when it was last looked at, */
	uint64_t waits_ns;		/* since then, while the ring is slowed; */
	uint64_t still_ns;		/* and it has read nothing since */
	uint32_t tail;
};

struct wire {			/* one connection */
	struct ipc_conn conn;		/* the daemon's end; server NULL: it has let go */
	struct client *client;		/* the process's end; NULL: it has let go */
	uint8_t *memory;		/* shared by both */
	int welcome;			/* what the daemon said to the hello; 1: nothing yet */
	bool hung_up;			/* the socket is closed, by either side */
	bool heard;			/* the daemon's end of it is open */
	bool orphan;			/* because its daemon ended */
	bool bell;			/* a byte in it for the daemon */
	uint32_t call;			/* the reply that the process waits for; 0: none */
	struct ipc_ring seen;		/* what there is in the ring to the client */
	uint32_t woken;			/* how much of it when the process was last woken */
	uint64_t event_count;		/* ever put into that ring */
	struct tag *tag;		/* of what is in it and of what waits for room, in order */
	size_t tag_first, tag_next, tag_room;
	uint64_t tag_count;		/* ever */
	struct watch watch;
};

struct service {		/* of a daemon: the server of one engine */
	struct ipc_server ipc;
	struct service *next;
	struct cpg_node *node;
	void (*congested)(void *host, bool on);	/* the engine's; ours is in between */
	bool due;			/* a turn of the main loop is */
	bool work;			/* the descriptor for the queue is readable */
	uint64_t events_seen;
	/* watch.c */
	bool slowed;			/* so the engine was told; */
	uint64_t slowed_ns;		/* since then */
	uint64_t relieved_ns;		/* it could be told the opposite since then, or not yet */
	bool checks;			/* slow.c looks who reads, and cuts off for that */
	uint64_t check_ns;		/* when it had to look again; 0: not yet, or done */
	uint64_t late_ns;		/* so much later than that it has looked, over all */
};

static inline struct wire *
wire_of(struct ipc_conn *conn)
{
	return (struct wire *) (void *) conn;
}

static inline struct service *
service_of(const struct ipc_server *server)
{
	return (struct service *) (uintptr_t) server;
}

/* ipc.c */
void service_soon(struct service *service);	/* its daemon's main loop comes round */
/* When its timer is due; 0: none. */
uint64_t service_timer_ns(const struct service *service);

/* wire.c */
/* A process connects.  NULL: no such service.  The wire stays until both sides have let go. */
struct wire *wire_new(struct cpg_node *node, const char *name, struct client *client);
void wire_put(struct wire *wire);		/* frees it when both have let go */
void wire_rings(const struct wire *wire, struct ipc_ring *ret_to_daemon,
    struct ipc_ring *ret_to_client);
struct ipc_page *wire_page(const struct wire *wire);
/* The process's end: */
void wire_ring(struct wire *wire);
void wire_hang_up(struct wire *wire);
void wire_close(struct wire *wire);
struct tag wire_tag(struct wire *wire);		/* of the event that it takes now */
/* After the daemon's code ran, with what waits for it: give its new events the node's tag, wake the
 * process when something came. */
void wire_settle(struct wire *wire, size_t waiting);

/* watch.c */
void watch_read(struct wire *wire, uint32_t bytes);	/* the process gave so much room back */
void watch_checked(struct service *service);	/* production code has looked who reads */
void watch_cut(struct wire *wire, bool slow);	/* just before it is cut off; `slow`: for that */
void watch_slowed(struct service *service, bool on);
#endif
