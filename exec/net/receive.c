/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Receiving: many datagrams a system call, and trains of them (UDP GRO) taken apart.
 */
#include "exec/net/net_internal.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

int
rx_init(struct rx *rx)
{
	rx->buffer = malloc((size_t) NET_RX_SLOTS * NET_RX_SLOT_BYTES);
	if (rx->buffer == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < NET_RX_SLOTS; i++) {
		rx->iov[i] = (struct iovec) {
			.iov_base = rx->buffer + i * NET_RX_SLOT_BYTES,
			.iov_len = NET_RX_SLOT_BYTES,
		};
	}
	return 0;
}

/* The kernel overwrites lengths and flags: set them before each call. */
static void
rx_prepare(struct rx *rx, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		rx->message[i].msg_hdr = (struct msghdr) {
			.msg_name = &rx->source[i].sa,
			.msg_namelen = sizeof rx->source[i].sa,
			.msg_iov = &rx->iov[i],
			.msg_iovlen = 1,
			.msg_control = rx->control[i].bytes,
			.msg_controllen = sizeof rx->control[i].bytes,
		};
	}
}

/* Bytes of each datagram in the train, or 0: it is a single one. */
static size_t
rx_segment_bytes(struct msghdr *header)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(header); cmsg != NULL; cmsg = CMSG_NXTHDR(header, cmsg)) {
		int value;

		if (cmsg->cmsg_level != IPPROTO_UDP || cmsg->cmsg_type != UDP_GRO ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof value))
			continue;
		memcpy(&value, CMSG_DATA(cmsg), sizeof value);
		return value > 0 ? (size_t) value : 0;
	}
	return 0;
}

/* Is it for us?  Counts it if not, or if nobody knows where it is from. */
static bool
rx_wanted(struct net *net, const struct mmsghdr *message, const struct net_address *source,
    size_t datagrams)
{
	uint16_t slot;

	if ((message->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
		net->stats.rx_truncated++;
		return false;
	}
	slot = peers_find_address(&net->peers, source);
	if (slot != NET_SLOT_NONE) {
		if (net->peers.slot[slot].ignored)
			net->stats.rx_ignored += datagrams;
		return !net->peers.slot[slot].ignored;
	}
	/* Only we can send from our address and port: a multicast of ours comes back. */
	if (net_address_equal(source, &net->local)) {
		net->stats.rx_own += datagrams;
		return false;
	}
	net->stats.rx_unknown_source += datagrams;
	return true;
}

/* Hand out what one message holds.  Returns the number of datagrams in it. */
static size_t
rx_take(struct net *net, size_t index, net_receive_fn receive, void *host)
{
	struct mmsghdr *message = &net->rx.message[index];
	struct net_address *source = &net->rx.source[index];
	const uint8_t *data = net->rx.buffer + index * NET_RX_SLOT_BYTES;
	size_t left = message->msg_len, segment = rx_segment_bytes(&message->msg_hdr), count;

	source->len = message->msg_hdr.msg_namelen;
	if (segment == 0 || segment > left)
		segment = left;
	count = left == 0 ? 1 : (left + segment - 1) / segment;
	if (!rx_wanted(net, message, source, count))
		return count;
	net->stats.rx_datagrams += count;
	net->stats.rx_bytes += left;
	net->stats.rx_gro_trains += count > 1;
	for (size_t i = 0; i < count; i++) {
		size_t len = left < segment ? left : segment;

		receive(host, data, len, source);
		data += len;
		left -= len;
	}
	cs_assert(left == 0);
	return count;
}

size_t
receive_socket(struct net *net, int fd, size_t budget, net_receive_fn receive, void *host)
{
	uint64_t before = net->stats.rx_datagrams;
	unsigned int errors = 0;
	size_t taken = 0;

	while (taken < budget) {
		size_t wanted = budget - taken < NET_RX_SLOTS ? budget - taken : NET_RX_SLOTS;
		int got;

		rx_prepare(&net->rx, wanted);
		got = recvmmsg(fd, net->rx.message, (unsigned int) wanted, MSG_DONTWAIT, NULL);
		net->stats.rx_calls++;
		if (got < 0) {
			if (errno == EAGAIN || ++errors > NET_RX_ERRORS_MAX)
				break;
			/* A pending error, told instead of the data behind it. */
			evidence_read(net);
			continue;
		}
		for (size_t i = 0; i < (size_t) got; i++)
			taken += rx_take(net, i, receive, host);
		if ((size_t) got < wanted)
			break;
	}
	if (fd != net->fd[0])
		net->stats.rx_group += net->stats.rx_datagrams - before;
	return taken;
}
