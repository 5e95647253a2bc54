/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A binary heap in one array.
 */
#include <stdlib.h>

#include "test/sim/heap.h"
#include "test/sim/util.h"

static bool
heap_before(const struct happening *a, const struct happening *b)
{
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	return a->order < b->order;
}

void
heap_push(struct heap *heap, struct happening happening)
{
	size_t at = heap->count;

	if (heap->count == heap->room)
		heap->entry = util_grow(heap->entry, &heap->room, sizeof *heap->entry);
	heap->count++;
	happening.order = heap->pushed++;
	while (at > 0) {
		size_t up = (at - 1) / 2;

		if (!heap_before(&happening, &heap->entry[up]))
			break;
		heap->entry[at] = heap->entry[up];
		at = up;
	}
	heap->entry[at] = happening;
}

bool
heap_pop(struct heap *heap, struct happening *ret)
{
	struct happening last;
	size_t at = 0;

	if (heap->count == 0)
		return false;
	*ret = heap->entry[0];
	last = heap->entry[--heap->count];
	for (;;) {
		size_t down = 2 * at + 1;

		if (down >= heap->count)
			break;
		if (down + 1 < heap->count &&
		    heap_before(&heap->entry[down + 1], &heap->entry[down]))
			down++;
		if (!heap_before(&heap->entry[down], &last))
			break;
		heap->entry[at] = heap->entry[down];
		at = down;
	}
	heap->entry[at] = last;
	return true;
}

void
heap_done(struct heap *heap)
{
	free(heap->entry);
	*heap = (struct heap) { 0 };
}
