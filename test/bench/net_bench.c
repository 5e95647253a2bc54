/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * How fast exec/net moves frames between two sockets of one process on the loopback interface: one
 * line for each frame size, with and without the kernel's segmentation.
 *
 *     net_bench [megabytes a line]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exec/net/net.h"

#define BURST_BYTES	(512u * 1024u)	/* well below the receive buffer */
#define FRAME_BYTES_MAX	65000u

static uint64_t received_bytes;

static double
now_s(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
on_receive(void *host, const uint8_t *data, size_t len, const struct net_address *source)
{
	(void) host;
	(void) data;
	(void) source;
	received_bytes += len;
}

static struct net *
open_net(bool offload, struct net_address *ret_address)
{
	struct net_config config = {
		.kind = NET_UDPU,
		.frame_bytes_max = FRAME_BYTES_MAX,
		.rcvbuf_bytes = 4u << 20,
		.sndbuf_bytes = 4u << 20,
		.gso = offload,
		.gro = offload,
	};
	int fds[NET_FDS_MAX];
	struct net *net;

	config.local.sa.v4.sin_family = AF_INET;
	config.local.sa.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	config.local.len = sizeof config.local.sa.v4;
	if (net_new(&config, &net) < 0)
		exit(EXIT_FAILURE);
	(void) net_fds(net, fds);
	ret_address->len = sizeof ret_address->sa;
	if (getsockname(fds[0], &ret_address->sa.any, &ret_address->len) < 0)
		exit(EXIT_FAILURE);
	return net;
}

static void
run(bool offload, size_t frame_bytes, uint64_t total_bytes)
{
	static uint8_t frame[FRAME_BYTES_MAX];
	struct net_peer peer = { .node_id = 2 };
	struct net_address own;
	struct net *receiver = open_net(offload, &peer.address), *sender = open_net(offload, &own);
	uint64_t sent_bytes = 0;
	double start_s = now_s(), took_s;

	if (net_peer_set(sender, &peer) < 0)
		exit(EXIT_FAILURE);
	received_bytes = 0;
	while (sent_bytes < total_bytes) {
		for (size_t n = 0; n < BURST_BYTES; n += frame_bytes, sent_bytes += frame_bytes)
			net_send(sender, &peer.node_id, 1, frame, frame_bytes);
		net_flush(sender, NULL, NULL);
		while (net_receive(receiver, 256, on_receive, NULL, NULL) > 0)
			;
	}
	took_s = now_s() - start_s;
	printf("%6zu B frames, offload %-3s %8.1f MB/s  lost %.2f %%"
	    "  calls: %llu send, %llu receive\n",
	    frame_bytes, offload ? "on" : "off", (double) received_bytes / took_s / 1e6,
	    100.0 * (double) (sent_bytes - received_bytes) / (double) sent_bytes,
	    (unsigned long long) net_stats(sender)->tx_calls,
	    (unsigned long long) net_stats(receiver)->rx_calls);
	sender = net_free(sender);
	receiver = net_free(receiver);
}

int
main(int argc, char **argv)
{
	static const size_t sizes[] = { 64, 512, 1400, 8192, 32000, 65000 };
	uint64_t megabytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 200;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		run(false, sizes[i], megabytes * 1000000);
		run(true, sizes[i], megabytes * 1000000);
	}
	return EXIT_SUCCESS;
}
