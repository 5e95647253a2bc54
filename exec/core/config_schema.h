/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Every key of corosync.conf in one table: where it belongs, unit, default, limits, whether a
 * running daemon takes a change, what it does here.  Parser, checks, `corosync -t` and the manual
 * page go by it.
 */
#ifndef CORE_CONFIG_SCHEMA_H
#define CORE_CONFIG_SCHEMA_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

enum config_type {
	CONFIG_MS,
	CONFIG_COUNT,
	CONFIG_BYTES,
	CONFIG_PERCENT,
	CONFIG_BOOL,		/* yes no on off 1 0 */
	CONFIG_CHOICE,		/* one of `choices`; the value is its index */
	CONFIG_TEXT,
	CONFIG_USER,		/* name or number */
	CONFIG_GROUP,
};

enum config_effect {
	CONFIG_USED,		/* does what the sentence says */
	CONFIG_IGNORED,		/* without effect here; said in one line */
	CONFIG_SILENT,		/* informative only: nothing to say */
	CONFIG_SEALING,		/* asks for encryption: refused unless it says no */
};

/* What `offset` is relative to: the struct that the innermost section fills. */
enum config_scope {
	CONFIG_SCOPE_ROOT,
	CONFIG_SCOPE_NODE,
	CONFIG_SCOPE_LINK,
	CONFIG_SCOPE_LOG,
	CONFIG_SCOPE_NONE,
};

struct config_key {
	const char *section;
	const char *key;
	enum config_type type;
	enum config_effect effect;
	enum config_scope scope;
	size_t offset;		/* of a uint64_t, or of a char[CONFIG_TEXT_MAX] */
	uint64_t initial;	/* CONFIG_UNSET: derived, or none */
	uint64_t min, max;	/* of numbers */
	const char *choices;	/* CONFIG_CHOICE: "a b c", with alternatives "a|b c" */
	bool runtime;		/* a running daemon can take a change */
	const char *what;	/* one sentence */
};

/* Sections whose keys are taken as they are, because what reads them is not installed. */
struct config_foreign {
	const char *section;	/* it and all below */
	const char *what;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;
extern const struct config_foreign config_foreign[];
extern const size_t config_foreign_count;

/* NULL: no such key. */
const struct config_key *config_key_find(const char *section, const char *key);
/* The line of a key in the first text read, 0: it is not there. */
unsigned int config_key_line(const struct config *config, const char *section, const char *key);
bool config_section_known(const char *section);
/* NULL: not in a foreign section. */
const struct config_foreign *config_foreign_find(const char *section);
/* The known key of that section most like an unknown one, NULL when none is near. */
const char *config_key_near(const char *section, const char *key);
/* The one of `names` most like `name`, NULL when none is near. */
const char *config_name_near(const char *name, const char *const *names, size_t count);
/* The section that such a key belongs to, NULL when none has it. */
const char *config_key_home(const char *key);
/* The known section most like an unknown one; false when none is near. */
bool config_section_near(const char *section, char *ret_near, size_t size);
#endif
