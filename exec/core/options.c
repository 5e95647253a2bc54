/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "exec/core/config.h"
#include "exec/core/config_value.h"
#include "exec/core/instance.h"
#include "exec/core/options.h"

enum { OPTION_RUN_DIR = 256, OPTION_STATE_DIR, OPTION_NODE_ID };

static const struct option long_options[] = {
	{ "foreground", no_argument, NULL, 'f' },
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 't' },
	{ "instance", required_argument, NULL, 'i' },
	{ "engine-dir", required_argument, NULL, 'e' },
	{ "run-dir", required_argument, NULL, OPTION_RUN_DIR },
	{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
	{ "nodeid", required_argument, NULL, OPTION_NODE_ID },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

void
options_help(FILE *to)
{
	fputs("usage: corosync [OPTION]...\n"
	    "  -f, --foreground       stay in the foreground\n"
	    "  -c, --config FILE      read this configuration (" CS_SYSCONFDIR
	    "/corosync/corosync.conf)\n"
	    "  -t, --test             check the configuration and exit: 0 good, 8 not\n"
	    "  -i, --instance NAME    be this one of several daemons on one machine\n"
	    "      --nodeid ID        be this node of the node list\n"
	    "  -e, --engine-dir DIR   load the engines from there\n"
	    "      --run-dir DIR      directory of the lock and pid file\n"
	    "      --state-dir DIR    directory of the ring's number\n"
	    "  -p                     no real-time priority\n"
	    "  -v, --version          print the version and exit\n"
	    "  -h, --help             print this and exit\n", to);
}

static int
node_id_parse(const char *text, struct options *options)
{
	uint64_t number;

	if (config_number(text, &number) < 0 || number == 0 || number > UINT32_MAX) {
		fprintf(stderr, "corosync: --nodeid: '%s' is not allowed; "
		    "allowed: a number from 1 to 4294967295\n", text);
		return -EINVAL;
	}
	options->node_id = number;
	return 0;
}

static int
option_take(int option, struct options *o)
{
	switch (option) {
	case 'f':
		o->foreground = true;
		return 0;
	case 'c':
		o->config_file = optarg;
		return 0;
	case 't':
		o->test = true;
		return 0;
	case 'i':
		o->instance = optarg;
		if (instance_name_ok(optarg))
			return 0;
		fprintf(stderr, "corosync: --instance: '%s' is not allowed; allowed: letters, "
		    "digits, '-' and '_', at most %u\n", optarg, INSTANCE_NAME_MAX);
		return -EINVAL;
	case 'e':
		o->engine_dir = optarg;
		return 0;
	case OPTION_RUN_DIR:
		o->run_dir = optarg;
		return 0;
	case OPTION_STATE_DIR:
		o->state_dir = optarg;
		return 0;
	case OPTION_NODE_ID:
		return node_id_parse(optarg, o);
	case 'p':
		o->plain_priority = true;
		return 0;
	case 'v':
		o->version = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	default:	/* tidy: open set */
		options_help(stderr);
		return -EINVAL;
	}
}

int
options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options o = { .instance = "", .run_dir = "", .state_dir = "",
	    .node_id = CONFIG_UNSET };
	int option, r;

	/* secure_getenv() gives nothing to a set-user-id program. */
	o.config_file = secure_getenv("COROSYNC_MAIN_CONFIG_FILE");
	if (o.config_file == NULL)
		o.config_file = CS_SYSCONFDIR "/corosync/corosync.conf";
	o.engine_dir = secure_getenv("COROSYNC_ENGINE_DIR");
	if (o.engine_dir == NULL)
		o.engine_dir = CS_ENGINEDIR;
	while ((option = getopt_long(argc, argv, "fc:ti:e:pvh", long_options, NULL)) != -1) {
		r = option_take(option, &o);
		if (r < 0)
			return r;
	}
	if (optind < argc) {
		fprintf(stderr, "corosync: unexpected argument '%s'\n", argv[optind]);
		options_help(stderr);
		return -EINVAL;
	}
	*ret_options = o;
	return 0;
}
