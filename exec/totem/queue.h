/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Messages that wait to be ordered: a bounded FIFO of bytes.  The head message is taken in pieces
 * (fragments) and leaves the queue with its last piece; until then it can be started again, whole.
 */
#ifndef TOTEM_QUEUE_H
#define TOTEM_QUEUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/totem/totem.h"

struct queue {
	uint8_t *memory;
	size_t size;		/* bytes; a power of two */
	size_t head, used;	/* bytes: of the first message's record; of all records */
	size_t head_taken;	/* bytes of the head message already given out */
};

struct queue_head {		/* before each message in the ring of bytes */
	uint32_t len;
	uint32_t safe;
	uint64_t number;
};

int queue_init(struct queue *queue, size_t size);	/* 0 or -ENOMEM */
void queue_done(struct queue *queue);
bool queue_empty(const struct queue *queue);
size_t queue_room(const struct queue *queue);		/* longest message that fits now */
/* The message is the concatenation of its parts, so that headers need no copy of their own. */
bool queue_put(struct queue *queue, bool safe, uint64_t number, const struct totem_part *parts,
    size_t count);
/* Head message: its record and how much of it was taken.  The queue is not empty. */
struct queue_head queue_peek(const struct queue *queue);
/* Copies the next `len` bytes of the head message; the message leaves when all were taken. */
void queue_take(struct queue *queue, uint8_t *to, size_t len);
/* The head message starts again from its first byte. */
void queue_restart(struct queue *queue);
void queue_clear(struct queue *queue);
#endif
