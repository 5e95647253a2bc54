# SPDX-License-Identifier: BSD-3-Clause
# .so.4, the file .so.4.1.0
lib_LTLIBRARIES += libcpg.la
libcpg_la_SOURCES = lib/cpg.c lib/cpg_dispatch.c lib/cpg_iterate.c lib/cpg_private.h \
	lib/cpg_send.c
libcpg_la_LDFLAGS = -version-info 5:0:1 -no-undefined \
	-Wl,--version-script=$(top_srcdir)/lib/libcpg.versions
libcpg_la_LIBADD = libclient.la libcorosync_common.la -lpthread
EXTRA_libcpg_la_DEPENDENCIES = lib/libcpg.versions
EXTRA_DIST += lib/libcpg.versions
