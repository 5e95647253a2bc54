/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Many seeds, each in a process of its own: one that dies or hangs is a failed seed and nothing
 * more.
 */
#ifndef SIM_CAMPAIGN_H
#define SIM_CAMPAIGN_H
#include "test/sim/mutant.h"

struct campaign {
	uint64_t first, count;
	uint32_t nodes_min, nodes_max;
	uint64_t seconds;
	uint32_t jobs;
	bool quiet;
	bool until_failed;	/* stop at the first failed seed */
};

/* The number of failed seeds. */
uint64_t campaign_run(const struct campaign *campaign);
/* The number of mutants that survived. */
uint64_t campaign_mutants(const struct campaign *campaign);
const char *campaign_failed_name(uint32_t failed);
#endif
