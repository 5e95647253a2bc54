/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Frames of the ring on the wire: little-endian, field by field, every length checked before use.
 * PROTOCOL.md section 4 shows them.  A decoder returns false for anything that cannot be, and then
 * leaves the caller's struct alone.
 */
#ifndef TOTEM_WIRE_H
#define TOTEM_WIRE_H
#include "exec/base/buf.h"
#include "exec/totem/totem.h"

#define WIRE_MAGIC		UINT32_C(0x72545343)	/* "CSTr" */
#define WIRE_VERSION		1u
#define WIRE_RING_ID_BYTES	20u
#define WIRE_DATA_BYTES		(TOTEM_HEADER_BYTES + WIRE_RING_ID_BYTES + 8u)	/* then chunks */
#define WIRE_CHUNK_BYTES	3u
#define WIRE_CHUNK_PAD		0xffu	/* the rest of the frame is padding */
#define WIRE_RECOVERED_BYTES	(WIRE_RING_ID_BYTES + 8u)
#define WIRE_RING_SEQ_MAX	(UINT64_C(1) << 62)	/* of a ring */
#define WIRE_RING_SEQ_HEARD_MAX	(UINT64_C(1) << 56)	/* believed: leaves room to count on */
#define WIRE_LEAVE_DIED		1u	/* behind the ring id of a LEAVE: not said by its sender */
#define WIRE_INFO_BYTES_MAX	24576u	/* commit information of 128 members */
#define WIRE_CONTROL_BYTES_MAX	TOTEM_FRAME_BYTES_MIN

enum wire_type {
	WIRE_DATA = 1,
	WIRE_TOKEN,
	WIRE_JOIN,		/* status of a node that gathers */
	WIRE_BEACON,		/* the same of one that does not, to nodes outside its ring */
	WIRE_HEARTBEAT,
	WIRE_PROBE,
	WIRE_PROBE_ACK,
	WIRE_LEAVE,
	WIRE_HOLD_CANCEL,
	WIRE_COMMIT_ASK,
	WIRE_COMMIT_ACK,
	WIRE_COMMIT_INFO,
	WIRE_INFO_ACK,
	WIRE_NOTICE,
	WIRE_TYPE_END
};

struct wire_header {
	uint8_t version;
	uint8_t type;
	uint16_t key_id;
	uint32_t cluster;
	uint32_t sender;
	uint64_t incarnation;
	uint64_t counter;
};

enum wire_chunk_flag {
	WIRE_CHUNK_FIRST = 1,
	WIRE_CHUNK_LAST = 2,
	WIRE_CHUNK_SAFE = 4,
	WIRE_CHUNK_CLASS_SHIFT = 4	/* two bits: enum send_class */
};

struct wire_data {
	struct totem_ring_id ring;
	uint32_t origin;
	uint32_t seq;
	const uint8_t *chunks;
	size_t chunks_len;
};

struct wire_range {
	uint32_t first;
	uint32_t count;
	uint8_t hops;		/* so many more holders shall repeat it, not only the first */
};

enum wire_token_flag {
	WIRE_TOKEN_HOLD = 1,		/* the keeper may let it rest */
	WIRE_TOKEN_RECOVERED = 2,	/* all members have all of their old rings' frames */
	WIRE_TOKEN_INSTALL = 4		/* and all of them know that */
};

struct wire_token {
	struct totem_ring_id ring;
	uint32_t token_seq;		/* grows by one a hop */
	uint32_t seq;			/* highest frame sequence given out */
	uint32_t aru;			/* all members have received up to here, see order.c */
	uint32_t aru_owner;		/* who lowered it last; 0: nobody */
	uint32_t keeper;		/* who numbered the last frame */
	uint32_t fcc;			/* frames sent in the last rotation by all */
	uint16_t quiet;			/* RECOVERY: holders in a row with nothing left to do */
	uint16_t brake;			/* members that ask all to slow down */
	uint8_t flags;
	uint8_t range_count;
	struct wire_range range[TOTEM_RTR_RANGES_MAX];
};

enum wire_status_flag {
	WIRE_HEARS = 1,
	WIRE_MUTUAL = 2,
	WIRE_PROPOSED = 4,
	WIRE_GIVEN_UP = 8,
	WIRE_RING = 16,			/* member of the sender's installed ring */
	WIRE_EXPECTED = 32		/* the sender waits for it */
};

struct wire_status_entry {
	uint32_t node_id;
	uint8_t flags;
	uint8_t cause;		/* WIRE_GIVEN_UP: why, enum totem_cause; for the log */
};

struct wire_status {		/* JOIN and BEACON */
	uint64_t epoch;			/* grows each time the sender begins to gather */
	uint8_t state;			/* enum totem_state */
	uint64_t ring_seq_max;		/* highest ring sequence the sender knows of */
	struct totem_ring_id ring;	/* installed; zero: none yet */
	uint16_t entry_count;
	struct wire_status_entry entry[TOTEM_NODES_MAX];
};

struct wire_commit_member {
	uint32_t node_id;
	uint64_t incarnation;
	uint64_t epoch;
	uint8_t group;		/* COMMIT_INFO: index of its old ring; 0xff: it had none */
	uint32_t aru, high;	/* COMMIT_INFO: of its old ring */
};

struct wire_commit_group {
	struct totem_ring_id ring;
	uint32_t safe;		/* highest known to be safe by any of the group */
	uint16_t obliged_count;
	uint32_t obliged[TOTEM_NODES_MAX];
};

struct wire_commit {		/* the message that ASK and INFO carry in segments */
	struct totem_ring_id ring;
	bool info;
	uint32_t frame_bytes;	/* INFO */
	uint32_t seq_first;	/* INFO */
	uint32_t window;	/* INFO: frames that every member can keep */
	uint16_t member_count;
	uint16_t group_count;
	struct wire_commit_member member[TOTEM_NODES_MAX];
	struct wire_commit_group group[TOTEM_NODES_MAX];
};

struct wire_ack {		/* COMMIT_ACK */
	struct totem_ring_id ring;
	struct totem_ring_id old;	/* zero: none */
	uint32_t aru, high, safe;
	uint32_t frame_bytes;
	uint32_t window;	/* frames that the sender can keep */
	uint16_t obliged_count;
	uint32_t obliged[TOTEM_NODES_MAX];
};

struct wire_segment {		/* of a wire_commit */
	struct totem_ring_id ring;
	uint8_t index, count;
	const uint8_t *data;
	size_t len;
};

/* Writes the header of a frame of `len` bytes whose body is already in place, and seals it with the
 * checksum. */
void wire_seal(uint8_t *frame, size_t len, const struct wire_header *header);
/* TOTEM_ACCEPTED, or SHORT, MAGIC, VERSION (then only ret->version is set), CHECKSUM, TYPE. */
enum totem_drop wire_open(const uint8_t *frame, size_t len, struct wire_header *ret_header);

void wire_ring_id_put(struct buf_writer *out, const struct totem_ring_id *id);
struct totem_ring_id wire_ring_id_get(struct buf_reader *in);
bool wire_ring_id_equal(const struct totem_ring_id *a, const struct totem_ring_id *b);
bool wire_ring_id_none(const struct totem_ring_id *id);

/* Bodies: everything behind the header. */
void wire_data_head_put(struct buf_writer *out, const struct totem_ring_id *ring, uint32_t origin,
    uint32_t seq);
bool wire_data_get(const uint8_t *body, size_t len, struct wire_data *ret_data);
void wire_token_put(struct buf_writer *out, const struct wire_token *token);
bool wire_token_get(const uint8_t *body, size_t len, struct wire_token *ret_token);
void wire_status_put(struct buf_writer *out, const struct wire_status *status);
bool wire_status_get(const uint8_t *body, size_t len, struct wire_status *ret_status);
void wire_commit_put(struct buf_writer *out, const struct wire_commit *commit);
bool wire_commit_get(const uint8_t *data, size_t len, struct wire_commit *ret_commit);
void wire_ack_put(struct buf_writer *out, const struct wire_ack *ack);
bool wire_ack_get(const uint8_t *body, size_t len, struct wire_ack *ret_ack);
void wire_segment_put(struct buf_writer *out, const struct wire_segment *segment);
bool wire_segment_get(const uint8_t *body, size_t len, struct wire_segment *ret_segment);

/* Walks the chunks of a data frame.  Every frame that wire_data_get() accepted walks to its end. */
struct wire_chunk {
	uint8_t flags;
	const uint8_t *data;
	size_t len;
};
bool wire_chunk_next(const uint8_t *chunks, size_t len, size_t *offset, struct wire_chunk *ret);
#endif
