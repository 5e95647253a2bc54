/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Events that wait in the daemon because the client's ring has no room.
 */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec/ipc/internal.h"

int
ipc_backlog_add(struct ipc_conn *conn, uint32_t function, const struct iovec *iov, size_t count,
    size_t len)
{
	struct ipc_pending *pending;
	size_t at = 0;

	pending = malloc(sizeof *pending + len);
	if (pending == NULL)
		return -ENOMEM;
	pending->function = function;
	pending->len = (uint32_t) len;
	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len > 0)
			memcpy(pending->data + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	STAILQ_INSERT_TAIL(&conn->backlog, pending, link);
	conn->backlog_bytes += sizeof *pending + len;
	conn->server->stats.backlog_bytes += sizeof *pending + len;
	return 0;
}

static int
put_pending(struct ipc_conn *conn, const struct ipc_pending *pending)
{
	union {
		const uint8_t *data;
		void *base;	/* struct iovec serves reading and writing; this is only read */
	} from = { .data = pending->data };
	struct iovec iov = { .iov_base = from.base, .iov_len = pending->len };

	return ipc_ring_put(&conn->to_client, pending->function, &iov, 1, 0);
}

bool
ipc_backlog_move(struct ipc_conn *conn)
{
	struct ipc_pending *pending;
	size_t cost;
	int r;

	while ((pending = STAILQ_FIRST(&conn->backlog)) != NULL) {
		r = put_pending(conn, pending);
		if (r == -EAGAIN)
			return false;
		if (r < 0) {
			ipc_conn_garbage(conn, "tail of the event ring");
			return true;
		}
		cost = sizeof *pending + pending->len;
		STAILQ_REMOVE_HEAD(&conn->backlog, link);
		free(pending);
		conn->backlog_bytes -= cost;
		conn->server->stats.backlog_bytes -= cost;
	}
	return true;
}

void
ipc_backlog_drop(struct ipc_conn *conn)
{
	struct ipc_pending *pending;

	while ((pending = STAILQ_FIRST(&conn->backlog)) != NULL) {
		STAILQ_REMOVE_HEAD(&conn->backlog, link);
		free(pending);
	}
	cs_assert(conn->server->stats.backlog_bytes >= conn->backlog_bytes);
	conn->server->stats.backlog_bytes -= conn->backlog_bytes;
	conn->backlog_bytes = 0;
}
