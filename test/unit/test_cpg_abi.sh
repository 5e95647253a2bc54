#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# libcpg's binary interface: names, version node and soname; sizes, offsets and constants of our
# header against those of distributions, and, where the distribution's header is installed, a
# program compiled against that, and run on our library.
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 99
lib=${LIBCPG:-.libs/libcpg.so.4}
libs=$(dirname "$lib")
cc=${CC:-cc}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
LC_ALL=C
export LC_ALL
failed=0

check()			# TEXT FILE-WANTED FILE-SEEN
{
	if cmp -s "$2" "$3"; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		diff "$2" "$3" | sed 's/^/#  /'
		failed=$((failed + 1))
	fi
}

for tool in nm readelf; do
	command -v $tool > /dev/null || { echo "no $tool"; exit 77; }
done
[ -e "$lib" ] || { echo "not ok - no $lib"; exit 1; }

for name in context_get context_set dispatch fd_get finalize flow_control_state_get initialize \
    iteration_finalize iteration_initialize iteration_next join leave local_get \
    max_atomic_msgsize_get mcast_joined membership_get model_initialize zcb_alloc zcb_free \
    zcb_mcast_joined; do
	echo "cpg_$name@@COROSYNC_CPG_1.0"
done | sort > "$work/names"
nm -D --defined-only --with-symbol-versions "$lib" | awk '$2 != "A" { print $3 }' | sort \
    > "$work/names.seen"
check "every function at the version node, and nothing else" "$work/names" "$work/names.seen"

readelf -d "$lib" | sed -n 's/.*Library soname: \[\(.*\)\].*/\1/p' > "$work/soname.seen"
echo libcpg.so.4 > "$work/soname"
check "soname" "$work/soname" "$work/soname.seen"
basename "$(readlink -f "$lib")" > "$work/file.seen"
echo libcpg.so.4.1.0 > "$work/file"
check "name of the file" "$work/file" "$work/file.seen"

cat > "$work/layout.c" << 'END'
#include <stddef.h>
#include <stdio.h>
#include <sys/uio.h>
#include <corosync/cpg.h>
#define SIZE(type) printf(#type " %zu\n", sizeof(type))
#define OFFSET(type, member) printf(#type "." #member " %zu\n", offsetof(type, member))
#define VALUE(name) printf(#name " %d\n", (int) (name))
int
main(void)
{
	SIZE(cpg_handle_t); SIZE(cpg_iteration_handle_t); SIZE(struct cpg_name);
	OFFSET(struct cpg_name, value); SIZE(struct cpg_address);
	OFFSET(struct cpg_address, pid); OFFSET(struct cpg_address, reason);
	SIZE(struct cpg_ring_id); OFFSET(struct cpg_ring_id, seq);
	SIZE(cpg_callbacks_t); OFFSET(cpg_callbacks_t, cpg_confchg_fn);
	SIZE(cpg_model_data_t); SIZE(cpg_model_v1_data_t);
	OFFSET(cpg_model_v1_data_t, cpg_deliver_fn); OFFSET(cpg_model_v1_data_t, cpg_confchg_fn);
	OFFSET(cpg_model_v1_data_t, cpg_totem_confchg_fn); OFFSET(cpg_model_v1_data_t, flags);
	SIZE(struct cpg_iteration_description_t);
	OFFSET(struct cpg_iteration_description_t, nodeid);
	OFFSET(struct cpg_iteration_description_t, pid);
	VALUE(CPG_TYPE_UNORDERED); VALUE(CPG_TYPE_FIFO); VALUE(CPG_TYPE_AGREED);
	VALUE(CPG_TYPE_SAFE); VALUE(CPG_FLOW_CONTROL_DISABLED); VALUE(CPG_FLOW_CONTROL_ENABLED);
	VALUE(CPG_REASON_UNDEFINED); VALUE(CPG_REASON_JOIN); VALUE(CPG_REASON_LEAVE);
	VALUE(CPG_REASON_NODEDOWN); VALUE(CPG_REASON_NODEUP); VALUE(CPG_REASON_PROCDOWN);
	VALUE(CPG_ITERATION_NAME_ONLY); VALUE(CPG_ITERATION_ONE_GROUP); VALUE(CPG_ITERATION_ALL);
	VALUE(CPG_MODEL_V1); VALUE(CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF);
	VALUE(CPG_MAX_NAME_LENGTH); VALUE(CPG_MEMBERS_MAX);
	VALUE(CS_DISPATCH_ONE); VALUE(CS_DISPATCH_ALL); VALUE(CS_DISPATCH_BLOCKING);
	VALUE(CS_DISPATCH_ONE_NONBLOCKING);
	VALUE(CS_OK); VALUE(CS_ERR_LIBRARY); VALUE(CS_ERR_TRY_AGAIN); VALUE(CS_ERR_INVALID_PARAM);
	VALUE(CS_ERR_BAD_HANDLE); VALUE(CS_ERR_NOT_EXIST); VALUE(CS_ERR_NAME_TOO_LONG);
	VALUE(CS_ERR_EXIST); VALUE(CS_ERR_NO_SECTIONS); VALUE(CS_ERR_TOO_BIG);
	return 0;
}
END
cat > "$work/layout" << 'END'
cpg_handle_t 8
cpg_iteration_handle_t 8
struct cpg_name 132
struct cpg_name.value 4
struct cpg_address 12
struct cpg_address.pid 4
struct cpg_address.reason 8
struct cpg_ring_id 16
struct cpg_ring_id.seq 8
cpg_callbacks_t 16
cpg_callbacks_t.cpg_confchg_fn 8
cpg_model_data_t 4
cpg_model_v1_data_t 40
cpg_model_v1_data_t.cpg_deliver_fn 8
cpg_model_v1_data_t.cpg_confchg_fn 16
cpg_model_v1_data_t.cpg_totem_confchg_fn 24
cpg_model_v1_data_t.flags 32
struct cpg_iteration_description_t 140
struct cpg_iteration_description_t.nodeid 132
struct cpg_iteration_description_t.pid 136
CPG_TYPE_UNORDERED 0
CPG_TYPE_FIFO 1
CPG_TYPE_AGREED 2
CPG_TYPE_SAFE 3
CPG_FLOW_CONTROL_DISABLED 0
CPG_FLOW_CONTROL_ENABLED 1
CPG_REASON_UNDEFINED 0
CPG_REASON_JOIN 1
CPG_REASON_LEAVE 2
CPG_REASON_NODEDOWN 3
CPG_REASON_NODEUP 4
CPG_REASON_PROCDOWN 5
CPG_ITERATION_NAME_ONLY 1
CPG_ITERATION_ONE_GROUP 2
CPG_ITERATION_ALL 3
CPG_MODEL_V1 1
CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF 1
CPG_MAX_NAME_LENGTH 128
CPG_MEMBERS_MAX 128
CS_DISPATCH_ONE 1
CS_DISPATCH_ALL 2
CS_DISPATCH_BLOCKING 3
CS_DISPATCH_ONE_NONBLOCKING 4
CS_OK 1
CS_ERR_LIBRARY 2
CS_ERR_TRY_AGAIN 6
CS_ERR_INVALID_PARAM 7
CS_ERR_BAD_HANDLE 9
CS_ERR_NOT_EXIST 12
CS_ERR_NAME_TOO_LONG 13
CS_ERR_EXIST 14
CS_ERR_NO_SECTIONS 27
CS_ERR_TOO_BIG 26
END
if [ "$(getconf LONG_BIT)" = 64 ]; then
	if $cc -I"$top/include" -o "$work/ours" "$work/layout.c"; then
		"$work/ours" > "$work/layout.seen"
	fi
	check "layouts and constants of our header" "$work/layout" "$work/layout.seen"
fi

# A program of the distribution's: every function is looked up when it starts.
cat > "$work/program.c" << 'END'
#include <stdio.h>
#include <sys/uio.h>
#include <corosync/cpg.h>
int
main(void)
{
	cpg_callbacks_t callbacks = { 0 };
	cpg_handle_t handle = 0;
	volatile int never = 0;
	if (never) {
		cpg_model_initialize(&handle, CPG_MODEL_V1, 0, 0);
		cpg_finalize(handle); cpg_fd_get(handle, 0); cpg_max_atomic_msgsize_get(handle, 0);
		cpg_context_get(handle, 0); cpg_context_set(handle, 0);
		cpg_dispatch(handle, CS_DISPATCH_ALL); cpg_join(handle, 0); cpg_leave(handle, 0);
		cpg_mcast_joined(handle, CPG_TYPE_AGREED, 0, 0);
		cpg_membership_get(handle, 0, 0, 0); cpg_local_get(handle, 0);
		cpg_flow_control_state_get(handle, 0); cpg_zcb_alloc(handle, 0, 0);
		cpg_zcb_free(handle, 0); cpg_zcb_mcast_joined(handle, CPG_TYPE_AGREED, 0, 0);
		cpg_iteration_initialize(handle, CPG_ITERATION_ALL, 0, 0);
		cpg_iteration_next(handle, 0); cpg_iteration_finalize(handle);
	}
	printf("%d\n", cpg_initialize(&handle, &callbacks));
	return 0;
}
END
# Its own libraries only: what is installed of ours is not the distribution's.
if [ -e /usr/include/corosync/cpg.h ] && ! grep -q SPDX /usr/include/corosync/cpg.h &&
    $cc -I/usr/include -o "$work/theirs" "$work/layout.c" 2> /dev/null &&
    $cc -I/usr/include -o "$work/program" "$work/program.c" -lcpg 2> /dev/null; then
	"$work/theirs" > "$work/layout.theirs"
	check "the distribution's header says the same" "$work/layout.theirs" "$work/layout.seen"
	echo 2 > "$work/program.want"	# there is no daemon of that instance
	COROSYNC_INSTANCE=none-$$ LD_BIND_NOW=1 LD_LIBRARY_PATH=$libs "$work/program" \
	    > "$work/program.seen" 2>&1
	check "the distribution's program runs on our library" "$work/program.want" \
	    "$work/program.seen"
	LD_LIBRARY_PATH=$libs ldd "$work/program" | grep -c "libcpg.so.4 => $libs/" \
	    > "$work/ldd.seen"
	echo 1 > "$work/ldd"
	check "and it is our library" "$work/ldd" "$work/ldd.seen"
else
	echo "# the distribution's libcpg-dev is not installed: not compared with it"
fi
[ $failed -eq 0 ]
