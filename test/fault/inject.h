/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A library for LD_PRELOAD that makes the Nth call of a class fail, in a process as it is; and the
 * page of shared memory through which it is told, at any moment, and tells what it did.  The page
 * is a file that the environment names (INJECT_VARIABLE); without it nothing fails.
 *
 * Not reached: what the C library calls inside itself (stdio's write, getifaddrs()'s sockets,
 * threads' stacks), the kernel's own shortages in calls that are not listed, and allocations in a
 * build with the address sanitizer.
 */
#ifndef FAULT_INJECT_H
#define FAULT_INJECT_H
#include <stdint.h>

#define INJECT_VARIABLE		"FAULT_CONTROL"
#define INJECT_FRAMES_MAX	20u

enum inject_class {
	INJECT_NONE,
	INJECT_ALLOC,	/* malloc, calloc, realloc, reallocarray, memalign and its like */
	INJECT_SEND,	/* send, sendto, sendmsg, sendmmsg */
	INJECT_WRITE,	/* write, pwrite, writev to a file */
	INJECT_FSYNC,	/* fsync, fdatasync, rename, renameat */
	INJECT_OPEN,	/* open, openat, opendir, fopen, socket, accept4, eventfd, timerfd_create */
	INJECT_MMAP,	/* mmap, mremap, memfd_create, ftruncate */
	INJECT_CLASS_COUNT
};

/* A place in the stack of the call that failed. */
struct inject_frame {
	char module[128];		/* its path */
	uint64_t offset;		/* in the module, for addr2line */
};

struct inject_control {
	/* Told.  `armed` is written last, and read first. */
	uint32_t armed;			/* enum inject_class */
	uint32_t at;			/* the first call to fail, from 1 on */
	uint32_t times;			/* so many in a row fail */
	int32_t error;			/* errno */
	/* What it did since. */
	uint32_t count;			/* calls of the class */
	uint32_t fired;			/* of these failed */
	uint32_t frame_count;		/* where the first that failed was called */
	struct inject_frame frame[INJECT_FRAMES_MAX];
};

#endif
