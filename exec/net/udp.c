/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Transport udp: what is for several goes as one multicast (or broadcast), what is for one goes to
 * its address, which is configured or learned.  Two sockets: the first, bound to our address, sends
 * everything, so that others know us by one source, and receives unicast; the second, bound to the
 * group, receives what was sent to it.  Several daemons of one host share the group's port.
 */

#include "exec/net/net_internal.h"

#include <errno.h>
#include <net/if.h>

static int
group_send_options(const struct net *net, const struct net_config *config, unsigned int index)
{
	int fd = net->fd[0], r;

	if (config->broadcast)
		return socket_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
	if (net->group.sa.any.sa_family == AF_INET) {
		struct ip_mreqn request = { .imr_ifindex = (int) index };

		if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) < 0)
			return -errno;
		r = socket_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, config->ttl);
		return r < 0 ? r : socket_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
	}
	r = socket_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int) index);
	if (r < 0)
		return r;
	r = socket_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, config->ttl);
	return r < 0 ? r : socket_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
}

static int
group_join(const struct net *net, int fd, unsigned int index)
{
	const struct net_address *group = &net->group;

	if (group->sa.any.sa_family == AF_INET) {
		struct ip_mreqn request = {
			.imr_multiaddr = group->sa.v4.sin_addr, .imr_ifindex = (int) index,
		};

		/* Else what others on this host join would come here too. */
		(void) socket_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
		if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) < 0)
			return -errno;
	} else {
		struct ipv6_mreq request = {
			.ipv6mr_multiaddr = group->sa.v6.sin6_addr, .ipv6mr_interface = index,
		};

		(void) socket_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) < 0)
			return -errno;
	}
	return 0;
}

static int
udp_open(struct net *net, const struct net_config *config)
{
	unsigned int index, flags;
	int fd, r;

	if (!address_valid(&net->group) ||
	    net->group.sa.any.sa_family != net->local.sa.any.sa_family ||
	    config->broadcast == address_is_group(&net->group) || config->ttl == 0)
		return -EINVAL;
	r = socket_interface_find(&net->local, &index, &flags);
	if (r < 0)
		return r;
	/* The kernel takes such packets on loopback and delivers them to nobody, whatever its
	 * routes and flags; with IPv4 it does deliver. */
	if (net->group.sa.any.sa_family == AF_INET6 &&
	    ((flags & IFF_LOOPBACK) != 0 || (flags & IFF_MULTICAST) == 0))
		return -EOPNOTSUPP;
	if (net->group.sa.any.sa_family == AF_INET6 && net->group.sa.v6.sin6_scope_id == 0)
		net->group.sa.v6.sin6_scope_id = index;
	r = socket_open(net, config, &net->local, /* shared= */ false, &fd);
	if (r < 0)
		return r;
	r = group_send_options(net, config, index);
	if (r < 0)
		return r;
	r = socket_open(net, config, &net->group, /* shared= */ true, &fd);
	if (r < 0)
		return r;
	return config->broadcast ? 0 : group_join(net, fd, index);
}

/* One multicast reaches everybody, those that are to be ignored too: then each by itself. */
static bool
group_wanted(const struct net *net, const uint32_t *node_ids, size_t count)
{
	uint16_t slot;

	if (net->peers.ignored_count > 0)
		return false;
	if (count != 1)
		return true;
	/* The only way to reach a node whose address has not been learned. */
	slot = peers_find(&net->peers, node_ids[0]);
	return slot != NET_SLOT_NONE && net->peers.slot[slot].peer.address.len == 0;
}

static void
udp_send(struct net *net, const uint32_t *node_ids, size_t count, const uint8_t *data, size_t len)
{
	if (group_wanted(net, node_ids, count))
		batch_add(net, NET_SLOT_GROUP, data, len);
	else
		udpu_transport.send(net, node_ids, count, data, len);
}

static void
udp_send_as_data(struct net *net, const uint32_t *node_ids, size_t count, const uint8_t *data,
    size_t len)
{
	/* Two nodes never need the group: their data has one recipient. */
	udp_send(net, node_ids, net->peers.used_count > 1 ? 0 : count, data, len);
}

const struct net_transport udp_transport = {
	.name = "udp",
	.open = udp_open,
	.send = udp_send,
	.send_as_data = udp_send_as_data,
};
