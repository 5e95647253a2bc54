/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A server process with a small engine, for the tests of exec/ipc/ and of the libraries'
 * common part.
 */
#ifndef TEST_UNIT_IPC_TOY_H
#define TEST_UNIT_IPC_TOY_H
#include <stdint.h>
#include <sys/types.h>

enum toy_record {
	TOY_RECORD_COUNT = 1,	/* u64, each one more than the last of this connection */
	TOY_RECORD_ECHO = 2,	/* comes back as an event */
	TOY_RECORD_BAD = 3,	/* the engine calls it garbage */
};

enum toy_call {
	TOY_CALL_STATE = 1,	/* -> toy_state */
	TOY_CALL_BURST = 2,	/* toy_burst -> nothing; then that many events */
	TOY_CALL_SILENCE = 3,	/* no reply ever */
	TOY_CALL_ROOM = 4,	/* u32: so many records a millisecond, then -EAGAIN; 0: all */
	TOY_CALL_HOLD = 5,	/* hold for 100 ms from now */
	TOY_CALL_LIMIT_FDS = 6,	/* no new descriptors from now on */
	TOY_CALL_CLOSE = 7,	/* the engine disconnects us, after the reply */
	TOY_CALL_BURST_ALL = 8,	/* toy_burst -> nothing; that many events to all connections */
	TOY_CALL_BURST_BEHIND = 9,	/* as TOY_CALL_BURST, the answer first: nobody waits */
	TOY_CALL_NOTHING = 99,	/* any other number does nothing, too */
};

enum toy_event { TOY_EVENT_ECHO = 1, TOY_EVENT_BURST = 2 };

struct toy_state {
	uint64_t connection_records;	/* TOY_RECORD_COUNT taken from this connection, in order */
	uint64_t connection_errors;	/* ... out of order */
	uint64_t closed_records;	/* the same two, of all that were closed */
	uint64_t closed_errors;
	uint64_t total_records;		/* taken from all connections there ever were */
	uint64_t opened, closed;	/* callbacks */
	uint64_t congested_on, congested_off;
	uint64_t congested_ns;		/* how long the last time was */
	uint64_t congested_bytes;	/* what waited when it began */
	uint64_t refused;		/* -EAGAIN said */
	uint64_t fds;			/* open descriptors of the server */
	uint64_t resident_kib;
	uint64_t active, slow_cut, garbage_cut, backlog_bytes, doorbells_tx, doorbells_rx;
};

struct toy_burst {
	uint32_t count, bytes;
};

#define TOY_BACKLOG_BYTES	(2048u * 1024u)
#define TOY_GRACE_NS		UINT64_C(300000000)

enum toy_door { TOY_DOOR_OPEN, TOY_DOOR_REFUSE, TOY_DOOR_NOT_READY };

/* Start one under an instance name of its own, which is put into COROSYNC_INSTANCE; it dies with
 * us. */
pid_t toy_start(enum toy_door door);
/* Start one under the name that COROSYNC_INSTANCE holds. */
pid_t toy_start_again(enum toy_door door);
void toy_kill(pid_t pid, int number);
#endif
