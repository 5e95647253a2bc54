/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * COMMIT: the representative (the lowest id of the proposal) draws the ring id and asks every
 * member; each answers with what it holds of its old ring, and holds still from then on;
 * the representative tells everybody the sum, and starts the token when all have confirmed it.
 * A star instead of a token that travels twice: four one-way trips at any number of members, each
 * repeated until it is answered.  Asking and telling carry more than fits into one frame, so they
 * go in segments.
 */
#include "exec/totem/internal.h"

#define ABANDONED_FEW		2u		/* commits that end in GATHER, as happens */
#define ABANDONED_WAIT_NS	(1 * MS_NS)	/* before the next, doubled each time */
#define ABANDONED_DOUBLINGS	6u
#define COMMIT_LIMIT_NS		SEC_NS
#define UNANSWERED_NS		(700 * MS_NS)	/* in all, as long as silence counts for */
#define UNANSWERED_FORGOTTEN_NS	(2000 * MS_NS)	/* since the last attempt */
#define RESEND_FIRST_NS		(4 * MS_NS)
#define RESEND_MAX_NS		(50 * MS_NS)
#define SEGMENT_BYTES		(WIRE_CONTROL_BYTES_MAX - TOTEM_HEADER_BYTES \
				    - WIRE_RING_ID_BYTES - 2u - TOTEM_TAG_BYTES)

_Static_assert(WIRE_INFO_BYTES_MAX / SEGMENT_BYTES < 64, "segments are counted in 64 bits");

/* Ask for a block of ring sequence numbers before it is needed. */
void
commit_reserve_ahead(struct totem *t)
{
	uint64_t base = t->ring_seq_max > t->ring_seq_reserved ? t->ring_seq_max
	    : t->ring_seq_reserved;
	struct totem_output *output;

	if (t->ring_seq_max + TOTEM_RING_SEQ_BLOCK / 2 < t->ring_seq_reserved
	    || t->ring_seq_asked > base)
		return;
	output = send_output(t, TOTEM_RESERVE);
	if (output == NULL)
		return;
	output->ring_seq = base + TOTEM_RING_SEQ_BLOCK;
	t->ring_seq_asked = output->ring_seq;
}

bool
commit_ready(const struct totem *t)
{
	return t->ring_seq_max < t->ring_seq_reserved;
}

/* Some ring has, or had, that number. */
void
commit_number_heard(struct totem *t, uint64_t ring_seq)
{
	if (ring_seq > t->ring_seq_max)
		t->ring_seq_max = ring_seq;
	commit_reserve_ahead(t);
}

static void
ring_fill(struct totem *t, const struct wire_commit *ask)
{
	struct ring *ring = totem_forming(t);

	ring->id = ask->ring;
	ring->member_count = ask->member_count;
	ring->to_count = 0;
	memset(&ring->set, 0, sizeof ring->set);
	memset(&ring->obliged, 0, sizeof ring->obliged);
	for (size_t i = 0; i < ask->member_count; i++) {
		const struct wire_commit_member *m = &ask->member[i];
		uint32_t slot = peer_slot(t, m->node_id);

		cs_assert(slot != NO_SLOT);
		ring->member[i] = (struct totem_member) { m->node_id, m->incarnation };
		ring->epoch[i] = m->epoch;
		ring->slot[i] = slot;
		nodebits_add(&ring->set, slot);
		if (slot == SELF)
			ring->my_index = i;
		else
			ring->to[ring->to_count++] = m->node_id;
	}
	cs_assert(nodebits_has(&ring->set, SELF));
}

static void
ack_fill(struct totem *t, struct wire_ack *ack)
{
	struct ring *old = totem_installed(t);

	memset(ack, 0, sizeof *ack);
	ack->ring = totem_forming(t)->id;
	ack->old = old->id;
	ack->aru = old->store.aru;
	ack->high = old->store.high;
	ack->safe = old->safe;
	ack->frame_bytes = t->config.frame_bytes_max;
	ack->window = old->store.window;
	for (size_t i = 0; i < t->peer_count; i++)
		if (nodebits_has(&old->obliged, t->sorted[i]))
			ack->obliged[ack->obliged_count++] = t->peer[t->sorted[i]].node_id;
}

/* Send the message in segments to those that have not answered it. */
static void
message_send(struct totem *t)
{
	struct commit *commit = &t->commit;
	struct ring *ring = totem_forming(t);
	enum wire_type type = commit->info ? WIRE_COMMIT_INFO : WIRE_COMMIT_ASK;
	struct buf_writer out = buf_writer(commit->blob, sizeof commit->blob);
	size_t len, count = 0;
	uint32_t ids[TOTEM_NODES_MAX];
	const uint32_t *to;
	uint8_t segments;

	for (size_t i = 0; i < ring->member_count; i++)
		if (nodebits_has(&commit->waiting, ring->slot[i]))
			ids[count++] = ring->member[i].node_id;
	wire_commit_put(&out, &commit->message);
	to = send_ids(t, ids, count);
	if (!buf_writer_ok(&out) || count == 0 || to == NULL)
		return;
	len = buf_written(&out);
	segments = (uint8_t) ((len + SEGMENT_BYTES - 1) / SEGMENT_BYTES);
	for (uint8_t i = 0; i < segments; i++) {
		size_t at = (size_t) i * SEGMENT_BYTES;
		struct wire_segment segment = { ring->id, i, segments, commit->blob + at,
			len - at < SEGMENT_BYTES ? len - at : SEGMENT_BYTES };

		struct control control = send_begin(t, type, WIRE_CONTROL_BYTES_MAX);

		if (control.frame != NULL)
			wire_segment_put(&control.body, &segment);
		send_to(t, &control, to, count);
		t->stats.commit_tx += count;
	}
}

static uint8_t
group_of(struct wire_commit *info, const struct wire_ack *ack)
{
	struct wire_commit_group *group;

	if (wire_ring_id_none(&ack->old))
		return 0xff;
	for (size_t i = 0; i < info->group_count; i++)
		if (wire_ring_id_equal(&info->group[i].ring, &ack->old))
			return (uint8_t) i;
	group = &info->group[info->group_count];
	memset(group, 0, sizeof *group);
	group->ring = ack->old;
	group->safe = ack->safe;
	return (uint8_t) info->group_count++;
}

static void
group_add(struct wire_commit_group *group, const struct wire_ack *ack)
{
	group->safe = seq_max(group->safe, ack->safe);
	for (size_t i = 0; i < ack->obliged_count; i++) {
		size_t k = 0;

		while (k < group->obliged_count && group->obliged[k] != ack->obliged[i])
			k++;
		if (k == group->obliged_count && k < TOTEM_NODES_MAX)
			group->obliged[group->obliged_count++] = ack->obliged[i];
	}
}

/* Everybody answered: the sum of it. */
static void
info_make(struct totem *t)
{
	struct commit *commit = &t->commit;
	struct wire_commit *info = &commit->message;
	struct ring *ring = totem_forming(t);

	info->info = true;
	info->group_count = 0;
	info->frame_bytes = t->config.frame_bytes_max;
	info->window = ring->store.window;
	info->seq_first = t->config.seq_first;
	for (size_t i = 0; i < info->member_count; i++) {
		const struct wire_ack *ack = &commit->ack[i];
		struct wire_commit_member *m = &info->member[i];

		if (ack->frame_bytes < info->frame_bytes)
			info->frame_bytes = ack->frame_bytes;
		if (ack->window < info->window)
			info->window = ack->window;
		m->group = group_of(info, ack);
		m->aru = ack->aru;
		m->high = ack->high;
		if (m->group != 0xff)
			group_add(&info->group[m->group], ack);
	}
	commit->info = true;
	commit->waiting = ring->set;
	nodebits_remove(&commit->waiting, SELF);
	commit->resend_wait_ns = RESEND_FIRST_NS;
	message_send(t);
	totem_timer_set(t, TIMER_COMMIT, t->now_ns + commit->resend_wait_ns);
}

static void
advance(struct totem *t)
{
	struct commit *commit = &t->commit;

	if (!nodebits_empty(&commit->waiting))
		return;
	if (!commit->info)
		info_make(t);
	if (nodebits_empty(&commit->waiting)) {
		recovery_begin(t, &commit->message);
		order_first_token(t);
	}
}

static struct totem_ring_id
ring_id_draw(struct totem *t)
{
	struct totem_ring_id id = { .rep = t->config.node_id, .seq = t->ring_seq_max + 1 };

	id.nonce = prng_u64(&t->prng) ^ t->config.incarnation;
	return id;
}

void
commit_begin(struct totem *t)
{
	struct commit *commit = &t->commit;
	struct wire_commit *ask = &commit->message;

	commit_reserve_ahead(t);
	if (!commit_ready(t))
		return;		/* totem_reserved() comes back to it */
	if (peers_assemblies(t, &t->gather.proposal) < 0)
		return;		/* no memory: the next JOIN tries again */
	memset(ask, 0, sizeof *ask);
	ask->ring = ring_id_draw(t);
	for (size_t i = 0; i < t->peer_count; i++) {
		uint32_t slot = t->sorted[i];
		struct peer *peer = &t->peer[slot];

		if (nodebits_has(&t->gather.proposal, slot))
			ask->member[ask->member_count++] = (struct wire_commit_member) {
				.node_id = peer->node_id, .incarnation = peer->incarnation,
				.epoch = slot == SELF ? t->epoch : peer->row.epoch };
	}
	t->ring_seq_max = ask->ring.seq;
	ring_fill(t, ask);
	totem_timer_stop(t, TIMER_JOIN);
	totem_enter(t, TOTEM_COMMIT, TOTEM_CAUSE_CONSENSUS, t->config.node_id);
	commit->since_ns = commit->looked_ns = t->now_ns;
	commit->asked = false;
	commit->info = false;
	memset(&commit->blob_ring, 0, sizeof commit->blob_ring);
	commit->waiting = totem_forming(t)->set;
	nodebits_remove(&commit->waiting, SELF);
	ack_fill(t, &commit->ack[totem_forming(t)->my_index]);
	commit->resend_wait_ns = RESEND_FIRST_NS;
	totem_timer_set(t, TIMER_COMMIT_LIMIT, t->now_ns + COMMIT_LIMIT_NS);
	totem_timer_set(t, TIMER_COMMIT, t->now_ns + commit->resend_wait_ns);
	message_send(t);
	advance(t);
}

/* Attempts that have long been over, with rings without it between, are not counted together. */
static void
unanswered_add(struct peer *peer, uint64_t now_ns, uint64_t span_ns)
{
	if (now_ns - peer->unanswered_at_ns > UNANSWERED_FORGOTTEN_NS)
		peer->unanswered_ns = 0;
	peer->unanswered_ns += span_ns;
	peer->unanswered_at_ns = now_ns;
}

/* Who takes part in gathering says so in JOINs, also when it does not answer.  Only the time counts
 * in which it was heard, and we ran: not that of who was stopped. */
static void
unanswered_look(struct totem *t)
{
	struct commit *commit = &t->commit;
	uint64_t span_ns = t->now_ns - commit->looked_ns, alive_ns = 2 * RESEND_MAX_NS;

	commit->looked_ns = t->now_ns;
	if (span_ns > 2 * RESEND_MAX_NS)
		span_ns = 2 * RESEND_MAX_NS;
	if (alive_ns < 2 * t->timing.join_ns)
		alive_ns = 2 * t->timing.join_ns;
	for (uint32_t slot = 1; slot < t->peer_count; slot++)
		if (nodebits_has(&commit->waiting, slot)
		    && t->now_ns - t->peer[slot].heard_ns <= alive_ns)
			unanswered_add(&t->peer[slot], t->now_ns, span_ns);
}

void
commit_timer(struct totem *t)
{
	struct commit *commit = &t->commit;

	if (t->state != TOTEM_COMMIT || commit->asked)
		return;
	unanswered_look(t);
	message_send(t);
	commit->resend_wait_ns = commit->resend_wait_ns * 2 < RESEND_MAX_NS
	    ? commit->resend_wait_ns * 2 : RESEND_MAX_NS;
	totem_timer_set(t, TIMER_COMMIT, t->now_ns + commit->resend_wait_ns);
}

/* On paths of equal delay each COMMIT can be ended by the JOIN of one that the end of the COMMIT
 * before sent back to GATHER, for ever.  While we ask nobody, all come to GATHER, and what they say
 * stays true. */
static void
again_later(struct totem *t)
{
	struct gather *gather = &t->gather;
	uint32_t many, doublings;
	uint64_t wait_ns;

	gather->commit_from_ns = t->now_ns;
	if (++gather->abandoned <= ABANDONED_FEW)
		return;
	many = gather->abandoned - ABANDONED_FEW - 1;
	doublings = many < ABANDONED_DOUBLINGS ? many : ABANDONED_DOUBLINGS;
	wait_ns = ABANDONED_WAIT_NS << doublings;
	gather->commit_from_ns += wait_ns + prng_below(&t->prng, wait_ns);
}

/* Who never answers would be in the next proposal, too, and no ring be made for as long as that
 * lasts: it goes on without it.  When it is us who reach nobody, we do. */
void
commit_abandoned(struct totem *t)
{
	if (t->commit.asked)
		return;
	again_later(t);
	for (uint32_t slot = 1; slot < t->peer_count; slot++) {
		struct peer *peer = &t->peer[slot];

		if (!nodebits_has(&t->commit.waiting, slot) || peer->unanswered_ns < UNANSWERED_NS
		    || peer->given_up != TOTEM_CAUSE_NONE)
			continue;
		totem_notify(t, TOTEM_NOTICE_UNANSWERED, peer->node_id, peer_quarantine(t, slot));
		detector_condemn(t, slot, TOTEM_CAUSE_COMMIT_FAILED);
	}
}

static void
ack_send(struct totem *t)
{
	struct control control = send_begin(t, WIRE_COMMIT_ACK, WIRE_CONTROL_BYTES_MAX);
	struct wire_ack ack;

	ack_fill(t, &ack);
	if (control.frame != NULL)
		wire_ack_put(&control.body, &ack);
	send_to_one(t, &control, totem_forming(t)->id.rep);
	t->stats.commit_tx++;
}

/* Do the members of this message exist for us, as they are now, and we as we are? */
static bool
members_match(struct totem *t, const struct wire_commit *ask, struct nodebits *ret_set)
{
	bool self = false;

	memset(ret_set, 0, sizeof *ret_set);
	for (size_t i = 0; i < ask->member_count; i++) {
		uint32_t slot = peer_slot(t, ask->member[i].node_id);

		if (slot == NO_SLOT || t->peer[slot].incarnation != ask->member[i].incarnation)
			return false;
		if (slot == SELF && ask->member[i].epoch != t->epoch)
			return false;
		self |= slot == SELF;
		nodebits_add(ret_set, slot);
	}
	return self;
}

/* The representative gathered anew since it asked for the ring that we are making with it; we need
 * not have heard that. */
static bool
asks_anew(struct totem *t, uint32_t slot, const struct wire_commit *ask)
{
	const struct ring *forming = totem_forming(t);

	if ((t->state != TOTEM_COMMIT && t->state != TOTEM_RECOVERY)
	    || ask->ring.rep != forming->id.rep || ask->ring.rep != t->peer[slot].node_id)
		return false;
	return ask->member[0].node_id == forming->member[0].node_id
	    && ask->member[0].epoch > forming->epoch[0];
}

static void
on_ask(struct totem *t, uint32_t slot, const struct wire_commit *ask)
{
	struct nodebits set;

	if (t->state == TOTEM_COMMIT && t->commit.asked
	    && wire_ring_id_equal(&ask->ring, &totem_forming(t)->id)) {
		ack_send(t);
		return;
	}
	/* It would wait for us until its time is up. */
	if (t->state == TOTEM_OPERATIONAL && !nodebits_has(&totem_installed(t)->set, slot))
		merge_beacon_to(t, slot);
	if (!members_match(t, ask, &set) || ask->ring.rep != t->peer[slot].node_id
	    || ask->ring.seq <= totem_installed(t)->id.seq)
		return;
	if (t->state == TOTEM_COMMIT) {
		/* The representative began anew; we hold still all the same. */
		if (!t->commit.asked || t->commit.info
		    || ask->ring.rep != totem_forming(t)->id.rep
		    || ask->ring.seq <= totem_forming(t)->id.seq
		    || !nodebits_equal(&set, &totem_forming(t)->set)) {
			if (asks_anew(t, slot, ask))
				gather_begin(t, TOTEM_CAUSE_JOIN, t->peer[slot].node_id);
			return;
		}
	} else if (asks_anew(t, slot, ask)) {
		gather_begin(t, TOTEM_CAUSE_JOIN, t->peer[slot].node_id);
		return;
	} else if (t->state != TOTEM_GATHER || !nodebits_equal(&set, &t->gather.proposal)) {
		return;
	}
	commit_number_heard(t, ask->ring.seq);
	if (ask->ring.seq > t->ring_seq_reserved || peers_assemblies(t, &set) < 0)
		return;		/* asked again in milliseconds */
	ring_fill(t, ask);
	t->commit.asked = true;
	t->commit.info = false;
	memset(&t->commit.waiting, 0, sizeof t->commit.waiting);
	if (t->state == TOTEM_GATHER) {
		totem_timer_stop(t, TIMER_JOIN);
		totem_enter(t, TOTEM_COMMIT, TOTEM_CAUSE_CONSENSUS, ask->ring.rep);
	}
	totem_timer_set(t, TIMER_COMMIT_LIMIT, t->now_ns + COMMIT_LIMIT_NS);
	ack_send(t);
}

static void
info_ack_send(struct totem *t, uint32_t slot, const struct totem_ring_id *ring)
{
	struct control control = send_begin(t, WIRE_INFO_ACK, WIRE_RING_ID_BYTES);

	if (control.frame != NULL)
		wire_ring_id_put(&control.body, ring);
	send_to_one(t, &control, t->peer[slot].node_id);
	t->stats.commit_tx++;
}

static void
on_info(struct totem *t, uint32_t slot, const struct wire_commit *info)
{
	struct ring *ring = totem_forming(t);

	if ((t->state == TOTEM_RECOVERY || t->state == TOTEM_OPERATIONAL)
	    && wire_ring_id_equal(&info->ring, &totem_current(t)->id)) {
		info_ack_send(t, slot, &info->ring);	/* our first one was lost */
		return;
	}
	if (t->state != TOTEM_COMMIT || !t->commit.asked || !info->info
	    || !wire_ring_id_equal(&info->ring, &ring->id)
	    || info->member_count != ring->member_count
	    || info->frame_bytes > t->config.frame_bytes_max
	    || info->window > ring->store.window)
		return;
	for (size_t i = 0; i < ring->member_count; i++)
		if (info->member[i].node_id != ring->member[i].node_id
		    || info->member[i].high - info->member[i].aru > TOTEM_POOL_FRAMES_MAX)
			return;
	t->commit.info = true;
	info_ack_send(t, slot, &info->ring);
	recovery_begin(t, info);
}

void
commit_on_segment(struct totem *t, uint32_t slot, enum wire_type type, const uint8_t *body,
    size_t len)
{
	struct commit *commit = &t->commit;
	struct wire_segment segment;
	size_t at;

	t->stats.commit_rx++;
	if (!wire_segment_get(body, len, &segment)
	    || segment.count > WIRE_INFO_BYTES_MAX / SEGMENT_BYTES + 1
	    || segment.ring.rep != t->peer[slot].node_id)
		return;
	if (t->state == TOTEM_COMMIT && !commit->asked)
		return;		/* we are a representative ourselves: our blob is in use */
	if (!wire_ring_id_equal(&segment.ring, &commit->blob_ring) || type != commit->blob_type
	    || segment.count != commit->blob_count) {
		commit->blob_ring = segment.ring;
		commit->blob_type = type;
		commit->blob_count = segment.count;
		commit->blob_have = 0;
		commit->blob_len = 0;
	}
	at = (size_t) segment.index * SEGMENT_BYTES;
	if (at + segment.len > sizeof commit->blob || segment.len > SEGMENT_BYTES
	    || (segment.index + 1 < segment.count && segment.len != SEGMENT_BYTES))
		return;
	memcpy(commit->blob + at, segment.data, segment.len);
	commit->blob_have |= UINT64_C(1) << segment.index;
	if (segment.index + 1 == segment.count)
		commit->blob_len = at + segment.len;
	if (commit->blob_have != (UINT64_C(1) << segment.count) - 1)
		return;
	commit->blob_have = 0;
	if (!wire_commit_get(commit->blob, commit->blob_len, &t->scratch_commit)
	    || !wire_ring_id_equal(&t->scratch_commit.ring, &segment.ring))
		return;
	if (type == WIRE_COMMIT_ASK)
		on_ask(t, slot, &t->scratch_commit);
	else
		on_info(t, slot, &t->scratch_commit);
}

void
commit_on_ack(struct totem *t, uint32_t slot, const uint8_t *body, size_t len)
{
	struct commit *commit = &t->commit;
	struct ring *ring = totem_forming(t);
	struct wire_ack ack;

	t->stats.commit_rx++;
	if (t->state != TOTEM_COMMIT || commit->asked || commit->info
	    || !nodebits_has(&commit->waiting, slot) || !wire_ack_get(body, len, &ack)
	    || !wire_ring_id_equal(&ack.ring, &ring->id))
		return;
	for (size_t i = 0; i < ring->member_count; i++)
		if (ring->slot[i] == slot)
			commit->ack[i] = ack;
	t->peer[slot].unanswered_ns = 0;
	nodebits_remove(&commit->waiting, slot);
	advance(t);
}

void
commit_on_info_ack(struct totem *t, uint32_t slot, const uint8_t *body, size_t len)
{
	struct buf_reader in = buf_reader(body, len);
	struct totem_ring_id id = wire_ring_id_get(&in);

	t->stats.commit_rx++;
	if (t->state != TOTEM_COMMIT || t->commit.asked || !t->commit.info || !buf_done(&in)
	    || !wire_ring_id_equal(&id, &totem_forming(t)->id))
		return;
	nodebits_remove(&t->commit.waiting, slot);
	advance(t);
}
