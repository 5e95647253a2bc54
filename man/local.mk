# SPDX-License-Identifier: BSD-3-Clause
dist_man_MANS += man/corosync.8 man/corosync.conf.5 man/corosync-cfgtool.8 man/corosync-cpgtool.8 \
	man/cpg_overview.3

EXTRA_DIST += ARCHITECTURE.md LICENSE
