/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Where a connection stands: ready for its turn, blocked, or with nothing to do.
 */
#include "config.h"
#include <stddef.h>

#include "exec/ipc/internal.h"

void
ipc_queues_init(struct ipc_server *server)
{
	TAILQ_INIT(&server->conns);
	TAILQ_INIT(&server->ready);
	TAILQ_INIT(&server->blocked);
	TAILQ_INIT(&server->starved);
	TAILQ_INIT(&server->dozing);
}

static struct ipc_conns *
queue_list(struct ipc_server *server, enum ipc_queue queue)
{
	switch (queue) {
	case IPC_QUEUE_READY:
		return &server->ready;
	case IPC_QUEUE_BLOCKED:
		return &server->blocked;
	case IPC_QUEUE_STARVED:
		return &server->starved;
	case IPC_QUEUE_DOZING:
		return &server->dozing;
	case IPC_QUEUE_NONE:
		break;
	}
	return NULL;
}

void
ipc_queue_move(struct ipc_conn *conn, enum ipc_queue queue)
{
	struct ipc_conns *from = queue_list(conn->server, conn->queue);
	struct ipc_conns *to = queue_list(conn->server, queue);

	if (from != NULL)
		TAILQ_REMOVE(from, conn, queue_link);
	if (to != NULL)
		TAILQ_INSERT_TAIL(to, conn, queue_link);
	conn->queue = queue;
	if (queue == IPC_QUEUE_READY)
		ipc_work(conn->server);
}
