/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V5, alternation: between two regular configurations of a process lies exactly one transitional,
 * which names both.  It follows every delivery that meets the regular one's own guarantee: the
 * first message behind it waited for being safe, or for a frame that was missing.  Processes that
 * move together place it after the same messages.
 */
#include <inttypes.h>

#include "exec/base/seq.h"
#include "test/sim/check.h"

static void
v05_transitional(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc), *other;
	uint32_t to, move;

	if (period == NULL) {
		check_fail(check, V5_ALTERNATION, "%s: transitional before any regular",
		    check_proc(h, event->proc));
		return;
	}
	if (period->move != NONE) {
		check_fail(check, V5_ALTERNATION, "%s: a second transitional after %s",
		    check_proc(h, event->proc), check_ring(h, period->ring));
		return;
	}
	if (!ring_id_equal(&event->ring, &h->ring[period->ring].id)) {
		check_fail(check, V5_ALTERNATION, "%s: transitional of %s while in %s",
		    check_proc(h, event->proc), check_ring_id(&event->ring),
		    check_ring(h, period->ring));
		return;
	}
	to = history_ring_find(h, &event->next);
	move = to == NONE ? NONE : history_move_find(h, period->ring, to);
	if (move == NONE || h->move[move].first == NONE)
		return;
	other = history_period_in(h, h->move[move].first, period->ring);
	if (other != NULL && (other->regular_sum != period->sum ||
	    other->regular_count != period->count))
		check_fail(check, V5_ALTERNATION, "%s places the transitional of %s after %" PRIu32
		    " messages, %s after %" PRIu32, check_proc(h, event->proc),
		    check_ring(h, period->ring), period->count,
		    check_proc(h, h->move[move].first), other->regular_count);
}

static void
v05_regular(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc);

	if (period == NULL)
		return;
	if (period->move == NONE)
		check_fail(check, V5_ALTERNATION, "%s installs %s after %s without a transitional",
		    check_proc(h, event->proc), check_ring_id(&event->ring),
		    check_ring(h, period->ring));
	else if (!ring_id_equal(&event->ring, &h->ring[h->move[period->move].to].id))
		check_fail(check, V5_ALTERNATION, "%s installs %s, its transitional announced %s",
		    check_proc(h, event->proc), check_ring_id(&event->ring),
		    check_ring(h, h->move[period->move].to));
}

static void
v05_deliver(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc);
	const struct proc *p = &h->proc[event->proc];
	uint32_t last;

	if (period == NULL || period->move == NONE || event->message == NONE ||
	    p->delivery_count != period->transitional_at || period->regular_count == 0 ||
	    event->guarantee == TOTEM_SAFE)
		return;
	last = h->message[p->delivery[p->delivery_count - 1]].seq;
	if (seq_diff(event->seq, last) <= 1)
		check_fail(check, V5_ALTERNATION, "%s delivers %s behind the transitional of %s,"
		    " but nothing is missing between seq %" PRIu32 " and it",
		    check_proc(h, event->proc), check_message(h, event->message),
		    check_ring(h, period->ring), last);
}

static void
v05_event(struct check *check, const struct event *event)
{
	if (event->kind == EVENT_TRANSITIONAL)
		v05_transitional(check, event);
	else if (event->kind == EVENT_REGULAR)
		v05_regular(check, event);
	else if (event->kind == EVENT_DELIVER)
		v05_deliver(check, event);
}

const struct checker check_v05_alternation = {
	.property = V5_ALTERNATION, .name = "alternation", .event = v05_event,
};
