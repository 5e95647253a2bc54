/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Between client.c, which talks to the daemon, and client_events.c, which listens.
 *
 * Locks: `send_lock` the ring to the daemon, `call_lock` the one call under way (taken before
 * send_lock), `ring_lock` the ring to us, what was read from it, and the client's half of the
 * doorbell.  All but call_lock are held for a moment only (ring_lock up to 0.1 s for a bell that is
 * late).  `dispatch_lock` says who dispatches: it is recursive, held while a record is lent, never
 * while waiting for one, and taken before ring_lock.  The lock of all connections (private.h) is
 * taken before ring_lock, too, and by nobody who has that.
 */
#ifndef LIB_CLIENT_PRIVATE_H
#define LIB_CLIENT_PRIVATE_H
#include <pthread.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <time.h>

#include <corosync/ipc/link.h>
#include "lib/private.h"

struct copy {			/* a record that was copied out of the ring */
	struct copy *next;	/* lent: the outer one; ahead: the one behind it */
	unsigned int level;	/* lent: of nesting, to which it belongs */
	uint32_t function, len;
	_Alignas(8) uint8_t data[];
};

struct past {			/* where the ring was; lent records still lie there */
	struct past *next;
	void *data;
	unsigned int level;	/* what lies there was lent at this one or deeper */
};

struct client {
	LIST_ENTRY(client) link;	/* in client_all */
	unsigned int fork_count;
	bool open;			/* with the lock of all */
	int fd, memory_fd;
	dev_t memory_dev;		/* the memory's file: the application may have closed it */
	ino_t memory_ino;		/* atomic; 0: not known yet */
	bool dead;			/* atomic; the daemon hung up, or we did */
	struct ipc_page *page;
	const uint8_t *reply;
	size_t head_bytes;		/* of the memory before the ring to us, which may move */
	pthread_mutex_t send_lock, call_lock, dispatch_lock, ring_lock;
	struct ipc_ring to_daemon, to_client;
	struct timespec looked;		/* when it was last seen alive; coarse clock */
	bool dispatched;		/* since a record was refused; atomic */
	struct timespec refused;	/* the first one since then; coarse clock */
	struct timespec moved;		/* when something was moved aside; coarse clock */
	uint32_t sequence;		/* of the last call */
	unsigned int lent;		/* records; more than one when calls nest */
	unsigned int lent_here;		/* of them in the ring, whose room they keep */
	unsigned int past_level;	/* the outermost so many do not lie in the ring any more */
	struct past *past;
	struct copy *lent_copy;		/* the innermost one */
	struct copy *ahead, **ahead_end;	/* read, but not lent yet */
	size_t ahead_bytes;		/* atomic */
	size_t ahead_most;		/* while a thread waited, since there was none */
};

/* Connections of this process; a child of fork() begins with none. */
LIST_HEAD(client_list, client);
extern struct client_list client_all;

bool client_is_ours(const struct client *client);
bool client_is_dead(const struct client *client);
void client_died(struct client *client);
/* Is the descriptor of the memory still that? */
bool client_memory_is_ours(const struct client *client);
int64_t client_ns_since(const struct timespec *then, const struct timespec *now);
/* Has the daemon hung up? */
void client_look(struct client *client);
void client_ring_bell(struct client *client);
void client_wake_daemon(struct client *client, bool urgent);
void client_events_begin(struct client *client);
/* At the end: the ring to us, and what was copied out of it. */
void client_events_end(struct client *client);
/* Is this thread in a callback of any connection? */
bool client_in_callback(void);
/* So much is aside that callbacks should run, rather than more be sent. */
bool client_has_much_ahead(const struct client *client);
/* A fork comes: what is lent must stay in the child as it is. */
void client_events_fork(struct client *client);
#endif
