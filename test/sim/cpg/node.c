/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A daemon's engines on a simulated host: the production loader, its engines and its
 * synchronisation, driven by the core's outputs as exec/core/shell.c does it.  What they reach for
 * in the real daemon (clock, network, configuration) is answered from here.
 */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <corosync/ipc/link.h>
#include "exec/base/assert.h"
#include "exec/base/buf.h"
#include "exec/core/config.h"
#include "exec/core/engines.h"
#include "exec/core/shell.h"
#include "test/sim/cpg/cpg.h"

#define BARRIER_SERVICE	0xffffu		/* as exec/core/ marks it on the ring */
#define CROWD_SERVICE	0xfffeu		/* of an engine that nobody else has */
#define CROWD_BYTES	65536u
#define CROWD_PERIOD	12u		/* one node in so many, at each ring */

struct cpg_node *cpg_now_acting;

struct cpg_sim *
cpg_of(const struct sim *sim)
{
	return sim->app_state;
}

struct cpg_node *
cpg_node_of(struct sim *sim, uint32_t host)
{
	return &cpg_of(sim)->node[host];
}

/* --- what production code reaches for ------------------------------------------------------- */

uint64_t
shell_now_ns(void)
{
	return host_clock(cpg_now_acting->sim, cpg_now_acting->host);
}

/* Only cfg's clients ask for these, and there are none here. */
static _Noreturn void
node_unasked(void)
{
	abort();
}

bool
net_ignores(const struct net *net, uint32_t node_id)
{
	(void) net;
	(void) node_id;
	node_unasked();
}

void
net_ignore(struct net *net, const uint32_t *node_ids, size_t count)
{
	(void) net;
	(void) node_ids;
	(void) count;
	node_unasked();
}

bool
net_peer_address(const struct net *net, uint32_t node_id, struct net_address *ret_address)
{
	(void) net;
	(void) node_id;
	(void) ret_address;
	node_unasked();
}

const char *
net_address_text(const struct net_address *address, char *text, size_t size)
{
	(void) address;
	(void) text;
	(void) size;
	node_unasked();
}

static bool
node_authorised(void *argument, uid_t uid, gid_t gid)
{
	(void) argument;
	(void) uid;
	(void) gid;
	return true;
}

/* No peer and no client lies here: what an engine calls an error is one. */
static void
node_log(void *argument, const char *subsystem, int priority, const char *text)
{
	struct cpg_node *node = argument;

	if (priority < LOG_INFO)
		record_note(node->sim, "%u: %s: %s", node->host->node_id, subsystem, text);
	if (priority <= LOG_ERR)
		judge_fail(node->sim, C6_NO_GHOSTS, "node %u says: %s", node->host->node_id, text);
}

static void
node_quiet(void *argument)
{
	(void) argument;	/* outputs are carried out after each input anyway */
}

/* --- places in the order --------------------------------------------------------------------- */

static uint64_t
node_ring_hash(const struct totem_ring_id *ring)
{
	return trace_mix(trace_mix(trace_mix(1, ring->rep), ring->seq), ring->nonce);
}

/* Several messages may share a frame's sequence number; their bytes tell them apart. */
static uint64_t
node_message_place(const struct cpg_node *node, const struct totem_output *output)
{
	uint64_t hash = trace_mix(trace_mix(node->tag.ring, output->seq), output->len);
	uint64_t word;
	size_t len = output->len < 256 ? output->len : 256;

	for (size_t at = 0; at < len; at += sizeof word) {
		word = 0;
		memcpy(&word, output->data + at, len - at < sizeof word ? len - at : sizeof word);
		hash = trace_mix(hash, word);
	}
	return hash | 1;
}

/* Do we have the barriers of all members of this ring?  Counted here once more, from the bytes. */
static void
node_barrier(struct cpg_node *node, const struct totem_output *output)
{
	struct buf_reader in = buf_reader(output->data, output->len);
	uint32_t service = buf_get_u16(&in);
	struct totem_ring_id ring;

	(void) buf_get_u16(&in);
	(void) buf_get_u32(&in);
	ring.rep = buf_get_u32(&in);
	ring.seq = buf_get_u64(&in);
	ring.nonce = buf_get_u64(&in);
	if (service != BARRIER_SERVICE || !buf_reader_ok(&in) || node->tag.transitional ||
	    !ring_id_equal(&ring, &node->ring))
		return;
	for (uint32_t i = 0; i < node->barrier_count; i++)
		if (node->barrier_from[i] == output->origin)
			return;
	if (node->barrier_count < TOTEM_NODES_MAX)
		node->barrier_from[node->barrier_count++] = output->origin;
	node->tag.synchronised = node->barrier_count == node->member_count;
}

static void
node_deliver(struct sim *sim, struct host *host, const struct totem_output *output)
{
	struct cpg_node *node = cpg_node_of(sim, host->index);

	cpg_now_acting = node;
	node->tag.place = node_message_place(node, output);
	node_barrier(node, output);
	engines_deliver(node->engines, output);
	watch_settle(node);
	node->tag.place = 0;
}

static void
node_move(struct sim *sim, const struct cpg_node *node, const struct totem_configuration *config)
{
	struct trace *trace = &cpg_of(sim)->trace;
	struct move_of *move;

	if (trace->move_count == trace->move_room)
		trace->move = util_grow(trace->move, &trace->move_room, sizeof *trace->move);
	move = &trace->move[trace->move_count++];
	*move = (struct move_of) { .host = node->host->index, .place = node->tag.place,
	    .ring = node->tag.ring, .next = node_ring_hash(&config->next),
	    .member_count = config->member_count };
	for (size_t i = 0; i < config->member_count && i < TOTEM_NODES_MAX; i++)
		move->member[i] = config->members[i].node_id;
}

/* An engine with much to say has taken all the room that there is for synchronisation, and the
 * others must try again.  Decided without the run's dice, so that seeds stay what they are. */
static void
node_crowd(struct sim *sim, const struct cpg_node *node)
{
	static uint8_t data[CROWD_BYTES];
	struct buf_writer out = buf_writer(data, sizeof data);
	uint64_t now_ns = host_clock(sim, node->host);

	if (trace_mix(node->tag.ring, node->host->node_id) % CROWD_PERIOD != 0 ||
	    sim->window_frames_max != 0 || sim->network.delay_ns >= MS_NS ||
	    sim->network.bytes_per_us < 500)
		return;
	buf_put_u16(&out, CROWD_SERVICE);
	buf_put_u16(&out, 0);
	for (size_t len = sizeof data; len > 4; len /= 2)
		while (totem_submit(node->host->totem, now_ns, TOTEM_QUEUE_SYNC, TOTEM_AGREED,
		    data, len, NULL) == 0)
			;
	cpg_counted(sim, CPG_COUNT_CROWDS);
}

static void
node_configuration(struct sim *sim, struct host *host, const struct totem_configuration *config)
{
	struct cpg_node *node = cpg_node_of(sim, host->index);

	cpg_now_acting = node;
	if (config->kind == TOTEM_TRANSITIONAL) {
		node->tag.transitional = node->tag.boundary = true;
		node->tag.place = trace_mix(trace_mix(node->tag.ring, 2),
		    node_ring_hash(&config->next)) | 1;
		node->tag.move = node->tag.place;
		node_move(sim, node, config);
		if (!node->tag.synchronised && node->member_count > 0)
			cpg_counted(sim, CPG_COUNT_ABORTED);
	} else {
		node->ring = config->ring;
		node->tag = (struct tag) { .ring = node_ring_hash(&config->ring) };
		node->member_count = (uint32_t) config->member_count;
		node->barrier_count = 0;
		node_crowd(sim, node);
	}
	engines_configuration(node->engines, config);
	watch_settle(node);
	node->tag.boundary = false;
	node->tag.place = 0;
}

/* --- the daemon's life ----------------------------------------------------------------------- */

const char *
cpg_engines_directory(void)
{
	const char *directory = getenv("SIM_ENGINES");	/* others than this build's */

	return directory != NULL ? directory : CPG_ENGINES_DIR;
}

static void
node_start(struct sim *sim, struct host *host)
{
	struct cpg_node *node = cpg_node_of(sim, host->index);
	struct engines_config config = {
		.totem = host->totem, .config = node->config,
		.directory = cpg_engines_directory(),
		.instance = "", .authorised = node_authorised, .log = node_log,
		.wake = node_quiet, .turned = node_quiet, .ready = node_quiet, .host = node,
	};

	cpg_now_acting = node;
	node->config->node_id = host->node_id;
	node->config->client_backlog_bytes = cpg_of(sim)->backlog_bytes;
	node->config->client_grace_ms = cpg_of(sim)->grace_ns / MS_NS;
	node->tag = (struct tag) { 0 };
	node->member_count = node->barrier_count = 0;
	node->was_active = false;
	cs_assert(engines_new(&config, &node->engines) == 0);
	cs_assert(engines_count(node->engines) >= 2);
}

static void
node_end(struct sim *sim, struct host *host)
{
	struct cpg_node *node = cpg_node_of(sim, host->index);

	cpg_now_acting = node;
	node->engines = engines_free(node->engines);
}

static bool
node_turn(struct sim *sim, struct host *host)
{
	struct cpg_node *node = cpg_node_of(sim, host->index);
	bool active = engines_active(node->engines), input;

	cpg_now_acting = node;
	if (active && !node->was_active)
		cpg_counted(sim, CPG_COUNT_ACTIVATED);
	node->was_active = active;
	input = engines_turn(node->engines, host_clock(sim, host));
	watch_settle(node);
	return input;
}

static void
node_happening(struct sim *sim, const struct happening *happening)
{
	struct cpg_node *node;

	if (happening->kind == HAPPEN_CLIENT) {
		link_happening(sim, happening);
		return;
	}
	node = cpg_node_of(sim, happening->host);
	cpg_now_acting = node;
	ipc_happening(node, happening->value);
	watch_settle(node);
}

/* --- the whole ------------------------------------------------------------------------------- */

/* The seed's choice, as a plan's world says it. */
static void
node_choose(struct sim *sim, struct plan_world *w)
{
	static const size_t rings[] = { 4u << 20, 1u << 20, 256u << 10, 256u << 10 };
	struct prng *prng = &sim->chance;

	w->groups = dice(prng, 1, CPG_GROUPS_MAX);
	w->processes = dice(prng, 1, sim->node_count > 6 ? 2 : CPG_PROGRAMS_MAX);
	w->bank = dice_ppm(prng, 700000);
	w->ring_bytes = rings[prng_below(prng, 4)];
	w->backlog_bytes = dice_scaled(prng, w->ring_bytes, 8u << 20);
	w->grace_ns = dice_scaled(prng, 100 * MS_NS, 3 * SEC_NS);
	w->parts = sim->window_frames_max == 0 && sim->network.delay_ns < MS_NS &&
	    sim->node_count <= 7 && w->ring_bytes > 256u << 10 && dice_ppm(prng, 400000);
}

static void
node_profile(struct sim *sim, struct cpg_sim *cpg)
{
	const struct plan *plan = sim->options.plan;
	struct plan_world unkept = { 0 };
	struct plan_world *chosen = sim->record != NULL ? &sim->record->world : &unkept;
	const struct plan_world *w = plan != NULL ? &plan->world : chosen;

	if (plan == NULL)
		node_choose(sim, chosen);
	cpg->group_count = (uint32_t) w->groups;
	cpg->client_count = (uint32_t) w->processes;
	cpg->bank = w->bank != 0;
	/* A power of two, as clients and daemon agree on. */
	for (cpg->ring_bytes = IPC_RING_SMALL_BYTES; cpg->ring_bytes * 2 <= w->ring_bytes;)
		cpg->ring_bytes *= 2;
	cpg->backlog_bytes = w->backlog_bytes;
	cpg->grace_ns = w->grace_ns;
	cpg->parts = w->parts != 0;
	cpg->message_bytes_max = (uint32_t) (cpg->ring_bytes / 4);
	if (cpg->message_bytes_max > sim->message_bytes_max)
		cpg->message_bytes_max = sim->message_bytes_max;
	/* On a slow path the load must fit, or all that is found is that it does not. */
	cpg->flood_bytes = sim->network.delay_ns < MS_NS ? (uint32_t) (cpg->ring_bytes / 8) :
	    30000;
	if (cpg->flood_bytes > cpg->message_bytes_max)
		cpg->flood_bytes = cpg->message_bytes_max;
	cpg->played = plan != NULL;
	if (plan != NULL)
		return;
	cpg->huge_left = 10;
	cpg->floods_left = 2;
	cpg->large_left = cpg->parts ? (uint32_t) dice(&sim->chance, 1, 6) : 0;
	cpg->acts_left = (uint32_t) dice(&sim->chance, 300, 500);
	cpg->gap_ns = sim->options.seconds * SEC_NS * sim->node_count * cpg->client_count /
	    cpg->acts_left;
}

static void
node_init(struct sim *sim)
{
	struct cpg_sim *cpg = util_alloc(sizeof *cpg);

	sim->app_state = cpg;
	cpg->node = util_alloc(sim->host_count * sizeof *cpg->node);
	cpg->client = util_alloc(sim->host_count * CPG_CLIENTS_MAX * sizeof *cpg->client);
	cpg->scratch = util_alloc(4u << 20);
	cpg->trace.places = hash_map_new();
	cpg->trace.views = hash_map_new();
	cpg->trace.joined = hash_map_new();
	cpg->trace.known = hash_map_new();
	for (uint32_t i = 0; i < sim->host_count; i++) {
		cpg->node[i] = (struct cpg_node) { .sim = sim, .host = &sim->host[i],
		    .config = util_alloc(sizeof *cpg->node[i].config) };
		for (uint32_t k = 0; k < CPG_CLIENTS_MAX; k++)
			cpg->client[i * CPG_CLIENTS_MAX + k] = (struct client) { .sim = sim,
			    .host = i, .index = k, .ended = true };
	}
	node_profile(sim, cpg);
	if (sim->options.lie != NULL)
		cpg_mutation_init(sim, (const struct cpg_mutant *) sim->options.lie);
}

static void
node_done(struct sim *sim)
{
	struct cpg_sim *cpg = cpg_of(sim);

	cpg->ending = true;
	for (uint32_t i = 0; i < sim->host_count; i++)
		if (sim->host[i].totem != NULL && sim->host[i].watched)
			node_end(sim, &sim->host[i]);
	for (uint32_t i = 0; i < sim->host_count * CPG_CLIENTS_MAX; i++) {
		link_end(&cpg->client[i]);
		free(cpg->client[i].stack);
	}
	for (uint32_t i = 0; i < sim->host_count; i++)
		free(cpg->node[i].config);
	for (size_t i = 0; i < cpg->trace.session_count; i++) {
		free(cpg->trace.session[i].view);
		free(cpg->trace.session[i].step);
		free(cpg->trace.session[i].has);
		free(cpg->trace.session[i].owed);
		free(cpg->trace.session[i].ring);
		free(cpg->trace.session[i].sent);
		free(cpg->trace.session[i].last);
	}
	for (size_t i = 0; i < cpg->ledger.replica_count; i++)
		free(cpg->ledger.replica[i].entry);
	free(cpg->ledger.order);
	free(cpg->trace.session);
	free(cpg->trace.message);
	free(cpg->trace.move);
	free(cpg->trace.closed);
	(void) hash_map_free(cpg->trace.places);
	(void) hash_map_free(cpg->trace.views);
	(void) hash_map_free(cpg->trace.joined);
	(void) hash_map_free(cpg->trace.known);
	cpg_mutation_done(sim);
	free(cpg->node);
	free(cpg->client);
	free(cpg->scratch);
	free(cpg);
}

const struct sim_app cpg_app = {
	.init = node_init, .done = node_done, .start = node_start, .end = node_end,
	.deliver = node_deliver, .configuration = node_configuration, .turn = node_turn,
	.happening = node_happening, .run = cpg_run, .property_name = judge_name,
	.property_first = C1_ORDER, .property_end = CPG_PROPERTY_END,
	.report = cpg_report,
};
