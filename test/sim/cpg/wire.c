/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What lies between a process and its daemon: the socket as far as it matters, the memory that both
 * share, and for each event on its way what the simulation knows of it.
 */
#include <stdlib.h>
#include <string.h>

#include "test/sim/cpg/wire.h"

/* --- the memory ------------------------------------------------------------------------------ */

static uint32_t
wire_ring_bytes(const struct wire *wire)
{
	return (uint32_t) cpg_of(wire->client->sim)->ring_bytes;
}

struct ipc_page *
wire_page(const struct wire *wire)
{
	return (struct ipc_page *) (void *) wire->memory;
}

/* Laid out as ipc_conn_map() and the library's client_map_init() do it; each side has its own. */
void
wire_rings(const struct wire *wire, struct ipc_ring *ret_to_daemon, struct ipc_ring *ret_to_client)
{
	struct ipc_page *page = wire_page(wire);

	*ret_to_daemon = (struct ipc_ring) {
		.shared = &page->to_daemon,
		.data = wire->memory + IPC_PAGE_BYTES + IPC_REPLY_BYTES_MAX,
		.size = wire_ring_bytes(wire),
	};
	*ret_to_client = (struct ipc_ring) {
		.shared = &page->to_client,
		.data = ret_to_daemon->data + ret_to_daemon->size,
		.size = wire_ring_bytes(wire),
	};
}

static void
wire_memory(struct wire *wire)
{
	uint32_t bytes = wire_ring_bytes(wire);
	struct ipc_ring unused;

	/* Not util_alloc(): most of it is never touched. */
	wire->memory = calloc(1, ipc_map_bytes(bytes, bytes));
	cs_assert(wire->memory != NULL);
	wire_page(wire)->to_daemon.consumer_wish = IPC_ASLEEP;
	wire_page(wire)->to_client.consumer_wish = IPC_ARMED;
	wire_rings(wire, &unused, &wire->seen);
}

/* --- its life -------------------------------------------------------------------------------- */

struct wire *
wire_new(struct cpg_node *node, const char *name, struct client *client)
{
	struct service *service = node->services;
	struct wire *wire;

	while (service != NULL && strcmp(service->ipc.name, name) != 0)
		service = service->next;
	if (node->engines == NULL || service == NULL)
		return NULL;
	wire = util_alloc(sizeof *wire);
	wire->client = client;
	wire->welcome = 1;
	wire->heard = true;
	wire_memory(wire);
	wire->conn.server = &service->ipc;
	wire->conn.fd = -1;
	wire->conn.pid = (pid_t) client->pid;
	STAILQ_INIT(&wire->conn.backlog);
	TAILQ_INSERT_TAIL(&service->ipc.conns, &wire->conn, link);
	service->ipc.stats.active++;
	service_soon(service);
	return wire;
}

void
wire_put(struct wire *wire)
{
	if (wire->conn.server != NULL || wire->client != NULL)
		return;
	free(wire->memory);
	free(wire->tag);
	free(wire);
}

void
wire_ring(struct wire *wire)
{
	if (wire->conn.server == NULL || !wire->heard)
		return;
	wire->bell = true;
	service_soon(service_of(wire->conn.server));
}

void
wire_hang_up(struct wire *wire)
{
	wire->hung_up = true;
	if (wire->conn.server != NULL && wire->heard)
		service_soon(service_of(wire->conn.server));
}

void
wire_close(struct wire *wire)
{
	wire_hang_up(wire);
	wire->client = NULL;
	wire_put(wire);
}

/* --- tags ------------------------------------------------------------------------------------ */

static void
wire_tag_add(struct wire *wire, const struct tag *tag)
{
	if (wire->tag_next == wire->tag_room && wire->tag_first > 0) {
		memmove(wire->tag, wire->tag + wire->tag_first,
		    (wire->tag_next - wire->tag_first) * sizeof *tag);
		wire->tag_next -= wire->tag_first;
		wire->tag_first = 0;
	}
	if (wire->tag_next == wire->tag_room)
		wire->tag = util_grow(wire->tag, &wire->tag_room, sizeof *tag);
	wire->tag[wire->tag_next++] = *tag;
	wire->tag_count++;
}

struct tag
wire_tag(struct wire *wire)
{
	cs_assert(wire->tag_first < wire->tag_next);
	return wire->tag[wire->tag_first++];
}

/* Each time the daemon's code runs, all that it says is said at one place of the order; and no
 * process runs meanwhile, so what came is still there to be counted.  (When it is cut off, what
 * waited is gone, and some tags are of events that never come.) */
void
wire_settle(struct wire *wire, size_t waiting)
{
	const struct cpg_node *node = service_of(wire->conn.server)->node;
	struct ipc_ring_record record;

	if (wire->client == NULL)
		return;
	while (ipc_ring_peek(&wire->seen, &record) == 0) {
		ipc_ring_advance(&wire->seen, &record);
		wire->event_count++;
	}
	while (wire->tag_count < wire->event_count + waiting)
		wire_tag_add(wire, &node->tag);
	if (wire->woken != wire->seen.at || (wire->call != 0 &&
	    wire_page(wire)->reply_sequence == wire->call))
		link_wake(wire->client);
	wire->woken = wire->seen.at;
}
