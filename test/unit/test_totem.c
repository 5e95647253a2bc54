/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Unit tests of the ring core's parts: wire format, frame store, queue, and two nodes by hand.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "exec/totem/internal.h"

static uint8_t frame[TOTEM_FRAME_BYTES_MAX];

static struct wire_header
test_header(uint8_t type)
{
	return (struct wire_header) { .version = WIRE_VERSION, .type = type, .cluster = 7,
		.sender = 3, .incarnation = 99, .counter = 5 };
}

/* Any single damaged bit of a sealed frame is found; so is any truncation. */
START_TEST(damage_is_found)
{
	struct wire_header header = test_header(WIRE_HEARTBEAT), got;
	size_t len = 200;

	for (size_t i = TOTEM_HEADER_BYTES; i < len; i++)
		frame[i] = (uint8_t) (i * 31);
	wire_seal(frame, len, &header);
	ck_assert_int_eq(wire_open(frame, len, &got), TOTEM_ACCEPTED);
	ck_assert_uint_eq(got.sender, 3);
	ck_assert_uint_eq(got.counter, 5);
	for (size_t bit = 0; bit < len * 8; bit++) {
		frame[bit / 8] ^= (uint8_t) (1u << bit % 8);
		ck_assert_int_ne(wire_open(frame, len, &got), TOTEM_ACCEPTED);
		frame[bit / 8] ^= (uint8_t) (1u << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		ck_assert_int_ne(wire_open(frame, cut, &got), TOTEM_ACCEPTED);
}
END_TEST

START_TEST(token_round_trip_and_truncation)
{
	struct wire_token token = { .ring = { 1, 2, 3 }, .token_seq = 4, .seq = 0xfffffff0u,
		.aru = 0xffffffefu, .aru_owner = 9, .keeper = 8, .fcc = 11, .quiet = 2, .brake = 1,
		.flags = 1,
		.range_count = 2, .range = { { 5, 1, 0 }, { 9, 3, 2 } } }, got, before;
	struct buf_writer out = buf_writer(frame, sizeof frame);
	size_t len;

	wire_token_put(&out, &token);
	len = buf_written(&out);
	ck_assert(wire_token_get(frame, len, &got));
	ck_assert_uint_eq(got.seq, token.seq);
	ck_assert_uint_eq(got.keeper, token.keeper);
	ck_assert_uint_eq(got.range[1].count, 3);
	memset(&got, 0xa5, sizeof got);
	before = got;
	for (size_t cut = 0; cut < len; cut++) {
		ck_assert(!wire_token_get(frame, cut, &got));
		ck_assert_mem_eq(&got, &before, sizeof got);
	}
	frame[len] = 0;
	ck_assert(!wire_token_get(frame, len + 1, &got));	/* trailing bytes */
}
END_TEST

/* No node twice, ascending ids, known state, sane ring number. */
START_TEST(status_refuses_what_cannot_be)
{
	struct wire_status status = { .epoch = 1, .state = TOTEM_GATHER, .entry_count = 2,
		.entry = { { 4, 1, 0 }, { 7, 2, 0 } } }, got;
	struct buf_writer out = buf_writer(frame, sizeof frame);
	size_t len;

	wire_status_put(&out, &status);
	len = buf_written(&out);
	ck_assert(wire_status_get(frame, len, &got));
	ck_assert_uint_eq(got.entry[1].node_id, 7);
	for (size_t cut = 0; cut < len; cut++)
		ck_assert(!wire_status_get(frame, cut, &got));
	status.entry[1].node_id = 4;
	out = buf_writer(frame, sizeof frame);
	wire_status_put(&out, &status);
	ck_assert(!wire_status_get(frame, len, &got));
	status.entry[1].node_id = 7;
	status.state = TOTEM_STATE_COUNT;
	out = buf_writer(frame, sizeof frame);
	wire_status_put(&out, &status);
	ck_assert(!wire_status_get(frame, len, &got));
	status.state = TOTEM_GATHER;
	status.ring_seq_max = UINT64_MAX;
	out = buf_writer(frame, sizeof frame);
	wire_status_put(&out, &status);
	ck_assert(!wire_status_get(frame, len, &got));
}
END_TEST

START_TEST(commit_of_128_members_round_trip)
{
	static struct wire_commit commit, got;
	static uint8_t blob[WIRE_INFO_BYTES_MAX];
	struct buf_writer out = buf_writer(blob, sizeof blob);

	memset(&commit, 0, sizeof commit);
	commit.ring = (struct totem_ring_id) { 1, 9, 77 };
	commit.info = true;
	commit.frame_bytes = 1472;
	commit.window = 4096;
	commit.member_count = TOTEM_NODES_MAX;
	commit.group_count = 2;
	for (uint32_t i = 0; i < TOTEM_NODES_MAX; i++)
		commit.member[i] = (struct wire_commit_member) { .node_id = i + 1,
			.incarnation = i + 5, .group = (uint8_t) (i % 2), .aru = i, .high = i + 3 };
	commit.group[1].obliged_count = 1;
	commit.group[1].obliged[0] = 12;
	wire_commit_put(&out, &commit);
	ck_assert(buf_writer_ok(&out));
	ck_assert(wire_commit_get(blob, buf_written(&out), &got));
	ck_assert_uint_eq(got.member[127].high, 130);
	ck_assert_uint_eq(got.group[1].obliged[0], 12);
	for (size_t cut = 0; cut < buf_written(&out); cut += 7)
		ck_assert(!wire_commit_get(blob, cut, &got));
	commit.member[5].group = 2;	/* no such group */
	out = buf_writer(blob, sizeof blob);
	wire_commit_put(&out, &commit);
	ck_assert(!wire_commit_get(blob, buf_written(&out), &got));
}
END_TEST

/* Chunks must walk exactly to the end of the frame or to padding. */
START_TEST(chunks_walk_to_the_end)
{
	struct wire_data data;
	struct buf_writer out = buf_writer(frame, 200);
	struct totem_ring_id ring = { 1, 1, 1 };
	size_t len;

	wire_data_head_put(&out, &ring, 2, 10);
	buf_put_u8(&out, WIRE_CHUNK_FIRST | WIRE_CHUNK_LAST | CLASS_APP << WIRE_CHUNK_CLASS_SHIFT);
	buf_put_u16(&out, 4);
	buf_put_u32(&out, 1234);
	len = buf_written(&out);
	ck_assert(wire_data_get(frame, len, &data));
	for (size_t cut = 0; cut < len; cut++)
		ck_assert(!wire_data_get(frame, cut, &data));
	buf_put_u8(&out, WIRE_CHUNK_PAD);
	ck_assert(wire_data_get(frame, len + 1, &data));
	frame[len] = 0;			/* a chunk without its length */
	ck_assert(!wire_data_get(frame, len + 1, &data));
}
END_TEST

/* aru passes gaps when they are filled, also over the wrap; release stops at aru. */
START_TEST(store_slides_over_the_wrap)
{
	struct frame_pool pool;
	struct store store;
	struct store_frame got;
	uint32_t first = 0xfffffff8u;

	ck_assert_int_eq(frame_pool_init(&pool, 64, 32), 0);
	ck_assert_int_eq(store_init(&store, &pool, 16), 0);
	store_reset(&store, first);
	ck_assert_ptr_nonnull(store_add(&store, first + 2, 1, 64));
	ck_assert_uint_eq(store.aru, first);
	ck_assert_uint_eq(store.high, first + 2);
	for (uint32_t i = 1; i <= 16; i++)
		if (i != 2)
			ck_assert_ptr_nonnull(store_add(&store, first + i, 1, 64));
	ck_assert_uint_eq(store.aru, first + 16);
	ck_assert(!store_fits(&store, first + 17));
	store_release(&store, first + 100);
	ck_assert_uint_eq(store.base, first + 16);
	ck_assert_uint_eq(pool.free_count, 32);
	ck_assert_ptr_null(store_get(&store, first + 3, &got));
	ck_assert(store_fits(&store, first + 17));
	store_done(&store);
	frame_pool_done(&pool);
}
END_TEST

/* Two windows fill the pool exactly: a store can never be refused a frame that fits. */
START_TEST(pool_holds_both_windows)
{
	struct frame_pool pool;
	struct store a, b;

	ck_assert_int_eq(frame_pool_init(&pool, 64, 32), 0);
	ck_assert_int_eq(store_init(&a, &pool, 16), 0);
	ck_assert_int_eq(store_init(&b, &pool, 16), 0);
	for (uint32_t i = 1; i <= 16; i++) {
		ck_assert_ptr_nonnull(store_add(&a, i, 1, 10));
		ck_assert_ptr_nonnull(store_add(&b, i, 1, 10));
	}
	ck_assert_uint_eq(pool.free_count, 0);
	store_reset(&a, 5);
	ck_assert_uint_eq(pool.free_count, 16);
	store_done(&a);
	store_done(&b);
	frame_pool_done(&pool);
}
END_TEST

/* Messages wrap round the memory, leave in pieces, and can start again. */
START_TEST(queue_gives_pieces_and_restarts)
{
	struct queue queue;
	uint8_t message[300], piece[300];
	struct totem_part parts[2];

	ck_assert_int_eq(queue_init(&queue, 1024), 0);
	for (int round = 0; round < 50; round++) {
		size_t len = (size_t) (round * 37 % 300);

		for (size_t i = 0; i < len; i++)
			message[i] = (uint8_t) (i + (size_t) round);
		parts[0] = (struct totem_part) { message, len / 3 };
		parts[1] = (struct totem_part) { message + len / 3, len - len / 3 };
		ck_assert(queue_put(&queue, round % 2 == 0, (uint64_t) round, parts, 2));
		ck_assert_uint_eq(queue_peek(&queue).len, len);
		ck_assert_uint_eq(queue_peek(&queue).number, (uint64_t) round);
		if (len > 2) {
			queue_take(&queue, piece, len / 2);
			queue_restart(&queue);
			queue_take(&queue, piece, 1);
			queue_take(&queue, piece + 1, len - 1);
		} else {
			queue_take(&queue, piece, len);
		}
		ck_assert_mem_eq(piece, message, len);
		ck_assert(queue_empty(&queue));
	}
	parts[0].len = 1100;
	ck_assert(!queue_put(&queue, false, 0, parts, 1));
	ck_assert(queue_empty(&queue));
	queue_done(&queue);
}
END_TEST

/* ---- two nodes, joined by hand ---- */

static struct totem *pair[2];
static uint64_t clock_ns;
static unsigned int got_count;
static size_t got_len;
static uint32_t got_sum;
static unsigned int regular_count, transitional_count;

struct packet {			/* on its way to the other node */
	int to;
	size_t len;
	uint8_t data[1200];
};

static struct packet wire[4096];
static unsigned int wire_head, wire_tail;
static int tokens_to_lose[2];	/* on their way to that node */

#define FRAME_TYPE_AT	5u

static bool
token_is_lost(int to, const struct totem_output *output)
{
	if (output->data[FRAME_TYPE_AT] != WIRE_TOKEN || tokens_to_lose[to] == 0)
		return false;
	tokens_to_lose[to]--;
	return true;
}

static void
pump(int from)
{
	struct totem_output output;

	while (totem_output(pair[from], &output)) {
		if (output.kind == TOTEM_SEND) {
			struct packet *packet = &wire[wire_tail % 4096];

			if (token_is_lost(1 - from, &output))
				continue;
			wire_tail++;
			ck_assert_uint_le(output.len, sizeof packet->data);
			ck_assert_uint_le(wire_tail - wire_head, 4096);
			packet->to = 1 - from;
			packet->len = output.len;
			memcpy(packet->data, output.data, output.len);
		} else if (output.kind == TOTEM_RESERVE) {
			totem_reserved(pair[from], clock_ns, output.ring_seq);
		} else if (output.kind == TOTEM_DELIVER && from == 1) {
			got_count++;
			got_len = output.len;
			got_sum = 0;
			for (size_t i = 0; i < output.len; i++)
				got_sum = got_sum * 31 + output.data[i];
		} else if (output.kind == TOTEM_CONFIGURATION && from == 1) {
			regular_count += output.config.kind == TOTEM_REGULAR;
			transitional_count += output.config.kind == TOTEM_TRANSITIONAL;
		}
	}
}

static void
deliver_wire(void)
{
	for (unsigned int end = wire_tail; wire_head != end; wire_head++) {
		struct packet *packet = &wire[wire_head % 4096];

		(void) totem_datagram(pair[packet->to], clock_ns, packet->data, packet->len, NULL);
		pump(packet->to);
	}
}

static void
run_until(uint64_t end_ns)
{
	while (clock_ns < end_ns) {
		deliver_wire();
		for (int i = 0; i < 2; i++) {
			if (totem_deadline(pair[i]) <= clock_ns) {
				totem_expire(pair[i], clock_ns);
				pump(i);
			}
			totem_settle(pair[i], clock_ns);
			pump(i);
		}
		clock_ns += 50 * US_NS;
	}
}

static void
pair_start(uint32_t seq_first, size_t peer_count)
{
	clock_ns = SEC_NS;
	wire_head = wire_tail = 0;
	got_count = regular_count = transitional_count = 0;
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t peer = 2 - i;
		struct totem_config config = { .node_id = i + 1, .incarnation = 10 + i,
			.cluster_hash = 1, .seed = i, .frame_bytes_max = 1200, .peers = &peer,
			.peer_count = peer_count, .seq_first = seq_first };

		ck_assert_int_eq(totem_new(&config, &pair[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		totem_start(pair[i], clock_ns);
		pump(i);
	}
	run_until(clock_ns + 100 * MS_NS);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(totem_state(pair[i]), TOTEM_OPERATIONAL);
		totem_app_open(pair[i], clock_ns);
		pump(i);
	}
}

static void
pair_setup(uint32_t seq_first)
{
	pair_start(seq_first, 1);
}

static void
pair_teardown(void)
{
	for (int i = 0; i < 2; i++)
		pair[i] = totem_free(pair[i]);
}

/* Every size round the edges of a frame, and of two, arrives whole: bug 22's class. */
START_TEST(all_sizes_at_frame_edges)
{
	static uint8_t message[4000];
	unsigned int sent = 0;

	pair_setup(0xfffffffau);
	for (size_t len = 0; len < 3600; len += len > 1060 && len < 1180 ? 1 : 7) {
		uint32_t sum = 0;

		for (size_t i = 0; i < len; i++) {
			message[i] = (uint8_t) (i * 7 + len);
			sum = sum * 31 + message[i];
		}
		ck_assert_int_eq(totem_submit(pair[0], clock_ns, TOTEM_QUEUE_APP,
		    len % 2 == 0 ? TOTEM_AGREED : TOTEM_SAFE, message, len, NULL), 0);
		pump(0);
		run_until(clock_ns + 2 * MS_NS);
		ck_assert_uint_eq(got_count, ++sent);
		ck_assert_uint_eq(got_len, len);
		ck_assert_uint_eq(got_sum, sum);
	}
	pair_teardown();
}
END_TEST

START_TEST(submit_says_no)
{
	static uint8_t message[TOTEM_MESSAGE_BYTES_MAX + 1];
	unsigned int taken = 0;

	pair_setup(0);
	ck_assert_int_eq(totem_submit(pair[0], clock_ns, TOTEM_QUEUE_APP, TOTEM_AGREED, message,
	    sizeof message, NULL), -EMSGSIZE);
	while (totem_submit(pair[0], clock_ns, TOTEM_QUEUE_APP, TOTEM_AGREED, message,
	    sizeof message - 1, NULL) == 0)
		ck_assert_uint_lt(++taken, 100);
	ck_assert_uint_ge(taken, 2);
	pump(0);
	run_until(clock_ns + SEC_NS);
	ck_assert_uint_eq(got_count, taken);
	totem_leave(pair[0], clock_ns);
	pump(0);
	ck_assert_int_eq(totem_submit(pair[0], clock_ns, TOTEM_QUEUE_APP, TOTEM_AGREED, message,
	    1, NULL), -ESHUTDOWN);
	run_until(clock_ns + 20 * MS_NS);	/* the other goes on alone, at once */
	ck_assert_uint_eq(transitional_count + 1, regular_count);
	ck_assert_int_eq(totem_state(pair[1]), TOTEM_OPERATIONAL);
	pair_teardown();
}
END_TEST

/* What a dead process has left tells the other one so: it is alone within a moment, and is not told
 * that this was a good-bye. */
START_TEST(last_words_are_heard)
{
	static const struct wire_status status = { .epoch = 50, .state = TOTEM_GATHER,
	    .entry_count = 1, .entry = { { .node_id = 2, .flags = WIRE_HEARS | WIRE_MUTUAL } } };
	struct wire_header header = test_header(WIRE_LEAVE);
	struct buf_writer body;
	uint8_t words[TOTEM_LAST_WORDS_BYTES];
	struct totem_output output;
	uint32_t sender = 0, cause = TOTEM_CAUSE_NONE;
	size_t len;

	pair_setup(0);
	len = totem_last_words(pair[0], words);
	ck_assert_uint_gt(len, TOTEM_HEADER_BYTES);
	ck_assert_uint_le(len, sizeof words);
	wire_tail = wire_head;		/* it dies: nothing else of it is under way */
	clock_ns += MS_NS;
	ck_assert_int_eq(totem_datagram(pair[1], clock_ns, words, len, &sender), TOTEM_ACCEPTED);
	ck_assert_uint_eq(sender, 0);
	ck_assert_int_eq(totem_state(pair[1]), TOTEM_GATHER);
	for (uint64_t end_ns = clock_ns + 5 * MS_NS; clock_ns < end_ns; clock_ns += 50 * US_NS) {
		totem_expire(pair[1], clock_ns);
		while (totem_output(pair[1], &output)) {
			if (output.kind == TOTEM_RESERVE)
				totem_reserved(pair[1], clock_ns, output.ring_seq);
			else if (output.kind == TOTEM_NOTICE
			    && output.notice == TOTEM_NOTICE_CONDEMNED && output.node == 1)
				cause = (uint32_t) output.value;
		}
	}
	ck_assert_uint_eq(cause, TOTEM_CAUSE_PORT_CLOSED);
	ck_assert_int_eq(totem_state(pair[1]), TOTEM_OPERATIONAL);
	/* Nobody is left to hear its own. */
	ck_assert_uint_eq(totem_last_words(pair[1], words), 0);
	/* A JOIN that it sent before its end comes late, and changes nothing. */
	header.type = WIRE_JOIN;
	header.cluster = 1;
	header.sender = 1;
	header.incarnation = 10;
	header.counter = UINT64_C(1) << 40;
	body = buf_writer(frame + TOTEM_HEADER_BYTES, sizeof frame - TOTEM_HEADER_BYTES);
	wire_status_put(&body, &status);
	len = TOTEM_HEADER_BYTES + buf_written(&body);
	wire_seal(frame, len, &header);
	ck_assert_int_eq(totem_datagram(pair[1], clock_ns, frame, len, NULL), TOTEM_ACCEPTED);
	ck_assert_int_eq(totem_state(pair[1]), TOTEM_OPERATIONAL);
	while (totem_output(pair[1], &output))
		ck_assert_int_eq(output.kind, TOTEM_SEND);
	/* Nor do the words of an incarnation that is not the one we know. */
	header.type = WIRE_LEAVE;
	header.incarnation = 99;
	wire_seal(frame, 80, &header);
	ck_assert_int_eq(totem_datagram(pair[1], clock_ns, frame, 80, NULL), TOTEM_DROP_STALE);
	pair_teardown();
}
END_TEST

START_TEST(config_is_checked)
{
	uint32_t self = 1;
	struct totem_config config = { .node_id = 0, .incarnation = 1, .frame_bytes_max = 1200 };
	struct totem *t = NULL;

	ck_assert_int_eq(totem_new(&config, &t), -EINVAL);
	config.node_id = 1;
	config.frame_bytes_max = TOTEM_FRAME_BYTES_MIN - 1;
	ck_assert_int_eq(totem_new(&config, &t), -EINVAL);
	config.frame_bytes_max = 1200;
	config.peers = &self;		/* our own id among the peers */
	config.peer_count = 1;
	ck_assert_int_eq(totem_new(&config, &t), -EINVAL);
	ck_assert_ptr_null(t);
}
END_TEST

/* Another cluster, another version, our own id from elsewhere: dropped, told, answered. */
START_TEST(strangers_are_named)
{
	struct wire_header header = test_header(WIRE_HEARTBEAT);
	struct totem_output output;
	bool noticed = false, answered = false;
	uint32_t sender = 0;

	pair_setup(0);
	wire_seal(frame, 80, &header);
	ck_assert_int_eq(totem_datagram(pair[0], clock_ns, frame, 80, &sender), TOTEM_DROP_CLUSTER);
	ck_assert_uint_eq(sender, 0);
	while (totem_output(pair[0], &output)) {
		noticed |= output.kind == TOTEM_NOTICE && output.notice == TOTEM_NOTICE_CLUSTER;
		answered |= output.kind == TOTEM_SEND_SOURCE;
	}
	ck_assert(noticed && answered);
	header.cluster = (uint32_t) 1;
	header.sender = 1;
	wire_seal(frame, 80, &header);
	ck_assert_int_eq(totem_datagram(pair[0], clock_ns, frame, 80, NULL),
	    TOTEM_DROP_DUPLICATE_ID);
	while (totem_output(pair[0], &output))
		;
	header.sender = 77;
	wire_seal(frame, 80, &header);
	ck_assert_int_eq(totem_datagram(pair[0], clock_ns, frame, 80, &sender),
	    TOTEM_DROP_UNKNOWN_NODE);
	ck_assert_uint_eq(sender, 77);
	frame[4] = WIRE_VERSION + 1;
	ck_assert_int_eq(totem_datagram(pair[0], clock_ns, frame, 80, NULL), TOTEM_DROP_VERSION);
	noticed = false;
	while (totem_output(pair[0], &output))
		noticed |= output.kind == TOTEM_NOTICE && output.notice == TOTEM_NOTICE_VERSION;
	ck_assert(noticed);
	ck_assert_uint_eq(totem_stats(pair[0])->dropped[TOTEM_DROP_CLUSTER], 1);
	pair_teardown();
}
END_TEST

/* A ring of all that it knows speaks to nobody outside; a node that is told of another does. */
START_TEST(node_added_is_found)
{
	struct totem_timing timing = totem_timing_default(2);
	uint64_t beacons;
	size_t count;

	pair_start(1, 0);
	beacons = totem_stats(pair[0])->beacon_tx;
	run_until(clock_ns + SEC_NS);
	ck_assert_uint_eq(totem_stats(pair[0])->beacon_tx, beacons);
	ck_assert_uint_eq(regular_count, 1);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t peer = 2 - i;

		ck_assert_int_eq(totem_reconfigure(pair[i], clock_ns, &timing, &peer, 1), 0);
	}
	run_until(clock_ns + SEC_NS);
	for (int i = 0; i < 2; i++) {
		(void) totem_members(pair[i], &count);
		ck_assert_uint_eq(count, 2);
	}
	pair_teardown();
}
END_TEST

/* ---- the token's rest ---- */

static void
submit(int node, enum totem_guarantee guarantee)
{
	ck_assert_int_eq(totem_submit(pair[node], clock_ns, TOTEM_QUEUE_APP, guarantee,
	    (const uint8_t *) "message", 7, NULL), 0);
	pump(node);
	if (totem_deadline(pair[node]) <= clock_ns)
		totem_expire(pair[node], clock_ns);
	pump(node);
}

/* Node 0 sends a little now and then, so that it keeps the token. */
static void
keeper_setup(void)
{
	pair_setup(1);
	for (int i = 0; i < 10; i++) {
		submit(0, TOTEM_AGREED);
		run_until(clock_ns + MS_NS);
	}
	ck_assert_uint_eq(got_count, 10);
}

/* Its messages reach the other one without a token, and most of them do. */
START_TEST(lone_sender_waits_for_no_rotation)
{
	unsigned int at_once = 0;
	uint64_t tokens;

	keeper_setup();
	for (unsigned int i = 0; i < 20; i++) {
		tokens = totem_stats(pair[0])->token_tx + totem_stats(pair[1])->token_tx;
		submit(0, TOTEM_AGREED);
		deliver_wire();
		at_once += got_count == 11 + i && tokens ==
		    totem_stats(pair[0])->token_tx + totem_stats(pair[1])->token_tx;
		run_until(clock_ns + 150 * US_NS);
		ck_assert_uint_eq(got_count, 11 + i);
	}
	ck_assert_uint_ge(at_once, 10);
	pair_teardown();
}
END_TEST

/* Idle, it goes round a few times, to show that everything is safe, and then rests. */
START_TEST(idle_token_rests)
{
	uint64_t tokens;

	keeper_setup();
	run_until(clock_ns + 10 * MS_NS);
	tokens = totem_stats(pair[0])->token_tx;
	run_until(clock_ns + 100 * MS_NS);
	ck_assert_uint_eq(totem_stats(pair[0])->token_tx, tokens);
	run_until(clock_ns + 2 * SEC_NS);
	ck_assert_uint_gt(totem_stats(pair[0])->token_tx, tokens);
	ck_assert_uint_le(totem_stats(pair[0])->token_tx, tokens + 6);
	ck_assert_int_eq(totem_state(pair[0]), TOTEM_OPERATIONAL);
	pair_teardown();
}
END_TEST

/* Who is not the keeper asks for it, and need not wait; nor does anything SAFE. */
START_TEST(resting_token_is_asked_for)
{
	keeper_setup();
	run_until(clock_ns + 10 * MS_NS);
	submit(1, TOTEM_AGREED);
	run_until(clock_ns + 400 * US_NS);
	ck_assert_uint_eq(got_count, 11);
	run_until(clock_ns + 10 * MS_NS);
	submit(1, TOTEM_SAFE);
	run_until(clock_ns + 600 * US_NS);
	ck_assert_uint_eq(got_count, 12);
	submit(0, TOTEM_SAFE);
	run_until(clock_ns + MS_NS);
	ck_assert_uint_eq(got_count, 13);
	pair_teardown();
}
END_TEST

/* A marked token lost behind the keeper: the one that passed it on believes it at rest, until the
 * keeper's repetition reaches it. */
START_TEST(lost_marked_token_comes_back)
{
	keeper_setup();
	tokens_to_lose[0] = 1;
	for (int i = 0; i < 10 && tokens_to_lose[0] > 0; i++) {
		submit(0, TOTEM_AGREED);
		run_until(clock_ns + 100 * US_NS);
	}
	ck_assert_int_eq(tokens_to_lose[0], 0);
	run_until(clock_ns + 5 * MS_NS);
	submit(0, TOTEM_AGREED);
	got_count = 0;
	run_until(clock_ns + MS_NS);
	ck_assert_uint_eq(got_count, 1);
	ck_assert_uint_gt(totem_stats(pair[1])->token_retransmit_tx, 0);
	pair_teardown();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("totem");
	TCase *tcase = tcase_create("core");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, damage_is_found);
	tcase_add_test(tcase, token_round_trip_and_truncation);
	tcase_add_test(tcase, status_refuses_what_cannot_be);
	tcase_add_test(tcase, commit_of_128_members_round_trip);
	tcase_add_test(tcase, chunks_walk_to_the_end);
	tcase_add_test(tcase, store_slides_over_the_wrap);
	tcase_add_test(tcase, pool_holds_both_windows);
	tcase_add_test(tcase, queue_gives_pieces_and_restarts);
	tcase_add_test(tcase, all_sizes_at_frame_edges);
	tcase_add_test(tcase, submit_says_no);
	tcase_add_test(tcase, last_words_are_heard);
	tcase_add_test(tcase, config_is_checked);
	tcase_add_test(tcase, strangers_are_named);
	tcase_add_test(tcase, lone_sender_waits_for_no_rotation);
	tcase_add_test(tcase, node_added_is_found);
	tcase_add_test(tcase, idle_token_rests);
	tcase_add_test(tcase, resting_token_is_asked_for);
	tcase_add_test(tcase, lost_marked_token_comes_back);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
