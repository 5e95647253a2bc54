/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The daemon's entry: options, configuration, directories, background, lock, log; then daemon.c.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/core/daemon.h"
#include "exec/core/last_words.h"
#include "exec/core/log.h"
#include "exec/core/state.h"

static void
reports_print(const struct config_reports *reports)
{
	static const char *const heading[] = { [CONFIG_NOTE] = "note", [CONFIG_WARNING] = "warning",
	    [CONFIG_ERROR] = "error" };

	for (size_t i = 0; i < reports->count; i++)
		fprintf(stderr, "%s: %s\n", heading[reports->report[i].kind],
		    reports->report[i].text);
	if (reports->lost_count > 0)
		fprintf(stderr, "and %zu more\n", reports->lost_count);
}

static void
reports_log(const struct config_reports *reports)
{
	for (size_t i = 0; i < reports->count; i++)
		log_line(LOG_SUBSYS_MAIN, reports->report[i].kind == CONFIG_NOTE ? LOG_NOTICE
		    : LOG_WARNING, "%s", reports->report[i].text);
}

static int
config_begin(struct daemon *d)
{
	const struct options *o = d->options;
	int r;

	if (config_reports_init(&d->reports) < 0) {
		fprintf(stderr, "corosync: configuration: %s\n", strerror(ENOMEM));
		return -ENOMEM;
	}
	r = config_load(&d->config, o->config_file, &d->reports);
	if (o->node_id == CONFIG_UNSET || r < 0)
		return r;
	if (d->config.node_count > 0 && config_node_index(&d->config, (uint32_t) o->node_id) < 0) {
		config_report(&d->reports, CONFIG_ERROR, "--nodeid", 0,
		    "%u is not in the node list", (unsigned int) o->node_id);
		return -EINVAL;
	}
	d->config.node_id = o->node_id;
	return 0;
}

/* The daemon goes to the root directory: what it opens later must not depend on where it began. */
static int
path_absolute(char *path, size_t size)
{
	char dir[INSTANCE_PATH_MAX], whole[INSTANCE_PATH_MAX * 2];
	int len;

	if (path[0] == '/' || path[0] == '\0')
		return 0;
	if (getcwd(dir, sizeof dir) == NULL)
		return -errno;
	len = snprintf(whole, sizeof whole, "%s/%s", dir, path);
	if (len < 0 || (size_t) len >= size || (size_t) len >= sizeof whole)
		return -ENAMETOOLONG;
	memcpy(path, whole, (size_t) len + 1);
	return 0;
}

static int
paths_absolute(struct daemon *d)
{
	int r = path_absolute(d->instance.run_dir, sizeof d->instance.run_dir);

	if (r == 0)
		r = path_absolute(d->instance.state_dir, sizeof d->instance.state_dir);
	if (r == 0)
		r = path_absolute(d->config.log.logfile, sizeof d->config.log.logfile);
	(void) snprintf(d->engine_dir, sizeof d->engine_dir, "%s", d->options->engine_dir);
	return r < 0 ? r : path_absolute(d->engine_dir, sizeof d->engine_dir);
}

static int
directory_begin(const char *what, const char *path, mode_t mode)
{
	int r = instance_dir_make(path, mode);

	if (r < 0)
		fprintf(stderr, "corosync: %s directory %s: %s\n", what, path,
		    r == -EPERM ? "belongs to or can be written by somebody else" : strerror(-r));
	return r;
}

static enum process_exit
instance_begin(struct daemon *d)
{
	const struct instance_paths paths = {
		.option_run_dir = d->options->run_dir, .option_state_dir = d->options->state_dir,
		.file_run_dir = d->config.run_dir, .file_state_dir = d->config.state_dir,
	};
	int r = instance_init(&d->instance, d->options->instance, &paths);

	if (r == 0)
		r = paths_absolute(d);
	if (r < 0) {
		fprintf(stderr, "corosync: %s\n", r == -EINVAL ? "COROSYNC_INSTANCE is not allowed;"
		    " allowed: letters, digits, '-' and '_', at most 32" : strerror(-r));
		return PROCESS_EXIT_USAGE;
	}
	if (directory_begin("run", d->instance.run_dir, geteuid() == 0 ? 0755 : 0700) < 0)
		return PROCESS_EXIT_DIRECTORY;
	/* Without it the ring runs all the same; state_begin() says so in the log. */
	d->state_dir_error = directory_begin("state", d->instance.state_dir, 0700);
	return PROCESS_EXIT_DONE;
}

static enum process_exit
lock_begin(struct daemon *d)
{
	pid_t holder = 0;
	int r = instance_lock(&d->instance, &holder);

	if (r == -EBUSY) {
		fprintf(stderr, "corosync: already running: process %ld holds %s/corosync.pid\n",
		    (long) holder, d->instance.run_dir);
		return PROCESS_EXIT_RUNNING;
	}
	if (r < 0) {
		fprintf(stderr, "corosync: lock file %s/corosync.pid: %s\n", d->instance.run_dir,
		    strerror(-r));
		return PROCESS_EXIT_LOCK;
	}
	return PROCESS_EXIT_DONE;
}

/* In the process that stays. */
static enum process_exit
life(struct daemon *d)
{
	char ident[INSTANCE_SERVICE_MAX];
	enum process_exit status = lock_begin(d);
	int r;

	if (status != PROCESS_EXIT_DONE)
		return status;
	process_signals_block();
	instance_service_name(&d->instance, "corosync", ident);
	r = log_begin(&d->config, ident, d->options->foreground);
	if (r < 0) {
		fprintf(stderr, "corosync: log %s: %s\n", d->config.log.logfile, strerror(-r));
		instance_unlock(&d->instance);
		return PROCESS_EXIT_LOG;
	}
	log_line(LOG_SUBSYS_MAIN, LOG_NOTICE, "Corosync Cluster Engine %s starting up%s%s.",
	    PACKAGE_VERSION, d->instance.name[0] != '\0' ? ", instance " : "", d->instance.name);
	reports_log(&d->reports);
	config_reports_done(&d->reports);
	status = daemon_run(d);
	log_line(LOG_SUBSYS_MAIN, status == PROCESS_EXIT_DONE ? LOG_NOTICE : LOG_ERR,
	    "Corosync Cluster Engine exiting with status %d.", (int) status);
	log_end();
	instance_unlock(&d->instance);
	return status;
}

static enum process_exit
begin(struct daemon *d)
{
	enum process_exit status;
	int r;

	process_crash_handlers();
	r = config_begin(d);
	if (d->options->test || r < 0)
		reports_print(&d->reports);
	if (d->options->test || r < 0)
		return r < 0 ? PROCESS_EXIT_CONFIG : PROCESS_EXIT_DONE;
	status = instance_begin(d);
	if (status != PROCESS_EXIT_DONE)
		return status;
	if (!d->options->foreground && !process_background(&d->ready_fd, &status))
		return status;
	status = life(d);
	process_failed(&d->ready_fd, status);
	return status;
}

/* They lie one behind the other. */
static size_t
arguments_size(int argc, char **argv)
{
	size_t size = 0;

	for (int i = 0; i < argc && argv[i] == argv[0] + size; i++)
		size += strlen(argv[i]) + 1;
	return size;
}

int
main(int argc, char **argv)
{
	/* Not on the stack: the node list makes it large. */
	static struct daemon daemon = { .ready_fd = -1 };
	static struct options options;

	if (options_parse(argc, argv, &options) < 0)
		return PROCESS_EXIT_USAGE;
	if (options.help) {
		options_help(stdout);
		return 0;
	}
	if (options.version) {
		printf("Corosync Cluster Engine, version '%s'\n"
		    "Copyright (c) 2026 The cluster executive authors\n", PACKAGE_VERSION);
		return 0;
	}
	daemon.options = &options;
	if (argc > 0)
		last_words_title(argv[0], arguments_size(argc, argv));
	return (int) begin(&daemon);
}
