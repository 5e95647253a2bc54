/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "exec/net/net_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define UDP_PAYLOAD_BYTES_MAX	65507u

/* A new transport is a file and a line here. */
static const struct net_transport *const transport_table[] = {
	[NET_UDPU] = &udpu_transport,
	[NET_UDP] = &udp_transport,
};

static int
peers_take(struct net *net, const struct net_config *config)
{
	for (size_t i = 0; i < config->peer_count; i++) {
		int r = net_peer_set(net, &config->peers[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Which port it became if we left that to the kernel. */
static int
local_take(struct net *net)
{
	socklen_t len = sizeof net->local.sa;

	return getsockname(net->fd[0], &net->local.sa.any, &len) < 0 ? -errno : 0;
}

int
net_new(const struct net_config *config, struct net **ret_net)
{
	struct net *net;
	int r;

	if ((size_t) config->kind >= sizeof transport_table / sizeof transport_table[0] ||
	    !address_valid(&config->local) || config->frame_bytes_max == 0 ||
	    config->frame_bytes_max > UDP_PAYLOAD_BYTES_MAX)
		return -EINVAL;
	net = calloc(1, sizeof *net);
	if (net == NULL)
		return -ENOMEM;
	net->transport = transport_table[config->kind];
	net->local = config->local;
	net->group = config->multicast;
	net->frame_bytes_max = config->frame_bytes_max;
	net_peers_init(&net->peers);
	batch_init(&net->batch);
	r = rx_init(&net->rx);
	if (r == 0)
		r = peers_take(net, config);
	if (r == 0)
		r = net->transport->open(net, config);
	if (r == 0)
		r = local_take(net);
	if (r < 0) {
		net_free(net);
		return r;
	}

	*ret_net = net;
	return 0;
}

struct net *
net_free(struct net *net)
{
	if (net == NULL)
		return NULL;
	for (size_t i = 0; i < net->fd_count; i++)
		(void) close(net->fd[i]);
	free(net->rx.buffer);
	free(net);
	return NULL;
}

size_t
net_fds(const struct net *net, int fds[NET_FDS_MAX])
{
	for (size_t i = 0; i < net->fd_count; i++)
		fds[i] = net->fd[i];
	return net->fd_count;
}

/* Unicast first: whatever was multicast before the token that it finds is in the group's queue by
 * the time that one is read. */
size_t
net_receive(struct net *net, size_t budget, net_receive_fn receive, net_refused_fn refused,
    void *host)
{
	size_t taken = 0;

	cs_assert(!net->receiving);
	cs_assert(budget > 0);

	net->receiving = true;
	for (size_t i = 0; i < net->fd_count; i++) {
		size_t left = budget > taken ? budget - taken : 0, sockets = net->fd_count - i;

		taken += receive_socket(net, net->fd[i], (left + sockets - 1) / sockets, receive,
		    host);
	}
	net->receiving = false;
	/* Woken with nothing to receive: then it was an error, and is still waiting to be read. */
	if (taken == 0)
		net->errors_waiting = true;
	evidence_report(net, refused, host);
	return taken;
}

void
net_reply(struct net *net, const struct net_address *to, const uint8_t *data, size_t len)
{
	uint16_t slot = peers_find_address(&net->peers, to);

	cs_assert(len > 0 && len <= net->frame_bytes_max);

	if (slot != NET_SLOT_NONE && net->peers.slot[slot].ignored)
		return;
	batch_send_now(net, to, data, len);
}

void
net_send(struct net *net, const uint32_t *node_ids, size_t count, const uint8_t *data, size_t len)
{
	net->transport->send(net, node_ids, count, data, len);
}

void
net_send_as_data(struct net *net, const uint32_t *node_ids, size_t count, const uint8_t *data,
    size_t len)
{
	net->transport->send_as_data(net, node_ids, count, data, len);
}

void
net_flush(struct net *net, net_refused_fn refused, void *host)
{
	batch_flush(net);
	evidence_report(net, refused, host);
}

/* What waits for a peer has its old address: it goes before that changes.  A learning host says the
 * same again with each datagram; that must cost nothing. */
int
net_peer_set(struct net *net, const struct net_peer *peer)
{
	struct net_address old;

	if (net_peer_address(net, peer->node_id, &old) && net_address_equal(&old, &peer->address))
		return 0;
	if (peer->address.len != 0 && (!address_valid(&peer->address) ||
	    peer->address.sa.any.sa_family != net->local.sa.any.sa_family))
		return -EAFNOSUPPORT;
	batch_flush(net);
	return peers_set(&net->peers, peer);
}

void
net_peer_remove(struct net *net, uint32_t node_id)
{
	batch_flush(net);
	peers_remove(&net->peers, node_id);
}

bool
net_peer_address(const struct net *net, uint32_t node_id, struct net_address *ret_address)
{
	uint16_t slot = peers_find(&net->peers, node_id);

	if (slot == NET_SLOT_NONE || net->peers.slot[slot].peer.address.len == 0)
		return false;
	*ret_address = net->peers.slot[slot].peer.address;
	return true;
}

void
net_ignore(struct net *net, const uint32_t *node_ids, size_t count)
{
	batch_flush(net);
	peers_ignore(&net->peers, node_ids, count);
}

bool
net_ignores(const struct net *net, uint32_t node_id)
{
	return peers_ignores(&net->peers, node_id);
}

const struct net_stats *
net_stats(const struct net *net)
{
	return &net->stats;
}
