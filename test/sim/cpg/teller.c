/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A replica of the savings bank as a simulated process: what examples/savings/serve.c does with
 * libcpg, around the program's own replica.c, round.c and bank.c.  Its customers pay in and out at
 * random; what they are told goes to the ledger.
 */
#include <stdlib.h>
#include <string.h>

#include <corosync/cpg.h>

#include "examples/savings/replica.h"
#include "exec/base/assert.h"
#include "test/sim/cpg/ledger.h"

#define MS	UINT64_C(1000000)

struct teller {
	struct client *client;
	struct replica *replica;
	size_t number;			/* in the ledger */
	uint64_t incarnation;
	cpg_handle_t handle;
	struct member members[CPG_MEMBERS_MAX];
	size_t member_count;
	bool settled;
	bool written;			/* the books, at the end */
};

static struct teller *
teller_of(cpg_handle_t handle)
{
	void *teller = NULL;

	(void) cpg_context_get(handle, &teller);
	return teller;
}

static struct ledger_replica *
teller_entry(const struct teller *teller)
{
	return &program_ledger(teller->client)->replica[teller->number];
}

static uint32_t
teller_account(const char *name)
{
	return (uint32_t) (name[0] - 'a');
}

static void
on_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
    void *data, size_t len)
{
	struct teller *teller = teller_of(handle);

	(void) group;
	if (!program_killed(teller->client))
		cs_assert(replica_deliver(teller->replica, (struct member) { node, pid }, data,
		    len) == 0);
}

static void
on_view(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	struct teller *teller = teller_of(handle);
	struct member self = { program_node(teller->client), program_pid(teller->client) };

	(void) group;
	(void) left;
	(void) left_count;
	(void) joined;
	if (program_killed(teller->client))
		return;
	cs_assert(member_count <= CPG_MEMBERS_MAX);
	teller->member_count = member_count;
	for (size_t i = 0; i < member_count; i++)
		teller->members[i] = (struct member) { members[i].nodeid, members[i].pid };
	teller->settled = teller->settled && joined_count == 0;
	cs_assert(replica_view(teller->replica, self, teller->members, member_count,
	    joined_count > 0) == 0);
}

/* Which replicas have it now?  As long as one of them lives, it must not get lost. */
static void
teller_holders(const struct teller *teller, struct ledger_order *order, const struct tx *tx)
{
	const struct ledger *ledger = program_ledger(teller->client);

	for (size_t i = 0; i < ledger->replica_count; i++) {
		const struct replica *replica = ledger->replica[i].books;

		if (ledger->replica[i].alive && bank_entry(replica_bank(replica), tx) != NULL)
			order->holders[i / 64] |= UINT64_C(1) << (i % 64);
	}
}

static void
teller_answers(struct teller *teller)
{
	struct ledger *ledger = program_ledger(teller->client);
	struct ledger_order *order;
	struct answer answer;

	while (replica_answer(teller->replica, &answer)) {
		order = &ledger->order[answer.ticket];
		order->node = answer.tx.id.node;
		order->incarnation = answer.tx.id.incarnation;
		order->number = answer.tx.id.number;
		switch (answer.result) {
		case RESULT_DONE:
			order->result = LEDGER_DONE;
			teller_holders(teller, order, &answer.tx);
			program_teller_count(teller->client, TELLER_DONE);
			break;
		case RESULT_SHORT:
		case RESULT_FULL:
			order->result = LEDGER_REFUSED;
			program_teller_count(teller->client, TELLER_SHORT);
			break;
		case RESULT_NOTHING:
			order->result = LEDGER_NOTHING;
			break;
		case RESULT_UNKNOWN:
			order->result = LEDGER_UNKNOWN;
			program_teller_count(teller->client, TELLER_UNKNOWN);
			break;
		}
	}
}

static void
teller_outputs(struct teller *teller)
{
	struct ledger_replica *entry = teller_entry(teller);
	struct round_figures round = replica_round(teller->replica);

	teller_answers(teller);
	entry->settled = replica_settled(teller->replica);
	entry->members = (uint32_t) teller->member_count;
	entry->digest = bank_digest(replica_bank(teller->replica));
	if (!entry->settled || teller->settled)
		return;
	teller->settled = true;
	program_teller_count(teller->client, TELLER_ROUND);
	if (round.inconsistent_count > 0) {
		program_ledger(teller->client)->merged++;
		program_teller_count(teller->client, TELLER_MERGED);
	}
}

/* CS_OK; CS_ERR_TRY_AGAIN: the executive takes no more just now; or it is gone. */
static cs_error_t
teller_send(struct teller *teller)
{
	const void *data;
	cs_error_t error;
	size_t len;
	bool safe;

	while (replica_message(teller->replica, &data, &len, &safe)) {
		struct iovec iov = { .iov_len = len };

		memcpy(&iov.iov_base, &data, sizeof data);
		error = cpg_mcast_joined(teller->handle, safe ? CPG_TYPE_SAFE : CPG_TYPE_AGREED,
		    &iov, 1);
		if (error != CS_OK)
			return error;
		replica_sent(teller->replica);
	}
	return CS_OK;
}

static void
teller_customer(struct teller *teller)
{
	struct client *client = teller->client;
	struct ledger *ledger = program_ledger(client);
	uint64_t ticket = ledger->order_count;
	char account[2] = { (char) ('a' + program_random(client, LEDGER_ACCOUNTS)), '\0' };
	int64_t cents = 1 + (int64_t) program_random(client, 100);
	int64_t balance = bank_balance(replica_bank(teller->replica), account);

	if (program_random(client, 2) == 0)
		cents = -cents;
	/* Two who both pay out the last of it, apart from each other, leave a debt. */
	if (cents < 0 && program_random(client, 3) > 0 && balance > 0)
		cents = -balance;
	if (ledger->order_count == ledger->order_room) {
		ledger->order_room = ledger->order_room == 0 ? 64 : 2 * ledger->order_room;
		ledger->order = realloc(ledger->order,
		    ledger->order_room * sizeof *ledger->order);
		cs_assert(ledger->order != NULL);
	}
	/* Its id, until it is answered: the replica counts its orders from 1. */
	ledger->order[ledger->order_count++] = (struct ledger_order) {
		.replica = (uint32_t) teller->number, .node = program_node(client),
		.incarnation = teller->incarnation, .account = teller_account(account),
		.cents = cents,
	};
	for (size_t i = 0; i <= ticket; i++)
		ledger->order[ticket].number += ledger->order[i].replica == teller->number;
	cs_assert(replica_command(teller->replica, ticket, account, cents,
	    program_now_ns(client)) == 0);
	program_teller_count(client, TELLER_ORDER);
}

static cs_error_t
teller_connect(struct teller *teller)
{
	const struct cpg_name group = { .length = 7, .value = "savings" };
	cpg_model_v1_data_t model = {
		.model = CPG_MODEL_V1, .cpg_deliver_fn = on_message, .cpg_confchg_fn = on_view,
	};
	cs_error_t error = cpg_model_initialize(&teller->handle, CPG_MODEL_V1,
	    (cpg_model_data_t *) (void *) &model, teller);

	if (error != CS_OK)
		return error;
	error = cpg_join(teller->handle, &group);
	if (error != CS_OK)
		(void) cpg_finalize(teller->handle);
	return error;
}

static void
teller_books(struct teller *teller)
{
	const struct bank *bank = replica_bank(teller->replica);
	struct ledger_replica *entry = teller_entry(teller);

	teller->written = true;
	for (size_t i = 0; i < bank->account_count; i++) {
		const struct account *account = &bank->accounts[i];

		entry->balance[teller_account(account->name)] = account->balance_cents;
		for (size_t k = 0; k < account->entry_count; k++) {
			const struct tx *tx = &account->entries[k].tx;

			if (entry->entry_count == entry->entry_room) {
				entry->entry_room = 2 * entry->entry_room + 64;
				entry->entry = realloc(entry->entry,
				    entry->entry_room * sizeof *entry->entry);
				cs_assert(entry->entry != NULL);
			}
			entry->entry[entry->entry_count++] = (struct ledger_entry) {
				.node = tx->id.node, .incarnation = tx->id.incarnation,
				.number = tx->id.number, .cents = tx->amount_cents,
				.account = teller_account(tx->account),
			};
		}
	}
}

/* From connecting to the executive until it is gone, or the process is. */
static void
teller_connected(struct teller *teller)
{
	struct client *client = teller->client;
	uint64_t order_ns = program_now_ns(client) + program_random(client, 500) * MS;
	cs_error_t error = CS_OK, sent;

	while (!program_killed(client)) {
		error = cpg_dispatch(teller->handle, CS_DISPATCH_ALL);
		if (program_killed(client) || (error != CS_OK && error != CS_ERR_TRY_AGAIN))
			break;
		if (!program_closing(client) && program_now_ns(client) >= order_ns) {
			teller_customer(teller);
			order_ns = program_now_ns(client) + program_random(client, 1500) * MS;
			if (program_random(client, 150) == 0)
				break;	/* it dies, or only lets go of its executive */
		}
		sent = teller_send(teller);
		if (program_killed(client) || (sent != CS_OK && sent != CS_ERR_TRY_AGAIN))
			break;
		teller_outputs(teller);
		if (program_ledger(client)->closed && !teller->written)
			teller_books(teller);
		program_sleep(client, sent == CS_OK ? 100 * MS : 20 * MS);
	}
	(void) cpg_finalize(teller->handle);
	teller->member_count = 0;
	teller->settled = false;
	if (program_ending(client))
		return;
	replica_disconnected(teller->replica);
	teller_outputs(teller);
}

/* One process: its books live as long as it does, however often its executive goes. */
static void
teller_process(struct teller *teller)
{
	struct client *client = teller->client;
	struct ledger *ledger = program_ledger(client);
	cs_error_t error;

	teller->number = ledger->replica_count++;
	teller->incarnation = UINT64_C(1000000) + teller->number;
	teller->replica = replica_new(teller->incarnation);
	teller->written = false;
	cs_assert(teller->replica != NULL);
	*teller_entry(teller) = (struct ledger_replica) { .node = program_node(client),
	    .pid = program_pid(client), .alive = true, .books = teller->replica };
	while (!program_killed(client) && !ledger->closed) {
		error = teller_connect(teller);
		if (error == CS_OK)
			teller_connected(teller);
		if (!program_closing(client) && program_random(client, 8) == 0)
			break;		/* this one ends here, with its books */
		program_sleep(client, (1 + program_random(client, 50)) * MS);
	}
	if (!ledger->closed)
		teller_entry(teller)->alive = false;
	teller->replica = replica_free(teller->replica);
}

void teller_life(struct client *client);

void
teller_life(struct client *client)
{
	struct teller teller = { .client = client };

	while (!program_ending(client) && !program_closing(client) &&
	    program_ledger(client)->replica_count < LEDGER_REPLICAS_MAX) {
		program_reborn(client);
		teller_process(&teller);
		program_sleep(client, program_random(client, 2000) * MS);
	}
}
