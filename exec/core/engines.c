/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <corosync/ipc/link.h>
#include "exec/base/assert.h"
#include "exec/base/buf.h"
#include "exec/core/engines_internal.h"
#include "exec/core/shell.h"

#define PATH_BYTES	4096u

void
engines_log(struct engines *set, const char *subsystem, int priority, const char *format, ...)
{
	char line[ENGINES_LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void) vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	set->config.log(set->config.host, subsystem, priority, line);
}

/* NULL, or what is wrong with a descriptor. */
static const char *
descriptor_fault(const struct engines *set, const struct cs_engine *engine)
{
	if (engine->abi != CS_ENGINE_ABI)
		return "it was built for another engine interface";
	if (engine->name == NULL || engine->name[0] == '\0' || engine->description == NULL
	    || engine->subsystem == NULL)
		return "its descriptor has no name, description or subsystem";
	if (engine->init == NULL || engine->exit == NULL || engine->deliver == NULL
	    || engine->confchg == NULL || engine->conn_open == NULL || engine->conn_close == NULL
	    || engine->request == NULL)
		return "its descriptor lacks a function that it must have";
	if (engine->service_id == ENGINES_SYNC_SERVICE)
		return "its service id is reserved";
	for (size_t i = 0; i < set->count; i++)
		if (set->host[i].engine->service_id == engine->service_id
		    || strcmp(set->host[i].engine->name, engine->name) == 0)
			return "another engine has its service id or name";
	return NULL;
}

/* An engine that is wrong costs its own service only.  When the system is short of something, it
 * may be any engine: then we do not start, rather than run without one that is needed. */
static void
shortage_note(struct engines *set, int error)
{
	if (error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -ENOBUFS)
		set->fatal = error;
}

static void
load(struct engines *set, const char *path)
{
	struct cs_host *host = &set->host[set->count];
	const struct cs_engine *engine;
	const char *fault;
	void *module;

	if (set->count == SYNC_ENGINES_MAX) {
		engines_log(set, "SERV", LOG_ERR, "engine %s is not loaded: there are %u already",
		    path, SYNC_ENGINES_MAX);
		return;
	}
	errno = 0;
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL) {
		shortage_note(set, -errno);
		engines_log(set, "SERV", LOG_ERR, "engine %s is not loaded: %s", path, dlerror());
		return;
	}
	engine = dlsym(module, CS_ENGINE_SYMBOL);
	fault = engine == NULL ? "it exports no " CS_ENGINE_SYMBOL : descriptor_fault(set, engine);
	if (fault != NULL) {
		engines_log(set, "SERV", LOG_ERR, "engine %s is not loaded: %s", path, fault);
		(void) dlclose(module);
		return;
	}
	memset(host, 0, sizeof *host);
	host->head.ops = &host_ops;
	host->set = set;
	host->engine = engine;
	host->module = module;
	set->count++;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_module(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	/* A build tree has libraries beside the engines. */
	return len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0
	    && strncmp(entry->d_name, "lib", 3) != 0;
}

static int
load_directory(struct engines *set)
{
	struct dirent **entry;
	int count = scandir(set->config.directory, &entry, is_module, by_name);

	if (count < 0) {
		int r = -errno;

		engines_log(set, "SERV", LOG_ERR, "cannot read the engine directory %s: %s",
		    set->config.directory, strerror(-r));
		return r;
	}
	for (int i = 0; i < count; i++) {
		char path[PATH_BYTES];

		if (snprintf(path, sizeof path, "%s/%s", set->config.directory,
		    entry[i]->d_name) < (int) sizeof path)
			load(set, path);
		free(entry[i]);
	}
	free(entry);
	return 0;
}

static int
by_service(const void *a, const void *b)
{
	const struct cs_host *left = a, *right = b;

	return (int) left->engine->service_id - (int) right->engine->service_id;
}

/* Programs that ask for the service would come to somebody else.  So we do not start: who looks
 * after the daemon sees that, and the others do not count on this node. */
static void
socket_taken(struct engines *set, const char *engine)
{
	char name[IPC_NAME_BYTES_MAX] = "";

	(void) ipc_name(name, sizeof name, engine, set->config.instance);
	engines_log(set, "SERV", LOG_ERR, "engine %s does not start: another process listens at "
	    "its socket @corosync.ipc/%s. End that process ('ss -xlp' shows which it is), then "
	    "start again.", engine, name);
	set->fatal = -EADDRINUSE;
}

/* Start the engine of position `at`; when it does not want to, it goes. */
static bool
start(struct engines *set, size_t at)
{
	struct cs_host *host = &set->host[at];
	bool taken = false;
	int r = host->engine->init(host, &host->instance);

	if (r == 0) {
		r = host_serve(host);
		if (r == 0) {
			engines_log(set, "SERV", LOG_INFO, "Service engine loaded: %s [%u]",
			    host->engine->description, host->engine->service_id);
			return true;
		}
		taken = r == -EADDRINUSE;
		host->engine->exit(host->instance);
	}
	shortage_note(set, r);
	if (taken)
		socket_taken(set, host->engine->name);
	else
		engines_log(set, "SERV", LOG_ERR, "engine %s does not start: %s",
		    host->engine->name, strerror(-r));
	(void) dlclose(host->module);
	return false;
}

/* An engine keeps the address of its host: no moving after init(). */
static void
start_all(struct engines *set)
{
	struct sync_engine engine[SYNC_ENGINES_MAX];
	size_t kept = 0;

	qsort(set->host, set->count, sizeof set->host[0], by_service);
	for (size_t i = 0; i < set->count; i++) {
		if (kept != i)
			set->host[kept] = set->host[i];
		if (start(set, kept))
			kept++;
	}
	set->count = kept;
	for (size_t i = 0; i < kept; i++)
		engine[i] = (struct sync_engine) { set->host[i].engine->service_id,
			set->host[i].engine->version };
	sync_init(&set->sync, engine, kept);
}

int
engines_new(const struct engines_config *config, struct engines **ret_engines)
{
	struct engines *set = calloc(1, sizeof *set);
	int r;

	if (set == NULL)
		return -ENOMEM;
	set->config = *config;
	r = load_directory(set);
	if (r < 0) {
		free(set);
		return r;
	}
	start_all(set);
	if (set->fatal < 0) {
		r = set->fatal;
		(void) engines_free(set);
		return r;
	}
	*ret_engines = set;
	return 0;
}

struct engines *
engines_free(struct engines *set)
{
	if (set == NULL)
		return NULL;
	for (size_t i = set->count; i-- > 0;) {
		struct cs_host *host = &set->host[i];

		host->server = ipc_server_free(host->server);
		host->engine->exit(host->instance);
		(void) dlclose(host->module);
	}
	free(set);
	return NULL;
}

size_t
engines_count(const struct engines *set)
{
	return set->count;
}

void
engines_dump(struct engines *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct ipc_stats *s = ipc_server_stats(set->host[i].server);

		engines_log(set, "IPC", LOG_NOTICE, "%s: clients %" PRIu64 ", closed %" PRIu64
		    ", refused %" PRIu64 "; calls %" PRIu64 " records %" PRIu64 " events %" PRIu64
		    ", doorbells sent %" PRIu64 " received %" PRIu64 "; waiting %" PRIu64
		    " bytes, ring slowed %" PRIu64 " times, cut off for slowness %" PRIu64
		    ", for garbage %" PRIu64, set->host[i].engine->name, s->active, s->closed,
		    s->refused, s->requests, s->records, s->events, s->doorbells_tx,
		    s->doorbells_rx, s->backlog_bytes, s->congestions, s->slow_cut,
		    s->garbage_cut);
		if (set->host[i].engine->dump != NULL)
			set->host[i].engine->dump(set->host[i].instance);
	}
}

void
engines_calls(const struct engines *set, uint64_t *ret_system_calls, uint64_t *ret_wakes)
{
	*ret_system_calls = *ret_wakes = 0;
	for (size_t i = 0; i < set->count; i++) {
		const struct ipc_stats *s = ipc_server_stats(set->host[i].server);

		*ret_system_calls += s->system_calls;
		*ret_wakes += s->wakes;
	}
}

bool
engines_active(const struct engines *set)
{
	return set->sync.state == SYNC_ACTIVE;
}

/* Clients' calls and records wait while engines synchronise; not those of an engine that has
 * nothing to synchronise, so that a ring which does not come to rest can be looked at. */
static void
hold(struct engines *set, bool on)
{
	if (set->held == on)
		return;
	set->held = on;
	for (size_t i = 0; i < set->count; i++)
		if (set->host[i].engine->sync_process != NULL)
			ipc_server_hold(set->host[i].server, on);
}

static int
barrier_send(struct engines *set)
{
	uint8_t data[SYNC_BARRIER_BYTES_MAX], head[ENGINES_HEAD_BYTES];
	struct buf_writer out = buf_writer(head, sizeof head);
	struct totem_part part[2] = { { head, sizeof head }, { data, 0 } };

	part[1].len = sync_barrier(&set->sync, data);
	buf_put_u16(&out, ENGINES_SYNC_SERVICE);
	buf_put_u16(&out, 0);
	return totem_submit_parts(set->config.totem, shell_now_ns(), TOTEM_QUEUE_SYNC,
	    TOTEM_AGREED, part, 2, NULL);
}

static void
activated(struct engines *set)
{
	set->open_wanted = true;
	hold(set, false);
	if (!set->quiet || !set->was_ready)
		engines_log(set, "SYNC", LOG_NOTICE,
		    "Completed service synchronization, ready to provide service.");
	if (!set->was_ready)
		set->config.ready(set->config.host);
	set->was_ready = true;
}

/* Do what the barrier's state machine says until it has to wait. */
static void
drive(struct engines *set)
{
	static const struct cs_engine none;	/* no engines: the barrier only */

	for (;;) {
		size_t at = 0;
		enum sync_do what = sync_next(&set->sync, &at);
		const struct cs_engine *engine = set->count > 0 ? set->host[at].engine : &none;
		void *instance = set->host[at].instance;

		switch (what) {
		case SYNC_DO_NOTHING:
			return;
		case SYNC_DO_INIT:
			if (engine->sync_init != NULL)
				engine->sync_init(instance, &set->transitional_config,
				    &set->regular_config);
			break;
		case SYNC_DO_PROCESS:
			sync_processed(&set->sync, at, engine->sync_process == NULL ? 0
			    : engine->sync_process(instance));
			break;
		case SYNC_DO_SEND:
			sync_sent(&set->sync, barrier_send(set));
			break;
		case SYNC_DO_ACTIVATE:
			if (engine->sync_activate != NULL)
				engine->sync_activate(instance);
			break;
		case SYNC_DO_ABORT:
			if (engine->sync_abort != NULL)
				engine->sync_abort(instance);
			break;
		case SYNC_DO_OPEN:
			activated(set);
			break;
		}
	}
}

static void
convert(const struct totem_configuration *from, enum cs_config_kind kind,
    struct cs_member member[TOTEM_NODES_MAX], struct cs_configuration *ret)
{
	cs_assert(from->member_count <= TOTEM_NODES_MAX);
	for (size_t i = 0; i < from->member_count; i++)
		member[i] = (struct cs_member) { from->members[i].node_id,
			from->members[i].incarnation };
	ret->kind = kind;
	ret->ring = (struct cs_ring_id) { from->ring.rep, from->ring.seq, from->ring.nonce };
	ret->members = member;
	ret->member_count = from->member_count;
}

static void
tell(struct engines *set, const struct cs_configuration *configuration)
{
	for (size_t i = 0; i < set->count; i++)
		set->host[i].engine->confchg(set->host[i].instance, configuration);
}

void
engines_quiet(struct engines *set, bool quiet)
{
	set->quiet = quiet;
}

void
engines_configuration(struct engines *set, const struct totem_configuration *config)
{
	set->open_wanted = false;
	hold(set, true);
	if (config->kind == TOTEM_TRANSITIONAL) {
		sync_transitional(&set->sync);
		drive(set);
		convert(config, CS_CONFIG_TRANSITIONAL, set->transitional,
		    &set->transitional_config);
		tell(set, &set->transitional_config);
		return;
	}
	if (set->transitional_config.member_count == 0) {
		/* The first ring of all: we come from nowhere, with nobody. */
		set->transitional_config.kind = CS_CONFIG_TRANSITIONAL;
		set->transitional_config.members = set->transitional;
	}
	convert(config, CS_CONFIG_REGULAR, set->regular, &set->regular_config);
	tell(set, &set->regular_config);
	sync_regular(&set->sync, &config->ring, config->members, config->member_count);
	drive(set);
	set->transitional_config.member_count = 0;
}

static void
barrier_delivered(struct engines *set, const struct totem_output *output)
{
	uint16_t service = 0;
	enum sync_note note = sync_deliver(&set->sync, output->origin,
	    output->data + ENGINES_HEAD_BYTES, output->len - ENGINES_HEAD_BYTES, &service);

	if (note == SYNC_NOTE_VERSION)
		engines_log(set, "SYNC", LOG_WARNING, "node %u runs another version of service %u"
		    " (or does not have it): both go on, but take the same version soon",
		    output->origin, service);
	else if (note == SYNC_NOTE_MALFORMED)
		engines_log(set, "SYNC", LOG_WARNING, "node %u sent a barrier that is no barrier",
		    output->origin);
	drive(set);
}

void
engines_deliver(struct engines *set, const struct totem_output *output)
{
	struct buf_reader in = buf_reader(output->data, output->len);
	uint16_t service = buf_get_u16(&in);

	(void) buf_get_u16(&in);	/* the engine's version; barriers report differences */
	if (!buf_reader_ok(&in))
		return;
	if (service == ENGINES_SYNC_SERVICE) {
		barrier_delivered(set, output);
		return;
	}
	for (size_t i = 0; i < set->count; i++)
		if (set->host[i].engine->service_id == service)
			set->host[i].engine->deliver(set->host[i].instance, output->origin,
			    output->origin_incarnation, in.at, in.left);
}

/* Records that were left for want of room: there is some again. */
static void
feed(struct engines *set)
{
	if (totem_app_room(set->config.totem) < TOTEM_APP_QUEUE_BYTES / 4)
		return;
	for (size_t i = 0; i < set->count; i++)
		if (set->host[i].starved) {
			set->host[i].starved = false;
			if (set->host[i].engine->room != NULL)
				set->host[i].engine->room(set->host[i].instance);
			ipc_server_kick(set->host[i].server);
		}
}

/* True: the core was given an input. */
static bool
brake(struct engines *set, uint64_t now_ns)
{
	if (set->brake_wanted == set->brake_set)
		return false;
	set->brake_set = set->brake_wanted;
	totem_brake(set->config.totem, now_ns, set->brake_set);
	return true;
}

bool
engines_look(struct engines *set, uint64_t now_ns)
{
	bool streams = false;

	for (size_t i = 0; i < set->count; i++)
		streams = ipc_server_look(set->host[i].server) || streams;
	(void) brake(set, now_ns);
	return streams;
}

bool
engines_turn(struct engines *set, uint64_t now_ns)
{
	bool input = false;

	if (set->open_wanted) {
		set->open_wanted = false;
		totem_app_open(set->config.totem, now_ns);
		for (size_t i = 0; i < set->count; i++)
			set->host[i].starved = true;	/* what came meanwhile waits */
		feed(set);
		input = true;
	}
	input = brake(set, now_ns) || input;
	sync_retry(&set->sync);
	drive(set);
	feed(set);
	return input;
}
