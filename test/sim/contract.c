/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the host may do wrong, and what it may ask at any time: totem.h promises an answer to each,
 * and that nothing else comes of it.
 */
#include <errno.h>

#include "exec/base/assert.h"
#include "test/sim/sim.h"

static void
contract_refused(const struct totem_config *config)
{
	struct totem *totem = NULL;

	cs_assert(totem_new(config, &totem) == -EINVAL);
	cs_assert(totem == NULL);
}

/* No totem comes of a configuration that cannot be. */
void
contract_new(const struct totem_config *config)
{
	uint32_t twice[] = { config->node_id + 1, config->node_id + 1 };
	struct totem_config bad = *config;

	bad.node_id = 0;
	contract_refused(&bad);
	bad = *config;
	bad.incarnation = 0;
	contract_refused(&bad);
	bad = *config;
	bad.frame_bytes_max = TOTEM_FRAME_BYTES_MIN - 1;
	contract_refused(&bad);
	bad.frame_bytes_max = TOTEM_FRAME_BYTES_MAX + 1;
	contract_refused(&bad);
	bad = *config;
	bad.peer_count = TOTEM_NODES_MAX;
	contract_refused(&bad);
	bad = *config;
	bad.ring_seq_floor = UINT64_MAX;
	contract_refused(&bad);
	bad = *config;
	bad.peers = twice;
	bad.peer_count = 2;
	contract_refused(&bad);
	twice[0] = 0;
	bad.peer_count = 1;
	contract_refused(&bad);
	cs_assert(totem_free(NULL) == NULL);
}

/* What the daemon's status commands ask. */
void
contract_ask(struct sim *sim, struct host *host)
{
	uint64_t now_ns = host_clock(sim, host);
	size_t count;
	const struct totem_member *members = totem_members(host->totem, &count);

	cs_assert(totem_hears(host->totem, now_ns, host->node_id));
	cs_assert(!totem_hears(host->totem, now_ns, 0xfffffff0u));
	cs_assert(totem_round_trip_ns(host->totem, 0xfffffff0u) == 0);
	for (uint32_t i = 0; i < sim->node_count; i++) {
		(void) totem_hears(host->totem, now_ns, sim->node_ids[i]);
		(void) totem_hears(host->totem, 0, sim->node_ids[i]);
		cs_assert(totem_round_trip_ns(host->totem, sim->node_ids[i]) < 100 * SEC_NS);
	}
	for (size_t i = 1; i < count; i++)
		cs_assert(members[i - 1].node_id < members[i].node_id);
	cs_assert(totem_app_room(host->totem) <= TOTEM_APP_QUEUE_BYTES);
	cs_assert(*totem_state_name(TOTEM_STATE_COUNT) == '?');
	cs_assert(*totem_cause_name(TOTEM_CAUSE_COUNT) == '?');
	cs_assert(*totem_drop_name((enum totem_drop) (TOTEM_ACCEPTED + 1)) == '?');
}

/* What cannot be, asked of one that runs. */
void
contract_misuse(struct sim *sim, struct host *host)
{
	uint64_t now_ns = host_clock(sim, host);
	uint32_t peers[TOTEM_NODES_MAX] = { 0 };

	cs_assert(totem_submit(host->totem, now_ns, TOTEM_QUEUE_APP, TOTEM_AGREED, sim->scratch,
	    TOTEM_MESSAGE_BYTES_MAX + 1u, NULL) == -EMSGSIZE);
	cs_assert(totem_reconfigure(host->totem, now_ns, &sim->timing, peers, 1) == -EINVAL);
	peers[0] = host->node_id;
	cs_assert(totem_reconfigure(host->totem, now_ns, &sim->timing, peers, 1) == -EINVAL);
	for (uint32_t i = 0; i < TOTEM_NODES_MAX; i++)
		peers[i] = 0xffffff00u + i;
	cs_assert(totem_reconfigure(host->totem, now_ns, &sim->timing, peers,
	    TOTEM_NODES_MAX) == -EINVAL);
	totem_refused(host->totem, now_ns, host->node_id);
	totem_refused(host->totem, now_ns, 0xfffffff0u);
	totem_expire(host->totem, now_ns);
}

/* Having left, it says nothing more, whatever comes. */
void
contract_left(struct sim *sim, struct host *host)
{
	uint64_t now_ns = host_clock(sim, host);
	struct totem_output output;

	cs_assert(totem_state(host->totem) == TOTEM_IDLE);
	cs_assert(totem_deadline(host->totem) == NEVER);
	cs_assert(totem_submit(host->totem, now_ns, TOTEM_QUEUE_APP, TOTEM_AGREED, sim->scratch,
	    1, NULL) == -ESHUTDOWN);
	cs_assert(totem_datagram(host->totem, now_ns, sim->scratch, 100, NULL) ==
	    TOTEM_DROP_STATE);
	totem_settle(host->totem, now_ns);
	totem_expire(host->totem, now_ns + SEC_NS);
	totem_refused(host->totem, now_ns, sim->node_ids[0]);
	totem_app_open(host->totem, now_ns);
	cs_assert(totem_app_room(host->totem) == 0);
	totem_leave(host->totem, now_ns);
	cs_assert(!totem_output(host->totem, &output));
}
