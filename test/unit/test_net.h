/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the tests of exec/net share: nodes on the loopback interface, and frames whose content says
 * which they are.
 */
#ifndef TEST_NET_H
#define TEST_NET_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "exec/net/net.h"

#define NODE_FRAMES_MAX	8192u

struct test_node {
	struct net *net;
	struct net_address address;
	uint32_t id;
	/* received, in order */
	size_t count;
	uint32_t len[NODE_FRAMES_MAX];
	uint64_t hash[NODE_FRAMES_MAX];
	struct net_address source[NODE_FRAMES_MAX];
	size_t refused_count;
	uint32_t refused_id;			/* the last one */
	const uint8_t *reply;			/* if set: the answer to each datagram */
	size_t reply_len;
};

struct test_options {
	enum net_kind kind;
	bool gso, gro, broadcast;
	uint32_t rcvbuf_bytes;
	struct net_address local, group;
};

struct net_address test_address(const char *ip, uint16_t port);
uint16_t test_port(const struct net_address *address);
bool test_have_ipv6(void);
/* Go to a network namespace of our own, with 10.99.0.1/24 and fd99::1/64 on a cable to nowhere.
 * False if that is not permitted, or the tests do not run in processes of their own. */
bool test_network_new(void);
void test_skip(const char *name, const char *reason);

struct test_options test_options(const char *ip);
/* NULL and *ret_error when the network cannot; then the test skips or fails. */
struct test_node *test_node_try(uint32_t id, const struct test_options *options, int *ret_error);
struct test_node *test_node_new(uint32_t id, const struct test_options *options);
struct test_node *test_node_free(struct test_node *node);
void test_introduce(struct test_node *a, struct test_node *b);

/* Frame number `number` of `len` bytes: always the same. */
uint8_t *test_frame(uint64_t number, size_t len);
uint64_t test_hash(const uint8_t *data, size_t len);

void test_send(struct test_node *node, const struct test_node *to, const uint8_t *data, size_t len);
void test_flush(struct test_node *node);
/* Receive until nothing comes for `quiet_ms`, or `count` frames have come in all. */
void test_drain(struct test_node *node, size_t count, int quiet_ms);
uint64_t test_now_ns(void);

void test_net_udpu_add(Suite *suite);
void test_net_udp_add(Suite *suite);
void test_net_evidence_add(Suite *suite);
void test_net_cable_add(Suite *suite);
#endif
