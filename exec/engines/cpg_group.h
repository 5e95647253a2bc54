/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The replicated state of closed process groups: which processes of which nodes are in which
 * group.  Pure: it is a function of the ordered messages and configurations that go in; what the
 * local members must be told comes out through struct cpg_sink, one change at a time, after the
 * group was brought up to date.  It never logs and knows no clients.
 *
 * A node is *shared* when its processes are part of our state: since the activation of a ring that
 * we both were in, and as long as it moves with us.  Nodes of the ring that are not shared are
 * newcomers; what they have said about themselves waits in the round and counts at activation.
 *
 * A process is *departed* when its node does not move with us: from the transitional configuration,
 * at which it leaves its group, to the regular one.  What the old ring still owes of its SAFE
 * messages is delivered to what is left of that group (cpg_engine.h).
 *
 *   phase \    JOIN, DEPART    TRANSITIONAL      REGULAR      JOINLIST      ACTIVATE   ABORT
 *   event
 *   STABLE     of shared       departed leave,   round        ignored       -          -
 *              nodes:          once a group,     begins
 *              applied         and are kept      -> SYNC
 *                              -> MOVING
 *   MOVING     of those that   departed leave,   departed     ignored       -          -
 *              move with us:   and are kept      forgotten,
 *              applied                           round
 *                                                begins
 *                                                -> SYNC
 *   SYNC       refused         departed leave,   round        newcomers'    merged,    round is
 *              (nobody         and are kept,     begins       of this ring  once a     void
 *              sends them)     round is void     anew         are kept      group      -> MOVING
 *                              -> MOVING                                    -> STABLE
 *
 * Invariants, asserted by cpg_state_check():
 *   I1  A group has at least one member; its members ascend strictly by node id, pid.
 *   I2  Every member's node is shared.
 *   I3  (node id, process id) names one member; so does (node id, pid, group).
 *   I4  Kept entries of a round exist in SYNC only, and only of nodes that are not shared.
 *   I5  Departed processes are kept in MOVING only, ascending by (node id, process id), and only of
 *       nodes that are not shared; their group is one of ours, or NULL when nobody is left in it.
 * They hold on all nodes that move together with equal states (C1, C2, C6 of the trace checker).
 */
#ifndef ENGINES_CPG_GROUP_H
#define ENGINES_CPG_GROUP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <corosync/engine/engine.h>

#define CPG_NAME_BYTES_MAX	128u
#define CPG_PROCESSES_MAX	2048u		/* of one node, in all its groups */

struct cpg_local;			/* the engine's: a local process and its client */

/* Names compare by length and bytes; a NUL is a byte like others. */
struct cpg_group_name {
	uint8_t len;			/* at most CPG_NAME_BYTES_MAX */
	char value[CPG_NAME_BYTES_MAX];
};

struct cpg_member {
	uint32_t node_id;
	uint32_t pid;
	uint32_t id;			/* of the process: unique on its node while it lives */
	uint32_t reason;		/* cpg_reason_t; of joined and left entries */
};

struct cpg_group {
	struct cpg_group_name name;
	struct cpg_member *members;
	size_t member_count, member_size;
	bool has_departed;		/* a kept departed process points here */
	struct cpg_local *locals;	/* the engine's list, NULL when it is made */
	struct cpg_group *next;		/* of the bucket */
};

/* One change of one group, after it was applied.  The group is freed behind the call when it has
 * no members left. */
struct cpg_change {
	struct cpg_group *group;
	const struct cpg_member *left, *joined;
	size_t left_count, joined_count;
};

struct cpg_sink {
	void (*change)(struct cpg_sink *sink, const struct cpg_change *change);
	/* No memory for what the order brought: ends the process.  May be NULL: an assertion. */
	__attribute__((noreturn)) void (*no_memory)(struct cpg_sink *sink);
};

struct cpg_state;

/* NULL when out of memory. */
struct cpg_state *cpg_state_new(uint32_t node_id, struct cpg_sink *sink);
/* Accepts NULL; returns NULL.  Tells nobody. */
struct cpg_state *cpg_state_free(struct cpg_state *state);

int cpg_name_compare(const struct cpg_group_name *a, const struct cpg_group_name *b);

/* An ordered JOIN.  0; -ENODEV: its node has left and nobody is there to see it; -EEXIST: that
 * process is there; -ENOSPC: too many of that node; -ESTALE: during synchronisation. */
int cpg_state_join(struct cpg_state *state, uint32_t node_id, uint32_t id, uint32_t pid,
    const struct cpg_group_name *name);
/* An ordered DEPART, cpg_reason_t LEAVE or PROCDOWN.  0 or -ENOENT: gone already. */
int cpg_state_depart(struct cpg_state *state, uint32_t node_id, uint32_t id, uint32_t reason);

/* The group in which that process is, or NULL; `*ret_pid` is set when it is. */
struct cpg_group *cpg_state_find(const struct cpg_state *state, uint32_t node_id,
    uint32_t id, uint32_t *ret_pid);
/* Likewise the group that a departed process left, if someone is left in it. */
struct cpg_group *cpg_state_departed(const struct cpg_state *state, uint32_t node_id,
    uint32_t id, uint32_t *ret_pid);
struct cpg_group *cpg_state_group(const struct cpg_state *state,
    const struct cpg_group_name *name);

void cpg_state_transitional(struct cpg_state *state, const struct cs_member *members,
    size_t count);
void cpg_state_regular(struct cpg_state *state, const struct cs_ring_id *ring,
    const struct cs_member *members, size_t count);
/* One entry of a node's list.  0; -ESTALE: of another ring, or no round; -ENOSPC: too many;
 * -EILSEQ: of a shared node, and not what we know of it. */
int cpg_state_joinlist(struct cpg_state *state, const struct cs_ring_id *ring, uint32_t node_id,
    const struct cpg_member *member, const struct cpg_group_name *name);
void cpg_state_activate(struct cpg_state *state);
void cpg_state_abort(struct cpg_state *state);

/* Our own processes in no particular order, for our joinlist: entry `index` or false. */
bool cpg_state_own(const struct cpg_state *state, size_t index, struct cpg_member *ret_member,
    struct cpg_group_name *ret_name);

/* The first member behind (name, node id, pid) in that order, of all groups; NULL arguments: the
 * very first.  False at the end. */
bool cpg_state_after(const struct cpg_state *state, const struct cpg_group_name *name,
    const struct cpg_member *after, struct cpg_group **ret_group, size_t *ret_index);

const struct cs_ring_id *cpg_state_ring(const struct cpg_state *state);
/* Members of the last regular configuration, ascending; lent until the next one. */
const struct cs_member *cpg_state_nodes(const struct cpg_state *state, size_t *ret_count);
bool cpg_state_stable(const struct cpg_state *state);
size_t cpg_state_group_count(const struct cpg_state *state);
size_t cpg_state_process_count(const struct cpg_state *state);

void cpg_state_check(const struct cpg_state *state);
#endif
