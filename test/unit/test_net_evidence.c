/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the kernel says about peers, and a kernel that is full.
 */
#include "test/unit/test_net.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/net/net_internal.h"

#define SEC_NS		UINT64_C(1000000000)
#define EVIDENCE_NS_MAX	(SEC_NS / 10)
#define TRIES		5	/* at what has a time limit: the machine may have stood still */

/* One of three peers has closed its port: that one is named; the others'
 * frames all arrive, in spite of the errors between them; started again, it is as before. */
static void
check_closed_port(const char *ip)
{
	struct test_options options = test_options(ip);
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	struct test_node *c = test_node_new(3, &options), *d = test_node_new(4, &options);
	const uint32_t all[] = { 2, 3, 4 };
	uint8_t *frame = test_frame(1, 600);

	test_introduce(a, b);
	test_introduce(a, c);
	test_introduce(a, d);
	options.local = c->address;
	c = test_node_free(c);
	for (int n = 0; n < 50; n++) {
		net_send(a->net, all, 3, frame, 600);
		test_flush(a);		/* each send meets the error of the one before */
	}
	test_drain(a, 1, 100);
	ck_assert_uint_ge(a->refused_count, 1);
	ck_assert_uint_eq(a->refused_id, 3);
	ck_assert_uint_ge(net_stats(a->net)->refused, a->refused_count);
	test_drain(b, 50, 500);
	test_drain(d, 50, 500);
	ck_assert_uint_eq(b->count, 50);
	ck_assert_uint_eq(d->count, 50);
	ck_assert_uint_eq(net_stats(a->net)->tx_errors, 0);
	ck_assert_uint_eq(net_stats(a->net)->tx_datagrams, 150);

	a->refused_count = 0;
	c = test_node_new(3, &options);
	test_introduce(a, c);
	net_send(a->net, all, 3, frame, 600);
	test_flush(a);
	test_drain(c, 1, 500);
	test_drain(a, 1, 50);
	ck_assert_uint_eq(c->count, 1);
	ck_assert_uint_eq(a->refused_count, 0);
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
	c = test_node_free(c);
	d = test_node_free(d);
}

START_TEST(closed_port_is_reported_ipv4)
{
	check_closed_port("127.0.0.1");
}
END_TEST

START_TEST(closed_port_is_reported_ipv6)
{
	if (!test_have_ipv6()) {
		test_skip("closed_port_is_reported_ipv6", "no ::1 here");
		return;
	}
	check_closed_port("::1");
}
END_TEST

/* One datagram, one report, promptly: the descriptor wakes a host that polls it. */
START_TEST(evidence_wakes_a_poller)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	uint8_t *frame = test_frame(1, 100);
	uint64_t took_ns = UINT64_MAX;

	test_introduce(a, b);
	b->net = net_free(b->net);
	for (int n = 0; n < TRIES && took_ns >= EVIDENCE_NS_MAX; n++) {
		uint64_t start_ns = test_now_ns();

		a->refused_count = 0;
		test_send(a, b, frame, 100);
		net_flush(a->net, NULL, NULL);	/* so that only the receive can tell */
		while (a->refused_count == 0 && test_now_ns() - start_ns < SEC_NS)
			test_drain(a, 1, 10);
		took_ns = test_now_ns() - start_ns;
		ck_assert_uint_eq(a->refused_count, 1);
		ck_assert_uint_eq(a->refused_id, 2);
		test_drain(a, 1, 30);
		ck_assert_uint_eq(a->refused_count, 1);
	}
	ck_assert_uint_lt(took_ns, EVIDENCE_NS_MAX);
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

/* Whole trains refused: the errors fill no receive buffer, and data still comes. */
START_TEST(many_errors_do_not_deafen)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	struct test_node *c;
	uint8_t *frame = test_frame(1, 1400);

	options.rcvbuf_bytes = 200000;
	c = test_node_new(3, &options);
	test_introduce(c, a);
	test_introduce(c, b);
	b->net = net_free(b->net);
	for (int round = 0; round < 20; round++) {
		for (int n = 0; n < 500; n++)
			test_send(c, b, frame, 1400);
		test_flush(c);
		test_send(a, c, frame, 1400);
		test_flush(a);
		test_drain(c, (size_t) round + 1, 200);
		ck_assert_uint_eq(c->count, (size_t) round + 1);
	}
	ck_assert_uint_ge(c->refused_count, 1);
	ck_assert_uint_eq(c->refused_id, 2);
	ck_assert_uint_eq(net_stats(c->net)->tx_errors, 0);
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
	c = test_node_free(c);
}
END_TEST

static uint16_t
checksum(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t) at[i] << 8 | at[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t) ~sum);
}

/* As a router would: "what `from` sent to `to` met `code`". */
static void
forge_unreachable(int raw, const struct net_address *from, const struct net_address *to,
    uint8_t code)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		struct udphdr udp;
	} packet = {
		.icmp = { .type = ICMP_DEST_UNREACH, .code = code },
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.tot_len = htons(sizeof(struct iphdr) + sizeof(struct udphdr)),
			.saddr = from->sa.v4.sin_addr.s_addr, .daddr = to->sa.v4.sin_addr.s_addr,
		},
		.udp = {
			.uh_sport = from->sa.v4.sin_port, .uh_dport = to->sa.v4.sin_port,
			.uh_ulen = htons(sizeof(struct udphdr)),
		},
	};

	packet.ip.check = checksum(&packet.ip, sizeof packet.ip);
	packet.icmp.checksum = checksum(&packet, sizeof packet);
	ck_assert_int_eq(sendto(raw, &packet, sizeof packet, 0, &from->sa.any, from->len),
	    sizeof packet);
}

/* Only a closed port speaks of the daemon.  A host or net that cannot be reached does not. */
START_TEST(other_unreachables_are_no_evidence)
{
	static const uint8_t others[] = { ICMP_NET_UNREACH, ICMP_HOST_UNREACH, ICMP_HOST_ANO };
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	struct net_address stranger = test_address("127.0.0.1", 9);
	uint8_t *frame = test_frame(1, 100);
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (raw < 0) {
		test_skip("other_unreachables_are_no_evidence", "no raw socket without privileges");
		return;
	}
	test_introduce(a, b);
	for (size_t i = 0; i < sizeof others; i++) {
		forge_unreachable(raw, &a->address, &b->address, others[i]);
		test_drain(a, 1, 30);
		ck_assert_uint_eq(a->refused_count, 0);
		/* and the pending error costs no datagram */
		forge_unreachable(raw, &a->address, &b->address, others[i]);
		test_send(a, b, frame, 100);
		test_flush(a);
		test_drain(b, i + 1, 500);
		ck_assert_uint_eq(b->count, i + 1);
	}
	forge_unreachable(raw, &a->address, &stranger, ICMP_PORT_UNREACH);
	test_drain(a, 1, 30);
	ck_assert_uint_eq(a->refused_count, 0);
	ck_assert_uint_eq(net_stats(a->net)->refused, 0);
	forge_unreachable(raw, &a->address, &b->address, ICMP_PORT_UNREACH);
	test_drain(a, 1, 30);
	ck_assert_uint_eq(a->refused_count, 1);
	ck_assert_uint_eq(a->refused_id, 2);
	/* Ignored: nothing is heard of it in any way. */
	net_ignore(a->net, &b->id, 1);
	forge_unreachable(raw, &a->address, &b->address, ICMP_PORT_UNREACH);
	test_drain(a, 1, 30);
	ck_assert_uint_eq(a->refused_count, 1);
	(void) close(raw);
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

/* No route from the loopback address: counted, no evidence, and the others are served. */
START_TEST(unsendable_is_counted)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	struct net_peer far_away = { .node_id = 9, .address = test_address("192.0.2.1", 5405) };
	const uint32_t to[] = { 9, 2 };
	uint8_t *frame = test_frame(1, 100);

	test_introduce(a, b);
	ck_assert_int_eq(net_peer_set(a->net, &far_away), 0);
	for (int n = 0; n < 10; n++)
		net_send(a->net, to, 2, frame, 100);
	test_flush(a);
	test_drain(b, 10, 500);
	test_drain(a, 1, 30);
	ck_assert_uint_eq(b->count, 10);
	ck_assert_uint_eq(net_stats(a->net)->tx_errors, 10);
	ck_assert_uint_eq(net_stats(a->net)->tx_datagrams, 10);
	ck_assert_uint_eq(a->refused_count, 0);
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

/* With valgrind all takes longer; libcheck's own limits are then raised by as much. */
static uint64_t
patience(void)
{
	const char *text = getenv("CK_TIMEOUT_MULTIPLIER");
	uint64_t factor = text == NULL ? 1 : strtoul(text, NULL, 10);

	return factor > 0 ? factor : 1;
}

/* Nobody answers there: what is sent waits for an address that never comes, and the socket's buffer
 * fills. */
START_TEST(full_kernel_is_waited_for)
{
	struct test_options options = test_options("10.99.0.1");
	const struct net_stats *stats;
	struct net_peer silent = { .node_id = 9, .address = test_address("10.99.0.9", 5405) };
	struct test_node *a;
	uint8_t *frame = test_frame(1, 1400);
	uint64_t took_ns = UINT64_MAX, total = 0, limit_ns = SEC_NS / 5 * patience();

	if (!test_network_new()) {
		test_skip("full_kernel_is_waited_for", "no network namespace of our own");
		free(frame);
		return;
	}
	options.gso = _i == 1;
	options.rcvbuf_bytes = 20000;
	a = test_node_new(1, &options);
	stats = net_stats(a->net);
	ck_assert_int_eq(net_peer_set(a->net, &silent), 0);
	/* 2 ms of waiting; the rest, and to try again, is for a busy machine. */
	for (int n = 0; n < TRIES && took_ns >= limit_ns; n++) {
		uint64_t start_ns = test_now_ns();

		for (int i = 0; i < 1000; i++)
			net_send(a->net, &silent.node_id, 1, frame, 1400);
		test_flush(a);
		took_ns = test_now_ns() - start_ns;
		total += 1000;
		ck_assert_uint_gt(stats->tx_dropped, 0);
		ck_assert_uint_eq(stats->tx_dropped + stats->tx_datagrams, total);
		ck_assert_uint_eq(stats->tx_errors, 0);
		ck_assert_uint_ge(took_ns, NET_SEND_WAIT_NS);
	}
	ck_assert_uint_lt(took_ns, limit_ns);
	free(frame);
	a = test_node_free(a);
}
END_TEST

void
test_net_evidence_add(Suite *suite)
{
	TCase *tcase = tcase_create("evidence");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, closed_port_is_reported_ipv4);
	tcase_add_test(tcase, closed_port_is_reported_ipv6);
	tcase_add_test(tcase, evidence_wakes_a_poller);
	tcase_add_test(tcase, many_errors_do_not_deafen);
	tcase_add_test(tcase, other_unreachables_are_no_evidence);
	tcase_add_test(tcase, unsendable_is_counted);
	tcase_add_loop_test(tcase, full_kernel_is_waited_for, 0, 2);
	suite_add_tcase(suite, tcase);
}
