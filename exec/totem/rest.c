/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * When the token rests.  Its keeper is who numbered the last frame, or the representative of a new
 * ring.  Once nobody else sent anything for two rotations, and everybody has everything, the keeper
 * marks the token (HOLD): when it comes back marked it may be kept.
 *
 *   idle   nothing was sent for `idle_rotations`: it rests for `hold`, and no node works at all.
 *   kept   the keeper sends now and then: it numbers what it has without letting the token go, for
 *          KEPT_NS at most.  A lone sender's message so waits for no rotation, nor do the others
 *          wait for the token to deliver it.
 *
 * Whoever passed a marked token on and then has something to send asks for it (HOLD_CANCEL).
 * Who has work clears the mark, and is the keeper if it sends.  Nothing is kept when there is a lot
 * to send, or anything SAFE, which only rotations make safe.
 *
 * Why a resting token never makes a SAFE message wait: the mark is set by a keeper that saw two
 * rotations in which everybody had everything; what was sent since then passes on with the token,
 * and it rests idle only after two more.
 */
#include "exec/totem/internal.h"

#define BRAKED_REST_NS		(5 * MS_NS)	/* a rotation, while a member asks to slow down */
#define HOLD_CANCEL_NS		(2 * MS_NS)
#define ALONE_ROUNDS		2u	/* rotations with no other sender before the mark */
#define IDLE_ROUNDS_MIN		2u	/* rotations that show that all is safe everywhere */
#define KEPT_NS			(MS_NS / 2)
#define KEPT_FRAMES_MAX		16u	/* numbered before the token goes round again, */
#define KEPT_BURST_MAX		2u	/* and at a time: more is a load, which rotates faster */

/* Since we passed the token on nobody else sent anything, and everybody has everything. */
bool
rest_alone(const struct totem *t)
{
	const struct wire_token *token = &t->order.token;

	return t->state == TOTEM_OPERATIONAL && token->keeper == t->config.node_id
	    && token->seq == t->order.seq_last && token->aru == token->seq
	    && token->range_count == 0 && token->brake == 0 && !t->order.brake
	    && !t->order.hold_cancelled;
}

static uint32_t
count_up(uint32_t count)
{
	return count < UINT32_MAX ? count + 1 : count;
}

/* At the end of a visit: may the token rest here?  `alone`: rest_alone() at its beginning. */
bool
rest_decide(struct totem *t, bool fresh, bool alone, uint32_t resent, uint32_t count)
{
	struct order *order = &t->order;
	struct wire_token *token = &order->token;
	uint32_t idle_rounds = t->timing.idle_rotations > IDLE_ROUNDS_MIN
	    ? t->timing.idle_rotations : IDLE_ROUNDS_MIN;
	bool marked = (token->flags & WIRE_TOKEN_HOLD) != 0;
	bool more = pack_ready(t);
	bool busy = resent > 0 || count > 0 || token->range_count > 0 || token->aru != token->seq
	    || more || t->state != TOTEM_OPERATIONAL;

	order->hold_cancelled = false;
	order->seq_last = token->seq;
	if (!alone)
		order->alone_rounds = 0;
	else if (fresh)
		order->alone_rounds = count_up(order->alone_rounds);
	if (!alone || busy)
		order->idle_rounds = 0;
	else if (fresh)
		order->idle_rounds = count_up(order->idle_rounds);
	if (busy || token->keeper == t->config.node_id)
		token->flags &= (uint8_t) ~WIRE_TOKEN_HOLD;
	if (order->alone_rounds >= ALONE_ROUNDS)
		token->flags |= WIRE_TOKEN_HOLD;
	order->kept_frames = count;
	order->kept_until_ns = t->now_ns + KEPT_NS;
	if (!fresh || !marked || !alone || more)
		return false;
	if (count == 0)
		return order->idle_rounds >= idle_rounds;
	return count <= KEPT_BURST_MAX && !t->packed_safe;
}

/* The more send, the longer: what comes in is about the same. */
static uint64_t
braked_ns(const struct totem *t, const struct ring *ring)
{
	uint64_t rest_ns = BRAKED_REST_NS * ((ring->member_count + 3) / 4);

	return rest_ns < t->timing.token_ns / 3 ? rest_ns : t->timing.token_ns / 3;
}

/* Keep the token: alone in the ring, idle, for a sender, or to brake. */
void
rest_begin(struct totem *t, struct ring *ring)
{
	struct order *order = &t->order;
	uint64_t hold_ns = t->timing.hold_ns < t->timing.token_ns / 3 ? t->timing.hold_ns
	    : t->timing.token_ns / 3;

	order->holding = true;
	order->hold_flag = false;
	if (order->braked)
		totem_timer_set(t, TIMER_HOLD, t->now_ns + braked_ns(t, ring));
	else if (ring->member_count > 1 && order->kept_frames > 0)
		totem_timer_set(t, TIMER_HOLD, order->kept_until_ns);
	else if (ring->member_count > 1)
		totem_timer_set(t, TIMER_HOLD, t->now_ns + hold_ns);
	else if (pack_ready(t) || t->state == TOTEM_RECOVERY)
		totem_timer_set(t, TIMER_HOLD, t->now_ns);
	else
		totem_timer_stop(t, TIMER_HOLD);
	if (ring->member_count == 1)
		totem_timer_stop(t, TIMER_TOKEN_LOSS);
}

/* Number what there is and keep the token.  False: it has to go round now. */
static bool
kept_send(struct totem *t, struct ring *ring)
{
	struct order *order = &t->order;
	struct wire_token *token = &order->token;
	uint32_t count;

	if (ring->member_count == 1 || !rest_alone(t) || order->kept_frames >= KEPT_FRAMES_MAX)
		return false;
	if (order->kept_frames == 0)
		order->kept_until_ns = t->now_ns + KEPT_NS;
	count = pack_frames(t, ring, token->seq, KEPT_BURST_MAX);
	for (uint32_t i = 0; i < count; i++)
		(void) send_frame(t, t->packed[i].frame, t->packed[i].len, ring->to, ring->to_count,
		    false);
	token->seq += count;
	token->fcc += count;
	order->sent_last += count;
	order->kept_frames += count;
	order->seq_last = token->seq;
	order->idle_rounds = 0;
	order_update_aru(t, ring, token);
	deliver_release(t);
	return !pack_ready(t) && !t->packed_safe && t->now_ns < order->kept_until_ns;
}

void
rest_hold_timer(struct totem *t)
{
	struct ring *ring = totem_current(t);

	if (!t->order.holding || (t->state != TOTEM_OPERATIONAL && t->state != TOTEM_RECOVERY))
		return;
	if (!t->order.braked && pack_ready(t) && kept_send(t, ring)) {
		totem_timer_set(t, TIMER_HOLD, t->order.kept_until_ns);
		return;
	}
	if (ring->member_count > 1)
		totem_timer_set(t, TIMER_TOKEN_LOSS, t->now_ns + t->timing.token_ns);
	order_visit(t, false);
}

/* The first time to the keeper; afterwards to all, as another may be it by now. */
static void
hold_cancel_send(struct totem *t, bool again)
{
	struct ring *ring = totem_installed(t);
	struct control control = send_begin(t, WIRE_HOLD_CANCEL, WIRE_RING_ID_BYTES);

	if (control.frame != NULL)
		wire_ring_id_put(&control.body, &ring->id);
	if (again)
		send_to(t, &control, ring->to, ring->to_count);
	else
		send_to_one(t, &control, t->order.token.keeper);
	t->stats.hold_cancel_tx++;
	totem_timer_set(t, TIMER_HOLD_CANCEL, t->now_ns + HOLD_CANCEL_NS);
}

void
rest_hold_cancel_timer(struct totem *t)
{
	if (t->state == TOTEM_OPERATIONAL && t->order.hold_flag && pack_ready(t))
		hold_cancel_send(t, /* again= */ true);
}

/* There is something to send: number it, or have the token let go. */
void
rest_wake(struct totem *t)
{
	struct order *order = &t->order;

	if (t->state != TOTEM_OPERATIONAL)
		return;
	if (order->holding && order->braked)
		return;		/* it goes on by itself, as slowly as was asked */
	/* At once, but after the host had its turn, so that several messages go together. */
	if (order->holding)
		totem_timer_set(t, TIMER_HOLD, t->now_ns);
	else if (order->hold_flag && !t->token_pending && t->timer[TIMER_HOLD_CANCEL] == NEVER)
		hold_cancel_send(t, /* again= */ false);
}

void
rest_on_hold_cancel(struct totem *t, const uint8_t *body, size_t len)
{
	struct buf_reader in = buf_reader(body, len);
	struct totem_ring_id id = wire_ring_id_get(&in);

	t->stats.hold_cancel_rx++;
	if (t->state != TOTEM_OPERATIONAL || !buf_done(&in)
	    || !wire_ring_id_equal(&id, &totem_installed(t)->id))
		return;
	t->order.hold_cancelled = true;
	rest_wake(t);
}
