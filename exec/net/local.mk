# SPDX-License-Identifier: BSD-3-Clause
noinst_LTLIBRARIES += libnet.la
libnet_la_SOURCES = exec/net/address.c exec/net/batch.c exec/net/evidence.c exec/net/net.c \
	exec/net/net.h exec/net/net_internal.h exec/net/peers.c exec/net/receive.c \
	exec/net/socket.c exec/net/udp.c exec/net/udpu.c
libnet_la_LIBADD = libbase.la
