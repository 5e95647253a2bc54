# SPDX-License-Identifier: BSD-3-Clause
# Fault loops: the Nth call of a class fails, N = 1, 2, ...  A sample in `make check`.
check_LTLIBRARIES += test/fault/inject.la
test_fault_inject_la_SOURCES = test/fault/inject.c test/fault/inject.h
test_fault_inject_la_CFLAGS = $(AM_CFLAGS) -fno-builtin
test_fault_inject_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
test_fault_inject_la_LIBADD = -ldl

check_PROGRAMS += test/fault/faults
test_fault_faults_SOURCES = test/fault/daemons.c test/fault/fault.h test/fault/inject.h \
	test/fault/loop.c test/fault/program.c test/fault/subject_client.c \
	test/fault/subject_ring.c test/fault/subject_serve.c test/fault/subject_start.c \
	test/fault/subject_state.c test/fault/visit.c test/fault/visit.h
test_fault_faults_LDADD = libcore.la libbase.la libcpg.la libcfg.la libcorosync_common.la -lpthread
TESTS += test/fault/sample.sh
EXTRA_DIST += test/fault/sample.sh

# By hand: all of it.
.PHONY: check-faults
check-faults: all
	$(MAKE) check TESTS=
	test/fault/faults
