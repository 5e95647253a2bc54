/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V12, safe delivery: when a SAFE message is delivered in the regular C, each member of C delivers
 * it unless it crashes; when in a transitional, each of those that come along.
 */
#include "test/sim/check.h"

/* `q` is past `ring`, or the run is over: has it delivered what others took for safe there? */
static void
v12_owes(struct check *check, uint32_t q, const uint32_t *safe, size_t count, const char *where,
    uint32_t ring)
{
	const struct history *h = check->history;

	for (size_t i = 0; i < count; i++)
		if (!history_delivered(h, q, safe[i]))
			check_fail(check, V12_SAFE, "%s was delivered as safe in the %s of %s, and"
			    " %s never delivers it", check_message(h, safe[i]), where,
			    check_ring(h, ring), check_proc(h, q));
}

static void
v12_leaves(struct check *check, uint32_t q, uint32_t ring)
{
	const struct history *h = check->history;
	const struct ring *r = &h->ring[ring];

	v12_owes(check, q, r->safe, r->safe_count, "regular", ring);
	for (size_t i = h->move_count; i-- > 0;)
		if (h->move[i].from == ring &&
		    procs_have(h->move[i].member, h->move[i].member_count, q))
			v12_owes(check, q, h->move[i].safe, h->move[i].safe_count, "transitional",
			    ring);
}

/* Those who went on before this delivery can't make up for it. */
static void
v12_deliver(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc), *theirs;
	const uint32_t *member;
	size_t count;
	const struct message *m;

	if (period == NULL || event->message == NONE || event->guarantee != TOTEM_SAFE)
		return;
	m = &h->message[event->message];
	if (m->ring != period->ring || (period->move == NONE && m->safe_in_ring) ||
	    (period->move != NONE && m->safe_in_move == period->move))
		return;
	member = period->move == NONE ? h->ring[period->ring].member :
	    h->move[period->move].member;
	count = period->move == NONE ? h->ring[period->ring].member_count :
	    h->move[period->move].member_count;
	for (size_t i = 0; i < count; i++) {
		theirs = history_period_in(h, member[i], period->ring);
		if (theirs != NULL && theirs->closed &&
		    !history_delivered(h, member[i], event->message))
			check_fail(check, V12_SAFE, "%s delivers %s as safe in the %s of %s, which"
			    " %s left without it", check_proc(h, event->proc),
			    check_message(h, event->message),
			    period->move == NONE ? "regular" : "transitional",
			    check_ring(h, period->ring), check_proc(h, member[i]));
	}
}

static void
v12_event(struct check *check, const struct event *event)
{
	const struct period *period;

	if (event->kind == EVENT_DELIVER)
		v12_deliver(check, event);
	if (event->kind != EVENT_REGULAR)
		return;
	period = history_period(check->history, event->proc);
	if (period != NULL)
		v12_leaves(check, event->proc, period->ring);
}

static void
v12_final(struct check *check)
{
	const struct history *h = check->history;

	for (uint32_t ring = 0; ring < h->ring_count; ring++)
		for (size_t i = 0; i < h->ring[ring].member_count; i++) {
			uint32_t q = h->ring[ring].member[i];

			if (h->proc[q].alive)
				v12_owes(check, q, h->ring[ring].safe, h->ring[ring].safe_count,
				    "regular", ring);
		}
}

const struct checker check_v12_safe = {
	.property = V12_SAFE, .name = "safe delivery", .event = v12_event, .final = v12_final,
};
