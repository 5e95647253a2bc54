/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <inttypes.h>
#include <string.h>

#include "exec/core/log.h"
#include "exec/core/shell.h"
#include "exec/core/token_watch.h"

#define LOOKS_COUNT	4u	/* so often within the time allowed */

uint64_t
token_watch_late_ns(struct token_watch *watch, uint64_t now_ns)
{
	uint64_t last_ns = totem_stats(watch->totem)->token_last_ns;
	size_t count;

	(void) totem_members(watch->totem, &count);
	/* Alone there is no token to wait for, and while a ring is formed there is none. */
	if (count < 2 || totem_state(watch->totem) != TOTEM_OPERATIONAL || last_ns == 0
	    || now_ns < last_ns + watch->late_ns || last_ns == watch->said_token_ns)
		return 0;
	watch->said_token_ns = last_ns;		/* once for each delay */
	return now_ns - last_ns;
}

static void look(void *data);

static void
timer_set(struct token_watch *watch)
{
	int r = qb_loop_timer_add(watch->loop, QB_LOOP_LOW, watch->late_ns / LOOKS_COUNT, watch,
	    look, &watch->timer);

	if (r < 0)
		log_line(LOG_SUBSYS_TOTEM, LOG_WARNING, "A late token will not be told: %s",
		    strerror(-r));
}

static void
look(void *data)
{
	struct token_watch *watch = data;
	uint64_t late_ns = token_watch_late_ns(watch, shell_now_ns());

	if (late_ns != 0)
		log_line(LOG_SUBSYS_TOTEM, LOG_WARNING, "Token has not been received in %" PRIu64
		    " ms", late_ns / 1000000);
	timer_set(watch);
}

void
token_watch_begin(struct token_watch *watch, qb_loop_t *loop, const struct totem *totem,
    uint64_t late_ns)
{
	*watch = (struct token_watch) { .loop = loop, .late_ns = late_ns };
	if (late_ns == 0)
		return;
	watch->totem = totem;
	timer_set(watch);
}

void
token_watch_end(struct token_watch *watch)
{
	if (watch->totem != NULL)
		(void) qb_loop_timer_del(watch->loop, watch->timer);
	watch->totem = NULL;
}
