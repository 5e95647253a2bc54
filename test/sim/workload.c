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
	if (sim->options.app != NULL)
		return;		/* its processes have something to say themselves */
	if (host->pending_first + host->pending_count == host->pending_room)
		host->pending = util_grow(host->pending, &host->pending_room,
		    sizeof *host->pending);
	host->pending[host->pending_first + host->pending_count++] =
	    (struct pending) { .len = len, .safe = safe };
}

/* Mostly small, some around a frame's size, a few in many fragments. */
static uint32_t
workload_size(struct sim *sim)
{
	uint64_t kind = prng_below(&sim->chance, 1000), size;

	if (kind < 30)
		size = dice(&sim->chance, 0, MESSAGE_HEAD_BYTES - 1);
	else if (kind < 750)
		size = dice_scaled(&sim->chance, MESSAGE_HEAD_BYTES, 1400);
	else if (kind < 950)
		size = dice_scaled(&sim->chance, 1000, 20000);
	else if (kind < 992)
		size = dice_scaled(&sim->chance, 20000, 200000);
	else if (kind < 999)
		size = dice_scaled(&sim->chance, 200000, 1u << 20);
	else
		size = TOTEM_MESSAGE_BYTES_MAX;
	return (uint32_t) (size < sim->message_bytes_max ? size : sim->message_bytes_max);
}

void
workload_add(struct sim *sim, struct host *host, uint32_t count)
{
	if (host->totem == NULL || !host->watched || sim->options.app != NULL)
		return;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t size = workload_size(sim);

		act_do(sim, (struct act) {
			.kind = ACT_SEND, .host = host->index, .value = size,
			.other = dice_ppm(&sim->chance, sim->safe_ppm),
		});
	}
}

/* Some short ones, at once. */
void
workload_few(struct sim *sim, struct host *host, uint32_t count)
{
	if (host->totem == NULL || !host->watched || sim->options.app != NULL ||
	    sim->result.count[COUNT_APP] > 3u * sim->wanted)
		return;
	for (uint32_t i = 0; i < count; i++)
		act_do(sim, (struct act) {
			.kind = ACT_SEND, .host = host->index,
			.value = dice(&sim->chance, MESSAGE_HEAD_BYTES, host->frame_bytes),
			.other = dice_ppm(&sim->chance, sim->safe_ppm),
		});
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
		workload_add(sim, &sim->host[prng_below(&sim->chance, sim->node_count)],
		    (uint32_t) dice(&sim->chance, 1, BURST_MAX));
	again.at_ns = sim->now_ns + dice(&sim->chance, 0, 2 * sim->load_gap_ns);
	heap_push(&sim->heap, again);
}
