/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * vc: process groups on the cores, their properties C1 to C12, and the savings bank on them.
 */
#include <limits.h>
#include <stdio.h>

#include "test/sim/campaign.h"
#include "test/sim/cpg/cpg.h"

static const struct lie *
vc_lie(size_t index)
{
	return &cpg_mutants[index].lie;
}

int
main(int argc, char **argv)
{
	static char cfg[PATH_MAX], cpg[PATH_MAX];
	const char *const files[] = { cfg, cpg, NULL };
	struct subject subject = { .program = "vc", .app = &cpg_app, .lie = vc_lie,
	    .lie_count = cpg_mutant_count, .files = files };

	(void) snprintf(cfg, sizeof cfg, "%s/cfg.so", cpg_engines_directory());
	(void) snprintf(cpg, sizeof cpg, "%s/cpg.so", cpg_engines_directory());

	return command_main(argc, argv, &subject);
}
