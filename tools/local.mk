# SPDX-License-Identifier: BSD-3-Clause
# Command line programs, on the public libraries only.
tools_common = tools/patience.c tools/patience.h tools/trouble.c tools/trouble.h
sbin_PROGRAMS += corosync-cfgtool
corosync_cfgtool_SOURCES = tools/cfgtool.c $(tools_common)
corosync_cfgtool_LDADD = libcfg.la libcorosync_common.la

include tools/cpg.mk
