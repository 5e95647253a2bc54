/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A member of a group.  Its messages carry its node and a number, and bytes that follow from them.
 * What each got is kept, so that two can be compared.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <corosync/cpg.h>

#include "test/fault/fault.h"

#define TRY_MS		20000u
#define KEPT_MAX	16384u
#define TEXT_BYTES_MAX	262144u

struct head {
	uint32_t node, number, len;
};

struct program {
	cpg_handle_t handle;
	int fd;
	unsigned int node, members;
	bool gone;
	uint32_t accepted;		/* the next number to send */
	uint32_t next[NODES_MAX + 1u];	/* to come of each node; 0: any */
	uint32_t kept_count;
	uint64_t kept[KEPT_MAX];
};

static void
name_set(struct cpg_name *name, const char *group)
{
	name->length = (uint32_t) strlen(group);
	memcpy(name->value, group, name->length);
}

static void
on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
    void *message, size_t len)
{
	struct program *program;
	struct head head;
	void *context;

	(void) group;
	(void) pid;
	(void) cpg_context_get(handle, &context);
	program = context;
	if (len < sizeof head)
		fault_fail("program %u got %zu bytes", program->node, len);
	memcpy(&head, message, sizeof head);
	if (head.node != node || head.len != len || node > NODES_MAX)
		fault_fail("program %u got a damaged message", program->node);
	for (size_t i = sizeof head; i < len; i += 509)
		if (((const uint8_t *) message)[i] != (uint8_t) (head.number + i))
			fault_fail("program %u got a message damaged at %zu", program->node, i);
	if (program->next[node] != 0 && head.number != program->next[node])
		fault_fail("program %u got %u of node %u, %u was to come", program->node,
		    head.number, node, program->next[node]);
	program->next[node] = head.number + 1;
	if (program->kept_count == KEPT_MAX)
		fault_fail("program %u got too much", program->node);
	program->kept[program->kept_count++] = (uint64_t) node << 32 | head.number;
}

static void
on_config(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	struct program *program;
	void *context;

	(void) group;
	(void) members;
	(void) left;
	(void) left_count;
	(void) cpg_context_get(handle, &context);
	program = context;
	program->members = (unsigned int) member_count;
	for (size_t i = 0; i < joined_count; i++)
		program->next[joined[i].nodeid] = 0;
}

struct program *
program_end(struct program *program)
{
	if (program == NULL)
		return NULL;
	(void) cpg_finalize(program->handle);
	free(program);
	return NULL;
}

/* What a daemon says that is not ready, or a fault in it: worth another try. */
static bool
again(cs_error_t error, uint64_t end_ms)
{
	if (error == CS_OK || fault_now_ms() >= end_ms)
		return false;
	fault_sleep_ms(2);
	return true;
}

static cs_error_t
open_and_join(struct program *program, const char *group, uint64_t end_ms)
{
	cpg_callbacks_t callbacks = { .cpg_deliver_fn = on_deliver, .cpg_confchg_fn = on_config };
	struct cpg_name name;
	cs_error_t error;

	daemon_choose(program->node);
	do
		error = cpg_initialize(&program->handle, &callbacks);
	while (again(error, end_ms) && error == CS_ERR_TRY_AGAIN);
	if (error != CS_OK)
		return error;
	(void) cpg_context_set(program->handle, program);
	(void) cpg_fd_get(program->handle, &program->fd);
	name_set(&name, group);
	do
		error = cpg_join(program->handle, &name);
	while (error == CS_ERR_TRY_AGAIN && again(error, end_ms));
	while (error == CS_OK && program->members == 0 && fault_now_ms() < end_ms) {
		program_dispatch(program);
		if (program->gone)
			error = CS_ERR_LIBRARY;
	}
	if (error == CS_OK && program->members == 0)
		fault_fail("program %u was told that it joined, and does not become a member",
		    program->node);
	if (error != CS_OK)
		(void) cpg_finalize(program->handle);
	return error;
}

struct program *
program_join(unsigned int node, const char *group, int *ret_error)
{
	struct program *program = calloc(1, sizeof *program);
	cs_error_t error = CS_ERR_NO_MEMORY;

	fault_step("joining %s at %u", group, node);
	if (program != NULL) {
		program->node = node;
		program->accepted = 1;
		error = open_and_join(program, group, fault_now_ms() + TRY_MS);
	}
	*ret_error = (int) error;
	if (error == CS_OK)
		return program;
	free(program);
	return NULL;
}

bool
program_gone(const struct program *program)
{
	return program->gone;
}

/* False: not now. */
bool
program_send(struct program *program, size_t len)
{
	static uint8_t text[TEXT_BYTES_MAX];
	struct head head = { program->node, program->accepted, (uint32_t) len };
	struct iovec iov = { .iov_base = text, .iov_len = len };
	cs_error_t error;

	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t) (head.number + i);
	memcpy(text, &head, sizeof head);
	error = cpg_mcast_joined(program->handle, CPG_TYPE_AGREED, &iov, 1);
	if (error == CS_OK)
		program->accepted++;
	else if (error == CS_ERR_LIBRARY)
		program->gone = true;
	else if (error != CS_ERR_TRY_AGAIN && error != CS_ERR_NO_MEMORY)
		fault_fail("program %u: cpg_mcast_joined: error %d", program->node, (int) error);
	return error == CS_OK;
}

void
program_dispatch(struct program *program)
{
	struct pollfd ready = { .fd = program->fd, .events = POLLIN };
	cs_error_t error;

	if (program->gone || poll(&ready, 1, 1) <= 0)
		return;
	error = cpg_dispatch(program->handle, CS_DISPATCH_ALL);
	if (error == CS_ERR_LIBRARY || error == CS_ERR_NO_MEMORY)
		program->gone = true;
	else if (error != CS_OK && error != CS_ERR_TRY_AGAIN)
		fault_fail("program %u: cpg_dispatch: error %d", program->node, (int) error);
}

unsigned int
program_members(const struct program *program)
{
	return program->members;
}

bool
program_has_all(const struct program *program, const struct program *sender)
{
	return program->next[sender->node] == sender->accepted ||
	    (program->next[sender->node] == 0 && sender->accepted == 1);
}

uint32_t
program_accepted(const struct program *program)
{
	return program->accepted;
}

void
program_compare(const struct program *a, const struct program *b)
{
	if (a->kept_count != b->kept_count)
		fault_fail("program %u got %u messages, program %u got %u", a->node,
		    a->kept_count, b->node, b->kept_count);
	for (uint32_t i = 0; i < a->kept_count; i++)
		if (a->kept[i] != b->kept[i])
			fault_fail("programs %u and %u differ in the order, at %u", a->node,
			    b->node, i);
}

void
program_mark(struct program *program)
{
	program->kept_count = 0;
}
