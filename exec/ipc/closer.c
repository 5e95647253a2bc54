/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * No lock is shared with the main thread, which may be real-time: it writes into the pipe, and
 * never waits there.  The threads are nobody's to wait for, so the last one that goes frees all.
 */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec/ipc/closer.h"
#include "exec/ipc/rights.h"

#define THREAD_STACK_BYTES	(128u * 1024u)
#define MESSAGES_MAX		1024u	/* more than fit into a socket, by default */

struct closer {
	int read_fd, write_fd;
	unsigned int threads;		/* the main thread's */
	unsigned int users;		/* atomic: threads, and the owner */
	int open;			/* atomic: given to us, and not closed yet */
};

/* --- the threads --- */

/* One that came from a client: it shall not wait for what it has not sent. */
static void
foreign_close(int fd)
{
	static const struct linger now = { .l_onoff = 0 };

	(void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	(void) close(fd);
}

/* What lies in a client's socket is closed with it, as it is: so it is taken out before. */
static void
unread_close(int fd)
{
	union rights_control control;
	int fds[RIGHTS_MAX];
	char bytes[4096];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };

	for (unsigned int i = 0; i < MESSAGES_MAX; i++) {
		struct msghdr message = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
		};
		size_t count;

		if (recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0)
			return;
		count = rights_take(&message, fds);
		while (count > 0)
			foreign_close(fds[--count]);
	}
}

static void
closer_leave(struct closer *closer)
{
	if (__atomic_sub_fetch(&closer->users, 1, __ATOMIC_SEQ_CST) > 0)
		return;
	(void) close(closer->read_fd);
	free(closer);
}

static void *
closer_thread(void *argument)
{
	struct closer *closer = argument;
	ssize_t n;
	int fd;

	/* Whole numbers, each to one thread; 0 when the owner has gone. */
	while ((n = read(closer->read_fd, &fd, sizeof fd)) != 0) {
		if (n != sizeof fd)
			continue;
		unread_close(fd);
		foreign_close(fd);
		(void) __atomic_sub_fetch(&closer->open, 1, __ATOMIC_SEQ_CST);
	}
	closer_leave(closer);
	return NULL;
}

/* As helper threads are in this daemon: with all signals blocked, never real-time. */
static int
thread_start(struct closer *closer)
{
	const struct sched_param param = { .sched_priority = 0 };
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int r;

	r = pthread_attr_init(&attr);
	if (r != 0)
		return -r;
	(void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void) pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	(void) pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
	(void) pthread_attr_setschedparam(&attr, &param);
	(void) pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	(void) __atomic_add_fetch(&closer->users, 1, __ATOMIC_SEQ_CST);
	(void) sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attr, closer_thread, closer);
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void) pthread_attr_destroy(&attr);
	if (r != 0)
		(void) __atomic_sub_fetch(&closer->users, 1, __ATOMIC_SEQ_CST);
	else
		closer->threads++;
	/* EAGAIN of a thread is a shortage, not "later". */
	return r == EAGAIN ? -ENOMEM : -r;
}

/* --- for the main thread --- */

int
closer_new(struct closer **ret_closer)
{
	struct closer *closer = calloc(1, sizeof *closer);
	int ends[2], r = 0;

	if (closer == NULL)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		r = -errno;
		free(closer);
		return r;
	}
	closer->read_fd = ends[0];
	closer->write_fd = ends[1];
	closer->users = 1;
	/* This end only: the threads wait at the other one. */
	if (fcntl(closer->write_fd, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = thread_start(closer);
	if (r < 0)
		closer = closer_free(closer);
	else
		*ret_closer = closer;
	return r;
}

struct closer *
closer_free(struct closer *closer)
{
	if (closer == NULL)
		return NULL;
	(void) close(closer->write_fd);
	closer_leave(closer);
	return NULL;
}

int
closer_close(struct closer *closer, int fd)
{
	int open = __atomic_add_fetch(&closer->open, 1, __ATOMIC_SEQ_CST);
	ssize_t n;

	/* A descriptor is in there once at most, so it is full only where the limit is high. */
	do
		n = write(closer->write_fd, &fd, sizeof fd);
	while (n < 0 && errno == EINTR);
	/* One that can't be started now is tried again the next time. */
	if (open > (int) closer->threads && closer->threads < CLOSER_THREADS_MAX)
		(void) thread_start(closer);
	return n < 0 ? -EAGAIN : open;
}
