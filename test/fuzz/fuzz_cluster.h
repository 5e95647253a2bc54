/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A few ring cores on virtual time with a plain network between them, for the fuzzer: frames that
 * pass are kept as material for mutation, if wanted, and every datagram fed to a core is accounted
 * for.  The simulator proves the protocol; this only keeps real frames flowing.
 */
#ifndef FUZZ_CLUSTER_H
#define FUZZ_CLUSTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/base/prng.h"
#include "exec/totem/totem.h"
#include "exec/totem/wire.h"

#define FUZZ_NODES_MAX		5u
#define FUZZ_PACKETS_MAX	16384u
#define FUZZ_KEPT_PER_TYPE	32u
#define FUZZ_OUTPUTS_MAX	200000u	/* of one input: more is a runaway */
#define MS_NS			UINT64_C(1000000)
#define SEC_NS			UINT64_C(1000000000)

/* Says where and why, and ends the process with a failure. */
_Noreturn void fuzz_fail(const char *expression, const char *file, int line);
#define FUZZ_CHECK(expression) \
	((expression) ? (void) 0 : fuzz_fail(#expression, __FILE__, __LINE__))

struct fuzz_packet {
	uint64_t at_ns;
	size_t node;		/* index of the receiver */
	uint8_t *data;
	size_t len;
};

struct fuzz_node {
	struct totem *totem;	/* NULL: not running */
	uint64_t starts;	/* incarnations so far */
	uint64_t submitted;	/* by this incarnation */
	uint64_t fed, accepted;
	uint64_t reserve;	/* asked for, not answered yet; 0: nothing */
	bool open_wanted;	/* a regular configuration came */
	/* what it delivered, by origin: the last number of the last incarnation seen */
	uint64_t last_starts[FUZZ_NODES_MAX], last_number[FUZZ_NODES_MAX];
	uint64_t delivered_count, delivered_hash;
};

struct fuzz_frame {
	uint8_t *data;
	size_t len;
};

struct fuzz_cluster {
	struct prng prng;
	uint64_t now_ns;
	size_t node_count;
	uint32_t frame_bytes_max, seq_first, loss_permille;
	bool learn_peers;
	bool endless;		/* this one's forger makes messages without end */
	bool genuine;		/* nobody forges: what is delivered was submitted */
	bool keeps;		/* frames that were sent, for fuzz_kept() */
	struct fuzz_node node[FUZZ_NODES_MAX];
	size_t packet_head, packet_count;
	struct fuzz_frame kept[WIRE_TYPE_END][FUZZ_KEPT_PER_TYPE];
	size_t kept_count[WIRE_TYPE_END];
	/* a ring; all take equally long; last, as it is not cleared */
	struct fuzz_packet packet[FUZZ_PACKETS_MAX];
};

struct fuzz_cluster *fuzz_cluster_new(uint64_t seed, bool genuine, bool keeps);
struct fuzz_cluster *fuzz_cluster_free(struct fuzz_cluster *cluster);

void fuzz_node_start(struct fuzz_cluster *cluster, size_t index);
void fuzz_node_kill(struct fuzz_cluster *cluster, size_t index);
/* No host runs for so long. */
void fuzz_pause(struct fuzz_cluster *cluster, uint64_t span_ns);
/* Its kernel says that the other one's port is closed. */
void fuzz_refused(struct fuzz_cluster *cluster, size_t index, size_t other);
void fuzz_leave(struct fuzz_cluster *cluster, size_t index);
void fuzz_brake(struct fuzz_cluster *cluster, size_t index, bool on);
void fuzz_submit(struct fuzz_cluster *cluster, size_t index, size_t len_max);

/* Feed one datagram to a node, check the counters, and carry out what comes of it. */
enum totem_drop fuzz_feed(struct fuzz_cluster *cluster, size_t index, const uint8_t *data,
    size_t len);
/* Go on to the next event. */
void fuzz_step(struct fuzz_cluster *cluster);
/* A kept frame at random, of any type; NULL: none yet. */
const struct fuzz_frame *fuzz_kept(struct fuzz_cluster *cluster);
/* All running, in one ring, operational? */
bool fuzz_together(const struct fuzz_cluster *cluster);
#endif
