/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The shell round the ring core: carries out the core's outputs in order, feeds it datagrams, time
 * and evidence from the main loop, and says in the log what happened to the membership.
 */
#ifndef CORE_SHELL_H
#define CORE_SHELL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <qb/qbloop.h>

#include "exec/net/net.h"
#include "exec/totem/totem.h"

#define SHELL_STORAGE_SLOW_NS	(UINT64_C(2) * 1000000000)

struct engines;
struct shell;
struct state;

struct shell_config {
	qb_loop_t *loop;
	struct totem_config totem;	/* complete; its peers are copied */
	struct net_config net;		/* peers whose address is known; copied */
	struct state *state;		/* reservations go there; stays the caller's */
	struct last_words *words;	/* or NULL; stays the caller's */
	uint64_t late_warning_ns;	/* so late: "was not scheduled"; 0.8 of the token timeout */
	uint64_t token_late_ns;		/* a token so late is told in the log; 0: never */
	void (*log)(void *host, const char *subsystem, int priority, const char *text);
	/* Reserved ring numbers could not be made durable, or can again (error 0); -EINPROGRESS:
	 * the disk has not answered for SHELL_STORAGE_SLOW_NS. */
	void (*storage)(void *host, int error);
	void *host;
};

/* 0 or -errno (those of net_new(): -EADDRNOTAVAIL, -EADDRINUSE, …).  Does not start the ring. */
int shell_new(const struct shell_config *config, struct shell **ret_shell);
/* Who gets messages and configurations.  Before shell_start(). */
void shell_engines_set(struct shell *shell, struct engines *engines);
/* Begin to form a ring. */
void shell_start(struct shell *shell);
/* Say good-bye to the others, now; the loop may be stopped afterwards. */
void shell_leave(struct shell *shell);
/* Accepts NULL; returns NULL. */
struct shell *shell_free(struct shell *shell);

struct totem *shell_totem(struct shell *shell);
struct net *shell_net(struct shell *shell);
uint64_t shell_now_ns(void);		/* monotonic */
/* The core was given an input by a client: carry out what it wants when shell_turned() tells that
 * the clients had their turn, so that what they sent goes together. */
void shell_wake(struct shell *shell);
void shell_turned(struct shell *shell);
/* All counters to the log. */
void shell_dump(struct shell *shell);
/* A peer's name was resolved, or its address changed. */
int shell_peer_set(struct shell *shell, const struct net_peer *peer);
#endif
