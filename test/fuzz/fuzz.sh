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
targets=${*:-wire totem config cpg ipc data_ring}
flags="-g -O1 -std=gnu11 -D_GNU_SOURCE
	-fsanitize=fuzzer,address,undefined,implicit-conversion,local-bounds
	-fno-sanitize-recover=all -fno-omit-frame-pointer"

mkdir -p fuzz || exit 99
echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n);
int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d == 0 && n; }' \
	>fuzz/probe.c
# shellcheck disable=SC2086
"$cc" $flags -o fuzz/probe fuzz/probe.c 2>fuzz/probe.log || {
	echo "SKIP: $cc cannot build a libFuzzer program here (Debian: clang libclang-rt-14-dev)"
	exit 77
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
	ipc) echo "$top"/exec/ipc/*.c "$top/exec/engines/cfg.c $base" \
		"$top/test/fuzz/blocks.c" ;;
	data_ring) echo "$base" ;;
	esac
}

# What costs much and finds nothing.  The search for the nearest known name compares millions of
# letters: not every one is a clue for libFuzzer.  And making the shadow of a core's 20 MiB takes
# longer than the core's work: here its pools are the smallest that it can do with, and its largest
# message is little more than what the target submits.  The headers of fuzz/small go before those of
# the tree; what sed does not find any more is an error.
mkdir -p fuzz/small/exec/totem
printf '%s\n' fun:distance 'src:*/test/fuzz/blocks.c' >fuzz/ignore
limits=fuzz/small/exec/totem/limits.h
sed -e '/define TOTEM_POOL_BYTES/s/(12u \* /(1u * /' \
	-e '/define TOTEM_MESSAGE_BYTES_MAX/s/(1048576u /(65536u /' \
	-e '/define TOTEM_APP_QUEUE_BYTES/s/(4u \* 1024u /(512u /' \
	-e '/define TOTEM_SYNC_QUEUE_BYTES/s/(2u \* 1024u /(256u /' \
	"$top/exec/totem/limits.h" >$limits
[ "$(diff "$top/exec/totem/limits.h" $limits | grep -c '^>')" -eq 4 ] || {
	echo "FAIL: exec/totem/limits.h is not what fuzz.sh expects"
	exit 1
}

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
	# It keeps the books of thousands of features: a fifth of an execution of totem.
	[ "$target" = totem ] && entropic=0 || entropic=1
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
