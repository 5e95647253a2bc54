/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Less of everything, as long as it still fails in the same way: fewer nodes, acts, messages, less
 * time, a simpler world.  What is left out shifts the dice of the network for all that follows; so
 * a candidate is tried with several seeds of these dice, and keeps the one that fails.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exec/base/assert.h"
#include "test/sim/lie.h"
#include "test/sim/sim.h"

#define RUN_SECONDS_MAX		60u
#define DICE_TRIES		4u
#define GAP_NS			(300 * MS_NS)	/* between acts, when time is shortened */

struct verdict {
	uint32_t failed;		/* enum property, PROPERTY_END: an assertion or a signal */
	uint64_t failed_at_ns;
	char what[512];
};

static struct verdict *told;		/* shared with the child */
static struct sim *child_sim;
static FILE *child_record;
static const struct shrink *shrinking;
static uint64_t runs, end_s;

static uint64_t
clock_s(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec;
}

static void
child_end(void)
{
	if (child_record != NULL) {
		plan_write(child_sim->options.record, child_record);
		(void) fflush(child_record);
	}
	_exit(0);
}

static void
child_assert_failed(const char *expression, const char *file, int line)
{
	told->failed = PROPERTY_END;
	told->failed_at_ns = child_sim->now_ns;
	(void) snprintf(told->what, sizeof told->what, "assertion %s, %s:%d", expression, file,
	    line);
	child_end();
}

static _Noreturn void
child_run(const struct sim_options *options, FILE *record)
{
	(void) alarm(RUN_SECONDS_MAX);
	child_sim = sim_new(options);
	child_record = record;
	cs_assert_handler_set(child_assert_failed);
	(void) sim_run(child_sim);
	told->failed = child_sim->result.failed;
	told->failed_at_ns = child_sim->check.failed_at_ns;
	(void) snprintf(told->what, sizeof told->what, "%s", child_sim->result.what);
	child_end();
	abort();
}

/* One run in a process of its own. */
static struct verdict
verdict_of(const struct sim_options *options, FILE *record)
{
	pid_t pid;
	int status = 0;

	if (told == NULL)
		told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	if (told == MAP_FAILED)
		abort();
	memset(told, 0, sizeof *told);
	(void) fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		child_run(options, record);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status)) {
		told->failed = PROPERTY_END;
		(void) snprintf(told->what, sizeof told->what, "signal %d", WTERMSIG(status));
	}
	runs++;
	return *told;
}

static struct verdict
verdict_of_plan(const struct plan *plan)
{
	return verdict_of(&(struct sim_options) {
		.plan = plan, .app = shrinking->app, .lie = shrinking->lie,
		.only = shrinking->lie != NULL ? shrinking->lie->property : 0,
	}, NULL);
}

static bool
same(const struct verdict *a, const struct verdict *b)
{
	return a->failed == b->failed &&
	    (a->failed != PROPERTY_END || strcmp(a->what, b->what) == 0);
}

static bool
time_left(void)
{
	return clock_s() < end_s;
}

/* Takes the candidate (and frees it): it fails the same way, then it replaces the plan. */
static bool
take(struct plan *plan, struct plan *candidate, const struct verdict *want)
{
	uint64_t seed = candidate->world.seed;

	for (uint32_t i = 0; i < DICE_TRIES && time_left(); i++) {
		struct verdict verdict;

		candidate->world.seed = i == 0 ? seed : i;
		verdict = verdict_of_plan(candidate);
		if (!same(&verdict, want))
			continue;
		plan_done(plan);
		*plan = *candidate;
		return true;
	}
	plan_done(candidate);
	return false;
}

static bool
sort_of(const struct act *act, bool sends)
{
	return act->kind != ACT_HEAL && act_sends(act) == sends;
}

/* Without `count` acts of this sort from the `at`-th of them on. */
static bool
without(struct plan *plan, bool sends, size_t at, size_t count, const struct verdict *want)
{
	struct plan candidate;
	size_t nth = 0, left = 0;

	plan_init(&candidate, (uint32_t) plan->world.nodes);
	candidate.world = plan->world;
	memcpy(candidate.host, plan->host, (plan->world.nodes + 2) * sizeof *plan->host);
	for (size_t i = 0; i < plan->count; i++) {
		bool sort = sort_of(&plan->act[i], sends);

		if (sort && nth >= at && nth < at + count)
			left++;
		else
			plan_add(&candidate, &plan->act[i]);
		nth += sort;
	}
	if (left == 0) {
		plan_done(&candidate);
		return false;
	}
	return take(plan, &candidate, want);
}

static size_t
count_of(const struct plan *plan, bool sends)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += sort_of(&plan->act[i], sends);
	return count;
}

/* Halves, quarters, ... single ones are left out. */
static bool
fewer(struct plan *plan, bool sends, const struct verdict *want)
{
	bool any = false;

	for (size_t size = count_of(plan, sends); size > 0 && time_left(); size /= 2)
		for (size_t at = 0; at < count_of(plan, sends) && time_left();) {
			if (without(plan, sends, at, size, want))
				any = true;
			else
				at += size;
		}
	return any;
}

static bool
fewer_nodes(struct plan *plan, const struct verdict *want)
{
	bool any = false;

	for (uint32_t gone = 0; gone < plan->world.nodes && plan->world.nodes > 2;) {
		uint32_t nodes = (uint32_t) plan->world.nodes - 1;
		struct plan candidate;

		plan_init(&candidate, nodes);
		candidate.world = plan->world;
		candidate.world.nodes = nodes;
		for (uint32_t i = 0; i < nodes + 2; i++)
			candidate.host[i] = plan->host[i < gone ? i : i + 1];
		for (size_t i = 0; i < plan->count; i++) {
			struct act act = plan->act[i];

			if (act_names(&act, gone))
				continue;
			act_renumber(&act, gone);
			plan_add(&candidate, &act);
		}
		if (take(plan, &candidate, want))
			any = true;
		else
			gone++;
	}
	return any;
}

/* One field of the world as it is in a calm one. */
static bool
simpler_world(struct plan *plan, const struct verdict *want)
{
	struct plan usual;
	uint64_t *mine = (uint64_t *) (void *) &plan->world;
	const uint64_t *calm;
	bool any = false;

	plan_init(&usual, (uint32_t) plan->world.nodes);
	calm = (const uint64_t *) (const void *) &usual.world;
	for (size_t i = 0; i < sizeof usual.world / sizeof *calm && time_left(); i++) {
		struct plan candidate;

		if (mine[i] == calm[i] || &mine[i] == &plan->world.seed)
			continue;
		plan_copy(&candidate, plan);
		((uint64_t *) (void *) &candidate.world)[i] = calm[i];
		any |= take(plan, &candidate, want);
	}
	for (uint32_t i = 0; i < plan->world.nodes + 2 && time_left(); i++) {
		struct plan candidate;

		if (memcmp(&plan->host[i], &usual.host[i], sizeof *usual.host) == 0)
			continue;
		plan_copy(&candidate, plan);
		candidate.host[i] = usual.host[i];
		any |= take(plan, &candidate, want);
	}
	plan_done(&usual);
	return any;
}

/* Less time between two acts. */
static bool
shorter(struct plan *plan, const struct verdict *want)
{
	bool any = false;

	for (size_t i = 0; i < plan->count && time_left(); i++) {
		uint64_t before = i == 0 ? 0 : plan->act[i - 1].at_ns;
		uint64_t gap = plan->act[i].at_ns - before;
		struct plan candidate;

		if (gap <= GAP_NS)
			continue;
		plan_copy(&candidate, plan);
		for (size_t k = i; k < plan->count; k++)
			candidate.act[k].at_ns -= gap > 2 * GAP_NS ? gap / 2 : gap - GAP_NS;
		any |= take(plan, &candidate, want);
	}
	return any;
}

static bool
smaller_messages(struct plan *plan, const struct verdict *want)
{
	static const uint64_t sizes[] = { 100, 1000, 3000, 20000 };
	bool any = false;

	for (size_t i = 0; i < plan->count; i++)
		for (size_t k = 0; k < 4 && act_sends(&plan->act[i]) &&
		    sizes[k] < plan->act[i].value && time_left(); k++) {
			struct plan candidate;

			plan_copy(&candidate, plan);
			candidate.act[i].value = sizes[k];
			any |= take(plan, &candidate, want);
		}
	return any;
}

static void
shrink_say(const struct shrink *shrink, const struct plan *plan, const char *what)
{
	if (!shrink->quiet)
		(void) fprintf(stderr, "%6" PRIu64 " runs: %" PRIu64 " nodes, %zu acts, %zu"
		    " messages, %" PRIu64 " ms (%s)\n", runs, plan->world.nodes,
		    count_of(plan, false), count_of(plan, true), plan_end_ns(plan) / MS_NS, what);
}

/* What comes after the violation has no part in it. */
static void
cut_end(struct plan *plan, const struct verdict *want)
{
	struct plan candidate;

	if (want->failed_at_ns == 0 || want->failed == V14_LIVENESS)
		return;
	plan_init(&candidate, (uint32_t) plan->world.nodes);
	candidate.world = plan->world;
	memcpy(candidate.host, plan->host, (plan->world.nodes + 2) * sizeof *plan->host);
	for (size_t i = 0; i < plan->count; i++)
		if (plan->act[i].at_ns <= want->failed_at_ns)
			plan_add(&candidate, &plan->act[i]);
	(void) take(plan, &candidate, want);
}

/* What is made anew when all has healed comes first: acts that are written down tell more. */
static void
less_afterwards(struct plan *plan, const struct verdict *want)
{
	struct plan candidate;

	plan_copy(&candidate, plan);
	candidate.world.after_each = candidate.world.after_extra = 0;
	(void) take(plan, &candidate, want);
}

bool
shrink_plan(struct plan *plan, const struct shrink *shrink)
{
	struct verdict want;
	bool again = true;

	shrinking = shrink;
	end_s = clock_s() + shrink->limit_seconds;
	want = verdict_of_plan(plan);
	if (want.failed == 0)
		return false;
	shrink_say(shrink, plan, want.what);
	cut_end(plan, &want);
	less_afterwards(plan, &want);
	while (again && time_left()) {
		again = fewer(plan, false, &want);
		shrink_say(shrink, plan, "fewer acts");
		again |= fewer(plan, true, &want);
		shrink_say(shrink, plan, "fewer messages");
		again |= fewer_nodes(plan, &want);
		again |= simpler_world(plan, &want);
		again |= shorter(plan, &want);
		again |= smaller_messages(plan, &want);
		shrink_say(shrink, plan, "fewer nodes, less time, smaller messages");
	}
	return true;
}

bool
shrink_record(struct plan *plan, const struct sim_options *options)
{
	struct plan empty = { 0 };
	struct sim_options recorded = *options;
	FILE *file = tmpfile();
	bool done;

	if (file == NULL)
		return false;
	recorded.record = &empty;
	recorded.story = NULL;
	(void) verdict_of(&recorded, file);
	rewind(file);
	done = plan_read(plan, file, "the recorded run") == 0;
	(void) fclose(file);
	return done;
}
