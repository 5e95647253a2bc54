/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The library's entry points: every input notes the time, looks for a pause of our own, is handed
 * to the file that knows about it, and ends with the invariants being checked.
 */
#include <errno.h>
#include <stdlib.h>

#include "exec/totem/internal.h"

/* More frames than we send until last words are made again: these come behind all of them. */
#define LAST_WORDS_AHEAD	(UINT64_C(1) << 48)

struct ring *
totem_installed(struct totem *t)
{
	return &t->ring[t->installed];
}

struct ring *
totem_forming(struct totem *t)
{
	return &t->ring[1 - t->installed];
}

struct ring *
totem_current(struct totem *t)
{
	return t->state == TOTEM_RECOVERY ? totem_forming(t) : totem_installed(t);
}

void
totem_trace(struct totem *t, enum totem_trace_kind kind, uint32_t node, uint64_t a, uint64_t b,
    uint64_t c)
{
	struct totem_trace event = { .now_ns = t->now_ns, .kind = kind, .node = node,
		.a = a, .b = b, .c = c };

	if (t->config.trace != NULL)
		t->config.trace(t->config.trace_host, &event);
}

void
totem_timer_set(struct totem *t, enum timer timer, uint64_t at_ns)
{
	t->timer[timer] = at_ns;
}

void
totem_timer_stop(struct totem *t, enum timer timer)
{
	t->timer[timer] = NEVER;
}

void
totem_notify(struct totem *t, enum totem_notice notice, uint32_t node, uint64_t value)
{
	struct totem_output *output = send_output(t, TOTEM_NOTICE);

	if (output == NULL)
		return;
	output->notice = notice;
	output->node = node;
	output->value = value;
}

void
totem_enter(struct totem *t, enum totem_state state, enum totem_cause cause, uint32_t node)
{
	cs_assert(cause != TOTEM_CAUSE_NONE);
	cs_assert(state == TOTEM_IDLE || state != t->state);
	totem_trace(t, TOTEM_TRACE_STATE, node, t->state, state, cause);
	t->stats.entered[state]++;
	t->stats.entered_for[cause]++;
	t->state = state;
}

static void
timing_fill(struct totem_timing *timing, size_t node_count)
{
	struct totem_timing d = totem_timing_default(node_count);

#define FILL(field) do { if (timing->field == 0) timing->field = d.field; } while (0)
	FILL(token_ns);
	FILL(token_retransmit_ns);
	FILL(hold_ns);
	FILL(join_ns);
	FILL(consensus_ns);
	FILL(merge_ns);
	FILL(heartbeat_ns);
	FILL(silence_ns);
	FILL(probe_ns);
	FILL(probe_count);
	FILL(idle_rotations);
	FILL(fail_recv_rotations);
#undef FILL
}

static int
memory_init(struct totem *t)
{
	uint32_t frame_bytes = (t->config.frame_bytes_max + 63u) & ~63u;
	uint32_t frames = TOTEM_POOL_BYTES / frame_bytes, window = TOTEM_WINDOW_MIN;
	int r;

	if (frames > TOTEM_POOL_FRAMES_MAX)
		frames = TOTEM_POOL_FRAMES_MAX;
	while (window * 4 <= frames)
		window *= 2;
	r = frame_pool_init(&t->pool, frame_bytes, 2 * window);
	for (size_t i = 0; r == 0 && i < 2; i++)
		r = store_init(&t->ring[i].store, &t->pool, window);
	if (r == 0)
		r = queue_init(&t->queue[CLASS_RECOVERED], RECOVERY_QUEUE_BYTES);
	if (r == 0)
		r = queue_init(&t->queue[CLASS_SYNC], TOTEM_SYNC_QUEUE_BYTES);
	if (r == 0)
		r = queue_init(&t->queue[CLASS_APP], TOTEM_APP_QUEUE_BYTES);
	if (r == 0)
		r = peer_table_init(t);
	if (r == 0 && (t->arena = malloc(ARENA_BYTES)) == NULL)
		r = -ENOMEM;
	return r;
}

int
totem_new(const struct totem_config *config, struct totem **ret_totem)
{
	struct totem *t;
	int r;

	if (config->node_id == 0 || config->incarnation == 0
	    || config->frame_bytes_max < TOTEM_FRAME_BYTES_MIN
	    || config->frame_bytes_max > TOTEM_FRAME_BYTES_MAX
	    || config->peer_count >= TOTEM_NODES_MAX
	    || config->ring_seq_floor > WIRE_RING_SEQ_MAX / 2)
		return -EINVAL;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return -ENOMEM;
	t->config = *config;
	t->timing = config->timing;
	timing_fill(&t->timing, config->peer_count + 1);
	t->prng.state = config->seed;
	t->ring_seq_max = t->ring_seq_reserved = t->ring_seq_asked = config->ring_seq_floor;
	t->deadline_told_ns = NEVER;
	for (size_t i = 0; i < TIMER_COUNT; i++)
		t->timer[i] = NEVER;
	r = memory_init(t);
	t->config.peers = NULL;	/* the caller's; peer_table_init() copied them */
	if (r < 0) {
		(void) totem_free(t);
		return r;
	}
	*ret_totem = t;
	return 0;
}

struct totem *
totem_free(struct totem *t)
{
	if (t == NULL)
		return NULL;
	for (size_t i = 0; i < 2; i++)
		store_done(&t->ring[i].store);
	for (size_t i = 0; i < CLASS_COUNT; i++)
		queue_done(&t->queue[i]);
	frame_pool_done(&t->pool);
	peer_table_done(t);
	free(t->arena);
	free(t);
	return NULL;
}

/* We did not run between when we wanted to and now: what others did meanwhile is unknown, so accuse
 * nobody; and if it was long enough for them to have given us up, ask them. */
static void
pause_check(struct totem *t, uint64_t now_ns)
{
	uint64_t wanted = t->deadline_told_ns > t->now_ns ? t->deadline_told_ns : t->now_ns;
	uint64_t late;

	if (wanted == NEVER || now_ns <= wanted || t->state == TOTEM_IDLE)
		return;
	late = now_ns - wanted;
	if (late <= t->timing.silence_ns / 3)
		return;
	t->now_ns = now_ns;
	t->stats.pauses++;
	detector_forgive_all(t);
	totem_notify(t, TOTEM_NOTICE_PAUSED, t->config.node_id, late);
	if (t->timer[TIMER_TOKEN_LOSS] != NEVER)
		totem_timer_set(t, TIMER_TOKEN_LOSS, now_ns + t->timing.token_ns);
	t->token_pending = false;
	if (t->state == TOTEM_GATHER)
		gather_forgive(t, late);
	else if (late > t->timing.silence_ns)
		gather_begin(t, TOTEM_CAUSE_PAUSED, t->config.node_id);
}

static void
input_begin(struct totem *t, uint64_t now_ns)
{
	cs_assert(t->recovery.phase == INSTALL_NONE);	/* outputs were drained */
	if (t->out_count == 0)
		send_arena_reset(t);
	pause_check(t, now_ns);
	if (now_ns > t->now_ns)		/* a clock that went back stands still for us */
		t->now_ns = now_ns;
}

static void
input_end(struct totem *t)
{
	totem_check(t);
	t->deadline_told_ns = totem_deadline(t);
}

void
totem_start(struct totem *t, uint64_t now_ns)
{
	cs_assert(t->state == TOTEM_IDLE);
	t->now_ns = now_ns;
	commit_reserve_ahead(t);
	totem_timer_set(t, TIMER_HEARTBEAT, now_ns + t->timing.heartbeat_ns);
	totem_timer_set(t, TIMER_BEACON, now_ns + t->timing.merge_ns);
	gather_begin(t, TOTEM_CAUSE_START, t->config.node_id);
	input_end(t);
}

void
totem_leave(struct totem *t, uint64_t now_ns)
{
	input_begin(t, now_ns);
	if (t->state != TOTEM_IDLE) {
		for (int copies = 0; copies < 2; copies++) {
			struct control control = send_begin(t, WIRE_LEAVE, WIRE_RING_ID_BYTES);

			if (control.frame != NULL)
				wire_ring_id_put(&control.body, &totem_installed(t)->id);
			send_to_all(t, &control);
		}
		totem_enter(t, TOTEM_IDLE, TOTEM_CAUSE_LEFT, t->config.node_id);
	}
	for (size_t i = 0; i < TIMER_COUNT; i++)
		t->timer[i] = NEVER;
	t->app_open = false;
	t->token_pending = false;
	input_end(t);
}

size_t
totem_last_words(const struct totem *t, uint8_t frame[TOTEM_LAST_WORDS_BYTES])
{
	const struct ring *ring = &t->ring[t->installed];
	struct buf_writer body = buf_writer(frame + TOTEM_HEADER_BYTES,
	    TOTEM_LAST_WORDS_BYTES - TOTEM_HEADER_BYTES);
	const struct wire_header header = {
		.version = WIRE_VERSION,
		.type = WIRE_LEAVE,
		.cluster = (uint32_t) t->config.cluster_hash,
		.sender = t->config.node_id,
		.incarnation = t->config.incarnation,
		.counter = t->counter + LAST_WORDS_AHEAD,
	};
	size_t len;

	if (t->state == TOTEM_IDLE || ring->member_count <= 1)
		return 0;
	wire_ring_id_put(&body, &ring->id);
	buf_put_u8(&body, WIRE_LEAVE_DIED);
	cs_assert(buf_writer_ok(&body));
	len = TOTEM_HEADER_BYTES + buf_written(&body);
	wire_seal(frame, len, &header);
	return len;
}

enum totem_drop
totem_datagram(struct totem *t, uint64_t now_ns, const uint8_t *data, size_t len,
    uint32_t *ret_sender)
{
	struct wire_header header = { 0 };
	uint32_t slot = NO_SLOT;
	enum totem_drop drop;

	if (t->state == TOTEM_IDLE)
		return TOTEM_DROP_STATE;
	input_begin(t, now_ns);
	drop = door_admit(t, data, len, &header, &slot);
	if (drop == TOTEM_ACCEPTED && t->recovery.phase != INSTALL_NONE)
		drop = TOTEM_DROP_STATE;	/* the host drains an installation first */
	if (drop == TOTEM_ACCEPTED && slot != NO_SLOT) {
		if (header.type != WIRE_LEAVE)	/* which is no sign of life */
			peer_heard(t, slot);
		drop = door_dispatch(t, &header, slot, data, len);
		if (ret_sender != NULL && header.type != WIRE_LEAVE)
			*ret_sender = header.sender;
	}
	if (drop != TOTEM_ACCEPTED) {
		t->stats.dropped[drop]++;
		totem_trace(t, TOTEM_TRACE_DROP, header.sender, header.type, 0, drop);
		if (drop == TOTEM_DROP_UNKNOWN_NODE && ret_sender != NULL)
			*ret_sender = header.sender;
	}
	input_end(t);
	return drop;
}

void
totem_settle(struct totem *t, uint64_t now_ns)
{
	if (t->state == TOTEM_IDLE)
		return;
	input_begin(t, now_ns);
	order_settle(t);
	input_end(t);
}

int
totem_submit(struct totem *t, uint64_t now_ns, enum totem_queue queue,
    enum totem_guarantee guarantee, const uint8_t *data, size_t len, uint64_t *ret_number)
{
	struct totem_part part = { data, len };

	return totem_submit_parts(t, now_ns, queue, guarantee, &part, 1, ret_number);
}

int
totem_submit_parts(struct totem *t, uint64_t now_ns, enum totem_queue queue,
    enum totem_guarantee guarantee, const struct totem_part *parts, size_t count,
    uint64_t *ret_number)
{
	struct queue *to = &t->queue[queue == TOTEM_QUEUE_SYNC ? CLASS_SYNC : CLASS_APP];
	size_t len = 0;

	for (size_t i = 0; i < count && len <= TOTEM_MESSAGE_BYTES_MAX; i++)
		len += parts[i].len;
	if (t->state == TOTEM_IDLE)
		return -ESHUTDOWN;
	if (len > TOTEM_MESSAGE_BYTES_MAX)
		return -EMSGSIZE;
	if (queue == TOTEM_QUEUE_APP && !t->app_open)
		return -EAGAIN;
	if (!queue_put(to, guarantee == TOTEM_SAFE, t->submit_number + 1, parts, count))
		return -EAGAIN;
	t->submit_number++;
	if (ret_number != NULL)
		*ret_number = t->submit_number;
	if (t->recovery.phase != INSTALL_NONE) {
		/* From within the draining of an installation: no other input may begin yet. */
		if (t->order.holding)
			totem_timer_set(t, TIMER_HOLD, t->now_ns);
	} else if (t->state == TOTEM_OPERATIONAL && (t->order.hold_flag || t->order.holding)) {
		input_begin(t, now_ns);
		rest_wake(t);
		input_end(t);
	}
	return 0;
}

size_t
totem_app_room(const struct totem *t)
{
	return t->app_open ? queue_room(&t->queue[CLASS_APP]) : 0;
}

void
totem_app_open(struct totem *t, uint64_t now_ns)
{
	input_begin(t, now_ns);
	if (t->state == TOTEM_OPERATIONAL) {
		t->app_open = true;
		rest_wake(t);
	}
	input_end(t);
}

void
totem_brake(struct totem *t, uint64_t now_ns, bool on)
{
	input_begin(t, now_ns);
	t->order.brake = on;
	if (t->state == TOTEM_OPERATIONAL)
		rest_wake(t);
	input_end(t);
}

void
totem_refused(struct totem *t, uint64_t now_ns, uint32_t node_id)
{
	uint32_t slot = peer_slot(t, node_id);

	if (t->state == TOTEM_IDLE || slot == NO_SLOT || slot == SELF)
		return;
	input_begin(t, now_ns);
	detector_refused(t, slot);
	input_end(t);
}

void
totem_reserved(struct totem *t, uint64_t now_ns, uint64_t ring_seq)
{
	bool was_ready;

	input_begin(t, now_ns);
	was_ready = commit_ready(t);
	if (ring_seq > t->ring_seq_reserved)
		t->ring_seq_reserved = ring_seq;
	if (!was_ready && commit_ready(t))
		gather_ready(t);
	input_end(t);
}

static void
fire(struct totem *t, enum timer timer)
{
	switch (timer) {
	case TIMER_TOKEN_LOSS:
		t->stats.token_lost[t->state]++;
		totem_notify(t, TOTEM_NOTICE_TOKEN_LOST, 0, t->timing.token_ns);
		gather_begin(t, TOTEM_CAUSE_TOKEN_LOST, 0);
		break;
	case TIMER_TOKEN_RETRANSMIT:
		order_retransmit_timer(t);
		break;
	case TIMER_HOLD:
		rest_hold_timer(t);
		break;
	case TIMER_HOLD_CANCEL:
		rest_hold_cancel_timer(t);
		break;
	case TIMER_JOIN:
		gather_join_timer(t);
		break;
	case TIMER_COMMIT:
		commit_timer(t);
		break;
	case TIMER_COMMIT_LIMIT:
		gather_begin(t, TOTEM_CAUSE_COMMIT_FAILED, 0);
		break;
	case TIMER_HEARTBEAT:
		detector_heartbeat(t);
		break;
	case TIMER_PROBE:
		detector_probe_timer(t);
		break;
	case TIMER_BEACON:
		merge_beacon_timer(t);
		break;
	case TIMER_COUNT:
		break;
	}
}

void
totem_expire(struct totem *t, uint64_t now_ns)
{
	if (t->state == TOTEM_IDLE)
		return;
	input_begin(t, now_ns);
	for (size_t i = 0; i < TIMER_COUNT; i++) {
		if (t->timer[i] > t->now_ns)
			continue;
		if (t->recovery.phase != INSTALL_NONE)
			break;		/* a ring was installed: the host drains that first */
		t->timer[i] = NEVER;
		fire(t, (enum timer) i);
	}
	input_end(t);
}

uint64_t
totem_deadline(const struct totem *t)
{
	uint64_t first = NEVER;

	for (size_t i = 0; i < TIMER_COUNT; i++)
		if (t->timer[i] < first)
			first = t->timer[i];
	return first;
}

bool
totem_output(struct totem *t, struct totem_output *ret_output)
{
	if (t->out_count > 0) {
		*ret_output = t->out[t->out_head++];
		t->out_count--;
		return true;
	}
	if (t->state == TOTEM_IDLE)
		return false;
	return deliver_next(t, ret_output);
}
