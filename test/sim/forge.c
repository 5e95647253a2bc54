/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Frames that a peer with damaged memory, or of a later version, might send: whole and with a good
 * checksum, but with something in them that cannot be.  Each must be refused.  (What a liar could
 * send that looks right is another matter: there is no defence against that here.)
 */
#include <string.h>

#include "exec/base/buf.h"
#include "exec/totem/wire.h"
#include "test/sim/sim.h"

#define CUT		0xfe	/* instead of a width: the body ends there */
#define PIECE_AT		20u	/* of ASK and INFO: which piece it is, of how many; */
#define PIECE_HEAD_BYTES	22u	/* then what it carries */

/* At `at` of the body of such a frame stands, in so many bytes, `value`. */
static const struct breakage {
	uint8_t type;
	uint16_t at;
	uint8_t width;
	uint64_t value;
} breakages[] = {
	{ WIRE_DATA, 4, 8, UINT64_MAX },		/* ring number */
	{ WIRE_DATA, 20, 4, 0 },			/* nobody's */
	{ WIRE_DATA, 20, 4, 0x7fffffff },		/* a stranger's */
	{ WIRE_DATA, 24, 4, 0x40000000 },		/* far outside the window */
	{ WIRE_DATA, 28, 1, 0x35 },			/* no such class */
	{ WIRE_DATA, 29, 2, 0xffff },			/* a chunk longer than the frame */
	{ WIRE_DATA, 28, CUT, 0 },
	{ WIRE_DATA, 30, CUT, 0 },
	{ WIRE_DATA, 17, CUT, 0 },
	{ WIRE_TOKEN, 44, 2, TOTEM_NODES_MAX + 1 },	/* holders with nothing to do */
	{ WIRE_TOKEN, 46, 2, TOTEM_NODES_MAX + 1 },	/* that brake */
	{ WIRE_TOKEN, 49, 1, 65 },			/* ranges */
	{ WIRE_TOKEN, 49, 1, 1 },			/* one range more than is there */
	{ WIRE_TOKEN, 54, 4, 0 },			/* of nothing */
	{ WIRE_TOKEN, 54, 4, 0xffffffff },		/* of everything */
	{ WIRE_TOKEN, 36, 4, 0 },			/* nobody keeps it */
	{ WIRE_TOKEN, 36, 4, 0x7fffffff },
	{ WIRE_TOKEN, 30, CUT, 0 },
	{ WIRE_TOKEN, 4, 8, UINT64_MAX },
	{ WIRE_JOIN, 8, 1, 9 },				/* state */
	{ WIRE_JOIN, 9, 8, UINT64_MAX },		/* ring number */
	{ WIRE_JOIN, 37, 2, 129 },			/* entries */
	{ WIRE_JOIN, 37, 2, 1 },
	{ WIRE_JOIN, 39, 4, 0xffffffff },		/* ids not ascending */
	{ WIRE_JOIN, 20, CUT, 0 },
	{ WIRE_BEACON, 8, 1, 9 },
	{ WIRE_BEACON, 39, 4, 0xffffffff },
	{ WIRE_COMMIT_ASK, 20, 1, 200 },		/* index */
	{ WIRE_COMMIT_ASK, 21, 1, 63 },			/* pieces */
	{ WIRE_COMMIT_ASK, 21, 1, 0 },
	{ WIRE_COMMIT_ASK, 0, 4, 0x7fffffff },		/* another representative */
	{ WIRE_COMMIT_ASK, 22, CUT, 0 },
	{ WIRE_COMMIT_ASK, 60, CUT, 0 },
	{ WIRE_COMMIT_ASK, 55, 2, 0 },			/* members */
	{ WIRE_COMMIT_ASK, 55, 2, 129 },
	{ WIRE_COMMIT_ASK, 22, 4, 0x7fffffff },		/* not the first member's ring */
	{ WIRE_COMMIT_ASK, 26, 8, 0 },			/* ring number */
	{ WIRE_COMMIT_ASK, 34, 8, 1 },			/* another nonce inside than outside */
	{ WIRE_COMMIT_ASK, 88, 4, 0 },			/* members not ascending */
	{ WIRE_COMMIT_ASK, 88, 4, 0x7ffffffe },		/* of two: one whom nobody knows */
	{ WIRE_COMMIT_ASK, 63, 8, 12345 },		/* not who the sender is */
	{ WIRE_COMMIT_INFO, 42, 1, 0 },			/* tells nothing */
	{ WIRE_COMMIT_INFO, 51, 4, TOTEM_POOL_FRAMES_MAX },	/* two such never fit */
	{ WIRE_COMMIT_INFO, 84, 4, 0x60000000 },	/* high far from aru */
	{ WIRE_COMMIT_INFO, 88, 4, 0x7ffffffe },	/* of two: another than was asked */
	{ WIRE_COMMIT_INFO, 79, 1, 5 },			/* a group that is not there */
	{ WIRE_COMMIT_INFO, 57, 2, 129 },
	{ WIRE_COMMIT_ASK, 57, 2, 129 },		/* groups */
	{ WIRE_COMMIT_INFO, 43, 4, 1 },			/* frame bytes */
	{ WIRE_COMMIT_INFO, 51, 4, 1 },			/* window */
	{ WIRE_COMMIT_INFO, 43, 4, 0xffffffff },
	{ WIRE_COMMIT_INFO, 51, 4, 0xffffffff },
	{ WIRE_COMMIT_INFO, 55, 2, 0 },
	{ WIRE_COMMIT_INFO, 60, CUT, 0 },
	{ WIRE_COMMIT_ACK, 4, 8, 5 },			/* of another ring */
	{ WIRE_COMMIT_ACK, 40, 4, 0x60000000 },		/* aru far from high, wherever that is */
	{ WIRE_COMMIT_ACK, 52, 4, 1 },			/* frame bytes */
	{ WIRE_COMMIT_ACK, 56, 4, 1 },			/* window */
	{ WIRE_COMMIT_ACK, 60, 2, 129 },		/* obliged */
	{ WIRE_COMMIT_ACK, 60, 2, 3 },
	{ WIRE_COMMIT_ACK, 41, CUT, 0 },
	{ WIRE_INFO_ACK, 7, CUT, 0 },
	{ WIRE_INFO_ACK, 4, 8, 5 },
	{ WIRE_HOLD_CANCEL, 7, CUT, 0 },
	{ WIRE_HOLD_CANCEL, 4, 8, 5 },
	{ WIRE_PROBE_ACK, 5, CUT, 0 },
	{ WIRE_PROBE_ACK, 8, 8, 0 },			/* asked before it was suspected */
	{ WIRE_PROBE_ACK, 8, 8, UINT64_MAX },		/* not asked yet */
	{ WIRE_PROBE_ACK, 0, 8, 1 },			/* to nobody's question */
	{ WIRE_NOTICE, 3, CUT, 0 },
};

#define BREAKAGE_COUNT	(sizeof breakages / sizeof *breakages)

static void
forge_header(struct wire_header *header, struct prng *prng)
{
	switch (prng_below(prng, 12)) {
	case 0:
		header->type = 0;
		break;
	case 1:
		header->type = WIRE_TYPE_END;
		break;
	case 2:
		header->sender = 0;
		break;
	case 3:
		header->incarnation = 0;
		break;
	default:
		header->type = WIRE_NOTICE;
		break;
	}
}

/* All pieces of a message of COMMIT but the first begin anywhere in it: what would be broken there
 * might look right. */
static bool
forge_later_piece(uint8_t type, const uint8_t *body)
{
	return (type == WIRE_COMMIT_ASK || type == WIRE_COMMIT_INFO) && body[PIECE_AT] != 0;
}

/* One of those that fit; NULL: none does. */
static const struct breakage *
forge_choose(uint8_t type, const uint8_t *data, size_t len, struct prng *prng)
{
	const struct breakage *chosen = NULL;
	uint64_t count = 0;

	for (size_t i = 0; i < BREAKAGE_COUNT; i++) {
		const struct breakage *b = &breakages[i];
		size_t end = TOTEM_HEADER_BYTES + b->at + (b->width == CUT ? 0 : b->width);

		if (b->type != type || end > len || (b->at >= PIECE_HEAD_BYTES &&
		    forge_later_piece(type, data + TOTEM_HEADER_BYTES)))
			continue;
		if (prng_below(prng, ++count) == 0)
			chosen = b;
	}
	return chosen;
}

/* The frame, broken and sealed again; its length.  0: there is nothing to break in it. */
static size_t
forge_frame(const struct frame *frame, struct prng *prng, uint8_t *data)
{
	struct wire_header header;
	const struct breakage *b;
	size_t len = frame->len;

	if (len < TOTEM_HEADER_BYTES + 1 || len > TOTEM_FRAME_BYTES_MAX ||
	    wire_open(frame->data, len, &header) != TOTEM_ACCEPTED)
		return 0;
	memcpy(data, frame->data, len);
	if (dice_ppm(prng, 30000)) {
		forge_header(&header, prng);
		data[TOTEM_HEADER_BYTES] = (uint8_t) prng_below(prng, TOTEM_NOTICE_COUNT);
		len = TOTEM_HEADER_BYTES + (len > TOTEM_HEADER_BYTES + 9 && dice_ppm(prng, 500000) ?
		    9 : prng_below(prng, 8));
		wire_seal(data, len, &header);
		return len;
	}
	b = forge_choose(header.type, data, len, prng);
	if (b == NULL)
		return 0;
	if (b->width == CUT)
		len = TOTEM_HEADER_BYTES + b->at;
	for (size_t k = 0; b->width != CUT && k < b->width; k++)
		data[TOTEM_HEADER_BYTES + b->at + k] = (uint8_t) (b->value >> (8 * k));
	wire_seal(data, len, &header);
	return len;
}

void
network_forge(struct sim *sim, uint64_t dice_seed)
{
	struct prng prng = { .state = dice_seed };
	uint64_t count = dice(&prng, 1, 40);

	for (uint64_t i = 0; i < count && sim->recorded_count > 0; i++) {
		const struct recorded *old =
		    &sim->recorded[prng_below(&prng, sim->recorded_count)];
		static uint8_t data[TOTEM_FRAME_BYTES_MAX];
		size_t len = forge_frame(old->frame, &prng, data);
		struct frame *frame;

		if (len == 0)
			continue;
		frame = frame_new(data, len);
		heap_push(&sim->heap, (struct happening) {
			.at_ns = sim->now_ns + dice(&prng, 0, 100 * MS_NS), .kind = HAPPEN_ARRIVE,
			.host = old->to, .other = old->from, .frame = frame,
		});
		sim->result.count[COUNT_FORGED]++;
	}
}

/* It comes about when the true one does, first or second. */
void
network_forge_beside(struct sim *sim, uint32_t from, uint32_t to, const struct frame *frame)
{
	static uint8_t data[TOTEM_FRAME_BYTES_MAX];
	const struct network *n = &sim->network;
	size_t len = forge_frame(frame, &sim->prng, data);

	if (len == 0)
		return;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + n->delay_ns + dice(&sim->prng, 0, n->jitter_ns + 20 * US_NS),
		.kind = HAPPEN_ARRIVE, .host = to, .other = from, .frame = frame_new(data, len),
	});
	sim->result.count[COUNT_FORGED]++;
}
