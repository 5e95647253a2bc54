/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A run told as a person would: what was done, and what came of it, by whom and how soon.  What
 * many nodes do is one line; who was first, the ways round, ring numbers and exact times are left
 * out: told is what holds whatever the dice of the network (seeds of it are compared), so that a
 * change of windows or timers that changes nothing of this leaves the tale as it was.  Golden
 * traces (trace/) are such tales.
 *
 *     [1000 ms] crash 3
 *       within   700 ms  1,3          regular {1,3}
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

struct tale {
	uint64_t act_ns;
	bool begun;
	uint32_t causes;			/* why rings ended, as bits */
	uint32_t given_up[TOTEM_NODES_MAX];	/* causes, as bits */
	char regular[TOTEM_NODES_MAX][96];	/* the last one since the last act */
	uint32_t soon[TOTEM_NODES_MAX];		/* ms after it */
	uint32_t sent[TOTEM_NODES_MAX], delivered[TOTEM_NODES_MAX];
};

static const uint32_t classes[] = { 700, 2500, 6000, 15000 };

#define CLASS_COUNT	(sizeof classes / sizeof *classes)

static void
tale_counts(struct sim *sim, const char *verb, uint32_t *counts)
{
	for (uint32_t host = 0; host < sim->node_count; host++) {
		uint32_t count = counts[host];
		bool more = false;

		if (count == 0)
			continue;
		(void) printf("                    ");
		for (uint32_t i = host; i < sim->node_count; i++) {
			if (counts[i] != count)
				continue;
			(void) printf("%s%" PRIu32, more ? "," : "", i + 1);
			more = true;
			counts[i] = 0;
		}
		(void) printf(" %s %" PRIu32 " messages\n", verb, count);
	}
}

static void
tale_given_up(struct sim *sim)
{
	for (int cause = 0; cause < TOTEM_CAUSE_COUNT; cause++) {
		const char *before = "                    ";

		for (uint32_t host = 0; host < sim->node_count; host++) {
			if ((sim->tale->given_up[host] >> cause & 1) == 0)
				continue;
			(void) printf("%s%" PRIu32, before, host + 1);
			before = ",";
		}
		if (*before == ',')
			(void) printf(" given up (%s)\n",
			    totem_cause_name((enum totem_cause) cause));
	}
	for (int cause = 0; cause < TOTEM_CAUSE_COUNT; cause++)
		if ((sim->tale->causes >> cause & 1) != 0)
			(void) printf("                    the ring ends (%s)\n",
			    totem_cause_name((enum totem_cause) cause));
}

/* Those that ended in one configuration; the slowest says how soon. */
static void
tale_regular(struct sim *sim, uint32_t first)
{
	struct tale *tale = sim->tale;
	char who[TOTEM_NODES_MAX * 4], text[sizeof tale->regular[0]];
	size_t len = 0, soon = 0;

	memcpy(text, tale->regular[first], sizeof text);
	for (uint32_t host = first; host < sim->node_count; host++) {
		if (strcmp(tale->regular[host], text) != 0)
			continue;
		if (len < sizeof who)
			len += (size_t) snprintf(who + len, sizeof who - len, "%s%" PRIu32,
			    len > 0 ? "," : "", host + 1);
		while (soon + 1 < CLASS_COUNT && tale->soon[host] >= classes[soon])
			soon++;
		tale->regular[host][0] = '\0';
	}
	(void) printf("  within %5" PRIu32 " ms  %-12s %s\n", classes[soon], who, text);
}

/* What came of the last act. */
static void
tale_flush(struct sim *sim)
{
	struct tale *tale = sim->tale;

	tale_counts(sim, "sent", tale->sent);
	tale_given_up(sim);
	for (uint32_t host = 0; host < sim->node_count; host++)
		if (tale->regular[host][0] != '\0')
			tale_regular(sim, host);
	tale_counts(sim, "delivered", tale->delivered);
	tale->causes = 0;
	memset(tale->given_up, 0, sizeof tale->given_up);
}

void
tale_begin(struct sim *sim)
{
	sim->tale = util_alloc(sizeof *sim->tale);
}

void
tale_end(struct sim *sim)
{
	if (sim->tale == NULL)
		return;
	tale_flush(sim);
	(void) printf("%s\n", sim->check.failed != 0 ? sim->check.what : "all properties hold");
	free(sim->tale);
	sim->tale = NULL;
}

void
tale_act(struct sim *sim, const struct act *act)
{
	struct tale *tale = sim->tale;

	if (act->kind == ACT_SEND) {
		if (act->host < sim->node_count && sim->host[act->host].totem != NULL)
			tale->sent[act->host]++;
		return;
	}
	/* What waits for a state belongs to what led to it. */
	if (act->when_state != 0) {
		(void) printf("[soon after] ");
	} else {
		if (!tale->begun || tale->act_ns != sim->now_ns)
			tale_flush(sim);
		tale->act_ns = sim->now_ns;
		tale->begun = true;
		(void) printf("[%" PRIu64 " ms] ", sim->now_ns / MS_NS);
	}
	act_write(act, stdout);
	(void) fputc('\n', stdout);
}

void
tale_condemned(struct sim *sim, uint32_t node, enum totem_cause cause)
{
	for (uint32_t host = 0; host < sim->node_count; host++)
		if (sim->node_ids[host] == node)
			sim->tale->given_up[host] |= 1u << cause;
}

static void
tale_configuration(struct sim *sim, uint32_t host, const struct event *event)
{
	char *text = sim->tale->regular[host];
	size_t len, size = sizeof sim->tale->regular[host];

	len = (size_t) snprintf(text, size, "regular {");
	for (size_t i = 0; i < event->member_count && len < size; i++)
		len += (size_t) snprintf(text + len, size - len, "%s%" PRIu32, i > 0 ? "," : "",
		    event->members[i].node_id);
	if (len < size)
		(void) snprintf(text + len, size - len, "}");
	sim->tale->soon[host] = (uint32_t) ((sim->now_ns - sim->tale->act_ns) / MS_NS);
}

void
tale_event(struct sim *sim, const struct event *event)
{
	uint32_t host = event->proc == NONE ? NONE : sim->history.proc[event->proc].host;

	if (host >= sim->node_count)
		return;
	switch (event->kind) {
	case EVENT_STATE:
		/* Who starts, merges or joins in is seen by the configuration. */
		if (event->from == TOTEM_OPERATIONAL && event->to == TOTEM_GATHER &&
		    event->cause != TOTEM_CAUSE_MERGE && event->cause != TOTEM_CAUSE_JOIN)
			sim->tale->causes |= 1u << event->cause;
		break;
	case EVENT_DELIVER:
		if (event->message != NONE &&
		    sim->history.message[event->message].kind == MESSAGE_APP)
			sim->tale->delivered[host]++;
		break;
	case EVENT_REGULAR:
		tale_configuration(sim, host, event);
		break;
	case EVENT_TRANSITIONAL:
	case EVENT_START:
	case EVENT_CRASH:
	case EVENT_LEAVE:
	case EVENT_SUBMIT:
	case EVENT_ORIGINATE:
	case EVENT_ACTIVATE:
	case EVENT_NOTE:
	case EVENT_COUNT:
		break;
	}
}
