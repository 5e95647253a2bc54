/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Finding names in the table, and the name that somebody may have meant.
 */
#include <string.h>
#include <strings.h>

#include "exec/base/assert.h"
#include "exec/core/config.h"
#include "exec/core/config_parse.h"
#include "exec/core/config_schema.h"

#define DISTANCE_NAME_MAX	64u

const struct config_key *
config_key_find(const char *section, const char *key)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, section) == 0
		    && strcmp(config_keys[i].key, key) == 0)
			return &config_keys[i];
	}
	return NULL;
}

unsigned int
config_key_line(const struct config *config, const char *section, const char *key)
{
	const struct config_key *found = config_key_find(section, key);

	cs_assert(found != NULL);
	return config->key_line[found - config_keys];
}

/* `section` is `prefix` or below it. */
static bool
below(const char *section, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(section, prefix, len) == 0 && (section[len] == '\0' || section[len] == '.');
}

bool
config_section_known(const char *section)
{
	/* A section that only holds sections ("nodelist") has no keys of its own. */
	for (size_t i = 0; i < config_key_count; i++) {
		if (below(config_keys[i].section, section))
			return true;
	}
	return false;
}

const struct config_foreign *
config_foreign_find(const char *section)
{
	for (size_t i = 0; i < config_foreign_count; i++) {
		if (below(section, config_foreign[i].section))
			return &config_foreign[i];
	}
	return NULL;
}

/* Edit distance (insert, delete, replace, and swap of two neighbours, which typing often does):
 * Damerau's restricted form, three rows of the table at a time. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[3][DISTANCE_NAME_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > DISTANCE_NAME_MAX || b_len > DISTANCE_NAME_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = row[i % 3], *before = row[(i - 1) % 3];
		const size_t *older = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);

			if (before[j] + 1 < best)
				best = before[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
			    && older[j - 2] + 1 < best)
				best = older[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[a_len % 3][b_len];
}

/* Near: at most a third of the letters differ, and never more than three. */
static size_t
distance_max(const char *name)
{
	size_t most = (strlen(name) + 2) / 3;

	return most < 3 ? most : 3;
}

const char *
config_key_near(const char *section, const char *key)
{
	const char *best = NULL;
	size_t best_distance = distance_max(key) + 1;

	for (size_t i = 0; i < config_key_count; i++) {
		size_t d;

		if (strcmp(config_keys[i].section, section) != 0)
			continue;
		d = distance(key, config_keys[i].key);
		if (d < best_distance) {
			best_distance = d;
			best = config_keys[i].key;
		}
	}
	return best;
}

const char *
config_name_near(const char *name, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t best_distance = distance_max(name) + 1;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(name, names[i]);

		if (d < best_distance) {
			best_distance = d;
			best = names[i];
		}
	}
	return best;
}

const char *
config_key_home(const char *key)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcasecmp(config_keys[i].key, key) == 0)
			return config_keys[i].section;
	}
	return NULL;
}

/* The first `count` parts of a dotted name. */
static void
parts_copy(const char *name, size_t count, char *ret_text, size_t size)
{
	size_t len = 0;

	while (name[len] != '\0' && len + 1 < size && (name[len] != '.' || --count > 0))
		len++;
	memcpy(ret_text, name, len);
	ret_text[len] = '\0';
}

bool
config_section_near(const char *section, char *ret_near, size_t size)
{
	size_t best_distance = distance_max(section) + 1, parts = 1;
	char name[DISTANCE_NAME_MAX + 1];

	cs_assert(size > DISTANCE_NAME_MAX);
	for (const char *c = section; *c != '\0'; c++)
		parts += *c == '.';
	for (size_t i = 0; i < config_key_count + config_foreign_count; i++) {
		size_t d;

		parts_copy(i < config_key_count ? config_keys[i].section
		    : config_foreign[i - config_key_count].section, parts, name, sizeof name);
		d = distance(section, name);
		if (d < best_distance) {
			best_distance = d;
			memcpy(ret_near, name, strlen(name) + 1);
		}
	}
	return best_distance <= distance_max(section);
}
