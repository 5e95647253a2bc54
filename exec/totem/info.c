/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the host may ask about the ring, names of the enumerations, and default timing.
 */
#include <errno.h>

#include "exec/totem/internal.h"

#define SILENCE_NS	(700 * MS_NS)
#define HEARTBEAT_NS	(100 * MS_NS)	/* no quicker: who dies says so (last words) */
#define HEARTBEATS_MIN	5u		/* in one silence */
#define HEARD_LATELY_NS	(3 * SEC_NS)	/* who gets no answer from us speaks each 2 s (merge.c) */

uint64_t
totem_heartbeat_default(uint64_t silence_ns)
{
	uint64_t often_ns = silence_ns / HEARTBEATS_MIN;

	return often_ns < HEARTBEAT_NS ? often_ns : HEARTBEAT_NS;
}

/* The token timeout grows with the ring as users of `token` and `token_coefficient` know it; it is
 * the backstop only.  The detector's times do not depend on the number of nodes. */
struct totem_timing
totem_timing_default(size_t node_count)
{
	uint64_t token_ns = 3000 * MS_NS
	    + (node_count > 2 ? (uint64_t) (node_count - 2) * 650 * MS_NS : 0);
	uint64_t retransmit_ns = token_ns * 10 / 42;	/* token / (4 + 0.2) */

	return (struct totem_timing) {
		.token_ns = token_ns,
		.token_retransmit_ns = retransmit_ns,
		.hold_ns = retransmit_ns * 8 / 10 - 10 * MS_NS,
		.join_ns = 50 * MS_NS,
		.consensus_ns = token_ns * 12 / 10,
		.merge_ns = 200 * MS_NS,
		.heartbeat_ns = totem_heartbeat_default(SILENCE_NS),
		.silence_ns = SILENCE_NS,
		.probe_ns = 25 * MS_NS,
		.probe_count = 6,
		.idle_rotations = 2,
		.fail_recv_rotations = 2500,
	};
}

/* FNV-1a (Fowler, Noll, Vo), 64 bit: another name gives another number, nothing more is asked. */
uint64_t
totem_cluster_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t) *name) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

int
totem_reconfigure(struct totem *t, uint64_t now_ns, const struct totem_timing *timing,
    const uint32_t *peers, size_t peer_count)
{
	size_t unknown = 0;

	for (size_t i = 0; i < peer_count; i++) {
		if (peers[i] == 0 || peers[i] == t->config.node_id)
			return -EINVAL;
		unknown += peer_slot(t, peers[i]) == NO_SLOT;
	}
	if (t->peer_count + unknown > TOTEM_NODES_MAX)
		return -EINVAL;
	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
	for (size_t i = 0; i < peer_count; i++)
		if (peer_slot(t, peers[i]) == NO_SLOT)
			(void) peer_add(t, peers[i], true);
	t->timing = *timing;
	if (unknown > 0 && t->state == TOTEM_OPERATIONAL)
		totem_timer_set(t, TIMER_BEACON, t->now_ns);
	return 0;
}

enum totem_state
totem_state(const struct totem *t)
{
	return t->state;
}

const struct totem_stats *
totem_stats(const struct totem *t)
{
	return &t->stats;
}

struct totem_ring_id
totem_ring(const struct totem *t)
{
	return t->ring[t->installed].id;
}

const struct totem_member *
totem_members(const struct totem *t, size_t *ret_count)
{
	*ret_count = t->ring[t->installed].member_count;
	return t->ring[t->installed].member;
}

bool
totem_hears(const struct totem *t, uint64_t now_ns, uint32_t node_id)
{
	uint32_t slot = peer_slot(t, node_id);

	if (slot == NO_SLOT || t->peer[slot].heard_ns == 0)
		return slot == SELF;
	return now_ns < t->peer[slot].heard_ns
	    || now_ns - t->peer[slot].heard_ns < HEARD_LATELY_NS;
}

uint64_t
totem_round_trip_ns(const struct totem *t, uint32_t node_id)
{
	uint32_t slot = peer_slot(t, node_id);

	return slot == NO_SLOT ? 0 : t->peer[slot].round_trip_ns;
}

const char *
totem_state_name(enum totem_state state)
{
	static const char *const name[TOTEM_STATE_COUNT] = {
		[TOTEM_IDLE] = "IDLE", [TOTEM_GATHER] = "GATHER", [TOTEM_COMMIT] = "COMMIT",
		[TOTEM_RECOVERY] = "RECOVERY", [TOTEM_OPERATIONAL] = "OPERATIONAL",
	};

	return state < TOTEM_STATE_COUNT ? name[state] : "?";
}

const char *
totem_cause_name(enum totem_cause cause)
{
	static const char *const name[TOTEM_CAUSE_COUNT] = {
		[TOTEM_CAUSE_NONE] = "none", [TOTEM_CAUSE_START] = "start",
		[TOTEM_CAUSE_TOKEN_LOST] = "token lost", [TOTEM_CAUSE_PORT_CLOSED] = "port closed",
		[TOTEM_CAUSE_SILENT] = "silent", [TOTEM_CAUSE_LEFT] = "left",
		[TOTEM_CAUSE_RESTARTED] = "restarted", [TOTEM_CAUSE_EXCLUDED] = "excluded",
		[TOTEM_CAUSE_JOIN] = "join", [TOTEM_CAUSE_MERGE] = "merge",
		[TOTEM_CAUSE_PAUSED] = "paused", [TOTEM_CAUSE_COMMIT_FAILED] = "commit failed",
		[TOTEM_CAUSE_CONSENSUS] = "consensus", [TOTEM_CAUSE_COMMITTED] = "committed",
		[TOTEM_CAUSE_RECOVERED] = "recovered",
		[TOTEM_CAUSE_FAILED_TO_RECEIVE] = "failed to receive",
		[TOTEM_CAUSE_PARTITIONED] = "partitioned",
	};

	return cause < TOTEM_CAUSE_COUNT ? name[cause] : "?";
}

const char *
totem_drop_name(enum totem_drop drop)
{
	static const char *const name[TOTEM_DROP_COUNT + 1] = {
		[TOTEM_DROP_SHORT] = "short", [TOTEM_DROP_MAGIC] = "magic",
		[TOTEM_DROP_VERSION] = "version", [TOTEM_DROP_CLUSTER] = "cluster",
		[TOTEM_DROP_TYPE] = "type", [TOTEM_DROP_MALFORMED] = "malformed",
		[TOTEM_DROP_SELF] = "self", [TOTEM_DROP_DUPLICATE_ID] = "duplicate_id",
		[TOTEM_DROP_UNKNOWN_NODE] = "unknown_node", [TOTEM_DROP_STALE_RING] = "stale_ring",
		[TOTEM_DROP_STALE] = "stale", [TOTEM_DROP_DUPLICATE] = "duplicate",
		[TOTEM_DROP_WINDOW] = "window", [TOTEM_DROP_STATE] = "state",
		[TOTEM_DROP_CHECKSUM] = "checksum", [TOTEM_ACCEPTED] = "accepted",
	};

	return drop <= TOTEM_ACCEPTED ? name[drop] : "?";
}
