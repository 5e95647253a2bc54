/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Which node of the list this daemon is, and the address it binds to.  Pure: the machine's
 * addresses and what the names resolved to are arguments.
 */
#ifndef CORE_LOCAL_H
#define CORE_LOCAL_H
#include <stdbool.h>
#include <stddef.h>

#include "exec/core/config.h"
#include "exec/net/net.h"

#define LOCAL_ADDRESSES_MAX	256u
#define LOCAL_WHY_MAX		640u

struct local_address {
	struct net_address address;	/* port 0 */
	unsigned int prefix_bits;
	bool loopback;
};

struct local_found {
	uint32_t node_id;
	struct net_address address;	/* to bind to, with port */
};

/* 0; -EAGAIN: not yet (no address of ours is up, a name is not resolved); -EINVAL: it can never be
 * told.  `why` says it in words unless 0.  `resolved[i]` belongs to config->nodes[i]. */
int local_find(const struct config *config, const struct net_address *resolved,
    const struct local_address *ours, size_t ours_count, struct local_found *ret_found,
    char why[LOCAL_WHY_MAX]);
/* The machine's addresses on interfaces that are up. */
size_t local_addresses(struct local_address ours[LOCAL_ADDRESSES_MAX]);
/* The group that transport udp uses. */
void local_multicast(const struct config *config, int family, struct net_address *ret_group);
#endif
