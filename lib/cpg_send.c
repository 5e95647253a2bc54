/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Sending.  A message becomes one record in the ring to the daemon.  One that is too large for that
 * goes in parts; all members drop what they have of it when somebody joins before its last part,
 * because he lacks the beginning; so the sender waits to hear that the last part was ordered, and
 * begins anew when it was for nothing.  Its own delivery is not sent back to it: it keeps the copy.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cpg_private.h"

#define PARTS_ON_STACK	16u
#define PARTS_MAX	1024u		/* as the system's own calls */
#define LARGE_TRIES	16u		/* each for nothing because somebody joined */
#define LARGE_WAIT_NS	500000		/* the ring is full: look again */

/* All bytes, or SIZE_MAX when that is no sensible list. */
static size_t
iov_total(const struct iovec *iov, unsigned int iov_len)
{
	size_t total = 0;

	for (unsigned int i = 0; i < iov_len; i++) {
		if (iov[i].iov_base == NULL && iov[i].iov_len > 0)
			return SIZE_MAX;
		if (iov[i].iov_len > SIZE_MAX - 1 - total)
			return SIZE_MAX - 1;
		total += iov[i].iov_len;
	}
	return total;
}

static cs_error_t
send_whole(struct cpg *cpg, uint32_t guarantee, const struct iovec *iov, unsigned int iov_len)
{
	struct cpg_wire_mcast head = { .guarantee = guarantee };
	struct iovec few[PARTS_ON_STACK + 1], *parts = few;
	cs_error_t error;

	if (iov_len > PARTS_ON_STACK) {
		parts = malloc((iov_len + 1u) * sizeof *parts);
		if (parts == NULL)
			return CS_ERR_NO_MEMORY;
	}
	parts[0] = (struct iovec) { .iov_base = &head, .iov_len = sizeof head };
	if (iov_len > 0)
		memcpy(parts + 1, iov, iov_len * sizeof *iov);
	error = client_send(cpg->client, CPG_RECORD_MCAST, parts, iov_len + 1u);
	if (parts != few)
		free(parts);
	return error;
}

/* --- large messages ------------------------------------------------------------------------ */

static void
wait_a_little(void)
{
	struct timespec time = { .tv_nsec = LARGE_WAIT_NS };

	(void) nanosleep(&time, NULL);
	(void) client_read_ahead();
}

static struct cpg_own *
own_new(const struct iovec *iov, unsigned int iov_len, size_t total)
{
	struct cpg_own *own = malloc(sizeof *own + total);

	if (own == NULL)
		return NULL;
	own->len = 0;
	for (unsigned int i = 0; i < iov_len; i++) {
		if (iov[i].iov_len == 0)
			continue;
		memcpy(own->data + own->len, iov[i].iov_base, iov[i].iov_len);
		own->len += iov[i].iov_len;
	}
	return own;
}

static void
own_queue(struct cpg *cpg, struct cpg_own *own)
{
	(void) pthread_mutex_lock(&cpg->lock);
	STAILQ_INSERT_TAIL(&cpg->own, own, link);
	(void) pthread_mutex_unlock(&cpg->lock);
}

/* Take it back, unless it was dispatched; then it is gone.  True: it is ours again. */
static bool
own_unqueue(struct cpg *cpg, struct cpg_own *own)
{
	struct cpg_own *queued;

	(void) pthread_mutex_lock(&cpg->lock);
	STAILQ_FOREACH(queued, &cpg->own, link)
		if (queued == own)
			break;
	if (queued != NULL)
		STAILQ_REMOVE(&cpg->own, own, cpg_own, link);
	(void) pthread_mutex_unlock(&cpg->lock);
	return queued != NULL;
}

/* TRY_AGAIN: not even the first part was taken. */
static cs_error_t
parts_send(struct cpg *cpg, uint32_t guarantee, const struct cpg_own *own)
{
	struct cpg_wire_part head = { .guarantee = guarantee, .flags = CPG_WIRE_PART_FIRST,
	    .total_bytes = (uint32_t) own->len };
	struct iovec iov[2] = { { .iov_base = &head, .iov_len = sizeof head } };
	size_t done = 0;
	cs_error_t error;

	while (done < own->len) {
		iov[1].iov_base = (void *) (uintptr_t) (own->data + done);
		iov[1].iov_len = own->len - done < CPG_WIRE_PART_BYTES_MAX ?
		    own->len - done : CPG_WIRE_PART_BYTES_MAX;
		error = client_send(cpg->client, CPG_RECORD_PART, iov, 2);
		if (error == CS_ERR_TRY_AGAIN && done > 0) {
			wait_a_little();
			continue;
		}
		if (error != CS_OK)
			return error;
		done += iov[1].iov_len;
		head.flags = 0;
	}
	return CS_OK;
}

/* Say that it was all, and hear how it went: OK, TRY_AGAIN (for nothing), NOT_EXIST, LIBRARY. */
static cs_error_t
parts_end(struct cpg *cpg, uint32_t guarantee)
{
	struct cpg_wire_mcast end = { .guarantee = guarantee };
	struct cpg_wire_reply reply;
	cs_error_t error;

	for (;;) {
		error = cpg_call(cpg, CPG_CALL_LARGE_END, &end, sizeof end, &reply, sizeof reply);
		if (error != CS_ERR_BUSY)
			return error;
		wait_a_little();
	}
}

static cs_error_t
send_large(struct cpg *cpg, uint32_t guarantee, const struct iovec *iov, unsigned int iov_len,
    size_t total)
{
	struct cpg_own *own = own_new(iov, iov_len, total);
	cs_error_t error = CS_ERR_TRY_AGAIN;

	if (own == NULL)
		return CS_ERR_NO_MEMORY;
	client_lock_reading(&cpg->large_lock);
	for (unsigned int i = 0; i < LARGE_TRIES && error == CS_ERR_TRY_AGAIN; i++) {
		error = parts_send(cpg, guarantee, own);
		if (error != CS_OK)
			break;
		own_queue(cpg, own);
		error = parts_end(cpg, guarantee);
		if (error != CS_OK && !own_unqueue(cpg, own)) {
			own = NULL;	/* the daemon died after it was ordered */
			break;
		}
	}
	(void) pthread_mutex_unlock(&cpg->large_lock);
	if (error != CS_OK)
		free(own);
	return error;
}

static cs_error_t
mcast(struct cpg *cpg, cpg_guarantee_t guarantee, const struct iovec *iov, unsigned int iov_len)
{
	size_t total;

	if (guarantee > CPG_TYPE_SAFE || (iov == NULL && iov_len > 0) || iov_len > PARTS_MAX)
		return CS_ERR_INVALID_PARAM;
	total = iov_total(iov, iov_len);
	if (total == SIZE_MAX)
		return CS_ERR_INVALID_PARAM;
	if (total > CPG_WIRE_LARGE_BYTES_MAX)
		return CS_ERR_TOO_BIG;
	if (!cpg_is_joined(cpg))
		return CS_ERR_NOT_EXIST;
	if (client_is_behind(cpg->client))
		return CS_ERR_TRY_AGAIN;
	if (total > CPG_WIRE_MESSAGE_BYTES_MAX)
		return send_large(cpg, guarantee, iov, iov_len, total);
	return send_whole(cpg, guarantee, iov, iov_len);
}

cs_error_t
cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee, const struct iovec *iovec,
    unsigned int iov_len)
{
	struct cpg *cpg;
	cs_error_t error = cpg_get(handle, &cpg);

	if (error != CS_OK)
		return error;
	error = mcast(cpg, guarantee, iovec, iov_len);
	cpg_put(handle);
	return error;
}

/* --- zero-copy buffers --------------------------------------------------------------------- */

/* The buffer in which `at` lies.  Called with the lock held. */
static struct cpg_zcb *
zcb_find(struct cpg *cpg, const void *at)
{
	const uintptr_t address = (uintptr_t) at;
	struct cpg_zcb *zcb;

	LIST_FOREACH(zcb, &cpg->zcb, link)
		if (address >= (uintptr_t) zcb->data &&
		    address - (uintptr_t) zcb->data <= zcb->size)
			return zcb;
	return NULL;
}

cs_error_t
cpg_zcb_alloc(cpg_handle_t handle, size_t size, void **buffer)
{
	struct cpg_zcb *zcb;
	struct cpg *cpg;
	cs_error_t error;

	if (buffer == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cpg_get(handle, &cpg);
	if (error != CS_OK)
		return error;
	zcb = size > CPG_WIRE_LARGE_BYTES_MAX ? NULL : malloc(sizeof *zcb + size);
	if (zcb != NULL) {
		zcb->size = size;
		(void) pthread_mutex_lock(&cpg->lock);
		LIST_INSERT_HEAD(&cpg->zcb, zcb, link);
		(void) pthread_mutex_unlock(&cpg->lock);
		*buffer = zcb->data;
	}
	cpg_put(handle);
	return zcb != NULL ? CS_OK : CS_ERR_NO_MEMORY;
}

cs_error_t
cpg_zcb_free(cpg_handle_t handle, void *buffer)
{
	struct cpg_zcb *zcb;
	struct cpg *cpg;
	cs_error_t error = cpg_get(handle, &cpg);

	if (error != CS_OK)
		return error;
	(void) pthread_mutex_lock(&cpg->lock);
	zcb = zcb_find(cpg, buffer);
	if (zcb != NULL && buffer == zcb->data)
		LIST_REMOVE(zcb, link);
	else
		zcb = NULL;
	(void) pthread_mutex_unlock(&cpg->lock);
	cpg_put(handle);
	if (zcb == NULL)
		return CS_ERR_INVALID_PARAM;
	free(zcb);
	return CS_OK;
}

cs_error_t
cpg_zcb_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee, void *msg, size_t msg_len)
{
	struct iovec iov = { .iov_base = msg, .iov_len = msg_len };
	const struct cpg_zcb *zcb;
	struct cpg *cpg;
	bool inside;
	cs_error_t error = cpg_get(handle, &cpg);

	if (error != CS_OK)
		return error;
	(void) pthread_mutex_lock(&cpg->lock);
	zcb = zcb_find(cpg, msg);
	inside = zcb != NULL &&
	    msg_len <= zcb->size - ((uintptr_t) msg - (uintptr_t) zcb->data);
	(void) pthread_mutex_unlock(&cpg->lock);
	error = inside ? mcast(cpg, guarantee, &iov, 1) : CS_ERR_INVALID_PARAM;
	cpg_put(handle);
	return error;
}
