/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The service engines of this daemon: found in one directory, loaded, given their clients and their
 * part of the ring's messages, and synchronised after each ring change.
 */
#ifndef CORE_ENGINES_H
#define CORE_ENGINES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <qb/qbloop.h>

#include "exec/net/net.h"
#include "exec/totem/totem.h"

struct config;
struct engines;

struct engines_config {
	qb_loop_t *loop;
	const struct config *config;	/* stays valid; names, backlog, who may connect */
	struct totem *totem;
	struct net *net;
	const char *directory;		/* every *.so in it is tried */
	const char *instance;		/* "" for the default one */
	struct net_address local;	/* ours, for cfg */
	bool (*authorised)(void *host, uid_t uid, gid_t gid);
	/* One line for the log, of that subsystem ("CPG"). */
	void (*log)(void *host, const char *subsystem, int priority, const char *text);
	/* The core was given an input from here: carry out its outputs when the turn is over. */
	void (*wake)(void *host);
	void (*turned)(void *host);	/* a turn of clients is over */
	/* An engine cannot go on: ends the daemon. */
	__attribute__((noreturn)) void (*fail)(void *host, const char *engine, const char *why);
	/* Engines synchronised for the first time: the daemon provides service. */
	void (*ready)(void *host);
	void *host;
};

/* 0 or -errno.  An engine that does not load is named in the log, the rest run; unless it was for
 * want of memory or descriptors, or another process has its socket (-EADDRINUSE). */
int engines_new(const struct engines_config *config, struct engines **ret_engines);
/* Closes all connections; returns NULL. */
struct engines *engines_free(struct engines *engines);
size_t engines_count(const struct engines *engines);

/* From the shell, while it drains the core's outputs. */
void engines_deliver(struct engines *engines, const struct totem_output *output);
/* The next configuration is not told in the log: nor is then what follows from it. */
void engines_quiet(struct engines *engines, bool quiet);
void engines_configuration(struct engines *engines, const struct totem_configuration *config);
/* After the outputs were drained: go on with what waited for room.  True: the core was given an
 * input, drain again. */
bool engines_turn(struct engines *engines, uint64_t now_ns);
/* Take what clients sent without ringing, and ask for the brake if some are too slow, before the
 * token is passed on: drain again.  True: some send without ringing. */
bool engines_look(struct engines *engines, uint64_t now_ns);
void engines_dump(struct engines *engines);	/* their state to the log */
/* System calls made for clients, and times that the main loop called because of them. */
void engines_calls(const struct engines *engines, uint64_t *ret_system_calls,
    uint64_t *ret_wakes);
bool engines_active(const struct engines *engines);
#endif
