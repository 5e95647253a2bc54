/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * RECOVERY: members that come from the same old ring give each other the old frames that some of
 * them lack, as messages on the new ring, so that they are ordered, repeated and flow-controlled
 * like any others and may be cut to any frame size.  A frame that all of the group reported is not
 * sent; one that some are known to have is sent by the lowest of those; one of the ragged end by
 * whoever has it and did not see another send it.
 *
 * The end: the token counts the holders in a row that have nothing left to send and have all that
 * was sent (`quiet`).  When that is everybody, all have everything (RECOVERED), and the token goes
 * round once more to tell them.  When all know (INSTALL), each installs the new ring.
 */
#include "exec/totem/internal.h"

#define RECOVERY_TOKEN_NS	SEC_NS	/* token loss in RECOVERY: back to GATHER so soon */

static void
group_fill(struct totem *t, const struct wire_commit *info)
{
	struct recovery *recovery = &t->recovery;
	uint8_t mine = 0xff;
	bool first = true;

	for (size_t i = 0; i < info->member_count; i++)
		if (info->member[i].node_id == t->config.node_id)
			mine = info->member[i].group;
	recovery->has_group = mine != 0xff && !wire_ring_id_none(&totem_installed(t)->id);
	if (!recovery->has_group)
		return;
	for (size_t i = 0; i < info->member_count; i++) {
		const struct wire_commit_member *m = &info->member[i];

		if (m->group != mine)
			continue;
		nodebits_add(&recovery->transitional, totem_forming(t)->slot[i]);
		if (first || seq_lt(m->aru, recovery->low))
			recovery->low = m->aru;
		if (first || seq_lt(recovery->high, m->high))
			recovery->high = m->high;
		if (first || seq_lt(recovery->max_aru, m->aru))
			recovery->max_aru = m->aru;
		first = false;
	}
	/* Honest members lie within one window; a dishonest one must not make us loop for long. */
	if (recovery->high - recovery->low > TOTEM_POOL_FRAMES_MAX)
		recovery->high = recovery->low + TOTEM_POOL_FRAMES_MAX;
	recovery->safe_max = info->group[mine].safe;
	for (size_t i = 0; i < info->group[mine].obliged_count; i++) {
		uint32_t slot = peer_slot(t, info->group[mine].obliged[i]);

		if (slot != NO_SLOT)
			nodebits_add(&recovery->obliged, slot);
	}
}

void
recovery_begin(struct totem *t, const struct wire_commit *info)
{
	struct recovery *recovery = &t->recovery;
	struct ring *ring = totem_forming(t);

	memset(recovery, 0, sizeof *recovery);
	recovery->info = *info;
	for (size_t i = 0; i < ring->member_count; i++)
		t->peer[ring->slot[i]].committed_epoch = ring->epoch[i];
	group_fill(t, info);
	recovery->cursor = recovery->low + 1;
	if (nodebits_count(&recovery->transitional) == 1)
		recovery->cursor = recovery->high + 1;	/* nobody to give anything to */
	ring->frame_bytes = info->frame_bytes;
	ring->window = info->window;
	order_reset(t, ring, info->seq_first);
	for (size_t i = 0; i < t->peer_count; i++)
		t->peer[i].recovered.active = false;
	queue_clear(&t->queue[CLASS_RECOVERED]);
	totem_timer_stop(t, TIMER_COMMIT);
	totem_timer_stop(t, TIMER_COMMIT_LIMIT);
	totem_enter(t, TOTEM_RECOVERY, TOTEM_CAUSE_COMMITTED, ring->id.rep);
	totem_timer_set(t, TIMER_TOKEN_LOSS, t->now_ns
	    + (t->timing.token_ns < RECOVERY_TOKEN_NS ? t->timing.token_ns : RECOVERY_TOKEN_NS));
}

static bool
seen_by_all(const struct recovery *recovery, uint32_t seq)
{
	uint32_t at = seq - recovery->low - 1;

	return at < TOTEM_POOL_FRAMES_MAX && (recovery->seen[at / 64] >> (at % 64) & 1) != 0;
}

static void
seen_mark(struct recovery *recovery, uint32_t seq)
{
	uint32_t at = seq - recovery->low - 1;

	if (at < TOTEM_POOL_FRAMES_MAX)
		recovery->seen[at / 64] |= UINT64_C(1) << (at % 64);
}

/* Is it ours to send this old frame again? */
static bool
responsible(struct totem *t, uint32_t seq)
{
	const struct recovery *recovery = &t->recovery;
	const struct ring *ring = totem_forming(t);

	if (!store_has(&totem_installed(t)->store, seq) || seen_by_all(recovery, seq))
		return false;
	if (seq_lt(recovery->max_aru, seq))
		return true;	/* who else has it is not known */
	for (size_t i = 0; i < recovery->info.member_count; i++)
		if (nodebits_has(&recovery->transitional, ring->slot[i])
		    && seq_le(seq, recovery->info.member[i].aru))
			return ring->slot[i] == SELF;
	return false;
}

void
recovery_fill_queue(struct totem *t)
{
	struct recovery *recovery = &t->recovery;
	const struct ring *old = totem_installed(t);
	struct store_frame frame;

	while (recovery->has_group && seq_le(recovery->cursor, recovery->high)) {
		uint8_t head[WIRE_RECOVERED_BYTES];
		struct buf_writer out = buf_writer(head, sizeof head);
		struct totem_part parts[2];
		const uint8_t *bytes;

		if (responsible(t, recovery->cursor)) {
			bytes = store_get(&old->store, recovery->cursor, &frame);
			wire_data_head_put(&out, &old->id, frame.origin, recovery->cursor);
			parts[0] = (struct totem_part) { head, sizeof head };
			parts[1] = (struct totem_part) { bytes + WIRE_DATA_BYTES,
				frame.len - WIRE_DATA_BYTES };
			if (!queue_put(&t->queue[CLASS_RECOVERED], false, 0, parts, 2))
				return;
		}
		recovery->cursor++;
	}
}

bool
recovery_done_here(struct totem *t)
{
	return !t->recovery.incomplete
	    && (!t->recovery.has_group || seq_lt(t->recovery.high, t->recovery.cursor))
	    && queue_empty(&t->queue[CLASS_RECOVERED]);
}

void
recovery_on_message(struct totem *t, const uint8_t *data, size_t len)
{
	struct ring *old = totem_installed(t);
	struct wire_data old_frame;
	uint32_t slot;
	uint8_t *bytes;

	if (!t->recovery.has_group || !wire_data_get(data, len, &old_frame)
	    || !wire_ring_id_equal(&old_frame.ring, &old->id))
		return;
	slot = peer_slot(t, old_frame.origin);
	if (slot == NO_SLOT || !nodebits_has(&old->set, slot)
	    || seq_lt(t->recovery.high, old_frame.seq))
		return;
	if (seq_lt(t->recovery.low, old_frame.seq))
		seen_mark(&t->recovery, old_frame.seq);
	if (seq_le(old_frame.seq, old->store.base) || store_has(&old->store, old_frame.seq))
		return;
	if (!store_fits(&old->store, old_frame.seq)
	    || len + TOTEM_HEADER_BYTES > t->pool.frame_bytes) {
		t->recovery.incomplete = true;	/* no honest member sends that */
		return;
	}
	bytes = store_add(&old->store, old_frame.seq, old_frame.origin, len + TOTEM_HEADER_BYTES);
	cs_assert(bytes != NULL);	/* the pool holds both windows */
	memcpy(bytes + TOTEM_HEADER_BYTES, data, len);
}

/* We know that all have everything, and the others will know that we do: from now on we owe it to
 * all who move with us to deliver what is theirs, even if another attempt goes without them. */
void
recovery_oblige(struct totem *t)
{
	if (!t->recovery.has_group)
		return;
	/* Also what our group was obliged to: only now have we what that takes. */
	totem_installed(t)->obliged = nodebits_or(totem_installed(t)->obliged,
	    nodebits_or(t->recovery.transitional, t->recovery.obliged));
}

void
recovery_install(struct totem *t)
{
	struct recovery *recovery = &t->recovery;

	cs_assert(t->state == TOTEM_RECOVERY && recovery->phase == INSTALL_NONE);
	recovery->phase = recovery->has_group ? INSTALL_OLD_REGULAR : INSTALL_REGULAR;
	t->installed = 1 - t->installed;
	totem_enter(t, TOTEM_OPERATIONAL, TOTEM_CAUSE_RECOVERED, totem_installed(t)->id.rep);
	t->app_open = false;
	memset(&t->gather.accused, 0, sizeof t->gather.accused);
	queue_restart(&t->queue[CLASS_SYNC]);
	queue_restart(&t->queue[CLASS_APP]);
	for (uint32_t slot = 1; slot < t->peer_count; slot++) {
		/* Not of those outside: a ring without them may be one of many attempts. */
		if (nodebits_has(&totem_installed(t)->set, slot))
			t->peer[slot].unanswered_ns = 0;
		else
			t->peer[slot].suspected = false;
	}
	if (totem_installed(t)->member_count > 1)
		totem_timer_set(t, TIMER_TOKEN_LOSS, t->now_ns + t->timing.token_ns);
	else
		totem_timer_stop(t, TIMER_TOKEN_LOSS);
	/* Those outside hear of us soon: whoever was left out can ask to be taken in. */
	totem_timer_set(t, TIMER_BEACON, t->now_ns + RATE_LIMIT_NS);
}
