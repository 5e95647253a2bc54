/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the clients of a world know, and have seen: it judges each event as it comes (C2 to C5, C8),
 * and keeps what is compared at the end (C1).
 */
#ifndef TEST_UNIT_CPG_MODEL_H
#define TEST_UNIT_CPG_MODEL_H
#include "test/unit/cpg_world.h"

#define CLIENTS_MAX	24u
#define VIEW_MAX	64u
#define SEGMENTS_MAX	8192u
#define NO_RING		UINT32_MAX

/* What one client saw of its group in one ring. */
struct segment {
	uint32_t ring, next_ring, group, node;
	bool from_start, to_end;
	bool activated;		/* else each side still saw its old peers only */
	uint64_t *seen;
	size_t count, size;
};

struct peer {			/* one of the view, and what comes from it */
	struct cpg_wire_address address;
	uint32_t next_seq;	/* 0: not known */
	bool gone, partial, partial_safe;
	uint32_t partial_len, partial_total, partial_seq;
};

enum client_state { OUT, JOINING, IN, LEAVING };

struct client {
	struct cs_conn *conn;	/* NULL: free */
	enum client_state state;
	bool in_view, join_waits;
	uint32_t group, next_group;
	struct peer view[VIEW_MAX];
	size_t view_count;
	struct peer gone[VIEW_MAX];	/* left at the transitional one, heard until REGULAR */
	size_t gone_count;
	struct segment *segment;
	uint32_t sent, own_seen;
	uint32_t large_total, large_sent, large_guarantee;	/* total 0: none */
	bool large_waits;
	uint32_t transitional_ring, activation_ring;
	bool short_life;		/* the last who came goes at once */
};

struct model {
	struct world *world;
	struct client clients[CLIENTS_MAX];
	struct segment *segments;
	size_t segment_count;
	uint32_t messages, larges, voids, changes, merges, last_words, short_lives, last_larges;
};

struct payload {
	uint32_t group, pid, seq, len, safe;
};

/* Odd ones never say good-bye: so the reason is known by the pid. */
bool model_dies(pid_t pid);
/* A hook of the world, whose `user` is the model. */
void model_events(struct world *world, struct cs_conn *conn, enum world_moment moment);
/* Clients that come from one ring to the next begin a new segment. */
void model_segments_turn(struct model *model);
void model_segments_compare(const struct segment *a, const struct segment *b);
#endif
