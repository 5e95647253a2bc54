/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Groups and their members: the tables, and what single processes do to them.  What ring changes
 * do is in cpg_view.c.
 *
 * Memory: a replica that cannot apply an ordered event must not go on as if it had, so an
 * allocation that fails here ends the daemon, which says so; the others go on without it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec/engines/cpg_state.h"

int
cpg_name_compare(const struct cpg_group_name *a, const struct cpg_group_name *b)
{
	size_t least = a->len < b->len ? a->len : b->len;
	int r = memcmp(a->value, b->value, least);

	return r != 0 ? r : (a->len > b->len) - (a->len < b->len);
}

int
cpg_member_compare(const struct cpg_member *a, const struct cpg_member *b)
{
	if (a->node_id != b->node_id)
		return a->node_id < b->node_id ? -1 : 1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

_Noreturn void
cpg_no_memory(struct cpg_state *state)
{
	if (state->sink->no_memory != NULL)
		state->sink->no_memory(state->sink);
	cs_assert_failed("memory for what the order brought", __FILE__, __LINE__);
}

void *
cpg_grow(struct cpg_state *state, void *array, size_t *size, size_t wanted, size_t item_bytes)
{
	size_t grown = *size > 0 ? *size : 4;

	if (wanted <= *size)
		return array;
	while (grown < wanted)
		grown *= 2;
	array = realloc(array, grown * item_bytes);
	if (array == NULL)
		cpg_no_memory(state);
	*size = grown;
	return array;
}

struct cpg_state *
cpg_state_new(uint32_t node_id, struct cpg_sink *sink)
{
	struct cpg_state *state = calloc(1, sizeof *state);

	cs_assert(sink != NULL);
	if (state == NULL)
		return NULL;
	state->node_id = node_id;
	state->sink = sink;
	state->phase = CPG_MOVING;	/* of no ring yet: nobody is shared */
	return state;
}

struct cpg_state *
cpg_state_free(struct cpg_state *state)
{
	if (state == NULL)
		return NULL;
	for (size_t i = 0; i < CPG_GROUP_BUCKETS; i++) {
		struct cpg_group *next;

		for (struct cpg_group *group = state->groups[i]; group != NULL; group = next) {
			next = group->next;
			free(group->members);
			free(group);
		}
	}
	for (size_t i = 0; i < CPG_PROCESS_BUCKETS; i++) {
		for (struct cpg_process *p = state->processes[i], *next; p != NULL; p = next) {
			next = p->next;
			free(p);
		}
	}
	free(state->own);
	free(state->departed);
	free(state->round);
	free(state->scratch);
	free(state);
	return NULL;
}

/* --- tables -------------------------------------------------------------------------------- */

static size_t
name_bucket(const struct cpg_group_name *name)
{
	uint32_t hash = 2166136261u;	/* FNV-1a */

	for (size_t i = 0; i < name->len; i++)
		hash = (hash ^ (uint8_t) name->value[i]) * 16777619u;
	return hash % CPG_GROUP_BUCKETS;
}

static size_t
process_bucket(uint32_t node_id, uint32_t id)
{
	return (node_id * 2654435761u + id) % CPG_PROCESS_BUCKETS;
}

struct cpg_group *
cpg_state_group(const struct cpg_state *state, const struct cpg_group_name *name)
{
	struct cpg_group *group = state->groups[name_bucket(name)];

	while (group != NULL && cpg_name_compare(&group->name, name) != 0)
		group = group->next;
	return group;
}

struct cpg_group *
cpg_group_obtain(struct cpg_state *state, const struct cpg_group_name *name)
{
	struct cpg_group *group = cpg_state_group(state, name);
	size_t bucket = name_bucket(name);

	if (group != NULL)
		return group;
	group = calloc(1, sizeof *group);
	if (group == NULL)
		cpg_no_memory(state);
	group->name.len = name->len;
	memcpy(group->name.value, name->value, name->len);
	group->next = state->groups[bucket];
	state->groups[bucket] = group;
	state->group_count++;
	return group;
}

void
cpg_group_drop_if_empty(struct cpg_state *state, struct cpg_group *group)
{
	struct cpg_group **link = &state->groups[name_bucket(&group->name)];

	if (group->member_count > 0)
		return;
	cs_assert(group->locals == NULL);
	cpg_departed_unlink(state, group);
	while (*link != group)
		link = &(*link)->next;
	*link = group->next;
	cs_assert(state->group_count > 0);
	state->group_count--;
	free(group->members);
	free(group);
}

static struct cpg_process *
process_find(const struct cpg_state *state, uint32_t node_id, uint32_t id)
{
	struct cpg_process *p = state->processes[process_bucket(node_id, id)];

	while (p != NULL && (p->node_id != node_id || p->id != id))
		p = p->next;
	return p;
}

struct cpg_group *
cpg_state_find(const struct cpg_state *state, uint32_t node_id, uint32_t id, uint32_t *ret_pid)
{
	const struct cpg_process *p = process_find(state, node_id, id);

	if (p == NULL)
		return NULL;
	*ret_pid = p->pid;
	return p->group;
}

/* Where the member is, or where it would go. */
static size_t
member_place(const struct cpg_group *group, const struct cpg_member *member, bool *ret_there)
{
	size_t low = 0, high = group->member_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = cpg_member_compare(&group->members[middle], member);

		if (r == 0) {
			*ret_there = true;
			return middle;
		}
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_there = false;
	return low;
}

bool
cpg_group_has(const struct cpg_group *group, const struct cpg_member *member)
{
	bool there;

	(void) member_place(group, member, &there);
	return there;
}

void
cpg_process_add(struct cpg_state *state, struct cpg_group *group, const struct cpg_member *member)
{
	size_t bucket = process_bucket(member->node_id, member->id), at;
	struct cpg_process *p = calloc(1, sizeof *p);
	bool there;

	if (p == NULL)
		cpg_no_memory(state);
	cs_assert(process_find(state, member->node_id, member->id) == NULL);
	at = member_place(group, member, &there);
	cs_assert(!there);

	*p = (struct cpg_process) {
		.node_id = member->node_id, .id = member->id, .pid = member->pid,
		.group = group, .next = state->processes[bucket],
	};
	state->processes[bucket] = p;
	state->process_count++;
	if (member->node_id == state->node_id) {
		state->own = cpg_grow(state, state->own, &state->own_size, state->own_count + 1,
		    sizeof(state->own[0]));
		p->own_index = state->own_count;
		state->own[state->own_count++] = p;
	}

	group->members = cpg_grow(state, group->members, &group->member_size,
	    group->member_count + 1, sizeof(group->members[0]));
	memmove(&group->members[at + 1], &group->members[at],
	    (group->member_count - at) * sizeof(group->members[0]));
	group->members[at] = *member;
	group->members[at].reason = 0;
	group->member_count++;
}

void
cpg_process_forget(struct cpg_state *state, uint32_t node_id, uint32_t id)
{
	struct cpg_process **link = &state->processes[process_bucket(node_id, id)], *p;

	while (*link != NULL && ((*link)->node_id != node_id || (*link)->id != id))
		link = &(*link)->next;
	p = *link;
	cs_assert(p != NULL);
	*link = p->next;
	cs_assert(state->process_count > 0);
	state->process_count--;
	if (node_id == state->node_id) {
		struct cpg_process *last = state->own[--state->own_count];

		state->own[p->own_index] = last;
		last->own_index = p->own_index;
	}
	free(p);
}

void
cpg_process_remove(struct cpg_state *state, struct cpg_group *group,
    const struct cpg_member *member)
{
	bool there;
	size_t at = member_place(group, member, &there);

	cs_assert(there);
	group->member_count--;
	memmove(&group->members[at], &group->members[at + 1],
	    (group->member_count - at) * sizeof(group->members[0]));
	cpg_process_forget(state, member->node_id, member->id);
}

struct cpg_shared *
cpg_shared_find(struct cpg_state *state, uint32_t node_id)
{
	for (size_t i = 0; i < state->shared_count; i++)
		if (state->shared[i].node.node_id == node_id)
			return &state->shared[i];
	return NULL;
}

/* --- what single processes do -------------------------------------------------------------- */

int
cpg_state_join(struct cpg_state *state, uint32_t node_id, uint32_t id, uint32_t pid,
    const struct cpg_group_name *name)
{
	struct cpg_shared *node = cpg_shared_find(state, node_id);
	struct cpg_member member = { .node_id = node_id, .pid = pid, .id = id };
	struct cpg_group *group = cpg_state_group(state, name);
	struct cpg_change change;

	if (node == NULL)
		return cpg_departed_join(state, &member, name);
	if (state->phase == CPG_SYNC)
		return -ESTALE;
	if (process_find(state, node_id, id) != NULL ||
	    (group != NULL && cpg_group_has(group, &member)))
		return -EEXIST;
	if (node->process_count >= CPG_PROCESSES_MAX)
		return -ENOSPC;

	group = cpg_group_obtain(state, name);
	cpg_process_add(state, group, &member);
	node->process_count++;
	member.reason = CPG_REASON_JOIN;
	change = (struct cpg_change) { .group = group, .joined = &member, .joined_count = 1 };
	state->sink->change(state->sink, &change);
	return 0;
}

int
cpg_state_depart(struct cpg_state *state, uint32_t node_id, uint32_t id, uint32_t reason)
{
	const struct cpg_process *p = process_find(state, node_id, id);
	struct cpg_shared *node = cpg_shared_find(state, node_id);
	struct cpg_member member;
	struct cpg_group *group;
	struct cpg_change change;

	if (p == NULL)
		return -ENOENT;
	if (state->phase == CPG_SYNC)
		return -ESTALE;
	cs_assert(node != NULL && node->process_count > 0);
	group = p->group;
	member = (struct cpg_member) { .node_id = node_id, .pid = p->pid, .id = id,
	    .reason = reason };
	cpg_process_remove(state, group, &member);
	node->process_count--;

	change = (struct cpg_change) { .group = group, .left = &member, .left_count = 1 };
	state->sink->change(state->sink, &change);
	cpg_group_drop_if_empty(state, group);
	return 0;
}

/* --- reading ------------------------------------------------------------------------------- */

bool
cpg_state_own(const struct cpg_state *state, size_t index, struct cpg_member *ret_member,
    struct cpg_group_name *ret_name)
{
	const struct cpg_process *p;

	if (index >= state->own_count)
		return false;
	p = state->own[index];
	*ret_member = (struct cpg_member) { .node_id = p->node_id, .pid = p->pid, .id = p->id };
	*ret_name = p->group->name;
	return true;
}

bool
cpg_state_after(const struct cpg_state *state, const struct cpg_group_name *name,
    const struct cpg_member *after, struct cpg_group **ret_group, size_t *ret_index)
{
	struct cpg_group *group = name != NULL ? cpg_state_group(state, name) : NULL, *next = NULL;
	bool there = false;
	size_t at;

	if (group != NULL) {
		at = member_place(group, after, &there) + there;
		if (at < group->member_count) {
			*ret_group = group;
			*ret_index = at;
			return true;
		}
	}
	for (size_t i = 0; i < CPG_GROUP_BUCKETS; i++) {
		for (group = state->groups[i]; group != NULL; group = group->next) {
			if (name != NULL && cpg_name_compare(&group->name, name) <= 0)
				continue;
			if (next == NULL || cpg_name_compare(&group->name, &next->name) < 0)
				next = group;
		}
	}
	*ret_group = next;
	*ret_index = 0;
	return next != NULL;
}

size_t
cpg_state_group_count(const struct cpg_state *state)
{
	return state->group_count;
}

size_t
cpg_state_process_count(const struct cpg_state *state)
{
	return state->process_count;
}

static void
departed_check(const struct cpg_state *state)
{
	cs_assert(state->phase == CPG_MOVING || state->departed_count == 0);	/* I5 */
	for (size_t i = 0; i < state->departed_count; i++) {
		const struct cpg_departed *d = &state->departed[i];

		cs_assert(i == 0 || (d - 1)->node_id < d->node_id ||
		    ((d - 1)->node_id == d->node_id && (d - 1)->id < d->id));
		cs_assert(process_find(state, d->node_id, d->id) == NULL);
		for (size_t k = 0; k < state->shared_count; k++)
			cs_assert(state->shared[k].node.node_id != d->node_id);
		cs_assert(d->group == NULL || (d->group->has_departed &&
		    cpg_state_group(state, &d->group->name) == d->group));
	}
}

void
cpg_state_check(const struct cpg_state *state)
{
	size_t members = 0;

	for (size_t i = 0; i < CPG_GROUP_BUCKETS; i++) {
		for (const struct cpg_group *group = state->groups[i]; group != NULL;
		    group = group->next) {
			cs_assert(group->member_count > 0);			/* I1 */
			members += group->member_count;
			for (size_t k = 0; k < group->member_count; k++) {
				const struct cpg_member *m = &group->members[k];
				const struct cpg_process *p =
				    process_find(state, m->node_id, m->id);

				cs_assert(k == 0 || cpg_member_compare(m - 1, m) < 0);	/* I1 */
				cs_assert(p != NULL && p->group == group);	/* I3 */
				cs_assert(p->pid == m->pid);
			}
		}
	}
	cs_assert(members == state->process_count);
	members = 0;
	for (size_t i = 0; i < state->shared_count; i++)
		members += state->shared[i].process_count;
	cs_assert(members == state->process_count);				/* I2 */
	cs_assert(state->phase == CPG_SYNC || state->round_count == 0);		/* I4 */
	departed_check(state);
}
