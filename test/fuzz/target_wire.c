/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Every decoder of wire.c.  The first byte chooses it; what it accepts must come out of its encoder
 * such that it is accepted again and encodes to the same bytes.
 */
#include "exec/totem/wire.h"
#include "test/fuzz/input.h"

#define BYTES_MAX	(128u * 1024u)

union body {
	struct wire_data data;
	struct wire_token token;
	struct wire_status status;
	struct wire_commit commit;
	struct wire_ack ack;
	struct wire_segment segment;
};

static bool
body_get(uint32_t kind, const uint8_t *bytes, size_t len, union body *ret)
{
	switch (kind) {
	case 0:
		return wire_data_get(bytes, len, &ret->data);
	case 1:
		return wire_token_get(bytes, len, &ret->token);
	case 2:
		return wire_status_get(bytes, len, &ret->status);
	case 3:
		return wire_commit_get(bytes, len, &ret->commit);
	case 4:
		return wire_ack_get(bytes, len, &ret->ack);
	default:	/* tidy: open set */
		return wire_segment_get(bytes, len, &ret->segment);
	}
}

static void
data_walk(const struct wire_data *data)
{
	struct wire_chunk chunk;
	volatile uint8_t sum = 0;
	size_t offset = 0;

	while (wire_chunk_next(data->chunks, data->chunks_len, &offset, &chunk)) {
		FUZZ_REQUIRE(offset <= data->chunks_len);
		for (size_t i = 0; i < chunk.len; i++)
			sum = (uint8_t) (sum + chunk.data[i]);
	}
	FUZZ_REQUIRE(offset == data->chunks_len || data->chunks[offset] == WIRE_CHUNK_PAD);
}

static void
body_put(uint32_t kind, struct buf_writer *out, const union body *body)
{
	switch (kind) {
	case 0:
		data_walk(&body->data);
		wire_data_head_put(out, &body->data.ring, body->data.origin, body->data.seq);
		buf_put_bytes(out, body->data.chunks, body->data.chunks_len);
		break;
	case 1:
		wire_token_put(out, &body->token);
		break;
	case 2:
		wire_status_put(out, &body->status);
		break;
	case 3:
		wire_commit_put(out, &body->commit);
		break;
	case 4:
		wire_ack_put(out, &body->ack);
		break;
	default:	/* tidy: open set */
		wire_segment_put(out, &body->segment);
		break;
	}
}

static void
header_check(const uint8_t *bytes, size_t len)
{
	struct wire_header header = { 0 }, again;
	uint8_t *copy;

	if (wire_open(bytes, len, &header) != TOTEM_ACCEPTED)
		return;
	copy = malloc(len);
	FUZZ_REQUIRE(copy != NULL);
	memcpy(copy, bytes, len);
	wire_seal(copy, len, &header);
	FUZZ_REQUIRE(wire_open(copy, len, &again) == TOTEM_ACCEPTED);
	FUZZ_REQUIRE(again.sender == header.sender && again.counter == header.counter);
	free(copy);
}

/* Nobody guesses a checksum: the header of the input, sealed, must be the one that is opened. */
static void
header_sealed(struct input *in, uint8_t *bytes, size_t len)
{
	struct wire_header header = { .version = WIRE_VERSION }, opened;

	header.type = (uint8_t) input_number(in, 1);
	header.sender = input_number(in, 4);
	header.counter = input_number(in, 4);
	if (len < TOTEM_HEADER_BYTES)
		return;
	wire_seal(bytes, len, &header);
	if (wire_open(bytes, len, &opened) == TOTEM_ACCEPTED)
		FUZZ_REQUIRE(opened.type == header.type && opened.sender == header.sender &&
		    opened.counter == header.counter);
	bytes[len - 1] ^= 1;
	FUZZ_REQUIRE(wire_open(bytes, len, &opened) != TOTEM_ACCEPTED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t first[BYTES_MAX], second[BYTES_MAX];
	static union body body;
	struct input in = { .at = data, .left = len };
	uint32_t kind = input_number(&in, 1) % 8;
	struct buf_writer out = buf_writer(first, sizeof first);
	struct buf_writer again = buf_writer(second, sizeof second);
	size_t block_len;
	uint8_t *block;

	if (kind == 7 && in.left > 16) {
		block = input_block(&in, in.left - 9, &block_len);
		header_sealed(&in, block, block_len);
		free(block);
		return 0;
	}
	block = input_block(&in, in.left, &block_len);
	if (kind >= 6) {
		header_check(block, block_len);
	} else if (body_get(kind, block, block_len, &body)) {
		body_put(kind, &out, &body);
		FUZZ_REQUIRE(buf_writer_ok(&out) && buf_written(&out) == block_len);
		FUZZ_REQUIRE(body_get(kind, first, block_len, &body));
		body_put(kind, &again, &body);
		FUZZ_REQUIRE(memcmp(first, second, block_len) == 0);
	}
	free(block);
	return 0;
}
