/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the logging sections must be: subsystems that there are, and a file that can be written.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/core/config.h"
#include "exec/core/config_schema.h"

/* Ours, and those of stock (both generations), whose files must not give warnings; the last one
 * is a daemon's that reads its section here. */
static const char *const subsystems[] = {
	"MAIN", "TOTEM", "NET", "IPC", "SERV", "SYNC", "STATE", "QUORUM", "QB", "CFG", "CPG",
	"AMF", "APIDEF", "CMAP", "CONFDB", "EVS", "KNET", "MON", "PLOAD", "STATS", "SYNCV2", "TEST",
	"VOTEQ", "WD", "YKD", "QDEVICE",
};

static void
subsystem_check(const struct config_log *log, const char *file, struct config_reports *reports)
{
	const size_t count = sizeof subsystems / sizeof subsystems[0];
	char upper[CONFIG_TEXT_MAX];
	const char *near;

	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(subsystems[i], log->subsys) == 0)
			return;
	}
	for (size_t i = 0; i < sizeof upper; i++)
		upper[i] = (char) toupper((unsigned char) log->subsys[i]);
	near = config_name_near(upper, subsystems, count);
	config_report(reports, CONFIG_WARNING, file, log->line,
	    "logging.logger_subsys.subsys: unknown subsystem '%.100s' has no effect, unless an "
	    "engine brings it%s%s", log->subsys, near != NULL ? "; the nearest known one is " : "",
	    near != NULL ? near : "");
}

void
config_finish_logging(const struct config *config, const char *file,
    struct config_reports *reports)
{
	bool to_logfile = config->log.to_logfile == 1;
	unsigned int line = config_key_line(config, "logging", "to_logfile");

	for (size_t i = 0; i < config->subsys_count; i++) {
		const struct config_log *log = &config->subsys[i];

		if (!to_logfile && log->to_logfile == 1)
			line = log->line;
		to_logfile = to_logfile || log->to_logfile == 1;
		if (log->subsys[0] == '\0')
			config_report(reports, CONFIG_ERROR, file, log->line,
			    "logging.logger_subsys: subsys is missing; allowed: a subsystem's tag");
		else
			subsystem_check(log, file, reports);
	}
	if (line == 0)
		line = config_key_line(config, "logging", "to_file");
	if (to_logfile && config->log.logfile[0] == '\0')
		config_report(reports, CONFIG_ERROR, file, line,
		    "logging.logfile is missing, but to_logfile is yes; allowed: a file's path");
}

/* Can the file be made there?  0, or -errno about `dir`, its directory, which is found out. */
static int
directory_check(const char *path, char dir[CONFIG_TEXT_MAX])
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (slash == NULL)
		(void) snprintf(dir, CONFIG_TEXT_MAX, ".");
	else
		(void) snprintf(dir, CONFIG_TEXT_MAX, "%.*s",
		    slash == path ? 1 : (int) (slash - path), path);
	if (stat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* As far as can be told without making it: `-t` leaves nothing behind. */
static int
logfile_check(const char *path, char at[CONFIG_TEXT_MAX])
{
	struct stat st;

	(void) snprintf(at, CONFIG_TEXT_MAX, "%s", path);
	if (path[strlen(path) - 1] == '/')
		return -EISDIR;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? directory_check(path, at) : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	/* Opening a pipe that nobody reads would never return. */
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISBLK(st.st_mode))
		return -EOPNOTSUPP;
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

void
config_check_logfile(const struct config *config, const char *file, struct config_reports *reports)
{
	const char *path = config->log.logfile;
	bool wanted = config->log.to_logfile == 1;
	char at[CONFIG_TEXT_MAX];
	int r;

	for (size_t i = 0; i < config->subsys_count; i++)
		wanted = wanted || config->subsys[i].to_logfile == 1;
	if (!wanted || path[0] == '\0')
		return;
	r = logfile_check(path, at);
	if (r < 0)
		config_report(reports, CONFIG_ERROR, file,
		    config_key_line(config, "logging", "logfile"),
		    "logging.logfile: '%.200s' cannot be written: %s%.200s%s; allowed: a file in "
		    "a directory that exists and that the daemon can write, or to_logfile: no",
		    path, strcmp(at, path) != 0 ? at : "", strcmp(at, path) != 0 ? ": " : "",
		    r == -EOPNOTSUPP ? "it is a pipe, socket or disk" : strerror(-r));
}
