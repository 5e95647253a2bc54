/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "config.h"
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "exec/ipc/closer.h"
#include "exec/ipc/internal.h"
#include "exec/ipc/rights.h"

#define UNCLOSED_MANY		256	/* descriptors: worth a line in the log */

/* Linux 6.16.  Headers are often older than the kernel; a few machines have numbers of their own,
 * and there it is used only if the headers have it. */
#if !defined SO_PASSRIGHTS && defined SO_PASSCRED && SO_PASSCRED == 16
#define SO_PASSRIGHTS		83
#endif

size_t
rights_take(struct msghdr *message, int *ret_fds)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			cs_assert(count < RIGHTS_MAX);
			memcpy(&ret_fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		}
	}
	return count;
}

void
rights_refuse(int fd)
{
#ifdef SO_PASSRIGHTS
	static const int no = 0;

	(void) setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no);
#else
	(void) fd;
#endif
}

void
ipc_foreign_close(struct ipc_server *server, int fd)
{
	int unclosed = closer_close(server->closer, fd);

	if (unclosed >= 0 && unclosed < UNCLOSED_MANY) {
		server->unclosed_told &= unclosed > UNCLOSED_MANY / 2;
		return;
	}
	if (server->unclosed_told)
		return;
	server->unclosed_told = true;
	ipc_log(server, LOG_WARNING, "%s: %s descriptors of clients are still to be closed: many"
	    " clients left at once, or one passed some that take long", server->name,
	    unclosed < 0 ? "too many" : "many");
}

void
ipc_socket_close(struct ipc_server *server, int fd)
{
	rights_refuse(fd);
	(void) shutdown(fd, SHUT_RDWR);
	ipc_foreign_close(server, fd);
}

ssize_t
ipc_socket_receive(int fd, void *data, size_t len, int *ret_fds, size_t *ret_count, bool *ret_lost)
{
	union rights_control control;
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
	};
	ssize_t n;

	n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	*ret_count = rights_take(&message, ret_fds);
	*ret_lost = (message.msg_flags & MSG_CTRUNC) != 0;
	return n;
}
