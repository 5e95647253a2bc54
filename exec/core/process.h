/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the daemon asks of the operating system for itself: the background, priority, memory that
 * stays, a last line when it crashes, and word to who started it.
 */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H
#include <stdbool.h>

#include "exec/core/config.h"

/* Documented in corosync(8). */
enum process_exit {
	PROCESS_EXIT_DONE = 0,
	PROCESS_EXIT_USAGE = 1,
	PROCESS_EXIT_FORK = 4,
	PROCESS_EXIT_CONFIG = 8,
	PROCESS_EXIT_LOG = 9,
	PROCESS_EXIT_SERVICES = 13,
	PROCESS_EXIT_FATAL = 15,
	PROCESS_EXIT_DIRECTORY = 16,
	PROCESS_EXIT_LOCK = 17,
	PROCESS_EXIT_RUNNING = 18,
	PROCESS_EXIT_RING = 20,
};

/* Go to the background.  In the process that stays: true.  In the one that was started: false, once
 * the other is ready or gave up; `*ret_exit` is then its exit status. */
bool process_background(int *ret_ready_fd, enum process_exit *ret_exit);
/* Tell who waits, and systemd, that we are ready.  `ready_fd` -1: nobody waits; set to -1. */
void process_ready(int *ready_fd, const char *status);
/* Nothing to say yet, or we gave up: the waiting process ends with that status. */
void process_failed(int *ready_fd, enum process_exit status);
void process_status(const char *status);	/* to systemd only */
void process_stopping(void);
/* SCHED_RR unless `plain`, and memory locked; a note says what was not permitted. */
void process_privilege(const struct config *config, bool plain);
/* Signals that we act on wait for the main loop from now on: before the first thread is made. */
void process_signals_block(void);
/* A descriptor to read them from, or -errno. */
int process_signals_open(void);
/* The next one, or 0. */
int process_signals_next(int fd);
/* A line to the log on SIGSEGV and the like, and on a failed assertion. */
void process_crash_handlers(void);
#endif
