/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The trace as lines:
 *
 *     [time ms] node/process  what happened
 */
#include <inttypes.h>

#include "test/sim/sim.h"

static void
story_members(FILE *out, const struct event *event)
{
	(void) fputc('{', out);
	for (size_t i = 0; i < event->member_count; i++)
		(void) fprintf(out, "%s%" PRIu32, i > 0 ? "," : "", event->members[i].node_id);
	(void) fputc('}', out);
}

static void
story_configuration(struct sim *sim, const struct event *event)
{
	FILE *out = sim->options.story;

	if (event->kind == EVENT_REGULAR) {
		(void) fprintf(out, "regular %s ", check_ring_id(&event->ring));
		story_members(out, event);
		(void) fprintf(out, " (%s)\n", totem_cause_name(event->cause));
		return;
	}
	(void) fprintf(out, "transitional %s ", check_ring_id(&event->ring));
	story_members(out, event);
	(void) fprintf(out, " to %s\n", check_ring_id(&event->next));
}

static void
story_line(struct sim *sim, const struct event *event)
{
	const struct history *h = &sim->history;
	FILE *out = sim->options.story;

	switch (event->kind) {
	case EVENT_START:
		(void) fprintf(out, "starts\n");
		break;
	case EVENT_CRASH:
		(void) fprintf(out, "crashes\n");
		break;
	case EVENT_LEAVE:
		(void) fprintf(out, "leaves\n");
		break;
	case EVENT_STATE:
		(void) fprintf(out, "%s -> %s (%s", totem_state_name(event->from),
		    totem_state_name(event->to), totem_cause_name(event->cause));
		(void) fprintf(out, event->node != 0 ? ", %" PRIu32 ")\n" : ")\n", event->node);
		break;
	case EVENT_SUBMIT:
		(void) fprintf(out, "submits %s\n", check_message(h, event->message));
		break;
	case EVENT_ORIGINATE:
		(void) fprintf(out, "orders %s at seq %" PRIx32 "\n",
		    check_message(h, event->message), event->seq);
		break;
	case EVENT_DELIVER:
		(void) fprintf(out, "delivers %s of seq %" PRIx32 "\n",
		    check_message(h, event->message), event->seq);
		break;
	case EVENT_TRANSITIONAL:
	case EVENT_REGULAR:
		story_configuration(sim, event);
		break;
	case EVENT_ACTIVATE:
		(void) fprintf(out, "synchronised\n");
		break;
	case EVENT_NOTE:
		(void) fprintf(out, "%s\n", event->text);
		break;
	case EVENT_COUNT:
		break;
	}
}

void
story_event(struct sim *sim, const struct event *event)
{
	(void) fprintf(sim->options.story, "[%9" PRIu64 ".%03" PRIu64 " ms] %-7s ",
	    event->at_ns / MS_NS, event->at_ns % MS_NS / US_NS,
	    event->proc == NONE ? "-" : check_proc(&sim->history, event->proc));
	story_line(sim, event);
}
