#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# Plays what is kept as scenarios.  scenarios/*: runs in which something was wrong once, of the ring
# or of a mutant of it, and of process groups (groups/); no property may be violated.  trace/*: the
# famous ones, whose tale must be, word for word, the golden one (NAME.ok); SIM_UPDATE=yes writes
# these anew.
set -u
vs=${SIM_VS:-test/sim/vs} vc=${SIM_VC:-test/sim/vc}
here=${srcdir:-.}/test/sim
failed=0 count=0
told=$(mktemp) || exit 2
trap 'rm -f "$told"' EXIT

play()				# PROGRAM SCENARIO
{
	count=$((count + 1))
	"$1" --scenario "$2" --quiet && return
	echo "$2: see $1 --scenario $2 --trace"
	failed=$((failed + 1))
}

for scenario in "$here"/scenarios/*.scenario; do
	play "$vs" "$scenario"
done
for scenario in "$here"/scenarios/groups/*.scenario; do
	play "$vc" "$scenario"
done
for scenario in "$here"/trace/*.scenario; do
	count=$((count + 1))
	golden=${scenario%.scenario}.ok
	if ! "$vs" --scenario "$scenario" --tell --quiet >"$told"; then
		cat "$told"
		failed=$((failed + 1))
	elif [ -n "${SIM_UPDATE-}" ]; then
		cp "$told" "$golden"
	elif ! diff -u "$golden" "$told"; then
		echo "$scenario: another tale; if it is right: make update-traces"
		failed=$((failed + 1))
	fi
done
echo "$count scenarios, $failed failed"
[ "$failed" -eq 0 ]
