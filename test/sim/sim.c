/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The loop of virtual time, and the three parts of a run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/sim/mutant.h"
#include "test/sim/sim.h"

#define MESSAGES_MIN	500u
#define FAULTS_MIN	3u
#define LEAST_WINDOW	16u	/* frames that a holder may send at least */
#define NOTICE_NS	(2 * SEC_NS)	/* silence and probes, twice */
#define LOOK_NS		(5 * MS_NS)	/* how often a condition is looked at */
#define WALL_START_NS	(UINT64_C(1790000000) * SEC_NS)

static void
sim_hosts_init(struct sim *sim)
{
	uint64_t hash = totem_cluster_hash("simulated");

	for (uint32_t i = 0; i < sim->host_count; i++) {
		struct host *host = &sim->host[i];

		host->sim = sim;
		host->index = i;
		host->watched = i != sim->node_count + 1;
		host->up = i < sim->node_count;
		host->proc = NONE;
		host->source = NONE;
		host->timer_at_ns = NEVER;
		host->cluster_hash = hash;
	}
}

struct sim *
sim_new(const struct sim_options *options)
{
	struct sim *sim = util_alloc(sizeof *sim);

	sim->options = *options;
	if (sim->options.seconds == 0)
		sim->options.seconds = 30;
	if (options->plan != NULL) {
		sim->options.seed = options->plan->world.seed;
		sim->options.nodes = (uint32_t) options->plan->world.nodes;
	}
	sim->prng.state = sim->options.seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	sim->keep.state = sim->options.seed;
	sim->chance.state = sim->options.seed * UINT64_C(0xbf58476d1ce4e5b9) + 2;
	sim->node_count = sim->options.nodes != 0 ? sim->options.nodes :
	    (uint32_t) dice(&sim->chance, 3, 9);
	sim->host_count = sim->node_count + 2;
	sim->host = util_alloc(sim->host_count * sizeof *sim->host);
	sim->node_ids = util_alloc(sim->node_count * sizeof *sim->node_ids);
	sim->link = util_alloc((size_t) sim->host_count * sim->host_count * sizeof *sim->link);
	sim->scratch = util_alloc(TOTEM_MESSAGE_BYTES_MAX);
	sim->timing = totem_timing_default(sim->node_count);
	sim->wall_ns = WALL_START_NS + sim->options.seed % 1000 * SEC_NS;
	sim->timing_default = sim->options.seed % 3 == 0;
	sim_hosts_init(sim);
	history_init(&sim->history, sim->options.seed);
	sim->check.history = &sim->history;
	sim->check.only = options->only;
	sim->result.seed = sim->options.seed;
	sim->result.nodes = sim->node_count;
	profile_choose(sim);
	for (uint32_t i = 0; i < sim->node_count; i++)
		sim->host[i].node_id = sim->node_ids[i];
	if (options->record != NULL)
		plan_of_seed(options->record, sim);
	sim->record = options->record;
	if (options->lie != NULL && options->app == NULL)
		mutation_init(sim);
	if (options->app != NULL)
		options->app->init(sim);
	return sim;
}

struct sim *
sim_free(struct sim *sim)
{
	struct happening happening;

	if (sim == NULL)
		return NULL;
	if (sim->options.app != NULL)
		sim->options.app->done(sim);
	while (heap_pop(&sim->heap, &happening))
		frame_put(happening.frame);
	heap_done(&sim->heap);
	for (uint32_t i = 0; i < sim->host_count; i++) {
		host_forget_queue(&sim->host[i]);
		sim->host[i].totem = totem_free(sim->host[i].totem);
		free(sim->host[i].queue);
		free(sim->host[i].pending);
	}
	for (size_t i = 0; i < sim->recorded_count; i++)
		frame_put(sim->recorded[i].frame);
	for (size_t i = 0; i < SIM_LOST_MAX; i++)
		frame_put(sim->lost[i].frame);
	mutation_done(sim);
	check_v13_done(&sim->check);
	history_done(&sim->history);
	free(sim->host);
	free(sim->node_ids);
	free(sim->link);
	free(sim->scratch);
	free(sim->play_armed);
	free(sim);
	return NULL;
}

bool
sim_step(struct sim *sim)
{
	struct happening next;

	if (sim->check.failed != 0 || !heap_pop(&sim->heap, &next))
		return false;
	sim->now_ns = next.at_ns;
	if (sim->steps++ > SIM_STEPS_MAX)
		check_fail(&sim->check, V14_LIVENESS, "more than %" PRIu64 " steps: it runs wild",
		    SIM_STEPS_MAX);
	switch ((enum sim_happening) next.kind) {
	case HAPPEN_ARRIVE:
		network_arrive(sim, &next);
		break;
	case HAPPEN_WORK:
	case HAPPEN_TIMER:
	case HAPPEN_STORED:
	case HAPPEN_REFUSED:
	case HAPPEN_RETRY:
	case HAPPEN_APP:
		host_happening(sim, &next);
		break;
	case HAPPEN_CLIENT:
		sim->options.app->happening(sim, &next);
		break;
	case HAPPEN_LOAD:
		workload_happening(sim, &next);
		break;
	case HAPPEN_FAULT:
	case HAPPEN_UNDO:
	case HAPPEN_AMBUSH:
		fault_happening(sim, &next);
		break;
	case HAPPEN_ACT:
		play_happening(sim, &next);
		break;
	}
	return sim->check.failed == 0;
}

static bool
sim_run_to(struct sim *sim, uint64_t end_ns)
{
	while (sim->heap.count > 0 && sim->heap.entry[0].at_ns <= end_ns)
		if (!sim_step(sim))
			return false;
	sim->now_ns = end_ns;
	return sim->check.failed == 0;
}

void
sim_run_for(struct sim *sim, uint64_t span_ns)
{
	(void) sim_run_to(sim, sim->now_ns + span_ns);
}

bool
sim_run_until(struct sim *sim, sim_condition_fn condition, uint64_t span_ns)
{
	uint64_t end_ns = sim->now_ns + span_ns;

	while (!condition(sim)) {
		if (sim->now_ns >= end_ns || !sim_run_to(sim, sim->now_ns + LOOK_NS))
			return false;
	}
	return true;
}

static bool
sim_nothing_pending(const struct sim *sim)
{
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL && sim->host[i].pending_count > 0)
			return false;
	return true;
}

static bool
sim_settled_apart(struct sim *sim)
{
	uint64_t rest_ns = sim->timing.token_ns > sim->timing.consensus_ns ?
	    sim->timing.token_ns : sim->timing.consensus_ns;

	return sim->now_ns - sim->last_change_ns >= rest_ns && sim_nothing_pending(sim) &&
	    check_v14_unsettled(&sim->history, true) == NULL &&
	    check_v14_undelivered(&sim->history) == NULL;
}

bool
sim_settled(struct sim *sim)
{
	if (sim->forever)
		return sim_settled_apart(sim);
	return sim_nothing_pending(sim) && check_v14_unsettled(&sim->history, false) == NULL &&
	    check_v14_undelivered(&sim->history) == NULL;
}

static bool
sim_one_ring(struct sim *sim)
{
	return check_v14_unsettled(&sim->history, sim->forever) == NULL;
}

static void
sim_unsettled(struct sim *sim, const char *when)
{
	const char *text = check_v14_unsettled(&sim->history, sim->forever);

	if (text == NULL)
		text = check_v14_undelivered(&sim->history);
	if (text == NULL && !sim_nothing_pending(sim))
		text = "messages are not accepted";
	check_fail(&sim->check, V14_LIVENESS, "%s: %s; last configuration change at %" PRIu64
	    " ms", when, text == NULL ? "it does not come to rest" : text,
	    sim->last_change_ns / MS_NS);
	sim->check.failed_at_ns = sim->now_ns;
}

/* Some messages more when all has healed: from each the same, the rest from the first. */
static void
sim_load_last(struct sim *sim)
{
	uint64_t missing = MESSAGES_MIN + 4u * sim->node_count, each, extra;
	struct plan *record = sim->record;

	missing = missing > sim->result.count[COUNT_APP] ?
	    missing - sim->result.count[COUNT_APP] : 0;
	each = 4 + missing / sim->node_count;
	extra = missing;
	if (sim->options.plan != NULL) {
		each = sim->options.plan->world.after_each;
		extra = sim->options.plan->world.after_extra;
	}
	if (record != NULL) {
		record->world.after_each = each;
		record->world.after_extra = extra;
	}
	/* What comes now is no act of the plan, but made anew each time. */
	sim->record = NULL;
	sim->chance.state = sim->options.seed ^ UINT64_C(0x94d049bb133111eb);
	for (uint32_t i = 0; i < sim->node_count; i++)
		workload_add(sim, &sim->host[i], (uint32_t) each);
	for (uint32_t i = 0; extra > 0 && i < sim->node_count; i++)
		if (sim->host[i].totem != NULL) {
			workload_add(sim, &sim->host[i], (uint32_t) extra);
			extra = 0;
		}
}

uint64_t
sim_rotation_ns(const struct sim *sim)
{
	uint64_t rotation_ns = 0;

	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL)
			rotation_ns += sim->network.delay_ns + sim->network.jitter_ns + 30 * US_NS;
	return rotation_ns;
}

/* What is queued takes its time too: a window of the least size a rotation, each losing some. */
static uint64_t
sim_backlog_ns(const struct sim *sim)
{
	const struct history *h = &sim->history;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < h->message_count; i++) {
		const struct message *m = &h->message[i];

		if (h->proc[m->origin].alive && !history_delivered(h, m->origin, i))
			bytes += m->len;
	}
	return bytes / (LEAST_WINDOW * TOTEM_FRAME_BYTES_MIN) * 2 * sim_rotation_ns(sim);
}

uint64_t
sim_apart_ns(const struct sim *sim)
{
	uint64_t until_ns = sim->now_ns;

	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL && sim->host[i].apart_until_ns > until_ns)
			until_ns = sim->host[i].apart_until_ns;
	return until_ns - sim->now_ns;
}

/* Also nobody is left alone on purpose any more. */
static bool
sim_one_ring_again(struct sim *sim)
{
	return sim_apart_ns(sim) == 0 && sim_one_ring(sim);
}

/* The faults are over: come to rest in time, deliver what is left and some more, stay at rest. */
static void
sim_converge(struct sim *sim)
{
	uint64_t longest_ns = sim->timing.token_ns > sim->timing.consensus_ns ?
	    sim->timing.token_ns : sim->timing.consensus_ns;
	uint64_t healed_ns, backlog_ns = sim_backlog_ns(sim), rest_ns;

	sim_run_for(sim, sim_apart_ns(sim));
	healed_ns = sim->now_ns;
	/* A fault of the last moment is noticed only now; a cut that stays, later still. */
	sim_run_for(sim, sim->forever ? longest_ns : NOTICE_NS);
	if (!sim_run_until(sim, sim_one_ring_again, healed_ns + 5 * longest_ns - sim->now_ns) ||
	    !sim_run_until(sim, sim_settled, healed_ns + backlog_ns + 5 * longest_ns -
	    sim->now_ns)) {
		sim_unsettled(sim, "not settled in time after the last fault");
		return;
	}
	if (sim->last_change_ns > healed_ns)
		sim->result.converge_ns = sim->last_change_ns - healed_ns;
	rest_ns = sim->last_change_ns;
	sim_load_last(sim);
	if (!sim_run_until(sim, sim_settled, sim_backlog_ns(sim) + 5 * longest_ns))
		sim_unsettled(sim, "messages after the last fault are not delivered in time");
	sim_run_for(sim, 3 * SEC_NS);
	if (sim->last_change_ns != rest_ns)
		check_fail(&sim->check, V14_LIVENESS, "the configuration changes at %" PRIu64
		    " ms, long after the last fault", sim->last_change_ns / MS_NS);
	if (sim->check.failed == 0)
		trial_run(sim);
}

void
sim_finish(struct sim *sim)
{
	const struct history *h = &sim->history;
	const struct message *first, *last;

	check_final(&sim->check);
	for (uint32_t i = 0; i < sim->host_count; i++)
		host_kill(sim, &sim->host[i]);
	for (size_t i = 0; i < h->ring_count; i++) {
		if (h->ring[i].order_count == 0)
			continue;
		first = &h->message[h->ring[i].order[0]];
		last = &h->message[h->ring[i].order[h->ring[i].order_count - 1]];
		if (last->seq < first->seq || (first->seq >> 31) != (last->seq >> 31))
			sim->result.count[COUNT_WRAPPED]++;
	}
	sim->result.failed = sim->check.failed;
	(void) snprintf(sim->result.what, sizeof sim->result.what, "%s", sim->check.what);
	sim->result.simulated_ns = sim->now_ns;
	sim->result.runs = 1;
	sim->result.forever_runs = sim->forever;
	sim->result.wrap_runs = sim->seq_first != 1;
	sim->result.filtered_runs = sim->icmp_filtered;
}

void
sim_start_hosts(struct sim *sim)
{
	bool at_once = dice_ppm(&sim->chance, 600000);

	for (uint32_t i = 0; i < sim->node_count; i++) {
		if (!at_once)
			sim_run_for(sim, dice(&sim->chance, 0, 500 * MS_NS));
		act_do(sim, (struct act) {
			.kind = ACT_START, .host = i, .value = HOST_MISSING,
		});
	}
}

/* A seed that asks for little proves little. */
static void
sim_not_easy(struct sim *sim, uint64_t faults)
{
	const uint64_t *count = sim->result.count;

	if (sim->now_ns < 30 * SEC_NS || faults < FAULTS_MIN || count[COUNT_APP] < MESSAGES_MIN ||
	    count[COUNT_SAFE] == 0 || count[COUNT_FRAGMENTED] == 0)
		check_fail(&sim->check, V14_LIVENESS, "an easy seed: %" PRIu64 " ms, %" PRIu64
		    " faults, %" PRIu64 " messages, %" PRIu64 " of them SAFE, %" PRIu64
		    " fragmented", sim->now_ns / MS_NS, faults, count[COUNT_APP],
		    count[COUNT_SAFE], count[COUNT_FRAGMENTED]);
}

/* Faults and load as the seed has them.  The number of faults. */
static uint64_t
sim_run_seed(struct sim *sim)
{
	uint64_t faults = 0;

	sim_start_hosts(sim);
	workload_start(sim);
	fault_start(sim);
	sim_run_for(sim, sim->options.seconds * SEC_NS);
	for (int kind = 0; kind < FAULT_COUNT; kind++)
		faults += sim->result.fault[kind];
	for (; faults < FAULTS_MIN; faults++) {
		act_do(sim, (struct act) {
			.kind = ACT_CRASH, .host = (uint32_t) faults % sim->node_count,
		});
		sim->result.fault[FAULT_CRASH]++;
	}
	sim->load_on = false;
	fault_heal(sim);
	return faults;
}

void
sim_play(struct sim *sim)
{
	bool healed = false;

	for (size_t i = 0; i < sim->options.plan->count; i++)
		healed = healed || sim->options.plan->act[i].kind == ACT_HEAL;
	play_start(sim);
	(void) sim_run_to(sim, plan_end_ns(sim->options.plan));
	if (!healed)
		act_do(sim, (struct act) { .kind = ACT_HEAL });
}

uint32_t
sim_run(struct sim *sim)
{
	uint64_t faults = 0;

	if (sim->options.app != NULL)
		return sim->options.app->run(sim);
	if (sim->options.plan != NULL)
		sim_play(sim);
	else
		faults = sim_run_seed(sim);
	if (sim->check.failed == 0)
		sim_converge(sim);
	if (sim->check.failed == 0 && sim->options.seconds >= 30 && sim->options.plan == NULL)
		sim_not_easy(sim, faults);
	sim_finish(sim);
	return sim->result.failed;
}
