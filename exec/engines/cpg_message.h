/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the cpg engines of a ring say to each other, little-endian, field by field.  A process is
 * named by a number that its node gave it when it joined (JOIN and JOINLIST tell pid and group),
 * so that a message carries five bytes of ours and not the group's name.
 *
 *   JOIN      u8 1, u32 id, u32 pid, u8 length, name
 *   DEPART    u8 2, u32 id, u8 reason
 *   MCAST     u8 3, u32 id, payload; SAFE: u8 0x83
 *   PART      u8 4, u32 id, u8 flags, u32 total bytes, payload; SAFE: u8 0x84
 *   JOINLIST  u8 5, ring (u32 rep, u64 seq, u64 nonce), u16 count,
 *             count times: u32 id, u32 pid, u8 length, name
 *
 * The order does not say with which guarantee a message was sent.  The receivers must know it: it
 * decides about what a departed process said last (cpg_group.h).
 *
 * A node says its processes in as many JOINLIST messages as they take.  The host's barrier stands
 * behind them in the order, so nobody needs to count them.
 */
#ifndef ENGINES_CPG_MESSAGE_H
#define ENGINES_CPG_MESSAGE_H
#include "exec/base/buf.h"
#include "exec/engines/cpg_group.h"

#define CPG_MESSAGE_HEAD_BYTES_MAX	(1u + 4u + 4u + 1u + CPG_NAME_BYTES_MAX)
#define CPG_JOINLIST_BYTES_MAX		16384u	/* one message */

enum cpg_message_type {
	CPG_MESSAGE_JOIN = 1,
	CPG_MESSAGE_DEPART = 2,
	CPG_MESSAGE_MCAST = 3,
	CPG_MESSAGE_PART = 4,
	CPG_MESSAGE_JOINLIST = 5,
};

#define CPG_MESSAGE_SAFE	0x80u	/* of the type byte of MCAST and PART */

struct cpg_message {
	enum cpg_message_type type;
	bool safe;			/* MCAST, PART: sent with CPG_TYPE_SAFE */
	uint32_t id;			/* all but JOINLIST */
	uint32_t pid;			/* JOIN */
	uint32_t reason;		/* DEPART: cpg_reason_t */
	uint32_t flags;			/* PART: CPG_WIRE_PART_... */
	uint32_t total_bytes;		/* PART: of the whole message */
	struct cpg_group_name name;	/* JOIN */
	struct cs_ring_id ring;		/* JOINLIST */
	uint16_t entry_count;		/* JOINLIST */
	const uint8_t *payload;		/* MCAST, PART; JOINLIST: the entries.  Lent */
	size_t payload_len;
};

/* The head of any type but JOINLIST; the payload is the caller's to append.  Returns its length;
 * `size` must be CPG_MESSAGE_HEAD_BYTES_MAX at least. */
size_t cpg_message_encode(const struct cpg_message *message, uint8_t *data, size_t size);
/* 0, or -EBADMSG; then `ret_message` is untouched.  Of a JOINLIST every entry is checked. */
int cpg_message_decode(const void *data, size_t len, struct cpg_message *ret_message);

/* A JOINLIST of our own processes from `*index` on, as many as fit; moves `*index` behind them.
 * Returns its length. */
size_t cpg_joinlist_encode(const struct cpg_state *state, size_t *index, uint8_t *data,
    size_t size);
/* The next entry of a decoded JOINLIST: `in` begins at its payload.  False at the end. */
bool cpg_joinlist_next(struct buf_reader *in, struct cpg_member *ret_member,
    struct cpg_group_name *ret_name);
#endif
