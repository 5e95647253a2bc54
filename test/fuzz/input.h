/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The input of a fuzz target, read as a program: numbers and stretches of bytes.  Behind its end
 * everything is zero.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_REQUIRE(condition) ((condition) ? (void) 0 : abort())

struct input {
	const uint8_t *at;
	size_t left;
};

/* What libFuzzer and replay.c call; 0 always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static inline uint32_t
input_number(struct input *in, size_t bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < bytes && in->left > 0; i++, in->at++, in->left--)
		value |= (uint32_t) in->at[0] << (8 * i);
	return value;
}

/* A block of its own of just that size, so that a sanitizer sees what reads beyond it. */
static inline uint8_t *
input_block(struct input *in, size_t want, size_t *ret_len)
{
	size_t len = want < in->left ? want : in->left;
	uint8_t *block = malloc(len > 0 ? len : 1);

	FUZZ_REQUIRE(block != NULL);
	if (len > 0)
		memcpy(block, in->at, len);
	in->at += len;
	in->left -= len;
	*ret_len = len;
	return block;
}
#endif
