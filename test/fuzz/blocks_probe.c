/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Does the heap of blocks.c let the sanitizer see what it is there for?  Each fault must end this
 * program with an error, none must not.
 *
 *	blocks_probe none|beyond|before|stale|twice|inside|lost
 */
#include <stdint.h>
#include <string.h>

#define BYTES		100001u		/* not a power of two, no whole granule */
#define LOST		8u		/* one address may still lie somewhere on the stack */

static volatile uint8_t *block;

static __attribute__((noinline)) void
lose(void)
{
	volatile uint8_t *lost[LOST];

	for (size_t i = 0; i < LOST; i++) {
		lost[i] = malloc(BYTES);
		lost[i][0] = 1;
	}
	for (size_t i = 0; i < LOST; i++)
		free((void *) lost[i]);
	for (size_t i = 0; i < LOST; i++) {
		lost[i] = malloc(BYTES);
		lost[i][0] = 2;
	}
	memset((void *) lost, 0, sizeof lost);
}

int
main(int argc, char **argv)
{
	const char *fault = argc == 2 ? argv[1] : "";
	volatile uint8_t *first = malloc(BYTES);

	/* Of one that was used before. */
	first[BYTES - 1] = 1;
	free((void *) first);
	block = malloc(BYTES);
	if (block != first)
		return strcmp(fault, "none") == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	block[0] = block[BYTES - 1] = 1;
	if (strcmp(fault, "beyond") == 0)
		block[BYTES] = 1;
	else if (strcmp(fault, "before") == 0)
		block[-1] = 1;
	else if (strcmp(fault, "inside") == 0)
		free((void *) (block + 16));
	else if (strcmp(fault, "lost") == 0)
		lose();
	free((void *) block);
	if (strcmp(fault, "stale") == 0)
		block[5] = 1;
	else if (strcmp(fault, "twice") == 0)
		free((void *) block);
	return EXIT_SUCCESS;
}
