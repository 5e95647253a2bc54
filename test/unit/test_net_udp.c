/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Transport udp: three instances of one host share a group on the loopback interface.
 */
#include "test/unit/test_net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES	3u

struct group_case {
	const char *name, *local, *group;
	bool broadcast, namespace;
};

static const struct group_case group_cases[] = {
	{ "multicast on loopback", "127.0.0.1", "239.192.7.7", false, false },
	{ "broadcast on loopback", "127.0.0.1", "127.255.255.255", true, false },
	/* Loopback has no IPv6 multicast route. */
	{ "IPv4 multicast", "10.99.0.1", "239.192.7.7", false, true },
	{ "IPv6 multicast", "fd99::1", "ff15::7:7", false, true },
	{ "broadcast to the network", "10.99.0.1", "10.99.0.255", true, true },
	{ "broadcast to all", "10.99.0.1", "255.255.255.255", true, true },
};

/* A port that nobody uses for unicast just now.  Groups may share it. */
static uint16_t
free_port(const char *ip)
{
	struct test_options options = test_options(ip);
	struct test_node *node = test_node_new(1, &options);
	uint16_t port = test_port(&node->address);

	node = test_node_free(node);
	return port;
}

static bool
group_nodes_new(const struct group_case *test, struct test_node **node)
{
	struct test_options options;
	int r = 0;

	if (test->namespace && !test_network_new()) {
		test_skip(test->name, "no network namespace of our own");
		return false;
	}
	options = test_options(test->local);
	options.kind = NET_UDP;
	options.broadcast = test->broadcast;
	options.group = test_address(test->group, free_port(test->local));
	for (size_t i = 0; i < NODES; i++) {
		node[i] = test_node_try((uint32_t) i + 1, &options, &r);
		ck_assert_msg(node[i] != NULL, "%s: %s", test->name, strerror(-r));
	}
	for (size_t i = 0; i < NODES; i++) {
		for (size_t k = i + 1; k < NODES; k++)
			test_introduce(node[i], node[k]);
	}
	return true;
}

static void
group_nodes_free(struct test_node **node)
{
	for (size_t i = 0; i < NODES; i++)
		node[i] = test_node_free(node[i]);
}

/* For two: one datagram, received by both and, unheard, by ourselves.  For one: that one only. */
START_TEST(several_get_one_datagram)
{
	struct test_node *node[NODES];
	const uint32_t others[] = { 2, 3 };
	uint8_t *frame;

	if (!group_nodes_new(&group_cases[_i], node))
		return;
	frame = test_frame(1, 1200);
	for (int n = 0; n < 100; n++)
		net_send(node[0]->net, others, 2, frame, 1200);
	test_flush(node[0]);
	ck_assert_uint_eq(net_stats(node[0]->net)->tx_datagrams, 100);
	ck_assert_uint_eq(net_stats(node[0]->net)->tx_errors, 0);
	test_drain(node[1], 100, 500);
	test_drain(node[2], 100, 500);
	test_drain(node[0], 1, 50);
	for (size_t i = 1; i < NODES; i++) {
		ck_assert_uint_eq(node[i]->count, 100);
		ck_assert_uint_eq(node[i]->hash[99], test_hash(frame, 1200));
		/* We are known by one address, whichever way it went. */
		ck_assert(net_address_equal(&node[i]->source[0], &node[0]->address));
		ck_assert_uint_eq(net_stats(node[i]->net)->rx_unknown_source, 0);
	}
	ck_assert_uint_eq(node[0]->count, 0);
	ck_assert_uint_eq(net_stats(node[0]->net)->rx_own, 100);

	test_send(node[0], node[1], frame, 700);
	test_flush(node[0]);
	test_drain(node[1], 101, 500);
	test_drain(node[2], 101, 50);
	ck_assert_uint_eq(node[1]->count, 101);
	ck_assert_uint_eq(node[2]->count, 100);
	free(frame);
	group_nodes_free(node);
}
END_TEST

/* Without any address: to nobody by name, and to one whose address is not known. */
START_TEST(unknown_are_reached_and_learned)
{
	struct test_node *node[NODES];
	struct net_peer peer = { .node_id = 2 };
	uint8_t *frame;

	if (!group_nodes_new(&group_cases[_i], node))
		return;
	frame = test_frame(1, 300);
	net_peer_remove(node[0]->net, 2);
	net_send(node[0]->net, NULL, 0, frame, 300);
	test_flush(node[0]);
	test_drain(node[1], 1, 500);
	test_drain(node[2], 1, 500);
	ck_assert_uint_eq(node[1]->count, 1);
	ck_assert_uint_eq(node[2]->count, 1);
	test_send(node[0], node[1], frame, 299);	/* not a peer at all: skipped */
	test_flush(node[0]);
	test_drain(node[1], 2, 50);
	ck_assert_uint_eq(node[1]->count, 1);

	ck_assert_int_eq(net_peer_set(node[0]->net, &peer), 0);
	test_send(node[0], node[1], frame, 300);
	test_flush(node[0]);
	test_drain(node[1], 2, 500);
	test_drain(node[2], 2, 500);
	ck_assert_uint_eq(node[1]->count, 2);
	ck_assert_uint_eq(node[2]->count, 2);
	peer.address = node[1]->address;
	ck_assert_int_eq(net_peer_set(node[0]->net, &peer), 0);
	test_send(node[0], node[1], frame, 300);
	test_flush(node[0]);
	test_drain(node[1], 3, 500);
	test_drain(node[2], 3, 50);
	ck_assert_uint_eq(node[1]->count, 3);
	ck_assert_uint_eq(node[2]->count, 2);
	free(frame);
	group_nodes_free(node);
}
END_TEST

/* No multicast may slip through to an ignored node, nor one of its be heard. */
START_TEST(ignored_get_no_multicast)
{
	struct test_node *node[NODES];
	const uint32_t others[] = { 2, 3 };
	uint8_t *frame;

	if (!group_nodes_new(&group_cases[_i], node))
		return;
	frame = test_frame(1, 300);
	net_ignore(node[0]->net, &others[0], 1);
	net_send(node[0]->net, others, 2, frame, 300);
	net_send(node[0]->net, NULL, 0, frame, 300);
	test_flush(node[0]);
	net_send(node[1]->net, NULL, 0, frame, 200);
	test_flush(node[1]);
	test_drain(node[2], 3, 500);
	test_drain(node[1], 1, 50);
	test_drain(node[0], 1, 50);
	ck_assert_uint_eq(node[2]->count, 3);
	ck_assert_uint_eq(node[1]->count, 0);
	ck_assert_uint_eq(node[0]->count, 0);
	ck_assert_uint_eq(net_stats(node[0]->net)->rx_ignored, 1);
	net_ignore(node[0]->net, NULL, 0);
	net_send(node[0]->net, others, 2, frame, 300);
	test_flush(node[0]);
	test_drain(node[1], 1, 500);
	ck_assert_uint_eq(node[1]->count, 1);
	ck_assert_uint_eq(net_stats(node[0]->net)->tx_datagrams, 3);
	free(frame);
	group_nodes_free(node);
}
END_TEST

START_TEST(group_configurations_are_checked)
{
	struct test_options options = test_options("127.0.0.1");
	int r;

	options.kind = NET_UDP;
	ck_assert_ptr_null(test_node_try(1, &options, &r));	/* no group */
	ck_assert_int_eq(r, -EINVAL);
	options.group = test_address("10.0.0.1", 5405);		/* is none */
	ck_assert_ptr_null(test_node_try(1, &options, &r));
	ck_assert_int_eq(r, -EINVAL);
	options.group = test_address("ff15::1", 5405);		/* of another family */
	ck_assert_ptr_null(test_node_try(1, &options, &r));
	ck_assert_int_eq(r, -EINVAL);
	options.group = test_address("239.192.7.7", 5405);
	options.broadcast = true;				/* is no broadcast address */
	ck_assert_ptr_null(test_node_try(1, &options, &r));
	ck_assert_int_eq(r, -EINVAL);
	options = test_options("192.0.2.1");			/* interface not there yet */
	options.kind = NET_UDP;
	options.group = test_address("239.192.7.7", 5405);
	ck_assert_ptr_null(test_node_try(1, &options, &r));
	ck_assert_int_eq(r, -EADDRNOTAVAIL);
}
END_TEST

void
test_net_udp_add(Suite *suite)
{
	TCase *tcase = tcase_create("udp");
	const int count = (int) (sizeof group_cases / sizeof group_cases[0]);

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, several_get_one_datagram, 0, count);
	tcase_add_loop_test(tcase, unknown_are_reached_and_learned, 0, count);
	tcase_add_loop_test(tcase, ignored_get_no_multicast, 0, count);
	tcase_add_test(tcase, group_configurations_are_checked);
	suite_add_tcase(suite, tcase);
}
