# SPDX-License-Identifier: BSD-3-Clause
# Shared memory between daemon and clients: the ring, the server with the libraries' common part, both
# in bad company; and cfg on top of them.
if HAVE_CHECK
IPC_TESTS = test/unit/test_ring test/unit/test_ipc test/unit/test_ipc_hostile \
	test/unit/test_ipc_doze test/unit/test_ipc_slow test/unit/test_cfg
check_PROGRAMS += $(IPC_TESTS)
TESTS += $(IPC_TESTS)

test_unit_test_ring_SOURCES = test/unit/test_ring.c
test_unit_test_ring_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_ring_LDADD = $(CHECK_LIBS) -lpthread

test_unit_test_ipc_SOURCES = test/unit/test_ipc.c test/unit/ipc_ask.c test/unit/ipc_ask.h \
	test/unit/ipc_toy.c test/unit/ipc_toy.h
test_unit_test_ipc_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_ipc_LDADD = libclient.la libipc.la $(QB_LIBS) $(CHECK_LIBS) -lpthread

test_unit_test_ipc_hostile_SOURCES = test/unit/test_ipc_hostile.c test/unit/ipc_ask.c \
	test/unit/ipc_ask.h test/unit/ipc_raw.c test/unit/ipc_raw.h test/unit/ipc_toy.c \
	test/unit/ipc_toy.h
test_unit_test_ipc_hostile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_ipc_hostile_LDADD = libclient.la libipc.la $(QB_LIBS) $(CHECK_LIBS) -lpthread

test_unit_test_ipc_doze_SOURCES = test/unit/test_ipc_doze.c test/unit/ipc_raw.c test/unit/ipc_raw.h \
	test/unit/ipc_toy.c test/unit/ipc_toy.h
test_unit_test_ipc_doze_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_ipc_doze_LDADD = libclient.la libipc.la $(QB_LIBS) $(CHECK_LIBS) -lpthread

test_unit_test_ipc_slow_SOURCES = test/unit/test_ipc_slow.c test/unit/ipc_ask.c test/unit/ipc_ask.h \
	test/unit/ipc_raw.c test/unit/ipc_raw.h test/unit/ipc_toy.c test/unit/ipc_toy.h
test_unit_test_ipc_slow_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_ipc_slow_LDADD = libclient.la libipc.la $(QB_LIBS) $(CHECK_LIBS) -lpthread

# Runs ./corosync-cfgtool, which is built before.
test_unit_test_cfg_SOURCES = test/unit/test_cfg.c exec/engines/cfg.c \
	tools/trouble.c
test_unit_test_cfg_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_cfg_LDADD = libcfg.la libcorosync_common.la libclient.la libipc.la $(QB_LIBS) \
	$(CHECK_LIBS) -lpthread
endif
