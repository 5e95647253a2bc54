# SPDX-License-Identifier: BSD-3-Clause
# cpgload: a sender and checker of one group; its output is described at the head of cpgload.c.
check_PROGRAMS += test/cluster/cpgload
test_cluster_cpgload_SOURCES = test/cluster/cpgload.c
test_cluster_cpgload_LDADD = libcpg.la libcorosync_common.la
