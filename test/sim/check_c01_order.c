/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C1, one order: what happens in a group, message or change, happens in one order for all its
 * members, and at one place the same for all.  Those who go together from one change to the next
 * have the same messages between them.
 *
 * That one order exists is judged at the end: callbacks of one process follow each other, and no
 * chain of such steps through all processes may come back to where it began.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "test/sim/cpg/cpg.h"

struct c01_graph {
	struct hash_map *number;	/* of a place, + 1 */
	uint64_t *place;
	size_t count, room;
	uint32_t *from, *to;		/* steps */
	size_t step_count, step_room, to_room;
};

static void
c01_event(struct sim *sim, const struct cpg_event *event)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct session *s;
	const struct closed *other;
	uint64_t known;

	if ((event->kind != CPG_DELIVER && event->kind != CPG_CONFCHG) || event->session == NONE)
		return;
	s = &trace->session[event->session];
	/* Engines that are not synchronised know different halves of a group. */
	known = event->kind == CPG_CONFCHG && !event->tag.synchronised ? 0 :
	    hash_map_get(trace->places, trace_place_key(event));
	if (event->tag.place == 0)
		judge_fail(sim, C1_ORDER, "%s has a callback that is at no place of the order",
		    judge_session(sim, event->session));
	else if (known != 0 && known != trace_content(event))
		judge_fail(sim, C1_ORDER, "%s sees at a place (%04" PRIx64 ") something else than"
		    " another member: %s", judge_session(sim, event->session),
		    event->tag.place & 0xffff, event->kind == CPG_CONFCHG ? "a change" :
		    judge_message(sim, event->message));
	if (event->kind != CPG_CONFCHG || s->view_place == 0)
		return;
	other = trace_closed(trace, s, event);
	if (other != NULL && other->change != trace_change(event))
		judge_fail(sim, C1_ORDER, "%s and %s go through the same change and are told"
		    " differently who left or joined, or why", judge_session(sim, event->session),
		    judge_session(sim, other->session));
	if (other == NULL || other->first_view || s->first_view ||
	    (other->set_sum == s->set_sum && other->set_count == s->set_count))
		return;
	judge_fail(sim, C1_ORDER, "%s had %" PRIu32 " messages between two changes, %s had %"
	    PRIu32 " or others", judge_session(sim, event->session), s->set_count,
	    judge_session(sim, other->session), other->set_count);
}

static uint32_t
c01_number(struct c01_graph *graph, uint64_t place)
{
	bool fresh;
	uint64_t *value = hash_map_at(graph->number, place, &fresh);

	if (fresh) {
		if (graph->count == graph->room)
			graph->place = util_grow(graph->place, &graph->room,
			    sizeof *graph->place);
		graph->place[graph->count++] = place;
		*value = graph->count;
	}
	return (uint32_t) (*value - 1);
}

static void
c01_steps(struct c01_graph *graph, const struct session *s)
{
	uint32_t from = NONE, to;

	for (size_t i = 0; i < s->step_count; i++, from = to) {
		to = c01_number(graph, s->step[i].place);
		if (from == NONE || from == to)
			continue;
		if (graph->step_count == graph->step_room) {
			graph->from = util_grow(graph->from, &graph->step_room,
			    sizeof *graph->from);
			graph->to = util_grow(graph->to, &graph->to_room, sizeof *graph->to);
		}
		graph->from[graph->step_count] = from;
		graph->to[graph->step_count++] = to;
	}
}

/* Take away what nothing is before, again and again.  The number of places left: in circles. */
static size_t
c01_circles(const struct c01_graph *graph)
{
	size_t left = graph->count, first = 0, end = 0;
	uint32_t *before = util_alloc((graph->count + 1) * sizeof *before);
	uint32_t *start = util_alloc((graph->count + 2) * sizeof *start);
	uint32_t *out = util_alloc((graph->step_count + 1) * sizeof *out);
	uint32_t *ready = util_alloc((graph->count + 1) * sizeof *ready);

	for (size_t i = 0; i < graph->step_count; i++) {
		before[graph->to[i]]++;
		start[graph->from[i] + 2]++;
	}
	for (size_t i = 1; i <= graph->count + 1; i++)
		start[i] += start[i - 1];
	for (size_t i = 0; i < graph->step_count; i++)
		out[start[graph->from[i] + 1]++] = graph->to[i];
	for (uint32_t i = 0; i < graph->count; i++)
		if (before[i] == 0)
			ready[end++] = i;
	for (; first < end; first++, left--)
		for (uint32_t i = start[ready[first]]; i < start[ready[first] + 1]; i++)
			if (--before[out[i]] == 0)
				ready[end++] = out[i];
	free(before);
	free(start);
	free(out);
	free(ready);
	return left;
}

static void
c01_final(struct sim *sim)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	struct c01_graph graph = { .number = hash_map_new() };
	size_t left;

	for (size_t i = 0; i < trace->session_count; i++)
		c01_steps(&graph, &trace->session[i]);
	left = c01_circles(&graph);
	if (left > 0)
		judge_fail(sim, C1_ORDER, "there is no one order of all callbacks: %zu places are"
		    " in circles", left);
	(void) hash_map_free(graph.number);
	free(graph.place);
	free(graph.from);
	free(graph.to);
}

const struct cpg_checker check_c01_order = {
	.property = C1_ORDER, .name = "one order", .event = c01_event, .final = c01_final,
};
