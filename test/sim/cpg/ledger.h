/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the bank's customers were told, and what the replicas' books hold at the end; and the little
 * that a simulated process asks of the simulation.  Apart from cpg.h, because the savings program
 * and the simulator have names in common.
 */
#ifndef SIM_CPG_LEDGER_H
#define SIM_CPG_LEDGER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_REPLICAS_MAX	160u	/* lives of replicas in a run */
#define LEDGER_WORDS		((LEDGER_REPLICAS_MAX + 63u) / 64u)
#define LEDGER_ACCOUNTS		4u

enum ledger_result { LEDGER_OPEN, LEDGER_DONE, LEDGER_REFUSED, LEDGER_NOTHING, LEDGER_UNKNOWN };

struct ledger_order {		/* one deposit or withdrawal that was asked for */
	uint32_t replica;
	uint64_t incarnation, number;	/* its id, with the replica's node */
	uint32_t node, account;
	int64_t cents;
	enum ledger_result result;
	uint64_t holders[LEDGER_WORDS];	/* replicas that had it when it was done */
};

struct ledger_entry {		/* one transaction in a replica's books */
	uint32_t node;
	uint64_t incarnation, number;
	uint32_t account;
	int64_t cents;
};

struct ledger_replica {
	uint32_t node, pid;
	bool alive;		/* the process, and so its books */
	bool settled;
	uint32_t members;	/* of its view; 0: it has no executive */
	uint64_t digest;
	const void *books;	/* its struct replica, while it lives */
	int64_t balance[LEDGER_ACCOUNTS];
	struct ledger_entry *entry;	/* at the end */
	size_t entry_count, entry_room;
};

struct ledger {
	struct ledger_order *order;
	size_t order_count, order_room;
	struct ledger_replica replica[LEDGER_REPLICAS_MAX];
	size_t replica_count;
	size_t merged;		/* reconciliations that found different books */
	bool closed;		/* the end: the books were written down */
};

struct client;
struct sim;

/* program.c: for whoever plays a process */
struct ledger *program_ledger(struct client *client);
void program_sleep(struct client *client, uint64_t span_ns);
uint64_t program_random(struct client *client, uint64_t below);
uint64_t program_now_ns(struct client *client);
uint32_t program_pid(struct client *client);
uint32_t program_node(struct client *client);
bool program_killed(struct client *client);	/* the process has died */
bool program_closing(struct client *client);	/* no new work any more */
bool program_ending(struct client *client);	/* the run is over */
void program_reborn(struct client *client);	/* a new process, with a new pid */
void program_note(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum teller_count { TELLER_ORDER, TELLER_DONE, TELLER_SHORT, TELLER_UNKNOWN, TELLER_ROUND,
	TELLER_MERGED };
void program_teller_count(struct client *client, enum teller_count what);
#endif
