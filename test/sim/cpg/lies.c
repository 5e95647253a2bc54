/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Deliberate lies about what processes saw, one or two for each property: each must be found out by
 * the judge of that property alone.
 */
#include <stdlib.h>
#include <string.h>

#include "test/sim/cpg/cpg.h"

#define LIST_MAX	256u

struct cpg_mutation {
	struct occasion occasion;
	bool holds;
	struct cpg_event held;
	struct place list[LIST_MAX];
};

static bool
lie_due(struct sim *sim, const struct cpg_event *event, enum cpg_kind kind)
{
	return event->kind == kind && occasion_take(&cpg_of(sim)->mutation->occasion);
}

static const struct session *
lie_session(const struct sim *sim, const struct cpg_event *event)
{
	return &cpg_of(sim)->trace.session[event->session];
}

/* With others in its view, and somebody who leaves; then the judges have something to compare. */
static bool
lie_company(const struct sim *sim, const struct cpg_event *event)
{
	return event->session != NONE && lie_session(sim, event)->view_count > 1;
}

static void
lie_hold(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_mutation *mutation = cpg_of(sim)->mutation;

	mutation->held = *event;
	mutation->holds = true;
}

/* Two deliveries change places. */
static void
lie_swap(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_mutation *mutation = cpg_of(sim)->mutation;

	if (!mutation->holds && event->message != NONE && lie_company(sim, event) &&
	    lie_due(sim, event, CPG_DELIVER)) {
		lie_hold(sim, event);
		return;
	}
	trace_plain(sim, event);
	if (mutation->holds && event->session == mutation->held.session &&
	    (event->kind == CPG_DELIVER || event->kind == CPG_CONFCHG)) {
		mutation->holds = false;
		trace_plain(sim, &mutation->held);
	}
}

static void
lie_lose(struct sim *sim, const struct cpg_event *event)
{
	if (event->session == NONE || lie_session(sim, event)->first_view ||
	    !lie_company(sim, event) || !lie_due(sim, event, CPG_DELIVER))
		trace_plain(sim, event);
}

/* One of the members is left out. */
static void
lie_member(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;

	if (event->kind == CPG_CONFCHG && event->member_count > 1 &&
	    lie_due(sim, event, CPG_CONFCHG))
		lie.member_count--;
	trace_plain(sim, &lie);
}

static void
lie_twice_changed(struct sim *sim, const struct cpg_event *event)
{
	trace_plain(sim, event);
	if (lie_due(sim, event, CPG_CONFCHG))
		trace_plain(sim, event);
}

static bool
lie_own_join(const struct sim *sim, const struct cpg_event *event)
{
	return event->kind == CPG_CONFCHG && event->session != NONE &&
	    lie_session(sim, event)->view_place == 0;
}

/* The change in which it joins is not seen. */
static void
lie_no_join(struct sim *sim, const struct cpg_event *event)
{
	if (!lie_own_join(sim, event) || !lie_due(sim, event, CPG_CONFCHG))
		trace_plain(sim, event);
}

/* The first message after joining is missing. */
static void
lie_late_join(struct sim *sim, const struct cpg_event *event)
{
	if (event->session == NONE || !lie_session(sim, event)->first_view ||
	    !lie_company(sim, event) || !lie_due(sim, event, CPG_DELIVER))
		trace_plain(sim, event);
}

static void
lie_reason(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_mutation *mutation = cpg_of(sim)->mutation;
	struct cpg_event lie = *event;

	if (event->kind == CPG_CONFCHG && event->left_count > 0 &&
	    event->left[0].reason == CPG_REASON_NODEDOWN && lie_due(sim, event, CPG_CONFCHG)) {
		memcpy(mutation->list, event->left, event->left_count * sizeof *event->left);
		mutation->list[0].reason = CPG_REASON_PROCDOWN;
		lie.left = mutation->list;
	}
	trace_plain(sim, &lie);
}

static bool
lie_left_before(const struct trace *trace, const struct session *s)
{
	for (const struct session *other = trace->session; other < s; other++)
		if (other->node == s->node && other->pid == s->pid && other->group == s->group &&
		    other->leave_called)
			return true;
	return false;
}

/* Who has left before, came back and died, is said to have left again. */
static void
lie_left_again(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_sim *cpg = cpg_of(sim);
	struct cpg_event lie = *event;
	const struct session *s;

	if (event->kind == CPG_CONFCHG && event->session != NONE && event->left_count == 1 &&
	    event->left[0].reason == CPG_REASON_PROCDOWN) {
		s = trace_seen_joining(&cpg->trace, event->session, event->left[0].node,
		    event->left[0].pid);
		if (s != NULL && !s->leave_called && lie_left_before(&cpg->trace, s)) {
			cpg->mutation->list[0] = event->left[0];
			cpg->mutation->list[0].reason = CPG_REASON_LEAVE;
			lie.left = cpg->mutation->list;
		}
	}
	trace_plain(sim, &lie);
}

/* A message behind its own leave. */
static void
lie_after_leave(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_mutation *mutation = cpg_of(sim)->mutation;
	bool own = false;

	if (event->kind == CPG_DELIVER && event->session != NONE)
		lie_hold(sim, event);
	trace_plain(sim, event);
	for (size_t i = 0; event->kind == CPG_CONFCHG && event->session != NONE &&
	    i < event->left_count; i++)
		own = own || (event->left[i].node == lie_session(sim, event)->node &&
		    event->left[i].pid == lie_session(sim, event)->pid);
	if (own && mutation->holds && mutation->held.session == event->session &&
	    lie_due(sim, event, CPG_CONFCHG))
		trace_plain(sim, &mutation->held);
}

/* Who sent it has not been let in yet. */
static void
lie_stranger(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;

	if (event->kind == CPG_DELIVER && lie_due(sim, event, CPG_DELIVER))
		lie.pid += 100000;
	trace_plain(sim, &lie);
}

/* Nobody was told that somebody left: a ghost stays. */
static void
lie_ghost(struct sim *sim)
{
	struct trace *trace = &cpg_of(sim)->trace;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		struct session *s = &trace->session[i];

		if (!trace_present(sim, s, s->host, s->group) || s->view_count == 0 ||
		    cpg_of(sim)->client[s->host * CPG_CLIENTS_MAX + s->client].stuck)
			continue;
		if (s->view_room == s->view_count)
			s->view = util_grow(s->view, &s->view_room, sizeof *s->view);
		s->view[s->view_count++] = (struct place) { .node = s->node, .pid = 99999 };
		return;
	}
}

static void
lie_listed(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;

	if (event->kind == CPG_LIST && event->member_count > 0 && lie_due(sim, event, CPG_LIST))
		lie.member_count--;
	trace_plain(sim, &lie);
}

static bool
lie_own(const struct sim *sim, const struct cpg_event *event)
{
	return event->kind == CPG_DELIVER && event->message != NONE && event->session ==
	    cpg_of(sim)->trace.message[event->message].session;
}

static void
lie_own_lost(struct sim *sim, const struct cpg_event *event)
{
	if (!lie_own(sim, event) || !lie_due(sim, event, CPG_DELIVER))
		trace_plain(sim, event);
}

/* It was taken; the sender is told to try again. */
static void
lie_refused(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;

	if (event->kind == CPG_SENT && event->value == CS_OK && lie_due(sim, event, CPG_SENT))
		lie.value = CS_ERR_TRY_AGAIN;
	trace_plain(sim, &lie);
}

static void
lie_again(struct sim *sim, const struct cpg_event *event)
{
	trace_plain(sim, event);
	if (event->kind == CPG_DELIVER && lie_due(sim, event, CPG_DELIVER))
		trace_plain(sim, event);
}

static void
lie_torn(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;

	if (event->kind == CPG_DELIVER && event->len > 60000 && lie_due(sim, event, CPG_DELIVER)) {
		lie.message = NONE;	/* what half of it would be */
		lie.len /= 2;
	}
	trace_plain(sim, &lie);
}

static void
lie_early(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;

	if (event->kind == CPG_DELIVER && !event->tag.transitional &&
	    lie_due(sim, event, CPG_DELIVER))
		lie.tag.synchronised = false;
	trace_plain(sim, &lie);
}

/* The second message of one sender comes before the first. */
static void
lie_overtake(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_mutation *mutation = cpg_of(sim)->mutation;

	if (!mutation->holds && event->message != NONE && event->session != NONE &&
	    lie_due(sim, event, CPG_DELIVER)) {
		lie_hold(sim, event);
		return;
	}
	trace_plain(sim, event);
	if (mutation->holds && event->kind == CPG_DELIVER &&
	    event->session == mutation->held.session && event->node == mutation->held.node &&
	    event->pid == mutation->held.pid) {
		mutation->holds = false;
		trace_plain(sim, &mutation->held);
	}
}

/* A node was away and is back; its leaving is not told. */
static void
lie_not_away(struct sim *sim, const struct cpg_event *event)
{
	if (event->kind != CPG_CONFCHG || event->left_count == 0 ||
	    event->left[0].reason != CPG_REASON_NODEDOWN || !lie_due(sim, event, CPG_CONFCHG))
		trace_plain(sim, event);
}

static void
lie_twice_joined(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;

	if (event->kind == CPG_JOINED && event->session == NONE &&
	    lie_due(sim, event, CPG_JOINED))
		lie.value = CS_OK;
	trace_plain(sim, &lie);
}

static void
lie_join_lost(struct sim *sim)
{
	struct trace *trace = &cpg_of(sim)->trace;

	for (uint32_t i = 0; i < trace->session_count; i++) {
		struct session *s = &trace->session[i];

		if (s->end == SESSION_LIVE && s->join_ok &&
		    !cpg_of(sim)->client[s->host * CPG_CLIENTS_MAX + s->client].stuck)
			s->seen_join = false;
	}
}

static void
lie_wrong_cut(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;
	struct cpg_cut cut;

	if (event->kind == CPG_CUT && !event->cut->for_room) {	/* seldom enough */
		cut = *event->cut;
		cut.read_bytes += cpg_of(sim)->grace_ns;
		lie.cut = &cut;
	}
	trace_plain(sim, &lie);
}

/* Somebody is cut off as soon as the ring is slowed. */
static void
lie_no_grace(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;
	struct cpg_cut cut;

	if (event->kind == CPG_CUT && !event->cut->for_room) {
		cut = *event->cut;
		cut.slowed_ns /= 2;
		lie.cut = &cut;
	}
	trace_plain(sim, &lie);
}

/* There was room. */
static void
lie_had_room(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;
	struct cpg_cut cut;

	if (event->kind == CPG_CUT) {
		cut = *event->cut;
		cut.for_room = true;
		cut.counted_bytes = 0;
		lie.cut = &cut;
	}
	trace_plain(sim, &lie);
}

/* Who does not read stays, and one that reads makes room. */
static void
lie_spared(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;
	struct cpg_cut cut;

	if (event->kind == CPG_CUT) {
		cut = *event->cut;
		cut.for_room = true;
		cut.counted_bytes = cpg_of(sim)->backlog_bytes;
		cut.read_bytes += cpg_of(sim)->grace_ns;
		cut.still_ns = cpg_of(sim)->grace_ns;
		lie.cut = &cut;
	}
	trace_plain(sim, &lie);
}

static void
lie_flow(struct sim *sim, const struct cpg_event *event, const struct cpg_flow *flow)
{
	struct cpg_event lie = *event;

	lie.flow = flow;
	trace_plain(sim, &lie);
}

static void
lie_too_much(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_flow flow;

	if (!lie_due(sim, event, CPG_FLOW)) {
		trace_plain(sim, event);
		return;
	}
	flow = *event->flow;
	flow.counted_bytes += cpg_of(sim)->backlog_bytes;
	lie_flow(sim, event, &flow);
}

/* A part of what waits is not counted. */
static void
lie_uncounted(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_flow flow;

	if (event->kind != CPG_FLOW || event->flow->waiting_bytes == 0 ||
	    !lie_due(sim, event, CPG_FLOW)) {
		trace_plain(sim, event);
		return;
	}
	flow = *event->flow;
	flow.counted_bytes = flow.waiting_bytes - 1;
	lie_flow(sim, event, &flow);
}

/* One that reads nothing is waited for too long. */
static void
lie_never_cut(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_flow flow;

	if (event->kind != CPG_FLOW || event->flow->still_pid == 0) {
		trace_plain(sim, event);
		return;
	}
	flow = *event->flow;
	flow.still_ns += cpg_of(sim)->grace_ns;
	lie_flow(sim, event, &flow);
}

static void
lie_not_let_go(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_flow flow;

	if (event->kind != CPG_FLOW || !event->flow->slowed) {
		trace_plain(sim, event);
		return;
	}
	flow = *event->flow;
	flow.relieved_ns += cpg_of(sim)->grace_ns;
	lie_flow(sim, event, &flow);
}

/* A member loses its connection though another one was slow. */
static void
lie_neighbour(struct sim *sim, const struct cpg_event *event)
{
	struct cpg_event lie = *event;

	if (event->kind == CPG_END && event->value == SESSION_DIED && lie_due(sim, event, CPG_END))
		lie.value = SESSION_CUT;
	trace_plain(sim, &lie);
}

/* One process is deaf for SAFE messages of others. */
static void
lie_unsafe(struct sim *sim, const struct cpg_event *event)
{
	if (event->kind != CPG_DELIVER || event->message == NONE || lie_own(sim, event) ||
	    !cpg_of(sim)->trace.message[event->message].safe || event->session % 3 != 0)
		trace_plain(sim, event);
}

static struct ledger_replica *
lie_replica(struct sim *sim)
{
	struct ledger *ledger = &cpg_of(sim)->ledger;

	for (size_t i = 0; i < ledger->replica_count; i++)
		if (ledger->replica[i].alive && ledger->replica[i].members > 0 &&
		    ledger->replica[i].entry_count > 0)
			return &ledger->replica[i];
	return NULL;
}

static void
lie_money_lost(struct sim *sim)
{
	struct ledger_replica *replica = lie_replica(sim);
	struct ledger_entry *entry;

	if (replica == NULL)
		return;
	entry = &replica->entry[--replica->entry_count];
	replica->balance[entry->account] -= entry->cents;
}

static void
lie_money_made(struct sim *sim)
{
	struct ledger_replica *replica = lie_replica(sim);

	if (replica != NULL)
		replica->balance[replica->entry[0].account] += 1;
}

const struct cpg_mutant cpg_mutants[] = {
	{ { "swap", C1_ORDER, "two deliveries change places" }, lie_swap, NULL },
	{ { "lose", C1_ORDER, "a member misses a message of its view" }, lie_lose, NULL },
	{ { "member", C2_VIEWS, "a change leaves a member out" }, lie_member, NULL },
	{ { "twice-changed", C2_VIEWS, "one change is told twice" }, lie_twice_changed, NULL },
	{ { "no-join", C3_JOIN_POINT, "its own joining is not told" }, lie_no_join, NULL },
	{ { "late-join", C3_JOIN_POINT, "the first message after joining is lost" }, lie_late_join,
	    NULL },
	{ { "reason", C4_LEAVE_POINT, "a node's end is told as a process's" }, lie_reason, NULL },
	{ { "left-again", C4_LEAVE_POINT, "a death is told as a leave, for one who left before" },
	    lie_left_again, NULL },
	{ { "after-leave", C4_LEAVE_POINT, "a message after its own leaving" }, lie_after_leave,
	    NULL },
	{ { "stranger", C5_MEMBERS_ONLY, "a message of no member" }, lie_stranger, NULL },
	{ { "ghost", C6_NO_GHOSTS, "one who left stays in a view" }, NULL, lie_ghost },
	{ { "listed", C6_NO_GHOSTS, "a daemon lists one too few" }, lie_listed, NULL },
	{ { "own-lost", C7_SELF_DELIVERY, "a sender misses its own message" }, lie_own_lost, NULL },
	{ { "refused", C7_SELF_DELIVERY, "a refused message is delivered" }, lie_refused, NULL },
	{ { "again", C8_WHOLE, "a message comes twice" }, lie_again, NULL },
	{ { "torn", C8_WHOLE, "half of a large message is delivered" }, lie_torn, NULL },
	{ { "early", C9_BARRIER, "a message before the barrier" }, lie_early, NULL },
	{ { "overtake", C9_BARRIER, "a message overtakes one of its sender" }, lie_overtake, NULL },
	{ { "not-away", C10_PAUSED, "the leaving of a node is not told" }, lie_not_away, NULL },
	{ { "twice-joined", C11_REJOIN, "a member joins once more" }, lie_twice_joined, NULL },
	{ { "join-lost", C11_REJOIN, "a granted join is not seen" }, NULL, lie_join_lost },
	{ { "wrong-cut", C12_FLOW, "a process that reads is cut off" }, lie_wrong_cut, NULL },
	{ { "no-grace", C12_FLOW, "somebody is cut off at once" }, lie_no_grace, NULL },
	{ { "had-room", C12_FLOW, "somebody makes room, and there was some" }, lie_had_room,
	    NULL },
	{ { "spared", C12_FLOW, "one that reads makes room for one that does not" }, lie_spared,
	    NULL },
	{ { "too-much", C12_FLOW, "more waits than may" }, lie_too_much, NULL },
	{ { "uncounted", C12_FLOW, "a part of what waits is not counted" }, lie_uncounted, NULL },
	{ { "never-cut", C12_FLOW, "one that reads nothing is waited for" }, lie_never_cut, NULL },
	{ { "not-let-go", C12_FLOW, "the ring stays slow" }, lie_not_let_go, NULL },
	{ { "neighbour", C12_FLOW, "another one is cut off too" }, lie_neighbour, NULL },
	{ { "unsafe", C14_SAFE, "a member misses a SAFE message" }, lie_unsafe, NULL },
	{ { "money-lost", C13_SAVINGS, "a transaction is missing" }, NULL, lie_money_lost },
	{ { "money-made", C13_SAVINGS, "a balance is too high" }, NULL, lie_money_made },
};
const size_t cpg_mutant_count = sizeof cpg_mutants / sizeof *cpg_mutants;

void
cpg_mutation_init(struct sim *sim, const struct cpg_mutant *mutant)
{
	struct cpg_sim *cpg = cpg_of(sim);
	/* Apart from the run's own randomness: the same run, but for the lie. */
	struct prng prng = { .state = sim->options.seed ^ 0x11e5 };

	cpg->mutant = mutant;
	cpg->mutation = util_alloc(sizeof *cpg->mutation);
	cpg->mutation->occasion.countdown = dice(&prng, 0, 40);
}

void
cpg_mutation_done(struct sim *sim)
{
	free(cpg_of(sim)->mutation);
}

void
trace_event(struct sim *sim, const struct cpg_event *event)
{
	const struct cpg_mutant *mutant = cpg_of(sim)->mutant;

	if (mutant != NULL && mutant->event != NULL)
		mutant->event(sim, event);
	else
		trace_plain(sim, event);
}
