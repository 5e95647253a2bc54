/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A client of the toy server that does without the library, so that it can break its rules or look
 * at each word.
 */
#ifndef TEST_UNIT_IPC_RAW_H
#define TEST_UNIT_IPC_RAW_H
#include <corosync/ipc/link.h>

struct raw {
	int fd;
	uint8_t *map;
	size_t bytes;
	struct ipc_page *page;
	struct ipc_ring to_daemon;
};

void raw_open(struct raw *raw);
void raw_close(struct raw *raw);
/* Where events come; the client's own view of that ring. */
struct ipc_ring raw_to_client(const struct raw *raw);
void raw_bell(const struct raw *raw);
/* A record of 256 bytes at most; nobody is rung. */
void raw_put(struct raw *raw, uint32_t function, const void *data, size_t len);
#endif
