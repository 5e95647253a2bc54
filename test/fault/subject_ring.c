/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A ring of three with the fault at the first node: "ring", while messages flow, a program comes
 * and goes, and the third node dies and comes back; "join", while it comes to the others.  What was
 * accepted is delivered at all that live, in one order; when the first node ends, the others go on.
 */
#include <signal.h>
#include <stdlib.h>

#include <corosync/corotypes.h>

#include "test/fault/fault.h"
#include "test/fault/visit.h"

#define NODES		3u
#define WAIT_MS		20000u
#define ROUND		12u

static struct program *member[NODES + 1u];

static bool
lives(unsigned int node)
{
	return member[node] != NULL && !program_gone(member[node]);
}

static unsigned int
living(void)
{
	unsigned int count = 0;

	for (unsigned int i = 1; i <= NODES; i++)
		count += lives(i);
	return count;
}

static void
dispatch_all(void)
{
	for (unsigned int i = 1; i <= NODES; i++)
		if (lives(i))
			program_dispatch(member[i]);
}

/* All that live see so many members as live. */
static bool
agreed_members(void)
{
	for (unsigned int i = 1; i <= NODES; i++)
		if (lives(i) && program_members(member[i]) != living())
			return false;
	return true;
}

static bool
agreed_messages(void)
{
	for (unsigned int i = 1; i <= NODES; i++)
		for (unsigned int k = 1; k <= NODES; k++)
			if (lives(i) && lives(k) && !program_has_all(member[i], member[k]))
				return false;
	return true;
}

/* The first node's daemon may end. */
static void
first_look(void)
{
	int status;

	if (!daemon_runs(1) || !daemon_ended(1, 0, &status))
		return;
	daemon_end_judge(1, status);
	member[1] = program_end(member[1]);
}

static void
until(const char *what, bool (*agreed)(void))
{
	uint64_t end_ms = fault_now_ms() + WAIT_MS;

	fault_step("waiting until all have the same %s", what);
	do {
		if (fault_now_ms() > end_ms)
			fault_fail("the %u that live do not come to the same %s", living(), what);
		dispatch_all();
		first_look();
	} while (!agreed());
}

static void
burst(void)
{
	uint64_t end_ms = fault_now_ms() + WAIT_MS;

	for (unsigned int n = 0; n < ROUND; n++) {
		for (unsigned int i = 1; i <= NODES; i++) {
			fault_step("sending at %u", i);
			while (lives(i) && !program_send(member[i], 100u << n % 8)) {
				if (fault_now_ms() > end_ms)
					fault_fail("node %u takes no message", i);
				dispatch_all();
				first_look();
			}
		}
		dispatch_all();
	}
	until("messages", agreed_messages);
}

static void
come(unsigned int node)
{
	uint64_t end_ms = fault_now_ms() + WAIT_MS;
	int error = 0, status;

	while (!lives(node)) {
		member[node] = program_end(member[node]);
		if (!daemon_runs(node))
			daemon_start(node, node == 1 ? fault_daemon : NULL);
		member[node] = program_join(node, "ring", &error);
		if (daemon_runs(node) && daemon_ended(node, 0, &status))
			fault_fail("node %u ended with wait status 0x%x", node,
			    (unsigned int) status);
		if (fault_now_ms() > end_ms)
			fault_fail("node %u does not serve: error %d", node, error);
		dispatch_all();
	}
}

static void
settle(void)
{
	for (unsigned int i = 1; i <= NODES; i++)
		come(i);
	until("members", agreed_members);
	/* What newcomers are to get next is known when they got one of each. */
	burst();
	for (unsigned int i = 1; i <= NODES; i++)
		program_mark(member[i]);
}

static void
begin(void)
{
	daemons_configure(NODES);
	for (unsigned int i = 1; i <= NODES; i++)
		daemon_start(i, i == 1 ? fault_daemon : NULL);
	settle();
}

static void
mark_all(void)
{
	for (unsigned int i = 1; i <= NODES; i++)
		if (member[i] != NULL)
			program_mark(member[i]);
}

/* The third node dies and comes back. */
static void
die_and_come(void)
{
	int status;

	daemon_signal(3, SIGKILL);
	(void) daemon_ended(3, 5000, &status);
	member[3] = program_end(member[3]);
	until("members", agreed_members);
	burst();
	if (lives(1) && lives(2))
		program_compare(member[1], member[2]);
	come(3);
	until("members", agreed_members);
	mark_all();
	burst();
}

static enum outcome
run(const struct fault *fault)
{
	bool told = false, ended;

	daemon_log_mark(1);
	fault_arm(fault_daemon, fault);
	burst();
	if (daemon_runs(1) && !visit(1, &told))
		member[1] = program_end(member[1]);
	first_look();
	until("members", agreed_members);
	die_and_come();
	fault_disarm(fault_daemon);
	first_look();
	if (lives(2) && lives(3))
		program_compare(member[2], member[3]);
	else
		fault_fail("a node without faults was sent away");
	if (lives(1))
		program_compare(member[1], member[2]);
	ended = !daemon_runs(1);
	if (!ended && !lives(1) && !daemon_says(1, "disconnecting client"))
		fault_fail("the first program was sent away, and the log does not say why");
	told |= !lives(1);
	settle();
	return ended ? OUTCOME_ENDED : told ? OUTCOME_TOLD : OUTCOME_UNSEEN;
}

static void
join_begin(void)
{
	daemons_configure(NODES);
	come(2);
	come(3);
	until("members", agreed_members);
}

/* The first node is a member, or it has ended and said why. */
static bool
first_comes(void)
{
	uint64_t end_ms = fault_now_ms() + WAIT_MS;
	int error = 0, status;

	while (member[1] == NULL) {
		if (daemon_ended(1, 2, &status)) {
			daemon_end_judge(1, status);
			return false;
		}
		if (fault_now_ms() > end_ms)
			fault_fail("node 1 does not serve: error %d", error);
		member[1] = program_join(1, "ring", &error);
		dispatch_all();
	}
	return true;
}

static enum outcome
join_run(const struct fault *fault)
{
	bool came, told;

	fault_arm(fault_daemon, fault);
	daemon_start(1, fault_daemon);
	came = first_comes();
	until("members", agreed_members);
	mark_all();
	burst();
	fault_disarm(fault_daemon);
	first_look();
	if (!lives(2) || !lives(3))
		fault_fail("a node without faults was sent away");
	program_compare(member[2], member[3]);
	if (lives(1))
		program_compare(member[1], member[2]);
	came = came && daemon_runs(1);
	told = came && !lives(1);
	if (told && !daemon_says(1, "disconnecting client"))
		fault_fail("the first program was sent away, and the log does not say why");
	member[1] = program_end(member[1]);
	daemon_stop(1);
	until("members", agreed_members);
	return !came ? OUTCOME_ENDED : told ? OUTCOME_TOLD : OUTCOME_UNSEEN;
}

const struct subject subject_join = {
	.name = "join", .what = "a node that comes to a ring", .begin = join_begin, .run = join_run,
	.classes = 1u << INJECT_ALLOC | 1u << INJECT_SEND | 1u << INJECT_WRITE |
	    1u << INJECT_FSYNC | 1u << INJECT_OPEN | 1u << INJECT_MMAP,
	.classes_burst = 1u << INJECT_SEND,
	.classes_always = 1u << INJECT_WRITE | 1u << INJECT_FSYNC,
};

const struct subject subject_ring = {
	.name = "ring", .what = "a ring of three", .begin = begin, .run = run,
	.classes = 1u << INJECT_ALLOC | 1u << INJECT_SEND | 1u << INJECT_WRITE |
	    1u << INJECT_FSYNC | 1u << INJECT_OPEN | 1u << INJECT_MMAP,
	.classes_burst = 1u << INJECT_ALLOC | 1u << INJECT_SEND | 1u << INJECT_OPEN,
	.classes_always = 1u << INJECT_WRITE | 1u << INJECT_FSYNC,
};
