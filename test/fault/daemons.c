/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Daemons of the build tree on loopback, each with its own addresses, directories and log.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/fault/fault.h"

#define STOP_MS		10000u
#define SAID_BYTES_MAX	(256u * 1024u)

static struct {
	pid_t pid;		/* 0: not there */
	off_t log_mark;
} daemons[NODES_MAX + 1u];

static char *
path_of(unsigned int node, const char *name)
{
	static char path[4][160];
	static unsigned int turn;
	char *at = path[turn++ % 4];

	(void) snprintf(at, sizeof path[0], "%s/n%u/%s", fault_dir, node, name);
	return at;
}

static void
instance_of(unsigned int node, char name[32])
{
	(void) snprintf(name, 32, "ft%dn%u", (int) fault_pid, node);
}

static void
configure(unsigned int node, unsigned int count, unsigned int port)
{
	char dir[128];
	FILE *out;

	(void) snprintf(dir, sizeof dir, "%s/n%u", fault_dir, node);
	(void) mkdir(dir, 0700);
	out = fopen(path_of(node, "conf"), "we");
	if (out == NULL)
		fault_fail("configuration: %s", strerror(errno));
	fprintf(out, "totem {\n\tversion: 2\n\tcluster_name: ft%u\n\ttransport: udpu\n}\n"
	    "nodelist {\n", port);
	for (unsigned int i = 1; i <= count; i++)
		fprintf(out, "\tnode {\n\t\tring0_addr: 127.0.0.%u\n\t\tnodeid: %u\n"
		    "\t\tport: %u\n\t\tname: n%u\n\t}\n", i, i, port, i);
	fprintf(out, "}\nlogging {\n\tto_stderr: no\n\tto_syslog: no\n\tto_logfile: yes\n"
	    "\tlogfile: %s\n}\n", path_of(node, "log"));
	(void) fclose(out);
}

void
daemons_configure(unsigned int count)
{
	unsigned int port = 20000u + (unsigned int) fault_pid % 20000u;

	for (unsigned int node = 1; node <= count; node++)
		configure(node, count, port);
}

static _Noreturn void
become(unsigned int node, const char *library, bool controlled)
{
	char name[32], control[128], id[16];
	int fd = open(path_of(node, "said"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void) dup2(fd, STDOUT_FILENO);
	(void) dup2(fd, STDERR_FILENO);
	instance_of(node, name);
	(void) snprintf(control, sizeof control, "%s/daemon", fault_dir);
	(void) unsetenv("COROSYNC_INSTANCE");
	(void) unsetenv("GLIBC_TUNABLES");
	(void) unsetenv(INJECT_VARIABLE);
	if (controlled) {
		(void) setenv(INJECT_VARIABLE, control, 1);
		(void) setenv("LD_PRELOAD", library, 1);
	}
	(void) snprintf(id, sizeof id, "%u", node);
	(void) execl("./corosync", "corosync", "-f", "-p", "-i", name, "-c", path_of(node, "conf"),
	    "--nodeid", id,
	    "--run-dir", path_of(node, "run"), "--state-dir", path_of(node, "state"), "-e",
	    ".libs", (char *) NULL);
	_exit(127);
}

void
daemon_start(unsigned int node, struct inject_control *control)
{
	char dir[3900], library[4096];
	pid_t pid;

	daemon_log_mark(node);
	if (getcwd(dir, sizeof dir) == NULL)
		fault_fail("working directory: %s", strerror(errno));
	(void) snprintf(library, sizeof library, "%s/test/fault/.libs/inject.so", dir);
	pid = fork();
	if (pid == 0)
		become(node, library, control != NULL);
	if (pid < 0)
		fault_fail("fork: %s", strerror(errno));
	daemons[node].pid = pid;
}

bool
daemon_ended(unsigned int node, unsigned int wait_ms, int *ret_status)
{
	uint64_t end_ms = fault_now_ms() + wait_ms;

	if (daemons[node].pid == 0)
		return false;
	for (;;) {
		if (waitpid(daemons[node].pid, ret_status, WNOHANG) == daemons[node].pid) {
			daemons[node].pid = 0;
			return true;
		}
		if (fault_now_ms() >= end_ms)
			return false;
		fault_sleep_ms(1);
	}
}

bool
daemon_runs(unsigned int node)
{
	return daemons[node].pid != 0;
}

void
daemon_signal(unsigned int node, int number)
{
	if (daemons[node].pid != 0)
		(void) kill(daemons[node].pid, number);
}

void
daemon_stop(unsigned int node)
{
	int status;

	if (daemons[node].pid == 0)
		return;
	fault_step("stopping daemon %u", node);
	daemon_signal(node, SIGTERM);
	if (!daemon_ended(node, STOP_MS, &status)) {
		daemon_signal(node, SIGABRT);
		fault_fail("daemon %u does not end at SIGTERM", node);
	}
	if (status != 0)
		daemon_end_judge(node, status);
}

void
daemons_end(void)
{
	int status;

	for (unsigned int node = 1; node <= NODES_MAX; node++) {
		daemon_signal(node, SIGKILL);
		(void) daemon_ended(node, STOP_MS, &status);
	}
}

unsigned int
daemon_descriptors(unsigned int node)
{
	char path[64];

	(void) snprintf(path, sizeof path, "/proc/%d/fd", (int) daemons[node].pid);
	return fault_entries(path);
}

/* --- what it said --- */

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

void
daemon_log_mark(unsigned int node)
{
	(void) truncate(path_of(node, "said"), 0);
	daemons[node].log_mark = size_of(path_of(node, "log"));
}

static bool
file_has(const char *path, off_t from, const char *text)
{
	static char data[SAID_BYTES_MAX + 1u];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = pread(fd, data, SAID_BYTES_MAX, from);
	(void) close(fd);
	data[n > 0 ? n : 0] = '\0';
	return strstr(data, text) != NULL;
}

bool
daemon_said(unsigned int node, const char *text)
{
	return file_has(path_of(node, "said"), 0, text) ||
	    file_has(path_of(node, "log"), daemons[node].log_mark, text);
}

bool
daemon_says(unsigned int node, const char *text)
{
	uint64_t end_ms = fault_now_ms() + 2000;

	while (!daemon_said(node, text)) {
		if (fault_now_ms() > end_ms)
			return false;
		fault_sleep_ms(2);
	}
	return true;
}

void
daemon_end_judge(unsigned int node, int status)
{
	if (daemon_said(node, "Sanitizer") || daemon_said(node, "runtime error: "))
		fault_fail("daemon %u: a sanitizer has something to say", node);
	if (daemon_said(node, "assertion failed"))
		fault_fail("daemon %u: an assertion failed", node);
	if (WIFSIGNALED(status))
		fault_fail("daemon %u ended by signal %d", node, WTERMSIG(status));
	if (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 127)
		fault_fail("daemon %u ended with status %d", node, WEXITSTATUS(status));
	/* The words of standard error, and those of the log. */
	if (!daemon_said(node, "corosync: ") && !daemon_said(node, "Cannot start: ") &&
	    !daemon_said(node, "error: "))
		fault_fail("daemon %u ended with status %d and did not say why", node,
		    WEXITSTATUS(status));
}

void
daemon_choose(unsigned int node)
{
	char name[32];

	instance_of(node, name);
	(void) setenv("COROSYNC_INSTANCE", name, 1);
}
