/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Parts of large messages, as a daemon could bring them: libcpg's dispatch alone, with events made
 * here.  A daemon of ours does not bring the wrong ones; that of another node may be older.
 */
#include <check.h>
#include <string.h>

#include "lib/cpg_private.h"

#define SENDER_NODE	9u
#define SENDER_PID	90u

static struct cpg cpg = { .partial = LIST_HEAD_INITIALIZER(cpg.partial),
    .own = STAILQ_HEAD_INITIALIZER(cpg.own), .lock = PTHREAD_MUTEX_INITIALIZER };
static struct client_record next;	/* function 0: none */
static bool hung_up;
static char delivered[64];

/* --- what dispatch calls ------------------------------------------------------------------- */

cs_error_t
cpg_get(cpg_handle_t handle, struct cpg **ret_cpg)
{
	(void) handle;
	*ret_cpg = &cpg;
	return CS_OK;
}

void
cpg_put(cpg_handle_t handle)
{
	(void) handle;
}

bool
cpg_is_closed(cpg_handle_t handle)
{
	(void) handle;
	return false;
}

cs_error_t
client_next(struct client *client, int timeout_ms, struct client_record *ret_record)
{
	(void) client;
	ck_assert_int_eq(timeout_ms, 0);
	if (hung_up)
		return CS_ERR_LIBRARY;
	if (next.function == 0)
		return CS_ERR_TRY_AGAIN;
	*ret_record = next;
	next.function = 0;
	return CS_OK;
}

void
client_done(struct client *client)
{
	(void) client;
}

void
client_interrupt(struct client *client)
{
	(void) client;
	hung_up = true;
}

/* --- tests --------------------------------------------------------------------------------- */

static void
on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node_id, uint32_t pid,
    void *msg, size_t len)
{
	(void) handle;
	(void) group;
	ck_assert(node_id == SENDER_NODE && pid == SENDER_PID && len < sizeof delivered);
	memcpy(delivered, msg, len);
	delivered[len] = '\0';
}

/* One part comes; what is delivered by it, or "". */
static const char *
part(uint32_t flags, uint32_t total, const char *text)
{
	static _Alignas(8) uint8_t data[128];
	struct cpg_wire_deliver_part head = { .node_id = SENDER_NODE, .pid = SENDER_PID,
	    .flags = flags, .total_bytes = total };

	memcpy(data, &head, sizeof head);
	memcpy(data + sizeof head, text, strlen(text));
	next = (struct client_record) { .function = CPG_EVENT_PART, .data = data,
	    .len = sizeof head + strlen(text) };
	delivered[0] = '\0';
	ck_assert_int_eq(cpg_dispatch(1, CS_DISPATCH_ALL), CS_OK);
	return delivered;
}

static void
setup(void)
{
	cpg.model.cpg_deliver_fn = on_deliver;
}

START_TEST(whole_ones_are_delivered)
{
	ck_assert_str_eq(part(CPG_WIRE_PART_FIRST, 9, "one "), "");
	ck_assert_str_eq(part(0, 9, "large"), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_LAST, 0, ""), "one large");
	ck_assert_str_eq(part(CPG_WIRE_PART_FIRST, 9, "one "), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_FIRST, 5, "again"), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_LAST, 0, ""), "again");
	ck_assert_str_eq(part(CPG_WIRE_PART_LAST, 0, ""), "");
}
END_TEST

/* Dropped, and the next one is delivered: the connection has not suffered. */
START_TEST(short_ones_are_dropped)
{
	ck_assert_str_eq(part(CPG_WIRE_PART_FIRST, 100, "x"), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_LAST, 0, ""), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_FIRST, 2, "ok"), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_LAST, 0, ""), "ok");
	ck_assert(!hung_up);
}
END_TEST

START_TEST(long_ones_are_dropped)
{
	ck_assert_str_eq(part(CPG_WIRE_PART_FIRST, 3, "to"), "");
	ck_assert_str_eq(part(0, 3, "o much"), "");
	ck_assert_str_eq(part(0, 3, "!"), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_LAST, 0, ""), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_FIRST, 1, "too much"), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_LAST, 0, ""), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_FIRST, 2, "ok"), "");
	ck_assert_str_eq(part(CPG_WIRE_PART_LAST, 0, ""), "ok");
	ck_assert(!hung_up);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("parts");
	Suite *suite = suite_create("libcpg parts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, whole_ones_are_delivered);
	tcase_add_test(tc, short_ones_are_dropped);
	tcase_add_test(tc, long_ones_are_dropped);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
