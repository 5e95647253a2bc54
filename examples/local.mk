# SPDX-License-Identifier: BSD-3-Clause
# Programs that show how to use the libraries; not installed.
noinst_PROGRAMS += examples/savings/savings
examples_savings_savings_SOURCES = examples/savings/main.c examples/savings/serve.c \
	examples/savings/serve.h examples/savings/clients.c examples/savings/server.h \
	examples/savings/replica.c examples/savings/replica.h examples/savings/round.c \
	examples/savings/internal.h examples/savings/wire.c examples/savings/wire.h \
	examples/savings/bank.c examples/savings/bank.h
examples_savings_savings_LDADD = libcpg.la libcorosync_common.la
EXTRA_DIST += examples/savings/README.md examples/savings/MERGING.md

include examples/chat/chat.mk
