# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# What bench and check have in common: the clients of one measurement, and the daemon's own count.
# Sourced behind test/cluster/lib.bash.

# clients MODE SIZE SENDERS SECONDS: one on each node; their results in $work/results.
clients()
{
	local i pid failed=
	local program
	program=$(program test/bench/cpgbench)
	client=()
	for ((i = 1; i <= node_count; i++)); do
		client_exec "$i" "$program" --mode "$1" --members "$node_count" --size "$2" \
		    --senders "$3" --seconds "$4" --watch "${daemon[i]}" \
		    > "$work/n$i/result" 2> "$work/n$i/client.err" &
		client[i]=$!
	done
	for ((i = 1; i <= node_count; i++)); do
		wait "${client[i]}" || failed="$failed $i:$?"
	done
	if [ -n "$failed" ]; then
		echo "FAILED: $flavour, $node_count nodes, $*; node:status$failed" >&2
		cat "$work"/n*/client.err >&2
		return 1
	fi
	cat "$work"/n*/result > "$work/results"
}

calls_told() { [ "$(grep -c 'system calls' "$work/n$1/daemon.log")" -gt "$2" ]; }

# The system calls that our daemon of node I counted until now.
calls_now()		# I
{
	local before
	before=$(grep -c 'system calls' "$work/n$1/daemon.log")
	kill -USR2 "${daemon[$1]}"
	until_true 5 calls_told "$1" "$before" &&
		sed -n 's/.*system calls \([0-9]*\):.*/\1/p' "$work/n$1/daemon.log" |
		tail -n 1
}
