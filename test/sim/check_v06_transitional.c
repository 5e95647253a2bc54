/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V6, transitional agreement: those who go from C to C' together report the same transitional
 * configuration, are in it, and are in C and C'; whoever installs C' from elsewhere is not in it.
 */
#include <string.h>

#include "test/sim/check.h"

static void
v06_transitional(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc), *other;
	uint32_t procs[TOTEM_NODES_MAX], to, move;
	const struct ring *ring;
	size_t count = event->member_count;

	if (period == NULL || count > TOTEM_NODES_MAX || history_members(h, event, procs) < 0)
		return;
	ring = &h->ring[period->ring];
	to = history_ring_find(h, &event->next);
	for (size_t i = 0; i < count; i++) {
		if (!procs_have(ring->member, ring->member_count, procs[i]))
			check_fail(check, V6_TRANSITIONAL, "%s: %s in the transitional of %s is no"
			    " member of it", check_proc(h, event->proc), check_proc(h, procs[i]),
			    check_ring(h, period->ring));
		other = to == NONE ? NULL : history_period_in(h, procs[i], to);
		if (other == NULL)
			continue;
		if (other == h->proc[procs[i]].period || other[-1].ring != period->ring)
			check_fail(check, V6_TRANSITIONAL, "%s: %s in the transitional of %s came"
			    " to %s from elsewhere", check_proc(h, event->proc),
			    check_proc(h, procs[i]), check_ring(h, period->ring),
			    check_ring(h, to));
	}
	move = to == NONE ? NONE : history_move_find(h, period->ring, to);
	if (move != NONE && !procs_equal(procs, count, h->move[move].member,
	    h->move[move].member_count))
		check_fail(check, V6_TRANSITIONAL, "%s: another transitional from %s to %s than of"
		    " those before it", check_proc(h, event->proc), check_ring(h, period->ring),
		    check_ring(h, to));
}

static void
v06_regular(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc);
	uint32_t procs[TOTEM_NODES_MAX], to = history_ring_find(h, &event->ring);
	const struct move *move;

	if (event->member_count > TOTEM_NODES_MAX || history_members(h, event, procs) < 0)
		return;
	for (size_t i = h->move_count; to != NONE && i-- > 0;) {
		move = &h->move[i];
		if (move->to != to || (period != NULL && move->from == period->ring))
			continue;
		if (procs_have(move->member, move->member_count, event->proc))
			check_fail(check, V6_TRANSITIONAL, "%s comes to %s from %s, but is in the"
			    " transitional from %s", check_proc(h, event->proc), check_ring(h, to),
			    check_ring(h, period == NULL ? NONE : period->ring),
			    check_ring(h, move->from));
	}
	if (period == NULL || period->move == NONE)
		return;
	move = &h->move[period->move];
	if (!procs_have(move->member, move->member_count, event->proc))
		check_fail(check, V6_TRANSITIONAL, "%s moves from %s to %s, but is not in the"
		    " transitional", check_proc(h, event->proc), check_ring(h, move->from),
		    check_ring(h, move->to));
	for (size_t i = 0; i < move->member_count; i++)
		if (!procs_have(procs, event->member_count, move->member[i]))
			check_fail(check, V6_TRANSITIONAL, "%s: %s is in the transitional to %s,"
			    " but not in it", check_proc(h, event->proc),
			    check_proc(h, move->member[i]), check_ring(h, move->to));
}

static void
v06_event(struct check *check, const struct event *event)
{
	if (event->kind == EVENT_TRANSITIONAL)
		v06_transitional(check, event);
	else if (event->kind == EVENT_REGULAR)
		v06_regular(check, event);
}

const struct checker check_v06_transitional = {
	.property = V6_TRANSITIONAL, .name = "transitional agreement", .event = v06_event,
};
