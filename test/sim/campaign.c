/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Forks, collects, adds up.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/base/assert.h"
#include "test/sim/campaign.h"
#include "test/sim/report.h"

#define JOBS_MAX		64u
#define SEED_SECONDS_MAX	300u	/* of the processor's time */
#define MUTANT_SEEDS_MAX	200u

struct worker {
	pid_t pid;		/* 0: free */
	int fd;
	uint64_t seed;
	uint32_t nodes;
	size_t got;
	struct sim_result result;
};

static FILE *failed_list;		/* NULL: nobody keeps it */
static struct sim *campaign_sim;	/* the child's, for the assertion handler */
static int campaign_fd;

static void
campaign_tell(const struct sim_result *result)
{
	const char *at = (const char *) result;
	size_t left = sizeof *result;

	while (left > 0) {
		ssize_t n = write(campaign_fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(3);
		at += n;
		left -= (size_t) n;
	}
}

static void
campaign_assert_failed(const char *expression, const char *file, int line)
{
	struct sim_result *result = &campaign_sim->result;

	result->failed = PROPERTY_END;
	result->runs = 1;
	(void) snprintf(result->what, sizeof result->what, "assertion %s, %s:%d, at %" PRIu64 " ms",
	    expression, file, line, campaign_sim->now_ns / MS_NS);
	campaign_tell(result);
	_exit(1);
}

static _Noreturn void
campaign_child(const struct campaign *campaign, uint64_t seed, uint32_t nodes,
    const struct lie *lie, uint32_t only)
{
	/* Of the processor's time: a campaign may be stopped for a while, or run beside others. */
	(void) setitimer(ITIMER_PROF, &(struct itimerval) { .it_value.tv_sec = SEED_SECONDS_MAX },
	    NULL);
	campaign_sim = sim_new(&(struct sim_options) {
		.seed = seed, .nodes = nodes, .seconds = campaign->seconds, .only = only,
		.app = campaign->subject->app, .lie = lie,
	});
	cs_assert_handler_set(campaign_assert_failed);
	(void) sim_run(campaign_sim);
	campaign_tell(&campaign_sim->result);
	exit(0);	/* with what is due at the end, such as the counts of a coverage build */
}

static void
campaign_fork(const struct campaign *campaign, struct worker *worker, const struct lie *lie,
    uint32_t only)
{
	int ends[2];

	if (pipe(ends) < 0) {
		perror("pipe");
		exit(2);
	}
	(void) fflush(stdout);
	worker->pid = fork();
	if (worker->pid < 0) {
		perror("fork");
		exit(2);
	}
	if (worker->pid == 0) {
		(void) close(ends[0]);
		campaign_fd = ends[1];
		campaign_child(campaign, worker->seed, worker->nodes, lie, only);
	}
	(void) close(ends[1]);
	worker->fd = ends[0];
	worker->got = 0;
	memset(&worker->result, 0, sizeof worker->result);
}

/* True when the worker is done, for better or worse; its result is whole then. */
static bool
campaign_hear(struct worker *worker)
{
	ssize_t n = read(worker->fd, (char *) &worker->result + worker->got,
	    sizeof worker->result - worker->got);
	int status = 0;

	if (n < 0 && errno == EINTR)
		return false;
	if (n > 0) {
		worker->got += (size_t) n;
		if (worker->got < sizeof worker->result)
			return false;
	}
	(void) close(worker->fd);
	(void) waitpid(worker->pid, &status, 0);
	if (worker->got < sizeof worker->result) {
		memset(&worker->result, 0, sizeof worker->result);
		worker->result.failed = PROPERTY_END;
		worker->result.runs = 1;
		(void) snprintf(worker->result.what, sizeof worker->result.what,
		    "the process died of signal %d%s", WTERMSIG(status),
		    WTERMSIG(status) == SIGPROF ? ": too slow" : "");
	}
	worker->result.seed = worker->seed;
	worker->result.nodes = worker->nodes;
	worker->pid = 0;
	return true;
}

const char *
campaign_property_name(const struct subject *subject, uint32_t failed)
{
	static char text[64];

	if (subject->app != NULL && failed > PROPERTY_END)
		return subject->app->property_name(failed);
	if (failed >= PROPERTY_END)
		return "abort";
	(void) snprintf(text, sizeof text, "V%" PRIu32 " %s", failed,
	    checker_of((enum property) failed)->name);
	return text;
}

static uint32_t
campaign_nodes(const struct campaign *campaign, uint64_t seed)
{
	struct prng prng = { .state = seed };

	return (uint32_t) dice(&prng, campaign->nodes_min, campaign->nodes_max);
}

static void
campaign_collect(const struct campaign *campaign, const struct worker *worker,
    struct sim_result *sum, uint64_t *failed_count)
{
	report_add(sum, &worker->result);
	if (worker->result.failed == 0)
		return;
	(*failed_count)++;
	if (failed_list != NULL)
		(void) fprintf(failed_list, "failed %" PRIu64 " %" PRIu32 " %s\n", worker->seed,
		    worker->nodes,
		    campaign_property_name(campaign->subject, worker->result.failed));
	(void) printf("FAILED seed %" PRIu64 ": %s: %s\n"
	    "       replay: %s --seed %" PRIu64 " --nodes %" PRIu32 " --seconds %" PRIu64
	    " --trace\n", worker->seed,
	    campaign_property_name(campaign->subject, worker->result.failed),
	    worker->result.what, campaign->subject->program, worker->seed, worker->nodes,
	    campaign->seconds);
	(void) fflush(stdout);
}

/* Waits until at least one worker is done. */
static void
campaign_wait(const struct campaign *campaign, struct worker *workers, struct sim_result *sum,
    uint64_t *failed_count)
{
	struct pollfd fds[JOBS_MAX];
	bool done = false;

	while (!done) {
		for (uint32_t i = 0; i < campaign->jobs; i++)
			fds[i] = (struct pollfd) {
				.fd = workers[i].pid != 0 ? workers[i].fd : -1, .events = POLLIN,
			};
		if (poll(fds, campaign->jobs, -1) < 0 && errno != EINTR)
			exit(2);
		for (uint32_t i = 0; i < campaign->jobs; i++)
			if (workers[i].pid != 0 && fds[i].revents != 0 &&
			    campaign_hear(&workers[i])) {
				campaign_collect(campaign, &workers[i], sum, failed_count);
				done = true;
			}
	}
}

/* Runs the seeds; how many failed. */
static uint64_t
campaign_seeds(const struct campaign *campaign, struct sim_result *sum)
{
	static struct worker workers[JOBS_MAX];
	uint64_t next = 0, busy = 0, failed_count = 0;

	while (next < campaign->count || busy > 0) {
		busy = 0;
		if (campaign->until_failed && failed_count > 0)
			next = campaign->count;	/* those that run are of earlier seeds: wait */
		for (uint32_t i = 0; i < campaign->jobs; i++) {
			if (workers[i].pid == 0 && next < campaign->count) {
				workers[i].seed = campaign->first + next++;
				workers[i].nodes = campaign_nodes(campaign, workers[i].seed);
				campaign_fork(campaign, &workers[i], NULL, campaign->only);
			}
			busy += workers[i].pid != 0;
		}
		if (busy > 0)
			campaign_wait(campaign, workers, sum, &failed_count);
	}
	return failed_count;
}

uint64_t
campaign_run(const struct campaign *campaign)
{
	static struct sim_result sum;
	uint64_t failed_count = campaign_seeds(campaign, &sum);

	if (!campaign->quiet)
		report_print(&sum);
	if (!campaign->quiet && campaign->subject->app != NULL)
		campaign->subject->app->report(&sum);
	(void) printf("%" PRIu64 " passed, %" PRIu64 " failed\n", sum.runs > failed_count ?
	    sum.runs - failed_count : 0, failed_count);
	return failed_count;
}

uint64_t
campaign_step(const struct campaign *campaign, uint64_t *ret_simulated_ns, char *failed_seeds,
    size_t size)
{
	struct sim_result sum = { 0 };
	uint64_t failed_count;

	failed_seeds[0] = '\0';
	failed_list = fmemopen(failed_seeds, size, "w");
	failed_count = campaign_seeds(campaign, &sum);
	if (failed_list != NULL)
		(void) fclose(failed_list);
	failed_list = NULL;
	*ret_simulated_ns = sum.simulated_ns;
	return failed_count;
}

/* What one run says of one property, with the lie or, for comparison, without. */
static uint32_t
campaign_verdict(const struct campaign *campaign, uint64_t seed, const struct lie *lie,
    uint32_t property)
{
	struct worker worker = { .seed = seed, .nodes = campaign_nodes(campaign, seed) };

	campaign_fork(campaign, &worker, lie, property);
	while (!campaign_hear(&worker))
		;
	return worker.result.failed;
}

/* After how many seeds is the lie caught?  Only seeds that pass without it count. */
static uint64_t
campaign_catch(const struct campaign *campaign, const struct lie *lie)
{
	for (uint64_t tried = 0; tried < MUTANT_SEEDS_MAX; tried++) {
		uint64_t seed = campaign->first + tried;

		if (campaign_verdict(campaign, seed, lie, lie->property) == lie->property &&
		    campaign_verdict(campaign, seed, NULL, lie->property) == 0)
			return tried + 1;
	}
	return 0;
}

uint64_t
campaign_mutants(const struct campaign *campaign)
{
	const struct subject *subject = campaign->subject;
	uint64_t survivors = 0;

	(void) printf("%-16s %-28s %-8s %s\n", "mutant", "property", "seeds", "what it does");
	for (size_t i = 0; i < subject->lie_count; i++) {
		const struct lie *lie = subject->lie(i);
		const char *name = campaign_property_name(subject, lie->property);
		uint64_t seeds = campaign_catch(campaign, lie);

		survivors += seeds == 0;
		if (seeds > 0)
			(void) printf("%-16s %-28s %-8" PRIu64 " %s\n", lie->name, name, seeds,
			    lie->what);
		else
			(void) printf("%-16s %-28s SURVIVED %s\n", lie->name, name, lie->what);
		(void) fflush(stdout);
	}
	(void) printf("%zu mutants, %" PRIu64 " survived\n", subject->lie_count, survivors);
	return survivors;
}
