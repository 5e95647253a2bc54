/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Says when the token is late, before it is lost: the sign of a busy machine or network.
 */
#ifndef CORE_TOKEN_WATCH_H
#define CORE_TOKEN_WATCH_H
#include <stdint.h>
#include <qb/qbloop.h>

#include "exec/totem/totem.h"

struct token_watch {
	qb_loop_t *loop;
	qb_loop_timer_handle timer;
	const struct totem *totem;	/* NULL: not begun */
	uint64_t late_ns;
	uint64_t said_token_ns;		/* the token before the delay that was told last */
};

/* How late the token is when that is worth a line, else 0. */
uint64_t token_watch_late_ns(struct token_watch *watch, uint64_t now_ns);
/* `late_ns` 0: never. */
void token_watch_begin(struct token_watch *watch, qb_loop_t *loop, const struct totem *totem,
    uint64_t late_ns);
void token_watch_end(struct token_watch *watch);
#endif
