/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Addresses: compare, hash, print.  Pure.
 */

#include "exec/net/net_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool
address_valid(const struct net_address *address)
{
	if (address->sa.any.sa_family == AF_INET)
		return address->len == sizeof address->sa.v4;
	if (address->sa.any.sa_family == AF_INET6)
		return address->len == sizeof address->sa.v6;
	return false;
}

bool
address_is_group(const struct net_address *address)
{
	if (address->sa.any.sa_family == AF_INET)
		return IN_MULTICAST(ntohl(address->sa.v4.sin_addr.s_addr));
	return IN6_IS_ADDR_MULTICAST(&address->sa.v6.sin6_addr);
}

/* Interfaces tell apart link-local addresses only, and the kernel names one only for those. */
static bool
scope_equal(uint32_t a, uint32_t b)
{
	return a == b || a == 0 || b == 0;
}

bool
net_address_equal(const struct net_address *a, const struct net_address *b)
{
	if (!address_valid(a) || !address_valid(b))
		return false;
	if (a->sa.any.sa_family != b->sa.any.sa_family)
		return false;
	if (a->sa.any.sa_family == AF_INET)
		return a->sa.v4.sin_port == b->sa.v4.sin_port &&
		    a->sa.v4.sin_addr.s_addr == b->sa.v4.sin_addr.s_addr;
	return a->sa.v6.sin6_port == b->sa.v6.sin6_port &&
	    IN6_ARE_ADDR_EQUAL(&a->sa.v6.sin6_addr, &b->sa.v6.sin6_addr) &&
	    scope_equal(a->sa.v6.sin6_scope_id, b->sa.v6.sin6_scope_id);
}

/* Equal addresses hash alike, so the interface has no part in it.  The low byte is well mixed. */
uint32_t
address_hash(const struct net_address *address)
{
	uint32_t hash, word[4] = { 0 };

	if (address->sa.any.sa_family == AF_INET) {
		word[0] = address->sa.v4.sin_addr.s_addr;
		hash = address->sa.v4.sin_port;
	} else {
		memcpy(word, &address->sa.v6.sin6_addr, sizeof word);
		hash = address->sa.v6.sin6_port;
	}
	for (size_t i = 0; i < 4; i++) {
		hash = (hash ^ word[i]) * 0x9e3779b1u;
		hash ^= hash >> 15;
	}
	return hash;
}

const char *
net_address_text(const struct net_address *address, char *text, size_t size)
{
	const void *raw = &address->sa.v4.sin_addr;

	cs_assert(size >= INET6_ADDRSTRLEN);

	if (address->sa.any.sa_family == AF_INET6)
		raw = &address->sa.v6.sin6_addr;
	if (!address_valid(address) ||
	    inet_ntop(address->sa.any.sa_family, raw, text, (socklen_t) size) == NULL)
		(void) snprintf(text, size, "unknown");
	return text;
}
