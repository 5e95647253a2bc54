# SPDX-License-Identifier: BSD-3-Clause
noinst_LTLIBRARIES += libipc.la
libipc_la_SOURCES = exec/ipc/backlog.c exec/ipc/closer.c exec/ipc/closer.h exec/ipc/conn.c \
	exec/ipc/doze.c exec/ipc/internal.h exec/ipc/ipc.h exec/ipc/queue.c exec/ipc/rights.c \
	exec/ipc/rights.h exec/ipc/server.c exec/ipc/slow.c
libipc_la_LIBADD = libbase.la $(QB_LIBS) -lpthread
