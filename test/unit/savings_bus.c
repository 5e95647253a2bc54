/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "savings_bus.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 2000000

uint64_t
bus_random(struct bus *bus, uint64_t below)
{
	bus->random ^= bus->random << 13;
	bus->random ^= bus->random >> 7;
	bus->random ^= bus->random << 17;
	return (bus->random >> 11) % below;
}

void
bus_init(struct bus *bus, size_t node_count, uint64_t seed)
{
	memset(bus, 0, sizeof *bus);
	bus->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 88172645463325252u;
	bus->node_count = node_count;
	bus->incarnation = 1000;
	for (size_t i = 0; i < node_count; i++) {
		bus->nodes[i].part = BUS_NOWHERE;
		bus->nodes[i].member = (struct member) { (uint32_t) i + 1, 100, };
		bus_start(bus, i);
	}
}

static void
log_clear(struct bus_log *log)
{
	for (size_t i = 0; i < log->count; i++)
		free(log->messages[i].data);
	log->count = 0;
	log->start = (struct bus_record) { 0 };
}

void
bus_done(struct bus *bus)
{
	for (size_t i = 0; i < bus->node_count; i++)
		bus->nodes[i].replica = replica_free(bus->nodes[i].replica);
	for (size_t i = 0; i < BUS_PART_MAX; i++) {
		log_clear(&bus->logs[i]);
		free(bus->logs[i].messages);
	}
}

static bool
part_used(const struct bus *bus, size_t part)
{
	for (size_t i = 0; i < bus->node_count; i++)
		if (bus->nodes[i].part == part)
			return true;
	return false;
}

static size_t
part_unused(struct bus *bus)
{
	size_t part = 0;

	while (part_used(bus, part))
		part++;
	ck_assert_uint_lt(part, BUS_PART_MAX);
	log_clear(&bus->logs[part]);
	return part;
}

/* The first node at this place leaves its state there; the others must have the same. */
static void
node_compare(struct bus *bus, size_t node)
{
	struct bus_node *n = &bus->nodes[node];
	struct bus_log *log = &bus->logs[n->part];
	struct bus_record *after = n->at == 0 ? &log->start : &log->messages[n->at - 1].after;
	const struct bank *bank = replica_bank(n->replica);
	bool settled = replica_settled(n->replica);
	uint64_t check = settled ? bank_digest(bank) * 31 + bank->clock : 0;

	if (after->seen) {
		ck_assert_msg(after->settled == settled, "node %zu: settled differs", node + 1);
		ck_assert_msg(after->check == check, "node %zu: books differ", node + 1);
	}
	*after = (struct bus_record) { .check = check, .settled = settled, .seen = true, };
}

static void
node_answers(struct bus *bus, size_t node)
{
	struct answer answer;

	while (replica_answer(bus->nodes[node].replica, &answer)) {
		struct bus_asked *asked = &bus->asked[answer.ticket];

		ck_assert(!asked->answered);
		ck_assert_uint_eq(asked->node, node);
		ck_assert_int_eq(asked->tx.amount_cents, answer.tx.amount_cents);
		asked->answered = true;
		asked->result = answer.result;
		asked->tx = answer.tx;
	}
}

static void
node_view(struct bus *bus, size_t node)
{
	bool joined = bus->nodes[node].view == VIEW_JOINED;
	struct member members[BUS_NODE_MAX];
	size_t count = 0;

	if (bus->nodes[node].view == VIEW_SEEN)
		return;
	bus->nodes[node].view = VIEW_SEEN;

	/* In a sequence of its own: members must not depend on that of the list. */
	for (size_t i = 0; i < bus->node_count; i++) {
		size_t other = (i + node) % bus->node_count;

		if (bus->nodes[other].part == bus->nodes[node].part)
			members[count++] = bus->nodes[other].member;
	}
	ck_assert_int_eq(replica_view(bus->nodes[node].replica, bus->nodes[node].member, members,
	    count, joined), 0);
	node_compare(bus, node);
	node_answers(bus, node);
}

static void
node_deliver(struct bus *bus, size_t node, const struct bus_message *message)
{
	ck_assert_int_eq(replica_deliver(bus->nodes[node].replica,
	    bus->nodes[message->node].member, message->data, message->len), 0);
	node_answers(bus, node);
}

static void
node_advance(struct bus *bus, size_t node, size_t to)
{
	struct bus_node *n = &bus->nodes[node];

	node_view(bus, node);
	while (n->at < to) {
		node_deliver(bus, node, &bus->logs[n->part].messages[n->at++]);
		node_compare(bus, node);
	}
}

static void
log_append(struct bus_log *log, size_t node, const void *data, size_t len, bool safe)
{
	struct bus_message *message;

	if (log->count == log->room) {
		log->room = log->room * 2 + 64;
		log->messages = realloc(log->messages, log->room * sizeof *log->messages);
		ck_assert_ptr_nonnull(log->messages);
	}
	message = &log->messages[log->count++];
	*message = (struct bus_message) { .node = (uint32_t) node, .len = len, .safe = safe, };
	message->data = malloc(len);
	ck_assert_ptr_nonnull(message->data);
	memcpy(message->data, data, len);
}

static bool
node_send(struct bus *bus, size_t node)
{
	struct bus_node *n = &bus->nodes[node];
	const void *data;
	size_t len;
	bool safe;

	if (n->replica == NULL || n->part == BUS_NOWHERE ||
	    !replica_message(n->replica, &data, &len, &safe))
		return false;
	bus->item_count += ((const uint8_t *) data)[1] == MSG_ITEMS && len > 60;
	log_append(&bus->logs[n->part], node, data, len, safe);
	replica_sent(n->replica);
	return true;
}

bool
bus_step(struct bus *bus)
{
	size_t first = (size_t) bus_random(bus, bus->node_count);
	bool send = bus_random(bus, 2) == 0;

	for (size_t turn = 0; turn < 2; turn++, send = !send)
		for (size_t i = 0; i < bus->node_count; i++) {
			size_t node = (first + i) % bus->node_count;
			struct bus_node *n = &bus->nodes[node];

			if (send && node_send(bus, node))
				return true;
			if (!send && n->part != BUS_NOWHERE && n->view != VIEW_SEEN) {
				node_view(bus, node);
				return true;
			}
			if (!send && n->part != BUS_NOWHERE &&
			    n->at < bus->logs[n->part].count) {
				node_advance(bus, node, n->at + 1);
				return true;
			}
		}
	return false;
}

void
bus_run(struct bus *bus)
{
	size_t steps = 0;

	while (bus_step(bus))
		ck_assert_msg(++steps < STEPS_MAX, "the replicas never become quiet");
}

void
bus_start(struct bus *bus, size_t node)
{
	struct bus_node *n = &bus->nodes[node];

	ck_assert_ptr_null(n->replica);
	n->replica = replica_new(++bus->incarnation);
	ck_assert_ptr_nonnull(n->replica);
	n->member.pid++;
	bus_connect(bus, node);
}

void
bus_connect(struct bus *bus, size_t node)
{
	bus->nodes[node].part = part_unused(bus);
	bus->nodes[node].at = 0;
	bus->nodes[node].view = VIEW_JOINED;
	node_view(bus, node);
}

/* The nodes of one side move together from the old log into a fresh one. */
static void
side_move(struct bus *bus, size_t part, uint32_t side_mask, size_t safe_to)
{
	struct bus_log *old = &bus->logs[part];
	size_t to = safe_to, fresh;

	for (size_t i = 0; i < bus->node_count; i++)
		if (side_mask >> i & 1 && bus->nodes[i].at > to)
			to = bus->nodes[i].at;
	if (bus_random(bus, 3) == 0)
		to += (size_t) bus_random(bus, old->count - to + 1);
	fresh = part_unused(bus);
	for (size_t i = 0; i < bus->node_count; i++)
		if (side_mask >> i & 1)
			node_advance(bus, i, to);
	for (size_t i = 0; i < bus->node_count; i++)
		if (side_mask >> i & 1) {
			bus->nodes[i].part = fresh;
			bus->nodes[i].at = 0;
			bus->nodes[i].view = VIEW_LEFT;
		}
	for (size_t i = to; i < old->count; i++)
		if (side_mask >> old->messages[i].node & 1) {
			const struct bus_message *message = &old->messages[i];

			bus->corner_count++;
			log_append(&bus->logs[fresh], message->node, message->data, message->len,
			    message->safe);
		}
}

/* What was delivered SAFE anywhere will be delivered on all sides. */
static size_t
safe_place(const struct bus *bus, size_t part)
{
	size_t to = 0;

	for (size_t i = 0; i < bus->node_count; i++)
		for (size_t at = to; bus->nodes[i].part == part && at < bus->nodes[i].at; at++)
			if (bus->logs[part].messages[at].safe)
				to = at + 1;
	return to;
}

/* Its members see the view they are in, before that changes again. */
static void
part_view(struct bus *bus, size_t part)
{
	for (size_t i = 0; i < bus->node_count; i++)
		if (bus->nodes[i].part == part)
			node_view(bus, i);
}

static uint32_t
part_mask(const struct bus *bus, size_t part)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < bus->node_count; i++)
		if (bus->nodes[i].part == part)
			mask |= UINT32_C(1) << i;
	return mask;
}

void
bus_split(struct bus *bus, size_t part, uint32_t side_mask)
{
	uint32_t all = part_mask(bus, part);
	size_t safe_to = safe_place(bus, part);

	side_mask &= all;
	if (side_mask == 0 || side_mask == all)
		return;
	part_view(bus, part);
	bus->split_count++;
	for (size_t i = 0; i < bus->node_count; i++)
		if (all >> i & 1 && !replica_settled(bus->nodes[i].replica)) {
			bus->split_in_round_count++;
			break;
		}
	side_move(bus, part, side_mask, safe_to);
	side_move(bus, part, all & ~side_mask, safe_to);
}

void
bus_crash(struct bus *bus, size_t node)
{
	struct bus_node *n = &bus->nodes[node];

	bus_disconnect(bus, node);
	for (size_t i = 0; i < bus->asked_count; i++)
		bus->asked[i].crashed |= bus->asked[i].node == node;
	n->replica = replica_free(n->replica);
}

void
bus_disconnect(struct bus *bus, size_t node)
{
	struct bus_node *n = &bus->nodes[node];
	size_t part = n->part;
	uint32_t rest = part_mask(bus, part) & ~(UINT32_C(1) << node);

	if (part == BUS_NOWHERE)
		return;
	part_view(bus, part);
	if (rest != 0)
		side_move(bus, part, rest, safe_place(bus, part));
	n->part = BUS_NOWHERE;
	replica_disconnected(n->replica);
	node_answers(bus, node);
}

/* A ring delivers all of its messages before it merges with another. */
static void
part_drain(struct bus *bus, size_t part)
{
	for (size_t i = 0; i < bus->node_count; i++)
		if (bus->nodes[i].part == part)
			node_advance(bus, i, bus->logs[part].count);
}

void
bus_merge(struct bus *bus, size_t part, size_t other)
{
	size_t fresh = 0;

	if (part == other || !part_used(bus, part) || !part_used(bus, other))
		return;
	part_drain(bus, part);
	part_drain(bus, other);
	fresh = part < other ? part : other;
	for (size_t i = 0; i < bus->node_count; i++)
		if (bus->nodes[i].part == part || bus->nodes[i].part == other) {
			bus->nodes[i].part = fresh;
			bus->nodes[i].at = 0;
			bus->nodes[i].view = VIEW_JOINED;
		}
	log_clear(&bus->logs[fresh]);
}

void
bus_merge_all(struct bus *bus)
{
	for (size_t i = 0; i < bus->node_count; i++) {
		if (bus->nodes[i].replica == NULL)
			bus_start(bus, i);
		else if (bus->nodes[i].part == BUS_NOWHERE)
			bus_connect(bus, i);
		bus_merge(bus, bus->nodes[0].part, bus->nodes[i].part);
	}
}

bool
bus_ask(struct bus *bus, size_t node, const char *account, int64_t amount_cents)
{
	struct bus_asked *asked;

	if (bus->nodes[node].replica == NULL || bus->asked_count == BUS_ASKED_MAX)
		return false;
	asked = &bus->asked[bus->asked_count];
	*asked = (struct bus_asked) { .node = node, .ticket = bus->asked_count++, };
	asked->tx.amount_cents = amount_cents;
	ck_assert_int_eq(replica_command(bus->nodes[node].replica, asked->ticket, account,
	    amount_cents, 1000 + asked->ticket), 0);
	node_answers(bus, node);
	return true;
}

bool
bus_settled(const struct bus *bus, size_t node)
{
	return bus->nodes[node].replica != NULL && replica_settled(bus->nodes[node].replica);
}

const struct bus_asked *
bus_last(const struct bus *bus)
{
	return &bus->asked[bus->asked_count - 1];
}
