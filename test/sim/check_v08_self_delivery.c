/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V8, self-delivery: a process delivers its own message, at the latest in the transitional
 * configuration that follows the regular one it was sent in, unless it crashes.
 */
#include <inttypes.h>

#include "test/sim/check.h"

static void
v08_event(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period;

	if (event->kind != EVENT_REGULAR)
		return;
	period = history_period(h, event->proc);
	if (period != NULL && period->own_open > 0)
		check_fail(check, V8_SELF_DELIVERY, "%s leaves %s with %" PRIu32 " messages of its"
		    " own undelivered, the last %s", check_proc(h, event->proc),
		    check_ring(h, period->ring), period->own_open,
		    check_message(h, period->own_last));
}

static void
v08_final(struct check *check)
{
	const struct history *h = check->history;

	for (uint32_t proc = 0; proc < h->proc_count; proc++) {
		const struct period *period = history_period(h, proc);

		if (h->proc[proc].alive && period != NULL && period->own_open > 0)
			check_fail(check, V8_SELF_DELIVERY, "%s never delivers %" PRIu32
			    " messages of its own sent in %s", check_proc(h, proc),
			    period->own_open, check_ring(h, period->ring));
	}
}

const struct checker check_v08_self_delivery = {
	.property = V8_SELF_DELIVERY, .name = "self-delivery", .event = v08_event,
	.final = v08_final,
};
