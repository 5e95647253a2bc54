# SPDX-License-Identifier: BSD-3-Clause
if HAVE_CHECK
check_PROGRAMS += test/unit/test_net
TESTS += test/unit/test_net
endif
test_unit_test_net_SOURCES = test/unit/test_net.c test/unit/test_net.h test/unit/test_net_cable.c \
	test/unit/test_net_evidence.c test/unit/test_net_udp.c test/unit/test_net_udpu.c
test_unit_test_net_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_net_LDADD = libnet.la libbase.la $(CHECK_LIBS)

EXTRA_PROGRAMS += test/bench/net_bench
test_bench_net_bench_SOURCES = test/bench/net_bench.c
test_bench_net_bench_LDADD = libnet.la libbase.la
CLEANFILES += test/bench/net_bench
include test/fuzz/local.mk
