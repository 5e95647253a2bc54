/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * libcpg: handles, joining and leaving, and what is asked of the daemon.  <corosync/cpg.h> says
 * what the functions do; what crosses to the engine is in <corosync/ipc/cpg_wire.h>.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cpg_private.h"

/* From so much on, in percent of the ring to the daemon, senders should wait. */
#define FLOW_CONTROL_FILL	50u

static void cpg_destroy(void *object);

static struct client_handles handles = { .destroy = cpg_destroy };

static void
cpg_destroy(void *object)
{
	struct cpg *cpg = object;

	cpg->client = client_close(cpg->client);
	cpg_partials_drop(cpg);
	while (!STAILQ_EMPTY(&cpg->own)) {
		struct cpg_own *own = STAILQ_FIRST(&cpg->own);

		STAILQ_REMOVE_HEAD(&cpg->own, link);
		free(own);
	}
	while (!LIST_EMPTY(&cpg->zcb)) {
		struct cpg_zcb *zcb = LIST_FIRST(&cpg->zcb);

		LIST_REMOVE(zcb, link);
		free(zcb);
	}
	(void) pthread_mutex_destroy(&cpg->lock);
	(void) pthread_mutex_destroy(&cpg->large_lock);
	(void) pthread_mutex_destroy(&cpg->join_lock);
	free(cpg);
}

cs_error_t
cpg_get(cpg_handle_t handle, struct cpg **ret_cpg)
{
	void *object;
	cs_error_t error = client_handle_get(&handles, handle, &object);

	if (error == CS_OK)
		*ret_cpg = object;
	return error;
}

void
cpg_put(cpg_handle_t handle)
{
	client_handle_put(&handles, handle);
}

bool
cpg_is_closed(cpg_handle_t handle)
{
	return client_handle_closed(&handles, handle);
}

cs_error_t
cpg_call(struct cpg *cpg, uint32_t function, const void *data, size_t len, void *reply,
    size_t reply_size)
{
	struct iovec iov = { .iov_base = (void *) (uintptr_t) data, .iov_len = len };
	struct cpg_wire_reply head;
	cs_error_t error;
	size_t got = 0;

	error = client_call(cpg->client, function, &iov, len > 0 ? 1 : 0, reply, reply_size, &got);
	if (error != CS_OK)
		return error;
	if (got < sizeof head)
		return CS_ERR_LIBRARY;
	memcpy(&head, reply, sizeof head);
	if (head.error == CS_OK && got != reply_size)
		return CS_ERR_LIBRARY;	/* not our engine */
	return (cs_error_t) head.error;
}

cs_error_t
cpg_name_check(const struct cpg_name *name, struct cpg_wire_name *ret_wire)
{
	if (name == NULL)
		return CS_ERR_INVALID_PARAM;
	if (name->length > CPG_MAX_NAME_LENGTH)
		return CS_ERR_NAME_TOO_LONG;
	*ret_wire = (struct cpg_wire_name) { .length = name->length };
	memcpy(ret_wire->value, name->value, name->length);
	return CS_OK;
}

static bool
joined_get(struct cpg *cpg)
{
	bool joined;

	(void) pthread_mutex_lock(&cpg->lock);
	joined = cpg->joined;
	(void) pthread_mutex_unlock(&cpg->lock);
	return joined;
}

bool
cpg_is_joined(struct cpg *cpg)
{
	if (joined_get(cpg))
		return true;
	/* The change that says that we joined may be called back in this thread while the one that
	 * joins has not got its reply: then we are members, and wait until it knows. */
	client_lock_reading(&cpg->join_lock);
	(void) pthread_mutex_unlock(&cpg->join_lock);
	return joined_get(cpg);
}

static void
joined_set(struct cpg *cpg, bool joined)
{
	(void) pthread_mutex_lock(&cpg->lock);
	cpg->joined = joined;
	(void) pthread_mutex_unlock(&cpg->lock);
}

/* --- handles ------------------------------------------------------------------------------- */

static cs_error_t
say_open(struct cpg *cpg)
{
	struct cpg_wire_open open = { 0 };
	struct cpg_wire_opened opened;
	cs_error_t error;

	if (cpg->model.cpg_totem_confchg_fn != NULL) {
		open.flags = CPG_WIRE_WANT_TOTEM;
		if ((cpg->model.flags & CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF) != 0)
			open.flags |= CPG_WIRE_WANT_INITIAL;
	}
	error = cpg_call(cpg, CPG_CALL_OPEN, &open, sizeof open, &opened, sizeof opened);
	if (error != CS_OK)
		return error;
	cpg->node_id = opened.node_id;
	cpg->pid = opened.pid;
	return CS_OK;
}

static cs_error_t
cpg_new(const cpg_model_v1_data_t *model, void *context, cpg_handle_t *ret_handle)
{
	struct cpg *cpg = calloc(1, sizeof *cpg);
	cs_error_t error;

	if (cpg == NULL)
		return CS_ERR_NO_MEMORY;
	cpg->model = *model;
	cpg->context = context;
	STAILQ_INIT(&cpg->own);
	LIST_INIT(&cpg->zcb);
	LIST_INIT(&cpg->partial);
	(void) pthread_mutex_init(&cpg->lock, NULL);
	(void) pthread_mutex_init(&cpg->large_lock, NULL);
	(void) pthread_mutex_init(&cpg->join_lock, NULL);
	error = client_open("cpg", /* data_rings= */ true, &cpg->client);
	if (error == CS_OK)
		error = say_open(cpg);
	if (error == CS_OK)
		error = client_handle_new(&handles, cpg, ret_handle);
	if (error != CS_OK)
		cpg_destroy(cpg);
	return error;
}

cs_error_t
cpg_model_initialize(cpg_handle_t *handle, cpg_model_t model, cpg_model_data_t *model_data,
    void *context)
{
	cpg_model_v1_data_t v1;

	if (handle == NULL || model_data == NULL || model != CPG_MODEL_V1)
		return CS_ERR_INVALID_PARAM;
	memcpy(&v1, model_data, sizeof v1);
	if ((v1.flags & ~(unsigned int) CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF) != 0)
		return CS_ERR_INVALID_PARAM;
	return cpg_new(&v1, context, handle);
}

cs_error_t
cpg_initialize(cpg_handle_t *handle, cpg_callbacks_t *callbacks)
{
	cpg_model_v1_data_t v1 = { .model = CPG_MODEL_V1 };

	if (handle == NULL)
		return CS_ERR_INVALID_PARAM;
	if (callbacks != NULL) {
		v1.cpg_deliver_fn = callbacks->cpg_deliver_fn;
		v1.cpg_confchg_fn = callbacks->cpg_confchg_fn;
	}
	return cpg_new(&v1, NULL, handle);
}

cs_error_t
cpg_finalize(cpg_handle_t handle)
{
	struct cpg_wire_reply reply;
	struct cpg *cpg;
	cs_error_t error = cpg_get(handle, &cpg);

	if (error != CS_OK)
		return error;
	error = client_handle_close(&handles, handle);
	if (error == CS_OK) {
		/* Asked, not just hung up: so the others see a leave and no death, and this process
		 * can join again with another handle at once. */
		if (cpg_is_joined(cpg))
			(void) cpg_call(cpg, CPG_CALL_FINALIZE, NULL, 0, &reply, sizeof reply);
		client_interrupt(cpg->client);
	}
	cpg_put(handle);
	return error;
}

cs_error_t
cpg_fd_get(cpg_handle_t handle, int *fd)
{
	struct cpg *cpg;
	cs_error_t error;

	if (fd == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cpg_get(handle, &cpg);
	if (error != CS_OK)
		return error;
	error = client_fd(cpg->client, fd);
	cpg_put(handle);
	return error;
}

cs_error_t
cpg_context_get(cpg_handle_t handle, void **context)
{
	struct cpg *cpg;
	cs_error_t error;

	if (context == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cpg_get(handle, &cpg);
	if (error != CS_OK)
		return error;
	(void) pthread_mutex_lock(&cpg->lock);
	*context = cpg->context;
	(void) pthread_mutex_unlock(&cpg->lock);
	cpg_put(handle);
	return CS_OK;
}

cs_error_t
cpg_context_set(cpg_handle_t handle, void *context)
{
	struct cpg *cpg;
	cs_error_t error = cpg_get(handle, &cpg);

	if (error != CS_OK)
		return error;
	(void) pthread_mutex_lock(&cpg->lock);
	cpg->context = context;
	(void) pthread_mutex_unlock(&cpg->lock);
	cpg_put(handle);
	return CS_OK;
}

/* --- joining and leaving ------------------------------------------------------------------- */

/* Join or leave, and note it before another thread does either. */
static cs_error_t
membership_set(cpg_handle_t handle, const struct cpg_name *group, bool joined)
{
	const uint32_t function = joined ? CPG_CALL_JOIN : CPG_CALL_LEAVE;
	struct cpg_wire_name wire;
	struct cpg_wire_reply reply;
	struct cpg *cpg;
	cs_error_t error = cpg_get(handle, &cpg);

	if (error != CS_OK)
		return error;
	error = cpg_name_check(group, &wire);
	if (error == CS_OK) {
		client_lock_reading(&cpg->join_lock);
		error = cpg_call(cpg, function, &wire, sizeof wire, &reply, sizeof reply);
		if (error == CS_OK)
			joined_set(cpg, joined);
		(void) pthread_mutex_unlock(&cpg->join_lock);
	}
	cpg_put(handle);
	return error;
}

cs_error_t
cpg_join(cpg_handle_t handle, const struct cpg_name *group)
{
	return membership_set(handle, group, true);
}

cs_error_t
cpg_leave(cpg_handle_t handle, const struct cpg_name *group)
{
	return membership_set(handle, group, false);
}

/* --- what is asked ------------------------------------------------------------------------- */

cs_error_t
cpg_max_atomic_msgsize_get(cpg_handle_t handle, uint32_t *size)
{
	struct cpg *cpg;
	cs_error_t error;

	if (size == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cpg_get(handle, &cpg);
	if (error != CS_OK)
		return error;
	*size = CPG_WIRE_ATOMIC_BYTES;
	cpg_put(handle);
	return CS_OK;
}

cs_error_t
cpg_local_get(cpg_handle_t handle, unsigned int *local_nodeid)
{
	struct cpg *cpg;
	cs_error_t error;

	if (local_nodeid == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cpg_get(handle, &cpg);
	if (error != CS_OK)
		return error;
	*local_nodeid = cpg->node_id;
	cpg_put(handle);
	return CS_OK;
}

cs_error_t
cpg_flow_control_state_get(cpg_handle_t handle, cpg_flow_control_state_t *flow_control_enabled)
{
	struct cpg *cpg;
	cs_error_t error;

	if (flow_control_enabled == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cpg_get(handle, &cpg);
	if (error != CS_OK)
		return error;
	*flow_control_enabled = CPG_FLOW_CONTROL_DISABLED;
	if (client_send_fill(cpg->client) >= FLOW_CONTROL_FILL || client_is_behind(cpg->client)) {
		*flow_control_enabled = CPG_FLOW_CONTROL_ENABLED;
		client_refused(cpg->client);	/* who waits for the other state waits, too */
	}
	cpg_put(handle);
	return CS_OK;
}

cs_error_t
cpg_membership_get(cpg_handle_t handle, struct cpg_name *group_name,
    struct cpg_address *member_list, int *member_list_entries)
{
	struct cpg_wire_name wire;
	struct cpg_wire_members members;
	struct cpg *cpg;
	cs_error_t error;

	if (member_list == NULL || member_list_entries == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cpg_get(handle, &cpg);
	if (error != CS_OK)
		return error;
	error = cpg_name_check(group_name, &wire);
	if (error == CS_OK)
		error = cpg_call(cpg, CPG_CALL_MEMBERSHIP, &wire, sizeof wire, &members,
		    sizeof members);
	cpg_put(handle);
	if (error != CS_OK)
		return error;
	if (members.count > CPG_MEMBERS_MAX)
		return CS_ERR_LIBRARY;
	for (uint32_t i = 0; i < members.count; i++)
		member_list[i] = (struct cpg_address) { .nodeid = members.member[i].node_id,
		    .pid = members.member[i].pid, .reason = CPG_REASON_UNDEFINED };
	*member_list_entries = (int) members.count;
	return CS_OK;
}
