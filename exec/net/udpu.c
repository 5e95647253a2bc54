/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Transport udpu: every frame goes to each recipient by itself.
 */
#include "exec/net/net_internal.h"

static int
udpu_open(struct net *net, const struct net_config *config)
{
	int fd;

	return socket_open(net, config, &config->local, /* shared= */ false, &fd);
}

/* Nobody is named: to everybody known. */
static void
known_send(struct net *net, const uint8_t *data, size_t len)
{
	for (uint16_t i = 0; i < NET_PEERS_MAX; i++) {
		const struct net_peer_slot *slot = &net->peers.slot[i];

		if (slot->used && !slot->ignored && slot->peer.address.len != 0)
			batch_add(net, i, data, len);
	}
}

static void
udpu_send(struct net *net, const uint32_t *node_ids, size_t count, const uint8_t *data, size_t len)
{
	if (count == 0)
		known_send(net, data, len);
	for (size_t i = 0; i < count; i++) {
		uint16_t slot = peers_find(&net->peers, node_ids[i]);

		if (slot == NET_SLOT_NONE || net->peers.slot[slot].ignored ||
		    net->peers.slot[slot].peer.address.len == 0)
			continue;
		batch_add(net, slot, data, len);
	}
}

const struct net_transport udpu_transport = {
	.name = "udpu",
	.open = udpu_open,
	.send = udpu_send,
	.send_as_data = udpu_send,
};
