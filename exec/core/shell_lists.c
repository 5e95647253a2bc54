/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Node lists that differ.  Nodes that do not list each other stay apart, and nothing fails that
 * could tell: so whoever gets frames of this cluster from somebody that its own list does not have,
 * or has at another address, says it; so does who hears a node of its list for long and is in no
 * ring with it, and who hears nobody of its list.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "exec/core/shell_internal.h"

#define PAUSE_NS	(UINT64_C(60) * 1000000000)	/* between two lines about one source */
#define ANY_PAUSE_NS	(UINT64_C(1) * 1000000000)	/* sources can be made up */
#define OUTSIDE_PAUSE_NS (UINT64_C(300) * 1000000000)	/* between two lines about who is outside */
#define LOOKS_SECONDS	((unsigned int) ((SHELL_LOOKS - 1) * SHELL_LOOK_NS / 1000000000))
#define LINE_BYTES	1024u
#define NODES_BYTES	512u

void
shell_lists_init(struct shell *shell, const struct totem_config *config)
{
	for (size_t i = 0; i < config->peer_count && i < TOTEM_NODES_MAX; i++)
		shell->listed[shell->listed_count++].node_id = config->peers[i];
}

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

/* Whom our list has at this address, 0: nobody. */
static uint32_t
listed_at(const struct shell *shell, const struct net_address *source)
{
	struct net_address address;

	for (size_t i = 0; i < shell->listed_count; i++)
		if (net_peer_address(shell->net, shell->listed[i].node_id, &address)
		    && net_address_equal(&address, source))
			return shell->listed[i].node_id;
	return 0;
}

static void
say_unlisted(struct shell *shell, uint32_t sender)
{
	char address[INET6_ADDRSTRLEN], there[64] = "", text[LINE_BYTES];
	uint32_t other;

	if (!line_is_due(shell))
		return;
	other = listed_at(shell, shell->source);
	if (other != 0)
		(void) snprintf(there, sizeof there, " (which has node %" PRIu32
		    " at this address)", other);
	(void) snprintf(text, sizeof text, "Node %" PRIu32 " at %s sends to us, and is not in our "
	    "node list%s: it is not listened to. The list must be the same on all nodes: compare "
	    "nodelist in corosync.conf there and here, correct it, and restart the daemon where it "
	    "was wrong.", sender,
	    net_address_text(shell->source, address, sizeof address), there);
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
	    "apart: compare nodelist in corosync.conf there and here, correct it, and restart the "
	    "daemon where it was wrong.", sender,
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
		say_unlisted(shell, sender);
	} else if (unknown != shell->unknown_sources) {
		shell->unknown_sources = unknown;
		if (drop == TOTEM_ACCEPTED && sender != 0 && shell->config.net.kind == NET_UDPU
		    && net_peer_address(shell->net, sender, &listed)
		    && !net_address_equal(&listed, shell->source))
			say_elsewhere(shell, sender, &listed);
	}
}

/* --- looks at the node list --- */

static bool
is_in(const struct totem_configuration *config, uint32_t node_id)
{
	for (size_t i = 0; i < config->member_count; i++)
		if (config->members[i].node_id == node_id)
			return true;
	return false;
}

void
shell_lists_configuration(struct shell *shell, const struct totem_configuration *config)
{
	if (config->kind != TOTEM_REGULAR)
		return;
	for (size_t i = 0; i < shell->listed_count; i++) {
		struct shell_listed *one = &shell->listed[i];

		one->member = is_in(config, one->node_id);
		if (!one->member)
			continue;
		shell->listed_heard = true;
		/* It is no longer as was said: what comes next may be said again at once. */
		if (one->outside_count >= SHELL_LOOKS)
			shell->outside_ns = 0;
		/* However short this ring will live, between two looks even. */
		one->outside_count = 0;
	}
}

void
shell_lists_paused(struct shell *shell)
{
	for (size_t i = 0; i < shell->listed_count; i++)
		shell->listed[i].outside_count = 0;
}

/* " 3 at 192.0.2.3": where we send to. */
static void
node_add(const struct shell *shell, char nodes[NODES_BYTES], uint32_t node_id)
{
	char text[INET6_ADDRSTRLEN];
	struct net_address address;
	size_t len = strlen(nodes);

	if (NODES_BYTES - len < sizeof ", 4294967295 at , ..." + INET6_ADDRSTRLEN) {
		if (nodes[len - 1] != '.')
			(void) snprintf(nodes + len, NODES_BYTES - len, ", ...");
		return;
	}
	len += (size_t) snprintf(nodes + len, NODES_BYTES - len, "%s %" PRIu32, len > 0 ? "," : "",
	    node_id);
	if (net_peer_address(shell->net, node_id, &address) && address.len > 0)
		(void) snprintf(nodes + len, NODES_BYTES - len, " at %s",
		    net_address_text(&address, text, sizeof text));
	else
		(void) snprintf(nodes + len, NODES_BYTES - len, " without an address yet");
}

static void
say_outside(struct shell *shell)
{
	char nodes[NODES_BYTES] = "", text[LINE_BYTES];

	for (size_t i = 0; i < shell->listed_count; i++)
		if (shell->listed[i].outside_count >= SHELL_LOOKS)
			node_add(shell, nodes, shell->listed[i].node_id);
	(void) snprintf(text, sizeof text, "Heard for about %u s or longer, but in no ring with us:"
	    "%s (where we send to). Unless an earlier line says why, most likely it does not hear "
	    "us, a third node does not hear it or us, or its disk does not answer: compare "
	    "nodelist on all nodes, addresses too, then look for a firewall.", LOOKS_SECONDS,
	    nodes);
	shell->config.log(shell->config.host, "TOTEM", LOG_WARNING, text);
}

static void
say_unheard(struct shell *shell)
{
	char nodes[NODES_BYTES] = "", text[LINE_BYTES];

	for (size_t i = 0; i < shell->listed_count; i++)
		node_add(shell, nodes, shell->listed[i].node_id);
	(void) snprintf(text, sizeof text, "Nobody else of our node list was heard since the start:"
	    "%s (where we send to). If corosync runs there: their lists may lack this node or have "
	    "it at another address (then their logs say so), cluster_name may differ, or a "
	    "firewall is between.", nodes);
	shell->config.log(shell->config.host, "TOTEM", LOG_NOTICE, text);
}

void
shell_lists_turn(struct shell *shell)
{
	uint64_t now_ns = shell_now_ns();
	/* Our disk does not answer: we can be in no ring, and it was said. */
	bool hangs = shell->storage_error == -EINPROGRESS;
	bool outside = false;

	shell->look_count++;
	for (size_t i = 0; i < shell->listed_count; i++) {
		struct shell_listed *one = &shell->listed[i];
		bool heard = totem_hears(shell->totem, now_ns, one->node_id);

		shell->listed_heard |= heard;
		one->outside_count = heard && !one->member && !hangs ? one->outside_count + 1 : 0;
		outside |= one->outside_count >= SHELL_LOOKS;
	}
	if (outside && (shell->outside_ns == 0 || now_ns - shell->outside_ns >= OUTSIDE_PAUSE_NS)) {
		shell->outside_ns = now_ns;
		say_outside(shell);
	}
	if (shell->look_count == SHELL_LOOKS && shell->listed_count > 0 && !shell->listed_heard
	    && shell->config.net.kind == NET_UDPU)
		say_unheard(shell);
}
