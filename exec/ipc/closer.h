/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Closes what belongs to clients or came from them, away from the main thread.  Any local user can
 * put descriptors into a socket to us, by SCM_RIGHTS, and leave the last close of them to us: of a
 * connection that lingers, or of a file whose file system is a program of that user, it takes as
 * long as the user likes.
 *
 * A few threads take descriptors from a pipe and close them.  One is there from the beginning,
 * another one is started, up to CLOSER_THREADS_MAX, when there is more to close than threads.
 *
 * Its limits: when each of them is held up, descriptors stay open from then on.  They are counted,
 * and when there are many the log has it; at the limit of open files new clients are refused.  The
 * main thread goes on in any case.  Connections that linger do not hold anybody up, so far as they
 * came with a message and not within another socket.  A message that brings descriptors when we
 * have no place for them loses them in the thread that takes it.
 */
#ifndef IPC_CLOSER_H
#define IPC_CLOSER_H

#define CLOSER_THREADS_MAX	8u

struct closer;

/* 0 or -errno. */
int closer_new(struct closer **ret_closer);
/* What it was given is closed, later.  Accepts NULL; returns NULL. */
struct closer *closer_free(struct closer *closer);
/* Close it soon.  Returns how many are not closed yet; -EAGAIN: there is no room even for that, and
 * it stays open. */
int closer_close(struct closer *closer, int fd);
#endif
