/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Encoding and decoding of the cpg engine's messages.
 */
#include <errno.h>
#include <corosync/cpg.h>
#include <corosync/ipc/cpg_wire.h>

#include "exec/base/assert.h"
#include "exec/engines/cpg_message.h"

static void
put_name(struct buf_writer *out, const struct cpg_group_name *name)
{
	cs_assert(name->len <= CPG_NAME_BYTES_MAX);
	buf_put_u8(out, name->len);
	buf_put_bytes(out, name->value, name->len);
}

static bool
get_name(struct buf_reader *in, struct cpg_group_name *ret_name)
{
	size_t len = buf_get_u8(in);
	const uint8_t *value;

	if (len > CPG_NAME_BYTES_MAX)
		return false;
	value = buf_get_bytes(in, len);
	if (value == NULL)
		return false;
	ret_name->len = (uint8_t) len;
	memcpy(ret_name->value, value, len);
	return true;
}

static bool
may_be_safe(uint32_t type)
{
	return type == CPG_MESSAGE_MCAST || type == CPG_MESSAGE_PART;
}

size_t
cpg_message_encode(const struct cpg_message *message, uint8_t *data, size_t size)
{
	struct buf_writer out = buf_writer(data, size);

	cs_assert(size >= CPG_MESSAGE_HEAD_BYTES_MAX);
	cs_assert(!message->safe || may_be_safe(message->type));
	buf_put_u8(&out, (uint8_t) (message->type | (message->safe ? CPG_MESSAGE_SAFE : 0)));
	buf_put_u32(&out, message->id);
	switch (message->type) {
	case CPG_MESSAGE_JOIN:
		buf_put_u32(&out, message->pid);
		put_name(&out, &message->name);
		break;
	case CPG_MESSAGE_DEPART:
		buf_put_u8(&out, (uint8_t) message->reason);
		break;
	case CPG_MESSAGE_MCAST:
		break;
	case CPG_MESSAGE_PART:
		buf_put_u8(&out, (uint8_t) message->flags);
		buf_put_u32(&out, message->total_bytes);
		break;
	case CPG_MESSAGE_JOINLIST:
		cs_assert(message->type != CPG_MESSAGE_JOINLIST);
		break;
	}
	cs_assert(buf_writer_ok(&out));
	return buf_written(&out);
}

static bool
decode_part(struct buf_reader *in, struct cpg_message *message)
{
	message->flags = buf_get_u8(in);
	message->total_bytes = buf_get_u32(in);
	return buf_reader_ok(in) &&
	    (message->flags & ~(CPG_WIRE_PART_FIRST | CPG_WIRE_PART_LAST)) == 0 &&
	    message->total_bytes <= CPG_WIRE_LARGE_BYTES_MAX &&
	    in->left <= message->total_bytes;
}

static bool
decode_joinlist(struct buf_reader *in, struct cpg_message *message)
{
	struct cpg_group_name name;
	struct cpg_member member;
	struct buf_reader entries;

	message->ring.rep = buf_get_u32(in);
	message->ring.seq = buf_get_u64(in);
	message->ring.nonce = buf_get_u64(in);
	message->entry_count = buf_get_u16(in);
	if (!buf_reader_ok(in))
		return false;
	entries = *in;
	for (size_t i = 0; i < message->entry_count; i++)
		if (!cpg_joinlist_next(&entries, &member, &name))
			return false;
	return buf_done(&entries);
}

int
cpg_message_decode(const void *data, size_t len, struct cpg_message *ret_message)
{
	struct buf_reader in = buf_reader(data, len);
	struct cpg_message message = { 0 };
	uint8_t type = buf_get_u8(&in);
	bool good = false;

	message.safe = (type & CPG_MESSAGE_SAFE) != 0;
	type &= (uint8_t) ~CPG_MESSAGE_SAFE;
	if (message.safe && !may_be_safe(type))
		return -EBADMSG;
	if (type != CPG_MESSAGE_JOINLIST)
		message.id = buf_get_u32(&in);
	switch (type) {
	case CPG_MESSAGE_JOIN:
		message.pid = buf_get_u32(&in);
		good = get_name(&in, &message.name) && buf_done(&in);
		break;
	case CPG_MESSAGE_DEPART:
		message.reason = buf_get_u8(&in);
		good = buf_done(&in) && (message.reason == CPG_REASON_LEAVE ||
		    message.reason == CPG_REASON_PROCDOWN);
		break;
	case CPG_MESSAGE_MCAST:
		good = buf_reader_ok(&in) && in.left <= CPG_WIRE_MESSAGE_BYTES_MAX;
		break;
	case CPG_MESSAGE_PART:
		good = decode_part(&in, &message);
		break;
	case CPG_MESSAGE_JOINLIST:
		good = decode_joinlist(&in, &message);
		break;
	default:	/* tidy: open set: a byte from the network */
		break;
	}
	if (!good)
		return -EBADMSG;
	message.type = (enum cpg_message_type) type;
	message.payload = in.at;
	message.payload_len = in.left;
	*ret_message = message;
	return 0;
}

size_t
cpg_joinlist_encode(const struct cpg_state *state, size_t *index, uint8_t *data, size_t size)
{
	struct buf_writer out = buf_writer(data, size);
	const struct cs_ring_id *ring = cpg_state_ring(state);
	struct cpg_group_name name;
	struct cpg_member member;
	uint16_t count = 0;
	uint8_t *count_at;

	cs_assert(size <= CPG_JOINLIST_BYTES_MAX);	/* so the count fits in 16 bits */
	buf_put_u8(&out, CPG_MESSAGE_JOINLIST);
	buf_put_u32(&out, ring->rep);
	buf_put_u64(&out, ring->seq);
	buf_put_u64(&out, ring->nonce);
	count_at = buf_put_room(&out, sizeof count);
	cs_assert(count_at != NULL);

	while (cpg_state_own(state, *index, &member, &name) && out.left >= 9u + name.len) {
		buf_put_u32(&out, member.id);
		buf_put_u32(&out, member.pid);
		put_name(&out, &name);
		count++;
		(*index)++;
	}
	cs_assert(buf_writer_ok(&out));
	count_at[0] = (uint8_t) count;
	count_at[1] = (uint8_t) (count >> 8);
	return buf_written(&out);
}

bool
cpg_joinlist_next(struct buf_reader *in, struct cpg_member *ret_member,
    struct cpg_group_name *ret_name)
{
	*ret_member = (struct cpg_member) { 0 };
	if (in->left == 0)
		return false;
	ret_member->id = buf_get_u32(in);
	ret_member->pid = buf_get_u32(in);
	return get_name(in, ret_name) && buf_reader_ok(in);
}
