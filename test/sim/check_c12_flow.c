/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C12, flow control: only a process that does not read is disconnected for its backlog, and nobody
 * else with it; what waits for such processes stays bounded.  That the others go on is judged by
 * the run: it leaves stuck processes there, and all must come to rest in time (run.c).
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static void
c12_event(struct sim *sim, const struct cpg_event *event)
{
	const struct session *s;

	if (event->kind == CPG_CUT && event->value != 0) {
		judge_fail(sim, C12_FLOW, "%s reads and is cut off",
		    judge_session(sim, event->session));
		return;
	}
	if (event->kind != CPG_END || event->value != SESSION_CUT)
		return;
	s = &cpg_of(sim)->trace.session[event->session];
	if (!s->cut)
		judge_fail(sim, C12_FLOW, "%s is disconnected, and it is not the slow one",
		    judge_session(sim, event->session));
}

static void
c12_final(struct sim *sim)
{
	struct cpg_sim *cpg = cpg_of(sim);

	for (uint32_t i = 0; i < sim->node_count; i++) {
		uint64_t bytes = ipc_backlog(&cpg->node[i]);

		if (bytes > cpg->backlog_bytes)
			judge_fail(sim, C12_FLOW, "at rest %" PRIu64 " bytes wait for processes of"
			    " node %" PRIu32 ", %zu is the limit", bytes, sim->host[i].node_id,
			    cpg->backlog_bytes);
	}
}

const struct cpg_checker check_c12_flow = {
	.property = C12_FLOW, .name = "flow control", .event = c12_event, .final = c12_final,
};
