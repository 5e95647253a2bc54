/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V13, FIFO across configurations: of one sender and queue, messages come in the order in which
 * they were submitted, over any number of configuration changes; and as long as sender and
 * receiver stay together, none is left out.
 */
#include <stdlib.h>

#include "test/sim/check.h"

/* What one process has seen of one sender. */
struct v13_pair {
	uint32_t next[2];	/* place expected, by queue */
	bool together;		/* in all configurations since the last delivery */
	bool seen[2];
};

struct v13 {
	struct v13_pair **of;	/* by receiver: an array by sender */
	size_t *room;
	size_t of_room, room_room;
};

static struct v13_pair *
v13_pair(struct check *check, uint32_t receiver, uint32_t sender)
{
	struct v13 *v13 = check->v13;

	while (v13->of_room <= receiver)
		v13->of = util_grow(v13->of, &v13->of_room, sizeof *v13->of);
	while (v13->room_room <= receiver)
		v13->room = util_grow(v13->room, &v13->room_room, sizeof *v13->room);
	while (v13->room[receiver] <= sender)
		v13->of[receiver] = util_grow(v13->of[receiver], &v13->room[receiver],
		    sizeof **v13->of);
	return &v13->of[receiver][sender];
}

static void
v13_deliver(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct message *m = &h->message[event->message];
	struct v13_pair *pair = v13_pair(check, event->proc, m->origin);
	uint32_t expected = pair->next[m->queue];

	if (pair->seen[m->queue] && m->place < expected)
		check_fail(check, V13_FIFO, "%s delivers %s after a later one of that sender",
		    check_proc(h, event->proc), check_message(h, event->message));
	else if (pair->together && m->place != expected)
		check_fail(check, V13_FIFO, "%s delivers %s, but misses earlier ones of that sender"
		    " while together with it", check_proc(h, event->proc),
		    check_message(h, event->message));
	pair->next[m->queue] = m->place + 1;
	pair->seen[m->queue] = true;
}

/* Who comes along stays together; whoever is new starts anew, with what it has ordered so far. */
static void
v13_regular(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc);
	const struct move *move = period == NULL || period->move == NONE ? NULL :
	    &h->move[period->move];
	uint32_t procs[TOTEM_NODES_MAX];

	if (event->member_count > TOTEM_NODES_MAX || history_members(h, event, procs) < 0)
		return;
	for (size_t i = 0; i < event->member_count; i++) {
		struct v13_pair *pair = v13_pair(check, event->proc, procs[i]);

		pair->together = pair->together && move != NULL &&
		    procs_have(move->member, move->member_count, procs[i]);
	}
	for (size_t i = 0; move != NULL && i < h->ring[period->ring].member_count; i++) {
		uint32_t q = h->ring[period->ring].member[i];

		if (!procs_have(procs, event->member_count, q))
			v13_pair(check, event->proc, q)->together = false;
	}
}

/* A sender's first message in a ring: from here on nothing of it may be missed by the members that
 * deliver this one. */
static void
v13_joined(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct message *m = &h->message[event->message];
	struct v13_pair *pair = v13_pair(check, event->proc, m->origin);

	if (!pair->together && m->previous == NONE) {
		pair->next[TOTEM_QUEUE_SYNC] = h->proc[m->origin].originated[TOTEM_QUEUE_SYNC];
		pair->next[TOTEM_QUEUE_APP] = h->proc[m->origin].originated[TOTEM_QUEUE_APP];
		for (uint32_t i = m->order; i < h->ring[m->ring].order_count; i++) {
			const struct message *later = &h->message[h->ring[m->ring].order[i]];

			if (later->origin == m->origin)
				pair->next[later->queue]--;
		}
		pair->together = true;
	}
}

static void
v13_event(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period;

	if (check->v13 == NULL)
		check->v13 = util_alloc(sizeof(struct v13));
	if (event->kind == EVENT_REGULAR)
		v13_regular(check, event);
	if (event->kind != EVENT_DELIVER || event->message == NONE)
		return;
	period = history_period(h, event->proc);
	if (period != NULL && h->message[event->message].ring == period->ring)
		v13_joined(check, event);
	v13_deliver(check, event);
}

void
check_v13_done(struct check *check)
{
	struct v13 *v13 = check->v13;

	for (size_t i = 0; v13 != NULL && i < v13->of_room; i++)
		free(v13->of[i]);
	if (v13 != NULL) {
		free(v13->of);
		free(v13->room);
	}
	free(v13);
	check->v13 = NULL;
}

const struct checker check_v13_fifo = {
	.property = V13_FIFO, .name = "FIFO", .event = v13_event,
};
