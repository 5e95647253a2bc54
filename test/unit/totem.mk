# SPDX-License-Identifier: BSD-3-Clause
check_PROGRAMS += test/unit/test_totem
test_unit_test_totem_SOURCES = test/unit/test_totem.c
test_unit_test_totem_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_totem_LDADD = libtotem.la libbase.la $(CHECK_LIBS)
TESTS += test/unit/test_totem
