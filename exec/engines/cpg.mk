# SPDX-License-Identifier: BSD-3-Clause
engine_LTLIBRARIES += cpg.la
cpg_la_SOURCES = exec/engines/cpg_client.c exec/engines/cpg_engine.c exec/engines/cpg_engine.h \
	exec/engines/cpg_events.c exec/engines/cpg_group.c exec/engines/cpg_group.h \
	exec/engines/cpg_message.c exec/engines/cpg_message.h exec/engines/cpg_state.h \
	exec/engines/cpg_view.c
cpg_la_LDFLAGS = -module -avoid-version -shared -no-undefined
cpg_la_LIBADD = libbase.la
