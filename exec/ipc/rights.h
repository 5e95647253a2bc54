/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Descriptors that come with messages (SCM_RIGHTS).  What is not taken with its message the kernel
 * closes in the thread that reads it, and that may take as long as a client likes (closer.h): so
 * there is room for all of them wherever one of its sockets is read.
 */
#ifndef IPC_RIGHTS_H
#define IPC_RIGHTS_H
#include <stddef.h>
#include <sys/socket.h>

#define RIGHTS_MAX	253u	/* in a message: the kernel's SCM_MAX_FD */

union rights_control {		/* room for all descriptors that a message may bring */
	struct cmsghdr align;
	char bytes[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
};

/* The descriptors that came with a message: ours now.  At most RIGHTS_MAX. */
size_t rights_take(struct msghdr *message, int *ret_fds);
/* None shall come by that socket any more.  (Those that are in it already still do; and so do
 * others, where the kernel is older than 6.16.) */
void rights_refuse(int fd);
#endif
