/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Opening a bound UDP socket with the options that every transport wants.
 */

#include "exec/net/net_internal.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <unistd.h>

int
socket_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

/* Ask beyond the administrator's limit first, which needs a capability; then within it.  The kernel
 * clamps silently, so look at what came of it.  It doubles the figure for its own bookkeeping. */
static uint32_t
buffer_set(int fd, int option_force, int option, uint32_t wanted_bytes)
{
	int value = wanted_bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int) wanted_bytes;
	socklen_t len = sizeof value;

	if (value > 0 && socket_option(fd, SOL_SOCKET, option_force, value) < 0)
		(void) socket_option(fd, SOL_SOCKET, option, value);
	value = 0;
	if (getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 || value < 0)
		return 0;
	return (uint32_t) value / 2;
}

/* Without it a closed port would stay silence. */
static int
socket_errors_on(int fd, int family)
{
	if (family == AF_INET)
		return socket_option(fd, IPPROTO_IP, IP_RECVERR, 1);
	return socket_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

/* What the kernel offers; kernels without it are as good, only slower. */
static void
socket_offload(struct net *net, const struct net_config *config, int fd)
{
	int value = 0;
	socklen_t len = sizeof value;

	net->stats.gso = config->gso &&
	    getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &len) == 0;
	net->stats.gro = config->gro && socket_option(fd, IPPROTO_UDP, UDP_GRO, 1) == 0;
}

int
socket_open(struct net *net, const struct net_config *config, const struct net_address *local,
    bool shared, int *ret_fd)
{
	int family = local->sa.any.sa_family, fd, r;

	cs_assert(net->fd_count < NET_SOCKETS_MAX);

	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	if (fd < 0)
		return -errno;
	if (family == AF_INET6 && (r = socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) < 0)
		goto fail;
	if (shared && (r = socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) < 0)
		goto fail;
	r = socket_errors_on(fd, family);
	if (r < 0)
		goto fail;
	net->stats.rcvbuf_bytes = buffer_set(fd, SO_RCVBUFFORCE, SO_RCVBUF, config->rcvbuf_bytes);
	net->stats.sndbuf_bytes = buffer_set(fd, SO_SNDBUFFORCE, SO_SNDBUF, config->sndbuf_bytes);
	socket_offload(net, config, fd);
	if (bind(fd, &local->sa.any, local->len) < 0) {
		r = -errno;
		goto fail;
	}

	net->fd[net->fd_count++] = fd;
	*ret_fd = fd;
	return 0;
fail:
	(void) close(fd);
	return r;
}

/* Linux takes all of 127.0.0.0/8 for its own, though the interface has one address of it. */
static bool
loopback_v4(const struct ifaddrs *at, const struct net_address *local)
{
	return (at->ifa_flags & IFF_LOOPBACK) != 0 && at->ifa_addr->sa_family == AF_INET &&
	    ntohl(local->sa.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* The interface that has this address: where groups are joined. */
int
socket_interface_find(const struct net_address *local, unsigned int *ret_index,
    unsigned int *ret_flags)
{
	struct ifaddrs *list, *at;
	unsigned int index = 0, flags = 0;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (at = list; at != NULL && index == 0; at = at->ifa_next) {
		struct net_address address = { .len = local->len };

		if (at->ifa_addr == NULL || at->ifa_addr->sa_family != local->sa.any.sa_family)
			continue;
		if (at->ifa_addr->sa_family == AF_INET) {
			address.sa.v4 = *(const struct sockaddr_in *) (const void *) at->ifa_addr;
			address.sa.v4.sin_port = local->sa.v4.sin_port;
		} else {
			address.sa.v6 = *(const struct sockaddr_in6 *) (const void *) at->ifa_addr;
			address.sa.v6.sin6_port = local->sa.v6.sin6_port;
		}
		if (!net_address_equal(&address, local) && !loopback_v4(at, local))
			continue;
		index = if_nametoindex(at->ifa_name);
		flags = at->ifa_flags;
	}
	freeifaddrs(list);
	if (index == 0)
		return -EADDRNOTAVAIL;
	*ret_index = index;
	*ret_flags = flags;
	return 0;
}
