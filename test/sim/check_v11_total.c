/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V11, total order: the places that senders give their messages in one ring only grow, and every
 * process delivers along them: in the regular configuration without leaving one out; in the
 * transitional leaving out only messages of those who do not come along, and behind the first left
 * out nothing else of theirs.
 *
 * A process that acknowledged an earlier recovery from the same ring owes its partners in that one
 * their messages too, also when a later attempt is made without them.
 */
#include <inttypes.h>

#include "exec/base/seq.h"
#include "test/sim/check.h"

static void
v11_originate(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc);
	const struct ring *ring;
	const struct message *last;
	int32_t step;

	if (period == NULL || event->message == NONE)
		return;
	ring = &h->ring[period->ring];
	if (ring->order_count == 0)
		return;
	last = &h->message[ring->order[ring->order_count - 1]];
	step = seq_diff(event->seq, last->seq);
	if (step < 0 || (step == 0 && last->origin != event->proc))
		check_fail(check, V11_TOTAL, "%s takes place %" PRIu32 " in %s after %s took %"
		    PRIu32, check_message(h, event->message), event->seq,
		    check_ring(h, period->ring),
		    check_message(h, ring->order[ring->order_count - 1]), last->seq);
}

/* Was there an attempt to recover from this ring before the one that the move stands for, with
 * this origin in it? */
static bool
v11_owed(const struct history *h, const struct move *move, uint32_t ring, uint32_t origin)
{
	const struct period *theirs = history_period_in(h, origin, ring), *period;

	if (theirs == NULL || theirs->recoveries == 0)
		return false;
	for (size_t i = 0; i < move->member_count; i++) {
		period = history_period_in(h, move->member[i], ring);
		if (period != NULL && period->recoveries > 1)
			return true;
	}
	return false;
}

/* Messages first .. end - 1 of the ring's order are left out by this process. */
static void
v11_skips(struct check *check, uint32_t proc, const struct period *period, uint32_t first,
    size_t end)
{
	const struct history *h = check->history;
	const struct ring *ring = &h->ring[period->ring];
	const struct move *move = period->move == NONE ? NULL : &h->move[period->move];

	for (size_t i = first; i < end; i++) {
		const struct message *m = &h->message[ring->order[i]];

		if (move == NULL)
			check_fail(check, V11_TOTAL, "%s leaves out %s in the regular %s",
			    check_proc(h, proc), check_message(h, ring->order[i]),
			    check_ring(h, period->ring));
		else if (procs_have(move->member, move->member_count, m->origin))
			check_fail(check, V11_TOTAL, "%s leaves out %s, whose sender comes along"
			    " from %s", check_proc(h, proc), check_message(h, ring->order[i]),
			    check_ring(h, period->ring));
	}
}

static void
v11_deliver(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc);
	const struct message *m;
	const struct move *move;

	if (event->message == NONE || period == NULL)
		return;
	m = &h->message[event->message];
	if (m->ring != period->ring)
		return;
	if (m->order < period->order_next) {
		check_fail(check, V11_TOTAL, "%s delivers %s too late: the order of %s is past it",
		    check_proc(h, event->proc), check_message(h, event->message),
		    check_ring(h, period->ring));
		return;
	}
	v11_skips(check, event->proc, period, period->order_next, m->order);
	if (period->move == NONE || (!period->skipped && m->order == period->order_next))
		return;
	move = &h->move[period->move];
	if (!procs_have(move->member, move->member_count, m->origin) &&
	    !v11_owed(h, move, period->ring, m->origin))
		check_fail(check, V11_TOTAL, "%s delivers %s behind a gap, but its sender does not"
		    " come along from %s", check_proc(h, event->proc),
		    check_message(h, event->message), check_ring(h, period->ring));
}

static void
v11_event(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period;

	if (event->kind == EVENT_ORIGINATE)
		v11_originate(check, event);
	if (event->kind == EVENT_DELIVER)
		v11_deliver(check, event);
	if (event->kind != EVENT_REGULAR)
		return;
	period = history_period(h, event->proc);
	if (period != NULL && period->move != NONE)
		v11_skips(check, event->proc, period, period->order_next,
		    h->ring[period->ring].order_count);
}

const struct checker check_v11_total = {
	.property = V11_TOTAL, .name = "total order", .event = v11_event,
};
