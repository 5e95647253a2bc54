/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The libraries' common part: a connection of one handle to one engine of the daemon.  Not
 * installed.  Thread-safe in this sense: one thread may call client_call() and client_send() while
 * another dispatches; calls of several threads are serialised.  After fork() every call in the
 * child gives CS_ERR_BAD_HANDLE.
 */
#ifndef LIB_CLIENT_H
#define LIB_CLIENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <corosync/corotypes.h>

struct client;

struct client_record {		/* an event from the daemon */
	uint32_t function;
	const void *data;	/* lent until client_done(); 8-byte aligned */
	size_t len;
};

/* Connect to engine `service` ("cpg") of the instance that COROSYNC_INSTANCE names (ignored when
 * set-user-id).  CS_OK, CS_ERR_TRY_AGAIN (starting or synchronising), CS_ERR_LIBRARY (no daemon),
 * CS_ERR_ACCESS, CS_ERR_NO_MEMORY.  `data_rings`: also make the two data rings. */
cs_error_t client_open(const char *service, bool data_rings, struct client **ret_client);
/* Accepts NULL; returns NULL. */
struct client *client_close(struct client *client);
/* Readable while there is something to dispatch, hang-up when the daemon is gone: the connected
 * unix socket, whose peer credentials are the daemon's. */
cs_error_t client_fd(struct client *client, int *ret_fd);

/* Synchronous call.  The reply must be at most reply_size bytes.  Records sent before are handled
 * before.  CS_OK, CS_ERR_LIBRARY (daemon gone). */
cs_error_t client_call(struct client *client, uint32_t function, const struct iovec *iov,
    size_t count, void *reply, size_t reply_size, size_t *ret_len);
/* Append one record to the ring to the daemon.  CS_OK: it is there, even if we exit now;
 * CS_ERR_TRY_AGAIN: ring full, nothing of it was taken; CS_ERR_TOO_BIG; CS_ERR_LIBRARY. */
cs_error_t client_send(struct client *client, uint32_t function, const struct iovec *iov,
    size_t count);
/* Share of the ring to the daemon in use, 0..100: what flow control shows. */
unsigned int client_send_fill(struct client *client);

/* Next event.  timeout_ms: 0 look only, -1 wait for ever.  CS_OK; CS_ERR_TRY_AGAIN: none in time;
 * CS_ERR_LIBRARY: the daemon is gone (only after all its events were taken). */
cs_error_t client_next(struct client *client, int timeout_ms, struct client_record *ret_record);
void client_done(struct client *client);	/* the record may be overwritten */

/* Handles: uint64_t that survive misuse.  Each library has one table. */
struct client_handles;
#endif
