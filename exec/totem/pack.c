/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Messages into frames, at the moment a place in the order is to be had.  A message may be cut
 * anywhere, so every frame but the last of a burst has the same full size: what generic
 * segmentation offload wants.  A message begun is finished before one of another class starts; so
 * one assembly buffer for each origin is enough.
 */
#include "exec/totem/internal.h"

static bool
class_open(const struct totem *t, enum send_class class)
{
	if (t->state == TOTEM_RECOVERY)
		return class == CLASS_RECOVERED;
	return class == CLASS_SYNC || (class == CLASS_APP && t->app_open);
}

/* The class whose head message comes next, or CLASS_COUNT. */
static enum send_class
next_class(const struct totem *t)
{
	for (enum send_class class = 0; class < CLASS_COUNT; class++)
		if (class_open(t, class) && t->queue[class].head_taken > 0)
			return class;
	for (enum send_class class = 0; class < CLASS_COUNT; class++)
		if (class_open(t, class) && !queue_empty(&t->queue[class]))
			return class;
	return CLASS_COUNT;
}

bool
pack_ready(const struct totem *t)
{
	return next_class(t) != CLASS_COUNT;
}

/* One chunk: the next piece of the head message of `class`. */
static void
pack_chunk(struct totem *t, enum send_class class, struct buf_writer *out, uint32_t seq)
{
	struct queue *queue = &t->queue[class];
	struct queue_head head = queue_peek(queue);
	size_t left = head.len - queue->head_taken, room = out->left - WIRE_CHUNK_BYTES;
	size_t len = left < room ? left : room;
	uint8_t flags = (uint8_t) (class << WIRE_CHUNK_CLASS_SHIFT);

	if (queue->head_taken == 0)
		flags |= WIRE_CHUNK_FIRST;
	if (len == left)
		flags |= WIRE_CHUNK_LAST;
	if (head.safe) {
		flags |= WIRE_CHUNK_SAFE;
		t->packed_safe = true;
	}
	buf_put_u8(out, flags);
	buf_put_u16(out, (uint16_t) len);
	queue_take(queue, buf_put_room(out, len), len);
	if ((flags & WIRE_CHUNK_LAST) != 0 && class != CLASS_RECOVERED) {
		t->stats.message_tx++;
		t->stats.message_bytes_tx += head.len;
		totem_trace(t, TOTEM_TRACE_ORIGINATE, t->config.node_id, head.number, seq, 0);
	}
}

uint32_t
pack_frames(struct totem *t, struct ring *ring, uint32_t seq, uint32_t count_max)
{
	size_t size = ring->frame_bytes - TOTEM_TAG_BYTES;
	uint32_t count = 0;

	cs_assert(count_max <= TOTEM_SEND_FRAMES_MAX && size > WIRE_DATA_BYTES);
	t->packed_safe = false;
	while (count < count_max) {
		enum send_class class = next_class(t);
		struct buf_writer out;
		uint8_t *frame;

		if (class == CLASS_COUNT || !store_fits(&ring->store, seq + 1)
		    || store_has(&ring->store, seq + 1))
			break;
		frame = store_add(&ring->store, seq + 1, t->config.node_id, size);
		if (frame == NULL)
			break;
		seq++;
		out = buf_writer(frame + TOTEM_HEADER_BYTES, size - TOTEM_HEADER_BYTES);
		wire_data_head_put(&out, &ring->id, t->config.node_id, seq);
		while (out.left > WIRE_CHUNK_BYTES && class != CLASS_COUNT) {
			pack_chunk(t, class, &out, seq);
			class = next_class(t);
		}
		while (out.left > 0 && out.left <= WIRE_CHUNK_BYTES)
			buf_put_u8(&out, WIRE_CHUNK_PAD);
		t->packed[count].frame = frame;
		t->packed[count].len = TOTEM_HEADER_BYTES + buf_written(&out);
		store_set_len(&ring->store, seq, t->packed[count].len);
		send_seal(t, frame, t->packed[count].len, WIRE_DATA);
		count++;
	}
	t->stats.data_tx += count;
	return count;
}
