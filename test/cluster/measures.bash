# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The faults whose repair is measured.  Each function expects a running cluster in one view, does
# one fault to node `victim`, sets `repair_ms` to the time from the fault to the configuration
# change at the client of node `witness` (empty when it did not come), and leaves the cluster as it
# found it.  Used by the tests, once, and by `measure`, many times.
victim=3
witness=1

# Wait until everybody is back in one view.
settle()
{
	local i
	if ! until_true $((2 * ${patience:-10})) all_members_are "$node_count"; then
		log_show
		for ((i = 1; i <= node_count; i++)); do
			client_well "$i"
		done
		bail "the cluster does not come together"
	fi
	sleep 0.3
}

# A killed node comes back: daemon and client.  `start_ms`: from the daemon's start to the ring with
# it at the witness.
come_back()
{
	until_true 5 process_gone "${client[victim]}"
	kill -KILL "${client[victim]}" 2> /dev/null
	until_true 10 process_gone "${daemon[victim]}"
	daemon_start "$victim"
	until_true 10 test -s "$work/n$victim/started"
	client_start "$victim" ${load-}
	settle
	# The kernel answers a closed port once a second to each asker, some more after a rest;
	# those who look for the killed node use these up.
	sleep "${rest:-0}"
	start_ms=$(ring_time "$witness" "$(cat "$work/n$victim/started")" "$node_count") &&
		start_ms=$(minus "$start_ms" "$(cat "$work/n$victim/started")")
}

measure_signal()	# SIGNAL
{
	local t0
	t0=$(fault_signal "$1" "$victim")
	repair_ms=$(repair_time "$witness" "$t0" $((node_count - 1)))
	come_back
}

measure_kill() { measure_signal KILL; }

# The process that tells a daemon's last words, by its number.
watcher_of()		# PID
{
	sed -n "s/^\([0-9]*\) (lastword) . $1 .*/\1/p" /proc/[0-9]*/stat 2> /dev/null
}

# The daemon and the process that tells its last words: as when all of a service is killed at once.
# A daemon that runs would make another one.
measure_kill_both()
{
	local watcher
	repair_ms=
	sleep $((3 - ${rest:-0}))	# what come_back() says of the kernel's answers
	watcher=$(watcher_of "${daemon[victim]}")
	[ -n "$watcher" ] || return
	kill -STOP "${daemon[victim]}"
	kill -KILL "$watcher"
	if until_true 5 process_gone "$watcher"; then
		measure_kill
	else
		kill -CONT "${daemon[victim]}"
	fi
}

measure_leave() { measure_signal TERM; }

measure_kill_filtered()
{
	icmp_filter 1
	measure_kill
	icmp_filter ""
}

# `back_ms`: from SIGCONT to the view with everybody at the witness.
measure_freeze()
{
	local t0
	t0=$(fault_signal STOP "$victim")
	repair_ms=$(repair_time "$witness" "$t0" $((node_count - 1)))
	sleep 0.5
	t0=$(fault_signal CONT "$victim")
	back_ms=$(repair_time "$witness" "$t0" "$node_count")
	settle
}

# `back_ms`: from the cable's being plugged in again.
measure_cut()
{
	local t0
	t0=$(in_switch "$fault" run ip link set "sw$victim" down)
	repair_ms=$(repair_time "$witness" "$t0" $((node_count - 1)))
	sleep 0.5
	t0=$(in_switch "$fault" run ip link set "sw$victim" up)
	back_ms=$(repair_time "$witness" "$t0" "$node_count")
	settle
}

measure_partition()
{
	local t0 others
	others=$(seq "$node_count" | grep -vx "$victim" | tr '\n' ' ')
	t0=$(now)
	partition "$others" "$victim"
	repair_ms=$(repair_time "$witness" "$t0" $((node_count - 1)))
	sleep 0.5
	t0=$(now)
	heal
	back_ms=$(repair_time "$witness" "$t0" "$node_count")
	settle
}
