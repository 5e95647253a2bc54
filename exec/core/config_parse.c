/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "exec/base/assert.h"
#include "exec/core/config_parse.h"

struct parser {
	config_event_fn on_event;
	void *host;
	struct config_syntax_error *error;
	unsigned int line;
	unsigned int depth;
	unsigned int opened[CONFIG_DEPTH_MAX];	/* line of each open brace */
	size_t path_len[CONFIG_DEPTH_MAX];	/* of `path` before each open section */
	char path[CONFIG_PATH_MAX];
};

static int __attribute__((format(printf, 2, 3)))
fail(struct parser *p, const char *format, ...)
{
	va_list args;

	p->error->line = p->line;
	va_start(args, format);
	(void) vsnprintf(p->error->text, sizeof p->error->text, format, args);
	va_end(args);
	return -EBADMSG;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Cuts blanks off both ends, in place. */
static char *
trim(char *text)
{
	size_t len;

	while (is_blank(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

/* Names become parts of dotted paths and of log lines: printable ASCII without blanks and dots. */
static int
name_check(struct parser *p, const char *name, const char *what)
{
	size_t len = strlen(name);

	if (len == 0)
		return fail(p, "%s without a name", what);
	if (len > CONFIG_NAME_MAX)
		return fail(p, "%s name longer than %u characters", what, CONFIG_NAME_MAX);
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return fail(p, "%s name with a blank, a control or a non-ASCII character",
			    what);
	}
	return 0;
}

static int
section_open(struct parser *p, char *name, const char *rest)
{
	struct config_event event = { .section = p->path, .line = p->line };
	size_t len = strlen(p->path);
	int r;

	while (is_blank(*rest))
		rest++;
	if (*rest != '\0' && *rest != '#')
		return fail(p, "text behind '{': each key and each '}' has a line of its own");
	name = trim(name);
	r = name_check(p, name, "section");
	if (r < 0)
		return r;
	if (p->depth == CONFIG_DEPTH_MAX)
		return fail(p, "sections nested deeper than %u", CONFIG_DEPTH_MAX);
	p->opened[p->depth] = p->line;
	p->path_len[p->depth++] = len;
	cs_assert(len + 1 + strlen(name) < sizeof p->path);
	(void) snprintf(p->path + len, sizeof p->path - len, "%s%s", len > 0 ? "." : "", name);
	return p->on_event(p->host, &event);
}

static int
section_close(struct parser *p, const char *line)
{
	const char *rest = line + 1;

	while (is_blank(*rest))
		rest++;
	if (*rest != '\0' && *rest != '#')
		return fail(p, "text behind '}'");
	if (p->depth == 0)
		return fail(p, "'}' without a section to end");
	p->path[p->path_len[--p->depth]] = '\0';
	return 0;
}

static int
line_parse(struct parser *p, char *line)
{
	struct config_event event = { .section = p->path, .line = p->line };
	char *mark;
	int r;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return 0;
	if (*line == '}')
		return section_close(p, line);
	mark = strpbrk(line, ":{");
	if (mark == NULL)
		return fail(p, "'%.64s' is neither 'key: value' nor 'section {' nor '}'", line);
	if (*mark == '{') {
		*mark = '\0';
		return section_open(p, line, mark + 1);
	}
	*mark = '\0';
	event.key = trim(line);
	event.value = trim(mark + 1);
	r = name_check(p, event.key, "key");
	if (r < 0)
		return r;
	for (const char *c = event.value; *c != '\0'; c++) {
		if ((unsigned char) *c < ' ' && *c != '\t')
			return fail(p, "value of %s with a control character", event.key);
	}
	return p->on_event(p->host, &event);
}

int
config_parse(const char *text, size_t len, config_event_fn on_event, void *host,
    struct config_syntax_error *ret_error)
{
	struct parser p = { .on_event = on_event, .host = host, .error = ret_error };
	char line[CONFIG_LINE_MAX + 1];
	int r;

	cs_assert(on_event != NULL && ret_error != NULL);
	/* Some editors begin UTF-8 text with a byte order mark; it means nothing. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (memchr(text, '\0', len) != NULL)
		return fail(&p, "not a text file: it has a zero byte");
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t line_len = end != NULL ? (size_t) (end - (text + at)) : len - at;

		p.line++;
		if (line_len > CONFIG_LINE_MAX)
			return fail(&p, "line longer than %u characters", CONFIG_LINE_MAX);
		memcpy(line, text + at, line_len);
		line[line_len] = '\0';
		at += line_len + 1;
		r = line_parse(&p, line);
		if (r != 0)
			return r;
	}
	if (p.depth > 0) {
		p.line = p.opened[p.depth - 1];
		return fail(&p, "section %s has no '}'", p.path);
	}
	return 0;
}
