# SPDX-License-Identifier: BSD-3-Clause
# The simulated cluster and its judges, for vs and the scenarios.
check_LTLIBRARIES += libsim.la
libsim_la_SOURCES = \
	test/sim/act.c test/sim/check.c test/sim/check.h test/sim/check_v01_integrity.c \
	test/sim/check_v02_same_configuration.c test/sim/check_v03_membership.c \
	test/sim/check_v04_ids.c test/sim/check_v05_alternation.c \
	test/sim/check_v06_transitional.c test/sim/check_v07_no_lone_install.c \
	test/sim/check_v08_self_delivery.c test/sim/check_v09_atomicity.c \
	test/sim/check_v10_causal.c test/sim/check_v11_total.c test/sim/check_v12_safe.c \
	test/sim/check_v13_fifo.c test/sim/check_v14_liveness.c test/sim/contract.c test/sim/fault.c test/sim/flow.c test/sim/forge.c test/sim/heap.c \
	test/sim/heap.h test/sim/history.c test/sim/history.h test/sim/host.c test/sim/lie.h test/sim/message.c \
	test/sim/mutant.c test/sim/mutant.h test/sim/network.c test/sim/plan.c test/sim/plan.h \
	test/sim/play.c test/sim/profile.c \
	test/sim/record.c test/sim/report.c test/sim/report.h test/sim/shrink.c test/sim/sim.c test/sim/sim.h \
	test/sim/story.c test/sim/tale.c test/sim/trial.c test/sim/util.c test/sim/util.h \
	test/sim/workload.c
libsim_la_LIBADD = libtotem.la libbase.la

check_PROGRAMS += test/sim/vs
test_sim_vs_SOURCES = test/sim/campaign.c test/sim/campaign.h test/sim/campaign_long.c \
	test/sim/command.c test/sim/vs.c
test_sim_vs_LDADD = libsim.la

# Process groups on that: the library, the daemon's engine loader, its synchronisation and its
# connections to clients are compiled in; the engines are the modules of this build.
check_PROGRAMS += test/sim/vc
test_sim_vc_SOURCES = test/sim/campaign.c test/sim/campaign.h test/sim/campaign_long.c \
	test/sim/command.c test/sim/vc.c \
	test/sim/cpg/cpg.h test/sim/cpg/ipc.c test/sim/cpg/judge.c test/sim/cpg/ledger.h \
	test/sim/cpg/lies.c test/sim/cpg/link.c test/sim/cpg/node.c test/sim/cpg/program.c \
	test/sim/cpg/run.c test/sim/cpg/teller.c test/sim/cpg/trace.c test/sim/cpg/watch.c \
	test/sim/cpg/wire.c test/sim/cpg/wire.h exec/ipc/backlog.c exec/ipc/conn.c exec/ipc/internal.h \
	exec/ipc/ipc.h exec/ipc/queue.c exec/ipc/slow.c \
	test/sim/check_c01_order.c test/sim/check_c02_views.c test/sim/check_c03_join_point.c \
	test/sim/check_c04_leave_point.c test/sim/check_c05_members_only.c \
	test/sim/check_c06_no_ghosts.c test/sim/check_c07_self_delivery.c \
	test/sim/check_c08_whole.c test/sim/check_c09_barrier.c test/sim/check_c10_paused.c \
	test/sim/check_c11_rejoin.c test/sim/check_c12_flow.c test/sim/check_safe.c test/sim/check_savings.c \
	exec/core/engines.c exec/core/engines.h exec/core/engines_internal.h exec/core/host.c \
	exec/core/sync.h \
	lib/cpg.c lib/cpg_dispatch.c lib/cpg_iterate.c lib/cpg_private.h lib/cpg_send.c \
	lib/handles.c examples/savings/bank.c examples/savings/replica.c examples/savings/round.c \
	examples/savings/wire.c
test_sim_vc_CPPFLAGS = $(AM_CPPFLAGS) -DCPG_ENGINES_DIR='"$(abs_top_builddir)/.libs"'
test_sim_vc_CFLAGS = $(AM_CFLAGS)
test_sim_vc_LDADD = libsim.la libcore.la libtotem.la libbase.la -ldl -lpthread
EXTRA_test_sim_vc_DEPENDENCIES = cfg.la cpg.la

if HAVE_CHECK
check_PROGRAMS += test/sim/scenario
test_sim_scenario_SOURCES = test/sim/scenario.c test/sim/scenario.h test/sim/scenario_receive.c \
	test/sim/scenario_wait.c
test_sim_scenario_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_sim_scenario_LDADD = libsim.la $(CHECK_LIBS)
TESTS += test/sim/scenario
endif

TESTS += test/sim/seeds.sh test/sim/scenarios.sh
EXTRA_DIST += test/sim/seeds.sh test/sim/scenarios.sh test/sim/scenarios test/sim/trace \
	test/sim/coverage.sh test/sim/coverage.awk test/sim/COVERAGE.md

# The golden traces anew, when the ring is meant to behave otherwise: look at the difference.
update-traces: test/sim/vs$(EXEEXT)
	SIM_UPDATE=yes srcdir='$(srcdir)' $(srcdir)/test/sim/scenarios.sh

# 100,000 seeds: hours.  What was done is kept in test/sim/long.state; stopped, it goes on from there,
# and to begin anew that file is removed.
LONG_SEEDS = 100000
LONG_JOBS = 2
check-long: test/sim/vs$(EXEEXT)
	test/sim/vs --seeds 1 $(LONG_SEEDS) --jobs $(LONG_JOBS) --quiet \
		--resume test/sim/long.state
# The same of process groups.
check-long-groups: test/sim/vc$(EXEEXT)
	test/sim/vc --seeds 1 $(LONG_SEEDS) --jobs $(LONG_JOBS) --quiet \
		--resume test/sim/long-groups.state

coverage-sim:
	$(srcdir)/test/sim/coverage.sh '$(srcdir)' $(libsim_la_SOURCES) $(test_sim_vs_SOURCES)
.PHONY: update-traces check-long check-long-groups coverage-sim
DISTCLEANFILES = test/sim/long.state test/sim/long-groups.state
TESTS += test/sim/groups.sh test/sim/shrink.sh
EXTRA_DIST += test/sim/groups.sh test/sim/shrink.sh

# Detection time against mistakes; the whole table by hand.
check_PROGRAMS += test/sim/detect
test_sim_detect_SOURCES = test/sim/detect.c
test_sim_detect_LDADD = libsim.la
TESTS += test/sim/detect.sh
EXTRA_DIST += test/sim/detect.sh test/RESULTS-detector.md

.PHONY: detect-table
detect-table: test/sim/detect$(EXEEXT)
	test/sim/detect
