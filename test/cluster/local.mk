# SPDX-License-Identifier: BSD-3-Clause
# Tests with real daemons in network namespaces.
include test/cluster/cpgload.mk
