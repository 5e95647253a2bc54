/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What was seen to happen in a run: processes, messages, configurations, deliveries.  Built from
 * the trace alone.  It knows nothing of tokens, stores or timers; the checkers of V1 to V14 read
 * it and the event that is about to be added to it.
 *
 *   process	one start of a daemon: (node, incarnation)
 *   ring	one regular configuration, by its full id
 *   period	of a process: from one regular configuration to the next, a transitional between
 *   move	all processes that go from one ring to the next one together
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/totem/totem.h"
#include "test/sim/util.h"

#define MESSAGE_HEAD_BYTES	28u	/* shorter messages carry no header */
#define MESSAGE_TAG_BYTES	48u	/* synchronisation: header and ring id */

enum event_kind {
	EVENT_START,
	EVENT_CRASH,
	EVENT_LEAVE,
	EVENT_STATE,
	EVENT_SUBMIT,
	EVENT_ORIGINATE,
	EVENT_DELIVER,
	EVENT_TRANSITIONAL,
	EVENT_REGULAR,
	EVENT_ACTIVATE,
	EVENT_NOTE,
	EVENT_COUNT
};

struct event {
	uint64_t at_ns;
	enum event_kind kind;
	uint32_t proc;			/* NONE: of nobody (a fault) */
	uint32_t message;		/* SUBMIT, ORIGINATE, DELIVER: NONE when it is unknown */
	uint32_t seq;			/* ORIGINATE, DELIVER */
	const uint8_t *data;		/* DELIVER: lent, gone after the event */
	size_t len;
	uint32_t origin;
	uint64_t origin_incarnation;
	enum totem_guarantee guarantee;
	struct totem_ring_id ring, next;
	const struct totem_member *members;	/* configurations: lent */
	size_t member_count;
	enum totem_state from, to;	/* STATE */
	enum totem_cause cause;
	uint32_t node;
	char text[96];			/* NOTE, START */
};

enum message_kind { MESSAGE_APP, MESSAGE_SYNC, MESSAGE_BARRIER };

struct message {
	uint32_t origin;		/* proc */
	uint64_t number;		/* totem's submit number */
	uint32_t place;			/* n-th accepted of its origin and queue */
	enum totem_queue queue;
	enum totem_guarantee guarantee;
	enum message_kind kind;
	struct totem_ring_id tag;	/* SYNC, BARRIER: for which ring */
	size_t len;
	uint64_t submitted_ns;
	/* from ORIGINATE on */
	uint32_t ring;			/* sent in; NONE: not yet */
	uint32_t order;			/* place in that ring's order */
	uint32_t seq;
	uint32_t causal_count;		/* so many of that ring had its origin delivered */
	uint32_t previous;		/* of the same origin in the same ring; NONE */
	uint32_t delivered_count;
	bool safe_in_ring;		/* on its ring's list of SAFE ones */
	uint32_t safe_in_move;		/* on that move's list; NONE */
};

struct period {
	uint32_t ring;
	uint32_t first;			/* in the process's deliveries */
	uint32_t move;			/* NONE: still in the regular configuration */
	uint32_t transitional_at;	/* in the process's deliveries */
	uint32_t order_next;		/* in the ring's order: all before are done */
	bool skipped;			/* something was, in the transitional configuration */
	bool activated;
	bool closed;			/* the next regular configuration came */
	uint32_t recoveries;		/* times RECOVERY was entered from here */
	uint64_t regular_sum, sum;	/* of hashes of the messages delivered: order-free */
	uint32_t regular_count, count;
	uint32_t own_open;		/* own messages sent here, not yet delivered here */
	uint32_t own_last;		/* the last of them; NONE */
	uint32_t *causal;		/* by member of the ring: checked so far (V10) */
};

struct proc {
	uint32_t host, node;
	uint64_t incarnation;
	bool alive;
	bool intact;			/* started from intact storage */
	uint32_t before;		/* the same host's process before; NONE */
	enum totem_state state;
	uint64_t ring_seq_max;		/* highest installed, before a restart too */
	struct period *period;
	size_t period_count, period_room;
	uint32_t *delivery;
	size_t delivery_count, delivery_room;
	uint64_t *delivered;		/* bits by message */
	size_t delivered_words;
	uint32_t *submit;		/* message by submit number - 1 */
	size_t submit_count, submit_room;
	uint32_t queued[2];		/* accepted, by queue */
	uint32_t originated[2];		/* of those: so many have their place */
	uint32_t own_delivered;
};

struct ring {
	struct totem_ring_id id;
	bool known;			/* somebody installed it: the members are known */
	uint32_t *member;		/* procs, ascending */
	size_t member_count;
	uint32_t *order;		/* messages sent in it */
	size_t order_count, order_room;
	uint32_t *safe;			/* SAFE ones delivered in the regular configuration */
	size_t safe_count, safe_room;
	uint32_t *installer;		/* procs */
	size_t installer_count, installer_room;
};

struct move {			/* those who install `to` coming from `from` */
	uint32_t from, to;		/* rings */
	uint32_t *member;		/* the transitional configuration, procs ascending */
	size_t member_count;
	uint32_t first;			/* proc that installed `to` first; NONE */
	uint32_t *safe;			/* SAFE ones delivered in it */
	size_t safe_count, safe_room;
};

struct history {
	uint64_t seed;
	struct proc *proc;
	size_t proc_count, proc_room;
	struct message *message;
	size_t message_count, message_room;
	struct ring *ring;
	size_t ring_count, ring_room;
	struct move *move;
	size_t move_count, move_room;
	uint8_t *scratch;		/* TOTEM_MESSAGE_BYTES_MAX */
};

void history_init(struct history *h, uint64_t seed);
void history_done(struct history *h);
/* The event has happened.  Events that make no sense are taken as far as they do. */
void history_add(struct history *h, const struct event *event);

uint32_t history_proc_new(struct history *h, uint32_t host, uint32_t node, uint64_t incarnation);
uint32_t history_proc_find(const struct history *h, uint32_t node, uint64_t incarnation);
uint32_t history_ring_find(const struct history *h, const struct totem_ring_id *id);
uint32_t history_move_find(const struct history *h, uint32_t from, uint32_t to);

/* The current one; NULL before the first regular configuration. */
struct period *history_period(const struct history *h, uint32_t proc);
/* The one in that ring; NULL. */
struct period *history_period_in(const struct history *h, uint32_t proc, uint32_t ring);
bool history_delivered(const struct history *h, uint32_t proc, uint32_t message);
/* Has it its place in the order?  What totem orders, by its submit number. */
uint32_t history_submitted(const struct history *h, uint32_t proc, uint64_t number);

/* A message that totem may accept; taken back by history_message_drop() if it does not. */
uint32_t history_message_new(struct history *h, const struct message *message);
void history_message_drop(struct history *h);
/* Its bytes: a header where it has room, then noise that only this message has. */
void history_message_fill(const struct history *h, uint32_t message, uint8_t *data);
/* Which message is this that `proc` is given?  NONE if its header is none of ours. */
uint32_t history_message_find(const struct history *h, const struct event *event);

/* Sorted arrays of process numbers.  -EINVAL: a member is no process that ever was. */
int history_members(const struct history *h, const struct event *event, uint32_t *ret_procs);
bool procs_have(const uint32_t *procs, size_t count, uint32_t proc);
bool procs_equal(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count);
bool ring_id_equal(const struct totem_ring_id *a, const struct totem_ring_id *b);
#endif
