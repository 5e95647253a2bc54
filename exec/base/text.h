/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Text of others (a group's name, what a client gave) made fit for a line of the log: one that has
 * a newline in it must not look like two lines.  What is replaced reads \x0A, as in cpgtool.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>

#include "exec/base/assert.h"

enum text_kind {
	TEXT_NAME,	/* one word: printable ASCII without blank and backslash is kept */
	TEXT_LINE,	/* a whole line: only control characters are replaced; UTF-8 is kept */
};

#define TEXT_ESCAPED_MAX(len)	((len) * 4u + 1u)	/* room that is always enough */

static inline bool
text_kept(enum text_kind kind, unsigned char c)
{
	if (kind == TEXT_LINE)
		return c >= ' ' && c != 0x7f;
	return c > ' ' && c < 0x7f && c != '\\';
}

/* `ret_text` has `size` > 0 bytes and ends in a zero; what does not fit is cut, at a character. */
static inline const char *
text_escape(enum text_kind kind, const char *data, size_t len, char *ret_text, size_t size)
{
	static const char digit[] = "0123456789ABCDEF";
	size_t at = 0;

	cs_assert(size > 0);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char) data[i];
		bool kept = text_kept(kind, c);

		if (size - at <= (kept ? 1u : 4u))
			break;
		if (kept) {
			ret_text[at++] = (char) c;
			continue;
		}
		ret_text[at++] = '\\';
		ret_text[at++] = 'x';
		ret_text[at++] = digit[c >> 4];
		ret_text[at++] = digit[c & 15];
	}
	ret_text[at] = '\0';
	return ret_text;
}
#endif
