/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Events from the daemon: records of the ring to us are lent to who dispatches.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/client_private.h"

#define BELL_WAIT_MS	100	/* for a byte that is already on its way */

static void
client_bounce_drop(struct client *client)
{
	struct bounce *bounce = client->bounce;

	client->bounce = bounce->outer;
	free(bounce);
}

/* Every event was read: from now on the daemon shall be rung for each record, and at once when some
 * are left. */
static void
client_end_doze(struct client *client)
{
	struct ipc_ring_shared *shared = &client->page->to_daemon;

	if (ipc_wish_change(&shared->consumer_wish, IPC_DOZING, IPC_ASLEEP) &&
	    __atomic_load_n(&shared->head, __ATOMIC_SEQ_CST) !=
	    __atomic_load_n(&shared->tail, __ATOMIC_SEQ_CST))
		client_wake_daemon(client, /* urgent= */ false);
}

/* Take the one byte that a rung bell means. */
static bool
client_bell_take(struct client *client)
{
	struct pollfd poller = { .fd = client->fd, .events = POLLIN };
	ssize_t n;
	char byte;

	for (;;) {
		n = recv(client->fd, &byte, 1, MSG_DONTWAIT);
		if (n == 1)
			return true;
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno != EAGAIN) {
			client_died(client);
			return false;
		}
		/* Left in it, it would announce later what was taken by then. */
		if (poll(&poller, 1, BELL_WAIT_MS) == 0)
			return false;
	}
}

/* The ring was seen empty: from now on the daemon rings for the next record.  Look again. */
static void
client_arm(struct client *client)
{
	uint32_t *wish = &client->page->to_client.consumer_wish;

	client_end_doze(client);
	if (__atomic_load_n(wish, __ATOMIC_SEQ_CST) == IPC_RUNG && client_bell_take(client))
		__atomic_store_n(wish, IPC_ARMED, __ATOMIC_SEQ_CST);
}

static cs_error_t
client_lend(struct client *client, const struct ipc_ring_record *record,
    struct client_record *ret_record)
{
	struct bounce *bounce;

	ret_record->function = record->function;
	ret_record->len = record->len;
	ret_record->data = client->to_client.data + record->place;
	if (record->len > client->to_client.size - record->place) {
		bounce = malloc(sizeof *bounce + record->len);
		if (bounce == NULL)
			return CS_ERR_NO_MEMORY;
		ipc_ring_read(&client->to_client, record, 0, bounce->data, record->len);
		bounce->level = client->lent;
		bounce->outer = client->bounce;
		client->bounce = bounce;
		ret_record->data = bounce->data;
	}
	ipc_ring_advance(&client->to_client, record);
	client->lent++;
	return CS_OK;
}

/* With dispatch_lock held, which CS_OK keeps. */
static cs_error_t
client_take(struct client *client, struct client_record *ret_record)
{
	struct ipc_ring_record record;
	int r;

	r = ipc_ring_peek(&client->to_client, &record);
	if (r == -EAGAIN && !client_is_dead(client)) {
		client_arm(client);
		r = ipc_ring_peek(&client->to_client, &record);
	}
	if (r == -EAGAIN)
		return CS_ERR_TRY_AGAIN;
	return r == 0 ? client_lend(client, &record, ret_record) : CS_ERR_LIBRARY;
}

static int64_t
now_ms(void)
{
	return (int64_t) (cs_timestamp_get() / CS_TIME_NS_IN_MSEC);
}

/* Until the socket has something to say.  False: time is up. */
static bool
client_wait(struct client *client, int timeout_ms, int64_t deadline_ms)
{
	struct pollfd poller = { .fd = client->fd, .events = POLLIN };
	int64_t left = timeout_ms;
	int r;

	for (;;) {
		if (timeout_ms > 0) {
			left = deadline_ms - now_ms();
			left = left < 0 ? 0 : left;
		}
		r = poll(&poller, 1, (int) left);
		if (r == 0)
			return false;
		if (r > 0 && (poller.revents & ~POLLIN) != 0)
			client_died(client);
		if (r > 0 || errno != EINTR)
			return true;
	}
}

cs_error_t
client_next(struct client *client, int timeout_ms, struct client_record *ret_record)
{
	int64_t deadline_ms = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
	cs_error_t error;
	bool dead;

	if (!client_is_ours(client))
		return CS_ERR_BAD_HANDLE;
	for (;;) {
		dead = client_is_dead(client);	/* before looking: what it wrote last counts */
		(void) pthread_mutex_lock(&client->dispatch_lock);
		error = client_take(client, ret_record);
		if (error == CS_OK)
			return CS_OK;
		(void) pthread_mutex_unlock(&client->dispatch_lock);
		if (error != CS_ERR_TRY_AGAIN)
			return error;
		if (dead)
			return CS_ERR_LIBRARY;
		if (!client_is_dead(client) && !client_wait(client, timeout_ms, deadline_ms))
			return CS_ERR_TRY_AGAIN;
	}
}

/* All lent records are back: give their room to the daemon, and see that the descriptor is readable
 * exactly when there is work. */
static void
client_release(struct client *client)
{
	struct ipc_ring *ring = &client->to_client;
	uint32_t used = __atomic_load_n(&ring->shared->head, __ATOMIC_RELAXED) - ring->at;

	ipc_ring_release(ring);
	if (client_is_dead(client))
		return;
	if (used <= ring->size / 2 && ipc_wish_change(&ring->shared->producer_wish, 1, 0))
		client_ring_bell(client);
	if (ipc_ring_empty(ring))
		client_arm(client);
	if (!ipc_ring_empty(ring) &&
	    __atomic_load_n(&ring->shared->consumer_wish, __ATOMIC_SEQ_CST) == IPC_ARMED)
		client_ring_bell(client);	/* it came between our look and our arming */
}

void
client_events_drop(struct client *client)
{
	while (client->bounce != NULL)
		client_bounce_drop(client);
}

void
client_done(struct client *client)
{
	if (!client_is_ours(client))
		return;		/* the callback forked, and this is the child */
	client->lent--;
	if (client->bounce != NULL && client->bounce->level == client->lent)
		client_bounce_drop(client);
	if (client->lent == 0)
		client_release(client);
	(void) pthread_mutex_unlock(&client->dispatch_lock);
}
