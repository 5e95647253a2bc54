/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A command line for what runs on the simulated cluster: runs seeds and judges them, and keeps runs
 * as scenarios.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/campaign.h"

static const char usage[] =
    "usage: %s --seed N [--nodes K] [--seconds S] [--mutant NAME | --only PROPERTY]"
    " [--trace] [--tell] [--quiet]\n"
    "       %s --seeds FROM COUNT [--nodes-min A] [--nodes-max B] [--jobs J] [--seconds S]"
    " [--quiet]\n"
    "          [--only PROPERTY] [--until-failed] | [--resume STATE_FILE]\n"
    "       %s --check-mutants [--seeds FROM COUNT]\n"
    "       %s --scenario FILE [--trace] [--tell]\n"
    "       %s --shrink (--seed N [--nodes K] | --scenario FILE) [--limit SECONDS]"
    " [--write FILE] [--trace]\n"
    "--write FILE keeps the run, shrunk or not, as a scenario: all that is done, act by act.\n"
    "A seed is a run: the same one every time.  --trace tells it line by line, --tell what"
    " matters.\n"
    "--only PROPERTY (V9, C3, ...): the others are not judged.\n"
    "Exit status 0: no property was violated; 1: one was; 2: the command line is wrong.\n";

struct arguments {
	const struct subject *subject;
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

static int
argument_lie(struct arguments *a, const char *name)
{
	const struct subject *subject = a->subject;

	for (size_t i = 0; i < subject->lie_count; i++) {
		const struct lie *lie = subject->lie(i);

		if (strcmp(lie->name, name) != 0)
			continue;
		a->options.lie = lie;
		a->options.only = lie->property;
		return 0;
	}
	return -EINVAL;
}

/* Its number, which is the first word of its name, or the whole of that. */
static bool
argument_names(const struct arguments *a, const char *name, uint32_t property)
{
	const char *full = campaign_property_name(a->subject, property);
	size_t len = strlen(name);

	return len > 0 && strncmp(full, name, len) == 0 &&
	    (full[len] == ' ' || full[len] == '\0');
}

/* 0: none of these has that name. */
static uint32_t
property_named(const struct arguments *a, const char *name, uint32_t first, uint32_t end)
{
	for (uint32_t property = first; property < end; property++)
		if (argument_names(a, name, property))
			return property;
	return 0;
}

static int
argument_property(struct arguments *a, const char *name)
{
	const struct sim_app *app = a->subject->app;
	uint32_t property = property_named(a, name, 1, PROPERTY_END);

	if (property == 0 && app != NULL)
		property = property_named(a, name, app->property_first, app->property_end);
	a->options.only = property;
	a->campaign.only = property;
	return property != 0 ? 0 : -EINVAL;
}

/* One that stands alone. */
static int
argument_flag(struct arguments *a, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "--trace", &a->trace }, { "--quiet", &a->quiet }, { "--tell", &a->tell },
		{ "--shrink", &a->shrink }, { "--until-failed", &a->campaign.until_failed },
		{ "--check-mutants", &a->mutants },
	};

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		if (strcmp(name, flags[i].name) == 0) {
			*flags[i].flag = true;
			return 0;
		}
	}
	return -EINVAL;
}

static int
argument_file(struct arguments *a, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **file;
	} files[] = {
		{ "--scenario", &a->scenario }, { "--write", &a->write },
		{ "--resume", &a->state_file },
	};

	for (size_t i = 0; value != NULL && i < sizeof files / sizeof *files; i++) {
		if (strcmp(name, files[i].name) == 0) {
			*files[i].file = value;
			return 0;
		}
	}
	return -EINVAL;
}

static int
argument_value(struct arguments *a, const char *name, const char *value)
{
	if (strcmp(name, "--seed") == 0)
		return argument_number(value, &a->options.seed);
	if (strcmp(name, "--seconds") == 0)
		return argument_number(value, &a->options.seconds);
	if (strcmp(name, "--limit") == 0)
		return argument_number(value, &a->limit_seconds);
	if (strcmp(name, "--nodes") == 0)
		return argument_u32(value, 1, TOTEM_NODES_MAX, &a->options.nodes);
	if (strcmp(name, "--nodes-min") == 0)
		return argument_u32(value, 1, TOTEM_NODES_MAX, &a->campaign.nodes_min);
	if (strcmp(name, "--nodes-max") == 0)
		return argument_u32(value, 1, TOTEM_NODES_MAX, &a->campaign.nodes_max);
	if (strcmp(name, "--jobs") == 0)
		return argument_u32(value, 1, 64, &a->campaign.jobs);
	if (strcmp(name, "--mutant") == 0 && value != NULL)
		return argument_lie(a, value);
	if (strcmp(name, "--only") == 0 && value != NULL)
		return argument_property(a, value);
	return argument_file(a, name, value);
}

/* One option and what follows it; how many words, or -EINVAL. */
static int
argument_take(struct arguments *a, char **words)
{
	if (argument_flag(a, words[0]) == 0)
		return 1;
	if (strcmp(words[0], "--seeds") == 0) {
		a->many = true;
		return argument_number(words[1], &a->campaign.first) < 0
		    || argument_number(words[2], &a->campaign.count) < 0 ? -EINVAL : 3;
	}
	return argument_value(a, words[0], words[1]) < 0 ? -EINVAL : 2;
}

static int
arguments_read(struct arguments *a, int argc, char **argv)
{
	int taken;

	for (int i = 1; i < argc; i += taken) {
		taken = argument_take(a, &argv[i]);
		if (taken < 0)
			return taken;
	}
	if (a->state_file != NULL && a->campaign.only != 0)
		return -EINVAL;		/* the file would not tell them apart */
	if (a->trace)
		a->options.story = stdout;
	a->campaign.seconds = a->options.seconds == 0 ? 30 : a->options.seconds;
	a->campaign.quiet = a->quiet;
	if (a->campaign.nodes_max < a->campaign.nodes_min)
		a->campaign.nodes_max = a->campaign.nodes_min;
	return 0;
}

static void
usage_print(const struct subject *subject)
{
	const char *name = subject->program;

	(void) fprintf(stderr, usage, name, name, name, name, name);
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
		    campaign_property_name(a->subject, failed), result->what);
	if (!a->quiet)
		(void) printf("seed %" PRIu64 ", %" PRIu32 " nodes, %" PRIu64 " ms, %" PRIu64
		    " messages, %" PRIu64 " configurations, settled after %" PRIu64 " ms: %s\n",
		    result->seed, result->nodes, result->simulated_ns / MS_NS,
		    result->count[COUNT_APP], result->count[COUNT_REGULAR],
		    result->converge_ns / MS_NS, failed == 0 ? "passed" : "failed");
	sim = sim_free(sim);
	return failed == 0 ? 0 : 1;
}

/* Messages are the processes' where there are some, and else the daemons'. */
static int
plan_fits(const struct arguments *a)
{
	for (size_t i = 0; i < a->plan.count; i++) {
		const struct act *act = &a->plan.act[i];

		if (a->subject->app != NULL ? act->kind != ACT_SEND : !act_is_of_process(act))
			continue;
		(void) fprintf(stderr, "%s: \"", a->scenario);
		act_write(act, stderr);
		(void) fprintf(stderr, "\" is not for %s but for %s\n", a->subject->program,
		    a->subject->app != NULL ? "vs" : "vc");
		return -EINVAL;
	}
	return 0;
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
	return r < 0 ? r : plan_fits(a);
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
	struct shrink shrink = {
		.app = a->options.app, .lie = a->options.lie,
		.limit_seconds = a->limit_seconds, .quiet = a->quiet,
	};

	if (a->scenario != NULL && plan_load(a) < 0)
		return 2;
	if (a->scenario != NULL && a->options.seed != 0)
		a->plan.world.seed = a->options.seed;	/* the same with other dice */
	if (a->scenario == NULL && (a->shrink || a->write != NULL)) {
		if (!shrink_record(&a->plan, &a->options)) {
			(void) fprintf(stderr, "%s: the run could not be recorded\n",
			    a->subject->program);
			return 2;
		}
		a->options.plan = &a->plan;
	}
	if (a->shrink && !shrink_plan(&a->plan, &shrink)) {
		(void) fprintf(stderr, "%s: this run does not fail\n", a->subject->program);
		return 2;
	}
	if (a->write != NULL && plan_keep(a) != 0)
		return 2;
	if (a->shrink && a->write == NULL)
		plan_write(&a->plan, stdout);
	return run_one(a);
}

int
command_main(int argc, char **argv, const struct subject *subject)
{
	struct arguments a = {
		.subject = subject,
		.limit_seconds = 300,
		.campaign = { .first = 1, .count = 1, .nodes_min = 3, .nodes_max = 9, .jobs = 2,
		    .subject = subject },
		.options.app = subject->app,
	};
	int status;

	if (arguments_read(&a, argc, argv) < 0) {
		usage_print(subject);
		return 2;
	}
	if (a.mutants)
		return campaign_mutants(&a.campaign) == 0 ? 0 : 1;
	if (a.many && a.state_file != NULL)
		return campaign_long(&a.campaign, a.state_file) == 0 ? 0 : 1;
	if (a.many)
		return campaign_run(&a.campaign) == 0 ? 0 : 1;
	status = run_single(&a);
	plan_done(&a.plan);
	return status;
}
