/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V13, FIFO across configurations: of one sender and queue, messages come in the order in which
 * they were submitted, over any number of configuration changes; and as long as sender and
 * receiver stay together, none is left out.
 */
#include <stdlib.h>

#include "test/sim/check.h"

/* What one process has seen of one sender, by queue. */
struct v13_pair {
	uint32_t next[2];	/* place expected */
	bool seen[2];
	bool together[2];	/* in all configurations since the last delivery */
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

/* The place of the sender's first message of this queue in the ring. */
static uint32_t
v13_first_place(const struct history *h, const struct message *m)
{
	const struct ring *ring = &h->ring[m->ring];

	for (size_t i = 0; i < m->order; i++) {
		const struct message *other = &h->message[ring->order[i]];

		if (other->origin == m->origin && other->queue == m->queue)
			return other->place;
	}
	return m->place;
}

static void
v13_deliver(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct message *m = &h->message[event->message];
	const struct period *period = history_period(h, event->proc);
	struct v13_pair *pair = v13_pair(check, event->proc, m->origin);
	uint32_t expected = pair->next[m->queue];

	if (pair->seen[m->queue] && m->place < expected) {
		check_fail(check, V13_FIFO, "%s delivers %s after a later one of that sender",
		    check_proc(h, event->proc), check_message(h, event->message));
		return;
	}
	/* From its first message in this ring on, nothing of the sender may be missed. */
	if (!pair->together[m->queue] && period != NULL && m->ring == period->ring) {
		expected = v13_first_place(h, m);
		pair->together[m->queue] = true;
	}
	if (pair->together[m->queue] && m->place != expected)
		check_fail(check, V13_FIFO, "%s delivers %s, but misses earlier ones of that sender"
		    " while together with it", check_proc(h, event->proc),
		    check_message(h, event->message));
	pair->next[m->queue] = m->place + 1;
	pair->seen[m->queue] = true;
}

static void
v13_part(struct v13_pair *pair)
{
	pair->together[0] = pair->together[1] = false;
}

/* Who comes along stays together; of whoever is new, nothing is expected yet. */
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
	for (size_t i = 0; i < event->member_count; i++)
		if (move == NULL || !procs_have(move->member, move->member_count, procs[i]))
			v13_part(v13_pair(check, event->proc, procs[i]));
	for (size_t i = 0; move != NULL && i < h->ring[period->ring].member_count; i++) {
		uint32_t q = h->ring[period->ring].member[i];

		if (!procs_have(procs, event->member_count, q))
			v13_part(v13_pair(check, event->proc, q));
	}
}

static void
v13_event(struct check *check, const struct event *event)
{
	if (check->v13 == NULL)
		check->v13 = util_alloc(sizeof(struct v13));
	if (event->kind == EVENT_REGULAR)
		v13_regular(check, event);
	if (event->kind == EVENT_DELIVER && event->message != NONE)
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
