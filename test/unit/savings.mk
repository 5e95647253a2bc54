# SPDX-License-Identifier: BSD-3-Clause
if HAVE_CHECK
check_PROGRAMS += test/unit/test_savings
TESTS += test/unit/test_savings
endif
test_unit_test_savings_SOURCES = test/unit/test_savings.c test/unit/savings_bus.c \
	test/unit/savings_bus.h examples/savings/bank.c examples/savings/wire.c \
	examples/savings/replica.c examples/savings/round.c
test_unit_test_savings_CPPFLAGS = -I$(srcdir)/examples/savings $(AM_CPPFLAGS)
test_unit_test_savings_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_savings_LDFLAGS = -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
test_unit_test_savings_LDADD = $(CHECK_LIBS)

TESTS += test/unit/test_savings_readme.sh
EXTRA_DIST += test/unit/test_savings_readme.sh README.md quickstart .ci/run
