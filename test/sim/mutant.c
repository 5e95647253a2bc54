/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The deliberate bugs.
 */
#include <stdlib.h>
#include <string.h>

#include "test/sim/mutant.h"

struct mutation {
	uint32_t host;			/* that lies */
	struct occasion occasion;
	bool stalled;
	bool changed;			/* a regular configuration came since something is held */
	bool holds;
	struct event held;
	uint8_t *held_data;
};

/* Is this the occasion to lie? */
static bool
mutation_due(struct sim *sim, const struct event *event, enum event_kind kind)
{
	struct mutation *mutation = sim->mutation;

	return event->kind == kind && event->proc != NONE
	    && sim->history.proc[event->proc].host == mutation->host
	    && occasion_take(&mutation->occasion);
}

static bool
mutation_own(const struct sim *sim, const struct event *event)
{
	return event->message != NONE && event->proc != NONE &&
	    sim->history.message[event->message].origin == event->proc;
}

static void
mutation_hold(struct sim *sim, const struct event *event)
{
	struct mutation *mutation = sim->mutation;

	mutation->held = *event;
	mutation->held_data = util_alloc(event->len + 1);
	memcpy(mutation->held_data, event->data, event->len);
	mutation->held.data = mutation->held_data;
	mutation->holds = true;
	mutation->changed = false;
}

static void
mutation_release(struct sim *sim)
{
	struct mutation *mutation = sim->mutation;

	mutation->holds = false;
	if (sim->history.proc[mutation->held.proc].alive)
		record_plain(sim, &mutation->held);
	free(mutation->held_data);
	mutation->held_data = NULL;
}

static void
mutant_alter(struct sim *sim, const struct event *event)
{
	struct event altered = *event;
	uint8_t *copy;

	if (!mutation_due(sim, event, EVENT_DELIVER)) {
		record_plain(sim, event);
		return;
	}
	copy = util_alloc(event->len);
	memcpy(copy, event->data, event->len);
	copy[event->len - 1] ^= 0x10;
	altered.data = copy;
	record_plain(sim, &altered);
	free(copy);
}

static void
mutant_repeat(struct sim *sim, const struct event *event)
{
	record_plain(sim, event);
	if (mutation_due(sim, event, EVENT_DELIVER))
		record_plain(sim, event);
}

static void
mutant_carry(struct sim *sim, const struct event *event)
{
	struct mutation *mutation = sim->mutation;

	if (mutation_due(sim, event, EVENT_DELIVER)) {
		mutation_hold(sim, event);
		return;
	}
	record_plain(sim, event);
	if (mutation->holds && event->kind == EVENT_REGULAR && event->proc == mutation->held.proc)
		mutation_release(sim);
}

static void
mutant_unsynchronised(struct sim *sim, const struct event *event)
{
	if (!mutation_due(sim, event, EVENT_ACTIVATE))
		record_plain(sim, event);
}

/* A configuration without one of its members: ourselves, or somebody else. */
static void
mutant_without(struct sim *sim, const struct event *event, bool self)
{
	struct totem_member members[TOTEM_NODES_MAX];
	struct event lie = *event;
	uint32_t node = sim->history.proc[event->proc].node;
	size_t out = 0;

	for (size_t i = 0; i < event->member_count; i++)
		if ((event->members[i].node_id == node) == self)
			out = i;
	lie.member_count = 0;
	for (size_t i = 0; i < event->member_count; i++)
		if (i != out)
			members[lie.member_count++] = event->members[i];
	lie.members = members;
	record_plain(sim, &lie);
}

static void
mutant_not_member(struct sim *sim, const struct event *event)
{
	if (event->member_count > 1 && mutation_due(sim, event, EVENT_REGULAR))
		mutant_without(sim, event, true);
	else
		record_plain(sim, event);
}

static void
mutant_members(struct sim *sim, const struct event *event)
{
	if (event->member_count > 1 && mutation_due(sim, event, EVENT_REGULAR))
		mutant_without(sim, event, false);
	else
		record_plain(sim, event);
}

static void
mutant_old_id(struct sim *sim, const struct event *event)
{
	struct event lie = *event;
	const struct period *period;

	if (mutation_due(sim, event, EVENT_REGULAR)) {
		period = history_period(&sim->history, event->proc);
		if (period != NULL)
			lie.ring = sim->history.ring[period->ring].id;
		else
			sim->mutation->occasion.taken = false;
	}
	record_plain(sim, &lie);
}

static void
mutant_no_transitional(struct sim *sim, const struct event *event)
{
	if (!mutation_due(sim, event, EVENT_TRANSITIONAL))
		record_plain(sim, event);
}

/* The transitional one message early, in front of what still belongs to the regular one. */
static void
mutant_early(struct sim *sim, const struct event *event)
{
	struct mutation *mutation = sim->mutation;

	if (mutation->holds && event->proc == mutation->held.proc &&
	    (event->kind == EVENT_DELIVER || event->kind == EVENT_TRANSITIONAL)) {
		bool turn = event->kind == EVENT_TRANSITIONAL;

		if (turn) {
			record_plain(sim, event);
			mutation->occasion.taken = true;
		}
		mutation_release(sim);
		if (turn)
			return;
	}
	if (event->kind == EVENT_DELIVER && !mutation->occasion.taken &&
	    event->guarantee == TOTEM_AGREED &&
	    sim->history.proc[event->proc].host == mutation->host &&
	    history_period(&sim->history, event->proc) != NULL &&
	    history_period(&sim->history, event->proc)->move == NONE)
		mutation_hold(sim, event);
	else
		record_plain(sim, event);
}

static void
mutant_transitional(struct sim *sim, const struct event *event)
{
	if (event->member_count > 1 && mutation_due(sim, event, EVENT_TRANSITIONAL))
		mutant_without(sim, event, false);
	else
		record_plain(sim, event);
}

static void
mutant_lone(struct sim *sim, const struct event *event)
{
	if (event->member_count < 2 || !mutation_due(sim, event, EVENT_REGULAR))
		record_plain(sim, event);
}

static void
mutant_drop_own(struct sim *sim, const struct event *event)
{
	if (!mutation_own(sim, event) || !mutation_due(sim, event, EVENT_DELIVER))
		record_plain(sim, event);
}

static void
mutant_drop(struct sim *sim, const struct event *event)
{
	if (mutation_own(sim, event) || !mutation_due(sim, event, EVENT_DELIVER))
		record_plain(sim, event);
}

/* Two neighbours of one sender change places. */
static void
mutant_swap_sender(struct sim *sim, const struct event *event)
{
	struct mutation *mutation = sim->mutation;
	bool release = mutation->holds && event->kind == EVENT_DELIVER &&
	    event->proc == mutation->held.proc && event->origin == mutation->held.origin;

	if (!release && mutation_due(sim, event, EVENT_DELIVER)) {
		mutation_hold(sim, event);
		return;
	}
	record_plain(sim, event);
	if (release)
		mutation_release(sim);
}

static void
mutant_swap(struct sim *sim, const struct event *event)
{
	struct mutation *mutation = sim->mutation;
	bool release = mutation->holds && event->kind == EVENT_DELIVER &&
	    event->proc == mutation->held.proc;

	if (!release && mutation_due(sim, event, EVENT_DELIVER)) {
		mutation_hold(sim, event);
		return;
	}
	record_plain(sim, event);
	if (release)
		mutation_release(sim);
}

/* Every node takes a SAFE message for safe as soon as it has its place. */
static void
mutant_safe_early(struct sim *sim, const struct event *event)
{
	struct event early = *event;
	const struct message *m;

	if (event->kind == EVENT_DELIVER && event->message != NONE &&
	    history_delivered(&sim->history, event->proc, event->message))
		return;
	record_plain(sim, event);
	if (event->kind != EVENT_ORIGINATE || event->message == NONE)
		return;
	m = &sim->history.message[event->message];
	if (m->guarantee != TOTEM_SAFE)
		return;
	early.kind = EVENT_DELIVER;
	early.guarantee = TOTEM_SAFE;
	early.len = m->len;
	record_plain(sim, &early);
}

/* The last message of a sender before a configuration change comes after its first behind it. */
static void
mutant_across(struct sim *sim, const struct event *event)
{
	struct mutation *mutation = sim->mutation;
	bool ours = event->proc != NONE &&
	    sim->history.proc[event->proc].host == mutation->host;

	if (mutation->holds && ours && event->kind == EVENT_REGULAR)
		mutation->changed = true;
	if (mutation->holds && ours && event->kind == EVENT_DELIVER &&
	    event->proc == mutation->held.proc && event->origin == mutation->held.origin) {
		if (mutation->changed) {
			mutation->occasion.taken = true;
			record_plain(sim, event);
			mutation_release(sim);
			return;
		}
		mutation_release(sim);
	}
	if (!mutation->occasion.taken && !mutation->holds && ours && event->kind == EVENT_DELIVER &&
	    event->message != NONE &&
	    sim->history.message[event->message].queue == TOTEM_QUEUE_SYNC)
		mutation_hold(sim, event);
	else
		record_plain(sim, event);
}

static void
mutant_stall(struct sim *sim, const struct event *event)
{
	struct mutation *mutation = sim->mutation;

	if (mutation_due(sim, event, EVENT_DELIVER))
		mutation->stalled = true;
	if (!mutation->stalled || event->kind != EVENT_DELIVER ||
	    sim->history.proc[event->proc].host != mutation->host)
		record_plain(sim, event);
}

const struct mutant mutants[] = {
	{ { "alter", V1_INTEGRITY, "one bit of a delivered message is wrong" }, mutant_alter },
	{ { "repeat", V1_INTEGRITY, "a message is delivered twice" }, mutant_repeat },
	{ { "carry", V2_SAME_CONFIGURATION, "delivered after the next regular" }, mutant_carry },
	{ { "unsynchronised", V2_SAME_CONFIGURATION, "sends before it synchronised" },
	    mutant_unsynchronised },
	{ { "not-member", V3_MEMBERSHIP, "installs a ring without itself" }, mutant_not_member },
	{ { "members", V4_IDS, "one id, two sets of members" }, mutant_members },
	{ { "old-id", V4_IDS, "the id of the ring before" }, mutant_old_id },
	{ { "no-transitional", V5_ALTERNATION, "two regular ones in a row" },
	    mutant_no_transitional },
	{ { "early", V5_ALTERNATION, "the transitional one message early" }, mutant_early },
	{ { "transitional", V6_TRANSITIONAL, "forgets one who comes along" }, mutant_transitional },
	{ { "lone", V7_NO_LONE_INSTALL, "never installs a ring that others have" }, mutant_lone },
	{ { "drop-own", V8_SELF_DELIVERY, "loses a message of its own" }, mutant_drop_own },
	{ { "drop", V9_ATOMICITY, "loses a message of another" }, mutant_drop },
	{ { "swap-sender", V10_CAUSAL, "two of one sender change places" }, mutant_swap_sender },
	{ { "swap", V11_TOTAL, "two neighbours change places" }, mutant_swap },
	{ { "safe-early", V12_SAFE, "SAFE when sent, not when safe" }, mutant_safe_early },
	{ { "across", V13_FIFO, "an old message behind a newer configuration's" }, mutant_across },
	{ { "stall", V14_LIVENESS, "delivers nothing any more" }, mutant_stall },
};

const size_t mutant_count = sizeof mutants / sizeof *mutants;

void
mutation_init(struct sim *sim)
{
	struct prng prng = { .state = sim->options.seed ^ 0x6d7574616e74 };

	sim->mutation = util_alloc(sizeof *sim->mutation);
	sim->mutation->host = (uint32_t) prng_below(&prng, sim->node_count);
	sim->mutation->occasion.countdown = prng_below(&prng, 4);
}

void
mutation_done(struct sim *sim)
{
	if (sim->mutation == NULL)
		return;
	free(sim->mutation->held_data);
	free(sim->mutation);
	sim->mutation = NULL;
}

void
mutation_event(struct sim *sim, const struct event *event)
{
	/* Without an application the lie is one of these. */
	const struct mutant *mutant = (const struct mutant *) sim->options.lie;

	mutant->event(sim, event);
}
