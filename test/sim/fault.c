/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What goes wrong, and when it is put right again.
 */
#include "exec/totem/wire.h"
#include "test/sim/sim.h"

static const char *const fault_names[FAULT_COUNT] = {
	[FAULT_CRASH] = "crash",
	[FAULT_CRASH_HOST] = "crash of the host",
	[FAULT_POWER] = "power failure of all",
	[FAULT_LEAVE] = "leave",
	[FAULT_RESTART_INTACT] = "restart, storage intact",
	[FAULT_RESTART_STALE] = "restart, storage stale",
	[FAULT_RESTART_CORRUPT] = "restart, storage corrupt",
	[FAULT_RESTART_MISSING] = "restart, storage missing",
	[FAULT_PARTITION] = "partition",
	[FAULT_CUT_ONE_WAY] = "one-way cut",
	[FAULT_CUT_PAIR] = "pair cut",
	[FAULT_CUT_FOREVER] = "cut for ever",
	[FAULT_ISOLATE] = "deaf or mute node",
	[FAULT_PAUSE] = "pause",
	[FAULT_CLOCK_JUMP] = "clock jump",
	[FAULT_WALL_CLOCK] = "wall clock set",
	[FAULT_LOSS] = "loss",
	[FAULT_DELAY] = "delay",
	[FAULT_LATE] = "slow path",
	[FAULT_CORRUPTION] = "corruption",
	[FAULT_TYPE] = "loss of one frame type",
	[FAULT_BIG] = "loss of large frames",
	[FAULT_SLOW] = "slow node",
	[FAULT_SMALL_BUFFER] = "small receive buffer",
	[FAULT_GARBAGE] = "garbage",
	[FAULT_REPLAY] = "replay",
	[FAULT_BRAKE] = "brake",
	[FAULT_RECONFIGURE] = "reconfiguration",
	[FAULT_DISK] = "slow disk",
	[FAULT_DOUBLE] = "double node id",
	[FAULT_STRANGER] = "other cluster, unknown node",
	[FAULT_AMBUSH] = "ambush",
};

const char *
fault_name(enum sim_fault fault)
{
	return fault_names[fault];
}

static struct host *
fault_victim(struct sim *sim)
{
	return &sim->host[prng_below(&sim->prng, sim->node_count)];
}

static void
fault_undo_later(struct sim *sim, enum sim_undo undo, uint32_t host, uint32_t other,
    uint64_t span_ns)
{
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + span_ns, .kind = HAPPEN_UNDO, .host = host, .other = other,
		.generation = sim->fault_round, .value = undo,
	});
}

static uint64_t
fault_span(struct sim *sim)
{
	return dice_scaled(&sim->prng, 20 * MS_NS, 8 * SEC_NS);
}

static void
fault_restart(struct sim *sim, struct host *host)
{
	static const enum sim_fault kinds[] = {
		[HOST_INTACT] = FAULT_RESTART_INTACT,
		[HOST_STALE] = FAULT_RESTART_STALE,
		[HOST_CORRUPT] = FAULT_RESTART_CORRUPT,
		[HOST_MISSING] = FAULT_RESTART_MISSING,
	};
	enum host_storage storage = HOST_INTACT;

	if (host->totem != NULL)
		return;
	if (dice_ppm(&sim->prng, 400000))
		storage = (enum host_storage) dice(&sim->prng, HOST_STALE, HOST_MISSING);
	sim->result.fault[kinds[storage]]++;
	record_note(sim, "%s of %u", fault_name(kinds[storage]), host->node_id);
	host_start(sim, host, storage);
}

static void
fault_stop(struct sim *sim, struct host *host, enum sim_fault kind)
{
	if (host->totem == NULL)
		return;
	if (kind == FAULT_LEAVE && !host->paused)
		host_leave(sim, host);
	else
		host_kill(sim, host);
	if (kind == FAULT_CRASH_HOST || kind == FAULT_POWER)
		host->up = false;
	fault_undo_later(sim, UNDO_CRASH, host->index, 0,
	    dice_scaled(&sim->prng, MS_NS, 10 * SEC_NS));
}

static void
fault_partition(struct sim *sim)
{
	uint32_t islands = (uint32_t) dice(&sim->prng, 2, 3);

	for (uint32_t i = 0; i < sim->host_count; i++)
		sim->host[i].island = (uint32_t) prng_below(&sim->prng, islands);
	for (uint32_t i = 0; i < sim->node_count; i++)
		record_note(sim, "%u is on island %u", sim->host[i].node_id, sim->host[i].island);
	fault_undo_later(sim, UNDO_PARTITION, 0, 0, fault_span(sim));
}

static void
fault_cut(struct sim *sim, enum sim_fault kind)
{
	uint32_t a = fault_victim(sim)->index, b = fault_victim(sim)->index;
	bool both = kind == FAULT_CUT_PAIR ||
	    (kind == FAULT_CUT_FOREVER && dice_ppm(&sim->prng, 600000));

	if (a == b)
		return;
	record_note(sim, "%u %s %u is cut", sim->host[a].node_id, both ? "<->" : "->",
	    sim->host[b].node_id);
	if (kind == FAULT_CUT_FOREVER) {
		sim->forever = true;
		network_link(sim, a, b)->cut_forever = true;
		if (both)
			network_link(sim, b, a)->cut_forever = true;
		return;
	}
	network_link(sim, a, b)->cut = true;
	if (both)
		network_link(sim, b, a)->cut = true;
	fault_undo_later(sim, UNDO_CUT, a, b, fault_span(sim));
}

/* What was sent this way arrives when its sender may be dead and its ring forgotten. */
static void
fault_late(struct sim *sim)
{
	uint32_t a = fault_victim(sim)->index, b = fault_victim(sim)->index;

	network_link(sim, a, b)->extra_ns = dice_scaled(&sim->prng, MS_NS, 300 * MS_NS);
	record_note(sim, "%u -> %u is slow", sim->host[a].node_id, sim->host[b].node_id);
	fault_undo_later(sim, UNDO_LATE, a, b, 2 * fault_span(sim));
}

static void
fault_isolate(struct sim *sim, struct host *host)
{
	if (dice_ppm(&sim->prng, 500000))
		host->deaf = true;
	else
		host->mute = true;
	record_note(sim, "%u is %s", host->node_id, host->deaf ? "deaf" : "mute");
	fault_undo_later(sim, UNDO_ISOLATE, host->index, 0, fault_span(sim));
}

static void
fault_network(struct sim *sim, enum sim_fault kind)
{
	struct network *n = &sim->network;

	if (kind == FAULT_LOSS)
		n->loss = dice_scaled(&sim->prng, 50000, 500000);
	else if (kind == FAULT_DELAY)
		n->delay_ns = dice_scaled(&sim->prng, MS_NS, 300 * MS_NS);
	else
		n->corrupt = dice_scaled(&sim->prng, 20000, 300000);
	record_note(sim, "%s", fault_name(kind));
	fault_undo_later(sim, UNDO_NETWORK, 0, 0, fault_span(sim) / 2);
}

static void
fault_filter(struct sim *sim, struct host *host, enum sim_fault kind)
{
	uint8_t type = (uint8_t) dice(&sim->prng, WIRE_DATA, WIRE_TYPE_END - 1);
	uint32_t ppm = (uint32_t) dice(&sim->prng, 300000, 1000000);
	bool everywhere = dice_ppm(&sim->prng, 400000);

	for (uint32_t i = 0; i < sim->node_count; i++) {
		if (!everywhere && &sim->host[i] != host)
			continue;
		if (kind == FAULT_TYPE) {
			sim->host[i].type_lost = type;
			sim->host[i].type_lost_ppm = ppm;
		} else {
			sim->host[i].bytes_max = (uint32_t) dice(&sim->prng, 200, 1400);
		}
	}
	record_note(sim, "%s %u: %s", fault_name(kind), type,
	    everywhere ? "everywhere" : "at one node");
	fault_undo_later(sim, UNDO_FILTER, 0, 0, fault_span(sim));
}

static void
fault_extra(struct sim *sim, enum sim_fault kind)
{
	struct host *host = &sim->host[sim->node_count + (kind == FAULT_STRANGER)];

	if (host->totem != NULL) {
		host_kill(sim, host);
		return;
	}
	host->node_id = fault_victim(sim)->node_id;
	host->cluster_hash = sim->host[0].cluster_hash;
	if (kind == FAULT_STRANGER && !sim->learn_peers && dice_ppm(&sim->prng, 400000))
		host->node_id = sim->node_ids[sim->node_count - 1] + 1;
	else if (kind == FAULT_STRANGER)
		host->cluster_hash ^= prng_u64(&sim->prng) | 1u;
	record_note(sim, "%s: %u", fault_name(kind), host->node_id);
	host_start(sim, host, HOST_MISSING);
}

static void
fault_slow(struct sim *sim, struct host *host, enum sim_fault kind)
{
	if (kind == FAULT_SLOW)
		host->cost_ns = dice_scaled(&sim->prng, 50 * US_NS, 2 * MS_NS);
	else
		host->queue_bytes_max = dice(&sim->prng, 6000, 100000);
	record_note(sim, "%s: %u", fault_name(kind), host->node_id);
	fault_undo_later(sim, UNDO_SLOW, host->index, 0, fault_span(sim));
}

static void
fault_on_process(struct sim *sim, struct host *host, enum sim_fault kind)
{
	if (host->totem == NULL || host->paused)
		return;
	if (kind == FAULT_PAUSE) {
		host_pause(sim, host);
		fault_undo_later(sim, UNDO_PAUSE, host->index, 0,
		    dice_scaled(&sim->prng, 5 * MS_NS, 12 * SEC_NS));
	} else if (kind == FAULT_CLOCK_JUMP) {
		record_note(sim, "the clock of %u jumps", host->node_id);
		host->clock_offset_ns += dice_scaled(&sim->prng, MS_NS, 20 * SEC_NS);
		host->timer_at_ns = sim->now_ns;
		heap_push(&sim->heap, (struct happening) {
			.at_ns = sim->now_ns, .kind = HAPPEN_TIMER, .host = host->index,
			.generation = host->generation,
		});
	} else if (kind == FAULT_RECONFIGURE) {
		record_note(sim, "%u is reconfigured", host->node_id);
		host_reconfigure(sim, host);
	} else {
		record_note(sim, "%u brakes", host->node_id);
		host_brake(sim, host, true);
		fault_undo_later(sim, UNDO_BRAKE, host->index, 0,
		    dice_scaled(&sim->prng, MS_NS, 2 * SEC_NS));
	}
}

static void
fault_happen(struct sim *sim, enum sim_fault kind, struct host *host)
{
	sim->result.fault[kind]++;
	switch (kind) {
	case FAULT_CRASH:
	case FAULT_CRASH_HOST:
	case FAULT_LEAVE:
		fault_stop(sim, host, kind);
		break;
	case FAULT_POWER:
		for (uint32_t i = 0; i < sim->node_count; i++)
			fault_stop(sim, &sim->host[i], kind);
		break;
	case FAULT_RESTART_INTACT:
	case FAULT_RESTART_STALE:
	case FAULT_RESTART_CORRUPT:
	case FAULT_RESTART_MISSING:
	case FAULT_AMBUSH:
	case FAULT_COUNT:
		break;
	case FAULT_PARTITION:
		fault_partition(sim);
		break;
	case FAULT_CUT_ONE_WAY:
	case FAULT_CUT_PAIR:
	case FAULT_CUT_FOREVER:
		fault_cut(sim, kind);
		break;
	case FAULT_ISOLATE:
		fault_isolate(sim, host);
		break;
	case FAULT_PAUSE:
	case FAULT_CLOCK_JUMP:
	case FAULT_BRAKE:
	case FAULT_RECONFIGURE:
		fault_on_process(sim, host, kind);
		break;
	case FAULT_WALL_CLOCK:
		host->wall_offset_ns += (int64_t) dice_scaled(&sim->prng, SEC_NS, 100000 * SEC_NS) *
		    (dice_ppm(&sim->prng, 500000) ? 1 : -1);
		break;
	case FAULT_LATE:
		fault_late(sim);
		break;
	case FAULT_LOSS:
	case FAULT_DELAY:
	case FAULT_CORRUPTION:
		fault_network(sim, kind);
		break;
	case FAULT_TYPE:
	case FAULT_BIG:
		fault_filter(sim, host, kind);
		break;
	case FAULT_SLOW:
	case FAULT_SMALL_BUFFER:
		fault_slow(sim, host, kind);
		break;
	case FAULT_GARBAGE:
		network_garbage(sim);
		break;
	case FAULT_REPLAY:
		network_replay(sim);
		break;
	case FAULT_DISK:
		host->storage.latency_ns = dice(&sim->prng, SEC_NS, 10 * SEC_NS);
		fault_undo_later(sim, UNDO_DISK, host->index, 0, fault_span(sim));
		break;
	case FAULT_DOUBLE:
	case FAULT_STRANGER:
		fault_extra(sim, kind);
		break;
	}
}

static void
fault_undo(struct sim *sim, enum sim_undo undo, struct host *host, uint32_t other)
{
	switch (undo) {
	case UNDO_PAUSE:
		if (host->totem != NULL && host->paused)
			host_resume(sim, host);
		break;
	case UNDO_CRASH:
		fault_restart(sim, host);
		break;
	case UNDO_PARTITION:
		record_note(sim, "the islands are connected again");
		for (uint32_t i = 0; i < sim->host_count; i++)
			sim->host[i].island = 0;
		break;
	case UNDO_CUT:
		record_note(sim, "%u <-> %u is whole again", host->node_id,
		    sim->host[other].node_id);
		network_link(sim, host->index, other)->cut = false;
		network_link(sim, other, host->index)->cut = false;
		break;
	case UNDO_LATE:
		network_link(sim, host->index, other)->extra_ns = 0;
		break;
	case UNDO_ISOLATE:
		record_note(sim, "%u is connected again", host->node_id);
		host->deaf = host->mute = false;
		break;
	case UNDO_NETWORK:
		record_note(sim, "the network is as usual again");
		sim->network = sim->usual;
		break;
	case UNDO_FILTER:
		for (uint32_t i = 0; i < sim->host_count; i++) {
			sim->host[i].type_lost = 0;
			sim->host[i].bytes_max = 0;
		}
		break;
	case UNDO_SLOW:
		host->cost_ns = 2 * US_NS;
		host->queue_bytes_max = 8u << 20;
		break;
	case UNDO_BRAKE:
		if (host->totem != NULL && !host->paused)
			host_brake(sim, host, false);
		break;
	case UNDO_DISK:
		host->storage.latency_ns = 0;
		break;
	}
}

static enum sim_fault
fault_draw(struct sim *sim)
{
	uint64_t sum = 0, at;
	int kind = 0;

	for (kind = 0; kind < FAULT_COUNT; kind++)
		sum += sim->fault_weight[kind];
	at = prng_below(&sim->prng, sum);
	for (kind = 0; at >= sim->fault_weight[kind]; kind++)
		at -= sim->fault_weight[kind];
	return (enum sim_fault) kind;
}

static void
fault_ambush(struct sim *sim, struct host *host)
{
	static const enum sim_fault kinds[] = {
		FAULT_CRASH, FAULT_CRASH, FAULT_CRASH_HOST, FAULT_PAUSE, FAULT_PAUSE,
		FAULT_PARTITION, FAULT_CUT_ONE_WAY, FAULT_ISOLATE, FAULT_LOSS, FAULT_CLOCK_JUMP,
		FAULT_LEAVE, FAULT_REPLAY,
	};
	enum sim_fault kind = kinds[prng_below(&sim->prng, sizeof kinds / sizeof *kinds)];

	if (dice_ppm(&sim->prng, 300000))
		host = fault_victim(sim);
	sim->result.fault[FAULT_AMBUSH]++;
	record_note(sim, "ambush: %s, %u", fault_name(kind), host->node_id);
	fault_happen(sim, kind, host);
}

/* Recovery takes a few milliseconds of a run: faults at random would hardly ever hit it. */
void
fault_state_entered(struct sim *sim, struct host *host, enum totem_state state)
{
	if (!sim->faults_on || sim->ambush_left == 0 || state == TOTEM_IDLE ||
	    host->index >= sim->node_count || !dice_ppm(&sim->prng, sim->ambush_ppm))
		return;
	sim->ambush_left--;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + dice_scaled(&sim->prng, US_NS, 4 * MS_NS),
		.kind = HAPPEN_AMBUSH, .host = host->index, .generation = sim->fault_round,
	});
}

void
fault_happening(struct sim *sim, const struct happening *happening)
{
	struct host *host = &sim->host[happening->host];
	struct happening again = *happening;

	if (happening->kind == HAPPEN_UNDO) {
		if (happening->generation == sim->fault_round)
			fault_undo(sim, (enum sim_undo) happening->value, host,
			    happening->other);
		return;
	}
	if (!sim->faults_on)
		return;
	if (happening->kind == HAPPEN_AMBUSH) {
		fault_ambush(sim, host);
		return;
	}
	fault_happen(sim, fault_draw(sim), fault_victim(sim));
	again.at_ns = sim->now_ns + dice(&sim->prng, 0, 2 * sim->fault_gap_ns);
	heap_push(&sim->heap, again);
}

void
fault_start(struct sim *sim)
{
	sim->faults_on = true;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + dice(&sim->prng, 0, 3 * SEC_NS), .kind = HAPPEN_FAULT,
	});
}

/* From here on nothing goes wrong; of the dead, some stay dead. */
void
fault_heal(struct sim *sim)
{
	bool leave_dead = !sim->options.calm && dice_ppm(&sim->prng, 200000);
	bool some_alive = false;

	sim->faults_on = false;
	sim->fault_round++;
	record_note(sim, "no more faults");
	sim->usual.loss = sim->usual.corrupt = sim->usual.duplicate = sim->usual.reorder = 0;
	sim->network = sim->usual;
	for (uint32_t i = 0; i < sim->host_count * sim->host_count; i++) {
		sim->link[i].cut = false;
		sim->link[i].extra_ns = 0;
	}
	for (uint32_t i = 0; i < sim->host_count; i++) {
		struct host *host = &sim->host[i];

		host->island = 0;
		host->deaf = host->mute = false;
		host->storage.latency_ns = 0;
		fault_undo(sim, UNDO_SLOW, host, 0);
		fault_undo(sim, UNDO_FILTER, host, 0);
		if (i >= sim->node_count) {
			host_kill(sim, host);
			host->up = false;
			continue;
		}
		fault_undo(sim, UNDO_PAUSE, host, 0);
		fault_undo(sim, UNDO_BRAKE, host, 0);
		if (!leave_dead || (!some_alive && i + 1 == sim->node_count))
			fault_restart(sim, host);
		some_alive = some_alive || host->totem != NULL;
	}
}
