/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What ring changes do to groups.  The processes of departed nodes leave at the transitional
 * configuration, before the messages that are delivered in it; those of newcomers come at the
 * activation of the new ring.  So a group sees at most two changes for a ring change, and those of
 * a process whose join is ordered between them.  Up to the regular configuration we remember who
 * departed from where: their SAFE messages still count.
 *
 * Why this is the same on all nodes that move together: they see the same transitional
 * configurations and the same joinlists at the same places of the order, and a round that was
 * given up leaves nothing behind.  Joinlists are tagged by the full ring id, so that one that
 * comes late cannot bring back a process whose node has gone since.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec/engines/cpg_state.h"

static const struct cs_member *
member_of(const struct cs_member *members, size_t count, uint32_t node_id)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].node_id == node_id)
			return &members[i];
	return NULL;
}

static void
round_discard(struct cpg_state *state)
{
	free(state->round);
	state->round = NULL;
	state->round_count = state->round_size = 0;
}

/* Take the members whose nodes are not shared out of the group.  Returns how many, in scratch. */
static size_t
group_purge(struct cpg_state *state, struct cpg_group *group)
{
	size_t kept = 0, left = 0;

	state->scratch = cpg_grow(state, state->scratch, &state->scratch_size, group->member_count,
	    sizeof(state->scratch[0]));
	for (size_t i = 0; i < group->member_count; i++) {
		const struct cpg_member *member = &group->members[i];

		if (cpg_shared_find(state, member->node_id) != NULL) {
			group->members[kept++] = *member;
			continue;
		}
		state->scratch[left] = *member;
		state->scratch[left++].reason = CPG_REASON_NODEDOWN;
		cpg_process_forget(state, member->node_id, member->id);
	}
	group->member_count = kept;
	return left;
}

/* --- the departed -------------------------------------------------------------------------- */

static int
departed_compare(const void *one, const void *other)
{
	const struct cpg_departed *a = one, *b = other;

	if (a->node_id != b->node_id)
		return a->node_id < b->node_id ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static void
departed_sort(struct cpg_state *state)
{
	if (state->departed_count > 0)
		qsort(state->departed, state->departed_count, sizeof(state->departed[0]),
		    departed_compare);
}

/* The first `count` of scratch left that group. */
static void
departed_keep(struct cpg_state *state, struct cpg_group *group, size_t count)
{
	state->departed = cpg_grow(state, state->departed, &state->departed_size,
	    state->departed_count + count, sizeof(state->departed[0]));
	for (size_t i = 0; i < count; i++) {
		const struct cpg_member *member = &state->scratch[i];

		state->departed[state->departed_count++] = (struct cpg_departed) {
		    .node_id = member->node_id, .id = member->id, .pid = member->pid,
		    .group = group };
	}
	group->has_departed = true;
}

static void
departed_forget(struct cpg_state *state)
{
	for (size_t i = 0; i < state->departed_count; i++)
		if (state->departed[i].group != NULL)
			state->departed[i].group->has_departed = false;
	free(state->departed);
	state->departed = NULL;
	state->departed_count = state->departed_size = 0;
}

void
cpg_departed_unlink(struct cpg_state *state, struct cpg_group *group)
{
	if (!group->has_departed)
		return;
	for (size_t i = 0; i < state->departed_count; i++)
		if (state->departed[i].group == group)
			state->departed[i].group = NULL;
	group->has_departed = false;
}

static const struct cpg_departed *
departed_find(const struct cpg_state *state, uint32_t node_id, uint32_t id)
{
	const struct cpg_departed key = { .node_id = node_id, .id = id };

	if (state->departed_count == 0)
		return NULL;
	return bsearch(&key, state->departed, state->departed_count, sizeof key, departed_compare);
}

/* Its node's clients saw it join, and may have seen SAFE what it said then; so our clients get that
 * too, and before it who it was. */
int
cpg_departed_join(struct cpg_state *state, const struct cpg_member *member,
    const struct cpg_group_name *name)
{
	struct cpg_group *group = cpg_state_group(state, name);
	struct cpg_member one = *member;
	struct cpg_change come = { .group = group, .joined = &one, .joined_count = 1 };
	struct cpg_change go = { .group = group, .left = &one, .left_count = 1 };

	if (state->phase != CPG_MOVING || group == NULL ||
	    member_of(state->nodes, state->node_count, member->node_id) == NULL)
		return -ENODEV;
	if (departed_find(state, member->node_id, member->id) != NULL)
		return -EEXIST;
	if (state->departed_count >= (size_t) CPG_PROCESSES_MAX * state->node_count)
		return -ENOSPC;
	cpg_process_add(state, group, &one);
	one.reason = CPG_REASON_JOIN;
	state->sink->change(state->sink, &come);
	cpg_process_remove(state, group, &one);
	one.reason = CPG_REASON_NODEDOWN;
	state->sink->change(state->sink, &go);
	state->scratch = cpg_grow(state, state->scratch, &state->scratch_size, 1,
	    sizeof(state->scratch[0]));
	state->scratch[0] = one;
	departed_keep(state, group, 1);
	departed_sort(state);
	return 0;
}

struct cpg_group *
cpg_state_departed(const struct cpg_state *state, uint32_t node_id, uint32_t id,
    uint32_t *ret_pid)
{
	const struct cpg_departed *found = departed_find(state, node_id, id);

	if (found == NULL || found->group == NULL)
		return NULL;
	*ret_pid = found->pid;
	return found->group;
}

/* --- configurations and rounds ------------------------------------------------------------- */

void
cpg_state_transitional(struct cpg_state *state, const struct cs_member *members, size_t count)
{
	struct cpg_change change = { 0 };
	size_t kept = 0;

	cs_assert(count <= CS_ENGINE_MEMBERS_MAX);
	round_discard(state);
	state->phase = CPG_MOVING;
	for (size_t i = 0; i < state->shared_count; i++) {
		const struct cs_member *member =
		    member_of(members, count, state->shared[i].node.node_id);

		/* Another incarnation is another node: what ran there has gone. */
		if (member != NULL && member->incarnation == state->shared[i].node.incarnation)
			state->shared[kept++] = state->shared[i];
	}
	if (kept == state->shared_count)
		return;
	state->shared_count = kept;

	for (size_t i = 0; i < CPG_GROUP_BUCKETS; i++) {
		struct cpg_group *next;

		for (struct cpg_group *group = state->groups[i]; group != NULL; group = next) {
			next = group->next;
			change.left_count = group_purge(state, group);
			if (change.left_count == 0)
				continue;
			change.group = group;
			change.left = state->scratch;
			state->sink->change(state->sink, &change);
			if (group->member_count > 0)
				departed_keep(state, group, change.left_count);
			cpg_group_drop_if_empty(state, group);
		}
	}
	departed_sort(state);
}

void
cpg_state_regular(struct cpg_state *state, const struct cs_ring_id *ring,
    const struct cs_member *members, size_t count)
{
	cs_assert(count <= CS_ENGINE_MEMBERS_MAX);
	round_discard(state);
	departed_forget(state);
	state->ring = *ring;
	memcpy(state->nodes, members, count * sizeof(members[0]));
	state->node_count = count;
	state->phase = CPG_SYNC;
}

int
cpg_state_joinlist(struct cpg_state *state, const struct cs_ring_id *ring, uint32_t node_id,
    const struct cpg_member *member, const struct cpg_group_name *name)
{
	const struct cpg_group *group;
	struct cpg_newcomer *entry;
	uint32_t pid;

	if (state->phase != CPG_SYNC || ring->rep != state->ring.rep ||
	    ring->seq != state->ring.seq || ring->nonce != state->ring.nonce ||
	    member_of(state->nodes, state->node_count, node_id) == NULL)
		return -ESTALE;
	if (cpg_shared_find(state, node_id) != NULL) {
		group = cpg_state_find(state, node_id, member->id, &pid);
		return group != NULL && pid == member->pid &&
		    cpg_name_compare(&group->name, name) == 0 ? 0 : -EILSEQ;
	}
	if (state->round_count >= (size_t) CPG_PROCESSES_MAX * state->node_count)
		return -ENOSPC;
	state->round = cpg_grow(state, state->round, &state->round_size, state->round_count + 1,
	    sizeof(state->round[0]));
	entry = &state->round[state->round_count++];
	entry->name = *name;
	entry->member = *member;
	entry->member.node_id = node_id;
	entry->member.reason = CPG_REASON_NODEUP;
	return 0;
}

static int
newcomer_compare(const void *one, const void *other)
{
	const struct cpg_newcomer *a = one, *b = other;
	int r = cpg_name_compare(&a->name, &b->name);

	if (r == 0)
		r = cpg_member_compare(&a->member, &b->member);
	/* For equal keys a rule all nodes share: the one that counts is the lowest id. */
	return r != 0 ? r : (a->member.id > b->member.id) - (a->member.id < b->member.id);
}

/* The newcomers first..end-1, all of one group, come in. */
static void
group_welcome(struct cpg_state *state, size_t first, size_t end)
{
	struct cpg_group *group = cpg_group_obtain(state, &state->round[first].name);
	struct cpg_change change = { .group = group };
	uint32_t pid;

	state->scratch = cpg_grow(state, state->scratch, &state->scratch_size, end - first,
	    sizeof(state->scratch[0]));
	for (size_t i = first; i < end; i++) {
		const struct cpg_member *member = &state->round[i].member;
		struct cpg_shared *node = cpg_shared_find(state, member->node_id);

		/* A list that names a process twice is wrong; the rest may be right. */
		if (node->process_count >= CPG_PROCESSES_MAX || cpg_group_has(group, member) ||
		    cpg_state_find(state, member->node_id, member->id, &pid) != NULL)
			continue;
		cpg_process_add(state, group, member);
		node->process_count++;
		state->scratch[change.joined_count++] = *member;
	}
	change.joined = state->scratch;
	if (change.joined_count > 0)
		state->sink->change(state->sink, &change);
	cpg_group_drop_if_empty(state, group);
}

void
cpg_state_activate(struct cpg_state *state)
{
	struct cpg_shared shared[CS_ENGINE_MEMBERS_MAX];
	size_t end;

	cs_assert(state->phase == CPG_SYNC);
	for (size_t i = 0; i < state->node_count; i++) {
		const struct cpg_shared *old = cpg_shared_find(state, state->nodes[i].node_id);

		shared[i] = (struct cpg_shared) { .node = state->nodes[i] };
		if (old != NULL)
			shared[i].process_count = old->process_count;
	}
	memcpy(state->shared, shared, state->node_count * sizeof(shared[0]));
	state->shared_count = state->node_count;

	if (state->round_count > 0)
		qsort(state->round, state->round_count, sizeof(state->round[0]), newcomer_compare);
	for (size_t first = 0; first < state->round_count; first = end) {
		for (end = first + 1; end < state->round_count; end++)
			if (cpg_name_compare(&state->round[first].name,
			    &state->round[end].name) != 0)
				break;
		group_welcome(state, first, end);
	}
	round_discard(state);
	state->phase = CPG_STABLE;
}

void
cpg_state_abort(struct cpg_state *state)
{
	round_discard(state);
	if (state->phase == CPG_SYNC)
		state->phase = CPG_MOVING;
}

const struct cs_ring_id *
cpg_state_ring(const struct cpg_state *state)
{
	return &state->ring;
}

const struct cs_member *
cpg_state_nodes(const struct cpg_state *state, size_t *ret_count)
{
	*ret_count = state->node_count;
	return state->nodes;
}

bool
cpg_state_stable(const struct cpg_state *state)
{
	return state->phase == CPG_STABLE;
}
