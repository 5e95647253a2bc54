/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V9, failure atomicity: processes that go from C to C' together have delivered the same set of
 * messages in C and its transitional.  The core of virtual synchrony.
 */
#include <inttypes.h>

#include "test/sim/check.h"

/* The first message that one of the two has delivered in this ring and the other has not. */
static uint32_t
v09_difference(const struct history *h, uint32_t a, uint32_t b, uint32_t ring)
{
	const struct ring *r = &h->ring[ring];

	for (size_t i = 0; i < r->order_count; i++)
		if (history_delivered(h, a, r->order[i]) != history_delivered(h, b, r->order[i]))
			return r->order[i];
	return NONE;
}

static void
v09_event(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period, *other;
	const struct move *move;

	if (event->kind != EVENT_REGULAR)
		return;
	period = history_period(h, event->proc);
	if (period == NULL || period->move == NONE)
		return;
	move = &h->move[period->move];
	if (move->first == NONE)
		return;
	other = history_period_in(h, move->first, period->ring);
	if (other == NULL || (other->sum == period->sum && other->count == period->count))
		return;
	check_fail(check, V9_ATOMICITY, "%s (%" PRIu32 " messages) and %s (%" PRIu32 ") go from %s"
	    " to %s with different ones: %s", check_proc(h, event->proc), period->count,
	    check_proc(h, move->first), other->count, check_ring(h, move->from),
	    check_ring(h, move->to),
	    check_message(h, v09_difference(h, event->proc, move->first, period->ring)));
}

const struct checker check_v09_atomicity = {
	.property = V9_ATOMICITY, .name = "failure atomicity", .event = v09_event,
};
