/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What replica.c (orders, the group, inputs and outputs) and round.c (reconciliation) share.
 */
#ifndef SAVINGS_INTERNAL_H
#define SAVINGS_INTERNAL_H
#include "replica.h"

struct outgoing {		/* a message that waits to be multicast */
	struct outgoing *next;
	struct message_head head;
	size_t len;
	uint8_t data[];
};

struct command {		/* what a local client waits for */
	struct command *next;
	enum { QUEUED, ASKED, GRANTED, ANSWERED } state;
	struct answer answer;
};

struct hold {			/* a granted withdrawal whose FINAL is under way */
	struct hold *next;
	struct member from;
	struct tx tx;
};

struct line { char account[ACCOUNT_NAME_MAX + 1]; uint64_t digest; };

struct peer {			/* a member of the view, in a round */
	struct member member;
	enum message_kind awaited;	/* SUMMARY, IDS, ITEMS; START once it has said all */
	struct line *lines;		/* its summary */
	size_t line_count, line_room;
};

struct replica {
	struct bank bank;
	uint64_t incarnation, number;	/* the next id is number + 1 */
	struct member self;
	struct peer *peers;		/* sorted, the same in every member */
	size_t peer_count;		/* 0: not in the group */
	bool settled;
	struct tx_id tag;		/* the round that is on; number 0: none */
	struct round_figures figures;
	struct outgoing *out_first, **out_last;
	struct command *commands, **command_last;
	struct hold *holds;
	int error;			/* sticky: -ENOMEM, -ENOSPC */
};

/* replica.c */
size_t peer_index(const struct replica *r, struct member member);	/* peer_count: none */
void record(struct replica *r, const struct tx *tx);
void commands_ask(struct replica *r);

/* round.c */
/* A message with its head and room for items.  NULL: no memory, noted in `error`. */
struct outgoing *outgoing_new(struct replica *r, enum message_kind kind, struct writer *ret_writer);
void outgoing_queue(struct replica *r, struct outgoing *out, const struct writer *writer);
/* Forget what we were about to say, of this kind and all later ones. */
void outgoing_purge(struct replica *r, enum message_kind lowest);
void send_start(struct replica *r);
void round_begin(struct replica *r, struct tx_id tag);
void deliver_round(struct replica *r, struct member from, const struct message_head *head,
    struct reader *in);
#endif
