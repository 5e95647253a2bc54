/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#ifndef CORE_SHELL_INTERNAL_H
#define CORE_SHELL_INTERNAL_H
#include "exec/core/shell.h"
#include "exec/core/token_watch.h"

#define SHELL_REFUSED_MAX	16u
#define SHELL_STRANGERS_MAX	16u
#define SHELL_STRANGER_COUNT	5u	/* so many frames, and it is believed */
#define SHELL_UNLISTED_MAX	16u
/* Between two looks at the node list: less than totem_hears() looks back; none is missed. */
#define SHELL_LOOK_NS		(UINT64_C(2) * 1000000000)
/* After so many it is told who was heard at each and in no ring with us, and that nobody was heard:
 * a ring that is slow to form should have by then. */
#define SHELL_LOOKS		11u
#define SHELL_NOTICES_MAX	64u	/* kinds and nodes whose lines are limited at a time */

struct shell_notice {
	enum totem_notice kind;
	uint32_t node;
	uint64_t last_ns;	/* 0: free */
	uint32_t suppressed_count;
};

/* A source whose frames name another version of the protocol. */
struct shell_stranger {
	struct net_address source;
	uint32_t count;		/* with nothing valid in between; 0: free */
};

/* Who sends to us and is not in our node list, or elsewhere in it. */
struct shell_unlisted {
	struct net_address source;
	uint64_t said_ns;	/* in the log; 0: free */
};

/* Our node list, and what becomes of its nodes. */
struct shell_listed {
	uint32_t node_id;
	bool member;		/* of our last ring */
	uint32_t outside_count;	/* looks in a row at which it was heard, and in no ring since */
};

struct shell {
	struct shell_config config;
	struct totem *totem;
	struct net *net;
	struct engines *engines;
	struct token_watch watch;
	int timer_fd;
	qb_loop_timer_handle alone_timer, storage_timer;	/* 0: none */
	uint64_t armed_ns;		/* when the timer will fire; UINT64_MAX: not set */
	uint64_t timer_calls, wakes;	/* system calls for time; times that the main loop called */
	bool streams;			/* clients send more than they wait for */
	uint64_t received_ns;		/* when we took datagrams the last time */
	bool draining, input_waits, send_pending;
	uint32_t refused[SHELL_REFUSED_MAX];	/* peers whose port is closed: to be told */
	size_t refused_count;
	const struct net_address *source;	/* of the datagram being handled */
	/* for the log */
	struct totem_member previous[TOTEM_NODES_MAX];	/* of the last regular configuration */
	size_t previous_count;
	struct totem_member moved[TOTEM_NODES_MAX];	/* of them, who moves with us */
	size_t moved_count;
	uint64_t anew_ns;		/* the last line about one more ring of us alone; 0: none */
	uint32_t anew_count;		/* of these rings, not told since the last line */
	struct shell_notice notices[SHELL_NOTICES_MAX];	/* said lately */
	struct shell_stranger strangers[SHELL_STRANGERS_MAX];
	size_t stranger_next;		/* the place for the next one */
	bool stranger_seen;		/* the datagram being handled named another version */
	struct shell_unlisted unlisted[SHELL_UNLISTED_MAX];
	struct shell_listed listed[TOTEM_NODES_MAX];	/* without ourselves */
	size_t listed_count;
	bool listed_heard;		/* any of them, ever */
	uint64_t look_ns;		/* when the next look at them is due */
	uint32_t look_count;
	uint64_t outside_ns;		/* the last line about who is outside; 0: none yet */
	uint64_t unlisted_ns;		/* the last line about any of them; 0: none yet */
	uint64_t unknown_sources;	/* rx_unknown_source of net, as far as it was looked at */
	uint64_t storage_wanted;	/* the ring number that is to be made durable */
	int storage_error;
};

/* shell_log.c */
/* True: a regular one, and it was told; else nothing more need be said about it. */
bool shell_log_configuration(struct shell *shell, const struct totem_configuration *config);
void shell_log_notice(struct shell *shell, const struct totem_output *output);
/* The datagram from shell->source was handled, its notices too. */
void shell_log_heard(struct shell *shell, enum totem_drop drop);
/* shell_lists.c: the node list, before the caller's is gone. */
void shell_lists_init(struct shell *shell, const struct totem_config *config);
void shell_lists_configuration(struct shell *shell, const struct totem_configuration *config);
/* We did not run for a while.  Meanwhile anything was possible, and to the core everybody counts as
 * heard: look from the beginning. */
void shell_lists_paused(struct shell *shell);
/* Each SHELL_LOOK_NS: which of the listed nodes are heard, and which of them are members? */
void shell_lists_turn(struct shell *shell);
/* The datagram from shell->source was handled; `sender` as totem_datagram() gave it, or 0. */
void shell_lists_look(struct shell *shell, enum totem_drop drop, uint32_t sender);
#endif
