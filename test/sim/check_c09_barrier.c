/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C9, the barrier: no message of a ring is delivered in it before the barriers of all its members;
 * and what was taken before a change is neither overtaken nor overtakes: messages of one sender
 * come in the sequence in which it sent them.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static void
c09_event(struct sim *sim, const struct cpg_event *event)
{
	const struct cpg_message *m;
	const struct session *s;

	if (event->kind != CPG_DELIVER || event->session == NONE || event->message == NONE)
		return;
	s = &cpg_of(sim)->trace.session[event->session];
	m = &cpg_of(sim)->trace.message[event->message];
	if (!event->tag.transitional && !event->tag.synchronised)
		judge_fail(sim, C9_BARRIER, "%s gets %s before the engines of its ring were"
		    " synchronised", judge_session(sim, event->session),
		    judge_message(sim, event->message));
	else if (m->session < s->last_room && s->last[m->session] > m->number)
		judge_fail(sim, C9_BARRIER, "%s gets %s, number %" PRIu32 " of its sender, behind"
		    " its number %" PRIu32, judge_session(sim, event->session),
		    judge_message(sim, event->message), m->number, s->last[m->session] - 1);
}

const struct cpg_checker check_c09_barrier = {
	.property = C9_BARRIER, .name = "barrier", .event = c09_event,
};
