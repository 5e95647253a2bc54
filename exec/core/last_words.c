/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * From fork() to its end the process calls only what is allowed after a fork() of a program with
 * threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exec/base/assert.h"
#include "exec/core/last_words.h"

#define COPIES		2	/* the network may lose one */
#define BETWEEN_NS	1000000
/* No "corosync": who ends the daemon by its name shall not end its watcher before it.  No longer
 * than that either: it has to fit into its place. */
#define PROCESS_NAME	"lastword"
#define FDS_USUAL	1024
#define LIFE_NS	INT64_C(2000000000)	/* who ends sooner will do so again */

struct will {
	struct net_address local;
	struct net_address to[NET_PEERS_MAX];
	size_t to_count;
	uint8_t frame[LAST_WORDS_BYTES_MAX];
	size_t len;
};

/* Shared.  The daemon may die while it writes, so it writes the one that does not count. */
struct wills {
	struct will will[2];
	uint32_t current;	/* atomic */
};

struct last_words {
	struct wills *wills;
	pid_t pid;			/* of the process; 0: it has ended */
	struct timespec made;
};

static struct {
	char *at;
	size_t size;
} title;
static int now_fd = -1;		/* a byte: say them now; a signal handler has no struct */
static bool said;		/* atomic: by us, who live on until a core file is written */

/* From a port of the kernel's choice: the daemon's own may be taken already by its successor. */
static int
socket_open(const struct net_address *from)
{
	struct net_address local = *from;
	int fd = socket(local.sa.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (local.sa.any.sa_family == AF_INET)
		local.sa.v4.sin_port = 0;
	else
		local.sa.v6.sin6_port = 0;
	if (fd >= 0)
		(void) bind(fd, &local.sa.any, local.len);
	return fd;
}

static void
say(const struct will *will)
{
	const struct timespec pause = { .tv_nsec = BETWEEN_NS };
	int fd;

	if (will->to_count == 0 || (fd = socket_open(&will->local)) < 0)
		return;
	for (int copy = 0; copy < COPIES; copy++) {
		if (copy > 0)
			(void) nanosleep(&pause, NULL);
		for (size_t i = 0; i < will->to_count; i++)
			(void) sendto(fd, will->frame, will->len, MSG_DONTWAIT,
			    &will->to[i].sa.any, will->to[i].len);
	}
}

static void
name_take(void)
{
	(void) prctl(PR_SET_NAME, PROCESS_NAME);
	for (size_t i = 0; i < title.size; i++)
		title.at[i] = i < sizeof PROCESS_NAME - 1 && i + 1 < title.size
		    ? PROCESS_NAME[i] : '\0';
}

/* Whoever waits for the end of a pipe of the daemon's does not wait for us; nor is there a socket
 * left that would keep the daemon's port open.  0 and 1 become what we wait for. */
static bool
descriptors_take(const int fds[2])
{
	int high[2];

	for (int i = 0; i < 2; i++)
		if ((high[i] = fcntl(fds[i], F_DUPFD, 3)) < 0)
			return false;
	for (int i = 0; i < 2; i++)
		if (dup2(high[i], i) < 0)
			return false;
	if (syscall(SYS_close_range, 2u, ~0u, 0u) < 0)
		for (int fd = 2; fd < FDS_USUAL; fd++)
			(void) close(fd);
	return true;
}

static void __attribute__((noreturn))
watch(const struct wills *wills, const int fds[2], int policy, const struct sched_param *priority)
{
	struct pollfd pollers[] = { { .fd = 0, .events = POLLIN }, { .fd = 1, .events = POLLIN } };

	/* The daemon's, which what it forks does not get by itself; without it we are late on a
	 * busy machine.  Without permission it goes as it goes. */
	(void) sched_setscheduler(0, policy & ~SCHED_RESET_ON_FORK, priority);
	name_take();
	if (!descriptors_take(fds))
		_exit(1);
	(void) mlockall(MCL_CURRENT | MCL_ONFAULT);
	while (((pollers[0].revents | pollers[1].revents) & POLLIN) == 0) {
		if (poll(pollers, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		/* The other end of the pipe is closed before the daemon counts as dead. */
		if ((pollers[1].revents & POLLIN) == 0 && pollers[1].revents != 0)
			pollers[1].fd = -1;
	}
	say(&wills->will[__atomic_load_n(&wills->current, __ATOMIC_ACQUIRE)]);
	_exit(0);
}

static int
process_make(struct last_words *words)
{
	int fds[2] = { (int) syscall(SYS_pidfd_open, getpid(), 0u), -1 }, bell[2], error = errno;
	int policy = sched_getscheduler(0);
	struct sched_param priority = { 0 };
	sigset_t all, before;
	pid_t pid;

	if (fds[0] < 0)
		return -error;
	if (pipe2(bell, O_CLOEXEC | O_NONBLOCK) < 0) {
		error = errno;
		(void) close(fds[0]);
		return -error;
	}
	fds[1] = bell[0];
	(void) sched_getparam(0, &priority);
	/* A signal to the whole process group, or service, is for the daemon to act on. */
	(void) sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	error = errno;
	if (pid == 0)
		watch(words->wills, fds, policy, &priority);
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void) close(fds[0]);
	(void) close(fds[1]);
	if (pid < 0) {
		(void) close(bell[1]);
		return -error;
	}
	now_fd = bell[1];
	words->pid = pid;
	(void) clock_gettime(CLOCK_MONOTONIC, &words->made);
	return 0;
}

int
last_words_new(struct last_words **ret_words)
{
	struct last_words *words = calloc(1, sizeof *words);
	int r;

	if (words == NULL)
		return -ENOMEM;
	words->wills = mmap(NULL, sizeof *words->wills, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (words->wills == MAP_FAILED) {
		r = -errno;
		free(words);
		return r;
	}
	r = process_make(words);
	if (r < 0) {
		(void) munmap(words->wills, sizeof *words->wills);
		free(words);
		return r;
	}
	*ret_words = words;
	return 0;
}

static int64_t
life_ns(const struct last_words *words)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - words->made.tv_sec) * INT64_C(1000000000) + now.tv_nsec -
	    words->made.tv_nsec;
}

int
last_words_renew(struct last_words *words)
{
	int r;

	if (__atomic_load_n(&said, __ATOMIC_ACQUIRE))
		return 0;
	if (words->pid != 0) {
		r = waitpid(words->pid, NULL, WNOHANG);
		/* An engine that waits for any child has taken ours. */
		if (r == 0 || (r < 0 && errno != ECHILD))
			return 0;
		words->pid = 0;
		(void) close(now_fd);
		now_fd = -1;
		if (life_ns(words) < LIFE_NS)
			return -ECHILD;
	}
	r = process_make(words);
	return r < 0 ? r : 1;
}

void
last_words_leave(struct last_words *words, const uint8_t *frame, size_t len,
    const struct net_address *local, const struct net_address *to, size_t count)
{
	uint32_t next = 1 - words->wills->current;
	struct will *will = &words->wills->will[next];

	cs_assert(len <= sizeof will->frame && count <= NET_PEERS_MAX);
	will->local = *local;
	will->len = len;
	will->to_count = count;
	memcpy(will->frame, frame, len);
	memcpy(will->to, to, count * sizeof to[0]);
	__atomic_store_n(&words->wills->current, next, __ATOMIC_RELEASE);
}

void
last_words_now(void)
{
	__atomic_store_n(&said, true, __ATOMIC_RELEASE);
	if (now_fd >= 0)
		(void) !write(now_fd, "", 1);
}

void
last_words_title(char *at, size_t size)
{
	title.at = at;
	title.size = size;
}

void
last_words_silence(struct last_words *words)
{
	static const struct net_address nobody;

	last_words_leave(words, (const uint8_t *) "", 0, &nobody, &nobody, 0);
}

struct last_words *
last_words_free(struct last_words *words)
{
	if (words == NULL)
		return NULL;
	last_words_silence(words);
	(void) close(now_fd);
	now_fd = -1;
	(void) munmap(words->wills, sizeof *words->wills);
	free(words);
	return NULL;
}
