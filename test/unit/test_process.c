/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Whether the daemon locks its memory, on systems with each kind of limit: their calls are here.
 */
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "exec/core/log.h"
#include "exec/core/process.h"

#define MIB	(UINT64_C(1024) * 1024)

static struct {			/* the system */
	struct rlimit limit;
	bool may_raise;		/* CAP_SYS_RESOURCE */
	bool may_lock;		/* CAP_IPC_LOCK, with effect */
	int locked;		/* flags of mlockall(); 0: nothing is locked */
	char said[512];
} machine;

/* --- its calls ----------------------------------------------------------------------------- */

int
setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	ck_assert_int_eq((int) resource, RLIMIT_MEMLOCK);
	if (limit->rlim_max > machine.limit.rlim_max && !machine.may_raise) {
		errno = EPERM;
		return -1;
	}
	machine.limit = *limit;
	return 0;
}

int
getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
	ck_assert_int_eq((int) resource, RLIMIT_MEMLOCK);
	*limit = machine.limit;
	return 0;
}

int
mlock(const void *address, size_t len)
{
	(void) address;
	if (machine.may_lock || machine.limit.rlim_cur >= len)
		return 0;
	errno = machine.limit.rlim_cur == 0 ? EPERM : ENOMEM;
	return -1;
}

int
munlock(const void *address, size_t len)
{
	(void) address;
	(void) len;
	return 0;
}

int
mlockall(int flags)
{
	machine.locked = flags;
	return 0;
}

void
log_write(unsigned int subsys, int priority, const char *function, const char *file, int line,
    const char *format, ...)
{
	va_list arguments;

	(void) subsys, (void) priority, (void) function, (void) file, (void) line;
	va_start(arguments, format);
	(void) vsnprintf(machine.said, sizeof machine.said, format, arguments);
	va_end(arguments);
}

void
log_crash(const char *text, size_t len)
{
	(void) text;
	(void) len;
}

/* --- tests --------------------------------------------------------------------------------- */

static void
start(rlim_t soft, rlim_t hard, bool may_raise, bool may_lock)
{
	static struct config config;

	memset(&machine, 0, sizeof machine);
	machine.limit = (struct rlimit) { .rlim_cur = soft, .rlim_max = hard };
	machine.may_raise = may_raise;
	machine.may_lock = may_lock;
	process_privilege(&config, true);
}

START_TEST(locked_without_a_limit)
{
	start(RLIM_INFINITY, RLIM_INFINITY, false, false);
	ck_assert_int_eq(machine.locked, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	start(8 * MIB, RLIM_INFINITY, false, false);
	ck_assert_int_ne(machine.locked, 0);
	ck_assert_uint_eq(machine.limit.rlim_cur, RLIM_INFINITY);
	start(8 * MIB, 8 * MIB, true, false);
	ck_assert_int_ne(machine.locked, 0);
	ck_assert_uint_eq(machine.limit.rlim_cur, RLIM_INFINITY);
	ck_assert_str_eq(machine.said, "");
}
END_TEST

START_TEST(locked_where_the_limit_does_not_count)
{
	start(8 * MIB, 16 * MIB, false, true);
	ck_assert_int_ne(machine.locked, 0);
	ck_assert_uint_eq(machine.limit.rlim_cur, 8 * MIB);
	ck_assert_uint_eq(machine.limit.rlim_max, 16 * MIB);
}
END_TEST

/* However high it is, it would be reached with some client. */
START_TEST(not_locked_up_to_a_limit)
{
	static const rlim_t limits[] = { 0, 8 * MIB, 256 * MIB, 8192 * MIB };

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		start(limits[i], limits[i], false, false);
		ck_assert_int_eq(machine.locked, 0);
		ck_assert_uint_eq(machine.limit.rlim_cur, limits[i]);
		ck_assert_ptr_nonnull(strstr(machine.said, "LimitMEMLOCK=infinity"));
	}
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("memory");
	Suite *suite = suite_create("process");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, locked_without_a_limit);
	tcase_add_test(tc, locked_where_the_limit_does_not_count);
	tcase_add_test(tc, not_locked_up_to_a_limit);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
