/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Many seeds, each in a process of its own: one that dies or hangs is a failed seed and nothing
 * more.
 */
#ifndef SIM_CAMPAIGN_H
#define SIM_CAMPAIGN_H
#include "test/sim/mutant.h"

/* What is run: the cores alone, or something on them. */
struct subject {
	const char *program;		/* as the user calls it */
	const struct sim_app *app;	/* NULL: none */
	const struct lie *(*lie)(size_t index);
	size_t lie_count;
	const char *const *files;	/* that it loads, besides itself; NULL at the end */
};

struct campaign {
	const struct subject *subject;
	uint64_t first, count;
	uint32_t nodes_min, nodes_max;
	uint64_t seconds;
	uint32_t jobs;
	bool quiet;
	uint32_t only;		/* judge this property alone; 0: all */
	bool until_failed;	/* stop at the first failed seed */
};

/* The number of failed seeds. */
uint64_t campaign_run(const struct campaign *campaign);
/* The same in steps, kept in a file after each: stopped, it goes on from there. */
uint64_t campaign_long(const struct campaign *campaign, const char *state_file);
/* One step's share of it (campaign_long.c). */
uint64_t campaign_step(const struct campaign *campaign, uint64_t *ret_simulated_ns,
    char *failed_seeds, size_t size);
/* The number of mutants that survived. */
uint64_t campaign_mutants(const struct campaign *campaign);
const char *campaign_property_name(const struct subject *subject, uint32_t failed);

/* command.c: a program for a subject. */
int command_main(int argc, char **argv, const struct subject *subject);
#endif
