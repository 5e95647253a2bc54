/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * One connection: its memory, the calls and records that come from it, the events that go to it.
 * All that is read from the memory is the client's claim; ring.h checks it, and what is wrong ends
 * the connection.
 */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <syslog.h>
#include <unistd.h>

#include "exec/ipc/internal.h"

#ifndef SYS_futex
#define SYS_futex	SYS_futex_time64
#endif

static bool
ring_size_ok(uint32_t bytes)
{
	return bytes >= IPC_RING_SMALL_BYTES && bytes <= IPC_RING_LARGE_BYTES &&
	    (bytes & (bytes - 1)) == 0;
}

/* Memory that can't shrink under us: a sealed file of tmpfs, of just this size.  The seals first: a
 * size that was seen before them may be no more. */
static int
memory_check(int fd, size_t size)
{
	struct statfs fs;
	struct stat st;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
		return -EPERM;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || fs.f_type != TMPFS_MAGIC || (size_t) st.st_size != size)
		return -EINVAL;
	return 0;
}

int
ipc_conn_map(struct ipc_conn *conn, const struct ipc_hello *hello, int memory_fd)
{
	uint8_t *map;
	size_t size;
	int r;

	if (hello->magic != IPC_MAGIC || hello->version != IPC_VERSION)
		return -EPROTO;
	if (!ring_size_ok(hello->to_daemon_bytes) || !ring_size_ok(hello->to_client_bytes))
		return -EINVAL;
	size = ipc_map_bytes(hello->to_daemon_bytes, hello->to_client_bytes);
	r = memory_check(memory_fd, size);
	if (r < 0)
		return r;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	/* A child of ours would keep the client's memory when the client is gone. */
	(void) madvise(map, size, MADV_DONTFORK);
	conn->page = (struct ipc_page *) (void *) map;
	conn->map_bytes = size;
	conn->reply = map + IPC_PAGE_BYTES;
	conn->to_daemon = (struct ipc_ring) {
		.shared = &conn->page->to_daemon,
		.data = conn->reply + IPC_REPLY_BYTES_MAX,
		.size = hello->to_daemon_bytes,
	};
	conn->to_client = (struct ipc_ring) {
		.shared = &conn->page->to_client,
		.data = conn->to_daemon.data + hello->to_daemon_bytes,
		.size = hello->to_client_bytes,
	};
	return 0;
}

void
ipc_conn_unmap(struct ipc_conn *conn)
{
	if (conn->page != NULL)
		(void) munmap(conn->page, conn->map_bytes);
	conn->page = NULL;
}

/* --- to the client --- */

/* The client's word is IPC_RUNG: this byte is what it waits for.  The kernel may have no room for
 * it; then it sleeps on, and is rung a little later.  (A socket that is full has bells enough, and
 * one that is closed is noticed elsewhere.) */
void
ipc_conn_ring(struct ipc_conn *conn)
{
	bool sent = send(conn->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;

	conn->server->stats.system_calls++;
	conn->server->stats.doorbells_tx += sent;
	if (sent || (errno != ENOBUFS && errno != ENOMEM && errno != EINTR))
		conn->bell_tries = 0;
	else if (++conn->bell_tries > IPC_BELL_TRIES_MAX || !ipc_tick_wanted(conn->server))
		ipc_disconnect(conn, "the system has no room to wake it");
}

static void
conn_bell(struct ipc_conn *conn)
{
	/* It can't be full: a client has one bell at a time, if it keeps the rules. */
	if (conn->fd >= 0 && conn->bell_tries == 0 &&
	    ipc_wish_change(&conn->page->to_client.consumer_wish, IPC_ARMED, IPC_RUNG))
		ipc_conn_ring(conn);
}

void
ipc_conn_garbage(struct ipc_conn *conn, const char *what)
{
	if (conn->cut)
		return;
	conn->server->stats.garbage_cut++;
	ipc_log(conn->server, LOG_WARNING, "%s: client pid %d (uid %u) wrote garbage into its"
	    " shared memory (%s); disconnecting it", conn->server->name, (int) conn->pid,
	    (unsigned int) conn->uid, what);
	ipc_cut(conn, /* drain= */ false);
}

/* The client says when its ring is at most half full; ask for that, then look whether it is. */
static void
conn_flush(struct ipc_conn *conn)
{
	uint32_t *wish = &conn->page->to_client.producer_wish;
	unsigned int tries = 0;

	while (!ipc_backlog_move(conn)) {
		/* Each try fills half a ring at least, so an honest client comes to an end. */
		if (tries++ == IPC_FLUSH_MAX) {
			ipc_conn_garbage(conn, "tail of the event ring");
			return;
		}
		__atomic_store_n(wish, 1, __ATOMIC_SEQ_CST);
		if (ipc_ring_used(&conn->to_client) > conn->to_client.size / 2)
			break;
	}
	if (ipc_ring_used(&conn->to_client) > 0)
		conn_bell(conn);
}

int
ipc_event(struct ipc_conn *conn, uint32_t function, const struct iovec *iov, size_t count)
{
	struct ipc_server *server = conn->server;
	size_t len = ipc_iov_len(iov, count);
	int r = -EAGAIN;

	if (conn->state != IPC_CONN_OPEN || conn->cut)
		return -ENOBUFS;
	if (len > ipc_ring_record_max(&conn->to_client))
		return -EMSGSIZE;
	if (STAILQ_EMPTY(&conn->backlog))
		r = ipc_ring_put(&conn->to_client, function, iov, count, 0);
	if (r == -EBADMSG) {
		ipc_conn_garbage(conn, "tail of the event ring");
		return -ENOBUFS;
	}
	if (r == -EAGAIN) {
		if (!ipc_backlog_room(conn, function, iov, count, len))
			return -ENOBUFS;
		if (ipc_backlog_add(conn, function, iov, count, len) < 0) {
			ipc_disconnect(conn, "no memory for its events");
			return -ENOBUFS;
		}
		conn_flush(conn);
		ipc_congestion_notice(server);
	}
	server->stats.events++;
	conn_bell(conn);
	return conn->cut ? -ENOBUFS : 0;
}

void
ipc_reply(struct ipc_conn *conn, const void *data, size_t len)
{
	uint32_t *word;

	cs_assert(len <= IPC_REPLY_BYTES_MAX);
	if (!conn->call_pending)
		return;
	conn->call_pending = false;
	if (conn->state != IPC_CONN_OPEN || conn->cut)
		return;
	word = &conn->page->reply_sequence;
	if (len > 0)
		memcpy(conn->reply, data, len);
	conn->page->reply_len = (uint32_t) len;
	__atomic_store_n(word, conn->call_sequence, __ATOMIC_SEQ_CST);
	(void) syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* --- from the client --- */

static void
conn_call(struct ipc_conn *conn, const struct ipc_ring_record *record, const uint8_t *data)
{
	struct ipc_server *server = conn->server;
	uint32_t sequence;

	if (record->len < IPC_CALL_HEAD_BYTES ||
	    record->len > IPC_CALL_HEAD_BYTES + IPC_CALL_BYTES_MAX || conn->call_pending) {
		ipc_conn_garbage(conn, "call");
		return;
	}
	memcpy(&sequence, data, sizeof sequence);
	conn->call_sequence = sequence;
	conn->call_pending = true;
	server->stats.requests++;
	server->handlers.request(server->host, conn, record->function & ~IPC_FUNCTION_CALL,
	    data + IPC_CALL_HEAD_BYTES, record->len - IPC_CALL_HEAD_BYTES);
}

/* 0: handled; -EAGAIN: the engine wants it later. */
static int
conn_record(struct ipc_conn *conn, const struct ipc_ring_record *record)
{
	struct ipc_server *server = conn->server;
	int r;

	if (record->len > IPC_RECORD_BYTES_MAX) {
		ipc_conn_garbage(conn, "length of a record");
		return 0;
	}
	ipc_ring_read(&conn->to_daemon, record, 0, server->record, record->len);
	if ((record->function & IPC_FUNCTION_CALL) != 0) {
		/* The reply may wake the client, which may then send: the place is free by then. */
		ipc_ring_advance(&conn->to_daemon, record);
		ipc_ring_release(&conn->to_daemon);
		conn_call(conn, record, server->record);
		return 0;
	}
	r = server->handlers.record(server->host, conn, record->function, server->record,
	    record->len);
	if (r == -EAGAIN)
		return r;
	ipc_ring_advance(&conn->to_daemon, record);
	ipc_ring_release(&conn->to_daemon);
	if (r < 0)
		ipc_conn_garbage(conn, "content of a record");
	server->stats.records++;
	return 0;
}

bool
ipc_conn_drained(const struct ipc_conn *conn)
{
	/* Serially: a hostile head may never be hit exactly. */
	return conn->state == IPC_CONN_CLOSING &&
	    (int32_t) (conn->drain_until - conn->to_daemon.at) <= 0;
}

/* Take records, up to a turn's share. */
static void
conn_drain(struct ipc_conn *conn)
{
	struct ipc_ring_record record;
	size_t bytes = 0, count = 0;
	int r = 0;

	while (!conn->cut && !ipc_conn_drained(conn)) {
		if (conn->server->held) {
			ipc_queue_move(conn, IPC_QUEUE_BLOCKED);
			return;
		}
		r = ipc_ring_peek(&conn->to_daemon, &record);
		if (r < 0)
			break;
		if (count == IPC_TURN_RECORDS || bytes >= IPC_TURN_BYTES) {
			ipc_queue_move(conn, IPC_QUEUE_READY);
			return;
		}
		r = conn_record(conn, &record);
		if (r == -EAGAIN) {
			ipc_queue_move(conn, count > 0 ? IPC_QUEUE_BLOCKED : IPC_QUEUE_STARVED);
			return;
		}
		if ((record.function & IPC_FUNCTION_CALL) == 0)
			conn->streamed += 1 + record.len / IPC_STREAM_BYTES;
		count++;
		bytes += record.len;
	}
	if (r == -EBADMSG)
		ipc_conn_garbage(conn, "ring to the daemon");
	if (r == -EAGAIN && conn->state == IPC_CONN_CLOSING)
		conn->drain_until = conn->to_daemon.at;		/* its head went back */
}

void
ipc_conn_turn(struct ipc_conn *conn)
{
	bool blocked = conn->queue == IPC_QUEUE_BLOCKED || conn->queue == IPC_QUEUE_STARVED;

	if (conn->state == IPC_CONN_OPEN)
		conn_flush(conn);
	if (blocked || conn->cut)
		return;
	if (conn->queue == IPC_QUEUE_DOZING)
		__atomic_store_n(&conn->page->to_daemon.consumer_wish, IPC_AWAKE, __ATOMIC_SEQ_CST);
	ipc_queue_move(conn, IPC_QUEUE_NONE);
	conn_drain(conn);
	if (conn->state != IPC_CONN_OPEN || conn->cut || conn->queue != IPC_QUEUE_NONE)
		return;
	ipc_conn_rest(conn);
}

/* --- what is known of it --- */

const struct ipc_stats *
ipc_server_stats(const struct ipc_server *server)
{
	return &server->stats;
}

pid_t
ipc_conn_pid(const struct ipc_conn *conn)
{
	return conn->pid;
}

bool
ipc_conn_is_closing(const struct ipc_conn *conn)
{
	return conn->cut || conn->state == IPC_CONN_CLOSING;
}

uid_t
ipc_conn_uid(const struct ipc_conn *conn)
{
	return conn->uid;
}

void *
ipc_conn_private(const struct ipc_conn *conn)
{
	return conn->private;
}

void
ipc_conn_private_set(struct ipc_conn *conn, void *value)
{
	conn->private = value;
}
