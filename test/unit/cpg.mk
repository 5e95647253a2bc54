# SPDX-License-Identifier: BSD-3-Clause
# The cpg engine in worlds of its own, libcpg with a daemon of one node, its binary interface.
TESTS += test/unit/test_cpg_abi.sh
EXTRA_DIST += test/unit/test_cpg_abi.sh

if HAVE_CHECK
CPG_TESTS = test/unit/test_cpg test/unit/test_cpg_world test/unit/test_libcpg \
	test/unit/test_libcpg_parts
check_PROGRAMS += $(CPG_TESTS)
TESTS += $(CPG_TESTS)

# The engine's parts, without its module.
check_LTLIBRARIES += libcpgengine.la
libcpgengine_la_SOURCES = $(cpg_la_SOURCES) test/unit/cpg_world.c test/unit/cpg_world.h
libcpgengine_la_LIBADD = libbase.la

test_unit_test_cpg_SOURCES = test/unit/test_cpg.c
test_unit_test_cpg_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_cpg_LDADD = libcpgengine.la $(CHECK_LIBS)

test_unit_test_cpg_world_SOURCES = test/unit/test_cpg_world.c test/unit/cpg_model.c \
	test/unit/cpg_model.h
test_unit_test_cpg_world_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_cpg_world_LDADD = libcpgengine.la $(CHECK_LIBS)

test_unit_test_libcpg_SOURCES = test/unit/test_libcpg.c test/unit/test_libcpg_large.c \
	test/unit/test_libcpg_threads.c test/unit/test_libcpg_waits.c \
	test/unit/test_libcpg.h
test_unit_test_libcpg_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_libcpg_LDADD = libcpg.la libcorosync_common.la $(CHECK_LIBS) -lpthread

# What cpg_dispatch.c calls is in the test.
test_unit_test_libcpg_parts_SOURCES = test/unit/test_libcpg_parts.c lib/cpg_dispatch.c
test_unit_test_libcpg_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_libcpg_parts_LDADD = $(CHECK_LIBS)
endif
