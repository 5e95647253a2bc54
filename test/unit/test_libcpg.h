/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Tests of libcpg with a real daemon of one node: what their files share.
 */
#ifndef TEST_UNIT_TEST_LIBCPG_H
#define TEST_UNIT_TEST_LIBCPG_H
#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <corosync/cpg.h>

/* What callbacks saw, of the handle whose context it is. */
struct seen {
	unsigned int messages, changes, rings;
	size_t bytes, len_last;
	uint64_t sum;			/* of all bytes, with their places */
	size_t members, left, joined;	/* of the last change */
	uint32_t reason;		/* of its first left or joined entry */
	uint32_t node_id, pid;		/* of the last message */
	struct cpg_name group;
	bool finalize;			/* in the next callback */
	unsigned int nested;		/* dispatch so often in the next callback */
	size_t large;			/* send a message of so many bytes in the next callback */
};

extern pid_t daemon_pid;
void daemon_start(void);
void daemon_stop(int signal_number);

struct cpg_name name_of(const char *text);
cpg_handle_t open_handle(struct seen *seen);
/* Joined, and our own change was dispatched. */
cpg_handle_t open_joined(struct seen *seen, const char *group);
/* Until that many messages came. */
void wait_messages(cpg_handle_t handle, const struct seen *seen, unsigned int count);
cs_error_t send_text(cpg_handle_t handle, const char *text);
uint64_t sum_of(const uint8_t *data, size_t len);

TCase *large_tests(void);
void threads_tests(TCase *tc);
TCase *waits_tests(void);
#endif
