/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Events that wait in the daemon because a client's ring has no room.  What several clients are to
 * get is kept once: a message to a group comes to all its local members one after the other, so an
 * event is compared with the one that was queued last.
 */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec/ipc/internal.h"

#define BLOCK_BYTES	16u	/* what malloc() takes of its own for each */
#define PENDING_COST	(sizeof(struct ipc_pending) + BLOCK_BYTES)

static size_t
content_cost(size_t len)
{
	return sizeof(struct ipc_content) + BLOCK_BYTES + len;
}

static bool
content_is(const struct ipc_content *content, uint32_t function, const struct iovec *iov,
    size_t count, size_t len)
{
	size_t at = 0;

	if (content == NULL || content->function != function || content->len != len)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len > 0
		    && memcmp(content->data + at, iov[i].iov_base, iov[i].iov_len) != 0)
			return false;
		at += iov[i].iov_len;
	}
	return true;
}

/* NULL: no memory. */
static struct ipc_content *
content_new(struct ipc_server *server, uint32_t function, const struct iovec *iov, size_t count,
    size_t len)
{
	struct ipc_content *content = malloc(sizeof *content + len);
	size_t at = 0;

	if (content == NULL)
		return NULL;
	content->users = 0;
	content->function = function;
	content->len = (uint32_t) len;
	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len > 0)
			memcpy(content->data + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	server->stats.backlog_bytes += content_cost(len);
	server->queued_since += content_cost(len);
	return content;
}

static void
content_put(struct ipc_server *server, struct ipc_content *content)
{
	size_t cost = content_cost(content->len);

	cs_assert(content->users > 0);
	if (--content->users > 0)
		return;
	if (server->queued_last == content)
		server->queued_last = NULL;
	cs_assert(server->stats.backlog_bytes >= cost);
	server->stats.backlog_bytes -= cost;
	free(content);
}

/* Its first one. */
static void
pending_remove(struct ipc_conn *conn)
{
	struct ipc_pending *pending = STAILQ_FIRST(&conn->backlog);
	struct ipc_server *server = conn->server;
	size_t cost = PENDING_COST + content_cost(pending->content->len);

	STAILQ_REMOVE_HEAD(&conn->backlog, link);
	conn->backlog_bytes -= cost;
	server->stats.backlog_bytes -= PENDING_COST;
	content_put(server, pending->content);
	free(pending);
}

int
ipc_backlog_add(struct ipc_conn *conn, uint32_t function, const struct iovec *iov, size_t count,
    size_t len)
{
	struct ipc_server *server = conn->server;
	struct ipc_content *content = server->queued_last;
	struct ipc_pending *pending;

	pending = malloc(sizeof *pending);
	if (pending == NULL)
		return -ENOMEM;
	if (!content_is(content, function, iov, count, len))
		content = content_new(server, function, iov, count, len);
	if (content == NULL) {
		free(pending);
		return -ENOMEM;
	}
	if (STAILQ_EMPTY(&conn->backlog))
		ipc_slow_begin(conn);
	content->users++;
	server->queued_last = content;
	pending->content = content;
	STAILQ_INSERT_TAIL(&conn->backlog, pending, link);
	conn->backlog_bytes += PENDING_COST + content_cost(len);
	server->stats.backlog_bytes += PENDING_COST;
	server->queued_since += PENDING_COST;
	return 0;
}

size_t
ipc_backlog_cost(const struct ipc_server *server, uint32_t function, const struct iovec *iov,
    size_t count, size_t len)
{
	if (content_is(server->queued_last, function, iov, count, len))
		return PENDING_COST;
	return PENDING_COST + content_cost(len);
}

size_t
ipc_backlog_share(struct ipc_conn *conn)
{
	const struct ipc_pending *pending;
	size_t share = 0, count = 0;

	STAILQ_FOREACH(pending, &conn->backlog, link) {
		share += PENDING_COST
		    + content_cost(pending->content->len) / pending->content->users;
		count++;
	}
	conn->slow.share = share;
	return count;
}

static int
content_to_ring(struct ipc_conn *conn, const struct ipc_content *content)
{
	union {
		const uint8_t *data;
		void *base;	/* struct iovec serves reading and writing; this is only read */
	} from = { .data = content->data };
	struct iovec iov = { .iov_base = from.base, .iov_len = content->len };

	return ipc_ring_put(&conn->to_client, content->function, &iov, 1, 0);
}

bool
ipc_backlog_move(struct ipc_conn *conn)
{
	int r;

	while (!STAILQ_EMPTY(&conn->backlog)) {
		r = content_to_ring(conn, STAILQ_FIRST(&conn->backlog)->content);
		if (r == -EAGAIN)
			return false;
		if (r < 0) {
			ipc_conn_garbage(conn, "tail of the event ring");
			return true;
		}
		pending_remove(conn);
	}
	return true;
}

void
ipc_backlog_drop(struct ipc_conn *conn)
{
	while (!STAILQ_EMPTY(&conn->backlog))
		pending_remove(conn);
	cs_assert(conn->backlog_bytes == 0);
}
