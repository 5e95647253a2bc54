/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * One running daemon: its parts, made in order when it is known who it is, and taken down in the
 * other order.
 */
#ifndef CORE_DAEMON_H
#define CORE_DAEMON_H
#include <qb/qbloop.h>

#include "exec/core/config.h"
#include "exec/core/instance.h"
#include "exec/core/options.h"
#include "exec/core/process.h"

struct daemon {
	struct config config;
	struct config_reports reports;
	struct instance instance;
	const struct options *options;
	char engine_dir[INSTANCE_PATH_MAX];
	int ready_fd;			/* who started us waits there; -1: nobody does */
	enum process_exit status;	/* why the loop ends */
	bool stopping;
	qb_loop_t *loop;
	int signal_fd;
	int state_dir_error;		/* 0, or -errno of making the state directory */
	struct state *state;
	uint64_t ring_seq_floor;
	struct start *start;
	struct last_words *words;	/* NULL: could not be made */
	struct shell *shell;
	struct engines *engines;
};

/* From a locked instance with its log open to the end of its life. */
enum process_exit daemon_run(struct daemon *daemon);
#endif
