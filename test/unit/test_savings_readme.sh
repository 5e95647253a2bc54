#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The program in README.md compiles and links as it stands there, and has no more than the promised
# lines.  Run by make check, in the build directory.
set -u
top=${srcdir:-.}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

awk '/^```c$/ && !done { inside = 1; next } /^```$/ { if (inside) done = 1; inside = 0 } inside' \
    "$top/README.md" > "$work/first.c"
lines=$(grep -c . "$work/first.c")
if [ "$lines" -lt 15 ] || [ "$lines" -gt 36 ]; then
	echo "README.md: the first program has $lines lines"
	exit 1
fi
# shellcheck disable=SC2086
${CC:-cc} -Wall -Werror -I "$top/include" "$work/first.c" -L .libs -Wl,-rpath-link,.libs -lcpg \
    -o "$work/first" || exit 1

# The configuration that it shows is one.
awk '/^    totem \{$/ { inside = 1 } /^    corosync -t/ { inside = 0 } inside' "$top/README.md" \
    > "$work/corosync.conf"
grep -q nodelist "$work/corosync.conf" && ./corosync -t -c "$work/corosync.conf" || {
	echo "README.md: its corosync.conf is refused"
	exit 1
}

# Without a daemon it ends and says so by its status: it never hangs.
COROSYNC_INSTANCE=readme-$$ LD_LIBRARY_PATH=.libs timeout 10 "$work/first"
status=$?
if [ $status -ne 1 ]; then
	echo "README.md: the first program without a daemon: status $status instead of 1"
	exit 1
fi
