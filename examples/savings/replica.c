/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BOOKS_FULL_COUNT (TX_COUNT_MAX - 100000)	/* the rest is kept for what merges bring */

static bool
member_equal(struct member a, struct member b)
{
	return a.node == b.node && a.pid == b.pid;
}

static int
peer_compare(const void *a, const void *b)
{
	const struct member *x = &((const struct peer *) a)->member;
	const struct member *y = &((const struct peer *) b)->member;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

size_t
peer_index(const struct replica *r, struct member member)
{
	for (size_t i = 0; i < r->peer_count; i++)
		if (member_equal(r->peers[i].member, member))
			return i;
	return r->peer_count;
}

/* ---- orders -------------------------------------------------------------------------------- */

static void
send_tx(struct replica *r, enum message_kind kind, const struct tx *tx)
{
	struct writer writer;
	struct outgoing *out = outgoing_new(r, kind, &writer);

	if (out == NULL)
		return;
	put_tx(&writer, tx);
	outgoing_queue(r, out, &writer);
}

static void
command_ask(struct replica *r, struct command *command)
{
	command->state = ASKED;
	command->answer.tx.id.node = r->self.node;
	command->answer.tx.pid = r->self.pid;
	send_tx(r, MSG_ASK, &command->answer.tx);
}

void
commands_ask(struct replica *r)
{
	for (struct command *command = r->commands; command != NULL; command = command->next)
		if (command->state == QUEUED)
			command_ask(r, command);
}

static void
command_answer(struct command *command, enum result result)
{
	command->state = ANSWERED;
	command->answer.result = result;
}

/* Our own command with this id, or NULL. */
static struct command *
command_find(const struct replica *r, const struct tx *tx)
{
	struct command *command = NULL;

	if (tx->id.incarnation == r->incarnation)
		for (command = r->commands; command != NULL; command = command->next)
			if (command->answer.tx.id.number == tx->id.number)
				break;
	return command;
}

/* Drop the hold of that id, and those whose maker has left.  While a round is on all are void:
 * each FINAL under way arrives before its end. */
static void
holds_drop(struct replica *r, const struct tx_id *id)
{
	struct hold **at = &r->holds, *hold;

	while ((hold = *at) != NULL) {
		if (!r->settled || peer_index(r, hold->from) == r->peer_count ||
		    (id != NULL && tx_id_compare(&hold->tx.id, id) == 0)) {
			*at = hold->next;
			free(hold);
		} else {
			at = &hold->next;
		}
	}
}

static bool
funds_suffice(const struct replica *r, const struct tx *tx)
{
	int64_t free_cents = bank_balance(&r->bank, tx->account);

	for (const struct hold *hold = r->holds; hold != NULL; hold = hold->next)
		if (strcmp(hold->tx.account, tx->account) == 0)
			free_cents += hold->tx.amount_cents;
	return tx->amount_cents > 0 || free_cents >= -tx->amount_cents;
}

/* Here, at the ask's place in the order, it is granted or refused.  All settled members come to
 * the same result and set the money aside; the one that was asked makes it final or tells its
 * client.  While a round is on books differ, so nobody decides, and the asker asks again later. */
static void
deliver_ask(struct replica *r, struct member from, const struct tx *tx)
{
	struct command *mine = member_equal(from, r->self) ? command_find(r, tx) : NULL;
	struct hold *hold;

	if (mine != NULL && mine->state != ASKED)
		return;
	if (!r->settled) {
		if (mine != NULL)
			mine->state = QUEUED;
		return;
	}
	if (!funds_suffice(r, tx)) {
		if (mine != NULL)
			command_answer(mine, RESULT_SHORT);
		return;
	}
	r->bank.clock++;
	if (tx->amount_cents < 0) {
		hold = malloc(sizeof *hold);
		if (hold == NULL) {
			r->error = -ENOMEM;
			return;
		}
		*hold = (struct hold) { .next = r->holds, .from = from, .tx = *tx, };
		r->holds = hold;
	}
	if (mine != NULL) {
		mine->state = GRANTED;
		mine->answer.tx.order = r->bank.clock;
		send_tx(r, MSG_FINAL, &mine->answer.tx);
	}
}

/* Into the books, however often and in whatever sequence it comes. */
void
record(struct replica *r, const struct tx *tx)
{
	int result = bank_add(&r->bank, tx);

	if (result == -ENOMEM || result == -ENOSPC)
		r->error = result;
}

static void
deliver_final(struct replica *r, const struct tx *tx)
{
	struct command *mine = command_find(r, tx);

	holds_drop(r, &tx->id);
	record(r, tx);
	if (mine != NULL && mine->state == GRANTED)
		command_answer(mine, RESULT_DONE);
}

/* ---- inputs -------------------------------------------------------------------------------- */

static void
peers_drop(struct replica *r)
{
	for (size_t i = 0; i < r->peer_count; i++)
		free(r->peers[i].lines);
	free(r->peers);
	r->peers = NULL;
	r->peer_count = 0;
}

int
replica_view(struct replica *r, struct member self, const struct member *members,
    size_t member_count, bool joined)
{
	struct peer *peers = calloc(member_count + 1, sizeof *peers);

	if (peers == NULL)
		return r->error = -ENOMEM;
	for (size_t i = 0; i < member_count; i++)
		peers[i].member = members[i];
	qsort(peers, member_count, sizeof *peers, peer_compare);
	peers_drop(r);
	r->peers = peers;
	r->peer_count = member_count;
	r->self = self;
	/* Who goes takes nothing along that the others lack; who comes may bring something. */
	if (joined)
		r->settled = false;
	holds_drop(r, NULL);
	if (!r->settled) {
		r->tag = (struct tx_id) { .number = 0, };
		outgoing_purge(r, MSG_START);
		if (member_count > 0 && member_equal(peers[0].member, self))
			send_start(r);
	}
	return r->error;
}

int
replica_deliver(struct replica *r, struct member from, const void *data, size_t len)
{
	struct reader in = { .data = data, .len = len, };
	struct message_head head = get_head(&in);
	struct tx tx;

	if (in.bad)
		return -EBADMSG;
	switch (head.kind) {
	case MSG_ASK:
	case MSG_FINAL:
		tx = get_tx(&in);
		in.bad |= in.len > 0;
		if (in.bad)
			break;
		if (head.kind == MSG_ASK)
			deliver_ask(r, from, &tx);
		else
			deliver_final(r, &tx);
		break;
	case MSG_START:
		/* A late one of an earlier view does no harm: all members turn to it alike. */
		if (!r->settled)
			round_begin(r, head.tag);
		break;
	case MSG_SUMMARY:
	case MSG_IDS:
	case MSG_ITEMS:
		deliver_round(r, from, &head, &in);
		break;
	}
	return r->error != 0 ? r->error : in.bad ? -EBADMSG : 0;
}

int
replica_command(struct replica *r, uint64_t ticket, const char *account, int64_t amount_cents,
    uint64_t when_ns)
{
	struct command *command = calloc(1, sizeof *command);

	if (command == NULL || !account_name_valid(account) || !amount_valid(amount_cents)) {
		free(command);
		return command == NULL ? -ENOMEM : -EINVAL;
	}
	command->answer = (struct answer) {
		.ticket = ticket,
		.tx = {
			.id = { .incarnation = r->incarnation, .number = ++r->number, },
			.when_ns = when_ns, .amount_cents = amount_cents,
		},
	};
	memcpy(command->answer.tx.account, account, strlen(account) + 1);
	*r->command_last = command;
	r->command_last = &command->next;
	if (r->peer_count == 0)
		command_answer(command, RESULT_NOTHING);
	else if (r->bank.tx_count >= BOOKS_FULL_COUNT)
		command_answer(command, RESULT_FULL);
	else if (r->settled)
		command_ask(r, command);
	return r->error;
}

void
replica_disconnected(struct replica *r)
{
	peers_drop(r);
	r->settled = false;
	r->tag = (struct tx_id) { .number = 0, };
	holds_drop(r, NULL);
	outgoing_purge(r, MSG_ASK);
	for (struct command *command = r->commands; command != NULL; command = command->next)
		if (command->state != ANSWERED)	/* only we could have made it final */
			command_answer(command, command->state == GRANTED ?
			    RESULT_UNKNOWN : RESULT_NOTHING);
}

/* ---- outputs and the rest ------------------------------------------------------------------ */

bool
replica_message(const struct replica *r, const void **ret_data, size_t *ret_len, bool *ret_safe)
{
	if (r->out_first == NULL)
		return false;
	*ret_data = r->out_first->data;
	*ret_len = r->out_first->len;
	/* The client is told "done" when this comes back: by then every member must have it. */
	*ret_safe = r->out_first->head.kind == MSG_FINAL;
	return true;
}

void
replica_sent(struct replica *r)
{
	struct outgoing *out = r->out_first;

	r->out_first = out->next;
	if (r->out_first == NULL)
		r->out_last = &r->out_first;
	free(out);
}

bool
replica_answer(struct replica *r, struct answer *ret_answer)
{
	for (struct command **at = &r->commands, *command; (command = *at) != NULL;
	    at = &command->next) {
		if (command->state != ANSWERED)
			continue;
		*ret_answer = command->answer;
		*at = command->next;
		if (*at == NULL)
			r->command_last = at;
		free(command);
		return true;
	}
	return false;
}

bool
replica_settled(const struct replica *r)
{
	return r->settled;
}

const struct bank *
replica_bank(const struct replica *r)
{
	return &r->bank;
}

struct round_figures
replica_round(const struct replica *r)
{
	return r->figures;
}

struct replica *
replica_new(uint64_t incarnation)
{
	struct replica *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->incarnation = incarnation;
	r->out_last = &r->out_first;
	r->command_last = &r->commands;
	return r;
}

struct replica *
replica_free(struct replica *r)
{
	struct answer answer;

	if (r == NULL)
		return NULL;
	replica_disconnected(r);
	while (replica_answer(r, &answer))
		;
	bank_done(&r->bank);
	free(r);
	return NULL;
}
