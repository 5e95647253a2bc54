# SPDX-License-Identifier: BSD-3-Clause
noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = exec/base/assert.c exec/base/assert.h exec/base/buf.h \
	exec/base/nodebits.h exec/base/prng.h exec/base/seq.h exec/base/text.h
