/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V10, causal order: before a message, everything of the same configuration comes that its sender
 * had sent or delivered before it was sent.
 */
#include "test/sim/check.h"

/* What the origin had delivered in the ring before it sent this: looked at once, then remembered
 * up to where, since the next message of that origin asks for the same ones and a few more. */
static void
v10_delivered_before(struct check *check, const struct event *event, struct period *period,
    const struct message *m)
{
	const struct history *h = check->history;
	const struct ring *ring = &h->ring[period->ring];
	const struct period *theirs = history_period_in(h, m->origin, period->ring);
	uint32_t *done = NULL, needed;

	for (size_t i = 0; i < ring->member_count && done == NULL; i++)
		if (ring->member[i] == m->origin)
			done = &period->causal[i];
	if (done == NULL || theirs == NULL)
		return;
	for (; *done < m->causal_count; (*done)++) {
		needed = h->proc[m->origin].delivery[theirs->first + *done];
		if (needed == event->message || history_delivered(h, event->proc, needed))
			continue;
		check_fail(check, V10_CAUSAL, "%s delivers %s before %s, which its sender had"
		    " delivered when it sent it", check_proc(h, event->proc),
		    check_message(h, event->message), check_message(h, needed));
		return;
	}
}

static void
v10_event(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	struct period *period;
	const struct message *m;

	if (event->kind != EVENT_DELIVER || event->message == NONE)
		return;
	period = history_period(h, event->proc);
	m = &h->message[event->message];
	if (period == NULL || m->ring != period->ring)
		return;
	if (m->previous != NONE && !history_delivered(h, event->proc, m->previous)) {
		check_fail(check, V10_CAUSAL, "%s delivers %s before %s of the same sender",
		    check_proc(h, event->proc), check_message(h, event->message),
		    check_message(h, m->previous));
		return;
	}
	if (m->origin != event->proc)
		v10_delivered_before(check, event, period, m);
}

const struct checker check_v10_causal = {
	.property = V10_CAUSAL, .name = "causal order", .event = v10_event,
};
