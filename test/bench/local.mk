# SPDX-License-Identifier: BSD-3-Clause
# Benchmarks, run by hand: bench.  cpgbench's options and output are described at its head.
check_PROGRAMS += test/bench/cpgbench
test_bench_cpgbench_SOURCES = test/bench/cpgbench.c
test_bench_cpgbench_LDADD = libcpg.la libcorosync_common.la
EXTRA_DIST += test/bench/bench test/bench/median.awk test/bench/report.awk test/bench/bars.awk
