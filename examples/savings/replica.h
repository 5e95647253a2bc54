/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * One replica of the savings bank.  Pure: what was delivered, who is in the group and what local
 * clients want goes in; messages to multicast and answers for clients come out.  Only the glue
 * (main.c) knows of libcpg, sockets and clocks, so the tests run whole clusters in one process.
 *
 * An order:  client -> QUEUED --settled--> ASKED --own ASK delivered--+-- short --> refused
 *                        ^                   |                        +-- FINAL sent
 *                        +-- not settled ----+      own FINAL delivered: done <---------+
 *
 * A round of reconciliation, begun whenever somebody joined the group (a new replica and the other
 * side of a healed partition are the same thing: members with other books):
 *
 *	START by the lowest member -> SUMMARY of each -> IDS of each -> ITEMS of each -> settled
 *
 * Invariants:
 *   R1  All members of a view change `settled` at the same place of the order.
 *   R2  Settled members have equal books at each place of the order.
 *   R3  Only the replica that was asked makes a FINAL, once for an id: no two verdicts on one id.
 */
#ifndef SAVINGS_REPLICA_H
#define SAVINGS_REPLICA_H
#include "wire.h"

struct member { uint32_t node, pid; };

enum result {
	RESULT_DONE,		/* granted and in the books */
	RESULT_SHORT,		/* refused: not enough money at its place in the order */
	RESULT_NOTHING,		/* the cluster went away before it was granted: nothing was done */
	RESULT_UNKNOWN,		/* it went away after that: look for it in the history */
	RESULT_FULL,		/* refused: the books have no room left */
};

struct round_figures {		/* of the present or last round, for the log */
	size_t inconsistent_count;	/* accounts on which members differed... */
	char inconsistent[120];		/* ...and the first few names, each with a blank before */
	size_t sent_count, got_count;	/* transactions given, and those that were new to us */
};

struct answer { uint64_t ticket; enum result result; struct tx tx; };

struct replica;

/* `incarnation`: never used before by this node, as the start time in ns.  NULL: no memory. */
struct replica *replica_new(uint64_t incarnation);
/* Accepts NULL; returns NULL. */
struct replica *replica_free(struct replica *replica);

/* Inputs.  0, or -ENOMEM or -ENOSPC: this replica can no longer follow the others and has to leave
 * the group; they go on without it.  -EBADMSG: the message is malformed and was ignored. */
int replica_view(struct replica *replica, struct member self, const struct member *members,
    size_t member_count, bool joined);
int replica_deliver(struct replica *replica, struct member from, const void *data, size_t len);
int replica_command(struct replica *replica, uint64_t ticket, const char *account,
    int64_t amount_cents, uint64_t when_ns);
void replica_disconnected(struct replica *replica);	/* our executive is gone, the books stay */

/* Outputs.  The message is lent until replica_sent(), which takes it off the queue. */
bool replica_message(const struct replica *replica, const void **ret_data, size_t *ret_len,
    bool *ret_safe);
void replica_sent(struct replica *replica);
bool replica_answer(struct replica *replica, struct answer *ret_answer);

bool replica_settled(const struct replica *replica);
const struct bank *replica_bank(const struct replica *replica);
struct round_figures replica_round(const struct replica *replica);
#endif
