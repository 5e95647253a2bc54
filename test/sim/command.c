/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A command line for what runs on the simulated cluster: runs seeds and judges them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/campaign.h"

static const char usage[] =
    "usage: %s --seed N [--nodes K] [--seconds S] [--mutant NAME] [--trace] [--quiet]\n"
    "       %s --seeds FROM COUNT [--nodes-min A] [--nodes-max B] [--jobs J] [--seconds S]"
    " [--quiet] [--until-failed]\n"
    "       %s --check-mutants [--seeds FROM COUNT]\n"
    "A seed is a run: the same one every time.  --trace tells it line by line.  Exit status 0: no\n"
    "property was violated; 1: one was; 2: the command line is wrong.\n";

struct arguments {
	struct sim_options options;
	struct campaign campaign;
	bool many, mutants;
	bool trace, quiet;
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

static int
argument_lie(struct arguments *a, const char *name)
{
	const struct subject *subject = a->campaign.subject;

	for (size_t i = 0; i < subject->lie_count; i++) {
		struct lie lie = subject->lie(i);

		if (strcmp(lie.name, name) != 0)
			continue;
		a->options.mutant = lie.mutant;
		a->options.app_mutant = lie.app_mutant;
		a->options.only = lie.property;
		return 0;
	}
	return -EINVAL;
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
	if (strcmp(name, "--mutant") == 0 && value != NULL)
		return argument_lie(a, value) < 0 ? -EINVAL : 2;
	return -EINVAL;
}

static int
run_one(const struct arguments *a)
{
	struct sim *sim = sim_new(&a->options);
	uint32_t failed = sim_run(sim);
	const struct sim_result *result = &sim->result;

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

int
command_main(int argc, char **argv, const struct subject *subject)
{
	struct arguments a = {
		.campaign = { .first = 1, .count = 1, .nodes_min = 3, .nodes_max = 9, .jobs = 2,
		    .subject = subject },
		.options.app = subject->app,
	};
	int taken;

	for (int i = 1; i < argc; i += taken) {
		taken = argument_take(&a, &argv[i]);
		if (taken < 0) {
			(void) fprintf(stderr, usage, subject->program, subject->program,
			    subject->program);
			return 2;
		}
	}
	if (a.trace)
		a.options.story = stdout;
	a.campaign.seconds = a.options.seconds == 0 ? 30 : a.options.seconds;
	a.campaign.quiet = a.quiet;
	if (a.campaign.nodes_max < a.campaign.nodes_min)
		a.campaign.nodes_max = a.campaign.nodes_min;
	if (a.mutants)
		return campaign_mutants(&a.campaign) == 0 ? 0 : 1;
	if (a.many)
		return campaign_run(&a.campaign) == 0 ? 0 : 1;
	return run_one(&a);
}
