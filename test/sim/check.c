/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "test/sim/check.h"

static const struct checker *const checkers[] = {
	&check_v01_integrity,
	&check_v02_same_configuration,
	&check_v03_membership,
	&check_v04_ids,
	&check_v05_alternation,
	&check_v06_transitional,
	&check_v07_no_lone_install,
	&check_v08_self_delivery,
	&check_v09_atomicity,
	&check_v10_causal,
	&check_v11_total,
	&check_v12_safe,
	&check_v13_fifo,
	&check_v14_liveness,
};

#define CHECKER_COUNT	(sizeof checkers / sizeof *checkers)
#define TEXT_COUNT	8u

const struct checker *
checker_of(enum property property)
{
	return checkers[property - 1];
}

void
check_event(struct check *check, const struct event *event)
{
	for (size_t i = 0; i < CHECKER_COUNT && check->failed == 0; i++)
		if (checkers[i]->event != NULL &&
		    (check->only == 0 || check->only == (uint32_t) checkers[i]->property))
			checkers[i]->event(check, event);
}

void
check_final(struct check *check)
{
	for (size_t i = 0; i < CHECKER_COUNT && check->failed == 0; i++)
		if (checkers[i]->final != NULL &&
		    (check->only == 0 || check->only == (uint32_t) checkers[i]->property))
			checkers[i]->final(check);
}

void
check_fail(struct check *check, enum property property, const char *format, ...)
{
	va_list arguments;

	if (check->failed != 0 || (check->only != 0 && check->only != (uint32_t) property))
		return;
	check->failed = property;
	va_start(arguments, format);
	(void) vsnprintf(check->what, sizeof check->what, format, arguments);
	va_end(arguments);
}

static char *
check_text(size_t *ret_size)
{
	static char text[TEXT_COUNT][128];
	static unsigned next;

	*ret_size = sizeof text[0];
	return text[next++ % TEXT_COUNT];
}

const char *
check_proc(const struct history *h, uint32_t proc)
{
	size_t size;
	char *text = check_text(&size);

	if (proc == NONE)
		return "nobody";
	(void) snprintf(text, size, "%" PRIu32 "/%" PRIu32, h->proc[proc].node, proc);
	return text;
}

const char *
check_message(const struct history *h, uint32_t message)
{
	size_t size;
	char *text = check_text(&size);
	const struct message *m;

	if (message == NONE)
		return "an unknown message";
	m = &h->message[message];
	(void) snprintf(text, size, "%" PRIu32 "/%" PRIu32 "#%" PRIu64 " (%s%s, %zu bytes)",
	    h->proc[m->origin].node, m->origin, m->number,
	    m->kind == MESSAGE_APP ? "" : m->kind == MESSAGE_SYNC ? "sync " : "barrier ",
	    m->guarantee == TOTEM_SAFE ? "SAFE" : "AGREED", m->len);
	return text;
}

const char *
check_ring_id(const struct totem_ring_id *id)
{
	size_t size;
	char *text = check_text(&size);

	(void) snprintf(text, size, "%" PRIu32 ".%" PRIx64 ".%04" PRIx64, id->rep, id->seq,
	    id->nonce & 0xffff);
	return text;
}

const char *
check_ring(const struct history *h, uint32_t ring)
{
	return ring == NONE ? "no ring" : check_ring_id(&h->ring[ring].id);
}
