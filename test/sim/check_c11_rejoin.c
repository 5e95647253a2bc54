/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C11, joining again: a join that was granted (CS_OK) is seen, also right after a leave of the same
 * process; the only refusals are "again later", and that the process is a member already, which is
 * said when it is so and not otherwise.  A process that was killed or cut off is a member until its
 * daemon has taken all that it sent; one of the same number may be told so.  (Were it for ever, C6
 * would find the ghost.)
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static bool
c11_lingers(const struct sim *sim, const struct session *s)
{
	const struct trace *trace = &cpg_of(sim)->trace;

	for (size_t i = 0; i < trace->session_count; i++) {
		const struct session *old = &trace->session[i];

		if (old->node == s->node && old->pid == s->pid && old->group == s->group &&
		    old->daemon == s->daemon &&
		    (old->end == SESSION_DIED || old->end == SESSION_CUT))
			return true;
	}
	return false;
}

static void
c11_event(struct sim *sim, const struct cpg_event *event)
{
	const struct session *s;

	if (event->kind != CPG_JOINED)
		return;
	if (event->session == NONE) {
		if (event->value != CS_ERR_EXIST)
			judge_fail(sim, C11_REJOIN, "%" PRIu32 ":%" PRIu32 " joins its group a"
			    " second time and is told %" PRIu32, event->node, event->pid,
			    event->value);
		return;
	}
	s = &cpg_of(sim)->trace.session[event->session];
	if (event->value == CS_ERR_EXIST && c11_lingers(sim, s))
		return;
	if (event->value != CS_OK && event->value != CS_ERR_TRY_AGAIN &&
	    event->value != CS_ERR_LIBRARY)
		judge_fail(sim, C11_REJOIN, "%s is no member, joins and is told %" PRIu32,
		    judge_session(sim, event->session), event->value);
	else if (event->value != CS_OK && s->seen_join)
		judge_fail(sim, C11_REJOIN, "%s has joined and is told %" PRIu32,
		    judge_session(sim, event->session), event->value);
}

static void
c11_final(struct sim *sim)
{
	const struct trace *trace = &cpg_of(sim)->trace;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		const struct session *s = &trace->session[i];

		if (s->end == SESSION_LIVE && s->join_ok && !s->seen_join &&
		    !cpg_of(sim)->client[s->host * CPG_CLIENTS_MAX + s->client].stuck)
			judge_fail(sim, C11_REJOIN, "the join of %s was granted at %" PRIu64
			    " ms and never seen", judge_session(sim, i), s->join_ns / MS_NS);
	}
}

const struct cpg_checker check_c11_rejoin = {
	.property = C11_REJOIN, .name = "joining again", .event = c11_event, .final = c11_final,
};
