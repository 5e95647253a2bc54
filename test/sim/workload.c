/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The application: bursts of messages of all sizes from all nodes.
 */
#include "test/sim/sim.h"

#define BURST_MAX	8u

void
workload_want(struct sim *sim, struct host *host, uint32_t len, bool safe)
{
	if (host->pending_first + host->pending_count == host->pending_room)
		host->pending = util_grow(host->pending, &host->pending_room,
		    sizeof *host->pending);
	host->pending[host->pending_first + host->pending_count++] =
	    (struct pending) { .len = len, .safe = safe };
	(void) sim;
}

/* Mostly small, some around a frame's size, a few in many fragments. */
static uint32_t
workload_size(struct sim *sim)
{
	uint64_t kind = prng_below(&sim->prng, 1000), size;

	if (kind < 30)
		size = dice(&sim->prng, 1, MESSAGE_HEAD_BYTES - 1);
	else if (kind < 750)
		size = dice_scaled(&sim->prng, MESSAGE_HEAD_BYTES, 1400);
	else if (kind < 950)
		size = dice_scaled(&sim->prng, 1000, 20000);
	else if (kind < 992)
		size = dice_scaled(&sim->prng, 20000, 200000);
	else if (kind < 999)
		size = dice_scaled(&sim->prng, 200000, 1u << 20);
	else
		size = TOTEM_MESSAGE_BYTES_MAX;
	return (uint32_t) (size < sim->message_bytes_max ? size : sim->message_bytes_max);
}

void
workload_add(struct sim *sim, struct host *host, uint32_t count)
{
	if (host->totem == NULL || !host->watched)
		return;
	for (uint32_t i = 0; i < count; i++)
		workload_want(sim, host, workload_size(sim), dice_ppm(&sim->prng, sim->safe_ppm));
	host_flush(sim, host);
}

void
workload_start(struct sim *sim)
{
	sim->load_on = true;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + sim->load_gap_ns, .kind = HAPPEN_LOAD,
	});
}

void
workload_happening(struct sim *sim, const struct happening *happening)
{
	struct happening again = *happening;
	uint64_t sent = sim->result.count[COUNT_APP];

	if (!sim->load_on)
		return;
	if (sent < 2u * sim->wanted)
		workload_add(sim, &sim->host[prng_below(&sim->prng, sim->node_count)],
		    (uint32_t) dice(&sim->prng, 1, BURST_MAX));
	again.at_ns = sim->now_ns + dice(&sim->prng, 0, 2 * sim->load_gap_ns);
	heap_push(&sim->heap, again);
}
