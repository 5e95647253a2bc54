/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V7, no lone install: when p installed C and member q of C never did, p goes on without q, or
 * fails.  What never happens is known only at the end; what happens against an earlier promise is
 * known at once: q cannot install C any more after it installed a later one.
 */
#include "test/sim/check.h"

static void
v07_period(struct check *check, uint32_t proc, const struct period *period)
{
	const struct history *h = check->history;
	const struct ring *ring = &h->ring[period->ring];
	const struct move *move = period->move == NONE ? NULL : &h->move[period->move];

	for (size_t i = 0; i < ring->member_count; i++) {
		uint32_t q = ring->member[i];

		if (history_period_in(h, q, period->ring) != NULL)
			continue;
		if (move == NULL && h->proc[proc].alive)
			check_fail(check, V7_NO_LONE_INSTALL, "%s stays in %s, which %s never"
			    " installed", check_proc(h, proc), check_ring(h, period->ring),
			    check_proc(h, q));
		if (move != NULL && procs_have(move->member, move->member_count, q))
			check_fail(check, V7_NO_LONE_INSTALL, "%s goes on from %s together with %s,"
			    " which never installed it", check_proc(h, proc),
			    check_ring(h, period->ring), check_proc(h, q));
	}
}

static void
v07_final(struct check *check)
{
	const struct history *h = check->history;

	for (uint32_t proc = 0; proc < h->proc_count; proc++)
		for (size_t i = 0; i < h->proc[proc].period_count; i++)
			v07_period(check, proc, &h->proc[proc].period[i]);
}

/* A transitional that takes along somebody who is already past the ring that it leaves. */
static void
v07_event(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period;
	uint32_t procs[TOTEM_NODES_MAX];

	if (event->kind != EVENT_TRANSITIONAL || event->member_count > TOTEM_NODES_MAX ||
	    history_members(h, event, procs) < 0)
		return;
	period = history_period(h, event->proc);
	for (size_t i = 0; period != NULL && i < event->member_count; i++)
		if (history_period_in(h, procs[i], period->ring) == NULL &&
		    h->proc[procs[i]].ring_seq_max > h->ring[period->ring].id.seq)
			check_fail(check, V7_NO_LONE_INSTALL, "%s takes %s along from %s, which it"
			    " never installed", check_proc(h, event->proc),
			    check_proc(h, procs[i]), check_ring(h, period->ring));
}

const struct checker check_v07_no_lone_install = {
	.property = V7_NO_LONE_INSTALL, .name = "no lone install", .event = v07_event,
	.final = v07_final,
};
