/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Two hosts (network namespaces) and a cable of MTU 1500 between them: what loopback cannot show.
 */
#include "test/unit/test_net.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FRAMES	400u

/* A link that has just come up loses the first questions for addresses, and repeats them only after
 * a second.  Wait until something gets through. */
static void
warm_up(struct test_node *a, struct test_node *b)
{
	uint8_t *frame = test_frame(1, 1);

	for (int n = 0; n < 50 && b->count == 0; n++) {
		test_send(a, b, frame, 1);
		test_flush(a);
		test_drain(b, 1, 100);
	}
	test_drain(b, NODE_FRAMES_MAX, 20);
	ck_assert_uint_gt(b->count, 0);
	b->count = 0;
	free(frame);
}

/* One node on each end.  Sockets stay in the namespace in which they were made. */
static bool
cable_new(const char *ip_a, const char *ip_b, struct test_node **ret_a, struct test_node **ret_b)
{
	struct test_options options = test_options(ip_a);
	char command[400];
	int home;

	if (!test_network_new()) {
		test_skip("cable", "no network namespace of our own");
		return false;
	}
	*ret_a = test_node_new(1, &options);
	home = open("/proc/self/ns/net", O_RDONLY);
	ck_assert_int_ge(home, 0);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	(void) snprintf(command, sizeof command,
	    "nsenter --net=/proc/self/fd/%d ip link set cs1 netns %d && ip link set cs1 up &&"
	    " ip addr add 10.99.0.2/24 dev cs1 && ip addr add fd99::2/64 dev cs1 nodad",
	    home, (int) getpid());
	ck_assert_int_eq(system(command), 0);
	(void) close(home);
	options = test_options(ip_b);
	*ret_b = test_node_new(2, &options);
	test_introduce(*ret_a, *ret_b);
	warm_up(*ret_a, *ret_b);
	return true;
}

static void
check_frames(struct test_node *a, struct test_node *b, size_t len)
{
	uint8_t *frame[FRAMES];
	size_t had = b->count;

	for (size_t n = 0; n < FRAMES; n++) {
		frame[n] = test_frame(n, len);
		test_send(a, b, frame[n], len);
		if (n % 100 != 99)
			continue;
		test_flush(a);
		test_drain(b, had + n + 1, 500);
	}
	ck_assert_uint_eq(b->count, had + FRAMES);
	for (size_t n = 0; n < FRAMES; n++) {
		ck_assert_uint_eq(b->len[had + n], len);
		ck_assert_uint_eq(b->hash[had + n], test_hash(frame[n], len));
		free(frame[n]);
	}
}

/* Frames that fit go in trains.  For larger ones the kernel refuses trains: they are sent one by
 * one, in pieces, and arrive all the same. */
static void
check_cable(const char *ip_a, const char *ip_b, size_t fitting_bytes)
{
	struct test_node *a, *b;
	const struct net_stats *tx;
	uint64_t trains, before;

	if (!cable_new(ip_a, ip_b, &a, &b))
		return;
	tx = net_stats(a->net);
	before = tx->tx_datagrams;
	check_frames(a, b, fitting_bytes);
	trains = tx->tx_gso_trains;
	if (tx->gso)
		ck_assert_uint_gt(trains, 0);
	check_frames(a, b, fitting_bytes + 1);
	ck_assert_uint_eq(tx->tx_gso_trains, trains);
	ck_assert_uint_eq(tx->tx_errors, 0);
	ck_assert_uint_eq(tx->tx_datagrams - before, 2 * FRAMES);
	a = test_node_free(a);
	b = test_node_free(b);
}

START_TEST(frames_larger_than_the_cable_ipv4)
{
	check_cable("10.99.0.1", "10.99.0.2", 1500 - 28);
}
END_TEST

START_TEST(frames_larger_than_the_cable_ipv6)
{
	check_cable("fd99::1", "fd99::2", 1500 - 48);
}
END_TEST

/* A remote host's kernel tells of a closed port, too. */
START_TEST(remote_closed_port_is_reported)
{
	struct test_node *a, *b;
	uint8_t *frame = test_frame(1, 200);
	uint64_t start_ns;

	if (!cable_new(_i == 0 ? "10.99.0.1" : "fd99::1", _i == 0 ? "10.99.0.2" : "fd99::2", &a,
	    &b)) {
		free(frame);
		return;
	}
	b->net = net_free(b->net);
	start_ns = test_now_ns();
	test_send(a, b, frame, 200);
	test_flush(a);
	while (a->refused_count == 0 && test_now_ns() - start_ns < UINT64_C(2000000000))
		test_drain(a, 1, 10);
	ck_assert_uint_eq(a->refused_count, 1);
	ck_assert_uint_eq(a->refused_id, 2);
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

void
test_net_cable_add(Suite *suite)
{
	TCase *tcase = tcase_create("cable");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, frames_larger_than_the_cable_ipv4);
	tcase_add_test(tcase, frames_larger_than_the_cable_ipv6);
	tcase_add_loop_test(tcase, remote_closed_port_is_reported, 0, 2);
	suite_add_tcase(suite, tcase);
}
