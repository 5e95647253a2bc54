/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The ring core as a whole: a program of steps, kills, pauses, submitted messages, wishes of the
 * host and forged frames that are correctly sealed, against a few nodes that form rings meanwhile.
 * Nothing is promised but that the cores stand and account for every datagram.
 */
#include <stdio.h>

#include "test/fuzz/fuzz_forge.h"
#include "test/fuzz/input.h"

#define OPERATIONS_MAX	48u
#define STEPS_MAX	400u	/* a ring of five forms in fewer */

static struct fuzz_forged forged;

_Noreturn void
fuzz_fail(const char *expression, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, expression);
	abort();
}

/* A frame made of nothing but the input. */
static void
frame_made(struct fuzz_cluster *cluster, struct input *in, size_t target)
{
	struct wire_header header = { .version = WIRE_VERSION };
	size_t body_len;
	uint8_t *body;

	header.type = (uint8_t) (1 + input_number(in, 1) % (WIRE_TYPE_END - 1));
	header.sender = 1 + input_number(in, 1) % (FUZZ_NODES_MAX + 1);
	header.incarnation = 1 + input_number(in, 1) % 3;
	header.counter = input_number(in, 2);
	header.cluster = (uint32_t) totem_cluster_hash("fuzz");
	body = input_block(in, input_number(in, 1), &body_len);
	memcpy(forged.data + TOTEM_HEADER_BYTES, body, body_len);
	free(body);
	forged.len = TOTEM_HEADER_BYTES + body_len;
	wire_seal(forged.data, forged.len, &header);
	(void) fuzz_feed(cluster, target, forged.data, forged.len);
}

/* One that is on its way, with some of its bytes replaced. */
static void
frame_changed(struct fuzz_cluster *cluster, struct input *in, size_t target)
{
	uint8_t type = (uint8_t) (input_number(in, 1) % WIRE_TYPE_END);
	uint32_t changes = input_number(in, 1) % 8, at;

	if (!fuzz_take_flying(cluster, type, &forged))
		return;
	for (uint32_t i = 0; i < changes; i++) {
		at = input_number(in, 1);
		if (TOTEM_HEADER_BYTES + at < forged.len)
			forged.data[TOTEM_HEADER_BYTES + at] = (uint8_t) input_number(in, 1);
	}
	at = input_number(in, 1);
	if (at < 64 && forged.len > TOTEM_HEADER_BYTES + at)
		forged.len -= at;
	wire_seal(forged.data, forged.len, &forged.header);
	(void) fuzz_feed(cluster, target, forged.data, forged.len);
}

/* What a node's host does to it. */
static void
host_asks(struct fuzz_cluster *cluster, size_t target, uint32_t what)
{
	if (what % 4 == 0)
		fuzz_leave(cluster, target);
	else
		fuzz_brake(cluster, target, what % 4 == 1);
}

static void
host_restarts(struct fuzz_cluster *cluster, size_t target, bool stays_dead)
{
	bool dead = cluster->node[target].totem == NULL;

	if (!dead)
		fuzz_node_kill(cluster, target);
	if (dead || !stays_dead)
		fuzz_node_start(cluster, target);
}

static void
operate(struct fuzz_cluster *cluster, struct input *in, size_t *steps)
{
	uint32_t what = input_number(in, 1);
	size_t target = (what >> 4) % cluster->node_count;
	uint32_t count;
	bool otherwise = (what & 8) != 0;

	switch (what % 8) {
	case 0:
	case 1:
		if (otherwise)
			fuzz_pause(cluster, input_number(in, 1) * 10 * MS_NS);
		count = input_number(in, 1);
		for (uint32_t i = 0; i < count && *steps < STEPS_MAX; i++, (*steps)++)
			fuzz_step(cluster);
		break;
	case 2:
		if (otherwise)
			fuzz_refused(cluster, target, input_number(in, 1) % cluster->node_count);
		else
			fuzz_submit(cluster, target, 1 + input_number(in, 2));
		break;
	case 3:
		host_restarts(cluster, target, otherwise);
		break;
	case 4:
		if (otherwise)
			host_asks(cluster, target, input_number(in, 1));
		else if (fuzz_forge(cluster, &forged) && forged.len >= TOTEM_HEADER_BYTES) {
			wire_seal(forged.data, forged.len, &forged.header);
			(void) fuzz_feed(cluster, forged.target, forged.data, forged.len);
		}
		break;
	case 5:
		frame_made(cluster, in, target);
		break;
	default:	/* tidy: open set */
		frame_changed(cluster, in, target);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { .at = data, .left = len };
	struct fuzz_cluster *cluster = fuzz_cluster_new(input_number(&in, 2), /* genuine= */ false,
	    /* keeps= */ false);
	size_t steps = 0;

	for (size_t i = 0; i < OPERATIONS_MAX && in.left > 0; i++)
		operate(cluster, &in, &steps);
	cluster = fuzz_cluster_free(cluster);
	return 0;
}
