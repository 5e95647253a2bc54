/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * From keys and values to struct config, by the table of config_schema.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/base/assert.h"
#include "exec/core/config.h"
#include "exec/core/config_parse.h"
#include "exec/core/config_schema.h"
#include "exec/core/config_value.h"

struct reading {
	struct config *config;
	const char *file;
	struct config_reports *reports;
	struct config_node *node;	/* what the open section fills; NULL: no room */
	struct config_link *link;
	struct config_log *subsys;
	unsigned int key_line[CONFIG_KEYS_MAX];	/* where each key was, 0: not in the open section */
	char unknown[CONFIG_PATH_MAX];	/* unknown section that was reported; "": none */
};

/* Gives all fields of one scope their initial values. */
static void
scope_init(enum config_scope scope, void *base)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		char *at = (char *) base + key->offset;

		if (key->scope != scope || key->effect != CONFIG_USED || key->type == CONFIG_TEXT)
			continue;
		/* logging{} shares its struct with logger_subsys{}, whose fields begin unset. */
		if (scope == CONFIG_SCOPE_LOG && strcmp(key->section, "logging") != 0)
			continue;
		memcpy(at, &key->initial, sizeof key->initial);
	}
}

void
config_init(struct config *config)
{
	*config = (struct config) { 0 };
	scope_init(CONFIG_SCOPE_ROOT, config);
	scope_init(CONFIG_SCOPE_LOG, &config->log);
	scope_init(CONFIG_SCOPE_LINK, &config->link);
}

static struct config_node *
node_begin(struct reading *in, unsigned int line)
{
	struct config *config = in->config;
	struct config_node *node;

	if (config->node_count == CONFIG_NODES_MAX) {
		config_report(in->reports, CONFIG_ERROR, in->file, line,
		    "nodelist.node: more than %u nodes", CONFIG_NODES_MAX);
		return NULL;
	}
	node = &config->nodes[config->node_count++];
	scope_init(CONFIG_SCOPE_NODE, node);
	node->line = line;
	return node;
}

static struct config_link *
link_begin(struct reading *in, unsigned int line)
{
	struct config *config = in->config;
	struct config_link *link;

	if (config->link_count == CONFIG_LINKS_MAX) {
		config_report(in->reports, CONFIG_ERROR, in->file, line,
		    "totem.interface: more than %u links", CONFIG_LINKS_MAX);
		return NULL;
	}
	link = &config->links[config->link_count];
	scope_init(CONFIG_SCOPE_LINK, link);
	link->number = config->link_count++;
	link->line = line;
	return link;
}

static struct config_log *
subsys_begin(struct reading *in, unsigned int line)
{
	struct config *config = in->config;
	struct config_log *log;

	if (config->subsys_count == CONFIG_SUBSYS_MAX) {
		config_report(in->reports, CONFIG_ERROR, in->file, line,
		    "logging.logger_subsys: more than %u", CONFIG_SUBSYS_MAX);
		return NULL;
	}
	log = &config->subsys[config->subsys_count++];
	*log = (struct config_log) {
		.to_stderr = CONFIG_UNSET, .to_logfile = CONFIG_UNSET, .to_syslog = CONFIG_UNSET,
		.logfile_priority = CONFIG_UNSET, .syslog_priority = CONFIG_UNSET,
		.syslog_facility = CONFIG_UNSET, .debug = CONFIG_UNSET, .line = line,
	};
	return log;
}

/* A new section of a kind that may come several times: its keys are not there yet. */
static void
key_lines_forget(struct reading *in, const char *section)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, section) == 0)
			in->key_line[i] = 0;
	}
}

static void
section_begin(struct reading *in, const char *section, unsigned int line)
{
	const struct config_foreign *foreign = config_foreign_find(section);
	char near[CONFIG_TEXT_MAX];

	in->unknown[0] = '\0';
	if (strcmp(section, "nodelist.node") == 0 || strcmp(section, "totem.interface.member") == 0
	    || strcmp(section, "totem.interface") == 0
	    || strcmp(section, "logging.logger_subsys") == 0)
		key_lines_forget(in, section);
	if (strcmp(section, "nodelist.node") == 0 || strcmp(section, "totem.interface.member") == 0)
		in->node = node_begin(in, line);
	else if (strcmp(section, "totem.interface") == 0)
		in->link = link_begin(in, line);
	else if (strcmp(section, "logging.logger_subsys") == 0)
		in->subsys = subsys_begin(in, line);
	else if (strcmp(section, "quorum") == 0)
		in->config->quorum_section = true;

	if (foreign != NULL) {
		if (foreign->what != NULL && strcmp(section, foreign->section) == 0)
			config_report(in->reports, CONFIG_NOTE, in->file, line,
			    "section %s has no effect: %s", section, foreign->what);
		return;
	}
	if (strcmp(section, "quorum") == 0)
		config_report(in->reports, CONFIG_NOTE, in->file, line,
		    "section quorum has no effect: the quorum engine is not installed");
	if (config_section_known(section))
		return;
	(void) snprintf(in->unknown, sizeof in->unknown, "%s", section);
	if (config_section_near(section, near, sizeof near))
		config_report(in->reports, CONFIG_WARNING, in->file, line,
		    "unknown section %s is ignored; the nearest known one is %s", section, near);
	else
		config_report(in->reports, CONFIG_WARNING, in->file, line,
		    "unknown section %s is ignored", section);
}

static void
key_unknown(struct reading *in, const struct config_event *event)
{
	const char *dot = event->section[0] != '\0' ? "." : "";
	const char *near = config_key_near(event->section, event->key), *home;

	if (near != NULL) {
		config_report(in->reports, CONFIG_WARNING, in->file, event->line,
		    "unknown key %s%s%s is ignored; the nearest known one is %s",
		    event->section, dot, event->key, near);
		return;
	}
	home = config_key_home(event->key);
	config_report(in->reports, CONFIG_WARNING, in->file, event->line,
	    "unknown key %s%s%s is ignored%s%s", event->section, dot, event->key,
	    home != NULL ? "; a key of that name belongs into section " : "",
	    home != NULL ? home : "");
}

/* Where the key's struct begins, NULL when that section had no room (reported already). */
static void *
key_base(struct reading *in, const struct config_key *key)
{
	switch (key->scope) {
	case CONFIG_SCOPE_ROOT:
	case CONFIG_SCOPE_NONE:
		return in->config;
	case CONFIG_SCOPE_NODE:
		return in->node;
	case CONFIG_SCOPE_LINK:
		return in->link;
	case CONFIG_SCOPE_LOG:
		return strcmp(key->section, "logging") == 0 ? &in->config->log : in->subsys;
	}
	return NULL;
}

/* Remember where a key is, and say so when there was one like it: the last one counts. */
static void
key_line_note(struct reading *in, const struct config_key *key, const struct config_event *event)
{
	unsigned int *line = &in->key_line[key - config_keys];

	/* uid and gid are lists. */
	if (*line != 0 && key->effect == CONFIG_USED && key->type != CONFIG_USER
	    && key->type != CONFIG_GROUP)
		config_report(in->reports, CONFIG_WARNING, in->file, event->line,
		    "%s.%s is given at line %u already; this one is used", event->section,
		    event->key, *line);
	*line = event->line;
}

static int
on_event(void *host, const struct config_event *event)
{
	struct reading *in = host;
	const char *section = event->section;
	const struct config_key *key;
	char alias[CONFIG_PATH_MAX];
	struct config_event plain = *event;
	size_t unknown_len = strlen(in->unknown), error_count = in->reports->error_count;
	void *base;

	/* network{} is an old name of totem{}. */
	if (strncmp(section, "network", 7) == 0 && (section[7] == '\0' || section[7] == '.')) {
		(void) snprintf(alias, sizeof alias, "totem%s", section + 7);
		plain.section = alias;
	}
	if (unknown_len > 0 && strncmp(plain.section, in->unknown, unknown_len) == 0
	    && (plain.section[unknown_len] == '.'
	    || (plain.section[unknown_len] == '\0' && event->key != NULL)))
		return 0;
	if (event->key == NULL) {
		section_begin(in, plain.section, event->line);
		return 0;
	}
	if (config_foreign_find(plain.section) != NULL)
		return 0;
	key = config_key_find(plain.section, event->key);
	if (key == NULL && plain.section[0] == '\0' && config_foreign_find(event->key) != NULL) {
		config_report(in->reports, CONFIG_NOTE, in->file, event->line,
		    "%s has no effect: %s", event->key, config_foreign_find(event->key)->what);
		return 0;
	}
	if (key == NULL) {
		key_unknown(in, &plain);
		return 0;
	}
	key_line_note(in, key, &plain);
	if (in->subsys != NULL && strcmp(plain.section, "logging.logger_subsys") == 0
	    && strcmp(key->key, "subsys") == 0)
		in->subsys->line = plain.line;
	base = key_base(in, key);
	if (base != NULL)
		config_value_set(in->config, key, base, &plain, in->file, in->reports);
	if (key->scope == CONFIG_SCOPE_NODE && base != NULL
	    && in->reports->error_count > error_count)
		in->node->refused = true;
	return 0;
}

int
config_read_text(struct config *config, const char *file, const char *text, size_t len,
    struct config_reports *reports)
{
	struct reading in = { .config = config, .file = file, .reports = reports };
	struct config_syntax_error error;

	cs_assert(config_key_count <= CONFIG_KEYS_MAX);
	if (config_parse(text, len, on_event, &in, &error) < 0) {
		config_report(reports, CONFIG_ERROR, file, error.line, "%s", error.text);
		return -EBADMSG;
	}
	if (!config->was_read)
		memcpy(config->key_line, in.key_line, sizeof config->key_line);
	config->was_read = true;
	return 0;
}

static int
file_read(int dir_fd, const char *path, char **ret_text, size_t *ret_len)
{
	char *text;
	size_t len = 0;
	ssize_t n;
	int fd, r = 0;

	fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	text = malloc(CONFIG_FILE_BYTES_MAX + 1);
	if (text == NULL) {
		(void) close(fd);
		return -ENOMEM;
	}
	while (len <= CONFIG_FILE_BYTES_MAX) {
		n = read(fd, text + len, CONFIG_FILE_BYTES_MAX + 1 - len);
		if (n < 0)
			r = -errno;
		if (n <= 0)
			break;
		len += (size_t) n;
	}
	(void) close(fd);
	if (r == 0 && len > CONFIG_FILE_BYTES_MAX)
		r = -EFBIG;
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* uidgid.d: the files beside the configuration that hold uidgid{} sections. */
static void
uidgid_load(struct config *config, const char *file, struct config_reports *reports)
{
	char dir_path[4096], path[4608];
	const char *slash = strrchr(file, '/');
	const struct dirent *entry;
	DIR *dir;

	(void) snprintf(dir_path, sizeof dir_path, "%.*suidgid.d",
	    slash != NULL ? (int) (slash - file + 1) : 0, file);
	dir = opendir(dir_path);
	if (dir == NULL)
		return;		/* there need not be one */
	while ((entry = readdir(dir)) != NULL) {
		char *text;
		size_t len;
		int r;

		if (entry->d_name[0] == '.')
			continue;
		(void) snprintf(path, sizeof path, "%s/%s", dir_path, entry->d_name);
		r = file_read(AT_FDCWD, path, &text, &len);
		if (r == -EISDIR)
			continue;
		if (r < 0) {
			config_report(reports, CONFIG_WARNING, path, 0, "ignored: %s",
			    strerror(-r));
			continue;
		}
		(void) config_read_text(config, path, text, len, reports);
		free(text);
	}
	(void) closedir(dir);
}

int
config_load(struct config *config, const char *file, struct config_reports *reports)
{
	char *text;
	size_t len;
	int r;

	config_init(config);
	r = file_read(AT_FDCWD, file, &text, &len);
	if (r < 0) {
		config_report(reports, CONFIG_ERROR, file, 0, "cannot be read: %s%s", strerror(-r),
		    r == -EFBIG ? " (1 MiB at most)" : "");
		return r;
	}
	r = config_read_text(config, file, text, len, reports);
	free(text);
	if (r < 0)
		return r;
	uidgid_load(config, file, reports);
	config_finish(config, file, reports);
	config_check_logfile(config, file, reports);
	return reports->error_count > 0 ? -EBADMSG : 0;
}
