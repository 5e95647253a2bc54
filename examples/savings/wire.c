/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "wire.h"

#include <assert.h>
#include <string.h>

#define WIRE_VERSION 1

static void
put(struct writer *out, uint64_t value, size_t bytes)
{
	assert(out->room - out->len >= bytes);
	for (; bytes > 0; bytes--, value >>= 8)
		out->data[out->len++] = (uint8_t) value;
}

static uint64_t
get(struct reader *in, size_t bytes)
{
	uint64_t value = 0;

	if (in->bad || in->len < bytes) {
		in->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t) in->data[i] << (8 * i);
	in->data += bytes;
	in->len -= bytes;
	return value;
}

static void
put_name(struct writer *out, const char *name)
{
	size_t len = strlen(name);

	put(out, len, 1);
	for (size_t i = 0; i < len; i++)
		put(out, (unsigned char) name[i], 1);
}

static void
get_name(struct reader *in, char name[ACCOUNT_NAME_MAX + 1])
{
	size_t len = (size_t) get(in, 1);

	if (len > ACCOUNT_NAME_MAX)
		in->bad = true;
	for (size_t i = 0; i < len && !in->bad; i++)
		name[i] = (char) get(in, 1);
	name[in->bad ? 0 : len] = '\0';
	in->bad |= !account_name_valid(name);
}

static void
put_id(struct writer *out, const struct tx_id *id)
{
	put(out, id->node, 4);
	put(out, id->incarnation, 8);
	put(out, id->number, 8);
}

static struct tx_id
get_id(struct reader *in)
{
	struct tx_id id;

	id.node = (uint32_t) get(in, 4);
	id.incarnation = get(in, 8);
	id.number = get(in, 8);
	return id;
}

void
put_head(struct writer *out, const struct message_head *head)
{
	put(out, WIRE_VERSION, 1);
	put(out, head->kind, 1);
	put(out, head->last, 1);
	put_id(out, &head->tag);
	put(out, head->clock, 8);
}

struct message_head
get_head(struct reader *in)
{
	struct message_head head = { .kind = MSG_ASK, };
	uint64_t version = get(in, 1), kind = get(in, 1);

	if (version != WIRE_VERSION || kind < MSG_ASK || kind > MSG_ITEMS)
		in->bad = true;
	else
		head.kind = (enum message_kind) kind;
	head.last = get(in, 1) != 0;
	head.tag = get_id(in);
	head.clock = get(in, 8);
	return head;
}

void
put_line(struct writer *out, const char *account, uint64_t digest)
{
	put_name(out, account);
	put(out, digest, 8);
}

void
get_line(struct reader *in, char account[ACCOUNT_NAME_MAX + 1], uint64_t *ret_digest)
{
	get_name(in, account);
	*ret_digest = get(in, 8);
}

void
put_key(struct writer *out, const struct tx *tx)
{
	put_name(out, tx->account);
	put(out, tx->order, 8);
	put_id(out, &tx->id);
}

struct tx
get_key(struct reader *in)
{
	struct tx tx = { .account = "", };

	get_name(in, tx.account);
	tx.order = get(in, 8);
	tx.id = get_id(in);
	return tx;
}

void
put_tx(struct writer *out, const struct tx *tx)
{
	put_key(out, tx);
	put(out, tx->pid, 4);
	put(out, tx->when_ns, 8);
	put(out, (uint64_t) tx->amount_cents, 8);
}

struct tx
get_tx(struct reader *in)
{
	struct tx tx = get_key(in);

	tx.pid = (uint32_t) get(in, 4);
	tx.when_ns = get(in, 8);
	tx.amount_cents = (int64_t) get(in, 8);
	in->bad |= !amount_valid(tx.amount_cents);
	return tx;
}
