/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * GATHER: who shall be in the next ring?  Every gathering node sends JOINs that say whom it hears,
 * with whom that is mutual, whom it gave up, and which set it proposes.  From the JOINs each node
 * has the same matrix of who hears whom, and picks by the same rule the same set: a clique, chosen
 * greedily, the best connected first.  Consensus: everybody in our proposal proposes just that.
 *
 * There is no set of failed nodes that only grows: a proposal follows from what is known now.  A
 * node that can hear but not be heard is in nobody's clique and holds nobody up.  Waiting is only
 * for members of the old ring that have not joined yet, until they join or are given up by one of
 * us, and shortly for a ring that is to be merged and for who joined and does not fit in yet.
 * PROTOCOL.md section 6.
 */
#include "exec/totem/internal.h"

#define FOREIGN_WAIT_NS		(150 * MS_NS)	/* a start or a merge waits so long for others */
#define LEFT_OUT_NS		(50 * MS_NS)	/* repeats of lost JOINs have come by then */
#define MATES_EXTRA_NS		(150 * MS_NS)	/* beyond silence and probes */
#define CHANGED_MIND_NS		(100 * MS_NS)	/* its proposal settles, or COMMIT ends */
#define COALESCE_BASE_NS	(200 * US_NS)
#define COALESCE_NODE_NS	(15 * US_NS)	/* several changes go into one JOIN */
#define JOIN_FIRST_NS		(8 * MS_NS)	/* repeats start fast and slow down */

static uint64_t
mates_wait_ns(const struct totem *t)
{
	return t->timing.silence_ns + (t->timing.probe_count + 1) * t->timing.probe_ns
	    + MATES_EXTRA_NS;
}

bool
gather_joined(const struct totem *t, uint32_t slot)
{
	const struct peer *peer = &t->peer[slot];

	return peer->row.state == TOTEM_GATHER && peer->row.epoch > peer->committed_epoch
	    && peer->given_up == TOTEM_CAUSE_NONE && peer_mutual(t, slot);
}

/* Members of our ring and others that we would wait for: they did not join yet, or they and we do
 * not yet know of each other that we hear each other. */
static struct nodebits
expected(struct totem *t)
{
	struct ring *ring = totem_installed(t);
	struct nodebits set = { { 0, 0 } };

	for (uint32_t slot = 1; slot < t->peer_count; slot++) {
		struct peer *peer = &t->peer[slot];
		bool mate = nodebits_has(&ring->set, slot) && !peer->row.unready
		    && t->now_ns < t->gather.mates_until_ns;
		bool foreign = nodebits_has(&t->gather.foreign, slot)
		    && t->now_ns < t->gather.foreign_until_ns && !peer->refused;
		bool gathers = peer->row.state == TOTEM_GATHER && peer_row_fresh(t, slot)
		    && peer->row.epoch > peer->committed_epoch;

		if ((!mate && !foreign) || peer->given_up != TOTEM_CAUSE_NONE
		    || t->now_ns < peer->quarantine_until_ns)
			continue;
		if (!gathers || (!gather_joined(t, slot) && t->now_ns < t->gather.foreign_until_ns))
			nodebits_add(&set, slot);
	}
	return set;
}

/* While our number is not on the disk we can't answer when a ring is made, and say nothing but the
 * number, so that others reserve it, too: neither they nor we stop a ring to wait for a disk.  But
 * who gathers because a ring ended waits for its mates anyway. */
static bool
is_mute(const struct totem *t)
{
	if (commit_ready(t))
		return false;
	if (t->state == TOTEM_GATHER && !wire_ring_id_none(&t->ring[t->installed].id))
		return t->now_ns >= t->gather.mates_until_ns;
	return true;
}

void
gather_status_fill(struct totem *t, struct wire_status *status)
{
	struct ring *ring = totem_installed(t);
	struct nodebits waiting = { { 0, 0 } };

	memset(status, 0, sizeof *status);
	if (t->state == TOTEM_GATHER)
		waiting = expected(t);
	status->epoch = t->epoch;
	status->state = (uint8_t) t->state;
	status->ring_seq_max = t->ring_seq_max;
	status->ring = ring->id;
	if (is_mute(t))
		return;
	for (size_t i = 0; i < t->peer_count; i++) {
		uint32_t slot = t->sorted[i];
		struct peer *peer = &t->peer[slot];
		uint8_t flags = 0;

		if (slot != SELF && peer->given_up == TOTEM_CAUSE_NONE
		    && peer_hears(t, slot))
			flags |= WIRE_HEARS;
		if (slot != SELF && (flags & WIRE_HEARS) != 0 && peer_mutual(t, slot))
			flags |= WIRE_MUTUAL;
		if (t->state == TOTEM_GATHER && nodebits_has(&t->gather.proposal, slot))
			flags |= WIRE_PROPOSED;
		if (slot != SELF && peer->given_up != TOTEM_CAUSE_NONE)
			flags |= WIRE_GIVEN_UP;
		if (nodebits_has(&ring->set, slot))
			flags |= WIRE_RING;
		if (nodebits_has(&waiting, slot))
			flags |= WIRE_EXPECTED;
		if (flags == 0)
			continue;
		status->entry[status->entry_count++] = (struct wire_status_entry) {
			.node_id = peer->node_id, .flags = flags,
			.cause = (uint8_t) peer->given_up };
	}
}

static bool
status_differs(const struct wire_status *a, const struct wire_status *b)
{
	if (a->entry_count != b->entry_count || a->ring_seq_max != b->ring_seq_max)
		return true;
	for (size_t i = 0; i < a->entry_count; i++)
		if (a->entry[i].node_id != b->entry[i].node_id
		    || a->entry[i].flags != b->entry[i].flags
		    || a->entry[i].cause != b->entry[i].cause)
			return true;
	return false;
}

static void
join_send(struct totem *t)
{
	struct gather *gather = &t->gather;
	struct wire_status status;
	struct control control;
	uint64_t wait_ns;

	gather_status_fill(t, &status);
	if (status_differs(&status, &gather->told))
		gather->repeats = 0;
	gather->told = status;
	control = send_begin(t, WIRE_JOIN, WIRE_CONTROL_BYTES_MAX - TOTEM_HEADER_BYTES);
	if (control.frame != NULL)
		wire_status_put(&control.body, &gather->told);
	send_to_all(t, &control);
	t->stats.join_tx++;
	gather->join_sent_ns = t->now_ns;
	wait_ns = JOIN_FIRST_NS << (gather->repeats < 8 ? gather->repeats : 8);
	gather->repeats++;
	if (wait_ns > t->timing.join_ns)
		wait_ns = t->timing.join_ns;
	wait_ns -= prng_below(&t->prng, wait_ns / 8 + 1);
	if (t->now_ns < gather->left_out_until_ns
	    && t->now_ns + wait_ns > gather->left_out_until_ns)
		wait_ns = gather->left_out_until_ns - t->now_ns;	/* look once more then */
	totem_timer_set(t, TIMER_JOIN, t->now_ns + wait_ns);
}

/* Soon, so that several changes go together. */
static void
join_soon(struct totem *t)
{
	uint64_t at_ns = t->gather.join_sent_ns + COALESCE_BASE_NS
	    + COALESCE_NODE_NS * t->peer_count;

	t->gather.repeats = 0;
	if (at_ns < t->now_ns)
		at_ns = t->now_ns;
	if (t->timer[TIMER_JOIN] > at_ns)
		totem_timer_set(t, TIMER_JOIN, at_ns);
}

static void
deadlines_set(struct totem *t)
{
	t->gather.left_out_until_ns = t->now_ns + LEFT_OUT_NS;
	t->gather.mates_until_ns = t->now_ns + mates_wait_ns(t);
	t->gather.foreign_until_ns = t->now_ns + FOREIGN_WAIT_NS;
}

/* We did not run for so long: that was no time to wait in. */
void
gather_forgive(struct totem *t, uint64_t span_ns)
{
	t->gather.left_out_until_ns += span_ns;
	t->gather.mates_until_ns += span_ns;
	t->gather.foreign_until_ns += span_ns;
}

void
gather_ready(struct totem *t)
{
	/* Those outside wait for that, whatever was said to them a moment ago. */
	if (t->state == TOTEM_OPERATIONAL) {
		for (uint32_t slot = 1; slot < t->peer_count; slot++)
			if (!t->peer[slot].refused)
				t->peer[slot].beacon_sent_ns = 0;
		totem_timer_set(t, TIMER_BEACON, t->now_ns);
	}
	if (t->state != TOTEM_GATHER)
		return;
	if (wire_ring_id_none(&totem_installed(t)->id)) {
		deadlines_set(t);
	} else if (t->now_ns >= t->gather.mates_until_ns) {
		/* We were silent for long: our mates may gather still, or be elsewhere by now. */
		t->gather.foreign = nodebits_or(t->gather.foreign, totem_installed(t)->set);
		t->gather.left_out_until_ns = t->now_ns + LEFT_OUT_NS;
		t->gather.foreign_until_ns = t->now_ns + FOREIGN_WAIT_NS;
	}
	gather_soon(t);
}

void
gather_begin(struct totem *t, enum totem_cause cause, uint32_t node)
{
	struct gather *gather = &t->gather;
	bool committing = t->state == TOTEM_COMMIT;

	cs_assert(t->state != TOTEM_GATHER);
	gather->mates = totem_installed(t)->set;
	if (t->state == TOTEM_COMMIT || t->state == TOTEM_RECOVERY)
		gather->mates = nodebits_or(gather->mates, totem_forming(t)->set);
	if (t->state == TOTEM_OPERATIONAL || t->state == TOTEM_IDLE) {
		gather->cause = cause;
		gather->change_since_ns = t->now_ns;
		gather->abandoned = 0;
		gather->commit_from_ns = t->now_ns;
	}
	if (t->state == TOTEM_RECOVERY) {
		store_reset(&totem_forming(t)->store, 0);
		queue_clear(&t->queue[CLASS_RECOVERED]);
	}
	if (cause != TOTEM_CAUSE_MERGE)
		memset(&gather->foreign, 0, sizeof gather->foreign);
	for (enum timer timer = 0; timer < TIMER_COUNT; timer++)
		if (timer != TIMER_HEARTBEAT && timer != TIMER_BEACON && timer != TIMER_PROBE)
			totem_timer_stop(t, timer);
	t->order.holding = false;
	t->order.hold_flag = false;
	t->token_pending = false;
	totem_enter(t, TOTEM_GATHER, cause, node);
	t->epoch++;
	gather->since_ns = t->now_ns;
	deadlines_set(t);
	gather->join_sent_ns = 0;
	gather->repeats = 0;
	memset(&gather->proposal, 0, sizeof gather->proposal);
	nodebits_add(&gather->proposal, SELF);
	for (uint32_t slot = 1; slot < t->peer_count; slot++)
		if (cause == TOTEM_CAUSE_START && t->peer[slot].configured)
			nodebits_add(&gather->foreign, slot);
	if (committing)
		commit_abandoned(t);
	gather_soon(t);
}

/* At the next turn, not within this one: alone we would install a ring on the spot, and who called
 * may not be done. */
void
gather_soon(struct totem *t)
{
	totem_timer_set(t, TIMER_JOIN, t->now_ns);
}

/* Take candidates in the given order as long as they and all taken before hear each other. */
static struct nodebits
clique(struct totem *t, const uint32_t *order, size_t count, bool self_first)
{
	struct nodebits set = { { 0, 0 } }, fits = { { UINT64_MAX, UINT64_MAX } };

	if (self_first)
		nodebits_add(&set, SELF);
	for (size_t i = 0; i < count; i++) {
		struct nodebits mutual = t->peer[order[i]].row.mutual, others = set;

		if (order[i] == SELF) {		/* candidates are mutual with us */
			nodebits_add(&set, SELF);
			continue;
		}
		nodebits_remove(&others, SELF);
		if (!nodebits_has(&fits, order[i]) || !nodebits_within(&others, &mutual))
			continue;
		nodebits_add(&set, order[i]);
		nodebits_add(&mutual, SELF);
		fits = nodebits_and(fits, mutual);
	}
	return set;
}

/* What we propose, from what is known now. */
static struct nodebits
propose(struct totem *t)
{
	uint32_t order[TOTEM_NODES_MAX], degree[TOTEM_NODES_MAX];
	struct nodebits set;
	size_t count = 0;

	for (size_t i = 0; i < t->peer_count; i++) {
		uint32_t slot = t->sorted[i], mine = 0;
		size_t at = count;

		if (slot != SELF && !gather_joined(t, slot))
			continue;
		if (slot == SELF) {
			for (uint32_t k = 1; k < t->peer_count; k++)
				mine += peer_mutual(t, k);
		}
		degree[slot] = slot == SELF ? mine : t->peer[slot].row.mutual_count;
		/* Best connected first; equals stay in the order of node ids. */
		while (at > 0 && degree[order[at - 1]] < degree[slot]) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = slot;
		count++;
	}
	set = clique(t, order, count, false);
	if (!nodebits_has(&set, SELF))
		set = clique(t, order, count, true);
	return set;
}

/* Somebody gathers and is not in our proposal.  It may really be cut from one of those in it; but
 * at first we have rather not been told yet whom it hears by now, and consensus of a few would make
 * a ring that nobody needs. */
static bool
left_out(struct totem *t, const struct nodebits *proposal)
{
	if (t->now_ns >= t->gather.left_out_until_ns)
		return false;
	for (uint32_t slot = 1; slot < t->peer_count; slot++)
		if (!nodebits_has(proposal, slot) && gather_joined(t, slot)
		    && !t->peer[slot].refused)
			return true;
	return false;
}

/* Everybody in our proposal proposes it, and nobody is worth waiting for. */
static bool
consensus(struct totem *t, const struct nodebits *proposal)
{
	struct nodebits waiting = expected(t), given_up = { { 0, 0 } };

	for (uint32_t slot = 1; slot < t->peer_count; slot++) {
		const struct row *row = &t->peer[slot].row;

		if (t->peer[slot].given_up != TOTEM_CAUSE_NONE)
			nodebits_add(&given_up, slot);
		if (!nodebits_has(proposal, slot))
			continue;
		if (row->proposes_unknown || !nodebits_equal(&row->proposed, proposal))
			return false;
		if (t->now_ns < t->gather.mates_until_ns)
			waiting = nodebits_or(waiting, row->expected);
		/* A mate's word, also when it has moved on to a ring that we missed. */
		if (nodebits_has(&totem_installed(t)->set, slot))
			given_up = nodebits_or(given_up, row->given_up);
	}
	nodebits_remove(&waiting, SELF);
	waiting = nodebits_minus(nodebits_minus(waiting, given_up), *proposal);
	return nodebits_empty(&waiting) && !left_out(t, proposal);
}

void
gather_evaluate(struct totem *t)
{
	struct nodebits proposal;
	struct wire_status status;
	uint32_t lowest = SELF;

	if (t->state != TOTEM_GATHER)
		return;
	proposal = propose(t);
	t->gather.proposal = proposal;
	gather_status_fill(t, &status);
	/* What we know they must know, too, or they might propose something else by now. */
	if (status_differs(&status, &t->gather.told)) {
		join_soon(t);
		return;
	}
	if (!consensus(t, &proposal))
		return;
	for (size_t i = 0; i < t->peer_count; i++)
		if (nodebits_has(&proposal, t->sorted[i])) {
			lowest = t->sorted[i];
			break;
		}
	if (lowest != SELF)
		return;
	if (t->now_ns >= t->gather.commit_from_ns)
		commit_begin(t);
	else if (t->timer[TIMER_JOIN] > t->gather.commit_from_ns)
		totem_timer_set(t, TIMER_JOIN, t->gather.commit_from_ns);
}

void
gather_join_timer(struct totem *t)
{
	if (t->state != TOTEM_GATHER)
		return;
	t->gather.proposal = propose(t);
	join_send(t);
	gather_evaluate(t);
}

/* Another noticed before us how this one went: for the log. */
static void
hearsay(struct totem *t, uint32_t slot, uint8_t cause)
{
	struct peer *peer = &t->peer[slot];

	if (t->state == TOTEM_IDLE || slot == SELF || peer->left_how != TOTEM_CAUSE_NONE
	    || cause == TOTEM_CAUSE_NONE || cause >= TOTEM_CAUSE_COUNT)
		return;
	peer->left_how = (enum totem_cause) cause;
	peer->left_silent_ns = peer->heard_ns == 0 ? 0 : t->now_ns - peer->heard_ns;
}

static void
row_fill(struct totem *t, struct row *row, const struct wire_header *header,
    const struct wire_status *status)
{
	memset(row, 0, sizeof *row);
	row->received_ns = t->now_ns;
	row->counter = header->counter;
	row->epoch = status->epoch;
	row->state = (enum totem_state) status->state;
	row->ring = status->ring;
	row->unready = status->entry_count == 0 && row->state == TOTEM_GATHER;
	for (size_t i = 0; i < status->entry_count; i++) {
		uint32_t slot = peer_slot(t, status->entry[i].node_id);
		uint8_t flags = status->entry[i].flags;

		if (slot == NO_SLOT && t->config.learn_peers && (flags & WIRE_HEARS) != 0)
			slot = peer_add(t, status->entry[i].node_id, false);
		row->mutual_count = (uint16_t) (row->mutual_count + ((flags & WIRE_MUTUAL) != 0));
		if (slot == NO_SLOT) {
			row->proposes_unknown |= (flags & WIRE_PROPOSED) != 0;
			row->ring_unknown |= (flags & WIRE_RING) != 0;
			continue;
		}
		if ((flags & WIRE_HEARS) != 0)
			nodebits_add(&row->hears, slot);
		if ((flags & WIRE_MUTUAL) != 0)
			nodebits_add(&row->mutual, slot);
		if ((flags & WIRE_PROPOSED) != 0)
			nodebits_add(&row->proposed, slot);
		if ((flags & WIRE_GIVEN_UP) != 0) {
			nodebits_add(&row->given_up, slot);
			if (status->entry[i].cause == TOTEM_CAUSE_FAILED_TO_RECEIVE)
				nodebits_add(&row->accused, slot);
			hearsay(t, slot, status->entry[i].cause);
		}
		if ((flags & WIRE_RING) != 0)
			nodebits_add(&row->ring_members, slot);
		if ((flags & WIRE_EXPECTED) != 0)
			nodebits_add(&row->expected, slot);
	}
}

static bool
row_news(const struct row *before, const struct row *row)
{
	return before->received_ns <= 1 || before->epoch != row->epoch
	    || before->state != row->state || before->mutual_count != row->mutual_count
	    || !nodebits_equal(&before->hears, &row->hears)
	    || !nodebits_equal(&before->mutual, &row->mutual)
	    || !nodebits_equal(&before->proposed, &row->proposed)
	    || !nodebits_equal(&before->given_up, &row->given_up)
	    || !nodebits_equal(&before->accused, &row->accused)
	    || !nodebits_equal(&before->expected, &row->expected);
}

/* A member of our ring joins.  One that was stopped comes late, and does not know yet who hears
 * it. */
static void
mate_joined(struct totem *t)
{
	uint64_t until_ns = t->now_ns + LEFT_OUT_NS;

	t->gather.left_out_until_ns = until_ns < t->gather.mates_until_ns ? until_ns
	    : t->gather.mates_until_ns;
}

/* A member of the ring being made has gone into another one from this gathering or a later one. */
static bool
went_elsewhere(struct totem *t, uint32_t slot)
{
	const struct ring *forming = totem_forming(t);
	const struct row *row = &t->peer[slot].row;

	for (size_t i = 0; i < forming->member_count; i++)
		if (forming->slot[i] == slot)
			return row->state == TOTEM_OPERATIONAL && row->epoch >= forming->epoch[i]
			    && !wire_ring_id_equal(&row->ring, &forming->id);
	return false;
}

/* A member of the ring being made, or of ours, gathers again: then so do we. */
static bool
regathers(struct totem *t, uint32_t slot)
{
	struct ring *forming = totem_forming(t);
	const struct row *row = &t->peer[slot].row;

	if (row->state != TOTEM_GATHER)
		return false;
	if (t->state == TOTEM_OPERATIONAL)
		return nodebits_has(&totem_installed(t)->set, slot)
		    && row->epoch > t->peer[slot].committed_epoch;
	for (size_t i = 0; i < forming->member_count; i++)
		if (forming->slot[i] == slot)
			return row->epoch > forming->epoch[i]
			    || (t->state == TOTEM_COMMIT && row->epoch == forming->epoch[i]
			    && t->now_ns - t->commit.since_ns > CHANGED_MIND_NS
			    && nodebits_has(&t->commit.waiting, slot) && !t->commit.info
			    && !nodebits_equal(&row->proposed, &forming->set));
	return false;
}

/* A member of our ring is in a later one without us. */
static bool
excluded(struct totem *t, uint32_t slot)
{
	const struct row *row = &t->peer[slot].row;

	return row->state == TOTEM_OPERATIONAL && nodebits_has(&totem_installed(t)->set, slot)
	    && row->ring.seq > totem_installed(t)->id.seq
	    && !nodebits_has(&row->ring_members, SELF);
}

void
gather_on_status(struct totem *t, uint32_t slot, const struct wire_header *header,
    const struct wire_status *status)
{
	struct peer *peer = &t->peer[slot];
	bool join = status->state == TOTEM_GATHER, gathered = t->state == TOTEM_GATHER;
	struct row before;

	if (join)
		t->stats.join_rx++;
	else
		t->stats.beacon_rx++;
	if (peer->row.received_ns != 0 && header->counter <= peer->row.counter)
		return;		/* overtaken on the way */
	before = peer->row;
	row_fill(t, &peer->row, header, status);
	if (status->ring_seq_max <= WIRE_RING_SEQ_HEARD_MAX)
		commit_number_heard(t, status->ring_seq_max);
	/* It lives.  (Of a member of our ring only news count: it may have died since.) */
	if (t->now_ns >= peer->quarantine_until_ns && (peer->row.epoch > peer->committed_epoch
	    || !nodebits_has(&totem_installed(t)->set, slot)))
		peer->given_up = TOTEM_CAUSE_NONE;

	switch (t->state) {
	case TOTEM_IDLE:
		break;
	case TOTEM_GATHER:
		stuck_adopt(t, slot);
		if (before.epoch != peer->row.epoch && nodebits_has(&totem_installed(t)->set, slot))
			mate_joined(t);
		/* A mere repeat changes nothing; the JOIN timer looks at what time changes. */
		if (row_news(&before, &peer->row))
			gather_evaluate(t);
		break;
	case TOTEM_COMMIT:
	case TOTEM_RECOVERY:
		if (regathers(t, slot) || went_elsewhere(t, slot))
			gather_begin(t, TOTEM_CAUSE_JOIN, peer->node_id);
		break;
	case TOTEM_OPERATIONAL:
		if (regathers(t, slot))
			gather_begin(t, TOTEM_CAUSE_JOIN, peer->node_id);
		else if (excluded(t, slot))
			gather_begin(t, TOTEM_CAUSE_EXCLUDED, peer->node_id);
		else if (!nodebits_has(&totem_installed(t)->set, slot))
			merge_consider(t, slot);
		break;
	case TOTEM_STATE_COUNT:
		break;
	}
	if (!gathered && t->state == TOTEM_GATHER)
		stuck_adopt(t, slot);
}
