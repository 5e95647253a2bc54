/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The syntax of corosync.conf: sections in braces, nested, `key: value` lines, `#` comment lines.
 * Pure: text in, one event a section or key out; what the keys mean is config.c's business.
 *
 *	totem {
 *		version: 2
 *		interface {
 *			linknumber: 0
 *		}
 *	}
 */
#ifndef CORE_CONFIG_PARSE_H
#define CORE_CONFIG_PARSE_H
#include <stddef.h>

#define CONFIG_NAME_MAX		255u	/* of a section or key */
#define CONFIG_LINE_MAX		4096u
#define CONFIG_DEPTH_MAX	8u
#define CONFIG_FILE_BYTES_MAX	(1024u * 1024u)
#define CONFIG_PATH_MAX		((CONFIG_NAME_MAX + 1u) * (CONFIG_DEPTH_MAX + 1u))

/* A section that begins (key NULL), or a key. */
struct config_event {
	const char *section;	/* "totem.interface"; "" at top level */
	const char *key;
	const char *value;
	unsigned int line;
};

/* Everything pointed to is lent for the call.  Not 0: parsing stops and returns it. */
typedef int (*config_event_fn)(void *host, const struct config_event *event);

struct config_syntax_error {
	unsigned int line;
	char text[256];
};

/* 0; what `on_event` returned; or -EBADMSG, then `ret_error` says where and why. */
int config_parse(const char *text, size_t len, config_event_fn on_event, void *host,
    struct config_syntax_error *ret_error);
#endif
