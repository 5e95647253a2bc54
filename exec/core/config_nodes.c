/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the node list and the interface sections must agree on, and the node ids and ports that
 * follow from them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/core/config.h"
#include "exec/core/config_schema.h"

/* As stock does: the IPv4 address as a number. */
static void
node_id_derive(struct config *config, struct config_node *node, const char *file,
    struct config_reports *reports)
{
	struct in_addr v4;

	if (node->node_id != CONFIG_UNSET && node->node_id != 0)
		return;
	if (node->refused) {
		node->node_id = 0;
		return;
	}
	if (inet_pton(AF_INET, node->address[0], &v4) != 1) {
		config_report(reports, CONFIG_ERROR, file, node->line,
		    "nodelist.node: nodeid is missing for '%s'; allowed: a number from 1 to "
		    "4294967295 (only a numeric IPv4 address can do without)", node->address[0]);
		node->node_id = 0;
		return;
	}
	node->node_id = ntohl(v4.s_addr);
	if (config->clear_node_high_bit)
		node->node_id &= 0x7fffffff;
}

/* Meant as an address, but none: nobody's name has a colon, or nothing but digits and dots, and
 * the daemon would wait for ever until it resolves. */
static bool
address_mistyped(const char *text)
{
	char address[CONFIG_TEXT_MAX];
	struct in6_addr v6;
	struct in_addr v4;

	if (text[strspn(text, "0123456789.")] == '\0')
		return inet_pton(AF_INET, text, &v4) != 1;
	if (strchr(text, ':') == NULL)
		return false;
	(void) snprintf(address, sizeof address, "%.*s", (int) strcspn(text, "%"), text);
	return inet_pton(AF_INET6, address, &v6) != 1;
}

/* An address of a family that ip_version excludes would be waited for as if it were a name. */
static void
family_check(const struct config *config, const char *key, unsigned int line, const char *text,
    const char *file, struct config_reports *reports)
{
	bool v6 = strchr(text, ':') != NULL;
	struct in_addr v4;

	if (config->ip_version != (v6 ? CONFIG_IP_4 : CONFIG_IP_6)
	    || (!v6 && inet_pton(AF_INET, text, &v4) != 1))
		return;
	config_report(reports, CONFIG_ERROR, file, line,
	    "%s: '%s' is an IPv%c address, but totem.ip_version at line %u is ipv%c; allowed: an "
	    "IPv%c address, or ip_version: ipv%s", key, text, v6 ? '6' : '4',
	    config_key_line(config, "totem", "ip_version"), v6 ? '4' : '6', v6 ? '4' : '6',
	    v6 ? "6-4" : "4-6");
}

static int
node_compare(const void *a, const void *b)
{
	const struct config_node *x = a, *y = b;

	return x->node_id < y->node_id ? -1 : x->node_id > y->node_id;
}

static void
nodes_check(struct config *config, const char *file, struct config_reports *reports)
{
	unsigned int extra_line = 0;

	for (size_t i = 0; i < config->node_count; i++) {
		struct config_node *node = &config->nodes[i];

		if (node->address[0][0] == '\0') {
			if (node->refused)
				continue;
			config_report(reports, CONFIG_ERROR, file, node->line,
			    "nodelist.node: ring0_addr is missing; allowed: an address or a name");
			continue;
		}
		if (address_mistyped(node->address[0])) {
			config_report(reports, CONFIG_ERROR, file, node->line,
			    "nodelist.node.ring0_addr: '%s' is not allowed; allowed: an IPv4 or "
			    "IPv6 address or a name", node->address[0]);
			continue;
		}
		family_check(config, "nodelist.node.ring0_addr", node->line,
		    node->address[0], file, reports);
		node_id_derive(config, node, file, reports);
		if (node->port == CONFIG_UNSET)
			node->port = config->link.port;
		for (size_t l = 1; l < CONFIG_LINKS_MAX && extra_line == 0; l++) {
			if (node->address[l][0] != '\0')
				extra_line = node->line;
		}
	}
	qsort(config->nodes, config->node_count, sizeof config->nodes[0], node_compare);
	for (size_t i = 1; i < config->node_count; i++) {
		const struct config_node *node = &config->nodes[i];

		if (node->node_id == node[-1].node_id && node->node_id != 0
		    && node->node_id != CONFIG_UNSET)
			config_report(reports, CONFIG_ERROR, file, node->line,
			    "nodelist.node.nodeid: %" PRIu64 " is the id of the node at line %u "
			    "too; each node needs its own", node->node_id, node[-1].line);
	}
	if (extra_line != 0)
		config_report(reports, CONFIG_WARNING, file, extra_line,
		    "nodelist.node: several links are configured; only link 0 (ring0_addr) "
		    "is used");
}

static void
nodes_distinct(const struct config *config, const char *file, struct config_reports *reports)
{
	for (size_t i = 0; i < config->node_count; i++) {
		for (size_t j = i + 1; j < config->node_count; j++) {
			const struct config_node *a = &config->nodes[i], *b = &config->nodes[j];

			if (a->port == b->port && a->address[0][0] != '\0'
			    && strcmp(a->address[0], b->address[0]) == 0)
				config_report(reports, CONFIG_ERROR, file, b->line,
				    "nodelist.node: '%s' port %" PRIu64 " is the node at line %u "
				    "too; nodes on one machine need a port of their own",
				    b->address[0], b->port, a->line);
		}
	}
}

/* Choose the link in use: the lowest number. */
static void
link_choose(struct config *config, const char *file, struct config_reports *reports)
{
	const struct config_link *chosen = NULL;

	for (size_t i = 0; i < config->link_count; i++) {
		if (chosen == NULL || config->links[i].number < chosen->number)
			chosen = &config->links[i];
	}
	if (chosen != NULL)
		config->link = *chosen;
	else
		config->link.number = 0;
	if (config->link_count > 1)
		config_report(reports, CONFIG_WARNING, file, chosen->line,
		    "totem.interface: several links are configured; only link %" PRIu64 " is used",
		    chosen->number);
	if (config->link.port == CONFIG_UNSET)
		config->link.port = CONFIG_PORT_DEFAULT;
	if (config->link.ttl != CONFIG_UNSET && config->transport != CONFIG_TRANSPORT_UDP)
		config_report(reports, CONFIG_NOTE, file, config->link.line,
		    "totem.interface.ttl has no effect: it is for multicast, transport udp");
	if (config->link.ttl == CONFIG_UNSET)
		config->link.ttl = 1;
}

static void
multicast_check(struct config *config, const char *file, struct config_reports *reports)
{
	const struct config_link *link = &config->link;
	struct in6_addr v6;
	struct in_addr v4;

	if (config->transport != CONFIG_TRANSPORT_UDP)
		return;
	if (link->broadcast && link->multicast[0] != '\0')
		config_report(reports, CONFIG_ERROR, file, link->line,
		    "totem.interface: mcastaddr and broadcast; allowed: one of them");
	if (link->multicast[0] == '\0') {
		if (!link->broadcast && config->cluster_name[0] == '\0')
			config_report(reports, CONFIG_ERROR, file, link->line,
			    "totem.interface.mcastaddr is missing for transport udp; allowed: a "
			    "multicast address, or totem.cluster_name to make one from");
		return;
	}
	if (inet_pton(AF_INET, link->multicast, &v4) == 1 && IN_MULTICAST(ntohl(v4.s_addr)))
		return;
	if (inet_pton(AF_INET6, link->multicast, &v6) == 1 && IN6_IS_ADDR_MULTICAST(&v6))
		return;
	config_report(reports, CONFIG_ERROR, file, link->line,
	    "totem.interface.mcastaddr: '%s' is not allowed; allowed: a multicast address "
	    "(224.0.0.0/4 or ff00::/8)", link->multicast);
}

/* Then nobody knows which ids the list has. */
static bool
ids_refused(const struct config *config)
{
	for (size_t i = 0; i < config->node_count; i++) {
		if (config->nodes[i].refused)
			return true;
	}
	return false;
}

void
config_finish_nodes(struct config *config, const char *file, struct config_reports *reports)
{
	if (config->node_id == 0)
		config->node_id = CONFIG_UNSET;		/* stock: from the address */
	link_choose(config, file, reports);
	multicast_check(config, file, reports);
	if (config->transport == CONFIG_TRANSPORT_UDP)
		family_check(config, "totem.interface.mcastaddr", config->link.line,
		    config->link.multicast, file, reports);
	if (config->node_count == 0)
		family_check(config, "totem.interface.bindnetaddr", config->link.line,
		    config->link.bind, file, reports);
	nodes_check(config, file, reports);
	nodes_distinct(config, file, reports);
	if (config->node_count > 0 && config->node_id != CONFIG_UNSET
	    && config_node_index(config, (uint32_t) config->node_id) < 0 && !ids_refused(config))
		config_report(reports, CONFIG_ERROR, file,
		    config_key_line(config, "totem", "nodeid"),
		    "totem.nodeid: %" PRIu64 " is not in the node list; allowed: the nodeid of one "
		    "of its nodes", config->node_id);
	if (config->node_count == 0 && config->transport == CONFIG_TRANSPORT_UDPU)
		config_report(reports, CONFIG_ERROR, file, config->link.line,
		    "no nodelist: transport udpu needs one; allowed: nodelist { node { … } }, or "
		    "transport: udp");
	if (config->node_count == 0 && config->transport == CONFIG_TRANSPORT_UDP
	    && config->link.bind[0] == '\0')
		config_report(reports, CONFIG_ERROR, file, config->link.line,
		    "totem.interface.bindnetaddr is missing; without a nodelist it says which "
		    "interface to use");
}

int
config_node_index(const struct config *config, uint32_t node_id)
{
	for (size_t i = 0; i < config->node_count; i++) {
		if (config->nodes[i].node_id == node_id)
			return (int) i;
	}
	return -ENOENT;
}
