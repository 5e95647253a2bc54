/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Flow control, as the tokens show it that hosts pass on (PROTOCOL.md section 5).  A ring that
 * sends too much, or goes on slowly when nobody asks for it, delivers all the same: nothing else
 * sees it.  A token is held against the one before it, and against the last of the same host:
 *
 *   a rotation   all together number no more than the window of all and each one's small share
 *   fcc          says no more than what was numbered in the last rotation
 *   brake        who asks is in the count, nobody else; each numbers two frames a visit then, the
 *                representative, where the token rests, twice two; and it does rest there
 *   repeats      of one token come after two milliseconds at least, then twice that, and so on
 */
#include <inttypes.h>

#include "exec/totem/wire.h"
#include "test/sim/sim.h"

#define BRAKED_FRAMES	2u
#define BRAKED_REST_NS	(5 * MS_NS)	/* for every four members */
#define KEPT_FRAMES	24u		/* numbered by the keeper while the token rests */
#define REPEAT_NS	(2 * MS_NS)
#define FRAME_TYPE_AT	5u

static void
flow_fail(struct sim *sim, const struct host *host, const char *what, uint64_t is,
    uint64_t promised)
{
	check_fail(&sim->check, V14_LIVENESS, "flow, %s: %s: %" PRIu64 ", promised is %" PRIu64,
	    check_proc(&sim->history, host->proc), what, is, promised);
	sim->check.failed_at_ns = sim->now_ns;
}

/* The frames that all may number in a rotation, at the most that their frames' sizes allow. */
static uint32_t
flow_window(const struct sim *sim)
{
	uint32_t bytes = TOTEM_FRAME_BYTES_MAX, frames, window = TOTEM_WINDOW_MIN;

	if (sim->window_frames_max != 0)
		return sim->window_frames_max;
	for (uint32_t i = 0; i < sim->host_count; i++)
		if (sim->host[i].frame_bytes < bytes)
			bytes = sim->host[i].frame_bytes;
	frames = TOTEM_POOL_BYTES / bytes < TOTEM_POOL_FRAMES_MAX ? TOTEM_POOL_BYTES / bytes :
	    TOTEM_POOL_FRAMES_MAX;
	while (window * 4 <= frames)
		window *= 2;
	return window / 4;
}

/* Who passed that token on to this one; NULL: it was the first, or he is no more. */
static const struct flow *
flow_before(const struct sim *sim, const struct wire_token *token)
{
	for (uint32_t i = 0; i < sim->host_count; i++) {
		const struct flow *flow = &sim->host[i].flow;

		if (ring_id_equal(&flow->ring, &token->ring) &&
		    flow->token_seq == token->token_seq - 1)
			return flow;
	}
	return NULL;
}

static void
flow_rotation(struct sim *sim, const struct host *host, const struct wire_token *token)
{
	const struct flow *last = &host->flow;
	uint32_t members = token->token_seq - last->token_seq, numbered = token->seq - last->seq;
	uint32_t all = flow_window(sim);
	uint32_t most = all + members * (all / (4 * members) + 1) + KEPT_FRAMES;

	if (numbered > most)
		flow_fail(sim, host, "frames numbered in a rotation", numbered, most);
	if (token->fcc > numbered)
		flow_fail(sim, host, "frames of the last rotation, as the token counts them",
		    token->fcc, numbered);
}

static void
flow_braked(struct sim *sim, const struct host *host, const struct wire_token *token,
    const struct flow *before)
{
	const struct flow *last = &host->flow;
	bool rests = token->ring.rep == host->node_id;
	uint32_t numbered = token->seq - before->seq;
	uint32_t most = rests ? 2 * BRAKED_FRAMES : BRAKED_FRAMES;
	uint32_t members = token->token_seq - last->token_seq;
	uint64_t span_ns = host_clock(sim, host) - last->clock_ns;
	uint64_t least_ns = BRAKED_REST_NS * ((members + 3) / 4);

	if (before->brake == 0)
		return;
	if (numbered > most)
		flow_fail(sim, host, "frames numbered at a visit of a braked token", numbered,
		    most);
	if (rests && token->brake > 0 && last->operational && span_ns < least_ns &&
	    ring_id_equal(&last->ring, &token->ring))
		flow_fail(sim, host, "ns of a rotation of a braked token", span_ns, least_ns);
}

/* Since its last visit nothing was asked for anew. */
static void
flow_asked(struct sim *sim, const struct host *host, const struct wire_token *token)
{
	uint64_t last_ns = host->flow.at_ns;
	bool nobody = true;

	if (sim->options.app != NULL)
		return;		/* its daemons ask by themselves */
	for (uint32_t i = 0; i < sim->host_count; i++)
		nobody = nobody && !sim->host[i].brake && sim->host[i].brake_ns < last_ns;
	if (host->brake && host->brake_ns < last_ns && token->brake == 0)
		flow_fail(sim, host, "members that ask to slow down, and it does", 0, 1);
	if (nobody && token->brake > 0)
		flow_fail(sim, host, "members that ask to slow down, and nobody does",
		    token->brake, 0);
}

static void
flow_repeated(struct sim *sim, struct host *host)
{
	struct flow *flow = &host->flow;
	uint64_t now_ns = host_clock(sim, host), span_ns = now_ns - flow->clock_ns;
	/* Who learns of the others has the default of a small ring. */
	uint64_t longest_ns = totem_timing_default(1).token_retransmit_ns;
	uint64_t least_ns = flow->repeat_ns;

	if (longest_ns > sim->timing.token_retransmit_ns)
		longest_ns = sim->timing.token_retransmit_ns;
	if (least_ns > longest_ns)
		least_ns = longest_ns;

	/* A marked one is repeated when the one before does so. */
	if ((flow->flags & WIRE_TOKEN_HOLD) == 0 && span_ns < least_ns)
		flow_fail(sim, host, "ns until a token is repeated", span_ns, least_ns);
	flow->repeat_ns *= 2;
	flow->clock_ns = now_ns;
}

void
flow_sent(struct sim *sim, struct host *host, const uint8_t *data, size_t len)
{
	struct flow *last = &host->flow;
	const struct flow *before;
	struct wire_token token;

	if (!host->watched || len < TOTEM_HEADER_BYTES || data[FRAME_TYPE_AT] != WIRE_TOKEN ||
	    !wire_token_get(data + TOTEM_HEADER_BYTES, len - TOTEM_HEADER_BYTES, &token))
		return;
	if (ring_id_equal(&last->ring, &token.ring) && last->token_seq == token.token_seq) {
		flow_repeated(sim, host);
		return;
	}
	before = flow_before(sim, &token);
	if (before != NULL)
		flow_braked(sim, host, &token, before);
	if (ring_id_equal(&last->ring, &token.ring)) {
		flow_rotation(sim, host, &token);
		flow_asked(sim, host, &token);
	}
	*last = (struct flow) {
		.ring = token.ring, .token_seq = token.token_seq, .seq = token.seq,
		.brake = token.brake, .flags = token.flags, .at_ns = sim->now_ns,
		.clock_ns = host_clock(sim, host), .repeat_ns = REPEAT_NS,
		.operational = totem_state(host->totem) == TOTEM_OPERATIONAL,
	};
}
