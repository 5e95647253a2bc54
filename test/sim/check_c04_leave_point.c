/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C4, the point of leaving: after the change in which it leaves a member gets nothing more.  The
 * others see that it left, that its process died, or that its node went, as it was, and one of
 * these only: it left if it said so, died if its process or its connection ended, and nodes go at
 * transitional configurations that do not have them; but who joins in one, from such a node, goes
 * at the same place.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static bool
c04_did(const struct session *s, uint32_t reason)
{
	if (reason == CPG_REASON_LEAVE)
		return s->leave_called;
	/* A daemon's end closes its connections too; that may just get out. */
	return reason == CPG_REASON_PROCDOWN &&
	    (s->cut || (s->end != SESSION_LIVE && s->end != SESSION_NEVER));
}

/* Has it done what the reason says?  Of one that was there before, it may be any membership of that
 * process: it can have left, and be back. */
static bool
c04_true(const struct sim *sim, const struct cpg_event *event, const struct place *left)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct session *seen = trace_seen_joining(trace, event->session, left->node,
	    left->pid);

	if (seen != NULL)
		return c04_did(seen, left->reason);
	for (size_t i = 0; i < trace->session_count; i++) {
		const struct session *s = &trace->session[i];

		if (s->node == left->node && s->pid == left->pid && s->group == event->group &&
		    c04_did(s, left->reason))
			return true;
	}
	return false;
}

/* At the transitional configuration; or it has joined in it, just before. */
static bool
c04_node_gone(const struct sim *sim, const struct cpg_event *event, const struct session *s,
    uint32_t node)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct move_of *move = trace_move_at(trace, s->host, event->tag.place);
	struct cpg_event joining = *event;

	if (!event->tag.boundary) {
		joining.left_count = 0;
		if (!event->tag.transitional || s->view_at != trace_place_key(&joining))
			return false;
		move = trace_move_last(trace, s->host, event->tag.ring);
	}
	return move != NULL && !trace_moves(move, node);
}

static void
c04_event(struct sim *sim, const struct cpg_event *event)
{
	const struct session *s;

	if (event->kind != CPG_CONFCHG && event->kind != CPG_DELIVER)
		return;
	if (event->session == NONE) {
		judge_fail(sim, C4_LEAVE_POINT, "somebody gets a callback and is in no group");
		return;
	}
	s = &cpg_of(sim)->trace.session[event->session];
	if (s->seen_leave)
		judge_fail(sim, C4_LEAVE_POINT, "%s gets a callback after it has left",
		    judge_session(sim, event->session));
	for (size_t i = 0; event->kind == CPG_CONFCHG && i < event->left_count; i++) {
		const struct place *left = &event->left[i];
		bool gone = left->reason == CPG_REASON_NODEDOWN;

		if (gone ? !c04_node_gone(sim, event, s, left->node) : event->tag.boundary ||
		    !c04_true(sim, event, left))
			judge_fail(sim, C4_LEAVE_POINT, "%s is told that %" PRIu32 ":%" PRIu32
			    " left for reason %" PRIu32 ", which is not so",
			    judge_session(sim, event->session), left->node, left->pid,
			    left->reason);
	}
}

/* Whoever left, and is there to see it, has seen it. */
static void
c04_final(struct sim *sim)
{
	const struct trace *trace = &cpg_of(sim)->trace;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		const struct session *s = &trace->session[i];

		if (s->end == SESSION_LIVE && s->leave_ok && !s->seen_leave &&
		    !cpg_of(sim)->client[s->host * CPG_CLIENTS_MAX + s->client].stuck)
			judge_fail(sim, C4_LEAVE_POINT, "%s has left and was never told",
			    judge_session(sim, i));
	}
}

const struct cpg_checker check_c04_leave_point = {
	.property = C4_LEAVE_POINT, .name = "point of leaving", .event = c04_event,
	.final = c04_final,
};
