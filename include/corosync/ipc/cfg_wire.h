/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What libcfg and the cfg engine of one machine say to each other.  Native byte order, fixed
 * widths, no padding that differs between 32 and 64 bits.  Not an interface for programs.
 */
#ifndef COROSYNC_IPC_CFG_WIRE_H
#define COROSYNC_IPC_CFG_WIRE_H
#include <stdint.h>

#define CFG_WIRE_PAGE_NODES	64u	/* of a nodes reply */
#define CFG_WIRE_IGNORE_MAX	128u

enum cfg_wire_call {
	CFG_CALL_LOCAL = 1,	/* nothing -> cfg_wire_local */
	CFG_CALL_NODES = 2,	/* cfg_wire_from -> cfg_wire_nodes, then cfg_wire_node each */
	CFG_CALL_IGNORE = 3,	/* cfg_wire_ignore, then node ids -> cfg_wire_reply */
};

#define CFG_WIRE_LOCAL		1u	/* of cfg_wire_node.flags */
#define CFG_WIRE_MEMBER		2u
#define CFG_WIRE_IGNORED	4u
#define CFG_WIRE_LINK_UP	8u

struct cfg_wire_reply {
	uint32_t error;		/* cs_error_t */
	uint32_t zero;
};

struct cfg_wire_local {
	uint32_t error;
	uint32_t node_id;
};

struct cfg_wire_from {
	uint32_t first;		/* index of the first node wanted */
	uint32_t zero;
};

struct cfg_wire_nodes {
	uint32_t error;
	uint32_t count;		/* entries that follow */
	uint32_t more;		/* 1: there are nodes behind them */
	uint32_t zero;
	char transport[16];
};

struct cfg_wire_node {
	uint64_t round_trip_ns;
	uint32_t node_id;
	uint32_t flags;
	uint32_t mtu;		/* bytes of a frame */
	uint32_t port;
	char name[256];
	char address[64];
	char local_address[64];
};

struct cfg_wire_ignore {
	uint32_t count;
	uint32_t zero;
};

_Static_assert(sizeof(struct cfg_wire_nodes) == 32, "same layout for 32 and 64 bits");
_Static_assert(sizeof(struct cfg_wire_node) == 408, "same layout for 32 and 64 bits");
#endif
