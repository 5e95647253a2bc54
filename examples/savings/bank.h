/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The books of the savings bank: accounts, and in each account its transactions.  Pure: no clock,
 * no socket, no cluster.
 *
 * A transaction never changes once made, has an id nobody else ever has, and is never taken out.
 * So the books are a set that only grows, and everything shown (balances, digests) is computed from
 * the set alone.  Two replicas with the same set show the same; putting two sets together is adding
 * each missing transaction, in any sequence, once or twice.  MERGING.md builds on exactly this.
 *
 * Invariants:
 *   B1  accounts are sorted by name, entries of an account by (order, id); no key occurs twice.
 *   B2  balance and digest of an account are the sums over its entries.
 *   B3  clock >= the order of every entry.
 */
#ifndef SAVINGS_BANK_H
#define SAVINGS_BANK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCOUNT_NAME_MAX 31		/* letters, digits and _ . - */
#define AMOUNT_CENTS_MAX INT64_C(1000000000000)
#define TX_COUNT_MAX 4000000
_Static_assert(AMOUNT_CENTS_MAX <= INT64_MAX / 2 / TX_COUNT_MAX, "a balance can't overflow");

struct tx_id {
	uint32_t node;
	uint64_t incarnation;		/* of the replica that made it: its start, ns since 1970 */
	uint64_t number;		/* 1, 2, 3... in that replica */
};

struct tx {
	char account[ACCOUNT_NAME_MAX + 1];
	uint64_t order;			/* place in the one order, stamped when it was granted */
	struct tx_id id;
	uint32_t pid;			/* who: id.node and this */
	uint64_t when_ns;		/* wall clock of the requester; shown, never compared */
	int64_t amount_cents;		/* deposit > 0, withdrawal < 0 */
};

struct entry {
	struct tx tx;
	uint32_t listed_count;		/* in a round (round.c): by how many it was listed... */
	uint32_t lister;		/* ...and the lowest of them */
};

struct account {
	char name[ACCOUNT_NAME_MAX + 1];
	int64_t balance_cents;		/* below 0: overdrawn by a merge, a debt to be paid in */
	uint64_t digest;
	struct entry *entries;
	size_t entry_count, entry_room;
};

struct bank {
	struct account *accounts;
	size_t account_count, account_room;
	size_t tx_count;
	uint64_t clock;			/* highest order given or seen */
};

/* Add a transaction.  0; -EEXIST: have it already, fine; -EINVAL: no such transaction can be;
 * -ENOSPC: TX_COUNT_MAX reached; -ENOMEM.  Unless 0, nothing has changed. */
int bank_add(struct bank *bank, const struct tx *tx);
void bank_done(struct bank *bank);

struct account *bank_account(const struct bank *bank, const char *name);	/* or NULL */
struct entry *bank_entry(const struct bank *bank, const struct tx *key);	/* or NULL */
int64_t bank_balance(const struct bank *bank, const char *name);	/* 0 if there is none */
/* Equal sets have equal digests, unequal ones differ (but for 1 in 2^64; no shield from malice). */
uint64_t bank_digest(const struct bank *bank);

bool account_name_valid(const char *name);
bool amount_valid(int64_t amount_cents);
int tx_id_compare(const struct tx_id *a, const struct tx_id *b);

#define AMOUNT_TEXT_BYTES 24
/* "12", "12.3", "12.34" -> cents.  0; -EINVAL: not an amount; -ERANGE: 0 or above the maximum. */
int amount_parse(const char *text, int64_t *ret_cents);
const char *amount_format(int64_t cents, char text[AMOUNT_TEXT_BYTES]);
#endif
