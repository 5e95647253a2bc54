/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The libraries, in this process, with a daemon that is well: each call says what it met, leaves
 * nothing behind, and the handle can be finalised; what was accepted comes back, or the handle is
 * told to be dead.
 */
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <corosync/cfg.h>
#include <corosync/cpg.h>

#include "test/fault/fault.h"

#define LARGE_BYTES	1500000u
#define ANSWERS		4u
#define PARTS		24u		/* more than the library keeps on its stack */
#define WAIT_MS		10000u
#define TRIES_MAX	400

static unsigned int descriptors, maps;
static size_t heap_bytes;

static struct {
	uint32_t accepted, delivered;
	uint32_t answers;		/* to send in the next callback */
	bool member, told, broken;
} life;

static bool send_parts(cpg_handle_t handle, unsigned int parts, size_t len);

static void
on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
    void *message, size_t len)
{
	uint32_t number;

	(void) group;
	(void) node;
	(void) pid;
	if (len < sizeof number)
		fault_fail("a message of %zu bytes", len);
	memcpy(&number, message, sizeof number);
	if (number != life.delivered + 1)
		fault_fail("message %u came, %u was to come", number, life.delivered + 1);
	life.delivered = number;
	/* More than the ring holds behind the message that we are looking at. */
	for (; life.answers > 0; life.answers--)
		life.broken |= !send_parts(handle, 1, LARGE_BYTES);
	if (memcmp(message, &number, sizeof number) != 0)
		fault_fail("message %u was changed under the callback", number);
}

static void
on_config(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	(void) handle;
	(void) group;
	(void) members;
	(void) left;
	(void) left_count;
	(void) joined;
	(void) joined_count;
	life.member = member_count > 0;
}

/* True: it was done.  False: no, with an error that fits; this life is over. */
static bool
done(const char *call, cs_error_t error)
{
	if (error == CS_OK)
		return true;
	if (error != CS_ERR_LIBRARY && error != CS_ERR_TRY_AGAIN && error != CS_ERR_NO_MEMORY &&
	    error != CS_ERR_NO_RESOURCES)
		fault_fail("%s: error %d", call, (int) error);
	if (fault_own->fired == 0)
		fault_fail("%s: error %d without a fault", call, (int) error);
	life.told = true;
	return false;
}

static bool
send_parts(cpg_handle_t handle, unsigned int parts, size_t len)
{
	static uint8_t text[LARGE_BYTES];
	struct iovec iov[PARTS];
	uint32_t number = life.accepted + 1;
	cs_error_t error;
	int tries = 0;

	fault_step("sending %zu bytes in %u parts", len, parts);
	memcpy(text, &number, sizeof number);
	for (unsigned int i = 0; i < parts; i++)
		iov[i] = (struct iovec) { text + i * (len / parts), len / parts };
	/* Memory may be there again at the next call, and the handle is as good as before. */
	do
		error = cpg_mcast_joined(handle, CPG_TYPE_AGREED, iov, parts);
	while ((error == CS_ERR_TRY_AGAIN || (error == CS_ERR_NO_MEMORY &&
	    fault_own->fired > 0)) && ++tries < TRIES_MAX && poll(NULL, 0, 1) == 0);
	life.told |= error == CS_OK && tries > 0;
	life.accepted += error == CS_OK;
	return done("cpg_mcast_joined", error);
}

static bool
dispatch_until(cpg_handle_t handle, bool left)
{
	uint64_t end_ms = fault_now_ms() + WAIT_MS;

	fault_step("dispatching");
	while (left ? life.member : !life.member || life.delivered < life.accepted) {
		if (fault_now_ms() > end_ms)
			fault_fail("accepted %u, delivered %u, member %d", life.accepted,
			    life.delivered, life.member);
		if (!done("cpg_dispatch", cpg_dispatch(handle, CS_DISPATCH_ALL)))
			return false;
		(void) poll(NULL, 0, 1);
	}
	return true;
}

static bool
send_buffer(cpg_handle_t handle)
{
	uint32_t number = life.accepted + 1;
	cs_error_t error;
	void *buffer;

	fault_step("sending a lent buffer");
	if (!done("cpg_zcb_alloc", cpg_zcb_alloc(handle, 2000, &buffer)))
		return true;	/* nothing is lost with it */
	memcpy(buffer, &number, sizeof number);
	error = cpg_zcb_mcast_joined(handle, CPG_TYPE_AGREED, buffer, 2000);
	life.accepted += error == CS_OK;
	(void) cpg_zcb_free(handle, buffer);
	return done("cpg_zcb_mcast_joined", error);
}

static void
ask(cpg_handle_t handle, const struct cpg_name *name)
{
	struct cpg_iteration_description_t entry;
	struct cpg_address members[CPG_MEMBERS_MAX];
	cpg_iteration_handle_t iteration;
	corosync_cfg_node_t nodes[NODES_MAX];
	corosync_cfg_handle_t cfg;
	struct cpg_name copy = *name;
	size_t node_count;
	int count;

	fault_step("asking");
	(void) done("cpg_membership_get", cpg_membership_get(handle, &copy, members, &count));
	if (done("cpg_iteration_initialize", cpg_iteration_initialize(handle,
	    CPG_ITERATION_NAME_ONLY, NULL, &iteration))) {
		while (cpg_iteration_next(iteration, &entry) == CS_OK)
			;
		(void) cpg_iteration_finalize(iteration);
	}
	if (done("corosync_cfg_initialize", corosync_cfg_initialize(&cfg, NULL))) {
		(void) done("corosync_cfg_nodes_get", corosync_cfg_nodes_get(cfg, NULL,
		    NODES_MAX, &node_count, nodes));
		(void) corosync_cfg_finalize(cfg);
	}
}

static bool
live_on(cpg_handle_t handle)
{
	struct cpg_name name = { .length = 4, .value = "life" };

	if (!done("cpg_join", cpg_join(handle, &name)))
		return false;
	for (int i = 0; i < 3; i++)
		if (!send_parts(handle, 1, 300))
			return false;
	if (!send_parts(handle, PARTS, 4800) || !dispatch_until(handle, false) ||
	    !send_parts(handle, 1, LARGE_BYTES) || !send_buffer(handle) ||
	    !dispatch_until(handle, false))
		return false;
	life.answers = ANSWERS;
	if (!send_parts(handle, 1, 300) || !dispatch_until(handle, false) || life.broken)
		return false;
	ask(handle, &name);
	if (!send_parts(handle, 1, 300) || !dispatch_until(handle, false))
		return false;
	fault_step("leaving");
	return done("cpg_leave", cpg_leave(handle, &name)) && dispatch_until(handle, true);
}

/* True: to its end. */
static bool
live(void)
{
	cpg_callbacks_t callbacks = { .cpg_deliver_fn = on_deliver, .cpg_confchg_fn = on_config };
	cpg_handle_t handle;
	bool whole;

	life.accepted = life.delivered = life.answers = 0;
	life.member = life.broken = false;
	fault_step("initialising");
	if (!done("cpg_initialize", cpg_initialize(&handle, &callbacks)))
		return false;
	whole = live_on(handle);
	fault_step("finalising");
	if (cpg_finalize(handle) != CS_OK)
		fault_fail("cpg_finalize fails");
	return whole;
}

static void
begin(void)
{
	uint64_t end_ms = fault_now_ms() + WAIT_MS;
	cpg_handle_t handle;

	daemons_configure(1);
	daemon_start(1, NULL);
	daemon_choose(1);
	while (cpg_initialize(&handle, NULL) != CS_OK) {
		if (fault_now_ms() > end_ms)
			fault_fail("the daemon does not serve");
		fault_sleep_ms(5);
	}
	(void) cpg_finalize(handle);
	/* Twice: what the C library keeps for good is there then. */
	for (int i = 0; i < 2; i++)
		if (!live())
			fault_fail("no life without faults");
	descriptors = fault_entries("/proc/self/fd");
	maps = fault_entries("/proc/self/map_files");
	heap_bytes = mallinfo2().uordblks;
}

static enum outcome
run(const struct fault *fault)
{
	bool whole;

	life.told = false;
	fault_arm(fault_own, fault);
	whole = live();
	fault_disarm(fault_own);
	if (!whole && fault_own->fired == 0)
		fault_fail("no life without a fault");
	fault_step("counting what is left");
	if (mallinfo2().uordblks != heap_bytes)
		fault_fail("%zu bytes are in use, there were %zu", mallinfo2().uordblks,
		    heap_bytes);
	if (fault_entries("/proc/self/fd") != descriptors)
		fault_fail("%u descriptors, there were %u", fault_entries("/proc/self/fd"),
		    descriptors);
	if (fault_entries("/proc/self/map_files") != maps)
		fault_fail("%u mappings, there were %u", fault_entries("/proc/self/map_files"),
		    maps);
	/* After it all is as before. */
	if (!live())
		fault_fail("no life after the fault");
	return life.told ? OUTCOME_TOLD : OUTCOME_UNSEEN;
}

const struct subject subject_client = {
	.name = "client", .what = "the libraries", .begin = begin, .run = run,
	.classes = 1u << INJECT_ALLOC | 1u << INJECT_SEND | 1u << INJECT_OPEN | 1u << INJECT_MMAP,
};
