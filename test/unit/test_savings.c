/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The savings example: books, messages, replicas; whole clusters on a simulated bus.
 */
#include "savings_bus.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tx
some_tx(const char *account, uint64_t order, uint64_t number, int64_t amount_cents)
{
	struct tx tx = {
		.order = order, .id = { 1, 77, number, }, .pid = 9, .when_ns = 5,
		.amount_cents = amount_cents,
	};

	(void) snprintf(tx.account, sizeof tx.account, "%s", account);
	return tx;
}

/* ---- books --------------------------------------------------------------------------------- */

START_TEST(amounts_are_exact)
{
	static const struct { const char *text; int result; int64_t cents; } cases[] = {
		{ "12", 0, 1200, }, { "12.3", 0, 1230, }, { "12.34", 0, 1234, }, { "0.01", 0, 1, },
		{ "10000000000.00", 0, AMOUNT_CENTS_MAX, }, { "10000000000.01", -ERANGE, 0, },
		{ "99999999999999999999999999", -ERANGE, 0, }, { "0", -ERANGE, 0, },
		{ "0.00", -ERANGE, 0, }, { "", -EINVAL, 0, }, { "-1", -EINVAL, 0, },
		{ "+1", -EINVAL, 0, }, { "1.", -EINVAL, 0, }, { ".5", -EINVAL, 0, },
		{ "1.234", -EINVAL, 0, }, { "1.2.3", -EINVAL, 0, }, { "1e3", -EINVAL, 0, },
		{ " 1", -EINVAL, 0, },
	};
	char text[AMOUNT_TEXT_BYTES];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t cents = -7;

		ck_assert_msg(amount_parse(cases[i].text, &cents) == cases[i].result, "%s",
		    cases[i].text);
		ck_assert_int_eq(cents, cases[i].result == 0 ? cases[i].cents : -7);
	}
	ck_assert_str_eq(amount_format(-5, text), "-0.05");
	ck_assert_str_eq(amount_format(AMOUNT_CENTS_MAX, text), "10000000000.00");
	ck_assert_str_eq(amount_format(INT64_MIN, text), "-92233720368547758.08");
}
END_TEST

/* Whatever the sequence, and however often: the same books. */
START_TEST(books_are_a_set)
{
	struct bank one = { 0 }, two = { 0 };
	struct tx txs[200];

	for (size_t i = 0; i < 200; i++)
		txs[i] = some_tx(i % 3 == 0 ? "alice" : i % 3 == 1 ? "bob" : "a.b-c_d",
		    i / 2 + 1, i + 1, i % 5 == 0 ? -3 : 10);
	for (size_t i = 0; i < 200; i++) {
		ck_assert_int_eq(bank_add(&one, &txs[i]), 0);
		ck_assert_int_eq(bank_add(&two, &txs[i * 67 % 200]), 0);
		ck_assert_int_eq(bank_add(&two, &txs[i * 67 % 200]), -EEXIST);
	}
	ck_assert_uint_eq(one.tx_count, 200);
	ck_assert_uint_eq(two.tx_count, 200);
	ck_assert_uint_eq(bank_digest(&one), bank_digest(&two));
	for (size_t i = 0; i < one.account_count; i++) {
		const struct account *a = &one.accounts[i], *b = &two.accounts[i];

		ck_assert_str_eq(a->name, b->name);
		ck_assert_int_eq(a->balance_cents, b->balance_cents);
		ck_assert_uint_eq(a->entry_count, b->entry_count);
		for (size_t j = 0; j < a->entry_count; j++)
			ck_assert_int_eq(tx_id_compare(&a->entries[j].tx.id,
			    &b->entries[j].tx.id), 0);
	}
	ck_assert_int_eq(bank_balance(&one, "nobody"), 0);
	bank_done(&one);
	bank_done(&two);
}
END_TEST

START_TEST(each_field_is_in_the_digest)
{
	struct bank bank = { 0 };
	uint64_t digest;
	struct tx tx;

	for (int field = 0; field < 8; field++) {
		struct bank other = { 0 };

		tx = some_tx("alice", 5, 6, 7);
		ck_assert_int_eq(bank_add(&bank, &tx), 0);
		digest = bank_digest(&bank);
		bank_done(&bank);
		tx.account[0] = field == 0 ? 'A' : tx.account[0];
		tx.order += field == 1;
		tx.id.node += field == 2;
		tx.id.incarnation += field == 3;
		tx.id.number += field == 4;
		tx.pid += field == 5;
		tx.when_ns += field == 6;
		tx.amount_cents += field == 7;
		ck_assert_int_eq(bank_add(&other, &tx), 0);
		ck_assert_uint_ne(bank_digest(&other), digest);
		bank_done(&other);
	}
}
END_TEST

START_TEST(books_refuse_what_cannot_be)
{
	struct bank bank = { 0 };
	struct tx tx = some_tx("alice", 1, 1, 0);

	ck_assert_int_eq(bank_add(&bank, &tx), -EINVAL);
	tx.amount_cents = AMOUNT_CENTS_MAX + 1;
	ck_assert_int_eq(bank_add(&bank, &tx), -EINVAL);
	tx = some_tx("", 1, 1, 1);
	ck_assert_int_eq(bank_add(&bank, &tx), -EINVAL);
	tx = some_tx("a b", 1, 1, 1);
	ck_assert_int_eq(bank_add(&bank, &tx), -EINVAL);
	tx = some_tx("ab", 0, 1, 1);
	ck_assert_int_eq(bank_add(&bank, &tx), -EINVAL);
	bank.tx_count = TX_COUNT_MAX;
	tx = some_tx("ab", 1, 1, 1);
	ck_assert_int_eq(bank_add(&bank, &tx), -ENOSPC);
	ck_assert_uint_eq(bank.account_count, 0);
	bank_done(&bank);
}
END_TEST

/* ---- messages ------------------------------------------------------------------------------ */

/* A message cut short anywhere, or with a byte too many, is refused and records nothing. */
START_TEST(truncated_messages_are_refused)
{
	struct tx tx = some_tx("alice", 1, 1, 100);
	struct message_head head = { .kind = MSG_FINAL, };
	uint8_t data[2 * WIRE_ITEM_BYTES_MAX];
	struct writer out = { .data = data, .room = sizeof data, };
	struct replica *replica = replica_new(1);
	struct member from = { 2, 2, };

	put_head(&out, &head);
	put_tx(&out, &tx);
	ck_assert_uint_le(out.len, WIRE_ITEM_BYTES_MAX * 2);
	for (size_t len = 0; len < out.len; len++)
		ck_assert_int_eq(replica_deliver(replica, from, data, len), -EBADMSG);
	data[out.len] = 0;
	ck_assert_int_eq(replica_deliver(replica, from, data, out.len + 1), -EBADMSG);
	ck_assert_uint_eq(replica_bank(replica)->tx_count, 0);
	ck_assert_int_eq(replica_deliver(replica, from, data, out.len), 0);
	ck_assert_uint_eq(replica_bank(replica)->tx_count, 1);
	replica = replica_free(replica);
}
END_TEST

/* Any bytes at all: an error or nothing, never a crash. */
START_TEST(noise_is_survived)
{
	struct replica *replica = replica_new(1);
	struct member self = { 1, 1, };
	uint8_t data[300];
	uint64_t x = 12345;

	ck_assert_int_eq(replica_view(replica, self, &self, 1, true), 0);
	for (int i = 0; i < 200000; i++) {
		size_t len;

		for (len = 0; len < sizeof data; len++) {
			x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
			data[len] = (uint8_t) ((x >> 56) % (i % 2 == 0 ? 255 : 7));
		}
		data[0] = 1;
		data[1] = (uint8_t) (1 + i % 7);
		len = (size_t) (x >> 32) % sizeof data;
		(void) replica_deliver(replica, self, data, len);
	}
	replica = replica_free(replica);
}
END_TEST

/* ---- no memory ----------------------------------------------------------------------------- */

static long allocations_left = -1;	/* before one fails; below 0: none does */
static bool allocation_failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool
allocation_fails(void)
{
	bool fails = allocations_left == 0;

	allocations_left -= allocations_left >= 0;
	allocation_failed |= fails;
	return fails;
}

void *
__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(old, size);
}

/* A lone replica through orders and a round; the first error it reports. */
static int
lone_life(void)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", };
	struct replica *replica = replica_new(1);
	struct member self = { 1, 1, };
	struct answer answer;
	const void *data;
	size_t len;
	bool safe;
	int r = replica == NULL ? -ENOMEM : replica_view(replica, self, &self, 1, true);

	for (uint64_t i = 0; i < 40 && r == 0; i++) {
		r = replica_command(replica, i, names[i % 9], i > 20 ? -5 : 10, 1);
		if (r == 0 && i == 30)
			r = replica_view(replica, self, &self, 1, true);
		while (r == 0 && replica_message(replica, &data, &len, &safe)) {
			r = replica_deliver(replica, self, data, len);
			replica_sent(replica);
		}
	}
	while (replica != NULL && replica_answer(replica, &answer))
		;
	replica = replica_free(replica);
	return r;
}

/* The 1st, 2nd, ... allocation fails, until a life needs no more: it is reported, nothing leaks. */
START_TEST(no_allocation_failure_is_ignored)
{
	int count = 0;

	for (;; count++) {
		int r;

		allocation_failed = false;
		allocations_left = count;
		r = lone_life();
		allocations_left = -1;
		if (!allocation_failed)
			break;
		/* Making a message smaller may fail: it stays as it is. */
		ck_assert(r == -ENOMEM || r == 0);
		ck_assert_int_lt(count, 10000);
	}
	ck_assert_int_gt(count, 100);
}
END_TEST

/* ---- clusters ------------------------------------------------------------------------------ */

static int64_t
balance(const struct bus *bus, size_t node, const char *account)
{
	return bank_balance(replica_bank(bus->nodes[node].replica), account);
}

START_TEST(a_refusal_is_told_to_the_requester_only)
{
	struct bus bus;

	bus_init(&bus, 3, 1);
	bus_merge_all(&bus);
	bus_run(&bus);
	bus_ask(&bus, 0, "alice", 1000);
	bus_run(&bus);
	ck_assert_int_eq(bus_last(&bus)->result, RESULT_DONE);
	bus_ask(&bus, 1, "alice", -1001);
	bus_run(&bus);
	ck_assert(bus_last(&bus)->answered);
	ck_assert_int_eq(bus_last(&bus)->result, RESULT_SHORT);
	bus_ask(&bus, 2, "alice", -1000);
	bus_run(&bus);
	ck_assert_int_eq(bus_last(&bus)->result, RESULT_DONE);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(balance(&bus, i, "alice"), 0);
		ck_assert_uint_eq(replica_bank(bus.nodes[i].replica)->tx_count, 2);
	}
	bus_done(&bus);
}
END_TEST

/* Two withdrawals of all there is, asked at the same time: exactly one is granted. */
START_TEST(the_order_decides_who_gets_the_money)
{
	struct bus bus;
	int done = 0;

	bus_init(&bus, 3, (uint64_t) _i + 1);
	bus_merge_all(&bus);
	bus_run(&bus);
	bus_ask(&bus, 0, "alice", 1000);
	bus_run(&bus);
	for (size_t i = 0; i < 3; i++)
		bus_ask(&bus, i, "alice", -1000);
	bus_run(&bus);
	for (size_t i = 1; i < 4; i++)
		done += bus.asked[i].result == RESULT_DONE;
	ck_assert_int_eq(done, 1);
	ck_assert_int_eq(balance(&bus, 2, "alice"), 0);
	bus_done(&bus);
}
END_TEST

/* MERGING.md's example: both sides' transactions are in the result, a debt is possible, and then
 * nothing more is paid out. */
START_TEST(a_merge_keeps_both_sides)
{
	struct bus bus;

	bus_init(&bus, 3, 5);
	bus_merge_all(&bus);
	bus_run(&bus);
	bus_ask(&bus, 0, "alice", 10000);
	bus_ask(&bus, 0, "carol", 500);
	bus_run(&bus);
	bus_split(&bus, bus.nodes[0].part, 4);
	bus_ask(&bus, 0, "alice", -8000);
	bus_ask(&bus, 2, "alice", -7000);
	bus_ask(&bus, 2, "bob", 300);
	bus_run(&bus);
	ck_assert_int_eq(balance(&bus, 1, "alice"), 2000);
	ck_assert_int_eq(balance(&bus, 2, "alice"), 3000);
	bus_merge_all(&bus);
	bus_run(&bus);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(balance(&bus, i, "alice"), -5000);
		ck_assert_int_eq(balance(&bus, i, "bob"), 300);
		ck_assert_uint_eq(replica_round(bus.nodes[i].replica).inconsistent_count, 2);
	}
	/* Only what was missing travelled: one withdrawal one way; one and bob's the other. */
	ck_assert_uint_eq(replica_round(bus.nodes[0].replica).sent_count, 1);
	ck_assert_uint_eq(replica_round(bus.nodes[1].replica).sent_count, 0);
	ck_assert_uint_eq(replica_round(bus.nodes[2].replica).sent_count, 2);
	bus_ask(&bus, 1, "alice", -1);
	bus_run(&bus);
	ck_assert_int_eq(bus_last(&bus)->result, RESULT_SHORT);
	bus_done(&bus);
}
END_TEST

/* The donor dies at each possible moment of the transfer; the next one finishes it. */
START_TEST(the_donor_dies_in_the_transfer)
{
	struct bus bus;
	char name[16];

	bus_init(&bus, 3, (uint64_t) _i);
	bus_merge(&bus, bus.nodes[0].part, bus.nodes[1].part);
	bus_run(&bus);
	for (int i = 0; i < 600; i++) {
		(void) snprintf(name, sizeof name, "account%d", i % 50);
		bus_ask(&bus, (size_t) i % 2, name, 100 + i);
	}
	bus_run(&bus);
	bus_merge(&bus, bus.nodes[0].part, bus.nodes[2].part);
	for (int steps = 0; steps < _i; steps++)
		if (!bus_step(&bus))
			break;
	bus_crash(&bus, 0);
	bus_run(&bus);
	ck_assert(bus_settled(&bus, 1) && bus_settled(&bus, 2));
	ck_assert_uint_eq(replica_bank(bus.nodes[2].replica)->tx_count, 600);
	bus_done(&bus);
}
END_TEST

/* Books of a size that makes an answer several messages. */
START_TEST(large_books_travel_in_parts)
{
	struct bus bus;

	bus_init(&bus, 2, 3);
	bus_run(&bus);
	for (int i = 0; i < 3000; i++)
		bus_ask(&bus, 0, i % 7 == 0 ? "alice" : "bob", 1 + i);
	bus_run(&bus);
	bus_merge_all(&bus);
	bus_run(&bus);
	ck_assert_uint_gt(bus.item_count, 3);
	ck_assert_uint_eq(replica_bank(bus.nodes[1].replica)->tx_count, 3000);
	ck_assert_uint_eq(replica_round(bus.nodes[1].replica).got_count, 3000);
	bus_done(&bus);
}
END_TEST

/* Asked before the merge, ordered after it: it is decided with the books of both sides. */
START_TEST(an_order_under_way_waits_for_the_merge)
{
	struct bus bus;

	bus_init(&bus, 2, 7);
	bus_merge_all(&bus);
	bus_run(&bus);
	bus_ask(&bus, 0, "alice", 100);
	bus_run(&bus);
	bus_split(&bus, bus.nodes[0].part, 2);
	bus_run(&bus);
	bus_ask(&bus, 1, "alice", -100);
	bus_run(&bus);
	bus_ask(&bus, 0, "alice", -100);	/* waits in its replica */
	bus_merge_all(&bus);
	bus_run(&bus);
	ck_assert_int_eq(bus_last(&bus)->result, RESULT_SHORT);
	ck_assert_int_eq(balance(&bus, 0, "alice"), 0);
	bus_done(&bus);
}
END_TEST

/* What two of three sides have is sent once, by the lower of them. */
START_TEST(each_is_sent_by_one)
{
	static const size_t sent[] = { 2, 0, 1, };
	struct bus bus;

	bus_init(&bus, 3, (uint64_t) _i);
	bus_merge_all(&bus);
	bus_run(&bus);
	bus_split(&bus, bus.nodes[0].part, 4);
	bus_ask(&bus, 1, "alice", 100);
	bus_ask(&bus, 2, "alice", 7);
	bus_run(&bus);
	bus_split(&bus, bus.nodes[0].part, 2);
	bus_ask(&bus, 0, "alice", 1);
	bus_run(&bus);
	bus_merge_all(&bus);			/* all three at once */
	bus_run(&bus);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(replica_round(bus.nodes[i].replica).sent_count, sent[i]);
		ck_assert_int_eq(balance(&bus, i, "alice"), 108);
	}
	bus_done(&bus);
}
END_TEST

START_TEST(without_a_cluster_nothing_is_done)
{
	struct bus bus;

	bus_init(&bus, 2, 3);
	bus_merge_all(&bus);
	bus_run(&bus);
	bus_ask(&bus, 0, "alice", 100);		/* never asked: the daemon is gone first */
	bus_disconnect(&bus, 0);
	ck_assert_int_eq(bus_last(&bus)->result, RESULT_NOTHING);
	bus_ask(&bus, 0, "alice", 100);
	ck_assert_int_eq(bus_last(&bus)->result, RESULT_NOTHING);
	bus_merge_all(&bus);
	bus_run(&bus);
	ck_assert_int_eq(balance(&bus, 0, "alice"), 0);
	ck_assert_int_eq(balance(&bus, 1, "alice"), 0);
	bus_done(&bus);
}
END_TEST

/* ---- anything at all, at random ------------------------------------------------------------ */

static void
random_event(struct bus *bus, bool faults)
{
	static const char *const names[] = { "alice", "bob", "carol", };
	size_t node = (size_t) bus_random(bus, bus->node_count);
	size_t other = (size_t) bus_random(bus, bus->node_count);
	struct bus_node *n = &bus->nodes[node], *o = &bus->nodes[other];
	uint64_t what = bus_random(bus, 100);
	int64_t amount = (int64_t) bus_random(bus, 100) + 1;

	if (what < 70 || !faults) {
		bus_ask(bus, node, names[bus_random(bus, 3)], what % 2 == 0 ? amount : -amount);
	} else if (what < 83) {
		if (n->part != BUS_NOWHERE)
			bus_split(bus, n->part, (uint32_t) bus_random(bus, 64));
	} else if (what < 96) {
		if (n->part != BUS_NOWHERE && o->part != BUS_NOWHERE)
			bus_merge(bus, n->part, o->part);
	} else if (what < 98) {
		if (n->replica == NULL)
			bus_start(bus, node);
		else if (n->part == BUS_NOWHERE)
			bus_connect(bus, node);
		else
			bus_disconnect(bus, node);
	} else if (n->replica != NULL) {
		bus_crash(bus, node);
	}
}

/* What the clients were told is what the books of everybody say. */
static void
check_promises(const struct bus *bus)
{
	const struct bank *bank = replica_bank(bus->nodes[0].replica);

	for (size_t i = 0; i < bus->asked_count; i++) {
		const struct bus_asked *asked = &bus->asked[i];
		size_t found = 0;

		ck_assert(asked->answered || asked->crashed);
		if (!asked->answered)
			continue;
		for (size_t j = 0; j < bank->account_count; j++)
			for (size_t k = 0; k < bank->accounts[j].entry_count; k++)
				found += tx_id_compare(&bank->accounts[j].entries[k].tx.id,
				    &asked->tx.id) == 0;
		ck_assert_uint_le(found, 1);	/* never twice */
		if (asked->result == RESULT_SHORT || asked->result == RESULT_NOTHING)
			ck_assert_msg(found == 0, "order %zu: refused, yet in the books", i);
		/* A lone replica that crashes takes what only it had along: found, or crashed. */
		if (asked->result == RESULT_DONE)
			ck_assert_msg(found == 1 || asked->crashed, "order %zu is lost", i);
	}
}

static size_t total_split, total_split_in_round, total_corner, total_items;

static void
random_run(int seed)
{
	struct bus bus;
	bool faults = seed % 10 != 0;

	bus_init(&bus, 2 + (size_t) seed % (BUS_NODE_MAX - 1), (uint64_t) seed + 1);
	if (!faults) {
		bus_merge_all(&bus);
		bus_run(&bus);
	}
	for (int event = 0; event < 300; event++) {
		random_event(&bus, faults);
		for (uint64_t steps = bus_random(&bus, 20); steps > 0; steps--)
			(void) bus_step(&bus);
	}
	bus_merge_all(&bus);
	bus_run(&bus);
	for (size_t i = 0; i < bus.node_count; i++) {
		ck_assert(bus_settled(&bus, i));
		ck_assert_uint_eq(bank_digest(replica_bank(bus.nodes[i].replica)),
		    bank_digest(replica_bank(bus.nodes[0].replica)));
	}
	check_promises(&bus);
	if (!faults)
		for (size_t i = 0; i < replica_bank(bus.nodes[0].replica)->account_count; i++)
			ck_assert_int_ge(replica_bank(bus.nodes[0].replica)->
			    accounts[i].balance_cents, 0);
	total_split += bus.split_count;
	total_split_in_round += bus.split_in_round_count;
	total_corner += bus.corner_count;
	total_items += bus.item_count;
	bus_done(&bus);
}

START_TEST(random_partitions)
{
	random_run(_i);
}
END_TEST

/* A workload too easy proves nothing. */
START_TEST(random_partitions_reached_the_hard_cases)
{
	for (int i = 1; i < 100; i++)
		random_run(i);
	ck_assert_uint_gt(total_split, 100);
	ck_assert_uint_gt(total_split_in_round, 20);
	ck_assert_uint_gt(total_corner, 50);
	ck_assert_uint_gt(total_items, 100);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("savings");
	TCase *tc = tcase_create("books");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, amounts_are_exact);
	tcase_add_test(tc, books_are_a_set);
	tcase_add_test(tc, each_field_is_in_the_digest);
	tcase_add_test(tc, books_refuse_what_cannot_be);
	tcase_add_test(tc, truncated_messages_are_refused);
	tcase_add_test(tc, noise_is_survived);
	tcase_add_test(tc, no_allocation_failure_is_ignored);
	suite_add_tcase(suite, tc);
	tc = tcase_create("clusters");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_refusal_is_told_to_the_requester_only);
	tcase_add_loop_test(tc, the_order_decides_who_gets_the_money, 0, 50);
	tcase_add_test(tc, a_merge_keeps_both_sides);
	tcase_add_loop_test(tc, the_donor_dies_in_the_transfer, 0, 60);
	tcase_add_test(tc, large_books_travel_in_parts);
	tcase_add_test(tc, an_order_under_way_waits_for_the_merge);
	tcase_add_loop_test(tc, each_is_sent_by_one, 0, 20);
	tcase_add_test(tc, without_a_cluster_nothing_is_done);
	tcase_add_loop_test(tc, random_partitions, 0, 400);
	tcase_add_test(tc, random_partitions_reached_the_hard_cases);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
