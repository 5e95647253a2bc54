/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C8, whole: a message of any size is delivered byte for byte as it was sent, in its own group and
 * in its sender's name, once; and the library always understands what its daemon tells it.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static void
c08_event(struct sim *sim, const struct cpg_event *event)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct session *s, *from;

	if (event->kind == CPG_BROKEN) {
		judge_fail(sim, C8_WHOLE, "%s: the library gave up",
		    judge_session(sim, event->session));
		return;
	}
	if (event->kind != CPG_DELIVER || event->session == NONE)
		return;
	s = &trace->session[event->session];
	if (event->message == NONE) {
		judge_fail(sim, C8_WHOLE, "%s gets %zu bytes from %" PRIu32 ":%" PRIu32
		    " that nobody sent so", judge_session(sim, event->session), event->len,
		    event->node, event->pid);
		return;
	}
	from = &trace->session[trace->message[event->message].session];
	if (from->node != event->node || from->pid != event->pid)
		judge_fail(sim, C8_WHOLE, "%s gets %s in the name of %" PRIu32 ":%" PRIu32,
		    judge_session(sim, event->session), judge_message(sim, event->message),
		    event->node, event->pid);
	else if (from->group != s->group || event->group != s->group)
		judge_fail(sim, C8_WHOLE, "%s gets %s of another group",
		    judge_session(sim, event->session), judge_message(sim, event->message));
	else if (trace_has(s, event->message))
		judge_fail(sim, C8_WHOLE, "%s gets %s for the second time",
		    judge_session(sim, event->session), judge_message(sim, event->message));
}

const struct cpg_checker check_c08_whole = {
	.property = C8_WHOLE, .name = "whole and once", .event = c08_event,
};
