/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A run: processes at work under faults; no more faults; some more work, with one process that has
 * stopped reading for ever and some that read slowly; then all must come to rest in time, and the
 * last judgement is held.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exec/base/assert.h"
#include "test/sim/cpg/cpg.h"
#include "test/sim/mutant.h"

#define EPILOGUE_NS	(3 * SEC_NS)
#define MESSAGES_MIN	500u
#define FAULTS_MIN	3u

static struct client *
run_client(struct sim *sim, uint32_t host, uint32_t index)
{
	return &cpg_of(sim)->client[host * CPG_CLIENTS_MAX + index];
}

static void
run_start(struct sim *sim, uint32_t host, uint32_t index, void (*life)(struct client *client))
{
	struct client *client = run_client(sim, host, index);

	client->life = life;
	client->session_first = client->session_last = NONE;
	client->teller = index == CPG_TELLER;
	link_start(client);
}

static void
run_start_all(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->node_count; i++) {
		for (uint32_t k = 0; k < cpg_of(sim)->client_count; k++)
			run_start(sim, i, k, program_life);
		if (cpg_of(sim)->bank && i < 4)
			run_start(sim, i, CPG_TELLER, teller_life);
	}
}

/* --- at rest? -------------------------------------------------------------------------------- */

static bool
run_stuck(struct sim *sim, const struct session *s)
{
	return run_client(sim, s->host, s->client)->stuck;
}

/* NULL, or what a living member still waits for. */
static const char *
run_waits(struct sim *sim, uint32_t session, enum cpg_property *ret_property)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const struct session *s = &trace->session[session];
	static char text[200];

	if (s->end != SESSION_LIVE || !s->join_ok || run_stuck(sim, s) || s->seen_leave)
		return NULL;
	if (!s->seen_join || s->leave_ok) {
		*ret_property = s->seen_join ? C4_LEAVE_POINT : C11_REJOIN;
		(void) snprintf(text, sizeof text, "%s waits for the change in which it %s",
		    judge_session(sim, session), s->seen_join ? "leaves" : "joins");
		return text;
	}
	for (size_t i = 0; i < s->sent_count; i++) {
		const struct cpg_message *m = &trace->message[s->sent[i]];

		if (m->sent == SENT_OPEN || (m->sent == SENT_OK && !trace_has(s, s->sent[i]))) {
			*ret_property = C7_SELF_DELIVERY;
			(void) snprintf(text, sizeof text, "%s waits for %s",
			    judge_session(sim, session), judge_message(sim, s->sent[i]));
			return text;
		}
	}
	return NULL;
}

static const char *
run_bank_waits(const struct sim *sim)
{
	const struct ledger *ledger = &cpg_of(sim)->ledger;

	for (size_t i = 0; i < ledger->replica_count; i++)
		if (ledger->replica[i].alive && ledger->replica[i].members > 0 &&
		    !ledger->replica[i].settled)
			return "a replica of the bank is not settled";
	for (size_t i = 0; i < ledger->order_count; i++)
		if (ledger->order[i].result == LEDGER_OPEN &&
		    ledger->replica[ledger->order[i].replica].alive &&
		    ledger->replica[ledger->order[i].replica].members > 0)
			return "a customer of the bank waits";
	return NULL;
}

static const char *
run_unsettled(struct sim *sim, enum cpg_property *ret_property)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	const char *text = check_v14_unsettled(&sim->history, sim->forever);
	bool stuck = false;

	*ret_property = (enum cpg_property) V14_LIVENESS;
	if (text != NULL)
		return text;
	*ret_property = C9_BARRIER;
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL && !cpg_of(sim)->node[i].was_active)
			return "the engines of a node are not synchronised";
	for (uint32_t i = 0; i < trace->session_count && text == NULL; i++) {
		stuck = stuck || run_stuck(sim, &trace->session[i]);
		text = run_waits(sim, i, ret_property);
	}
	if (text == NULL) {
		*ret_property = C13_SAVINGS;
		text = run_bank_waits(sim);
	}
	if (text != NULL && stuck && *ret_property == C7_SELF_DELIVERY)
		*ret_property = C12_FLOW;
	return text;
}

static bool
run_settled(struct sim *sim)
{
	enum cpg_property property;

	return run_unsettled(sim, &property) == NULL;
}

static bool
run_ring_settled(struct sim *sim)
{
	return check_v14_unsettled(&sim->history, sim->forever) == NULL;
}

static void
run_not_settled(struct sim *sim, const char *when)
{
	enum cpg_property property;
	const char *text = run_unsettled(sim, &property);

	check_fail(&sim->check, (enum property) property, "%s: %s", when,
	    text == NULL ? "it does not come to rest" : text);
	sim->check.failed_at_ns = sim->now_ns;
}

/* --- the parts of a run ---------------------------------------------------------------------- */

static void
run_stick(struct sim *sim)
{
	struct prng *prng = &sim->chance;
	struct client *client = run_client(sim, (uint32_t) prng_below(prng, sim->node_count),
	    (uint32_t) prng_below(prng, cpg_of(sim)->client_count));

	if (client->ended || client->killed || client->session_last == NONE ||
	    !dice_ppm(prng, 600000))
		return;
	link_stuck(client);
	cpg_counted(sim, CPG_COUNT_STUCK);
	record_note(sim, "%u:%u stops reading for ever", sim->host[client->host].node_id,
	    client->pid);
}

static bool
run_host_stuck(struct sim *sim, uint32_t host)
{
	for (uint32_t k = 0; k < cpg_of(sim)->client_count; k++)
		if (run_client(sim, host, k)->stuck)
			return true;
	return false;
}

/* In half of the runs some processes read slowly from now on, most of them beside one that does
 * not read at all: who has to go then? */
static void
run_slow(struct sim *sim)
{
	struct prng *prng = &sim->chance;
	bool some = dice_ppm(prng, 500000);

	for (uint32_t i = 0; some && i < sim->node_count * cpg_of(sim)->client_count; i++) {
		struct client *client = run_client(sim, i / cpg_of(sim)->client_count,
		    i % cpg_of(sim)->client_count);
		uint64_t bytes = dice_scaled(prng, 50000, 5000000);

		if (!dice_ppm(prng, run_host_stuck(sim, client->host) ? 800000 : 200000) ||
		    client->ended || client->killed || client->stuck)
			continue;
		program_sip(client, bytes);
		cpg_counted(sim, CPG_COUNT_SLOW);
		record_note(sim, "%u:%u reads %llu bytes a second from now on",
		    sim->host[client->host].node_id, client->pid, (unsigned long long) bytes);
	}
}

static void
run_acts(struct sim *sim, uint64_t count)
{
	struct cpg_sim *cpg = cpg_of(sim);

	cpg->floods_left = 8;
	cpg->huge_left = 4;
	cpg->large_left = cpg->parts ? 2 : 0;
	cpg->acts_left = (uint32_t) count;
	cpg->gap_ns = EPILOGUE_NS * sim->node_count * cpg->client_count / count;
	for (uint32_t i = 0; i < sim->node_count; i++)
		for (uint32_t k = 0; k < cpg->client_count; k++) {
			run_client(sim, i, k)->act_ns = sim->now_ns +
			    dice(&sim->chance, 0, 2 * cpg->gap_ns);
			link_wake(run_client(sim, i, k));
		}
	sim_run_for(sim, EPILOGUE_NS);
}

/* Somebody stops reading for ever, some read slowly; the others have something to say.  That is no
 * part of a plan, which only says how much; it is made anew each time. */
static void
run_epilogue(struct sim *sim)
{
	struct cpg_sim *cpg = cpg_of(sim);
	const struct plan *plan = sim->options.plan;
	struct plan *record = sim->record;
	uint64_t each = plan != NULL ? plan->world.after_each : 40 + 20 * sim->node_count;
	uint64_t rounds = 0;

	sim->record = NULL;
	sim->chance.state = sim->options.seed ^ UINT64_C(0xd6e8feb86659fd93);
	cpg->played = false;
	if (each > 0) {
		run_stick(sim);
		run_slow(sim);
		run_acts(sim, each);
	}
	/* Where many were dead for long, the rest has said little yet. */
	while (plan != NULL ? rounds < plan->world.after_extra :
	    rounds < 5 && sim->result.app[CPG_COUNT_SENT] < MESSAGES_MIN) {
		run_acts(sim, MESSAGES_MIN / 4);
		rounds++;
	}
	if (record != NULL) {
		record->world.after_each = each;
		record->world.after_extra = rounds;
	}
	cpg->closing = true;
	for (uint32_t i = 0; i < sim->node_count; i++)
		for (uint32_t k = 0; k < CPG_CLIENTS_MAX; k++)
			link_wake(run_client(sim, i, k));
}

static void
run_judgement(struct sim *sim)
{
	struct cpg_sim *cpg = cpg_of(sim);

	cpg->ledger.closed = true;
	for (uint32_t i = 0; i < sim->node_count; i++) {
		link_wake(run_client(sim, i, CPG_TELLER));
		if (sim->host[i].totem != NULL)
			run_start(sim, i, CPG_PROBE, program_probe);
	}
	sim_run_for(sim, SEC_NS);
	for (uint32_t i = 0; i < sim->node_count; i++)
		if (sim->host[i].totem != NULL && !run_client(sim, i, CPG_PROBE)->ended)
			judge_fail(sim, C6_NO_GHOSTS, "node %" PRIu32 " does not say who is in"
			    " its groups", sim->host[i].node_id);
	if (cpg->mutant != NULL && cpg->mutant->final != NULL)
		cpg->mutant->final(sim);
	judge_final(sim);
}

static void
run_converge(struct sim *sim)
{
	uint64_t longest_ns = sim->timing.token_ns > sim->timing.consensus_ns ?
	    sim->timing.token_ns : sim->timing.consensus_ns;
	uint64_t healed_ns;

	sim_run_for(sim, sim_apart_ns(sim));
	healed_ns = sim->now_ns;
	sim_run_for(sim, sim->forever ? longest_ns : 2 * SEC_NS);
	if (!sim_run_until(sim, run_ring_settled, healed_ns + 5 * longest_ns - sim->now_ns))
		run_not_settled(sim, "no ring in time after the last fault");
	if (sim->last_change_ns > healed_ns)
		sim->result.converge_ns = sim->last_change_ns - healed_ns;
	run_epilogue(sim);
	if (!sim_run_until(sim, run_settled, 5 * longest_ns + 10 * SEC_NS))
		run_not_settled(sim, "not at rest in time after the last act");
	/* Long enough for those who do not read to be cut off. */
	sim_run_for(sim, SEC_NS + cpg_of(sim)->grace_ns);
	if (sim->check.failed == 0)
		run_judgement(sim);
}

/* A seed that asks for little proves little. */
static void
run_not_easy(struct sim *sim, uint64_t faults)
{
	const uint64_t *count = sim->result.app;

	if (faults < FAULTS_MIN || count[CPG_COUNT_SENT] < MESSAGES_MIN ||
	    count[CPG_COUNT_SAFE] == 0 || count[CPG_COUNT_JOINS] < sim->node_count)
		check_fail(&sim->check, V14_LIVENESS, "an easy seed: %" PRIu64 " faults, %" PRIu64
		    " messages, %" PRIu64 " of them SAFE, %" PRIu64 " joins", faults,
		    count[CPG_COUNT_SENT], count[CPG_COUNT_SAFE], count[CPG_COUNT_JOINS]);
}

/* Faults as the seed has them; their number. */
static uint64_t
run_seed(struct sim *sim)
{
	uint64_t faults = 0;

	sim_start_hosts(sim);
	fault_start(sim);
	sim_run_for(sim, sim->options.seconds * SEC_NS);
	for (int kind = 0; kind < FAULT_COUNT; kind++)
		faults += sim->result.fault[kind];
	for (; faults < FAULTS_MIN; faults++) {
		act_do(sim, (struct act) {
			.kind = ACT_CRASH, .host = (uint32_t) faults % sim->node_count,
		});
		sim->result.fault[FAULT_CRASH]++;
	}
	fault_heal(sim);
	return faults;
}

uint32_t
cpg_run(struct sim *sim)
{
	uint64_t faults = 0;

	run_start_all(sim);
	if (sim->options.plan != NULL)
		sim_play(sim);
	else
		faults = run_seed(sim);
	if (sim->check.failed == 0)
		run_converge(sim);
	if (sim->check.failed == 0 && sim->options.seconds >= 30 && sim->options.plan == NULL)
		run_not_easy(sim, faults);
	sim_finish(sim);
	return sim->result.failed;
}

static const char *const count_names[CPG_COUNT_COUNT] = {
	[CPG_COUNT_PROCESSES] = "processes", [CPG_COUNT_JOINS] = "joins",
	[CPG_COUNT_REJOINS] = "joins right after a leave",
	[CPG_COUNT_DOUBLES] = "joins of members", [CPG_COUNT_LEAVES] = "leaves",
	[CPG_COUNT_FINALIZED] = "finalised", [CPG_COUNT_DEATHS] = "processes killed",
	[CPG_COUNT_DAEMON_LOST] = "processes that lost the daemon",
	[CPG_COUNT_SENT] = "messages sent", [CPG_COUNT_SAFE] = "of them SAFE",
	[CPG_COUNT_TINY] = "of less than 12 bytes", [CPG_COUNT_HUGE] = "of 200 KB and more",
	[CPG_COUNT_LARGE] = "in parts, above 1 MiB",
	[CPG_COUNT_TRY_AGAIN] = "refused: try again",
	[CPG_COUNT_LARGE_VOID] = "in parts, given up", [CPG_COUNT_DELIVERED] = "deliveries",
	[CPG_COUNT_VIEWS] = "changes seen", [CPG_COUNT_SEEN_LEAVE] = "seen: left",
	[CPG_COUNT_SEEN_PROCDOWN] = "seen: process died",
	[CPG_COUNT_SEEN_NODEDOWN] = "seen: node down", [CPG_COUNT_SEEN_JOIN] = "seen: joined",
	[CPG_COUNT_SEEN_NODEUP] = "seen: node up",
	[CPG_COUNT_LAST_WORDS] = "last words delivered",
	[CPG_COUNT_ACTIVATED] = "synchronised", [CPG_COUNT_ABORTED] = "synchronisation cut short",
	[CPG_COUNT_CROWDS] = "without room for the engines",
	[CPG_COUNT_NAPS] = "readers' naps", [CPG_COUNT_STUCK] = "readers stopped for ever",
	[CPG_COUNT_SLOW] = "readers slow from now on", [CPG_COUNT_CUT] = "cut off",
	[CPG_COUNT_CUT_FOR_ROOM] = "of them to make room",
	[CPG_COUNT_CONGESTED] = "backlog above the limit",
	[CPG_COUNT_ORDERS] = "bank: orders", [CPG_COUNT_DONE] = "bank: done",
	[CPG_COUNT_SHORT] = "bank: refused", [CPG_COUNT_UNKNOWN] = "bank: outcome unknown",
	[CPG_COUNT_ROUNDS] = "bank: reconciliations",
	[CPG_COUNT_MERGED] = "bank: of different books",
	[CPG_COUNT_OVERDRAWN] = "bank: accounts overdrawn",
};

void
cpg_report(const struct sim_result *sum)
{
	for (int i = 0; i < CPG_COUNT_COUNT; i++)
		(void) printf("  %-14s %-32s %12" PRIu64 "%s\n", "groups", count_names[i],
		    sum->app[i], sum->app[i] == 0 ? "  (never)" : "");
}
