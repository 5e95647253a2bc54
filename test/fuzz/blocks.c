/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "test/fuzz/blocks.h"

#undef malloc
#undef calloc
#undef free
#include <malloc.h>
#include <sanitizer/asan_interface.h>
#include <string.h>

#include "test/fuzz/input.h"

#define LARGE_BYTES_LOG	14u	/* smaller ones the sanitizer's heap keeps at hand itself */
#define SIZES		16u	/* powers of two from there */
#define IDLE_MAX	64u	/* of each size */

static struct {
	void *block[IDLE_MAX];
	size_t count;
} idle[SIZES];

/* The smallest power of two that holds so much, as an index; SIZES: none does. */
static size_t
size_index(size_t size)
{
	size_t index = 0;

	while (index < SIZES && (size_t) 1 << (LARGE_BYTES_LOG + index) < size)
		index++;
	return index;
}

void *
blocks_malloc(size_t size)
{
	size_t index = size_index(size), whole;
	void *block;

	if (size < (size_t) 1 << LARGE_BYTES_LOG || index == SIZES)
		return malloc(size);
	whole = (size_t) 1 << (LARGE_BYTES_LOG + index);
	if (idle[index].count > 0) {
		block = idle[index].block[--idle[index].count];
		idle[index].block[idle[index].count] = NULL;	/* known to its user only */
	} else {
		block = malloc(whole);
		FUZZ_REQUIRE(block != NULL);
		__asan_poison_memory_region(block, whole);
	}
	__asan_unpoison_memory_region(block, size);
	return block;
}

void *
blocks_calloc(size_t count, size_t size)
{
	void *block;

	FUZZ_REQUIRE(size == 0 || count <= SIZE_MAX / size);
	block = blocks_malloc(count * size);
	if (block != NULL)
		memset(block, 0, count * size);
	return block;
}

void
blocks_free(void *memory)
{
	/* Reports what is not the begin of a block. */
	size_t whole = memory != NULL ? malloc_usable_size(memory) : 0, index = size_index(whole);

	if (whole < (size_t) 1 << LARGE_BYTES_LOG || index == SIZES) {
		free(memory);
		return;
	}
	FUZZ_REQUIRE(!__asan_address_is_poisoned(memory));	/* freed already */
	if (idle[index].count < IDLE_MAX) {
		__asan_poison_memory_region(memory, whole);
		idle[index].block[idle[index].count++] = memory;
	} else {
		free(memory);
	}
}
