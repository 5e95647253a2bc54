/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * N replicas of the savings bank in one process, on a simulated ordered bus.  Nodes form parts;
 * each part has one log of messages and each of its nodes a place in it.  A part splits and parts
 * merge as extended virtual synchrony lets a process group see it, the nasty corner included: when
 * a part splits, one side may have delivered more of the old log than the other, and a side still
 * delivers, after the others' leaving, the rest of its own messages.  Nodes see a new view one by
 * one; what they send before they have is ordered in the new one.
 *
 * After every delivery: nodes of a part at equal places have equal books, clock and state.
 */
#ifndef TEST_SAVINGS_BUS_H
#define TEST_SAVINGS_BUS_H
#include "replica.h"

#define BUS_NODE_MAX 6
#define BUS_PART_MAX (BUS_NODE_MAX + 2)	/* a part and its halves */
#define BUS_NOWHERE BUS_PART_MAX
#define BUS_ASKED_MAX 4096

struct bus_record { uint64_t check; bool settled, seen; };	/* a node after a delivery */

struct bus_message { uint32_t node; bool safe; void *data; size_t len; struct bus_record after; };

struct bus_log { struct bus_message *messages; size_t count, room; struct bus_record start; };

struct bus_node {
	struct replica *replica;	/* NULL: down */
	struct member member;
	size_t part;			/* index of its part's log; BUS_NOWHERE: not in the group */
	size_t at;			/* delivered so far of that log */
	enum { VIEW_SEEN, VIEW_LEFT, VIEW_JOINED } view;	/* before it: still to be seen */
};

struct bus_asked { struct tx tx; uint64_t ticket; size_t node; bool answered, crashed;
	enum result result; };

struct bus {
	uint64_t random;
	size_t node_count;
	struct bus_node nodes[BUS_NODE_MAX];
	struct bus_log logs[BUS_PART_MAX];
	struct bus_asked asked[BUS_ASKED_MAX];
	size_t asked_count;
	uint64_t incarnation;
	size_t split_count, split_in_round_count, corner_count, item_count;
};

void bus_init(struct bus *bus, size_t node_count, uint64_t seed);
void bus_done(struct bus *bus);
uint64_t bus_random(struct bus *bus, uint64_t below);

void bus_start(struct bus *bus, size_t node);			/* in a part of its own */
void bus_crash(struct bus *bus, size_t node);			/* the books are lost */
void bus_disconnect(struct bus *bus, size_t node);		/* its daemon died: books kept */
void bus_connect(struct bus *bus, size_t node);			/* after that: a part of its own */
void bus_split(struct bus *bus, size_t part, uint32_t side_mask);	/* these go elsewhere */
void bus_merge(struct bus *bus, size_t part, size_t other);
void bus_merge_all(struct bus *bus);
bool bus_ask(struct bus *bus, size_t node, const char *account, int64_t amount_cents);

/* One message sent or delivered somewhere, at random.  False: nothing is left to do. */
bool bus_step(struct bus *bus);
void bus_run(struct bus *bus);					/* until quiet */
bool bus_settled(const struct bus *bus, size_t node);
const struct bus_asked *bus_last(const struct bus *bus);	/* the last order and its result */
#endif
