/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The invariants at the head of internal.h, asserted after every input, in release builds too.
 * They speak of our own state only; what a peer says is checked where it comes in.
 */
#include "exec/totem/internal.h"

static void
check_store(const struct store *store)
{
	cs_assert(seq_le(store->base, store->aru));			/* I1 */
	cs_assert(seq_le(store->aru, store->high));
	cs_assert(store->high - store->base <= store->window);
}

static void
check_ring(const struct totem *t, const struct ring *ring)
{
	cs_assert(nodebits_has(&ring->set, SELF));			/* I3 */
	cs_assert(ring->my_index < ring->member_count);
	cs_assert(ring->member[ring->my_index].node_id == t->config.node_id);
	cs_assert(ring->to_count + 1 == ring->member_count);
	cs_assert(nodebits_count(&ring->set) == ring->member_count);
	cs_assert(ring->id.rep == ring->member[0].node_id);
	cs_assert(ring->id.seq <= t->ring_seq_reserved);		/* I2 */
	cs_assert(ring->id.seq <= t->ring_seq_max);
}

void
totem_check(const struct totem *t)
{
	const struct ring *installed = &t->ring[t->installed];
	const struct ring *forming = &t->ring[1 - t->installed];
	const struct ring *current = t->state == TOTEM_RECOVERY ? forming : installed;

	cs_assert(t->state < TOTEM_STATE_COUNT);
	cs_assert(t->out_head + t->out_count <= TOTEM_OUTPUT_MAX);
	cs_assert(t->pool.free_count <= t->pool.frame_count);
	if (t->state == TOTEM_IDLE)
		return;
	check_store(&installed->store);
	check_store(&forming->store);
	if (!wire_ring_id_none(&installed->id))
		check_ring(t, installed);
	if (t->state == TOTEM_COMMIT || t->state == TOTEM_RECOVERY) {
		check_ring(t, forming);
		cs_assert(forming->id.seq > installed->id.seq);
	}
	cs_assert(seq_le(current->store.base, current->safe));		/* I4 */
	cs_assert(seq_lt(current->store.base, current->read_seq)
	    || current->store.base == current->store.aru);
	cs_assert(t->recovery.phase == INSTALL_NONE			/* I5 */
	    || t->state == TOTEM_OPERATIONAL);
	cs_assert(t->state == TOTEM_OPERATIONAL || t->state == TOTEM_RECOVERY
	    || !t->token_pending);
	cs_assert(t->state != TOTEM_GATHER || t->timer[TIMER_JOIN] != UINT64_MAX);
	cs_assert(!nodebits_has(&installed->obliged, SELF)
	    || !wire_ring_id_none(&installed->id));
}
