/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The inside of struct cpg_state, for cpg_group.c (tables, single processes) and cpg_view.c (ring
 * changes) alone.
 */
#ifndef ENGINES_CPG_STATE_H
#define ENGINES_CPG_STATE_H
#include <corosync/cpg.h>

#include "exec/base/assert.h"
#include "exec/engines/cpg_group.h"

#define CPG_GROUP_BUCKETS	256u
#define CPG_PROCESS_BUCKETS	1024u

enum cpg_phase { CPG_STABLE, CPG_MOVING, CPG_SYNC };

struct cpg_process {
	uint32_t node_id, id, pid;
	struct cpg_group *group;
	size_t own_index;		/* in cpg_state.own, when it is of our node */
	struct cpg_process *next;	/* of the bucket */
};

struct cpg_shared {
	struct cs_member node;
	size_t process_count;		/* of that node, in all groups */
};

struct cpg_departed {			/* left at the transitional configuration */
	uint32_t node_id, id, pid;
	struct cpg_group *group;	/* NULL: has ended since */
};

struct cpg_newcomer {			/* an entry of a newcomer's joinlist */
	struct cpg_group_name name;
	struct cpg_member member;
};

struct cpg_state {
	uint32_t node_id;
	struct cpg_sink *sink;
	enum cpg_phase phase;

	struct cpg_group *groups[CPG_GROUP_BUCKETS];
	struct cpg_process *processes[CPG_PROCESS_BUCKETS];
	size_t group_count, process_count;
	struct cpg_process **own;	/* those of our node */
	size_t own_count, own_size;

	struct cpg_shared shared[CS_ENGINE_MEMBERS_MAX];
	size_t shared_count;
	struct cs_ring_id ring;		/* the last regular configuration */
	struct cs_member nodes[CS_ENGINE_MEMBERS_MAX];
	size_t node_count;

	struct cpg_departed *departed;	/* ascending; MOVING only */
	size_t departed_count, departed_size;
	struct cpg_newcomer *round;	/* kept from joinlists; SYNC only */
	size_t round_count, round_size;
	struct cpg_member *scratch;	/* left or joined list in the making */
	size_t scratch_size;
};

int cpg_member_compare(const struct cpg_member *a, const struct cpg_member *b);
_Noreturn void cpg_no_memory(struct cpg_state *state);
/* The array with room for `wanted` items. */
void *cpg_grow(struct cpg_state *state, void *array, size_t *size, size_t wanted,
    size_t item_bytes);
struct cpg_shared *cpg_shared_find(struct cpg_state *state, uint32_t node_id);

struct cpg_group *cpg_group_obtain(struct cpg_state *state, const struct cpg_group_name *name);
bool cpg_group_has(const struct cpg_group *group, const struct cpg_member *member);
void cpg_group_drop_if_empty(struct cpg_state *state, struct cpg_group *group);
/* A join that comes in the transitional configuration, from a node that is not in it: the process
 * comes and goes.  0 or as cpg_state_join(). */
int cpg_departed_join(struct cpg_state *state, const struct cpg_member *member,
    const struct cpg_group_name *name);
/* The group is about to end: what departed processes still say has no receiver. */
void cpg_departed_unlink(struct cpg_state *state, struct cpg_group *group);
/* Into the group and the table.  The caller has checked that it is not there. */
void cpg_process_add(struct cpg_state *state, struct cpg_group *group,
    const struct cpg_member *member);
/* Out of both; it is there. */
void cpg_process_remove(struct cpg_state *state, struct cpg_group *group,
    const struct cpg_member *member);
/* Out of the table; the caller sees to the group's member list. */
void cpg_process_forget(struct cpg_state *state, uint32_t node_id, uint32_t id);
#endif
