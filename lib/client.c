/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A connection to one engine of the daemon: making and ending it, calls and records to the daemon.
 * What goes on in the shared memory is in <corosync/ipc/link.h> and <corosync/ipc/ring.h>.
 */
#include "config.h"
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <corosync/ipc/link.h>
#include "lib/client_private.h"

#define CALL_PARTS_MAX		16u
#define CALL_LOOK_NS		20000000	/* waiting for a reply: does it live? */
#define CALL_READ_NS		1000000		/* while there is more to read ahead */
#define REFUSED_READ_NS		200000000	/* trying again for so long, without a dispatch */
#define REFUSED_BEHIND_NS	500000000	/* the same, until it may send in spite of that */

/* What that call takes, whatever time_t is. */
#ifdef SYS_futex
struct futex_time { long s, ns; };
#else
#define SYS_futex	SYS_futex_time64
struct futex_time { int64_t s, ns; };
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
struct client_list client_all = LIST_HEAD_INITIALIZER(client_all);
static unsigned int fork_count;

void
client_lock(void)
{
	(void) pthread_mutex_lock(&lock);
}

void
client_unlock(void)
{
	(void) pthread_mutex_unlock(&lock);
}

unsigned int
client_fork_count(void)
{
	return __atomic_load_n(&fork_count, __ATOMIC_RELAXED);
}

/* The lock is held over the fork. */
static void
forking(void)
{
	struct client *client;

	client_lock();
	LIST_FOREACH(client, &client_all, link)
		client_events_fork(client);
}

bool
client_memory_is_ours(const struct client *client)
{
	const ino_t ino = __atomic_load_n(&client->memory_ino, __ATOMIC_ACQUIRE);
	struct stat st;

	if (client->memory_fd < 0 || ino == 0)	/* just being made */
		return client->memory_fd >= 0;
	return fstat(client->memory_fd, &st) == 0 && st.st_dev == client->memory_dev &&
	    st.st_ino == ino;
}

static void
descriptors_close(const struct client *client)
{
	if (client->fd >= 0)
		(void) close(client->fd);
	if (client_memory_is_ours(client))
		(void) close(client->memory_fd);
}

/* In the child: its copies of the sockets would keep the parent's connections open after the
 * parent's death, so they go.  The memory stays: a callback that forked may still read its
 * message. */
static void
forked_child(void)
{
	struct client *client;

	__atomic_add_fetch(&fork_count, 1, __ATOMIC_RELAXED);
	while ((client = LIST_FIRST(&client_all)) != NULL) {
		LIST_REMOVE(client, link);
		descriptors_close(client);
	}
	client_unlock();
}

/* When the library is loaded: what the application registers later then runs before ours, and so
 * without our lock, which its own locks' holders may want. */
__attribute__((constructor)) static void
atfork_init(void)
{
	(void) pthread_atfork(forking, client_unlock, forked_child);
}

int64_t
client_ns_since(const struct timespec *then, const struct timespec *now)
{
	return (now->tv_sec - then->tv_sec) * INT64_C(1000000000) + now->tv_nsec - then->tv_nsec;
}

bool
client_is_ours(const struct client *client)
{
	return client->fork_count == client_fork_count();
}

bool
client_is_dead(const struct client *client)
{
	return __atomic_load_n(&client->dead, __ATOMIC_ACQUIRE);
}

void
client_died(struct client *client)
{
	__atomic_store_n(&client->dead, true, __ATOMIC_RELEASE);
}

void
client_look(struct client *client)
{
	struct pollfd poller = { .fd = client->fd };

	if (poll(&poller, 1, 0) > 0)
		client_died(client);	/* nothing but hang-up or error was asked for */
}

/* The same, at most once a tick of the coarse clock: about 4 ms. */
static void
client_look_sometimes(struct client *client)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_nsec == client->looked.tv_nsec && now.tv_sec == client->looked.tv_sec)
		return;
	client->looked = now;
	client_look(client);
}

void
client_ring_bell(struct client *client)
{
	ssize_t n;

	do {
		n = send(client->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	/* A full socket has bells enough. */
	if (n < 0 && errno != EAGAIN)
		client_died(client);
}

void
client_wake_daemon(struct client *client, bool urgent)
{
	uint32_t *wish = &client->page->to_daemon.consumer_wish;

	if (ipc_wish_change(wish, IPC_ASLEEP, IPC_AWAKE) ||
	    (urgent && ipc_wish_change(wish, IPC_DOZING, IPC_AWAKE)))
		client_ring_bell(client);
}

static void
client_map_init(struct client *client, uint8_t *map, uint32_t to_daemon_bytes,
    uint32_t to_client_bytes)
{
	client->page = (struct ipc_page *) (void *) map;
	client->reply = map + IPC_PAGE_BYTES;
	client->to_daemon = (struct ipc_ring) {
		.shared = &client->page->to_daemon,
		.data = map + IPC_PAGE_BYTES + IPC_REPLY_BYTES_MAX,
		.size = to_daemon_bytes,
	};
	client->to_client = (struct ipc_ring) {
		.shared = &client->page->to_client,
		.data = client->to_daemon.data + to_daemon_bytes,
		.size = to_client_bytes,
	};
	client->page->to_daemon.consumer_wish = IPC_ASLEEP;
	client->page->to_client.consumer_wish = IPC_ARMED;
}

static int
client_connect(struct client *client, const char *service, bool data_rings)
{
	uint32_t size = data_rings ? IPC_RING_LARGE_BYTES : IPC_RING_SMALL_BYTES;
	struct ipc_hello hello = {
		.magic = IPC_MAGIC, .version = IPC_VERSION,
		.to_daemon_bytes = size, .to_client_bytes = size,
	};
	const size_t map_bytes = ipc_map_bytes(size, size);
	struct stat st;
	void *map;
	int r;

	client->head_bytes = map_bytes - size;
	r = connect_memory(map_bytes, &client->memory_fd);
	if (r == 0 && fstat(client->memory_fd, &st) < 0)
		r = -errno;
	if (r < 0)
		return r;
	client->memory_dev = st.st_dev;
	__atomic_store_n(&client->memory_ino, st.st_ino, __ATOMIC_RELEASE);
	map = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, client->memory_fd, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	client_map_init(client, map, size, size);
	r = connect_open(service, &hello, client->memory_fd, &client->fd);
	if (r < 0)
		(void) munmap(map, map_bytes);
	return r;
}

static void
locks_init(struct client *client)
{
	pthread_mutexattr_t recursive;

	(void) pthread_mutexattr_init(&recursive);
	(void) pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	(void) pthread_mutex_init(&client->send_lock, NULL);
	(void) pthread_mutex_init(&client->call_lock, NULL);
	(void) pthread_mutex_init(&client->dispatch_lock, &recursive);
	(void) pthread_mutex_init(&client->ring_lock, NULL);
	(void) pthread_mutexattr_destroy(&recursive);
}

static void
locks_destroy(struct client *client)
{
	(void) pthread_mutex_destroy(&client->send_lock);
	(void) pthread_mutex_destroy(&client->call_lock);
	(void) pthread_mutex_destroy(&client->dispatch_lock);
	(void) pthread_mutex_destroy(&client->ring_lock);
}

/* From now on a fork() of another thread knows it. */
static void
client_enlist(struct client *client)
{
	client->fd = client->memory_fd = -1;
	locks_init(client);
	client_events_begin(client);
	client_lock();
	client->fork_count = client_fork_count();
	LIST_INSERT_HEAD(&client_all, client, link);
	client_unlock();
}

/* With the lock that fork() takes: a child must not keep the socket. */
static void
client_hang_up(struct client *client)
{
	client_lock();
	LIST_REMOVE(client, link);
	descriptors_close(client);
	client_unlock();
}

cs_error_t
client_open(const char *service, bool data_rings, struct client **ret_client)
{
	struct client *client;
	int r;

	client = calloc(1, sizeof *client);
	if (client == NULL)
		return CS_ERR_NO_MEMORY;
	/* Before it has a socket: a child of another thread's fork() must not keep that open. */
	client_enlist(client);
	r = client_connect(client, service, data_rings);
	if (r < 0) {
		client_hang_up(client);
		locks_destroy(client);
		free(client);
		return connect_error(r);
	}
	client_lock();
	client->open = true;
	client_unlock();
	*ret_client = client;
	return CS_OK;
}

struct client *
client_close(struct client *client)
{
	if (client == NULL)
		return NULL;
	if (client_is_ours(client)) {
		client_hang_up(client);
		locks_destroy(client);
	}
	client_events_end(client);
	(void) munmap(client->page, client->head_bytes);
	free(client);
	return NULL;
}

void
client_interrupt(struct client *client)
{
	if (!client_is_ours(client))
		return;
	client_died(client);
	(void) shutdown(client->fd, SHUT_RDWR);
}

cs_error_t
client_fd(struct client *client, int *ret_fd)
{
	if (!client_is_ours(client))
		return CS_ERR_BAD_HANDLE;
	*ret_fd = client->fd;
	return CS_OK;
}

/* --- to the daemon --- */

/* Has the caller tried again for long instead of dispatching?  With send_lock held; the time is
 * that of client_look_sometimes(). */
static bool
refused_for_long(struct client *client, int64_t long_ns)
{
	if (__atomic_exchange_n(&client->dispatched, false, __ATOMIC_RELAXED))
		client->refused = client->looked;
	return client_ns_since(&client->refused, &client->looked) >= long_ns;
}

void
client_refused(struct client *client)
{
	bool waits;

	(void) pthread_mutex_lock(&client->send_lock);
	client_look_sometimes(client);
	waits = refused_for_long(client, REFUSED_READ_NS);
	(void) pthread_mutex_unlock(&client->send_lock);
	if (waits)
		(void) client_read_ahead();
}

static cs_error_t
client_put(struct client *client, uint32_t function, const struct iovec *iov, size_t count,
    uint32_t reserve)
{
	int r;

	(void) pthread_mutex_lock(&client->send_lock);
	r = ipc_ring_put(&client->to_daemon, function, iov, count, reserve);
	if (r == 0 || r == -EAGAIN)
		client_wake_daemon(client, r != 0 || reserve == 0 ||
		    ipc_ring_used(&client->to_daemon) >= IPC_DOZE_BYTES);
	client_look_sometimes(client);
	(void) pthread_mutex_unlock(&client->send_lock);
	if (r == -EAGAIN)
		client_refused(client);
	if (client_is_dead(client) || r == -EBADMSG)
		return CS_ERR_LIBRARY;
	if (r == -EAGAIN)
		return CS_ERR_TRY_AGAIN;
	return r == 0 ? CS_OK : CS_ERR_TOO_BIG;
}

cs_error_t
client_send(struct client *client, uint32_t function, const struct iovec *iov, size_t count)
{
	if (!client_is_ours(client))
		return CS_ERR_BAD_HANDLE;
	if ((function & IPC_FUNCTION_CALL) != 0)
		return CS_ERR_INVALID_PARAM;
	return client_put(client, function, iov, count, IPC_CALL_RESERVE_BYTES);
}

bool
client_is_behind(struct client *client)
{
	bool behind;

	if (!client_has_much_ahead(client) || client_in_callback())
		return false;
	(void) pthread_mutex_lock(&client->send_lock);
	client_look_sometimes(client);
	behind = !refused_for_long(client, REFUSED_BEHIND_NS);
	(void) pthread_mutex_unlock(&client->send_lock);
	(void) client_read_ahead();
	return behind;
}

size_t
client_send_max(const struct client *client)
{
	return ipc_ring_record_max(&client->to_daemon);
}

unsigned int
client_send_fill(struct client *client)
{
	uint64_t used, room = client->to_daemon.size - IPC_CALL_RESERVE_BYTES;

	if (!client_is_ours(client))
		return 0;
	(void) pthread_mutex_lock(&client->send_lock);
	used = ipc_ring_used(&client->to_daemon);
	(void) pthread_mutex_unlock(&client->send_lock);
	return used >= room ? 100u : (unsigned int) (100u * used / room);
}

static bool
reply_is_there(const struct client *client)
{
	return __atomic_load_n(&client->page->reply_sequence, __ATOMIC_SEQ_CST) ==
	    client->sequence;
}

/* In slices: nothing wakes us when the daemon is killed, and it may wait for room in the ring to us
 * before it comes to our call.  Signals must not keep us from looking. */
static cs_error_t
reply_wait(struct client *client)
{
	struct futex_time slice = { .ns = CALL_LOOK_NS };
	uint32_t *word = &client->page->reply_sequence, seen;

	for (;;) {
		seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
		if (seen == client->sequence)
			return CS_OK;
		if (client_is_dead(client))
			return reply_is_there(client) ? CS_OK : CS_ERR_LIBRARY;
		if (syscall(SYS_futex, word, FUTEX_WAIT, seen, &slice, NULL, 0) < 0 &&
		    errno != EAGAIN) {
			client_look(client);
			slice.ns = client_read_ahead() ? CALL_READ_NS : CALL_LOOK_NS;
		}
	}
}

static cs_error_t
client_call_locked(struct client *client, uint32_t function, const struct iovec *iov, size_t count,
    void *reply, size_t reply_size, size_t *ret_len)
{
	uint32_t head[2] = { 0, 0 };
	struct iovec parts[CALL_PARTS_MAX + 1u];
	uint32_t len;
	cs_error_t error;

	if (++client->sequence == 0)
		client->sequence++;	/* 0 is what the memory begins with */
	head[0] = client->sequence;
	parts[0] = (struct iovec) { .iov_base = head, .iov_len = sizeof head };
	if (count > 0)
		memcpy(parts + 1, iov, count * sizeof *iov);
	error = client_put(client, function | IPC_FUNCTION_CALL, parts, count + 1, 0);
	if (error == CS_OK)
		error = reply_wait(client);
	else if (error == CS_ERR_LIBRARY && reply_is_there(client))
		error = CS_OK;	/* it answered, and then hung up, before we looked */
	if (error != CS_OK)
		return error;
	len = client->page->reply_len;
	if (len > reply_size || len > IPC_REPLY_BYTES_MAX)
		return CS_ERR_LIBRARY;	/* the daemon's engine and this library don't fit */
	if (len > 0)
		memcpy(reply, client->reply, len);
	if (ret_len != NULL)
		*ret_len = len;
	return CS_OK;
}

cs_error_t
client_call(struct client *client, uint32_t function, const struct iovec *iov, size_t count,
    void *reply, size_t reply_size, size_t *ret_len)
{
	cs_error_t error;

	if (!client_is_ours(client))
		return CS_ERR_BAD_HANDLE;
	if ((function & IPC_FUNCTION_CALL) != 0 || count > CALL_PARTS_MAX)
		return CS_ERR_INVALID_PARAM;
	if (ipc_iov_len(iov, count) > IPC_CALL_BYTES_MAX)
		return CS_ERR_TOO_BIG;
	client_lock_reading(&client->call_lock);
	error = client_call_locked(client, function, iov, count, reply, reply_size, ret_len);
	(void) pthread_mutex_unlock(&client->call_lock);
	return error;
}
