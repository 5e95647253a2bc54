/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <string.h>

#include "exec/base/assert.h"
#include "exec/base/buf.h"
#include "exec/core/sync.h"

#define BARRIER_FORMAT	1u

static void
sync_check(const struct sync *s)
{
	cs_assert(s->engine_count <= SYNC_ENGINES_MAX && s->begun_count <= s->engine_count);
	cs_assert(s->at <= s->engine_count);
	cs_assert(s->seen_count <= s->member_count && s->member_count <= TOTEM_NODES_MAX);
	if (s->state == SYNC_IDLE || s->state == SYNC_ACTIVE)
		cs_assert(s->begun_count == 0);				/* S1 */
	if (s->state == SYNC_ACTIVATE || s->state == SYNC_ACTIVE)
		cs_assert(s->seen_count == s->member_count);		/* S2 */
	if (s->abort_left > 0)
		cs_assert(s->state == SYNC_IDLE);
}

void
sync_init(struct sync *s, const struct sync_engine *engines, size_t count)
{
	cs_assert(count <= SYNC_ENGINES_MAX);
	*s = (struct sync) { .engine_count = count };
	if (count > 0)
		memcpy(s->engines, engines, count * sizeof *engines);
	sync_check(s);
}

void
sync_transitional(struct sync *s)
{
	cs_assert(s->abort_left == 0 && s->state != SYNC_ACTIVATE);
	if (s->begun_count > 0)
		s->abort_count++;
	s->abort_left = s->begun_count;
	s->begun_count = 0;
	s->state = SYNC_IDLE;
	s->blocked = false;
	/* What comes late must not count for the ring that follows. */
	s->member_count = s->seen_count = 0;
	s->ring = (struct totem_ring_id) { 0 };
	sync_check(s);
}

void
sync_regular(struct sync *s, const struct totem_ring_id *ring, const struct totem_member *members,
    size_t count)
{
	cs_assert(s->abort_left == 0 && count > 0 && count <= TOTEM_NODES_MAX);
	cs_assert(s->begun_count == 0);
	s->state = SYNC_INIT;
	s->ring = *ring;
	s->member_count = count;
	s->seen_count = 0;
	for (size_t i = 0; i < count; i++) {
		s->members[i] = members[i].node_id;
		s->seen[i] = false;
	}
	memset(s->done, 0, sizeof s->done);
	s->at = 0;
	s->blocked = false;
	s->round_count++;
	sync_check(s);
}

static bool
barrier_decode(const uint8_t *data, size_t len, struct totem_ring_id *ret_ring,
    struct sync_engine engines[SYNC_ENGINES_MAX], size_t *ret_count)
{
	struct buf_reader in = buf_reader(data, len);
	uint32_t format = buf_get_u32(&in);
	size_t count;

	ret_ring->rep = buf_get_u32(&in);
	ret_ring->seq = buf_get_u64(&in);
	ret_ring->nonce = buf_get_u64(&in);
	count = buf_get_u16(&in);
	if (format != BARRIER_FORMAT || count > SYNC_ENGINES_MAX)
		return false;	/* before the loop: the count is the sender's */
	for (size_t i = 0; i < count; i++) {
		engines[i].service_id = buf_get_u16(&in);
		engines[i].version = buf_get_u16(&in);
	}
	*ret_count = count;
	return buf_done(&in);
}

size_t
sync_barrier(const struct sync *s, uint8_t data[SYNC_BARRIER_BYTES_MAX])
{
	struct buf_writer out = buf_writer(data, SYNC_BARRIER_BYTES_MAX);

	buf_put_u32(&out, BARRIER_FORMAT);
	buf_put_u32(&out, s->ring.rep);
	buf_put_u64(&out, s->ring.seq);
	buf_put_u64(&out, s->ring.nonce);
	buf_put_u16(&out, (uint16_t) s->engine_count);
	for (size_t i = 0; i < s->engine_count; i++) {
		buf_put_u16(&out, s->engines[i].service_id);
		buf_put_u16(&out, s->engines[i].version);
	}
	cs_assert(buf_writer_ok(&out));
	return buf_written(&out);
}

static const struct sync_engine *
engine_find(const struct sync_engine *engines, size_t count, uint16_t service_id)
{
	for (size_t i = 0; i < count; i++) {
		if (engines[i].service_id == service_id)
			return &engines[i];
	}
	return NULL;
}

/* The first engine that only one of the two has, or that has another version there. */
static bool
engines_differ(const struct sync *s, const struct sync_engine *theirs, size_t count,
    uint16_t *ret_service)
{
	for (size_t i = 0; i < s->engine_count; i++) {
		const struct sync_engine *e = engine_find(theirs, count, s->engines[i].service_id);

		if (e == NULL || e->version != s->engines[i].version) {
			*ret_service = s->engines[i].service_id;
			return true;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (engine_find(s->engines, s->engine_count, theirs[i].service_id) == NULL) {
			*ret_service = theirs[i].service_id;
			return true;
		}
	}
	return false;
}

static bool
ring_equal(const struct totem_ring_id *a, const struct totem_ring_id *b)
{
	return a->rep == b->rep && a->seq == b->seq && a->nonce == b->nonce;
}

static enum sync_note
barrier_judge(struct sync *s, uint32_t node_id, const uint8_t *data, size_t len,
    uint16_t *ret_service)
{
	struct sync_engine theirs[SYNC_ENGINES_MAX];
	struct totem_ring_id ring;
	size_t count = 0, member = 0;

	if (!barrier_decode(data, len, &ring, theirs, &count))
		return SYNC_NOTE_MALFORMED;
	if (s->member_count == 0 || !ring_equal(&ring, &s->ring))
		return SYNC_NOTE_OTHER_RING;
	while (member < s->member_count && s->members[member] != node_id)
		member++;
	if (member == s->member_count)
		return SYNC_NOTE_STRANGER;
	if (s->seen[member])
		return SYNC_NOTE_DUPLICATE;
	s->seen[member] = true;
	s->seen_count++;
	return engines_differ(s, theirs, count, ret_service) ? SYNC_NOTE_VERSION : SYNC_NOTE_NONE;
}

enum sync_note
sync_deliver(struct sync *s, uint32_t node_id, const uint8_t *data, size_t len,
    uint16_t *ret_service)
{
	enum sync_note note = barrier_judge(s, node_id, data, len, ret_service);

	if (note != SYNC_NOTE_NONE && note != SYNC_NOTE_VERSION)
		s->ignored_count++;
	/* Ours is among them, so that we are in WAIT follows; it is checked all the same. */
	if (s->state == SYNC_WAIT && s->seen_count == s->member_count) {
		s->state = SYNC_ACTIVATE;
		s->at = 0;
	}
	sync_check(s);
	return note;
}

static enum sync_do
next_process(struct sync *s, size_t *ret_engine)
{
	while (s->at < s->engine_count && s->done[s->at])
		s->at++;
	if (s->at < s->engine_count) {
		*ret_engine = s->at;
		return SYNC_DO_PROCESS;
	}
	s->state = SYNC_BARRIER;
	return SYNC_DO_SEND;
}

enum sync_do
sync_next(struct sync *s, size_t *ret_engine)
{
	if (s->abort_left > 0) {
		*ret_engine = --s->abort_left;
		return SYNC_DO_ABORT;
	}
	switch (s->state) {
	case SYNC_IDLE:
	case SYNC_WAIT:
	case SYNC_ACTIVE:
		return SYNC_DO_NOTHING;
	case SYNC_INIT:
		if (s->begun_count < s->engine_count) {
			*ret_engine = s->begun_count++;
			return SYNC_DO_INIT;
		}
		s->state = SYNC_PROCESS;
		s->at = 0;
		return next_process(s, ret_engine);
	case SYNC_PROCESS:
		return s->blocked ? SYNC_DO_NOTHING : next_process(s, ret_engine);
	case SYNC_BARRIER:
		return s->blocked ? SYNC_DO_NOTHING : SYNC_DO_SEND;
	case SYNC_ACTIVATE:
		if (s->at < s->engine_count) {
			*ret_engine = s->at++;
			return SYNC_DO_ACTIVATE;
		}
		s->begun_count = 0;
		s->state = SYNC_ACTIVE;
		sync_check(s);
		return SYNC_DO_OPEN;
	}
	return SYNC_DO_NOTHING;
}

void
sync_processed(struct sync *s, size_t engine, int result)
{
	cs_assert(s->state == SYNC_PROCESS && engine == s->at && !s->done[engine]);
	if (result == 0)
		s->done[engine] = true;
	else
		s->blocked = true;
	sync_check(s);
}

void
sync_sent(struct sync *s, int result)
{
	cs_assert(s->state == SYNC_BARRIER);			/* S3 */
	if (result == 0)
		s->state = SYNC_WAIT;
	else
		s->blocked = true;
	sync_check(s);
}

void
sync_retry(struct sync *s)
{
	s->blocked = false;
}
