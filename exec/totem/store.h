/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Frames of one ring by sequence number, in a window that slides: what was received or sent and may
 * still be asked for by others or wait for its delivery.  Two stores (of the installed ring and of
 * the one being formed) share one pool of fixed-size frames.
 *
 * Invariants: base <= aru <= high (serially), high - base <= window; a slot is filled for every
 * sequence in (base, aru].
 */
#ifndef TOTEM_STORE_H
#define TOTEM_STORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_pool {
	uint8_t *memory;
	uint32_t *free_list;	/* indices of free frames, used as a stack: hot ones first */
	uint32_t free_count;
	uint32_t frame_count;
	uint32_t frame_bytes;	/* a slot's size */
};

struct store_frame {
	uint32_t origin;
	uint32_t len;		/* whole frame, header included */
	uint32_t index;		/* in the pool; STORE_EMPTY: not here */
};

#define STORE_EMPTY	UINT32_MAX

struct store {
	struct frame_pool *pool;
	struct store_frame *slot;
	uint32_t window;	/* slots, a power of two */
	uint32_t base;		/* everything up to here was released */
	uint32_t aru;		/* everything up to here was received */
	uint32_t high;		/* highest received */
};

/* 0 or -ENOMEM. */
int frame_pool_init(struct frame_pool *pool, uint32_t frame_bytes, uint32_t frame_count);
void frame_pool_done(struct frame_pool *pool);

int store_init(struct store *store, struct frame_pool *pool, uint32_t window);
void store_done(struct store *store);
/* Releases all; the first frame will be first + 1. */
void store_reset(struct store *store, uint32_t first);
bool store_fits(const struct store *store, uint32_t seq);	/* inside the window */
bool store_has(const struct store *store, uint32_t seq);
/* Room for a frame that is not there yet and fits; NULL when the pool is empty. */
uint8_t *store_add(struct store *store, uint32_t seq, uint32_t origin, size_t len);
/* The frame that was just added turned out to be shorter. */
void store_set_len(struct store *store, uint32_t seq, size_t len);
/* The frame, or NULL. */
uint8_t *store_get(const struct store *store, uint32_t seq, struct store_frame *ret_frame);
/* Release everything up to seq; no further than high. */
void store_release(struct store *store, uint32_t seq);
#endif
