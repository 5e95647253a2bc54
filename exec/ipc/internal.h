/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Between the files of exec/ipc/: server.c owns sockets and the work, queue.c says whose turn comes
 * (the simulator of process groups has another server.c, and the rest as it is); slow.c deals with
 * clients that do not read, backlog.c with what waits for them; doze.c with those that need not
 * ring, and with time; conn.c with one connection's memory, calls, records and events; rights.c and
 * closer.c with clients' sockets and descriptors.
 *
 * A connection is freed by server.c only, from the main loop, never while a handler runs:
 *
 *	HELLO --hello taken--> OPEN --hang-up, cut--> CLOSING --ring drained, told--> freed
 *	  `--refused, hang-up, too slow: freed at once
 */
#ifndef IPC_INTERNAL_H
#define IPC_INTERNAL_H
#include <sys/queue.h>

#include <corosync/ipc/link.h>
#include "exec/base/assert.h"
#include "exec/ipc/ipc.h"

#define IPC_CONNECTIONS_MAX	1024u
#define IPC_HELLO_WAIT_NS	UINT64_C(5000000000)
#define IPC_TURN_RECORDS	64u		/* of one connection before the next one's turn */
#define IPC_TURN_BYTES		262144u
#define IPC_TURN_CONNECTIONS	16u		/* before the loop's other work */
#define IPC_RECORD_BYTES_MAX	(IPC_RING_LARGE_BYTES / 2u)
#define IPC_TICK_NS		UINT64_C(1000000)
#define IPC_STREAM_RECORDS	8u	/* a tick: that is a stream to give way to; */
#define IPC_STREAM_BYTES	8192u	/* so much more counts as one more */
#define IPC_BELL_TRIES_MAX	1000u	/* ticks */
#define IPC_FLUSH_MAX		4096u	/* rings full of events, in one go */

_Static_assert(IPC_RECORD_BYTES_MAX > 1048576u + 1024u, "a message of 1 MiB is one record");

enum ipc_conn_state { IPC_CONN_HELLO, IPC_CONN_OPEN, IPC_CONN_CLOSING };
enum ipc_queue { IPC_QUEUE_NONE, IPC_QUEUE_READY, IPC_QUEUE_BLOCKED, IPC_QUEUE_STARVED,
	IPC_QUEUE_DOZING };

struct ipc_content {		/* of an event that waits, for one client or several */
	uint32_t users;
	uint32_t function;
	uint32_t len;
	uint8_t data[];
};

struct ipc_pending {		/* an event that waits for room in the ring to the client */
	STAILQ_ENTRY(ipc_pending) link;
	struct ipc_content *content;
};

struct ipc_slow {		/* while something waits for it */
	uint32_t tail;			/* how far it had read when it last was seen to read */
	int32_t still;			/* so many checks ago; below 0: the next one is too soon */
	uint32_t seen;			/* how far it had read at the last check, */
	uint32_t silent;		/* and at so many before it in a row: it read nothing */
	size_t share;			/* its part of the backlog, when that was last counted */
};

struct ipc_conn {
	TAILQ_ENTRY(ipc_conn) link;		/* in server->conns */
	TAILQ_ENTRY(ipc_conn) queue_link;	/* in the queue that `queue` names */
	struct ipc_server *server;
	enum ipc_conn_state state;
	enum ipc_queue queue;
	int fd;
	pid_t pid;
	uid_t uid;
	void *private;
	qb_loop_timer_handle hello_timer;
	struct ipc_page *page;		/* the client's memory; NULL before the hello */
	size_t map_bytes;
	uint8_t *reply;
	struct ipc_ring to_daemon, to_client;
	uint32_t drain_until;		/* CLOSING: the head when the client hung up */
	bool call_pending;		/* a call is not answered yet */
	uint32_t call_sequence;
	uint32_t streamed;		/* sent since it slept, or since the last tick */
	bool cut;			/* hang up at the next turn */
	bool drain;			/* ... after taking what it sent */
	unsigned int bell_tries;	/* in a row that failed: it is owed a bell */
	STAILQ_HEAD(, ipc_pending) backlog;
	size_t backlog_bytes;		/* as if none of it were shared */
	struct ipc_slow slow;
	bool slow_told;			/* the log has it that the ring waits for it */
};

TAILQ_HEAD(ipc_conns, ipc_conn);

struct closer;

struct ipc_server {
	qb_loop_t *loop;
	struct ipc_handlers handlers;
	void *host;
	char name[IPC_NAME_BYTES_MAX];
	size_t backlog_bytes_max;
	uint64_t grace_ns;
	int listen_fd;
	int spare_fd;			/* given up to say "no descriptors" to a client; -1: gone */
	bool starved_told;		/* the log has it that there are none */
	bool deaf;			/* until the spare one is there again; its timer runs */
	qb_loop_timer_handle deaf_timer;
	int work_fd;			/* readable while `ready` holds anything, or may */
	struct closer *closer;		/* of what belongs to clients */
	bool unclosed_told;		/* the log has it that much waits there */
	struct ipc_conns conns;
	struct ipc_conns ready, blocked, starved;	/* starved: blocked without any progress */
	struct ipc_conns dozing;	/* looked at when we are awake, and at each tick */
	bool streams;			/* one of them sent much before the last tick */
	bool ticks;
	int tick_fd;			/* a timer: a tick comes */
	bool held;
	struct ipc_content *queued_last;	/* NULL: it waits no more */
	bool congested;
	bool check_due;			/* of who reads; else its timer runs, while congested */
	uint32_t checks;		/* since the ring is slowed */
	bool slow_told;			/* somebody is named in the log for that */
	bool shares_known;		/* counted since the last check */
	size_t shares_walked;		/* events looked at for them, since all had to be counted */
	uint64_t queued_since;		/* bytes, since they were counted */
	qb_loop_timer_handle check_timer;
	uint8_t *record;		/* the copy of the one being handled */
	struct ipc_stats stats;
};

/* server.c */
void ipc_log(const struct ipc_server *server, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Let the work handler run soon. */
void ipc_work(struct ipc_server *server);
/* One turn, and what follows from it.  The connection may be gone afterwards. */
void ipc_turn(struct ipc_conn *conn);
/* Hang up from the work handler; `drain`: take what it sent before. */
void ipc_cut(struct ipc_conn *conn, bool drain);

/* rights.c */
/* Close what came from a client.  That may take as long as it likes, so not here (closer.h). */
void ipc_foreign_close(struct ipc_server *server, int fd);
/* The same for a client's socket.  The client sees its end now, whenever it is closed. */
void ipc_socket_close(struct ipc_server *server, int fd);
/* Read from a client's socket, with all descriptors that come: RIGHTS_MAX.  Bytes, or -errno.
 * `ret_lost`: there was no place for some. */
ssize_t ipc_socket_receive(int fd, void *data, size_t len, int *ret_fds, size_t *ret_count,
    bool *ret_lost);

/* queue.c */
void ipc_queues_init(struct ipc_server *server);
void ipc_queue_move(struct ipc_conn *conn, enum ipc_queue queue);

/* backlog.c */
/* Behind what waits already.  0 or -ENOMEM. */
int ipc_backlog_add(struct ipc_conn *conn, uint32_t function, const struct iovec *iov, size_t count,
    size_t len);
/* Bytes that it would add to the backlog of all. */
size_t ipc_backlog_cost(const struct ipc_server *server, uint32_t function, const struct iovec *iov,
    size_t count, size_t len);
/* Count its part of them into conn->slow.share.  Returns how many events wait for it. */
size_t ipc_backlog_share(struct ipc_conn *conn);
/* Move what waits into the client's ring, as far as there is room.  False: some is left. */
bool ipc_backlog_move(struct ipc_conn *conn);
void ipc_backlog_drop(struct ipc_conn *conn);

/* slow.c */
/* A backlog grew: does it slow the ring?  From anywhere, as it cuts nobody off. */
void ipc_congestion_notice(struct ipc_server *server);
/* To be called when a backlog grew or shrank; from the main loop only. */
void ipc_congestion_check(struct ipc_server *server);
/* Something waits for it from now on. */
void ipc_slow_begin(struct ipc_conn *conn);
/* Make room for that event in the backlog of all by cutting off the slowest.  False: this one. */
bool ipc_backlog_room(struct ipc_conn *conn, uint32_t function, const struct iovec *iov,
    size_t count, size_t len);

/* doze.c */
int ipc_tick_init(struct ipc_server *server);
/* A tick shall come.  False: none will. */
bool ipc_tick_wanted(struct ipc_server *server);
/* Everything was taken: sleep, or doze if the client waits for nothing. */
void ipc_conn_rest(struct ipc_conn *conn);

/* conn.c */
/* 0, or -errno: refused. */
int ipc_conn_map(struct ipc_conn *conn, const struct ipc_hello *hello, int memory_fd);
void ipc_conn_unmap(struct ipc_conn *conn);
/* Everything that is to do for an open or closing connection; the caller looks at `cut` then. */
void ipc_conn_turn(struct ipc_conn *conn);
/* CLOSING, and nothing is left to take. */
bool ipc_conn_drained(const struct ipc_conn *conn);
/* It broke the rules: disconnect it, once, and say what was wrong. */
void ipc_conn_garbage(struct ipc_conn *conn, const char *what);
/* Send the byte that belongs to its IPC_RUNG, or owe it. */
void ipc_conn_ring(struct ipc_conn *conn);
#endif
