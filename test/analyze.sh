#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# gcc -fanalyzer and cppcheck over all that is shipped.  Run in the build tree: make analyze.
# What they say must be in analyze.known with the reason; what is there and they no longer say is
# an error as well.  FILE FLAG is one entry, however often it is said.
#
#	analyze.sh [gcc|cppcheck]...	by default both
top=${srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
build=$(pwd)
known=$top/test/analyze.known
log=$build/analyze
failed=0
mkdir -p "$log" || exit 99
cd "$top" || exit 99

analyzer() {
	for file in exec/*/*.c lib/*.c tools/*.c examples/*/*.c; do
		${CC:-gcc} -fanalyzer -O1 -std=gnu11 -Wall -D_GNU_SOURCE -I. -Iinclude -I"$build" \
			-DCS_SYSCONFDIR='"/etc"' -DCS_LOCALSTATEDIR='"/var"' \
			-DCS_RUNSTATEDIR='"/run"' -DCS_ENGINEDIR='"/usr/lib"' \
			-c -o /dev/null "$file" || echo "$file:0: error: does not compile [compile]"
	done >"$log/gcc.log" 2>&1
	sed -n -E 's/^([^ :]*):[0-9:]+ (warning|error):.* \[([^][]*)\]$/\1 \3/p' "$log/gcc.log" |
		sed 's/CWE-[0-9]*//' | sort -u
}

# Without sys/queue.h its macros are syntax errors.
checker() {
	queue=$(echo '#include <sys/queue.h>' | ${CC:-gcc} -E -H -o /dev/null -xc - 2>&1 |
		sed -n 's/^\. //p' | grep 'queue\.h$')
	cppcheck --quiet --enable=warning,performance,portability --std=c11 -D_GNU_SOURCE \
		-DCS_SYSCONFDIR='"/etc"' -DCS_LOCALSTATEDIR='"/var"' -DCS_RUNSTATEDIR='"/run"' \
		-DCS_ENGINEDIR='"/usr/lib"' -I. -Iinclude -I"$build" ${queue:+"--include=$queue"} \
		--template='{file} {id}' --template-location='{file}:{line}: {info}' \
		exec lib tools examples >"$log/cppcheck.log" 2>&1 || echo "cppcheck failed"
	grep -E '^[^ :]+ [A-Za-z0-9_]+$' "$log/cppcheck.log" | sort -u
}

for tool in ${*:-gcc cppcheck}; do
	program=$tool
	[ "$tool" = gcc ] && program=${CC:-gcc}
	command -v "${program%% *}" >/dev/null || {
		echo "FAIL: no $program here; install it, or name the tools that are to be run"
		failed=1
		continue
	}
	case $tool in
	gcc) analyzer ;;
	cppcheck) checker ;;
	esac >"$log/$tool.found"
	sed -n "s/^$tool //p" "$known" | cut -d' ' -f1,2 | sort -u >"$log/$tool.known"
	if diff "$log/$tool.known" "$log/$tool.found" >"$log/$tool.diff"; then
		echo "ok: $tool: $(wc -l <"$log/$tool.known") findings known, no others"
	else
		sed -n 's/^> /new: /p; s/^< /gone: /p' "$log/$tool.diff"
		echo "FAIL: $tool: see $log/$tool.log"
		failed=1
	fi
done
exit $failed
