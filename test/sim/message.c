/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Messages that prove themselves: each one's bytes follow from its number and the seed, so nothing
 * but the number needs to be kept to compare every byte that comes out elsewhere.
 *
 *     magic 4 | number 4 | origin's node 4 | incarnation 8 | length 4 | kind, queue, guarantee, 0
 *     SYNC and BARRIER: ring id 20
 *     noise from (seed, number) to the end
 *
 * A message without room for the header is all noise.  It is recognised by where it stands: the
 * next one of that origin at that sequence number.
 */
#include <string.h>

#include "exec/base/buf.h"
#include "exec/base/seq.h"
#include "test/sim/history.h"

#define MESSAGE_MAGIC	UINT32_C(0x4d6d6953)

uint32_t
history_message_new(struct history *h, const struct message *message)
{
	struct proc *p = &h->proc[message->origin];
	struct message *m;

	if (h->message_count == h->message_room)
		h->message = util_grow(h->message, &h->message_room, sizeof *h->message);
	m = &h->message[h->message_count];
	*m = *message;
	m->ring = NONE;
	m->previous = NONE;
	m->safe_in_move = NONE;
	m->number = p->submit_count + 1;
	m->place = p->queued[m->queue]++;
	if (p->submit_count == p->submit_room)
		p->submit = util_grow(p->submit, &p->submit_room, sizeof *p->submit);
	p->submit[p->submit_count++] = (uint32_t) h->message_count;
	return (uint32_t) h->message_count++;
}

void
history_message_drop(struct history *h)
{
	const struct message *m = &h->message[--h->message_count];

	h->proc[m->origin].submit_count--;
	h->proc[m->origin].queued[m->queue]--;
}

static void
message_noise(uint64_t seed, uint32_t message, uint8_t *data, size_t len)
{
	struct prng prng = { .state = seed ^ ((uint64_t) message << 32) };
	uint64_t word;

	for (size_t at = 0; at < len; at += sizeof word) {
		word = prng_u64(&prng);
		memcpy(data + at, &word, len - at < sizeof word ? len - at : sizeof word);
	}
}

void
history_message_fill(const struct history *h, uint32_t message, uint8_t *data)
{
	const struct message *m = &h->message[message];
	struct buf_writer out = buf_writer(data, m->len);

	if (m->len >= MESSAGE_HEAD_BYTES) {
		buf_put_u32(&out, MESSAGE_MAGIC);
		buf_put_u32(&out, message);
		buf_put_u32(&out, h->proc[m->origin].node);
		buf_put_u64(&out, h->proc[m->origin].incarnation);
		buf_put_u32(&out, (uint32_t) m->len);
		buf_put_u8(&out, (uint8_t) m->kind);
		buf_put_u8(&out, (uint8_t) m->queue);
		buf_put_u8(&out, (uint8_t) m->guarantee);
		buf_put_u8(&out, 0);
	}
	if (m->kind != MESSAGE_APP) {
		buf_put_u32(&out, m->tag.rep);
		buf_put_u64(&out, m->tag.seq);
		buf_put_u64(&out, m->tag.nonce);
	}
	message_noise(h->seed, message, out.at, out.left);
}

static uint32_t
message_find_small(const struct history *h, const struct event *event)
{
	const struct period *period = history_period(h, event->proc);
	const struct ring *ring;

	if (period == NULL)
		return NONE;
	ring = &h->ring[period->ring];
	for (size_t i = period->order_next; i < ring->order_count; i++) {
		const struct message *m = &h->message[ring->order[i]];

		if (seq_lt(event->seq, m->seq))
			return NONE;
		if (m->seq == event->seq && m->len == event->len)
			return ring->order[i];
	}
	return NONE;
}

uint32_t
history_message_find(const struct history *h, const struct event *event)
{
	struct buf_reader in = buf_reader(event->data, event->len);
	uint32_t magic = buf_get_u32(&in);
	uint32_t message = buf_get_u32(&in);

	if (event->len < MESSAGE_HEAD_BYTES)
		return message_find_small(h, event);
	if (magic != MESSAGE_MAGIC || message >= h->message_count)
		return NONE;
	return message;
}
