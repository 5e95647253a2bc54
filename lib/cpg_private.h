/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Between the files of libcpg.
 *
 * Locks: `lock` guards what sending and dispatching threads share, for a few instructions;
 * `large_lock` is held while a large message is sent, so that the parts of two never mix;
 * `join_lock` while the daemon is asked to let us join or leave, until that is noted in `joined`:
 * a callback of another thread may wait for it, and reads ahead meanwhile, as the request waits
 * behind what was sent before.
 * What only dispatch touches is guarded by the connection: a record is lent to one thread at a
 * time.  None of them matters to a child of fork(): its handles are no handles.
 */
#ifndef LIB_CPG_PRIVATE_H
#define LIB_CPG_PRIVATE_H
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#pragma GCC visibility push(default)
#include <corosync/cpg.h>
#pragma GCC visibility pop
#include <corosync/ipc/cpg_wire.h>
#include "lib/client.h"

/* A large message of our own, from its sending until its place in the order is dispatched. */
struct cpg_own {
	STAILQ_ENTRY(cpg_own) link;
	size_t len;
	_Alignas(16) uint8_t data[];
};

/* A large message of another, as far as it came. */
struct cpg_partial {
	LIST_ENTRY(cpg_partial) link;
	uint32_t node_id, pid;
	bool safe;
	size_t len, total;
	_Alignas(16) uint8_t data[];
};

struct cpg_zcb {
	LIST_ENTRY(cpg_zcb) link;
	size_t size;
	_Alignas(16) uint8_t data[];
};

struct cpg {
	struct client *client;
	cpg_model_v1_data_t model;
	uint32_t node_id, pid;		/* ours, as messages name us */

	pthread_mutex_t lock;
	void *context;
	bool joined;			/* cpg_join() said CS_OK, cpg_leave() did not */
	STAILQ_HEAD(, cpg_own) own;
	LIST_HEAD(, cpg_zcb) zcb;
	pthread_mutex_t large_lock, join_lock;

	struct cpg_name group;		/* whose events come now; dispatch only */
	LIST_HEAD(, cpg_partial) partial;	/* dispatch only */
};

/* The handle's object, in use until cpg_put(). */
cs_error_t cpg_get(cpg_handle_t handle, struct cpg **ret_cpg);
void cpg_put(cpg_handle_t handle);
bool cpg_is_closed(cpg_handle_t handle);
/* One synchronous call whose reply begins with struct cpg_wire_reply: its error is ours. */
cs_error_t cpg_call(struct cpg *cpg, uint32_t function, const void *data, size_t len,
    void *reply, size_t reply_size);
/* CS_ERR_INVALID_PARAM, CS_ERR_NAME_TOO_LONG; the wire's name has zeros behind. */
cs_error_t cpg_name_check(const struct cpg_name *name, struct cpg_wire_name *ret_wire);
/* Waits for a join or leave that is under way. */
bool cpg_is_joined(struct cpg *cpg);
void cpg_partials_drop(struct cpg *cpg);
#endif
