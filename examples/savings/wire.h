/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What replicas say to each other.  Every message: a head, then items of one sort until its end.
 * All numbers are little-endian and of fixed width, so unlike machines understand each other.
 *
 *	ASK      a transaction wanted, not yet granted (order 0)
 *	FINAL    one granted transaction, for ever
 *	START    nothing: begins a round of reconciliation, named by the tag
 *	SUMMARY  (account, digest): what the sender's books look like
 *	IDS      keys: what the sender has in an account on which the summaries differ
 *	ITEMS    transactions somebody lacks
 */
#ifndef SAVINGS_WIRE_H
#define SAVINGS_WIRE_H
#include "bank.h"

enum message_kind { MSG_ASK = 1, MSG_FINAL, MSG_START, MSG_SUMMARY, MSG_IDS, MSG_ITEMS, };

struct message_head {
	enum message_kind kind;
	bool last;			/* of several messages that are one answer in a round */
	struct tx_id tag;		/* of the round, from START on */
	uint64_t clock;			/* the sender's */
};

#define WIRE_ITEM_BYTES_MAX 96		/* a transaction, and a head, fit in it */

struct writer { uint8_t *data; size_t len, room; };	/* the caller keeps an item's room free */
struct reader { const uint8_t *data; size_t len; bool bad; };	/* bad sticks: test once */

void put_head(struct writer *out, const struct message_head *head);
void put_line(struct writer *out, const char *account, uint64_t digest);
void put_key(struct writer *out, const struct tx *tx);
void put_tx(struct writer *out, const struct tx *tx);

/* On anything malformed `bad` is set and what was got is to be ignored. */
struct message_head get_head(struct reader *in);
void get_line(struct reader *in, char account[ACCOUNT_NAME_MAX + 1], uint64_t *ret_digest);
struct tx get_key(struct reader *in);
struct tx get_tx(struct reader *in);
#endif
