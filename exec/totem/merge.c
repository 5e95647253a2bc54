/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Merging: an operational node sends BEACONs to the nodes outside its ring, with whom it hears and
 * with whom that is mutual.  Two rings merge only when everybody of the one and everybody of the
 * other hear each other, so that the merged ring can live: rings that overlap only partly stay as
 * they are instead of forming and breaking for ever.
 */
#include "exec/totem/internal.h"

#define REFUSED_PAUSE_NS	(2 * SEC_NS)

/* NULL: to all. */
static void
beacon_send(struct totem *t, const struct peer *peer)
{
	struct wire_status status;
	struct control control;

	gather_status_fill(t, &status);
	control = send_begin(t, WIRE_BEACON, WIRE_CONTROL_BYTES_MAX - TOTEM_HEADER_BYTES);
	if (control.frame != NULL)
		wire_status_put(&control.body, &status);
	if (peer != NULL)
		send_to_one(t, &control, peer->node_id);
	else
		send_to_all(t, &control);
	t->stats.beacon_tx++;
}

void
merge_beacon_to(struct totem *t, uint32_t slot)
{
	struct peer *peer = &t->peer[slot];

	if (peer->beacon_sent_ns != 0 && t->now_ns - peer->beacon_sent_ns < RATE_LIMIT_NS)
		return;
	peer->beacon_sent_ns = t->now_ns;
	beacon_send(t, peer);
}

/* Nobody listens there: seldom.  It sends JOINs when it starts; and kernels answer for closed ports
 * only so often, which we want to have left for when a member dies. */
static bool
beacon_due(const struct totem *t, uint32_t slot)
{
	const struct peer *peer = &t->peer[slot];

	return !peer->refused || t->now_ns - peer->beacon_sent_ns > REFUSED_PAUSE_NS;
}

/* Stops where there is nobody to speak to: a ring that is installed starts it, and a new peer. */
void
merge_beacon_timer(struct totem *t)
{
	uint64_t jitter = prng_below(&t->prng, t->timing.merge_ns / 8 + 1);
	bool outside = t->config.learn_peers;

	totem_timer_stop(t, TIMER_BEACON);
	if (t->state != TOTEM_OPERATIONAL)
		return;
	if (t->config.learn_peers)
		beacon_send(t, NULL);
	for (uint32_t slot = 1; slot < t->peer_count && !t->config.learn_peers; slot++) {
		if (nodebits_has(&totem_installed(t)->set, slot))
			continue;
		outside = true;
		if (beacon_due(t, slot))
			merge_beacon_to(t, slot);
	}
	if (outside)
		totem_timer_set(t, TIMER_BEACON, t->now_ns + t->timing.merge_ns - jitter);
}

/* Everybody of our ring and this node hear each other. */
static bool
fits_our_ring(struct totem *t, uint32_t slot)
{
	struct nodebits others = totem_installed(t)->set;

	nodebits_remove(&others, SELF);
	return peer_mutual(t, slot) && t->peer[slot].given_up == TOTEM_CAUSE_NONE
	    && nodebits_within(&others, &t->peer[slot].row.mutual);
}

void
merge_consider(struct totem *t, uint32_t slot)
{
	const struct row *row = &t->peer[slot].row;
	struct nodebits foreign = { { 0, 0 } };

	cs_assert(t->state == TOTEM_OPERATIONAL);
	if (!nodebits_has(&row->hears, SELF) || !nodebits_has(&row->mutual, SELF))
		merge_beacon_to(t, slot);	/* let it know that we hear it */
	if (row->state == TOTEM_COMMIT || row->state == TOTEM_RECOVERY
	    || row->state == TOTEM_IDLE || !commit_ready(t))
		return;
	if (row->state == TOTEM_OPERATIONAL) {
		if (row->ring_unknown)
			return;
		foreign = nodebits_minus(row->ring_members, totem_installed(t)->set);
	}
	nodebits_add(&foreign, slot);
	for (uint32_t other = 1; other < t->peer_count; other++)
		if (nodebits_has(&foreign, other) && !fits_our_ring(t, other))
			return;
	t->gather.foreign = foreign;
	gather_begin(t, TOTEM_CAUSE_MERGE, t->peer[slot].node_id);
}
