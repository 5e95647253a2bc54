/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The end of a run: a cluster at rest, on a network that loses nothing, meets one small mishap.
 * What happens in the wild part of a run can always be blamed on its faults; here it is known what
 * must happen, and within which time: what the ring promises its users of detection and repair,
 * with some slack for the slow networks among these.
 */
#include <inttypes.h>

#include "exec/totem/wire.h"
#include "test/sim/sim.h"

#define FRAME_TYPE_AT	5u

static const char *const trial_names[TRIAL_COUNT] = {
	[TRIAL_NONE] = "none",
	[TRIAL_CRASH] = "crash",
	[TRIAL_SILENCE] = "silent host",
	[TRIAL_LEAVE] = "leave",
	[TRIAL_RESTART] = "quick restart",
	[TRIAL_PAUSE] = "pause",
	[TRIAL_LOST_TOKEN] = "one token lost",
	[TRIAL_LOST_DATA] = "some data lost",
	[TRIAL_FORGED] = "forged refusals",
	[TRIAL_BRAKE] = "brake",
	[TRIAL_LOST_JOINS] = "first frames of a start lost",
};

const char *
trial_name(enum sim_trial trial)
{
	return trial_names[trial];
}

/* What the network takes of it: some rotations and round trips. */
static uint64_t
trial_slack_ns(const struct sim *sim)
{
	return 40 * (sim->network.delay_ns + sim->network.jitter_ns) + sim->node_count * 5 * MS_NS;
}

static bool
trial_settled(struct sim *sim)
{
	return check_v14_unsettled(&sim->history, false) == NULL;
}

static void
trial_must(struct sim *sim, sim_condition_fn condition, uint64_t limit_ns, const char *what)
{
	uint64_t from_ns = sim->now_ns;
	const char *text;

	limit_ns += trial_slack_ns(sim);
	if (sim->check.failed != 0 || sim_run_until(sim, condition, limit_ns)) {
		if (sim->now_ns - from_ns > sim->result.trial_ns[sim->trial])
			sim->result.trial_ns[sim->trial] = sim->now_ns - from_ns;
		return;
	}
	text = check_v14_unsettled(&sim->history, false);
	check_fail(&sim->check, V14_LIVENESS, "trial, %s: %s, not within %" PRIu64 " ms: %s",
	    trial_name(sim->trial), what, limit_ns / MS_NS, text == NULL ? "undelivered" : text);
	sim->check.failed_at_ns = sim->now_ns;
}

static struct host *
trial_victim(struct sim *sim)
{
	uint32_t from = (uint32_t) prng_below(&sim->chance, sim->node_count);

	for (uint32_t i = 0; i < sim->node_count; i++) {
		struct host *host = &sim->host[(from + i) % sim->node_count];

		if (host->totem != NULL)
			return host;
	}
	return NULL;
}

/* One goes, the others form a ring; it comes back, and is in the ring again. */
static void
trial_gone(struct sim *sim, struct host *victim)
{
	bool quick = sim->trial == TRIAL_LEAVE ||
	    (sim->trial == TRIAL_CRASH && !sim->icmp_filtered);

	if (sim->trial == TRIAL_LEAVE)
		host_leave(sim, victim);
	else
		host_kill(sim, victim);
	victim->up = sim->trial != TRIAL_SILENCE;
	trial_must(sim, trial_settled, quick ? 200 * MS_NS : 1500 * MS_NS, "the others go on");
	host_start(sim, victim, HOST_INTACT);
	trial_must(sim, trial_settled, SEC_NS, "it is back");
}

/* Dead and back before anybody has noticed. */
static void
trial_restart(struct sim *sim, struct host *victim)
{
	host_kill(sim, victim);
	sim_run_for(sim, dice(&sim->chance, 1, 8) * MS_NS);
	host_start(sim, victim, HOST_INTACT);
	sim_run_for(sim, MS_NS);
	trial_must(sim, trial_settled, 600 * MS_NS, "it is back");
}

/* It is stopped for long enough to be given up, and back soon after it runs again. */
static void
trial_pause(struct sim *sim, struct host *victim)
{
	host_pause(sim, victim);
	sim_run_for(sim, dice(&sim->chance, 2000, 4000) * MS_NS);
	host_resume(sim, victim);
	sim_run_for(sim, 10 * MS_NS);
	trial_must(sim, trial_settled, 1200 * MS_NS, "it is back");
}

static enum sim_verdict
trial_filter(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	uint8_t type = len > FRAME_TYPE_AT ? data[FRAME_TYPE_AT] : 0;
	bool hit = sim->trial == TRIAL_LOST_TOKEN ? type == WIRE_TOKEN :
	    sim->trial == TRIAL_LOST_DATA ? type == WIRE_DATA : from == sim->trial_host ||
	    to == sim->trial_host;

	if (!hit || sim->trial_left == 0)
		return FRAME_PASS;
	sim->trial_left--;
	return FRAME_DROP;
}

/* A token or some data are lost under load: everything is delivered soon, and no ring ends. */
static void
trial_lost(struct sim *sim, struct host *victim)
{
	uint64_t change_ns = sim->last_change_ns;

	sim->trial_left = sim->trial == TRIAL_LOST_TOKEN ? 1 : 3;
	for (uint32_t i = 0; i < sim->trial_left + 2; i++)
		workload_want(sim, victim, 300, i % 2 == 0);
	sim->filter = trial_filter;
	host_flush(sim, victim);
	trial_must(sim, sim_settled, 1500 * MS_NS, "all is delivered");
	sim->filter = NULL;
	sim_run_for(sim, SEC_NS);
	if (sim->last_change_ns != change_ns)
		check_fail(&sim->check, V14_LIVENESS, "trial, %s: the configuration changes",
		    trial_name(sim->trial));
}

static void
trial_lost_joins(struct sim *sim, struct host *victim)
{
	host_leave(sim, victim);
	trial_must(sim, trial_settled, 400 * MS_NS, "the others go on");
	sim->trial_host = victim->index;
	sim->trial_left = (uint32_t) dice(&sim->chance, 1, 12);
	sim->filter = trial_filter;
	host_start(sim, victim, HOST_INTACT);
	trial_must(sim, trial_settled, 1500 * MS_NS, "it is back");
	sim->filter = NULL;
}

/* ICMP can be forged: a member that answers probes is not given up for it. */
static void
trial_forged(struct sim *sim, struct host *victim)
{
	uint64_t change_ns = sim->last_change_ns;

	/* The three quick probes take 15 ms: that is made for a LAN. */
	if (sim->network.delay_ns + sim->network.jitter_ns > 4 * MS_NS)
		return;
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL && &sim->host[i] != victim)
			heap_push(&sim->heap, (struct happening) {
				.at_ns = sim->now_ns, .kind = HAPPEN_REFUSED, .host = i,
				.other = victim->index, .generation = sim->host[i].generation,
			});
	sim_run_for(sim, SEC_NS);
	if (sim->last_change_ns != change_ns)
		check_fail(&sim->check, V14_LIVENESS, "trial, forged refusals: one is given up");
}

/* While a member brakes all go on, slowly; when it stops, as fast as before. */
static void
trial_brake(struct sim *sim, struct host *victim)
{
	host_brake(sim, victim, true);
	sim_run_for(sim, 300 * MS_NS);
	for (uint32_t i = 0; i < 10; i++)
		workload_want(sim, victim, 300, i % 2 == 0);
	host_flush(sim, victim);
	trial_must(sim, sim_settled, 1500 * MS_NS, "all is delivered while it brakes");
	host_brake(sim, victim, false);
	for (uint32_t i = 0; i < 20; i++)
		workload_want(sim, victim, 900, i % 2 == 0);
	host_flush(sim, victim);
	trial_must(sim, sim_settled, 1500 * MS_NS, "all is delivered when it brakes no longer");
}

void
trial_run(struct sim *sim)
{
	struct host *victim = trial_victim(sim);
	uint32_t alive = 0;

	for (uint32_t i = 0; i < sim->node_count; i++)
		alive += sim->host[i].totem != NULL;
	if (sim->forever || sim->trial == TRIAL_NONE || alive < 2)
		return;
	/* A ring whose number is beyond the reserved ones waits for the disk: that is promised. */
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].storage.written_ns > sim->now_ns)
			sim_run_for(sim, sim->host[i].storage.written_ns - sim->now_ns + MS_NS);
	sim->result.trial[sim->trial]++;
	record_note(sim, "trial: %s, %u", trial_name(sim->trial), victim->node_id);
	switch (sim->trial) {
	case TRIAL_CRASH:
	case TRIAL_SILENCE:
	case TRIAL_LEAVE:
		trial_gone(sim, victim);
		break;
	case TRIAL_PAUSE:
		trial_pause(sim, victim);
		break;
	case TRIAL_LOST_TOKEN:
	case TRIAL_LOST_DATA:
		trial_lost(sim, victim);
		break;
	case TRIAL_LOST_JOINS:
		trial_lost_joins(sim, victim);
		break;
	case TRIAL_RESTART:
		trial_restart(sim, victim);
		break;
	case TRIAL_FORGED:
		trial_forged(sim, victim);
		break;
	case TRIAL_BRAKE:
		trial_brake(sim, victim);
		break;
	case TRIAL_NONE:
	case TRIAL_COUNT:
		break;
	}
	if (sim->check.failed == 0 && !sim_run_until(sim, sim_settled, 5 * SEC_NS))
		check_fail(&sim->check, V14_LIVENESS, "trial, %s: it does not come to rest",
		    trial_name(sim->trial));
}
