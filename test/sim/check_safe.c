/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What CPG_TYPE_SAFE promises, V12 seen from a process: when one member gets a SAFE message, every
 * member of its view gets it, unless it leaves or its node fails; also one from which the network
 * parts it just then.  In a transitional configuration it promises less: who was to come along from
 * there and did not counts as failed (check.h), so what is delivered there is not judged.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

/* The one session of that process in that group; NONE when it had several. */
static uint32_t
safe_session(const struct trace *trace, const struct place *member, uint32_t group)
{
	uint32_t found = NONE;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		const struct session *s = &trace->session[i];

		if (s->node != member->node || s->pid != member->pid || s->group != group ||
		    s->end == SESSION_NEVER)
			continue;
		if (found != NONE)
			return NONE;
		found = i;
	}
	return found;
}

static void
safe_event(struct sim *sim, const struct cpg_event *event)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct session *s;
	size_t word = event->message / 64;

	if (event->kind != CPG_DELIVER || event->session == NONE || event->message == NONE ||
	    !trace->message[event->message].safe || event->tag.transitional)
		return;
	s = &trace->session[event->session];
	for (size_t i = 0; i < s->view_count; i++) {
		uint32_t other = safe_session(trace, &s->view[i], s->group);
		struct session *owed;

		if (other == NONE)
			continue;
		owed = &trace->session[other];
		while (word >= owed->owed_words)
			owed->owed = util_grow(owed->owed, &owed->owed_words, sizeof *owed->owed);
		owed->owed[word] |= UINT64_C(1) << (event->message % 64);
	}
}

/* Is it past the place of that message?  It left, which it could only behind it; or it heard of a
 * later ring; or nothing more will come. */
static bool
safe_past(struct sim *sim, const struct session *s, uint64_t ring)
{
	if (s->seen_leave)
		return true;
	for (size_t i = 0; i + 1 < s->ring_count; i++)
		if (s->ring[i] == ring)
			return true;
	return s->end == SESSION_LIVE && s->join_ok && !s->leave_called &&
	    !cpg_of(sim)->client[s->host * CPG_CLIENTS_MAX + s->client].stuck;
}

static void
safe_final(struct sim *sim)
{
	const struct trace *trace = &cpg_of(sim)->trace;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		const struct session *s = &trace->session[i];
		const struct place self = { .node = s->node, .pid = s->pid };

		if (s->owed_words == 0 || safe_session(trace, &self, s->group) != i)
			continue;
		for (uint32_t m = 0; m < s->owed_words * 64; m++)
			if ((s->owed[m / 64] >> (m % 64) & 1) != 0 && !trace_has(s, m) &&
			    safe_past(sim, s, trace->message[m].ring))
				judge_fail(sim, C14_SAFE, "%s never got %s, which another member of"
				    " its view did", judge_session(sim, i),
				    judge_message(sim, m));
	}
}

const struct cpg_checker check_safe = {
	.property = C14_SAFE, .name = "SAFE", .event = safe_event, .final = safe_final,
};
