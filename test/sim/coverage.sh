#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# Which branches of exec/totem/ does the simulator reach?  Builds both once more, counting, runs
# seeds and scenarios, and prints a table and what was never taken.  Assertions' branches are left
# out: that one of them is never taken is what they say.  COVERAGE.md says why the others are not.
# Exit status 0: at least 90 % are reached.
#
#	coverage.sh TREE SOURCE...	in the build directory, with the simulator's sources;
#				COVERAGE_SEEDS, COVERAGE_LARGE ask for more
set -eu
LC_ALL=C
export LC_ALL
sources=$(cd "${1:?}" && pwd)
shift
dir=$(pwd)/coverage-sim
seeds=${COVERAGE_SEEDS:-300} large=${COVERAGE_LARGE:-3}
here=$sources/test/sim
compile="${CC:-cc} -std=gnu11 -g -D_GNU_SOURCE -I$sources -I$sources/include"

rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
for file in "$sources"/exec/totem/*.c; do
	$compile -O0 --coverage -c -o "totem_$(basename "$file" .c).o" "$file"
done
for file in "$sources"/exec/base/*.c; do
	$compile -O1 -c -o "$(basename "$file" .c)_plain.o" "$file"
done
for file; do
	case $file in
	*.h) continue ;;
	esac
	$compile -O1 -c -o "$(basename "$file" .c)_plain.o" "$sources/$file"
done
${CC:-cc} --coverage -o vs ./*.o

./vs --seeds 1 "$seeds" --nodes-min 3 --nodes-max 9 --jobs 2 --quiet
./vs --seeds 1 "$large" --nodes-min 32 --nodes-max 32 --jobs 2 --quiet
for scenario in "$here"/scenarios/*.scenario "$here"/trace/*.scenario; do
	./vs --scenario "$scenario" --quiet
done
for file in "$sources"/exec/totem/*.c; do
	gcov -b -c -o "totem_$(basename "$file" .c).o" "$file" >/dev/null
done
# shellcheck disable=SC2046
awk -f "$here/coverage.awk" $(cd "$sources/exec/totem" &&
	echo *.c | sed 's/\.c/.c.gcov/g')
