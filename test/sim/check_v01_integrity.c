/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V1, integrity: what is delivered was sent before, by the process that is named, byte for byte,
 * with the guarantee it was sent with, and at most once to each process.
 */
#include <inttypes.h>
#include <string.h>

#include "test/sim/check.h"

static void
v01_deliver(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct message *m;

	if (event->message == NONE) {
		check_fail(check, V1_INTEGRITY, "%s delivers %zu bytes of node %" PRIu32
		    " at seq %" PRIu32 " that nobody sent",
		    check_proc(h, event->proc), event->len, event->origin, event->seq);
		return;
	}
	m = &h->message[event->message];
	if (event->len != m->len || event->guarantee != m->guarantee ||
	    event->origin != h->proc[m->origin].node ||
	    event->origin_incarnation != h->proc[m->origin].incarnation) {
		check_fail(check, V1_INTEGRITY, "%s delivers %s as %zu bytes, %s, of node %" PRIu32,
		    check_proc(h, event->proc), check_message(h, event->message), event->len,
		    event->guarantee == TOTEM_SAFE ? "SAFE" : "AGREED", event->origin);
		return;
	}
	if (m->ring == NONE || m->seq != event->seq) {
		check_fail(check, V1_INTEGRITY, "%s delivers %s at seq %" PRIu32
		    ", which its origin %s", check_proc(h, event->proc),
		    check_message(h, event->message), event->seq,
		    m->ring == NONE ? "never sent" : "sent elsewhere");
		return;
	}
	if (history_delivered(h, event->proc, event->message)) {
		check_fail(check, V1_INTEGRITY, "%s delivers %s again",
		    check_proc(h, event->proc), check_message(h, event->message));
		return;
	}
	history_message_fill(h, event->message, h->scratch);
	if (memcmp(h->scratch, event->data, event->len) != 0)
		check_fail(check, V1_INTEGRITY, "%s delivers %s with other bytes than were sent",
		    check_proc(h, event->proc), check_message(h, event->message));
}

static void
v01_event(struct check *check, const struct event *event)
{
	if (event->kind == EVENT_DELIVER)
		v01_deliver(check, event);
	else if (event->kind == EVENT_ORIGINATE && event->message == NONE)
		check_fail(check, V1_INTEGRITY, "%s orders a message that was not submitted",
		    check_proc(check->history, event->proc));
}

const struct checker check_v01_integrity = {
	.property = V1_INTEGRITY, .name = "integrity", .event = v01_event,
};
