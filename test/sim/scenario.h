/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the files of scenarios have in common (scenario.c).
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H
#include <check.h>

#include "test/sim/sim.h"

#define FRAME_TYPE_AT	5u

/* A calm cluster, in one ring. */
struct sim *world(uint32_t nodes, uint32_t seq_first, uint64_t seed);
void load(struct sim *sim, uint32_t host, uint32_t count, uint32_t len);
void load_all(struct sim *sim, uint32_t count, uint32_t len);
/* The hosts from `first` on are cut from the others. */
void islands(struct sim *sim, uint32_t first);
/* `count` hosts from `first` on are in one ring of just these. */
bool in_one_ring(const struct sim *sim, uint32_t first, uint32_t count);
/* Everything comes right within a second, nothing was violated on the way, and it stays so. */
void all_is_well(struct sim *sim);

/* scenario_receive.c: members that do not get what others get */
TCase *scenario_receive(void);
/* scenario_wait.c: who is waited for, and who not */
TCase *scenario_wait(void);
#endif
