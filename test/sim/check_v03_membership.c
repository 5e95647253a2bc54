/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V3, membership: a process is a member of every configuration that it installs; all members are
 * processes that were started, each named once; what is delivered comes from a member.
 */
#include <inttypes.h>

#include "test/sim/check.h"

static void
v03_configuration(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	uint32_t procs[TOTEM_NODES_MAX];
	const char *kind = event->kind == EVENT_REGULAR ? "regular" : "transitional";

	if (event->member_count == 0 || event->member_count > TOTEM_NODES_MAX) {
		check_fail(check, V3_MEMBERSHIP, "%s installs a %s configuration of %zu members",
		    check_proc(h, event->proc), kind, event->member_count);
		return;
	}
	if (history_members(h, event, procs) < 0) {
		check_fail(check, V3_MEMBERSHIP, "%s: %s %s has a member that never was",
		    check_proc(h, event->proc), kind, check_ring_id(&event->ring));
		return;
	}
	if (!procs_have(procs, event->member_count, event->proc))
		check_fail(check, V3_MEMBERSHIP, "%s is no member of %s %s, which it installs",
		    check_proc(h, event->proc), kind, check_ring_id(&event->ring));
	for (size_t i = 1; i < event->member_count; i++)
		if (event->members[i - 1].node_id >= event->members[i].node_id)
			check_fail(check, V3_MEMBERSHIP, "%s: members of %s %s do not ascend",
			    check_proc(h, event->proc), kind, check_ring_id(&event->ring));
}

static void
v03_deliver(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	const struct period *period = history_period(h, event->proc);
	const struct ring *ring;
	uint32_t origin;

	if (period == NULL) {
		check_fail(check, V3_MEMBERSHIP, "%s delivers before any configuration",
		    check_proc(h, event->proc));
		return;
	}
	ring = &h->ring[period->ring];
	origin = history_proc_find(h, event->origin, event->origin_incarnation);
	if (!procs_have(ring->member, ring->member_count, origin))
		check_fail(check, V3_MEMBERSHIP, "%s delivers in %s from node %" PRIu32
		    " (%s), no member", check_proc(h, event->proc), check_ring(h, period->ring),
		    event->origin, check_proc(h, origin));
}

static void
v03_event(struct check *check, const struct event *event)
{
	if (event->kind == EVENT_REGULAR || event->kind == EVENT_TRANSITIONAL)
		v03_configuration(check, event);
	else if (event->kind == EVENT_DELIVER)
		v03_deliver(check, event);
}

const struct checker check_v03_membership = {
	.property = V3_MEMBERSHIP, .name = "membership", .event = v03_event,
};
