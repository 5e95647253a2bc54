# SPDX-License-Identifier: BSD-3-Clause
dist_man_MANS += man/corosync.8 man/corosync.conf.5 man/corosync-cfgtool.8 man/corosync-cpgtool.8 \
	man/cpg_overview.3
# A page for each function of <corosync/cpg.h>; small ones share one, under each of their names.
dist_man_MANS += man/cpg_context_get.3 man/cpg_context_set.3 \
	man/cpg_dispatch.3 man/cpg_fd_get.3 \
	man/cpg_finalize.3 man/cpg_flow_control_state_get.3 \
	man/cpg_initialize.3 man/cpg_iteration_finalize.3 \
	man/cpg_iteration_initialize.3 man/cpg_iteration_next.3 \
	man/cpg_join.3 man/cpg_leave.3 \
	man/cpg_local_get.3 man/cpg_max_atomic_msgsize_get.3 \
	man/cpg_mcast_joined.3 man/cpg_membership_get.3 \
	man/cpg_model_initialize.3 man/cpg_zcb_alloc.3 \
	man/cpg_zcb_free.3 man/cpg_zcb_mcast_joined.3

EXTRA_DIST += ARCHITECTURE.md LICENSE
