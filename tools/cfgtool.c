/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * corosync-cfgtool: show the state of a node's links and peers, and make its daemon ignore peers.
 * The text is the one that scripts know; --json is for new ones.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <corosync/cfg.h>
#include <corosync/corotypes.h>

#include "tools/patience.h"
#include "tools/trouble.h"

#define NODES_MAX	128u
#define TRIES		100	/* a daemon that starts says: try again */

enum action { ACTION_NONE, ACTION_STATUS, ACTION_NODES, ACTION_ADDRESSES, ACTION_IGNORE,
	ACTION_HEAR_ALL };

enum { OPTION_JSON = 256, OPTION_IGNORE, OPTION_HEAR_ALL };

struct options {
	enum action action;
	bool brief, json;
	const char *link;		/* number or address; NULL: all */
	unsigned int nodeids[NODES_MAX];
	size_t nodeid_count;
};

struct cluster {
	char transport[CFG_TRANSPORT_LEN];
	size_t count;
	corosync_cfg_node_t node[NODES_MAX];
	const corosync_cfg_node_t *local;	/* NULL: not among them */
};

static void
usage(FILE *to)
{
	(void) fprintf(to,
	    "usage: corosync-cfgtool [OPTION]...\n"
	    "  -s                 this node's id, transport, links and the peers on them\n"
	    "  -b                 with -s: one line a link\n"
	    "  -i LINK            with -s: this link only, by number or address\n"
	    "  -n                 the other nodes that are reachable, and the links to them\n"
	    "  -a NODEID          addresses of a node\n"
	    "  --json             with -s or -n: for programs\n"
	    "  --ignore ID[,ID]   be deaf and mute to these nodes (to test applications)\n"
	    "  --hear-all         take --ignore back\n"
	    "  -h                 this text\n"
	    "COROSYNC_INSTANCE in the environment names the daemon's instance.\n");
}

/* --- asking --- */

/* Patience begins here; it ends with the answer to what is asked then. */
static bool
connect_daemon(corosync_cfg_handle_t *ret_handle)
{
	cs_error_t error;

	patience_begin("corosync-cfgtool");
	error = corosync_cfg_initialize(ret_handle, NULL);
	for (int i = 0; error == CS_ERR_TRY_AGAIN && i < TRIES; i++) {
		patience_pause();
		error = corosync_cfg_initialize(ret_handle, NULL);
	}
	if (error == CS_OK)
		return true;
	trouble_say(error, "Could not initialize corosync configuration API error %d", (int) error);
	return false;
}

static bool
cluster_get(corosync_cfg_handle_t handle, struct cluster *cluster)
{
	cs_error_t error;

	error = corosync_cfg_nodes_get(handle, cluster->transport, NODES_MAX, &cluster->count,
	    cluster->node);
	patience_end();
	if (error != CS_OK) {
		trouble_say(error, "Could not get the state of the nodes");
		return false;
	}
	if (cluster->count > NODES_MAX)
		cluster->count = NODES_MAX;
	cluster->local = NULL;
	for (size_t i = 0; i < cluster->count; i++)
		if (cluster->node[i].local)
			cluster->local = &cluster->node[i];
	if (cluster->local != NULL)
		return true;
	(void) fprintf(stderr, "The daemon does not know its own node yet\n");
	return false;
}

/* --- text --- */

static const char *
node_word(const corosync_cfg_node_t *node)
{
	if (node->local)
		return "localhost";
	return node->connected ? "connected" : "disconnected";
}

/* We hear it, and that is all. */
static bool
is_outside(const corosync_cfg_node_t *node)
{
	return node->connected && !node->member && !node->ignored && !node->local;
}

static void
status_brief(const struct cluster *cluster)
{
	(void) printf("\tstatus\t= ");
	for (size_t i = 0; i < cluster->count; i++) {
		const corosync_cfg_node_t *node = &cluster->node[i];

		if (node->local)
			(void) putchar('n');
		else
			(void) printf("%d", (node->ignored ? 0 : 1) + (node->connected ? 2 : 0));
	}
	(void) putchar('\n');
}

static void
status_text(const struct cluster *cluster, bool brief)
{
	(void) printf("Local node ID %u, transport %s\n", cluster->local->nodeid,
	    cluster->transport);
	(void) printf("LINK ID 0 udp\n\taddr\t= %s\n", cluster->local->address);
	if (brief) {
		status_brief(cluster);
		return;
	}
	(void) printf("\tstatus:\n");
	for (size_t i = 0; i < cluster->count; i++)
		(void) printf("\t\tnodeid: %10u:\t%s%s%s\n", cluster->node[i].nodeid,
		    node_word(&cluster->node[i]), cluster->node[i].ignored ? " ignored" : "",
		    is_outside(&cluster->node[i]) ? ", not in our ring" : "");
}

static void
nodes_text(const struct cluster *cluster)
{
	(void) printf("Local node ID %u, transport %s\n", cluster->local->nodeid,
	    cluster->transport);
	for (size_t i = 0; i < cluster->count; i++) {
		const corosync_cfg_node_t *node = &cluster->node[i];

		if (node->local || !node->member)
			continue;
		(void) printf("nodeid: %u reachable\n   LINK: 0 udp (%s->%s)%s%s mtu: %u\n\n",
		    node->nodeid, node->local_address, node->address,
		    node->ignored ? "" : " enabled", node->connected ? " connected" : "",
		    node->mtu);
	}
}

/* --- JSON --- */

static void
json_string(const char *text)
{
	(void) putchar('"');
	for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			(void) printf("\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			(void) printf("\\u%04x", *p);
		else
			(void) putchar(*p);
	}
	(void) putchar('"');
}

static void
json_field(const char *name, const char *value)
{
	(void) printf(", \"%s\": ", name);
	json_string(value);
}

static const char *
json_bool(bool value)
{
	return value ? "true" : "false";
}

static void
json_node(const corosync_cfg_node_t *node)
{
	(void) printf("    {\"nodeid\": %u", node->nodeid);
	json_field("name", node->name);
	(void) printf(", \"local\": %s, \"reachable\": %s", json_bool(node->local),
	    json_bool(node->member));
	(void) printf(", \"ignored\": %s, \"links\": [{\"link\": 0", json_bool(node->ignored));
	json_field("source", node->local_address);
	json_field("address", node->address);
	(void) printf(", \"port\": %u, \"enabled\": %s, \"connected\": %s, \"mtu\": %u", node->port,
	    json_bool(!node->ignored), json_bool(node->connected), node->mtu);
	if (node->round_trip_ns > 0)
		(void) printf(", \"round_trip_us\": %" PRIu64 ".%03" PRIu64,
		    node->round_trip_ns / 1000, node->round_trip_ns % 1000);
	(void) printf("}]}");
}

/* -s: all nodes; -n: the others that are reachable. */
static void
cluster_json(const struct cluster *cluster, bool reachable_only)
{
	const char *separator = "\n";

	(void) printf("{\n  \"local_nodeid\": %u", cluster->local->nodeid);
	json_field("transport", cluster->transport);
	(void) printf(",\n  \"nodes\": [");
	for (size_t i = 0; i < cluster->count; i++) {
		const corosync_cfg_node_t *node = &cluster->node[i];

		if (reachable_only && (node->local || !node->member))
			continue;
		(void) printf("%s", separator);
		json_node(node);
		separator = ",\n";
	}
	(void) printf("\n  ]\n}\n");
}

/* --- actions --- */

static int
do_status(corosync_cfg_handle_t handle, const struct options *options)
{
	struct cluster cluster;

	if (!cluster_get(handle, &cluster))
		return 1;
	/* There is one link; more come with redundant links. */
	if (options->link != NULL && strcmp(options->link, "0") != 0 &&
	    strcmp(options->link, cluster.local->address) != 0) {
		(void) fprintf(stderr, "No link %s: this node has link 0, address %s\n",
		    options->link, cluster.local->address);
		return 1;
	}
	if (options->json)
		cluster_json(&cluster, options->action == ACTION_NODES);
	else if (options->action == ACTION_NODES)
		nodes_text(&cluster);
	else
		status_text(&cluster, options->brief);
	return 0;
}

static int
do_addresses(corosync_cfg_handle_t handle, unsigned int nodeid)
{
	corosync_cfg_node_address_t addresses[CFG_MAX_LINKS];
	union {
		struct sockaddr base;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
	char text[INET6_ADDRSTRLEN];
	const void *bytes;
	int count = 0;
	cs_error_t error;

	error = corosync_cfg_get_node_addrs(handle, nodeid, CFG_MAX_LINKS, &count, addresses);
	patience_end();
	if (error != CS_OK) {
		trouble_say(error, "Could not get node address for nodeid %u%s", nodeid,
		    error == CS_ERR_NOT_EXIST ? ": no node has this id" : "");
		return 1;
	}
	for (int i = 0; i < count; i++) {
		memset(&address, 0, sizeof address);
		memcpy(&address, addresses[i].address, sizeof addresses[i].address);
		if (address.base.sa_family == AF_INET6)
			bytes = &address.v6.sin6_addr;
		else
			bytes = &address.v4.sin_addr;
		if (inet_ntop(address.base.sa_family, bytes, text, sizeof text) != NULL)
			(void) printf("%s%s", i > 0 ? " " : "", text);
	}
	(void) putchar('\n');
	return 0;
}

static int
do_ignore(corosync_cfg_handle_t handle, const struct options *options)
{
	cs_error_t error;

	error = corosync_cfg_ignore(handle, options->nodeids, options->nodeid_count);
	patience_end();
	if (error == CS_OK)
		return 0;
	trouble_say(error, "Could not ignore the nodes%s", error == CS_ERR_INVALID_PARAM ?
	    ": one is unknown, or this node itself; nothing was changed" : "");
	return 1;
}

static int
act(const struct options *options)
{
	corosync_cfg_handle_t handle;
	int status = 1;

	if (!connect_daemon(&handle))
		return 1;
	switch (options->action) {
	case ACTION_STATUS:
	case ACTION_NODES:
		status = do_status(handle, options);
		break;
	case ACTION_ADDRESSES:
		status = do_addresses(handle, options->nodeids[0]);
		break;
	case ACTION_IGNORE:
	case ACTION_HEAR_ALL:
		status = do_ignore(handle, options);
		break;
	case ACTION_NONE:
		break;
	}
	(void) corosync_cfg_finalize(handle);
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		(void) fprintf(stderr, "Could not write: %s\n", strerror(errno));
		return 1;
	}
	return status;
}

/* --- options --- */

/* ID[,ID]...  False, and said why. */
static bool
nodeids_parse(const char *text, const char *option, size_t max, struct options *options)
{
	const char *at = text;
	unsigned long value;
	char *end;

	options->nodeid_count = 0;
	for (;;) {
		errno = 0;
		value = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
		if (value == 0 || errno != 0 || value > UINT32_MAX ||
		    (*end != '\0' && *end != ',')) {
			(void) fprintf(stderr, "%s %s: a node id is a number from 1 to %u\n",
			    option, text, UINT32_MAX);
			return false;
		}
		if (options->nodeid_count == max) {
			(void) fprintf(stderr, "%s %s: at most %zu node id%s\n", option, text, max,
			    max == 1 ? "" : "s");
			return false;
		}
		options->nodeids[options->nodeid_count++] = (unsigned int) value;
		if (*end == '\0')
			return true;
		at = end + 1;
	}
}

static bool
action_set(struct options *options, enum action action)
{
	if (options->action != ACTION_NONE && options->action != action) {
		(void) fprintf(stderr,
		    "Only one of -s, -n, -a, --ignore and --hear-all at a time\n");
		return false;
	}
	options->action = action;
	return true;
}

static bool
option_take(int option, struct options *options)
{
	switch (option) {
	case 's':
		return action_set(options, ACTION_STATUS);
	case 'n':
		return action_set(options, ACTION_NODES);
	case 'a':
		return action_set(options, ACTION_ADDRESSES) &&
		    nodeids_parse(optarg, "-a", 1, options);
	case 'b':
		options->brief = true;
		return true;
	case 'i':
		options->link = optarg;
		return true;
	case OPTION_JSON:
		options->json = true;
		return true;
	case OPTION_IGNORE:
		return action_set(options, ACTION_IGNORE) &&
		    nodeids_parse(optarg, "--ignore", NODES_MAX, options);
	case OPTION_HEAR_ALL:
		return action_set(options, ACTION_HEAR_ALL);
	default:	/* tidy: open set: getopt_long() has said what is wrong */
		(void) fprintf(stderr, "Try corosync-cfgtool -h\n");
		return false;
	}
}

static bool
options_fit(const struct options *options)
{
	const char *wrong = NULL;

	if (options->brief && options->action != ACTION_STATUS)
		wrong = "-b goes with -s";
	else if (options->link != NULL && options->action != ACTION_STATUS)
		wrong = "-i goes with -s";
	else if (options->json && options->action != ACTION_STATUS &&
	    options->action != ACTION_NODES)
		wrong = "--json goes with -s or -n";
	else if (options->json && options->brief)
		wrong = "--json or -b, not both";
	if (wrong != NULL)
		(void) fprintf(stderr, "%s\n", wrong);
	return wrong == NULL;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "ignore", required_argument, NULL, OPTION_IGNORE },
		{ "hear-all", no_argument, NULL, OPTION_HEAR_ALL },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct options options;
	int option;

	while ((option = getopt_long(argc, argv, "sbi:na:h", longs, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (!option_take(option, &options))
			return 1;
	}
	if (optind < argc) {
		(void) fprintf(stderr, "Unknown argument %s\nTry corosync-cfgtool -h\n",
		    argv[optind]);
		return 1;
	}
	if (!options_fit(&options))
		return 1;
	if (options.action == ACTION_NONE) {
		usage(stderr);
		return 1;
	}
	return act(&options);
}
