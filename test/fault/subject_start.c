/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A daemon that starts: it comes to serve, or ends and says why.
 */
#include <stdlib.h>

#include <corosync/corotypes.h>

#include "test/fault/fault.h"

#define SERVE_MS	20000u
#define RELIEF_MS	300u
#define ALL		(1u << INJECT_ALLOC | 1u << INJECT_SEND | 1u << INJECT_WRITE | \
	1u << INJECT_FSYNC | 1u << INJECT_OPEN | 1u << INJECT_MMAP)

static void
begin(void)
{
	daemons_configure(1);
}

/* The daemon turned us away for what it has not. */
static bool
refused(int error)
{
	return error == CS_ERR_NO_MEMORY || error == CS_ERR_NO_RESOURCES;
}

/* A member, or NULL: the daemon ended.  When the fault lasts, it may refuse as long as it does. */
static struct program *
served(int *ret_status)
{
	uint64_t end_ms = fault_now_ms() + SERVE_MS, relief_ms = fault_now_ms() + RELIEF_MS;
	struct program *program;
	int error = 0;

	while (fault_now_ms() < end_ms) {
		if (daemon_ended(1, 2, ret_status))
			return NULL;
		program = program_join(1, "start", &error);
		if (program != NULL)
			return program;
		if (refused(error) && fault_now_ms() > relief_ms)
			fault_disarm(fault_daemon);
	}
	fault_fail("the daemon runs, and does not serve: error %d%s", error,
	    daemon_said(1, "does not start") || daemon_said(1, "is not loaded")
	    ? "; an engine is missing, and its log says so" : "");
}

static enum outcome
run(const struct fault *fault)
{
	uint64_t end_ms;
	struct program *program;
	int status;

	fault_arm(fault_daemon, fault);
	daemon_start(1, fault_daemon);
	program = served(&status);
	if (program == NULL) {
		daemon_end_judge(1, status);
		return OUTCOME_ENDED;
	}
	fault_step("sending");
	end_ms = fault_now_ms() + SERVE_MS;
	for (int sent = 0; sent < 5 && fault_now_ms() < end_ms;)
		sent += program_send(program, 5000);
	while (!program_has_all(program, program) && fault_now_ms() < end_ms)
		program_dispatch(program);
	if (!program_has_all(program, program))
		fault_fail("what was sent does not come back");
	program = program_end(program);
	daemon_stop(1);
	return daemon_said(1, "warning [") || daemon_said(1, "error   [") ||
	    daemon_said(1, "error [") ? OUTCOME_TOLD : OUTCOME_UNSEEN;
}

const struct subject subject_start = {
	.name = "start", .what = "a daemon that starts", .begin = begin, .run = run,
	.classes = ALL, .classes_always = ALL & ~(1u << INJECT_SEND | 1u << INJECT_ALLOC),
};
