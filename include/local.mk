# SPDX-License-Identifier: BSD-3-Clause
# What programs and engines of others are built against.
corosyncincludedir = $(includedir)/corosync
corosyncinclude_HEADERS = include/corosync/cfg.h include/corosync/corodefs.h \
	include/corosync/corotypes.h include/corosync/cpg.h include/corosync/hdb.h
engineincludedir = $(includedir)/corosync/engine
engineinclude_HEADERS = include/corosync/engine/engine.h
noinst_HEADERS = include/corosync/ipc/cfg_wire.h include/corosync/ipc/cpg_wire.h \
	include/corosync/ipc/link.h include/corosync/ipc/ring.h
