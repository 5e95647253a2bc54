/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The synchronisation barrier: after each ring change the engines of all members tell each other
 * their state, and all of them take up service at one place of the order.  Pure: it is told what
 * happened, and says what to do next.  It sends nothing and calls no engine.
 *
 *     IDLE --regular--> INIT --all told--> PROCESS --all sent--> BARRIER --ours accepted--> WAIT
 *       ^                 |                   |                     |                        |
 *       |                 +------ transitional: every engine that was told gets its abort ---+
 *     ACTIVE <--- the barrier of every member was delivered, every engine activated ---------+
 *
 * Invariants, asserted after each input:
 *   S1  An engine that was initialised for a ring is activated or aborted for it, never both.
 *   S2  No engine is activated before every member's barrier of exactly this ring id.
 *   S3  Our barrier is sent at most once a ring, after all engines have sent all they have.
 *
 * DESIGN.md 10.9.  A barrier says the full ring id, so a late one of another ring cannot count; it
 * says the engines' versions, so unlike nodes are named in the log.
 */
#ifndef CORE_SYNC_H
#define CORE_SYNC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/totem/totem.h"

#define SYNC_ENGINES_MAX	32u
#define SYNC_BARRIER_BYTES_MAX	(4u + 20u + 2u + SYNC_ENGINES_MAX * 4u)

struct sync_engine {
	uint16_t service_id;
	uint16_t version;
};

enum sync_state {
	SYNC_IDLE,		/* no ring yet, or between two */
	SYNC_INIT,
	SYNC_PROCESS,
	SYNC_BARRIER,
	SYNC_WAIT,
	SYNC_ACTIVATE,		/* engines are being activated */
	SYNC_ACTIVE,
};

enum sync_do {
	SYNC_DO_NOTHING,	/* wait for the next input */
	SYNC_DO_INIT,		/* call sync_init of that engine */
	SYNC_DO_PROCESS,	/* call sync_process of it; then sync_processed() */
	SYNC_DO_SEND,		/* send sync_barrier()'s bytes; then sync_sent() */
	SYNC_DO_ACTIVATE,	/* call sync_activate of it */
	SYNC_DO_ABORT,		/* call sync_abort of it */
	SYNC_DO_OPEN,		/* all is active: let application messages out */
};

/* What is odd about a delivered barrier. */
enum sync_note {
	SYNC_NOTE_NONE,
	SYNC_NOTE_OTHER_RING,	/* late, of an aborted round: ignored */
	SYNC_NOTE_STRANGER,	/* its sender is not in our ring: ignored */
	SYNC_NOTE_DUPLICATE,	/* ignored */
	SYNC_NOTE_MALFORMED,	/* ignored */
	SYNC_NOTE_VERSION,	/* the sender's engines are not the same as ours; counted */
};

struct sync {
	enum sync_state state;
	struct totem_ring_id ring;
	uint32_t members[TOTEM_NODES_MAX];
	bool seen[TOTEM_NODES_MAX];	/* its barrier was delivered */
	size_t member_count, seen_count;
	struct sync_engine engines[SYNC_ENGINES_MAX];
	bool done[SYNC_ENGINES_MAX];	/* its sync_process() is finished */
	size_t engine_count;
	size_t begun_count;		/* engines told of this ring: engines[0 .. begun_count) */
	size_t at;			/* the next engine in this state */
	size_t abort_left;		/* so many engines must still be told of the abort */
	bool blocked;			/* the queue was full: wait for sync_retry() */
	uint64_t round_count, abort_count, ignored_count;
};

/* Engines in the order in which they are called; at most SYNC_ENGINES_MAX. */
void sync_init(struct sync *sync, const struct sync_engine *engines, size_t count);

/* The old ring is over. */
void sync_transitional(struct sync *sync);
/* A new ring.  Call after sync_transitional() and the aborts that it led to. */
void sync_regular(struct sync *sync, const struct totem_ring_id *ring,
    const struct totem_member *members, size_t count);
/* A barrier was delivered.  `*ret_service` (SYNC_NOTE_VERSION): the first engine that differs. */
enum sync_note sync_deliver(struct sync *sync, uint32_t node_id, const uint8_t *data, size_t len,
    uint16_t *ret_service);

/* What to do next; for INIT, PROCESS, ACTIVATE and ABORT with which engine.  Call until it says
 * SYNC_DO_NOTHING. */
enum sync_do sync_next(struct sync *sync, size_t *ret_engine);
/* That engine's sync_process() returned: 0 finished, else it wants to be called again. */
void sync_processed(struct sync *sync, size_t engine, int result);
/* The barrier was handed to the ring (0) or its queue is full. */
void sync_sent(struct sync *sync, int result);
/* The queue has room again. */
void sync_retry(struct sync *sync);

/* Our barrier for this ring; returns its length. */
size_t sync_barrier(const struct sync *sync, uint8_t data[SYNC_BARRIER_BYTES_MAX]);
#endif
