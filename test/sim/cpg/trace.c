/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Keeps what processes did and saw.  Built from their side alone; no judgement is made here.
 *
 * A message's bytes follow from its number and the seed: magic 4 | number 4 | length 4 | noise.
 * One too small for that begins with a byte that no other such message of its process has.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/assert.h"
#include "exec/base/buf.h"
#include "test/sim/cpg/cpg.h"

#define MESSAGE_MAGIC	UINT32_C(0x43504753)
#define HEAD_BYTES	12u

/* --- hash maps ------------------------------------------------------------------------------- */

struct hash_entry {
	uint64_t key, value;
	bool used;
};

struct hash_map {
	struct hash_entry *entry;
	size_t count, room;
};

uint64_t
trace_mix(uint64_t hash, uint64_t value)
{
	struct prng prng = { .state = hash ^ (value * UINT64_C(0x9e3779b97f4a7c15)) };

	return prng_u64(&prng);
}

struct hash_map *
hash_map_new(void)
{
	struct hash_map *map = util_alloc(sizeof *map);

	map->room = 1024;
	map->entry = util_alloc(map->room * sizeof *map->entry);
	return map;
}

struct hash_map *
hash_map_free(struct hash_map *map)
{
	if (map == NULL)
		return NULL;
	free(map->entry);
	free(map);
	return NULL;
}

static struct hash_entry *
hash_map_slot(const struct hash_map *map, uint64_t key)
{
	size_t at = (size_t) trace_mix(7, key) % map->room;

	while (map->entry[at].used && map->entry[at].key != key)
		at = (at + 1) % map->room;
	return &map->entry[at];
}

uint64_t
hash_map_get(const struct hash_map *map, uint64_t key)
{
	const struct hash_entry *entry = hash_map_slot(map, key);

	return entry->used ? entry->value : 0;
}

uint64_t *
hash_map_at(struct hash_map *map, uint64_t key, bool *ret_new)
{
	struct hash_entry *entry;

	if (map->count * 2 >= map->room) {
		struct hash_map bigger = { .room = 2 * map->room };

		bigger.entry = util_alloc(bigger.room * sizeof *bigger.entry);
		for (size_t i = 0; i < map->room; i++)
			if (map->entry[i].used)
				*hash_map_slot(&bigger, map->entry[i].key) = map->entry[i];
		free(map->entry);
		map->entry = bigger.entry;
		map->room = bigger.room;
	}
	entry = hash_map_slot(map, key);
	*ret_new = !entry->used;
	if (!entry->used) {
		*entry = (struct hash_entry) { .key = key, .used = true };
		map->count++;
	}
	return &entry->value;
}

/* --- sessions and messages ------------------------------------------------------------------- */

uint32_t
trace_session_new(struct sim *sim, const struct client *client, uint32_t group)
{
	struct trace *trace = &cpg_of(sim)->trace;

	if (trace->session_count == trace->session_room)
		trace->session = util_grow(trace->session, &trace->session_room,
		    sizeof *trace->session);
	trace->session[trace->session_count] = (struct session) {
		.host = client->host, .node = sim->host[client->host].node_id,   .pid = client->pid,
		.group = group, .client = client->index, .next = NONE, .join_ns = sim->now_ns,
		.daemon = sim->host[client->host].generation,
	};
	return (uint32_t) trace->session_count++;
}

uint32_t
trace_message_new(struct sim *sim, uint32_t session, uint32_t len, bool safe, uint8_t tiny)
{
	struct trace *trace = &cpg_of(sim)->trace;
	struct session *s = &trace->session[session];
	uint32_t message = (uint32_t) trace->message_count++;

	if (message == trace->message_room)
		trace->message = util_grow(trace->message, &trace->message_room,
		    sizeof *trace->message);
	trace->message[message] = (struct cpg_message) {
		.session = session, .number = (uint32_t) s->sent_count, .len = len, .safe = safe,
		.tiny = tiny, .sent_ns = sim->now_ns,
	};
	if (s->sent_count == s->sent_room)
		s->sent = util_grow(s->sent, &s->sent_room, sizeof *s->sent);
	s->sent[s->sent_count++] = message;
	return message;
}

void
trace_message_fill(const struct sim *sim, uint32_t message, uint8_t *data)
{
	const struct cpg_message *m = &cpg_of(sim)->trace.message[message];
	struct prng prng = { .state = sim->options.seed ^ ((uint64_t) message << 32) };
	struct buf_writer out = buf_writer(data, m->len);
	uint64_t word;

	if (m->tiny != 0) {
		buf_put_u8(&out, m->tiny);
	} else {
		buf_put_u32(&out, MESSAGE_MAGIC);
		buf_put_u32(&out, message);
		buf_put_u32(&out, m->len);
	}
	for (size_t at = 0; at < out.left; at += sizeof word) {
		word = prng_u64(&prng);
		memcpy(out.at + at, &word, out.left - at < sizeof word ? out.left - at :
		    sizeof word);
	}
}

static bool
trace_message_is(const struct sim *sim, uint32_t message, const uint8_t *data, size_t len)
{
	uint8_t *scratch = cpg_of(sim)->scratch;

	if (cpg_of(sim)->trace.message[message].len != len)
		return false;
	trace_message_fill(sim, message, scratch);
	return memcmp(scratch, data, len) == 0;
}

uint32_t
trace_message_find(const struct sim *sim, const struct session *to, uint32_t node, uint32_t pid,
    const uint8_t *data, size_t len)
{
	const struct trace *trace = &cpg_of(sim)->trace;
	struct buf_reader in = buf_reader(data, len);
	uint32_t magic = buf_get_u32(&in), message = buf_get_u32(&in);

	(void) to;
	if (len >= HEAD_BYTES)
		return magic == MESSAGE_MAGIC && message < trace->message_count &&
		    trace_message_is(sim, message, data, len) ? message : NONE;
	for (message = (uint32_t) trace->message_count; message-- > 0;) {
		const struct cpg_message *m = &trace->message[message];
		const struct session *from = &trace->session[m->session];

		if (m->tiny != 0 && m->tiny == data[0] && from->node == node &&
		    from->pid == pid && trace_message_is(sim, message, data, len))
			return message;
	}
	return NONE;
}

uint64_t
trace_ring(const struct session *session)
{
	return session->ring_count == 0 ? 0 : session->ring[session->ring_count - 1];
}

bool
trace_has(const struct session *session, uint32_t message)
{
	return message / 64 < session->has_words &&
	    (session->has[message / 64] >> (message % 64) & 1) != 0;
}

bool
trace_view_has(const struct session *session, uint32_t node, uint32_t pid)
{
	for (size_t i = 0; i < session->view_count; i++)
		if (session->view[i].node == node && session->view[i].pid == pid)
			return true;
	return false;
}

const struct move_of *
trace_move(const struct trace *trace, uint32_t host, uint64_t next)
{
	for (size_t i = trace->move_count; i-- > 0;)
		if (trace->move[i].host == host && trace->move[i].next == next)
			return &trace->move[i];
	return NULL;
}

const struct move_of *
trace_move_at(const struct trace *trace, uint32_t host, uint64_t place)
{
	for (size_t i = trace->move_count; i-- > 0;)
		if (trace->move[i].host == host && trace->move[i].place == place)
			return &trace->move[i];
	return NULL;
}

const struct move_of *
trace_move_last(const struct trace *trace, uint32_t host, uint64_t ring)
{
	for (size_t i = trace->move_count; i-- > 0;)
		if (trace->move[i].host == host && trace->move[i].ring == ring)
			return &trace->move[i];
	return NULL;
}

bool
trace_moves(const struct move_of *move, uint32_t node)
{
	for (size_t i = 0; i < move->member_count; i++)
		if (move->member[i] == node)
			return true;
	return false;
}

bool
trace_present(struct sim *sim, const struct session *session, uint32_t host, uint32_t group)
{
	const struct host *there = &sim->host[session->host], *here = &sim->host[host];

	if (session->group != group || session->end != SESSION_LIVE || !session->join_ok ||
	    session->leave_ok || there->totem == NULL || here->totem == NULL ||
	    there->generation != session->daemon)
		return false;
	return cpg_node_of(sim, session->host)->tag.ring == cpg_node_of(sim, host)->tag.ring;
}

/* --- what is derived ------------------------------------------------------------------------- */

static uint64_t
trace_list(uint64_t hash, const struct place *list, size_t count)
{
	hash = trace_mix(hash, count);
	for (size_t i = 0; i < count; i++)
		hash = trace_mix(trace_mix(trace_mix(hash, list[i].node), list[i].pid),
		    list[i].reason);
	return hash;
}

uint64_t
trace_content(const struct cpg_event *event)
{
	uint64_t hash = trace_mix(event->kind, event->group);

	if (event->kind == CPG_DELIVER)
		return trace_mix(trace_mix(trace_mix(hash, event->message), event->node),
		    event->pid) | 1;
	/* Who joined and who left depends on where one comes from: trace_change(). */
	for (size_t i = 0; i < event->member_count; i++)
		hash = trace_mix(trace_mix(hash, event->members[i].node), event->members[i].pid);
	return hash | 1;
}

uint64_t
trace_change(const struct cpg_event *event)
{
	return trace_list(trace_list(1, event->left, event->left_count), event->joined,
	    event->joined_count);
}

uint64_t
trace_view_id(const struct cpg_event *event)
{
	return trace_mix(trace_place_key(event), trace_content(event)) | 1;
}

uint64_t
trace_place_key(const struct cpg_event *event)
{
	uint64_t key = trace_mix(event->tag.place, event->group);

	/* One message may change a group differently on two sides that part at it; and on one side
	 * twice: a process of the other comes, and goes. */
	return event->kind == CPG_CONFCHG && event->tag.transitional ?
	    trace_mix(key, event->tag.move + (event->left_count > 0)) : key;
}

static uint64_t
trace_view_key(const struct session *session, const struct cpg_event *event)
{
	return trace_mix(trace_mix(trace_mix(3, session->view_place), trace_view_id(event)),
	    session->group);
}

const struct closed *
trace_closed(const struct trace *trace, const struct session *session,
    const struct cpg_event *event)
{
	uint64_t number = hash_map_get(trace->views, trace_view_key(session, event));

	return number == 0 ? NULL : &trace->closed[number - 1];
}

static uint64_t
trace_process_key(uint64_t where, uint32_t node, uint32_t pid)
{
	return trace_mix(trace_mix(trace_mix(7, where), node), pid);
}

const struct session *
trace_seen_joining(const struct trace *trace, uint32_t member, uint32_t node, uint32_t pid)
{
	uint64_t place = hash_map_get(trace->known, trace_process_key(member, node, pid));
	uint64_t number = place == 0 ? 0 :
	    hash_map_get(trace->joined, trace_process_key(place, node, pid));

	return number == 0 ? NULL : &trace->session[number - 1];
}

/* --- adding ---------------------------------------------------------------------------------- */

static void
trace_step(struct session *s, const struct cpg_event *event, uint32_t what)
{
	if (s->step_count == s->step_room)
		s->step = util_grow(s->step, &s->step_room, sizeof *s->step);
	s->step[s->step_count++] = (struct step) { .place = event->tag.place,
	    .view = event->kind == CPG_CONFCHG, .what = what };
	if (trace_ring(s) == event->tag.ring)
		return;
	if (s->ring_count == s->ring_room)
		s->ring = util_grow(s->ring, &s->ring_room, sizeof *s->ring);
	s->ring[s->ring_count++] = event->tag.ring;
}

static void
trace_first_at(struct trace *trace, const struct cpg_event *event)
{
	bool fresh;
	uint64_t *value = hash_map_at(trace->places, trace_place_key(event), &fresh);

	if (fresh)
		*value = trace_content(event);
}

static void
trace_deliver(struct sim *sim, struct session *s, const struct cpg_event *event)
{
	struct trace *trace = &cpg_of(sim)->trace;
	struct cpg_message *m;
	size_t word = event->message / 64;

	if (event->message == NONE)
		return;
	m = &trace->message[event->message];
	m->delivered = true;
	m->ring = event->tag.ring;
	while (word >= s->has_words)
		s->has = util_grow(s->has, &s->has_words, sizeof *s->has);
	s->has[word] |= UINT64_C(1) << (event->message % 64);
	while (m->session >= s->last_room)
		s->last = util_grow(s->last, &s->last_room, sizeof *s->last);
	s->last[m->session] = m->number + 1;
	s->set_sum += trace_mix(5, event->message);
	s->set_count++;
	if (event->tag.transitional && !trace_view_has(s, event->node, event->pid))
		cpg_counted(sim, CPG_COUNT_LAST_WORDS);
	trace_first_at(trace, event);
	trace_step(s, event, event->message);
	cpg_counted(sim, CPG_COUNT_DELIVERED);
}

static void
trace_reasons(struct sim *sim, const struct cpg_event *event)
{
	for (size_t i = 0; i < event->left_count; i++)
		cpg_counted(sim, event->left[i].reason == CPG_REASON_LEAVE ?
		    CPG_COUNT_SEEN_LEAVE : event->left[i].reason == CPG_REASON_NODEDOWN ?
		    CPG_COUNT_SEEN_NODEDOWN : CPG_COUNT_SEEN_PROCDOWN);
	for (size_t i = 0; i < event->joined_count; i++)
		cpg_counted(sim, event->joined[i].reason == CPG_REASON_JOIN ?
		    CPG_COUNT_SEEN_JOIN : CPG_COUNT_SEEN_NODEUP);
}

/* Who of the members is which session. */
static void
trace_comings(struct trace *trace, struct session *s, const struct cpg_event *event)
{
	uint64_t place = trace_place_key(event);
	bool fresh;

	for (size_t i = 0; i < event->joined_count; i++) {
		const struct place *who = &event->joined[i];

		*hash_map_at(trace->known, trace_process_key(event->session, who->node, who->pid),
		    &fresh) = place;
		if (who->node != s->node || who->pid != s->pid)
			continue;
		s->seen_join = true;
		*hash_map_at(trace->joined, trace_process_key(place, who->node, who->pid),
		    &fresh) = event->session + 1;
	}
}

static void
trace_goings(struct trace *trace, struct session *s, const struct cpg_event *event)
{
	bool fresh;

	for (size_t i = 0; i < event->left_count; i++) {
		const struct place *who = &event->left[i];

		*hash_map_at(trace->known, trace_process_key(event->session, who->node, who->pid),
		    &fresh) = 0;
		if (who->node == s->node && who->pid == s->pid)
			s->seen_leave = true;
	}
}

static void
trace_confchg(struct sim *sim, struct session *s, const struct cpg_event *event)
{
	struct trace *trace = &cpg_of(sim)->trace;
	bool fresh = false;
	uint64_t *value;

	if (s->view_place != 0) {
		value = hash_map_at(trace->views, trace_view_key(s, event), &fresh);
		if (fresh) {
			if (trace->closed_count == trace->closed_room)
				trace->closed = util_grow(trace->closed, &trace->closed_room,
				    sizeof *trace->closed);
			trace->closed[trace->closed_count++] = (struct closed) {
				.session = event->session, .first_view = s->first_view,
				.set_sum = s->set_sum, .set_count = s->set_count,
				.change = trace_change(event),
			};
			*value = trace->closed_count;
		}
	}
	while (s->view_room < event->member_count)
		s->view = util_grow(s->view, &s->view_room, sizeof *s->view);
	if (event->member_count > 0)
		memcpy(s->view, event->members, event->member_count * sizeof *s->view);
	s->view_count = event->member_count;
	s->first_view = s->view_place == 0;
	s->view_at = trace_place_key(event);
	s->view_place = trace_view_id(event);
	s->set_sum = 0;
	s->set_count = 0;
	trace_goings(trace, s, event);
	trace_comings(trace, s, event);
	if (event->tag.synchronised)
		trace_first_at(trace, event);
	trace_step(s, event, s->view_number++);
	trace_reasons(sim, event);
	cpg_counted(sim, CPG_COUNT_VIEWS);
}

static void
trace_end(struct session *s, const struct cpg_event *event)
{
	if (s->end != SESSION_LIVE)
		return;
	s->end = (enum session_end) event->value;
	s->end_ns = event->at_ns;
	if (event->value == SESSION_FINALIZED && !s->leave_called) {
		s->leave_called = true;
		s->leave_ns = event->at_ns;
	}
}

static void
trace_sent(struct cpg_message *m, const struct cpg_event *event)
{
	if (event->value == CS_OK)
		m->sent = SENT_OK;
	else
		m->sent = event->value == CS_ERR_LIBRARY ? SENT_UNKNOWN : SENT_NOT;
}

static void
trace_add(struct sim *sim, const struct cpg_event *event)
{
	struct trace *trace = &cpg_of(sim)->trace;
	struct session *s = event->session == NONE ? NULL : &trace->session[event->session];

	if (s == NULL)
		return;
	switch (event->kind) {
	case CPG_JOINED:
		s->join_ok = event->value == CS_OK;
		if (event->value != CS_OK && s->end == SESSION_LIVE) {
			s->end = SESSION_NEVER;
			s->end_ns = event->at_ns;
		}
		break;
	case CPG_LEAVE:
		s->leave_called = true;
		s->leave_ns = event->at_ns;
		break;
	case CPG_LEFT:
		s->leave_ok = event->value == CS_OK;
		s->leave_called = event->value == CS_OK || event->value == CS_ERR_LIBRARY;
		break;
	case CPG_SENT:
		trace_sent(&trace->message[event->message], event);
		break;
	case CPG_DELIVER:
		trace_deliver(sim, s, event);
		break;
	case CPG_CONFCHG:
		trace_confchg(sim, s, event);
		break;
	case CPG_END:
		trace_end(s, event);
		break;
	case CPG_JOIN:
	case CPG_SEND:
	case CPG_LIST:
	case CPG_BROKEN:
	case CPG_FLOW:
		break;
	case CPG_CUT:
		s->cut = true;
		break;
	}
}

/* --- telling --------------------------------------------------------------------------------- */

static void
trace_story_list(FILE *out, const char *word, const struct place *list, size_t count)
{
	(void) fprintf(out, " %s", word);
	for (size_t i = 0; i < count; i++)
		(void) fprintf(out, " %" PRIu32 ":%" PRIu32 "(%" PRIu32 ")", list[i].node,
		    list[i].pid, list[i].reason);
}

static void
trace_line(FILE *out, struct sim *sim, const struct cpg_event *event)
{
	static const char *const names[] = {
		"joins", "joined:", "leaves", "left:", "sends", "sent:", "gets", "view", "ends:",
		"groups", "broken", "cut off",
	};

	(void) fprintf(out, "%s %s", judge_session(sim, event->session), names[event->kind]);
	if (event->message != NONE)
		(void) fprintf(out, " %s", judge_message(sim, event->message));
	if (event->kind == CPG_CONFCHG || event->kind == CPG_LIST) {
		trace_story_list(out, "members", event->members, event->member_count);
		trace_story_list(out, "left", event->left, event->left_count);
		trace_story_list(out, "joined", event->joined, event->joined_count);
	}
	if (event->kind == CPG_DELIVER || event->kind == CPG_CONFCHG)
		(void) fprintf(out, " @%04" PRIx64 "%s%s\n", event->tag.place & 0xffff,
		    event->tag.transitional ? " transitional" : "",
		    event->tag.synchronised ? "" : " unsynchronised");
	else
		(void) fprintf(out, " %" PRIu32 "\n", event->value);
}

/* Line by line; or, where what matters is told, what the processes are given. */
static void
trace_story(struct sim *sim, const struct cpg_event *event)
{
	FILE *out = sim->options.story;

	if (event->kind == CPG_FLOW)	/* at every turn while it lasts */
		return;
	if (out != NULL) {
		(void) fprintf(out, "[%9" PRIu64 ".%03" PRIu64 " ms]    ", event->at_ns / MS_NS,
		    event->at_ns % MS_NS / US_NS);
		trace_line(out, sim, event);
	}
	if (sim->tale != NULL && (event->kind == CPG_DELIVER || event->kind == CPG_CONFCHG ||
	    event->kind == CPG_END || event->kind == CPG_CUT)) {
		(void) printf("                    ");
		trace_line(stdout, sim, event);
	}
}

void
trace_plain(struct sim *sim, const struct cpg_event *event)
{
	if (sim->check.failed != 0)
		return;
	trace_story(sim, event);
	judge_event(sim, event);
	if (sim->check.failed == 0)
		trace_add(sim, event);
}
