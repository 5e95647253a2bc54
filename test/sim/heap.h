/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The simulated future: things that will happen, earliest first.  Of two at the same time the one
 * put in first comes out first, so that a run is a function of its seed and of nothing else.
 */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;

struct happening {
	uint64_t at_ns;
	uint64_t order;		/* set by heap_push() */
	uint8_t kind;		/* enum sim_happening */
	uint32_t host;
	uint32_t other;		/* the source of a datagram, the far end of a cut */
	uint32_t generation;	/* of the host's process, or of the faults: old ones don't count */
	uint64_t value;
	struct frame *frame;
};

struct heap {
	struct happening *entry;
	size_t count, room;
	uint64_t pushed;
};

void heap_push(struct heap *heap, struct happening happening);
/* The earliest, taken out; false when there is none. */
bool heap_pop(struct heap *heap, struct happening *ret);
void heap_done(struct heap *heap);
#endif
