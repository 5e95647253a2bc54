/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Bounded readers and writers of bytes in little-endian order.  Errors stick: run a whole decode
 * or encode, then ask once with buf_reader_ok() or buf_writer_ok().  Nothing is ever read or
 * written outside the bounds; a failed read gives zeros.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf_reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

struct buf_writer {
	uint8_t *start, *at;
	size_t left;
	bool failed;
};

static inline struct buf_reader
buf_reader(const void *data, size_t len)
{
	return (struct buf_reader) { .at = data, .left = len };
}

/* `len` bytes, lent, or NULL when there are not so many. */
static inline const uint8_t *
buf_get_bytes(struct buf_reader *in, size_t len)
{
	const uint8_t *at = in->at;

	if (in->failed || len > in->left) {
		in->failed = true;
		return NULL;
	}
	in->at += len;
	in->left -= len;
	return at;
}

static inline uint64_t
buf_get_le(struct buf_reader *in, size_t len)
{
	const uint8_t *at = buf_get_bytes(in, len);
	uint64_t value = 0;

	for (size_t i = 0; at != NULL && i < len; i++)
		value |= (uint64_t) at[i] << (8 * i);
	return value;
}

static inline uint8_t buf_get_u8(struct buf_reader *in) { return (uint8_t) buf_get_le(in, 1); }
static inline uint16_t buf_get_u16(struct buf_reader *in) { return (uint16_t) buf_get_le(in, 2); }
static inline uint32_t buf_get_u32(struct buf_reader *in) { return (uint32_t) buf_get_le(in, 4); }
static inline uint64_t buf_get_u64(struct buf_reader *in) { return buf_get_le(in, 8); }

static inline bool buf_reader_ok(const struct buf_reader *in) { return !in->failed; }
/* Everything read, nothing left over. */
static inline bool buf_done(const struct buf_reader *in) { return !in->failed && in->left == 0; }

static inline struct buf_writer
buf_writer(void *data, size_t size)
{
	return (struct buf_writer) { .start = data, .at = data, .left = size };
}

/* Room for `len` bytes to be filled in by the caller, or NULL. */
static inline uint8_t *
buf_put_room(struct buf_writer *out, size_t len)
{
	uint8_t *at = out->at;

	if (out->failed || len > out->left) {
		out->failed = true;
		return NULL;
	}
	out->at += len;
	out->left -= len;
	return at;
}

static inline void
buf_put_le(struct buf_writer *out, uint64_t value, size_t len)
{
	uint8_t *at = buf_put_room(out, len);

	for (size_t i = 0; at != NULL && i < len; i++)
		at[i] = (uint8_t) (value >> (8 * i));
}

static inline void buf_put_u8(struct buf_writer *out, uint8_t v) { buf_put_le(out, v, 1); }
static inline void buf_put_u16(struct buf_writer *out, uint16_t v) { buf_put_le(out, v, 2); }
static inline void buf_put_u32(struct buf_writer *out, uint32_t v) { buf_put_le(out, v, 4); }
static inline void buf_put_u64(struct buf_writer *out, uint64_t v) { buf_put_le(out, v, 8); }

static inline void
buf_put_bytes(struct buf_writer *out, const void *data, size_t len)
{
	uint8_t *at = buf_put_room(out, len);

	if (at != NULL && len > 0)
		memcpy(at, data, len);
}

static inline bool buf_writer_ok(const struct buf_writer *out) { return !out->failed; }

static inline size_t
buf_written(const struct buf_writer *out)
{
	return (size_t) (out->at - out->start);
}
#endif
