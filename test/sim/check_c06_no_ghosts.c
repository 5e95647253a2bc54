/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C6, no ghosts: when all is at rest, each member's view, and what each daemon lists, are the
 * living members of that group on the nodes of the ring, all of them and nobody else.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static void
c06_compare(struct sim *sim, const char *who, uint32_t host, uint32_t group,
    const struct place *list, size_t count)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	size_t present = 0;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		const struct session *s = &trace->session[i];
		bool there = false;

		if (!trace_present(sim, s, host, group))
			continue;
		present++;
		for (size_t k = 0; k < count; k++)
			there = there || (list[k].node == s->node && list[k].pid == s->pid);
		if (!there)
			judge_fail(sim, C6_NO_GHOSTS, "%s does not know member %s", who,
			    judge_session(sim, i));
	}
	if (present != count)
		judge_fail(sim, C6_NO_GHOSTS, "%s knows %zu members of g%" PRIu32 ", %zu live:"
		    " a ghost", who, count, group, present);
}

static void
c06_event(struct sim *sim, const struct cpg_event *event)
{
	char who[64];

	if (event->kind != CPG_LIST)
		return;
	(void) snprintf(who, sizeof who, "the daemon of node %" PRIu32,
	    sim->host[event->node].node_id);
	c06_compare(sim, who, event->node, event->group, event->members, event->member_count);
}

static void
c06_final(struct sim *sim)
{
	const struct trace *trace = &cpg_of(sim)->trace;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		const struct session *s = &trace->session[i];

		if (trace_present(sim, s, s->host, s->group) &&
		    !cpg_of(sim)->client[s->host * CPG_CLIENTS_MAX + s->client].stuck)
			c06_compare(sim, judge_session(sim, i), s->host, s->group, s->view,
			    s->view_count);
	}
}

const struct cpg_checker check_c06_no_ghosts = {
	.property = C6_NO_GHOSTS, .name = "no ghosts", .event = c06_event, .final = c06_final,
};
