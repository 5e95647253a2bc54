#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# A run that is written down and played again is the same run; and one that fails is made small,
# and then fails in the same way still.  With the ring alone, and with process groups on it.
set -u
vs=${SIM_VS:-test/sim/vs} vc=${SIM_VC:-test/sim/vc}
failed=0 count=0 patience=${CK_TIMEOUT_MULTIPLIER:-1}
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

check()				# TEXT COMMAND...
{
	count=$((count + 1))
	text=$1
	shift
	"$@" && return
	failed=$((failed + 1))
	echo "FAILED: $text"
}

same_again()			# PROGRAM SEED
{
	"$1" --seed "$2" --seconds 10 --trace --write "$dir/kept" >"$dir/run" &&
	    "$1" --scenario "$dir/kept" --trace >"$dir/played" && cmp "$dir/run" "$dir/played"
}

acts() { grep -c '^[0-9]' "$1"; }

# PROGRAM LIE ACTS: of the first seed that fails at most so many are left, fewer than there were.
made_small()
{
	seed=0 status=0
	while [ $status -eq 0 ] && [ $seed -lt 20 ]; do
		seed=$((seed + 1))
		"$1" --seed $seed --mutant "$2" --write "$dir/large" --quiet >"$dir/run"
		status=$?
	done
	[ $status -eq 1 ] || return 1
	"$1" --shrink --seed $seed --mutant "$2" --limit $((40 * patience)) \
	    --write "$dir/small" --quiet >"$dir/shrunk"
	[ $? -eq 1 ] || return 1
	"$1" --scenario "$dir/small" --mutant "$2" --quiet >"$dir/played"
	[ $? -eq 1 ] || return 1
	echo "$1, $2, seed $seed: $(acts "$dir/large") acts, then $(acts "$dir/small")"
	property=$(sed -n 's/.*VIOLATED \([^:]*\):.*/\1/p' "$dir/run")
	[ -n "$property" ] && grep -q "VIOLATED $property:" "$dir/played" &&
	    [ "$(acts "$dir/small")" -le "$3" ] &&
	    [ "$(acts "$dir/small")" -lt "$(acts "$dir/large")" ] &&
	    "$1" --scenario "$dir/small" --quiet
}

for seed in 1 2 3; do
	check "vs, seed $seed: played as it was" same_again "$vs" $seed
	check "vc, seed $seed: played as it was" same_again "$vc" $seed
done
check "the ring: fewer acts" made_small "$vs" swap 25
check "process groups: fewer acts" made_small "$vc" lose 25
echo "$count checks, $failed failed"
[ "$failed" -eq 0 ]
