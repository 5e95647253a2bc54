# SPDX-License-Identifier: BSD-3-Clause
# The client libraries.  Sonames and version nodes are those of the distributions' libraries.
noinst_LTLIBRARIES += libclient.la
libclient_la_SOURCES = lib/client.c lib/client.h lib/client_events.c lib/client_private.h \
	lib/connect.c lib/handles.c lib/private.h
libclient_la_CFLAGS = $(AM_CFLAGS) -pthread

# .so.4
lib_LTLIBRARIES += libcorosync_common.la
libcorosync_common_la_SOURCES = lib/common.c
libcorosync_common_la_LDFLAGS = -version-info 4:0:0 -no-undefined

# .so.7
lib_LTLIBRARIES += libcfg.la
libcfg_la_SOURCES = lib/cfg.c
libcfg_la_LDFLAGS = -version-info 10:0:3 -no-undefined \
	-Wl,--version-script=$(top_srcdir)/lib/libcfg.map
libcfg_la_LIBADD = libclient.la libcorosync_common.la -lpthread
EXTRA_libcfg_la_DEPENDENCIES = lib/libcfg.map
EXTRA_DIST += lib/libcfg.map

# pkg-config files: the same names as the distributions'.  What programs ask these for is the level
# of the interface, not the version of our package.
API_VERSION = 3.1.7
PC_FILES = lib/corosync.pc lib/libcfg.pc lib/libcorosync_common.pc lib/libcpg.pc
nodist_pkgconfig_DATA = $(PC_FILES)
EXTRA_DIST += lib/corosync.pc.in lib/libcfg.pc.in lib/libcorosync_common.pc.in lib/libcpg.pc.in
CLEANFILES += $(PC_FILES)
$(PC_FILES): lib/%.pc: lib/%.pc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) lib && $(SED) -e 's|@prefix[@]|$(prefix)|g' \
	    -e 's|@exec_prefix[@]|$(exec_prefix)|g' -e 's|@libdir[@]|$(libdir)|g' \
	    -e 's|@includedir[@]|$(includedir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	    -e 's|@localstatedir[@]|$(localstatedir)|g' -e 's|@enginedir[@]|$(enginedir)|g' \
	    -e 's|@API_VERSION[@]|$(API_VERSION)|g' $< > $@

include lib/cpg.mk
