/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Plans in memory and as text.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

#define LINE_BYTES	512u
#define WORDS_MAX	12u

static const struct {
	const char *name;
	size_t at;
	uint64_t low, high;
} keys[] = {
#define KEY(field, low, high) { #field, offsetof(struct plan_world, field), low, high }
	KEY(seed, 0, UINT64_MAX),
	KEY(loss, 0, MILLION),
	KEY(duplicate, 0, MILLION),
	KEY(reorder, 0, MILLION),
	KEY(corrupt, 0, MILLION),
	KEY(delay_ns, 0, SEC_NS),
	KEY(jitter_ns, 0, SEC_NS),
	KEY(bytes_per_us, 1, 1000000),
	KEY(fifo, 0, 1),
	KEY(seq_first, 1, UINT32_MAX),
	KEY(window_frames, 0, 100000),
	KEY(learn_peers, 0, 1),
	KEY(icmp_filtered, 0, 1),
	KEY(last_words, 0, 1),
	KEY(safe_ppm, 0, MILLION),
	KEY(message_bytes_max, 1, TOTEM_MESSAGE_BYTES_MAX),
	KEY(after_each, 0, 10000),
	KEY(after_extra, 0, 10000),
	KEY(trial, 0, TRIAL_COUNT - 1),
	KEY(groups, 1, 4),
	KEY(processes, 1, 3),
	KEY(bank, 0, 1),
	KEY(ring_bytes, 131072, 4u << 20),
	KEY(backlog_bytes, 65536, 1u << 30),
	KEY(grace_ns, MS_NS, 1000 * SEC_NS),
	KEY(parts, 0, 1),
#undef KEY
};

#define KEY_COUNT	(sizeof keys / sizeof *keys)

static uint64_t *
world_field(struct plan_world *world, size_t at)
{
	return (uint64_t *) (void *) ((char *) world + at);
}

static struct plan_host
host_usual(uint32_t index)
{
	return (struct plan_host) {
		.node_id = index + 1, .frame_bytes = 1400, .queue_bytes = 8u << 20,
		.cost_ns = 2 * US_NS,
	};
}

void
plan_init(struct plan *plan, uint32_t nodes)
{
	memset(plan, 0, sizeof *plan);
	plan->world = (struct plan_world) {
		.nodes = nodes, .seed = 1, .delay_ns = 100 * US_NS, .jitter_ns = 20 * US_NS,
		.bytes_per_us = 1000, .fifo = 1, .seq_first = 1, .safe_ppm = 300000,
		.message_bytes_max = 200000, .groups = 1, .processes = 1, .ring_bytes = 4u << 20,
		.backlog_bytes = 8u << 20, .grace_ns = SEC_NS,
	};
	plan->host = util_alloc((nodes + 2) * sizeof *plan->host);
	for (uint32_t i = 0; i < nodes + 2; i++)
		plan->host[i] = host_usual(i);
}

void
plan_done(struct plan *plan)
{
	free(plan->host);
	free(plan->act);
	memset(plan, 0, sizeof *plan);
}

void
plan_copy(struct plan *to, const struct plan *from)
{
	plan_init(to, (uint32_t) from->world.nodes);
	to->world = from->world;
	memcpy(to->host, from->host, (from->world.nodes + 2) * sizeof *to->host);
	for (size_t i = 0; i < from->count; i++)
		plan_add(to, &from->act[i]);
}

void
plan_add(struct plan *plan, const struct act *act)
{
	if (plan->count == plan->room)
		plan->act = util_grow(plan->act, &plan->room, sizeof *plan->act);
	plan->act[plan->count++] = *act;
}

uint64_t
plan_end_ns(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->act[i].kind == ACT_HEAL)
			return plan->act[i].at_ns;
	return (plan->count > 0 ? plan->act[plan->count - 1].at_ns : 0) + 5 * SEC_NS;
}

void
plan_write(const struct plan *plan, FILE *out)
{
	struct plan usual;
	struct plan_world world = plan->world;

	plan_init(&usual, (uint32_t) plan->world.nodes);
	(void) fprintf(out, "nodes %" PRIu64 "\n", world.nodes);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		uint64_t value = *world_field(&world, keys[i].at);

		if (value != *world_field(&usual.world, keys[i].at))
			(void) fprintf(out, "%s %" PRIu64 "\n", keys[i].name, value);
	}
	for (uint32_t i = 0; i < world.nodes + 2; i++) {
		const struct plan_host *h = &plan->host[i];

		if (memcmp(h, &usual.host[i], sizeof *h) != 0)
			(void) fprintf(out, "host %" PRIu32 " id %" PRIu64 " frame %" PRIu64
			    " buffer %" PRIu64 " cost_ns %" PRIu64 " clock_ns %" PRIu64 " wall_ns %"
			    PRId64 "\n", i + 1, h->node_id, h->frame_bytes, h->queue_bytes,
			    h->cost_ns, h->clock_ns, (int64_t) h->wall_ns);
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct act *act = &plan->act[i];

		(void) fprintf(out, "%" PRIu64 ".%06" PRIu64 " ", act->at_ns / MS_NS,
		    act->at_ns % MS_NS);
		if (act->when_state != 0)
			(void) fprintf(out, "when %" PRIu32 " %s %" PRIu64 ".%06" PRIu64 " ",
			    act->when_host + 1, totem_state_name(act->when_state),
			    act->when_delay_ns / MS_NS, act->when_delay_ns % MS_NS);
		act_write(act, out);
		(void) fputc('\n', out);
	}
	plan_done(&usual);
}

static bool
read_key(struct plan *plan, char **words, size_t count)
{
	char *end;
	uint64_t value;

	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(words[0], keys[i].name) != 0)
			continue;
		if (count != 2)
			return false;
		value = strtoull(words[1], &end, 0);
		if (*end != '\0' || value < keys[i].low || value > keys[i].high)
			return false;
		*world_field(&plan->world, keys[i].at) = value;
		return true;
	}
	return false;
}

static bool
read_host(struct plan *plan, char **words, size_t count)
{
	uint64_t index = count > 1 ? strtoull(words[1], NULL, 10) : 0;
	struct plan_host *host;

	if (index == 0 || index > plan->world.nodes + 2)
		return false;
	host = &plan->host[index - 1];
	for (size_t i = 2; i + 1 < count; i += 2) {
		uint64_t value = (uint64_t) strtoll(words[i + 1], NULL, 10);

		if (strcmp(words[i], "id") == 0)
			host->node_id = value;
		else if (strcmp(words[i], "frame") == 0)
			host->frame_bytes = value;
		else if (strcmp(words[i], "buffer") == 0)
			host->queue_bytes = value;
		else if (strcmp(words[i], "cost_ns") == 0)
			host->cost_ns = value;
		else if (strcmp(words[i], "clock_ns") == 0)
			host->clock_ns = value;
		else if (strcmp(words[i], "wall_ns") == 0)
			host->wall_ns = value;
		else
			return false;
	}
	return count % 2 == 0;
}

/* TIME [when HOST STATE DELAY] ACT... */
static bool
read_act(struct plan *plan, char **words, size_t count)
{
	struct act act = { 0 };
	size_t at = 1;

	if (!util_milliseconds(words[0], &act.at_ns) || (plan->count > 0 &&
	    act.at_ns < plan->act[plan->count - 1].at_ns))
		return false;
	if (count > 4 && strcmp(words[1], "when") == 0) {
		act.when_host = (uint32_t) strtoul(words[2], NULL, 10) - 1;
		for (uint32_t s = 0; s < TOTEM_STATE_COUNT; s++)
			if (strcmp(words[3], totem_state_name(s)) == 0)
				act.when_state = s;
		if (act.when_host >= plan->world.nodes || act.when_state == 0 ||
		    !util_milliseconds(words[4], &act.when_delay_ns))
			return false;
		at = 5;
	}
	if (!act_read(&act, words + at, count - at) || (act.kind != ACT_INTRUDER &&
	    act.kind != ACT_INTRUDER_OFF && act.host >= plan->world.nodes + 2))
		return false;
	plan_add(plan, &act);
	return true;
}

static bool
read_line(struct plan *plan, char *line)
{
	char *words[WORDS_MAX + 4], *state = NULL;
	size_t count = 0;

	line[strcspn(line, "#\n")] = '\0';
	for (char *word = strtok_r(line, " \t", &state); word != NULL;
	    word = strtok_r(NULL, " \t", &state))
		if (count < WORDS_MAX + 4)
			words[count++] = word;
	if (count == 0)
		return true;
	if (strcmp(words[0], "nodes") == 0) {
		uint64_t nodes = count == 2 ? strtoull(words[1], NULL, 10) : 0;

		if (plan->host != NULL || nodes == 0 || nodes > TOTEM_NODES_MAX)
			return false;
		plan_init(plan, (uint32_t) nodes);
		return true;
	}
	if (plan->host == NULL)
		return false;
	if (strcmp(words[0], "host") == 0)
		return read_host(plan, words, count);
	if (*words[0] >= '0' && *words[0] <= '9')
		return read_act(plan, words, count);
	return read_key(plan, words, count);
}

int
plan_read(struct plan *plan, FILE *in, const char *name)
{
	char line[LINE_BYTES], copy[LINE_BYTES];
	unsigned number = 0;

	memset(plan, 0, sizeof *plan);
	while (fgets(line, sizeof line, in) != NULL) {
		number++;
		memcpy(copy, line, sizeof copy);
		if (read_line(plan, line))
			continue;
		(void) fprintf(stderr, "%s:%u: not understood: %s", name, number, copy);
		plan_done(plan);
		return -EINVAL;
	}
	if (plan->host == NULL) {
		(void) fprintf(stderr, "%s: no line \"nodes N\"\n", name);
		return -EINVAL;
	}
	return 0;
}

void
plan_of_seed(struct plan *plan, const struct sim *sim)
{
	struct plan_world *w = &plan->world;

	plan_init(plan, sim->node_count);
	w->seed = sim->options.seed;
	w->loss = sim->usual.loss;
	w->duplicate = sim->usual.duplicate;
	w->reorder = sim->usual.reorder;
	w->corrupt = sim->usual.corrupt;
	w->delay_ns = sim->usual.delay_ns;
	w->jitter_ns = sim->usual.jitter_ns;
	w->bytes_per_us = sim->usual.bytes_per_us;
	w->fifo = sim->usual.fifo;
	w->seq_first = sim->seq_first;
	w->window_frames = sim->window_frames_max;
	w->learn_peers = sim->learn_peers;
	w->icmp_filtered = sim->icmp_filtered;
	w->last_words = sim->last_words;
	w->safe_ppm = sim->safe_ppm;
	w->message_bytes_max = sim->message_bytes_max;
	w->trial = sim->trial;
	for (uint32_t i = 0; i < sim->host_count; i++)
		plan->host[i] = (struct plan_host) {
			.node_id = i < sim->node_count ? sim->node_ids[i] : i + 1,
			.frame_bytes = sim->host[i].frame_bytes,
			.queue_bytes = sim->host[i].queue_bytes_max,
			.cost_ns = sim->host[i].cost_ns,
			.clock_ns = sim->host[i].clock_offset_ns,
			.wall_ns = (uint64_t) sim->host[i].wall_offset_ns,
		};
}

void
plan_to_world(const struct plan *plan, struct sim *sim)
{
	const struct plan_world *w = &plan->world;

	sim->usual = sim->network = (struct network) {
		.loss = w->loss, .duplicate = w->duplicate, .reorder = w->reorder,
		.corrupt = w->corrupt, .delay_ns = w->delay_ns, .jitter_ns = w->jitter_ns,
		.bytes_per_us = w->bytes_per_us, .fifo = w->fifo != 0,
	};
	sim->seq_first = (uint32_t) w->seq_first;
	sim->window_frames_max = (uint32_t) w->window_frames;
	sim->learn_peers = w->learn_peers != 0;
	sim->icmp_filtered = w->icmp_filtered != 0;
	sim->last_words = w->last_words != 0;
	sim->safe_ppm = w->safe_ppm;
	sim->message_bytes_max = (uint32_t) w->message_bytes_max;
	sim->trial = (enum sim_trial) w->trial;
	for (uint32_t i = 0; i < sim->host_count; i++) {
		const struct plan_host *h = &plan->host[i];

		if (i < sim->node_count)
			sim->node_ids[i] = (uint32_t) h->node_id;
		sim->host[i].frame_bytes = (uint32_t) h->frame_bytes;
		sim->host[i].queue_bytes_max = h->queue_bytes;
		sim->host[i].cost_ns = h->cost_ns;
		sim->host[i].clock_offset_ns = h->clock_ns;
		sim->host[i].wall_offset_ns = (int64_t) h->wall_ns;
	}
}
