/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The peers: a fixed table of slots, found by node id or by address.  Pure.
 */

#include "exec/net/net_internal.h"

#include <errno.h>
#include <string.h>

static uint32_t
id_hash(uint32_t node_id)
{
	node_id *= 0x9e3779b1u;
	return node_id ^ (node_id >> 15);
}

static void
hash_add(uint16_t *table, uint32_t hash, uint16_t slot)
{
	uint32_t at = hash & (NET_HASH_SLOTS - 1);

	while (table[at] != NET_SLOT_NONE)
		at = (at + 1) & (NET_HASH_SLOTS - 1);
	table[at] = slot;
}

/* Removing from open addressing is subtle and rare: build both tables anew instead. */
static void
peers_rehash(struct peers *peers)
{
	for (size_t i = 0; i < NET_HASH_SLOTS; i++)
		peers->by_id[i] = peers->by_address[i] = NET_SLOT_NONE;
	peers->used_count = 0;
	for (uint16_t i = 0; i < NET_PEERS_MAX; i++) {
		const struct net_peer *peer = &peers->slot[i].peer;

		if (!peers->slot[i].used)
			continue;
		peers->used_count++;
		hash_add(peers->by_id, id_hash(peer->node_id), i);
		if (peer->address.len != 0)
			hash_add(peers->by_address, address_hash(&peer->address), i);
	}
}

void
net_peers_init(struct peers *peers)
{
	memset(peers, 0, sizeof *peers);
	peers_rehash(peers);
}

uint16_t
peers_find(const struct peers *peers, uint32_t node_id)
{
	uint32_t at = id_hash(node_id) & (NET_HASH_SLOTS - 1);

	for (; peers->by_id[at] != NET_SLOT_NONE; at = (at + 1) & (NET_HASH_SLOTS - 1)) {
		if (peers->slot[peers->by_id[at]].peer.node_id == node_id)
			return peers->by_id[at];
	}
	return NET_SLOT_NONE;
}

uint16_t
peers_find_address(const struct peers *peers, const struct net_address *address)
{
	uint32_t at = address_hash(address) & (NET_HASH_SLOTS - 1);

	for (; peers->by_address[at] != NET_SLOT_NONE; at = (at + 1) & (NET_HASH_SLOTS - 1)) {
		if (net_address_equal(&peers->slot[peers->by_address[at]].peer.address, address))
			return peers->by_address[at];
	}
	return NET_SLOT_NONE;
}

static uint16_t
peers_find_free(const struct peers *peers)
{
	for (uint16_t i = 0; i < NET_PEERS_MAX; i++) {
		if (!peers->slot[i].used)
			return i;
	}
	return NET_SLOT_NONE;
}

int
peers_set(struct peers *peers, const struct net_peer *peer)
{
	uint16_t at = peers_find(peers, peer->node_id);
	struct net_peer_slot *slot;

	if (at == NET_SLOT_NONE)
		at = peers_find_free(peers);
	if (at == NET_SLOT_NONE)
		return -ENOSPC;
	slot = &peers->slot[at];
	*slot = (struct net_peer_slot) {
		.peer = *peer,
		.used = true,
		.ignored = peers_ignores(peers, peer->node_id),
	};
	peers_rehash(peers);
	cs_assert(peers_find(peers, peer->node_id) == at);
	return 0;
}

void
peers_remove(struct peers *peers, uint32_t node_id)
{
	uint16_t at = peers_find(peers, node_id);

	if (at == NET_SLOT_NONE)
		return;
	memset(&peers->slot[at], 0, sizeof peers->slot[at]);
	peers_rehash(peers);
	cs_assert(peers_find(peers, node_id) == NET_SLOT_NONE);
}

/* Ids are kept too, for peers whose address is learned later. */
void
peers_ignore(struct peers *peers, const uint32_t *node_ids, size_t count)
{
	if (count > NET_PEERS_MAX)
		count = NET_PEERS_MAX;
	peers->ignored_count = count;
	if (count > 0)
		memcpy(peers->ignored_ids, node_ids, count * sizeof *node_ids);
	for (size_t i = 0; i < NET_PEERS_MAX; i++) {
		struct net_peer_slot *slot = &peers->slot[i];

		slot->ignored = slot->used && peers_ignores(peers, slot->peer.node_id);
	}
}

bool
peers_ignores(const struct peers *peers, uint32_t node_id)
{
	for (size_t i = 0; i < peers->ignored_count; i++) {
		if (peers->ignored_ids[i] == node_id)
			return true;
	}
	return false;
}
