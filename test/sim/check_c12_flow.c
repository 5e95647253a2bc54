/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C12, flow control, as corosync.conf(5) promises it with client_backlog and client_grace:
 *
 *   - never does more wait than client_backlog, but for one event that alone is larger;
 *   - while the ring is slowed for slow processes, one that reads nothing is cut off within the
 *     grace time; one that reads is not, unless there is no room;
 *   - when there is no room somebody goes, and not one who reads before one who does not;
 *   - nobody else is disconnected;
 *   - when little waits any more, the ring is let go.
 *
 * That the others go on is judged by the run: it leaves stuck processes there, and all must come to
 * rest in time (run.c).
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

#define READS_BYTES_SECOND	131072u	/* who reads so much is not cut off for what it leaves */
#define EVENT_MORE_BYTES	4096u	/* an event is not that much larger than its message */

static uint64_t
c12_event_bytes_max(const struct cpg_sim *cpg)
{
	return cpg->message_bytes_max + EVENT_MORE_BYTES;
}

static void
c12_flow(struct sim *sim, const struct cpg_event *event)
{
	const struct cpg_flow *flow = event->flow;
	const struct cpg_sim *cpg = cpg_of(sim);
	uint64_t limit = cpg->backlog_bytes;

	if (limit < c12_event_bytes_max(cpg))
		limit = c12_event_bytes_max(cpg);
	if (flow->counted_bytes > limit)
		judge_fail(sim, C12_FLOW, "%" PRIu64 " bytes wait for processes of node %" PRIu32
		    ", %zu is the limit", flow->counted_bytes, event->node,
		    cpg->backlog_bytes);
	else if (flow->waiting_bytes > flow->counted_bytes ||
	    (flow->nothing_waits && flow->counted_bytes > 0))
		judge_fail(sim, C12_FLOW, "node %" PRIu32 " counts %" PRIu64 " bytes that wait for"
		    " processes, but %" PRIu64 " wait for one", event->node,
		    flow->counted_bytes, flow->waiting_bytes);
	else if (flow->still_ns > cpg->grace_ns)
		judge_fail(sim, C12_FLOW, "process %" PRIu32 " of node %" PRIu32 " has read nothing"
		    " for %" PRIu64 " us, and the ring is slowed for it", flow->still_pid,
		    event->node, flow->still_ns / US_NS);
	else if (flow->relieved_ns > cpg->grace_ns / 4)
		judge_fail(sim, C12_FLOW, "node %" PRIu32 " slows the ring for %" PRIu64 " us"
		    " though only %" PRIu64 " bytes wait", event->node, flow->relieved_ns / US_NS,
		    flow->counted_bytes);
}

static void
c12_cut(struct sim *sim, const struct cpg_event *event)
{
	const struct cpg_cut *cut = event->cut;
	const struct cpg_sim *cpg = cpg_of(sim);
	bool reads = cut->read_bytes >= cpg->grace_ns * READS_BYTES_SECOND / SEC_NS;
	const char *who = judge_session(sim, event->session);

	if (!cut->for_room && reads)
		judge_fail(sim, C12_FLOW, "%s is cut off and reads: %" PRIu64 " bytes lately", who,
		    cut->read_bytes);
	else if (!cut->for_room && (cut->slowed_ns < cpg->grace_ns * 3 / 4 ||
	    cut->waits_ns < cpg->grace_ns * 3 / 4))
		judge_fail(sim, C12_FLOW, "%s is cut off with little grace: the ring is slowed for"
		    " %" PRIu64 " us, and that long for it: %" PRIu64 " us", who,
		    cut->slowed_ns / US_NS, cut->waits_ns / US_NS);
	else if (cut->for_room &&
	    cut->counted_bytes + c12_event_bytes_max(cpg) <= cpg->backlog_bytes)
		judge_fail(sim, C12_FLOW, "%s is cut off to make room, and there is some: %" PRIu64
		    " bytes of %zu are taken", who, cut->counted_bytes, cpg->backlog_bytes);
	else if (reads && cut->still_ns > cpg->grace_ns / 2)
		judge_fail(sim, C12_FLOW, "%s is cut off and reads: %" PRIu64 " bytes lately;"
		    " process %" PRIu32 " has read nothing for %" PRIu64 " us", who,
		    cut->read_bytes, cut->still_pid, cut->still_ns / US_NS);
}

static void
c12_event(struct sim *sim, const struct cpg_event *event)
{
	if (event->kind == CPG_FLOW)
		c12_flow(sim, event);
	else if (event->kind == CPG_CUT)
		c12_cut(sim, event);
	else if (event->kind == CPG_END && event->value == SESSION_CUT &&
	    !cpg_of(sim)->trace.session[event->session].cut)
		judge_fail(sim, C12_FLOW, "%s is disconnected, and it is not the slow one",
		    judge_session(sim, event->session));
}

static void
c12_final(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (watch_slows(&cpg_of(sim)->node[i]))
			judge_fail(sim, C12_FLOW, "at rest node %" PRIu32 " slows the ring for its"
			    " processes", sim->host[i].node_id);
}

const struct cpg_checker check_c12_flow = {
	.property = C12_FLOW, .name = "flow control", .event = c12_event, .final = c12_final,
};
