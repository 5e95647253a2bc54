/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Shared by engines.c (what the ring tells the engines) and host.c (what engines may ask for).
 */
#ifndef CORE_ENGINES_INTERNAL_H
#define CORE_ENGINES_INTERNAL_H
#include <corosync/engine/engine.h>

#include "exec/core/engines.h"
#include "exec/core/sync.h"
#include "exec/ipc/ipc.h"

#define ENGINES_HEAD_BYTES	4u	/* of a ring message: service id, engine version */
#define ENGINES_SYNC_SERVICE	0xffffu	/* the barrier's */
#define ENGINES_LINE_BYTES	1024u	/* of a log line */

struct cs_host {			/* one engine's view of the daemon */
	struct cs_host_head head;
	struct engines *set;
	const struct cs_engine *engine;
	void *instance;
	void *module;			/* of dlopen() */
	struct ipc_server *server;
	bool starved;			/* a record was left for want of room */
	bool congested;
	uint64_t denied_ns;		/* when the log last said that somebody was refused */
	unsigned int denied_count;	/* not said since */
};

struct engines {
	struct engines_config config;
	struct cs_host host[SYNC_ENGINES_MAX];	/* ascending service ids */
	size_t count;
	int fatal;			/* 0, or -errno: why we cannot run at all */
	struct sync sync;
	bool open_wanted;		/* all active: open the application queue */
	bool held;			/* clients wait for the synchronisation */
	bool was_ready;
	bool quiet;			/* this ring is not told in the log */
	unsigned int congested_count;
	bool brake_wanted, brake_set;
	struct cs_member transitional[TOTEM_NODES_MAX], regular[TOTEM_NODES_MAX];
	struct cs_configuration transitional_config, regular_config;
};

void engines_log(struct engines *set, const char *subsystem, int priority, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* host.c */
extern const struct cs_host_ops host_ops;
/* The IPC server of an engine; 0 or -errno. */
int host_serve(struct cs_host *host);
#endif
