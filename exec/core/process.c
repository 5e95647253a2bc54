/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif
#include <qb/qblog.h>

#include "exec/base/assert.h"
#include "exec/core/config_value.h"
#include "exec/core/last_words.h"
#include "exec/core/log.h"
#include "exec/core/process.h"

#define CRASH_SECONDS	1u	/* for the rest, when the last words are said */

/* Wait for the status byte; the daemon's death without one shows as the end of the pipe. */
static enum process_exit
background_wait(int fd)
{
	uint8_t status;
	ssize_t n;

	do
		n = read(fd, &status, sizeof status);
	while (n < 0 && errno == EINTR);
	return n == sizeof status ? (enum process_exit) status : PROCESS_EXIT_FATAL;
}

bool
process_background(int *ret_ready_fd, enum process_exit *ret_exit)
{
	int fds[2], unused;
	pid_t pid;

	*ret_exit = PROCESS_EXIT_FORK;
	/* Whoever waits for the end of a pipe that we inherited would wait for our whole life. */
	(void) close_range(3, ~0u, 0);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid < 0)
		return false;
	if (pid > 0) {
		(void) close(fds[1]);
		(void) waitpid(pid, &unused, 0);
		*ret_exit = background_wait(fds[0]);
		return false;
	}
	(void) close(fds[0]);
	/* A session of its own, and not its leader: no terminal can become ours. */
	(void) setsid();
	pid = fork();
	if (pid != 0) {
		uint8_t status = PROCESS_EXIT_FORK;

		if (pid < 0)
			(void) !write(fds[1], &status, sizeof status);
		_exit(0);
	}
	(void) !chdir("/");
	*ret_ready_fd = fds[1];
	return true;
}

static bool
stdio_to_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok = fd >= 0;

	for (int to = STDIN_FILENO; ok && to <= STDERR_FILENO; to++)
		ok = dup2(fd, to) >= 0;
	if (fd > STDERR_FILENO)
		(void) close(fd);
	return ok;
}

void
process_ready(int *ready_fd, const char *status)
{
	uint8_t done = PROCESS_EXIT_DONE;

	if (*ready_fd >= 0) {
		(void) stdio_to_null();
		(void) !write(*ready_fd, &done, sizeof done);
		(void) close(*ready_fd);
		*ready_fd = -1;
	}
#ifdef HAVE_SYSTEMD
	(void) sd_notifyf(0, "READY=1\nSTATUS=%s\nMAINPID=%ld", status, (long) getpid());
#else
	(void) status;
#endif
}

void
process_failed(int *ready_fd, enum process_exit status)
{
	uint8_t byte = (uint8_t) status;

	if (*ready_fd < 0)
		return;
	(void) !write(*ready_fd, &byte, sizeof byte);
	(void) close(*ready_fd);
	*ready_fd = -1;
}

void
process_status(const char *status)
{
#ifdef HAVE_SYSTEMD
	(void) sd_notifyf(0, "STATUS=%s", status);
#else
	(void) status;
#endif
}

void
process_stopping(void)
{
#ifdef HAVE_SYSTEMD
	(void) sd_notify(0, "STOPPING=1");
#endif
}

static void
nice_set(const char *text)
{
	char *end;
	long value;

	if (text[0] == '\0' || strcmp(text, "max") == 0 || strcmp(text, "min") == 0)
		return;
	value = strtol(text, &end, 10);
	if (*end != '\0' || value < -20 || value > 19
	    || setpriority(PRIO_PROCESS, 0, (int) value) < 0)
		log_line(LOG_SUBSYS_MAIN, LOG_WARNING,
		    "system.priority: nice value '%s' could not be set; allowed: -20 to 19", text);
}

static void
realtime_set(const struct config *config)
{
	struct sched_param param = { .sched_priority = sched_get_priority_max(SCHED_RR) };
	uint64_t number;

	if (strcmp(config->priority, "min") == 0)
		param.sched_priority = sched_get_priority_min(SCHED_RR);
	else if (config_number(config->priority, &number) == 0
	    && number <= (uint64_t) param.sched_priority && number > 0)
		param.sched_priority = (int) number;
	else if (config->priority[0] != '\0' && strcmp(config->priority, "max") != 0)
		log_line(LOG_SUBSYS_MAIN, LOG_WARNING, "system.priority: '%s' is not allowed; "
		    "allowed: max, min or a number from 1 to %d; max is used", config->priority,
		    param.sched_priority);
	/* The logging thread stands one above us: it takes a spin lock that we take too, and if we
	 * displaced it there we would spin until the kernel's limit on real-time processes. */
	if (param.sched_priority == sched_get_priority_max(SCHED_RR))
		param.sched_priority--;
	/* What we start one day must not inherit it. */
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) < 0)
		log_line(LOG_SUBSYS_MAIN, LOG_NOTICE, "Running without real-time priority: %s. "
		    "A busy machine may delay the daemon.", strerror(errno));
	else
		(void) qb_log_thread_priority_set(SCHED_RR, param.sched_priority + 1);
}

/* May we lock as much as we like?  The limit says so, or a capability, whatever the limit is.  That
 * one is not looked up: in a user namespace we seem to have it, and it is worth nothing.  With a
 * limit of 0 only who really has it can lock anything. */
static bool
memory_lockable(void)
{
	static const char probe;
	struct rlimit unlimited = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	struct rlimit limit, none;
	bool lockable;

	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0)
		return true;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return false;
	none = (struct rlimit) { .rlim_cur = 0, .rlim_max = limit.rlim_max };
	if (setrlimit(RLIMIT_MEMLOCK, &none) < 0)
		return false;
	lockable = mlock(&probe, sizeof probe) == 0;
	if (lockable)
		(void) munlock(&probe, sizeof probe);
	(void) setrlimit(RLIMIT_MEMLOCK, &limit);
	return lockable;
}

static void
memory_lock(void)
{
	/* Each mapping counts in full against a limit, also where pages are locked only as they are
	 * used: 8 MB for each client.  At the limit we could not map any more memory, for a client
	 * or for ourselves, which is worse than swapping.  Nor what is there now only: stacks that
	 * are locked could not grow then. */
	if (!memory_lockable()) {
		log_line(LOG_SUBSYS_MAIN, LOG_NOTICE, "Running without locked memory: the limit of "
		    "the user would be reached with some clients. Without a limit it is locked: "
		    "LimitMEMLOCK=infinity of systemd, or 'ulimit -l unlimited'. "
		    "A machine that swaps may delay the daemon.");
		return;
	}
	/* Pages are locked as they are used: stacks and pools would be filled otherwise. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_line(LOG_SUBSYS_MAIN, LOG_NOTICE, "Running without locked memory: %s. "
		    "A machine that swaps may delay the daemon.", strerror(errno));
}

void
process_privilege(const struct config *config, bool plain)
{
	if (plain || !config->sched_rr)
		nice_set(config->priority);
	else
		realtime_set(config);
	memory_lock();
}

static void
signals_ours(sigset_t *set)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR2, SIGCHLD };

	(void) sigemptyset(set);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void) sigaddset(set, signals[i]);
}

/* Not libqb's: it needs memory for a signal that has come, and without forgets it. */
void
process_signals_block(void)
{
	sigset_t set;

	signals_ours(&set);
	(void) pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int
process_signals_open(void)
{
	sigset_t set;
	int fd;

	signals_ours(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int
process_signals_next(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof info) == sizeof info ? (int) info.ssi_signo : 0;
}

/* Whatever holds up what follows, a disk or a reader of our log: we are dead to the others now, and
 * must not go on.  A core file that is being written does not end by it. */
static void
end_begin(void)
{
	last_words_now();
	(void) signal(SIGALRM, SIG_DFL);
	(void) alarm(CRASH_SECONDS);
}

/* Restores the default action first: a second fault in here ends the process. */
static void
crash_handler(int signal_number)
{
	static const char *const names[] = { [SIGSEGV] = "SIGSEGV", [SIGABRT] = "SIGABRT",
	    [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE", [SIGILL] = "SIGILL" };
	char text[64] = "corosync: ended by ";
	size_t len = strlen(text), name_len = strlen(names[signal_number]);

	(void) signal(signal_number, SIG_DFL);
	end_begin();
	memcpy(text + len, names[signal_number], name_len);
	len += name_len;
	text[len++] = '\n';
	log_crash(text, len);
	(void) raise(signal_number);
}

static void
assert_handler(const char *expression, const char *file, int line)
{
	char text[256];
	int len = snprintf(text, sizeof text, "corosync: assertion failed at %s:%d: %s\n", file,
	    line, expression);

	end_begin();
	if (len > 0)
		log_crash(text, (size_t) len < sizeof text ? (size_t) len : sizeof text - 1);
	abort();
}

void
process_crash_handlers(void)
{
	static const int signals[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };
	struct sigaction action = { .sa_handler = crash_handler, .sa_flags = SA_NODEFER };

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void) sigaction(signals[i], &action, NULL);
	cs_assert_handler_set(assert_handler);
}
