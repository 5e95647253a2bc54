/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What libcpg and the cpg engine of one machine say to each other: the payloads of synchronous
 * calls, of the records to the daemon and of the events to the client.  Native byte order, fixed
 * widths, no padding that differs between 32 and 64 bits.  Not an interface for programs.
 */
#ifndef COROSYNC_IPC_CPG_WIRE_H
#define COROSYNC_IPC_CPG_WIRE_H
#include <stdint.h>

#define CPG_WIRE_NAME_BYTES		128u
#define CPG_WIRE_ATOMIC_BYTES		(1048576u - 1024u)	/* what max_atomic says */
#define CPG_WIRE_MESSAGE_BYTES_MAX	1048576u		/* goes in one piece all the same */
#define CPG_WIRE_PART_BYTES_MAX		262144u
#define CPG_WIRE_LARGE_BYTES_MAX	67108864u		/* in parts, 64 MiB */
#define CPG_WIRE_MEMBERS_MAX		128u			/* of a membership reply */
#define CPG_WIRE_PAGE_ENTRIES		16u			/* of an iteration reply */

/* Calls.  Every reply begins with struct cpg_wire_reply. */
enum cpg_wire_call {
	CPG_CALL_OPEN = 1,	/* cpg_wire_open -> cpg_wire_opened; the first of a connection */
	CPG_CALL_JOIN = 2,	/* cpg_wire_name -> cpg_wire_reply */
	CPG_CALL_LEAVE = 3,	/* cpg_wire_name -> cpg_wire_reply */
	CPG_CALL_FINALIZE = 4,	/* nothing -> cpg_wire_reply */
	CPG_CALL_MEMBERSHIP = 5,	/* cpg_wire_name -> cpg_wire_members */
	CPG_CALL_ITERATE = 6,	/* cpg_wire_iterate -> cpg_wire_page */
	CPG_CALL_LARGE_END = 7,	/* cpg_wire_mcast -> cpg_wire_reply, when the message is in order */
};

/* Records of the data ring: cpg_wire_mcast or cpg_wire_part, then the bytes. */
enum cpg_wire_record {
	CPG_RECORD_MCAST = 1,
	CPG_RECORD_PART = 2,
};

enum cpg_wire_event {
	CPG_EVENT_DELIVER = 1,	/* cpg_wire_deliver, bytes */
	CPG_EVENT_PART = 2,	/* cpg_wire_deliver_part, bytes */
	CPG_EVENT_OWN = 3,	/* nothing: our own large message is next in the order */
	CPG_EVENT_CONFCHG = 4,	/* cpg_wire_confchg, then members, left, joined */
	CPG_EVENT_TOTEM = 5,	/* cpg_wire_totem, then node ids */
};

#define CPG_WIRE_WANT_TOTEM	1u	/* of cpg_wire_open.flags: send CPG_EVENT_TOTEM */
#define CPG_WIRE_WANT_INITIAL	2u	/* and one after each join */

#define CPG_WIRE_PART_FIRST	1u
#define CPG_WIRE_PART_LAST	2u
#define CPG_WIRE_PART_SAFE	4u	/* of events: the rest may come behind its sender's leave */

struct cpg_wire_reply {
	uint32_t error;			/* cs_error_t */
	uint32_t zero;
};

struct cpg_wire_open {
	uint32_t flags;
	uint32_t zero;
};

struct cpg_wire_opened {
	struct cpg_wire_reply reply;
	uint32_t node_id;
	uint32_t pid;			/* ours, as the daemon sees it and others will */
};

struct cpg_wire_name {
	uint32_t length;
	char value[CPG_WIRE_NAME_BYTES];
};

struct cpg_wire_address {		/* laid out as struct cpg_address */
	uint32_t node_id;
	uint32_t pid;
	uint32_t reason;
};

struct cpg_wire_members {
	struct cpg_wire_reply reply;
	uint32_t count;
	uint32_t zero;
	struct cpg_wire_address member[CPG_WIRE_MEMBERS_MAX];
};

struct cpg_wire_entry {			/* laid out as struct cpg_iteration_description_t */
	struct cpg_wire_name name;
	uint32_t node_id;
	uint32_t pid;
};

struct cpg_wire_iterate {
	uint32_t type;			/* cpg_iteration_type_t */
	uint32_t resume;		/* 1: entries behind `after` */
	struct cpg_wire_name name;	/* of the group for ONE_GROUP */
	struct cpg_wire_entry after;
};

struct cpg_wire_page {
	struct cpg_wire_reply reply;
	uint32_t count;
	uint32_t more;			/* 1: ask again */
	struct cpg_wire_entry entry[CPG_WIRE_PAGE_ENTRIES];
};

struct cpg_wire_mcast {
	uint32_t guarantee;		/* cpg_guarantee_t */
	uint32_t zero;
};

struct cpg_wire_part {
	uint32_t guarantee;
	uint32_t flags;			/* CPG_WIRE_PART_FIRST */
	uint32_t total_bytes;		/* of the whole message: what its parts come to */
	uint32_t zero;
};

struct cpg_wire_deliver {
	uint32_t node_id;
	uint32_t pid;
};

struct cpg_wire_deliver_part {
	uint32_t node_id;
	uint32_t pid;
	uint32_t flags;
	uint32_t total_bytes;
};

struct cpg_wire_confchg {
	struct cpg_wire_name name;
	uint32_t member_count;
	uint32_t left_count;
	uint32_t joined_count;
	/* struct cpg_wire_address [member_count + left_count + joined_count] */
};

struct cpg_wire_totem {
	uint64_t ring_seq;
	uint32_t ring_rep;
	uint32_t member_count;
	/* uint32_t node_id[member_count] */
};

_Static_assert(sizeof(struct cpg_wire_name) == 132, "no padding");
_Static_assert(sizeof(struct cpg_wire_entry) == 140, "no padding");
_Static_assert(sizeof(struct cpg_wire_address) == 12, "no padding");
_Static_assert(sizeof(struct cpg_wire_iterate) == 280, "no padding");
_Static_assert(sizeof(struct cpg_wire_page) == 16 + 16 * 140, "no padding");
_Static_assert(sizeof(struct cpg_wire_confchg) == 144, "no padding");
_Static_assert(sizeof(struct cpg_wire_totem) == 16, "no padding");
#endif
