# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# Real daemons in network namespaces of their own.  Sourced by the *.test scripts.
#
#	n1 ──┐
#	n2 ──┤ bridge in the namespace "switch"      10.77.0.I/24, fd77::I/64
#	n3 ──┘
#
# A namespace lives as long as a sleeping process of ours; nothing is mounted or named, so nothing
# is left when the script is killed.  Works as root, and as any user who may make user namespaces.
# Faults are nftables rules at the receivers (a rule at the sender would give it an error), a
# bridge port taken down (a cable pulled), or signals.
#
# Times come from CLOCK_MONOTONIC, which all namespaces share: the fault's from the program `fault`,
# the configuration change's from the line that cpgload printed about it.
#
# flavour: whose daemon is started and whose libcpg its clients get: `ours`, or the distribution's
# corosync with its default transport (`knet`) or `udpu`; the configuration is otherwise the same.
#
# Environment:	STRICT=1	the figures promised, without the slack for a busy machine
#		KEEP=1		leave the work directory
#		STOCK, STOCK_LIB  the distribution's daemon, and the directory of its libcpg.so.4
#		BUILD		top of the build tree (default: the working directory)
set -u
umask 022
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=$(cd "${BUILD:-.}" && pwd)

flavour=ours
STOCK=${STOCK:-/usr/sbin/corosync}
STOCK_LIB=${STOCK_LIB:-/usr/lib/$(uname -m)-linux-gnu}
holder_seconds=900	# the namespaces last so long

test_count=0
test_failed=0
pids=()			# everything to kill at the end, in the order of starting

skip_all()		# REASON
{
	echo "1..0 # SKIP $*"
	exit 77
}

note() { echo "# $*"; }

# The test itself cannot go on; nothing it would say after this could be believed.
bail()			# REASON
{
	echo "Bail out! $*"
	kill -TERM $$
	exit 1
}

# ok TEXT COMMAND...: the command's success is the result.
ok()
{
	local text=$1
	shift
	test_count=$((test_count + 1))
	if "$@"; then
		echo "ok $test_count - $text"
		return 0
	fi
	test_failed=$((test_failed + 1))
	echo "not ok $test_count - $text"
	note "failed: $*"
	return 1
}

# at_most TEXT VALUE LIMIT [UNIT]: VALUE is a number and not above LIMIT.  An empty VALUE fails.
at_most()
{
	local text=$1 value=$2 limit=$3 unit=${4:-ms}
	ok "$text: ${value:-nothing} $unit, at most $limit" \
	    awk -v v="$value" -v l="$limit" 'BEGIN { exit !(v != "" && v + 0 <= l + 0) }'
}

# within TEXT MS FIGURE: a promised time, with slack unless STRICT.
within()
{
	at_most "$1" "$2" "$(figure "$3")"
}

# A machine that does other work at the same time is not what the figures are about.
figure()		# MS
{
	if [ -n "${STRICT-}" ]; then
		echo "$1"
	else
		echo $(($1 * 3 + 200))
	fi
}

finish()
{
	echo "1..$test_count"
	[ "$test_failed" -eq 0 ] || log_show
	[ "$test_failed" -eq 0 ]
	exit $?
}

# --- programs ------------------------------------------------------------------------------------

# The real program behind libtool's wrapper, so that its start costs what it costs installed.
program()		# PATH in the build tree
{
	local real
	real=$BUILD/$(dirname "$1")/.libs/$(basename "$1")
	[ -x "$real" ] || real=$BUILD/$1
	[ -x "$real" ] || real=$(command -v "$(basename "$1")")
	[ -n "$real" ] || { echo "Bail out! no program $1" >&2; exit 1; }
	echo "$real"
}

programs_find()
{
	corosync=$(program "${COROSYNC:-corosync}") || exit 1
	cpgload=$(program test/cluster/cpgload) || exit 1
	fault=$(program test/cluster/fault) || exit 1
	cfgtool=$(program corosync-cfgtool) || exit 1
	export LD_LIBRARY_PATH=$BUILD/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export COROSYNC_ENGINE_DIR=${COROSYNC_ENGINE_DIR:-$BUILD/.libs}
}

now() { "$fault" now; }

# A - B with three decimals.
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a - b }'; }

# --- namespaces -----------------------------------------------------------------------------------

cluster_end()
{
	local i status=$?
	trap - EXIT HUP INT TERM
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		kill -KILL "${pids[i]}" 2> /dev/null
	done
	wait 2> /dev/null
	# libqb's files of clients and daemons that were killed; their names carry the pids.
	for i in "${pids[@]}"; do
		rm -rf /dev/shm/qb-"$i"-* /dev/shm/qb-*-"$i"-*
	done
	if [ -n "${KEEP-}" ]; then
		note "left: $work"
	else
		rm -rf "$work"
	fi
	exit $status
}

# A process that holds a network namespace; its pid in `holder`.
namespace_new()
{
	unshare --net sleep "$holder_seconds" &
	holder=$!
	pids+=("$holder")
	disown "$holder"
	local i
	for ((i = 0; i < 100; i++)); do
		[ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ] &&
			return 0
		sleep 0.01
	done
	return 1
}

in_switch() { nsenter --net="/proc/$switch/ns/net" -- "$@"; }
in_node() { local i=$1; shift; nsenter --net="/proc/${ns[i]}/ns/net" -- "$@"; }
# For the background: the process that is there already becomes the command, so $! is its pid.
in_node_exec() { local i=$1; shift; exec nsenter --net="/proc/${ns[i]}/ns/net" -- "$@"; }

# cluster_begin N: N nodes on one bridge, nothing running on them.
cluster_begin()
{
	local i reason
	node_count=$1
	for i in unshare nsenter ip nft; do
		command -v $i > /dev/null || skip_all "no program $i"
	done
	if ! reason=$(unshare --net true 2>&1); then
		[ -z "${IN_USER_NAMESPACE-}" ] &&
			unshare --user --map-root-user --net true 2> /dev/null ||
			skip_all "network namespaces are not permitted: $reason"
		export IN_USER_NAMESPACE=1
		exec unshare --user --map-root-user --net "$BASH" "$0" "${script_args[@]}"
	fi
	programs_find
	# One test after the other, also with make -j: they measure times.
	exec 9> "$BUILD/test/cluster/lock"
	flock -w 300 9
	work=$(mktemp -d) || exit 1
	trap cluster_end EXIT
	trap 'exit 99' HUP INT TERM
	namespace_new || skip_all "network namespaces are not permitted"
	switch=$holder
	in_switch ip link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0 \
	    2> "$work/reason" || skip_all "no bridge: $(cat "$work/reason")"
	in_switch ip link set br0 up
	ns=() daemon=() client=() gone=()
	loss_permille=0 icmp_filtered= frames_dropped=
	for ((i = 1; i <= node_count; i++)); do
		node_new "$i"
	done
	in_node 1 nft add table inet faults 2> "$work/reason" ||
		skip_all "no nftables: $(head -n 1 "$work/reason")"
}

node_new()		# I
{
	local i=$1
	namespace_new || skip_all "network namespaces are not permitted"
	ns[i]=$holder
	gone[i]= large_dropped[i]=
	in_switch ip link add "sw$i" type veth peer name eth0 netns "${ns[i]}" ||
		skip_all "no veth devices"
	in_switch ip link set "sw$i" master br0 up
	in_node "$i" ip link set lo up
	in_node "$i" ip address add "10.77.0.$i/24" dev eth0
	in_node "$i" ip address add "fd77::$i/64" dev eth0 nodad 2> /dev/null
	in_node "$i" ip link set eth0 up
	# A kernel that lost a neighbour asks for its hardware address once a second: that is no
	# time of the daemon's, and it would hide what is.
	in_node "$i" sh -c 'for f in /proc/sys/net/ipv[46]/neigh/eth0/retrans_time_ms; do
		echo 100 > $f
	done' 2> /dev/null
	mkdir -p "$work/n$i/run" "$work/n$i/state"
}

# --- faults in the network -----------------------------------------------------------------------

# The node's receive rules, from gone[], large_dropped[], loss_permille, icmp_filtered and
# frames_dropped.
rules_apply()		# I
{
	local i=$1 peer
	{
		echo "table inet faults"
		echo "delete table inet faults"
		echo "table inet faults { chain receive { type filter hook input priority 0;"
		for peer in ${gone[i]}; do
			echo "ip saddr 10.77.0.$peer drop"
			echo "ip6 saddr fd77::$peer drop"
		done
		if [ -n "$icmp_filtered" ]; then
			echo "icmp type destination-unreachable drop"
			echo "icmpv6 type destination-unreachable drop"
		fi
		[ -z "${large_dropped[i]}" ] || echo "udp length > ${large_dropped[i]} drop"
		# The sixth byte of the datagram, behind the header of UDP.
		[ -z "$frames_dropped" ] || echo "udp dport 5405 @th,104,8 $frames_dropped drop"
		if [ "$loss_permille" -gt 0 ]; then
			echo "meta l4proto udp counter"
			echo "meta l4proto udp numgen random mod 1000 < $loss_permille counter drop"
		fi
		echo "}"
		echo "}"
	} | in_node "$i" nft -f - || bail "nftables rules refused"
}

rules_apply_all()
{
	local i
	for ((i = 1; i <= node_count; i++)); do
		rules_apply "$i"
	done
}

# partition "1 2" "3": who is not in the same group does not hear each other.
partition()
{
	local i j group
	for ((i = 1; i <= node_count; i++)); do
		gone[i]=
		for group in "$@"; do
			case " $group " in *" $i "*) continue ;; esac
			for j in $group; do
				gone[i]="${gone[i]} $j"
			done
		done
	done
	rules_apply_all
}

# one_way FROM TO: TO no longer hears FROM.
one_way()
{
	gone[$2]="${gone[$2]} $1"
	rules_apply "$2"
}

heal()
{
	local i
	for ((i = 1; i <= node_count; i++)); do
		gone[i]=
	done
	rules_apply_all
}

# large_drop I BYTES: larger datagrams do not get to node I, as where a path's MTU is smaller than
# said; "": all do.
large_drop() { large_dropped[$1]=$2; rules_apply "$1"; }
loss() { loss_permille=$1; rules_apply_all; }
# What came and what of it was lost since loss(): two numbers.  A segment train counts as one.
loss_count() { in_node "$1" nft list ruleset | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'; }
# Frames of one type (exec/totem/wire.h) get through nowhere; none: "".
frames_drop() { frames_dropped=$1; rules_apply_all; }
icmp_filter() { icmp_filtered=$1; rules_apply_all; }
cable_pull() { in_switch ip link set "sw$1" down; }
cable_plug() { in_switch ip link set "sw$1" up; }

# --- daemons --------------------------------------------------------------------------------------

address() { if [ "${family-4}" = 6 ]; then echo "fd77::$1"; else echo "10.77.0.$1"; fi; }

transport_name()
{
	case $flavour in
	ours) echo "${transport:-udpu}" ;;
	*) echo "$flavour" ;;
	esac
}

# conf_write I: the node's configuration; variables: transport, cluster_name, family, totem_extra.
conf_write()
{
	local i=$1 k
	{
		echo "totem {"
		echo "	version: 2"
		echo "	cluster_name: ${cluster_name:-test}"
		echo "	transport: $(transport_name)"
		printf '%s' "${totem_extra-}"
		echo "}"
		echo "nodelist {"
		for ((k = 1; k <= node_count; k++)); do
			echo "	node {"
			echo "		ring0_addr: $(address "$k")"
			echo "		nodeid: $k"
			echo "		name: n$k"
			echo "	}"
		done
		echo "}"
		echo "logging {"
		echo "	to_stderr: yes"
		echo "	to_syslog: no"
		echo "	timestamp: hires"
		echo "	debug: ${debug:-off}"
		echo "}"
		[ "$flavour" != ours ] || {
			echo "system {"
			echo "	state_dir: ${state_dir:-$work/n$i/state}"
			printf '%s' "${system_extra-}"
			echo "}"
		}
	} > "$work/n$i/corosync.conf"
}

instance() { echo "ct$$n$1"; }

# The process becomes the daemon.  Stock has one lock file and one state directory for a machine:
# each of its daemons sees its own.
daemon_exec()		# I
{
	local i=$1
	[ "$flavour" != ours ] ||
		in_node_exec "$i" "$fault" run "$corosync" -f ${daemon_options-} \
		    -i "$(instance "$i")" --run-dir "$work/n$i/run" -c "$work/n$i/corosync.conf"
	export LD_LIBRARY_PATH=
	in_node_exec "$i" unshare --mount sh -c '
		mount -t tmpfs none /run && mount -t tmpfs none /var/lib/corosync || exit 1
		exec "$@"' sh "$fault" run "$STOCK" -f -c "$work/n$i/corosync.conf"
}

# daemon_start I: started with the node's configuration; prints nothing, sets daemon[I].
daemon_start()
{
	local i=$1
	[ -f "$work/n$i/corosync.conf" ] || conf_write "$i"
	daemon_exec "$i" > "$work/n$i/started" 2>> "$work/n$i/daemon.log" &
	daemon[i]=$!
	pids+=("${daemon[i]}")
	disown "${daemon[i]}"
}

daemon_alive() { kill -0 "${daemon[$1]}" 2> /dev/null; }
log_has() { grep -q -s -E -e "$2" "$work/n$1/daemon.log"; }
log_lacks() { ! log_has "$@"; }

log_show()
{
	local i
	for ((i = 1; i <= ${node_count:-0}; i++)); do
		[ ! -f "$work/n$i/daemon.log" ] ||
			tail -n 15 "$work/n$i/daemon.log" | sed "s/^/# n$i: /"
	done
}

# fault_signal SIGNAL I: prints the time of the fault.
fault_signal() { "$fault" signal "$(kill -l "$1")" "${daemon[$2]}"; }

# until SECONDS COMMAND...: tries again and again.
until_true()
{
	local end=$((SECONDS + $1 + 1))
	shift
	while ! "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.03
	done
}

process_gone() { ! kill -0 "$1" 2> /dev/null || grep -qs '^State:.*Z' "/proc/$1/status"; }

# --- clients --------------------------------------------------------------------------------------

# The process becomes a program that is a client of that node.
client_exec()		# I COMMAND...
{
	local i=$1
	shift
	[ "$flavour" = ours ] || export LD_LIBRARY_PATH=$STOCK_LIB
	export COROSYNC_INSTANCE
	COROSYNC_INSTANCE=$(instance "$i")
	in_node_exec "$i" "$@"
}

# client_start I [OPTION...]: a cpgload of that node; its events in $work/nI/client.
client_start()
{
	local i=$1
	shift
	client_exec "$i" "$cpgload" --events "$@" > "$work/n$i/client" 2> "$work/n$i/client.err" &
	client[i]=$!
	pids+=("${client[i]}")
	disown "${client[i]}"
}

# The client runs, so it saw nothing lost, doubled or damaged; else its last words.
client_well()
{
	kill -0 "${client[$1]}" 2> /dev/null && return
	sed "s/^/# client $1: /" "$work/n$1/client.err"
	sed -n "s/.*\\[IPC .*client pid ${client[$1]}/# daemon $1: &/p" "$work/n$1/daemon.log"
	return 1
}

client_ready() { grep -q ' ready' "$work/n$1/client" 2> /dev/null; }

# Time of the first configuration change at node I's client at or after T0 with COUNT members
# (- : any number); fails when there is none yet.
config_time()		# I T0 COUNT
{
	awk -v t0="$2" -v count="$3" '
		$2 == "config" && $1 + 0 >= t0 + 0 && (count == "-" || $3 == count) {
			print $1; seen = 1; exit
		}
		END { exit !seen }' "$work/n$1/client" 2> /dev/null
}

# The same of the ring's configurations.
ring_time()		# I T0 COUNT
{
	awk -v t0="$2" -v count="$3" '
		$2 == "ring" && $1 + 0 >= t0 + 0 && $3 == count { print $1; seen = 1; exit }
		END { exit !seen }' "$work/n$1/client" 2> /dev/null
}

# repair_time I T0 COUNT [SECONDS]: ms from T0 to that change; nothing when it does not come.
repair_time()
{
	until_true "${4:-${patience:-10}}" config_time "$1" "$2" "$3" > "$work/when" &&
		minus "$(cat "$work/when")" "$2"
}

# Members at the last change node I's client saw.
members_now()
{
	awk '$2 == "config" { n = $3 } END { print n + 0 }' "$work/n$1/client" 2> /dev/null
}
members_are() { [ "$(members_now "$1")" = "$2" ]; }

all_members_are()	# COUNT [NODE...]
{
	local count=$1 i
	shift
	[ $# -gt 0 ] || set -- $(seq "$node_count")
	for i in "$@"; do
		members_are "$i" "$count" || return 1
	done
}

# Nothing happened at node I's client since T0.
no_config_since() { ! config_time "$1" "$2" - > /dev/null; }

# cluster_run N [CLIENT_OPTION...]: N nodes, a daemon and a client on each, all in one view.
cluster_run()
{
	local i
	cluster_begin "$1"
	shift
	for ((i = 1; i <= node_count; i++)); do
		daemon_start "$i"
	done
	clients_run "$@"
}

clients_run()
{
	local i
	for ((i = 1; i <= node_count; i++)); do
		client_start "$i" "$@"
	done
	ok "$node_count nodes form one ring" until_true 20 all_members_are "$node_count" || finish
}

# resident_at_most WHAT PID KIB.  Not with the address sanitizer, which keeps what was freed.
resident_at_most()
{
	if grep -q libasan "/proc/$2/maps"; then
		note "$1: $(rss_kb "$2") KiB, with the address sanitizer"
	else
		at_most "$1" "$(rss_kb "$2")" "$3" KiB
	fi
}
rss_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }

script_args=("$@")
