/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Reconciliation: how members with different books come to have the same.  MERGING.md tells it.
 *
 * All decisions are made at places of the one order, which are the same for all members:
 *   the first START delivered in the view    -> each says its summary as of this place
 *   the last member's SUMMARY                -> the differing accounts are known; IDS as of here
 *   the last member's IDS                    -> who lacks what is known; ITEMS
 *   the last member's ITEMS                  -> settled
 * What is recorded meanwhile is recorded by all and disturbs nothing.  If the view changes, the
 * round is dropped, and the next one finds less to do.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 32768	/* an answer in a round goes out in messages of at most this */

/* ---- what goes out ------------------------------------------------------------------------- */

struct outgoing *
outgoing_new(struct replica *r, enum message_kind kind, struct writer *ret_writer)
{
	size_t room = kind < MSG_SUMMARY ? 2 * WIRE_ITEM_BYTES_MAX : CHUNK_BYTES;
	struct outgoing *out = malloc(sizeof *out + room);

	if (out == NULL) {
		r->error = -ENOMEM;
		return NULL;
	}
	out->next = NULL;
	out->head = (struct message_head) {
		.kind = kind, .last = true, .tag = r->tag, .clock = r->bank.clock,
	};
	*ret_writer = (struct writer) { .data = out->data, .room = room, };
	put_head(ret_writer, &out->head);
	return out;
}

void
outgoing_queue(struct replica *r, struct outgoing *out, const struct writer *writer)
{
	struct outgoing *smaller = realloc(out, sizeof *out + writer->len);

	out = smaller != NULL ? smaller : out;
	out->len = writer->len;
	*r->out_last = out;
	r->out_last = &out->next;
}

/* The chunk is full: queue it as not the last, and go on in a new one. */
static struct outgoing *
outgoing_turn(struct replica *r, struct outgoing *out, struct writer *writer)
{
	struct writer again = { .data = out->data, .room = writer->room, };
	enum message_kind kind = out->head.kind;

	if (writer->room - writer->len >= WIRE_ITEM_BYTES_MAX)
		return out;
	out->head.last = false;
	put_head(&again, &out->head);
	outgoing_queue(r, out, writer);
	return outgoing_new(r, kind, writer);
}

void
outgoing_purge(struct replica *r, enum message_kind lowest)
{
	struct outgoing **at = &r->out_first, *out;

	while ((out = *at) != NULL) {
		if (out->head.kind >= lowest) {
			*at = out->next;
			free(out);
		} else {
			at = &out->next;
		}
	}
	r->out_last = at;
}

/* ---- rounds -------------------------------------------------------------------------------- */

static int
line_compare(const void *name, const void *line)
{
	return strcmp(name, ((const struct line *) line)->account);
}

/* The digest in the member's summary; 0 when it has no such account. */
static uint64_t
peer_digest(const struct peer *peer, const char *account)
{
	const struct line *line = peer->line_count == 0 ? NULL :
	    bsearch(account, peer->lines, peer->line_count, sizeof *line, line_compare);

	return line != NULL ? line->digest : 0;
}

/* In how many different states the members have this account, and whether we are the lowest of
 * those that have it in ours: then we speak for them. */
static uint32_t
account_states(const struct replica *r, const char *account, bool *ret_speak)
{
	size_t self = peer_index(r, r->self);
	uint32_t state_count = 0;

	for (size_t i = 0; i < r->peer_count; i++) {
		uint64_t digest = peer_digest(&r->peers[i], account);
		size_t first = 0;

		while (peer_digest(&r->peers[first], account) != digest)
			first++;
		state_count += first == i;	/* the first with this digest */
		if (i == self)
			*ret_speak = first == self;
	}
	return state_count;
}

void
send_start(struct replica *r)
{
	struct writer writer;
	struct outgoing *out;

	r->tag = (struct tx_id) { r->self.node, r->incarnation, ++r->number, };
	out = outgoing_new(r, MSG_START, &writer);
	r->tag = (struct tx_id) { .number = 0, };	/* until it is delivered, for all alike */
	if (out != NULL)
		outgoing_queue(r, out, &writer);
}

static void
send_summary(struct replica *r)
{
	struct writer writer;
	struct outgoing *out = outgoing_new(r, MSG_SUMMARY, &writer);

	for (size_t i = 0; out != NULL && i < r->bank.account_count; i++) {
		const struct account *account = &r->bank.accounts[i];

		out = outgoing_turn(r, out, &writer);
		if (out != NULL && account->entry_count > 0)
			put_line(&writer, account->name, account->digest);
	}
	if (out != NULL)
		outgoing_queue(r, out, &writer);
}

/* IDS: what we have in each account on which members differ.  ITEMS: what of that not everybody
 * listed; of those that did the lowest sends it. */
static void
send_differences(struct replica *r, enum message_kind kind)
{
	struct writer writer;
	struct outgoing *out = outgoing_new(r, kind, &writer);
	size_t self = peer_index(r, r->self);

	for (size_t i = 0; out != NULL && i < r->bank.account_count; i++) {
		const struct account *account = &r->bank.accounts[i];
		bool speak = false;
		uint32_t state_count = account_states(r, account->name, &speak);

		if (state_count == 1 || !speak)
			continue;
		for (size_t j = 0; out != NULL && j < account->entry_count; j++) {
			const struct entry *entry = &account->entries[j];

			out = outgoing_turn(r, out, &writer);
			if (out != NULL && kind == MSG_IDS)
				put_key(&writer, &entry->tx);
			if (out != NULL && kind == MSG_ITEMS && entry->lister == self &&
			    entry->listed_count > 0 && entry->listed_count < state_count) {
				put_tx(&writer, &entry->tx);
				r->figures.sent_count++;
			}
		}
	}
	if (out != NULL)
		outgoing_queue(r, out, &writer);
}

/* Note on which accounts the summaries differ: those of all members, not only the ones we have. */
static void
compare_summaries(struct replica *r)
{
	size_t used = 0;

	for (size_t i = 0; i < r->peer_count; i++)
		for (size_t j = 0; j < r->peers[i].line_count; j++) {
			const char *name = r->peers[i].lines[j].account;
			size_t first = 0;
			bool speak;

			while (peer_digest(&r->peers[first], name) == 0)
				first++;
			if (first < i || account_states(r, name, &speak) == 1)
				continue;	/* counted with an earlier member's, or equal */
			r->figures.inconsistent_count++;
			if (used + strlen(name) + 2 <= sizeof r->figures.inconsistent)
				used += (size_t) snprintf(r->figures.inconsistent + used,
				    sizeof r->figures.inconsistent - used, " %s", name);
		}
}

void
round_begin(struct replica *r, struct tx_id tag)
{
	outgoing_purge(r, MSG_SUMMARY);
	r->tag = tag;
	r->figures = (struct round_figures) { 0 };
	for (size_t i = 0; i < r->peer_count; i++) {
		r->peers[i].awaited = MSG_SUMMARY;
		r->peers[i].line_count = 0;
	}
	for (size_t i = 0; i < r->bank.account_count; i++)
		for (size_t j = 0; j < r->bank.accounts[i].entry_count; j++)
			r->bank.accounts[i].entries[j].listed_count = 0;
	send_summary(r);
}

/* `peer` has said all of `kind`.  When the last member has, the next step begins: at this place of
 * the order, the same for all. */
static void
round_step(struct replica *r, struct peer *peer, enum message_kind kind)
{
	enum message_kind next = kind == MSG_SUMMARY ? MSG_IDS :
	    kind == MSG_IDS ? MSG_ITEMS : MSG_START;

	peer->awaited = next;
	for (size_t i = 0; i < r->peer_count; i++)
		if (r->peers[i].awaited == kind)
			return;
	if (next == MSG_IDS)
		compare_summaries(r);
	if (next != MSG_START) {
		send_differences(r, next);
		return;
	}
	r->settled = true;
	r->tag = (struct tx_id) { .number = 0, };
	commands_ask(r);
}

static void
take_line(struct replica *r, struct peer *peer, struct reader *in)
{
	struct line line;

	get_line(in, line.account, &line.digest);
	if (peer->line_count > 0 &&
	    strcmp(peer->lines[peer->line_count - 1].account, line.account) >= 0)
		in->bad = true;		/* we look names up by halving */
	if (in->bad)
		return;
	if (peer->line_count == peer->line_room) {
		size_t room = peer->line_room == 0 ? 16 : peer->line_room * 2;
		struct line *lines = realloc(peer->lines, room * sizeof *lines);

		if (lines == NULL) {
			r->error = -ENOMEM;
			return;
		}
		peer->lines = lines;
		peer->line_room = room;
	}
	peer->lines[peer->line_count++] = line;
}

static void
take_key(struct replica *r, uint32_t lister, struct reader *in)
{
	struct tx key = get_key(in);
	struct entry *entry = in->bad ? NULL : bank_entry(&r->bank, &key);

	if (entry == NULL)
		return;
	if (entry->listed_count == 0 || lister < entry->lister)
		entry->lister = lister;
	entry->listed_count++;
}

void
deliver_round(struct replica *r, struct member from, const struct message_head *head,
    struct reader *in)
{
	size_t index = peer_index(r, from);
	bool current = index < r->peer_count && r->tag.number != 0 &&
	    tx_id_compare(&head->tag, &r->tag) == 0 && r->peers[index].awaited == head->kind;

	while (in->len > 0 && !in->bad && r->error == 0) {
		if (head->kind == MSG_ITEMS) {	/* true and welcome, of whatever round */
			struct tx tx = get_tx(in);
			size_t before = r->bank.tx_count;

			if (!in->bad)
				record(r, &tx);
			r->figures.got_count += r->bank.tx_count - before;
		} else if (!current) {
			return;
		} else if (head->kind == MSG_SUMMARY) {
			take_line(r, &r->peers[index], in);
		} else {
			take_key(r, (uint32_t) index, in);
		}
	}
	if (!current || in->bad || r->error != 0)
		return;
	if (head->clock > r->bank.clock)
		r->bank.clock = head->clock;
	if (head->last)
		round_step(r, &r->peers[index], head->kind);
}
