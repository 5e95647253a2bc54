/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C7, self-delivery: every message that was taken (CS_OK) comes back to its sender, unless its
 * process, its node or its connection ends; also before a leave that was asked for after it.  One
 * that was refused (CS_ERR_TRY_AGAIN) never comes to anybody.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static void
c07_event(struct sim *sim, const struct cpg_event *event)
{
	const struct cpg_message *m;

	if (event->message == NONE)
		return;
	m = &cpg_of(sim)->trace.message[event->message];
	if (event->kind == CPG_DELIVER && m->sent == SENT_NOT)
		judge_fail(sim, C7_SELF_DELIVERY, "%s gets %s, which was refused",
		    judge_session(sim, event->session), judge_message(sim, event->message));
	else if (event->kind == CPG_SENT && event->value != CS_OK &&
	    event->value != CS_ERR_LIBRARY && m->delivered)
		judge_fail(sim, C7_SELF_DELIVERY, "%s is refused (%" PRIu32 ") and was delivered",
		    judge_message(sim, event->message), event->value);
}

static void
c07_complete(struct sim *sim, uint32_t session, const char *when)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct session *s = &trace->session[session];

	for (size_t i = 0; i < s->sent_count; i++)
		if (trace->message[s->sent[i]].sent == SENT_OK && !trace_has(s, s->sent[i]))
			judge_fail(sim, C7_SELF_DELIVERY, "%s: %s, taken at %" PRIu64 " ms, did"
			    " not come back to its sender", when,
			    judge_message(sim, s->sent[i]),
			    trace->message[s->sent[i]].sent_ns / MS_NS);
}

static void
c07_final(struct sim *sim)
{
	const struct trace *trace = &cpg_of(sim)->trace;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		const struct session *s = &trace->session[i];

		if (s->seen_leave)
			c07_complete(sim, i, "it left");
		else if (s->end == SESSION_LIVE && s->join_ok &&
		    !cpg_of(sim)->client[s->host * CPG_CLIENTS_MAX + s->client].stuck)
			c07_complete(sim, i, "all is at rest");
	}
}

const struct cpg_checker check_c07_self_delivery = {
	.property = C7_SELF_DELIVERY, .name = "self-delivery", .event = c07_event,
	.final = c07_final,
};
