/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The heap for what is fuzzed, where libFuzzer and the address sanitizer are: fuzz.sh puts this
 * file before every source.  An execution takes megabytes and gives them back; from the
 * sanitizer's heap these come and go as mappings, and the faults on their pages and on their
 * shadow take longer than the execution.  So large blocks stay here when they are freed, and are
 * poisoned: who uses one that was freed, or beyond its end, is found as with malloc().  One that
 * is lost is a leak to the sanitizer, as the list of those freed does not know it.
 */
#ifndef FUZZ_BLOCKS_H
#define FUZZ_BLOCKS_H
#include <stddef.h>
#include <stdlib.h>

void *blocks_malloc(size_t size);
void *blocks_calloc(size_t count, size_t size);
void blocks_free(void *memory);

#define malloc		blocks_malloc
#define calloc		blocks_calloc
#define free		blocks_free
#endif
