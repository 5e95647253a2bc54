/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * C2, arithmetic of views: members = members before - left + joined; who leaves was there, who
 * joins was not, nobody is named twice; one change for one place, so one for a ring change.
 */
#include <inttypes.h>

#include "test/sim/cpg/cpg.h"

static bool
c02_has(const struct place *list, size_t count, const struct place *one)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].node == one->node && list[i].pid == one->pid)
			return true;
	return false;
}

static bool
c02_twice(const struct place *list, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (c02_has(list, i, &list[i]))
			return true;
	return false;
}

/* NULL, or what is wrong with the change for one who had the view before it. */
static const char *
c02_wrong(const struct session *s, const struct cpg_event *event)
{
	size_t expected = s->view_count - event->left_count + event->joined_count;

	for (size_t i = 0; i < event->left_count; i++)
		if (!c02_has(s->view, s->view_count, &event->left[i]))
			return "somebody leaves who was not there";
	for (size_t i = 0; i < event->joined_count; i++)
		if (c02_has(s->view, s->view_count, &event->joined[i]))
			return "somebody joins who was there";
	for (size_t i = 0; i < s->view_count; i++)
		if (c02_has(event->members, event->member_count, &s->view[i]) ==
		    c02_has(event->left, event->left_count, &s->view[i]))
			return "somebody neither stays nor leaves, or both";
	return event->member_count != expected ? "the members are not the old ones without those"
	    " who left and with those who joined" : NULL;
}

static void
c02_event(struct sim *sim, const struct cpg_event *event)
{
	const struct session *s;
	const char *wrong = NULL;

	if (event->kind != CPG_CONFCHG || event->session == NONE)
		return;
	s = &cpg_of(sim)->trace.session[event->session];
	if (c02_twice(event->members, event->member_count) ||
	    c02_twice(event->left, event->left_count) ||
	    c02_twice(event->joined, event->joined_count))
		wrong = "somebody is named twice";
	else if (event->left_count + event->joined_count == 0)
		wrong = "nothing changes";
	else if (s->view_at != 0 && trace_place_key(event) == s->view_at)
		wrong = "it is the second change at one place of the order";
	else if (s->view_place != 0)
		wrong = c02_wrong(s, event);
	for (size_t i = 0; wrong == NULL && i < event->joined_count; i++)
		if (!c02_has(event->members, event->member_count, &event->joined[i]))
			wrong = "somebody joins and is no member";
	if (wrong != NULL)
		judge_fail(sim, C2_VIEWS, "%s: a change from %zu members to %zu (%zu left, %zu"
		    " joined): %s", judge_session(sim, event->session), s->view_count,
		    event->member_count, event->left_count, event->joined_count, wrong);
}

const struct cpg_checker check_c02_views = {
	.property = C2_VIEWS, .name = "arithmetic of views", .event = c02_event,
};
