/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The bank: after healing, replicas that are together have equal books; every transaction in them
 * was asked for, as it stands there, once; what a customer was told is done is in them, as long as
 * one that had it then lives; what was refused is in none; a balance is the sum of what is there,
 * and only a merge of different books may leave it below zero (examples/savings/MERGING.md).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "test/sim/cpg/cpg.h"

static const struct ledger_entry *
savings_entry(const struct ledger_replica *replica, const struct ledger_order *order,
    size_t *ret_count)
{
	const struct ledger_entry *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < replica->entry_count; i++) {
		const struct ledger_entry *entry = &replica->entry[i];

		if (entry->node != order->node || entry->incarnation != order->incarnation ||
		    entry->number != order->number)
			continue;
		found = entry;
		++*ret_count;
	}
	return found;
}

/* Does anybody live, together with this replica, who had it when the customer was told? */
static bool
savings_held(const struct sim *sim, const struct ledger_replica *here,
    const struct ledger_order *order)
{
	const struct ledger *ledger = &cpg_of(sim)->ledger;

	for (size_t i = 0; i < ledger->replica_count; i++)
		if ((!sim->forever || here == &ledger->replica[i]) && ledger->replica[i].alive &&
		    ledger->replica[i].members > 0 && (order->holders[i / 64] >> (i % 64) & 1) != 0)
			return true;
	return false;
}

static void
savings_order(struct sim *sim, const struct ledger_replica *replica,
    const struct ledger_order *order, size_t *inout_known)
{
	size_t count;
	const struct ledger_entry *entry = savings_entry(replica, order, &count);
	bool refused = order->result == LEDGER_REFUSED || order->result == LEDGER_NOTHING;
	const char *wrong = NULL;

	*inout_known += count;
	if (count > 1)
		wrong = "is in the books more than once";
	else if (count == 1 && refused)
		wrong = "was refused and is in the books";
	else if (count == 1 && (entry->cents != order->cents || entry->account != order->account))
		wrong = "is in the books with another amount or account";
	else if (count == 0 && order->result == LEDGER_DONE &&
	    savings_held(sim, replica, order))
		wrong = "was done and is not in the books";
	if (wrong != NULL)
		judge_fail(sim, C13_SAVINGS, "order %" PRIu64 " of replica %" PRIu32 ".%" PRIx64
		    " (%" PRId64 " cents, account %" PRIu32 ") %s of replica %" PRIu32 ":%" PRIu32,
		    order->number, order->node, order->incarnation, order->cents, order->account,
		    wrong, replica->node, replica->pid);
}

static void
savings_replica(struct sim *sim, const struct ledger_replica *replica)
{
	const struct ledger *ledger = &cpg_of(sim)->ledger;
	int64_t sum[LEDGER_ACCOUNTS] = { 0 };
	size_t known = 0;

	for (size_t i = 0; i < ledger->order_count; i++)
		savings_order(sim, replica, &ledger->order[i], &known);
	if (known != replica->entry_count)
		judge_fail(sim, C13_SAVINGS, "%zu of %zu transactions of replica %" PRIu32 ":%"
		    PRIu32 " were never asked for", replica->entry_count - known,
		    replica->entry_count, replica->node, replica->pid);
	for (size_t i = 0; i < replica->entry_count; i++)
		sum[replica->entry[i].account] += replica->entry[i].cents;
	for (uint32_t i = 0; i < LEDGER_ACCOUNTS; i++) {
		if (sum[i] != replica->balance[i])
			judge_fail(sim, C13_SAVINGS, "replica %" PRIu32 ":%" PRIu32 " says %"
			    PRId64 " cents are in account %" PRIu32 ", its transactions say %"
			    PRId64, replica->node, replica->pid, replica->balance[i], i, sum[i]);
		if (sum[i] < 0)
			cpg_counted(sim, CPG_COUNT_OVERDRAWN);
		if (sum[i] < 0 && ledger->merged == 0)
			judge_fail(sim, C13_SAVINGS, "account %" PRIu32 " is overdrawn, and books"
			    " never differed", i);
	}
}

static void
savings_final(struct sim *sim)
{
	const struct ledger *ledger = &cpg_of(sim)->ledger;
	const struct ledger_replica *first = NULL;

	for (size_t i = 0; i < ledger->replica_count; i++) {
		const struct ledger_replica *replica = &ledger->replica[i];

		if (!replica->alive || replica->members == 0)
			continue;
		savings_replica(sim, replica);
		if (sim->forever)
			continue;	/* not all are together */
		if (first != NULL && replica->digest != first->digest)
			judge_fail(sim, C13_SAVINGS, "replicas %" PRIu32 ":%" PRIu32 " and %"
			    PRIu32 ":%" PRIu32 " have different books", first->node, first->pid,
			    replica->node, replica->pid);
		first = replica;
	}
}

const struct cpg_checker check_savings = {
	.property = C13_SAVINGS, .name = "savings", .final = savings_final,
};
