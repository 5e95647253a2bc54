/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V4, ids: one configuration id means one set of members, everywhere and for ever; the ids that a
 * process installs grow, also across a restart that kept its storage.  Its representative is its
 * lowest member.
 */
#include <inttypes.h>

#include "test/sim/check.h"

static void
v04_event(struct check *check, const struct event *event)
{
	const struct history *h = check->history;
	uint32_t procs[TOTEM_NODES_MAX], ring;
	const struct proc *p;

	if (event->kind != EVENT_REGULAR)
		return;
	p = &h->proc[event->proc];
	if (event->ring.seq <= p->ring_seq_max) {
		check_fail(check, V4_IDS, "%s installs %s after one of sequence %" PRIx64,
		    check_proc(h, event->proc), check_ring_id(&event->ring), p->ring_seq_max);
		return;
	}
	if (event->member_count > 0 && event->members[0].node_id != event->ring.rep)
		check_fail(check, V4_IDS, "%s: the representative of %s is not its lowest member",
		    check_proc(h, event->proc), check_ring_id(&event->ring));
	ring = history_ring_find(h, &event->ring);
	if (ring == NONE || !h->ring[ring].known || event->member_count > TOTEM_NODES_MAX)
		return;
	if (history_members(h, event, procs) < 0 ||
	    !procs_equal(procs, event->member_count, h->ring[ring].member,
	    h->ring[ring].member_count))
		check_fail(check, V4_IDS, "%s installs %s with other members than %s did",
		    check_proc(h, event->proc), check_ring_id(&event->ring),
		    check_proc(h, h->ring[ring].installer[0]));
}

const struct checker check_v04_ids = {
	.property = V4_IDS, .name = "ids", .event = v04_event,
};
