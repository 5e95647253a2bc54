/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Failure detector.  Heartbeats go to the next two members of the ring, so each member is watched
 * by two others at any size of the ring (by the farther one at half the pace); any frame
 * counts as a sign of life.  Evidence makes a member suspected, never condemned: it is probed, and
 * given up only when the probes go unanswered.
 *
 *   silent for silence_ns          any frame clears it; probe_count probes, probe_ns apart
 *   port closed (ICMP)             could be forged, and frames sent before its death may still
 *                                  arrive: only an answer to a probe clears it; a few quick
 *                                  probes, the next sooner when the port is said closed again
 *   left, another incarnation      its own word: given up at once
 *   died                           its last words, sent by another process (totem_last_words())
 *
 * In GATHER every member of the old ring is watched, as all send JOINs.  When we did not run
 * ourselves for a while, nobody is accused (detector_forgive_all; Lifeguard's local health idea,
 * arXiv 1707.00788).
 */
#include "exec/totem/internal.h"

#define CLOSED_PROBE_NS		(5 * MS_NS)	/* "a few round trips' worth" on a LAN */
#define CLOSED_AGAIN_NS		(1 * MS_NS)	/* said again: longer than a firewall reloads */
#define CLOSED_PROBE_COUNT	3u
#define PROBE_BYTES		16u
#define FAR_BEATS		2u	/* every so many heartbeats go to the farther one too */

/* Who lives at that node's address? */
void
detector_ask(struct totem *t, uint32_t slot)
{
	struct control control = send_begin(t, WIRE_PROBE, PROBE_BYTES);

	if (control.frame != NULL) {
		buf_put_u64(&control.body, t->peer[slot].probe_stamp);
		buf_put_u64(&control.body, t->now_ns);
	}
	send_to_one(t, &control, t->peer[slot].node_id);
	t->stats.probe_tx++;
}

static void
probe_send(struct totem *t, uint32_t slot)
{
	detector_ask(t, slot);
	t->peer[slot].probes_sent++;
	t->peer[slot].probe_sent_ns = t->now_ns;
}

/* Also how long the last probe is waited for. */
static uint64_t
probe_interval(const struct totem *t, const struct peer *peer)
{
	uint64_t quick_ns = 2 * peer->round_trip_ns > CLOSED_PROBE_NS ? 2 * peer->round_trip_ns
	    : CLOSED_PROBE_NS;

	return peer->suspect_cause == TOTEM_CAUSE_PORT_CLOSED && quick_ns < t->timing.probe_ns
	    ? quick_ns : t->timing.probe_ns;
}

static uint32_t
probe_limit(const struct totem *t, const struct peer *peer)
{
	return peer->suspect_cause == TOTEM_CAUSE_PORT_CLOSED ? CLOSED_PROBE_COUNT
	    : t->timing.probe_count;
}

static void
probe_timer_arm(struct totem *t)
{
	uint64_t next = NEVER;

	for (size_t i = 1; i < t->peer_count; i++)
		if (t->peer[i].suspected && t->peer[i].probe_next_ns < next)
			next = t->peer[i].probe_next_ns;
	if (next == NEVER)
		totem_timer_stop(t, TIMER_PROBE);
	else
		totem_timer_set(t, TIMER_PROBE, next);
}

static void
suspect(struct totem *t, uint32_t slot, enum totem_cause cause)
{
	struct peer *peer = &t->peer[slot];

	cs_assert(slot != SELF);
	if (peer->given_up != TOTEM_CAUSE_NONE
	    || (peer->suspected && peer->suspect_cause == TOTEM_CAUSE_PORT_CLOSED))
		return;
	if (peer->suspected && peer->suspect_cause == cause)
		return;
	peer->suspected = true;
	peer->suspect_cause = cause;
	peer->suspected_ns = t->now_ns;
	peer->probes_sent = 0;
	peer->probe_stamp = prng_u64(&t->prng);
	totem_trace(t, TOTEM_TRACE_SUSPECT, peer->node_id, 0, 0, cause);
	probe_send(t, slot);
	peer->probe_next_ns = t->now_ns + probe_interval(t, peer);
	probe_timer_arm(t);
}

/* Who is watched: in GATHER all of the old ring; else the two members before us. */
static struct nodebits
watched(struct totem *t)
{
	struct ring *ring = t->state == TOTEM_COMMIT || t->state == TOTEM_RECOVERY
	    ? totem_forming(t) : totem_installed(t);
	struct nodebits set = { { 0, 0 } };

	if (wire_ring_id_none(&ring->id) && t->state != TOTEM_COMMIT)
		return set;
	if (t->state == TOTEM_GATHER) {
		set = ring->set;
		nodebits_remove(&set, SELF);
		return set;
	}
	for (size_t i = 1; i <= NEIGHBOURS && i < ring->member_count; i++)
		nodebits_add(&set, ring->slot[(ring->my_index + ring->member_count - i)
		    % ring->member_count]);
	return set;
}

static void
heartbeats_send(struct totem *t)
{
	struct ring *ring = t->state == TOTEM_COMMIT || t->state == TOTEM_RECOVERY
	    ? totem_forming(t) : totem_installed(t);

	size_t count = t->beats++ % FAR_BEATS == 0 ? NEIGHBOURS : 1;
	uint32_t ids[NEIGHBOURS];
	const uint32_t *to;
	struct control control;

	if (count > ring->member_count - 1)
		count = ring->member_count - 1;
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		ids[i] = ring->member[(ring->my_index + 1 + i) % ring->member_count].node_id;
	to = send_ids(t, ids, count);
	control = send_begin(t, WIRE_HEARTBEAT, WIRE_RING_ID_BYTES);
	if (to == NULL || control.frame == NULL)
		return;
	wire_ring_id_put(&control.body, &totem_installed(t)->id);
	send_to(t, &control, to, count);
	t->stats.heartbeat_tx += count;
}

/* Ours goes out together with one that comes when it is due soon: an idle ring's nodes then wake up
 * once for all heartbeats, not for each. */
void
detector_on_heartbeat(struct totem *t)
{
	t->stats.heartbeat_rx++;
	if (t->state == TOTEM_OPERATIONAL
	    && t->timer[TIMER_HEARTBEAT] < t->now_ns + t->timing.heartbeat_ns / 2)
		totem_timer_set(t, TIMER_HEARTBEAT, t->now_ns);
}

void
detector_heartbeat(struct totem *t)
{
	struct nodebits set = watched(t);
	uint64_t jitter = prng_below(&t->prng, t->timing.heartbeat_ns / 8 + 1);

	if (t->state != TOTEM_GATHER)	/* there JOINs are the heartbeats */
		heartbeats_send(t);
	for (uint32_t slot = 1; slot < t->peer_count; slot++) {
		struct peer *peer = &t->peer[slot];
		uint64_t since = peer->heard_ns;

		if (!nodebits_has(&set, slot))
			continue;
		/* Members that are no neighbours begin to speak to us only when all gather. */
		if (t->state == TOTEM_GATHER && since < t->gather.since_ns)
			since = t->gather.since_ns;
		if (t->now_ns - since > t->timing.silence_ns)
			suspect(t, slot, TOTEM_CAUSE_SILENT);
	}
	totem_timer_set(t, TIMER_HEARTBEAT, t->now_ns + t->timing.heartbeat_ns - jitter);
}

void
detector_probe_timer(struct totem *t)
{
	for (uint32_t slot = 1; slot < t->peer_count; slot++) {
		struct peer *peer = &t->peer[slot];

		if (!peer->suspected || peer->probe_next_ns > t->now_ns)
			continue;
		if (peer->probes_sent >= probe_limit(t, peer)) {
			enum totem_cause cause = peer->suspect_cause;

			peer->suspected = false;
			detector_condemn(t, slot, cause);
			continue;
		}
		probe_send(t, slot);
		peer->probe_next_ns = t->now_ns + probe_interval(t, peer);
	}
	probe_timer_arm(t);
}

/* Said again, so there is no need to wait long for an answer to the probes before the last. */
static void
refused_again(struct totem *t, uint32_t slot)
{
	struct peer *peer = &t->peer[slot];
	uint64_t next_ns = peer->probe_sent_ns + CLOSED_AGAIN_NS;

	if (peer->probes_sent >= CLOSED_PROBE_COUNT || next_ns >= peer->probe_next_ns)
		return;
	peer->probe_next_ns = next_ns > t->now_ns ? next_ns : t->now_ns;
	probe_timer_arm(t);
}

void
detector_refused(struct totem *t, uint32_t slot)
{
	bool member = nodebits_has(&totem_installed(t)->set, slot)
	    || ((t->state == TOTEM_COMMIT || t->state == TOTEM_RECOVERY)
	    && nodebits_has(&totem_forming(t)->set, slot));

	t->peer[slot].refused = true;
	if (t->peer[slot].suspected && t->peer[slot].suspect_cause == TOTEM_CAUSE_PORT_CLOSED)
		refused_again(t, slot);
	else if (member)
		suspect(t, slot, TOTEM_CAUSE_PORT_CLOSED);
	else if (t->state == TOTEM_GATHER)
		gather_evaluate(t);	/* no need to wait for this one */
}

void
detector_on_probe(struct totem *t, uint32_t slot, const uint8_t *body, size_t len)
{
	struct control control = send_begin(t, WIRE_PROBE_ACK, PROBE_BYTES);

	if (control.frame != NULL)
		buf_put_bytes(&control.body, body, len < PROBE_BYTES ? len : PROBE_BYTES);
	send_to_one(t, &control, t->peer[slot].node_id);
	t->stats.probe_rx++;
}

void
detector_on_probe_ack(struct totem *t, uint32_t slot, const uint8_t *body, size_t len)
{
	struct buf_reader in = buf_reader(body, len);
	struct peer *peer = &t->peer[slot];
	uint64_t stamp = buf_get_u64(&in), sent_ns = buf_get_u64(&in);

	/* An answer to what was never asked, or asked before, says nothing. */
	if (!buf_reader_ok(&in) || stamp != peer->probe_stamp || peer->suspected_ns == 0
	    || sent_ns < peer->suspected_ns || sent_ns > t->now_ns)
		return;
	peer->round_trip_ns = t->now_ns - sent_ns;
	if (peer->suspected) {
		peer->suspected = false;
		probe_timer_arm(t);
	}
}

void
detector_clear(struct totem *t, uint32_t slot)
{
	t->peer[slot].suspected = false;
	t->peer[slot].given_up = TOTEM_CAUSE_NONE;
	t->peer[slot].refused = false;
	probe_timer_arm(t);
}

/* Give a member up.  Ends the ring it was in, or shortens the gathering. */
void
detector_condemn(struct totem *t, uint32_t slot, enum totem_cause cause)
{
	struct peer *peer = &t->peer[slot];
	bool forming = t->state == TOTEM_COMMIT || t->state == TOTEM_RECOVERY;
	bool member = nodebits_has(&totem_installed(t)->set, slot)
	    || (forming && nodebits_has(&totem_forming(t)->set, slot));

	cs_assert(slot != SELF);
	peer->suspected = false;
	peer->unanswered_ns = 0;
	if (peer->given_up != TOTEM_CAUSE_NONE)
		return;
	peer->given_up = cause;
	peer->left_how = cause;
	peer->left_silent_ns = peer->heard_ns == 0 ? 0 : t->now_ns - peer->heard_ns;
	totem_trace(t, TOTEM_TRACE_CONDEMN, peer->node_id, 0, 0, cause);
	if (member && cause != TOTEM_CAUSE_LEFT)
		totem_notify(t, TOTEM_NOTICE_CONDEMNED, peer->node_id, cause);
	if (t->state == TOTEM_GATHER)
		gather_soon(t);
	else if (forming ? nodebits_has(&totem_forming(t)->set, slot)
	    : member && t->state == TOTEM_OPERATIONAL)
		gather_begin(t, cause, peer->node_id);
}

/* Last words of one that died are the kernel's word, as a closed port is, but need no probe. */
void
detector_on_leave(struct totem *t, uint32_t slot, uint64_t counter, const uint8_t *body, size_t len)
{
	bool died = len > WIRE_RING_ID_BYTES && body[WIRE_RING_ID_BYTES] == WIRE_LEAVE_DIED;
	struct row *row = &t->peer[slot].row;

	memset(row, 0, sizeof *row);
	row->received_ns = 1;	/* known, but long ago */
	row->counter = counter;	/* JOINs from before the good-bye are past */
	detector_condemn(t, slot, died ? TOTEM_CAUSE_PORT_CLOSED : TOTEM_CAUSE_LEFT);
}

/* We did not run: what we did not hear proves nothing. */
void
detector_forgive_all(struct totem *t)
{
	for (size_t i = 1; i < t->peer_count; i++) {
		t->peer[i].suspected = false;
		if (t->peer[i].heard_ns != 0)
			t->peer[i].heard_ns = t->now_ns;
		if (t->peer[i].row.received_ns != 0)
			t->peer[i].row.received_ns = 1;	/* stale: it may have changed */
	}
	totem_timer_stop(t, TIMER_PROBE);
}
