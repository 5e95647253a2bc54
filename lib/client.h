/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The libraries' common part: a connection of one handle to one engine of the daemon, and the
 * tables that turn handles into objects.  Not installed.  Thread-safe in this sense: one thread may
 * call client_call() and client_send() while another dispatches; calls of several threads are
 * serialised, so are their dispatches.  After fork() every call in the child gives
 * CS_ERR_BAD_HANDLE.
 */
#ifndef LIB_CLIENT_H
#define LIB_CLIENT_H
#include <pthread.h>
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
 * set-user-id).  CS_OK, CS_ERR_TRY_AGAIN (starting), CS_ERR_LIBRARY (no daemon),
 * CS_ERR_ACCESS, CS_ERR_NO_MEMORY, CS_ERR_NO_RESOURCES (descriptors, here or in the daemon).
 * `data_rings`: rings for bulk data; without them a record has less than 64 KiB. */
cs_error_t client_open(const char *service, bool data_rings, struct client **ret_client);
/* Accepts NULL; returns NULL.  No other thread may be inside a call: see client_interrupt(). */
struct client *client_close(struct client *client);
/* Hang up: threads that wait in client_next() or client_call() come back with CS_ERR_LIBRARY, and
 * the daemon takes what was sent and then sees the connection closed. */
void client_interrupt(struct client *client);
/* Readable while there is something to dispatch, hang-up when the daemon is gone: the connected
 * unix socket, whose peer credentials are the daemon's. */
cs_error_t client_fd(struct client *client, int *ret_fd);

/* Synchronous call, at most 32 KiB.  The reply must be at most reply_size bytes (64 KiB at most).
 * Records sent before are handled before.  CS_OK, CS_ERR_LIBRARY (daemon gone), CS_ERR_TOO_BIG. */
cs_error_t client_call(struct client *client, uint32_t function, const struct iovec *iov,
    size_t count, void *reply, size_t reply_size, size_t *ret_len);
/* Append one record to the ring to the daemon; `function` is below 2^31.  CS_OK: it is there, even
 * if we exit now; CS_ERR_TRY_AGAIN: ring full, nothing of it was taken; CS_ERR_TOO_BIG: above
 * client_send_max(); CS_ERR_LIBRARY. */
cs_error_t client_send(struct client *client, uint32_t function, const struct iovec *iov,
    size_t count);
/* More is aside of what was read ahead than is good: who is about to send should see that callbacks
 * run first.  Never in a callback; and if none comes to an end for half a second, they wait for
 * this, and it is over. */
bool client_is_behind(struct client *client);
/* The caller was told to wait, and does so elsewhere.  If that goes on it is read ahead. */
void client_refused(struct client *client);
size_t client_send_max(const struct client *client);
/* Share of the ring to the daemon in use, 0..100: what flow control shows. */
unsigned int client_send_fill(struct client *client);

/* Next event.  timeout_ms: 0 look only, -1 wait for ever.  CS_OK, to be followed by client_done()
 * of the same thread; CS_ERR_TRY_AGAIN: none in time (a signal does not end the wait);
 * CS_ERR_LIBRARY: the daemon is gone (only after all its events were taken); CS_ERR_NO_MEMORY. */
cs_error_t client_next(struct client *client, int timeout_ms, struct client_record *ret_record);
/* Whoever waits for the daemon calls this now and then: when the ring from it is half full, its
 * records are moved aside, in order, for client_next(); for the daemon may wait until there is
 * room, and cuts off who makes none for too long.  That is done for all connections of this
 * process, as the daemon waits for each of them.  True: one was. */
bool client_read_ahead(void);
/* Lock, reading ahead while another thread has it. */
void client_lock_reading(pthread_mutex_t *lock);
/* The record may be overwritten.  Calls nest: an application's callback, run between client_next()
 * and client_done(), may dispatch again, and may finalize: the destroy function runs at the last
 * client_handle_put() only. */
void client_done(struct client *client);

/* Handles: uint64_t that survive misuse: a stale, forged or foreign one gives CS_ERR_BAD_HANDLE,
 * and so does any after fork().  Each library has one static table per kind of object:
 *
 *	static struct client_handles handles = { .destroy = my_destroy };
 *
 * An object lives until it was closed and the last user has put it; then destroy(object) is
 * called, from that last put or close.  So finalizing inside a callback is legal. */
struct client_slot;
struct client_handles {
	void (*destroy)(void *object);
	struct client_slot *slots;
	uint32_t slot_count;
};

cs_error_t client_handle_new(struct client_handles *handles, void *object, uint64_t *ret_handle);
/* The object, in use until client_handle_put(). */
cs_error_t client_handle_get(struct client_handles *handles, uint64_t handle, void **ret_object);
void client_handle_put(struct client_handles *handles, uint64_t handle);
/* No new user from now on.  CS_OK for the first who closes it, then CS_ERR_BAD_HANDLE. */
cs_error_t client_handle_close(struct client_handles *handles, uint64_t handle);
/* Was it closed meanwhile?  For the user of an object, between callbacks. */
bool client_handle_closed(struct client_handles *handles, uint64_t handle);
#endif
