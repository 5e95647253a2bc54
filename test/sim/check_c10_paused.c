/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C10, who was away: a node that did not come along from the old ring to the new one has left for
 * the members on those that did, even if it is back in the very same new ring; and they have left
 * for its members.  So a stopped node and the rest see each other leave, then join.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static bool
c10_came_along(const struct move_of *move, uint32_t node)
{
	for (size_t i = 0; i < move->member_count; i++)
		if (move->member[i] == node)
			return true;
	return false;
}

static void
c10_event(struct sim *sim, const struct cpg_event *event)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct session *s;
	const struct move_of *move;

	if ((event->kind != CPG_CONFCHG && event->kind != CPG_DELIVER) || event->session == NONE)
		return;
	s = &trace->session[event->session];
	/* The first that it hears of in this ring: what did it believe until here? */
	if (s->view_place == 0 || event->tag.transitional || event->tag.ring == trace_ring(s))
		return;
	move = trace_move(trace, s->host, event->tag.ring);
	for (size_t i = 0; move != NULL && i < s->view_count; i++)
		if (!c10_came_along(move, s->view[i].node))
			judge_fail(sim, C10_PAUSED, "%s is in a new ring and was not told that %"
			    PRIu32 ":%" PRIu32 ", whose node did not come along, had left",
			    judge_session(sim, event->session), s->view[i].node, s->view[i].pid);
}

const struct cpg_checker check_c10_paused = {
	.property = C10_PAUSED, .name = "who was away", .event = c10_event,
};
