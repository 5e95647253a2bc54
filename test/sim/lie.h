/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What deliberate lies have in common, those about the ring (mutant.c) and those about process
 * groups (cpg/lies.c): a run goes on undisturbed, and one occasion of it is told falsely.
 */
#ifndef SIM_LIE_H
#define SIM_LIE_H
#include <stdbool.h>
#include <stdint.h>

struct lie {			/* begins the description of each */
	const char *name;
	uint32_t property;	/* that it violates */
	const char *what;
};

struct occasion {
	uint64_t countdown;	/* let so many pass before */
	bool taken;		/* honest again */
};

/* Here is one: is it the one to lie at? */
static inline bool
occasion_take(struct occasion *occasion)
{
	if (occasion->taken)
		return false;
	if (occasion->countdown > 0) {
		occasion->countdown--;
		return false;
	}
	occasion->taken = true;
	return true;
}
#endif
