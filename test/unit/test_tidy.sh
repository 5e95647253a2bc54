#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# A check that cannot fail proves nothing: a small clean tree passes tools/tidy, and each rule
# broken on purpose in it is found, at its file and line, by its name, with exit status 1.
here=$(cd "$(dirname "$0")" && pwd) || exit 99
tidy=$here/../../tools/tidy
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
tree=$work/tree
mkdir "$tree"
# In files, because the ends of pipelines count too.
: > "$work/results"
: > "$work/covered"

head_of_c='/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */'

result()	# STATUS TEXT
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
	fi | tee -a "$work/results"
}

# Put the body on standard input into FILE behind a clean head of three lines.
put()		# FILE
{
	mkdir -p "$tree/$(dirname "$1")"
	{ printf '%s\n' "$head_of_c"; cat; } > "$tree/$1"
}

# The tree passes with what is in it now.
clean()		# WHAT
{
	out=$("$tidy" "$tree" 2>&1)
	status=$?
	[ $status -eq 0 ] && [ -z "$out" ]
	result $? "allowed: $1"
	[ -z "$out" ] || printf '#  %s\n' "$out"
}

# The body on standard input in FILE is refused by RULE at LINE; then FILE goes away again.
breaks()	# RULE FILE LINE WHAT
{
	put "$2"
	found "$@"
}

found()		# RULE FILE LINE WHAT
{
	echo "$1" >> "$work/covered"
	out=$("$tidy" "$tree" 2>&1)
	status=$?
	[ $status -eq 1 ] && printf '%s\n' "$out" | grep -q "^$2:$3: $1: .*; "
	result $? "$1: $4"
	printf '%s\n' "$out" | grep -q "^$2:$3: $1: .*; " || printf '#  %s\n' "$status: $out"
	rm -f "$tree/$2"
}

# N lines of statements.
statements()	# N
{
	i=0
	while [ $i -lt "$1" ]; do
		echo '	x++;'
		i=$((i + 1))
	done
}

# --- a clean tree --------------------------------------------------------------------------------

put exec/totem/ok.c <<'END'
#include <stdint.h>
#include <string.h>
#include "exec/base/buf.h"
#include "exec/totem/ok.h"

static const int table[] = { 1, 2 };

/* strcpy( in a comment and "sleep(" in a string are nobody's call. */
const char *
ok_text(enum ok ok, int error, char c)
{
	char text[OK_TEXT_BYTES_MAX];
	struct ok copy[sizeof table / sizeof table[0]];

	switch (error) {
	case EAGAIN:
		return "sleep(1) strcpy(a, b)";
	default:
		break;
	}
	switch (c) {
	case '"':
		return "//";
	default:
		break;
	}
	switch (ok) {
	case OK_ONE:
	case OK_TWO:
		break;
	default:	/* tidy: open set */
		break;
	}
	return my_strcpy(text, copy);
}
END
put exec/totem/ok.h < /dev/null
put exec/base/buf.h < /dev/null
put exec/core/main.c <<'END'
#include <unistd.h>
#include <qb/qbloop.h>
#include "config.h"
#include "exec/totem/totem.h"
#include <corosync/engine/engine.h>

int
main(void)
{
	exit(1);
}
END
put exec/engines/cpg_group.c <<'END'
#include "exec/engines/cpg_group.h"
#include <corosync/ipc/cpg_wire.h>
END
put lib/cpg.c <<'END'
#include "lib/client.h"
#include <corosync/ipc/cpg_wire.h>
#include <sys/socket.h>
END
put tools/cpgtool.c <<'END'
#include <corosync/cpg.h>
#include <stdio.h>
END
put test/unit/test_x.c <<'END'
#include "exec/totem/internal.h"
#include "lib/client.h"
END
clean "a tree that keeps the rules"

{ echo '/* tidy: flat switch */'; echo int; echo 'flat(int x)'; echo '{'; statements 119; echo '}'
} |
	put exec/base/flat.c
clean "119 lines that are marked as one flat switch"
rm "$tree/exec/base/flat.c"

# --- text ----------------------------------------------------------------------------------------

printf 'int x;\n' > "$tree/exec/base/bad.h"
found spdx exec/base/bad.h 1 "no licence line"
printf '/* SPDX-License-Identifier: BSD-3-Clause */\nint x;\n' > "$tree/exec/base/bad.h"
found copyright exec/base/bad.h 2 "no copyright line"
printf '#!/bin/sh\ntrue\n' > "$tree/test/unit/bad.sh"
found spdx test/unit/bad.sh 1 "no licence line in a script"
printf 'int x; \n' | breaks blank-end exec/base/bad.h 4 "a blank at the end of a line"
printf 'int x;\r\n' | breaks blank-end exec/base/bad.h 4 "a carriage return"
printf '\t\t\t\t\t\t\t\t\t\t\t\tx = 12;\n' |
	breaks columns exec/base/bad.h 4 "101 columns, tabs counted as eight"
for word in TO''DO FIX''ME X''XX; do
	echo "/* $word: later */" | breaks unfinished exec/base/bad.h 4 "$word"
done
echo '// x' | breaks line-comment exec/base/bad.h 4 "a // comment"
printf '\n        x = 1;\n' | breaks indent exec/base/bad.h 5 "eight blanks"

# --- sizes ---------------------------------------------------------------------------------------

statements 600 | breaks file-length exec/base/bad.h 603 "603 lines in exec"
statements 600 | breaks file-length tools/bad.c 603 "603 lines in tools"
statements 800 | breaks file-length test/unit/bad.c 803 "803 lines in test"
{ echo int; echo 'f(int x)'; echo '{'; statements 81; echo '}'; } |
	breaks function-length exec/base/bad.c 6 "81 lines"
{ echo '/* tidy: flat switch */'; echo int; echo 'f(int x)'; echo '{'; statements 121; echo '}'
} |
	breaks function-length exec/base/bad.c 7 "121 lines, marked"
{
	echo '/* tidy: flat switch */'; echo int; echo 'f(int x)'; echo '{'; statements 9; echo '}'
	echo int; echo 'g(int x)'; echo '{'; statements 81; echo '}'
} | breaks function-length exec/base/bad.c 20 "a mark that belongs to another function"
printf 'int f(int x)\n{\n}\n' | breaks function-head exec/base/bad.c 4 "type and name on one line"

# --- calls ---------------------------------------------------------------------------------------

for call in strcpy stpcpy strcat strncpy strncat sprintf vsprintf gets atoi atol atoll atof strtok \
	tmpnam mktemp gethostbyname rand alloca ctime; do
	printf 'int\nf(int x)\n{\n\treturn %s(x);\n}\n' $call |
		breaks banned-call tools/bad.c 7 "$call()"
done
for call in sleep usleep exit assert localtime gmtime system popen; do
	printf 'int\nf(int x)\n{\n\treturn %s(x);\n}\n' $call |
		breaks banned-call exec/core/bad.c 7 "$call() in exec"
done
for call in exit _exit abort; do
	printf 'int\nf(int x)\n{\n\treturn %s(x);\n}\n' $call |
		breaks banned-call lib/bad.c 7 "$call() in lib"
done
printf 'int\nf(int n)\n{\n\tuint8_t x[n + 1];\n}\n' | breaks vla lib/bad.c 7 "char x[n + 1]"
printf 'int\nf(int n)\n{\n\tstruct a *x[n];\n}\n' | breaks vla test/unit/bad.c 7 "struct a *x[n]"
printf 'static int count;\n' | breaks global exec/totem/bad.c 4 "a static variable"
printf 'int\nf(int n)\n{\n\tstatic int x = 0;\n}\n' |
	breaks global exec/engines/bad.c 7 "a static variable in a function"
while IFS= read -r line; do
	printf '\n%s\n' "$line" | breaks global exec/totem/bad.c 5 "$line"
	printf '\n%s\n' "$line" | breaks global exec/base/bad.c 5 "$line"
done <<'END'
int count;
struct queue queue;
unsigned int limit = 5;
static const char *last;
const char *names[2];
uint64_t *slots[4] = { NULL };
extern int count;
_Thread_local int count;
void (*hook)(int);
static void (*hook)(int) = NULL;
END
printf 'struct {\n\tint a;\n} state;\n' | breaks global exec/base/bad.c 6 "a struct's variable"
printf 'static struct s {\n\tint a;\n} state = { 1 };\n' |
	breaks global exec/totem/bad.c 6 "a static struct's variable"
put exec/base/tables.c <<'END'
static const char *const names[] = { "a" };
const struct kind kinds[] = {
	{ 1 },
};
extern const unsigned int kind_count;
const char *name_of(int kind);
void (*hook_of(int kind))(int);
static void (*const hook)(int) = NULL;
struct forward;
struct kind {
	int count;
	void (*call)(int);
};
typedef struct {
	int a;
} kind_t;
static const struct {
	int a;
} one = { 1 };
_Static_assert(1 == 1, "");
enum color { COLOR_RED = 1 };
END
clean "tables, prototypes, types"
rm "$tree/exec/base/tables.c"
printf 'int\nf(enum k k)\n{\n\tswitch (k) {\n\tcase K_ONE:\n\tdefault:\n\t\tbreak;\n\t}\n}\n' |
	breaks enum-default exec/core/bad.c 9 "default: over an enum"
printf 'int\nf(enum k k)\n{\n\tswitch (k) {\n\tdefault:\n\tcase K_ONE:\n\t\tbreak;\n\t}\n}\n' |
	breaks enum-default exec/core/bad.c 8 "default: first"

printf 'int\nf(enum k k)\n{\n\tif (k)\n\t\tswitch (k) {\n\t\tcase K_ONE: default: break; }\n}\n' |
	breaks enum-default exec/core/bad.c 9 "default: on the line of a case"
printf 'int\nf(enum k k)\n{\n\tswitch (k) {\n\tcase 1:\n\tcase (K_TWO):\n\tdefault:\n\t}\n}\n' |
	breaks enum-default exec/core/bad.c 10 "default: behind an enumerator in brackets"
put exec/core/open.c <<'END'
#define WIRE_ONE 1

int
f(uint32_t function)
{
	switch (function) {
	case WIRE_ONE:
		return 1;
	default:
		return 0;
	}
}
END
clean "default: over numbers that are macros"
rm "$tree/exec/core/open.c"

# --- layering -------------------------------------------------------------------------------------

while read -r file include; do
	printf '\n#include %s\n' "$include" | breaks layering "$file" 5 "$file includes $include"
done <<'END'
exec/base/bad.h <sys/socket.h>
exec/base/bad.h "exec/totem/totem.h"
exec/base/bad.h <stdio.h>
exec/totem/bad.c <time.h>
exec/totem/bad.c <poll.h>
exec/totem/bad.c <sys/types.h>
exec/totem/bad.c <stdio.h>
exec/totem/bad.c <qb/qblog.h>
exec/totem/bad.c <corosync/cpg.h>
exec/totem/bad.c "exec/net/net.h"
exec/totem/bad.c "exec/core/shell.h"
exec/totem/bad.c "config.h"
exec/totem/bad.c "../net/net.h"
exec/net/bad.c "exec/totem/totem.h"
exec/net/bad.c "exec/core/shell.h"
exec/net/bad.c <qb/qbloop.h>
exec/net/bad.c <corosync/corotypes.h>
exec/ipc/bad.c "exec/totem/totem.h"
exec/ipc/bad.c "exec/engines/cpg_group.h"
exec/ipc/bad.c <corosync/engine/engine.h>
exec/engines/cpg_bad.c "exec/totem/totem.h"
exec/engines/cpg_bad.c "exec/net/net.h"
exec/engines/cpg_bad.c "exec/ipc/ipc.h"
exec/engines/cpg_bad.c "exec/core/host.h"
exec/engines/cpg_bad.c "exec/engines/cfg.h"
exec/engines/cpg_bad.c <qb/qbloop.h>
exec/core/bad.c "exec/totem/internal.h"
exec/core/bad.c "exec/net/udp.h"
exec/core/bad.c "exec/engines/cpg_group.h"
exec/core/bad.c "lib/client.h"
lib/bad.c "exec/base/buf.h"
lib/bad.c <qb/qbipcc.h>
lib/bad.c <corosync/engine/engine.h>
tools/bad.c "lib/client.h"
tools/bad.c "exec/base/buf.h"
tools/bad.c <corosync/ipc/ring.h>
tools/bad.c <corosync/engine/engine.h>
examples/bad.c "lib/client.h"
examples/bad.c "exec/base/buf.h"
include/corosync/bad.h "exec/base/buf.h"
include/corosync/bad.h "lib/client.h"
exec/core/bad.c "test/sim/sim.h"
END

clean "the tree after all that"

# --- every rule has been broken ----------------------------------------------------------------

for rule in $("$tidy" --rules); do
	grep -qx -e "$rule" "$work/covered" ||
		result 1 "rule $rule is not broken by this test"
done
"$tidy" --nonsense > /dev/null 2>&1
[ $? -eq 2 ]
result $? "an unknown option is refused"
"$tidy" "$tree/nowhere" > /dev/null 2>&1
[ $? -eq 2 ]
result $? "a tree that is not there is refused"

echo "# $(grep -c '^ok' "$work/results") passed, $(grep -c '^not ok' "$work/results") failed"
! grep -q '^not ok' "$work/results"
