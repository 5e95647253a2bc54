/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What exec/core/ reads: barriers of the synchronisation from any node at any time, right ones,
 * damaged ones and any bytes, while rings come and go; and the file with the ring's number.  Nobody
 * is activated before the barriers of all members of just this ring; what is ignored counts for
 * nobody.
 */
#include "exec/core/state.h"
#include "exec/core/sync.h"
#include "test/fuzz/input.h"

#define NODES		4u
#define ENGINES		3u
#define STEPS_MAX	512u
#define RING_BYTES	24u	/* of a barrier: its format and the ring's id */

struct world {
	struct sync sync;
	bool told[NODES];		/* a barrier of this ring was delivered from it */
	uint64_t ring_seq;
};

static void
regular(struct world *w, uint32_t who)
{
	struct totem_member members[NODES] = { { 0 } };
	struct totem_ring_id ring = { .rep = 1, .seq = ++w->ring_seq, .nonce = who };
	size_t count = 0;

	for (uint32_t node = 0; node < NODES; node++)
		if (node == 0 || (who >> node & 1) != 0)
			members[count++].node_id = node + 1;
	memset(w->told, 0, sizeof w->told);
	sync_regular(&w->sync, &ring, members, count);
}

static void
step(struct world *w, struct input *in)
{
	size_t engine = 0;

	switch (sync_next(&w->sync, &engine)) {
	case SYNC_DO_INIT:
	case SYNC_DO_ABORT:
		FUZZ_REQUIRE(engine < ENGINES);
		break;
	case SYNC_DO_PROCESS:
		FUZZ_REQUIRE(engine < ENGINES);
		sync_processed(&w->sync, engine, input_number(in, 1) % 3 == 1 ? -1 : 0);
		break;
	case SYNC_DO_SEND:
		sync_sent(&w->sync, input_number(in, 1) % 3 == 1 ? -1 : 0);
		break;
	case SYNC_DO_ACTIVATE:
		FUZZ_REQUIRE(engine < ENGINES);
		for (size_t i = 0; i < w->sync.member_count; i++)
			FUZZ_REQUIRE(w->told[w->sync.members[i] - 1]);
		break;
	case SYNC_DO_NOTHING:
	case SYNC_DO_OPEN:
		break;
	}
}

/* Our own barrier of this ring, with some bytes of it changed or cut off. */
static size_t
barrier_near(struct world *w, struct input *in, uint8_t bytes[SYNC_BARRIER_BYTES_MAX])
{
	size_t len = sync_barrier(&w->sync, bytes);
	uint32_t changes = input_number(in, 1) % 4;

	for (uint32_t i = 0; i < changes; i++)
		bytes[input_number(in, 1) % len] ^= (uint8_t) input_number(in, 1);
	return changes == 3 ? input_number(in, 1) % (len + 1) : len;
}

static void
deliver(struct world *w, struct input *in, bool near)
{
	uint32_t node = input_number(in, 1) % (NODES + 1);	/* the last is nobody */
	size_t seen = w->sync.seen_count, len;
	uint8_t own[SYNC_BARRIER_BYTES_MAX], *bytes;
	struct input from = { own, 0 };
	uint16_t service = 0;
	enum sync_note note;

	if (near)
		from.left = barrier_near(w, in, own);
	bytes = input_block(near ? &from : in, near ? from.left : input_number(in, 1), &len);
	note = sync_deliver(&w->sync, node + 1, bytes, len, &service);
	if (note == SYNC_NOTE_NONE || note == SYNC_NOTE_VERSION) {
		(void) sync_barrier(&w->sync, own);
		FUZZ_REQUIRE(memcmp(bytes, own, RING_BYTES) == 0);
	}
	free(bytes);
	if (note != SYNC_NOTE_NONE && note != SYNC_NOTE_VERSION) {
		FUZZ_REQUIRE(w->sync.seen_count == seen);
		return;
	}
	FUZZ_REQUIRE(node < NODES && !w->told[node] && w->sync.seen_count == seen + 1);
	w->told[node] = true;
}

static void
state_file(struct input *in)
{
	uint8_t good[STATE_FILE_BYTES], *bytes;
	uint64_t number = input_number(in, 4), found = 0;
	size_t len, at;

	state_encode(number, good);
	FUZZ_REQUIRE(state_decode(good, sizeof good, &found) == 0 && found == number);
	at = input_number(in, 1) % sizeof good;
	good[at] ^= (uint8_t) (1 + input_number(in, 1) % 255);
	FUZZ_REQUIRE(state_decode(good, sizeof good, &found) < 0);
	bytes = input_block(in, input_number(in, 1), &len);
	(void) state_decode(bytes, len, &found);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct sync_engine engines[ENGINES] = { { 1, 1 }, { 7, 2 }, { 9, 1 } };
	struct input in = { data, len };
	struct world w = { .ring_seq = 0 };

	sync_init(&w.sync, engines, ENGINES);
	for (uint32_t i = 0; i < STEPS_MAX && in.left > 0; i++)
		switch (input_number(&in, 1) % 8) {
		case 0:
			while (w.sync.state == SYNC_ACTIVATE)	/* is not interrupted */
				step(&w, &in);
			sync_transitional(&w.sync);
			while (w.sync.abort_left > 0)
				step(&w, &in);
			regular(&w, input_number(&in, 1));
			break;
		case 1:
			deliver(&w, &in, /* near= */ false);
			break;
		case 2:
		case 3:
			deliver(&w, &in, /* near= */ true);
			break;
		case 4:
			sync_retry(&w.sync);
			break;
		case 5:
			state_file(&in);
			break;
		default:	/* tidy: open set */
			step(&w, &in);
			break;
		}
	return 0;
}
