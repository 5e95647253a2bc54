/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * vs: the ring alone, its properties V1 to V14.
 */
#include "test/sim/campaign.h"

static const struct lie *
vs_lie(size_t index)
{
	return &mutants[index].lie;
}

int
main(int argc, char **argv)
{
	struct subject subject = { .program = "vs", .lie = vs_lie, .lie_count = mutant_count };

	return command_main(argc, argv, &subject);
}
