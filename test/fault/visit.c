/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Everything that a program may ask of a daemon, by one that comes and goes.  It comes again when a
 * call failed: a fault is a single one, so it is served in the end, if the daemon lives.
 */
#include <stdlib.h>
#include <string.h>

#include <corosync/cfg.h>
#include <corosync/cpg.h>

#include "test/fault/fault.h"
#include "test/fault/visit.h"

#define TRIES_MAX	(BURST + 8)
#define WAIT_MS		10000u

static void
must_fit(const char *call, cs_error_t error)
{
	if (error != CS_OK && error != CS_ERR_LIBRARY && error != CS_ERR_TRY_AGAIN &&
	    error != CS_ERR_NO_MEMORY && error != CS_ERR_NO_RESOURCES)
		fault_fail("%s: error %d", call, (int) error);
}

static cs_error_t
visit_cfg(void)
{
	corosync_cfg_node_t nodes[NODES_MAX];
	corosync_cfg_handle_t handle;
	size_t count;
	cs_error_t error;

	fault_step("asking cfg");
	error = corosync_cfg_initialize(&handle, NULL);
	must_fit("corosync_cfg_initialize", error);
	if (error != CS_OK)
		return error;
	error = corosync_cfg_nodes_get(handle, NULL, NODES_MAX, &count, nodes);
	must_fit("corosync_cfg_nodes_get", error);
	(void) corosync_cfg_finalize(handle);
	return error;
}

static cs_error_t
visit_lists(void)
{
	struct cpg_iteration_description_t entry;
	struct cpg_address members[CPG_MEMBERS_MAX];
	struct cpg_name name = { .length = 7, .value = "visitor" };
	cpg_iteration_handle_t iteration;
	cpg_handle_t handle;
	int count;
	cs_error_t error;

	fault_step("asking for lists");
	error = cpg_initialize(&handle, NULL);
	must_fit("cpg_initialize", error);
	if (error != CS_OK)
		return error;
	error = cpg_membership_get(handle, &name, members, &count);
	must_fit("cpg_membership_get", error);
	if (error == CS_OK)
		error = cpg_iteration_initialize(handle, CPG_ITERATION_ALL, NULL, &iteration);
	must_fit("cpg_iteration_initialize", error);
	if (error == CS_OK) {
		while (cpg_iteration_next(iteration, &entry) == CS_OK)
			;
		(void) cpg_iteration_finalize(iteration);
	}
	(void) cpg_finalize(handle);
	return error;
}

static cs_error_t
visit_group(unsigned int node)
{
	uint64_t end_ms = fault_now_ms() + WAIT_MS;
	struct program *program;
	int error, sent = 0;

	program = program_join(node, "visitor", &error);
	must_fit("joining", (cs_error_t) error);
	if (program == NULL)
		return (cs_error_t) error;
	fault_step("sending as a visitor");
	while ((sent < 3 || !program_has_all(program, program)) && !program_gone(program)) {
		if (fault_now_ms() > end_ms)
			fault_fail("a visitor's messages do not come back");
		sent += sent < 3 && program_send(program, 3000);
		program_dispatch(program);
	}
	error = program_gone(program) ? CS_ERR_LIBRARY : CS_OK;
	(void) program_end(program);
	return (cs_error_t) error;
}

bool
visit(unsigned int node, bool *ret_told)
{
	cs_error_t error = CS_ERR_TRY_AGAIN;
	int status;

	daemon_choose(node);
	for (unsigned int i = 0; i < TRIES_MAX && error != CS_OK; i++) {
		error = visit_cfg();
		if (error == CS_OK)
			error = visit_group(node);
		if (error == CS_OK)
			error = visit_lists();
		*ret_told |= error != CS_OK;
		if (error == CS_ERR_LIBRARY && daemon_ended(node, 100, &status)) {
			daemon_end_judge(node, status);
			return false;
		}
	}
	if (error != CS_OK)
		fault_fail("a visitor is not served after %u tries: error %d", TRIES_MAX,
		    (int) error);
	return true;
}
