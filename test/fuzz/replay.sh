#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The committed inputs of every fuzz target, once, with the compiler of the build.  A target whose
# program is not there is a failure, but for that of cpg where configure found no libcheck.
top=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
failed=0
seen=0
without=
grep -q 'S\["HAVE_CHECK_TRUE"\]="#"' config.status 2>/dev/null && without=cpg
for corpus in "$top"/test/fuzz/corpus/*; do
	replay=test/fuzz/replay_${corpus##*/}
	[ "${corpus##*/}" != "$without" ] || continue
	[ -x "$replay" ] || {
		echo "FAIL: no program $replay for $corpus"
		failed=1
		continue
	}
	seen=$((seen + 1))
	timeout 120 "$replay" "$corpus" || {
		echo "FAIL: REPLAY_VERBOSE=1 $replay $corpus names the input"
		failed=1
	}
done
[ "$seen" -gt 0 ] || echo "FAIL: no test/fuzz/replay_* here; run it in the build tree"
[ "$seen" -gt 0 ] || failed=1
exit $failed
