# SPDX-License-Identifier: BSD-3-Clause
# The service engines: one loadable module each.
engine_LTLIBRARIES += cfg.la
cfg_la_SOURCES = exec/engines/cfg.c
cfg_la_LDFLAGS = -module -avoid-version -shared -no-undefined

include exec/engines/cpg.mk
