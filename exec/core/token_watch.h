/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Says when the token is late, before it is lost: the sign of a busy machine or network.
 */
#ifndef CORE_TOKEN_WATCH_H
#define CORE_TOKEN_WATCH_H
#include <stdint.h>

#include "exec/totem/totem.h"

struct token_watch {
	const struct totem *totem;
	uint64_t late_ns;		/* 0: never tell */
	uint64_t said_token_ns;		/* the token before the delay that was told last */
};

/* How late the token is when that is worth a line, else 0. */
uint64_t token_watch_late_ns(struct token_watch *watch, uint64_t now_ns);
/* Whenever we are awake, which heartbeats see to, and have taken what came. */
void token_watch_look(struct token_watch *watch, uint64_t now_ns);
#endif
