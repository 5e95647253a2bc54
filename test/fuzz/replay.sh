#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The committed inputs of every fuzz target, once, with the compiler of the build.
top=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
failed=0
seen=0
for corpus in "$top"/test/fuzz/corpus/*; do
	replay=test/fuzz/replay_${corpus##*/}
	[ -x "$replay" ] || continue
	seen=$((seen + 1))
	timeout 120 "$replay" "$corpus" || {
		echo "FAIL: REPLAY_VERBOSE=1 $replay $corpus names the input"
		failed=1
	}
done
[ "$seen" -gt 0 ] || {
	echo "SKIP: no test/fuzz/replay_* here; run it in the build tree"
	exit 77
}
exit $failed
