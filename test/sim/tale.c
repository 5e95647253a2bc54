/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A run told as a person would: what was done, and what came of it, by whom and how soon.  What many
 * nodes do is one line; who was first, ring numbers, single frames and exact times are left out, so
 * that a change of windows or timers that changes nothing of this leaves the tale as it was.  Golden
 * traces (trace/) are such tales.
 *
 *     [1000 ms] crash 3
 *       within 50 ms     1,2      OPERATIONAL -> GATHER (port closed)
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

#define LINES_MAX	2048u

struct line {
	uint32_t host;
	uint32_t place;			/* n-th of its host since the last act */
	uint32_t again;			/* the host said the same so often before, since then */
	uint32_t soon;			/* index of `classes` */
	enum totem_cause cause;
	char text[96];
};

struct tale {
	struct line line[LINES_MAX];
	size_t count;
	uint64_t act_ns;
	bool begun;
	uint32_t said[TOTEM_NODES_MAX];
	uint32_t given_up[TOTEM_NODES_MAX];	/* causes, as bits */
	uint32_t sent[TOTEM_NODES_MAX], delivered[TOTEM_NODES_MAX];
};

static const uint32_t classes[] = { 50, 250, 600, 1300, 2500, 6000, 15000 };

#define CLASS_COUNT	(sizeof classes / sizeof *classes)

static void
tale_line(struct sim *sim, uint32_t host, enum totem_cause cause, const char *text)
{
	struct tale *tale = sim->tale;
	struct line *line;
	uint64_t passed_ms = (sim->now_ns - tale->act_ns) / MS_NS;

	if (tale->count == LINES_MAX || host >= TOTEM_NODES_MAX)
		return;
	line = &tale->line[tale->count];
	*line = (struct line) { .host = host, .place = tale->said[host], .cause = cause };
	(void) snprintf(line->text, sizeof line->text, "%s", text);
	while (line->soon + 1 < CLASS_COUNT && passed_ms >= classes[line->soon])
		line->soon++;
	for (size_t i = 0; i < tale->count; i++)
		line->again += tale->line[i].host == host &&
		    strcmp(tale->line[i].text, text) == 0;
	/* A state's second entry since the last act adds nothing; a configuration's does. */
	if (line->again == 0 || strchr(text, '{') != NULL) {
		tale->said[host]++;
		tale->count++;
	}
}

/* The lines of one thing that happened, by whomever. */
static bool
tale_one(const struct line *a, const struct line *b)
{
	return a->again == b->again && strcmp(a->text, b->text) == 0;
}

/* When is it told: not before anything that one of them did before it. */
static uint32_t
tale_rank(const struct tale *tale, const struct line *line)
{
	uint32_t rank = 0;

	for (size_t i = 0; i < tale->count; i++)
		if (tale_one(&tale->line[i], line) && tale->line[i].place > rank)
			rank = tale->line[i].place;
	return rank;
}

static void
tale_who(const struct sim *sim, const struct line *line, char *text, size_t size)
{
	const struct tale *tale = sim->tale;
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t host = 0; host < sim->node_count; host++)
		for (size_t i = 0; i < tale->count; i++)
			if (tale->line[i].host == host && tale_one(&tale->line[i], line) &&
			    len < size)
				len += (size_t) snprintf(text + len, size - len, "%s%" PRIu32,
				    len > 0 ? "," : "", host + 1);
}

/* Who noticed by itself says why; the others joined it. */
static void
tale_causes(const struct tale *tale, const struct line *line)
{
	bool named[TOTEM_CAUSE_COUNT] = { false }, any = false;
	const char *before = " (";

	for (size_t i = 0; i < tale->count; i++)
		if (tale_one(&tale->line[i], line))
			named[tale->line[i].cause] = true;
	for (int c = TOTEM_CAUSE_NONE + 1; c < TOTEM_CAUSE_COUNT; c++)
		any = any || (named[c] && c != TOTEM_CAUSE_JOIN);
	for (int c = TOTEM_CAUSE_NONE + 1; c < TOTEM_CAUSE_COUNT; c++) {
		if (!named[c] || (any && c == TOTEM_CAUSE_JOIN))
			continue;
		(void) printf("%s%s", before, totem_cause_name((enum totem_cause) c));
		before = ", ";
	}
	(void) printf("%s\n", *before == ' ' ? "" : ")");
}

static void
tale_group(const struct sim *sim, const struct line *line)
{
	const struct tale *tale = sim->tale;
	uint32_t soon = 0;
	char who[TOTEM_NODES_MAX * 4];

	for (size_t i = 0; i < tale->count; i++)
		if (tale_one(&tale->line[i], line) && tale->line[i].soon > soon)
			soon = tale->line[i].soon;
	tale_who(sim, line, who, sizeof who);
	(void) printf("  within %5" PRIu32 " ms  %-12s %s", classes[soon], who, line->text);
	tale_causes(tale, line);
}

static bool
tale_first(const struct tale *tale, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (tale_one(&tale->line[i], &tale->line[at]))
			return false;
	return true;
}

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
			(void) printf(" given up (%s)\n", totem_cause_name((enum totem_cause) cause));
	}
	memset(sim->tale->given_up, 0, sizeof sim->tale->given_up);
}

/* The next group in order: what was done before comes before, equals by their text. */
static const struct line *
tale_next(const struct tale *tale, uint32_t rank, const struct line *after)
{
	const struct line *best = NULL;

	for (size_t i = 0; i < tale->count; i++) {
		const struct line *line = &tale->line[i];

		if (!tale_first(tale, i) || tale_rank(tale, line) != rank ||
		    (after != NULL && strcmp(line->text, after->text) <= 0))
			continue;
		if (best == NULL || strcmp(line->text, best->text) < 0)
			best = line;
	}
	return best;
}

/* What came of the last act. */
static void
tale_flush(struct sim *sim)
{
	struct tale *tale = sim->tale;

	tale_counts(sim, "sent", tale->sent);
	tale_given_up(sim);
	for (uint32_t rank = 0; rank < tale->count; rank++)
		for (const struct line *line = tale_next(tale, rank, NULL); line != NULL;
		    line = tale_next(tale, rank, line))
			tale_group(sim, line);
	tale_counts(sim, "delivered", tale->delivered);
	tale->count = 0;
	memset(tale->said, 0, sizeof tale->said);
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
	if (!tale->begun || tale->act_ns != sim->now_ns) {
		tale_flush(sim);
		tale->act_ns = sim->now_ns;
		tale->begun = true;
	}
	/* The moment of what waits for a state is not worth telling. */
	if (act->when_state != 0)
		(void) printf("[soon after] ");
	else
		(void) printf("[%" PRIu64 " ms] ", sim->now_ns / MS_NS);
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
	char text[96];
	size_t len;

	len = (size_t) snprintf(text, sizeof text, "%s {",
	    event->kind == EVENT_REGULAR ? "regular" : "transitional");
	for (size_t i = 0; i < event->member_count && len < sizeof text; i++)
		len += (size_t) snprintf(text + len, sizeof text - len, "%s%" PRIu32,
		    i > 0 ? "," : "", event->members[i].node_id);
	if (len < sizeof text)
		(void) snprintf(text + len, sizeof text - len, "}");
	tale_line(sim, host, TOTEM_CAUSE_NONE, text);
}

void
tale_event(struct sim *sim, const struct event *event)
{
	uint32_t host = event->proc == NONE ? NONE : sim->history.proc[event->proc].host;
	char text[96];

	if (host >= sim->node_count)
		return;
	switch (event->kind) {
	case EVENT_STATE:
		/* Minds change while all find out who is there, now once, now twice. */
		if (event->to == TOTEM_GATHER && event->cause == TOTEM_CAUSE_JOIN &&
		    event->from != TOTEM_OPERATIONAL)
			break;
		(void) snprintf(text, sizeof text, "%s -> %s", totem_state_name(event->from),
		    totem_state_name(event->to));
		tale_line(sim, host, event->to == TOTEM_GATHER ? event->cause : TOTEM_CAUSE_NONE,
		    text);
		break;
	case EVENT_DELIVER:
		if (event->message != NONE &&
		    sim->history.message[event->message].kind == MESSAGE_APP)
			sim->tale->delivered[host]++;
		break;
	case EVENT_TRANSITIONAL:
	case EVENT_REGULAR:
		tale_configuration(sim, host, event);
		break;
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
