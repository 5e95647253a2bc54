/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include "test/fuzz/fuzz_cluster.h"

#include <stdlib.h>
#include <string.h>

#define DELAY_NS		(200 * UINT64_C(1000))
#define MESSAGE_HEAD_BYTES	24u	/* origin, starts, number */
#define START_NS		(1000 * SEC_NS)

static uint32_t
node_id(size_t index)
{
	return (uint32_t) index + 1;
}

/* Content that only its origin could have made: it follows from the head. */
static void
message_fill(uint8_t *data, size_t len, uint64_t origin, uint64_t starts, uint64_t number)
{
	struct prng prng = { .state = origin << 48 ^ starts << 40 ^ number };
	struct buf_writer out = buf_writer(data, len);
	uint64_t word;

	buf_put_u64(&out, origin);
	buf_put_u64(&out, starts);
	buf_put_u64(&out, number);
	for (size_t i = MESSAGE_HEAD_BYTES; i < len; i += sizeof word) {
		word = prng_u64(&prng);
		memcpy(data + i, &word, len - i < sizeof word ? len - i : sizeof word);
	}
}

static void
message_check(struct fuzz_cluster *cluster, struct fuzz_node *node,
    const struct totem_output *output)
{
	struct buf_reader in = buf_reader(output->data, output->len);
	uint64_t origin = buf_get_u64(&in), starts = buf_get_u64(&in), number = buf_get_u64(&in);
	uint8_t *expected;
	size_t index;

	FUZZ_CHECK(buf_reader_ok(&in));
	FUZZ_CHECK(origin == output->origin);
	FUZZ_CHECK(origin >= 1 && origin <= cluster->node_count);
	index = (size_t) origin - 1;
	FUZZ_CHECK(starts >= node->last_starts[index]);
	FUZZ_CHECK(starts <= cluster->node[index].starts);
	FUZZ_CHECK(starts > node->last_starts[index] || number > node->last_number[index]);
	node->last_starts[index] = starts;
	node->last_number[index] = number;
	expected = malloc(output->len);
	FUZZ_CHECK(expected != NULL);
	message_fill(expected, output->len, origin, starts, number);
	FUZZ_CHECK(memcmp(expected, output->data, output->len) == 0);
	free(expected);
}

static void
delivered(struct fuzz_cluster *cluster, struct fuzz_node *node, const struct totem_output *output)
{
	uint64_t word;

	FUZZ_CHECK(output->len <= TOTEM_MESSAGE_BYTES_MAX);
	node->delivered_count++;
	for (size_t i = 0; i < output->len; i += sizeof word) {
		word = output->len;
		memcpy(&word, output->data + i, output->len - i < sizeof word ? output->len - i
		    : sizeof word);
		node->delivered_hash = (node->delivered_hash ^ word) * UINT64_C(0x100000001b3);
		node->delivered_hash ^= node->delivered_hash >> 29;
	}
	if (cluster->genuine)
		message_check(cluster, node, output);
}

static void
frame_keep(struct fuzz_cluster *cluster, const uint8_t *data, size_t len)
{
	size_t type = data[5], at;
	struct fuzz_frame *frame;

	FUZZ_CHECK(len >= TOTEM_HEADER_BYTES && type < WIRE_TYPE_END);
	if (cluster->kept_count[type] < FUZZ_KEPT_PER_TYPE)
		at = cluster->kept_count[type]++;
	else if (prng_below(&cluster->prng, 16) == 0)	/* so that old ones stay, too */
		at = (size_t) prng_below(&cluster->prng, FUZZ_KEPT_PER_TYPE);
	else
		return;
	if (!cluster->keeps)
		return;
	frame = &cluster->kept[type][at];
	free(frame->data);
	frame->data = malloc(len);
	FUZZ_CHECK(frame->data != NULL);
	memcpy(frame->data, data, len);
	frame->len = len;
}

static void
packet_send(struct fuzz_cluster *cluster, uint32_t to, const uint8_t *data, size_t len)
{
	struct fuzz_packet *packet;

	if (to < 1 || to > cluster->node_count || cluster->packet_count == FUZZ_PACKETS_MAX
	    || prng_below(&cluster->prng, 1000) < cluster->loss_permille)
		return;
	packet = &cluster->packet[(cluster->packet_head + cluster->packet_count)
	    % FUZZ_PACKETS_MAX];
	cluster->packet_count++;
	*packet = (struct fuzz_packet) { .at_ns = cluster->now_ns + DELAY_NS, .node = to - 1,
		.data = malloc(len), .len = len };
	FUZZ_CHECK(packet->data != NULL);
	memcpy(packet->data, data, len);
}

static void
frame_out(struct fuzz_cluster *cluster, const struct totem_output *output)
{
	FUZZ_CHECK(output->len <= cluster->frame_bytes_max);
	frame_keep(cluster, output->data, output->len);
	for (size_t i = 0; i < output->to_count; i++)
		packet_send(cluster, output->to[i], output->data, output->len);
}

static void
outputs_carry_out(struct fuzz_cluster *cluster, struct fuzz_node *node)
{
	struct totem_output output;
	size_t count = 0;

	while (totem_output(node->totem, &output)) {
		FUZZ_CHECK(++count < FUZZ_OUTPUTS_MAX);
		switch (output.kind) {
		case TOTEM_SEND:
		case TOTEM_SEND_SOURCE:		/* to_count 0: the attacker does not listen */
			frame_out(cluster, &output);
			break;
		case TOTEM_RESERVE:
			node->reserve = output.ring_seq;
			break;
		case TOTEM_DELIVER:
			delivered(cluster, node, &output);
			break;
		case TOTEM_CONFIGURATION:
			FUZZ_CHECK(output.config.member_count >= 1);
			FUZZ_CHECK(output.config.member_count <= TOTEM_NODES_MAX);
			node->open_wanted = output.config.kind == TOTEM_REGULAR;
			break;
		case TOTEM_NOTICE:
			FUZZ_CHECK(output.notice < TOTEM_NOTICE_COUNT);
			break;
		}
	}
}

/* What comes of an input may ask for an answer, which is another input. */
static void
node_settle_down(struct fuzz_cluster *cluster, struct fuzz_node *node)
{
	outputs_carry_out(cluster, node);
	if (node->reserve != 0) {
		totem_reserved(node->totem, cluster->now_ns, node->reserve);
		node->reserve = 0;
		outputs_carry_out(cluster, node);
	}
	if (node->open_wanted) {
		totem_app_open(node->totem, cluster->now_ns);
		node->open_wanted = false;
		outputs_carry_out(cluster, node);
	}
}

struct fuzz_cluster *
fuzz_cluster_new(uint64_t seed, bool genuine, bool keeps)
{
	struct fuzz_cluster *cluster = malloc(sizeof *cluster);

	FUZZ_CHECK(cluster != NULL);
	memset(cluster, 0, offsetof(struct fuzz_cluster, packet));
	cluster->prng.state = seed;
	cluster->genuine = genuine;
	cluster->keeps = keeps;
	cluster->now_ns = START_NS;
	cluster->node_count = 1 + (size_t) prng_below(&cluster->prng, FUZZ_NODES_MAX);
	cluster->frame_bytes_max = prng_below(&cluster->prng, 2) == 0 ? 1472
	    : TOTEM_FRAME_BYTES_MIN + (uint32_t) prng_below(&cluster->prng, 9000);
	cluster->seq_first = prng_below(&cluster->prng, 2) == 0 ? 1
	    : UINT32_MAX - (uint32_t) prng_below(&cluster->prng, 300);
	cluster->loss_permille = (uint32_t) prng_below(&cluster->prng, 20);
	cluster->learn_peers = !genuine && prng_below(&cluster->prng, 2) == 0;
	cluster->endless = !genuine && prng_below(&cluster->prng, 16) == 0;
	if (cluster->endless)
		cluster->frame_bytes_max = 9000;
	for (size_t i = 0; i < cluster->node_count; i++)
		fuzz_node_start(cluster, i);
	return cluster;
}

struct fuzz_cluster *
fuzz_cluster_free(struct fuzz_cluster *cluster)
{
	for (size_t i = 0; i < cluster->node_count; i++)
		fuzz_node_kill(cluster, i);
	for (; cluster->packet_count > 0; cluster->packet_count--)
		free(cluster->packet[cluster->packet_head++ % FUZZ_PACKETS_MAX].data);
	for (size_t type = 0; type < WIRE_TYPE_END; type++) {
		for (size_t i = 0; i < FUZZ_KEPT_PER_TYPE; i++)
			free(cluster->kept[type][i].data);
	}
	free(cluster);
	return NULL;
}

void
fuzz_node_start(struct fuzz_cluster *cluster, size_t index)
{
	struct fuzz_node *node = &cluster->node[index];
	uint64_t starts = node->starts + 1;
	uint32_t peers[FUZZ_NODES_MAX];
	struct totem_config config = {
		.node_id = node_id(index),
		.incarnation = starts,
		.cluster_hash = totem_cluster_hash("fuzz"),
		.seed = prng_u64(&cluster->prng),
		.frame_bytes_max = cluster->frame_bytes_max,
		.seq_first = cluster->seq_first,
		.learn_peers = cluster->learn_peers,
		.peers = peers,
	};

	FUZZ_CHECK(node->totem == NULL);
	for (size_t i = 0; i < cluster->node_count; i++) {
		if (i != index)
			peers[config.peer_count++] = node_id(i);
	}
	memset(node, 0, sizeof *node);
	node->starts = starts;
	FUZZ_CHECK(totem_new(&config, &node->totem) == 0);
	totem_start(node->totem, cluster->now_ns);
	node_settle_down(cluster, node);
}

/* Every datagram it was given is in one of its counters. */
static void
node_account(const struct fuzz_node *node)
{
	const struct totem_stats *stats = totem_stats(node->totem);
	uint64_t dropped = 0;

	for (size_t i = 0; i < TOTEM_DROP_COUNT; i++)
		dropped += stats->dropped[i];
	FUZZ_CHECK(node->fed == node->accepted + dropped);
}

void
fuzz_node_kill(struct fuzz_cluster *cluster, size_t index)
{
	struct fuzz_node *node = &cluster->node[index];

	if (node->totem == NULL)
		return;
	node_account(node);
	node->totem = totem_free(node->totem);
}

void
fuzz_pause(struct fuzz_cluster *cluster, uint64_t span_ns)
{
	cluster->now_ns += span_ns;
}

void
fuzz_refused(struct fuzz_cluster *cluster, size_t index, size_t other)
{
	struct fuzz_node *node = &cluster->node[index];

	if (node->totem == NULL || index == other)
		return;
	totem_refused(node->totem, cluster->now_ns, node_id(other));
	node_settle_down(cluster, node);
}

void
fuzz_leave(struct fuzz_cluster *cluster, size_t index)
{
	struct fuzz_node *node = &cluster->node[index];

	if (node->totem == NULL)
		return;
	totem_leave(node->totem, cluster->now_ns);
	node_settle_down(cluster, node);
}

void
fuzz_brake(struct fuzz_cluster *cluster, size_t index, bool on)
{
	struct fuzz_node *node = &cluster->node[index];

	if (node->totem == NULL)
		return;
	totem_brake(node->totem, cluster->now_ns, on);
	node_settle_down(cluster, node);
}

void
fuzz_submit(struct fuzz_cluster *cluster, size_t index, size_t len_max)
{
	struct fuzz_node *node = &cluster->node[index];
	size_t len = MESSAGE_HEAD_BYTES + (size_t) prng_below(&cluster->prng, len_max);
	enum totem_guarantee guarantee =
	    prng_below(&cluster->prng, 4) == 0 ? TOTEM_SAFE : TOTEM_AGREED;
	uint8_t *data = malloc(len);

	FUZZ_CHECK(data != NULL);
	if (node->totem != NULL) {
		message_fill(data, len, node_id(index), node->starts, node->submitted + 1);
		if (totem_submit(node->totem, cluster->now_ns, TOTEM_QUEUE_APP, guarantee, data,
		    len, NULL) == 0)
			node->submitted++;
		node_settle_down(cluster, node);
	}
	free(data);
}

/* From a block of just that size, so that reading beyond it is seen. */
static enum totem_drop
feed_block(struct fuzz_cluster *cluster, size_t index, const uint8_t *block, size_t len)
{
	struct fuzz_node *node = &cluster->node[index];
	uint64_t before[TOTEM_DROP_COUNT];
	const struct totem_stats *stats;
	enum totem_drop drop;

	if (node->totem == NULL || totem_state(node->totem) == TOTEM_IDLE)
		return TOTEM_DROP_STATE;
	stats = totem_stats(node->totem);
	memcpy(before, stats->dropped, sizeof before);
	drop = totem_datagram(node->totem, cluster->now_ns, block, len, NULL);
	FUZZ_CHECK(drop <= TOTEM_DROP_COUNT);
	for (size_t i = 0; i < TOTEM_DROP_COUNT; i++)
		FUZZ_CHECK(stats->dropped[i] == before[i] + (drop == (enum totem_drop) i));
	node->fed++;
	node->accepted += drop == TOTEM_ACCEPTED;
	node_settle_down(cluster, node);
	return drop;
}

enum totem_drop
fuzz_feed(struct fuzz_cluster *cluster, size_t index, const uint8_t *data, size_t len)
{
	uint8_t *block = malloc(len > 0 ? len : 1);
	enum totem_drop drop;

	FUZZ_CHECK(block != NULL);
	if (len > 0)
		memcpy(block, data, len);
	drop = feed_block(cluster, index, block, len);
	free(block);
	return drop;
}

static void
packets_deliver(struct fuzz_cluster *cluster)
{
	while (cluster->packet_count > 0
	    && cluster->packet[cluster->packet_head].at_ns <= cluster->now_ns) {
		struct fuzz_packet packet = cluster->packet[cluster->packet_head];

		cluster->packet_head = (cluster->packet_head + 1) % FUZZ_PACKETS_MAX;
		cluster->packet_count--;
		(void) feed_block(cluster, packet.node, packet.data, packet.len);
		free(packet.data);
	}
}

void
fuzz_step(struct fuzz_cluster *cluster)
{
	uint64_t next_ns = cluster->now_ns + 100 * MS_NS;

	if (cluster->packet_count > 0 && cluster->packet[cluster->packet_head].at_ns < next_ns)
		next_ns = cluster->packet[cluster->packet_head].at_ns;
	for (size_t i = 0; i < cluster->node_count; i++) {
		struct totem *totem = cluster->node[i].totem;

		if (totem != NULL && totem_deadline(totem) < next_ns)
			next_ns = totem_deadline(totem);
	}
	/* Some time always passes, so that a run of steps ends. */
	cluster->now_ns = next_ns > cluster->now_ns ? next_ns : cluster->now_ns + 1000;
	packets_deliver(cluster);
	for (size_t i = 0; i < cluster->node_count; i++) {
		struct fuzz_node *node = &cluster->node[i];

		if (node->totem == NULL)
			continue;
		totem_settle(node->totem, cluster->now_ns);
		node_settle_down(cluster, node);
		if (totem_deadline(node->totem) > cluster->now_ns)
			continue;
		totem_expire(node->totem, cluster->now_ns);
		node_settle_down(cluster, node);
	}
}

const struct fuzz_frame *
fuzz_kept(struct fuzz_cluster *cluster)
{
	size_t type = (size_t) prng_below(&cluster->prng, WIRE_TYPE_END);

	for (size_t i = 0; i < WIRE_TYPE_END; i++, type = (type + 1) % WIRE_TYPE_END) {
		size_t count = cluster->kept_count[type];

		if (count > 0)
			return &cluster->kept[type][prng_below(&cluster->prng, count)];
	}
	return NULL;
}

bool
fuzz_together(const struct fuzz_cluster *cluster)
{
	struct totem_ring_id first = { 0 }, ring;
	size_t count;

	for (size_t i = 0; i < cluster->node_count; i++) {
		const struct totem *totem = cluster->node[i].totem;

		if (totem == NULL || totem_state(totem) != TOTEM_OPERATIONAL)
			return false;
		ring = totem_ring(totem);
		if (i == 0)
			first = ring;
		(void) totem_members(totem, &count);
		if (count != cluster->node_count || !wire_ring_id_equal(&ring, &first))
			return false;
	}
	return true;
}
