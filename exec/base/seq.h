/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Serial arithmetic on 32-bit sequence numbers (RFC 1982): they wrap, so they are never compared
 * with `<`.  Meaningful while the two lie within 2^31 of each other.
 */
#ifndef BASE_SEQ_H
#define BASE_SEQ_H
#include <stdbool.h>
#include <stdint.h>

/* b - a as a signed distance. */
static inline int32_t
seq_diff(uint32_t b, uint32_t a)
{
	return (int32_t) (b - a);
}

static inline bool
seq_lt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool
seq_le(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) <= 0;
}

static inline uint32_t
seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

static inline uint32_t
seq_max(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? b : a;
}
#endif
