/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "exec/totem/wire.h"

_Static_assert(TOTEM_HEADER_BYTES == 40, "wire_seal() writes 40 bytes");
_Static_assert(TOTEM_HEADER_BYTES + 48 + 6 * TOTEM_NODES_MAX + TOTEM_TAG_BYTES
    <= TOTEM_FRAME_BYTES_MIN, "a status of all nodes fits in the smallest frame");
_Static_assert(TOTEM_HEADER_BYTES + 64 + 9 * TOTEM_RTR_RANGES_MAX + TOTEM_TAG_BYTES
    <= TOTEM_FRAME_BYTES_MIN, "a full token fits in the smallest frame");

#define CHECKSUM_AT	12u

/* Finds damage, not malice: four independent multiply-and-fold lanes keep it near memory speed. */
static uint32_t
checksum(const uint8_t *data, size_t len)
{
	static const uint64_t key = UINT64_C(0x9fb21c651e98df25);
	uint64_t lane[4] = { len, key, ~key, UINT64_C(0x27d4eb2f165667c5) };
	uint64_t word, sum;
	size_t i;

	for (i = 0; i + 32 <= len; i += 32) {
		for (size_t l = 0; l < 4; l++) {
			memcpy(&word, data + i + 8 * l, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
			word = __builtin_bswap64(word);
#endif
			word = (lane[l] ^ word) * key;
			lane[l] = word ^ word >> 29;
		}
	}
	for (; i < len; i++)
		lane[i % 4] = (lane[i % 4] ^ data[i]) * key;
	sum = lane[0];
	for (size_t l = 1; l < 4; l++)
		sum = (sum ^ (lane[l] >> 31) ^ lane[l]) * key;
	return (uint32_t) (sum ^ sum >> 32);
}

/* The checksum of a frame whose checksum field counts as zero. */
static uint32_t
frame_checksum(const uint8_t *frame, size_t len)
{
	uint32_t head = checksum(frame, CHECKSUM_AT);

	return head ^ checksum(frame + CHECKSUM_AT + 4, len - CHECKSUM_AT - 4);
}

void
wire_seal(uint8_t *frame, size_t len, const struct wire_header *header)
{
	struct buf_writer out = buf_writer(frame, TOTEM_HEADER_BYTES);
	struct buf_writer sum = buf_writer(frame + CHECKSUM_AT, 4);

	buf_put_u32(&out, WIRE_MAGIC);
	buf_put_u8(&out, header->version);
	buf_put_u8(&out, header->type);
	buf_put_u16(&out, header->key_id);
	buf_put_u32(&out, (uint32_t) len);
	buf_put_u32(&out, 0);
	buf_put_u32(&out, header->cluster);
	buf_put_u32(&out, header->sender);
	buf_put_u64(&out, header->incarnation);
	buf_put_u64(&out, header->counter);
	buf_put_u32(&sum, frame_checksum(frame, len));
}

enum totem_drop
wire_open(const uint8_t *frame, size_t len, struct wire_header *ret_header)
{
	struct buf_reader in = buf_reader(frame, len);
	struct wire_header header;
	uint32_t length, sum;

	if (len < TOTEM_HEADER_BYTES)
		return TOTEM_DROP_SHORT;
	if (buf_get_u32(&in) != WIRE_MAGIC)
		return TOTEM_DROP_MAGIC;
	header.version = buf_get_u8(&in);
	if (header.version != WIRE_VERSION) {
		ret_header->version = header.version;
		return TOTEM_DROP_VERSION;
	}
	header.type = buf_get_u8(&in);
	header.key_id = buf_get_u16(&in);
	length = buf_get_u32(&in);
	sum = buf_get_u32(&in);
	header.cluster = buf_get_u32(&in);
	header.sender = buf_get_u32(&in);
	header.incarnation = buf_get_u64(&in);
	header.counter = buf_get_u64(&in);
	if (length != len)
		return TOTEM_DROP_SHORT;
	if (sum != frame_checksum(frame, len))
		return TOTEM_DROP_CHECKSUM;
	if (header.type == 0 || header.type >= WIRE_TYPE_END)
		return TOTEM_DROP_TYPE;
	if (header.sender == 0 || header.incarnation == 0)
		return TOTEM_DROP_MALFORMED;
	*ret_header = header;
	return TOTEM_ACCEPTED;
}

void
wire_ring_id_put(struct buf_writer *out, const struct totem_ring_id *id)
{
	buf_put_u32(out, id->rep);
	buf_put_u64(out, id->seq);
	buf_put_u64(out, id->nonce);
}

struct totem_ring_id
wire_ring_id_get(struct buf_reader *in)
{
	struct totem_ring_id id;

	id.rep = buf_get_u32(in);
	id.seq = buf_get_u64(in);
	id.nonce = buf_get_u64(in);
	if (id.seq > WIRE_RING_SEQ_MAX)
		in->failed = true;
	return id;
}

bool
wire_ring_id_equal(const struct totem_ring_id *a, const struct totem_ring_id *b)
{
	return a->rep == b->rep && a->seq == b->seq && a->nonce == b->nonce;
}

bool
wire_ring_id_none(const struct totem_ring_id *id)
{
	return id->rep == 0;
}

void
wire_data_head_put(struct buf_writer *out, const struct totem_ring_id *ring, uint32_t origin,
    uint32_t seq)
{
	wire_ring_id_put(out, ring);
	buf_put_u32(out, origin);
	buf_put_u32(out, seq);
}

bool
wire_chunk_next(const uint8_t *chunks, size_t len, size_t *offset, struct wire_chunk *ret)
{
	size_t left = len - *offset, chunk_len;
	const uint8_t *at = chunks + *offset;

	if (left == 0 || at[0] == WIRE_CHUNK_PAD)
		return false;
	if (left < WIRE_CHUNK_BYTES)
		return false;
	chunk_len = (size_t) (at[1] | at[2] << 8);
	if (chunk_len > left - WIRE_CHUNK_BYTES)
		return false;
	ret->flags = at[0];
	ret->data = at + WIRE_CHUNK_BYTES;
	ret->len = chunk_len;
	*offset += WIRE_CHUNK_BYTES + chunk_len;
	return true;
}

/* The walk ends exactly at the end or at padding. */
static bool
chunks_valid(const uint8_t *chunks, size_t len)
{
	struct wire_chunk chunk;
	size_t offset = 0;

	while (wire_chunk_next(chunks, len, &offset, &chunk))
		if ((chunk.flags >> WIRE_CHUNK_CLASS_SHIFT) > 2)
			return false;
	return offset == len || chunks[offset] == WIRE_CHUNK_PAD;
}

bool
wire_data_get(const uint8_t *body, size_t len, struct wire_data *ret_data)
{
	struct buf_reader in = buf_reader(body, len);
	struct wire_data data = { .ring = wire_ring_id_get(&in) };

	data.origin = buf_get_u32(&in);
	data.seq = buf_get_u32(&in);
	data.chunks = in.at;
	data.chunks_len = in.left;
	if (!buf_reader_ok(&in) || data.origin == 0 || data.chunks_len == 0
	    || !chunks_valid(data.chunks, data.chunks_len))
		return false;
	*ret_data = data;
	return true;
}

void
wire_token_put(struct buf_writer *out, const struct wire_token *token)
{
	wire_ring_id_put(out, &token->ring);
	buf_put_u32(out, token->token_seq);
	buf_put_u32(out, token->seq);
	buf_put_u32(out, token->aru);
	buf_put_u32(out, token->aru_owner);
	buf_put_u32(out, token->keeper);
	buf_put_u32(out, token->fcc);
	buf_put_u16(out, token->quiet);
	buf_put_u16(out, token->brake);
	buf_put_u8(out, token->flags);
	buf_put_u8(out, token->range_count);
	for (size_t i = 0; i < token->range_count; i++) {
		buf_put_u32(out, token->range[i].first);
		buf_put_u32(out, token->range[i].count);
		buf_put_u8(out, token->range[i].hops);
	}
}

bool
wire_token_get(const uint8_t *body, size_t len, struct wire_token *ret_token)
{
	struct buf_reader in = buf_reader(body, len);
	struct wire_token token = { .ring = wire_ring_id_get(&in) };

	token.token_seq = buf_get_u32(&in);
	token.seq = buf_get_u32(&in);
	token.aru = buf_get_u32(&in);
	token.aru_owner = buf_get_u32(&in);
	token.keeper = buf_get_u32(&in);
	token.fcc = buf_get_u32(&in);
	token.quiet = buf_get_u16(&in);
	token.brake = buf_get_u16(&in);
	token.flags = buf_get_u8(&in);
	token.range_count = buf_get_u8(&in);
	if (!buf_reader_ok(&in) || token.range_count > TOTEM_RTR_RANGES_MAX)
		return false;
	for (size_t i = 0; i < token.range_count; i++) {
		token.range[i].first = buf_get_u32(&in);
		token.range[i].count = buf_get_u32(&in);
		token.range[i].hops = buf_get_u8(&in);
		if (token.range[i].count == 0 || token.range[i].count > TOTEM_POOL_FRAMES_MAX)
			return false;
	}
	if (!buf_done(&in))
		return false;
	*ret_token = token;
	return true;
}

void
wire_status_put(struct buf_writer *out, const struct wire_status *status)
{
	buf_put_u64(out, status->epoch);
	buf_put_u8(out, status->state);
	buf_put_u64(out, status->ring_seq_max);
	wire_ring_id_put(out, &status->ring);
	buf_put_u16(out, status->entry_count);
	for (size_t i = 0; i < status->entry_count; i++) {
		buf_put_u32(out, status->entry[i].node_id);
		buf_put_u8(out, status->entry[i].flags);
		buf_put_u8(out, status->entry[i].cause);
	}
}

bool
wire_status_get(const uint8_t *body, size_t len, struct wire_status *ret_status)
{
	struct buf_reader in = buf_reader(body, len);
	uint32_t previous = 0;
	uint16_t count;

	/* Two passes: the caller's struct is big and stays untouched when something is wrong. */
	(void) buf_get_u64(&in);
	if (buf_get_u8(&in) >= TOTEM_STATE_COUNT || buf_get_u64(&in) > WIRE_RING_SEQ_MAX)
		return false;
	(void) wire_ring_id_get(&in);
	count = buf_get_u16(&in);
	if (!buf_reader_ok(&in) || count > TOTEM_NODES_MAX || in.left != count * 6u)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t node_id = buf_get_u32(&in);

		if (node_id <= previous)
			return false;	/* ascending: no node twice */
		previous = node_id;
		(void) buf_get_u16(&in);
	}

	in = buf_reader(body, len);
	ret_status->epoch = buf_get_u64(&in);
	ret_status->state = buf_get_u8(&in);
	ret_status->ring_seq_max = buf_get_u64(&in);
	ret_status->ring = wire_ring_id_get(&in);
	ret_status->entry_count = buf_get_u16(&in);
	for (size_t i = 0; i < count; i++) {
		ret_status->entry[i].node_id = buf_get_u32(&in);
		ret_status->entry[i].flags = buf_get_u8(&in);
		ret_status->entry[i].cause = buf_get_u8(&in);
	}
	return true;
}

static void
ids_put(struct buf_writer *out, const uint32_t *ids, uint16_t count)
{
	buf_put_u16(out, count);
	for (size_t i = 0; i < count; i++)
		buf_put_u32(out, ids[i]);
}

/* False when there are more than fit. */
static bool
ids_get(struct buf_reader *in, uint32_t ids[TOTEM_NODES_MAX], uint16_t *ret_count)
{
	uint16_t count = buf_get_u16(in);

	if (count > TOTEM_NODES_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		ids[i] = buf_get_u32(in);
	*ret_count = count;
	return buf_reader_ok(in);
}

void
wire_commit_put(struct buf_writer *out, const struct wire_commit *commit)
{
	wire_ring_id_put(out, &commit->ring);
	buf_put_u8(out, commit->info);
	buf_put_u32(out, commit->frame_bytes);
	buf_put_u32(out, commit->seq_first);
	buf_put_u32(out, commit->window);
	buf_put_u16(out, commit->member_count);
	buf_put_u16(out, commit->group_count);
	for (size_t i = 0; i < commit->member_count; i++) {
		const struct wire_commit_member *m = &commit->member[i];

		buf_put_u32(out, m->node_id);
		buf_put_u64(out, m->incarnation);
		buf_put_u64(out, m->epoch);
		buf_put_u8(out, m->group);
		buf_put_u32(out, m->aru);
		buf_put_u32(out, m->high);
	}
	for (size_t i = 0; i < commit->group_count; i++) {
		wire_ring_id_put(out, &commit->group[i].ring);
		buf_put_u32(out, commit->group[i].safe);
		ids_put(out, commit->group[i].obliged, commit->group[i].obliged_count);
	}
}

static bool
commit_members_get(struct buf_reader *in, struct wire_commit *commit)
{
	uint32_t previous = 0;

	for (size_t i = 0; i < commit->member_count; i++) {
		struct wire_commit_member *m = &commit->member[i];

		m->node_id = buf_get_u32(in);
		m->incarnation = buf_get_u64(in);
		m->epoch = buf_get_u64(in);
		m->group = buf_get_u8(in);
		m->aru = buf_get_u32(in);
		m->high = buf_get_u32(in);
		if (m->node_id <= previous)
			return false;
		previous = m->node_id;
		if (commit->info && m->group != 0xff && m->group >= commit->group_count)
			return false;
	}
	return buf_reader_ok(in);
}

bool
wire_commit_get(const uint8_t *data, size_t len, struct wire_commit *ret_commit)
{
	struct buf_reader in = buf_reader(data, len);
	struct wire_commit *commit = ret_commit;	/* big: a caller's scratch, always whole */

	memset(commit, 0, sizeof *commit);
	commit->ring = wire_ring_id_get(&in);
	commit->info = buf_get_u8(&in) != 0;
	commit->frame_bytes = buf_get_u32(&in);
	commit->seq_first = buf_get_u32(&in);
	commit->window = buf_get_u32(&in);
	commit->member_count = buf_get_u16(&in);
	commit->group_count = buf_get_u16(&in);
	if (!buf_reader_ok(&in) || commit->member_count == 0
	    || commit->member_count > TOTEM_NODES_MAX || commit->group_count > TOTEM_NODES_MAX)
		return false;
	if (!commit_members_get(&in, commit))
		return false;
	if (commit->ring.rep != commit->member[0].node_id || commit->ring.seq == 0)
		return false;
	for (size_t i = 0; i < commit->group_count; i++) {
		struct wire_commit_group *g = &commit->group[i];

		g->ring = wire_ring_id_get(&in);
		g->safe = buf_get_u32(&in);
		if (!ids_get(&in, g->obliged, &g->obliged_count))
			return false;
	}
	if (commit->info && (commit->frame_bytes < TOTEM_FRAME_BYTES_MIN
	    || commit->frame_bytes > TOTEM_FRAME_BYTES_MAX
	    || commit->window < TOTEM_WINDOW_MIN || commit->window > TOTEM_POOL_FRAMES_MAX))
		return false;
	return buf_done(&in);
}

void
wire_ack_put(struct buf_writer *out, const struct wire_ack *ack)
{
	wire_ring_id_put(out, &ack->ring);
	wire_ring_id_put(out, &ack->old);
	buf_put_u32(out, ack->aru);
	buf_put_u32(out, ack->high);
	buf_put_u32(out, ack->safe);
	buf_put_u32(out, ack->frame_bytes);
	buf_put_u32(out, ack->window);
	ids_put(out, ack->obliged, ack->obliged_count);
}

bool
wire_ack_get(const uint8_t *body, size_t len, struct wire_ack *ret_ack)
{
	struct buf_reader in = buf_reader(body, len);
	struct wire_ack ack;

	memset(&ack, 0, sizeof ack);
	ack.ring = wire_ring_id_get(&in);
	ack.old = wire_ring_id_get(&in);
	ack.aru = buf_get_u32(&in);
	ack.high = buf_get_u32(&in);
	ack.safe = buf_get_u32(&in);
	ack.frame_bytes = buf_get_u32(&in);
	ack.window = buf_get_u32(&in);
	if (!ids_get(&in, ack.obliged, &ack.obliged_count) || !buf_done(&in)
	    || ack.frame_bytes < TOTEM_FRAME_BYTES_MIN || ack.window < TOTEM_WINDOW_MIN
	    || ack.high - ack.aru > TOTEM_POOL_FRAMES_MAX)
		return false;
	*ret_ack = ack;
	return true;
}

void
wire_segment_put(struct buf_writer *out, const struct wire_segment *segment)
{
	wire_ring_id_put(out, &segment->ring);
	buf_put_u8(out, segment->index);
	buf_put_u8(out, segment->count);
	buf_put_bytes(out, segment->data, segment->len);
}

bool
wire_segment_get(const uint8_t *body, size_t len, struct wire_segment *ret_segment)
{
	struct buf_reader in = buf_reader(body, len);
	struct wire_segment segment = { .ring = wire_ring_id_get(&in) };

	segment.index = buf_get_u8(&in);
	segment.count = buf_get_u8(&in);
	segment.data = in.at;
	segment.len = in.left;
	if (!buf_reader_ok(&in) || segment.index >= segment.count || segment.len == 0)
		return false;
	*ret_segment = segment;
	return true;
}
