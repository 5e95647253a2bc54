# SPDX-License-Identifier: BSD-3-Clause
# Checks by hand that look for what tests do not see: sanitizers, valgrind, static analysis.
EXTRA_DIST += test/analyze.sh test/analyze.known

# A build of its own, so that the daemon, its engines (modules) and its clients all have the
# sanitizers.  Left out: bench, mutants, the rules of the tree and the man pages, which look at no
# running code of ours; test_cpg_abi.sh and test_savings_readme.sh, which build programs of a user
# without the sanitizers, and these cannot load libraries with; fuzz_totem, which has its own.
asan_flags = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
asan_units = $(filter test/unit/test_%,$(check_PROGRAMS)) test/unit/test_daemon.sh \
	test/fuzz/replay.sh
asan_sim = test/sim/scenario test/sim/scenarios.sh test/sim/groups.sh test/sim/shrink.sh
ASAN_SEEDS = 40
ASAN_CLUSTER = $(cluster_tests)

.PHONY: asan-build check-asan check-asan-unit check-asan-sim check-asan-faults check-asan-cluster
asan-build:
	test -e asan/config.status || { mkdir -p asan && cd asan && \
	    $(abs_top_srcdir)/configure --enable-silent-rules CFLAGS='$(asan_flags)' \
	    LDFLAGS='-fsanitize=address,undefined' >configure.log; }
	cd asan && $(MAKE) all && $(MAKE) check TESTS=
check-asan: check-asan-unit check-asan-sim check-asan-faults check-asan-cluster
# libcheck's own time limits are for the plain build.
check-asan-unit: asan-build
	cd asan && CK_TIMEOUT_MULTIPLIER=10 $(MAKE) check TESTS='$(asan_units)'
check-asan-sim: asan-build
	cd asan && test/sim/vs --seeds 1 $(ASAN_SEEDS) --nodes-min 3 --nodes-max 9 --quiet
	cd asan && test/sim/vc --seeds 1 $(ASAN_SEEDS) --nodes-min 3 --nodes-max 9 --quiet
	cd asan && CK_TIMEOUT_MULTIPLIER=10 $(MAKE) check TESTS='$(asan_sim)'
check-asan-faults: asan-build
	cd asan && test/fault/faults
check-asan-cluster: asan-build
	cd asan && $(MAKE) check TESTS='$(ASAN_CLUSTER)'

# A test's child that valgrind has something to say about ends with 9, which libcheck reports.
# ip(8), which the tests of the network call, and sed(1), which libtool's scripts call, leak at their
# end and aren't ours.
# Left out: test_cpg_world and test_savings, whose random schedules take more than two minutes with
# the sanitizers already; test_ipc_hostile, which is taken to be as slow (not measured);
# test_ipc_slow, which is about who reads how fast; and test_last_words, as valgrind 3.19 does not
# know pidfd_open(2).  Of test_libcpg what is not about large messages and pace.
valgrind_not = test/unit/test_cpg_world test/unit/test_ipc_hostile test/unit/test_ipc_slow \
	test/unit/test_last_words test/unit/test_savings
valgrind_tests = $(filter-out $(valgrind_not),$(filter test/unit/test_%,$(check_PROGRAMS)))
.PHONY: check-valgrind analyze
check-valgrind: $(valgrind_tests)
	for test in $(valgrind_tests); do \
		case $$test in */test_libcpg) case=CK_RUN_CASE=libcpg ;; *) case= ;; esac; \
		echo "valgrind: $$test $$case"; \
		env $$case CK_TIMEOUT_MULTIPLIER=20 $(LIBTOOL) --mode=execute valgrind --quiet \
		    --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=9 \
		    --trace-children=yes --trace-children-skip='*/ip,*/sed' $$test || exit 1; \
	done

analyze:
	srcdir=$(abs_top_srcdir) $(abs_top_srcdir)/test/analyze.sh
