#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The fuzz targets with libFuzzer and the sanitizers.  Run in the build tree: make check-fuzz.
#
#	fuzz.sh [TARGET...]
#	FUZZ_SECONDS=20		each; 0: no limit
#	FUZZ_RUNS=-1		executions of each; -1: no limit
#	FUZZ_CC=clang		needs libFuzzer (Debian: clang, libclang-rt-14-dev)
#
# New inputs go to fuzz/corpus.TARGET, findings to fuzz/, both in the build tree.
top=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
cc=${FUZZ_CC:-clang}
seconds=${FUZZ_SECONDS:-20}
runs=${FUZZ_RUNS:--1}
targets=${*:-wire totem config cpg ipc data_ring sync}
flags="-g -O1 -std=gnu11 -D_GNU_SOURCE
	-fsanitize=fuzzer,address,undefined,implicit-conversion,local-bounds
	-fno-sanitize-recover=all -fno-omit-frame-pointer"

mkdir -p fuzz || exit 99
echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n);
int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d == 0 && n; }' \
	>fuzz/probe.c
# shellcheck disable=SC2086
"$cc" $flags -o fuzz/probe fuzz/probe.c 2>fuzz/probe.log || {
	echo "$cc cannot build a libFuzzer program here: apt-get install clang libclang-rt-14-dev"
	exit 1
}

sources() {
	base=$top/exec/base/assert.c
	case $1 in
	wire) echo "$top/exec/totem/wire.c $base" ;;
	totem) echo "$top/test/fuzz/fuzz_cluster.c $top/test/fuzz/fuzz_forge.c" \
		"$top"/exec/totem/*.c "$base $top/test/fuzz/blocks.c" ;;
	config) echo "$top"/exec/core/config*.c "$top/exec/core/local.c" \
		"$top/exec/core/resolve.c $top/exec/core/thread.c" "$top"/exec/totem/*.c \
		"$top"/exec/net/*.c "$base" ;;
	cpg) echo "$top/test/unit/cpg_world.c" "$top"/exec/engines/cpg*.c "$base" ;;
	ipc) echo "$top"/exec/ipc/[!c]*.c "$top/exec/ipc/conn.c $top/exec/engines/cfg.c $base" \
		"$top/test/fuzz/blocks.c" ;;
	data_ring) echo "$base" ;;
	sync) echo "$top/exec/core/sync.c $top/exec/core/state.c $top/exec/core/thread.c $base" ;;
	esac
}

# What costs much and finds nothing.  The search for the nearest known name compares millions of
# letters: not every one is a clue for libFuzzer.
printf '%s\n' fun:distance 'src:*/test/fuzz/blocks.c' >fuzz/ignore

# A header with other limits, which goes before that of the tree.  What sed does not find any more
# is an error.
smaller() {			# HEADER CHANGES SED_SCRIPT
	mkdir -p "fuzz/small/$(dirname "$1")"
	sed -e "$3" "$top/$1" >"fuzz/small/$1"
	[ "$(diff "$top/$1" "fuzz/small/$1" | grep -c '^>')" -eq "$2" ] || {
		echo "FAIL: $1 is not what fuzz.sh expects"
		exit 1
	}
}

# Making the shadow of a core's 20 MiB takes longer than the core's work: here its pools are the
# smallest that it can do with, and its largest message is little more than what the target submits.
smaller exec/totem/limits.h 4 '/define TOTEM_POOL_BYTES/s/(12u \* /(1u * /
	/define TOTEM_MESSAGE_BYTES_MAX/s/(1048576u /(65536u /
	/define TOTEM_APP_QUEUE_BYTES/s/(4u \* 1024u /(512u /
	/define TOTEM_SYNC_QUEUE_BYTES/s/(2u \* 1024u /(256u /'
# Tables in which a handful of groups and processes meet, and that are gone through in no time by
# the check after each message.
smaller exec/engines/cpg_state.h 2 's/\(define CPG_GROUP_BUCKETS\).*/\1 4u/
	s/\(define CPG_PROCESS_BUCKETS\).*/\1 8u/'

# Freed memory is used again at once, by the sanitizer's heap as by blocks.c, and its shadow is
# written rather than mapped anew.  Of who asked for memory two callers are kept: with fewer no leak
# is reported.
ASAN_OPTIONS=quarantine_size_mb=1:malloc_context_size=2:allocator_release_to_os_interval_ms=-1
ASAN_OPTIONS=$ASAN_OPTIONS:max_malloc_fill_size=0:detect_leaks=1
ASAN_OPTIONS=$ASAN_OPTIONS:clear_shadow_mmap_threshold=1073741824
export ASAN_OPTIONS

# What is particular to a target.  The bytes of a frame to totem meet no comparison as they are:
# what libFuzzer learns from comparisons is no clue there, and takes a third of an execution.
special() {
	blocks="-include $top/test/fuzz/blocks.h"
	case $1 in
	totem) echo "-Ifuzz/small $blocks -fno-sanitize-coverage=trace-cmp" ;;
	ipc) echo "$blocks" ;;
	cpg) echo "-Ifuzz/small" ;;
	esac
}

"$cc" -g -O1 -fsanitize=address -include "$top/test/fuzz/blocks.h" -I"$top" -o fuzz/blocks_probe \
	"$top/test/fuzz/blocks_probe.c" "$top/test/fuzz/blocks.c" || exit 1
fuzz/blocks_probe none || {
	echo "FAIL: blocks.c: a program without a fault"
	exit 1
}
for fault in beyond before stale twice inside lost; do
	if fuzz/blocks_probe $fault 2>fuzz/probe.log; then
		echo "FAIL: blocks.c hides from the sanitizer: $fault"
		exit 1
	fi
done

failed=0
for target in $targets; do
	# shellcheck disable=SC2046,SC2086
	"$cc" $flags -fsanitize-coverage-ignorelist=fuzz/ignore $(special "$target") \
		-I"$top" -I"$top/include" -I. $(pkg-config --cflags libqb) \
		-DCS_SYSCONFDIR='"/etc"' -DCS_LOCALSTATEDIR='"/var"' -DCS_RUNSTATEDIR='"/run"' \
		-DCS_ENGINEDIR='"/usr/lib"' -o "fuzz/$target" "$top/test/fuzz/target_$target.c" \
		$(sources "$target") -lpthread || exit 1
	mkdir -p "fuzz/corpus.$target"
	dict=$top/test/fuzz/$target.dict
	[ -f "$dict" ] && dict=-dict=$dict || dict=-use_counters=1
	# It keeps the books of thousands of features: a fifth of an execution of these.
	case $target in
	totem|cpg) entropic=0 ;;
	*) entropic=1 ;;
	esac
	if "fuzz/$target" -max_total_time="$seconds" -runs="$runs" -timeout=10 -rss_limit_mb=2048 \
		-max_len=4096 -artifact_prefix="fuzz/$target-" -print_final_stats=1 "$dict" \
		-entropic="$entropic" \
		"fuzz/corpus.$target" "$top/test/fuzz/corpus/$target" >"fuzz/$target.log" 2>&1
	then
		echo "ok: $target: $(grep number_of_executed "fuzz/$target.log")"
	else
		tail -30 "fuzz/$target.log"
		echo "FAIL: $target: see fuzz/$target.log"
		failed=1
	fi
done
exit $failed
