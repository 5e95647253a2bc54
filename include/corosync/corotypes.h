/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Types, constants and error codes that all libraries share.
 */
#ifndef COROTYPES_H_DEFINED
#define COROTYPES_H_DEFINED

#include <errno.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t cs_time_t;	/* nanoseconds */

#define CS_FALSE		0
#define CS_TRUE			!CS_FALSE
#define CS_MAX_NAME_LENGTH	256
#define CS_TIME_END		((cs_time_t) INT64_MAX)
#define CS_MAX(x, y)		((x) > (y) ? (x) : (y))

/* printf() formats; they need <inttypes.h>. */
#define CS_PRI_NODE_ID		"%" PRIu32
#define CS_PRI_NODE_ID_PADDED	"%10" PRIu32
#define CS_PRI_RING_ID_SEQ	"%" PRIx64
#define CS_PRI_RING_ID		"%" PRIx32 ".%" PRIx64

typedef struct {
	uint16_t length;	/* bytes; no terminator is needed */
	uint8_t value[CS_MAX_NAME_LENGTH];
} cs_name_t;

typedef struct {
	char releaseCode;
	unsigned char majorVersion;
	unsigned char minorVersion;
} cs_version_t;

/* How much one dispatch call does. */
typedef enum {
	CS_DISPATCH_ONE = 1,			/* wait for one event and handle it */
	CS_DISPATCH_ALL = 2,			/* handle what is there, don't wait */
	CS_DISPATCH_BLOCKING = 3,		/* until finalized, or an error */
	CS_DISPATCH_ONE_NONBLOCKING = 4		/* one at most; none: CS_ERR_TRY_AGAIN */
} cs_dispatch_flags_t;

#define CS_TRACK_CURRENT	0x01	/* one callback with the state as it is */
#define CS_TRACK_CHANGES	0x02	/* a callback with the whole state at each change */
#define CS_TRACK_CHANGES_ONLY	0x04	/* a callback with what changed */

typedef enum {
	CS_OK = 1,
	CS_ERR_LIBRARY = 2,		/* no daemon, or it is gone */
	CS_ERR_VERSION = 3,
	CS_ERR_INIT = 4,
	CS_ERR_TIMEOUT = 5,
	CS_ERR_TRY_AGAIN = 6,		/* not now; the same call may succeed later */
	CS_ERR_INVALID_PARAM = 7,
	CS_ERR_NO_MEMORY = 8,
	CS_ERR_BAD_HANDLE = 9,		/* unknown, finalized, or inherited through fork() */
	CS_ERR_BUSY = 10,
	CS_ERR_ACCESS = 11,		/* this user may not */
	CS_ERR_NOT_EXIST = 12,
	CS_ERR_NAME_TOO_LONG = 13,
	CS_ERR_EXIST = 14,
	CS_ERR_NO_SPACE = 15,
	CS_ERR_INTERRUPT = 16,
	CS_ERR_NAME_NOT_FOUND = 17,
	CS_ERR_NO_RESOURCES = 18,
	CS_ERR_NOT_SUPPORTED = 19,
	CS_ERR_BAD_OPERATION = 20,
	CS_ERR_FAILED_OPERATION = 21,
	CS_ERR_MESSAGE_ERROR = 22,
	CS_ERR_QUEUE_FULL = 23,
	CS_ERR_QUEUE_NOT_AVAILABLE = 24,
	CS_ERR_BAD_FLAGS = 25,
	CS_ERR_TOO_BIG = 26,
	CS_ERR_NO_SECTIONS = 27,	/* an iteration is at its end */
	CS_ERR_CONTEXT_NOT_FOUND = 28,
	CS_ERR_TOO_MANY_GROUPS = 30,
	CS_ERR_SECURITY = 100
} cs_error_t;

#define CS_IPC_TIMEOUT_MS	-1	/* calls wait as long as the daemon lives */

#define CS_TIME_MS_IN_SEC	1000ULL
#define CS_TIME_US_IN_SEC	1000000ULL
#define CS_TIME_NS_IN_SEC	1000000000ULL
#define CS_TIME_US_IN_MSEC	1000ULL
#define CS_TIME_NS_IN_MSEC	1000000ULL
#define CS_TIME_NS_IN_USEC	1000ULL

/* Nanoseconds of the monotonic clock. */
static inline uint64_t
cs_timestamp_get(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * CS_TIME_NS_IN_SEC + (uint64_t) now.tv_nsec;
}

/* A negative errno as cs_error_t; 0 and above is CS_OK, an unknown one CS_ERR_LIBRARY. */
cs_error_t qb_to_cs_error(int result);

/* "success", or the code's name such as "CS_ERR_TRY_AGAIN", or "unknown error".  Static. */
const char *cs_strerror(cs_error_t err);

/* What the functions of <corosync/hdb.h> leave in errno when they fail, as cs_error_t. */
cs_error_t hdb_error_to_cs(int res);

#ifdef __cplusplus
}
#endif
#endif
