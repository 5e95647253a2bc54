/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <check.h>
#include <inttypes.h>
#include <poll.h>

#include "lib/client_private.h"
#include "test/unit/ipc_ask.h"

#define MS_NS		UINT64_C(1000000)

struct client *
ask_open(void)
{
	struct client *client;

	ck_assert_int_eq(client_open("toy", true, &client), CS_OK);
	/* Each stands for a process of its own: what one waits for is not read ahead for others. */
	client_lock();
	client->open = false;
	client_unlock();
	return client;
}

void
ask_call(struct client *client, uint32_t function, void *data, size_t len)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };

	ck_assert_int_eq(client_call(client, function, &iov, 1, NULL, 0, NULL), CS_OK);
}

struct toy_state
ask_state(struct client *client)
{
	struct toy_state state;
	size_t len;

	ck_assert_int_eq(client_call(client, TOY_CALL_STATE, NULL, 0, &state, sizeof state, &len),
	    CS_OK);
	ck_assert_uint_eq(len, sizeof state);
	return state;
}

struct toy_state
ask_active_wait(struct client *client, uint64_t count)
{
	uint64_t until = cs_timestamp_get() + 5000 * MS_NS;
	struct toy_state state;

	do {
		state = ask_state(client);
		if (state.active == count)
			return state;
		(void) poll(NULL, 0, 1);
	} while (cs_timestamp_get() < until);
	ck_abort_msg("%" PRIu64 " connections after 5 s", state.active);
	return state;
}
