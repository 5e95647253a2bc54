/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A client of the toy server by the library: what a test asks, which must go well.
 */
#ifndef TEST_UNIT_IPC_ASK_H
#define TEST_UNIT_IPC_ASK_H
#include <stdint.h>

#include "lib/private.h"
#include "test/unit/ipc_toy.h"

struct client *ask_open(void);
/* A call without an answer. */
void ask_call(struct client *client, uint32_t function, void *data, size_t len);
struct toy_state ask_state(struct client *client);
/* Wait until only `count` connections are left; 5 s at most. */
struct toy_state ask_active_wait(struct client *client, uint64_t count);
#endif
