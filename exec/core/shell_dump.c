/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The ring's and the network's counters as log lines, for SIGUSR2.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "exec/core/engines.h"
#include "exec/core/shell_internal.h"

#define LINE_BYTES	512u

static void __attribute__((format(printf, 3, 4)))
say(struct shell *shell, const char *subsystem, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void) vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	shell->config.log(shell->config.host, subsystem, LOG_NOTICE, line);
}

static void
dump_ring(struct shell *shell)
{
	const struct totem_stats *s = totem_stats(shell->totem);
	struct totem_ring_id ring = totem_ring(shell->totem);
	size_t count;

	(void) totem_members(shell->totem, &count);
	say(shell, "TOTEM", "state %s, ring %" PRIu32 ".%" PRIx64 " of %zu members, rotation %.3f"
	    " ms, window %" PRIu32 " frames", totem_state_name(totem_state(shell->totem)),
	    ring.rep, ring.seq, count, (double) s->rotation_ns / 1e6, s->window_frames);
	say(shell, "TOTEM", "tokens sent %" PRIu64 " received %" PRIu64 " repeated %" PRIu64
	    "; data frames sent %" PRIu64 " received %" PRIu64 " repeated %" PRIu64, s->token_tx,
	    s->token_rx, s->token_retransmit_tx, s->data_tx, s->data_rx, s->data_retransmit_tx);
	say(shell, "TOTEM", "messages sent %" PRIu64 " (%" PRIu64 " bytes) delivered %" PRIu64
	    " (%" PRIu64 " bytes); pauses %" PRIu64, s->message_tx, s->message_bytes_tx,
	    s->message_rx, s->message_bytes_rx, s->pauses);
	for (enum totem_state state = 0; state < TOTEM_STATE_COUNT; state++)
		if (s->entered[state] > 0)
			say(shell, "TOTEM", "entered %s %" PRIu64 " times, token lost there %"
			    PRIu64 " times", totem_state_name(state), s->entered[state],
			    s->token_lost[state]);
	for (enum totem_drop drop = 0; drop < TOTEM_DROP_COUNT; drop++)
		if (s->dropped[drop] > 0)
			say(shell, "TOTEM", "dropped %s %" PRIu64, totem_drop_name(drop),
			    s->dropped[drop]);
}

static void
dump_net(struct shell *shell)
{
	const struct net_stats *s = net_stats(shell->net);

	say(shell, "NET", "datagrams sent %" PRIu64 " in %" PRIu64 " calls, received %" PRIu64
	    " in %" PRIu64 " calls; GSO %s, GRO %s", s->tx_datagrams, s->tx_calls,
	    s->rx_datagrams, s->rx_calls, s->gso ? "on" : "off", s->gro ? "on" : "off");
	say(shell, "NET", "not sent for want of buffers %" PRIu64 ", send errors %" PRIu64
	    ", from unknown addresses %" PRIu64 ", port-closed reports %" PRIu64
	    ", receive buffer %" PRIu32 " bytes", s->tx_dropped, s->tx_errors,
	    s->rx_unknown_source, s->refused, s->rcvbuf_bytes);
}

/* What costs a daemon most, so it is counted where it is done.  Waiting is the main loop's, which
 * does not tell: each wake stands for one wait, though one wait may bring several or nothing.  At
 * full load the sum is within a tenth of the kernel's count. */
static void
dump_calls(struct shell *shell)
{
	const struct net_stats *net = net_stats(shell->net);
	uint64_t clients = 0, wakes = 0, network = net->tx_calls + net->rx_calls;

	if (shell->engines != NULL)
		engines_calls(shell->engines, &clients, &wakes);
	wakes += shell->wakes;
	say(shell, "MAIN", "system calls %" PRIu64 ": network %" PRIu64 ", timer %" PRIu64
	    ", clients %" PRIu64 ", waiting %" PRIu64, network + shell->timer_calls + clients
	    + wakes, network, shell->timer_calls, clients, wakes);
}

void
shell_dump(struct shell *shell)
{
	dump_ring(shell);
	dump_net(shell);
	dump_calls(shell);
	if (shell->engines != NULL)
		engines_dump(shell->engines);
}
