/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <stdarg.h>
#include <stdio.h>

#include "tools/trouble.h"

const char *
trouble_advice(cs_error_t error)
{
	switch ((int) error) {
	case CS_ERR_LIBRARY:
		return "no daemon answers: start corosync, or see its log if it runs (it may still "
		    "wait for its address); COROSYNC_INSTANCE says which one is asked";
	case CS_ERR_TRY_AGAIN:
		return "the daemon is starting or synchronising, or has too much to do: try again";
	case CS_ERR_ACCESS:
		return "this user may not: run it as root, or let the administrator add the user "
		    "to uidgid in corosync.conf";
	case CS_ERR_NO_MEMORY:
	case CS_ERR_NO_RESOURCES:
		return "memory or descriptors are short, here or in the daemon: see its log";
	default:	/* tidy: open set: a newer library may have more */
		return "";
	}
}

void
trouble_say(cs_error_t error, const char *format, ...)
{
	const char *advice = trouble_advice(error);
	va_list args;

	va_start(args, format);
	(void) vfprintf(stderr, format, args);
	va_end(args);
	(void) fprintf(stderr, " (%s)%s%s\n", cs_strerror(error), advice[0] != '\0' ? ": " : "",
	    advice);
}
