#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The daemon from outside, one on loopback: options, exit statuses, the samples, background and
# foreground, lock, readiness, rotation of the log, signals.  Run in the build tree.
top=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
corosync=$(pwd)/corosync
[ -x "$corosync" ] || {
	echo "SKIP: no ./corosync here; run it in the build tree"
	exit 77
}
dir=$(mktemp -d /tmp/test_daemon.XXXXXX) || exit 99
name=td$$
port=$((20000 + $$ % 20000))
count=0
failed=0
savings=
unset COROSYNC_INSTANCE COROSYNC_ENGINE_DIR COROSYNC_MAIN_CONFIG_FILE

daemon_pid() {
	cat "$dir/run/corosync.pid" 2>/dev/null
}

clean_up() {
	pid=$(daemon_pid)
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
	[ -z "$savings" ] || kill -9 "$savings" 2>/dev/null
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# check WHAT CONDITION...
check() {
	what=$1
	shift
	count=$((count + 1))
	"$@" && return
	failed=$((failed + 1))
	echo "FAIL: $what"
}

# status WANTED ARGUMENT...: runs the daemon, its words go to $dir/out.
status() {
	wanted=$1
	shift
	timeout 10 "$corosync" "$@" >"$dir/out" 2>&1
	got=$?
	[ "$got" = "$wanted" ] && return
	echo "status $got, wanted $wanted: corosync $*"
	cat "$dir/out"
	return 1
}

said() {
	grep -q -e "$1" "$dir/out"
}

logged() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q -e "$1" "$dir/log" 2>/dev/null && return
		sleep 0.1
	done
	return 1
}

# The process has ended; whether its parent, process 1, has taken notice is not our business.
gone() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		kill -0 "$1" 2>/dev/null || return 0
		! grep -q "^State:[[:space:]]*Z" "/proc/$1/status" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

mkdir "$dir/engines"
cat >"$dir/conf" <<END
totem {
	version: 2
	cluster_name: $name
}
nodelist {
	node {
		ring0_addr: 127.0.0.1
		nodeid: 1
		port: $port
	}
}
logging {
	to_stderr: no
	to_syslog: no
	to_logfile: yes
	logfile: $dir/log
}
END
sed 's/nodeid: 1/nodeid: 1x/' "$dir/conf" >"$dir/bad"
sed 's/version: 2/version: 2\n\tsecauth: on/' "$dir/conf" >"$dir/sealed"
set -- -p -c "$dir/conf" -i "$name" --run-dir "$dir/run" --state-dir "$dir/state" -e "$dir/engines"

# After which statuses systemd does not try again.
unit=$top/init/corosync.service.in
check "started again after a failure" grep -q '^Restart=on-failure$' "$unit"
check "but not after these" grep -q '^RestartPreventExitStatus=1 8 16 17 18$' "$unit"
check "the page says so" grep -q '^not after 1, 8, 16, 17 and 18,' "$top/man/corosync.8"

check "version" status 0 -v
check "version's text" said "Corosync Cluster Engine, version"
check "help" status 0 --help
check "unknown option" status 1 --frobnicate
check "stray argument" status 1 start
check "instance's name" status 1 -i ../x
check "node id" status 1 --nodeid 0
for sample in "$top"/conf/corosync.conf.example*; do
	check "sample $sample" status 0 -t -c "$sample"
	check "nothing to say about $sample" test ! -s "$dir/out"
done
# Files written for others: each says what it is to come to, and every line names its place.
stock_says() {
	sed -n 's/^# says //p' "$1" >"$dir/says"
	while IFS= read -r words; do
		said "$words" || {
			echo "not said: $words"
			return 1
		}
	done <"$dir/says"
	! grep -v -E '^(note|warning|error): [^ ]*:[0-9]+: ' "$dir/out"
}
for stock in "$top"/test/unit/stock/*.conf; do
	check "stock $stock" status "$(sed -n 's/^# status //p' "$stock")" -t -c "$stock"
	check "what is said about $stock" stock_says "$stock"
done
check "nothing unknown in stock files" test -z "$(for stock in "$top"/test/unit/stock/*.conf; do
	"$corosync" -t -c "$stock" 2>&1
done | grep unknown)"
check "bad configuration, -t" status 8 -t -c "$dir/bad"
check "file, line, key, value, allowed" said \
	"bad:8: nodelist.node.nodeid: '1x' is not allowed; allowed: a number from 0 to 4294967295"
check "bad configuration" status 8 -c "$dir/bad" -i "$name" --run-dir "$dir/run"
check "sealing is refused" status 8 -t -c "$dir/sealed"
check "sealing is named" said "sealed:3: totem.secauth: 'on' asks for encryption"
sed "s|^\tlogfile: .*|\tlogfile: $dir/none/log|" "$dir/conf" >"$dir/nolog"
for how in "-t" "-f -p -i $name --run-dir $dir/run"; do
	# shellcheck disable=SC2086
	check "log file that cannot be, $how" status 8 $how -c "$dir/nolog"
	check "file, line, key, value, reason, $how" said \
		"nolog:16: logging.logfile: '$dir/none/log' cannot be written: $dir/none: No such"
done
check "no such file" status 8 -t -c "$dir/none"
check "not in the list" status 8 "$@" --nodeid 7
check "run directory" status 16 "$@" --run-dir /proc/no/where
check "engine directory" status 13 "$@" -e "$dir/none"
check "engine directory named" said "cannot start: the engines of $dir/none"
rm -f "$dir/log"

echo "no module" >"$dir/engines/broken.so"
check "background" status 0 "$@"
pid=$(daemon_pid)
check "it runs" kill -0 "$pid"
check "the broken engine is named" logged "engine $dir/engines/broken.so is not loaded: "
check "a ring of one" logged 'A new membership (1\.[0-9a-f]*) was formed. Members joined: 1'
check "service" logged "Completed service synchronization, ready to provide service."
check "no terminal" test "$(readlink "/proc/$pid/fd/2")" = /dev/null
check "stable state" test -s "$dir/state/ringstate"
check "a second one" status 18 "$@"
check "who holds it" said "already running: process $pid holds"
mv "$dir/log" "$dir/log.1"
kill -HUP "$pid"
check "rotation" logged "The log file was opened again."
kill -USR2 "$pid"
check "counters" logged "state OPERATIONAL"
for signal in USR1 ALRM PIPE; do
	kill -"$signal" "$pid"
done
sleep 0.2
check "SIGUSR1, SIGALRM, SIGPIPE are ignored" kill -0 "$pid"
kill "$pid"
check "SIGTERM" gone "$pid"
check "leaves" logged "leaving the ring"
check "status 0 in the log" logged "exiting with status 0"

# A crash is told, and the next daemon starts all the same.
check "again" status 0 "$@"
pid=$(daemon_pid)
kill -SEGV "$pid"
check "SIGSEGV" gone "$pid"
check "SIGSEGV is told" logged "corosync: ended by SIGSEGV"
rm -f "$dir/log"
head -c 20 "$dir/state/ringstate" >"$dir/state/cut"
mv "$dir/state/cut" "$dir/state/ringstate"
"$corosync" -f "$@" >"$dir/out" 2>&1 &
pid=$!
check "foreground, after a crash" logged "ready to provide service"
check "a damaged state file is told" logged "ringstate is damaged"
check "the same process" test "$(daemon_pid)" = "$pid"
kill -INT "$pid"
wait "$pid"
check "SIGINT" test "$?" = 0

# Somebody put something else where the state should be.
for what in directory file; do
	rm -rf "$dir/state" "$dir/log"
	if [ $what = directory ]; then
		mkdir -p "$dir/state/ringstate"
		words="state/ringstate cannot be read: Is a directory.  .*move away what is there"
	else
		: >"$dir/state"
		words="state directory $dir/state cannot be written: Not a directory.  Move away"
	fi
	"$corosync" -f "$@" >"$dir/out" 2>&1 &
	pid=$!
	check "a $what instead of the state: it runs" logged "ready to provide service"
	check "a $what instead of the state: told" logged "$words"
	check "a $what is not called damage" sh -c "! grep -q damaged '$dir/log'"
	kill -TERM "$pid"
	wait "$pid"
	check "a $what instead of the state: it ends" test "$?" = 0
done

# A directory that cannot be made is named with the reason.
rm -rf "$dir/state" "$dir/log"
"$corosync" -f "$@" --state-dir /sys/no-state >"$dir/out" 2>&1 &
pid=$!
check "no state directory: it runs" logged "ready to provide service"
check "no state directory: why" logged "state directory /sys/no-state cannot be written: "
check "no state directory: not just that it is missing" sh -c \
	"! grep -q 'no-state cannot be written: No such' '$dir/log'"
kill -TERM "$pid"
wait "$pid"

# An address that is not there yet: waits, says so to who started it and to the log.
sed 's/127\.0\.0\.1/192.0.2.77/' "$dir/conf" >"$dir/away"
rm -f "$dir/log"
check "no such address yet: status" status 0 "$@" -c "$dir/away"
check "no such address yet: said" said "^corosync: waiting: no interface that is up has the address"
check "no such address yet: logged" logged "Waiting: no interface .*; trying again."
pid=$(daemon_pid)
check "no such address yet: it runs" kill -0 "$pid"
kill -TERM "$pid"
check "no such address yet: a signal ends it" gone "$pid"
check "no such address yet: status 0" logged "exiting with status 0"
sed 's/127\.0\.0\.1/no-such-name.invalid/' "$dir/conf" >"$dir/away"
rm -f "$dir/log"
"$corosync" -f "$@" -c "$dir/away" >"$dir/out" 2>&1 &
pid=$!
check "a name that does not resolve" logged \
	"The name 'no-such-name.invalid' of node 1 does not resolve: .*; trying again."
check "and what is waited for" logged "Waiting: no interface .* not all of its names resolve"
kill -TERM "$pid"
wait "$pid"
check "a name that does not resolve: status" test "$?" = 0

# The tools and a daemon that is stopped: an answer within their limit, not none.
rm -rf "$dir/state" "$dir/log"
"$corosync" -f "$@" -e "$(pwd)/.libs" >"$dir/out" 2>&1 &
pid=$!
check "with its engines" logged "ready to provide service"
tools="corosync-cfgtool corosync-cpgtool"
for tool in $tools; do
	[ $tool = corosync-cfgtool ] && arguments="-s" || arguments=
	COROSYNC_INSTANCE=$name "./$tool" $arguments >"$dir/$tool.out" 2>&1
	check "$tool" test $? = 0
done
for tool in $tools; do
	[ $tool = corosync-cfgtool ] && arguments="-s" || arguments=
	COROSYNC_INSTANCE=$name-none "./$tool" $arguments >"$dir/$tool.out" 2>&1
	check "$tool, no daemon" grep -q 'error 2 (CS_ERR_LIBRARY): no daemon answers: start ' \
		"$dir/$tool.out"
done
# The savings bank, a replica of one: why it refuses.
bank() {
	COROSYNC_INSTANCE=$name timeout 10 examples/savings/savings "$@" >"$dir/out" 2>&1
}
COROSYNC_INSTANCE=$name examples/savings/savings serve >"$dir/savings.out" 2>&1 &
savings=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	bank status && break
	sleep 0.1
done
bank withdraw nobody 5
check "savings, no such account: status" test $? = 1
check "savings, no such account" said "^refused: there is no account nobody; a deposit opens it$"
check "savings, deposit" bank deposit alice 3
bank withdraw alice 5
check "savings, too little" said \
	"^refused: not enough money in account alice: it has 3.00, wanted are 5.00$"
kill "$savings"
wait "$savings"
savings=
# Another process has the sockets that programs would come to: no daemon without service.
sed "s/port: $port/port: $((port + 1))/; s|$dir/log|$dir/log.2|" "$dir/conf" >"$dir/taken"
check "sockets are taken" status 13 "$@" -c "$dir/taken" -e "$(pwd)/.libs" \
	--run-dir "$dir/run.2" --state-dir "$dir/state.2"
check "the reason" said "cannot start: the engines of .*: Address already in use"
check "the socket, and what to do" grep -q \
	"listens at its socket @corosync.ipc/cpg.$name. End that" "$dir/log.2"
kill -STOP "$pid"
for tool in $tools; do
	[ $tool = corosync-cfgtool ] && arguments="-s" || arguments=
	(
		COROSYNC_INSTANCE=$name timeout 20 "./$tool" $arguments >"$dir/$tool.out" 2>&1
		echo $? >"$dir/$tool.status"
	) &
done
sleep 11
for tool in $tools; do
	for _ in 1 2 3 4 5 6; do
		[ -s "$dir/$tool.status" ] || sleep 1
	done
	check "$tool, frozen daemon: status" test "$(cat "$dir/$tool.status")" = 1
	check "$tool, frozen daemon: words" \
		grep -q "^$tool: the daemon runs, but does not answer within 10 s" "$dir/$tool.out"
done
kill -CONT "$pid"
kill -TERM "$pid"
wait "$pid"
check "it goes on and ends" test "$?" = 0

echo "$count checks, $failed failed"
[ "$failed" = 0 ]
