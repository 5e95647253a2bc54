/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A member that receives nothing while the token goes round would stop everybody for ever.
 */
#include "exec/totem/internal.h"

#define STUCK_NS		(2 * SEC_NS)
#define QUARANTINE_NS		(5 * SEC_NS)

void
stuck_watch(struct totem *t, const struct ring *ring, const struct wire_token *token)
{
	struct order *order = &t->order;
	uint32_t slot = peer_slot(t, token->aru_owner);

	if (token->aru_owner == 0 || token->aru != order->stuck_aru
	    || token->aru_owner != order->stuck_owner) {
		order->stuck_aru = token->aru;
		order->stuck_owner = token->aru_owner;
		order->stuck_rounds = 0;
		order->stuck_since_ns = t->now_ns;
		return;
	}
	if (++order->stuck_rounds < t->timing.fail_recv_rotations
	    || t->now_ns - order->stuck_since_ns < STUCK_NS || slot == SELF || slot == NO_SLOT
	    || !nodebits_has(&ring->set, slot))
		return;
	order->stuck_rounds = 0;
	t->peer[slot].quarantine_until_ns = t->now_ns + QUARANTINE_NS;
	totem_notify(t, TOTEM_NOTICE_FAILED_TO_RECEIVE, token->aru_owner, 0);
	detector_condemn(t, slot, TOTEM_CAUSE_FAILED_TO_RECEIVE);
}
