/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/private.h"
#include "test/unit/ipc_raw.h"

void
raw_open(struct raw *raw)
{
	struct ipc_hello hello = {
		.magic = IPC_MAGIC, .version = IPC_VERSION,
		.to_daemon_bytes = IPC_RING_SMALL_BYTES, .to_client_bytes = IPC_RING_SMALL_BYTES,
	};
	int memory_fd;

	raw->bytes = ipc_map_bytes(hello.to_daemon_bytes, hello.to_client_bytes);
	ck_assert_int_eq(connect_memory(raw->bytes, &memory_fd), 0);
	raw->map = mmap(NULL, raw->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	ck_assert_ptr_ne(raw->map, MAP_FAILED);
	raw->page = (struct ipc_page *) (void *) raw->map;
	raw->to_daemon = (struct ipc_ring) {
		.shared = &raw->page->to_daemon,
		.data = raw->map + IPC_PAGE_BYTES + IPC_REPLY_BYTES_MAX,
		.size = hello.to_daemon_bytes,
	};
	ck_assert_int_eq(connect_open("toy", &hello, memory_fd, &raw->fd), 0);
	(void) close(memory_fd);
}

void
raw_close(struct raw *raw)
{
	(void) close(raw->fd);
	(void) munmap(raw->map, raw->bytes);
}

void
raw_bell(const struct raw *raw)
{
	(void) send(raw->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
raw_put(struct raw *raw, uint32_t function, const void *data, size_t len)
{
	uint8_t bytes[256];
	struct iovec iov = { .iov_base = bytes, .iov_len = len };

	memcpy(bytes, data, len);
	ck_assert_int_eq(ipc_ring_put(&raw->to_daemon, function, &iov, 1, 0), 0);
}

struct ipc_ring
raw_to_client(const struct raw *raw)
{
	return (struct ipc_ring) {
		.shared = &raw->page->to_client,
		.data = raw->to_daemon.data + raw->to_daemon.size,
		.size = raw->to_daemon.size,
	};
}
