/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The network between the hosts: it loses, delays, doubles, reorders, damages and cuts, and it
 * answers for the kernel of a host whose daemon is dead.
 */
#include <stdlib.h>
#include <string.h>

#include "exec/totem/wire.h"
#include "test/sim/sim.h"

#define DATAGRAM_OVERHEAD_BYTES	768u	/* what the kernel counts besides the payload */
#define ICMP_BURST		6u
#define FRAME_TYPE_AT		5u	/* where a frame says its type */

struct frame *
frame_new(const uint8_t *data, size_t len)
{
	struct frame *frame = malloc(sizeof *frame + len);

	if (frame == NULL)
		abort();
	frame->users = 1;
	frame->len = (uint32_t) len;
	if (len > 0)
		memcpy(frame->data, data, len);
	return frame;
}

void
frame_put(struct frame *frame)
{
	if (frame != NULL && --frame->users == 0)
		free(frame);
}

struct link *
network_link(struct sim *sim, uint32_t from, uint32_t to)
{
	return &sim->link[from * sim->host_count + to];
}

/* Whom a datagram to this node's address reaches: never the double, which has another. */
struct host *
network_find(struct sim *sim, uint32_t node_id)
{
	size_t low = 0, high = sim->node_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (sim->node_ids[middle] == node_id)
			return &sim->host[middle];
		if (sim->node_ids[middle] < node_id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Not of those that most of the traffic is. */
static bool
network_rare(const struct frame *frame)
{
	uint8_t type = frame->len > FRAME_TYPE_AT ? frame->data[FRAME_TYPE_AT] : 0;

	return type != WIRE_DATA && type != WIRE_TOKEN && type != WIRE_HEARTBEAT;
}

static void
network_keep(struct sim *sim, uint32_t from, uint32_t to, struct frame *frame)
{
	size_t at = sim->recorded_count;

	if (at == SIM_RECORDED_MAX) {
		if (!dice_ppm(&sim->keep, network_rare(frame) ? 100000 : 10000))
			return;
		at = prng_below(&sim->keep, SIM_RECORDED_MAX);
		frame_put(sim->recorded[at].frame);
	} else {
		sim->recorded_count++;
	}
	frame->users++;
	sim->recorded[at] = (struct recorded) { .frame = frame, .from = from, .to = to };
}

/* Lost, but perhaps not for ever. */
static void
network_lose(struct sim *sim, uint32_t from, uint32_t to, struct frame *frame)
{
	struct recorded *slot = &sim->lost[sim->lost_next];

	if (sim->options.calm || frame->len <= FRAME_TYPE_AT ||
	    frame->data[FRAME_TYPE_AT] != WIRE_DATA)
		return;
	frame_put(slot->frame);
	frame->users++;
	*slot = (struct recorded) {
		.frame = frame, .from = from, .to = to, .at_ns = sim->now_ns,
	};
	sim->lost_next = (sim->lost_next + 1) % SIM_LOST_MAX;
}

static void
network_schedule(struct sim *sim, uint32_t from, uint32_t to, struct frame *frame,
    uint64_t at_ns)
{
	frame->users++;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = at_ns, .kind = HAPPEN_ARRIVE, .host = to, .other = from, .frame = frame,
	});
}

static struct frame *
network_damage(struct sim *sim, const struct frame *frame)
{
	struct frame *copy = frame_new(frame->data, frame->len);
	uint64_t bits = dice(&sim->prng, 1, 6);

	for (uint64_t i = 0; i < bits; i++)
		copy->data[prng_below(&sim->prng, copy->len)] ^=
		    (uint8_t) (1u << prng_below(&sim->prng, 8));
	sim->result.count[COUNT_CORRUPTED]++;
	return copy;
}

static bool
network_cut(struct sim *sim, const struct host *from, const struct host *to)
{
	const struct link *link = network_link(sim, from->index, to->index);

	return from->island != to->island || from->mute || to->deaf || link->cut ||
	    link->cut_forever || !from->up;
}

/* A middlebox that does not like this kind of frame. */
static bool
network_filtered(struct sim *sim, const struct host *from, const struct host *to,
    const struct frame *frame)
{
	if (from->holes_ppm != 0 && frame->len > FRAME_TYPE_AT &&
	    frame->data[FRAME_TYPE_AT] == WIRE_DATA && dice_ppm(&sim->prng, from->holes_ppm))
		return true;
	if (to->bytes_max != 0 && frame->len > to->bytes_max)
		return true;
	return to->type_lost != 0 && frame->len > FRAME_TYPE_AT &&
	    frame->data[FRAME_TYPE_AT] == to->type_lost &&
	    dice_ppm(&sim->prng, to->type_lost_ppm);
}

static void
network_pass(struct sim *sim, struct host *from, struct host *to, struct frame *frame)
{
	const struct network *n = &sim->network;
	struct link *link = network_link(sim, from->index, to->index);
	uint64_t depart_ns = from->tx_free_ns > sim->now_ns ? from->tx_free_ns : sim->now_ns;
	uint64_t arrive_ns;

	depart_ns += frame->len * US_NS / n->bytes_per_us;
	from->tx_free_ns = depart_ns;
	if (network_filtered(sim, from, to, frame) || dice_ppm(&sim->prng, n->loss)) {
		sim->result.count[COUNT_LOST]++;
		network_lose(sim, from->index, to->index, frame);
		return;
	}
	arrive_ns = depart_ns + n->delay_ns + link->extra_ns +
	    dice(&sim->prng, 0, n->jitter_ns);
	if (dice_ppm(&sim->prng, n->reorder)) {
		arrive_ns += dice(&sim->prng, 0, 20 * (n->delay_ns + n->jitter_ns));
		sim->result.count[COUNT_REORDERED]++;
	} else if (n->fifo) {
		if (arrive_ns < link->last_arrival_ns)
			arrive_ns = link->last_arrival_ns;
		link->last_arrival_ns = arrive_ns;
	}
	if (frame->len > 0 && dice_ppm(&sim->prng, n->corrupt)) {
		struct frame *copy = network_damage(sim, frame);

		network_schedule(sim, from->index, to->index, copy, arrive_ns);
		frame_put(copy);
		return;
	}
	network_schedule(sim, from->index, to->index, frame, arrive_ns);
}

void
network_send(struct sim *sim, struct host *from, struct host *to, struct frame *frame)
{
	enum sim_verdict verdict = FRAME_PASS;

	sim->result.count[COUNT_FRAMES]++;
	if (!sim->options.calm)
		network_keep(sim, from->index, to->index, frame);
	if (network_cut(sim, from, to)) {
		sim->result.count[COUNT_CUT]++;
		network_lose(sim, from->index, to->index, frame);
		return;
	}
	if (sim->filter != NULL)
		verdict = sim->filter(sim, from->index, to->index, frame->data, frame->len);
	if (verdict == FRAME_DROP)
		return;
	if (sim->network.forge != 0 && (network_rare(frame) ||
	    dice_ppm(&sim->prng, sim->network.forge)))
		network_forge_beside(sim, from->index, to->index, frame);
	network_pass(sim, from, to, frame);
	if (verdict == FRAME_TWICE || dice_ppm(&sim->prng, sim->network.duplicate)) {
		sim->result.count[COUNT_DUPLICATED]++;
		network_pass(sim, from, to, frame);
	}
}

/* The kernel answers for a dead daemon: once a second to each that asks, and the first few at once
 * (Linux, net.ipv4.icmp_ratelimit). */
static void
network_refuse(struct sim *sim, struct host *at, struct host *source)
{
	struct link *link = network_link(sim, at->index, source->index);

	if (sim->icmp_filtered || !source->up || network_cut(sim, at, source) ||
	    link->icmp_full_ns > sim->now_ns + (ICMP_BURST - 1) * SEC_NS)
		return;
	if (link->icmp_full_ns < sim->now_ns)
		link->icmp_full_ns = sim->now_ns;
	link->icmp_full_ns += SEC_NS;
	sim->result.count[COUNT_REFUSED]++;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + sim->network.delay_ns, .kind = HAPPEN_REFUSED,
		.host = source->index, .other = at->index, .generation = source->generation,
	});
}

static void
network_queue(struct sim *sim, struct host *host, uint32_t from, struct frame *frame)
{
	uint64_t bytes = frame->len + DATAGRAM_OVERHEAD_BYTES;

	if (host->queue_bytes + bytes > host->queue_bytes_max) {
		sim->result.count[COUNT_OVERFLOWED]++;
		return;
	}
	if (host->queue_count == host->queue_room) {
		size_t room = host->queue_room, old = room;

		host->queue = util_grow(host->queue, &room, sizeof *host->queue);
		/* What had wrapped round to the front now follows the old end. */
		for (size_t i = 0; i < host->queue_first; i++)
			host->queue[(old + i) % room] = host->queue[i];
		host->queue_room = room;
	}
	frame->users++;
	host->queue[(host->queue_first + host->queue_count) % host->queue_room] =
	    (struct received) { .frame = frame, .from = from };
	host->queue_count++;
	host->queue_bytes += bytes;
	if (host->work_due || host->paused)
		return;
	host->work_due = true;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = (host->busy_until_ns > sim->now_ns ? host->busy_until_ns : sim->now_ns) +
		    dice(&sim->prng, 1, 20) * US_NS,
		.kind = HAPPEN_WORK, .host = host->index, .generation = host->generation,
	});
}

void
network_arrive(struct sim *sim, const struct happening *happening)
{
	struct host *host = &sim->host[happening->host];

	if (sim->host[happening->other].totem == NULL)
		sim->ghost_ns = sim->now_ns;
	if (host->up && host->totem != NULL)
		network_queue(sim, host, happening->other, happening->frame);
	else if (host->up)
		network_refuse(sim, host, &sim->host[happening->other]);
	frame_put(happening->frame);
}

/* Noise, a frame cut short, or one with something of it overwritten. */
void
network_garbage(struct sim *sim, uint64_t dice_seed)
{
	struct prng prng = { .state = dice_seed };
	uint64_t count = dice(&prng, 1, 30);
	uint8_t noise[1500];

	for (uint64_t i = 0; i < count; i++) {
		uint32_t to = (uint32_t) prng_below(&prng, sim->node_count);
		uint32_t from = (uint32_t) prng_below(&prng, sim->node_count);
		size_t len = prng_below(&prng, sizeof noise + 1);
		size_t keep = 0;
		struct frame *frame;

		for (size_t at = 0; at < len; at++)
			noise[at] = (uint8_t) prng_u64(&prng);
		if (sim->recorded_count > 0 && dice_ppm(&prng, 700000)) {
			frame = sim->recorded[prng_below(&prng, sim->recorded_count)].frame;
			keep = frame->len < len ? frame->len : len;
			keep = prng_below(&prng, keep + 1);
			memcpy(noise, frame->data, keep);
		}
		frame = frame_new(noise, len);
		network_schedule(sim, from, to, frame,
		    sim->now_ns + dice(&prng, 0, 100 * MS_NS));
		frame_put(frame);
		sim->result.count[COUNT_GARBAGE]++;
	}
}

/* Frames of long ago come again, to whom they were sent or to somebody else. */
void
network_replay(struct sim *sim, uint64_t dice_seed)
{
	struct prng prng = { .state = dice_seed };
	uint64_t count = dice(&prng, 1, 60);

	for (uint64_t i = 0; i < count && sim->recorded_count > 0; i++) {
		const struct recorded *old =
		    &sim->recorded[prng_below(&prng, sim->recorded_count)];
		uint32_t to = dice_ppm(&prng, 700000) ? old->to :
		    (uint32_t) prng_below(&prng, sim->node_count);

		network_schedule(sim, old->from, to, old->frame,
		    sim->now_ns + dice(&prng, 0, SEC_NS));
		sim->result.count[COUNT_REPLAYED]++;
	}
}

/* Slow paths: what was thought to be lost comes when things have moved on. */
void
network_stragglers(struct sim *sim, struct host *to)
{
	for (size_t i = 0; i < SIM_LOST_MAX; i++) {
		struct recorded *slot = &sim->lost[i];

		if (slot->frame == NULL || slot->to != to->index ||
		    slot->at_ns + 3 * SEC_NS < sim->now_ns)
			continue;
		network_schedule(sim, slot->from, slot->to, slot->frame, sim->now_ns + US_NS);
		frame_put(slot->frame);
		slot->frame = NULL;
		sim->result.count[COUNT_STRAGGLERS]++;
	}
}
