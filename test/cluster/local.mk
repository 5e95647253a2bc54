# SPDX-License-Identifier: BSD-3-Clause
# Tests with real daemons in network namespaces; skipped, with the reason, where these are not
# permitted.  `measure` is run by hand.
cluster_tests = test/cluster/refuse.test test/cluster/repair.test test/cluster/load.test \
	test/cluster/partition.test test/cluster/foreign.test test/cluster/client.test \
	test/cluster/transport.test test/cluster/loss.test test/cluster/token.test \
	test/cluster/alarms.test test/cluster/many.test test/cluster/slow.test \
	test/cluster/churn.test test/cluster/receive.test test/cluster/alone.test \
	test/cluster/disk.test
TESTS += $(cluster_tests)
EXTRA_DIST += $(cluster_tests) test/cluster/lib.bash test/cluster/measures.bash \
	test/cluster/measure

check_PROGRAMS += test/cluster/fault
test_cluster_fault_SOURCES = test/cluster/fault.c

check_LTLIBRARIES += test/cluster/slow_disk.la
test_cluster_slow_disk_la_SOURCES = test/cluster/slow_disk.c
test_cluster_slow_disk_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
test_cluster_slow_disk_la_LIBADD = -ldl

include test/cluster/cpgload.mk

CLEANFILES += test/cluster/lock

.PHONY: check-cluster
check-cluster:
	$(MAKE) check TESTS='$(cluster_tests)'
