/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Values checked against each other, and the ring's timing made from them.
 */
#include <inttypes.h>

#include "exec/core/config.h"
#include "exec/core/config_schema.h"

#define MS_NS	UINT64_C(1000000)

static uint64_t
ms_or(uint64_t ms, uint64_t other_ns)
{
	return ms != CONFIG_UNSET ? ms * MS_NS : other_ns;
}

/* The detector must have done its work well before the token's backstop, or it is of no use: with
 * a short token and no keys of its own it is quickened in proportion, never slowed. */
static void
detector_quicken(const struct config *config, struct totem_timing *t)
{
	if (t->silence_ns + t->probe_ns * t->probe_count < t->token_ns)
		return;
	if (config->silence_ms == CONFIG_UNSET && t->silence_ns > t->token_ns / 2)
		t->silence_ns = t->token_ns / 2;
	if (config->probe_ms == CONFIG_UNSET && t->probe_ns > t->token_ns / 30)
		t->probe_ns = t->token_ns / 30;
}

/* The line of a key of totem, or of another that can be the reason too; 0: neither is there. */
static unsigned int
line_of(const struct config *config, const char *key, const char *other)
{
	unsigned int line = config_key_line(config, "totem", key);

	return line != 0 ? line : config_key_line(config, "totem", other);
}

static void
detector_check(const struct config *config, const struct totem_timing *t, const char *file,
    struct config_reports *reports)
{
	uint64_t detect_ns = t->silence_ns + t->probe_ns * t->probe_count;

	if (t->heartbeat_ns * 2 > t->silence_ns)
		config_report(reports, CONFIG_ERROR, file,
		    line_of(config, "silence_timeout", "heartbeat_interval"),
		    "totem.silence_timeout: %" PRIu64 " ms is not allowed; allowed: at least twice "
		    "heartbeat_interval (%" PRIu64 " ms)", t->silence_ns / MS_NS,
		    t->heartbeat_ns / MS_NS);
	if (detect_ns >= t->token_ns)
		config_report(reports, CONFIG_NOTE, file,
		    line_of(config, "silence_timeout", "probe_interval"),
		    "the failure detector needs %" PRIu64 " ms for a silent node, but token is %"
		    PRIu64 " ms and comes first; allowed: a shorter silence_timeout, "
		    "probe_interval or probe_count", detect_ns / MS_NS, t->token_ns / MS_NS);
}

/* Nothing waits for it here.  Files are shared with daemons that do wait: what those would refuse
 * is refused, and what would serve them badly is told. */
static void
consensus_set(struct config *config, struct totem_timing *t, const char *file,
    struct config_reports *reports)
{
	uint64_t least_ns = t->token_ns * 12 / 10;

	t->consensus_ns = ms_or(config->consensus_ms, least_ns);
	if (t->consensus_ns < t->join_ns && config->consensus_ms == CONFIG_UNSET) {
		config_report(reports, CONFIG_ERROR, file, line_of(config, "join", "token"),
		    "totem.join: %" PRIu64 " ms is not allowed; allowed: at most 1.2 * token (%"
		    PRIu64 " ms)", t->join_ns / MS_NS, least_ns / MS_NS);
	} else if (t->consensus_ns < t->join_ns) {
		config_report(reports, CONFIG_ERROR, file, line_of(config, "consensus", "join"),
		    "totem.consensus: %" PRIu64 " ms is not allowed; allowed: at least join (%"
		    PRIu64 " ms)", t->consensus_ns / MS_NS, t->join_ns / MS_NS);
	} else if (t->consensus_ns < least_ns) {
		config_report(reports, CONFIG_NOTE, file, line_of(config, "consensus", "token"),
		    "totem.consensus has no effect: the failure detector ends waiting; a daemon "
		    "that waits for it wants at least 1.2 * token (%" PRIu64 " ms), and it is %"
		    PRIu64 " ms", least_ns / MS_NS, t->consensus_ns / MS_NS);
		t->consensus_ns = least_ns;
	}
}

void
config_finish_timing(struct config *config, const char *file, struct config_reports *reports)
{
	struct totem_timing *t = &config->timing;
	uint64_t extra_count = config->node_count > 2 ? config->node_count - 2 : 0;

	*t = totem_timing_default(config->node_count);
	t->token_ns = (config->token_ms + config->token_coefficient_ms * extra_count) * MS_NS;
	t->token_retransmit_ns = ms_or(config->token_retransmit_ms,
	    t->token_ns * 10 / (config->retransmits_count * 10 + 2));
	if (t->token_retransmit_ns < 30 * MS_NS && config->token_retransmit_ms == CONFIG_UNSET)
		t->token_retransmit_ns = 30 * MS_NS;
	if (t->token_retransmit_ns >= t->token_ns)
		config_report(reports, CONFIG_ERROR, file,
		    line_of(config, "token_retransmit", "token"),
		    "Not appropriate token or token_retransmits_before_loss_const value set: "
		    "token_retransmit is %" PRIu64 " ms; allowed: less than token (%" PRIu64 " ms)",
		    t->token_retransmit_ns / MS_NS, t->token_ns / MS_NS);
	t->hold_ns = ms_or(config->hold_ms,
	    t->token_retransmit_ns * 8 / 10 - 10 * MS_NS);
	if (t->hold_ns >= t->token_ns)
		config_report(reports, CONFIG_ERROR, file, line_of(config, "hold", "token"),
		    "totem.hold: %" PRIu64 " ms is not allowed; allowed: less than token (%" PRIu64
		    " ms)", t->hold_ns / MS_NS, t->token_ns / MS_NS);
	t->join_ns = config->join_ms * MS_NS;
	t->merge_ns = config->merge_ms * MS_NS;
	consensus_set(config, t, file, reports);
	t->fail_recv_rotations = (uint32_t) config->fail_recv_count;
	t->idle_rotations = (uint32_t) config->idle_count;
	t->silence_ns = ms_or(config->silence_ms, t->silence_ns);
	t->probe_ns = ms_or(config->probe_ms, t->probe_ns);
	if (config->probe_count != CONFIG_UNSET)
		t->probe_count = (uint32_t) config->probe_count;
	detector_quicken(config, t);
	t->heartbeat_ns = ms_or(config->heartbeat_ms, totem_heartbeat_default(t->silence_ns));
	detector_check(config, t, file, reports);
}

void
config_finish(struct config *config, const char *file, struct config_reports *reports)
{
	/* If it is there, it was refused. */
	if (config->version == CONFIG_UNSET && config_key_line(config, "totem", "version") == 0)
		config_report(reports, CONFIG_ERROR, file, 0,
		    "totem.version is missing; allowed: version: 2 in section totem");
	config_finish_nodes(config, file, reports);
	config_finish_timing(config, file, reports);
	config_finish_logging(config, file, reports);
}
