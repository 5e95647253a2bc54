#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# Every header of the tree compiles by itself, with no warning, and the public ones also in C++ if
# there is a compiler for it: who includes one needs no other first.
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 99
cc=${CC:-cc}
cxx=${CXX:-c++}
qb=$(${PKG_CONFIG:-pkg-config} --cflags libqb check 2>/dev/null)
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
failed=0
count=0

# compile COMPILER FILE HEADER
compile()
{
	count=$((count + 1))
	printf '#include "%s"\n' "$3" > "$work/$2"
	# The compiler's options may be several words.
	# shellcheck disable=SC2086
	if ! $1 -D_GNU_SOURCE -I"$top" -I"$top/include" -I"$top/examples/savings" $qb \
	    -fsyntax-only "$work/$2" 2> "$work/said" || [ -s "$work/said" ]; then
		echo "not ok - $3 ($2)"
		sed 's/^/#  /' "$work/said" | head -n 5
		failed=$((failed + 1))
	fi
}

cd "$top" || exit 99
for header in $(find exec lib include test examples -name '*.h' | sort); do
	compile "$cc -std=gnu11 -Wall -Wextra -Wno-unused-function" header.c "$header"
done
if command -v "$cxx" > /dev/null 2>&1; then
	for header in $(cd include && find corosync -maxdepth 1 -name '*.h' | sort); do
		compile "$cxx -Wall -Wextra" header.cc "include/$header"
	done
fi
echo "# $count headers compiled, $failed failed"
[ $count -gt 0 ] && [ $failed -eq 0 ]
