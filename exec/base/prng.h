/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Pseudo-random numbers from a seed: the splitmix64 generator (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators", OOPSLA 2014).  For jitter and simulation, never for secrets.
 */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H
#include <stdint.h>

struct prng {
	uint64_t state;
};

static inline uint64_t
prng_u64(struct prng *prng)
{
	uint64_t z = prng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. limit - 1; limit > 0.  The modulo's bias does not matter for what this is used for. */
static inline uint64_t
prng_below(struct prng *prng, uint64_t limit)
{
	return prng_u64(prng) % limit;
}
#endif
