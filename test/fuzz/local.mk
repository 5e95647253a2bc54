# SPDX-License-Identifier: BSD-3-Clause
# The core's own sources, compiled once more with the sanitizers.
check_PROGRAMS += test/fuzz/fuzz_totem
TESTS += test/fuzz/fuzz_totem
test_fuzz_fuzz_totem_SOURCES = test/fuzz/fuzz_cluster.c test/fuzz/fuzz_cluster.h \
	test/fuzz/fuzz_forge.c test/fuzz/fuzz_forge.h test/fuzz/fuzz_totem.c \
	$(libtotem_la_SOURCES) $(libbase_la_SOURCES)
test_fuzz_fuzz_totem_CFLAGS = $(AM_CFLAGS) -O1 -fno-omit-frame-pointer \
	-fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all
test_fuzz_fuzz_totem_LDFLAGS = -fsanitize=address,undefined

# Targets for libFuzzer; here a plain main replays what is committed of their inputs.
replay_targets = test/fuzz/replay_wire test/fuzz/replay_totem test/fuzz/replay_config \
	test/fuzz/replay_ipc test/fuzz/replay_data_ring test/fuzz/replay_sync
check_PROGRAMS += $(replay_targets)
TESTS += test/fuzz/replay.sh
replay_common = test/fuzz/replay.c test/fuzz/input.h
test_fuzz_replay_wire_SOURCES = test/fuzz/target_wire.c $(replay_common)
test_fuzz_replay_wire_LDADD = libtotem.la libbase.la
test_fuzz_replay_totem_SOURCES = test/fuzz/target_totem.c test/fuzz/fuzz_cluster.c \
	test/fuzz/fuzz_cluster.h test/fuzz/fuzz_forge.c test/fuzz/fuzz_forge.h $(replay_common)
test_fuzz_replay_totem_LDADD = libtotem.la libbase.la
test_fuzz_replay_config_SOURCES = test/fuzz/target_config.c $(replay_common)
test_fuzz_replay_config_LDADD = libcore.la libtotem.la libnet.la libbase.la -lpthread
# It brings the few functions of the main loop that the server uses.
test_fuzz_replay_ipc_SOURCES = test/fuzz/target_ipc.c exec/engines/cfg.c exec/ipc/backlog.c \
	exec/ipc/conn.c exec/ipc/doze.c exec/ipc/queue.c exec/ipc/rights.c exec/ipc/server.c \
	exec/ipc/slow.c $(replay_common)
test_fuzz_replay_ipc_CFLAGS = $(AM_CFLAGS)
test_fuzz_replay_ipc_LDADD = libbase.la
test_fuzz_replay_data_ring_SOURCES = test/fuzz/target_data_ring.c $(replay_common)
test_fuzz_replay_sync_SOURCES = test/fuzz/target_sync.c $(replay_common)
test_fuzz_replay_sync_LDADD = libcore.la libtotem.la libnet.la libbase.la -lpthread
if HAVE_CHECK
check_PROGRAMS += test/fuzz/replay_cpg
test_fuzz_replay_cpg_SOURCES = test/fuzz/target_cpg.c $(replay_common)
test_fuzz_replay_cpg_LDADD = libcpgengine.la libbase.la
endif
EXTRA_DIST += test/fuzz/replay.sh test/fuzz/fuzz.sh test/fuzz/config.dict test/fuzz/corpus \
	test/fuzz/blocks.c test/fuzz/blocks.h test/fuzz/blocks_probe.c

# By hand.  Needs clang with libFuzzer: apt-get install clang libclang-rt-14-dev
.PHONY: check-fuzz
check-fuzz:
	srcdir=$(abs_top_srcdir) $(top_srcdir)/test/fuzz/fuzz.sh
