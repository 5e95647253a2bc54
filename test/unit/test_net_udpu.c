/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Transport udpu: order, sizes, trains, buffers, ignoring, addresses.
 */
#include "test/unit/test_net.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/base/prng.h"
#include "exec/net/net_internal.h"

#define BURST_MAX	4096u

/* Frames given to the network, kept to be compared with what arrived. */
struct burst {
	size_t count;
	uint32_t len[BURST_MAX];
	uint8_t *data[BURST_MAX];
};

static void
burst_add(struct burst *burst, size_t len)
{
	ck_assert_uint_lt(burst->count, BURST_MAX);
	burst->data[burst->count] = test_frame(burst->count, len);
	burst->len[burst->count++] = (uint32_t) len;
}

static struct burst *
burst_free(struct burst *burst)
{
	for (size_t i = 0; i < burst->count; i++)
		free(burst->data[i]);
	free(burst);
	return NULL;
}

static void
burst_check(const struct burst *burst, const struct test_node *node)
{
	ck_assert_uint_eq(node->count, burst->count);
	for (size_t i = 0; i < burst->count; i++) {
		ck_assert_msg(node->len[i] == burst->len[i], "frame %zu: %u bytes, not %u", i,
		    node->len[i], burst->len[i]);
		ck_assert_msg(node->hash[i] == test_hash(burst->data[i], burst->len[i]),
		    "frame %zu of %u bytes: other content", i, burst->len[i]);
	}
}

/* The four ways of the kernel's help, by loop index. */
static struct test_options
offload_options(const char *ip, int i)
{
	struct test_options options = test_options(ip);

	options.gso = (i & 1) != 0;
	options.gro = (i & 2) != 0;
	return options;
}

/* Every size, mixed, arrives whole and in order at two peers, whatever the kernel helps with. */
static void
check_sizes(const char *ip, int i)
{
	static const size_t sizes[] = {
		1, 1, 2, 7, 7, 7, 64, 1000, 1400, 1400, 1400, 900, 1400, 1400, 1472, 1473, 1473, 8,
		8192, 8192, 8192, 8191, 16384, 32768, 32768, 32768, 65000, 65000, 65507, 1, 65507,
	};
	struct test_options options = offload_options(ip, i);
	struct test_node *a = test_node_new(1, &options);
	struct test_node *b = test_node_new(2, &options), *c = test_node_new(3, &options);
	struct burst *burst = calloc(1, sizeof *burst);
	const uint32_t to[] = { 2, 3 };

	ck_assert_ptr_nonnull(burst);
	test_introduce(a, b);
	test_introduce(a, c);
	for (size_t n = 0; n < sizeof sizes / sizeof sizes[0]; n++) {
		burst_add(burst, sizes[n]);
		net_send(a->net, to, 2, burst->data[n], sizes[n]);
	}
	test_flush(a);
	test_drain(b, burst->count, 500);
	test_drain(c, burst->count, 500);
	burst_check(burst, b);
	burst_check(burst, c);
	for (size_t n = 0; n < b->count; n++)
		ck_assert(net_address_equal(&b->source[n], &a->address));
	ck_assert_uint_eq(net_stats(a->net)->tx_datagrams, 2 * burst->count);
	ck_assert_uint_eq(net_stats(a->net)->tx_errors, 0);
	ck_assert_uint_eq(net_stats(a->net)->tx_dropped, 0);
	ck_assert_uint_eq(net_stats(b->net)->rx_unknown_source, 0);
	burst = burst_free(burst);
	a = test_node_free(a);
	b = test_node_free(b);
	c = test_node_free(c);
}

START_TEST(sizes_and_order_ipv4)
{
	check_sizes("127.0.0.1", _i);
}
END_TEST

START_TEST(sizes_and_order_ipv6)
{
	if (!test_have_ipv6()) {
		test_skip("sizes_and_order_ipv6", "no ::1 here");
		return;
	}
	check_sizes("::1", _i);
}
END_TEST

/* Runs of random lengths of random sizes: the same frames come out with and without trains, and the
 * kernel's help was really used where it was asked for. */
START_TEST(trains_change_nothing)
{
	struct test_options options = offload_options("127.0.0.1", _i);
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	struct burst *burst = calloc(1, sizeof *burst);
	struct prng prng = { .state = 7 };
	const struct net_stats *tx = net_stats(a->net), *rx = net_stats(b->net);

	ck_assert_ptr_nonnull(burst);
	test_introduce(a, b);
	for (size_t run = 0; run < 40; run++) {
		size_t len = 1 + prng_below(&prng, 3000), count = 1 + prng_below(&prng, 90);

		for (size_t n = 0; n < count; n++)
			burst_add(burst, len);
		burst_add(burst, 1 + prng_below(&prng, len));
	}
	for (size_t n = 0; n < burst->count; n++) {
		test_send(a, b, burst->data[n], burst->len[n]);
		if (n % 200 != 199)
			continue;
		test_flush(a);
		test_drain(b, n + 1, 500);
	}
	test_flush(a);
	test_drain(b, burst->count, 500);
	burst_check(burst, b);
	if (!options.gso)
		ck_assert_uint_eq(tx->tx_gso_trains, 0);
	else if (tx->gso)
		ck_assert_uint_gt(tx->tx_gso_trains, burst->count / 64);
	if (!options.gro || !options.gso)
		ck_assert_uint_eq(rx->rx_gro_trains, 0);
	else if (tx->gso && rx->gro)
		ck_assert_uint_eq(rx->rx_gro_trains, tx->tx_gso_trains);
	if (options.gso && !tx->gso)
		test_skip("trains_change_nothing", "no UDP GSO in this kernel: plain path only");
	burst = burst_free(burst);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

/* The kernel refuses the first train at run time (it does so for sockets without checksums): the
 * frames go plainly, each once and in order, and no train is tried again. */
START_TEST(refused_train_goes_plainly)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	struct burst *burst = calloc(1, sizeof *burst);
	const struct net_stats *tx = net_stats(a->net);
	int fds[NET_FDS_MAX];
	uint64_t calls;

	ck_assert_ptr_nonnull(burst);
	test_introduce(a, b);
	if (!tx->gso) {
		test_skip("refused_train_goes_plainly", "no UDP GSO in this kernel");
		return;
	}
	(void) net_fds(a->net, fds);
	ck_assert_int_eq(socket_option(fds[0], SOL_SOCKET, SO_NO_CHECK, 1), 0);
	for (size_t n = 0; n < 300; n++) {
		burst_add(burst, n % 100 == 99 ? 300 : 1200);
		test_send(a, b, burst->data[n], burst->len[n]);
	}
	test_flush(a);
	test_drain(b, 300, 500);
	burst_check(burst, b);
	ck_assert_uint_eq(tx->tx_gso_trains, 0);
	ck_assert_uint_eq(tx->tx_errors, 0);
	ck_assert_uint_eq(tx->tx_datagrams, 300);
	/* Again: now one call takes them all, as nothing has to be taken apart. */
	calls = tx->tx_calls;
	b->count = 0;
	for (size_t n = 0; n < 300; n++)
		test_send(a, b, burst->data[n], burst->len[n]);
	test_flush(a);
	test_drain(b, 300, 500);
	burst_check(burst, b);
	ck_assert_uint_eq(tx->tx_calls, calls + 1);
	ck_assert_uint_eq(tx->tx_gso_trains, 0);
	burst = burst_free(burst);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

/* More than a batch holds: it empties itself, and the order stands.  Nothing is allocated. */
START_TEST(full_batch_flushes_itself)
{
	struct test_options options = offload_options("127.0.0.1", _i);
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	struct burst *burst = calloc(1, sizeof *burst);
	struct mallinfo2 before, after;

	ck_assert_ptr_nonnull(burst);
	test_introduce(a, b);
	for (size_t n = 0; n < 3 * NET_BATCH_MAX + 5; n++)
		burst_add(burst, 64);
	before = mallinfo2();
	for (size_t n = 0; n < burst->count; n++)
		test_send(a, b, burst->data[n], 64);
	ck_assert_uint_eq(net_stats(a->net)->tx_datagrams, 3 * NET_BATCH_MAX);
	test_flush(a);
	test_drain(b, burst->count, 500);
	after = mallinfo2();
	ck_assert_uint_eq(after.uordblks, before.uordblks);
	ck_assert_uint_eq(after.hblkhd, before.hblkhd);
	burst_check(burst, b);
	burst = burst_free(burst);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

START_TEST(ignored_peers_are_cut_off_both_ways)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options);
	struct test_node *b = test_node_new(2, &options), *c = test_node_new(3, &options);
	const uint32_t all[] = { 1, 2, 3 }, ignored[] = { 2, 9 };
	uint8_t *frame = test_frame(1, 500);

	test_introduce(a, b);
	test_introduce(a, c);
	net_ignore(a->net, ignored, 2);
	ck_assert(net_ignores(a->net, 2));
	ck_assert(net_ignores(a->net, 9));
	ck_assert(!net_ignores(a->net, 3));
	for (int n = 0; n < 10; n++) {
		net_send(a->net, all, 3, frame, 500);
		test_send(b, a, frame, 500);
		test_send(c, a, frame, 400);
	}
	test_flush(a);
	test_flush(b);
	test_flush(c);
	test_drain(c, 10, 500);
	test_drain(a, 10, 500);
	test_drain(b, 1, 50);
	ck_assert_uint_eq(c->count, 10);
	ck_assert_uint_eq(a->count, 10);
	for (size_t n = 0; n < 10; n++)
		ck_assert_uint_eq(a->len[n], 400);
	ck_assert_uint_eq(b->count, 0);
	ck_assert_uint_eq(net_stats(a->net)->rx_ignored, 10);

	net_ignore(a->net, NULL, 0);
	ck_assert(!net_ignores(a->net, 2));
	test_send(b, a, frame, 500);
	test_flush(b);
	test_send(a, b, frame, 500);
	test_flush(a);
	test_drain(a, 11, 500);
	test_drain(b, 1, 500);
	ck_assert_uint_eq(a->count, 11);
	ck_assert_uint_eq(b->count, 1);
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
	c = test_node_free(c);
}
END_TEST

/* Nobody named: everybody known, but for the ignored. */
START_TEST(unnamed_means_everybody)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options);
	struct test_node *b = test_node_new(2, &options), *c = test_node_new(3, &options);
	struct net_peer unknown = { .node_id = 4 };
	uint8_t *frame = test_frame(1, 100);

	test_introduce(a, b);
	test_introduce(a, c);
	ck_assert_int_eq(net_peer_set(a->net, &unknown), 0);
	net_send(a->net, NULL, 0, frame, 100);
	net_ignore(a->net, &b->id, 1);
	net_send(a->net, NULL, 0, frame, 100);
	test_flush(a);
	test_drain(c, 2, 500);
	test_drain(b, 2, 50);
	ck_assert_uint_eq(c->count, 2);
	ck_assert_uint_eq(b->count, 1);
	ck_assert_uint_eq(net_stats(a->net)->tx_datagrams, 3);
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
	c = test_node_free(c);
}
END_TEST

/* An ignored id that is not a peer yet is ignored from the moment it is one. */
START_TEST(ignoring_outlives_addresses)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	uint8_t *frame = test_frame(1, 100);

	net_ignore(a->net, &b->id, 1);
	test_introduce(a, b);
	test_send(b, a, frame, 100);
	test_flush(b);
	test_drain(a, 1, 50);
	ck_assert_uint_eq(a->count, 0);
	ck_assert_uint_eq(net_stats(a->net)->rx_ignored, 1);
	net_peer_remove(a->net, 2);
	ck_assert(net_ignores(a->net, 2));
	free(frame);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

/* Strangers are counted and handed out; the answer finds them; being removed makes a stranger. */
START_TEST(strangers_are_counted_and_answered)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options), *b = test_node_new(2, &options);
	struct net_peer peer_b = { .node_id = 2, .address = b->address };
	uint8_t *frame = test_frame(1, 100), *answer = test_frame(2, 77);

	ck_assert_int_eq(net_peer_set(a->net, &peer_b), 0);
	b->reply = answer;
	b->reply_len = 77;
	test_send(a, b, frame, 100);
	test_flush(a);
	test_drain(b, 1, 500);
	test_drain(a, 1, 500);
	ck_assert_uint_eq(b->count, 1);
	ck_assert_uint_eq(net_stats(b->net)->rx_unknown_source, 1);
	ck_assert_uint_eq(a->count, 1);
	ck_assert_uint_eq(a->hash[0], test_hash(answer, 77));
	ck_assert_uint_eq(net_stats(a->net)->rx_unknown_source, 0);
	net_peer_remove(a->net, 2);
	test_send(a, b, frame, 100);
	test_flush(a);
	test_drain(b, 2, 50);
	ck_assert_uint_eq(b->count, 1);
	free(frame);
	free(answer);
	a = test_node_free(a);
	b = test_node_free(b);
}
END_TEST

/* A frame already in the batch goes to the address that the peer had then. */
START_TEST(changed_address_takes_effect_after_the_batch)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options);
	struct test_node *old = test_node_new(2, &options), *now = test_node_new(2, &options);
	struct net_peer peer = { .node_id = 2, .address = now->address };
	struct net_address address;
	uint8_t *frame = test_frame(1, 100);

	ck_assert(!net_peer_address(a->net, 2, &address));
	test_introduce(a, old);
	test_send(a, old, frame, 100);
	ck_assert_int_eq(net_peer_set(a->net, &peer), 0);
	test_send(a, now, frame, 90);
	test_flush(a);
	test_drain(old, 2, 50);
	test_drain(now, 2, 50);
	ck_assert_uint_eq(old->count, 1);
	ck_assert_uint_eq(old->len[0], 100);
	ck_assert_uint_eq(now->count, 1);
	ck_assert_uint_eq(now->len[0], 90);
	ck_assert(net_peer_address(a->net, 2, &address));
	ck_assert(net_address_equal(&address, &now->address));
	free(frame);
	a = test_node_free(a);
	old = test_node_free(old);
	now = test_node_free(now);
}
END_TEST

START_TEST(bad_configurations_are_refused)
{
	struct test_options options = test_options("192.0.2.1");
	struct net_peer peer = { .node_id = 9, .address = test_address("::1", 5) };
	struct test_node *a;
	int r;

	ck_assert_ptr_null(test_node_try(1, &options, &r));
	ck_assert_int_eq(r, -EADDRNOTAVAIL);
	options = test_options("127.0.0.1");
	a = test_node_new(1, &options);
	options.local = a->address;
	ck_assert_ptr_null(test_node_try(2, &options, &r));
	ck_assert_int_eq(r, -EADDRINUSE);
	ck_assert_int_eq(net_peer_set(a->net, &peer), -EAFNOSUPPORT);
	options.local.len = 0;
	ck_assert_ptr_null(test_node_try(2, &options, &r));
	ck_assert_int_eq(r, -EINVAL);
	a = test_node_free(a);
}
END_TEST

/* What is reported is what the kernel gave. */
START_TEST(buffer_sizes_are_reported)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a;
	int fds[NET_FDS_MAX], value;
	socklen_t len = sizeof value;

	options.rcvbuf_bytes = 100000;
	a = test_node_new(1, &options);
	(void) net_fds(a->net, fds);
	ck_assert_uint_eq(net_stats(a->net)->rcvbuf_bytes, 100000);
	ck_assert_uint_eq(net_stats(a->net)->sndbuf_bytes, 100000);
	ck_assert_int_eq(getsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
	ck_assert_int_eq(value, 200000);
	a = test_node_free(a);
	/* Far more than anybody may have: less, but not nothing. */
	options.rcvbuf_bytes = 3000000000u;
	a = test_node_new(1, &options);
	ck_assert_uint_ge(net_stats(a->net)->rcvbuf_bytes, 100000);
	ck_assert_uint_lt(net_stats(a->net)->rcvbuf_bytes, 3000000000u);
	a = test_node_free(a);
}
END_TEST

/* The table against a plain array, through changes at random. */
START_TEST(peers_are_found)
{
	struct test_options options = test_options("127.0.0.1");
	struct test_node *a = test_node_new(1, &options);
	uint16_t port[200] = { 0 };		/* by node id; 0: not a peer */
	struct prng prng = { .state = 3 };
	size_t count = 0;

	for (int step = 0; step < 4000; step++) {
		uint32_t id = (uint32_t) prng_below(&prng, 200);
		struct net_peer peer = {
			.node_id = id,
			.address = test_address("10.0.0.1",
			    (uint16_t) (1 + prng_below(&prng, 60000))),
		};
		struct net_address found;

		if (prng_below(&prng, 3) == 0) {
			net_peer_remove(a->net, id);
			count -= port[id] != 0;
			port[id] = 0;
		} else if (port[id] == 0 && count == NET_PEERS_MAX) {
			ck_assert_int_eq(net_peer_set(a->net, &peer), -ENOSPC);
		} else {
			ck_assert_int_eq(net_peer_set(a->net, &peer), 0);
			count += port[id] == 0;
			port[id] = test_port(&peer.address);
		}
		id = (uint32_t) prng_below(&prng, 200);
		ck_assert_int_eq(net_peer_address(a->net, id, &found), port[id] != 0);
		if (port[id] != 0)
			ck_assert_uint_eq(test_port(&found), port[id]);
	}
	a = test_node_free(a);
}
END_TEST

START_TEST(addresses_print_and_compare)
{
	struct net_address v4 = test_address("192.0.2.1", 5405), other = v4;
	struct net_address v6 = test_address("2001:db8::1", 5405), unknown = { .len = 0 };
	char text[INET6_ADDRSTRLEN];

	ck_assert_str_eq(net_address_text(&v4, text, sizeof text), "192.0.2.1");
	ck_assert_str_eq(net_address_text(&v6, text, sizeof text), "2001:db8::1");
	ck_assert_str_eq(net_address_text(&unknown, text, sizeof text), "unknown");
	ck_assert(net_address_equal(&v4, &other));
	ck_assert(!net_address_equal(&v4, &v6));
	ck_assert(!net_address_equal(&unknown, &unknown));
	other.sa.v4.sin_port++;
	ck_assert(!net_address_equal(&v4, &other));
	other = v6;
	other.sa.v6.sin6_scope_id = 3;		/* one of them says on which interface */
	ck_assert(net_address_equal(&v6, &other));
	v6.sa.v6.sin6_scope_id = 4;
	ck_assert(!net_address_equal(&v6, &other));
}
END_TEST

void
test_net_udpu_add(Suite *suite)
{
	TCase *tcase = tcase_create("udpu");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, sizes_and_order_ipv4, 0, 4);
	tcase_add_loop_test(tcase, sizes_and_order_ipv6, 0, 4);
	tcase_add_loop_test(tcase, trains_change_nothing, 0, 4);
	tcase_add_test(tcase, refused_train_goes_plainly);
	tcase_add_loop_test(tcase, full_batch_flushes_itself, 0, 4);
	tcase_add_test(tcase, ignored_peers_are_cut_off_both_ways);
	tcase_add_test(tcase, unnamed_means_everybody);
	tcase_add_test(tcase, ignoring_outlives_addresses);
	tcase_add_test(tcase, strangers_are_counted_and_answered);
	tcase_add_test(tcase, changed_address_takes_effect_after_the_batch);
	tcase_add_test(tcase, bad_configurations_are_refused);
	tcase_add_test(tcase, buffer_sizes_are_reported);
	tcase_add_test(tcase, peers_are_found);
	tcase_add_test(tcase, addresses_print_and_compare);
	suite_add_tcase(suite, tcase);
}
