# SPDX-License-Identifier: BSD-3-Clause
# Unit tests; each room's part is a file of its own.
if HAVE_CHECK
check_PROGRAMS += test/unit/test_base
TESTS += test/unit/test_base
test_unit_test_base_SOURCES = test/unit/test_base.c
test_unit_test_base_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_base_LDADD = libbase.la $(CHECK_LIBS)
endif

# The rules of the tree that a tool can check, and the proof that the tool can fail.
TESTS += tools/tidy test/unit/test_tidy.sh test/unit/test_headers.sh test/unit/test_man.sh
EXTRA_DIST += tools/tidy tools/tidy.awk test/unit/test_tidy.sh test/unit/test_headers.sh test/unit/test_man.sh

.PHONY: tidy
tidy:
	$(srcdir)/tools/tidy $(srcdir)

include test/unit/totem.mk
include test/unit/net.mk
include test/unit/ipc.mk
include test/unit/daemon.mk
include test/unit/cpg.mk
include test/unit/savings.mk
