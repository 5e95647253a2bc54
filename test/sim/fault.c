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
	[FAULT_HOLES] = "death that leaves holes",
	[FAULT_STRAGGLERS] = "stragglers",
	[FAULT_PARTING] = "parting behind holes",
	[FAULT_SLOW] = "slow node",
	[FAULT_SMALL_BUFFER] = "small receive buffer",
	[FAULT_GARBAGE] = "garbage",
	[FAULT_REPLAY] = "replay",
	[FAULT_FORGED] = "impossible frames",
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
	return &sim->host[prng_below(&sim->chance, sim->node_count)];
}

static void
fault_act(struct sim *sim, enum act_kind kind, uint32_t host, uint32_t other, uint64_t value)
{
	act_do(sim, (struct act) { .kind = kind, .host = host, .other = other, .value = value });
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
	return dice_scaled(&sim->chance, 20 * MS_NS, 8 * SEC_NS);
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
	if (dice_ppm(&sim->chance, 400000))
		storage = (enum host_storage) dice(&sim->chance, HOST_STALE, HOST_MISSING);
	sim->result.fault[kinds[storage]]++;
	fault_act(sim, ACT_START, host->index, 0, storage);
}

static void
fault_stop(struct sim *sim, struct host *host, enum sim_fault kind)
{
	if (host->totem == NULL)
		return;
	if (kind == FAULT_LEAVE && !host->paused)
		fault_act(sim, ACT_LEAVE, host->index, 0, 0);
	else
		fault_act(sim, kind == FAULT_CRASH_HOST || kind == FAULT_POWER ? ACT_CRASH_HOST
		    : ACT_CRASH, host->index, 0, 0);
	fault_undo_later(sim, UNDO_CRASH, host->index, 0,
	    dice_scaled(&sim->chance, MS_NS, 10 * SEC_NS));
}

static void
fault_partition(struct sim *sim)
{
	uint32_t islands = (uint32_t) dice(&sim->chance, 2, 3);

	for (uint32_t i = 0; i < sim->host_count; i++)
		fault_act(sim, ACT_ISLAND, i, 0, prng_below(&sim->chance, islands));
	fault_undo_later(sim, UNDO_PARTITION, 0, 0, fault_span(sim));
}

static void
fault_cut(struct sim *sim, enum sim_fault kind)
{
	uint32_t a = fault_victim(sim)->index, b = fault_victim(sim)->index;
	bool both = kind == FAULT_CUT_PAIR ||
	    (kind == FAULT_CUT_FOREVER && dice_ppm(&sim->chance, 600000));

	if (a == b)
		return;
	if (kind == FAULT_CUT_FOREVER) {
		fault_act(sim, ACT_CUT_FOREVER, a, b, 0);
		if (both)
			fault_act(sim, ACT_CUT_FOREVER, b, a, 0);
		return;
	}
	fault_act(sim, ACT_CUT, a, b, 0);
	if (both)
		fault_act(sim, ACT_CUT, b, a, 0);
	fault_undo_later(sim, UNDO_CUT, a, b, fault_span(sim));
}

/* What was sent this way arrives when its sender may be dead and its ring forgotten. */
static void
fault_late(struct sim *sim)
{
	uint32_t a = fault_victim(sim)->index, b = fault_victim(sim)->index;

	fault_act(sim, ACT_SLOW_PATH, a, b, dice_scaled(&sim->chance, MS_NS, 300 * MS_NS));
	fault_undo_later(sim, UNDO_LATE, a, b, 2 * fault_span(sim));
}

static void
fault_isolate(struct sim *sim, struct host *host)
{
	fault_act(sim, dice_ppm(&sim->chance, 500000) ? ACT_DEAF : ACT_MUTE, host->index, 0, 1);
	fault_undo_later(sim, UNDO_ISOLATE, host->index, 0, fault_span(sim));
}

static void
fault_network(struct sim *sim, enum sim_fault kind)
{
	if (kind == FAULT_LOSS)
		fault_act(sim, ACT_LOSS, 0, 0, dice_scaled(&sim->chance, 50000, 500000));
	else if (kind == FAULT_DELAY)
		fault_act(sim, ACT_DELAY, 0, 0, dice_scaled(&sim->chance, MS_NS, 300 * MS_NS));
	else
		fault_act(sim, ACT_CORRUPTION, 0, 0, dice_scaled(&sim->chance, 20000, 300000));
	fault_undo_later(sim, UNDO_NETWORK, 0, 0, fault_span(sim) / 2);
}

static void
fault_filter(struct sim *sim, struct host *host, enum sim_fault kind)
{
	uint8_t type = (uint8_t) dice(&sim->chance, WIRE_DATA, WIRE_TYPE_END - 1);
	uint32_t ppm = (uint32_t) dice(&sim->chance, 300000, 1000000);
	bool everywhere = dice_ppm(&sim->chance, 400000);

	for (uint32_t i = 0; i < sim->node_count; i++) {
		if (!everywhere && &sim->host[i] != host)
			continue;
		if (kind == FAULT_TYPE)
			fault_act(sim, ACT_LOSE_TYPE, i, type, ppm);
		else
			fault_act(sim, ACT_LOSE_BIG, i, 0, dice(&sim->chance, 200, 1400));
	}
	/* Now and then for so long that it is noticed. */
	fault_undo_later(sim, UNDO_FILTER, 0, 0, dice_ppm(&sim->chance, 250000) ?
	    dice(&sim->chance, 3, 12) * SEC_NS : fault_span(sim));
}

static void
fault_extra(struct sim *sim, enum sim_fault kind)
{
	uint32_t which = kind == FAULT_STRANGER, id = fault_victim(sim)->node_id;
	uint64_t other_cluster = 0;

	if (sim->host[sim->node_count + which].totem != NULL) {
		fault_act(sim, ACT_INTRUDER_OFF, which, 0, 0);
		return;
	}
	if (kind == FAULT_STRANGER && !sim->learn_peers && dice_ppm(&sim->chance, 400000))
		id = sim->node_ids[sim->node_count - 1] + 1;
	else if (kind == FAULT_STRANGER)
		other_cluster = prng_u64(&sim->chance) | 1u;
	fault_act(sim, ACT_INTRUDER, which, id, other_cluster);
}

static void
fault_slow(struct sim *sim, struct host *host, enum sim_fault kind)
{
	if (kind == FAULT_SLOW)
		fault_act(sim, ACT_COST, host->index, 0,
		    dice_scaled(&sim->chance, 50 * US_NS, 2 * MS_NS));
	else
		fault_act(sim, ACT_BUFFER, host->index, 0, dice(&sim->chance, 6000, 100000));
	fault_undo_later(sim, UNDO_SLOW, host->index, 0, fault_span(sim));
}

static void
fault_on_process(struct sim *sim, struct host *host, enum sim_fault kind)
{
	if (host->totem == NULL || host->paused)
		return;
	if (kind == FAULT_PAUSE) {
		fault_act(sim, ACT_PAUSE, host->index, 0, 0);
		fault_undo_later(sim, UNDO_PAUSE, host->index, 0,
		    dice_scaled(&sim->chance, 5 * MS_NS, 12 * SEC_NS));
	} else if (kind == FAULT_CLOCK_JUMP) {
		fault_act(sim, ACT_CLOCK_JUMP, host->index, 0,
		    dice_scaled(&sim->chance, MS_NS, 20 * SEC_NS));
	} else if (kind == FAULT_RECONFIGURE) {
		fault_act(sim, ACT_RECONFIGURE, host->index, 0, 0);
	} else {
		fault_act(sim, ACT_BRAKE, host->index, 0, 1);
		fault_undo_later(sim, UNDO_BRAKE, host->index, 0,
		    dice_scaled(&sim->chance, MS_NS, 2 * SEC_NS));
	}
}

/* A node whose last frames reach some and not others dies under load; and what follows, the change
 * of configuration, is disturbed at its most tender moments. */
static void
fault_holes(struct sim *sim, struct host *host)
{
	bool all = dice_ppm(&sim->chance, 400000), alone = dice_ppm(&sim->chance, 400000);

	if (host->totem == NULL || host->paused)
		return;
	/* Nobody has them, or some have some; others have sent more behind them, or not. */
	fault_act(sim, ACT_HOLES, host->index, 0, all ? MILLION :
	    dice(&sim->chance, 300000, 900000));
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (!alone || i == host->index)
			workload_few(sim, &sim->host[i], (uint32_t) dice(&sim->chance, 1, 6));
	sim->ambush_sure = (uint32_t) dice(&sim->chance, 0, 2 * sim->node_count);
	host->doomed = true;
	fault_undo_later(sim, UNDO_HOLES, host->index, 0, 300 * MS_NS);
}

/* A node dies and takes along what nobody else has; behind it lie messages of the others.  These
 * form a ring, and are parted when some of them know, and some not, that all have everything: what
 * the ones deliver on that word the others owe, wherever they go from there. */
static void
fault_parting(struct sim *sim, struct host *host)
{
	if (host->totem == NULL || host->paused)
		return;
	fault_act(sim, ACT_HOLES, host->index, 0, MILLION);
	for (uint32_t i = 0; i < sim->node_count; i++)
		workload_few(sim, &sim->host[i], (uint32_t) dice(&sim->chance, 1, 3));
	sim->parting = dice_ppm(&sim->chance, 500000) ? TOTEM_OPERATIONAL : TOTEM_RECOVERY;
	host->doomed = true;
	fault_undo_later(sim, UNDO_HOLES, host->index, 0, 300 * MS_NS);
}

/* `host` is the first to enter the state: the new ring's token is on its way round. */
static void
fault_part_soon(struct sim *sim, const struct host *host, enum totem_state state)
{
	uint64_t rotation_ns = 0, span_ns;

	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL)
			rotation_ns += sim->network.delay_ns + sim->network.jitter_ns / 2 +
			    20 * US_NS;
	/* Two to give, one to find that all have everything, one to tell. */
	span_ns = state == TOTEM_RECOVERY ? dice(&sim->chance, rotation_ns, 5 * rotation_ns) :
	    dice_scaled(&sim->chance, US_NS, rotation_ns);
	sim->parting = TOTEM_IDLE;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + span_ns,
		.kind = HAPPEN_AMBUSH, .host = host->index, .generation = sim->fault_round,
		.value = state,
	});
}

/* In RECOVERY anyhow; when a ring is installed, those who have it, who follow each other, from the
 * others. */
static void
fault_part(struct sim *sim, const struct host *host, enum totem_state state)
{
	uint32_t count = (uint32_t) dice(&sim->chance, 1, sim->node_count / 2 + 1);

	record_note(sim, "parting, %u", host->node_id);
	for (uint32_t i = 0; i < sim->node_count; i++) {
		uint32_t at = (host->index + i) % sim->node_count;

		fault_act(sim, ACT_ISLAND, at, 0, state == TOTEM_RECOVERY ?
		    prng_below(&sim->chance, 2) : i >= count);
	}
	fault_undo_later(sim, UNDO_PARTITION, 0, 0, fault_span(sim));
}

/* A doomed node has sent some data: it dies before it can repeat what is lost of it, which would be
 * a rotation later; or soon after. */
void
fault_originated(struct sim *sim, struct host *host)
{
	if (!host->doomed || !sim->faults_on)
		return;
	host->doomed = false;
	fault_undo_later(sim, UNDO_HOLES, host->index, 0, dice_scaled(&sim->chance, US_NS,
	    2 * sim->node_count * (sim->network.delay_ns + 50 * US_NS)));
}

/* Frames that nobody sent now, or nobody ever. */
static void
fault_frames(struct sim *sim, enum sim_fault kind)
{
	enum act_kind act = kind == FAULT_GARBAGE ? ACT_GARBAGE : kind == FAULT_REPLAY ?
	    ACT_REPLAY : ACT_FORGE;

	fault_act(sim, act, 0, 0, prng_u64(&sim->chance));
	if (kind != FAULT_FORGED)
		return;
	fault_act(sim, ACT_FORGING, 0, 0, dice_scaled(&sim->chance, 10000, 500000));
	fault_undo_later(sim, UNDO_NETWORK, 0, 0, fault_span(sim) / 4);
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
		fault_act(sim, ACT_WALL_CLOCK, host->index, 0,
		    dice_scaled(&sim->chance, SEC_NS, 100000 * SEC_NS) *
		    (dice_ppm(&sim->chance, 500000) ? 1 : UINT64_MAX));
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
	case FAULT_HOLES:
		fault_holes(sim, host);
		break;
	case FAULT_PARTING:
		fault_parting(sim, host);
		break;
	case FAULT_STRAGGLERS:
		fault_act(sim, ACT_STRAGGLERS, host->index, 0, 0);
		break;
	case FAULT_SLOW:
	case FAULT_SMALL_BUFFER:
		fault_slow(sim, host, kind);
		break;
	case FAULT_GARBAGE:
	case FAULT_REPLAY:
	case FAULT_FORGED:
		fault_frames(sim, kind);
		break;
	case FAULT_DISK:
		fault_act(sim, ACT_DISK, host->index, 0, dice(&sim->chance, SEC_NS, 10 * SEC_NS));
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
	uint32_t at = host->index;

	switch (undo) {
	case UNDO_PAUSE:
		fault_act(sim, ACT_RESUME, at, 0, 0);
		break;
	case UNDO_CRASH:
		fault_restart(sim, host);
		break;
	case UNDO_PARTITION:
		for (uint32_t i = 0; i < sim->host_count; i++)
			fault_act(sim, ACT_ISLAND, i, 0, 0);
		break;
	case UNDO_CUT:
		fault_act(sim, ACT_WHOLE, at, other, 0);
		fault_act(sim, ACT_WHOLE, other, at, 0);
		break;
	case UNDO_LATE:
		fault_act(sim, ACT_SLOW_PATH, at, other, 0);
		break;
	case UNDO_ISOLATE:
		fault_act(sim, ACT_DEAF, at, 0, 0);
		fault_act(sim, ACT_MUTE, at, 0, 0);
		break;
	case UNDO_NETWORK:
		fault_act(sim, ACT_USUAL, 0, 0, 0);
		break;
	case UNDO_FILTER:
		for (uint32_t i = 0; i < sim->node_count; i++) {
			fault_act(sim, ACT_LOSE_TYPE, i, 0, 0);
			fault_act(sim, ACT_LOSE_BIG, i, 0, 0);
		}
		break;
	case UNDO_HOLES:
		if (host->holes_ppm == 0)
			break;
		fault_stop(sim, host, FAULT_CRASH);
		fault_act(sim, ACT_HOLES, at, 0, 0);
		/* The token comes by once more: this lies behind the hole for sure. */
		for (uint32_t i = 0; sim->parting != TOTEM_IDLE && i < sim->node_count; i++)
			workload_few(sim, &sim->host[i], 1);
		break;
	case UNDO_SLOW:
		fault_act(sim, ACT_COST, at, 0, 2 * US_NS);
		fault_act(sim, ACT_BUFFER, at, 0, 8u << 20);
		break;
	case UNDO_BRAKE:
		fault_act(sim, ACT_BRAKE, at, 0, 0);
		break;
	case UNDO_DISK:
		fault_act(sim, ACT_DISK, at, 0, 0);
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
	at = prng_below(&sim->chance, sum);
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
		FAULT_LEAVE, FAULT_REPLAY, FAULT_STRAGGLERS, FAULT_STRAGGLERS, FAULT_STRAGGLERS,
	};
	/* Of a change after a death that left holes. */
	static const enum sim_fault tender[] = {
		FAULT_STRAGGLERS, FAULT_STRAGGLERS, FAULT_STRAGGLERS, FAULT_PARTITION,
		FAULT_PARTITION, FAULT_CRASH, FAULT_ISOLATE, FAULT_PAUSE,
	};
	enum sim_fault kind = kinds[prng_below(&sim->chance, sizeof kinds / sizeof *kinds)];

	if (sim->ambush_sure > 0)
		kind = tender[prng_below(&sim->chance, sizeof tender / sizeof *tender)];
	if (kind != FAULT_STRAGGLERS && dice_ppm(&sim->chance, 300000))
		host = fault_victim(sim);
	sim->result.fault[FAULT_AMBUSH]++;
	record_note(sim, "ambush: %s, %u", fault_name(kind), host->node_id);
	fault_happen(sim, kind, host);
}

/* Recovery takes a few milliseconds of a run: faults at random would hardly ever hit it. */
void
fault_state_entered(struct sim *sim, struct host *host, enum totem_state state)
{
	bool sure = sim->ambush_sure > 0 && state != TOTEM_GATHER;

	if (!sim->faults_on || state == TOTEM_IDLE || host->index >= sim->node_count)
		return;
	if (state == sim->parting)
		fault_part_soon(sim, host, state);
	if (sure) {
		sim->ambush_sure--;
		if (dice_ppm(&sim->chance, 600000))
			return;
	} else if (sim->ambush_left == 0 || !dice_ppm(&sim->chance, sim->ambush_ppm)) {
		return;
	} else {
		sim->ambush_left--;
	}
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + dice_scaled(&sim->chance, US_NS,
		    sure ? MS_NS / 2 : 4 * MS_NS),
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
	if (happening->kind == HAPPEN_AMBUSH && happening->value != 0) {
		fault_part(sim, host, (enum totem_state) happening->value);
		return;
	}
	if (happening->kind == HAPPEN_AMBUSH) {
		fault_ambush(sim, host);
		return;
	}
	fault_happen(sim, fault_draw(sim), fault_victim(sim));
	again.at_ns = sim->now_ns + dice(&sim->chance, 0, 2 * sim->fault_gap_ns);
	heap_push(&sim->heap, again);
}

void
fault_start(struct sim *sim)
{
	sim->faults_on = true;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + dice(&sim->chance, 0, 3 * SEC_NS), .kind = HAPPEN_FAULT,
	});
}

/* From here on nothing goes wrong; of the dead, some stay dead. */
void
fault_heal(struct sim *sim)
{
	bool leave_dead = !sim->options.calm && dice_ppm(&sim->chance, 200000);
	bool some_alive = false;

	fault_act(sim, ACT_HEAL, 0, 0, 0);
	for (uint32_t i = 0; i < sim->node_count; i++) {
		if (!leave_dead || (!some_alive && i + 1 == sim->node_count))
			fault_restart(sim, &sim->host[i]);
		some_alive = some_alive || sim->host[i].totem != NULL;
	}
}
