/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the log says about node lists that differ.  Time is ours, the network is loopback.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/core/shell_internal.h"

#define SEC_NS	UINT64_C(1000000000)

static struct shell shell;
static char said[4096];		/* since it was emptied: a line of ours for each */
static uint64_t clock_ns;
static const char *heard;	/* "13": nodes 1 and 3 */

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

static struct net_address
address_of(uint8_t last)
{
	struct net_address address = { .len = sizeof address.sa.v4 };

	address.sa.v4.sin_family = AF_INET;
	address.sa.v4.sin_addr.s_addr = htonl(0x7f000000u + last);
	address.sa.v4.sin_port = htons(5405);
	return address;
}

/* We are node 9 of 1, 2, 3, 9; those are at 127.0.0.1 to 3. */
static void
setup(void)
{
	static const uint32_t ids[] = { 1, 2, 3 };
	const struct totem_config config = { .peers = ids, .peer_count = 3 };
	struct net_peer peers[3];

	shell = (struct shell) { .config = { .log = on_log, .net = { .kind = NET_UDPU,
	    .local = address_of(1), .frame_bytes_max = 1500, .rcvbuf_bytes = 65536,
	    .sndbuf_bytes = 65536 } } };
	shell.config.net.local.sa.v4.sin_port = 0;
	shell_lists_init(&shell, &config);
	for (uint8_t i = 0; i < 3; i++)
		peers[i] = (struct net_peer) { ids[i], address_of((uint8_t) (i + 1)) };
	ck_assert_int_eq(net_new(&shell.config.net, &shell.net), 0);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(net_peer_set(shell.net, &peers[i]), 0);
	clock_ns = 1000 * SEC_NS;
	said[0] = '\0';
}

static void
teardown(void)
{
	shell.net = net_free(shell.net);
}

/* From 127.0.0.`last` comes a frame of a node that our list does not have. */
static const char *
unlisted(uint8_t last, uint32_t node_id)
{
	struct net_address source = address_of(last);

	said[0] = '\0';
	shell.source = &source;
	shell_lists_look(&shell, TOTEM_DROP_UNKNOWN_NODE, node_id);
	shell.source = NULL;
	return said;
}

START_TEST(who_is_not_listed_is_named)
{
	ck_assert_ptr_eq(strstr(unlisted(4, 4), "Node 4 at 127.0.0.4 sends to us, and is not in our"
	    " node list: "), said);
	ck_assert_str_eq(unlisted(4, 4), "");
	ck_assert_str_eq(unlisted(5, 5), "");	/* a second between any two */
	clock_ns += SEC_NS;
	ck_assert_ptr_eq(strstr(unlisted(3, 7), "Node 7 at 127.0.0.3 sends to us, and is not in our"
	    " node list (which has node 3 at this address): "), said);
	clock_ns += 58 * SEC_NS;
	ck_assert_str_eq(unlisted(4, 4), "");
	clock_ns += SEC_NS;
	ck_assert_str_ne(unlisted(4, 4), "");
}
END_TEST

bool
totem_hears(const struct totem *totem, uint64_t now_ns, uint32_t node_id)
{
	ck_assert_ptr_null(totem);
	ck_assert_uint_eq(now_ns, clock_ns);
	return strchr(heard, (int) ('0' + node_id)) != NULL;
}

/* We and `others` are a ring now. */
static void
ring(const char *others)
{
	struct totem_member member[10] = { { 9, 7 } };
	struct totem_configuration config = { .kind = TOTEM_TRANSITIONAL, .members = member,
	    .member_count = 1 };

	shell_lists_configuration(&shell, &config);
	config.kind = TOTEM_REGULAR;
	for (const char *digit = others; *digit != '\0'; digit++)
		member[config.member_count++] = (struct totem_member) { (uint32_t) (*digit - '0'),
		    7 };
	shell_lists_configuration(&shell, &config);
}

/* So many looks, the last one of which may say something. */
static const char *
looks(unsigned int count, const char *now_heard)
{
	heard = now_heard;
	said[0] = '\0';
	for (unsigned int i = 0; i < count; i++) {
		ck_assert_str_eq(said, "");
		shell_lists_turn(&shell);
		clock_ns += SHELL_LOOK_NS;
	}
	return said;
}

#define OUTSIDE	"Heard for about 20 s or longer, but in no ring with us: "

START_TEST(who_stays_outside_is_named)
{
	/* A ring that forms late, one that is well, one that breaks: nothing to say. */
	ck_assert_str_eq(looks(SHELL_LOOKS - 1, "123"), "");
	ring("123");
	ck_assert_str_eq(looks(40, "12"), "");
	ring("12");
	ck_assert_str_eq(looks(40, "12"), "");
	ck_assert_str_eq(looks(SHELL_LOOKS - 1, "123"), "");
	ck_assert_str_eq(looks(1, "12"), "");
	ck_assert_str_eq(looks(SHELL_LOOKS - 1, "123"), "");
	ck_assert_ptr_eq(strstr(looks(1, "123"), OUTSIDE "3 at 127.0.0.3 (where we send to). "),
	    said);
}
END_TEST

/* A ring between two looks, a pause, a disk of ours that hangs: it is looked at anew. */
START_TEST(who_may_have_been_inside_is_not_named)
{
	ring("12");
	(void) looks(SHELL_LOOKS - 1, "123");
	ring("123");
	ring("12");
	ck_assert_str_eq(looks(SHELL_LOOKS - 1, "123"), "");
	shell_lists_paused(&shell);
	ck_assert_str_eq(looks(SHELL_LOOKS - 1, "123"), "");
	shell.storage_error = -EINPROGRESS;
	ck_assert_str_eq(looks(40, "123"), "");
	shell.storage_error = 0;
	ck_assert_str_eq(looks(SHELL_LOOKS - 1, "123"), "");
	ck_assert_str_ne(looks(1, "123"), "");
}
END_TEST

/* For hours; and another one comes. */
START_TEST(who_stays_outside_is_named_seldom)
{
	unsigned int lines = 0;

	ring("12");
	for (unsigned int i = 0; i < 3700; i++)
		lines += *looks(1, "3") != '\0';
	ck_assert_uint_eq(lines, 25);
	ring("1");
	while (*looks(1, "23") == '\0')
		;
	ck_assert_ptr_eq(strstr(said, OUTSIDE "2 at 127.0.0.2, 3 at 127.0.0.3 (where"), said);
	/* In at last, and out again: that is another story. */
	ring("13");
	(void) looks(1, "13");
	ring("1");
	ck_assert_str_eq(looks(SHELL_LOOKS - 1, "13"), "");
	ck_assert_ptr_eq(strstr(looks(1, "13"), OUTSIDE "3 at 127.0.0.3 (where"), said);
}
END_TEST

START_TEST(nobody_is_told_once)
{
	ring("");
	ck_assert_ptr_eq(strstr(looks(SHELL_LOOKS, ""), "Nobody else of our node list was heard "
	    "since the start: 1 at 127.0.0.1, 2 at 127.0.0.2, 3 at 127.0.0.3 (where we send to). "),
	    said);
	ck_assert_str_eq(looks(1000, ""), "");
}
END_TEST

START_TEST(somebody_is_enough)
{
	if (_i == 0)
		(void) looks(1, "1");
	else
		ring("1");
	ring("");
	ck_assert_str_eq(looks(1000, ""), "");
}
END_TEST

/* By multicast there is a line of its own. */
START_TEST(nobody_is_not_told_twice)
{
	shell.config.net.kind = NET_UDP;
	ck_assert_str_eq(looks(1000, ""), "");
}
END_TEST

/* A cluster of one node. */
START_TEST(nobody_is_missed_by_who_is_alone)
{
	shell.listed_count = 0;
	ck_assert_str_eq(looks(1000, ""), "");
}
END_TEST

/* More nodes than a line holds end whole, and the line is less than what the log cuts. */
START_TEST(long_lists_are_cut)
{
	for (uint32_t i = 0; i < 100; i++)
		shell.listed[shell.listed_count++].node_id = 4000000000u + i;
	(void) looks(SHELL_LOOKS, "");
	ck_assert_msg(strstr(said, " 4000000011 without an address yet, ... (where") != NULL,
	    "%s", said);
	ck_assert_uint_lt(strlen(said), 1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("shell_lists");
	TCase *tc = tcase_create("shell_lists");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, who_is_not_listed_is_named);
	tcase_add_test(tc, who_stays_outside_is_named);
	tcase_add_test(tc, who_may_have_been_inside_is_not_named);
	tcase_add_test(tc, who_stays_outside_is_named_seldom);
	tcase_add_test(tc, nobody_is_told_once);
	tcase_add_loop_test(tc, somebody_is_enough, 0, 2);
	tcase_add_test(tc, nobody_is_not_told_twice);
	tcase_add_test(tc, nobody_is_missed_by_who_is_alone);
	tcase_add_test(tc, long_lists_are_cut);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
