/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/util.h"

void *
util_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL) {
		(void) fprintf(stderr, "out of memory\n");
		abort();
	}
	return memory;
}

void *
util_grow(void *array, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 16 : *room;
	void *grown = realloc(array, (*room + more) * size);

	if (grown == NULL) {
		(void) fprintf(stderr, "out of memory\n");
		abort();
	}
	memset((char *) grown + *room * size, 0, more * size);
	*room += more;
	return grown;
}

uint64_t
dice_scaled(struct prng *prng, uint64_t low, uint64_t high)
{
	uint64_t octaves = 0, top;

	while (octaves < 63 && low << (octaves + 1) <= high)
		octaves++;
	top = low << prng_below(prng, octaves + 1);
	return dice(prng, top, top * 2 < high ? top * 2 : high);
}

bool
util_milliseconds(const char *text, uint64_t *ret_ns)
{
	char *end;
	uint64_t value, scale = MS_NS;

	if (*text < '0' || *text > '9')
		return false;
	value = strtoull(text, &end, 10) * MS_NS;
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9' && scale > 1; end++) {
			scale /= 10;
			value += (uint64_t) (*end - '0') * scale;
		}
	*ret_ns = value;
	return *end == '\0';
}
