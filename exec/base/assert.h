/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Assertions that stay in release builds.  They speak of our own state only: what a peer, a client
 * or a file says is checked and counted instead.  A failed one calls the process's handler (the
 * daemon's writes its record and aborts), which must not return.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

typedef void (*cs_assert_fn)(const char *expression, const char *file, int line);

/* Replace the handler (NULL: the default, which prints to stderr and aborts). */
void cs_assert_handler_set(cs_assert_fn handler);
_Noreturn void cs_assert_failed(const char *expression, const char *file, int line);

#define cs_assert(expression) \
	((expression) ? (void) 0 : cs_assert_failed(#expression, __FILE__, __LINE__))
#endif
