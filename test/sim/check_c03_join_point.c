/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C3, the point of joining: the first callback of a member is the change in which it joins; it then
 * has all messages behind it in the order and none from before, which shows where somebody who was
 * there already goes with it to the next change.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static bool
c03_in(const struct place *list, size_t count, const struct session *s)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].node == s->node && list[i].pid == s->pid)
			return true;
	return false;
}

static void
c03_event(struct sim *sim, const struct cpg_event *event)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct session *s;
	const struct closed *other;

	if ((event->kind != CPG_CONFCHG && event->kind != CPG_DELIVER) || event->session == NONE)
		return;
	s = &trace->session[event->session];
	if (event->kind == CPG_DELIVER) {
		if (s->view_place == 0)
			judge_fail(sim, C3_JOIN_POINT, "%s gets %s before it has joined",
			    judge_session(sim, event->session),
			    judge_message(sim, event->message));
		return;
	}
	if (s->view_place == 0) {
		if (!c03_in(event->joined, event->joined_count, s) ||
		    !c03_in(event->members, event->member_count, s) || event->group != s->group)
			judge_fail(sim, C3_JOIN_POINT, "the first change of %s is not the one in"
			    " which it joins", judge_session(sim, event->session));
		return;
	}
	other = trace_closed(trace, s, event);
	if (other == NULL || (!other->first_view && !s->first_view) ||
	    (other->set_sum == s->set_sum && other->set_count == s->set_count))
		return;
	judge_fail(sim, C3_JOIN_POINT, "from the joining of one of them to the next change %s had"
	    " %" PRIu32 " messages, %s had %" PRIu32 " or others",
	    judge_session(sim, event->session), s->set_count, judge_session(sim, other->session),
	    other->set_count);
}

const struct cpg_checker check_c03_join_point = {
	.property = C3_JOIN_POINT, .name = "point of joining", .event = c03_event,
};
