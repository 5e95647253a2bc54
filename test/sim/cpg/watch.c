/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Looks at a daemon each time its code has run: at what is new for its processes, which are woken,
 * and for C12 at what waits for them and how they read.  It counts for itself; what slow.c keeps in
 * a connection is not asked.
 *
 * A daemon that is paused looks later than its timer is due who has read, and so it may cut off
 * later: such delays are taken out of all spans that are told.
 */
#include <stdlib.h>

#include "test/sim/cpg/wire.h"

static uint64_t
watch_now_ns(const struct service *service)
{
	return service->node->sim->now_ns;
}

/* All that it was late with, also with what is due now. */
static uint64_t
watch_late_ns(const struct service *service)
{
	uint64_t due_ns = service->check_ns != 0 ? service->check_ns : service_timer_ns(service);

	return service->late_ns + (due_ns != 0 && due_ns < watch_now_ns(service) ?
	    watch_now_ns(service) - due_ns : 0);
}

/* Virtual time without the daemon's delays. */
static uint64_t
watch_clock_ns(const struct service *service)
{
	return watch_now_ns(service) - watch_late_ns(service);
}

void
watch_checked(struct service *service)
{
	if (service->check_ns == 0 || service->ipc.check_due)
		return;
	service->late_ns += watch_now_ns(service) - service->check_ns;
	service->check_ns = 0;
}

void
watch_slowed(struct service *service, bool on)
{
	service->slowed = on;
	service->slowed_ns = watch_clock_ns(service);
	if (on)
		cpg_counted(service->node->sim, CPG_COUNT_CONGESTED);
}

/* --- how it reads ---------------------------------------------------------------------------- */

/* The present span, with those before it that have no reading in them cleared. */
static void
watch_span(struct wire *wire)
{
	const struct sim *sim = wire->client->sim;
	uint64_t span = sim->now_ns / (cpg_of(sim)->grace_ns / WATCH_SPANS);
	struct watch *watch = &wire->watch;

	if (span - watch->span > WATCH_SPANS)
		watch->span = span - WATCH_SPANS;
	while (watch->span < span)
		watch->read_bytes[++watch->span % WATCH_SPANS] = 0;
}

void
watch_read(struct wire *wire, uint32_t bytes)
{
	watch_span(wire);
	wire->watch.read_bytes[wire->watch.span % WATCH_SPANS] += bytes;
	wire->client->read_bytes += bytes;
}

/* In the last three quarters of the grace time, and at most an eighth more. */
static uint64_t
watch_bytes(struct wire *wire)
{
	uint64_t bytes = 0;

	watch_span(wire);
	for (uint64_t i = 0; i < WATCH_SPANS - 1 && i <= wire->watch.span; i++)
		bytes += wire->watch.read_bytes[(wire->watch.span - i) % WATCH_SPANS];
	return bytes;
}

/* Its daemon has something more for it, and slows the ring. */
static bool
watch_waits(const struct wire *wire)
{
	const struct ipc_conn *conn = &wire->conn;

	return service_of(conn->server)->slowed && conn->state == IPC_CONN_OPEN && !conn->cut &&
	    !STAILQ_EMPTY(&conn->backlog);
}

static void
watch_wire(struct wire *wire)
{
	uint64_t now_ns = watch_clock_ns(service_of(wire->conn.server));
	uint32_t tail = wire_page(wire)->to_client.tail;
	struct watch *watch = &wire->watch;

	watch->waits = watch_waits(wire);
	if (!watch->waits)
		watch->waits_ns = watch->still_ns = now_ns;
	if (tail != watch->tail)
		watch->still_ns = now_ns;
	watch->tail = tail;
}

/* Of those that wait who has read nothing for longest, but for that one. */
static uint64_t
watch_still(const struct service *service, const struct wire *but, uint32_t *ret_pid)
{
	uint64_t now_ns = watch_clock_ns(service), longest_ns = 0;
	struct ipc_conn *conn;

	*ret_pid = 0;
	TAILQ_FOREACH(conn, &service->ipc.conns, link) {
		const struct wire *wire = wire_of(conn);

		if (wire == but || !wire->watch.waits || !watch_waits(wire) ||
		    now_ns - wire->watch.still_ns <= longest_ns ||
		    wire_page(wire)->to_client.tail != wire->watch.tail)
			continue;
		longest_ns = now_ns - wire->watch.still_ns;
		*ret_pid = (uint32_t) conn->pid;
	}
	return longest_ns;
}

void
watch_cut(struct wire *wire, bool slow)
{
	struct service *service = service_of(wire->conn.server);
	struct sim *sim = service->node->sim;
	uint64_t now_ns = watch_clock_ns(service);
	struct cpg_cut cut = {
		.for_room = !service->checks,
		.counted_bytes = service->ipc.stats.backlog_bytes,
	};

	if (!slow) {
		judge_fail(sim, C12_FLOW, "node %u disconnects process %u, and not for being slow",
		    service->node->host->node_id, (unsigned int) wire->conn.pid);
		return;
	}
	cpg_counted(sim, CPG_COUNT_CUT);
	if (cut.for_room)
		cpg_counted(sim, CPG_COUNT_CUT_FOR_ROOM);
	if (wire->client == NULL)
		return;
	cut.read_bytes = watch_bytes(wire);
	record_note(sim, "%u: process %u is too slow: cut off; it has read %llu bytes lately",
	    service->node->host->node_id, (unsigned int) wire->conn.pid,
	    (unsigned long long) cut.read_bytes);
	cut.slowed_ns = service->slowed ? now_ns - service->slowed_ns : 0;
	cut.waits_ns = wire->watch.waits ? now_ns - wire->watch.waits_ns : 0;
	cut.still_ns = watch_still(service, wire, &cut.still_pid);
	program_cut(wire->client, &cut);
}

/* --- what waits ------------------------------------------------------------------------------ */

/* Events; and their bytes, each content once. */
static size_t
wire_waiting(const struct wire *wire, uint64_t *ret_bytes)
{
	const struct ipc_content *before = NULL;
	const struct ipc_pending *pending;
	size_t count = 0;

	*ret_bytes = 0;
	STAILQ_FOREACH(pending, &wire->conn.backlog, link) {
		if (pending->content != before)
			*ret_bytes += pending->content->len;
		before = pending->content;
		count++;
	}
	return count;
}

static struct cpg_flow
service_wires(struct service *service)
{
	struct cpg_flow flow = { .nothing_waits = true };
	bool news = service->events_seen != service->ipc.stats.events;
	struct ipc_conn *conn;
	uint64_t bytes;
	size_t waiting;

	TAILQ_FOREACH(conn, &service->ipc.conns, link) {
		waiting = news ? wire_waiting(wire_of(conn), &bytes) : 0;
		wire_settle(wire_of(conn), waiting);
		watch_wire(wire_of(conn));
		flow.nothing_waits = flow.nothing_waits && STAILQ_EMPTY(&conn->backlog);
		if (news && bytes > flow.waiting_bytes)
			flow.waiting_bytes = bytes;
	}
	service->events_seen = service->ipc.stats.events;
	return flow;
}

static void
service_settle(struct service *service)
{
	struct cpg_flow flow = service_wires(service);
	struct sim *sim = service->node->sim;
	uint64_t now_ns = watch_clock_ns(service);

	flow.counted_bytes = service->ipc.stats.backlog_bytes;
	flow.slowed = service->slowed;
	if (!flow.slowed || flow.counted_bytes > cpg_of(sim)->backlog_bytes / 4)
		service->relieved_ns = now_ns;
	flow.relieved_ns = now_ns - service->relieved_ns;
	flow.still_ns = watch_still(service, NULL, &flow.still_pid);
	if (flow.slowed || !flow.nothing_waits || flow.counted_bytes > 0)
		trace_event(sim, &(struct cpg_event) { .at_ns = sim->now_ns, .kind = CPG_FLOW,
		    .session = NONE, .message = NONE, .node = service->node->host->node_id,
		    .flow = &flow });
}

void
watch_settle(struct cpg_node *node)
{
	for (struct service *service = node->services; service != NULL; service = service->next)
		service_settle(service);
}

bool
watch_slows(const struct cpg_node *node)
{
	for (const struct service *service = node->services; service != NULL;
	    service = service->next)
		if (service->slowed)
			return true;
	return false;
}
