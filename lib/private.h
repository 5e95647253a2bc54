/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Between the files of the libraries' common part: its one lock, and what fork() did.
 */
#ifndef LIB_PRIVATE_H
#define LIB_PRIVATE_H
#include "lib/client.h"

struct ipc_hello;

void client_lock(void);
void client_unlock(void);
/* How many fork()s this process is away from the one that loaded the library. */
unsigned int client_fork_count(void);

/* A connected socket, on which the daemon has taken `memory_fd`; `*ret_fd` is it already while it
 * is being connected, for the child of a fork(), or -1.  0 or -errno; -ECONNREFUSED: no daemon;
 * -EAGAIN: not ready; -EACCES: it may not, or what listens there is of another user than root and
 * ours; else what the daemon said. */
int connect_open(const char *service, const struct ipc_hello *hello, int memory_fd, int *ret_fd);
/* Anonymous memory whose size is sealed.  0 or -errno; the caller closes what is at `*ret_fd`. */
int connect_memory(size_t size, int *ret_fd);
/* What the caller is told of an -errno of these two. */
cs_error_t connect_error(int r);
#endif
