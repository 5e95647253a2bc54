/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Between client.c, which talks to the daemon, and client_events.c, which listens.
 *
 * Locks: `send_lock` the ring to the daemon, `call_lock` the one call under way (taken before
 * send_lock), `dispatch_lock` the ring to us and the client's half of the doorbell; it is recursive
 * and held while a record is lent, never while waiting.
 */
#ifndef LIB_CLIENT_PRIVATE_H
#define LIB_CLIENT_PRIVATE_H
#include <pthread.h>
#include <sys/queue.h>
#include <time.h>

#include <corosync/ipc/link.h>
#include "lib/private.h"

struct bounce {			/* a record that lay around the ring's end, made whole */
	struct bounce *outer;
	unsigned int level;	/* of nesting, to which it belongs */
	_Alignas(8) uint8_t data[];
};

struct client {
	LIST_ENTRY(client) link;	/* in `clients` */
	unsigned int fork_count;
	int fd;
	bool dead;			/* atomic; the daemon hung up, or we did */
	struct ipc_page *page;
	const uint8_t *reply;
	size_t map_bytes;
	pthread_mutex_t send_lock, call_lock, dispatch_lock;
	struct ipc_ring to_daemon, to_client;
	struct timespec looked;		/* when it was last seen alive; coarse clock */
	uint32_t sequence;		/* of the last call */
	unsigned int lent;		/* records; more than one when calls nest */
	struct bounce *bounce;
};

bool client_is_ours(const struct client *client);
bool client_is_dead(const struct client *client);
void client_died(struct client *client);
/* Has the daemon hung up? */
void client_look(struct client *client);
void client_ring_bell(struct client *client);
void client_wake_daemon(struct client *client, bool urgent);
/* At the end: what was copied out of the ring. */
void client_events_drop(struct client *client);
#endif
