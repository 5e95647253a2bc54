/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <sched.h>
#include <signal.h>

#include "exec/core/thread.h"

#define THREAD_STACK_BYTES	(256u * 1024u)	/* getaddrinfo() with its plug-ins is the largest */

int
thread_start(pthread_t *ret_thread, void *(*run)(void *), void *argument)
{
	static const int faults[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };
	const struct sched_param param = { .sched_priority = 0 };
	pthread_attr_t attr;
	sigset_t all, before;
	int r;

	r = pthread_attr_init(&attr);
	if (r != 0)
		return -r;
	/* The main thread may be real-time; a helper that waits for a disk must not be. */
	(void) pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	(void) pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
	(void) pthread_attr_setschedparam(&attr, &param);
	(void) pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	(void) sigfillset(&all);
	/* While its own fault is blocked, it ends us without the handler, and last words wait for
	 * the core file. */
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		(void) sigdelset(&all, faults[i]);
	(void) pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret_thread, &attr, run, argument);
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void) pthread_attr_destroy(&attr);
	return -r;
}
