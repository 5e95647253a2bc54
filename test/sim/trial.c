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
#define TOKEN_FLAGS_AT	(TOTEM_HEADER_BYTES + 48u)
#define TIMER_LATE_NS	MS_NS		/* how late the host's timers are at most */
#define LATENCY_TRIES	8u
#define RESTARTS	6u
#define PAUSES		8u
#define FORGED		12u
#define THAWED_NS	(60 * MS_NS)	/* less than who proposed another set waits */
#define REPEATED_NS	(5 * MS_NS)	/* two milliseconds, or two rotations; and a late timer */
#define LATE_TRIES	6u
#define LOAD_FRAMES	2400u		/* more than windows of the first size take in */
#define LOAD_ROTATIONS	100u		/* healthy: up to 57 seen; with the least window: 150 */
#define LOAD_BYTES	20000u		/* a message */
#define LOAD_FRAME_BYTES	1500u
#define STUCK_NS	(3 * SEC_NS)	/* of two, who cannot tell which of them it is */
#define STUCK_ROTATIONS	3750u		/* of two, too */
#define SHUNNED_NS	(2 * SEC_NS)	/* with what was before, less than it is kept out */
#define LATE_FRAMES	40u
#define LATE_GAP_NS	(3 * MS_NS)
#define STEADY_COUNT	100u
#define STEADY_GAP_NS	(200 * US_NS)
#define STEADY_NS	(5 * MS_NS)	/* more than a token is kept, and two timers are late */
#define UNANSWERED_NS	(1500 * MS_NS)	/* a second, and what comes before and behind it */
#define BELIEVED_NS	(55 * MS_NS)	/* less than a silence counts for */

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
	[TRIAL_CUT] = "one-way cut",
	[TRIAL_DOUBLE] = "double node id",
	[TRIAL_FREEZE] = "frozen machine",
	[TRIAL_QUIET_LEAVE] = "leave soon, unheard",
	[TRIAL_REST] = "resting token",
	[TRIAL_UNREADY] = "unready at the start",
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
	uint64_t hops = sim->node_count > 10 ? 4 * sim->node_count : 40;

	return hops * (sim->network.delay_ns + sim->network.jitter_ns)
	    + sim->node_count * 5 * MS_NS;
}

static bool
trial_quick(const struct sim *sim)
{
	return sim->network.delay_ns + sim->network.jitter_ns <= 300 * US_NS;
}

static bool
trial_settled(struct sim *sim)
{
	return check_v14_unsettled(&sim->history, false) == NULL;
}

static void
trial_within(struct sim *sim, sim_condition_fn condition, uint64_t limit_ns, const char *what)
{
	uint64_t from_ns = sim->now_ns;
	const char *text;

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

static void
trial_must(struct sim *sim, sim_condition_fn condition, uint64_t limit_ns, const char *what)
{
	trial_within(sim, condition, limit_ns + trial_slack_ns(sim), what);
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

/* The next one of those that live. */
static struct host *
trial_next(struct sim *sim, const struct host *host)
{
	uint32_t at = host->index;

	do
		at = (at + 1) % sim->node_count;
	while (sim->host[at].totem == NULL);
	return &sim->host[at];
}

static void
trial_fail(struct sim *sim, const char *what)
{
	if (sim->check.failed != 0)
		return;
	check_fail(&sim->check, V14_LIVENESS, "trial, %s: %s", trial_name(sim->trial), what);
	sim->check.failed_at_ns = sim->now_ns;
}

/* From here on the configuration is what it was. */
static void
trial_unchanged(struct sim *sim, uint64_t change_ns)
{
	sim_run_for(sim, SEC_NS);
	if (sim->last_change_ns != change_ns)
		trial_fail(sim, "the configuration changes");
}

/* It dies, and frames that it sent before go on arriving, one every few milliseconds: its port is
 * closed all the same. */
static void
trial_late(struct sim *sim, struct host *victim)
{
	if (!trial_quick(sim) || sim->icmp_filtered)
		return;
	sim_run_for(sim, SEC_NS);
	for (uint64_t i = 0; i < LATE_FRAMES; i++) {
		for (uint32_t k = 0; k < sim->host_count; k++)
			network_link(sim, victim->index, k)->extra_ns = i * LATE_GAP_NS;
		workload_want(sim, victim, 100, false);
		host_flush(sim, victim);
		sim_run_for(sim, MS_NS);
	}
	host_kill(sim, victim);
	for (uint32_t k = 0; k < sim->host_count; k++)
		network_link(sim, victim->index, k)->extra_ns = 0;
	trial_must(sim, trial_settled, 200 * MS_NS, "the others go on though it is still heard");
	host_start(sim, victim, HOST_INTACT);
	trial_must(sim, trial_settled, SEC_NS, "it is back again");
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
	if (sim->trial == TRIAL_CRASH)
		trial_late(sim, victim);
}

/* Dead and back before anybody has noticed.  How long that takes differs, with what the disk and
 * the others were just doing; but that its answer to a probe is believed is seen now and then, on a
 * network that is quick and when nobody is waited for who is dead. */
static void
trial_restart(struct sim *sim, struct host *victim, uint32_t alive)
{
	bool quick = alive == sim->node_count && trial_quick(sim);
	uint64_t shortest_ns = NEVER, from_ns;

	for (uint32_t i = 0; i < (quick ? RESTARTS : 1) && shortest_ns > BELIEVED_NS; i++) {
		host_kill(sim, victim);
		sim_run_for(sim, dice(&sim->chance, 1, 8) * MS_NS);
		host_start(sim, victim, HOST_INTACT);
		sim_run_for(sim, MS_NS);
		from_ns = sim->now_ns;
		trial_must(sim, trial_settled, 600 * MS_NS, "it is back");
		if (sim->now_ns - from_ns < shortest_ns)
			shortest_ns = sim->now_ns - from_ns;
		sim_run_for(sim, SEC_NS);
	}
	if (quick && shortest_ns > BELIEVED_NS)
		trial_fail(sim, "it is never known at once");
}

/* It is stopped for long enough to be given up, and back soon after it runs again: at once on a
 * network that is quick. */
static void
trial_pause(struct sim *sim, struct host *victim)
{
	bool quick = trial_quick(sim) && sim->network.loss == 0;

	for (uint32_t i = 0; i < (quick ? PAUSES : 1) && sim->check.failed == 0; i++) {
		host_pause(sim, victim);
		sim_run_for(sim, dice(&sim->chance, 2000, 4000) * MS_NS);
		host_resume(sim, victim);
		sim_run_for(sim, 10 * MS_NS);
		if (quick)
			trial_within(sim, trial_settled, THAWED_NS, "it is back at once");
		else
			trial_must(sim, trial_settled, 1200 * MS_NS, "it is back");
	}
}

/* So is its machine: no frames wait for it, it has missed them.  That it was away it knows by its
 * clock alone, and so does not go on in a ring that is none any more until somebody tells. */
static void
trial_freeze(struct sim *sim, struct host *victim)
{
	const struct proc *proc = &sim->history.proc[victim->proc];
	size_t periods = proc->period_count;

	victim->deaf = true;
	host_pause(sim, victim);
	sim_run_for(sim, dice(&sim->chance, 1300, 2500) * MS_NS);
	victim->deaf = false;
	host_resume(sim, victim);
	sim_run_for(sim, 2 * TIMER_LATE_NS);
	if (proc->state == TOTEM_OPERATIONAL && proc->period_count == periods)
		trial_fail(sim, "it does not know that it was away");
	trial_must(sim, trial_settled, 1200 * MS_NS, "it is back");
}

/* Looks at each step, not now and then. */
static void
trial_soon(struct sim *sim, uint64_t limit_ns, const char *what)
{
	uint64_t from_ns = sim->now_ns;

	while (sim->check.failed == 0 && !sim_settled(sim)) {
		if (sim->heap.count > 0 && sim->heap.entry[0].at_ns <= from_ns + limit_ns) {
			(void) sim_step(sim);
			continue;
		}
		check_fail(&sim->check, V14_LIVENESS, "trial, %s: %s, not delivered within %" PRIu64
		    " us", trial_name(sim->trial), what, limit_ns / US_NS);
		sim->check.failed_at_ns = sim->now_ns;
	}
	if (sim->now_ns - from_ns > sim->result.trial_ns[sim->trial])
		sim->result.trial_ns[sim->trial] = sim->now_ns - from_ns;
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

/* Who passed the token on that is lost repeats it, within milliseconds, whether it was marked to
 * rest or not. */
static void
trial_repeated(struct sim *sim, struct host *sender)
{
	if (!trial_quick(sim))
		return;
	for (uint32_t i = 0; i < LATE_TRIES && sim->check.failed == 0; i++) {
		sim_run_for(sim, dice(&sim->chance, 20, 60) * MS_NS);
		sim->trial_left = 1;
		sim->filter = trial_filter;
		workload_want(sim, sender, 300, false);
		host_flush(sim, sender);
		trial_soon(sim, REPEATED_NS + 8 * sim_rotation_ns(sim), "a message");
		sim->filter = NULL;
	}
}

static enum sim_verdict
trial_deaf(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) from;
	return to == sim->trial_host && len > FRAME_TYPE_AT && data[FRAME_TYPE_AT] == WIRE_DATA ?
	    FRAME_DROP : FRAME_PASS;
}

/* All but one are in a ring of their own. */
static bool
trial_parted(struct sim *sim)
{
	size_t alive = 0, count;

	for (uint32_t i = 0; i < sim->node_count; i++)
		alive += sim->host[i].totem != NULL;
	for (uint32_t i = 0; i < sim->node_count; i++) {
		const struct host *host = &sim->host[i];

		if (host->totem == NULL || i == sim->trial_host)
			continue;
		(void) totem_members(host->totem, &count);
		if (totem_state(host->totem) != TOTEM_OPERATIONAL || count != alive - 1)
			return false;
	}
	return true;
}

/* One gets every frame but those of data.  The token goes round, and nothing is delivered any more:
 * the others give it up, all of them, and do not take it in again at once. */
static void
trial_stuck(struct sim *sim, struct host *victim)
{
	struct host *other = trial_next(sim, victim);
	uint64_t limit_ns = STUCK_NS, rounds_ns = STUCK_ROTATIONS * sim_rotation_ns(sim);
	uint64_t change_ns;

	if (!trial_quick(sim) || other == victim)
		return;
	if (limit_ns < rounds_ns)
		limit_ns = rounds_ns;
	sim->trial_host = victim->index;
	sim->filter = trial_deaf;
	workload_want(sim, other, 300, false);
	host_flush(sim, other);
	trial_must(sim, trial_parted, limit_ns + SEC_NS, "the others go on without who gets no"
	    " data");
	sim_run_for(sim, 2 * SEC_NS);	/* it is alone, too */
	change_ns = sim->last_change_ns;
	sim_run_for(sim, SHUNNED_NS);
	if (sim->last_change_ns != change_ns)
		trial_fail(sim, "who gets no data is back at once");
	sim->filter = NULL;
	sim_run_for(sim, sim_apart_ns(sim));
	trial_must(sim, sim_settled, 2 * SEC_NS, "it is back");
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
	trial_unchanged(sim, change_ns);
	if (sim->trial == TRIAL_LOST_TOKEN)
		trial_repeated(sim, victim);
	else
		trial_stuck(sim, victim);
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

static enum sim_verdict
trial_lose_probes(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) from;
	if (to != sim->trial_host || len <= FRAME_TYPE_AT || data[FRAME_TYPE_AT] != WIRE_PROBE ||
	    sim->trial_left == 0)
		return FRAME_PASS;
	sim->trial_left--;
	return FRAME_DROP;
}

static void
trial_refuse(struct sim *sim, const struct host *host, const struct host *victim, uint64_t span_ns)
{
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + span_ns, .kind = HAPPEN_REFUSED, .host = host->index,
		.other = victim->index, .generation = host->generation,
	});
}

/* ICMP can be forged: a member that answers probes is not given up for it. */
static void
trial_forged(struct sim *sim, struct host *victim)
{
	uint64_t change_ns = sim->last_change_ns;
	uint64_t way_ns = sim->network.delay_ns + sim->network.jitter_ns;
	uint32_t times = way_ns <= 3 * MS_NS ? FORGED : 1;

	/* The last quick probe is waited for 5 ms, 7 after the first: that is made for a LAN. */
	if (way_ns > 4 * MS_NS)
		return;
	for (uint32_t i = 0; i < sim->node_count * times; i++) {
		struct host *host = &sim->host[i % sim->node_count];

		if (host->totem != NULL && host != victim)
			trial_refuse(sim, host, victim, i / sim->node_count * 300 * US_NS);
	}
	trial_unchanged(sim, change_ns);
	if (!trial_quick(sim) || sim->check.failed != 0)
		return;
	/* Once more, and of the three probes the first is lost. */
	sim->trial_host = victim->index;
	sim->trial_left = 0;
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL && &sim->host[i] != victim) {
			trial_refuse(sim, &sim->host[i], victim, 0);
			sim->trial_left++;
		}
	sim->filter = trial_lose_probes;
	trial_unchanged(sim, change_ns);
	sim->filter = NULL;
}

static enum sim_verdict
trial_count_tokens(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) to;
	sim->trial_left += from == sim->trial_host && len > FRAME_TYPE_AT &&
	    data[FRAME_TYPE_AT] == WIRE_TOKEN;
	return FRAME_PASS;
}

/* A lone sender's window does not stay the least one, nor braked: in rotations, since how long one
 * takes is the network's.  That it grows beyond the first one cannot be told from them. */
static void
trial_load(struct sim *sim, struct host *host)
{
	uint32_t least = TOTEM_FRAME_BYTES_MAX;

	/* What comes late is asked for again, and that closes the window. */
	if (!trial_quick(sim) || !sim->network.fifo || sim->window_frames_max != 0 ||
	    sim->network.jitter_ns > sim->network.delay_ns / 2)
		return;
	for (uint32_t i = 0; i < sim->node_count; i++) {
		if (sim->host[i].frame_bytes > LOAD_FRAME_BYTES)
			return;		/* of larger ones the stores do not keep so many */
		if (sim->host[i].frame_bytes < least)
			least = sim->host[i].frame_bytes;
	}
	for (uint32_t i = 0; i < LOAD_FRAMES * least / LOAD_BYTES; i++)
		workload_want(sim, host, LOAD_BYTES, false);
	sim->trial_host = host->index;
	sim->trial_left = 0;
	sim->filter = trial_count_tokens;
	host_flush(sim, host);
	trial_soon(sim, 5 * SEC_NS, "a load");
	sim->filter = NULL;
	if (sim->trial_left > LOAD_ROTATIONS)
		trial_fail(sim, "a load takes too many rotations");
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
	trial_load(sim, victim);
}

/* One hears no more of the next one in the ring, which answers it first whatever it lacks: others
 * must answer too.  Nobody watches the next but one before it, so the ring stays. */
static void
trial_cut(struct sim *sim, struct host *victim, uint32_t alive)
{
	struct host *next = trial_next(sim, victim);
	struct link *link = network_link(sim, next->index, victim->index);
	uint64_t change_ns = sim->last_change_ns;

	if (alive < 4)
		return;
	link->cut = true;
	for (uint32_t i = 0; i < 5; i++)
		workload_want(sim, next, 300, i % 2 == 0);
	host_flush(sim, next);
	/* Who asks for the resting token may be the one that its keeper does not hear. */
	trial_must(sim, sim_settled, 1500 * MS_NS + 2 * sim->timing.hold_ns, "all is delivered");
	link->cut = false;
	trial_unchanged(sim, change_ns);
}

/* Whoever was there first stays, and nobody else is harmed. */
static void
trial_double(struct sim *sim, struct host *victim)
{
	struct host *twin = &sim->host[sim->node_count];
	uint64_t change_ns = sim->last_change_ns;

	if (twin->totem != NULL)
		return;
	twin->node_id = victim->node_id;
	twin->cluster_hash = victim->cluster_hash;
	twin->island = victim->island;
	host_start(sim, twin, HOST_MISSING);
	twin->watched = false;		/* it is no part of what is promised */
	for (uint32_t i = 0; i < 5; i++)
		workload_want(sim, victim, 300, i % 2 == 0);
	host_flush(sim, victim);
	sim_run_for(sim, 1500 * MS_NS);
	trial_unchanged(sim, change_ns);
	twin->watched = true;
	host_kill(sim, twin);
}

static enum sim_verdict
trial_quiet(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) from;
	return len > FRAME_TYPE_AT && data[FRAME_TYPE_AT] == WIRE_LEAVE && to != sim->trial_host ?
	    FRAME_DROP : FRAME_PASS;
}

/* Soon after a change one is stopped, for less than it takes to be suspected, and another leaves:
 * the others wait for it, whatever it said in the gathering before.  One change, not two. */
static void
trial_awaited(struct sim *sim, struct host *leaver)
{
	struct host *stopped = trial_next(sim, leaver), *other = trial_next(sim, stopped);
	const struct proc *proc = &sim->history.proc[other->proc];
	size_t periods = proc->period_count;

	if (other == leaver || !trial_quick(sim))
		return;
	sim_run_for(sim, dice(&sim->chance, 1, 50) * MS_NS);
	host_pause(sim, stopped);
	host_leave(sim, leaver);
	sim_run_for(sim, dice(&sim->chance, 250, 400) * MS_NS);
	host_resume(sim, stopped);
	trial_must(sim, trial_settled, 200 * MS_NS, "who was stopped for a moment is there");
	if (proc->period_count != periods + 1)
		trial_fail(sim, "who was stopped for a moment is not waited for");
	host_start(sim, leaver, HOST_INTACT);
	trial_must(sim, trial_settled, SEC_NS, "the last one is back");
}

/* What they said in the gathering of a moment ago counts no longer: one that has left since would
 * be waited for. */
static void
trial_quiet_leave(struct sim *sim, struct host *victim)
{
	struct host *before = trial_next(sim, victim);

	host_leave(sim, before);
	trial_must(sim, trial_settled, 400 * MS_NS, "the others go on");
	host_start(sim, before, HOST_INTACT);
	trial_must(sim, trial_settled, SEC_NS, "the first is back");
	sim_run_for(sim, dice(&sim->chance, 1, 150) * MS_NS);
	sim->trial_host = trial_next(sim, dice_ppm(&sim->chance, 500000) ? victim : before)->index;
	if (sim->trial_host == victim->index)
		sim->trial_host = before->index;
	sim->filter = trial_quiet;
	host_leave(sim, victim);
	sim->filter = NULL;
	trial_must(sim, trial_settled, 200 * MS_NS, "the others go on");
	host_start(sim, victim, HOST_INTACT);
	trial_must(sim, trial_settled, SEC_NS, "it is back");
	trial_awaited(sim, before);
}

static enum sim_verdict
trial_watch_token(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) to;
	if (from == sim->trial_host && len > TOKEN_FLAGS_AT && data[FRAME_TYPE_AT] == WIRE_TOKEN &&
	    (data[TOKEN_FLAGS_AT] & WIRE_TOKEN_HOLD) != 0)
		sim->trial_passed = true;
	return FRAME_PASS;
}

/* Who sends a little, again and again, keeps the token for a moment each time, not for ever. */
static void
trial_steady(struct sim *sim, struct host *keeper)
{
	uint64_t passed_ns = sim->now_ns;

	sim->trial_host = keeper->index;
	sim->trial_left = 0;
	sim->filter = trial_count_tokens;
	for (uint32_t i = 0; i < STEADY_COUNT && sim->check.failed == 0; i++) {
		workload_want(sim, keeper, 100, false);
		host_flush(sim, keeper);
		sim_run_for(sim, STEADY_GAP_NS);
		if (sim->trial_left > 0)
			passed_ns = sim->now_ns;
		sim->trial_left = 0;
		if (sim->now_ns - passed_ns > STEADY_NS + 2 * sim_rotation_ns(sim))
			trial_fail(sim, "who sends a little all the time keeps the token");
	}
	sim->filter = NULL;
}

/* The keeper has the resting token and sends something SAFE: it goes round at once.  And who has
 * just passed a marked token on, and now has something to send, need ask only once: the keeper lets
 * it go though it was about to rest. */
static void
trial_rest(struct sim *sim, struct host *keeper)
{
	struct host *other = trial_next(sim, keeper);
	uint64_t rotation_ns = sim_rotation_ns(sim);
	uint64_t end_ns;

	if (rotation_ns > MS_NS / 2)
		return;		/* beside its rotations what is looked for would not be seen */
	for (uint32_t i = 0; i < LATENCY_TRIES && sim->check.failed == 0; i++) {
		workload_want(sim, keeper, 100, false);
		host_flush(sim, keeper);
		trial_must(sim, sim_settled, 100 * MS_NS, "the keeper's message");
		sim_run_for(sim, 20 * rotation_ns + dice(&sim->chance, 2, 9) * MS_NS);
		workload_want(sim, keeper, 100, true);
		host_flush(sim, keeper);
		trial_soon(sim, TIMER_LATE_NS + 3 * rotation_ns, "a SAFE message of the keeper");

		sim->trial_host = other->index;
		sim->trial_passed = false;
		sim->filter = trial_watch_token;
		end_ns = sim->now_ns + 2 * sim->timing.hold_ns;
		while (!sim->trial_passed && sim->now_ns < end_ns && sim_step(sim))
			;
		sim->filter = NULL;
		workload_want(sim, other, 100, false);
		host_flush(sim, other);
		trial_soon(sim, TIMER_LATE_NS + 2 * rotation_ns, "a message of another");
		other = trial_next(sim, other) == keeper ? trial_next(sim, keeper) :
		    trial_next(sim, other);
	}
	trial_steady(sim, keeper);
}

static enum sim_verdict
trial_unanswered(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	bool his = from == sim->trial_host || to == sim->trial_host;

	return his && len > FRAME_TYPE_AT && (data[FRAME_TYPE_AT] == WIRE_COMMIT_ASK ||
	    data[FRAME_TYPE_AT] == WIRE_COMMIT_ACK) ? FRAME_DROP : FRAME_PASS;
}

static bool
trial_without(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL && i != sim->trial_host &&
		    sim->history.proc[sim->host[i].proc].state != TOTEM_OPERATIONAL)
			return false;
	return true;
}

/* One starts, and its disk takes long: nothing changes until that is done.  Then one starts who
 * gathers and does not answer when the ring is made: the others wait a second for it, no longer. */
static void
trial_unready(struct sim *sim, struct host *victim)
{
	uint64_t disk_ns = dice(&sim->chance, 2000, 5000) * MS_NS, from_ns, change_ns;

	host_leave(sim, victim);
	trial_must(sim, trial_settled, 400 * MS_NS, "the others go on");
	sim_run_for(sim, 500 * MS_NS);
	change_ns = sim->last_change_ns;
	victim->storage.latency_ns = disk_ns;
	host_start(sim, victim, HOST_INTACT);
	trial_unchanged(sim, change_ns);
	victim->storage.latency_ns = 0;
	trial_must(sim, trial_settled, disk_ns, "it is a member when its disk is done");

	host_leave(sim, victim);
	trial_must(sim, trial_settled, 400 * MS_NS, "the others go on again");
	sim->trial_host = victim->index;
	sim->filter = trial_unanswered;
	host_start(sim, victim, HOST_INTACT);
	from_ns = sim->now_ns;
	while (sim->check.failed == 0 && sim->now_ns - from_ns < 4 * SEC_NS) {
		trial_must(sim, trial_without, UNANSWERED_NS, "the others go on without it");
		sim_run_for(sim, 100 * MS_NS);
	}
	sim->filter = NULL;
	sim_run_for(sim, sim_apart_ns(sim));
	trial_must(sim, trial_settled, 2 * SEC_NS, "it is a member when it answers");
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
		trial_restart(sim, victim, alive);
		break;
	case TRIAL_FORGED:
		trial_forged(sim, victim);
		break;
	case TRIAL_BRAKE:
		trial_brake(sim, victim);
		break;
	case TRIAL_CUT:
		trial_cut(sim, victim, alive);
		break;
	case TRIAL_DOUBLE:
		trial_double(sim, victim);
		break;
	case TRIAL_FREEZE:
		trial_freeze(sim, victim);
		break;
	case TRIAL_QUIET_LEAVE:
		trial_quiet_leave(sim, victim);
		break;
	case TRIAL_REST:
		trial_rest(sim, victim);
		break;
	case TRIAL_UNREADY:
		trial_unready(sim, victim);
		break;
	case TRIAL_NONE:
	case TRIAL_COUNT:
		break;
	}
	if (sim->check.failed == 0 && !sim_run_until(sim, sim_settled, 5 * SEC_NS))
		trial_fail(sim, "it does not come to rest");
}
