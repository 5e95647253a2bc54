/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * corosync-cpgtool: lists process groups and their members on all nodes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <corosync/cfg.h>
#include <corosync/cpg.h>

#include "tools/patience.h"
#include "tools/trouble.h"

#define PROGRAM		"corosync-cpgtool"
#define ADDRESSES_MAX	8	/* of one node: its links */
#define TRIES		100	/* a daemon that starts or synchronises says: try again */

static struct {
	const char *delimiter;	/* NULL: columns for people */
	bool names_only, raw;
} options;

static void
usage(FILE *to)
{
	fputs("usage: corosync-cpgtool [-d DELIMITER] [-e] [-n] [-h]\n"
	    "Lists the process groups of the cluster with their members.\n"
	    "  -d DELIMITER  group, pid and node id on one line, with this between\n"
	    "  -e            don't escape unprintable characters of names\n"
	    "  -n            names of groups only\n"
	    "  -h            print this and exit\n", to);
}

static void
print_name(const struct cpg_name *name)
{
	uint32_t length = name->length < CPG_MAX_NAME_LENGTH ? name->length :
	    CPG_MAX_NAME_LENGTH;

	for (uint32_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char) name->value[i];

		if (options.raw || (c > ' ' && c < 0x7f && c != '\\'))
			putchar(c);
		else
			printf("\\x%02X", c);
	}
}

/* The node's addresses in parentheses; without them when cfg does not know or is not there. */
static void
print_addresses(corosync_cfg_handle_t cfg, unsigned int node_id)
{
	corosync_cfg_node_address_t addresses[ADDRESSES_MAX];
	char text[INET6_ADDRSTRLEN];
	cs_error_t error;
	int count = 0;

	if (cfg == 0)
		return;
	patience_begin(PROGRAM);
	error = corosync_cfg_get_node_addrs(cfg, node_id, ADDRESSES_MAX, &count, addresses);
	patience_end();
	if (error != CS_OK)
		return;
	for (int i = 0; i < count && i < ADDRESSES_MAX; i++) {
		struct sockaddr_in6 in6;
		struct sockaddr_in in4;
		const void *from = &in6.sin6_addr;

		memcpy(&in6, addresses[i].address, sizeof in6);
		memcpy(&in4, addresses[i].address, sizeof in4);
		if (in4.sin_family == AF_INET)
			from = &in4.sin_addr;
		if (inet_ntop(in4.sin_family, from, text, sizeof text) != NULL)
			printf("%s%s", i == 0 ? " (" : " ", text);
	}
	if (count > 0)
		putchar(')');
}

static void
print_member(corosync_cfg_handle_t cfg, const struct cpg_iteration_description_t *member)
{
	if (options.delimiter != NULL) {
		print_name(&member->group);
		printf("%s%" PRIu32 "%s%" PRIu32 "\n", options.delimiter, member->pid,
		    options.delimiter, member->nodeid);
		return;
	}
	printf("\t\t%10" PRIu32 "\t%10" PRIu32, member->pid, member->nodeid);
	print_addresses(cfg, member->nodeid);
	putchar('\n');
}

static bool
same_name(const struct cpg_name *a, const struct cpg_name *b)
{
	return a->length == b->length && memcmp(a->value, b->value, a->length) == 0;
}

static cs_error_t
print_groups(cpg_handle_t cpg, corosync_cfg_handle_t cfg)
{
	struct cpg_iteration_description_t entry;
	struct cpg_name last;
	cpg_iteration_handle_t iteration;
	bool first = true;
	cs_error_t error;

	patience_begin(PROGRAM);
	error = cpg_iteration_initialize(cpg,
	    options.names_only ? CPG_ITERATION_NAME_ONLY : CPG_ITERATION_ALL, NULL, &iteration);
	patience_end();
	if (error != CS_OK) {
		trouble_say(error, "Could not list the groups");
		return error;
	}
	if (options.delimiter == NULL && !options.names_only)
		printf("Group Name\t%10s\t%10s\n", "PID", "Node ID");
	while ((error = cpg_iteration_next(iteration, &entry)) == CS_OK) {
		if (options.names_only ||
		    (options.delimiter == NULL && (first || !same_name(&last, &entry.group)))) {
			print_name(&entry.group);
			putchar('\n');
		}
		if (!options.names_only)
			print_member(cfg, &entry);
		last = entry.group;
		first = false;
	}
	(void) cpg_iteration_finalize(iteration);
	if (error == CS_ERR_NO_SECTIONS)
		return CS_OK;
	trouble_say(error, "Could not list the groups to their end");
	return error;
}

static int
options_parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "d:enh")) != -1) {
		switch (option) {
		case 'd':
			options.delimiter = optarg;
			break;
		case 'e':
			options.raw = true;
			break;
		case 'n':
			options.names_only = true;
			break;
		case 'h':
			usage(stdout);
			exit(EXIT_SUCCESS);
		default:
			usage(stderr);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "corosync-cpgtool: takes no argument: %s\n", argv[optind]);
		usage(stderr);
		return -EINVAL;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	corosync_cfg_handle_t cfg = 0;
	cpg_handle_t cpg;
	cs_error_t error;

	if (options_parse(argc, argv) < 0)
		return EXIT_FAILURE;
	patience_begin(PROGRAM);
	for (int i = 0; (error = cpg_initialize(&cpg, NULL)) == CS_ERR_TRY_AGAIN && i < TRIES; i++)
		patience_pause();
	if (error != CS_OK) {
		trouble_say(error, "Could not initialize corosync cpg API error %d", (int) error);
		return EXIT_FAILURE;
	}
	if (options.delimiter == NULL && !options.names_only &&
	    corosync_cfg_initialize(&cfg, NULL) != CS_OK)
		cfg = 0;	/* the list is worth having without addresses */
	patience_end();
	error = print_groups(cpg, cfg);
	if (cfg != 0)
		(void) corosync_cfg_finalize(cfg);
	(void) cpg_finalize(cpg);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "corosync-cpgtool: cannot write: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return error == CS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
