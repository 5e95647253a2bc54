/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the log says about the membership, and about what strangers send.  Time is ours.
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/core/shell_internal.h"

#define SEC_NS	UINT64_C(1000000000)

static struct shell shell;
static char said[4096];		/* since it was emptied: a line of ours for each */
static uint64_t clock_ns;

uint64_t
shell_now_ns(void)
{
	return clock_ns;
}

static void
on_log(void *host, const char *subsystem, int priority, const char *text)
{
	size_t len = strlen(said);

	(void) host;
	(void) subsystem;
	(void) priority;
	(void) snprintf(said + len, sizeof said - len, "%s\n", text);
}

static void
setup(void)
{
	shell = (struct shell) { .config.log = on_log };
	clock_ns = 1000 * SEC_NS;
	said[0] = '\0';
}

/* From the previous ring those of `moved` come along, "12" being nodes 1 and 2; `now` is there. */
static void
change(const char *moved, const char *now)
{
	struct totem_member member[9] = { 0 };
	struct totem_configuration config = { .members = member };

	for (int kind = 0; kind < 2; kind++) {
		const char *digits = kind == 0 ? moved : now;

		config.kind = kind == 0 ? TOTEM_TRANSITIONAL : TOTEM_REGULAR;
		config.ring = (struct totem_ring_id) { .rep = 1, .seq = 0x2a };
		config.cause = TOTEM_CAUSE_TOKEN_LOST;
		config.member_count = strlen(digits);
		for (size_t i = 0; i < config.member_count; i++)
			member[i] = (struct totem_member) { (uint32_t) (digits[i] - '0'), 7 };
		said[0] = '\0';
		shell_log_configuration(&shell, &config);
	}
}

START_TEST(memberships_are_told)
{
#define FORMED	"A new membership (1.2a) was formed. "
	change("", "1");
	ck_assert_str_eq(said, FORMED "Members joined: 1\n"
	    "Members[1]: 1 (token lost; change took 0.0 ms)\n");
	change("1", "123");
	ck_assert_ptr_eq(strstr(said, FORMED "Members joined: 2 3\n"), said);
	change("123", "123");
	ck_assert_str_eq(said, FORMED "Members unchanged.\n"
	    "Members[3]: 1 2 3 (token lost; change took 0.0 ms)\n");
	change("12", "124");
	ck_assert_ptr_eq(strstr(said, FORMED "Members joined: 4 left: 3\n"), said);
	change("1", "1");
	ck_assert_ptr_eq(strstr(said, FORMED "Members left: 2 4\n"), said);
}
END_TEST

/* Is a ring of us alone, as before, told?  Then that service goes on is told too. */
static bool
anew(void)
{
	struct totem_member member = { 2, 7 };
	struct totem_configuration config = { .members = &member, .member_count = 1,
	    .cause = TOTEM_CAUSE_MERGE };

	said[0] = '\0';
	config.kind = TOTEM_TRANSITIONAL;
	(void) shell_log_configuration(&shell, &config);
	config.kind = TOTEM_REGULAR;
	ck_assert_int_eq(shell_log_configuration(&shell, &config), said[0] != '\0');
	return said[0] != '\0';
}

/* Five a second, as of a node whose id another one has. */
START_TEST(rings_of_us_alone_are_told_seldom)
{
	change("", "2");
	for (int i = 0; i < 299; i++) {
		ck_assert_int_eq(anew(), i == 0);
		clock_ns += SEC_NS / 5;
	}
	clock_ns += SEC_NS;
	ck_assert(anew());
	ck_assert_ptr_nonnull(strstr(said, "Members[1]: 2 (merge; change took 0.0 ms) (298 more"));
	ck_assert(!anew());
	/* Whatever else happens is told. */
	change("2", "23");
	ck_assert_ptr_nonnull(strstr(said, "Members joined: 3\n"));
	ck_assert_ptr_nonnull(strstr(said, "(1 more"));
	for (int i = 0; i < 9; i++) {
		change("23", "23");
		ck_assert_ptr_nonnull(strstr(said, "Members unchanged.\n"));
	}
	change("2", "2");
	ck_assert_ptr_nonnull(strstr(said, "Members left: 3\n"));
	/* Now and then one is as before. */
	for (int i = 0; i < 9; i++) {
		clock_ns += 61 * SEC_NS;
		ck_assert(anew());
		ck_assert_ptr_null(strstr(said, "more"));
	}
}
END_TEST

static struct net_address
source_of(uint8_t last)
{
	struct net_address source = { .len = sizeof source.sa.v4 };

	source.sa.v4.sin_family = AF_INET;
	source.sa.v4.sin_addr.s_addr = htonl(0x0a000000u + last);
	source.sa.v4.sin_port = htons(5405);
	return source;
}

/* 10.0.0.`last` sends a frame that names another version. */
static bool
strange(uint8_t last, enum totem_notice notice)
{
	struct net_address source = source_of(last);
	struct totem_output output = { .kind = TOTEM_NOTICE, .notice = notice, .value = 9 };

	said[0] = '\0';
	shell.source = &source;
	shell_log_notice(&shell, &output);
	shell_log_heard(&shell, notice == TOTEM_NOTICE_VERSION ? TOTEM_DROP_VERSION
	    : TOTEM_ACCEPTED);
	shell.source = NULL;
	return said[0] != '\0';
}

static void
heard(uint8_t last, enum totem_drop drop)
{
	struct net_address source = source_of(last);

	shell.source = &source;
	shell_log_heard(&shell, drop);
	shell.source = NULL;
}

/* A bit that flipped is no other version; the loop's index is which of the two notices. */
START_TEST(versions_are_believed_late)
{
	enum totem_notice notice = _i == 0 ? TOTEM_NOTICE_VERSION : TOTEM_NOTICE_REFUSED_VERSION;

	/* Between valid frames, however often. */
	for (int i = 0; i < 20; i++) {
		ck_assert(!strange(2, notice));
		if (i % 4 == 3)
			heard(2, i % 8 == 3 ? TOTEM_ACCEPTED : TOTEM_DROP_STALE);
	}
	/* Damaged frames, and those of others, say nothing about this one. */
	for (unsigned int i = 1; i < SHELL_STRANGER_COUNT; i++) {
		ck_assert(!strange(3, notice));
		ck_assert(i > 2 || !strange(4, notice));
		heard(3, TOTEM_DROP_CHECKSUM);
		heard(2, TOTEM_ACCEPTED);
	}
	ck_assert(strange(3, notice));
	ck_assert_ptr_eq(strstr(said, "10.0.0.3 "), said);
	ck_assert_ptr_nonnull(strstr(said, "version 9 of the ring protocol"));
	ck_assert_ptr_nonnull(strstr(said, "Install the same version on all nodes."));
	/* Then as any other notice: once in a while. */
	ck_assert(!strange(3, notice));
	clock_ns += 11 * SEC_NS;
	ck_assert(strange(3, notice));
	/* More sources than can be remembered do no harm. */
	for (int i = 0; i < 200; i++)
		(void) strange((uint8_t) (10 + i % 40), notice);
	heard(3, TOTEM_ACCEPTED);
	ck_assert(!strange(3, notice));
}
END_TEST

/* 10.0.0.`last`, which says that it is `node`, tells that; for us, node 2 at 10.0.0.2. */
static const char *
doubled(uint8_t last, enum totem_notice notice, uint32_t node)
{
	struct net_address source = source_of(last);
	struct totem_output output = { .kind = TOTEM_NOTICE, .notice = notice, .node = node };

	said[0] = '\0';
	shell.config.totem.node_id = 2;
	shell.config.net.local = source_of(2);
	shell.source = &source;
	shell_log_notice(&shell, &output);
	shell.source = NULL;
	return said;
}

#define MEND	" Give each node an id of its own, and restart what had the wrong one.\n"

/* Each of them once a minute, however many say it, and with what addresses there are. */
START_TEST(doubled_ids_are_told_once_a_minute)
{
	ck_assert_str_eq(doubled(5, TOTEM_NOTICE_DUPLICATE_ID, 2), "Two nodes use node id 2, ours: "
	    "another daemon with it is at 10.0.0.5, this one at 10.0.0.2; they do not listen to "
	    "each other." MEND);
	ck_assert_ptr_eq(strstr(doubled(3, TOTEM_NOTICE_DUPLICATE_SEEN, 3),
	    "Two nodes use node id 2, ours: node 3 at 10.0.0.3 hears"), said);
	ck_assert_ptr_eq(strstr(doubled(3, TOTEM_NOTICE_REFUSED_DUPLICATE, 3),
	    "10.0.0.3 (node 3) does not listen to us: it knows another daemon with our node id 2"),
	    said);
	/* The other one says the same as what we heard of it. */
	ck_assert_str_eq(doubled(5, TOTEM_NOTICE_REFUSED_DUPLICATE, 2), "");
	for (int s = 0; s < 59; s++) {
		for (uint32_t node = 1; node < 100; node++) {
			uint8_t last = (uint8_t) node;

			ck_assert_str_eq(doubled(last, TOTEM_NOTICE_DUPLICATE_SEEN, node == 2 ? 3
			    : node), "");
			if (node != 2)
				ck_assert_str_eq(doubled(last, TOTEM_NOTICE_REFUSED_DUPLICATE,
				    node), "");
		}
		ck_assert_str_eq(doubled(5, TOTEM_NOTICE_DUPLICATE_ID, 2), "");
		clock_ns += SEC_NS;
	}
	clock_ns += 2 * SEC_NS;
	ck_assert_ptr_nonnull(strstr(doubled(5, TOTEM_NOTICE_REFUSED_DUPLICATE, 2),
	    "at 10.0.0.5, this one at 10.0.0.2; they do not listen to each other."));
	ck_assert_ptr_nonnull(strstr(said, "(60 more"));
	ck_assert_str_ne(doubled(4, TOTEM_NOTICE_DUPLICATE_SEEN, 4), "");
}
END_TEST

/* Another's id: who was heard first in a minute, and where we have that node, if elsewhere. */
START_TEST(doubled_ids_of_others_are_told)
{
	ck_assert_str_eq(doubled(5, TOTEM_NOTICE_DUPLICATE_ID, 3), "Two nodes use node id 3: frames"
	    " of another daemon with it come from 10.0.0.5; it is not listened to." MEND);
	ck_assert_str_eq(doubled(6, TOTEM_NOTICE_DUPLICATE_ID, 3), "");
	ck_assert_str_ne(doubled(6, TOTEM_NOTICE_DUPLICATE_ID, 4), "");
	clock_ns += 60 * SEC_NS;
	ck_assert_ptr_nonnull(strstr(doubled(6, TOTEM_NOTICE_DUPLICATE_ID, 3), "10.0.0.6; it"));
	ck_assert_ptr_nonnull(strstr(said, "(1 more"));
}
END_TEST

/* A frame with our id from our own address, say through a translation of addresses. */
START_TEST(our_address_is_not_told_twice)
{
	ck_assert_str_eq(doubled(2, TOTEM_NOTICE_DUPLICATE_ID, 2), "Two nodes use node id 2, ours: "
	    "another daemon with it is at 10.0.0.2; they do not listen to each other." MEND);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("shell_log");
	TCase *tc = tcase_create("shell_log");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, memberships_are_told);
	tcase_add_test(tc, rings_of_us_alone_are_told_seldom);
	tcase_add_test(tc, doubled_ids_are_told_once_a_minute);
	tcase_add_test(tc, doubled_ids_of_others_are_told);
	tcase_add_test(tc, our_address_is_not_told_twice);
	tcase_add_loop_test(tc, versions_are_believed_late, 0, 2);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
