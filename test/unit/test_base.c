/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * exec/base: readers and writers of bytes, serial numbers, node sets, the generator, text for
 * the log, assertions.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "exec/base/assert.h"
#include "exec/base/buf.h"
#include "exec/base/nodebits.h"
#include "exec/base/prng.h"
#include "exec/base/seq.h"
#include "exec/base/text.h"

/* The bytes on the wire are little-endian whatever the machine is. */
START_TEST(buf_writes_little_endian)
{
	static const uint8_t wire[] = {
		0x12,
		0x34, 0x12,
		0x78, 0x56, 0x34, 0x12,
		0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12,
		'a', 'b', 'c',
	};
	uint8_t bytes[sizeof wire];
	struct buf_writer out = buf_writer(bytes, sizeof bytes);

	buf_put_u8(&out, 0x12);
	buf_put_u16(&out, 0x1234);
	buf_put_u32(&out, 0x12345678);
	buf_put_u64(&out, UINT64_C(0x123456789abcdef0));
	buf_put_bytes(&out, "abc", 3);
	ck_assert(buf_writer_ok(&out));
	ck_assert_uint_eq(buf_written(&out), sizeof wire);
	ck_assert_mem_eq(bytes, wire, sizeof wire);
}
END_TEST

START_TEST(buf_reads_what_it_wrote)
{
	uint8_t bytes[1 + 2 + 4 + 8];
	struct buf_writer out = buf_writer(bytes, sizeof bytes);
	struct buf_reader in = buf_reader(bytes, sizeof bytes);

	buf_put_u8(&out, 0xff);
	buf_put_u16(&out, 0xfffe);
	buf_put_u32(&out, UINT32_C(0xfffefdfc));
	buf_put_u64(&out, UINT64_C(0xfffefdfcfbfaf9f8));

	ck_assert_uint_eq(buf_get_u8(&in), 0xff);
	ck_assert(!buf_done(&in));
	ck_assert_uint_eq(buf_get_u16(&in), 0xfffe);
	ck_assert_uint_eq(buf_get_u32(&in), UINT32_C(0xfffefdfc));
	ck_assert_uint_eq(buf_get_u64(&in), UINT64_C(0xfffefdfcfbfaf9f8));
	ck_assert(buf_reader_ok(&in));
	ck_assert(buf_done(&in));
}
END_TEST

/* Whatever the cut, a short read fails for good, gives zeros and moves nothing. */
START_TEST(buf_short_read_sticks)
{
	static const uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	for (size_t cut = 0; cut < sizeof bytes; cut++) {
		struct buf_reader in = buf_reader(bytes, cut);

		ck_assert_uint_eq(buf_get_u64(&in), 0);
		ck_assert(!buf_reader_ok(&in));
		ck_assert_ptr_eq(in.at, bytes);
		/* There would be room for this one, but the decode has failed. */
		ck_assert_uint_eq(buf_get_u8(&in), 0);
		ck_assert_ptr_null(buf_get_bytes(&in, 0));
		ck_assert(!buf_done(&in));
	}
}
END_TEST

START_TEST(buf_short_write_sticks)
{
	uint8_t bytes[8];

	for (size_t room = 0; room < 8; room++) {
		struct buf_writer out = buf_writer(bytes, room);

		memset(bytes, 0xa5, sizeof bytes);
		buf_put_u64(&out, 0);
		buf_put_u8(&out, 0);
		ck_assert(!buf_writer_ok(&out));
		ck_assert_uint_eq(buf_written(&out), 0);
		for (size_t i = 0; i < sizeof bytes; i++)
			ck_assert_uint_eq(bytes[i], 0xa5);
	}
}
END_TEST

/* A length that comes from the wire may be anything. */
START_TEST(buf_huge_length_is_refused)
{
	uint8_t bytes[4] = { 0 };
	struct buf_reader in = buf_reader(bytes, sizeof bytes);
	struct buf_writer out = buf_writer(bytes, sizeof bytes);

	ck_assert_ptr_null(buf_get_bytes(&in, SIZE_MAX));
	ck_assert(!buf_reader_ok(&in));
	ck_assert_ptr_null(buf_put_room(&out, SIZE_MAX));
	ck_assert(!buf_writer_ok(&out));
}
END_TEST

START_TEST(buf_lends_and_leaves_room)
{
	uint8_t bytes[6] = { 1, 2, 3, 4, 5, 6 };
	struct buf_reader in = buf_reader(bytes, sizeof bytes);
	struct buf_writer out = buf_writer(bytes, sizeof bytes);

	ck_assert_ptr_eq(buf_get_bytes(&in, 2), bytes);
	ck_assert_ptr_eq(buf_get_bytes(&in, 4), bytes + 2);
	ck_assert(buf_done(&in));
	ck_assert_ptr_eq(buf_get_bytes(&in, 0), bytes + 6);

	ck_assert_ptr_eq(buf_put_room(&out, 6), bytes);
	ck_assert_ptr_null(buf_put_room(&out, 1));
	buf_put_bytes(&out, NULL, 0);
	ck_assert(!buf_writer_ok(&out));
}
END_TEST

/* Order holds across the wrap, and at the signed middle, at every distance below 2^31. */
START_TEST(seq_orders_across_the_wrap)
{
	static const uint32_t bases[] = { 0, 1, 0x7ffffff0, 0x7fffffff, 0x80000000, 0xfffffff0,
	    0xffffffff };
	static const uint32_t steps[] = { 1, 2, 16, 0xffff, 0x7ffffffe, 0x7fffffff };

	for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
			uint32_t low = bases[i], high = bases[i] + steps[k];

			ck_assert(seq_lt(low, high));
			ck_assert(!seq_lt(high, low));
			ck_assert(seq_le(low, high));
			ck_assert(!seq_le(high, low));
			ck_assert_int_eq(seq_diff(high, low), (int32_t) steps[k]);
			ck_assert_int_eq(seq_diff(low, high), -(int32_t) steps[k]);
			ck_assert_uint_eq(seq_min(low, high), low);
			ck_assert_uint_eq(seq_min(high, low), low);
			ck_assert_uint_eq(seq_max(low, high), high);
			ck_assert_uint_eq(seq_max(high, low), high);
		}
		ck_assert(!seq_lt(bases[i], bases[i]));
		ck_assert(seq_le(bases[i], bases[i]));
		ck_assert_int_eq(seq_diff(bases[i], bases[i]), 0);
	}
}
END_TEST

START_TEST(nodebits_holds_each_slot)
{
	struct nodebits all = { { 0 } };

	for (size_t slot = 0; slot < 128; slot++) {
		struct nodebits one = { { 0 } };

		ck_assert(nodebits_empty(&one));
		nodebits_add(&one, slot);
		for (size_t other = 0; other < 128; other++)
			ck_assert(nodebits_has(&one, other) == (other == slot));
		ck_assert_uint_eq(nodebits_count(&one), 1);
		ck_assert(!nodebits_empty(&one));
		nodebits_add(&all, slot);
		nodebits_add(&all, slot);
		ck_assert_uint_eq(nodebits_count(&all), slot + 1);
		ck_assert(nodebits_within(&one, &all));
		nodebits_remove(&one, slot);
		nodebits_remove(&one, slot);
		ck_assert(nodebits_empty(&one));
	}
}
END_TEST

/* Against a plain array of booleans, at random. */
START_TEST(nodebits_algebra)
{
	struct prng prng = { .state = (uint64_t) _i };
	struct nodebits a = { { 0 } }, b = { { 0 } }, sum, rest;
	bool in_a[128] = { false }, in_b[128] = { false };
	bool within = true, equal = true;

	for (size_t slot = 0; slot < 128; slot++) {
		in_a[slot] = prng_below(&prng, 3) == 0;
		/* In one run of four `a` lies within `b`, in another they are equal. */
		in_b[slot] = _i % 4 < 2 ? prng_below(&prng, 2) == 0 :
		    in_a[slot] || (_i % 4 == 2 && prng_below(&prng, 2) == 0);
		if (in_a[slot])
			nodebits_add(&a, slot);
		if (in_b[slot])
			nodebits_add(&b, slot);
		within = within && (!in_a[slot] || in_b[slot]);
		equal = equal && in_a[slot] == in_b[slot];
	}
	sum = nodebits_or(a, b);
	rest = nodebits_minus(a, b);
	for (size_t slot = 0; slot < 128; slot++) {
		ck_assert(nodebits_has(&sum, slot) == (in_a[slot] || in_b[slot]));
		ck_assert(nodebits_has(&rest, slot) == (in_a[slot] && !in_b[slot]));
	}
	ck_assert(nodebits_within(&a, &b) == within);
	ck_assert(nodebits_equal(&a, &b) == equal);
	ck_assert(_i % 4 < 2 || within);
	ck_assert(_i % 4 != 3 || equal);
}
END_TEST

/* The first numbers of seed 1234567, as the generator's authors publish them. */
START_TEST(prng_is_splitmix64)
{
	static const uint64_t expected[] = {
		UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
		UINT64_C(16408922859458223821),
	};
	struct prng prng = { .state = 1234567 };

	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		ck_assert_uint_eq(prng_u64(&prng), expected[i]);
}
END_TEST

START_TEST(prng_below_stays_below_and_reaches_all)
{
	struct prng prng = { .state = 42 };
	unsigned int seen[7] = { 0 };

	for (int i = 0; i < 7000; i++) {
		uint64_t value = prng_below(&prng, 7);

		ck_assert_uint_lt(value, 7);
		seen[value]++;
	}
	for (size_t i = 0; i < 7; i++)
		ck_assert_uint_gt(seen[i], 800);
	ck_assert_uint_eq(prng_below(&prng, 1), 0);
}
END_TEST

static void
exit_with_line(const char *expression, const char *file, int line)
{
	(void) file;
	_exit(strcmp(expression, "1 == 2") == 0 && line > 0 ? 7 : 8);
}

START_TEST(assert_calls_the_handler)
{
	cs_assert_handler_set(exit_with_line);
	cs_assert(1 == 1);
	cs_assert(1 == 2);
}
END_TEST

START_TEST(assert_aborts_by_default)
{
	(void) close(STDERR_FILENO);
	cs_assert_handler_set(exit_with_line);
	cs_assert_handler_set(NULL);
	cs_assert(1 == 2);
}
END_TEST

/* A name with a newline is one word of one line; a line keeps its words. */
START_TEST(text_is_escaped)
{
	static const char name[] = { 'a', '\n', '\0', '\\', ' ', (char) 0xff };
	char text[TEXT_ESCAPED_MAX(sizeof name)];

	ck_assert_str_eq(text_escape(TEXT_NAME, name, sizeof name, text, sizeof text),
	    "a\\x0A\\x00\\x5C\\x20\\xFF");
	ck_assert_str_eq(text_escape(TEXT_NAME, name, 0, text, sizeof text), "");
	ck_assert_str_eq(text_escape(TEXT_LINE, "\x1b[m \303\266\\\x7f", 8, text, sizeof text),
	    "\\x1B[m \303\266\\\\x7F");
	memset(text, '!', sizeof text);
	ck_assert_str_eq(text_escape(TEXT_NAME, "\n\n\n\n\n\n", 6, text, sizeof text - 1),
	    "\\x0A\\x0A\\x0A\\x0A\\x0A");
	/* What does not fit is cut at a character, never in an escape. */
	ck_assert_str_eq(text_escape(TEXT_NAME, "ab\ncd", 5, text, 6), "ab");
	ck_assert_str_eq(text_escape(TEXT_NAME, "ab\ncd", 5, text, 7), "ab\\x0A");
	ck_assert_str_eq(text_escape(TEXT_LINE, "abc", 3, text, 1), "");
}
END_TEST

static Suite *
base_suite(void)
{
	Suite *suite = suite_create("base");
	TCase *tc = tcase_create("base");

	tcase_add_test(tc, buf_writes_little_endian);
	tcase_add_test(tc, buf_reads_what_it_wrote);
	tcase_add_test(tc, buf_short_read_sticks);
	tcase_add_test(tc, buf_short_write_sticks);
	tcase_add_test(tc, buf_huge_length_is_refused);
	tcase_add_test(tc, buf_lends_and_leaves_room);
	tcase_add_test(tc, seq_orders_across_the_wrap);
	tcase_add_test(tc, nodebits_holds_each_slot);
	tcase_add_loop_test(tc, nodebits_algebra, 0, 40);
	tcase_add_test(tc, prng_is_splitmix64);
	tcase_add_test(tc, prng_below_stays_below_and_reaches_all);
	tcase_add_test(tc, text_is_escaped);
	tcase_add_exit_test(tc, assert_calls_the_handler, 7);
	tcase_add_test_raise_signal(tc, assert_aborts_by_default, SIGABRT);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(base_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
