/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Where an event becomes known: changed first if a mutant is at work, then judged against the
 * history, added to it, and told.
 */
#include <stdarg.h>

#include "test/sim/mutant.h"
#include "test/sim/sim.h"

static void
record_count(struct sim *sim, const struct event *event)
{
	const struct period *period;
	uint64_t *count = sim->result.count;

	if (event->kind == EVENT_TRANSITIONAL) {
		period = history_period(&sim->history, event->proc);
		count[COUNT_TRANSITIONAL]++;
		if (period != NULL &&
		    event->member_count < sim->history.ring[period->ring].member_count)
			count[COUNT_SHRUNK]++;
	}
	if (event->kind == EVENT_REGULAR) {
		period = history_period(&sim->history, event->proc);
		count[COUNT_REGULAR]++;
		if (period != NULL && (period->skipped ||
		    period->order_next != sim->history.ring[period->ring].order_count))
			count[COUNT_GAPS]++;
	}
}

void
record_plain(struct sim *sim, const struct event *event)
{
	if (sim->check.failed != 0)
		return;
	record_count(sim, event);
	check_event(&sim->check, event);
	if (sim->options.story != NULL)
		story_event(sim, event);
	if (sim->tale != NULL)
		tale_event(sim, event);
	if (sim->check.failed != 0) {
		sim->check.failed_at_ns = sim->now_ns;
		return;
	}
	history_add(&sim->history, event);
}

void
record_event(struct sim *sim, const struct event *event)
{
	if (sim->mutation != NULL)
		mutation_event(sim, event);
	else
		record_plain(sim, event);
}

void
record_note(struct sim *sim, const char *format, ...)
{
	struct event event = {
		.at_ns = sim->now_ns, .kind = EVENT_NOTE, .proc = NONE, .message = NONE,
	};
	va_list arguments;

	if (sim->options.story == NULL)
		return;
	va_start(arguments, format);
	(void) vsnprintf(event.text, sizeof event.text, format, arguments);
	va_end(arguments);
	story_event(sim, &event);
}
