/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Evidence that a peer's port is closed: ICMP "port unreachable", by way of the error queue.  Other
 * ICMP (host or network unreachable, fragmentation needed) tells of the way there, not of the
 * peer's daemon, and is read and forgotten.
 */

#include "exec/net/net_internal.h"

#include <time.h>
#include <linux/errqueue.h>	/* wants timespec */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define READ_MESSAGES	16u	/* errors in one call */
/* The error, and behind it the sockaddr of who complained. */
#define CONTROL_BYTES	CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))

/* What a datagram of ours met, and where it was sent to. */
struct evidence {
	struct net_address to;
	struct {
		_Alignas(struct cmsghdr) char bytes[CONTROL_BYTES];
	} control;
};

static bool
is_port_closed(struct msghdr *header)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(header); cmsg != NULL; cmsg = CMSG_NXTHDR(header, cmsg)) {
		struct sock_extended_err error;
		bool v4 = cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR;
		bool v6 = cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR;

		if ((!v4 && !v6) || cmsg->cmsg_len < CMSG_LEN(sizeof error))
			continue;
		memcpy(&error, CMSG_DATA(cmsg), sizeof error);
		if (v4 && error.ee_origin == SO_EE_ORIGIN_ICMP &&
		    error.ee_type == ICMP_DEST_UNREACH && error.ee_code == ICMP_PORT_UNREACH)
			return true;
		if (v6 && error.ee_origin == SO_EE_ORIGIN_ICMP6 &&
		    error.ee_type == ICMP6_DST_UNREACH && error.ee_code == ICMP6_DST_UNREACH_NOPORT)
			return true;
	}
	return false;
}

static void
evidence_take(struct net *net, struct mmsghdr *message, struct evidence *evidence)
{
	uint16_t slot;

	evidence->to.len = message->msg_hdr.msg_namelen;
	if (!is_port_closed(&message->msg_hdr) || !address_valid(&evidence->to))
		return;
	slot = peers_find_address(&net->peers, &evidence->to);
	if (slot == NET_SLOT_NONE || net->peers.slot[slot].ignored)
		return;
	net->stats.refused++;
	net->peers.slot[slot].refused = true;
}

/* Empty the error queue; the last read of it clears the socket's pending error. */
void
evidence_read(struct net *net)
{
	struct evidence evidence[READ_MESSAGES];
	struct mmsghdr message[READ_MESSAGES];
	int got = (int) READ_MESSAGES;

	net->errors_waiting = false;
	for (size_t n = 0; n < NET_EVIDENCE_READ_MAX && got == (int) READ_MESSAGES;
	    n += READ_MESSAGES) {
		for (size_t i = 0; i < READ_MESSAGES; i++) {
			message[i] = (struct mmsghdr) {
				.msg_hdr = {
					.msg_name = &evidence[i].to.sa,
					.msg_namelen = sizeof evidence[i].to.sa,
					.msg_control = evidence[i].control.bytes,
					.msg_controllen = sizeof evidence[i].control.bytes,
				},
			};
		}
		got = recvmmsg(net->fd[0], message, READ_MESSAGES, MSG_ERRQUEUE | MSG_DONTWAIT,
		    NULL);
		for (int i = 0; i < got; i++)
			evidence_take(net, &message[i], &evidence[i]);
	}
}

/* What the host does about a report may send and flush again: no report within a report.  What is
 * not reported now stays in the kernel if it can: there it keeps waking whoever polls. */
void
evidence_report(struct net *net, net_refused_fn refused, void *host)
{
	if (net->reporting || refused == NULL)
		return;
	if (net->errors_waiting)
		evidence_read(net);
	net->reporting = true;
	for (size_t i = 0; i < NET_PEERS_MAX; i++) {
		struct net_peer_slot *slot = &net->peers.slot[i];

		if (!slot->refused)
			continue;
		slot->refused = false;
		refused(host, slot->peer.node_id);
	}
	net->reporting = false;
}
