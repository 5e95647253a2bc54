# SPDX-License-Identifier: BSD-3-Clause
noinst_LTLIBRARIES += libtotem.la
libtotem_la_SOURCES = exec/totem/check.c exec/totem/commit.c exec/totem/deliver.c \
	exec/totem/detector.c exec/totem/door.c exec/totem/gather.c exec/totem/info.c exec/totem/internal.h \
	exec/totem/limits.h exec/totem/merge.c exec/totem/order.c exec/totem/pack.c \
	exec/totem/peer.c exec/totem/queue.c exec/totem/queue.h exec/totem/recovery.c \
	exec/totem/rest.c exec/totem/send.c exec/totem/store.c exec/totem/store.h exec/totem/stuck.c exec/totem/totem.c \
	exec/totem/totem.h exec/totem/wire.c exec/totem/wire.h
EXTRA_DIST += exec/totem/PROTOCOL.md
