/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exec/base/assert.h"
#include "exec/core/config_value.h"

struct target {
	const struct config_key *key;
	const struct config_event *event;
	const char *file;
	struct config_reports *reports;
};

int
config_number(const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		uint64_t digit = (uint64_t) (unsigned char) *text - '0';

		if (digit > 9)
			return -EINVAL;
		if (number > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return 0;
}

static const char *
unit_name(enum config_type type)
{
	switch (type) {
	case CONFIG_MS:
		return " ms";
	case CONFIG_BYTES:
		return " bytes";
	case CONFIG_PERCENT:
		return " %";
	case CONFIG_COUNT:
	case CONFIG_BOOL:
	case CONFIG_CHOICE:
	case CONFIG_TEXT:
	case CONFIG_USER:
	case CONFIG_GROUP:
		return "";
	}
	return "";
}

static void
refuse(const struct target *t, const char *allowed)
{
	config_report(t->reports, CONFIG_ERROR, t->file, t->event->line,
	    "%s.%s: '%.100s' is not allowed; allowed: %s", t->event->section, t->event->key,
	    t->event->value, allowed);
}

static void
number_set(const struct target *t, uint64_t *at)
{
	const struct config_key *key = t->key;
	const char *unit = unit_name(key->type);
	char allowed[CONFIG_TEXT_MAX];
	uint64_t number;
	int r = config_number(t->event->value, &number), len;

	if (r == 0 && number >= key->min && number <= key->max) {
		*at = number;
		return;
	}
	if (r == 0 && key->type == CONFIG_MS && number < key->min) {
		/* The wording that tools and people know. */
		config_report(t->reports, CONFIG_ERROR, t->file, t->event->line,
		    "%s.%s: The %s timeout parameter (%" PRIu64 " ms) may not be less than (%"
		    PRIu64 " ms).", t->event->section, key->key, key->key, number, key->min);
		return;
	}
	if (key->min == key->max)
		len = snprintf(allowed, sizeof allowed, "%" PRIu64 "%s", key->min, unit);
	else
		len = snprintf(allowed, sizeof allowed, "a number from %" PRIu64 " to %" PRIu64
		    "%s", key->min, key->max, unit);
	cs_assert(len > 0 && (size_t) len < sizeof allowed);
	if (strchr(t->event->value, '#') != NULL)
		(void) snprintf(allowed + len, sizeof allowed - (size_t) len,
		    " (a comment has a line of its own)");
	refuse(t, allowed);
}

/* Is `word` of `len` letters one of the alternatives "a|b|c" that `choice` begins with?  Moves
 * `*choice` behind them. */
static bool
choice_match(const char **choice, const char *word)
{
	bool found = false;

	while (**choice != '\0' && **choice != ' ') {
		size_t len = strcspn(*choice, "| ");

		found = found || (strlen(word) == len && strncasecmp(*choice, word, len) == 0);
		*choice += len;
		if (**choice == '|')
			(*choice)++;
	}
	if (**choice == ' ')
		(*choice)++;
	return found;
}

static void
choice_set(const struct target *t, uint64_t *at, const char *choices)
{
	const char *choice = choices;
	char allowed[CONFIG_TEXT_MAX];
	uint64_t index = 0;

	for (; *choice != '\0'; index++) {
		if (choice_match(&choice, t->event->value)) {
			*at = index;
			return;
		}
	}
	(void) snprintf(allowed, sizeof allowed, "%s", choices);
	for (char *c = allowed; *c != '\0'; c++) {
		if (*c == '|')
			*c = ' ';
	}
	refuse(t, allowed);
}

static void
text_set(const struct target *t, char *at)
{
	if (strlen(t->event->value) >= CONFIG_TEXT_MAX) {
		refuse(t, "at most 255 characters");
		return;
	}
	(void) snprintf(at, CONFIG_TEXT_MAX, "%s", t->event->value);
}

static void
user_set(const struct target *t, struct config *config)
{
	const struct passwd *user;
	uint64_t number;

	if (config_number(t->event->value, &number) < 0) {
		user = getpwnam(t->event->value);
		if (user == NULL) {
			refuse(t, "a user's name or number");
			return;
		}
		number = user->pw_uid;
	}
	if (number >= UINT32_MAX || config->uid_count == CONFIG_IDS_MAX) {
		refuse(t, "a user's name or number, 64 of them");
		return;
	}
	config->uids[config->uid_count++] = (uid_t) number;
}

static void
group_set(const struct target *t, struct config *config)
{
	const struct group *group;
	uint64_t number;

	if (config_number(t->event->value, &number) < 0) {
		group = getgrnam(t->event->value);
		if (group == NULL) {
			refuse(t, "a group's name or number");
			return;
		}
		number = group->gr_gid;
	}
	if (number >= UINT32_MAX || config->gid_count == CONFIG_IDS_MAX) {
		refuse(t, "a group's name or number, 64 of them");
		return;
	}
	config->gids[config->gid_count++] = (gid_t) number;
}

/* What was asked to be sealed never runs in clear. */
static void
sealing_check(const struct target *t)
{
	const char *value = t->event->value;

	if (strcasecmp(value, "off") == 0 || strcasecmp(value, "no") == 0
	    || strcasecmp(value, "none") == 0 || strcmp(value, "0") == 0)
		return;
	config_report(t->reports, CONFIG_ERROR, t->file, t->event->line,
	    "%s.%s: '%.100s' asks for encryption, which this version does not have; it does not "
	    "run in clear what should be sealed; allowed: %s", t->event->section, t->event->key,
	    value, strcmp(t->key->key, "secauth") == 0 ? "off" : "none");
}

static void
used_set(const struct target *t, struct config *config, void *base)
{
	void *at = (char *) base + t->key->offset;

	switch (t->key->type) {
	case CONFIG_MS:
	case CONFIG_COUNT:
	case CONFIG_BYTES:
	case CONFIG_PERCENT:
		number_set(t, at);
		return;
	case CONFIG_BOOL:
		choice_set(t, at, "no|off|0|false yes|on|1|true");
		return;
	case CONFIG_CHOICE:
		choice_set(t, at, t->key->choices);
		return;
	case CONFIG_TEXT:
		text_set(t, at);
		return;
	case CONFIG_USER:
		user_set(t, config);
		return;
	case CONFIG_GROUP:
		group_set(t, config);
		return;
	}
}

void
config_value_set(struct config *config, const struct config_key *key, void *base,
    const struct config_event *event, const char *file, struct config_reports *reports)
{
	struct target t = { .key = key, .event = event, .file = file, .reports = reports };

	switch (key->effect) {
	case CONFIG_USED:
		used_set(&t, config, base);
		return;
	case CONFIG_IGNORED:
		config_report(reports, CONFIG_NOTE, file, event->line, "%s.%s has no effect: %s",
		    event->section, event->key, key->what);
		return;
	case CONFIG_SEALING:
		sealing_check(&t);
		return;
	case CONFIG_SILENT:
		return;
	}
}
