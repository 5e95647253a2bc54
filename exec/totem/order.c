/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Order: the token goes round; who holds it numbers its frames, repeats what others lack, asks for
 * what it lacks itself, and passes it on (Amir, Moser, Melliar-Smith, Agarwal, Ciarfella: "The
 * Totem single-ring ordering and membership protocol", TOCS 13(4), 1995).  By the
 * accelerated-ring rule (Babay, Amir, ICDCS 2016) the token leaves before the last of the frames;
 * so a receiver asks only for what an earlier token already promised.
 *
 * aru: a holder that received less than the token says lowers it and owns it; the owner alone may
 * raise it again; when it equals seq nobody owns it.  What the last two tokens that we sent said at
 * least was received by every member: the safe line (PROTOCOL.md section 5 has the proof).
 *
 * When the token rests is decided in rest.c.
 */
#include "exec/totem/internal.h"

#define WINDOW_FIRST		64u	/* frames a visit, before anything is known */
#define WINDOW_MIN		16u
#define WINDOW_STEP		8u
#define BRAKED_FRAMES		2u	/* a visit, while a member asks all to slow down */
#define AFTER_TOKEN_MAX		48u	/* frames sent after the token */
#define RETRANSMIT_MIN_NS	(2 * MS_NS)
#define RETRANSMIT_FIRST_NS	(10 * MS_NS)	/* no rotation was measured yet */

void
order_reset(struct totem *t, struct ring *ring, uint32_t first)
{
	bool brake = t->order.brake;

	store_reset(&ring->store, first);
	ring->read_seq = first + 1;
	ring->read_offset = 0;
	ring->safe = first;
	memset(&t->order, 0, sizeof t->order);
	t->order.brake = brake;
	t->order.promised = first;
	t->order.seq_last = t->order.aru_last = first;
	t->order.window = WINDOW_FIRST;
	t->token_pending = false;
	t->stats.rotation_ns = 0;
}

enum totem_drop
order_on_data(struct totem *t, const uint8_t *frame, size_t len)
{
	struct wire_data data;
	struct ring *ring = totem_current(t);
	uint32_t slot;
	uint8_t *to;

	if (!wire_data_get(frame + TOTEM_HEADER_BYTES, len - TOTEM_HEADER_BYTES, &data))
		return TOTEM_DROP_MALFORMED;
	/* In COMMIT and RECOVERY we told what we hold of the old ring: that must stay true. */
	if (t->state == TOTEM_COMMIT)
		return TOTEM_DROP_STATE;
	if (wire_ring_id_none(&ring->id) || !wire_ring_id_equal(&data.ring, &ring->id))
		return TOTEM_DROP_STALE_RING;
	slot = peer_slot(t, data.origin);
	if (slot == NO_SLOT || !nodebits_has(&ring->set, slot) || len > t->pool.frame_bytes)
		return TOTEM_DROP_MALFORMED;
	if (seq_le(data.seq, ring->store.base) || store_has(&ring->store, data.seq))
		return TOTEM_DROP_DUPLICATE;
	if (slot == SELF)
		return TOTEM_DROP_MALFORMED;	/* ours are here before anybody can have them */
	if (!store_fits(&ring->store, data.seq))
		return TOTEM_DROP_WINDOW;
	to = store_add(&ring->store, data.seq, data.origin, len);
	if (to == NULL)
		return TOTEM_DROP_WINDOW;
	memcpy(to, frame, len);
	t->stats.data_rx++;
	return TOTEM_ACCEPTED;
}

/* Repeat the frames that others ask for and we have.  Those we have not stay asked for, and so do
 * those whose asker was not reached by the first to answer: it then wants several to try. */
static uint32_t
serve_requests(struct totem *t, struct ring *ring, struct wire_token *token)
{
	struct wire_range left[TOTEM_RTR_RANGES_MAX];
	uint32_t sent = 0, own = 0;
	uint8_t left_count = 0;

	for (size_t i = 0; i < token->range_count; i++) {
		struct wire_range range = token->range[i], rest = { .hops = range.hops };

		for (uint32_t k = 0; k < range.count; k++) {
			uint32_t seq = range.first + k;
			struct store_frame frame;
			uint8_t *bytes = store_get(&ring->store, seq, &frame);

			if (bytes != NULL && sent < TOTEM_SEND_FRAMES_MAX) {
				send_seal(t, bytes, frame.len, WIRE_DATA);
				(void) send_frame(t, bytes, frame.len, ring->to, ring->to_count,
				    false);
				totem_trace(t, TOTEM_TRACE_RETRANSMIT, frame.origin, seq, 0, 0);
				sent++;
				own += frame.origin == t->config.node_id;
			}
			if ((bytes == NULL || range.hops > 0 || sent == TOTEM_SEND_FRAMES_MAX)
			    && seq_lt(ring->store.base, seq) && seq_le(seq, token->seq)) {
				if (rest.count == 0)
					rest.first = seq;
				rest.count = seq - rest.first + 1;
			}
		}
		if (rest.hops > 0)
			rest.hops--;
		if (rest.count > 0)
			left[left_count++] = rest;
	}
	memcpy(token->range, left, left_count * sizeof left[0]);
	token->range_count = left_count;
	t->stats.data_retransmit_tx += sent;
	if (own > 0) {
		t->order.window = t->order.window / 2 > WINDOW_MIN ? t->order.window / 2
		    : WINDOW_MIN;
		t->order.lossy = true;
	}
	return sent;
}

static bool
is_asked_for(const struct wire_token *token, uint32_t seq)
{
	for (size_t i = 0; i < token->range_count; i++)
		if (seq - token->range[i].first < token->range[i].count)
			return true;
	return false;
}

/* Ask for what an earlier token promised and did not come. */
static void
request_missing(struct totem *t, struct ring *ring, struct wire_token *token)
{
	uint8_t others = token->range_count, hops = 0;
	uint32_t last = seq_min(t->order.promised, ring->store.base + ring->store.window);

	/* Asked again and again: who answers first may not reach us.  Let more of them answer. */
	if (seq_lt(ring->store.aru, last) && t->order.asked_aru == ring->store.aru)
		t->order.asked_rounds += t->order.asked_rounds < 4 * TOTEM_NODES_MAX;
	else
		t->order.asked_rounds = 0;
	t->order.asked_aru = ring->store.aru;
	if (t->order.asked_rounds > 2)
		hops = (uint8_t) (t->order.asked_rounds / 2 < ring->member_count
		    ? t->order.asked_rounds / 2 : ring->member_count);
	for (uint32_t seq = ring->store.aru + 1; seq_le(seq, last); seq++) {
		if (store_has(&ring->store, seq) || is_asked_for(token, seq))
			continue;
		if (token->range_count > others) {
			struct wire_range *range = &token->range[token->range_count - 1];

			if (range->first + range->count == seq) {
				range->count++;
				continue;
			}
		}
		if (token->range_count == TOTEM_RTR_RANGES_MAX)
			break;
		token->range[token->range_count++] = (struct wire_range) { seq, 1, hops };
		totem_trace(t, TOTEM_TRACE_REQUEST, 0, seq, 1, 0);
	}
}

/* How many new frames may we send at this visit? */
static uint32_t
allowance(struct totem *t, struct ring *ring, const struct wire_token *token, uint32_t others)
{
	uint32_t all = t->config.window_frames_max != 0 ? t->config.window_frames_max
	    : ring->window / 4;
	uint32_t share = all / (4 * (uint32_t) ring->member_count) + 1;
	uint32_t allowed = others < all ? all - others : share;
	uint32_t unsafe = token->seq - ring->safe;
	uint32_t room = unsafe < ring->window / 2 ? ring->window / 2 - unsafe : 0;

	if (allowed < share)
		allowed = share;
	if (allowed > t->order.window)
		allowed = t->order.window;
	if (allowed > TOTEM_SEND_FRAMES_MAX)
		allowed = TOTEM_SEND_FRAMES_MAX;
	if (allowed > room)
		allowed = room;
	if (token->brake > 0 && allowed > BRAKED_FRAMES)
		allowed = BRAKED_FRAMES;
	return allowed;
}

/* Send what we may; the last ones go after the token. */
static uint32_t
send_new(struct totem *t, struct ring *ring, struct wire_token *token, uint32_t *ret_before)
{
	uint32_t others = token->fcc > t->order.sent_last ? token->fcc - t->order.sent_last : 0;
	uint32_t allowed = allowance(t, ring, token, others);
	uint32_t count = pack_frames(t, ring, token->seq, allowed), after = count / 2;

	if (ring->to_count == 0 || after > AFTER_TOKEN_MAX)
		after = ring->to_count == 0 ? 0 : AFTER_TOKEN_MAX;
	*ret_before = count - after;
	for (uint32_t i = 0; i < *ret_before; i++)
		(void) send_frame(t, t->packed[i].frame, t->packed[i].len, ring->to, ring->to_count,
		    false);
	token->seq += count;
	token->fcc = others + count;
	t->order.sent_last = count;
	if (count > 0)
		token->keeper = t->config.node_id;
	if (count > 0 && count == t->order.window && !t->order.lossy
	    && t->order.window < TOTEM_SEND_FRAMES_MAX)
		t->order.window += WINDOW_STEP;
	t->order.lossy = false;
	t->stats.window_frames = t->order.window;
	return count;
}

void
order_update_aru(struct totem *t, struct ring *ring, struct wire_token *token)
{
	uint32_t mine = ring->store.aru;

	if (seq_lt(mine, token->aru) || token->aru_owner == t->config.node_id
	    || token->aru_owner == 0) {
		token->aru = seq_min(mine, token->seq);
		token->aru_owner = token->aru == token->seq ? 0 : t->config.node_id;
	}
	if (ring->member_count == 1)
		ring->safe = mine;
	else
		ring->safe = seq_max(ring->safe, seq_min(mine,
		    seq_min(token->aru, t->order.aru_last)));
	cs_assert(seq_le(ring->safe, mine));
}

static void
update_brake(struct totem *t, const struct ring *ring, struct wire_token *token)
{
	if (t->order.brake && !t->order.brake_counted && token->brake < ring->member_count) {
		token->brake++;
		t->order.brake_counted = true;
	} else if (!t->order.brake && t->order.brake_counted) {
		if (token->brake > 0)
			token->brake--;
		t->order.brake_counted = false;
	}
}

/* True: everybody has everything, the new ring is to be installed now. */
static bool
update_recovery(struct totem *t, struct ring *ring, struct wire_token *token, uint32_t sent)
{
	if (t->state != TOTEM_RECOVERY)
		return false;
	if ((token->flags & WIRE_TOKEN_INSTALL) != 0)
		return true;
	if ((token->flags & WIRE_TOKEN_RECOVERED) == 0) {
		bool done = sent == 0 && recovery_done_here(t) && ring->store.aru == token->seq
		    && seq_lt(token->seq, ring->read_seq);

		token->quiet = done ? (uint16_t) (token->quiet + 1) : 0;
		if (token->quiet < ring->member_count)
			return false;
		token->flags |= WIRE_TOKEN_RECOVERED;
		token->quiet = 0;
	}
	recovery_oblige(t);
	if (++token->quiet < ring->member_count)
		return false;
	token->flags |= WIRE_TOKEN_INSTALL;
	token->quiet = 0;
	return true;
}

static void
token_send(struct totem *t, struct ring *ring)
{
	struct order *order = &t->order;
	struct buf_writer out = buf_writer(order->sent + TOTEM_HEADER_BYTES,
	    sizeof order->sent - TOTEM_HEADER_BYTES);
	const uint32_t *to = &ring->member[(ring->my_index + 1) % ring->member_count].node_id;

	order->aru_last = order->token.aru;	/* as sent: at rest here it proves nothing */
	order->token.token_seq++;
	order->token_seq = order->token.token_seq;	/* ours, if it comes back as a repeat */
	wire_token_put(&out, &order->token);
	cs_assert(buf_writer_ok(&out));
	order->sent_len = TOTEM_HEADER_BYTES + buf_written(&out);
	send_seal(t, order->sent, order->sent_len, WIRE_TOKEN);
	(void) send_frame(t, order->sent, order->sent_len, to, 1, true);
	t->stats.token_tx++;
	order->passed_ns = t->now_ns;
	order->hold_flag = (order->token.flags & WIRE_TOKEN_HOLD) != 0
	    && order->token.keeper != t->config.node_id;
	if (order->hold_flag)
		order->retransmit_wait_ns = t->timing.token_retransmit_ns;
	else if (t->stats.rotation_ns == 0)
		order->retransmit_wait_ns = RETRANSMIT_FIRST_NS;
	else
		order->retransmit_wait_ns = 2 * t->stats.rotation_ns > RETRANSMIT_MIN_NS
		    ? 2 * t->stats.rotation_ns : RETRANSMIT_MIN_NS;
	if (order->retransmit_wait_ns > t->timing.token_retransmit_ns)
		order->retransmit_wait_ns = t->timing.token_retransmit_ns;
	totem_timer_set(t, TIMER_TOKEN_RETRANSMIT, t->now_ns + order->retransmit_wait_ns);
}

/* The holder's work.  `fresh`: the token just came; else it rested here. */
void
order_visit(struct totem *t, bool fresh)
{
	struct ring *ring = totem_current(t);
	struct order *order = &t->order;
	struct wire_token *token = &order->token;
	uint32_t received_seq = token->seq, before = 0, resent, count;
	bool install, rest, alone = rest_alone(t);

	cs_assert(t->state == TOTEM_OPERATIONAL || t->state == TOTEM_RECOVERY);
	order->holding = false;
	totem_timer_stop(t, TIMER_HOLD);
	if (t->state == TOTEM_RECOVERY) {
		deliver_recovered(t);
		recovery_fill_queue(t);
	}
	resent = serve_requests(t, ring, token);
	count = send_new(t, ring, token, &before);
	request_missing(t, ring, token);
	order->promised = received_seq;
	order_update_aru(t, ring, token);
	update_brake(t, ring, token);
	install = update_recovery(t, ring, token, count);
	rest = rest_decide(t, fresh, alone, resent, count);
	order->braked = token->brake > 0 && (fresh || ring->member_count == 1)
	    && ring->my_index == 0 && !install && t->state == TOTEM_OPERATIONAL;
	if (ring->member_count == 1 || rest || order->braked)
		rest_begin(t, ring);
	else
		token_send(t, ring);
	for (uint32_t i = before; i < count; i++)
		(void) send_frame(t, t->packed[i].frame, t->packed[i].len, ring->to, ring->to_count,
		    false);
	if (install)
		recovery_install(t);
	else if (fresh)		/* a token that rested here has gone round once */
		stuck_watch(t, ring, token);
	if (t->state == TOTEM_OPERATIONAL || t->state == TOTEM_RECOVERY)
		deliver_release(t);
}

/* A token that is ours and newer than the last; it waits for the data received with it. */
void
order_on_token(struct totem *t, uint32_t slot, const struct wire_token *token)
{
	(void) slot;
	if (t->token_pending && !seq_lt(t->order.token.token_seq, token->token_seq))
		return;
	t->order.token = *token;
	t->token_pending = true;
}

/* How long a rotation takes when nothing is lost: quick to believe a short one, slow a long one,
 * which may have lost its token on the way. */
static void
rotation_measure(struct totem *t, uint64_t rotation_ns)
{
	uint64_t smoothed_ns = t->stats.rotation_ns;

	if (smoothed_ns == 0)
		smoothed_ns = rotation_ns;
	else if (rotation_ns < smoothed_ns)
		smoothed_ns = (smoothed_ns + rotation_ns) / 2;
	else if (rotation_ns < 2 * smoothed_ns + MS_NS)
		smoothed_ns += (rotation_ns - smoothed_ns) / 16;
	else
		smoothed_ns += (smoothed_ns + MS_NS) / 16;
	t->stats.rotation_ns = smoothed_ns + 1;
}

void
order_settle(struct totem *t)
{
	struct order *order = &t->order;

	if (!t->token_pending)
		return;
	t->token_pending = false;
	cs_assert(t->state == TOTEM_OPERATIONAL || t->state == TOTEM_RECOVERY);
	order->token_seq = order->token.token_seq;
	order->token_seen = true;
	if (order->passed_ns != 0 && !order->hold_flag && t->now_ns >= order->passed_ns)
		rotation_measure(t, t->now_ns - order->passed_ns);
	t->stats.token_rx++;
	t->stats.token_last_ns = t->now_ns;
	totem_trace(t, TOTEM_TRACE_TOKEN, t->config.node_id, order->token.token_seq,
	    order->token.seq, order->token.aru);
	totem_timer_stop(t, TIMER_TOKEN_RETRANSMIT);
	totem_timer_stop(t, TIMER_HOLD_CANCEL);
	totem_timer_set(t, TIMER_TOKEN_LOSS, t->now_ns + (t->state == TOTEM_RECOVERY
	    && t->timing.token_ns > SEC_NS ? SEC_NS : t->timing.token_ns));
	order_visit(t, true);
}

void
order_first_token(struct totem *t)
{
	struct ring *ring = totem_forming(t);
	struct wire_token *token = &t->order.token;

	cs_assert(t->state == TOTEM_RECOVERY);
	memset(token, 0, sizeof *token);
	token->ring = ring->id;
	token->seq = token->aru = ring->store.base;
	token->keeper = t->config.node_id;
	t->order.token_seen = true;
	order_visit(t, true);
}

static void
token_repeat(struct totem *t)
{
	struct order *order = &t->order;
	struct ring *ring = totem_current(t);
	const uint32_t *to = &ring->member[(ring->my_index + 1) % ring->member_count].node_id;

	send_seal(t, order->sent, order->sent_len, WIRE_TOKEN);
	(void) send_frame(t, order->sent, order->sent_len, to, 1, true);
	t->stats.token_retransmit_tx++;
}

/* Our predecessor repeats the token that we passed on already.  When that one was marked we do not
 * repeat it by ourselves, since it may rest; but then its keeper misses it. */
void
order_on_repeat(struct totem *t, uint32_t token_seq)
{
	const struct order *order = &t->order;

	if (order->hold_flag && !order->holding && order->sent_len > 0
	    && token_seq + 1 == order->token_seq
	    && t->now_ns - order->passed_ns >= RETRANSMIT_MIN_NS / 2)
		token_repeat(t);
}

void
order_retransmit_timer(struct totem *t)
{
	struct order *order = &t->order;

	if ((t->state != TOTEM_OPERATIONAL && t->state != TOTEM_RECOVERY) || order->sent_len == 0)
		return;
	token_repeat(t);
	order->retransmit_wait_ns *= 2;
	if (order->retransmit_wait_ns > t->timing.token_retransmit_ns)
		order->retransmit_wait_ns = t->timing.token_retransmit_ns;
	totem_timer_set(t, TIMER_TOKEN_RETRANSMIT, t->now_ns + order->retransmit_wait_ns);
}
