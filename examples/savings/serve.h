/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A replica and its clients meet at a unix socket: one request line, "deposit alice 1050" with the
 * amount in cents, gives one answer, a digit (the exit status for the client) and text.
 */
#ifndef SAVINGS_SERVE_H
#define SAVINGS_SERVE_H
#include <sys/socket.h>
#include <sys/un.h>

enum exit_status { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, EXIT_NO_REPLICA, EXIT_UNKNOWN, };

#define REQUEST_BYTES_MAX 128

/* The replica's socket: abstract, so that nothing is left in a file system; of this instance.
 * 0 or -EINVAL: the instance's name is too long. */
int savings_address(struct sockaddr_un *ret_address, socklen_t *ret_len);

/* Is the other end root, or run by who runs us? */
int savings_peer_trusted(int fd);

/* Be a replica until told to end.  Returns the exit status. */
int serve(const char *group);
#endif
