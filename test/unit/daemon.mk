# SPDX-License-Identifier: BSD-3-Clause
# The daemon's pure parts.
if HAVE_CHECK
daemon_tests = test/unit/test_config test/unit/test_sync test/unit/test_core test/unit/test_process \
	test/unit/test_shell_lists test/unit/test_shell_log test/unit/test_last_words
check_PROGRAMS += $(daemon_tests)
TESTS += $(daemon_tests)
test_unit_test_config_SOURCES = test/unit/test_config.c
test_unit_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_config_LDADD = libcore.la libtotem.la libnet.la libbase.la $(CHECK_LIBS)
test_unit_test_sync_SOURCES = test/unit/test_sync.c
test_unit_test_sync_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_sync_LDADD = libcore.la libtotem.la libnet.la libbase.la $(CHECK_LIBS)
test_unit_test_core_SOURCES = test/unit/test_core.c
test_unit_test_core_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_core_LDADD = libcore.la libtotem.la libnet.la libbase.la $(CHECK_LIBS)
test_unit_test_process_SOURCES = test/unit/test_process.c exec/core/last_words.c \
	exec/core/process.c
test_unit_test_process_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SYSTEMD_CFLAGS)
test_unit_test_process_LDADD = libcore.la libnet.la libbase.la $(QB_LIBS) $(SYSTEMD_LIBS) \
	$(CHECK_LIBS)
test_unit_test_shell_lists_SOURCES = test/unit/test_shell_lists.c exec/core/shell_lists.c
test_unit_test_shell_lists_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_shell_lists_LDADD = libnet.la libbase.la $(CHECK_LIBS)
test_unit_test_shell_log_SOURCES = test/unit/test_shell_log.c exec/core/shell_log.c
test_unit_test_shell_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_shell_log_LDADD = libtotem.la libnet.la libbase.la $(CHECK_LIBS)
test_unit_test_last_words_SOURCES = test/unit/test_last_words.c exec/core/last_words.c
test_unit_test_last_words_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_unit_test_last_words_LDADD = libbase.la $(CHECK_LIBS)
endif

# The daemon from outside.
TESTS += test/unit/test_daemon.sh
EXTRA_DIST += test/unit/test_daemon.sh $(stock_files)
stock_files = test/unit/stock/knet.conf test/unit/stock/rrp.conf test/unit/stock/rrp-udp.conf \
	test/unit/stock/secauth.conf test/unit/stock/tool.conf test/unit/stock/tool-plain.conf \
	test/unit/stock/udpu.conf
