/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A ring in shared memory as each side sees it, while the other side writes what it likes: between
 * two looks at it, and between a look and the use of what was seen.
 */
#include <corosync/ipc/ring.h>

#include "test/fuzz/input.h"

#define SIZE	256u

static void
scribble(struct ipc_ring *ring, struct input *in)
{
	uint32_t what = input_number(in, 1), value = input_number(in, 4);
	uint32_t *words[] = {
		&ring->shared->head, &ring->shared->base, &ring->shared->tail,
		&ring->shared->producer_wish, &ring->shared->consumer_wish,
	};
	size_t count = sizeof words / sizeof words[0];

	if ((what & 0x80) != 0)		/* near to what is right */
		value = ring->at + (value & 0xffff) % (2 * SIZE) - SIZE / 2;
	if (what % 8 < count)
		*words[what % 8] = value;
	else
		memcpy(ring->data + (what * 4u) % SIZE, &value, sizeof value);
}

static void
take(struct ipc_ring *ring, struct input *in, uint32_t what)
{
	struct ipc_ring_record record;
	uint32_t at = ring->at;
	uint8_t *copy;

	if (ipc_ring_peek(ring, &record) != 0)
		return;
	FUZZ_REQUIRE(record.len <= ipc_ring_record_max(ring) && record.place < SIZE);
	if ((what & 0x10) != 0)
		scribble(ring, in);
	copy = malloc(record.len > 0 ? record.len : 1);
	FUZZ_REQUIRE(copy != NULL);
	ipc_ring_read(ring, &record, 0, copy, record.len);
	free(copy);
	if ((what & 0x20) != 0)
		scribble(ring, in);
	ipc_ring_advance(ring, &record);
	ipc_ring_release(ring);
	FUZZ_REQUIRE(ring->at - at >= IPC_RING_HEAD_BYTES && ring->at - at <= SIZE);
}

static void
put(struct ipc_ring *ring, struct input *in, uint32_t what)
{
	struct iovec iov[2];
	uint32_t at = ring->at;
	int r;

	iov[0].iov_base = input_block(in, what >> 4, &iov[0].iov_len);
	iov[1].iov_base = input_block(in, input_number(in, 1), &iov[1].iov_len);
	r = ipc_ring_put(ring, what, iov, 2, (what & 8) != 0 ? 64 : 0);
	FUZZ_REQUIRE(r == 0 || ring->at == at);
	FUZZ_REQUIRE(r == 0 || r == -EAGAIN || r == -EMSGSIZE || r == -EBADMSG);
	free(iov[0].iov_base);
	free(iov[1].iov_base);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { .at = data, .left = len };
	/* Blocks of their own, so that what leaves the ring is seen. */
	struct ipc_ring_shared *shared = calloc(1, sizeof *shared);
	struct ipc_ring ring = { .shared = shared, .size = SIZE };

	ring.data = calloc(1, SIZE);
	FUZZ_REQUIRE(shared != NULL && ring.data != NULL);
	ring.at = shared->head = shared->tail = ring.base = shared->base =
	    input_number(&in, 4) & ~7u;
	while (in.left > 0) {
		uint32_t what = input_number(&in, 1);

		switch (what % 4) {
		case 0:
			scribble(&ring, &in);
			break;
		case 1:
			put(&ring, &in, what);
			break;
		default:	/* tidy: open set */
			take(&ring, &in, what);
			break;
		}
	}
	free(ring.data);
	free(shared);
	return 0;
}
