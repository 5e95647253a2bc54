/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the files of exec/net/ share.  The way of a datagram:
 *
 *   net_send() -> transport->send() -> batch_add() ... batch_flush() -> sendmmsg()
 *   recvmmsg() -> receive_socket() -> the host's callback
 *   error queue -> evidence_read() -> peer->refused -> evidence_report() -> the host's callback
 *
 * Everything is allocated by net_new(); sending and receiving allocate nothing.  Include this
 * before any other header: sendmmsg() and recvmmsg() are GNU extensions.
 */
#ifndef NET_NET_INTERNAL_H
#define NET_NET_INTERNAL_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/uio.h>

#include "exec/base/assert.h"
#include "exec/net/net.h"

#define NET_SOCKETS_MAX		2u
#define NET_HASH_SLOTS		512u	/* a power of two, four times the peers: short probes */
#define NET_SLOT_GROUP		NET_PEERS_MAX		/* destination: everybody, by multicast */
#define NET_SLOTS		(NET_PEERS_MAX + 1u)
#define NET_SLOT_NONE		UINT16_MAX

#define NET_BATCH_MAX		1024u	/* datagrams waiting for a flush; also sendmmsg()'s limit */
#define NET_TRAIN_SEGMENTS_MAX	64u	/* the kernel's UDP_MAX_SEGMENTS in the first versions */
#define NET_TRAIN_BYTES_MAX	64999u	/* with all headers below 64 KiB */
#define NET_SEND_WAIT_NS	2000000	/* for a full kernel, in one flush altogether */
#define NET_SEND_TRIES_MAX	4u	/* pending socket errors met by one send */

#define NET_RX_SLOTS		32u
#define NET_RX_SLOT_BYTES	65536u	/* no UDP payload, and no GRO train, is larger */
#define NET_RX_ERRORS_MAX	8u	/* pending socket errors met by one receive */
#define NET_EVIDENCE_READ_MAX	1024u	/* errors read from a queue at a time */

_Static_assert(NET_SLOTS < NET_SLOT_NONE, "slots and the mark for none");
_Static_assert(NET_HASH_SLOTS >= 2 * NET_PEERS_MAX, "a probe always ends");
_Static_assert((NET_HASH_SLOTS & (NET_HASH_SLOTS - 1)) == 0, "hashes are masked");
_Static_assert(NET_BATCH_MAX >= NET_TRAIN_SEGMENTS_MAX, "one train fits in a batch");
_Static_assert(NET_SOCKETS_MAX <= NET_FDS_MAX, "all can be polled");

struct net_peer_slot {
	struct net_peer peer;
	bool used;
	bool ignored;
	bool gso_off;		/* the kernel refused a train to it: never again */
	bool refused;		/* evidence not reported yet */
};

/* Who is who: node id and address to slot, by open addressing.  Rebuilt whenever a peer changes. */
struct peers {
	struct net_peer_slot slot[NET_PEERS_MAX];
	uint16_t by_id[NET_HASH_SLOTS];
	uint16_t by_address[NET_HASH_SLOTS];
	uint32_t ignored_ids[NET_PEERS_MAX];
	size_t ignored_count;
	size_t used_count;
};

struct batch_entry {
	const uint8_t *data;	/* lent until the flush */
	uint32_t len;
	uint16_t next;		/* same destination, later; NET_BATCH_MAX: none */
};

struct batch_queue {
	uint16_t head, tail;
};

/* One message to the kernel: a datagram or a train of them. */
struct batch_train {
	uint16_t slot;
	uint16_t segment_count;
	uint32_t bytes;
};

struct batch_control {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct batch {
	struct batch_entry entry[NET_BATCH_MAX];
	size_t entry_count;
	struct batch_queue queue[NET_SLOTS];
	uint16_t active[NET_SLOTS];		/* slots with entries, in order of the first one */
	size_t active_count;
	/* what a flush builds from it */
	struct mmsghdr message[NET_BATCH_MAX];
	struct batch_train train[NET_BATCH_MAX];
	struct iovec iov[NET_BATCH_MAX];
	struct batch_control control[NET_BATCH_MAX];
	struct mmsghdr plain[NET_TRAIN_SEGMENTS_MAX];	/* a refused train, taken apart */
	struct batch_train plain_train[NET_TRAIN_SEGMENTS_MAX];
	uint64_t wait_until_ns;			/* 0: this flush did not have to wait yet */
};

struct rx {
	uint8_t *buffer;			/* NET_RX_SLOTS * NET_RX_SLOT_BYTES */
	struct mmsghdr message[NET_RX_SLOTS];
	struct iovec iov[NET_RX_SLOTS];
	struct net_address source[NET_RX_SLOTS];
	struct {
		_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(int))];
	} control[NET_RX_SLOTS];
};

/* A transport: how sockets are opened and how recipients become destinations. */
struct net_transport {
	const char *name;
	int (*open)(struct net *net, const struct net_config *config);
	void (*send)(struct net *net, const uint32_t *node_ids, size_t count, const uint8_t *data,
	    size_t len);
	void (*send_as_data)(struct net *net, const uint32_t *node_ids, size_t count,
	    const uint8_t *data, size_t len);
};

extern const struct net_transport udpu_transport;	/* udpu.c */
extern const struct net_transport udp_transport;	/* udp.c */

struct net {
	const struct net_transport *transport;
	struct net_address local, group;
	uint32_t frame_bytes_max;
	int fd[NET_SOCKETS_MAX];	/* [0] sends all and receives unicast; [1] the group's */
	size_t fd_count;
	bool receiving, reporting;	/* in a callback of that kind: no re-entry */
	bool errors_waiting;		/* a call failed in a way that the error queue explains */
	bool group_gso_off;
	struct net_stats stats;
	struct peers peers;
	struct batch batch;
	struct rx rx;
};

/* address.c */
bool address_valid(const struct net_address *address);
bool address_is_group(const struct net_address *address);
uint32_t address_hash(const struct net_address *address);

/* peers.c */
void net_peers_init(struct peers *peers);
uint16_t peers_find(const struct peers *peers, uint32_t node_id);
uint16_t peers_find_address(const struct peers *peers, const struct net_address *address);
int peers_set(struct peers *peers, const struct net_peer *peer);
void peers_remove(struct peers *peers, uint32_t node_id);
void peers_ignore(struct peers *peers, const uint32_t *node_ids, size_t count);
bool peers_ignores(const struct peers *peers, uint32_t node_id);

/* socket.c: 0 or -errno; an opened one is added to net->fd. */
int socket_open(struct net *net, const struct net_config *config, const struct net_address *local,
    bool shared, int *ret_fd);
int socket_option(int fd, int level, int option, int value);
int socket_interface_find(const struct net_address *local, unsigned int *ret_index,
    unsigned int *ret_flags);

/* batch.c */
void batch_init(struct batch *batch);
void batch_add(struct net *net, uint16_t slot, const uint8_t *data, size_t len);
void batch_flush(struct net *net);
void batch_send_now(struct net *net, const struct net_address *to, const uint8_t *data,
    size_t len);

/* receive.c */
int rx_init(struct rx *rx);
size_t receive_socket(struct net *net, int fd, size_t budget, net_receive_fn receive, void *host);

/* evidence.c */
void evidence_read(struct net *net);
void evidence_report(struct net *net, net_refused_fn refused, void *host);
#endif
