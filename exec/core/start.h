/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Before the ring: find out which node we are and where the others are.  A name that does not
 * resolve yet, or an interface that is not up yet, is waited for, and said so every few seconds.
 * Peers whose names do not resolve yet do not hold us up; they are tried again for ever.
 */
#ifndef CORE_START_H
#define CORE_START_H
#include <stddef.h>
#include <qb/qbloop.h>

#include "exec/core/config.h"
#include "exec/core/local.h"
#include "exec/net/net.h"

struct start;

struct start_handlers {
	/* We know who we are: open the network.  0; -EADDRNOTAVAIL: not yet, try again soon; any
	 * other -errno ends the attempts.  Peers without an address have len 0. */
	int (*begin)(void *host, const struct local_found *local, const struct net_peer *peers,
	    size_t count);
	/* After begin: a peer's name resolved. */
	void (*resolved)(void *host, const struct net_peer *peer);
	/* Something must be waited for; called once. */
	void (*waiting)(void *host, const char *why);
	/* It can never be: -EINVAL is the configuration's fault, else begin's answer. */
	void (*failed)(void *host, int error, const char *why);
};

/* `config` and `handlers` stay valid.  The handlers are called from the loop.  0 or -errno. */
int start_new(qb_loop_t *loop, const struct config *config, const struct start_handlers *handlers,
    void *host, struct start **ret_start);
/* Accepts NULL; returns NULL. */
struct start *start_free(struct start *start);
#endif
