/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/assert.h"
#include "exec/base/seq.h"
#include "exec/totem/store.h"

int
frame_pool_init(struct frame_pool *pool, uint32_t frame_bytes, uint32_t frame_count)
{
	cs_assert(frame_bytes > 0 && frame_count > 0);
	memset(pool, 0, sizeof *pool);
	/* Not cleared: pages are first touched when a frame is first used. */
	pool->memory = malloc((size_t) frame_bytes * frame_count);
	pool->free_list = malloc(frame_count * sizeof *pool->free_list);
	if (pool->memory == NULL || pool->free_list == NULL) {
		frame_pool_done(pool);
		return -ENOMEM;
	}
	pool->frame_bytes = frame_bytes;
	pool->frame_count = frame_count;
	for (uint32_t i = 0; i < frame_count; i++)
		pool->free_list[i] = frame_count - 1 - i;
	pool->free_count = frame_count;
	return 0;
}

void
frame_pool_done(struct frame_pool *pool)
{
	free(pool->memory);
	free(pool->free_list);
	memset(pool, 0, sizeof *pool);
}

int
store_init(struct store *store, struct frame_pool *pool, uint32_t window)
{
	cs_assert(window > 0 && (window & (window - 1)) == 0);
	memset(store, 0, sizeof *store);
	store->slot = malloc(window * sizeof *store->slot);
	if (store->slot == NULL)
		return -ENOMEM;
	store->pool = pool;
	store->window = window;
	for (uint32_t i = 0; i < window; i++)
		store->slot[i].index = STORE_EMPTY;
	return 0;
}

void
store_done(struct store *store)
{
	free(store->slot);
	memset(store, 0, sizeof *store);
}

static struct store_frame *
slot_of(const struct store *store, uint32_t seq)
{
	return &store->slot[seq & (store->window - 1)];
}

static void
frame_free(struct store *store, struct store_frame *frame)
{
	struct frame_pool *pool = store->pool;

	cs_assert(frame->index < pool->frame_count);
	cs_assert(pool->free_count < pool->frame_count);
	pool->free_list[pool->free_count++] = frame->index;
	frame->index = STORE_EMPTY;
}

void
store_reset(struct store *store, uint32_t first)
{
	for (uint32_t seq = store->base + 1; seq_le(seq, store->high); seq++)
		if (slot_of(store, seq)->index != STORE_EMPTY)
			frame_free(store, slot_of(store, seq));
	store->base = store->aru = store->high = first;
}

bool
store_fits(const struct store *store, uint32_t seq)
{
	return seq_lt(store->base, seq) && seq - store->base <= store->window;
}

bool
store_has(const struct store *store, uint32_t seq)
{
	return store_fits(store, seq) && seq_le(seq, store->high)
	    && slot_of(store, seq)->index != STORE_EMPTY;
}

uint8_t *
store_add(struct store *store, uint32_t seq, uint32_t origin, size_t len)
{
	struct frame_pool *pool = store->pool;
	struct store_frame *slot = slot_of(store, seq);

	cs_assert(store_fits(store, seq) && slot->index == STORE_EMPTY);
	cs_assert(len <= pool->frame_bytes);
	if (pool->free_count == 0)
		return NULL;
	slot->index = pool->free_list[--pool->free_count];
	slot->origin = origin;
	slot->len = (uint32_t) len;
	store->high = seq_max(store->high, seq);
	while (store->aru != store->high && slot_of(store, store->aru + 1)->index != STORE_EMPTY)
		store->aru++;
	return pool->memory + (size_t) slot->index * pool->frame_bytes;
}

void
store_set_len(struct store *store, uint32_t seq, size_t len)
{
	cs_assert(store_has(store, seq) && len <= slot_of(store, seq)->len);
	slot_of(store, seq)->len = (uint32_t) len;
}

uint8_t *
store_get(const struct store *store, uint32_t seq, struct store_frame *ret_frame)
{
	if (!store_has(store, seq))
		return NULL;
	*ret_frame = *slot_of(store, seq);
	return store->pool->memory + (size_t) ret_frame->index * store->pool->frame_bytes;
}

void
store_release(struct store *store, uint32_t seq)
{
	seq = seq_min(seq, store->aru);
	while (seq_lt(store->base, seq)) {
		store->base++;
		frame_free(store, slot_of(store, store->base));
	}
	cs_assert(seq_le(store->base, store->aru) && seq_le(store->aru, store->high));
}
