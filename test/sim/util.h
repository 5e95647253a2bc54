/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Dice, units and growing arrays for the simulator.  A test program that runs out of memory stops.
 */
#ifndef SIM_UTIL_H
#define SIM_UTIL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/base/prng.h"

#define US_NS		UINT64_C(1000)
#define MS_NS		UINT64_C(1000000)
#define SEC_NS		UINT64_C(1000000000)
#define NEVER		UINT64_MAX
#define NONE		UINT32_MAX
#define MILLION		UINT64_C(1000000)

/* At least one more element of `size` bytes; the new ones are zero. */
void *util_grow(void *array, size_t *room, size_t size);
void *util_alloc(size_t size);

/* low .. high, both included. */
static inline uint64_t
dice(struct prng *prng, uint64_t low, uint64_t high)
{
	return high <= low ? low : low + prng_below(prng, high - low + 1);
}

static inline bool
dice_ppm(struct prng *prng, uint64_t ppm)
{
	return ppm > 0 && prng_below(prng, MILLION) < ppm;
}

/* low .. high with each order of magnitude equally likely: short and long ones both happen. */
uint64_t dice_scaled(struct prng *prng, uint64_t low, uint64_t high);

/* "12.345678" to nanoseconds; false: it is no such number. */
bool util_milliseconds(const char *text, uint64_t *ret_ns);
#endif
