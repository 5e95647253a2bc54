/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/cpg_model.h"

static uint64_t
mix(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

bool
model_dies(pid_t pid)
{
	return pid % 2 == 1;
}

static struct client *
client_of(struct model *model, const struct cs_conn *conn)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (model->clients[i].conn == conn)
			return &model->clients[i];
	ck_abort_msg("events of nobody");
	return NULL;
}

static struct peer *
peer_find(struct client *c, uint32_t node_id, uint32_t pid)
{
	for (size_t i = 0; i < c->view_count; i++)
		if (c->view[i].address.node_id == node_id && c->view[i].address.pid == pid)
			return &c->view[i];
	return NULL;
}

/* C5: of the view; or it left at the transitional configuration we are behind, and that is SAFE.
 * Who joined in that ring, maybe behind it, need not know who left. */
static struct peer *
sender_find(struct model *model, struct client *c, uint32_t node_id, uint32_t pid, bool safe)
{
	const struct cs_host *host = &model->world->nodes[c->conn->node];
	struct peer *peer = peer_find(c, node_id, pid);

	if (peer != NULL)
		return peer;
	ck_assert(safe && host->moving);
	if (c->transitional_ring == host->ring)
		for (size_t i = 0; i < c->gone_count; i++)
			if (c->gone[i].address.node_id == node_id && c->gone[i].address.pid == pid)
				return &c->gone[i];
	ck_assert(!c->segment->from_start);
	ck_assert_uint_lt(c->gone_count, VIEW_MAX);
	peer = &c->gone[c->gone_count++];
	*peer = (struct peer) { .address = { .node_id = node_id, .pid = pid }, .gone = true };
	return peer;
}

/* --- segments ------------------------------------------------------------------------------ */

static void
segment_begin(struct model *model, struct client *c, bool from_start)
{
	struct segment *segment = &model->segments[model->segment_count++];

	ck_assert_uint_lt(model->segment_count, SEGMENTS_MAX);
	*segment = (struct segment) { .ring = model->world->nodes[c->conn->node].ring,
	    .next_ring = NO_RING, .group = c->group, .node = c->conn->node,
	    .from_start = from_start };
	c->segment = segment;
}

static void
segment_add(struct client *c, uint64_t digest)
{
	struct segment *segment = c->segment;

	ck_assert_ptr_nonnull(segment);
	if (segment->count == segment->size) {
		segment->size = segment->size > 0 ? 2 * segment->size : 16;
		segment->seen = realloc(segment->seen, segment->size * sizeof(uint64_t));
		ck_assert_ptr_nonnull(segment->seen);
	}
	segment->seen[segment->count++] = digest;
}

void
model_segments_turn(struct model *model)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &model->clients[i];
		uint32_t ring;

		if (c->conn == NULL || c->segment == NULL)
			continue;
		ring = model->world->nodes[c->conn->node].ring;
		if (c->segment->ring == ring)
			continue;
		c->segment->next_ring = ring;
		c->segment->activated =
		    model->world->nodes[c->conn->node].activated_ring == c->segment->ring;
		c->segment->to_end = true;
		segment_begin(model, c, true);
	}
}

void
model_segments_compare(const struct segment *a, const struct segment *b)
{
	size_t common = a->count < b->count ? a->count : b->count;

	if (a->ring != b->ring || a->group != b->group || !a->activated || !b->activated)
		return;
	if (a->to_end && b->to_end && a->next_ring == b->next_ring) {
		/* In it to the end, and on together: the later one saw what the other saw since. */
		for (size_t i = 1; i <= common; i++)
			ck_assert_msg(a->seen[a->count - i] == b->seen[b->count - i],
			    "ring %u group %u: nodes %u and %u differ %zu before the end",
			    a->ring, a->group, a->node + 1, b->node + 1, i);
		if (a->from_start && b->from_start)
			ck_assert_uint_eq(a->count, b->count);
	}
	if (a->node == b->node && a->from_start && b->from_start)
		for (size_t i = 0; i < common; i++)
			ck_assert(a->seen[i] == b->seen[i]);
}

/* --- what clients are told ----------------------------------------------------------------- */

/* From a node that has just departed. */
static bool
departed(struct model *model, const struct client *c, uint32_t node_id)
{
	const struct cs_host *host = &model->world->nodes[c->conn->node];

	for (uint32_t i = 0; host->moving && i < model->world->node_count; i++)
		if (world_id(i) == node_id)
			return (host->movers >> i & 1) == 0;
	return false;
}

static void
view_leave(struct model *model, struct client *c, const struct cpg_wire_address *left,
    enum world_moment moment)
{
	struct peer *peer = peer_find(c, left->node_id, left->pid);
	uint32_t ring = model->world->nodes[c->conn->node].ring;

	ck_assert_ptr_nonnull(peer);			/* C2: left is part of the old view */
	if (c->short_life)
		ck_assert_ptr_eq(peer, &c->view[c->view_count - 1]);
	if (moment == WORLD_TRANSITIONAL || c->short_life)	/* C4: one reason, the right one */
		ck_assert_uint_eq(left->reason, CPG_REASON_NODEDOWN);
	else
		ck_assert_uint_eq(left->reason, model_dies((pid_t) left->pid) ?
		    CPG_REASON_PROCDOWN : CPG_REASON_LEAVE);
	if (c->short_life && c->transitional_ring != ring) {
		c->transitional_ring = ring;
		c->gone_count = 0;
	}
	if (moment == WORLD_TRANSITIONAL || c->short_life) {
		c->short_life = false;
		ck_assert_uint_lt(c->gone_count, VIEW_MAX);
		peer->gone = true;
		peer->partial = peer->partial && peer->partial_safe;
		c->gone[c->gone_count++] = *peer;
	}
	*peer = c->view[--c->view_count];
}

static void
view_join(struct model *model, struct client *c, const struct cpg_wire_address *joined,
    enum world_moment moment)
{
	ck_assert(!c->short_life);
	c->short_life = moment == WORLD_MESSAGE && departed(model, c, joined->node_id);
	model->short_lives += c->short_life;
	ck_assert_ptr_null(peer_find(c, joined->node_id, joined->pid));		/* C2 */
	ck_assert_uint_eq(joined->reason,
	    moment == WORLD_ACTIVATION ? CPG_REASON_NODEUP : CPG_REASON_JOIN);
	ck_assert_uint_lt(c->view_count, VIEW_MAX);
	c->view[c->view_count++] = (struct peer) { .address = *joined,
	    .next_seq = moment == WORLD_ACTIVATION ? 0 : 1 };
}

static void
once_a_ring(struct model *model, struct client *c, enum world_moment moment)
{
	uint32_t ring = model->world->nodes[c->conn->node].ring;
	uint32_t *last = moment == WORLD_TRANSITIONAL ? &c->transitional_ring :
	    &c->activation_ring;

	if (moment == WORLD_MESSAGE)
		return;
	ck_assert_uint_ne(*last, ring);
	*last = ring;
	if (moment == WORLD_TRANSITIONAL)
		c->gone_count = 0;
}

static void
on_change(struct model *model, struct client *c, const struct world_event *event,
    enum world_moment moment)
{
	const uint32_t here = world_id(c->conn->node);
	struct cpg_wire_confchg head;
	const struct cpg_wire_address *list =
	    (const struct cpg_wire_address *) (event->data + sizeof head);
	uint64_t digest = 14695981039346656037u;
	struct peer *self;

	memcpy(&head, event->data, sizeof head);
	ck_assert_uint_eq(event->len, sizeof head + (head.member_count + head.left_count +
	    head.joined_count) * sizeof *list);
	ck_assert_uint_gt(head.left_count + head.joined_count, 0);
	if (moment == WORLD_MESSAGE)
		ck_assert_uint_eq(head.left_count + head.joined_count, 1);
	if (!c->in_view) {				/* C3: the first thing is our own join */
		ck_assert(c->state == JOINING || c->state == LEAVING);
		ck_assert_uint_eq(list[head.member_count].node_id, here);
		ck_assert_uint_eq(list[head.member_count].pid, (uint32_t) c->conn->pid);
		for (size_t i = 0; i + 1 < head.member_count; i++)
			c->view_count++;
		for (size_t i = 0, k = 0; i < head.member_count; i++)
			if (list[i].node_id != here || list[i].pid != (uint32_t) c->conn->pid)
				c->view[k++] = (struct peer) { .address = list[i] };
		c->in_view = true;
		c->gone_count = 0;
		if (c->state == JOINING)
			c->state = IN;
		segment_begin(model, c, false);
	}
	once_a_ring(model, c, moment);
	for (size_t i = 0; i < head.left_count; i++)
		view_leave(model, c, &list[head.member_count + i], moment);
	for (size_t i = 0; i < head.joined_count; i++)
		view_join(model, c, &list[head.member_count + head.left_count + i], moment);
	ck_assert_uint_eq(head.member_count, c->view_count);		/* C2 */
	for (size_t i = 0; i < head.member_count; i++)
		ck_assert_ptr_nonnull(peer_find(c, list[i].node_id, list[i].pid));
	for (size_t i = 0; head.joined_count > 0 && i < VIEW_MAX; i++)
		c->view[i].partial = c->gone[i].partial = false;
	digest = mix(digest, &moment, sizeof moment);
	digest = mix(digest, list, head.member_count * sizeof *list);
	if (moment != WORLD_ACTIVATION)		/* each side is new to the other there */
		digest = mix(digest, list, event->len - sizeof head);
	segment_add(c, digest);
	model->changes++;
	model->merges += moment == WORLD_ACTIVATION;

	self = peer_find(c, here, (uint32_t) c->conn->pid);
	if (self == NULL) {			/* C4: nothing after this */
		ck_assert(c->state == LEAVING);
		c->in_view = false;
		c->view_count = 0;
		c->segment = NULL;
		c->state = OUT;
	}
}

static void
saw_message(struct client *c, struct peer *peer, uint32_t seq, uint64_t kind)
{
	uint64_t digest = mix(kind, &peer->address, 2 * sizeof(uint32_t));

	if (peer->gone)			/* AGREED ones between are lost */
		ck_assert_uint_ge(seq, peer->next_seq);
	else if (peer->next_seq != 0)
		ck_assert_uint_eq(seq, peer->next_seq);
	peer->next_seq = seq + 1;
	segment_add(c, mix(digest, &seq, sizeof seq));
}

static void
on_message(struct model *model, struct client *c, const struct world_event *event)
{
	struct cpg_wire_deliver head;
	struct payload payload;
	struct peer *peer;

	ck_assert_uint_ge(event->len, sizeof head + sizeof payload);
	memcpy(&head, event->data, sizeof head);
	memcpy(&payload, event->data + sizeof head, sizeof payload);
	ck_assert(c->in_view && !c->short_life);
	peer = sender_find(model, c, head.node_id, head.pid, payload.safe != 0);
	model->last_words += peer->gone;
	ck_assert_uint_eq(payload.group, c->group);
	ck_assert_uint_eq(payload.pid, head.pid);
	ck_assert_uint_eq(event->len, sizeof head + sizeof payload + payload.len);
	for (size_t i = 0; i < payload.len; i++)
		ck_assert_uint_eq(event->data[sizeof head + sizeof payload + i],
		    (uint8_t) (payload.seq * 7 + i));
	saw_message(c, peer, payload.seq, 1);
	if (head.node_id == world_id(c->conn->node) && head.pid == (uint32_t) c->conn->pid)
		ck_assert_uint_eq(payload.seq, ++c->own_seen);		/* C7 */
	model->messages++;
}

/* What the library does with parts. */
static void
on_part(struct model *model, struct client *c, const struct world_event *event)
{
	struct cpg_wire_deliver_part head;
	struct peer *peer;
	size_t len = event->len - sizeof head;

	ck_assert_uint_ge(event->len, sizeof head);
	memcpy(&head, event->data, sizeof head);
	ck_assert(c->in_view && !c->short_life);
	peer = sender_find(model, c, head.node_id, head.pid,
	    (head.flags & CPG_WIRE_PART_SAFE) != 0);
	if ((head.flags & CPG_WIRE_PART_FIRST) != 0) {
		peer->partial = true;
		peer->partial_safe = (head.flags & CPG_WIRE_PART_SAFE) != 0;
		peer->partial_len = 0;
		peer->partial_total = head.total_bytes;
		memcpy(&peer->partial_seq, event->data + sizeof head, sizeof(uint32_t));
	}
	if (!peer->partial)
		return;
	peer->partial_len += (uint32_t) len;
	if ((head.flags & CPG_WIRE_PART_LAST) == 0)
		return;
	ck_assert_uint_eq(peer->partial_len, peer->partial_total);	/* C8 */
	peer->partial = false;
	model->last_larges += peer->gone;
	saw_message(c, peer, peer->partial_seq, 2);
}

static void
on_own(struct model *model, struct client *c)
{
	struct peer *self = peer_find(c, world_id(c->conn->node), (uint32_t) c->conn->pid);

	ck_assert(c->in_view && c->large_waits && self != NULL);
	saw_message(c, self, c->sent + 1, 2);
	c->own_seen++;
	model->larges++;
}

static void
on_reply(struct model *model, struct client *c)
{
	struct cpg_wire_reply reply;

	memcpy(&reply, c->conn->reply, sizeof reply);
	c->conn->answered = false;
	if (c->large_waits) {
		c->large_waits = false;
		c->large_total = 0;
		if (reply.error == CS_OK)
			c->sent++;
		else
			model->voids++;
		ck_assert(reply.error == CS_OK || reply.error == CS_ERR_TRY_AGAIN);
		return;
	}
	ck_assert(c->join_waits);
	c->join_waits = false;
	ck_assert(c->state == OUT);
	if (reply.error == CS_OK) {
		c->state = JOINING;
		c->group = c->next_group;
		c->sent = c->own_seen = 0;
	}
}

void
model_events(struct world *world, struct cs_conn *conn, enum world_moment moment)
{
	struct model *model = world->user;
	struct client *c = client_of(model, conn);

	for (size_t i = 0; i < conn->event_count; i++) {
		const struct world_event *event = &conn->events[i];

		if (event->function == CPG_EVENT_CONFCHG)
			on_change(model, c, event, moment);
		else if (event->function == CPG_EVENT_DELIVER)
			on_message(model, c, event);
		else if (event->function == CPG_EVENT_PART)
			on_part(model, c, event);
		else if (event->function == CPG_EVENT_OWN)
			on_own(model, c);
		else
			ck_abort_msg("event %u", event->function);
	}
	world_events_drop(conn);
	ck_assert(!conn->closed);
	if (conn->answered)
		on_reply(model, c);
}
