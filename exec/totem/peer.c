/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The nodes we know: who they are (incarnation), when they were last heard, what they last said.
 * A node restarted is another incarnation; two nodes with one id are two incarnations that both
 * keep talking.
 */
#include <errno.h>
#include <stdlib.h>

#include "exec/totem/internal.h"

#define OTHER_ALIVE_NS		(1 * SEC_NS)	/* silent for longer: no doubt that it is gone */
#define OTHER_ASK_AGAIN_NS	(10 * SEC_NS)	/* so long what was found out counts */
#define OTHER_SILENT_NS		(60 * MS_NS)	/* probed all the while and silent: gone */
#define OTHER_PROBE_NS		(4 * MS_NS)
#define OTHER_LATE_NS		(150 * MS_NS)	/* its frames may have been that long on the way */
#define QUARANTINE_NS		(5 * SEC_NS)
#define QUARANTINE_MAX_NS	(160 * SEC_NS)
#define QUARANTINE_FORGET_NS	(60 * SEC_NS)	/* well for so long: the next is the first again */

static void
sorted_insert(struct totem *t, uint32_t slot)
{
	size_t at = t->peer_count;

	while (at > 0 && t->peer[t->sorted[at - 1]].node_id > t->peer[slot].node_id) {
		t->sorted[at] = t->sorted[at - 1];
		at--;
	}
	t->sorted[at] = slot;
}

uint32_t
peer_add(struct totem *t, uint32_t node_id, bool configured)
{
	uint32_t slot = (uint32_t) t->peer_count;

	cs_assert(peer_slot(t, node_id) == NO_SLOT);
	if (t->peer_count == TOTEM_NODES_MAX)
		return NO_SLOT;
	t->peer[slot].node_id = node_id;
	t->peer[slot].configured = configured;
	sorted_insert(t, slot);
	t->peer_count++;
	if (slot != SELF)
		t->peer_ids[t->peer_ids_count++] = node_id;
	return slot;
}

int
peer_table_init(struct totem *t)
{
	t->peer = calloc(TOTEM_NODES_MAX, sizeof *t->peer);
	if (t->peer == NULL)
		return -ENOMEM;
	(void) peer_add(t, t->config.node_id, true);
	t->peer[SELF].incarnation = t->config.incarnation;
	for (size_t i = 0; i < t->config.peer_count; i++) {
		uint32_t node_id = t->config.peers[i];

		if (node_id == 0 || peer_slot(t, node_id) != NO_SLOT)
			return -EINVAL;
		if (peer_add(t, node_id, true) == NO_SLOT)
			return -EINVAL;
	}
	return 0;
}

void
peer_table_done(struct totem *t)
{
	for (size_t i = 0; t->peer != NULL && i < TOTEM_NODES_MAX; i++) {
		free(t->peer[i].assembly.memory);
		free(t->peer[i].recovered.memory);
	}
	free(t->peer);
	t->peer = NULL;
}

uint32_t
peer_slot(const struct totem *t, uint32_t node_id)
{
	size_t low = 0, high = t->peer_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		uint32_t slot = t->sorted[middle];

		if (t->peer[slot].node_id == node_id)
			return slot;
		if (t->peer[slot].node_id < node_id)
			low = middle + 1;
		else
			high = middle;
	}
	return NO_SLOT;
}

/* Another start of this node: what the earlier one said counts no longer. */
static void
adopt_incarnation(struct totem *t, uint32_t slot, uint64_t incarnation)
{
	struct peer *peer = &t->peer[slot];
	bool was_known = peer->incarnation != 0;

	peer->incarnation = incarnation;
	memset(&peer->row, 0, sizeof peer->row);
	peer->committed_epoch = 0;
	peer->other_incarnation = 0;
	peer->quarantine_until_ns = peer->quarantine_ns = 0;
	peer->unanswered_ns = 0;
	if (was_known && (t->state == TOTEM_OPERATIONAL || t->state == TOTEM_COMMIT
	    || t->state == TOTEM_RECOVERY || t->state == TOTEM_GATHER)) {
		if (nodebits_has(&totem_installed(t)->set, slot)
		    || (t->state != TOTEM_OPERATIONAL
		    && nodebits_has(&totem_forming(t)->set, slot)))
			detector_condemn(t, slot, TOTEM_CAUSE_RESTARTED);
	}
	detector_clear(t, slot);
}

/* A frame from another incarnation than the one we know: restarted, or two nodes with one id?
 * Who answers at the node's address tells: it is probed.  The new one answers: restarted.  The
 * known one goes on talking: two nodes, and who was there first stays.  Nobody does: it is gone. */
static enum totem_drop
other_incarnation(struct totem *t, uint32_t slot, const struct wire_header *header)
{
	struct peer *peer = &t->peer[slot];
	/* A member that is no neighbour may be silent towards us while all is well. */
	bool member = nodebits_has(&totem_installed(t)->set, slot);
	bool alive = (member || (peer->heard_ns != 0
	    && t->now_ns - peer->heard_ns < OTHER_ALIVE_NS))
	    && peer->given_up == TOTEM_CAUSE_NONE && !peer->refused;
	bool asked = peer->other_incarnation == header->incarnation
	    && t->now_ns - peer->other_since_ns < OTHER_ASK_AGAIN_NS;

	if (peer->heard_ns >= peer->other_unanswered_ns)
		peer->other_unanswered_ns = 0;	/* the known one answered, or talks anyway */
	if (!alive || (asked && (header->type == WIRE_PROBE_ACK
	    || (peer->other_unanswered_ns != 0
	    && t->now_ns - peer->other_unanswered_ns > OTHER_SILENT_NS)))) {
		adopt_incarnation(t, slot, header->incarnation);
		return TOTEM_ACCEPTED;
	}
	if (!asked) {
		peer->other_incarnation = header->incarnation;
		peer->other_since_ns = t->now_ns;
		peer->other_probe_ns = 0;
	}
	if (t->now_ns - peer->other_probe_ns > OTHER_PROBE_NS) {
		peer->other_probe_ns = t->now_ns;
		if (peer->other_unanswered_ns == 0)
			peer->other_unanswered_ns = t->now_ns;
		detector_ask(t, slot);
	}
	if (peer->heard_ns < peer->other_since_ns + OTHER_LATE_NS)
		return TOTEM_DROP_STALE;
	totem_notify(t, TOTEM_NOTICE_DUPLICATE_ID, peer->node_id, header->incarnation);
	return TOTEM_DROP_DUPLICATE_ID;
}

enum totem_drop
peer_admit(struct totem *t, const struct wire_header *header, uint32_t *ret_slot)
{
	uint32_t slot = peer_slot(t, header->sender);

	if (slot == SELF) {
		if (header->incarnation == t->config.incarnation)
			return TOTEM_DROP_SELF;
		totem_notify(t, TOTEM_NOTICE_DUPLICATE_ID, header->sender, header->incarnation);
		return TOTEM_DROP_DUPLICATE_ID;
	}
	if (slot == NO_SLOT) {
		if (!t->config.learn_peers)
			return TOTEM_DROP_UNKNOWN_NODE;
		slot = peer_add(t, header->sender, false);
		if (slot == NO_SLOT)
			return TOTEM_DROP_UNKNOWN_NODE;
	}
	/* It says nothing about the incarnation that we know, and may come late. */
	if (header->type == WIRE_LEAVE && header->incarnation != t->peer[slot].incarnation)
		return TOTEM_DROP_STALE;
	if (t->peer[slot].incarnation == 0)
		t->peer[slot].incarnation = header->incarnation;
	if (t->peer[slot].incarnation != header->incarnation) {
		enum totem_drop drop = other_incarnation(t, slot, header);

		if (drop != TOTEM_ACCEPTED)
			return drop;
	}
	*ret_slot = slot;
	return TOTEM_ACCEPTED;
}

void
peer_heard(struct totem *t, uint32_t slot)
{
	struct peer *peer = &t->peer[slot];

	peer->heard_ns = t->now_ns;
	peer->refused = false;
	/* A closed port is answered for only by an answer to the probe: older frames may still be
	 * on their way to us from a process that has died since. */
	if (peer->suspected && peer->suspect_cause == TOTEM_CAUSE_SILENT)
		peer->suspected = false;
}

/* By how often a sign of life comes from one that is there: JOINs, else BEACONs. */
uint64_t
peer_hear_window(const struct totem *t)
{
	if (t->state == TOTEM_GATHER || t->state == TOTEM_COMMIT)
		return 10 * t->timing.join_ns;
	return 5 * t->timing.merge_ns;
}

bool
peer_hears(const struct totem *t, uint32_t slot)
{
	const struct peer *peer = &t->peer[slot];

	return peer->heard_ns != 0 && t->now_ns - peer->heard_ns <= peer_hear_window(t)
	    && t->now_ns >= peer->quarantine_until_ns;
}

bool
peer_row_fresh(const struct totem *t, uint32_t slot)
{
	const struct row *row = &t->peer[slot].row;

	return row->received_ns != 0 && t->now_ns - row->received_ns <= peer_hear_window(t);
}

/* It and we hear each other, as far as both know. */
bool
peer_mutual(const struct totem *t, uint32_t slot)
{
	return peer_row_fresh(t, slot) && peer_hears(t, slot)
	    && nodebits_has(&t->peer[slot].row.hears, SELF);
}

/* It harmed the ring and would do so again at once.  The second time soon after costs the others as
 * much as the first, so that comes later and later. */
uint64_t
peer_quarantine(struct totem *t, uint32_t slot)
{
	struct peer *peer = &t->peer[slot];
	uint64_t span_ns = 2 * peer->quarantine_ns;

	cs_assert(slot != SELF);
	if (span_ns == 0 || t->now_ns > peer->quarantine_until_ns + QUARANTINE_FORGET_NS)
		span_ns = QUARANTINE_NS;
	if (span_ns > QUARANTINE_MAX_NS)
		span_ns = QUARANTINE_MAX_NS;
	peer->quarantine_ns = span_ns;
	peer->quarantine_until_ns = t->now_ns + span_ns;
	return span_ns;
}

int
peers_assemblies(struct totem *t, const struct nodebits *set)
{
	for (uint32_t slot = 0; slot < t->peer_count; slot++) {
		struct peer *peer = &t->peer[slot];

		if (!nodebits_has(set, slot))
			continue;
		if (peer->assembly.memory == NULL)
			peer->assembly.memory = malloc(TOTEM_MESSAGE_BYTES_MAX);
		if (peer->recovered.memory == NULL)
			peer->recovered.memory = malloc(TOTEM_FRAME_BYTES_MAX);
		if (peer->assembly.memory == NULL || peer->recovered.memory == NULL)
			return -ENOMEM;
		peer->assembly.size = TOTEM_MESSAGE_BYTES_MAX;
		peer->recovered.size = TOTEM_FRAME_BYTES_MAX;
	}
	return 0;
}

void
peers_assemblies_reset(struct totem *t)
{
	for (size_t i = 0; i < t->peer_count; i++)
		t->peer[i].assembly.active = false;
}
