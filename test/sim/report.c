/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Sums and their table.
 */
#include <inttypes.h>
#include <stdio.h>

#include "test/sim/report.h"

static const char *const count_names[COUNT_COUNT] = {
	[COUNT_FRAMES] = "frames sent",
	[COUNT_LOST] = "frames lost",
	[COUNT_DUPLICATED] = "frames doubled",
	[COUNT_REORDERED] = "frames overtaken",
	[COUNT_CORRUPTED] = "frames damaged",
	[COUNT_CUT] = "frames cut off",
	[COUNT_OVERFLOWED] = "frames overflowed",
	[COUNT_REFUSED] = "ports found closed",
	[COUNT_REPLAYED] = "frames replayed",
	[COUNT_STRAGGLERS] = "lost frames come late",
	[COUNT_FORGED] = "impossible frames",
	[COUNT_GARBAGE] = "garbage frames",
	[COUNT_STARTS] = "processes started",
	[COUNT_SYNC] = "sync messages",
	[COUNT_APP] = "app messages",
	[COUNT_SAFE] = "SAFE messages",
	[COUNT_TINY] = "messages below 28 bytes",
	[COUNT_FRAGMENTED] = "fragmented messages",
	[COUNT_HUGE] = "messages of 200 KB and more",
	[COUNT_DELIVERED] = "deliveries",
	[COUNT_REGULAR] = "regular configurations",
	[COUNT_TRANSITIONAL] = "transitional ones",
	[COUNT_SHRUNK] = "transitional with losses",
	[COUNT_GAPS] = "transitional with gaps",
	[COUNT_SUSPECTED] = "suspicions",
	[COUNT_CONDEMNED] = "condemnations",
	[COUNT_LAST_WORDS] = "last words sent",
	[COUNT_RETRANSMIT] = "retransmissions",
	[COUNT_WRAPPED] = "rings that wrapped",
};

static void
report_sums(uint64_t *sum, const uint64_t *one, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum[i] += one[i];
}

void
report_add(struct sim_result *sum, const struct sim_result *one)
{
	sum->runs += one->runs;
	sum->simulated_ns += one->simulated_ns;
	sum->forever_runs += one->forever_runs;
	sum->wrap_runs += one->wrap_runs;
	sum->filtered_runs += one->filtered_runs;
	if (one->converge_ns > sum->converge_ns)
		sum->converge_ns = one->converge_ns;
	report_sums(sum->fault, one->fault, FAULT_COUNT);
	report_sums(sum->count, one->count, COUNT_COUNT);
	report_sums(sum->entered, one->entered, TOTEM_STATE_COUNT);
	report_sums(sum->entered_for, one->entered_for, TOTEM_CAUSE_COUNT);
	report_sums(sum->token_lost, one->token_lost, TOTEM_STATE_COUNT);
	report_sums(sum->dropped, one->dropped, TOTEM_DROP_COUNT);
	report_sums(sum->trial, one->trial, TRIAL_COUNT);
	for (int i = 0; i < TRIAL_COUNT; i++)
		if (one->trial_ns[i] > sum->trial_ns[i])
			sum->trial_ns[i] = one->trial_ns[i];
	report_sums(sum->app, one->app, SIM_APP_COUNTS);
}

static void
report_line(const char *title, const char *name, uint64_t value)
{
	(void) printf("  %-14s %-32s %12" PRIu64 "%s\n", title, name, value,
	    value == 0 ? "  (never)" : "");
}

void
report_print(const struct sim_result *sum)
{
	(void) printf("%" PRIu64 " runs, %" PRIu64 " simulated seconds; %" PRIu64
	    " with a cut for ever, %" PRIu64 " near a wrap, %" PRIu64 " without ICMP;"
	    " longest repair after the last fault %" PRIu64 " ms\n", sum->runs,
	    sum->simulated_ns / SEC_NS, sum->forever_runs, sum->wrap_runs, sum->filtered_runs,
	    sum->converge_ns / MS_NS);
	for (int i = 0; i < TOTEM_STATE_COUNT; i++)
		report_line("entered", totem_state_name((enum totem_state) i), sum->entered[i]);
	for (int i = 0; i < TOTEM_STATE_COUNT; i++)
		report_line("token lost in", totem_state_name((enum totem_state) i),
		    sum->token_lost[i]);
	for (int i = 0; i < TOTEM_CAUSE_COUNT; i++)
		report_line("cause", totem_cause_name((enum totem_cause) i), sum->entered_for[i]);
	for (int i = 0; i < FAULT_COUNT; i++)
		report_line("fault", fault_name((enum sim_fault) i), sum->fault[i]);
	/* An application sends messages of its own, and counts them itself. */
	for (int i = 0; i < COUNT_COUNT; i++)
		if (sum->count[COUNT_APP] > 0 || sum->count[i] > 0)
			report_line("count", count_names[i], sum->count[i]);
	for (int i = 0; i < TOTEM_DROP_COUNT; i++)
		report_line("dropped", totem_drop_name((enum totem_drop) i), sum->dropped[i]);
	for (int i = TRIAL_NONE + 1; i < TRIAL_COUNT; i++)
		(void) printf("  %-14s %-32s %12" PRIu64 "  longest %" PRIu64 " ms\n", "trial",
		    trial_name((enum sim_trial) i), sum->trial[i], sum->trial_ns[i] / MS_NS);
}
