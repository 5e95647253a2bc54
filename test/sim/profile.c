/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What kind of cluster, network and load a seed stands for.  Each run draws its own mixture, with
 * half of the faults switched off: what never happens together with everything else at once is
 * found where only few things happen.
 */
#include <stdlib.h>

#include "test/sim/sim.h"

static void
profile_calm(struct sim *sim)
{
	sim->network = (struct network) {
		.delay_ns = 100 * US_NS, .jitter_ns = 20 * US_NS, .bytes_per_us = 1000,
		.fifo = true,
	};
	sim->usual = sim->network;
	sim->seq_first = sim->options.seq_first == 0 ? 1 : sim->options.seq_first;
	sim->safe_ppm = 300000;
	sim->message_bytes_max = 200000;
	for (uint32_t i = 0; i < sim->host_count; i++) {
		sim->host[i].queue_bytes_max = 8u << 20;
		sim->host[i].cost_ns = 2 * US_NS;
		sim->host[i].frame_bytes = 1400;
	}
}

static void
profile_network(struct sim *sim)
{
	static const uint64_t losses[] = { 0, 0, 0, 1000, 10000, 30000, 80000 };
	static const uint64_t delays_us[] = { 10, 30, 60, 100, 200, 1000, 5000 };
	struct prng *prng = &sim->chance;
	struct network *n = &sim->network;

	n->loss = losses[prng_below(prng, 7)];
	n->delay_ns = delays_us[prng_below(prng, 7)] * US_NS;
	n->jitter_ns = n->delay_ns * prng_below(prng, 4) / 2;
	n->fifo = dice_ppm(prng, 700000);
	n->duplicate = dice_ppm(prng, 400000) ? dice_scaled(prng, 100, 50000) : 0;
	n->reorder = dice_ppm(prng, 400000) ? dice_scaled(prng, 100, 50000) : 0;
	n->corrupt = dice_ppm(prng, 300000) ? dice_scaled(prng, 100, 10000) : 0;
	n->bytes_per_us = dice_scaled(prng, 50, 4000);
	sim->usual = *n;
	record_note(sim, "delay %llu us, jitter %llu us%s; ppm of loss %llu, doubled %llu",
	    (unsigned long long) (n->delay_ns / US_NS), (unsigned long long) (n->jitter_ns / US_NS),
	    n->fifo ? "" : ", no order", (unsigned long long) n->loss,
	    (unsigned long long) n->duplicate);
}

static void
profile_hosts(struct sim *sim)
{
	static const uint32_t frame_bytes[] = { 1000, 1400, 1472, 1472, 8900, 8900, 65000 };
	struct prng *prng = &sim->chance;
	uint32_t usual = frame_bytes[prng_below(prng, 7)];
	bool mixed = dice_ppm(prng, 200000), small = dice_ppm(prng, 150000);

	record_note(sim, "frames of %u bytes%s", usual, mixed ? " and others" : "");
	for (uint32_t i = 0; i < sim->host_count; i++) {
		struct host *host = &sim->host[i];

		host->frame_bytes = mixed ? frame_bytes[prng_below(prng, 7)] : usual;
		host->queue_bytes_max = small ? 212992 : 8u << 20;
		host->cost_ns = dice(prng, 500, 4000);
		host->clock_offset_ns = dice_scaled(prng, SEC_NS, 1000000 * SEC_NS);
		host->wall_offset_ns = (int64_t) dice(prng, 0, 20 * SEC_NS) -
		    (int64_t) (10 * SEC_NS);
	}
}

static void
profile_faults(struct sim *sim)
{
	struct prng *prng = &sim->chance;

	for (int kind = 0; kind < FAULT_COUNT; kind++)
		sim->fault_weight[kind] = dice_ppm(prng, 500000) ? dice(prng, 1, 10) : 0;
	sim->fault_weight[FAULT_CRASH] += 2;
	/* These come as the second half of another, or are rare by nature. */
	sim->fault_weight[FAULT_RESTART_INTACT] = 0;
	sim->fault_weight[FAULT_RESTART_STALE] = 0;
	sim->fault_weight[FAULT_RESTART_CORRUPT] = 0;
	sim->fault_weight[FAULT_RESTART_MISSING] = 0;
	sim->fault_weight[FAULT_AMBUSH] = 0;
	sim->fault_weight[FAULT_CUT_FOREVER] = dice_ppm(prng, 100000) ? 3 : 0;
	sim->fault_weight[FAULT_DOUBLE] = dice_ppm(prng, 80000) ? 3 : 0;
	sim->fault_weight[FAULT_STRANGER] = dice_ppm(prng, 80000) ? 3 : 0;
	sim->fault_gap_ns = dice_scaled(prng, 200 * MS_NS, 4 * SEC_NS);
	sim->ambush_ppm = dice_ppm(prng, 500000) ? dice_scaled(prng, 5000, 200000) : 0;
	sim->ambush_left = (uint32_t) dice(prng, 3, 40);
	sim->icmp_filtered = dice_ppm(prng, 300000);
}

/* What a narrow window lets through on a slow path, in bytes a second: the load must fit, or V14
 * would only find that. */
static uint64_t
profile_capacity(const struct sim *sim)
{
	uint64_t rotation_ns = sim->node_count *
	    (sim->network.delay_ns + sim->network.jitter_ns / 2 + 100 * US_NS);
	uint64_t window_bytes = UINT64_MAX;

	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].frame_bytes < window_bytes)
			window_bytes = sim->host[i].frame_bytes;
	return window_bytes * sim->window_frames_max * SEC_NS / rotation_ns;
}

void
profile_choose(struct sim *sim)
{
	struct prng words = { ~sim->options.seed };
	static const uint32_t firsts[] = { 1, 1, 1, 0xfffffff0u, 0x7ffffff0u, 0xfffffff0u };
	struct prng *prng = &sim->chance;
	uint64_t span_ns = sim->options.seconds * SEC_NS;

	if (sim->options.plan != NULL) {
		plan_to_world(sim->options.plan, sim);
		return;
	}
	for (uint32_t i = 0; i < sim->node_count; i++)
		sim->node_ids[i] = i + 1;
	/* Real ones may be anything; large ones catch what is stored too small. */
	if (!sim->options.calm && dice_ppm(prng, 200000))
		for (uint32_t i = 0; i < sim->node_count; i++)
			sim->node_ids[i] = i * 30000001u + 1u +
			    (uint32_t) prng_below(prng, 30000000);
	if (sim->options.calm) {
		profile_calm(sim);
		return;
	}
	sim->seq_first = firsts[prng_below(prng, 6)];
	sim->window_frames_max = dice_ppm(prng, 250000) ? (uint32_t) dice(prng, 8, 200) : 0;
	sim->learn_peers = dice_ppm(prng, 100000);
	profile_network(sim);
	profile_hosts(sim);
	profile_faults(sim);
	sim->last_words = dice_ppm(&words, 600000);	/* all else is as without */
	sim->safe_ppm = dice(prng, 50000, 500000);
	sim->wanted = (uint32_t) dice(prng, 520, 900);
	sim->load_gap_ns = span_ns / (sim->wanted / 4);
	sim->message_bytes_max = sim->node_count > 12 ? 100000 : TOTEM_MESSAGE_BYTES_MAX;
	if (sim->window_frames_max != 0 && profile_capacity(sim) / 5 < sim->message_bytes_max)
		sim->message_bytes_max = (uint32_t) (profile_capacity(sim) / 5);
	if (sim->message_bytes_max < 4000)
		sim->message_bytes_max = 4000;
	sim->trial = (enum sim_trial) dice(prng, TRIAL_NONE, TRIAL_COUNT - 1);
}
