/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A ring of bytes in shared memory with one producer and one consumer, that carries records.  Fixed
 * widths, so a 32-bit client works with a 64-bit daemon; both run on one machine, so the byte order
 * is its own.
 *
 *	record: function u32, len u32, payload, filled up to a multiple of 8
 *
 * `head` counts the bytes ever appended and `tail` the bytes ever taken, both modulo 2^32.  Each is
 * written by one side only, and each side keeps its own in private memory: what stands in shared
 * memory is only ever read as the other side's claim, and checked.  Whatever the other side writes,
 * a function here ends, stays within the ring, and says -EBADMSG when it noticed.
 *
 * Invariants:
 *   R1  head - tail <= size, and both are multiples of 8.
 *   R2  A byte at index i lies at (i - base) % size.  The producer changes `base` only when the
 *       ring is empty, so that light traffic goes on touching the first pages only.
 *   R3  A record is published whole: the head moves after all of it is written.
 *   R4  No wake-up is lost: whoever wants to sleep (or to be rung later, link.h) sets its `wish`
 *       and then looks again; the other side publishes and then looks at the wish; both with
 *       sequential consistency.
 */
#ifndef COROSYNC_IPC_RING_H
#define COROSYNC_IPC_RING_H
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#define IPC_RING_HEAD_BYTES	8u	/* of a record */
#define IPC_RING_REBASE_BYTES	65536u	/* an empty ring goes back to its start beyond this */

struct ipc_ring_shared {	/* each side's words on a cache line of their own */
	uint32_t head;
	uint32_t base;
	uint32_t producer_wish;	/* the producer waits for room */
	uint32_t fill_producer[13];
	uint32_t tail;
	uint32_t consumer_wish;	/* the consumer sleeps */
	uint32_t fill_consumer[14];
};
_Static_assert(sizeof(struct ipc_ring_shared) == 128, "same layout for 32 and 64 bits");

struct ipc_ring {
	struct ipc_ring_shared *shared;
	uint8_t *data;
	uint32_t size;		/* a power of two */
	uint32_t at;		/* the producer's head, or the consumer's tail */
	uint32_t base;		/* the producer's own */
};

struct ipc_ring_record {
	uint32_t function;
	uint32_t len;		/* of the payload; checked against what the ring holds */
	uint32_t place;		/* of the payload: offset in the ring */
};

static inline uint32_t
ipc_ring_round(uint32_t len)
{
	return (len + 7u) & ~7u;
}

/* The largest payload.  Half the ring, so that a consumer at half fill always has room for it. */
static inline uint32_t
ipc_ring_record_max(const struct ipc_ring *ring)
{
	return ring->size / 2u - IPC_RING_HEAD_BYTES;
}

/* Bytes in the ring, seen by the producer; or more than its size when the tail is nonsense. */
static inline uint32_t
ipc_ring_used(const struct ipc_ring *ring)
{
	return ring->at - __atomic_load_n(&ring->shared->tail, __ATOMIC_SEQ_CST);
}

static inline uint32_t
ipc_ring_place(const struct ipc_ring *ring, uint32_t index, uint32_t base)
{
	return (index - base) & (ring->size - 1u);
}

static inline void
ipc_ring_write(const struct ipc_ring *ring, uint32_t place, const void *from, size_t len)
{
	size_t first = ring->size - place;

	if (len == 0)
		return;
	if (first > len)
		first = len;
	memcpy(ring->data + place, from, first);
	if (len > first)
		memcpy(ring->data, (const uint8_t *) from + first, len - first);
}

/* Copy `len` bytes from `offset` within the record's payload. */
static inline void
ipc_ring_read(const struct ipc_ring *ring, const struct ipc_ring_record *record, uint32_t offset,
    void *to, size_t len)
{
	uint32_t place = (record->place + offset) & (ring->size - 1u);
	size_t first = ring->size - place;

	if (len == 0)
		return;
	if (first > len)
		first = len;
	memcpy(to, ring->data + place, first);
	if (len > first)
		memcpy((uint8_t *) to + first, ring->data, len - first);
}

/* Bytes of all parts, or SIZE_MAX when that overflows. */
static inline size_t
ipc_iov_len(const struct iovec *iov, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		if (__builtin_add_overflow(len, iov[i].iov_len, &len))
			return SIZE_MAX;
	return len;
}

/* Append one record and leave at least `reserve` bytes free behind it.  0; -EAGAIN: no room,
 * nothing was written; -EMSGSIZE: never; -EBADMSG: the consumer's tail is nonsense. */
static inline int
ipc_ring_put(struct ipc_ring *ring, uint32_t function, const struct iovec *iov, size_t count,
    uint32_t reserve)
{
	size_t len = ipc_iov_len(iov, count);
	uint32_t used = ipc_ring_used(ring), need, place, head[2];

	if (len > ipc_ring_record_max(ring))
		return -EMSGSIZE;
	if (used > ring->size || used % 8u != 0)
		return -EBADMSG;
	need = IPC_RING_HEAD_BYTES + ipc_ring_round((uint32_t) len);
	if (ring->size - used < need || ring->size - used - need < reserve)
		return -EAGAIN;
	if (used == 0 &&
	    ipc_ring_place(ring, ring->at, ring->base) >= IPC_RING_REBASE_BYTES) {
		ring->base = ring->at;
		__atomic_store_n(&ring->shared->base, ring->base, __ATOMIC_RELAXED);
	}
	place = ipc_ring_place(ring, ring->at, ring->base);
	head[0] = function;
	head[1] = (uint32_t) len;
	ipc_ring_write(ring, place, head, sizeof head);
	place = (place + IPC_RING_HEAD_BYTES) & (ring->size - 1u);
	for (size_t i = 0; i < count; i++) {
		ipc_ring_write(ring, place, iov[i].iov_base, iov[i].iov_len);
		place = (place + (uint32_t) iov[i].iov_len) & (ring->size - 1u);
	}
	ring->at += need;
	__atomic_store_n(&ring->shared->head, ring->at, __ATOMIC_SEQ_CST);
	return 0;
}

static inline bool
ipc_ring_empty(const struct ipc_ring *ring)
{
	return __atomic_load_n(&ring->shared->head, __ATOMIC_SEQ_CST) == ring->at;
}

/* Look at the next record.  0; -EAGAIN: none; -EBADMSG: what the producer wrote is nonsense. */
static inline int
ipc_ring_peek(const struct ipc_ring *ring, struct ipc_ring_record *ret_record)
{
	uint32_t head = __atomic_load_n(&ring->shared->head, __ATOMIC_SEQ_CST);
	uint32_t used = head - ring->at, base, words[2];
	struct ipc_ring_record record;

	if (used == 0)
		return -EAGAIN;
	base = __atomic_load_n(&ring->shared->base, __ATOMIC_RELAXED);
	if (used > ring->size || used % 8u != 0 || base % 8u != 0)
		return -EBADMSG;
	record.place = ipc_ring_place(ring, ring->at, base);
	/* Read once: the producer may change it under us. */
	for (size_t i = 0; i < 2; i++)
		words[i] = __atomic_load_n((const uint32_t *) (const void *)
		    (ring->data + record.place + 4 * i), __ATOMIC_RELAXED);
	record.function = words[0];
	record.len = words[1];
	record.place = (record.place + IPC_RING_HEAD_BYTES) & (ring->size - 1u);
	if (record.len > ipc_ring_record_max(ring) ||
	    IPC_RING_HEAD_BYTES + ipc_ring_round(record.len) > used)
		return -EBADMSG;
	*ret_record = record;
	return 0;
}

/* Go past the record that peek showed; its place stays ours. */
static inline void
ipc_ring_advance(struct ipc_ring *ring, const struct ipc_ring_record *record)
{
	ring->at += IPC_RING_HEAD_BYTES + ipc_ring_round(record->len);
}

/* The places of all records gone past may be overwritten. */
static inline void
ipc_ring_release(const struct ipc_ring *ring)
{
	__atomic_store_n(&ring->shared->tail, ring->at, __ATOMIC_SEQ_CST);
}

/* A wish goes from one value to another; whose exchange succeeds has the duty that comes with
 * it. */
static inline bool
ipc_wish_change(uint32_t *wish, uint32_t from, uint32_t to)
{
	return __atomic_load_n(wish, __ATOMIC_SEQ_CST) == from &&
	    __atomic_compare_exchange_n(wish, &from, to, false, __ATOMIC_SEQ_CST,
	    __ATOMIC_SEQ_CST);
}
#endif
