/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Closed process groups: programs on the nodes of a cluster join a named group, send messages to
 * all its members and see, all in one and the same order, the messages and the changes of the
 * membership.  Link with -lcpg; cpg_overview(3) explains the model and has a complete program.
 *
 * In general
 *   - Every function returns CS_OK or an error; what it returns through pointers is then unset.
 *   - CS_ERR_BAD_HANDLE: never made, or finalised, or used in a child after fork().
 *     CS_ERR_LIBRARY: the daemon is gone; finalise and initialise again.
 *     CS_ERR_INVALID_PARAM: a pointer that must not be NULL is, or a value is out of its range.
 *     CS_ERR_TRY_AGAIN: not now, and nothing was done; wait or dispatch, then repeat.
 *     These four are not repeated below where they mean nothing else.
 *   - One thread may send while another dispatches the same handle; callbacks run in the thread
 *     that dispatches and may call every function here, cpg_finalize() included.
 *   - All senders are slowed down for a process that dispatches more slowly than events come.  One
 *     that neither dispatches nor leaves is cut off after a time and a backlog that the daemon's
 *     configuration sets; it then sees CS_ERR_LIBRARY and the others see it leave.
 *   - Sizes are bytes.  Group names are bytes with a length: a terminating NUL counts when the
 *     length says so.
 */
#ifndef COROSYNC_CPG_H
#define COROSYNC_CPG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <netinet/in.h>

#include <corosync/corotypes.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t cpg_handle_t;
typedef uint64_t cpg_iteration_handle_t;

/* What the sender wants.  Every kind is delivered in the one order of all messages. */
typedef enum {
	CPG_TYPE_UNORDERED,	/* as AGREED */
	CPG_TYPE_FIFO,		/* as AGREED */
	CPG_TYPE_AGREED,	/* one order at all members */
	CPG_TYPE_SAFE		/* and delivered only when every node of the ring has received it */
} cpg_guarantee_t;

typedef enum {
	CPG_FLOW_CONTROL_DISABLED,	/* send */
	CPG_FLOW_CONTROL_ENABLED	/* better wait: a send may soon give CS_ERR_TRY_AGAIN */
} cpg_flow_control_state_t;

/* Why a process is in a change's joined or left list.  There is one reason for each departure. */
typedef enum {
	CPG_REASON_UNDEFINED = 0,	/* in member lists */
	CPG_REASON_JOIN = 1,		/* called cpg_join() */
	CPG_REASON_LEAVE = 2,		/* called cpg_leave() or cpg_finalize() */
	CPG_REASON_NODEDOWN = 3,	/* its node left the ring */
	CPG_REASON_NODEUP = 4,		/* its node came into the ring, and it was in the group */
	CPG_REASON_PROCDOWN = 5		/* ended without leaving */
} cpg_reason_t;

typedef enum {
	CPG_ITERATION_NAME_ONLY = 1,	/* each group once; node id and pid are 0 */
	CPG_ITERATION_ONE_GROUP = 2,	/* the members of one group */
	CPG_ITERATION_ALL = 3		/* the members of all groups */
} cpg_iteration_type_t;

typedef enum {
	CPG_MODEL_V1 = 1
} cpg_model_t;

struct cpg_address {
	uint32_t nodeid;
	uint32_t pid;
	uint32_t reason;		/* cpg_reason_t */
};

#define CPG_MAX_NAME_LENGTH 128

struct cpg_name {
	uint32_t length;		/* bytes of value that count, at most CPG_MAX_NAME_LENGTH */
	char value[CPG_MAX_NAME_LENGTH];
};

/* Of the list that cpg_membership_get() fills. */
#define CPG_MEMBERS_MAX 128

struct cpg_iteration_description_t {
	struct cpg_name group;
	uint32_t nodeid;
	uint32_t pid;
};

struct cpg_ring_id {
	uint32_t nodeid;		/* the ring's representative */
	uint64_t seq;			/* grows from ring to ring */
};

/* A message.  `group_name` and `msg` are lent for the call; `msg` may be written to, within
 * `msg_len`, so that a receiver can convert it in place.  It is aligned to 8 bytes. */
typedef void (*cpg_deliver_fn_t)(cpg_handle_t handle, const struct cpg_name *group_name,
    uint32_t nodeid, uint32_t pid, void *msg, size_t msg_len);

/* The membership changed; `member_list` is the new one, ascending by node id and pid.  The first
 * call after cpg_join() has ourselves in joined_list, the last after cpg_leave() in left_list.
 * When the ring changes there are at most two calls: one for all who left with their nodes, and
 * one for all who came.  Everything is lent for the call. */
typedef void (*cpg_confchg_fn_t)(cpg_handle_t handle, const struct cpg_name *group_name,
    const struct cpg_address *member_list, size_t member_list_entries,
    const struct cpg_address *left_list, size_t left_list_entries,
    const struct cpg_address *joined_list, size_t joined_list_entries);

/* The ring changed: node ids, ascending, whether they have members of our group or not. */
typedef void (*cpg_totem_confchg_fn_t)(cpg_handle_t handle, struct cpg_ring_id ring_id,
    uint32_t member_list_entries, const uint32_t *member_list);

/* A callback that is NULL is not called; its events are taken and dropped. */
typedef struct {
	cpg_deliver_fn_t cpg_deliver_fn;
	cpg_confchg_fn_t cpg_confchg_fn;
} cpg_callbacks_t;

typedef struct {
	cpg_model_t model;		/* the first member of every model's data */
} cpg_model_data_t;

/* Call cpg_totem_confchg_fn once after each join, with the ring as it is then. */
#define CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF 0x01

typedef struct {
	cpg_model_t model;		/* CPG_MODEL_V1 */
	cpg_deliver_fn_t cpg_deliver_fn;
	cpg_confchg_fn_t cpg_confchg_fn;
	cpg_totem_confchg_fn_t cpg_totem_confchg_fn;
	unsigned int flags;		/* CPG_MODEL_V1_...; other bits: CS_ERR_INVALID_PARAM */
} cpg_model_v1_data_t;

/* Connect to the daemon, which needs no other node for it; while the ring changes its members it
 * waits for the end of that.  `callbacks` may be NULL; copied.
 * CS_ERR_TRY_AGAIN: the daemon is starting.  CS_ERR_LIBRARY: no daemon.  CS_ERR_ACCESS: not
 * permitted to us.  CS_ERR_NO_MEMORY.  CS_ERR_NO_RESOURCES: too many handles or descriptors. */
cs_error_t cpg_initialize(cpg_handle_t *handle, cpg_callbacks_t *callbacks);

/* The same with more callbacks and with a context.  `model_data` is copied.
 * CS_ERR_INVALID_PARAM: unknown model or flag. */
cs_error_t cpg_model_initialize(cpg_handle_t *handle, cpg_model_t model,
    cpg_model_data_t *model_data, void *context);

/* Leave the group, if in one, and disconnect.  What was sent before is still sent; what was not
 * yet dispatched is lost.  Frees zero-copy buffers; iterations stay until they are finalised. */
cs_error_t cpg_finalize(cpg_handle_t handle);

/* A descriptor to poll for POLLIN: cpg_dispatch() has something to do.  It stays ours: don't read
 * or close it.  It is a connected unix socket whose peer is the daemon. */
cs_error_t cpg_fd_get(cpg_handle_t handle, int *fd);

/* The largest message that is sent in one piece.  Larger ones are sent too: see
 * cpg_mcast_joined(). */
cs_error_t cpg_max_atomic_msgsize_get(cpg_handle_t handle, uint32_t *size);

/* A pointer of the caller's, kept with the handle. */
cs_error_t cpg_context_get(cpg_handle_t handle, void **context);
cs_error_t cpg_context_set(cpg_handle_t handle, void *context);

/* Run callbacks in this thread.
 *   CS_DISPATCH_ONE              waits for an event and runs one callback
 *   CS_DISPATCH_ONE_NONBLOCKING  one callback, or CS_ERR_TRY_AGAIN when nothing waits
 *   CS_DISPATCH_ALL              all that wait; CS_OK also when none does
 *   CS_DISPATCH_BLOCKING         until the handle is finalised
 * Finalising the handle in a callback ends the dispatch with CS_OK.  CS_ERR_LIBRARY: the daemon is
 * gone and all that it had said was dispatched. */
cs_error_t cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t dispatch_types);

/* Ask to become a member of one group.  CS_OK: asked; the configuration change says when we are.
 * Until a leave is through (our own configuration change) it waits for that.
 * CS_ERR_EXIST: this handle is in a group, or this process in that one by another handle.
 * CS_ERR_NAME_TOO_LONG.  CS_ERR_NO_RESOURCES: too many on this node.  CS_ERR_NO_MEMORY. */
cs_error_t cpg_join(cpg_handle_t handle, const struct cpg_name *group);

/* Ask to leave.  Messages up to the configuration change that says so are still delivered.
 * CS_ERR_NOT_EXIST: not a member of that group. */
cs_error_t cpg_leave(cpg_handle_t handle, const struct cpg_name *group);

/* Send to all members, ourselves included.  The data is copied; no system call in the usual case.
 * A message above cpg_max_atomic_msgsize_get(), up to 64 MiB, may be sent in parts: it is still
 * delivered whole to all members or to none, and the call then returns only when its place in the
 * order is settled.
 * CS_OK: it will be delivered to us unless we leave or die.
 * CS_ERR_TRY_AGAIN: congested; it will not be delivered.  CS_ERR_NOT_EXIST: not joined.
 * CS_ERR_TOO_BIG.  CS_ERR_NO_MEMORY (sent in parts, or of more than 16 pieces, only). */
cs_error_t cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
    const struct iovec *iovec, unsigned int iov_len);

/* The members of any group as the daemon knows them now, which may be ahead of what was
 * dispatched.  `member_list` has room for CPG_MEMBERS_MAX entries; `*member_list_entries` says
 * how many there are. */
cs_error_t cpg_membership_get(cpg_handle_t handle, struct cpg_name *group_name,
    struct cpg_address *member_list, int *member_list_entries);

cs_error_t cpg_local_get(cpg_handle_t handle, unsigned int *local_nodeid);

/* CPG_FLOW_CONTROL_ENABLED when the way to the daemon is half full of what we sent, or, outside of
 * callbacks, more than 128 MiB were read ahead (cpg_overview(3)). */
cs_error_t cpg_flow_control_state_get(cpg_handle_t handle,
    cpg_flow_control_state_t *flow_control_enabled);

/* A buffer to build messages in.  It can be sent more than once and lives until cpg_zcb_free() or
 * cpg_finalize().  `msg` is the buffer or lies in it.  CS_ERR_NO_MEMORY; CS_ERR_INVALID_PARAM: not
 * such a buffer, or the message goes beyond its end; cpg_mcast_joined()'s errors. */
cs_error_t cpg_zcb_alloc(cpg_handle_t handle, size_t size, void **buffer);
cs_error_t cpg_zcb_free(cpg_handle_t handle, void *buffer);
cs_error_t cpg_zcb_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee, void *msg,
    size_t msg_len);

/* List groups and their members on all nodes, as they are at the initialisation, sorted by name,
 * node id and pid.  `group` must be given for CPG_ITERATION_ONE_GROUP, and is ignored otherwise.
 * CS_ERR_NO_SECTIONS: no more.  CS_ERR_NO_MEMORY. */
cs_error_t cpg_iteration_initialize(cpg_handle_t handle, cpg_iteration_type_t iteration_type,
    const struct cpg_name *group, cpg_iteration_handle_t *cpg_iteration_handle);
cs_error_t cpg_iteration_next(cpg_iteration_handle_t handle,
    struct cpg_iteration_description_t *description);
cs_error_t cpg_iteration_finalize(cpg_iteration_handle_t handle);

#ifdef __cplusplus
}
#endif
#endif
