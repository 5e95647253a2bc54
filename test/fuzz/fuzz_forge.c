/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "test/fuzz/fuzz_forge.h"

#include <string.h>

#define FLYING_LOOKS	16u
#define SEGMENT_HEAD_BYTES	(WIRE_RING_ID_BYTES + 2u)
#define DATA_SEQ_AT	(WIRE_DATA_BYTES - 4u)
#define DATA_ORIGIN_AT	(WIRE_DATA_BYTES - 8u)

uint64_t
fuzz_interesting(struct prng *prng)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 1000, 0x7fff, 0x8000, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, UINT64_C(1) << 62,
		UINT64_C(1) << 63, UINT64_MAX,
	};
	size_t count = sizeof values / sizeof values[0];
	uint64_t pick = prng_below(prng, count + 1);

	return pick == count ? prng_u64(prng) : values[pick];
}

static bool
is_common(uint8_t type)
{
	return type == WIRE_DATA || type == WIRE_TOKEN || type == WIRE_HEARTBEAT;
}

bool
fuzz_take_flying(struct fuzz_cluster *cluster, uint8_t type, struct fuzz_forged *forged)
{
	const struct fuzz_packet *found = NULL;

	for (size_t i = 0; i < FLYING_LOOKS && cluster->packet_count > 0; i++) {
		size_t at = cluster->packet_head
		    + (size_t) prng_below(&cluster->prng, cluster->packet_count);
		const struct fuzz_packet *packet = &cluster->packet[at % FUZZ_PACKETS_MAX];

		if (type != 0 && packet->data[5] != type)
			continue;
		if (found == NULL || is_common(found->data[5]))
			found = packet;
	}
	if (found == NULL)
		return false;
	memcpy(forged->data, found->data, found->len);
	forged->len = found->len;
	forged->target = found->node;
	return wire_open(forged->data, forged->len, &forged->header) == TOTEM_ACCEPTED;
}

static void
put_le(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t) (value >> (8 * i));
}

/* A little off, much off, or anything. */
static uint32_t
near(struct prng *prng, uint32_t value)
{
	switch (prng_below(prng, 4)) {
	case 0:
		return value + 1 + (uint32_t) prng_below(prng, 8);
	case 1:
		return value - 1 - (uint32_t) prng_below(prng, 8);
	case 2:
		return value + (uint32_t) prng_below(prng, 20000) - 10000;
	default:
		return (uint32_t) fuzz_interesting(prng);
	}
}

static uint32_t
get_u32(const uint8_t *at)
{
	return (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16
	    | (uint32_t) at[3] << 24;
}

static struct buf_writer
body_writer(struct fuzz_forged *forged)
{
	return buf_writer(forged->data + TOTEM_HEADER_BYTES,
	    FUZZ_FRAME_BYTES - TOTEM_HEADER_BYTES);
}

/* Repeat the last `bytes` of what was written: more elements than a struct could hold. */
static void
repeat_tail(struct buf_writer *out, size_t bytes, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_put_bytes(out, out->at - bytes, bytes);
}

static void
token_distort(struct prng *prng, struct wire_token *token)
{
	switch (prng_below(prng, 9)) {
	case 0:
		token->token_seq = near(prng, token->token_seq);
		break;
	case 1:
		token->seq = near(prng, token->seq);
		break;
	case 2:
		token->aru = near(prng, token->aru);
		break;
	case 3:
		token->aru_owner = (uint32_t) prng_below(prng, 8);
		break;
	case 4:
		token->fcc = near(prng, token->fcc);
		break;
	case 5:
		token->quiet = (uint16_t) fuzz_interesting(prng);
		break;
	case 6:
		token->brake = (uint16_t) fuzz_interesting(prng);
		break;
	case 7:
		token->keeper = (uint32_t) prng_below(prng, 8);
		break;
	default:
		token->flags = (uint8_t) prng_u64(prng);
		break;
	}
}

/* Fields of a fresh token, what it asks for, and more of that than there may be. */
static bool
forge_token(struct fuzz_cluster *cluster, struct fuzz_forged *forged)
{
	struct prng *prng = &cluster->prng;
	struct buf_writer out = body_writer(forged);
	size_t head_bytes, count;
	struct wire_token token;

	if (!fuzz_take_flying(cluster, WIRE_TOKEN, forged) || !wire_token_get(forged->data
	    + TOTEM_HEADER_BYTES, forged->len - TOTEM_HEADER_BYTES, &token))
		return false;
	if (prng_below(prng, 2) == 0)
		token_distort(prng, &token);
	if (prng_below(prng, 2) == 0) {
		token.range_count = (uint8_t) prng_below(prng, TOTEM_RTR_RANGES_MAX + 1);
		for (size_t i = 0; i < token.range_count; i++) {
			memset(&token.range[i], 0, sizeof token.range[i]);
			token.range[i].first = near(prng, token.seq);
			token.range[i].count = 1 + (uint32_t) prng_below(prng, 20);
		}
	}
	wire_token_put(&out, &token);
	if (token.range_count > 0 && prng_below(prng, 4) == 0) {
		struct buf_writer empty = body_writer(forged);

		count = token.range_count;
		token.range_count = 0;
		wire_token_put(&empty, &token);
		head_bytes = buf_written(&empty);
		/* The count ends the head. */
		forged->data[TOTEM_HEADER_BYTES + head_bytes - 1] = (uint8_t) (count + 100);
		repeat_tail(&out, (buf_written(&out) - head_bytes) / count, 100);
	}
	forged->len = TOTEM_HEADER_BYTES + buf_written(&out);
	return true;
}

/* Any number of nodes, also too many, all in order and with their bytes. */
static bool
forge_status(struct fuzz_cluster *cluster, struct fuzz_forged *forged)
{
	struct prng *prng = &cluster->prng;
	struct buf_writer out = body_writer(forged);
	struct wire_status status = {
		.epoch = prng_below(prng, 8),
		.state = (uint8_t) prng_below(prng, TOTEM_STATE_COUNT),
		.ring_seq_max = prng_below(prng, 1000),
	};
	size_t count = (size_t) prng_below(prng, prng_below(prng, 2) == 0 ? 10 : 700);
	uint32_t id = 0;

	if (!fuzz_take_flying(cluster, 0, forged))
		return false;
	forged->header.type = prng_below(prng, 2) == 0 ? WIRE_JOIN : WIRE_BEACON;
	wire_status_put(&out, &status);
	put_le(out.at - 2, count, 2);
	for (size_t i = 0; i < count; i++) {
		id += 1 + (prng_below(prng, 8) == 0 ? (uint32_t) prng_below(prng, 100000) : 0);
		buf_put_u32(&out, id);
		buf_put_u8(&out, (uint8_t) prng_u64(prng));
	}
	forged->len = TOTEM_HEADER_BYTES + buf_written(&out);
	return true;
}

/* Pieces of a commit message with any index and count, full ones. */
static bool
forge_segment(struct fuzz_cluster *cluster, struct fuzz_forged *forged)
{
	struct prng *prng = &cluster->prng;
	uint8_t content[WIRE_CONTROL_BYTES_MAX];
	struct buf_writer out = body_writer(forged);
	struct wire_segment segment = {
		.index = (uint8_t) prng_below(prng, prng_below(prng, 2) == 0 ? 4 : 256),
		.data = content,
		.len = WIRE_CONTROL_BYTES_MAX - TOTEM_HEADER_BYTES - SEGMENT_HEAD_BYTES
		    - TOTEM_TAG_BYTES,
	};

	if (!fuzz_take_flying(cluster, 0, forged))
		return false;
	for (size_t i = 0; i < segment.len; i++)
		content[i] = (uint8_t) prng_u64(prng);
	forged->header.type = prng_below(prng, 2) == 0 ? WIRE_COMMIT_ASK : WIRE_COMMIT_INFO;
	segment.ring.rep = forged->header.sender;
	segment.ring.seq = prng_below(prng, 3);
	/* Mostly the last one, or one that is not: the count is beyond it either way. */
	segment.count = prng_below(prng, 2) == 0 ? (uint8_t) (segment.index + 1) : 255;
	wire_segment_put(&out, &segment);
	forged->len = TOTEM_HEADER_BYTES + buf_written(&out);
	return true;
}

static void
commit_distort(struct prng *prng, struct wire_commit *message)
{
	struct wire_commit_member *member =
	    &message->member[prng_below(prng, message->member_count)];

	switch (prng_below(prng, 6)) {
	case 0:
		for (size_t i = 0; i < message->member_count; i++)
			message->member[i].group = (uint8_t) prng_u64(prng);
		break;
	case 1:
		member->aru = near(prng, member->aru);
		break;
	case 2:
		member->high = near(prng, member->high);
		break;
	case 3:
		message->seq_first = near(prng, message->seq_first);
		break;
	case 4:
		message->frame_bytes = near(prng, message->frame_bytes);
		break;
	default:
		message->group[0].safe = near(prng, message->group[0].safe);
		break;
	}
}

/* What the representative tells about a member, or about all. */
static bool
forge_commit(struct fuzz_cluster *cluster, struct fuzz_forged *forged)
{
	static struct wire_commit message;	/* too big for the stack */
	static uint8_t content[WIRE_INFO_BYTES_MAX];
	struct buf_writer inner = buf_writer(content, sizeof content), out = body_writer(forged);
	struct wire_segment segment;

	if (!fuzz_take_flying(cluster, prng_below(&cluster->prng, 4) == 0 ? WIRE_COMMIT_ASK
	    : WIRE_COMMIT_INFO, forged) || !wire_segment_get(forged->data + TOTEM_HEADER_BYTES,
	    forged->len - TOTEM_HEADER_BYTES, &segment) || segment.count != 1
	    || !wire_commit_get(segment.data, segment.len, &message))
		return false;
	commit_distort(&cluster->prng, &message);
	wire_commit_put(&inner, &message);
	segment.data = content;
	segment.len = buf_written(&inner);
	wire_segment_put(&out, &segment);
	forged->len = TOTEM_HEADER_BYTES + buf_written(&out);
	return true;
}

/* Another place in the order, another origin, another chunk. */
static bool
forge_data(struct fuzz_cluster *cluster, struct fuzz_forged *forged)
{
	struct prng *prng = &cluster->prng;
	uint8_t *chunks = forged->data + WIRE_DATA_BYTES;

	if (!fuzz_take_flying(cluster, WIRE_DATA, forged))
		return false;
	switch (prng_below(prng, 4)) {
	case 0:
		put_le(forged->data + DATA_ORIGIN_AT, 1 + prng_below(prng, cluster->node_count + 1),
		    4);
		break;
	case 1:
		put_le(forged->data + DATA_SEQ_AT, near(prng, get_u32(forged->data + DATA_SEQ_AT)),
		    4);
		break;
	case 2:
		chunks[0] = (uint8_t) prng_u64(prng);
		break;
	default:
		put_le(chunks + 1, fuzz_interesting(prng), 2);
		break;
	}
	return true;
}

bool
fuzz_forge(struct fuzz_cluster *cluster, struct fuzz_forged *forged)
{
	switch (prng_below(&cluster->prng, 5)) {
	case 0:
		return forge_token(cluster, forged);
	case 1:
		return forge_status(cluster, forged);
	case 2:
		return forge_segment(cluster, forged);
	case 3:
		return forge_commit(cluster, forged);
	default:
		return forge_data(cluster, forged);
	}
}

/* Few messages begin, none ends. */
static void
chunks_unend(struct prng *prng, uint8_t *chunks, size_t len)
{
	struct wire_chunk chunk;
	size_t offset = 0, at = 0;

	while (wire_chunk_next(chunks, len, &offset, &chunk)) {
		chunks[at] &= (uint8_t) ~WIRE_CHUNK_LAST;
		if (prng_below(prng, 20) != 0)
			chunks[at] &= (uint8_t) ~WIRE_CHUNK_FIRST;
		at = offset;
	}
}

void
fuzz_forge_endless(struct fuzz_cluster *cluster)
{
	for (size_t i = 0; i < cluster->packet_count; i++) {
		struct fuzz_packet *packet =
		    &cluster->packet[(cluster->packet_head + i) % FUZZ_PACKETS_MAX];
		struct wire_header header;

		if (wire_open(packet->data, packet->len, &header) != TOTEM_ACCEPTED
		    || header.type != WIRE_DATA || packet->len < WIRE_DATA_BYTES)
			continue;
		chunks_unend(&cluster->prng, packet->data + WIRE_DATA_BYTES,
		    packet->len - WIRE_DATA_BYTES);
		wire_seal(packet->data, packet->len, &header);
	}
}
