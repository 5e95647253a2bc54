/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Sets of up to 128 small numbers (slots of a peer table), as bits.
 */
#ifndef BASE_NODEBITS_H
#define BASE_NODEBITS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nodebits {
	uint64_t word[2];
};

static inline void
nodebits_add(struct nodebits *set, size_t slot)
{
	set->word[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static inline void
nodebits_remove(struct nodebits *set, size_t slot)
{
	set->word[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

static inline bool
nodebits_has(const struct nodebits *set, size_t slot)
{
	return (set->word[slot / 64] >> (slot % 64) & 1) != 0;
}

static inline bool
nodebits_equal(const struct nodebits *a, const struct nodebits *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

static inline bool
nodebits_empty(const struct nodebits *a)
{
	return (a->word[0] | a->word[1]) == 0;
}

static inline size_t
nodebits_count(const struct nodebits *a)
{
	return (size_t) (__builtin_popcountll(a->word[0]) + __builtin_popcountll(a->word[1]));
}

/* Every member of `a` is one of `b`. */
static inline bool
nodebits_within(const struct nodebits *a, const struct nodebits *b)
{
	return (a->word[0] & ~b->word[0]) == 0 && (a->word[1] & ~b->word[1]) == 0;
}

static inline struct nodebits
nodebits_or(struct nodebits a, struct nodebits b)
{
	return (struct nodebits) { { a.word[0] | b.word[0], a.word[1] | b.word[1] } };
}

static inline struct nodebits
nodebits_and(struct nodebits a, struct nodebits b)
{
	return (struct nodebits) { { a.word[0] & b.word[0], a.word[1] & b.word[1] } };
}

static inline struct nodebits
nodebits_minus(struct nodebits a, struct nodebits b)
{
	return (struct nodebits) { { a.word[0] & ~b.word[0], a.word[1] & ~b.word[1] } };
}
#endif
