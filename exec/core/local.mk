# SPDX-License-Identifier: BSD-3-Clause
# The parts of the daemon that can be tested without it, and the daemon.
noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = exec/core/config.c exec/core/config.h exec/core/config_finish.c \
	exec/core/config_logging.c exec/core/config_lookup.c exec/core/config_nodes.c exec/core/config_parse.c \
	exec/core/config_parse.h exec/core/config_report.c exec/core/config_schema.c \
	exec/core/config_schema.h exec/core/config_value.c exec/core/config_value.h \
	exec/core/instance.c exec/core/instance.h exec/core/local.c exec/core/local.h \
	exec/core/resolve.c exec/core/resolve.h exec/core/state.c exec/core/state.h \
	exec/core/sync.c exec/core/sync.h exec/core/thread.c exec/core/thread.h

sbin_PROGRAMS += corosync
corosync_SOURCES = exec/core/daemon.c exec/core/daemon.h exec/core/engines.c \
	exec/core/engines.h exec/core/engines_internal.h exec/core/host.c \
	exec/core/last_words.c exec/core/last_words.h exec/core/log.c \
	exec/core/log.h exec/core/main.c exec/core/options.c exec/core/options.h \
	exec/core/process.c exec/core/process.h exec/core/shell.c exec/core/shell.h \
	exec/core/shell_internal.h exec/core/shell_dump.c exec/core/shell_lists.c \
	exec/core/shell_log.c exec/core/start.c exec/core/start.h \
	exec/core/token_watch.c exec/core/token_watch.h
corosync_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
corosync_LDADD = libcore.la libtotem.la libnet.la libipc.la libbase.la $(QB_LIBS) \
	$(SYSTEMD_LIBS) -ldl -lpthread
