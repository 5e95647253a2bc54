/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C5, members only: a message comes from a process that is a member then.  The one exception: SAFE
 * messages of those whose nodes have just gone, in the transitional configuration.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

/* Was it a member when the transitional configuration came? */
static bool
c05_just_gone(const struct sim *sim, const struct cpg_event *event, const struct session *s)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct cpg_message *m;
	const struct move_of *move;

	if (!event->tag.transitional || event->message == NONE)
		return false;
	m = &trace->message[event->message];
	/* A node that moves with us has not gone. */
	move = trace_move_last(trace, s->host, event->tag.ring);
	return m->safe && move != NULL && !trace_moves(move, event->node);
}

static void
c05_event(struct sim *sim, const struct cpg_event *event)
{
	const struct session *s;

	if (event->kind != CPG_DELIVER || event->session == NONE)
		return;
	s = &cpg_of(sim)->trace.session[event->session];
	if (s->view_place == 0 || trace_view_has(s, event->node, event->pid) ||
	    c05_just_gone(sim, event, s))
		return;
	judge_fail(sim, C5_MEMBERS_ONLY, "%s gets %s from %" PRIu32 ":%" PRIu32 ", no member",
	    judge_session(sim, event->session), judge_message(sim, event->message), event->node,
	    event->pid);
}

const struct cpg_checker check_c05_members_only = {
	.property = C5_MEMBERS_ONLY, .name = "members only", .event = c05_event,
};
