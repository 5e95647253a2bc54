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
/* Between two looks at the peers: less than totem_hears() looks back, so that none is missed. */
#define SHELL_LOOK_NS		UINT64_C(900000000)
#define SHELL_OUTSIDE_LOOKS	10u	/* heard and in no ring with us so often: it is told */
#define SHELL_UNHEARD_LOOKS	14u	/* after so many it is told that nobody was heard */
#define SHELL_NOTICES_MAX	64u	/* kinds and nodes whose lines are limited at a time */

struct shell_notice {
	enum totem_notice kind;
	uint32_t node;
	struct net_address source;	/* where one line for each is wanted */
	uint64_t last_ns;	/* 0: free */
	uint32_t suppressed_count;
};

/* Rings of this node alone, one after the other. */
struct shell_anew {
	uint64_t since_ns;	/* the time in which they are counted; 0: none yet */
	uint32_t told_count;
	uint32_t suppressed_count;	/* since the last line */
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
	uint64_t heard_ns;	/* the last look at which it was; 0: never */
	uint32_t outside_count;	/* looks in a row at which it was heard lately, and no member */
	bool told;		/* that it is outside, and it is still */
};

struct shell {
	struct shell_config config;
	struct totem *totem;
	struct net *net;
	struct engines *engines;
	struct token_watch watch;
	int timer_fd;
	qb_loop_timer_handle alone_timer, storage_timer, lists_timer;	/* 0: none */
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
	struct shell_anew anew;
	struct shell_notice notices[SHELL_NOTICES_MAX];	/* said lately */
	uint64_t doubled_ns;		/* the last of them with an address; 0: none yet */
	struct shell_stranger strangers[SHELL_STRANGERS_MAX];
	size_t stranger_next;		/* the place for the next one */
	bool stranger_seen;		/* the datagram being handled named another version */
	struct shell_unlisted unlisted[SHELL_UNLISTED_MAX];
	struct shell_listed listed[TOTEM_NODES_MAX];	/* without ourselves */
	size_t listed_count;
	bool listed_heard;		/* any of them, ever */
	uint32_t look_count;		/* at them */
	uint64_t outside_ns;		/* the last line about those outside; 0: none yet */
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
/* Each SHELL_LOOK_NS: which of the listed nodes are heard, and which of them are members? */
void shell_lists_turn(struct shell *shell, bool (*hears)(struct shell *shell, uint32_t node_id),
    const struct totem_member *members, size_t member_count);
/* It is heard all the time, and is no member. */
bool shell_lists_outside(const struct shell *shell, uint32_t node_id);
/* The datagram from shell->source was handled; `sender` as totem_datagram() gave it, or 0. */
void shell_lists_look(struct shell *shell, enum totem_drop drop, uint32_t sender);
#endif
