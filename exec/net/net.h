/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Network: datagrams to and from the other nodes, batched.  One instance per daemon.  Knows
 * addresses and sockets; knows nothing of what is in a frame.  Each transport is one file and one
 * line in transport_table (net.c).  Never logs and never exits: everything is an error code or an
 * event.
 *
 *   send:     net_send(...) appends to a batch per destination; net_flush() hands the batches to
 *             the kernel with sendmmsg() and UDP GSO (runs of frames of equal size).  Data may be
 *             lent only until net_flush(), which the caller makes before the frames change.
 *   receive:  net_receive() takes up to a budget of datagrams with recvmmsg() and UDP GRO and hands
 *             each to a callback.
 *   evidence: the sockets' error queues say that a peer's port is closed (ICMP).
 */
#ifndef NET_NET_H
#define NET_NET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define NET_PEERS_MAX	128u
#define NET_FDS_MAX	4u

struct net;

enum net_kind { NET_UDPU, NET_UDP };

struct net_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa;
	socklen_t len;		/* 0: not known (yet) */
};

struct net_peer {
	uint32_t node_id;
	struct net_address address;	/* with port */
};

struct net_config {
	enum net_kind kind;
	struct net_address local;	/* to bind to, with port (0: any); an interface's address */
	struct net_address multicast;	/* NET_UDP: group and port (or the broadcast address) */
	bool broadcast;			/* NET_UDP: `multicast` is a broadcast address */
	uint8_t ttl;			/* NET_UDP; 1..255 */
	uint32_t frame_bytes_max;	/* largest datagram payload */
	uint32_t rcvbuf_bytes, sndbuf_bytes;	/* wanted; the kernel may give less */
	bool gso, gro;			/* use them if the kernel has them */
	const struct net_peer *peers;	/* without ourselves; copied */
	size_t peer_count;
};

struct net_stats {
	uint64_t tx_datagrams, tx_bytes, tx_calls, tx_gso_trains;
	uint64_t rx_datagrams, rx_bytes, rx_calls, rx_gro_trains;
	uint64_t tx_dropped;		/* the kernel would not take them (buffers full) */
	uint64_t tx_errors;		/* nor take them for another reason, several times */
	uint64_t rx_truncated;
	uint64_t rx_unknown_source;	/* handed out all the same: the host looks at the node id */
	uint64_t rx_ignored;		/* dropped: net_ignore() */
	uint64_t rx_own;		/* dropped: our own multicast came back */
	uint64_t rx_group;		/* others' multicasts that came */
	uint64_t refused;		/* port-closed evidence seen */
	uint32_t rcvbuf_bytes, sndbuf_bytes;	/* got */
	bool gso, gro;			/* the kernel has it, and it is wanted */
};

typedef void (*net_receive_fn)(void *host, const uint8_t *data, size_t len,
    const struct net_address *source);
typedef void (*net_refused_fn)(void *host, uint32_t node_id);

/* 0 or -errno (-EADDRNOTAVAIL: the interface is not up yet; -EADDRINUSE: another daemon;
 * -EOPNOTSUPP: the interface does not do IPv6 multicast). */
int net_new(const struct net_config *config, struct net **ret_net);
struct net *net_free(struct net *net);

/* Descriptors to poll for POLLIN and POLLERR; returns their number. */
size_t net_fds(const struct net *net, int fds[NET_FDS_MAX]);

/* Take about `budget` datagrams (a train is never cut: there may be more).  Returns how many; 0:
 * the queues are empty.  Also reads the error queues and calls `refused` for peers whose port is
 * closed.  The callbacks may send and flush, but not receive. */
size_t net_receive(struct net *net, size_t budget, net_receive_fn receive, net_refused_fn refused,
    void *host);
/* The source of the datagram now being handed out gets this one back. */
void net_reply(struct net *net, const struct net_address *to, const uint8_t *data, size_t len);

/* To each of `node_ids`; unknown and ignored ones are skipped.  A count of 0 means everybody known.
 * NET_UDP sends one multicast for that, when it spares datagrams (two or more recipients; frames
 * carry their sender and others drop them), and when the only recipient has no address yet.  While
 * anyone is ignored it sends to each by itself, as those would get a multicast too. */
void net_send(struct net *net, const uint32_t *node_ids, size_t count, const uint8_t *data,
    size_t len);
/* The same by the way that frames for several take, even when they are for one: who hears this
 * hears those.  NET_UDP: one multicast, once more than one other node is known. */
void net_send_as_data(struct net *net, const uint32_t *node_ids, size_t count, const uint8_t *data,
    size_t len);
/* Give everything to the kernel now. */
void net_flush(struct net *net, net_refused_fn refused, void *host);

/* Set, change or learn (NET_UDP) a peer's address.  0, -ENOSPC or -EAFNOSUPPORT (not the family of
 * our own).  Flushes before a change. */
int net_peer_set(struct net *net, const struct net_peer *peer);
void net_peer_remove(struct net *net, uint32_t node_id);
bool net_peer_address(const struct net *net, uint32_t node_id, struct net_address *ret_address);

/* Frames to and from these nodes' addresses are dropped, both ways; count 0 ends it. */
void net_ignore(struct net *net, const uint32_t *node_ids, size_t count);
bool net_ignores(const struct net *net, uint32_t node_id);

const struct net_stats *net_stats(const struct net *net);

/* "192.0.2.1" or "2001:db8::1"; `text` holds at least INET6_ADDRSTRLEN bytes. */
const char *net_address_text(const struct net_address *address, char *text, size_t size);
/* With port. */
bool net_address_equal(const struct net_address *a, const struct net_address *b);
#endif
