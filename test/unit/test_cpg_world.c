/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Property test of the cpg engine: random clients on random nodes join, leave, die, send (also in
 * parts), while nodes crash, come back and are divided and joined again.  The clients check what
 * they are told as it comes (C2 to C5, C8), and at the end it is compared between those that
 * stayed together (C1), with what was sent (C7), and with who is there (C6, C11).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/cpg_world.h"

#define CLIENTS_MAX	24u
#define GROUPS		3u
#define PIDS		6u	/* few, so that the same process comes again */
#define VIEW_MAX	64u
#define SEGMENTS_MAX	8192u
#define NO_RING		UINT32_MAX

/* What one client saw of its group in one ring. */
struct segment {
	uint32_t ring, next_ring, group, node;
	bool from_start, to_end;
	bool activated;		/* else each side still saw its old peers only */
	uint64_t *seen;
	size_t count, size;
};

struct peer {			/* one of the view, and what comes from it */
	struct cpg_wire_address address;
	uint32_t next_seq;	/* 0: not known */
	bool gone, partial, partial_safe;
	uint32_t partial_len, partial_total, partial_seq;
};

enum client_state { OUT, JOINING, IN, LEAVING };

struct client {
	struct cs_conn *conn;	/* NULL: free */
	enum client_state state;
	bool in_view, join_waits;
	uint32_t group, next_group;
	struct peer view[VIEW_MAX];
	size_t view_count;
	struct peer gone[VIEW_MAX];	/* left at the transitional one, heard until REGULAR */
	size_t gone_count;
	struct segment *segment;
	uint32_t sent, own_seen;
	uint32_t large_total, large_sent, large_guarantee;	/* total 0: none */
	bool large_waits;
	uint32_t transitional_ring, activation_ring;
	bool short_life;		/* the last who came goes at once */
};

struct model {
	struct world *world;
	struct client clients[CLIENTS_MAX];
	struct segment *segments;
	size_t segment_count;
	uint32_t messages, larges, voids, changes, merges, last_words, short_lives, last_larges;
};

struct payload {
	uint32_t group, pid, seq, len, safe;
};

static uint64_t
mix(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static bool
dies(pid_t pid)			/* odd ones never say good-bye: so the reason is known by the pid */
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

static void
segments_turn(struct model *model)
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

static void
segments_compare(const struct segment *a, const struct segment *b)
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
		ck_assert_uint_eq(left->reason, dies((pid_t) left->pid) ?
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

static void
on_events(struct world *world, struct cs_conn *conn, enum world_moment moment)
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

/* --- what clients do ----------------------------------------------------------------------- */

static const char *const group_names[GROUPS] = { "a", "bb", "group-c" };

/* Another client is, as far as our node knows, this process in that group. */
static bool
is_taken(struct model *model, const struct client *c, uint32_t group)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *o = &model->clients[i];

		if (o != c && o->conn != NULL && o->conn->node == c->conn->node &&
		    o->conn->pid == c->conn->pid && o->state != OUT && o->group == group)
			return true;
	}
	return false;
}

static void
do_join(struct model *model, struct client *c)
{
	uint32_t group = world_pick(model->world, GROUPS);
	struct cpg_wire_name name = world_name(group_names[group]);
	bool was_out = c->state == OUT, taken = is_taken(model, c, group);
	cs_error_t error;

	if (c->join_waits || c->large_total > 0)
		return;
	error = world_call(model->world, c->conn, CPG_CALL_JOIN, &name, sizeof name);
	if (error == 0) {
		ck_assert(c->state == LEAVING);
		c->join_waits = true;
		c->next_group = group;
	} else if (error == CS_OK) {
		ck_assert(was_out && !taken);
		c->state = JOINING;
		c->group = group;
		c->sent = c->own_seen = 0;
	} else if (error == CS_ERR_EXIST) {
		ck_assert(!was_out || taken);
	} else {
		ck_assert_int_eq(error, CS_ERR_TRY_AGAIN);
		ck_assert(was_out);
	}
}

static void
do_leave(struct model *model, struct client *c)
{
	struct cpg_wire_name name = world_name(group_names[c->group]);
	cs_error_t error;

	if (c->large_total > 0 || c->join_waits || dies(c->conn->pid))
		return;
	error = world_call(model->world, c->conn, CPG_CALL_LEAVE, &name, sizeof name);
	if (c->state == OUT || c->state == LEAVING) {
		ck_assert_int_eq(error, CS_ERR_NOT_EXIST);
	} else if (error == CS_OK) {
		c->state = LEAVING;
	} else {
		ck_assert_int_eq(error, CS_ERR_TRY_AGAIN);
	}
}

static uint32_t
any_guarantee(struct model *model)
{
	return world_pick(model->world, 2) == 0 ? CPG_TYPE_SAFE : CPG_TYPE_AGREED;
}

static void
do_send(struct model *model, struct client *c)
{
	struct cpg_wire_mcast mcast = { .guarantee = any_guarantee(model) };
	uint8_t data[sizeof(struct payload) + 64];
	struct payload payload = { .group = c->group, .pid = (uint32_t) c->conn->pid,
	    .seq = c->sent + 1,
	    .len = world_pick(model->world, 64), .safe = mcast.guarantee == CPG_TYPE_SAFE };
	int r;

	if (c->large_total > 0 || (c->state != JOINING && c->state != IN))
		return;
	memcpy(data, &payload, sizeof payload);
	for (size_t i = 0; i < payload.len; i++)
		data[sizeof payload + i] = (uint8_t) (payload.seq * 7 + i);
	r = world_record(model->world, c->conn, CPG_RECORD_MCAST, &mcast, sizeof mcast, data,
	    sizeof payload + payload.len);
	if (r == 0)
		c->sent++;
	else
		ck_assert_int_eq(r, -EAGAIN);
}

static void
do_large(struct model *model, struct client *c)
{
	struct cpg_wire_mcast mcast = { 0 };
	struct cpg_wire_part part = { 0 };
	uint32_t data[100] = { c->sent + 1 }, len;
	cs_error_t error;

	if (c->large_total == 0) {
		if (c->state != IN)
			return;
		c->large_total = 400 + world_pick(model->world, 1200);
		c->large_sent = 0;
		c->large_guarantee = any_guarantee(model);
	}
	if (c->large_waits)
		return;
	mcast.guarantee = part.guarantee = c->large_guarantee;
	if (c->large_sent < c->large_total) {
		part.flags = c->large_sent == 0 ? CPG_WIRE_PART_FIRST : 0;
		part.total_bytes = c->large_total;
		len = c->large_total - c->large_sent < sizeof data ?
		    c->large_total - c->large_sent : (uint32_t) sizeof data;
		if (world_record(model->world, c->conn, CPG_RECORD_PART, &part, sizeof part, data,
		    len) == 0)
			c->large_sent += len;
		return;
	}
	error = world_call(model->world, c->conn, CPG_CALL_LARGE_END, &mcast, sizeof mcast);
	ck_assert(error == 0 || error == CS_ERR_BUSY);
	c->large_waits = error == 0;
}

static void
do_close(struct model *model, struct client *c)
{
	struct cs_conn *conn = c->conn;

	if (!dies(conn->pid)) {
		if (c->large_waits || c->join_waits)
			return;		/* the thread is in that call */
		ck_assert_int_eq(world_call(model->world, conn, CPG_CALL_FINALIZE, NULL, 0),
		    CS_OK);
	}
	*c = (struct client) { .conn = NULL };
	world_close(model->world, conn);
}

static void
do_open(struct model *model, struct client *c)
{
	uint32_t node = world_pick(model->world, model->world->node_count);

	if (model->world->nodes[node].engine == NULL)
		return;
	*c = (struct client) { .transitional_ring = NO_RING, .activation_ring = NO_RING };
	c->conn = world_open(model->world, node, (pid_t) (100 + world_pick(model->world, PIDS)));
}

static void
client_act(struct model *model)
{
	struct client *c = &model->clients[world_pick(model->world, CLIENTS_MAX)];
	uint32_t dice = world_pick(model->world, 100);

	if (c->conn == NULL)
		do_open(model, c);
	else if (c->large_total > 0 && dice < 90)
		do_large(model, c);
	else if (dice < 20)
		do_join(model, c);
	else if (dice < 26)
		do_leave(model, c);
	else if (dice < 80)
		do_send(model, c);
	else if (dice < 96)
		do_large(model, c);
	else
		do_close(model, c);
}

/* --- what happens to nodes ----------------------------------------------------------------- */

static void
nodes_act(struct model *model)
{
	struct world *world = model->world;
	uint32_t group[WORLD_NODES], node = world_pick(world, world->node_count);
	uint32_t parts = 1 + world_pick(world, 3);

	if (world_pick(world, 4) == 0) {
		if (world->nodes[node].engine == NULL) {
			world_restart(world, node);
		} else {
			for (size_t i = 0; i < CLIENTS_MAX; i++)
				if (model->clients[i].conn != NULL &&
				    model->clients[i].conn->node == node)
					model->clients[i] = (struct client) { .conn = NULL };
			world_crash(world, node);
			if (world_pick(world, 2) == 0)	/* back before anyone noticed */
				world_restart(world, node);
		}
	}
	for (uint32_t i = 0; i < world->node_count; i++)
		group[i] = world_pick(world, parts);
	world_rings(world, group, world_pick(world, 4) == 0);
	segments_turn(model);
}

/* C6: what every node of a ring says of a group is who is there, no more and no less. */
static void
check_membership(struct model *model)
{
	struct world *world = model->world;
	struct cpg_wire_members members;

	for (uint32_t g = 0; g < GROUPS; g++) {
		struct cpg_wire_name name = world_name(group_names[g]);

		for (uint32_t node = 0; node < world->node_count; node++) {
			struct cs_conn *conn = world_open(world, node, 99);
			uint32_t expected = 0;

			world->on_events = NULL;
			ck_assert_int_eq(world_call(world, conn, CPG_CALL_MEMBERSHIP, &name,
			    sizeof name), CS_OK);
			memcpy(&members, conn->reply, sizeof members);
			world_close(world, conn);
			world->on_events = on_events;
			for (size_t i = 0; i < CLIENTS_MAX; i++) {
				struct client *c = &model->clients[i];
				uint32_t k = 0;

				if (c->conn == NULL || c->state != IN || c->group != g)
					continue;
				expected++;
				while (k < members.count && (members.member[k].node_id !=
				    world_id(c->conn->node) ||
				    members.member[k].pid != (uint32_t) c->conn->pid))
					k++;
				ck_assert_uint_lt(k, members.count);
				ck_assert_uint_eq(c->view_count, members.count);
			}
			ck_assert_uint_eq(members.count, expected);
		}
	}
}

static void
check_end(struct model *model)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &model->clients[i];

		if (c->conn == NULL)
			continue;
		ck_assert(c->state == OUT || c->state == IN);
		ck_assert(!c->join_waits && !c->large_waits);
		ck_assert_uint_eq(c->sent, c->own_seen);		/* C7 */
		if (c->segment != NULL)
			c->segment->to_end = c->segment->activated = true;
	}
	for (size_t i = 0; i < model->segment_count; i++)
		for (size_t j = i + 1; j < model->segment_count; j++)
			segments_compare(&model->segments[i], &model->segments[j]);
	for (uint32_t i = 0; i < model->world->node_count; i++)
		ck_assert_uint_eq(model->world->nodes[i].log_count[3], 0);	/* LOG_ERR */
}

static void
run(uint64_t seed, struct model *model)
{
	static const uint32_t one_ring[WORLD_NODES];
	struct world *world = world_new(2 + (uint32_t) (seed % 5), seed);

	*model = (struct model) { .world = world };
	model->segments = calloc(SEGMENTS_MAX, sizeof model->segments[0]);
	world->user = model;
	world->on_events = on_events;
	world->try_again = seed % 2 == 0;
	world_rings(world, one_ring, true);
	for (uint32_t step = 0; step < 4000; step++) {
		uint32_t dice = world_pick(world, 1000);

		if (dice < 250)
			client_act(model);
		else if (dice < 500)
			(void) world_send(world, world_pick(world, world->node_count));
		else if (dice < 992)
			(void) world_deliver(world, world_pick(world, world->node_count));
		else
			nodes_act(model);
	}
	for (uint32_t i = 0; i < world->node_count; i++)
		if (world->nodes[i].engine == NULL)
			world_restart(world, i);
	world_rings(world, one_ring, false);
	segments_turn(model);
	world_settle(world);
	/* What a thread was in the middle of: it goes on until it is through. */
	for (int i = 0; i < 200; i++) {
		for (size_t k = 0; k < CLIENTS_MAX; k++)
			if (model->clients[k].conn != NULL && model->clients[k].large_total > 0)
				do_large(model, &model->clients[k]);
		world_settle(world);
	}
	check_end(model);
	check_membership(model);
	for (size_t i = 0; i < model->segment_count; i++)
		free(model->segments[i].seen);
	free(model->segments);
	world_free(world);
}

START_TEST(engines_agree)
{
	struct model model;

	run((uint64_t) _i, &model);
}
END_TEST

/* The workload is not an easy one: all that is checked does happen. */
START_TEST(workload_reaches_everything)
{
	struct model model, sum = { 0 };

	for (uint64_t seed = 1; seed <= 40; seed++) {
		run(seed, &model);
		sum.messages += model.messages;
		sum.larges += model.larges;
		sum.voids += model.voids;
		sum.changes += model.changes;
		sum.merges += model.merges;
		sum.last_words += model.last_words;
		sum.short_lives += model.short_lives;
		sum.last_larges += model.last_larges;
	}
	printf("40 worlds: %u messages, %u large, %u void, %u changes, %u of them merges, "
	    "%u + %u large last words\n", sum.messages, sum.larges, sum.voids, sum.changes,
	    sum.merges, sum.last_words, sum.last_larges);
	ck_assert_uint_gt(sum.messages, 10000);
	ck_assert_uint_gt(sum.larges, 100);
	ck_assert_uint_gt(sum.voids, 20);
	ck_assert_uint_gt(sum.changes, 4000);
	ck_assert_uint_gt(sum.merges, 500);
	ck_assert_uint_gt(sum.last_words, 10);
	ck_assert_uint_gt(sum.short_lives, 0);
	ck_assert_uint_gt(sum.last_larges, 0);
}
END_TEST

int
main(int argc, char **argv)
{
	TCase *tc = tcase_create("world");
	Suite *suite = suite_create("cpg world");
	SRunner *runner = srunner_create(suite);
	int first = 1, count = 300, failed;

	/* test_cpg_world [SEED [COUNT]] */
	if (argc > 1) {
		first = (int) strtol(argv[1], NULL, 10);
		count = argc > 2 ? (int) strtol(argv[2], NULL, 10) : 1;
	} else {
		tcase_add_test(tc, workload_reaches_everything);
	}
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, engines_agree, first, first + count);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
