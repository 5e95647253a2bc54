/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Frames out: control frames are written into an arena that lives until the outputs are drained;
 * data frames stay where they are stored.  When there is no room a frame is dropped, which the
 * protocol takes like a loss on the network.
 */
#include "exec/totem/internal.h"

#define ARENA_ALIGN	8u

void
send_arena_reset(struct totem *t)
{
	cs_assert(t->out_count == 0);
	t->arena_used = 0;
	t->out_head = 0;
}

static uint8_t *
arena_take(struct totem *t, size_t len)
{
	uint8_t *at = t->arena + t->arena_used;

	len = (len + ARENA_ALIGN - 1) & ~(size_t) (ARENA_ALIGN - 1);
	if (len > ARENA_BYTES - t->arena_used)
		return NULL;
	t->arena_used += len;
	return at;
}

struct totem_output *
send_output(struct totem *t, enum totem_output_kind kind)
{
	struct totem_output *output;

	if (t->out_head + t->out_count == TOTEM_OUTPUT_MAX)
		return NULL;
	output = &t->out[t->out_head + t->out_count++];
	memset(output, 0, sizeof *output);
	output->kind = kind;
	return output;
}

struct control
send_begin(struct totem *t, enum wire_type type, size_t body_max)
{
	struct control control = { .type = type };

	control.frame = arena_take(t, TOTEM_HEADER_BYTES + body_max);
	if (control.frame != NULL)
		control.body = buf_writer(control.frame + TOTEM_HEADER_BYTES, body_max);
	return control;
}

void
send_seal(struct totem *t, uint8_t *frame, size_t len, enum wire_type type)
{
	struct wire_header header = {
		.version = WIRE_VERSION,
		.type = (uint8_t) type,
		.cluster = (uint32_t) t->config.cluster_hash,
		.sender = t->config.node_id,
		.incarnation = t->config.incarnation,
		.counter = ++t->counter,
	};

	wire_seal(frame, len, &header);
}

/* Length of the finished frame, 0 when it could not be written. */
static size_t
control_finish(struct totem *t, struct control *control)
{
	size_t len;

	if (control->frame == NULL)
		return 0;
	cs_assert(buf_writer_ok(&control->body));
	len = TOTEM_HEADER_BYTES + buf_written(&control->body);
	send_seal(t, control->frame, len, control->type);
	return len;
}

struct totem_output *
send_frame(struct totem *t, const uint8_t *frame, size_t len, const uint32_t *to,
    size_t to_count, bool urgent)
{
	struct totem_output *output;

	if (to_count == 0 && to != NULL)
		return NULL;
	output = send_output(t, TOTEM_SEND);
	if (output == NULL)
		return NULL;
	output->data = frame;
	output->len = len;
	output->to = to;
	output->to_count = to_count;
	output->urgent = urgent;
	return output;
}

void
send_to(struct totem *t, struct control *control, const uint32_t *ids, size_t count)
{
	size_t len = control_finish(t, control);
	struct totem_output *output;

	if (len == 0 || (count == 0 && ids != NULL))
		return;
	output = send_frame(t, control->frame, len, ids, count, true);
	/* Who hears these is taken into rings: so they must go where data will have to go. */
	if (output != NULL)
		output->as_data = control->type == WIRE_JOIN || control->type == WIRE_BEACON;
}

void
send_to_all(struct totem *t, struct control *control)
{
	if (t->config.learn_peers)
		send_to(t, control, NULL, 0);
	else
		send_to(t, control, t->peer_ids, t->peer_ids_count);
}

const uint32_t *
send_ids(struct totem *t, const uint32_t *ids, size_t count)
{
	uint8_t *to = arena_take(t, count * sizeof ids[0]);

	if (to != NULL)
		memcpy(to, ids, count * sizeof ids[0]);
	return (const uint32_t *) (const void *) to;
}

void
send_to_one(struct totem *t, struct control *control, uint32_t node_id)
{
	const uint32_t *to = send_ids(t, &node_id, 1);

	if (to != NULL)
		send_to(t, control, to, 1);
}

void
send_to_source(struct totem *t, struct control *control)
{
	size_t len = control_finish(t, control);
	struct totem_output *output;

	if (len == 0)
		return;
	output = send_output(t, TOTEM_SEND_SOURCE);
	if (output == NULL)
		return;
	output->data = control->frame;
	output->len = len;
	output->urgent = true;
}
