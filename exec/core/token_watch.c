/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <inttypes.h>

#include "exec/core/log.h"
#include "exec/core/token_watch.h"

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

void
token_watch_look(struct token_watch *watch, uint64_t now_ns)
{
	uint64_t late_ns = watch->late_ns == 0 ? 0 : token_watch_late_ns(watch, now_ns);

	if (late_ns != 0)
		log_line(LOG_SUBSYS_TOTEM, LOG_WARNING, "Token has not been received in %" PRIu64
		    " ms", late_ns / 1000000);
}
