# SPDX-License-Identifier: BSD-3-Clause
# Benchmarks, run by hand: bench.  cpgbench's options and output are described at its head.
check_PROGRAMS += test/bench/cpgbench
test_bench_cpgbench_SOURCES = test/bench/cpgbench.c
test_bench_cpgbench_LDADD = libcpg.la libcorosync_common.la -lpthread
EXTRA_DIST += test/bench/bench test/bench/check test/bench/clients.bash test/bench/expected \
	test/bench/median.awk test/bench/report.awk test/bench/bars.awk test/bench/NOTES.md \
	test/bench/results.svg test/RESULTS.md

# The work whose instructions are counted.
check_PROGRAMS += test/bench/workload
test_bench_workload_SOURCES = test/bench/workload.c $(cpg_la_SOURCES)
test_bench_workload_CFLAGS = $(AM_CFLAGS)
test_bench_workload_LDADD = libtotem.la libbase.la

# What a message costs, against what it cost.
TESTS += test/bench/check
.PHONY: bench-check
bench-check:
	$(MAKE) check TESTS=test/bench/check VERBOSE=yes
