/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The cpg engine's messages, and single stories of the engine in small worlds (cpg_world.h).
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/engines/cpg_message.h"
#include "test/unit/cpg_world.h"

static const uint32_t one_ring[WORLD_NODES];

/* --- messages ------------------------------------------------------------------------------ */

static const uint8_t join_wire[] = { 1, 7, 0, 0, 0, 0x39, 0x30, 0, 0, 3, 'a', 0, 'b' };
static const uint8_t depart_wire[] = { 2, 7, 0, 0, 0, CPG_REASON_LEAVE };
static const uint8_t mcast_wire[] = { 3, 7, 0, 0, 0, 'h', 'i' };
static const uint8_t part_wire[] = { 4, 7, 0, 0, 0, 1, 9, 0, 0, 0, 'x' };
static const uint8_t list_wire[] = { 5, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
	2, 0,
	7, 0, 0, 0, 0x39, 0x30, 0, 0, 1, 'g',
	8, 0, 0, 0, 0x3a, 0x30, 0, 0, 0 };

static const uint8_t safe_mcast_wire[] = { 0x83, 7, 0, 0, 0, 'h', 'i' };
static const uint8_t safe_part_wire[] = { 0x84, 7, 0, 0, 0, 1, 9, 0, 0, 0, 'x' };

START_TEST(encodes_in_fixed_byte_order)
{
	struct cpg_message m = { .type = CPG_MESSAGE_JOIN, .id = 7, .pid = 12345,
	    .name = { .len = 3, .value = { 'a', 0, 'b' } } };
	uint8_t data[CPG_MESSAGE_HEAD_BYTES_MAX];

	ck_assert_uint_eq(cpg_message_encode(&m, data, sizeof data), sizeof join_wire);
	ck_assert_mem_eq(data, join_wire, sizeof join_wire);
	m = (struct cpg_message) { .type = CPG_MESSAGE_DEPART, .id = 7,
	    .reason = CPG_REASON_LEAVE };
	ck_assert_uint_eq(cpg_message_encode(&m, data, sizeof data), sizeof depart_wire);
	ck_assert_mem_eq(data, depart_wire, sizeof depart_wire);
	m.type = CPG_MESSAGE_MCAST;
	ck_assert_uint_eq(cpg_message_encode(&m, data, sizeof data), sizeof mcast_wire - 2);
	ck_assert_mem_eq(data, mcast_wire, sizeof mcast_wire - 2);
	m = (struct cpg_message) { .type = CPG_MESSAGE_PART, .id = 7, .flags = 1,
	    .total_bytes = 9 };
	ck_assert_uint_eq(cpg_message_encode(&m, data, sizeof data), sizeof part_wire - 1);
	ck_assert_mem_eq(data, part_wire, sizeof part_wire - 1);
	m.safe = true;
	ck_assert_uint_eq(cpg_message_encode(&m, data, sizeof data), sizeof part_wire - 1);
	ck_assert_mem_eq(data, safe_part_wire, sizeof part_wire - 1);
	m.type = CPG_MESSAGE_MCAST;
	ck_assert_uint_eq(cpg_message_encode(&m, data, sizeof data), sizeof mcast_wire - 2);
	ck_assert_mem_eq(data, safe_mcast_wire, sizeof mcast_wire - 2);
}
END_TEST

START_TEST(decodes_what_was_encoded)
{
	struct cpg_group_name name;
	struct cpg_member member;
	struct cpg_message m;
	struct buf_reader in;

	ck_assert_int_eq(cpg_message_decode(join_wire, sizeof join_wire, &m), 0);
	ck_assert(m.type == CPG_MESSAGE_JOIN && m.id == 7 && m.pid == 12345 && m.name.len == 3);
	ck_assert_int_eq(cpg_message_decode(depart_wire, sizeof depart_wire, &m), 0);
	ck_assert(m.type == CPG_MESSAGE_DEPART && m.reason == CPG_REASON_LEAVE);
	ck_assert_int_eq(cpg_message_decode(mcast_wire, sizeof mcast_wire, &m), 0);
	ck_assert(m.payload_len == 2 && m.payload[1] == 'i' && !m.safe);
	ck_assert_int_eq(cpg_message_decode(safe_mcast_wire, sizeof safe_mcast_wire, &m), 0);
	ck_assert(m.type == CPG_MESSAGE_MCAST && m.id == 7 && m.payload_len == 2 && m.safe);
	ck_assert_int_eq(cpg_message_decode(part_wire, sizeof part_wire, &m), 0);
	ck_assert(m.flags == 1 && m.total_bytes == 9 && m.payload_len == 1 && !m.safe);
	ck_assert_int_eq(cpg_message_decode(safe_part_wire, sizeof safe_part_wire, &m), 0);
	ck_assert(m.type == CPG_MESSAGE_PART && m.flags == 1 && m.payload_len == 1 && m.safe);
	ck_assert_int_eq(cpg_message_decode(list_wire, sizeof list_wire, &m), 0);
	ck_assert(m.ring.rep == 1 && m.ring.seq == 2 && m.ring.nonce == 3 && m.entry_count == 2);
	in = buf_reader(m.payload, m.payload_len);
	ck_assert(cpg_joinlist_next(&in, &member, &name));
	ck_assert(member.id == 7 && member.pid == 12345 && name.len == 1);
	ck_assert(cpg_joinlist_next(&in, &member, &name));
	ck_assert(member.id == 8 && member.pid == 12346 && name.len == 0);
	ck_assert(!cpg_joinlist_next(&in, &member, &name));
}
END_TEST

static void
refuses_truncation(const uint8_t *wire, size_t len, size_t shortest)
{
	struct cpg_message m, before;

	memset(&m, 0xa5, sizeof m);
	before = m;
	for (size_t cut = 0; cut < shortest; cut++) {
		uint8_t *exact = malloc(cut + 1);	/* so that valgrind and ASan see the end */

		memcpy(exact, wire, cut);
		ck_assert_int_eq(cpg_message_decode(exact, cut, &m), -EBADMSG);
		ck_assert_mem_eq(&m, &before, sizeof m);
		free(exact);
	}
	ck_assert_int_eq(cpg_message_decode(wire, len, &m), 0);
}

START_TEST(refuses_every_truncation)
{
	refuses_truncation(join_wire, sizeof join_wire, sizeof join_wire);
	refuses_truncation(depart_wire, sizeof depart_wire, sizeof depart_wire);
	refuses_truncation(mcast_wire, sizeof mcast_wire, 5);
	refuses_truncation(part_wire, sizeof part_wire, 10);
	refuses_truncation(list_wire, sizeof list_wire, sizeof list_wire);
	refuses_truncation(safe_mcast_wire, sizeof safe_mcast_wire, 5);
	refuses_truncation(safe_part_wire, sizeof safe_part_wire, 10);
}
END_TEST

START_TEST(refuses_nonsense)
{
	uint8_t data[64];
	struct cpg_message m;

	for (unsigned int type = 0; type < 256; type++) {
		memset(data, 0, sizeof data);
		data[0] = (uint8_t) type;
		if (type == 0 || (type > 5 && type != (CPG_MESSAGE_MCAST | CPG_MESSAGE_SAFE)))
			ck_assert_int_eq(cpg_message_decode(data, sizeof data, &m), -EBADMSG);
	}
	memcpy(data, depart_wire, sizeof depart_wire);
	data[0] |= CPG_MESSAGE_SAFE;				/* nobody leaves SAFE */
	ck_assert_int_eq(cpg_message_decode(data, sizeof depart_wire, &m), -EBADMSG);
	memcpy(data, join_wire, sizeof join_wire);
	data[9] = 129;						/* name too long */
	ck_assert_int_eq(cpg_message_decode(data, sizeof data, &m), -EBADMSG);
	memcpy(data, join_wire, sizeof join_wire);		/* bytes behind the end */
	ck_assert_int_eq(cpg_message_decode(data, sizeof join_wire + 1, &m), -EBADMSG);
	memcpy(data, depart_wire, sizeof depart_wire);
	data[5] = CPG_REASON_NODEDOWN;				/* not for a process to say */
	ck_assert_int_eq(cpg_message_decode(data, sizeof depart_wire, &m), -EBADMSG);
	memcpy(data, part_wire, sizeof part_wire);
	data[5] = 4;						/* unknown flag */
	ck_assert_int_eq(cpg_message_decode(data, sizeof part_wire, &m), -EBADMSG);
	memcpy(data, part_wire, sizeof part_wire);
	data[9] = 0x7f;						/* 2 GiB */
	ck_assert_int_eq(cpg_message_decode(data, sizeof part_wire, &m), -EBADMSG);
	memcpy(data, part_wire, sizeof part_wire);
	data[6] = 0;						/* more than the whole */
	ck_assert_int_eq(cpg_message_decode(data, sizeof part_wire, &m), -EBADMSG);
	memcpy(data, list_wire, sizeof list_wire);
	data[21] = 3;						/* more entries than there are */
	ck_assert_int_eq(cpg_message_decode(data, sizeof list_wire, &m), -EBADMSG);
}
END_TEST

/* Whatever comes, the decoder stays within it; what it accepts is within its limits. */
START_TEST(survives_random_bytes)
{
	struct prng prng = { .state = 1 };
	static uint8_t data[256];
	unsigned int accepted = 0;
	struct cpg_message m;

	for (int i = 0; i < 200000; i++) {
		size_t len = prng_below(&prng, sizeof data);

		for (size_t k = 0; k < len; k++)
			data[k] = (uint8_t) (prng_below(&prng, 4) == 0 ? prng_below(&prng, 256) :
			    prng_below(&prng, 4));
		if (len > 0)
			data[0] = (uint8_t) (prng_below(&prng, 7) | prng_below(&prng, 2) << 7);
		if (cpg_message_decode(data, len, &m) < 0)
			continue;
		accepted++;
		ck_assert_uint_le(m.name.len, CPG_NAME_BYTES_MAX);
		ck_assert_uint_le(m.payload_len, len);
	}
	ck_assert_uint_gt(accepted, 1000);
}
END_TEST

/* --- stories ------------------------------------------------------------------------------- */

static cs_error_t
join(struct world *world, struct cs_conn *conn, const char *group)
{
	struct cpg_wire_name name = world_name(group);

	return world_call(world, conn, CPG_CALL_JOIN, &name, sizeof name);
}

static cs_error_t
leave(struct world *world, struct cs_conn *conn, const char *group)
{
	struct cpg_wire_name name = world_name(group);

	return world_call(world, conn, CPG_CALL_LEAVE, &name, sizeof name);
}

static int
mcast_as(struct world *world, struct cs_conn *conn, uint32_t guarantee, const char *text)
{
	struct cpg_wire_mcast head = { .guarantee = guarantee };

	return world_record(world, conn, CPG_RECORD_MCAST, &head, sizeof head, text, strlen(text));
}

static int
mcast(struct world *world, struct cs_conn *conn, const char *text)
{
	return mcast_as(world, conn, CPG_TYPE_AGREED, text);
}

/* The conn's events since the last look, as text: +N:P(reason) -N:P(reason) =members; messages. */
static const char *
told(struct cs_conn *conn)
{
	static char text[1024];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < conn->event_count; i++) {
		const struct world_event *event = &conn->events[i];
		struct cpg_wire_confchg head;
		const struct cpg_wire_address *list =
		    (const struct cpg_wire_address *) (event->data + sizeof head);

		if (event->function == CPG_EVENT_DELIVER) {
			at += (size_t) snprintf(text + at, sizeof text - at, "'%.*s' ",
			    (int) (event->len - sizeof(struct cpg_wire_deliver)),
			    (const char *) event->data + sizeof(struct cpg_wire_deliver));
			continue;
		}
		if (event->function != CPG_EVENT_CONFCHG) {
			at += (size_t) snprintf(text + at, sizeof text - at, "event%u ",
			    event->function);
			continue;
		}
		memcpy(&head, event->data, sizeof head);
		for (uint32_t k = 0; k < head.left_count + head.joined_count; k++)
			at += (size_t) snprintf(text + at, sizeof text - at, "%c%u:%u(%u) ",
			    k < head.left_count ? '-' : '+', list[head.member_count + k].node_id,
			    list[head.member_count + k].pid, list[head.member_count + k].reason);
		at += (size_t) snprintf(text + at, sizeof text - at, "=%u ", head.member_count);
	}
	world_events_drop(conn);
	return text;
}

START_TEST(join_send_leave)
{
	struct world *world = world_new(2, 1);
	struct cs_conn *a, *b;

	world_rings(world, one_ring, true);
	world_settle(world);
	a = world_open(world, 0, 10);
	b = world_open(world, 1, 20);
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	world_settle(world);
	ck_assert_str_eq(told(a), "+1:10(1) =1 ");
	ck_assert_int_eq(mcast(world, a, "before"), 0);
	world_settle(world);
	ck_assert_int_eq(join(world, b, "g"), CS_OK);
	ck_assert_int_eq(mcast(world, b, "mine"), 0);	/* behind its own join */
	world_settle(world);
	ck_assert_ptr_nonnull(strstr(told(a), "'before'"));
	ck_assert_str_eq(told(b), "+2:20(1) =2 'mine' ");
	ck_assert_int_eq(leave(world, a, "g"), CS_OK);
	ck_assert_int_eq(mcast(world, a, "late"), 0);	/* taken, but we are leaving */
	world_settle(world);
	ck_assert_str_eq(told(a), "-1:10(2) =1 ");
	ck_assert_str_eq(told(b), "-1:10(2) =1 ");
	world_close(world, b);
	world_settle(world);
	ck_assert_str_eq(told(a), "");
	world_free(world);
}
END_TEST

START_TEST(errors_of_join_and_leave)
{
	struct world *world = world_new(1, 1);
	struct cpg_wire_name too_long = { .length = 129 };
	struct cs_conn *a, *twin;

	a = world_open(world, 0, 10);
	ck_assert_int_eq(join(world, a, "g"), CS_ERR_TRY_AGAIN);	/* no ring yet */
	world_rings(world, one_ring, true);
	ck_assert_int_eq(join(world, a, "g"), CS_ERR_TRY_AGAIN);	/* synchronising */
	world_settle(world);
	twin = world_open(world, 0, 10);
	ck_assert_int_eq(leave(world, a, "g"), CS_ERR_NOT_EXIST);
	ck_assert_int_eq(world_call(world, a, CPG_CALL_JOIN, &too_long, sizeof too_long),
	    CS_ERR_NAME_TOO_LONG);
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	ck_assert_int_eq(join(world, a, "h"), CS_ERR_EXIST);	/* one group a handle */
	ck_assert_int_eq(join(world, twin, "g"), CS_ERR_EXIST);	/* this process is in it */
	a->closing = true;
	ck_assert_int_eq(join(world, twin, "g"), CS_ERR_TRY_AGAIN);	/* but not for long */
	a->closing = false;
	world_settle(world);
	ck_assert_int_eq(leave(world, a, "h"), CS_ERR_NOT_EXIST);
	ck_assert_int_eq(leave(world, a, "g"), CS_OK);
	ck_assert_int_eq(leave(world, a, "g"), CS_ERR_NOT_EXIST);
	ck_assert_int_eq(join(world, twin, "g"), CS_ERR_TRY_AGAIN);	/* not through yet */
	ck_assert_int_eq(join(world, a, "h"), 0);		/* waits for our own leave */
	ck_assert_int_eq(join(world, a, "h"), CS_ERR_EXIST);
	world_settle(world);
	ck_assert(a->answered);
	ck_assert_str_eq(told(a), "+1:10(1) =1 -1:10(2) =0 +1:10(1) =1 ");
	ck_assert_int_eq(join(world, twin, "g"), CS_OK);
	world_settle(world);
	ck_assert_str_eq(told(twin), "+1:10(1) =1 ");
	world_free(world);
}
END_TEST

START_TEST(partition_and_merge)
{
	struct world *world = world_new(3, 1);
	const uint32_t split[WORLD_NODES] = { 0, 0, 1 };
	struct cs_conn *conn[3];

	world_rings(world, one_ring, true);
	world_settle(world);
	for (uint32_t i = 0; i < 3; i++) {
		conn[i] = world_open(world, i, (pid_t) (10 + i));
		ck_assert_int_eq(join(world, conn[i], "g"), CS_OK);
	}
	world_settle(world);
	for (uint32_t i = 0; i < 3; i++)
		world_events_drop(conn[i]);
	world_rings(world, split, false);
	world_settle(world);
	ck_assert_str_eq(told(conn[0]), "-3:12(3) =2 ");
	ck_assert_str_eq(told(conn[1]), "-3:12(3) =2 ");
	ck_assert_str_eq(told(conn[2]), "-1:10(3) -2:11(3) =1 ");	/* one change */
	world_rings(world, one_ring, false);
	world_settle(world);
	ck_assert_str_eq(told(conn[0]), "+3:12(4) =3 ");
	ck_assert_str_eq(told(conn[2]), "+1:10(4) +2:11(4) =3 ");
	world_free(world);
}
END_TEST

/* Node 3's process says three things, its client gets them, and it dies.  Who has them is told
 * what node 1's client was told, and at last what is never said again. */
static void
last_words(struct world *world, char *ret_told, size_t size)
{
	const uint32_t split[WORLD_NODES] = { 0, 0, 1 };
	const uint8_t late[] = { 0x83, 1, 0, 0, 0, 'l', 'a', 't', 'e' };
	struct cs_conn *conn[3];

	world_rings(world, one_ring, true);
	world_settle(world);
	for (uint32_t i = 0; i < 3; i++) {
		conn[i] = world_open(world, i, (pid_t) (10 + i));
		ck_assert_int_eq(join(world, conn[i], "g"), CS_OK);
		world_settle(world);
	}
	world_events_drop(conn[0]);
	world_events_drop(conn[1]);
	world_events_drop(conn[2]);
	ck_assert_int_eq(mcast_as(world, conn[2], CPG_TYPE_SAFE, "one"), 0);
	ck_assert_int_eq(mcast(world, conn[2], "two"), 0);
	ck_assert_int_eq(mcast_as(world, conn[2], CPG_TYPE_SAFE, "three"), 0);
	while (world_send(world, 2))
		;
	while (world_deliver(world, 2))
		;
	ck_assert_str_eq(told(conn[2]), "'one' 'two' 'three' ");
	world_crash(world, 2);
	world_rings(world, split, false);
	/* The engines know nobody any more who could say this. */
	for (uint32_t i = 0; i < 2; i++)
		cs_engine_descriptor.deliver(world->nodes[i].engine, 3, 1, late, sizeof late);
	world_settle(world);
	(void) snprintf(ret_told, size, "%s", told(conn[0]));
	ck_assert_str_eq(told(conn[1]), ret_told);
}

/* What a node delivered SAFE just before it died may come to the others only in the transitional
 * configuration; their clients get it, behind the leave.  What was AGREED is lost there. */
START_TEST(last_words_of_safe)
{
	static const char *const stories[] = {
		"-3:12(3) =2 'one' 'three' ",
		"'one' -3:12(3) =2 'three' ",
		"'one' 'two' -3:12(3) =2 'three' ",
		"'one' 'two' 'three' -3:12(3) =2 ",
	};
	unsigned int seen[4] = { 0 };
	char text[256];

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world *world = world_new(3, seed);
		size_t i = 0;

		last_words(world, text, sizeof text);
		while (i < 4 && strcmp(text, stories[i]) != 0)
			i++;
		ck_assert_msg(i < 4, "seed %ju: %s", (uintmax_t) seed, text);
		seen[i]++;
		world_free(world);
	}
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_gt(seen[i], 0);
}
END_TEST

/* The same for one that had only just joined: its join may come to the others no sooner than its
 * last words.  So that these are not said by somebody who never was there, they see it come and go
 * first. */
static void
short_life(struct world *world, char *ret_told, size_t size)
{
	const uint32_t split[WORLD_NODES] = { 0, 0, 1 };
	struct cs_conn *conn[3];

	world_rings(world, one_ring, true);
	world_settle(world);
	for (uint32_t i = 0; i < 2; i++) {
		conn[i] = world_open(world, i, (pid_t) (10 + i));
		ck_assert_int_eq(join(world, conn[i], "g"), CS_OK);
		world_settle(world);
	}
	world_events_drop(conn[0]);
	world_events_drop(conn[1]);
	conn[2] = world_open(world, 2, 12);
	ck_assert_int_eq(join(world, conn[2], "g"), CS_OK);
	ck_assert_int_eq(mcast_as(world, conn[2], CPG_TYPE_SAFE, "one"), 0);
	ck_assert_int_eq(mcast(world, conn[2], "two"), 0);
	while (world_send(world, 2))
		;
	while (world_deliver(world, 2))
		;
	ck_assert_str_eq(told(conn[2]), "+3:12(1) =3 'one' 'two' ");
	world_crash(world, 2);
	world_rings(world, split, false);
	world_settle(world);
	(void) snprintf(ret_told, size, "%s", told(conn[0]));
	ck_assert_str_eq(told(conn[1]), ret_told);
}

START_TEST(last_words_of_a_short_life)
{
	static const char *const stories[] = {
		"+3:12(1) =3 -3:12(3) =2 'one' ",
		"+3:12(1) =3 'one' -3:12(3) =2 ",
		"+3:12(1) =3 'one' 'two' -3:12(3) =2 ",
	};
	unsigned int seen[3] = { 0 };
	char text[256];

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world *world = world_new(3, seed);
		size_t i = 0;

		short_life(world, text, sizeof text);
		while (i < 3 && strcmp(text, stories[i]) != 0)
			i++;
		ck_assert_msg(i < 3, "seed %ju: %s", (uintmax_t) seed, text);
		seen[i]++;
		world_free(world);
	}
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_gt(seen[i], 0);
}
END_TEST

/* A joinlist of a round that was given up must not bring back who has gone since. */
START_TEST(aborted_round_leaves_no_ghost)
{
	struct world *world = world_new(2, 7);
	const uint32_t split[WORLD_NODES] = { 0, 1 };
	struct cs_conn *a, *b;

	world_rings(world, split, true);
	world_settle(world);
	a = world_open(world, 0, 10);
	b = world_open(world, 1, 20);
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	ck_assert_int_eq(join(world, b, "g"), CS_OK);
	world_settle(world);
	world_rings(world, one_ring, false);
	while (world_send(world, 1))		/* node 2 says its list and its barrier */
		;
	while (world_deliver(world, 0))
		;
	world_rings(world, split, false);
	world_settle(world);
	ck_assert_str_eq(told(a), "+1:10(1) =1 ");
	world_close(world, b);
	world_settle(world);
	world_rings(world, one_ring, false);
	world_settle(world);
	ck_assert_str_eq(told(a), "");
	world_free(world);
}
END_TEST

/* It died while the engines synchronised: first it comes with its node, then it goes. */
START_TEST(death_during_synchronisation)
{
	struct world *world = world_new(2, 7);
	const uint32_t split[WORLD_NODES] = { 0, 1 };
	struct cs_conn *a, *b;

	world_rings(world, split, true);
	world_settle(world);
	a = world_open(world, 0, 10);
	b = world_open(world, 1, 20);
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	ck_assert_int_eq(join(world, b, "g"), CS_OK);
	world_settle(world);
	world_events_drop(a);
	world_rings(world, one_ring, false);
	(void) world_send(world, 1);
	world_close(world, b);
	world_settle(world);
	ck_assert_str_eq(told(a), "+2:20(4) =2 -2:20(5) =1 ");
	world_free(world);
}
END_TEST

/* The node is back before anyone noticed: its old processes leave, new ones come. */
START_TEST(restarted_node_is_another)
{
	struct world *world = world_new(2, 7);
	struct cs_conn *a, *b;

	world_rings(world, one_ring, true);
	world_settle(world);
	a = world_open(world, 0, 10);
	b = world_open(world, 1, 20);
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	ck_assert_int_eq(join(world, b, "g"), CS_OK);
	world_settle(world);
	world_events_drop(a);
	world_crash(world, 1);
	world_restart(world, 1);
	world_rings(world, one_ring, false);
	world_settle(world);
	ck_assert_str_eq(told(a), "-2:20(3) =1 ");
	world_free(world);
}
END_TEST

START_TEST(garbage_of_clients_is_refused)
{
	struct world *world = world_new(1, 1);
	struct cs_conn *a;
	uint8_t data[600] = { 0 };
	struct cpg_wire_part part = { .guarantee = 2, .flags = CPG_WIRE_PART_LAST };
	struct cpg_wire_mcast mcast_head = { .guarantee = 4 };

	world_rings(world, one_ring, true);
	world_settle(world);
	a = world_open(world, 0, 10);
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	ck_assert_int_lt(world_record(world, a, 77, data, 8, NULL, 0), 0);
	ck_assert_int_lt(world_record(world, a, CPG_RECORD_MCAST, data, 7, NULL, 0), 0);
	ck_assert_int_lt(world_record(world, a, CPG_RECORD_MCAST, &mcast_head, 8, "x", 1), 0);
	ck_assert_int_lt(world_record(world, a, CPG_RECORD_PART, data, 15, NULL, 0), 0);
	ck_assert_int_lt(world_record(world, a, CPG_RECORD_PART, &part, 16, NULL, 0), 0);
	part = (struct cpg_wire_part) { .guarantee = 2, .total_bytes = 3 };
	ck_assert_int_lt(world_record(world, a, CPG_RECORD_PART, &part, 16, "four", 4), 0);
	for (uint32_t function = 0; function < 12; function++) {
		for (size_t len = 0; len < sizeof data; len += 3) {
			if (function == CPG_CALL_FINALIZE && len == 0)
				continue;
			a->closed = false;
			if (world_call(world, a, function, data, len) == CS_ERR_INVALID_PARAM)
				ck_assert(a->closed);
		}
	}
	ck_assert(!a->closed || a->event_count == 0);
	world_free(world);
}
END_TEST

/* Who can't be told of a change for its size does not go on with what comes after it. */
START_TEST(what_does_not_fit_is_no_silent_loss)
{
	struct world *world = world_new(2, 1);
	struct cs_conn *a, *b;

	world_rings(world, one_ring, true);
	world_settle(world);
	a = world_open(world, 0, 10);
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	world_settle(world);
	ck_assert_str_eq(told(a), "+1:10(1) =1 ");
	a->event_bytes_max = sizeof(struct cpg_wire_confchg) + 2 * sizeof(struct cpg_wire_address);
	b = world_open(world, 1, 20);
	ck_assert_int_eq(join(world, b, "g"), CS_OK);
	ck_assert_int_eq(mcast(world, b, "after"), 0);
	world_settle(world);
	ck_assert(a->closed);
	ck_assert_str_eq(told(a), "");
	ck_assert_str_eq(told(b), "+2:20(1) =2 'after' ");
	world_free(world);
}
END_TEST

static int
part(struct world *world, struct cs_conn *conn, uint32_t flags, uint32_t total, const char *text)
{
	struct cpg_wire_part head = { .guarantee = CPG_TYPE_AGREED, .flags = flags,
	    .total_bytes = total };

	return world_record(world, conn, CPG_RECORD_PART, &head, sizeof head, text, strlen(text));
}

static cs_error_t
large_end(struct world *world, struct cs_conn *conn)
{
	struct cpg_wire_mcast head = { .guarantee = CPG_TYPE_AGREED };

	return world_call(world, conn, CPG_CALL_LARGE_END, &head, sizeof head);
}

/* What the others could not put together is refused here. */
START_TEST(parts_must_be_the_whole)
{
	struct world *world = world_new(2, 1);
	struct cs_conn *a, *b;

	world_rings(world, one_ring, true);
	world_settle(world);
	a = world_open(world, 0, 10);
	b = world_open(world, 1, 20);
	ck_assert_int_eq(join(world, b, "g"), CS_OK);
	world_settle(world);
	world_events_drop(b);
	ck_assert_int_eq(part(world, a, CPG_WIRE_PART_FIRST, 4, "it"), 0);	/* in no group */
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	ck_assert_int_eq(part(world, a, 0, 4, "is"), 0);
	ck_assert_int_eq(part(world, a, 0, 4, "!"), -EBADMSG);
	world_settle(world);
	ck_assert_str_eq(told(b), "+1:10(1) =2 event2 ");
	ck_assert_int_eq(part(world, a, CPG_WIRE_PART_FIRST, 100, "x"), 0);
	ck_assert_int_eq(large_end(world, a), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(part(world, a, CPG_WIRE_PART_FIRST, 3, "new"), 0);	/* begins anew */
	ck_assert_int_eq(large_end(world, a), 0);
	ck_assert_int_eq(part(world, a, 0, 3, "x"), -EBADMSG);		/* of nothing */
	world_settle(world);
	ck_assert(a->answered);
	ck_assert_str_eq(told(b), "event2 event2 event2 ");	/* two begun, one ended */
	world_free(world);
}
END_TEST

/* What the ring refuses for now comes again, and counts once. */
START_TEST(refused_parts_count_once)
{
	struct world *world = world_new(1, 1);
	struct cs_conn *a;

	world_rings(world, one_ring, true);
	world_settle(world);
	a = world_open(world, 0, 10);
	ck_assert_int_eq(join(world, a, "g"), CS_OK);
	world_settle(world);
	world->nodes[0].app_limit = 0;
	ck_assert_int_eq(part(world, a, CPG_WIRE_PART_FIRST, 4, "it"), -EAGAIN);
	ck_assert_int_eq(part(world, a, CPG_WIRE_PART_FIRST, 4, "it"), -EAGAIN);
	world->nodes[0].app_limit = 3;
	ck_assert_int_eq(part(world, a, CPG_WIRE_PART_FIRST, 4, "it"), 0);
	ck_assert_int_eq(part(world, a, 0, 4, "is"), 0);
	ck_assert_int_eq(large_end(world, a), 0);
	world_settle(world);
	ck_assert(a->answered);
	ck_assert_str_eq(told(a), "+1:10(1) =1 event3 ");	/* it has the bytes */
	world_free(world);
}
END_TEST

START_TEST(iteration_pages)
{
	struct world *world = world_new(1, 1);
	struct cpg_wire_iterate ask = { .type = CPG_ITERATION_ALL };
	struct cpg_wire_page page;
	struct cpg_wire_entry last = { 0 };
	struct cs_conn *conn[40];
	uint32_t count = 0, names = 0;

	world_rings(world, one_ring, true);
	world_settle(world);
	world->nodes[0].app_limit = 100;
	for (uint32_t i = 0; i < 40; i++) {
		conn[i] = world_open(world, 0, (pid_t) (100 - i));
		ck_assert_int_eq(join(world, conn[i], i % 2 == 0 ? "even" : "odd"), CS_OK);
	}
	world_settle(world);
	do {
		ck_assert_int_eq(world_call(world, conn[0], CPG_CALL_ITERATE, &ask, sizeof ask),
		    CS_OK);
		memcpy(&page, conn[0]->reply, sizeof page);
		for (uint32_t i = 0; i < page.count; i++, count++) {
			int order = memcmp(page.entry[i].name.value, last.name.value, 4);

			ck_assert(order > 0 || (order == 0 && page.entry[i].pid > last.pid));
			last = page.entry[i];
		}
		ask.resume = 1;
		ask.after = last;
	} while (page.more != 0);
	ck_assert_uint_eq(count, 40);
	ask = (struct cpg_wire_iterate) { .type = CPG_ITERATION_NAME_ONLY };
	ck_assert_int_eq(world_call(world, conn[0], CPG_CALL_ITERATE, &ask, sizeof ask), CS_OK);
	memcpy(&page, conn[0]->reply, sizeof page);
	names = page.count;
	ck_assert_uint_eq(names, 2);
	ask = (struct cpg_wire_iterate) { .type = CPG_ITERATION_ONE_GROUP,
	    .name = world_name("f") };		/* none, though "odd" comes behind it */
	ck_assert_int_eq(world_call(world, conn[0], CPG_CALL_ITERATE, &ask, sizeof ask), CS_OK);
	memcpy(&page, conn[0]->reply, sizeof page);
	ck_assert_uint_eq(page.count, 0);
	world_free(world);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("cpg");
	Suite *suite = suite_create("cpg");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, encodes_in_fixed_byte_order);
	tcase_add_test(tc, decodes_what_was_encoded);
	tcase_add_test(tc, refuses_every_truncation);
	tcase_add_test(tc, refuses_nonsense);
	tcase_add_test(tc, survives_random_bytes);
	tcase_add_test(tc, join_send_leave);
	tcase_add_test(tc, errors_of_join_and_leave);
	tcase_add_test(tc, partition_and_merge);
	tcase_add_test(tc, last_words_of_safe);
	tcase_add_test(tc, last_words_of_a_short_life);
	tcase_add_test(tc, aborted_round_leaves_no_ghost);
	tcase_add_test(tc, death_during_synchronisation);
	tcase_add_test(tc, restarted_node_is_another);
	tcase_add_test(tc, garbage_of_clients_is_refused);
	tcase_add_test(tc, what_does_not_fit_is_no_silent_loss);
	tcase_add_test(tc, parts_must_be_the_whole);
	tcase_add_test(tc, refused_parts_count_once);
	tcase_add_test(tc, iteration_pages);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
