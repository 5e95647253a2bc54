/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The libraries wait for their daemon as long as it lives, and a stopped one lives.  A program for
 * people and scripts does not: after PATIENCE_SECONDS it says so and ends with status 1.
 */
#ifndef TOOLS_PATIENCE_H
#define TOOLS_PATIENCE_H

#define PATIENCE_SECONDS	10u

/* Around what is asked of the daemon, and nothing else: whoever reads our output may take his
 * time.  `program` names us. */
void patience_begin(const char *program);
void patience_end(void);
/* The daemon said "try again": wait a moment for that. */
void patience_pause(void);
#endif
