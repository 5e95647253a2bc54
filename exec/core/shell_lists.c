/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Node lists that differ.  Nodes that do not list each other stay apart, and nothing fails that
 * could tell: so whoever gets frames of this cluster from somebody that its own list does not have,
 * or has at another address, says it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

#include "exec/core/shell_internal.h"

#define PAUSE_NS	(UINT64_C(60) * 1000000000)	/* between two lines about one source */
#define ANY_PAUSE_NS	(UINT64_C(1) * 1000000000)	/* sources can be made up */
#define LINE_BYTES	512u

/* May its line be said now?  Whoever has been silent in the log for longest makes room. */
static bool
line_is_due(struct shell *shell)
{
	struct shell_unlisted *place = &shell->unlisted[0];
	uint64_t now_ns = shell_now_ns();

	for (size_t i = 0; i < SHELL_UNLISTED_MAX; i++) {
		struct shell_unlisted *one = &shell->unlisted[i];

		if (one->said_ns != 0 && net_address_equal(&one->source, shell->source)) {
			place = one;
			break;
		}
		if (one->said_ns < place->said_ns)
			place = one;
	}
	if ((shell->unlisted_ns != 0 && now_ns - shell->unlisted_ns < ANY_PAUSE_NS)
	    || (place->said_ns != 0 && net_address_equal(&place->source, shell->source)
	    && now_ns - place->said_ns < PAUSE_NS))
		return false;
	*place = (struct shell_unlisted) { .source = *shell->source, .said_ns = now_ns };
	shell->unlisted_ns = now_ns;
	return true;
}

static void
say_unlisted(struct shell *shell)
{
	char address[INET6_ADDRSTRLEN], text[LINE_BYTES];

	if (!line_is_due(shell))
		return;
	(void) snprintf(text, sizeof text, "A node of this cluster at %s sends to us, and its node "
	    "id is not in our node list: it is not listened to. The list must be the same on all "
	    "nodes: compare nodelist in corosync.conf there and here, correct it, and restart the "
	    "daemon where it was wrong.",
	    net_address_text(shell->source, address, sizeof address));
	shell->config.log(shell->config.host, "TOTEM", LOG_WARNING, text);
}

static void
say_elsewhere(struct shell *shell, uint32_t sender, const struct net_address *listed)
{
	char address[INET6_ADDRSTRLEN], ours[INET6_ADDRSTRLEN], text[LINE_BYTES];

	if (!line_is_due(shell))
		return;
	(void) snprintf(text, sizeof text, "Node %" PRIu32 " sends from %s port %u, and our node "
	    "list has it at %s port %u, where we send to. If it is not reached there it stays "
	    "apart: compare nodelist in corosync.conf there and here.", sender,
	    net_address_text(shell->source, address, sizeof address),
	    (unsigned int) ntohs(shell->source->sa.v4.sin_port),
	    net_address_text(listed, ours, sizeof ours),
	    (unsigned int) ntohs(listed->sa.v4.sin_port));
	shell->config.log(shell->config.host, "TOTEM", LOG_WARNING, text);
}

/* The port stands at one place in both families; this is for each datagram, so first what is
 * cheap: the network has counted whether the source is in the list. */
void
shell_lists_look(struct shell *shell, enum totem_drop drop, uint32_t sender)
{
	uint64_t unknown = net_stats(shell->net)->rx_unknown_source;
	struct net_address listed;

	if (drop == TOTEM_DROP_UNKNOWN_NODE) {
		say_unlisted(shell);
	} else if (unknown != shell->unknown_sources) {
		shell->unknown_sources = unknown;
		if (drop == TOTEM_ACCEPTED && sender != 0 && shell->config.net.kind == NET_UDPU
		    && net_peer_address(shell->net, sender, &listed)
		    && !net_address_equal(&listed, shell->source))
			say_elsewhere(shell, sender, &listed);
	}
}
