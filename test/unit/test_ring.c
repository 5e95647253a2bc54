/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The shared-memory ring: order and content around the end, hostile words on the other side, and
 * two threads that sleep and wake each other.
 */
#include <check.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <corosync/ipc/ring.h>
#include "exec/base/prng.h"

#define SIZE	4096u
#define THREAD_RECORDS	200000u

struct rig {
	_Alignas(64) struct ipc_ring_shared shared;
	uint8_t before[64], data[SIZE], after[64];	/* guards must stay as they are */
	struct ipc_ring producer, consumer;
};

static void
rig_init(struct rig *rig, uint32_t start)
{
	memset(rig, 0, sizeof *rig);
	memset(rig->before, 0x5a, sizeof rig->before);
	memset(rig->after, 0x5a, sizeof rig->after);
	rig->shared.head = rig->shared.tail = start;
	rig->producer = (struct ipc_ring) {
		.shared = &rig->shared, .data = rig->data, .size = SIZE, .at = start,
	};
	rig->consumer = rig->producer;
}

/* Every ck_assert() is a system call: the loops below count what is wrong and assert once. */
static size_t
bytes_other_than(const uint8_t *bytes, size_t len, uint8_t value)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += bytes[i] != value;
	return count;
}

static void
rig_check(const struct rig *rig)
{
	ck_assert_uint_eq(bytes_other_than(rig->before, sizeof rig->before, 0x5a) +
	    bytes_other_than(rig->after, sizeof rig->after, 0x5a), 0);
}

static int
put_fill(struct ipc_ring *ring, uint32_t function, uint8_t fill, size_t len)
{
	uint8_t bytes[SIZE];
	struct iovec iov[2];

	memset(bytes, fill, len);
	iov[0] = (struct iovec) { .iov_base = bytes, .iov_len = len / 3 };
	iov[1] = (struct iovec) { .iov_base = bytes + len / 3, .iov_len = len - len / 3 };
	return ipc_ring_put(ring, function, iov, 2, 0);
}

static void
take_fill(struct ipc_ring *ring, uint32_t function, uint8_t fill, size_t len)
{
	struct ipc_ring_record record;
	uint8_t bytes[SIZE];

	ck_assert_int_eq(ipc_ring_peek(ring, &record), 0);
	ck_assert_uint_eq(record.function, function);
	ck_assert_uint_eq(record.len, len);
	ipc_ring_read(ring, &record, 0, bytes, record.len);
	ck_assert_uint_eq(bytes_other_than(bytes, len, fill), 0);
	ipc_ring_advance(ring, &record);
	ipc_ring_release(ring);
}

/* Random lengths, random bursts, indices that wrap at 2^32: all comes out as it went in. */
START_TEST(ring_keeps_order_and_content)
{
	struct rig rig;
	struct prng prng = { .state = (uint64_t) _i };
	uint32_t in = 0, out = 0, len[4096];

	rig_init(&rig, _i % 2 == 0 ? 0xfffff000u : 0);
	for (int step = 0; step < 4000; step++) {
		if (prng_below(&prng, 2) == 0) {
			len[in % 4096] = (uint32_t) prng_below(&prng, 700);
			if (put_fill(&rig.producer, in, (uint8_t) in, len[in % 4096]) == 0)
				in++;
		} else if (out != in) {
			take_fill(&rig.consumer, out, (uint8_t) out, len[out % 4096]);
			out++;
		} else {
			ck_assert(ipc_ring_empty(&rig.consumer));
		}
	}
	ck_assert_uint_gt(out, 1000);
	rig_check(&rig);
}
END_TEST

START_TEST(ring_full_takes_nothing)
{
	struct rig rig;
	struct ipc_ring_record record;
	uint32_t count = 0;

	rig_init(&rig, 0);
	while (put_fill(&rig.producer, count, 7, 100) == 0)
		count++;
	ck_assert_uint_eq(count, SIZE / 112);
	ck_assert_int_eq(put_fill(&rig.producer, 99, 7, 100), -EAGAIN);
	ck_assert_int_eq(ipc_ring_put(&rig.producer, 99, NULL, 0, SIZE), -EAGAIN);
	for (uint32_t i = 0; i < count; i++)
		take_fill(&rig.consumer, i, 7, 100);
	ck_assert_int_eq(ipc_ring_peek(&rig.consumer, &record), -EAGAIN);
	ck_assert_int_eq(put_fill(&rig.producer, 1, 1, SIZE / 2 - 7), -EMSGSIZE);
	ck_assert_int_eq(put_fill(&rig.producer, 1, 1, SIZE / 2 - 8), 0);
	take_fill(&rig.consumer, 1, 1, SIZE / 2 - 8);
}
END_TEST

/* A length that overflows when summed must not look small. */
START_TEST(ring_refuses_overflowing_vectors)
{
	struct rig rig;
	uint8_t byte = 0;
	struct iovec iov[2] = {
		{ .iov_base = &byte, .iov_len = SIZE_MAX - 3 },
		{ .iov_base = &byte, .iov_len = 8 },
	};

	rig_init(&rig, 0);
	ck_assert_int_eq(ipc_ring_put(&rig.producer, 1, iov, 2, 0), -EMSGSIZE);
	ck_assert(ipc_ring_empty(&rig.consumer));
}
END_TEST

/* Reserve is left free for who may use it. */
START_TEST(ring_leaves_the_reserve)
{
	struct rig rig;
	uint8_t bytes[64] = { 0 };
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };
	uint32_t reserve = IPC_RING_HEAD_BYTES + 1000;

	rig_init(&rig, 0);
	while (ipc_ring_put(&rig.producer, 1, &iov, 1, reserve) == 0)
		;
	ck_assert_int_eq(put_fill(&rig.producer, 2, 9, 1000), 0);
}
END_TEST

/* Light traffic stays on the first pages: an empty ring goes back to its start. */
START_TEST(ring_goes_back_when_empty)
{
	uint32_t size = 4 * IPC_RING_REBASE_BYTES, touched = 0;
	struct ipc_ring_shared *shared = calloc(1, sizeof *shared);
	uint8_t *data = calloc(1, size), bytes[1000];
	struct ipc_ring producer = { .shared = shared, .data = data, .size = size };
	struct ipc_ring consumer = producer;
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };
	struct ipc_ring_record record;

	memset(bytes, 1, sizeof bytes);
	for (uint32_t i = 0; i < 5000; i++) {
		if (ipc_ring_put(&producer, i, &iov, 1, 0) != 0 ||
		    ipc_ring_peek(&consumer, &record) != 0 || record.function != i)
			ck_abort_msg("record %u", i);
		ipc_ring_advance(&consumer, &record);
		ipc_ring_release(&consumer);
	}
	for (uint32_t i = 0; i < size; i++)
		if (data[i] != 0)
			touched = i;
	ck_assert_uint_lt(touched, IPC_RING_REBASE_BYTES + 2 * sizeof bytes);
	free(data);
	free(shared);
}
END_TEST

/* Whatever stands in the words and the bytes, reading ends within bounds. */
START_TEST(ring_survives_a_hostile_producer)
{
	struct rig rig;
	struct prng prng = { .state = 1000u + (uint64_t) _i };
	struct ipc_ring_record record;
	uint8_t out[SIZE];
	int r, refused = 0, endless = 0, too_long = 0;

	for (int round = 0; round < 400; round++) {
		rig_init(&rig, (uint32_t) prng_u64(&prng) & ~7u);
		for (size_t i = 0; i < SIZE; i++)
			rig.data[i] = prng_below(&prng, 4) == 0 ? (uint8_t) prng_u64(&prng) : 0;
		rig.shared.head = prng_below(&prng, 2) == 0 ? (uint32_t) prng_u64(&prng) :
		    rig.consumer.at + (uint32_t) prng_below(&prng, SIZE + 16);
		rig.shared.base = (uint32_t) prng_u64(&prng) & (_i % 2 == 0 ? ~7u : ~0u);
		for (int n = 0; n < 1000; n++) {
			r = ipc_ring_peek(&rig.consumer, &record);
			if (r < 0)
				break;
			too_long += record.len > ipc_ring_record_max(&rig.consumer);
			ipc_ring_read(&rig.consumer, &record, 0, out, record.len);
			ipc_ring_advance(&rig.consumer, &record);
			ipc_ring_release(&rig.consumer);
		}
		endless += r == 0;	/* each record takes 8 bytes of at most SIZE */
		refused += r == -EBADMSG;
		rig_check(&rig);
	}
	ck_assert_int_eq(too_long, 0);
	ck_assert_int_eq(endless, 0);
	ck_assert_int_gt(refused, 50);
}
END_TEST

/* What can't be true is said to be so, before anything is read by it. */
START_TEST(ring_refuses_impossible_words)
{
	struct rig rig;
	struct ipc_ring_record record;

	rig_init(&rig, 8);
	ck_assert_int_eq(put_fill(&rig.producer, 1, 1, 8), 0);
	ck_assert_int_eq(ipc_ring_peek(&rig.consumer, &record), 0);
	rig.shared.head = 8 + SIZE + 8;
	ck_assert_int_eq(ipc_ring_peek(&rig.consumer, &record), -EBADMSG);
	rig.shared.head = 0;
	ck_assert_int_eq(ipc_ring_peek(&rig.consumer, &record), -EBADMSG);
	rig.shared.head = 8 + 17;
	ck_assert_int_eq(ipc_ring_peek(&rig.consumer, &record), -EBADMSG);
	rig.shared.head = 8 + 8;	/* the record has 16 */
	ck_assert_int_eq(ipc_ring_peek(&rig.consumer, &record), -EBADMSG);
	rig.shared.head = 8 + 16;
	rig.shared.base = 4;
	ck_assert_int_eq(ipc_ring_peek(&rig.consumer, &record), -EBADMSG);
	rig.shared.base = 0;
	ck_assert_int_eq(ipc_ring_peek(&rig.consumer, &record), 0);
}
END_TEST

START_TEST(ring_survives_a_hostile_consumer)
{
	struct rig rig;
	struct prng prng = { .state = 2000u + (uint64_t) _i };
	int refused = 0, other = 0, r;

	rig_init(&rig, 0);
	for (int round = 0; round < 5000; round++) {
		rig.shared.tail = prng_below(&prng, 2) == 0 ? (uint32_t) prng_u64(&prng) :
		    rig.producer.at - (uint32_t) prng_below(&prng, SIZE + 16);
		r = put_fill(&rig.producer, 1, 1, prng_below(&prng, SIZE / 2 - 8));
		other += r != 0 && r != -EAGAIN && r != -EBADMSG;
		refused += r == -EBADMSG;
	}
	rig_check(&rig);
	ck_assert_int_eq(other, 0);
	ck_assert_int_gt(refused, 500);
}
END_TEST

/* --- two threads --- */

struct pair {
	struct ipc_ring producer, consumer;
	pthread_mutex_t lock;
	pthread_cond_t bell;
	unsigned int rung;	/* bells not heard yet */
	uint64_t waits;
};

static void
pair_ring(struct pair *pair)
{
	pthread_mutex_lock(&pair->lock);
	pair->rung++;
	pthread_cond_signal(&pair->bell);
	pthread_mutex_unlock(&pair->lock);
}

static void *
pair_produce(void *data)
{
	struct pair *pair = data;
	struct prng prng = { .state = 5 };
	uint64_t words[32];

	for (uint64_t i = 0; i < THREAD_RECORDS;) {
		struct iovec iov = {
			.iov_base = words,
			.iov_len = 8 * (1 + (size_t) (i % 31)),
		};

		for (size_t w = 0; w < 32; w++)
			words[w] = i + w;
		if (ipc_ring_put(&pair->producer, (uint32_t) i, &iov, 1, 0) < 0) {
			sched_yield();
			continue;
		}
		if (ipc_wish_change(&pair->producer.shared->consumer_wish, 1, 2))
			pair_ring(pair);
		i++;
		if (prng_below(&prng, 64) == 0)		/* let the other fall asleep */
			for (int n = 0; n < 3; n++)
				sched_yield();
	}
	return NULL;
}

static void
pair_sleep(struct pair *pair)
{
	pthread_mutex_lock(&pair->lock);
	while (pair->rung == 0)
		pthread_cond_wait(&pair->bell, &pair->lock);
	pair->rung--;
	pthread_mutex_unlock(&pair->lock);
	pair->waits++;
}

static void
pair_consume(struct pair *pair, uint64_t i)
{
	struct ipc_ring_record record;
	uint64_t words[32];
	int r;

	while ((r = ipc_ring_peek(&pair->consumer, &record)) == -EAGAIN) {
		__atomic_store_n(&pair->consumer.shared->consumer_wish, 1, __ATOMIC_SEQ_CST);
		if (ipc_ring_empty(&pair->consumer) ||
		    !ipc_wish_change(&pair->consumer.shared->consumer_wish, 1, 0))
			pair_sleep(pair);	/* or the bell is on its way already */
	}
	if (r != 0 || record.function != (uint32_t) i || record.len != 8 * (1 + i % 31))
		ck_abort_msg("record %" PRIu64 ": %d", i, r);
	ipc_ring_read(&pair->consumer, &record, 0, words, record.len);
	for (size_t w = 0; w < record.len / 8; w++)
		if (words[w] != i + w)
			ck_abort_msg("content of record %" PRIu64, i);
	ipc_ring_advance(&pair->consumer, &record);
	ipc_ring_release(&pair->consumer);
}

/* A lost wake-up hangs this test, and the time-out fails it. */
START_TEST(ring_between_threads_loses_no_wake_up)
{
	static struct pair pair = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .bell = PTHREAD_COND_INITIALIZER,
	};
	static struct ipc_ring_shared shared;
	static uint8_t data[SIZE];
	pthread_t thread;

	pair.producer = (struct ipc_ring) { .shared = &shared, .data = data, .size = SIZE };
	pair.consumer = pair.producer;
	ck_assert_int_eq(pthread_create(&thread, NULL, pair_produce, &pair), 0);
	for (uint64_t i = 0; i < THREAD_RECORDS; i++)
		pair_consume(&pair, i);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_gt(pair.waits, 100);	/* it did sleep */
}
END_TEST

static Suite *
ring_suite(void)
{
	Suite *suite = suite_create("ring");
	TCase *tc = tcase_create("ring");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, ring_keeps_order_and_content, 0, 20);
	tcase_add_test(tc, ring_full_takes_nothing);
	tcase_add_test(tc, ring_refuses_overflowing_vectors);
	tcase_add_test(tc, ring_leaves_the_reserve);
	tcase_add_test(tc, ring_goes_back_when_empty);
	tcase_add_test(tc, ring_refuses_impossible_words);
	tcase_add_loop_test(tc, ring_survives_a_hostile_producer, 0, 20);
	tcase_add_loop_test(tc, ring_survives_a_hostile_consumer, 0, 4);
	tcase_add_test(tc, ring_between_threads_loses_no_wake_up);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(ring_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
