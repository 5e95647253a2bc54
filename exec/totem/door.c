/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The door: what comes from the network is looked at here before anything else sees it, and
 * handed to the file that knows its type.
 */
#include "exec/totem/internal.h"

#define NOTICE_RATE_NS	SEC_NS

static struct control
notice_frame(struct totem *t, enum totem_notice reason, uint64_t value)
{
	struct control control = send_begin(t, WIRE_NOTICE, 16);

	if (control.frame != NULL) {
		buf_put_u8(&control.body, (uint8_t) reason);
		buf_put_u64(&control.body, value);
	}
	return control;
}

/* Tell the sender of the current datagram why we cannot talk; seldom: false, not now. */
static bool
notice_reply(struct totem *t, enum totem_notice reason, uint64_t value)
{
	uint64_t *sent_ns = &t->notice_sent_ns[(size_t) reason % 4];
	struct control control;

	if (*sent_ns != 0 && t->now_ns - *sent_ns < NOTICE_RATE_NS)
		return false;
	*sent_ns = t->now_ns;
	control = notice_frame(t, reason, value);
	send_to_source(t, &control);
	return true;
}

/* Two daemons with one node id: tell both which incarnation we listen to. */
static void
notice_duplicate(struct totem *t, uint32_t node_id)
{
	uint32_t slot = peer_slot(t, node_id);
	struct control control;

	if (slot == NO_SLOT || !notice_reply(t, TOTEM_NOTICE_DUPLICATE_ID,
	    t->peer[slot].incarnation) || slot == SELF)
		return;
	control = notice_frame(t, TOTEM_NOTICE_DUPLICATE_ID, t->peer[slot].incarnation);
	send_to_one(t, &control, node_id);
}

static enum totem_drop
on_notice(struct totem *t, const struct wire_header *header, const uint8_t *body, size_t len)
{
	struct buf_reader in = buf_reader(body, len);
	uint8_t reason = buf_get_u8(&in);
	uint64_t value = buf_get_u64(&in);

	if (!buf_done(&in))
		return TOTEM_DROP_MALFORMED;
	if (reason == TOTEM_NOTICE_DUPLICATE_ID)
		totem_notify(t, value == t->config.incarnation ? TOTEM_NOTICE_DUPLICATE_SEEN
		    : TOTEM_NOTICE_REFUSED_DUPLICATE, header->sender, value);
	else if (reason == TOTEM_NOTICE_CLUSTER)
		totem_notify(t, TOTEM_NOTICE_REFUSED_CLUSTER, header->sender, header->cluster);
	else if (reason == TOTEM_NOTICE_VERSION)
		totem_notify(t, TOTEM_NOTICE_REFUSED_VERSION, header->sender, value);
	return TOTEM_ACCEPTED;
}

/* What the header alone decides. */
enum totem_drop
door_admit(struct totem *t, const uint8_t *data, size_t len, struct wire_header *header,
    uint32_t *ret_slot)
{
	enum totem_drop drop = wire_open(data, len, header);

	if (drop == TOTEM_DROP_VERSION) {
		totem_notify(t, TOTEM_NOTICE_VERSION, 0, header->version);
		(void) notice_reply(t, TOTEM_NOTICE_VERSION, WIRE_VERSION);
	}
	if (drop != TOTEM_ACCEPTED)
		return drop;
	if (header->type == WIRE_NOTICE)
		return on_notice(t, header, data + TOTEM_HEADER_BYTES, len - TOTEM_HEADER_BYTES);
	if (header->cluster != (uint32_t) t->config.cluster_hash) {
		totem_notify(t, TOTEM_NOTICE_CLUSTER, header->sender, header->cluster);
		(void) notice_reply(t, TOTEM_NOTICE_CLUSTER, 0);
		return TOTEM_DROP_CLUSTER;
	}
	drop = peer_admit(t, header, ret_slot);
	if (drop == TOTEM_DROP_DUPLICATE_ID)
		notice_duplicate(t, header->sender);
	return drop;
}

static enum totem_drop
on_token(struct totem *t, uint32_t slot, const uint8_t *body, size_t len)
{
	struct ring *ring = totem_current(t);
	struct wire_token token;
	uint32_t keeper;

	if (!wire_token_get(body, len, &token))
		return TOTEM_DROP_MALFORMED;
	if (t->state != TOTEM_OPERATIONAL && t->state != TOTEM_RECOVERY)
		return TOTEM_DROP_STATE;
	if (!wire_ring_id_equal(&token.ring, &ring->id))
		return TOTEM_DROP_STALE_RING;
	/* Only from our predecessor: a copy of a token on its way to another is not ours to use.
	 * And a new one cannot take back what was said before. */
	if (slot != ring->slot[(ring->my_index + ring->member_count - 1) % ring->member_count])
		return TOTEM_DROP_MALFORMED;
	if (token.quiet > ring->member_count || token.brake > ring->member_count)
		return TOTEM_DROP_MALFORMED;
	keeper = peer_slot(t, token.keeper);
	if (keeper == NO_SLOT || !nodebits_has(&ring->set, keeper))
		return TOTEM_DROP_MALFORMED;
	if (t->order.token_seen && !seq_lt(t->order.token_seq, token.token_seq)) {
		order_on_repeat(t, token.token_seq);
		return TOTEM_DROP_STALE;
	}
	if (seq_lt(token.seq, t->order.seq_last))
		return TOTEM_DROP_MALFORMED;
	order_on_token(t, slot, &token);
	return TOTEM_ACCEPTED;
}

enum totem_drop
door_dispatch(struct totem *t, const struct wire_header *header, uint32_t slot,
    const uint8_t *frame, size_t frame_len)
{
	const uint8_t *body = frame + TOTEM_HEADER_BYTES;
	size_t len = frame_len - TOTEM_HEADER_BYTES;

	switch ((enum wire_type) header->type) {
	case WIRE_DATA:
		return order_on_data(t, frame, frame_len);
	case WIRE_TOKEN:
		return on_token(t, slot, body, len);
	case WIRE_JOIN:
	case WIRE_BEACON:
		if (!wire_status_get(body, len, &t->scratch_status))
			return TOTEM_DROP_MALFORMED;
		gather_on_status(t, slot, header, &t->scratch_status);
		break;
	case WIRE_HEARTBEAT:
		detector_on_heartbeat(t);
		break;
	case WIRE_PROBE:
		detector_on_probe(t, slot, body, len);
		break;
	case WIRE_PROBE_ACK:
		detector_on_probe_ack(t, slot, body, len);
		break;
	case WIRE_LEAVE:
		detector_on_leave(t, slot, header->counter, body, len);
		break;
	case WIRE_HOLD_CANCEL:
		rest_on_hold_cancel(t, body, len);
		break;
	case WIRE_COMMIT_ASK:
	case WIRE_COMMIT_INFO:
		commit_on_segment(t, slot, (enum wire_type) header->type, body, len);
		break;
	case WIRE_COMMIT_ACK:
		commit_on_ack(t, slot, body, len);
		break;
	case WIRE_INFO_ACK:
		commit_on_info_ack(t, slot, body, len);
		break;
	case WIRE_NOTICE:
	case WIRE_TYPE_END:
		return TOTEM_DROP_TYPE;
	}
	return TOTEM_ACCEPTED;
}
