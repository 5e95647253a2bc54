/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/assert.h"
#include "exec/totem/queue.h"

int
queue_init(struct queue *queue, size_t size)
{
	cs_assert(size > 0 && (size & (size - 1)) == 0);
	memset(queue, 0, sizeof *queue);
	queue->memory = malloc(size);
	if (queue->memory == NULL)
		return -ENOMEM;
	queue->size = size;
	return 0;
}

void
queue_done(struct queue *queue)
{
	free(queue->memory);
	memset(queue, 0, sizeof *queue);
}

bool
queue_empty(const struct queue *queue)
{
	return queue->used == 0;
}

size_t
queue_room(const struct queue *queue)
{
	size_t left = queue->size - queue->used;

	return left > sizeof (struct queue_head) ? left - sizeof (struct queue_head) : 0;
}

static void
ring_write(struct queue *queue, size_t at, const void *data, size_t len)
{
	size_t start = at & (queue->size - 1);
	size_t first = queue->size - start < len ? queue->size - start : len;

	if (len == 0)
		return;
	memcpy(queue->memory + start, data, first);
	memcpy(queue->memory, (const uint8_t *) data + first, len - first);
}

static void
ring_read(const struct queue *queue, size_t at, void *to, size_t len)
{
	size_t start = at & (queue->size - 1);
	size_t first = queue->size - start < len ? queue->size - start : len;

	if (len == 0)
		return;
	memcpy(to, queue->memory + start, first);
	memcpy((uint8_t *) to + first, queue->memory, len - first);
}

bool
queue_put(struct queue *queue, bool safe, uint64_t number, const struct totem_part *parts,
    size_t count)
{
	struct queue_head head = { .safe = safe, .number = number };
	size_t at = queue->head + queue->used, len = 0;

	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	if (len > queue_room(queue) || queue_room(queue) == 0)
		return false;
	head.len = (uint32_t) len;
	ring_write(queue, at, &head, sizeof head);
	at += sizeof head;
	for (size_t i = 0; i < count; i++) {
		ring_write(queue, at, parts[i].data, parts[i].len);
		at += parts[i].len;
	}
	queue->used += sizeof head + len;
	cs_assert(queue->used <= queue->size);
	return true;
}

struct queue_head
queue_peek(const struct queue *queue)
{
	struct queue_head head;

	cs_assert(!queue_empty(queue));
	ring_read(queue, queue->head, &head, sizeof head);
	cs_assert(queue->head_taken <= head.len && head.len + sizeof head <= queue->used);
	return head;
}

void
queue_take(struct queue *queue, uint8_t *to, size_t len)
{
	struct queue_head head = queue_peek(queue);

	cs_assert(len <= head.len - queue->head_taken);
	ring_read(queue, queue->head + sizeof head + queue->head_taken, to, len);
	queue->head_taken += len;
	if (queue->head_taken == head.len) {
		queue->head += sizeof head + head.len;
		queue->used -= sizeof head + head.len;
		queue->head_taken = 0;
		if (queue->used == 0)
			queue->head = 0;	/* keep to pages that were touched before */
	}
}

void
queue_restart(struct queue *queue)
{
	queue->head_taken = 0;
}

void
queue_clear(struct queue *queue)
{
	queue->head += queue->used;
	queue->used = 0;
	queue->head_taken = 0;
}
