/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * How good is the failure detector?  In the words of Chen, Toueg and Aguilera ("On the quality of
 * service of failure detectors", 2002): detection time T_D, from a crash to the configuration
 * without the dead at each survivor; and mistakes, membership changes without a fault, with their
 * recurrence T_MR and duration T_M.  Rings of production cores run on virtual time in several
 * surroundings, with our detector and, for comparison, with nothing but a token timeout.
 *
 * The plain token timeout is the same core with the detector configured away: no heartbeats (which
 * are also when it looks for silence), refused ports not passed on, and after the token's loss a
 * wait of 1.2 token timeouts for those who do not join, as such rings always had.  The checkers
 * of V1 to V14 look on all the time.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/assert.h"
#include "test/sim/sim.h"

#define TICK_NS			MS_NS		/* how finely time is told here */
#define MINUTE_NS		(60 * SEC_NS)
#define HOUR_NS			(60 * MINUTE_NS)
#define DAY_NS			(24 * HOUR_NS)
#define GATHER_EXTRA_NS		(152 * MS_NS)	/* the core waits so much beyond silence_ns */
#define LOAD_GAP_NS		(5 * MS_NS)	/* between two messages of all together */
#define LOAD_COST_NS		(200 * US_NS)	/* a datagram, on a machine with other work */
#define PLACE_COUNT		7u
#define PLACE_MAX		16u
#define HARSH_PPM		UINT64_C(100000)	/* loss at which times are kept apart */

static const char usage[] =
    "usage: detect [--minutes M] [--crashes C] [--seed S] [--nodes 3|8|16|32]\n"
    "       detect --check [--silence MS] [--minutes M] [--crashes C] [--seed S]\n";

enum crash { CRASH_KILLED, CRASH_SILENT, CRASH_FROZEN, CRASH_COUNT };

struct detector {
	const char *name;
	bool plain;
	uint64_t silence_ns;	/* ours */
	uint64_t token_ns;	/* plain; 0: stock's, 3000 ms + 650 ms a node above two */
};

struct place {
	const char *name;
	uint64_t loss_ppm, jitter_ns, pause_ns;
	bool load;
};

struct samples {
	uint64_t *value;
	size_t count, room;
};

/* Mistakes are counted at each node: T_MR is node_ns / count, T_M is wrong_ns / count. */
struct mistakes {
	uint64_t count, excluding, wrong_ns, node_ns;
};

struct score {
	struct samples time[CRASH_COUNT];
	struct samples harsh;	/* of all kinds, at 10 % loss */
	struct mistakes mistakes[PLACE_MAX];
	uint64_t unnoticed;	/* crashes, by survivor, within the limit */
	uint64_t restless;	/* crashes not tried: the ring did not come to rest */
};

struct effort {
	uint64_t seed, minutes, crashes;
};

struct watch {			/* on one node, while nothing is wrong with any */
	size_t period_count;
	bool wrong, excluding;
	uint64_t since_ns;
};

struct world {
	struct sim *sim;
	const struct place *place;
	struct prng prng;	/* of pauses, load and victims; the network has its own */
	uint64_t pause_at_ns, resume_at_ns, load_at_ns;
	uint32_t paused;	/* host; NONE */
	struct watch watch[TOTEM_NODES_MAX];
};

static const struct detector detectors[] = {
	{ .name = "ours, silence 300 ms", .silence_ns = 300 * MS_NS },
	{ .name = "ours, silence 700 ms (default)", .silence_ns = 700 * MS_NS },
	{ .name = "ours, silence 1500 ms", .silence_ns = 1500 * MS_NS },
	{ .name = "token 250 ms", .plain = true, .token_ns = 250 * MS_NS },
	{ .name = "token 500 ms", .plain = true, .token_ns = 500 * MS_NS },
	{ .name = "token 1000 ms", .plain = true, .token_ns = 1000 * MS_NS },
	{ .name = "token 3000 ms", .plain = true, .token_ns = 3000 * MS_NS },
	{ .name = "token 3000 ms + 650 ms a node", .plain = true },
};

static const struct place places[PLACE_COUNT] = {
	{ .name = "calm" },
	{ .name = "loss 2 %", .loss_ppm = 20000 },
	{ .name = "loss 10 %", .loss_ppm = 100000 },
	{ .name = "pauses 50 ms", .pause_ns = 50 * MS_NS },
	{ .name = "pauses 200 ms", .pause_ns = 200 * MS_NS },
	{ .name = "jitter 20 ms", .jitter_ns = 20 * MS_NS },
	{ .name = "loaded", .load = true },
};

static struct totem_timing
detector_timing(const struct detector *detector, uint32_t nodes)
{
	struct totem_timing t = totem_timing_default(nodes);

	if (!detector->plain) {
		t.silence_ns = detector->silence_ns;
		t.heartbeat_ns = totem_heartbeat_default(t.silence_ns);
		return t;
	}
	if (detector->token_ns != 0)
		t.token_ns = detector->token_ns;
	t.token_retransmit_ns = t.token_ns * 10 / 42;
	t.hold_ns = t.token_retransmit_ns * 8 / 10 - 10 * MS_NS;
	t.consensus_ns = t.token_ns * 12 / 10;
	t.heartbeat_ns = DAY_NS;
	t.probe_ns = MS_NS;
	t.probe_count = 1;
	/* How long GATHER waits.  Not below the token timeout, as this is also by what the core
	 * knows that it did not run itself, and gathers. */
	t.silence_ns = t.consensus_ns - GATHER_EXTRA_NS;
	if (t.silence_ns < t.token_ns)
		t.silence_ns = t.token_ns;
	return t;
}

static void
samples_add(struct samples *samples, uint64_t value)
{
	if (samples->count == samples->room)
		samples->value = util_grow(samples->value, &samples->room,
		    sizeof *samples->value);
	samples->value[samples->count++] = value;
}

static int
samples_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

/* The smallest value that `percent` of them do not exceed. */
static uint64_t
samples_at(struct samples *samples, uint64_t percent)
{
	size_t rank = (samples->count * percent + 99) / 100;

	if (samples->count == 0)
		return 0;
	qsort(samples->value, samples->count, sizeof *samples->value, samples_order);
	return samples->value[rank == 0 ? 0 : rank - 1];
}

static void
world_stop_if_violated(const struct world *w)
{
	if (w->sim->check.failed == 0)
		return;
	(void) fprintf(stderr, "detect: seed %" PRIu64 ", %" PRIu32 " nodes, %s: V%" PRIu32
	    ": %s\n", w->sim->options.seed, w->sim->node_count, w->place->name,
	    w->sim->check.failed, w->sim->check.what);
	exit(3);
}

static void
world_pauses(struct world *w)
{
	struct sim *sim = w->sim;
	struct host *host;

	if (w->paused != NONE && sim->now_ns >= w->resume_at_ns) {
		host_resume(sim, &sim->host[w->paused]);
		w->paused = NONE;
	}
	if (w->place->pause_ns == 0 || w->paused != NONE || sim->now_ns < w->pause_at_ns)
		return;
	w->pause_at_ns = sim->now_ns + dice(&w->prng, 200 * MS_NS, 2 * SEC_NS);
	host = &sim->host[prng_below(&w->prng, sim->node_count)];
	if (host->totem == NULL || host->paused)
		return;
	host_pause(sim, host);
	w->paused = host->index;
	w->resume_at_ns = sim->now_ns + w->place->pause_ns;
}

static void
world_load(struct world *w)
{
	struct sim *sim = w->sim;
	struct host *host;

	if (!w->place->load || sim->now_ns < w->load_at_ns)
		return;
	w->load_at_ns = sim->now_ns + LOAD_GAP_NS;
	host = &sim->host[prng_below(&w->prng, sim->node_count)];
	if (host->totem == NULL || host->paused)
		return;
	workload_want(sim, host, (uint32_t) dice_scaled(&w->prng, 64, 20000),
	    dice_ppm(&w->prng, 100000));
	host_flush(sim, host);
}

static void
world_tick(struct world *w)
{
	world_pauses(w);
	world_load(w);
	sim_run_for(w->sim, TICK_NS);
	world_stop_if_violated(w);
}

static void
world_run(struct world *w, uint64_t span_ns)
{
	for (uint64_t end_ns = w->sim->now_ns + span_ns; w->sim->now_ns < end_ns;)
		world_tick(w);
}

/* One ring of all.  Bounded, as a detector that is too quick for its surroundings never rests. */
static bool
world_settle(struct world *w)
{
	uint64_t end_ns = w->sim->now_ns + 10 * SEC_NS + 5 * w->sim->timing.token_ns;

	while (check_v14_unsettled(&w->sim->history, false) != NULL) {
		if (w->sim->now_ns >= end_ns)
			return false;
		world_tick(w);
	}
	return true;
}

static struct world *
world_new(const struct detector *detector, const struct place *place, uint32_t nodes, uint64_t seed)
{
	struct world *w = util_alloc(sizeof *w);
	struct sim *sim = sim_new(&(struct sim_options) {
		.seed = seed, .nodes = nodes, .calm = true,
	});

	w->sim = sim;
	w->place = place;
	w->prng.state = seed ^ UINT64_C(0x5851f42d4c957f2d);
	w->paused = NONE;
	sim->timing = detector_timing(detector, nodes);
	sim->icmp_filtered = detector->plain;
	sim->network.loss = place->loss_ppm;
	sim->network.jitter_ns += place->jitter_ns;
	sim->usual = sim->network;
	for (uint32_t i = 0; place->load && i < sim->host_count; i++)
		sim->host[i].cost_ns = LOAD_COST_NS;
	for (uint32_t i = 0; i < nodes; i++)
		host_start(sim, &sim->host[i], HOST_MISSING);
	return w;
}

static struct world *
world_free(struct world *w)
{
	w->sim = sim_free(w->sim);
	free(w);
	return NULL;
}

static const struct ring *
node_ring(const struct sim *sim, uint32_t host)
{
	const struct period *period = history_period(&sim->history, sim->host[host].proc);

	return period == NULL ? NULL : &sim->history.ring[period->ring];
}

static void
watch_look(struct world *w, uint32_t host, struct mistakes *mistakes)
{
	const struct proc *proc = &w->sim->history.proc[w->sim->host[host].proc];
	const struct ring *ring = node_ring(w->sim, host);
	struct watch *watch = &w->watch[host];
	bool whole = ring != NULL && ring->member_count == w->sim->node_count;
	bool changed = proc->period_count != watch->period_count;

	if (!watch->wrong && (changed || proc->state != TOTEM_OPERATIONAL || !whole)) {
		watch->wrong = true;
		watch->excluding = false;
		watch->since_ns = w->sim->now_ns;
		mistakes->count++;
	}
	if (watch->wrong && !whole && !watch->excluding) {
		watch->excluding = true;
		mistakes->excluding++;
	}
	if (watch->wrong)
		mistakes->wrong_ns += TICK_NS;
	watch->wrong = watch->wrong && (!whole || proc->state != TOTEM_OPERATIONAL);
	watch->period_count = proc->period_count;
}

/* Nothing is wrong with anybody: every membership change is a mistake. */
static void
world_watch(struct world *w, uint64_t span_ns, struct mistakes *mistakes)
{
	uint64_t end_ns = w->sim->now_ns + span_ns;

	for (uint32_t i = 0; i < w->sim->node_count; i++)
		w->watch[i] = (struct watch) {
			.period_count =
			    w->sim->history.proc[w->sim->host[i].proc].period_count,
		};
	while (w->sim->now_ns < end_ns) {
		world_tick(w);
		for (uint32_t i = 0; i < w->sim->node_count; i++)
			watch_look(w, i, mistakes);
	}
	mistakes->node_ns += span_ns * w->sim->node_count;
}

static void
crash_do(struct world *w, struct host *victim, enum crash crash)
{
	if (w->paused == victim->index)
		w->paused = NONE;
	switch (crash) {
	case CRASH_KILLED:
		host_kill(w->sim, victim);
		break;
	case CRASH_SILENT:
		host_kill(w->sim, victim);
		victim->up = false;
		break;
	case CRASH_FROZEN:
		if (!victim->paused)
			host_pause(w->sim, victim);
		break;
	case CRASH_COUNT:
		break;
	}
}

/* T_D at each survivor. */
static void
crash_time(struct world *w, uint32_t victim, struct score *score, enum crash crash)
{
	bool knows[TOTEM_NODES_MAX] = { false };
	uint32_t dead = w->sim->host[victim].proc, left = w->sim->node_count - 1;
	uint64_t from_ns = w->sim->now_ns;
	uint64_t end_ns = from_ns + 10 * SEC_NS + 4 * w->sim->timing.token_ns;
	struct samples *time = w->place->loss_ppm >= HARSH_PPM ? &score->harsh :
	    &score->time[crash];

	while (left > 0 && w->sim->now_ns < end_ns) {
		world_tick(w);
		for (uint32_t i = 0; i < w->sim->node_count; i++) {
			const struct ring *ring = node_ring(w->sim, i);

			if (i == victim || knows[i] || ring == NULL ||
			    procs_have(ring->member, ring->member_count, dead))
				continue;
			knows[i] = true;
			left--;
			samples_add(time, w->sim->now_ns - from_ns);
		}
	}
	score->unnoticed += left;
}

static void
crash_try(struct world *w, struct score *score, enum crash crash)
{
	struct host *victim;

	if (!world_settle(w)) {
		score->restless++;
		return;
	}
	/* At no particular moment of the token's rest or of a heartbeat's interval. */
	world_run(w, dice(&w->prng, SEC_NS, 3 * SEC_NS));
	if (!world_settle(w)) {
		score->restless++;
		return;
	}
	victim = &w->sim->host[prng_below(&w->prng, w->sim->node_count)];
	crash_do(w, victim, crash);
	crash_time(w, victim->index, score, crash);
	if (crash == CRASH_FROZEN)
		host_resume(w->sim, victim);
	else
		host_start(w->sim, victim, HOST_INTACT);
}

static void
measure(const struct detector *detector, const struct place *place, uint32_t nodes,
    const struct effort *effort, struct score *score, uint32_t place_index)
{
	struct world *w = world_new(detector, place, nodes, effort->seed);

	cs_assert(place_index < PLACE_MAX);
	(void) world_settle(w);
	world_watch(w, effort->minutes * MINUTE_NS, &score->mistakes[place_index]);
	for (uint64_t i = 0; i < effort->crashes; i++)
		for (enum crash crash = CRASH_KILLED; crash < CRASH_COUNT; crash++)
			crash_try(w, score, crash);
	w = world_free(w);
}

static void
score_done(struct score *score)
{
	for (int crash = 0; crash < CRASH_COUNT; crash++)
		free(score->time[crash].value);
	free(score->harsh.value);
	memset(score, 0, sizeof *score);
}

static struct mistakes
score_sum(const struct score *score)
{
	struct mistakes sum = { 0 };

	for (uint32_t i = 0; i < PLACE_MAX; i++) {
		sum.count += score->mistakes[i].count;
		sum.excluding += score->mistakes[i].excluding;
		sum.wrong_ns += score->mistakes[i].wrong_ns;
		sum.node_ns += score->mistakes[i].node_ns;
	}
	return sum;
}

static void
table_head(void)
{
	(void) printf("| N | detector | killed | silent host | frozen | any, loss 10 %% |");
	for (uint32_t i = 0; i < PLACE_COUNT; i++)
		(void) printf(" %s |", places[i].name);
	(void) printf(" T_MR | T_M | excl. | unn. |\n|--:|---|--:|--:|--:|--:|");
	for (uint32_t i = 0; i < PLACE_COUNT; i++)
		(void) printf("--:|");
	(void) printf("--:|--:|--:|--:|\n");
}

static void
table_time(struct samples *time)
{
	(void) printf(" %" PRIu64 " / %" PRIu64 " / %" PRIu64 " |", samples_at(time, 50) / MS_NS,
	    samples_at(time, 99) / MS_NS, samples_at(time, 100) / MS_NS);
}

static void
table_row(const struct detector *detector, uint32_t nodes, struct score *score)
{
	struct mistakes sum = score_sum(score);

	(void) printf("| %" PRIu32 " | %s |", nodes, detector->name);
	for (int crash = 0; crash < CRASH_COUNT; crash++)
		table_time(&score->time[crash]);
	table_time(&score->harsh);
	for (uint32_t i = 0; i < PLACE_COUNT; i++)
		(void) printf(" %.4g |", (double) score->mistakes[i].count * (double) HOUR_NS /
		    (double) score->mistakes[i].node_ns);
	if (sum.count == 0)
		(void) printf(" none in %.1f h | - |", (double) sum.node_ns / (double) HOUR_NS);
	else
		(void) printf(" %.3g min | %.0f ms |", (double) sum.node_ns /
		    (double) MINUTE_NS / (double) sum.count, (double) sum.wrong_ns /
		    (double) MS_NS / (double) sum.count);
	(void) printf(" %" PRIu64 " | %" PRIu64 " + %" PRIu64 " |\n", sum.excluding,
	    score->unnoticed, score->restless);
	(void) fflush(stdout);
}

/* About as many node-minutes and survivors at each size, or what the caller asks for. */
static void
table(const struct effort *asked, uint32_t only_nodes)
{
	static const struct { uint32_t nodes, minutes, crashes; } sizes[] = {
		{ 3, 20, 10 }, { 8, 6, 4 }, { 16, 3, 2 }, { 32, 2, 1 },
	};
	struct score score = { .unnoticed = 0 };

	table_head();
	for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
		struct effort effort = {
			.seed = asked->seed,
			.minutes = asked->minutes != 0 ? asked->minutes : sizes[n].minutes,
			.crashes = asked->crashes != 0 ? asked->crashes : sizes[n].crashes,
		};

		if (only_nodes != 0 && sizes[n].nodes != only_nodes)
			continue;
		for (size_t d = 0; d < sizeof detectors / sizeof *detectors; d++) {
			for (uint32_t p = 0; p < PLACE_COUNT; p++)
				measure(&detectors[d], &places[p], sizes[n].nodes, &effort,
				    &score, p);
			table_row(&detectors[d], sizes[n].nodes, &score);
			score_done(&score);
		}
	}
}

static int
expect(bool holds, const char *what, uint64_t value, uint64_t bound)
{
	(void) printf("%s - %s (%" PRIu64 ", %" PRIu64 ")\n", holds ? "ok" : "not ok", what, value,
	    bound);
	return holds ? 0 : 1;
}

/* The comparison itself is looked at first: a plain token timeout must take what it must take, and
 * make mistakes where pauses are longer than it. */
static int
check_plain(const struct effort *effort, struct score *plain)
{
	static const struct detector hasty = { .plain = true, .token_ns = 250 * MS_NS };
	static const struct place rough = { .name = "pauses 400 ms", .pause_ns = 400 * MS_NS };
	struct score score = { 0 };
	int failures = 0;

	measure(&hasty, &rough, 3, &(struct effort) { .seed = effort->seed, .minutes = 1 }, &score,
	    0);
	failures += expect(score.mistakes[0].count > 0, "mistakes are seen",
	    score.mistakes[0].count, 1);
	score_done(&score);
	for (int crash = 0; crash < CRASH_COUNT; crash++) {
		uint64_t median_ms = samples_at(&plain->time[crash], 50) / MS_NS;

		failures += expect(median_ms >= 1700 && median_ms <= 2400,
		    "the token timeout of 1000 ms takes 2.2 of it", median_ms, 2200);
	}
	return failures;
}

static int
check(const struct effort *effort, uint64_t silence_ns)
{
	static const char *const kind[] = { "killed", "silent host", "frozen" };
	static const uint32_t rough[] = { 1, 4, 5 };	/* loss, long pauses, jitter */
	struct detector ours = { .name = "ours", .silence_ns = silence_ns };
	struct score score[2] = { { .unnoticed = 0 }, { .unnoticed = 0 } };
	uint64_t mistakes[2];
	int failures = 0;

	for (size_t i = 0; i < sizeof rough / sizeof *rough; i++) {
		measure(&ours, &places[rough[i]], 5, effort, &score[0], rough[i]);
		measure(&detectors[5], &places[rough[i]], 5, effort, &score[1], rough[i]);
	}
	failures += check_plain(effort, &score[1]);
	for (int crash = 0; crash < CRASH_COUNT; crash++) {
		struct samples *a = &score[0].time[crash], *b = &score[1].time[crash];

		failures += expect(a->count == 12 * effort->crashes, "all survivors noticed",
		    a->count, 12 * effort->crashes);
		failures += expect(samples_at(a, 50) < samples_at(b, 50), kind[crash],
		    samples_at(a, 50) / MS_NS, samples_at(b, 50) / MS_NS);
		failures += expect(samples_at(a, 100) < samples_at(b, 1), kind[crash],
		    samples_at(a, 100) / MS_NS, samples_at(b, 1) / MS_NS);
	}
	for (int i = 0; i < 2; i++)
		mistakes[i] = score_sum(&score[i]).count;
	failures += expect(mistakes[0] <= mistakes[1], "no more mistakes", mistakes[0],
	    mistakes[1]);
	score_done(&score[0]);
	score_done(&score[1]);
	return failures == 0 ? 0 : 1;
}

static int
argument(const char *text, uint64_t *ret_value)
{
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret_value = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' || *ret_value > 1000000 ? -EINVAL : 0;
}

int
main(int argc, char **argv)
{
	struct effort effort = { .seed = 1 };
	uint64_t nodes = 0, silence_ms = 700;
	bool checking = argc > 1 && strcmp(argv[1], "--check") == 0;

	if (checking)
		effort = (struct effort) { .seed = 1, .minutes = 2, .crashes = 2 };
	for (int i = checking ? 2 : 1; i < argc; i += 2) {
		uint64_t *value = strcmp(argv[i], "--minutes") == 0 ? &effort.minutes :
		    strcmp(argv[i], "--crashes") == 0 ? &effort.crashes :
		    strcmp(argv[i], "--seed") == 0 ? &effort.seed :
		    strcmp(argv[i], "--nodes") == 0 ? &nodes :
		    strcmp(argv[i], "--silence") == 0 ? &silence_ms : NULL;

		if (value == NULL || argument(argv[i + 1], value) < 0) {
			(void) fputs(usage, stderr);
			return 2;
		}
	}
	if (checking)
		return check(&effort, silence_ms * MS_NS);
	table(&effort, (uint32_t) nodes);
	return 0;
}
