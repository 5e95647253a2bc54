/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Calls the judges, and words for what they say.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "test/sim/cpg/cpg.h"

static const struct cpg_checker *const checkers[] = {
	&check_c01_order, &check_c02_views, &check_c03_join_point, &check_c04_leave_point,
	&check_c05_members_only, &check_c06_no_ghosts, &check_c07_self_delivery, &check_c08_whole,
	&check_c09_barrier, &check_c10_paused, &check_c11_rejoin, &check_c12_flow, &check_savings,
	&check_safe,
};

#define CHECKER_COUNT	(sizeof checkers / sizeof *checkers)
#define TEXT_COUNT	8u

static bool
judge_wanted(const struct sim *sim, const struct cpg_checker *checker)
{
	return sim->check.failed == 0 &&
	    (sim->check.only == 0 || sim->check.only == (uint32_t) checker->property);
}

void
judge_event(struct sim *sim, const struct cpg_event *event)
{
	for (size_t i = 0; i < CHECKER_COUNT; i++)
		if (checkers[i]->event != NULL && judge_wanted(sim, checkers[i]))
			checkers[i]->event(sim, event);
}

void
judge_final(struct sim *sim)
{
	for (size_t i = 0; i < CHECKER_COUNT; i++)
		if (checkers[i]->final != NULL && judge_wanted(sim, checkers[i]))
			checkers[i]->final(sim);
}

const char *
judge_name(uint32_t property)
{
	static char text[64];

	if (property >= C13_SAVINGS)
		return checkers[property - CPG_FIRST - 1]->name;
	(void) snprintf(text, sizeof text, "C%" PRIu32 " %s", property - CPG_FIRST,
	    checkers[property - CPG_FIRST - 1]->name);
	return text;
}

void
judge_fail(struct sim *sim, enum cpg_property property, const char *format, ...)
{
	char text[400];
	va_list arguments;

	if (sim->check.failed != 0)
		return;
	va_start(arguments, format);
	(void) vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	check_fail(&sim->check, (enum property) property, "%s", text);
	sim->check.failed_at_ns = sim->now_ns;
}

static char *
judge_text(size_t *ret_size)
{
	static char text[TEXT_COUNT][128];
	static unsigned next;

	*ret_size = sizeof text[0];
	return text[next++ % TEXT_COUNT];
}

const char *
judge_session(const struct sim *sim, uint32_t session)
{
	const struct session *s;
	size_t size;
	char *text = judge_text(&size);

	if (session == NONE)
		return "-";
	s = &cpg_of(sim)->trace.session[session];
	(void) snprintf(text, size, "%" PRIu32 ":%" PRIu32 ".%" PRIu32 " g%" PRIu32, s->node,
	    s->pid, session, s->group);
	return text;
}

const char *
judge_message(const struct sim *sim, uint32_t message)
{
	const struct cpg_message *m;
	size_t size;
	char *text = judge_text(&size);

	if (message == NONE)
		return "an unknown message";
	m = &cpg_of(sim)->trace.message[message];
	(void) snprintf(text, size, "#%" PRIu32 " of %s (%s, %" PRIu32 " bytes)", message,
	    judge_session(sim, m->session), m->safe ? "SAFE" : "AGREED", m->len);
	return text;
}
