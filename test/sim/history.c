/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Keeps the books.  No judgement is made here: an event is added as it is told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/history.h"

void
history_init(struct history *h, uint64_t seed)
{
	*h = (struct history) { .seed = seed };
	h->scratch = util_alloc(TOTEM_MESSAGE_BYTES_MAX);
}

void
history_done(struct history *h)
{
	for (size_t i = 0; i < h->proc_count; i++) {
		struct proc *p = &h->proc[i];

		for (size_t k = 0; k < p->period_count; k++)
			free(p->period[k].causal);
		free(p->period);
		free(p->delivery);
		free(p->delivered);
		free(p->submit);
	}
	for (size_t i = 0; i < h->ring_count; i++) {
		free(h->ring[i].member);
		free(h->ring[i].order);
		free(h->ring[i].safe);
		free(h->ring[i].installer);
	}
	for (size_t i = 0; i < h->move_count; i++) {
		free(h->move[i].member);
		free(h->move[i].safe);
	}
	free(h->proc);
	free(h->ring);
	free(h->move);
	free(h->message);
	free(h->scratch);
	*h = (struct history) { 0 };
}

bool
ring_id_equal(const struct totem_ring_id *a, const struct totem_ring_id *b)
{
	return a->rep == b->rep && a->seq == b->seq && a->nonce == b->nonce;
}

uint32_t
history_proc_new(struct history *h, uint32_t host, uint32_t node, uint64_t incarnation)
{
	struct proc *p;
	uint32_t before = NONE;

	for (size_t i = h->proc_count; i-- > 0 && before == NONE;)
		if (h->proc[i].host == host)
			before = (uint32_t) i;
	if (h->proc_count == h->proc_room)
		h->proc = util_grow(h->proc, &h->proc_room, sizeof *h->proc);
	p = &h->proc[h->proc_count];
	*p = (struct proc) {
		.host = host, .node = node, .incarnation = incarnation, .before = before,
	};
	return (uint32_t) h->proc_count++;
}

uint32_t
history_proc_find(const struct history *h, uint32_t node, uint64_t incarnation)
{
	for (size_t i = h->proc_count; i-- > 0;)
		if (h->proc[i].node == node && h->proc[i].incarnation == incarnation)
			return (uint32_t) i;
	return NONE;
}

uint32_t
history_ring_find(const struct history *h, const struct totem_ring_id *id)
{
	for (size_t i = h->ring_count; i-- > 0;)
		if (ring_id_equal(&h->ring[i].id, id))
			return (uint32_t) i;
	return NONE;
}

static uint32_t
history_ring_get(struct history *h, const struct totem_ring_id *id)
{
	uint32_t ring = history_ring_find(h, id);

	if (ring != NONE)
		return ring;
	if (h->ring_count == h->ring_room)
		h->ring = util_grow(h->ring, &h->ring_room, sizeof *h->ring);
	h->ring[h->ring_count] = (struct ring) { .id = *id };
	return (uint32_t) h->ring_count++;
}

uint32_t
history_move_find(const struct history *h, uint32_t from, uint32_t to)
{
	for (size_t i = h->move_count; i-- > 0;)
		if (h->move[i].from == from && h->move[i].to == to)
			return (uint32_t) i;
	return NONE;
}

struct period *
history_period(const struct history *h, uint32_t proc)
{
	const struct proc *p = &h->proc[proc];

	return p->period_count == 0 ? NULL : &p->period[p->period_count - 1];
}

struct period *
history_period_in(const struct history *h, uint32_t proc, uint32_t ring)
{
	const struct proc *p = &h->proc[proc];

	for (size_t i = p->period_count; i-- > 0;)
		if (p->period[i].ring == ring)
			return &p->period[i];
	return NULL;
}

bool
history_delivered(const struct history *h, uint32_t proc, uint32_t message)
{
	const struct proc *p = &h->proc[proc];

	return message / 64 < p->delivered_words &&
	    (p->delivered[message / 64] >> (message % 64) & 1) != 0;
}

uint32_t
history_submitted(const struct history *h, uint32_t proc, uint64_t number)
{
	const struct proc *p = &h->proc[proc];

	return number == 0 || number > p->submit_count ? NONE : p->submit[number - 1];
}

static int
procs_compare(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

int
history_members(const struct history *h, const struct event *event, uint32_t *ret_procs)
{
	for (size_t i = 0; i < event->member_count; i++) {
		ret_procs[i] = history_proc_find(h, event->members[i].node_id,
		    event->members[i].incarnation);
		if (ret_procs[i] == NONE)
			return -EINVAL;
	}
	qsort(ret_procs, event->member_count, sizeof *ret_procs, procs_compare);
	return 0;
}

bool
procs_have(const uint32_t *procs, size_t count, uint32_t proc)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (procs[middle] == proc)
			return true;
		if (procs[middle] < proc)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool
procs_equal(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
	return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof *a) == 0);
}

static uint32_t *
history_members_copy(const struct history *h, const struct event *event, size_t *ret_count)
{
	uint32_t procs[TOTEM_NODES_MAX];
	uint32_t *copy;

	if (event->member_count > TOTEM_NODES_MAX || history_members(h, event, procs) < 0) {
		*ret_count = 0;
		return NULL;
	}
	copy = util_alloc(TOTEM_NODES_MAX * sizeof *copy);
	if (event->member_count > 0)
		memcpy(copy, procs, event->member_count * sizeof *copy);
	*ret_count = event->member_count;
	return copy;
}

static void
list_add(uint32_t **list, size_t *count, size_t *room, uint32_t value)
{
	if (*count == *room)
		*list = util_grow(*list, room, sizeof **list);
	(*list)[(*count)++] = value;
}

static void
add_transitional(struct history *h, const struct event *event)
{
	struct proc *p = &h->proc[event->proc];
	struct period *period = history_period(h, event->proc);
	uint32_t to = history_ring_get(h, &event->next);
	uint32_t move;

	if (period == NULL)
		return;
	move = history_move_find(h, period->ring, to);
	if (move == NONE) {
		if (h->move_count == h->move_room)
			h->move = util_grow(h->move, &h->move_room, sizeof *h->move);
		move = (uint32_t) h->move_count++;
		h->move[move] = (struct move) { .from = period->ring, .to = to, .first = NONE };
		h->move[move].member =
		    history_members_copy(h, event, &h->move[move].member_count);
	}
	period->move = move;
	period->transitional_at = (uint32_t) p->delivery_count;
	period->regular_sum = period->sum;
	period->regular_count = period->count;
}

static void
add_regular(struct history *h, const struct event *event)
{
	struct proc *p = &h->proc[event->proc];
	struct period *period = history_period(h, event->proc);
	uint32_t to = history_ring_get(h, &event->ring);
	struct ring *ring = &h->ring[to];

	if (period != NULL) {
		period->closed = true;
		if (period->move != NONE && h->move[period->move].to == to &&
		    h->move[period->move].first == NONE)
			h->move[period->move].first = event->proc;
	}
	if (!ring->known) {
		ring->member = history_members_copy(h, event, &ring->member_count);
		ring->known = true;
	}
	list_add(&ring->installer, &ring->installer_count, &ring->installer_room, event->proc);
	if (p->period_count == p->period_room)
		p->period = util_grow(p->period, &p->period_room, sizeof *p->period);
	p->period[p->period_count++] = (struct period) {
		.ring = to, .first = (uint32_t) p->delivery_count, .move = NONE,
		.own_last = NONE,
		.causal = util_alloc(TOTEM_NODES_MAX * sizeof(uint32_t)),
	};
	if (event->ring.seq > p->ring_seq_max)
		p->ring_seq_max = event->ring.seq;
}

static void
add_originate(struct history *h, const struct event *event)
{
	struct period *period = history_period(h, event->proc);
	struct message *m;
	struct ring *ring;

	if (event->message == NONE || period == NULL)
		return;
	m = &h->message[event->message];
	ring = &h->ring[period->ring];
	m->ring = period->ring;
	m->seq = event->seq;
	m->order = (uint32_t) ring->order_count;
	m->causal_count = period->count;
	m->previous = period->own_last;
	period->own_last = event->message;
	list_add(&ring->order, &ring->order_count, &ring->order_room, event->message);
	period->own_open++;
	h->proc[event->proc].originated[m->queue]++;
}

static uint64_t
message_hash(uint32_t message)
{
	struct prng prng = { .state = message };

	return prng_u64(&prng);
}

static void
add_deliver(struct history *h, const struct event *event)
{
	struct proc *p = &h->proc[event->proc];
	struct period *period = history_period(h, event->proc);
	struct message *m;
	size_t word = event->message / 64;

	if (event->message == NONE || period == NULL)
		return;
	m = &h->message[event->message];
	if (word >= p->delivered_words) {
		size_t room = p->delivered_words;

		while (room <= word)
			p->delivered = util_grow(p->delivered, &room, sizeof *p->delivered);
		p->delivered_words = room;
	}
	if (m->origin == event->proc && !history_delivered(h, event->proc, event->message)) {
		p->own_delivered++;
		if (m->ring == period->ring && period->own_open > 0)
			period->own_open--;
	}
	p->delivered[word] |= UINT64_C(1) << (event->message % 64);
	list_add(&p->delivery, &p->delivery_count, &p->delivery_room, event->message);
	m->delivered_count++;
	period->sum += message_hash(event->message);
	period->count++;
	if (m->ring != period->ring)
		return;
	if (m->order > period->order_next)
		period->skipped = true;
	if (m->order >= period->order_next)
		period->order_next = m->order + 1;
	if (m->guarantee != TOTEM_SAFE)
		return;
	if (period->move == NONE && !m->safe_in_ring) {
		struct ring *ring = &h->ring[period->ring];

		m->safe_in_ring = true;
		list_add(&ring->safe, &ring->safe_count, &ring->safe_room, event->message);
	} else if (period->move != NONE && m->safe_in_move != period->move) {
		struct move *move = &h->move[period->move];

		m->safe_in_move = period->move;
		list_add(&move->safe, &move->safe_count, &move->safe_room, event->message);
	}
}

static void
add_start(struct history *h, const struct event *event)
{
	struct proc *p = &h->proc[event->proc];

	p->alive = true;
	if (p->before != NONE && p->intact)
		p->ring_seq_max = h->proc[p->before].ring_seq_max;
}

void
history_add(struct history *h, const struct event *event)
{
	struct period *period;

	switch (event->kind) {
	case EVENT_START:
		add_start(h, event);
		break;
	case EVENT_CRASH:
	case EVENT_LEAVE:
		h->proc[event->proc].alive = false;
		h->proc[event->proc].state = TOTEM_IDLE;
		break;
	case EVENT_STATE:
		h->proc[event->proc].state = event->to;
		period = history_period(h, event->proc);
		if (period != NULL && event->to == TOTEM_RECOVERY)
			period->recoveries++;
		break;
	case EVENT_ORIGINATE:
		add_originate(h, event);
		break;
	case EVENT_DELIVER:
		add_deliver(h, event);
		break;
	case EVENT_TRANSITIONAL:
		add_transitional(h, event);
		break;
	case EVENT_REGULAR:
		add_regular(h, event);
		break;
	case EVENT_ACTIVATE:
		period = history_period(h, event->proc);
		if (period != NULL)
			period->activated = true;
		break;
	case EVENT_SUBMIT:
	case EVENT_NOTE:
	case EVENT_COUNT:
		break;
	}
}
