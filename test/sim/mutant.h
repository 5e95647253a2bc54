/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Deliberate bugs, at least one for each property.  They sit between the outputs of a healthy core
 * and the record of what happened, at one node: the run itself goes on undisturbed, only what that
 * node reports is false.  A checker that lets its mutant pass proves nothing.
 */
#ifndef SIM_MUTANT_H
#define SIM_MUTANT_H
#include "test/sim/lie.h"
#include "test/sim/sim.h"

struct mutant {
	struct lie lie;
	void (*event)(struct sim *sim, const struct event *event);
};

extern const struct mutant mutants[];
extern const size_t mutant_count;

void mutation_init(struct sim *sim);
void mutation_done(struct sim *sim);
void mutation_event(struct sim *sim, const struct event *event);

/* record.c: past the mutant */
void record_plain(struct sim *sim, const struct event *event);
#endif
