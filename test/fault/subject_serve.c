/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A ring of one that serves: a resident program, one that comes and goes, events that pile up
 * because nobody reads them, and the administrator's signals.
 */
#include <signal.h>
#include <stdlib.h>

#include <corosync/corotypes.h>

#include "test/fault/fault.h"
#include "test/fault/visit.h"

#define WAIT_MS		20000u
#define PILE_BYTES	60000u
#define PILE_COUNT	90u		/* more than an event ring holds */

static struct program *resident;
static unsigned int descriptors;	/* of the daemon, with the resident alone */

static void
settle(void)
{
	int error, status;

	if (!daemon_runs(1))
		daemon_start(1, fault_daemon);
	if (resident != NULL && program_gone(resident))
		resident = program_end(resident);
	for (uint64_t end_ms = fault_now_ms() + WAIT_MS; resident == NULL;) {
		resident = program_join(1, "resident", &error);
		if (daemon_ended(1, 0, &status))
			fault_fail("the daemon ended with wait status 0x%x",
			    (unsigned int) status);
		if (resident == NULL && fault_now_ms() > end_ms)
			fault_fail("the daemon does not serve: error %d", error);
	}
}

static void
begin(void)
{
	daemons_configure(1);
	settle();
	descriptors = daemon_descriptors(1);
}

/* The resident sends and does not read; then it does. */
static void
pile(void)
{
	uint64_t end_ms = fault_now_ms() + WAIT_MS;
	unsigned int sent = 0, refused = 0;

	fault_step("sending more than is read");
	while (sent < PILE_COUNT && refused < 300 && !program_gone(resident)) {
		if (program_send(resident, PILE_BYTES)) {
			sent++;
		} else {
			refused++;
			fault_sleep_ms(1);
		}
	}
	fault_step("reading it");
	while (!program_gone(resident) && !program_has_all(resident, resident)) {
		if (fault_now_ms() > end_ms)
			fault_fail("accepted up to %u, and not all of it delivered",
			    program_accepted(resident));
		program_dispatch(resident);
	}
	program_mark(resident);
}

static void
descriptors_check(void)
{
	uint64_t end_ms = fault_now_ms() + 2000;

	fault_step("counting descriptors");
	while (daemon_descriptors(1) != descriptors) {
		if (fault_now_ms() > end_ms)
			fault_fail("the daemon has %u descriptors, it had %u",
			    daemon_descriptors(1), descriptors);
		fault_sleep_ms(2);
	}
}

static enum outcome
run(const struct fault *fault)
{
	bool told = false, lives;
	int status;

	daemon_log_mark(1);
	fault_arm(fault_daemon, fault);
	lives = visit(1, &told);
	if (lives)
		pile();
	daemon_signal(1, SIGHUP);
	daemon_signal(1, SIGUSR2);
	lives = lives && visit(1, &told);
	fault_disarm(fault_daemon);
	if (daemon_runs(1) && daemon_ended(1, 5, &status)) {
		daemon_end_judge(1, status);
		lives = false;
	}
	if (lives && program_gone(resident) && !daemon_says(1, "disconnecting client"))
		fault_fail("the resident was sent away, and the log does not say why");
	told |= program_gone(resident);
	if (!lives)
		resident = program_end(resident);
	settle();
	descriptors_check();
	return !lives ? OUTCOME_ENDED : told || daemon_said(1, "warning [") ||
	    daemon_said(1, "error   [") || daemon_said(1, "error [") ? OUTCOME_TOLD
	    : OUTCOME_UNSEEN;
}

const struct subject subject_serve = {
	.name = "serve", .what = "a ring of one", .begin = begin, .run = run,
	.classes = 1u << INJECT_ALLOC | 1u << INJECT_SEND | 1u << INJECT_OPEN | 1u << INJECT_MMAP,
	.classes_burst = 1u << INJECT_ALLOC | 1u << INJECT_SEND | 1u << INJECT_OPEN,
};
