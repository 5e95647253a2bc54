/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/patience.h"

#define TRY_WAIT_MS	50

static char words[160];
static size_t words_len;

static void
on_alarm(int signal_number)
{
	(void) signal_number;
	(void) !write(STDERR_FILENO, words, words_len);
	_exit(EXIT_FAILURE);
}

void
patience_begin(const char *program)
{
	struct sigaction action = { .sa_handler = on_alarm };
	sigset_t alarms;
	int len;

	len = snprintf(words, sizeof words, "%s: the daemon runs, but does not answer within %u s: "
	    "it is stopped or the machine is overloaded\n", program, PATIENCE_SECONDS);
	words_len = len > 0 && (size_t) len < sizeof words ? (size_t) len : strlen(words);
	(void) sigemptyset(&action.sa_mask);
	(void) sigaction(SIGALRM, &action, NULL);
	/* Whoever started us may have blocked it. */
	(void) sigemptyset(&alarms);
	(void) sigaddset(&alarms, SIGALRM);
	(void) sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	(void) alarm(PATIENCE_SECONDS);
}

void
patience_end(void)
{
	(void) alarm(0);
}

void
patience_pause(void)
{
	(void) poll(NULL, 0, TRY_WAIT_MS);
}
