# SPDX-License-Identifier: BSD-3-Clause
sbin_PROGRAMS += corosync-cpgtool
corosync_cpgtool_SOURCES = tools/cpgtool.c $(tools_common)
corosync_cpgtool_LDADD = libcpg.la libcfg.la libcorosync_common.la
