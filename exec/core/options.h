/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The command line of corosync(8).
 */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct options {
	bool foreground, test, version, help, plain_priority;
	const char *config_file, *instance, *engine_dir, *run_dir, *state_dir;	/* never NULL */
	uint64_t node_id;	/* CONFIG_UNSET: not given */
};

/* 0, or -EINVAL: a line about it was printed. */
int options_parse(int argc, char **argv, struct options *ret_options);
void options_help(FILE *to);
#endif
