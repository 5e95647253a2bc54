/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Frames into messages, in the one order.  Delivery is pulled by the host: each call gives the next
 * message or configuration, straight from the frame it came in where it fits into one.
 *
 * A ring change is a script over the old ring's store (PROTOCOL.md section 8):
 *   old regular        up to the first gap or the first SAFE message not known to be safe; the same
 *                      place at all that move together, as they hold the same frames by now
 *   TRANSITIONAL       told
 *   old transitional   the rest; behind a gap only from origins that come along, or to whom we are
 *                      obliged by an earlier attempt at recovery (Totem's obligation set)
 *   REGULAR            told; the new ring's messages follow
 */
#include "exec/totem/internal.h"

enum mode { MODE_NORMAL, MODE_OLD_REGULAR, MODE_OLD_TRANSITIONAL };

static bool
safe_blocks(const struct totem *t, const struct ring *ring, enum mode mode, uint8_t flags,
    uint32_t seq)
{
	if ((flags & WIRE_CHUNK_SAFE) == 0 || mode == MODE_OLD_TRANSITIONAL)
		return false;
	if (mode == MODE_OLD_REGULAR && seq_le(seq, t->recovery.safe_max))
		return false;
	return seq_lt(ring->safe, seq);
}

/* Adds a chunk to its message.  True: the message is whole; `*ret_data` is it. */
static bool
assemble(struct assembly *assembly, const struct wire_chunk *chunk, const uint8_t **ret_data,
    size_t *ret_len)
{
	bool first = (chunk->flags & WIRE_CHUNK_FIRST) != 0;
	bool last = (chunk->flags & WIRE_CHUNK_LAST) != 0;

	if (first && last) {
		assembly->active = false;
		*ret_data = chunk->data;
		*ret_len = chunk->len;
		return true;
	}
	if (first) {
		assembly->active = true;
		assembly->overflow = false;
		assembly->len = 0;
	}
	if (!assembly->active)
		return false;	/* its beginning was lost with a ring */
	if (chunk->len > assembly->size - assembly->len)
		assembly->overflow = true;	/* no member of ours sends that: the same for all */
	if (!assembly->overflow) {
		memcpy(assembly->memory + assembly->len, chunk->data, chunk->len);
		assembly->len += chunk->len;
	}
	if (!last)
		return false;
	assembly->active = false;
	*ret_data = assembly->memory;
	*ret_len = assembly->len;
	return !assembly->overflow;
}

static uint64_t
incarnation_of(const struct ring *ring, uint32_t node_id)
{
	for (size_t i = 0; i < ring->member_count; i++)
		if (ring->member[i].node_id == node_id)
			return ring->member[i].incarnation;
	return 0;
}

/* May this mode read the frame at the reading position?  `*ret_skip`: it is missing, go on. */
static bool
frame_readable(struct totem *t, struct ring *ring, enum mode mode, bool *ret_skip)
{
	*ret_skip = false;
	if (seq_le(ring->read_seq, ring->store.aru))
		return true;
	if (mode != MODE_OLD_TRANSITIONAL || seq_lt(ring->store.high, ring->read_seq))
		return false;
	if (store_has(&ring->store, ring->read_seq))
		return true;
	t->recovery.gap = true;
	*ret_skip = true;
	return true;
}

static bool
behind_gap(struct totem *t, struct ring *ring, enum mode mode, uint32_t slot)
{
	return mode == MODE_OLD_TRANSITIONAL && t->recovery.gap
	    && !nodebits_has(&t->recovery.transitional, slot)
	    && !nodebits_has(&ring->obliged, slot);
}

static void
message_output(struct totem *t, struct ring *ring, const struct store_frame *frame, bool safe,
    struct totem_output *ret)
{
	ret->kind = TOTEM_DELIVER;
	ret->origin = frame->origin;
	ret->origin_incarnation = incarnation_of(ring, frame->origin);
	ret->guarantee = safe ? TOTEM_SAFE : TOTEM_AGREED;
	ret->seq = ring->read_seq;
	t->stats.message_rx++;
	t->stats.message_bytes_rx += ret->len;
}

/* Reads on in the ring's frames up to the end of the next message that may be delivered. */
static bool
message_next(struct totem *t, struct ring *ring, enum mode mode, struct totem_output *ret)
{
	struct store_frame frame;
	bool skip;

	memset(ret, 0, sizeof *ret);
	while (frame_readable(t, ring, mode, &skip)) {
		const uint8_t *bytes = skip ? NULL
		    : store_get(&ring->store, ring->read_seq, &frame);
		struct wire_chunk chunk;
		size_t offset = ring->read_offset;
		uint32_t slot;

		if (skip || !wire_chunk_next(bytes + WIRE_DATA_BYTES, frame.len - WIRE_DATA_BYTES,
		    &offset, &chunk)) {
			ring->read_seq++;
			ring->read_offset = 0;
			continue;
		}
		if ((chunk.flags & WIRE_CHUNK_LAST) != 0
		    && safe_blocks(t, ring, mode, chunk.flags, ring->read_seq))
			return false;
		ring->read_offset = offset;
		slot = peer_slot(t, frame.origin);
		cs_assert(slot != NO_SLOT);
		if (chunk.flags >> WIRE_CHUNK_CLASS_SHIFT == CLASS_RECOVERED)
			continue;	/* was for RECOVERY */
		if (behind_gap(t, ring, mode, slot))
			continue;
		if (assemble(&t->peer[slot].assembly, &chunk, &ret->data, &ret->len)) {
			message_output(t, ring, &frame, (chunk.flags & WIRE_CHUNK_SAFE) != 0, ret);
			return true;
		}
	}
	return false;
}

static void
transitional_output(struct totem *t, struct ring *old, struct totem_output *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < old->member_count; i++)
		if (nodebits_has(&t->recovery.transitional, old->slot[i]))
			t->told_members[count++] = old->member[i];
	memset(ret, 0, sizeof *ret);
	ret->kind = TOTEM_CONFIGURATION;
	ret->config.kind = TOTEM_TRANSITIONAL;
	ret->config.ring = old->id;
	ret->config.next = totem_installed(t)->id;
	ret->config.members = t->told_members;
	ret->config.member_count = count;
}

static size_t
departures(struct totem *t, const struct ring *old, const struct ring *ring)
{
	size_t count = 0;

	for (size_t i = 0; i < old->member_count; i++) {
		const struct peer *peer = &t->peer[old->slot[i]];

		if (incarnation_of(ring, old->member[i].node_id) == old->member[i].incarnation)
			continue;
		t->told_left[count++] = (struct totem_departure) {
			.node_id = old->member[i].node_id,
			.how = peer->left_how != TOTEM_CAUSE_NONE ? peer->left_how
			    : TOTEM_CAUSE_PARTITIONED,
			.silent_ns = peer->left_how != TOTEM_CAUSE_NONE ? peer->left_silent_ns : 0,
		};
	}
	return count;
}

static void
regular_output(struct totem *t, struct ring *old, struct totem_output *ret)
{
	struct ring *ring = totem_installed(t);

	memset(ret, 0, sizeof *ret);
	ret->kind = TOTEM_CONFIGURATION;
	ret->config.kind = TOTEM_REGULAR;
	ret->config.ring = ring->id;
	ret->config.members = ring->member;
	ret->config.member_count = ring->member_count;
	ret->config.left = t->told_left;
	ret->config.left_count = departures(t, old, ring);
	ret->config.cause = t->gather.cause;
	ret->config.change_ns = t->now_ns - t->gather.change_since_ns;
	for (size_t i = 0; i < t->peer_count; i++)
		t->peer[i].left_how = TOTEM_CAUSE_NONE;
	peers_assemblies_reset(t);
	store_reset(&old->store, 0);
	memset(&old->set, 0, sizeof old->set);
}

/* A ring change's script, one step. */
static bool
install_next(struct totem *t, struct totem_output *ret)
{
	struct recovery *recovery = &t->recovery;
	struct ring *old = totem_forming(t);	/* the indices were swapped already */

	if (recovery->phase == INSTALL_OLD_REGULAR) {
		if (message_next(t, old, MODE_OLD_REGULAR, ret))
			return true;
		recovery->phase = INSTALL_OLD_TRANSITIONAL;
		transitional_output(t, old, ret);
		return true;
	}
	if (recovery->phase == INSTALL_OLD_TRANSITIONAL
	    && message_next(t, old, MODE_OLD_TRANSITIONAL, ret))
		return true;
	recovery->phase = INSTALL_NONE;
	regular_output(t, old, ret);
	return true;
}

bool
deliver_next(struct totem *t, struct totem_output *ret)
{
	if (t->recovery.phase != INSTALL_NONE)
		return install_next(t, ret);
	if (t->state != TOTEM_OPERATIONAL)
		return false;
	return message_next(t, totem_installed(t), MODE_NORMAL, ret);
}

/* Only old frames come before everybody is done recovering; anything else waits where it is. */
void
deliver_recovered(struct totem *t)
{
	struct ring *ring = totem_forming(t);
	struct store_frame frame;

	cs_assert(t->state == TOTEM_RECOVERY);
	while (seq_le(ring->read_seq, ring->store.aru)) {
		const uint8_t *bytes = store_get(&ring->store, ring->read_seq, &frame), *data;
		size_t offset = ring->read_offset, len;
		struct wire_chunk chunk;
		uint32_t slot = peer_slot(t, frame.origin);

		cs_assert(bytes != NULL && slot != NO_SLOT);
		if (!wire_chunk_next(bytes + WIRE_DATA_BYTES, frame.len - WIRE_DATA_BYTES, &offset,
		    &chunk)) {
			ring->read_seq++;
			ring->read_offset = 0;
			continue;
		}
		if (chunk.flags >> WIRE_CHUNK_CLASS_SHIFT != CLASS_RECOVERED)
			return;
		ring->read_offset = offset;
		if (assemble(&t->peer[slot].recovered, &chunk, &data, &len))
			recovery_on_message(t, data, len);
	}
}

void
deliver_release(struct totem *t)
{
	struct ring *ring = totem_current(t);

	store_release(&ring->store, seq_min(ring->safe, ring->read_seq - 1));
}
