/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * IPC server: one per engine.  Connection set-up, credentials and synchronous calls go over libqb's
 * shared-memory IPC; bulk data goes through two single-producer single-consumer rings in a sealed
 * memfd per connection (include/corosync/ipc/ring.h), with a libqb event as the doorbell that is
 * rung only when the other side sleeps.  The daemon trusts nothing in a ring: it copies and checks
 * before use.  A connection's ring is drained before each synchronous call of it is handled and
 * before its close is reported, so send, leave and exit keep their order.
 */
#ifndef IPC_IPC_H
#define IPC_IPC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <qb/qbloop.h>

struct ipc_server;
struct ipc_conn;

struct ipc_handlers {
	/* May this user connect?  0, -EACCES, or -EAGAIN (not ready: the library says TRY_AGAIN). */
	int (*authorise)(void *host, uid_t uid, gid_t gid, pid_t pid);
	int (*opened)(void *host, struct ipc_conn *conn);	/* 0 or -errno: refused */
	void (*closed)(void *host, struct ipc_conn *conn);	/* last call about conn */
	void (*request)(void *host, struct ipc_conn *conn, uint32_t function, const void *data,
	    size_t len);
	/* 0: taken; -EAGAIN: leave it, ipc_server_kick() will be called; else garbage. */
	int (*record)(void *host, struct ipc_conn *conn, uint32_t function, const void *data,
	    size_t len);
	/* The total of queued event bytes of all connections went above (true) or back below the
	 * limit at which the ring should be slowed. */
	void (*congested)(void *host, bool on);
	void (*log)(void *host, int priority, const char *text);
};

struct ipc_config {
	const char *name;		/* libqb service name, with the instance's suffix */
	size_t backlog_bytes_max;	/* queued for one client beyond its ring before it is slow */
	uint64_t grace_ns;		/* so long may it be slow before it is cut off */
	int socket_uid, socket_gid;	/* owner of what clients open; -1: leave */
};

struct ipc_stats { uint64_t active, closed, requests, records, events, doorbells_tx, doorbells_rx, slow_cut, garbage_cut; };

int ipc_server_new(qb_loop_t *loop, const struct ipc_config *config,
    const struct ipc_handlers *handlers, void *host, struct ipc_server **ret_server);
/* Closes all connections.  Accepts NULL; returns NULL. */
struct ipc_server *ipc_server_free(struct ipc_server *server);
/* Records left with -EAGAIN may be taken now: goes on with them, round robin over connections. */
void ipc_server_kick(struct ipc_server *server);
const struct ipc_stats *ipc_server_stats(const struct ipc_server *server);

void ipc_reply(struct ipc_conn *conn, const void *data, size_t len);
/* 0, or -ENOBUFS (backlog and grace exhausted; the connection is closed from the main loop). */
int ipc_event(struct ipc_conn *conn, uint32_t function, const struct iovec *iov, size_t count);
void ipc_disconnect(struct ipc_conn *conn, const char *why);
pid_t ipc_conn_pid(const struct ipc_conn *conn);
uid_t ipc_conn_uid(const struct ipc_conn *conn);
void *ipc_conn_private(const struct ipc_conn *conn);
void ipc_conn_private_set(struct ipc_conn *conn, void *value);

/* Remove what daemons that no longer live left in shared memory and in the socket directory for
 * this service name.  Returns how many files went. */
unsigned int ipc_sweep(const char *name);
#endif
