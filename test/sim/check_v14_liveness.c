/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * V14, liveness: within a bound after the last fault all connected processes are in one common
 * configuration, everything that was accepted is ordered, and all members deliver it.  The run
 * (sim.c) knows when to ask; here is what the answer must be.
 */
#include <inttypes.h>
#include <stdio.h>

#include "test/sim/check.h"

static char v14_text[256];

static const char *
v14_unsettled_one(const struct history *h, uint32_t proc, size_t alive_count, bool apart)
{
	const struct proc *p = &h->proc[proc];
	const struct period *period = history_period(h, proc), *other;
	const struct ring *ring;

	if (p->state != TOTEM_OPERATIONAL || period == NULL || period->move != NONE) {
		(void) snprintf(v14_text, sizeof v14_text, "%s is in %s, last in %s",
		    check_proc(h, proc), totem_state_name(p->state),
		    check_ring(h, period == NULL ? NONE : period->ring));
		return v14_text;
	}
	ring = &h->ring[period->ring];
	if (!apart && ring->member_count != alive_count) {
		(void) snprintf(v14_text, sizeof v14_text, "%s is in %s of %zu members, alive are"
		    " %zu", check_proc(h, proc), check_ring(h, period->ring), ring->member_count,
		    alive_count);
		return v14_text;
	}
	for (size_t i = 0; i < ring->member_count; i++) {
		other = history_period(h, ring->member[i]);
		if (h->proc[ring->member[i]].alive && other != NULL &&
		    other->ring == period->ring)
			continue;
		(void) snprintf(v14_text, sizeof v14_text, "%s is in %s, its member %s is %s",
		    check_proc(h, proc), check_ring(h, period->ring),
		    check_proc(h, ring->member[i]),
		    !h->proc[ring->member[i]].alive ? "dead" :
		    check_ring(h, other == NULL ? NONE : other->ring));
		return v14_text;
	}
	return NULL;
}

const char *
check_v14_unsettled(const struct history *h, bool apart)
{
	const char *text;
	size_t alive_count = 0;

	for (size_t i = 0; i < h->proc_count; i++)
		alive_count += h->proc[i].alive;
	for (uint32_t i = 0; i < h->proc_count; i++) {
		if (!h->proc[i].alive)
			continue;
		text = v14_unsettled_one(h, i, alive_count, apart);
		if (text != NULL)
			return text;
	}
	return NULL;
}

const char *
check_v14_undelivered(const struct history *h)
{
	for (uint32_t i = 0; i < h->proc_count; i++) {
		const struct proc *p = &h->proc[i];
		const struct period *period = history_period(h, i);

		if (!p->alive)
			continue;
		if (p->own_delivered != p->submit_count) {
			(void) snprintf(v14_text, sizeof v14_text, "%s delivered %" PRIu32 " of %zu"
			    " messages that were accepted from it (%" PRIu32 " have a place)",
			    check_proc(h, i), p->own_delivered, p->submit_count,
			    p->originated[0] + p->originated[1]);
			return v14_text;
		}
		if (period != NULL && period->order_next != h->ring[period->ring].order_count) {
			(void) snprintf(v14_text, sizeof v14_text, "%s delivered up to %" PRIu32
			    " of %zu messages of %s", check_proc(h, i), period->order_next,
			    h->ring[period->ring].order_count, check_ring(h, period->ring));
			return v14_text;
		}
	}
	return NULL;
}

const struct checker check_v14_liveness = {
	.property = V14_LIVENESS, .name = "liveness",
};
