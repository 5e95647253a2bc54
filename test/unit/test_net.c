/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "test/unit/test_net.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exec/base/prng.h"

struct net_address
test_address(const char *ip, uint16_t port)
{
	struct net_address address = { 0 };

	if (inet_pton(AF_INET, ip, &address.sa.v4.sin_addr) == 1) {
		address.sa.v4.sin_family = AF_INET;
		address.sa.v4.sin_port = htons(port);
		address.len = sizeof address.sa.v4;
		return address;
	}
	memset(&address, 0, sizeof address);
	ck_assert_int_eq(inet_pton(AF_INET6, ip, &address.sa.v6.sin6_addr), 1);
	address.sa.v6.sin6_family = AF_INET6;
	address.sa.v6.sin6_port = htons(port);
	address.len = sizeof address.sa.v6;
	return address;
}

uint16_t
test_port(const struct net_address *address)
{
	if (address->sa.any.sa_family == AF_INET)
		return ntohs(address->sa.v4.sin_port);
	return ntohs(address->sa.v6.sin6_port);
}

bool
test_have_ipv6(void)
{
	struct net_address address = test_address("::1", 0);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool have = fd >= 0 && bind(fd, &address.sa.any, address.len) == 0;

	if (fd >= 0)
		(void) close(fd);
	return have;
}

/* The kernel adds the routes of an interface a little after it comes up: wait until a datagram to
 * ourselves arrives. */
static bool
reaches_itself(const char *ip)
{
	struct net_address address = test_address(ip, 0);
	socklen_t len = sizeof address.sa;
	int fd = socket(address.sa.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	bool arrived = false;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, &address.sa.any, address.len), 0);
	ck_assert_int_eq(getsockname(fd, &address.sa.any, &len), 0);
	for (int n = 0; n < 50 && !arrived; n++) {
		(void) sendto(fd, "", 1, 0, &address.sa.any, address.len);
		arrived = poll(&poll_fd, 1, 100) == 1;
	}
	(void) close(fd);
	return arrived;
}

bool
test_network_new(void)
{
	const char *fork_mode = getenv("CK_FORK");

	if (fork_mode != NULL && strcmp(fork_mode, "no") == 0)
		return false;
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	if (system("ip link set lo up && ip link add cs0 type veth peer name cs1 &&"
	    " ip link set cs1 up && ip link set cs0 up &&"
	    " ip addr add 10.99.0.1/24 dev cs0 && ip addr add fd99::1/64 dev cs0 nodad") != 0)
		return false;
	return reaches_itself("10.99.0.1") && reaches_itself("fd99::1");
}

void
test_skip(const char *name, const char *reason)
{
	printf("skipped: %s: %s\n", name, reason);
	(void) fflush(stdout);
}

struct test_options
test_options(const char *ip)
{
	return (struct test_options) {
		.kind = NET_UDPU, .gso = true, .gro = true, .rcvbuf_bytes = 4u << 20,
		.local = test_address(ip, 0),
	};
}

struct test_node *
test_node_try(uint32_t id, const struct test_options *options, int *ret_error)
{
	struct net_config config = {
		.kind = options->kind,
		.local = options->local,
		.multicast = options->group,
		.broadcast = options->broadcast,
		.ttl = 1,
		.frame_bytes_max = 65507,
		.rcvbuf_bytes = options->rcvbuf_bytes,
		.sndbuf_bytes = options->rcvbuf_bytes,
		.gso = options->gso,
		.gro = options->gro,
	};
	struct test_node *node = calloc(1, sizeof *node);
	int fds[NET_FDS_MAX];
	socklen_t len = sizeof node->address.sa;

	ck_assert_ptr_nonnull(node);
	node->id = id;
	*ret_error = net_new(&config, &node->net);
	if (*ret_error < 0) {
		free(node);
		return NULL;
	}
	ck_assert_uint_ge(net_fds(node->net, fds), 1);
	ck_assert_int_eq(getsockname(fds[0], &node->address.sa.any, &len), 0);
	node->address.len = len;
	return node;
}

struct test_node *
test_node_new(uint32_t id, const struct test_options *options)
{
	int r;
	struct test_node *node = test_node_try(id, options, &r);

	ck_assert_msg(node != NULL, "net_new: %s", strerror(-r));
	return node;
}

struct test_node *
test_node_free(struct test_node *node)
{
	if (node != NULL)
		node->net = net_free(node->net);
	free(node);
	return NULL;
}

void
test_introduce(struct test_node *a, struct test_node *b)
{
	struct net_peer peer_a = { .node_id = a->id, .address = a->address };
	struct net_peer peer_b = { .node_id = b->id, .address = b->address };

	ck_assert_int_eq(net_peer_set(a->net, &peer_b), 0);
	ck_assert_int_eq(net_peer_set(b->net, &peer_a), 0);
}

uint8_t *
test_frame(uint64_t number, size_t len)
{
	struct prng prng = { .state = number * 1000003 + len };
	uint8_t *data = malloc(len);

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t value = prng_u64(&prng);

		memcpy(data + i, &value, len - i < 8 ? len - i : 8);
	}
	return data;
}

uint64_t
test_hash(const uint8_t *data, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

void
test_send(struct test_node *node, const struct test_node *to, const uint8_t *data, size_t len)
{
	net_send(node->net, &to->id, 1, data, len);
}

static void
on_receive(void *host, const uint8_t *data, size_t len, const struct net_address *source)
{
	struct test_node *node = host;

	ck_assert_uint_lt(node->count, NODE_FRAMES_MAX);
	node->len[node->count] = (uint32_t) len;
	node->hash[node->count] = test_hash(data, len);
	node->source[node->count] = *source;
	node->count++;
	if (node->reply != NULL)
		net_reply(node->net, source, node->reply, node->reply_len);
}

static void
on_refused(void *host, uint32_t node_id)
{
	struct test_node *node = host;

	node->refused_count++;
	node->refused_id = node_id;
}

void
test_flush(struct test_node *node)
{
	net_flush(node->net, on_refused, node);
}

void
test_drain(struct test_node *node, size_t count, int quiet_ms)
{
	struct pollfd poll_fd[NET_FDS_MAX];
	int fds[NET_FDS_MAX];
	size_t fd_count = net_fds(node->net, fds);
	uint64_t end_ns = test_now_ns() + UINT64_C(5000000000);

	for (size_t i = 0; i < fd_count; i++)
		poll_fd[i] = (struct pollfd) { .fd = fds[i], .events = POLLIN };
	while (node->count < count && test_now_ns() < end_ns) {
		if (poll(poll_fd, fd_count, quiet_ms) == 0)
			return;
		while (net_receive(node->net, 64, on_receive, on_refused, node) > 0)
			;
	}
}

uint64_t
test_now_ns(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

int
main(void)
{
	Suite *suite = suite_create("net");
	SRunner *runner;
	int failed;

	test_net_udpu_add(suite);
	test_net_udp_add(suite);
	test_net_evidence_add(suite);
	test_net_cable_add(suite);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
