/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "bank.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
tx_id_compare(const struct tx_id *a, const struct tx_id *b)
{
	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->incarnation != b->incarnation)
		return a->incarnation < b->incarnation ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return 0;
}

/* Two sides of a partition give the same order to different transactions: then the id decides. */
static int
key_compare(const struct tx *a, const struct tx *b)
{
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return tx_id_compare(&a->id, &b->id);
}

bool
account_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= ACCOUNT_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

bool
amount_valid(int64_t amount_cents)
{
	return amount_cents != 0 && amount_cents >= -AMOUNT_CENTS_MAX &&
	    amount_cents <= AMOUNT_CENTS_MAX;
}

/* One round of a 64-bit mixer: each bit of `value` moves about half the bits of the result. */
static uint64_t
mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) + UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
	return hash ^ (hash >> 31);
}

static uint64_t
name_hash(const char *name)
{
	uint64_t hash = 1;

	for (; *name != '\0'; name++)
		hash = mix(hash, (unsigned char) *name);
	return hash;
}

static uint64_t
tx_hash(const struct tx *tx)
{
	uint64_t hash = mix(name_hash(tx->account), tx->order);

	hash = mix(mix(mix(hash, tx->id.node), tx->id.incarnation), tx->id.number);
	return mix(mix(mix(hash, tx->pid), tx->when_ns), (uint64_t) tx->amount_cents);
}

static int
account_compare(const void *name, const void *account)
{
	return strcmp(name, ((const struct account *) account)->name);
}

static int
entry_compare(const void *key, const void *entry)
{
	return key_compare(key, &((const struct entry *) entry)->tx);
}

struct account *
bank_account(const struct bank *bank, const char *name)
{
	if (bank->account_count == 0)
		return NULL;
	return bsearch(name, bank->accounts, bank->account_count, sizeof *bank->accounts,
	    account_compare);
}

struct entry *
bank_entry(const struct bank *bank, const struct tx *key)
{
	const struct account *account = bank_account(bank, key->account);

	if (account == NULL || account->entry_count == 0)
		return NULL;
	return bsearch(key, account->entries, account->entry_count, sizeof *account->entries,
	    entry_compare);
}

/* Make room for one more element of `size` bytes.  Count and room stay far from overflow. */
static int
grow(void **array, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room == 0 ? 8 : *room * 2;
	void *bigger;

	if (count < *room)
		return 0;
	bigger = realloc(*array, wanted * size);
	if (bigger == NULL)
		return -ENOMEM;
	*array = bigger;
	*room = wanted;
	return 0;
}

/* The account of that name, opened if need be.  NULL: no memory. */
static struct account *
account_open(struct bank *bank, const char *name)
{
	struct account *account = bank_account(bank, name);
	void *accounts = bank->accounts;

	if (account != NULL)
		return account;
	if (grow(&accounts, bank->account_count, &bank->account_room, sizeof *account) < 0)
		return NULL;
	bank->accounts = accounts;
	account = bank->accounts + bank->account_count++;
	for (; account > bank->accounts && strcmp(account[-1].name, name) > 0; account--)
		account[0] = account[-1];
	*account = (struct account) { .name = "", };
	memcpy(account->name, name, strlen(name) + 1);
	return account;
}

int
bank_add(struct bank *bank, const struct tx *tx)
{
	struct account *account;
	struct entry *entry;
	void *entries;

	if (!account_name_valid(tx->account) || !amount_valid(tx->amount_cents) || tx->order == 0)
		return -EINVAL;
	if (bank_entry(bank, tx) != NULL)
		return -EEXIST;
	if (bank->tx_count == TX_COUNT_MAX)
		return -ENOSPC;
	account = account_open(bank, tx->account);
	if (account == NULL)
		return -ENOMEM;
	entries = account->entries;
	if (grow(&entries, account->entry_count, &account->entry_room, sizeof *entry) < 0)
		return -ENOMEM;		/* an account left without entries counts for nothing */
	account->entries = entries;
	entry = account->entries + account->entry_count++;
	for (; entry > account->entries && key_compare(&entry[-1].tx, tx) > 0; entry--)
		entry[0] = entry[-1];	/* rarely: most transactions come in order */
	*entry = (struct entry) { .tx = *tx, };
	account->balance_cents += tx->amount_cents;
	account->digest += tx_hash(tx);		/* a sum: the sequence of adding leaves no mark */
	bank->tx_count++;
	if (tx->order > bank->clock)
		bank->clock = tx->order;
	return 0;
}

int64_t
bank_balance(const struct bank *bank, const char *name)
{
	const struct account *account = bank_account(bank, name);

	return account != NULL ? account->balance_cents : 0;
}

uint64_t
bank_digest(const struct bank *bank)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < bank->account_count; i++)
		if (bank->accounts[i].entry_count > 0)
			hash += mix(name_hash(bank->accounts[i].name), bank->accounts[i].digest);
	return mix(hash, bank->tx_count);
}

void
bank_done(struct bank *bank)
{
	for (size_t i = 0; i < bank->account_count; i++)
		free(bank->accounts[i].entries);
	free(bank->accounts);
	*bank = (struct bank) { 0 };
}

int
amount_parse(const char *text, int64_t *ret_cents)
{
	int64_t cents = 0;
	int decimals = -1;		/* digits seen after the point */

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text == '.' && decimals < 0 && text[1] != '\0') {
			decimals = 0;
			continue;
		}
		if (*text < '0' || *text > '9' || decimals == 2)
			return -EINVAL;
		if (decimals >= 0)
			decimals++;
		cents = cents * 10 + (*text - '0');
		if (cents > AMOUNT_CENTS_MAX)
			return -ERANGE;
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 2; decimals++)
		cents *= 10;
	if (cents == 0 || cents > AMOUNT_CENTS_MAX)
		return -ERANGE;
	*ret_cents = cents;
	return 0;
}

const char *
amount_format(int64_t cents, char text[AMOUNT_TEXT_BYTES])
{
	uint64_t size = cents < 0 ? -(uint64_t) cents : (uint64_t) cents;

	(void) snprintf(text, AMOUNT_TEXT_BYTES, "%s%llu.%02llu", cents < 0 ? "-" : "",
	    (unsigned long long) (size / 100), (unsigned long long) (size % 100));
	return text;
}
