/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * One host: its clock, its socket, its disk, and around the production core the part of the daemon
 * that matters to it.  Each input is followed by carrying out all outputs in order; what these ask
 * the host to do next (to submit, to activate) is done when they are all carried out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/assert.h"
#include "exec/base/buf.h"
#include "test/sim/sim.h"

#define FRAME_SENDER_AT		20u
#define BATCH_MAX		64u	/* datagrams taken in one turn of the loop */
#define FOLLOW_UP_MAX		100000u
#define COMMIT_CALM_NS		(1100 * MS_NS)	/* a COMMIT that is given up began later */

uint64_t
host_clock(const struct sim *sim, const struct host *host)
{
	return sim->now_ns + host->clock_offset_ns;
}

static uint64_t
host_wall(const struct sim *sim, const struct host *host)
{
	return sim->wall_ns + sim->now_ns + (uint64_t) host->wall_offset_ns;
}

void
host_later(struct sim *sim, struct host *host, enum sim_happening kind, uint64_t span_ns,
    uint64_t value)
{
	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + span_ns, .kind = (uint8_t) kind, .host = host->index,
		.generation = host->generation, .value = value,
	});
}

/* A timer is never exact: the loop wakes up a little late. */
static void
host_timer_set(struct sim *sim, struct host *host)
{
	uint64_t deadline_ns = totem_deadline(host->totem), at_ns;

	if (deadline_ns == NEVER || host->paused)
		return;
	at_ns = deadline_ns > host->clock_offset_ns ? deadline_ns - host->clock_offset_ns : 0;
	if (at_ns < sim->now_ns)
		at_ns = sim->now_ns;
	if (host->timer_at_ns <= at_ns + MS_NS)
		return;
	at_ns += dice(&sim->prng, 1, 1000) * US_NS;
	host->timer_at_ns = at_ns;
	heap_push(&sim->heap, (struct happening) {
		.at_ns = at_ns, .kind = HAPPEN_TIMER, .host = host->index,
		.generation = host->generation,
	});
}

static struct event
host_event(const struct sim *sim, const struct host *host, enum event_kind kind)
{
	return (struct event) {
		.at_ns = sim->now_ns, .kind = kind, .proc = host->proc, .message = NONE,
	};
}

/* When nothing is wrong any more, all who are asked answer: nobody waits in COMMIT until its time
 * is up.  (A disk that is slow may be waited for so long, and one that is dead, of which something
 * still came, until it counts as silent.) */
static void
host_commit_failed(struct sim *sim, const struct host *host)
{
	uint64_t calm_ns = sim->healed_ns;

	for (uint32_t i = 0; i < sim->host_count; i++)
		if (sim->host[i].storage.written_ns > calm_ns)
			calm_ns = sim->host[i].storage.written_ns;
	if (sim->ghost_ns > calm_ns)
		calm_ns = sim->ghost_ns;
	if (sim->healed_ns == 0 || sim->forever || sim->now_ns < calm_ns + COMMIT_CALM_NS)
		return;
	check_fail(&sim->check, V14_LIVENESS, "%s waits in COMMIT until its time is up, with all"
	    " well for %" PRIu64 " ms", check_proc(&sim->history, host->proc),
	    (sim->now_ns - calm_ns) / MS_NS);
	sim->check.failed_at_ns = sim->now_ns;
}

static void
host_trace(void *context, const struct totem_trace *trace)
{
	struct host *host = context;
	struct sim *sim = host->sim;
	struct event event;

	switch (trace->kind) {
	case TOTEM_TRACE_STATE:
		if (!host->watched)
			break;
		event = host_event(sim, host, EVENT_STATE);
		event.from = (enum totem_state) trace->a;
		event.to = (enum totem_state) trace->b;
		event.cause = (enum totem_cause) trace->c;
		event.node = trace->node;
		record_event(sim, &event);
		if (event.cause == TOTEM_CAUSE_COMMIT_FAILED)
			host_commit_failed(sim, host);
		fault_state_entered(sim, host, event.to);
		play_state_entered(sim, host->index, event.to);
		break;
	case TOTEM_TRACE_ORIGINATE:
		if (!host->watched || sim->options.app != NULL)
			break;
		event = host_event(sim, host, EVENT_ORIGINATE);
		event.message = history_submitted(&sim->history, host->proc, trace->a);
		event.seq = (uint32_t) trace->b;
		record_event(sim, &event);
		fault_originated(sim, host);
		break;
	case TOTEM_TRACE_CONDEMN:
		sim->result.count[COUNT_CONDEMNED]++;
		if (sim->tale != NULL)
			tale_condemned(sim, trace->node, (enum totem_cause) trace->c);
		break;
	case TOTEM_TRACE_SUSPECT:
		sim->result.count[COUNT_SUSPECTED]++;
		break;
	case TOTEM_TRACE_RETRANSMIT:
		sim->result.count[COUNT_RETRANSMIT]++;
		break;
	case TOTEM_TRACE_TOKEN:
	case TOTEM_TRACE_DROP:
	case TOTEM_TRACE_REQUEST:
	case TOTEM_TRACE_COUNT:
		break;
	}
}

static void
host_send(struct sim *sim, struct host *host, const struct totem_output *output)
{
	struct frame *frame = frame_new(output->data, output->len);

	flow_sent(sim, host, output->data, output->len);
	if (output->kind == TOTEM_SEND_SOURCE && host->source != NONE)
		network_send(sim, host, &sim->host[host->source], frame);
	/* None listed: a multicast to everybody, while peers are learned. */
	for (size_t i = 0; output->kind == TOTEM_SEND && output->to_count == 0
	    && i < sim->host_count; i++)
		if (&sim->host[i] != host)
			network_send(sim, host, &sim->host[i], frame);
	/* To everybody: a multicast, which reaches the double, the stranger and us as well. */
	for (uint32_t i = 0; output->kind == TOTEM_SEND && output->to == NULL &&
	    i < sim->host_count; i++)
		network_send(sim, host, &sim->host[i], frame);
	for (size_t i = 0; output->kind == TOTEM_SEND && output->to != NULL &&
	    i < output->to_count; i++) {
		struct host *to = network_find(sim, output->to[i]);

		if (to != NULL && to != host)
			network_send(sim, host, to, frame);
	}
	frame_put(frame);
}

static void
barrier_begin(struct sim *sim, struct host *host, const struct totem_configuration *config)
{
	struct barrier *barrier = &host->barrier;

	*barrier = (struct barrier) {
		.ring = config->ring, .active = true,
		.chatter_left = (uint32_t) dice(&sim->prng, 0, 3),
		.members = (uint32_t) config->member_count,
	};
	if (config->member_count > TOTEM_NODES_MAX)
		return;
	memcpy(barrier->member, config->members,
	    config->member_count * sizeof *config->members);
}

static void
barrier_delivered(struct host *host, const struct totem_output *output)
{
	struct barrier *barrier = &host->barrier;
	struct buf_reader in = buf_reader(output->data, output->len);
	struct totem_ring_id tag;
	uint8_t kind;

	(void) buf_get_bytes(&in, 24);
	kind = buf_get_u8(&in);
	(void) buf_get_bytes(&in, 3);
	tag.rep = buf_get_u32(&in);
	tag.seq = buf_get_u64(&in);
	tag.nonce = buf_get_u64(&in);
	if (!barrier->active || !buf_reader_ok(&in) || kind != MESSAGE_BARRIER ||
	    !ring_id_equal(&tag, &barrier->ring))
		return;
	for (uint32_t i = 0; i < barrier->members && i < TOTEM_NODES_MAX; i++)
		if (barrier->member[i].node_id == output->origin &&
		    barrier->member[i].incarnation == output->origin_incarnation &&
		    !barrier->has[i]) {
			barrier->has[i] = true;
			barrier->seen++;
		}
	if (barrier->seen == barrier->members) {
		barrier->active = false;
		barrier->open_now = true;
	}
}

static void
host_deliver(struct sim *sim, struct host *host, const struct totem_output *output)
{
	struct event event = host_event(sim, host, EVENT_DELIVER);

	if (!host->watched)
		return;
	if (sim->options.app != NULL) {
		sim->result.count[COUNT_DELIVERED]++;
		sim->options.app->deliver(sim, host, output);
		return;
	}
	event.data = output->data;
	event.len = output->len;
	event.origin = output->origin;
	event.origin_incarnation = output->origin_incarnation;
	event.guarantee = output->guarantee;
	event.seq = output->seq;
	event.message = history_message_find(&sim->history, &event);
	sim->result.count[COUNT_DELIVERED]++;
	record_event(sim, &event);
	barrier_delivered(host, output);
}

/* As the daemon does: they are made at each configuration, for its members. */
static void
host_words(struct host *host, const struct totem_configuration *config)
{
	host->words.len = totem_last_words(host->totem, host->words.frame);
	host->words.to_count = 0;
	for (size_t i = 0; i < config->member_count; i++)
		if (config->members[i].node_id != host->node_id)
			host->words.to[host->words.to_count++] = config->members[i].node_id;
}

void
host_last_words(struct sim *sim, struct host *host)
{
	struct frame *frame;

	if (host->words.len == 0)
		return;
	frame = frame_new(host->words.frame, host->words.len);
	sim->result.count[COUNT_LAST_WORDS]++;
	for (size_t i = 0; i < host->words.to_count; i++) {
		struct host *to = network_find(sim, host->words.to[i]);

		if (to != NULL && to != host)
			network_send(sim, host, to, frame);
	}
	frame_put(frame);
}

static void
host_configuration(struct sim *sim, struct host *host, const struct totem_configuration *config)
{
	bool regular = config->kind == TOTEM_REGULAR;
	struct event event = host_event(sim, host, regular ? EVENT_REGULAR : EVENT_TRANSITIONAL);

	if (regular)
		host_words(host, config);
	if (!host->watched)
		return;
	event.ring = config->ring;
	event.next = config->next;
	event.members = config->members;
	event.member_count = config->member_count;
	event.cause = config->cause;
	sim->last_change_ns = sim->now_ns;
	record_event(sim, &event);
	if (sim->options.app != NULL) {
		sim->options.app->configuration(sim, host, config);
		return;
	}
	host->barrier.active = false;
	host->barrier.open_now = false;
	if (regular)
		barrier_begin(sim, host, config);
}

static void
host_reserve(struct sim *sim, struct host *host, uint64_t ring_seq)
{
	uint64_t latency_ns = dice_scaled(&sim->prng, 50 * US_NS, 30 * MS_NS);

	if (host->storage.latency_ns > 0)
		latency_ns = host->storage.latency_ns;
	host->storage.written_ns = sim->now_ns + latency_ns;
	record_note(sim, "%u reserves up to %llx, written %s", host->node_id,
	    (unsigned long long) ring_seq, latency_ns < SEC_NS ? "soon" : "late");
	host_later(sim, host, HAPPEN_STORED, latency_ns, ring_seq);
}

static void
host_notice(const struct sim *sim, struct host *host, const struct totem_output *output)
{
	if ((output->notice == TOTEM_NOTICE_FAILED_TO_RECEIVE ||
	    output->notice == TOTEM_NOTICE_NOT_RECEIVED ||
	    output->notice == TOTEM_NOTICE_PARTED || output->notice == TOTEM_NOTICE_UNANSWERED) &&
	    sim->now_ns + output->value > host->apart_until_ns)
		host->apart_until_ns = sim->now_ns + output->value;
}

static void
host_carry_out(struct sim *sim, struct host *host)
{
	struct totem_output output;

	while (totem_output(host->totem, &output)) {
		switch (output.kind) {
		case TOTEM_SEND:
		case TOTEM_SEND_SOURCE:
			host_send(sim, host, &output);
			break;
		case TOTEM_RESERVE:
			host_reserve(sim, host, output.ring_seq);
			break;
		case TOTEM_DELIVER:
			host_deliver(sim, host, &output);
			break;
		case TOTEM_CONFIGURATION:
			host_configuration(sim, host, &output.config);
			break;
		case TOTEM_NOTICE:
			host_notice(sim, host, &output);
			break;
		}
	}
}

/* 0, or what totem_submit() said; totem never saw the message then. */
static int
host_submit(struct sim *sim, struct host *host, struct message message)
{
	uint32_t index;
	uint64_t number = 0;
	struct event event = host_event(sim, host, EVENT_SUBMIT);
	int r;

	message.origin = host->proc;
	message.submitted_ns = sim->now_ns;
	index = history_message_new(&sim->history, &message);
	history_message_fill(&sim->history, index, sim->scratch);
	r = totem_submit(host->totem, host_clock(sim, host), message.queue, message.guarantee,
	    sim->scratch, message.len, &number);
	if (r < 0) {
		if (r != -EAGAIN && r != -ESHUTDOWN)
			check_fail(&sim->check, V14_LIVENESS, "%s: a message of %zu bytes is"
			    " refused: %s", check_proc(&sim->history, host->proc), message.len,
			    strerror(-r));
		history_message_drop(&sim->history);
		return r;
	}
	if (number != sim->history.message[index].number)
		check_fail(&sim->check, V1_INTEGRITY, "%s: submit number %llu is not the next one",
		    check_proc(&sim->history, host->proc), (unsigned long long) number);
	event.message = index;
	record_event(sim, &event);
	sim->result.count[message.kind == MESSAGE_APP ? COUNT_APP : COUNT_SYNC]++;
	if (message.guarantee == TOTEM_SAFE)
		sim->result.count[COUNT_SAFE]++;
	if (message.len < MESSAGE_HEAD_BYTES)
		sim->result.count[COUNT_TINY]++;
	if (message.len > host->frame_bytes)
		sim->result.count[COUNT_FRAGMENTED]++;
	if (message.len >= 200000)
		sim->result.count[COUNT_HUGE]++;
	return 0;
}

static void
host_retry_later(struct sim *sim, struct host *host)
{
	if (host->retry_due)
		return;
	host->retry_due = true;
	host_later(sim, host, HAPPEN_RETRY, dice(&sim->prng, 1, 20) * MS_NS, 0);
}

/* One step of the ring's synchronisation; false when there is nothing to do now. */
static bool
host_synchronise(struct sim *sim, struct host *host)
{
	struct barrier *barrier = &host->barrier;
	struct event event = host_event(sim, host, EVENT_ACTIVATE);
	struct message message = {
		.queue = TOTEM_QUEUE_SYNC, .kind = MESSAGE_BARRIER, .tag = barrier->ring,
		.len = MESSAGE_TAG_BYTES,
	};

	if (barrier->open_now) {
		barrier->open_now = false;
		record_event(sim, &event);
		totem_app_open(host->totem, host_clock(sim, host));
		host_retry_later(sim, host);
		return true;
	}
	if (!barrier->active || barrier->sent)
		return false;
	if (barrier->chatter_left > 0) {
		message.kind = MESSAGE_SYNC;
		message.len = dice_scaled(&sim->prng, MESSAGE_TAG_BYTES, 20000);
	}
	if (host_submit(sim, host, message) < 0) {
		host_retry_later(sim, host);
		return false;
	}
	if (barrier->chatter_left > 0)
		barrier->chatter_left--;
	else
		barrier->sent = true;
	return true;
}

static bool
host_turn(struct sim *sim, struct host *host)
{
	if (!host->watched)
		return false;
	return sim->options.app != NULL ? sim->options.app->turn(sim, host) :
	    host_synchronise(sim, host);
}

/* After an input: its outputs, then what follows from them. */
void
host_follow_up(struct sim *sim, struct host *host)
{
	uint32_t rounds = 0;

	do {
		host_carry_out(sim, host);
		cs_assert(rounds++ < FOLLOW_UP_MAX);
	} while (sim->check.failed == 0 && host_turn(sim, host));
	host_timer_set(sim, host);
}

void
host_flush(struct sim *sim, struct host *host)
{
	struct message message = { .queue = TOTEM_QUEUE_APP, .kind = MESSAGE_APP };

	while (host->totem != NULL && host->pending_count > 0 && sim->check.failed == 0) {
		const struct pending *next = &host->pending[host->pending_first];

		message.len = next->len;
		message.guarantee = next->safe ? TOTEM_SAFE : TOTEM_AGREED;
		if (host->paused || host_submit(sim, host, message) < 0) {
			host_retry_later(sim, host);
			return;
		}
		host->pending_first++;
		host->pending_count--;
		host_follow_up(sim, host);
	}
}

static uint64_t
host_floor(const struct sim *sim, struct host *host, enum host_storage storage)
{
	uint64_t value = 0;

	if (storage == HOST_INTACT)
		value = host->storage.value;
	else if (storage == HOST_STALE)
		value = host->storage.older;
	host->storage.older = host->storage.value;
	host->storage.value = value;
	/* A file that is missing, or whose checksum is wrong: above what the clock says. */
	return value > 0 ? value : host_wall(sim, host) / SEC_NS << 16;
}

/* The node list as the daemon reads it: all but ourselves; empty where peers are learnt. */
static uint32_t
host_peers(const struct sim *sim, const struct host *host, uint32_t *ret_peers)
{
	uint32_t count = 0;

	for (uint32_t i = 0; !sim->learn_peers && i < sim->node_count; i++)
		if (sim->node_ids[i] != host->node_id)
			ret_peers[count++] = sim->node_ids[i];
	return count;
}

void
host_reconfigure(struct sim *sim, struct host *host)
{
	uint32_t peers[SIM_HOSTS_MAX];
	uint32_t count = host_peers(sim, host, peers);

	contract_ask(sim, host);
	if (sim->result.fault[FAULT_RECONFIGURE] % 2 != 0)
		contract_misuse(sim, host);
	host_follow_up(sim, host);
	cs_assert(totem_reconfigure(host->totem, host_clock(sim, host), &sim->timing, peers,
	    count) == 0);
	host_follow_up(sim, host);
}

void
host_start(struct sim *sim, struct host *host, enum host_storage storage)
{
	bool intact = storage == HOST_INTACT && host->storage.value > 0;
	uint32_t peers[SIM_HOSTS_MAX];
	struct totem_config config = {
		.node_id = host->node_id, .cluster_hash = host->cluster_hash,
		.seed = prng_u64(&sim->prng), .ring_seq_floor = host_floor(sim, host, storage),
		.frame_bytes_max = host->frame_bytes, .seq_first = sim->seq_first,
		.window_frames_max = sim->window_frames_max, .learn_peers = sim->learn_peers,
		.peers = peers, .timing = sim->timing, .trace_host = host,
		.trace = host->watched ? host_trace : NULL,
	};
	struct event event;

	cs_assert(host->totem == NULL);
	config.peer_count = host_peers(sim, host, peers);
	host->incarnation = host_wall(sim, host);
	while (history_proc_find(&sim->history, host->node_id, host->incarnation) != NONE)
		host->incarnation++;
	config.incarnation = host->incarnation;
	host->up = true;
	host->generation++;
	host->timer_at_ns = NEVER;
	host->busy_until_ns = host->apart_until_ns = 0;
	host->work_due = host->retry_due = host->paused = false;
	host->barrier = (struct barrier) { 0 };
	host->source = NONE;
	if (host->watched) {
		host->proc = history_proc_new(&sim->history, host->index, host->node_id,
		    host->incarnation);
		sim->history.proc[host->proc].intact = intact;
		event = host_event(sim, host, EVENT_START);
		record_event(sim, &event);
		sim->result.count[COUNT_STARTS]++;
	}
	record_note(sim, "%u starts above %llx", host->node_id,
	    (unsigned long long) config.ring_seq_floor);
	if (sim->timing_default)
		config.timing = (struct totem_timing) { 0 };	/* which is the same */
	if (host->generation == 1)
		contract_new(&config);
	cs_assert(totem_new(&config, &host->totem) == 0);
	if (sim->options.app != NULL && host->watched)
		sim->options.app->start(sim, host);
	totem_start(host->totem, host_clock(sim, host));
	host_follow_up(sim, host);
}

void
host_forget_queue(struct host *host)
{
	for (; host->queue_count > 0; host->queue_count--) {
		frame_put(host->queue[host->queue_first].frame);
		host->queue_first = (host->queue_first + 1) % host->queue_room;
	}
	host->queue_bytes = 0;
}

static void
host_end(struct sim *sim, struct host *host)
{
	const struct totem_stats *stats = totem_stats(host->totem);

	if (sim->options.app != NULL && host->watched)
		sim->options.app->end(sim, host);
	for (size_t i = 0; host->watched && i < TOTEM_STATE_COUNT; i++) {
		sim->result.entered[i] += stats->entered[i];
		sim->result.token_lost[i] += stats->token_lost[i];
	}
	for (size_t i = 0; host->watched && i < TOTEM_CAUSE_COUNT; i++)
		sim->result.entered_for[i] += stats->entered_for[i];
	for (size_t i = 0; host->watched && i < TOTEM_DROP_COUNT; i++)
		sim->result.dropped[i] += stats->dropped[i];
	host->totem = totem_free(host->totem);
	host->generation++;
	host->paused = host->leaving = false;
	host->words.len = 0;
	if (host->brake)
		host->brake_ns = sim->now_ns;
	host->brake = false;
	host->pending_first = host->pending_count = 0;
	host_forget_queue(host);
}

void
host_kill(struct sim *sim, struct host *host)
{
	struct event event = host_event(sim, host, EVENT_CRASH);

	if (host->totem == NULL)
		return;
	if (host->watched)
		record_event(sim, &event);
	host_end(sim, host);
}

void
host_leave(struct sim *sim, struct host *host)
{
	struct event event = host_event(sim, host, EVENT_LEAVE);

	totem_leave(host->totem, host_clock(sim, host));
	host_carry_out(sim, host);
	contract_left(sim, host);
	if (host->watched)
		record_event(sim, &event);
	host_end(sim, host);
}

void
host_pause(struct sim *sim, struct host *host)
{
	host->paused = true;
	host->timer_at_ns = NEVER;
	record_note(sim, "%u is stopped", host->node_id);
}

/* The loop finds everything due at once: timers or datagrams first, as it happens. */
void
host_resume(struct sim *sim, struct host *host)
{
	host->paused = false;
	host->work_due = true;
	host_later(sim, host, HAPPEN_WORK, dice(&sim->prng, 1, 200) * US_NS, 0);
	host->timer_at_ns = NEVER;
	host_timer_set(sim, host);
	record_note(sim, "%u runs again", host->node_id);
}

void
host_brake(struct sim *sim, struct host *host, bool on)
{
	if (host->brake != on)
		host->brake_ns = sim->now_ns;
	host->brake = on;
	totem_brake(host->totem, host_clock(sim, host), on);
	host_follow_up(sim, host);
}

/* Every other one is asked whom it was from. */
static void
host_datagram(struct host *host, uint64_t now_ns, const struct frame *frame, bool ask)
{
	uint32_t sender = 0;
	struct buf_reader in = buf_reader(frame->data, frame->len);

	(void) totem_datagram(host->totem, now_ns, frame->data, frame->len, ask ? &sender : NULL);
	(void) buf_get_bytes(&in, FRAME_SENDER_AT);
	cs_assert(sender == 0 || sender == buf_get_u32(&in));
}

static void
host_work(struct sim *sim, struct host *host)
{
	uint64_t now_ns = host_clock(sim, host);
	uint64_t most = dice(&sim->prng, 1, BATCH_MAX), taken = 0;

	host->work_due = false;
	while (taken < most && host->queue_count > 0 && sim->check.failed == 0) {
		struct received received = host->queue[host->queue_first];

		host->queue_first = (host->queue_first + 1) % host->queue_room;
		host->queue_count--;
		host->queue_bytes -= received.frame->len + 768u;
		host->source = received.from;
		host_datagram(host, now_ns, received.frame, taken % 2 == 0);
		host_follow_up(sim, host);
		frame_put(received.frame);
		taken++;
	}
	host->source = NONE;
	totem_settle(host->totem, now_ns);
	host_follow_up(sim, host);
	host->busy_until_ns = sim->now_ns + taken * host->cost_ns;
	if (host->queue_count > 0) {
		host->work_due = true;
		host_later(sim, host, HAPPEN_WORK, taken * host->cost_ns + US_NS, 0);
	}
}

static void
host_timer(struct sim *sim, struct host *host, uint64_t at_ns)
{
	if (host->timer_at_ns != at_ns)
		return;
	host->timer_at_ns = NEVER;
	if (host->busy_until_ns > sim->now_ns) {
		host->timer_at_ns = host->busy_until_ns;
		host_later(sim, host, HAPPEN_TIMER, host->busy_until_ns - sim->now_ns, 0);
		return;
	}
	if (totem_deadline(host->totem) <= host_clock(sim, host))
		totem_expire(host->totem, host_clock(sim, host));
	host_follow_up(sim, host);
}

static void
host_stored(struct sim *sim, struct host *host, const struct happening *happening)
{
	struct storage *storage = &host->storage;

	if (host->totem == NULL || host->generation != happening->generation) {
		/* The process died while it wrote: the file may be the old or the new one. */
		if (dice_ppm(&sim->prng, 500000) && storage->value > 0 &&
		    storage->value < happening->value)
			storage->value = happening->value;
		return;
	}
	/* Writes of one file do not overtake each other, whatever their latencies here. */
	if (storage->value < happening->value)
		storage->value = happening->value;
	totem_reserved(host->totem, host_clock(sim, host), happening->value);
	host_follow_up(sim, host);
}

void
host_happening(struct sim *sim, const struct happening *happening)
{
	struct host *host = &sim->host[happening->host];
	struct happening again = *happening;
	bool stale = host->totem == NULL || host->generation != happening->generation;

	if (stale && happening->kind != HAPPEN_STORED)
		return;
	if (!stale && host->paused) {
		if (happening->kind == HAPPEN_WORK) {
			host->work_due = false;
		} else if (happening->kind != HAPPEN_TIMER) {
			again.at_ns = sim->now_ns + 10 * MS_NS;
			heap_push(&sim->heap, again);
		}
		return;
	}
	if (happening->kind == HAPPEN_WORK) {
		host_work(sim, host);
	} else if (happening->kind == HAPPEN_TIMER) {
		host_timer(sim, host, happening->at_ns);
	} else if (happening->kind == HAPPEN_STORED) {
		host_stored(sim, host, happening);
	} else if (happening->kind == HAPPEN_REFUSED) {
		totem_refused(host->totem, host_clock(sim, host),
		    sim->host[happening->other].node_id);
		host_follow_up(sim, host);
	} else if (happening->kind == HAPPEN_RETRY) {
		host->retry_due = false;
		host_follow_up(sim, host);
		host_flush(sim, host);
	} else if (happening->kind == HAPPEN_APP) {
		sim->options.app->happening(sim, happening);
		host_follow_up(sim, host);
	}
}
