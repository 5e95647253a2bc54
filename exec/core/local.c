/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exec/base/assert.h"
#include "exec/core/local.h"
#include "exec/core/resolve.h"

/* Where the lists of `why` end at the latest, so that what to do still fits behind them. */
#define WHY_NODES_END		360u
#define WHY_OURS_END		520u
#define WHY_ITEM_BYTES		128u

static const uint8_t *
address_bytes(const struct net_address *a, size_t *ret_len)
{
	if (a->sa.any.sa_family == AF_INET) {
		*ret_len = sizeof a->sa.v4.sin_addr;
		return (const uint8_t *) &a->sa.v4.sin_addr;
	}
	*ret_len = sizeof a->sa.v6.sin6_addr;
	return a->sa.v6.sin6_addr.s6_addr;
}

/* The first `bits` bits are the same, and the family. */
static bool
same_network(const struct net_address *a, const struct net_address *b, unsigned int bits)
{
	size_t len, other_len;
	const uint8_t *x, *y;

	if (a->len == 0 || b->len == 0 || a->sa.any.sa_family != b->sa.any.sa_family)
		return false;
	x = address_bytes(a, &len);
	y = address_bytes(b, &other_len);
	cs_assert(len == other_len && bits <= 8 * len);
	if (memcmp(x, y, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((x[bits / 8] ^ y[bits / 8]) >> (8 - bits % 8)) == 0;
}

static unsigned int
family_bits(const struct net_address *a)
{
	return a->sa.any.sa_family == AF_INET ? 32 : 128;
}

/* All of 127.0.0.0/8 is ours though the interface has one address of it only. */
static bool
is_ours(const struct net_address *address, const struct local_address *ours, size_t count)
{
	for (size_t i = 0; address->len > 0 && i < count; i++) {
		unsigned int bits = ours[i].loopback ? ours[i].prefix_bits
		    : family_bits(&ours[i].address);

		if (same_network(address, &ours[i].address, bits))
			return true;
	}
	return false;
}

static void __attribute__((format(printf, 2, 3)))
why_add(char why[LOCAL_WHY_MAX], const char *format, ...)
{
	size_t len = strlen(why);
	va_list args;

	va_start(args, format);
	(void) vsnprintf(why + len, LOCAL_WHY_MAX - len, format, args);
	va_end(args);
}

/* False: the list is long enough. */
static bool
why_item(char why[LOCAL_WHY_MAX], size_t end, bool first, const char *item)
{
	if (strlen(why) + strlen(item) > end)
		return false;
	why_add(why, "%s %s", first ? "" : ",", item);
	return true;
}

/* What the list says, and what that is: "looked for: 10.1.0.4 (node 1), a-name = 10.1.0.7 …". */
static void
why_nodes(char why[LOCAL_WHY_MAX], const struct config *config,
    const struct net_address *resolved)
{
	char item[WHY_ITEM_BYTES], text[INET6_ADDRSTRLEN];
	size_t count = 0;

	why_add(why, "; looked for:");
	for (; count < config->node_count; count++) {
		const struct config_node *node = &config->nodes[count];
		const char *address = resolved[count].len == 0 ? "?"
		    : net_address_text(&resolved[count], text, sizeof text);
		bool same = strcmp(address, node->address[0]) == 0;

		(void) snprintf(item, sizeof item, "%.40s%s%s (node %" PRIu64 ")",
		    node->address[0], same ? "" : " = ", same ? "" : address, node->node_id);
		if (!why_item(why, WHY_NODES_END, count == 0, item))
			break;
	}
	if (count < config->node_count)
		why_add(why, " and %zu more", config->node_count - count);
}

/* Those of real interfaces first: they are what somebody looks for. */
static void
why_ours(char why[LOCAL_WHY_MAX], const struct local_address *ours, size_t ours_count)
{
	char text[INET6_ADDRSTRLEN];
	size_t count = 0;
	bool full = false;

	why_add(why, "; this machine has:%s", ours_count == 0 ? " none" : "");
	for (int loopback = 0; loopback < 2; loopback++) {
		for (size_t i = 0; i < ours_count && !full; i++) {
			if (ours[i].loopback != (loopback == 1))
				continue;
			(void) net_address_text(&ours[i].address, text, sizeof text);
			full = !why_item(why, WHY_OURS_END, count == 0, text);
			count += !full;
		}
	}
	if (full)
		why_add(why, " and %zu more", ours_count - count);
}

/* No node list: the interface that bindnetaddr names. */
static int
find_by_network(const struct config *config, const struct local_address *ours, size_t count,
    struct local_found *ret_found, char why[LOCAL_WHY_MAX])
{
	const struct local_address *best = NULL;
	struct net_address bind;
	uint64_t node_id = config->node_id;

	if (!resolve_numeric(config->link.bind, (enum config_ip_version) config->ip_version,
	    &bind)) {
		(void) snprintf(why, LOCAL_WHY_MAX, "totem.interface.bindnetaddr: '%s' is not an "
		    "address of the family that ip_version allows", config->link.bind);
		return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		if (same_network(&bind, &ours[i].address, family_bits(&bind)))
			best = &ours[i];	/* an exact address wins */
		else if (best == NULL
		    && same_network(&bind, &ours[i].address, ours[i].prefix_bits))
			best = &ours[i];
	}
	if (best == NULL) {
		(void) snprintf(why, LOCAL_WHY_MAX, "no interface that is up has an address in the "
		    "network of bindnetaddr %s", config->link.bind);
		why_ours(why, ours, count);
		why_add(why, "; correct bindnetaddr or bring the interface up");
		return -EAGAIN;
	}
	if (node_id == CONFIG_UNSET && best->address.sa.any.sa_family == AF_INET) {
		node_id = ntohl(best->address.sa.v4.sin_addr.s_addr);
		if (config->clear_node_high_bit)
			node_id &= 0x7fffffff;
	}
	if (node_id == CONFIG_UNSET) {
		(void) snprintf(why, LOCAL_WHY_MAX, "totem.nodeid is missing: an IPv6 address does "
		    "not give a node id");
		return -EINVAL;
	}
	ret_found->node_id = (uint32_t) node_id;
	ret_found->address = best->address;
	resolve_port_set(&ret_found->address, (uint16_t) config->link.port);
	return 0;
}

static void
node_take(const struct config *config, const struct net_address *resolved, size_t index,
    struct local_found *ret_found)
{
	ret_found->node_id = (uint32_t) config->nodes[index].node_id;
	ret_found->address = resolved[index];
	resolve_port_set(&ret_found->address, (uint16_t) config->nodes[index].port);
}

static int
find_named(const struct config *config, const struct net_address *resolved,
    const struct local_address *ours, size_t count, struct local_found *ret_found,
    char why[LOCAL_WHY_MAX])
{
	int index = config_node_index(config, (uint32_t) config->node_id);
	const struct config_node *node;

	cs_assert(index >= 0);		/* config_finish() saw to it */
	node = &config->nodes[index];
	if (resolved[index].len == 0) {
		(void) snprintf(why, LOCAL_WHY_MAX, "our own name '%s' (node %" PRIu64
		    ") does not resolve", node->address[0], node->node_id);
		return -EAGAIN;
	}
	if (!is_ours(&resolved[index], ours, count)) {
		(void) snprintf(why, LOCAL_WHY_MAX, "no interface that is up has our address '%s' "
		    "(node %" PRIu64 ")", node->address[0], node->node_id);
		why_ours(why, ours, count);
		why_add(why, "; correct nodeid or the node's ring0_addr, or bring the interface "
		    "up");
		return -EAGAIN;
	}
	node_take(config, resolved, (size_t) index, ret_found);
	return 0;
}

int
local_find(const struct config *config, const struct net_address *resolved,
    const struct local_address *ours, size_t ours_count, struct local_found *ret_found,
    char why[LOCAL_WHY_MAX])
{
	size_t match = 0, match_count = 0, unresolved_count = 0;

	if (config->node_count == 0)
		return find_by_network(config, ours, ours_count, ret_found, why);
	if (config->node_id != CONFIG_UNSET)
		return find_named(config, resolved, ours, ours_count, ret_found, why);
	for (size_t i = 0; i < config->node_count; i++) {
		unresolved_count += resolved[i].len == 0;
		if (!is_ours(&resolved[i], ours, ours_count))
			continue;
		match = i;
		match_count++;
	}
	if (match_count == 1) {
		node_take(config, resolved, match, ret_found);
		return 0;
	}
	if (match_count == 0) {
		(void) snprintf(why, LOCAL_WHY_MAX, "no interface that is up has the address of a "
		    "node of the node list%s", unresolved_count > 0
		    ? ", and not all of its names resolve" : "");
		why_nodes(why, config, resolved);
		why_ours(why, ours, ours_count);
		why_add(why, "; correct this node's ring0_addr or bring its interface up");
		return -EAGAIN;
	}
	(void) snprintf(why, LOCAL_WHY_MAX, "%zu nodes of the node list have addresses of this "
	    "machine; totem.nodeid or the option --nodeid must say which of them this daemon is",
	    match_count);
	return -EINVAL;
}

static unsigned int
mask_bits(const struct sockaddr *mask)
{
	struct net_address a = { 0 };
	const uint8_t *bytes;
	unsigned int bits = 0;
	size_t len;

	memcpy(&a.sa, mask, mask->sa_family == AF_INET ? sizeof a.sa.v4 : sizeof a.sa.v6);
	bytes = address_bytes(&a, &len);
	while (bits < 8 * len && (bytes[bits / 8] >> (7 - bits % 8) & 1) != 0)
		bits++;
	return bits;
}

size_t
local_addresses(struct local_address ours[LOCAL_ADDRESSES_MAX])
{
	struct ifaddrs *list;
	size_t count = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct local_address *to = &ours[count];
		int family = i->ifa_addr != NULL ? i->ifa_addr->sa_family : AF_UNSPEC;

		if ((family != AF_INET && family != AF_INET6) || i->ifa_netmask == NULL
		    || (i->ifa_flags & IFF_UP) == 0 || count == LOCAL_ADDRESSES_MAX)
			continue;
		*to = (struct local_address) { .loopback = (i->ifa_flags & IFF_LOOPBACK) != 0 };
		to->address.len = family == AF_INET ? sizeof to->address.sa.v4
		    : sizeof to->address.sa.v6;
		memcpy(&to->address.sa, i->ifa_addr, to->address.len);
		resolve_port_set(&to->address, 0);
		to->prefix_bits = mask_bits(i->ifa_netmask);
		count++;
	}
	freeifaddrs(list);
	return count;
}

void
local_multicast(const struct config *config, int family, struct net_address *ret_group)
{
	uint16_t low = (uint16_t) totem_cluster_hash(config->cluster_name);
	struct net_address a = { 0 };
	char text[INET6_ADDRSTRLEN];
	bool known;

	if (config->link.broadcast)
		(void) snprintf(text, sizeof text, "255.255.255.255");
	else if (config->link.multicast[0] != '\0')
		(void) snprintf(text, sizeof text, "%.*s", (int) sizeof text - 1,
		    config->link.multicast);
	else if (family == AF_INET)
		(void) snprintf(text, sizeof text, "239.192.%u.%u",
		    (unsigned int) low >> 8, low & 0xffu);
	else
		(void) snprintf(text, sizeof text, "ff15::%x", low);
	known = resolve_numeric(text, CONFIG_IP_64, &a);
	cs_assert(known);	/* config_finish() checked what the file says */
	resolve_port_set(&a, (uint16_t) config->link.port);
	*ret_group = a;
}
