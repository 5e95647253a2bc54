/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * vs: runs seeds of the simulated cluster and judges them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/campaign.h"

static struct lie
vs_lie(size_t index)
{
	return (struct lie) { .name = mutants[index].name,
	    .property = (uint32_t) mutants[index].property, .what = mutants[index].what,
	    .mutant = &mutants[index] };
}

static const char usage[] =
    "usage: vs --seed N [--nodes K] [--seconds S] [--mutant NAME] [--trace] [--quiet]\n"
    "       vs --seeds FROM COUNT [--nodes-min A] [--nodes-max B] [--jobs J] [--seconds S]"
    " [--quiet]\n"
    "          [--until-failed | --resume STATE_FILE]\n"
    "       vs --scenario FILE [--trace] [--tell]\n"
    "       vs --shrink (--seed N [--nodes K] | --scenario FILE) [--limit SECONDS]"
    " [--write FILE] [--trace]\n"
    "       vs --check-mutants [--seeds FROM COUNT]\n"
    "A seed is a run: the same one every time.  --trace tells it line by line, --tell what"
    " matters.\n"
    "--write FILE keeps the run, shrunk or not, as a scenario: all that is done, act by act.\n"
    "Exit status 0: no property was violated; 1: one was; 2: the command line is wrong.\n";

struct arguments {
	struct sim_options options;
	struct campaign campaign;
	bool many, mutants;
	bool trace, quiet, tell, shrink;
	const char *scenario, *write, *state_file;
	struct plan plan;
	uint64_t limit_seconds;
};

static int
argument_number(const char *text, uint64_t *ret_value)
{
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret_value = strtoull(text, &end, 0);
	return errno != 0 || *end != '\0' ? -EINVAL : 0;
}

static int
argument_u32(const char *text, uint64_t low, uint64_t high, uint32_t *ret_value)
{
	uint64_t value;

	if (argument_number(text, &value) < 0 || value < low || value > high)
		return -EINVAL;
	*ret_value = (uint32_t) value;
	return 0;
}

/* One option and what follows it; how many words, or -EINVAL. */
static int
argument_take(struct arguments *a, char **words)
{
	const char *name = words[0], *value = words[1];

	if (strcmp(name, "--trace") == 0) {
		a->trace = true;
		return 1;
	}
	if (strcmp(name, "--quiet") == 0) {
		a->quiet = true;
		return 1;
	}
	if (strcmp(name, "--tell") == 0) {
		a->tell = true;
		return 1;
	}
	if (strcmp(name, "--shrink") == 0) {
		a->shrink = true;
		return 1;
	}
	if (strcmp(name, "--scenario") == 0 && value != NULL) {
		a->scenario = value;
		return 2;
	}
	if (strcmp(name, "--write") == 0 && value != NULL) {
		a->write = value;
		return 2;
	}
	if (strcmp(name, "--resume") == 0 && value != NULL) {
		a->state_file = value;
		return 2;
	}
	if (strcmp(name, "--limit") == 0)
		return argument_number(value, &a->limit_seconds) < 0 ? -EINVAL : 2;
	if (strcmp(name, "--until-failed") == 0) {
		a->campaign.until_failed = true;
		return 1;
	}
	if (strcmp(name, "--check-mutants") == 0) {
		a->mutants = true;
		return 1;
	}
	if (strcmp(name, "--seeds") == 0) {
		a->many = true;
		if (argument_number(value, &a->campaign.first) < 0 ||
		    argument_number(words[2], &a->campaign.count) < 0)
			return -EINVAL;
		return 3;
	}
	if (strcmp(name, "--seed") == 0)
		return argument_number(value, &a->options.seed) < 0 ? -EINVAL : 2;
	if (strcmp(name, "--seconds") == 0)
		return argument_number(value, &a->options.seconds) < 0 ? -EINVAL : 2;
	if (strcmp(name, "--nodes") == 0)
		return argument_u32(value, 1, TOTEM_NODES_MAX, &a->options.nodes) < 0 ? -EINVAL : 2;
	if (strcmp(name, "--nodes-min") == 0)
		return argument_u32(value, 1, TOTEM_NODES_MAX, &a->campaign.nodes_min) < 0 ?
		    -EINVAL : 2;
	if (strcmp(name, "--nodes-max") == 0)
		return argument_u32(value, 1, TOTEM_NODES_MAX, &a->campaign.nodes_max) < 0 ?
		    -EINVAL : 2;
	if (strcmp(name, "--jobs") == 0)
		return argument_u32(value, 1, 64, &a->campaign.jobs) < 0 ? -EINVAL : 2;
	if (strcmp(name, "--mutant") == 0 && value != NULL) {
		a->options.mutant = mutant_find(value);
		return a->options.mutant == NULL ? -EINVAL : 2;
	}
	return -EINVAL;
}

static int
run_one(const struct arguments *a)
{
	struct sim *sim = sim_new(&a->options);
	const struct sim_result *result = &sim->result;
	uint32_t failed;

	if (a->tell)
		tale_begin(sim);
	failed = sim_run(sim);
	tale_end(sim);

	if (failed != 0)
		(void) printf("[%9" PRIu64 ".%03" PRIu64 " ms] VIOLATED %s: %s\n",
		    sim->check.failed_at_ns / MS_NS, sim->check.failed_at_ns % MS_NS / US_NS,
		    campaign_failed_name(a->campaign.subject, failed), result->what);
	if (!a->quiet)
		(void) printf("seed %" PRIu64 ", %" PRIu32 " nodes, %" PRIu64 " ms, %" PRIu64
		    " messages, %" PRIu64 " configurations, settled after %" PRIu64 " ms: %s\n",
		    result->seed, result->nodes, result->simulated_ns / MS_NS,
		    result->count[COUNT_APP], result->count[COUNT_REGULAR],
		    result->converge_ns / MS_NS, failed == 0 ? "passed" : "failed");
	sim = sim_free(sim);
	return failed == 0 ? 0 : 1;
}

static int
plan_load(struct arguments *a)
{
	FILE *in = fopen(a->scenario, "re");
	int r;

	if (in == NULL) {
		perror(a->scenario);
		return -EINVAL;
	}
	r = plan_read(&a->plan, in, a->scenario);
	(void) fclose(in);
	a->options.plan = &a->plan;
	return r;
}

static int
plan_keep(const struct arguments *a)
{
	FILE *out = strcmp(a->write, "-") == 0 ? stdout : fopen(a->write, "we");

	if (out == NULL) {
		perror(a->write);
		return 2;
	}
	plan_write(&a->plan, out);
	if (out != stdout)
		(void) fclose(out);
	return 0;
}

/* One run, by seed or by scenario: shrunk, kept, told. */
static int
run_single(struct arguments *a)
{
	struct shrink shrink = { .limit_seconds = a->limit_seconds, .quiet = a->quiet };

	if (a->scenario != NULL && plan_load(a) < 0)
		return 2;
	if (a->scenario != NULL && a->options.seed != 0)
		a->plan.world.seed = a->options.seed;	/* the same with other dice */
	if (a->scenario == NULL && (a->shrink || a->write != NULL)) {
		if (!shrink_record(&a->plan, &a->options)) {
			(void) fprintf(stderr, "vs: the run could not be recorded\n");
			return 2;
		}
		a->options.plan = &a->plan;
	}
	if (a->shrink && !shrink_plan(&a->plan, &shrink)) {
		(void) fprintf(stderr, "vs: this run does not fail\n");
		return 2;
	}
	if (a->write != NULL && plan_keep(a) != 0)
		return 2;
	if (a->shrink && a->write == NULL)
		plan_write(&a->plan, stdout);
	return run_one(a);
}

int
main(int argc, char **argv)
{
	struct subject subject = { .program = "vs", .lie = vs_lie, .lie_count = mutant_count };
	struct arguments a = {
		.limit_seconds = 300,
		.campaign = { .first = 1, .count = 1, .nodes_min = 3, .nodes_max = 9, .jobs = 2,
		    .subject = &subject },
	};
	int taken;

	for (int i = 1; i < argc; i += taken) {
		taken = argument_take(&a, &argv[i]);
		if (taken < 0) {
			(void) fputs(usage, stderr);
			return 2;
		}
	}
	if (a.trace)
		a.options.story = stdout;
	if (a.options.mutant != NULL)
		a.options.only = (uint32_t) a.options.mutant->property;
	a.campaign.seconds = a.options.seconds == 0 ? 30 : a.options.seconds;
	a.campaign.quiet = a.quiet;
	if (a.campaign.nodes_max < a.campaign.nodes_min)
		a.campaign.nodes_max = a.campaign.nodes_min;
	if (a.mutants)
		return campaign_mutants(&a.campaign) == 0 ? 0 : 1;
	if (a.many && a.state_file != NULL)
		return campaign_long(&a.campaign, a.state_file) == 0 ? 0 : 1;
	if (a.many)
		return campaign_run(&a.campaign) == 0 ? 0 : 1;
	taken = run_single(&a);
	plan_done(&a.plan);
	return taken;
}
