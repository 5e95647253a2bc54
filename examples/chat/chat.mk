# SPDX-License-Identifier: BSD-3-Clause
noinst_PROGRAMS += examples/chat/chat
examples_chat_chat_SOURCES = examples/chat/chat.c
examples_chat_chat_LDADD = libcpg.la libcorosync_common.la
