/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The daemon's log, on libqb's: to stderr, syslog and a file, each by subsystem and priority.  A
 * thread of libqb writes, so that a slow disk or a full pipe does not stop the main loop.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H
#include <stdbool.h>
#include <syslog.h>

#include "exec/core/config.h"

#define LOG_TRACE_PRIORITY	(LOG_DEBUG + 1)
#define LOG_SUBSYS_COUNT_MAX	32u

enum log_subsys {
	LOG_SUBSYS_MAIN,
	LOG_SUBSYS_TOTEM,
	LOG_SUBSYS_NET,
	LOG_SUBSYS_IPC,
	LOG_SUBSYS_SERV,	/* engines' loading */
	LOG_SUBSYS_SYNC,
	LOG_SUBSYS_STATE,
	LOG_SUBSYS_QUORUM,	/* membership lines that tools look for under this tag */
	LOG_SUBSYS_QB,		/* libqb's own */
	LOG_SUBSYS_FIXED_COUNT
};

/* Begin, as the configuration says.  `foreground`: stderr may be used.  `ident`: for syslog.
 * 0 or -errno (of the log file, or of making a thread).  Call it in the process that stays. */
int log_begin(const struct config *config, const char *ident, bool foreground);
/* After fork() or a change of stderr is done. */
void log_end(void);
/* Open the log file again, for rotation.  0 or -errno. */
int log_reopen(void);
/* The number of a subsystem with that tag, made when new: engines have their own. */
unsigned int log_subsys_number(const char *tag);
/* One line, without newline; control characters in it are written as \x0A. */
void log_write(unsigned int subsys, int priority, const char *function, const char *file, int line,
    const char *format, ...) __attribute__((format(printf, 6, 7)));
#define log_line(subsys, priority, ...) \
	log_write(subsys, priority, __func__, __FILE__, __LINE__, __VA_ARGS__)
/* Would such a line go anywhere?  For lines that cost something to make. */
bool log_wanted(unsigned int subsys, int priority);
/* From a signal handler: `text` of `len` bytes with newline to stderr, file and syslog. */
void log_crash(const char *text, size_t len);
#endif
