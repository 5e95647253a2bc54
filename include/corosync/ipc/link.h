/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * How a client library and the daemon meet: an abstract unix stream socket, over which the client
 * passes one sealed memfd, and the layout of that memory.
 *
 *	client                                  daemon
 *	connect()  ---------------------------> accept(), SO_PEERCRED, may this user?
 *	ipc_hello + memfd (SCM_RIGHTS) -------> seals, size, magic checked; engine asked
 *	           <--------------------------- ipc_welcome: 0 or -errno
 *	          then single bytes both ways: the doorbells
 *
 * The memory: a page of words, the reply of the one synchronous call under way, the ring to the
 * daemon, the ring to the client.  The client makes it and seals its size; nothing of it has a
 * name, so nothing can be left behind by whoever is killed.
 *
 * A call is a record in the ring to the daemon, marked IPC_FUNCTION_CALL, so calls and data keep
 * their order by themselves.  IPC_CALL_RESERVE_BYTES of that ring are kept free for it.
 *
 * Doorbell to the daemon: a byte when the daemon's consumer_wish could be taken from IPC_ASLEEP to
 * IPC_AWAKE; one too many is harmless.  A daemon that dozes comes back within a millisecond by
 * itself, and is rung for IPC_DOZE_BYTES, for a call, and by a client that has read all its events
 * and left records: it waits for something.  A client that has events to read waits for nothing, so
 * a daemon that let itself be woken for each of its records would only keep it from sending more.
 *
 * Doorbell to the client: exactly one byte for each change of the client's
 * consumer_wish from IPC_ARMED to IPC_RUNG, so the client can count: while it is IPC_RUNG one byte
 * is in the socket or on its way.  The client takes that byte when it finds the ring empty, arms
 * and looks again; then select() and dispatching one at a time neither hang nor spin.  Should it
 * find work then, it rings the daemon, which rings back if it is still armed.
 */
#ifndef COROSYNC_IPC_LINK_H
#define COROSYNC_IPC_LINK_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <corosync/ipc/ring.h>

#define IPC_MAGIC		0x43735031u
#define IPC_VERSION		3u
#define IPC_NAME_BYTES_MAX	96u		/* service, dot, instance */
#define IPC_PAGE_BYTES		65536u		/* rings begin on a page, of up to 64 KiB */
#define IPC_REPLY_BYTES_MAX	65536u
#define IPC_CALL_BYTES_MAX	32768u
#define IPC_CALL_HEAD_BYTES	8u		/* sequence u32, zero u32, before the payload */
#define IPC_CALL_RESERVE_BYTES	(IPC_RING_HEAD_BYTES + IPC_CALL_HEAD_BYTES + IPC_CALL_BYTES_MAX)
#define IPC_RING_SMALL_BYTES	131072u		/* a connection without data rings */
#define IPC_RING_LARGE_BYTES	4194304u
#define IPC_FUNCTION_CALL	0x80000000u
#define IPC_DOZE_BYTES		65536u

enum ipc_client_wish { IPC_ARMED = 1, IPC_RUNG = 2 };
enum ipc_daemon_wish { IPC_AWAKE = 0, IPC_ASLEEP = 1, IPC_DOZING = 2 };

struct ipc_hello {
	uint32_t magic, version;
	uint32_t to_daemon_bytes, to_client_bytes;
};

struct ipc_welcome {
	uint32_t magic;
	int32_t error;		/* 0 or negative errno */
};

struct ipc_page {		/* the beginning of the memory */
	struct ipc_ring_shared to_daemon;
	struct ipc_ring_shared to_client;
	uint32_t reply_sequence;	/* of the call that the reply area answers; a futex */
	uint32_t reply_len;
};
_Static_assert(sizeof(struct ipc_page) <= IPC_PAGE_BYTES, "the page holds it");
_Static_assert(sizeof(struct ipc_page) == 264, "same layout for 32 and 64 bits");
_Static_assert(IPC_CALL_RESERVE_BYTES <= IPC_RING_SMALL_BYTES / 2, "a call always fits");

static inline size_t
ipc_map_bytes(uint32_t to_daemon_bytes, uint32_t to_client_bytes)
{
	return (size_t) IPC_PAGE_BYTES + IPC_REPLY_BYTES_MAX + to_daemon_bytes + to_client_bytes;
}

/* The service's name with the instance's suffix; "" or NULL is the default instance.  0, or -EINVAL
 * when it is too long. */
static inline int
ipc_name(char *name, size_t size, const char *service, const char *instance)
{
	int len;

	if (instance == NULL || instance[0] == '\0')
		len = snprintf(name, size, "%s", service);
	else
		len = snprintf(name, size, "%s.%s", service, instance);
	return len > 0 && (size_t) len < size && (size_t) len < IPC_NAME_BYTES_MAX ? 0 : -EINVAL;
}

/* The abstract address of that name; abstract, so that it vanishes with the process. */
static inline socklen_t
ipc_address(struct sockaddr_un *address, const char *name)
{
	int len;

	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	len = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "corosync.ipc/%s",
	    name);
	return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1u + (size_t) len);
}
#endif
