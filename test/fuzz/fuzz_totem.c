/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Bad packets against the ring core: any length, any content.
 *
 *     fuzz_totem [first seed] [how many]
 *
 * Odd seeds: noise.  Random bytes, damaged frames, old frames again, restarts.  Nothing damaged may
 * be accepted, nothing but what was submitted delivered, each message once and in its sender's
 * order; and when the noise stops, all come together and agree.
 * Even seeds: forgery.  Damaged frames with the checksum made right again, as by a peer gone mad:
 * every parser and handler is reached.  Nothing is promised but that the daemon stands and counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/fuzz/fuzz_forge.h"

#define STEPS_ATTACK	3000u	/* of noise */
#define STEPS_FORGED	200u	/* a few forgeries ruin a ring for good: better many rings */
#define STEPS_ENDLESS	1000u
#define STEPS_TOGETHER	1500u	/* enough to form one */
#define RINGS_FORGED	12u	/* a seed */
#define CALM_NS		(20 * SEC_NS)
#define AGREE_MESSAGES	5u

static uint64_t current_seed;
/* The datagram being made up. */
static struct fuzz_forged forged;
#define frame		forged.data
#define frame_len	forged.len

static uint64_t total_fed, total_accepted, total_dropped[TOTEM_DROP_COUNT];

_Noreturn void
fuzz_fail(const char *expression, const char *file, int line)
{
	fprintf(stderr, "%s:%d: seed %llu: %s\nlast datagram made up (%zu bytes):", file, line,
	    (unsigned long long) current_seed, expression, frame_len);
	for (size_t i = 0; i < frame_len && i < 256; i++)
		fprintf(stderr, "%s%02x", i % 32 == 0 ? "\n" : " ", frame[i]);
	fprintf(stderr, "\n");
	exit(EXIT_FAILURE);
}

static void
put_number(struct prng *prng, uint8_t *data, size_t len)
{
	size_t size = (size_t) 1 << prng_below(prng, 4);
	uint64_t value = fuzz_interesting(prng);
	size_t at;

	if (len < size)
		return;
	at = (size_t) prng_below(prng, len - size + 1);
	for (size_t i = 0; i < size; i++)
		data[at + i] = (uint8_t) (value >> (8 * i));
}

static void
fill_random(struct prng *prng, uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t) prng_u64(prng);
}

/* One change to frame[from..frame_len), its length included. */
static void
mutate_once(struct fuzz_cluster *cluster, size_t from)
{
	struct prng *prng = &cluster->prng;
	size_t len = frame_len - from, at, count;
	const struct fuzz_frame *other;

	switch (prng_below(prng, 6)) {
	case 0:
		if (len > 0)
			frame[from + prng_below(prng, len)] ^=
			    (uint8_t) (1u << prng_below(prng, 8));
		break;
	case 1:
		put_number(prng, frame + from, len);
		break;
	case 2:
		frame_len = from + (size_t) prng_below(prng, len + 1);
		break;
	case 3:
		count = (size_t) prng_below(prng, 64);
		fill_random(prng, frame + frame_len, count);
		frame_len += count;
		break;
	case 4:
		if (len == 0)
			break;
		at = (size_t) prng_below(prng, len);
		count = 1 + (size_t) prng_below(prng, len - at);
		fill_random(prng, frame + from + at, count < 16 ? count : 16);
		break;
	default:	/* the tail of another frame */
		other = fuzz_kept(cluster);
		if (other == NULL || other->len <= from)
			break;
		at = from + (size_t) prng_below(prng, other->len - from);
		if (at > frame_len)
			break;
		memcpy(frame + at, other->data + at, other->len - at);
		frame_len = other->len;
		break;
	}
}

static bool
take_kept(struct fuzz_cluster *cluster)
{
	const struct fuzz_frame *kept = fuzz_kept(cluster);

	if (kept == NULL)
		return false;
	memcpy(frame, kept->data, kept->len);
	frame_len = kept->len;
	return true;
}

/* Is it, byte for byte, some frame that was really sent?  Then it may be accepted. */
static bool
is_kept(const struct fuzz_cluster *cluster)
{
	for (size_t type = 0; type < WIRE_TYPE_END; type++) {
		for (size_t i = 0; i < cluster->kept_count[type]; i++) {
			const struct fuzz_frame *kept = &cluster->kept[type][i];

			if (kept->len == frame_len && memcmp(kept->data, frame, frame_len) == 0)
				return true;
		}
	}
	return false;
}

static void
noise(struct fuzz_cluster *cluster, size_t target)
{
	struct prng *prng = &cluster->prng;
	uint64_t way = prng_below(prng, 8);
	bool genuine;

	if (way == 0) {
		frame_len = (size_t) prng_below(prng, prng_below(prng, 8) == 0 ? 65508 : 200);
		fill_random(prng, frame, frame_len);
	} else {
		if (!take_kept(cluster))
			return;
		if (way > 1) {
			for (uint64_t n = 1 + prng_below(prng, 4); n > 0; n--)
				mutate_once(cluster, 0);
		}
	}
	genuine = is_kept(cluster);
	FUZZ_CHECK(fuzz_feed(cluster, target, frame, frame_len) != TOTEM_ACCEPTED || genuine);
}

/* Another header: of somebody else, of another start, of another kind. */
static void
mutate_header(struct fuzz_cluster *cluster, struct wire_header *header)
{
	struct prng *prng = &cluster->prng;

	switch (prng_below(prng, 40)) {
	case 0:
		header->sender = (uint32_t) fuzz_interesting(prng);
		break;
	case 1:
		header->sender = 1 + (uint32_t) prng_below(prng, cluster->node_count + 2);
		break;
	case 2:
		header->incarnation = prng_below(prng, 4);
		break;
	case 3:
		header->incarnation = fuzz_interesting(prng);
		break;
	case 4:
		header->type = (uint8_t) prng_below(prng, WIRE_TYPE_END + 2);
		break;
	case 5:
		header->counter = fuzz_interesting(prng);
		break;
	case 6:
		if (prng_below(prng, 4) == 0)
			header->version = (uint8_t) fuzz_interesting(prng);
		break;
	case 7:
		if (prng_below(prng, 4) == 0)
			header->cluster = (uint32_t) fuzz_interesting(prng);
		break;
	default:	/* as it was */
		break;
	}
}

static void
forge(struct fuzz_cluster *cluster, size_t target)
{
	struct prng *prng = &cluster->prng;
	uint64_t way = prng_below(prng, 4);

	forged.target = target;
	if (way == 3) {
		if (!fuzz_forge(cluster, &forged))
			return;
	} else {
		if (way > 0 || !fuzz_take_flying(cluster, 0, &forged)) {
			if (!take_kept(cluster))
				return;
			FUZZ_CHECK(wire_open(frame, frame_len, &forged.header) == TOTEM_ACCEPTED);
		}
		for (uint64_t n = 1 + prng_below(prng, 2); n > 0; n--)
			mutate_once(cluster, TOTEM_HEADER_BYTES);
		mutate_header(cluster, &forged.header);
	}
	if (frame_len < TOTEM_HEADER_BYTES)
		return;
	wire_seal(frame, frame_len, &forged.header);
	(void) fuzz_feed(cluster, forged.target, frame, frame_len);
}

/* One step of the cluster's own life, and perhaps what disturbs it. */
static void
attack_step(struct fuzz_cluster *cluster)
{
	struct prng *prng = &cluster->prng;
	size_t target = (size_t) prng_below(prng, cluster->node_count);

	fuzz_step(cluster);
	if (prng_below(prng, 8) == 0)
		fuzz_submit(cluster, target, cluster->endless ? 500000
		    : prng_below(prng, 32) == 0 ? 100000 : 1500);
	if (cluster->endless) {
		fuzz_forge_endless(cluster);
	} else if (prng_below(prng, 2) == 0) {
		for (uint64_t n = 1 + prng_below(prng, 4); n > 0; n--) {
			if (cluster->genuine)
				noise(cluster, target);
			else
				forge(cluster, target);
		}
	}
	/* Forgers shall see many commit phases. */
	if (!cluster->endless && prng_below(prng, cluster->genuine ? 1500 : 60) == 0) {
		fuzz_node_kill(cluster, target);
		fuzz_node_start(cluster, target);
	}
}

static void
calm_until(struct fuzz_cluster *cluster, uint64_t end_ns)
{
	while (cluster->now_ns < end_ns)
		fuzz_step(cluster);
}

/* The noise is over: one ring, and one order of what is sent now. */
static void
check_agreement(struct fuzz_cluster *cluster)
{
	uint64_t end_ns = cluster->now_ns + CALM_NS, count[FUZZ_NODES_MAX];

	cluster->loss_permille = 0;
	while (!fuzz_together(cluster)) {
		FUZZ_CHECK(cluster->now_ns < end_ns);
		fuzz_step(cluster);
	}
	calm_until(cluster, cluster->now_ns + 2 * SEC_NS);
	FUZZ_CHECK(fuzz_together(cluster));
	for (size_t i = 0; i < cluster->node_count; i++) {
		count[i] = cluster->node[i].delivered_count;
		cluster->node[i].delivered_hash = 0;
	}
	for (size_t i = 0; i < cluster->node_count * AGREE_MESSAGES; i++) {
		fuzz_submit(cluster, i % cluster->node_count, 5000);
		fuzz_step(cluster);
	}
	calm_until(cluster, cluster->now_ns + 2 * SEC_NS);
	for (size_t i = 0; i < cluster->node_count; i++) {
		FUZZ_CHECK(cluster->node[i].delivered_count - count[i]
		    == cluster->node_count * AGREE_MESSAGES);
		FUZZ_CHECK(cluster->node[i].delivered_hash == cluster->node[0].delivered_hash);
	}
}

static void
totals_add(const struct fuzz_cluster *cluster)
{
	for (size_t i = 0; i < cluster->node_count; i++) {
		const struct fuzz_node *node = &cluster->node[i];

		if (node->totem == NULL)
			continue;
		total_fed += node->fed;
		total_accepted += node->accepted;
		for (size_t k = 0; k < TOTEM_DROP_COUNT; k++)
			total_dropped[k] += totem_stats(node->totem)->dropped[k];
	}
}

static void
run_noise(uint64_t seed)
{
	struct fuzz_cluster *cluster = fuzz_cluster_new(seed, /* genuine= */ true,
	    /* keeps= */ true);

	for (size_t i = 0; i < STEPS_ATTACK; i++)
		attack_step(cluster);
	check_agreement(cluster);
	totals_add(cluster);
	cluster = fuzz_cluster_free(cluster);
}

/* Some rings are attacked when they work, some when they begin to form. */
static void
run_forged(uint64_t seed)
{
	struct fuzz_cluster *cluster = fuzz_cluster_new(seed, /* genuine= */ false,
	    /* keeps= */ true);
	bool wait = prng_below(&cluster->prng, 3) != 0;

	for (size_t i = 0; wait && i < STEPS_TOGETHER && !fuzz_together(cluster); i++)
		fuzz_step(cluster);
	for (size_t i = 0; i < (cluster->endless ? STEPS_ENDLESS : STEPS_FORGED); i++)
		attack_step(cluster);
	totals_add(cluster);
	cluster = fuzz_cluster_free(cluster);
}

static void
run_seed(uint64_t seed)
{
	current_seed = seed;
	frame_len = 0;
	if (seed % 2 != 0)
		run_noise(seed);
	for (uint64_t i = 0; seed % 2 == 0 && i < RINGS_FORGED; i++)
		run_forged(seed * RINGS_FORGED + i);
}

static void
totals_print(uint64_t first, uint64_t count)
{
	printf("seeds %llu to %llu: %llu datagrams, %llu accepted; dropped:",
	    (unsigned long long) first, (unsigned long long) (first + count - 1),
	    (unsigned long long) total_fed, (unsigned long long) total_accepted);
	for (size_t i = 0; i < TOTEM_DROP_COUNT; i++) {
		printf("%s %s %llu", i > 0 ? "," : "", totem_drop_name((enum totem_drop) i),
		    (unsigned long long) total_dropped[i]);
	}
	printf("\n");
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 60;

	for (uint64_t i = 0; i < count; i++) {
		/* A sanitizer's report has no seed: this line is it. */
		printf("seed %llu\n", (unsigned long long) (first + i));
		(void) fflush(stdout);
		run_seed(first + i);
	}
	totals_print(first, count);
	return EXIT_SUCCESS;
}
