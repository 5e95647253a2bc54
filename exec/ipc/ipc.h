/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * IPC server: one per engine.  A client connects to an abstract unix socket and passes one sealed
 * memfd (include/corosync/ipc/link.h).  Calls and bulk data come through one single-producer
 * single-consumer ring in it, events go back through another (ring.h); a byte on the socket is the
 * doorbell, rung only when the other side sleeps.  The daemon trusts nothing in that memory: it
 * copies and checks before use, and the seal keeps it from being shrunk under it.  Calls and
 * records are handled in the order they were sent, and all of them before a close is reported, so
 * send, leave and exit keep their order.
 *
 * libqb's own IPC is not used: its rings keep their size, their indices and the paths to unlink in
 * memory that the client can write, so a client that scribbles there can crash or misuse the
 * daemon. Nothing here has a name in a file system, so there is nothing to clean up after a kill.
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

/* All are called from the main loop, or from within ipc_server_free(). */
struct ipc_handlers {
	/* May this user connect?  0, -EACCES, or -EAGAIN: not ready (the client tries again). */
	int (*authorise)(void *host, uid_t uid, gid_t gid, pid_t pid);
	int (*opened)(void *host, struct ipc_conn *conn);	/* 0 or -errno: refused */
	void (*closed)(void *host, struct ipc_conn *conn);	/* last call about conn */
	/* Leads to exactly one ipc_reply(), now or later; the data is aligned to 8. */
	void (*request)(void *host, struct ipc_conn *conn, uint32_t function, const void *data,
	    size_t len);
	/* 0: taken; -EAGAIN: leave it, ipc_server_kick() will be called; else garbage. */
	int (*record)(void *host, struct ipc_conn *conn, uint32_t function, const void *data,
	    size_t len);
	/* The total of queued event bytes of all connections went above (true) or back below the
	 * limit at which the ring should be slowed. */
	void (*congested)(void *host, bool on);
	/* The loop's turn with calls, records and closings is over: what they led to can go out.
	 * May be NULL. */
	void (*turned)(void *host);
	void (*log)(void *host, int priority, const char *text);
};

struct ipc_config {
	const char *name;		/* service, with the instance's suffix: ipc_name() */
	/* Of all clients, beyond their rings: never more, but for one event that alone is larger.
	 * What several are to get counts once.  Over half of it the ring is slowed, until it is a
	 * quarter. */
	size_t backlog_bytes_max;
	uint64_t grace_ns;	/* who reads less than 128 KiB/s for so long meanwhile is cut off */
};

struct ipc_stats {
	uint64_t active, closed, requests, records, events;
	uint64_t doorbells_tx, doorbells_rx;
	uint64_t system_calls;		/* on connections' sockets and for the queue of work */
	uint64_t wakes;			/* times that the main loop called us */
	uint64_t slow_cut, garbage_cut, refused;
	uint64_t congestions;		/* times that the ring was slowed for clients */
	uint64_t backlog_bytes;		/* queued now, of all connections */
};

/* 0; -EADDRINUSE: another process serves that name; or -errno.  Copies config and handlers. */
int ipc_server_new(qb_loop_t *loop, const struct ipc_config *config,
    const struct ipc_handlers *handlers, void *host, struct ipc_server **ret_server);
/* Closes all connections.  Accepts NULL; returns NULL. */
struct ipc_server *ipc_server_free(struct ipc_server *server);
/* Records left with -EAGAIN may be taken now: goes on with them, round robin over connections. */
void ipc_server_kick(struct ipc_server *server);
/* While held, calls and records stay in their rings; connections still come and go.  Letting go
 * includes a kick. */
void ipc_server_hold(struct ipc_server *server, bool hold);
/* The host is awake anyway: take what clients have sent without ringing.  True: some of them sends
 * so much that it should be given way to. */
bool ipc_server_look(struct ipc_server *server);
const struct ipc_stats *ipc_server_stats(const struct ipc_server *server);

/* At most 64 KiB. */
void ipc_reply(struct ipc_conn *conn, const void *data, size_t len);
/* 0; -ENOBUFS: cut off as it is too slow, or hung up: the connection is closed from the main
 * loop; -EMSGSIZE: more than half the client's ring. */
int ipc_event(struct ipc_conn *conn, uint32_t function, const struct iovec *iov, size_t count);
void ipc_disconnect(struct ipc_conn *conn, const char *why);	/* from the main loop, soon */
pid_t ipc_conn_pid(const struct ipc_conn *conn);
uid_t ipc_conn_uid(const struct ipc_conn *conn);
/* Closed, or about to be: what it had sent before is still taken. */
bool ipc_conn_is_closing(const struct ipc_conn *conn);
void *ipc_conn_private(const struct ipc_conn *conn);
void ipc_conn_private_set(struct ipc_conn *conn, void *value);
#endif
