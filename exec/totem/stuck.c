/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A member that gets tokens but not some messages, as when large frames are lost on its path, would
 * stop everybody for ever, in OPERATIONAL and in RECOVERY: the aru stays where it is, lowered by
 * the same owner.  Whoever has the frame behind it from another member knows that it could be
 * received, and gives the owner up; its mates adopt that (stuck_adopt()), or whoever of accuser and
 * accused has the higher id would be left out.  But who lacks the frame, too, belongs to the
 * accused and parts from the accuser: large frames may be lost between two sites, and then each
 * site has a ring.  And who sent that frame, and is the only one to have it, is to blame himself:
 * he withdraws, or one after the other would be given up.
 *
 * It comes back when its quarantine is over (peer_quarantine()).
 */
#include "exec/totem/internal.h"

#define HALF_NS			SEC_NS		/* half of the time that is waited, at least */
#define HALF_SLOW_NS		(2 * SEC_NS)	/* a slow ring need not go round so often */
#define HALF_SLOW_COUNT		50u
#define HALVES			2u		/* has the frame from another */
#define HALVES_OWN		3u		/* others that have it would have said so */

static void
give_up(struct totem *t, uint32_t slot)
{
	totem_notify(t, TOTEM_NOTICE_FAILED_TO_RECEIVE, t->peer[slot].node_id,
	    peer_quarantine(t, slot));
	detector_condemn(t, slot, TOTEM_CAUSE_FAILED_TO_RECEIVE);
}

static void
accuse(struct totem *t, uint32_t slot)
{
	nodebits_add(&t->gather.accused, slot);
	give_up(t, slot);
	/* It may have been given up already when it was taken in by others. */
	if (t->state != TOTEM_GATHER)
		gather_begin(t, TOTEM_CAUSE_FAILED_TO_RECEIVE, t->peer[slot].node_id);
}

/* We do not hear the other members on purpose, and go alone. */
static void
withdraw(struct totem *t, const struct ring *ring)
{
	uint64_t span_ns, longest_ns = 0;

	for (size_t i = 0; i < ring->member_count; i++) {
		if (ring->slot[i] == SELF)
			continue;
		span_ns = peer_quarantine(t, ring->slot[i]);
		if (span_ns > longest_ns)
			longest_ns = span_ns;
	}
	totem_notify(t, TOTEM_NOTICE_NOT_RECEIVED, t->config.node_id, longest_ns);
	gather_begin(t, TOTEM_CAUSE_FAILED_TO_RECEIVE, t->config.node_id);
}

static bool
waited(const struct totem *t, uint32_t halves)
{
	uint64_t since_ns = t->now_ns - t->order.stuck_since_ns, rounds = t->order.stuck_rounds;

	return since_ns >= halves * HALF_NS
	    && (2 * rounds >= (uint64_t) halves * t->timing.fail_recv_rotations
	    || (since_ns >= halves * HALF_SLOW_NS && rounds >= halves * HALF_SLOW_COUNT));
}

void
stuck_watch(struct totem *t, const struct ring *ring, const struct wire_token *token)
{
	struct order *order = &t->order;
	uint32_t slot = peer_slot(t, token->aru_owner);
	struct store_frame frame;
	bool own;

	cs_assert(t->state == TOTEM_OPERATIONAL || t->state == TOTEM_RECOVERY);
	if (token->aru_owner == 0 || token->aru != order->stuck_aru
	    || token->aru_owner != order->stuck_owner) {
		order->stuck_aru = token->aru;
		order->stuck_owner = token->aru_owner;
		order->stuck_rounds = 0;
		order->stuck_since_ns = t->now_ns;
		order->stuck_lacks = false;
		return;
	}
	order->stuck_rounds++;
	order->stuck_lacks = !store_has(&ring->store, token->aru + 1);
	if (slot == SELF || slot == NO_SLOT || !nodebits_has(&ring->set, slot)
	    || !waited(t, HALVES) || store_get(&ring->store, token->aru + 1, &frame) == NULL)
		return;
	own = frame.origin == t->config.node_id;
	if (own && !waited(t, HALVES_OWN))
		return;
	order->stuck_rounds = 0;
	if (own && ring->member_count > 2)
		withdraw(t, ring);
	else
		accuse(t, slot);
	cs_assert(t->state == TOTEM_GATHER);
}

/* We get as little from it as those that it accuses. */
static void
part(struct totem *t, uint32_t accuser)
{
	totem_notify(t, TOTEM_NOTICE_PARTED, t->peer[accuser].node_id,
	    peer_quarantine(t, accuser));
	gather_soon(t);
}

/* A mate's JOIN: whom it gave up of the ring that ended, we give up, too, or part from it.  It
 * noticed first and so ended the ring, before we could see it.  Once: its word of then may still be
 * heard when it is over. */
void
stuck_adopt(struct totem *t, uint32_t from)
{
	const struct nodebits *mates = &t->gather.mates;
	const struct row *row = &t->peer[from].row;

	cs_assert(t->state == TOTEM_GATHER);
	if (row->state != TOTEM_GATHER || row->epoch <= t->peer[from].committed_epoch
	    || !nodebits_has(mates, from))
		return;
	if (nodebits_has(&row->accused, SELF))
		totem_notify(t, TOTEM_NOTICE_ACCUSED, t->peer[from].node_id, 0);
	for (uint32_t slot = 1; slot < t->peer_count; slot++) {
		if (!nodebits_has(&row->accused, slot) || !nodebits_has(mates, slot))
			continue;
		if (t->order.stuck_lacks) {
			if (t->now_ns >= t->peer[from].quarantine_until_ns)
				part(t, from);
		} else if (!nodebits_has(&t->gather.accused, slot)) {
			nodebits_add(&t->gather.accused, slot);
			give_up(t, slot);
		}
	}
}
