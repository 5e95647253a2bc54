/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Meeting the daemon: find its socket, make the shared memory, pass it, wait for the welcome.
 */
#include "config.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <corosync/ipc/link.h>
#include "lib/private.h"

/* A daemon that lives and does not answer so long is stopped. */
#define WELCOME_WAIT_NS	(UINT64_C(10) * CS_TIME_NS_IN_SEC)
#define UID_UNKNOWN	65534u	/* kernel.overflowuid, which nobody changes */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	8u	/* Linux 6.3 */
#endif

int
connect_memory(size_t size, int *ret_fd)
{
	int fd, r;

	/* With the lock that fork() takes: the child closes what it finds at ret_fd. */
	client_lock();
	fd = memfd_create("corosync", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("corosync", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	r = fd < 0 ? -errno : 0;
	*ret_fd = fd;
	client_unlock();
	if (r == 0 && (ftruncate(fd, (off_t) size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0))
		r = -errno;
	return r;
}

static int
hello_send(int fd, const struct ipc_hello *hello, int memory_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct ipc_hello copy = *hello;
	struct iovec iov = { .iov_base = &copy, .iov_len = sizeof copy };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
	};
	struct cmsghdr *cmsg;
	ssize_t n;

	memset(&control, 0, sizeof control);
	cmsg = CMSG_FIRSTHDR(&message);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof memory_fd);
	memcpy(CMSG_DATA(cmsg), &memory_fd, sizeof memory_fd);
	do {
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	/* Refused at the door: the reason waits to be read. */
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		return -errno;
	return 0;
}

static int
welcome_wait(int fd)
{
	struct ipc_welcome welcome;
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	const uint64_t end = cs_timestamp_get() + WELCOME_WAIT_NS;
	ssize_t n;
	int r;

	/* Signals do not begin the wait anew. */
	do {
		uint64_t now = cs_timestamp_get(), left_ns = now < end ? end - now : 0;

		r = poll(&poller, 1, (int) (left_ns / CS_TIME_NS_IN_MSEC));
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (r == 0)
		return -EAGAIN;
	n = recv(fd, &welcome, sizeof welcome, MSG_DONTWAIT);
	if (n < 0 && errno != ECONNRESET)
		return -errno;
	if (n != sizeof welcome || welcome.magic != IPC_MAGIC || welcome.error > 0)
		return -ECONNREFUSED;	/* it died, or is none of ours */
	return welcome.error;
}

/* Has each user of the machine a number here?  In most user namespaces not: who has none shows as
 * UID_UNKNOWN there.  If that cannot be found out, UID_UNKNOWN is a user as any other. */
static bool
users_all_mapped(void)
{
	unsigned int here, outside, count;
	FILE *file = fopen("/proc/self/uid_map", "re");
	bool all = true;

	if (file == NULL)
		return true;
	if (fscanf(file, "%u %u %u", &here, &outside, &count) == 3)
		all = here == 0 && outside == 0 && count == UINT32_MAX;
	(void) fclose(file);
	return all;
}

/* Any process may listen at the daemon's name while no daemon does.  Our memory, and with it what
 * we say and believe, is for a daemon of root or of our own user. */
static bool
peer_is_trusted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	/* Root outside of a container cannot be told from others there. */
	return peer.uid == UID_UNKNOWN && !users_all_mapped();
}

int
connect_open(const char *service, const struct ipc_hello *hello, int memory_fd, int *ret_fd)
{
	char name[IPC_NAME_BYTES_MAX];
	struct sockaddr_un address;
	socklen_t len;
	int fd, r;

	/* Not the caller's environment when the program has more rights than the caller. */
	r = ipc_name(name, sizeof name, service, secure_getenv("COROSYNC_INSTANCE"));
	if (r < 0)
		return -ECONNREFUSED;
	len = ipc_address(&address, name);
	client_lock();		/* as above */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : 0;
	*ret_fd = fd;
	client_unlock();
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *) &address, len) < 0) {
		r = -errno;
		goto fail;
	}
	r = peer_is_trusted(fd) ? hello_send(fd, hello, memory_fd) : -EACCES;
	if (r < 0)
		goto fail;
	r = welcome_wait(fd);
	if (r == 0)
		return 0;
fail:
	client_lock();
	*ret_fd = -1;
	(void) close(fd);
	client_unlock();
	return r;
}

cs_error_t
connect_error(int r)
{
	switch (-r) {
	case EAGAIN:
		return CS_ERR_TRY_AGAIN;
	case EACCES:
	case EPERM:
		return CS_ERR_ACCESS;
	case ENOMEM:
		return CS_ERR_NO_MEMORY;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
		return CS_ERR_NO_RESOURCES;
	default:	/* tidy: open set */
		return CS_ERR_LIBRARY;
	}
}
