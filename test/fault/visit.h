/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#ifndef FAULT_VISIT_H
#define FAULT_VISIT_H
#include <stdbool.h>

/* False: the daemon ended meanwhile, as it may.  `*ret_told`: a call failed. */
bool visit(unsigned int node, bool *ret_told);

#endif
