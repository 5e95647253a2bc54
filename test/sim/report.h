/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What many runs reached, so that an easy workload is seen.
 */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H
#include "test/sim/sim.h"

void report_add(struct sim_result *sum, const struct sim_result *one);
void report_print(const struct sim_result *sum);
#endif
