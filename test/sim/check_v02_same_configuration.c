/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V2, same configuration: a message gets its place once, in one regular configuration C, and is
 * delivered only in C or in a transitional configuration that follows C.  An application's message
 * gets its place only after its sender has seen C synchronised.
 */
#include "test/sim/check.h"

static void
v02_originate(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc);
	const struct message *m;

	if (event->message == NONE)
		return;
	m = &h->message[event->message];
	if (m->ring != NONE)
		check_fail(check, V2_SAME_CONFIGURATION, "%s is ordered twice, in %s and in %s",
		    check_message(h, event->message), check_ring(h, m->ring),
		    check_ring(h, period == NULL ? NONE : period->ring));
	else if (period == NULL || period->move != NONE)
		check_fail(check, V2_SAME_CONFIGURATION, "%s is ordered in no regular"
		    " configuration", check_message(h, event->message));
	else if (m->queue == TOTEM_QUEUE_APP && !period->activated)
		check_fail(check, V2_SAME_CONFIGURATION, "%s is ordered before %s is synchronised",
		    check_message(h, event->message), check_ring(h, period->ring));
}

static void
v02_event(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period;
	const struct message *m;

	if (event->kind == EVENT_ORIGINATE)
		v02_originate(check, event);
	if (event->kind != EVENT_DELIVER || event->message == NONE)
		return;
	period = history_period(h, event->proc);
	m = &h->message[event->message];
	if (period == NULL || m->ring != period->ring)
		check_fail(check, V2_SAME_CONFIGURATION, "%s delivers %s of %s in %s",
		    check_proc(h, event->proc), check_message(h, event->message),
		    check_ring(h, m->ring), check_ring(h, period == NULL ? NONE : period->ring));
}

const struct checker check_v02_same_configuration = {
	.property = V2_SAME_CONFIGURATION, .name = "same configuration", .event = v02_event,
};
