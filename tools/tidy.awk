# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The rules of tools/tidy, for any POSIX awk in the C locale (mawk has no {n,m} in patterns).
# C is looked at line by line after comments, strings and character constants were taken out; the
# house style (a function's braces stand alone in column one) makes that enough to see functions.
#
# Marks that a source line may carry in a comment:
#   tidy: flat switch	in a function of up to 120 lines that is one flat switch over an enum
#   tidy: open set	on a `default:` over names that are no closed enum of ours

function say(line, rule, text)
{
	printf "%s:%d: %s: %s\n", FILENAME, line, rule, text
	found++
}

function begins(text, prefix)
{
	return substr(text, 1, length(prefix)) == prefix
}

# The line without comments, strings, characters.  Block comments last over lines: in_comment.
function strip(s,    out, token)
{
	out = ""
	while (s != "") {
		if (in_comment) {
			if (!match(s, /\*\//))
				return out
			s = substr(s, RSTART + 2)
			in_comment = 0
			out = out " "
			continue
		}
		if (!match(s, /\/\*|\/\/|["\047]/))
			return out s
		out = out substr(s, 1, RSTART - 1)
		token = substr(s, RSTART, RLENGTH)
		s = substr(s, RSTART + RLENGTH)
		if (token == "/*") {
			in_comment = 1
		} else if (token == "//") {
			say(FNR, "line-comment", "// comment; write /* ... */")
			return out
		} else {
			if (token == "\"" && match(s, /^([^"\\]|\\.)*"/))
				s = substr(s, RLENGTH + 1)
			else if (token != "\"" && match(s, /^([^\047\\]|\\.)*\047/))
				s = substr(s, RLENGTH + 1)
			else
				s = ""
			out = out token token
		}
	}
	return out
}

# Columns with tabs of eight; the later bytes of a UTF-8 character take none.
function columns(s,    parts, n, i, width)
{
	gsub(/[\200-\277]/, "", s)
	n = split(s, parts, "\t")
	width = 0
	for (i = 1; i <= n; i++) {
		width += length(parts[i])
		if (i < n)
			width += 8 - width % 8
	}
	return width
}

function calls(code, name)
{
	return code ~ ("(^|[^A-Za-z0-9_.>])" name "[ \t]*\\(")
}

# --- layering ----------------------------------------------------------------------------------

function system_header_is_pure(name)
{
	return name ~ /^(stdbool|stddef|stdint|stdlib|string|errno|limits|inttypes)\.h$/
}

# What `room` may include.  `name` is a path from the top of the tree, or a system header when
# `angle`.  Returns "" or what the room may use.
function layer_breach(room, name, angle,    stem, public, target)
{
	public = begins(name, "corosync/")
	if (begins(name, "include/corosync/")) {
		public = 1
		sub(/^include\//, "", name)
	}
	if (begins(name, "test/") && room != "test")
		return "nothing but test/ uses test/"
	if (room == "test")
		return ""
	if (room == "exec/totem" || room == "exec/base") {
		if (angle && system_header_is_pure(name))
			return ""
		if (FILENAME == "exec/base/assert.c" && name == "stdio.h")
			return ""
		if (begins(name, "exec/base/") || begins(name, room "/"))
			return ""
		return room " may use exec/base, itself and libc's memory functions"
	}
	if (room == "exec/crypto" || room == "exec/net") {
		if (angle && !public && !begins(name, "qb/"))
			return ""
		if (name == "config.h" || name ~ /^exec\/(base|crypto)\//)
			return ""
		if (begins(name, room "/"))
			return ""
		return room " may use exec/base, exec/crypto, itself and the system"
	}
	if (room == "exec/ipc") {
		if (angle && !public)
			return ""
		if (public && (begins(name, "corosync/ipc/") || name == "corosync/corotypes.h"))
			return ""
		if (name == "config.h" || begins(name, "exec/base/") || begins(name, "exec/ipc/"))
			return ""
		return "exec/ipc may use exec/base, itself, corosync/ipc/, libqb and the system"
	}
	if (room == "exec/engines") {
		stem = FILENAME
		sub(/^.*\//, "", stem)
		sub(/[_.].*$/, "", stem)
		if (public || begins(name, "exec/base/") || name == "config.h")
			return ""
		if (begins(name, "exec/engines/" stem))
			return ""
		if (angle && !begins(name, "qb/"))
			return ""
		return "an engine may use corosync/, exec/base, its own files and libc"
	}
	if (room == "exec/core") {
		if (angle || public || name == "config.h")
			return ""
		if (begins(name, "exec/base/") || begins(name, "exec/core/"))
			return ""
		if (name ~ /^exec\/(totem\/(totem|limits)|net\/net|ipc\/ipc|crypto\/crypto)\.h$/)
			return ""
		return "exec/core may use the rooms' public headers only"
	}
	if (room == "lib") {
		if (angle && !public && !begins(name, "qb/"))
			return ""
		if (name == "config.h" || begins(name, "lib/"))
			return ""
		if (public && !begins(name, "corosync/engine/"))
			return ""
		return "lib may use corosync/ (not engine/) and the system, never libqb or exec/"
	}
	if (room == "tools" || room == "examples") {
		if (public && name !~ /^corosync\/(engine|ipc)\//)
			return ""
		if (name == "config.h" || begins(name, room "/"))
			return ""
		if (angle && !public && !begins(name, "qb/"))
			return ""
		return room " may use the public libraries' headers and the system only"
	}
	if (room == "include") {
		if (public)
			return ""
		if (FILENAME == "include/corosync/hdb.h" && name == "qb/qbhdb.h")
			return ""
		if (angle && !begins(name, "qb/"))
			return ""
		return "public headers may use public headers and libc only"
	}
	return ""
}

function room_of(file)
{
	if (file ~ /^exec\/[^\/]*\//) {
		sub(/^exec\//, "", file)
		sub(/\/.*/, "", file)
		return "exec/" file
	}
	sub(/\/.*/, "", file)
	return file
}

function check_include(line,    name, angle, folder, why)
{
	name = line
	sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
	angle = begins(name, "<")
	sub(/^[<"]/, "", name)
	sub(/[>"].*$/, "", name)
	if (name ~ /(^|\/)\.\.\//) {
		say(FNR, "layering", "include by a path that goes up; write it from the top")
		return
	}
	if (!angle && name !~ /\// && name != "config.h") {
		folder = FILENAME
		sub(/[^\/]*$/, "", folder)
		name = folder name
	}
	why = layer_breach(room, name, angle)
	if (why != "")
		say(FNR, "layering", "includes " name "; " why)
}

# --- calls -------------------------------------------------------------------------------------

function ban(name, where, remedy)
{
	if ((where == "" || FILENAME ~ where) && calls(code, name))
		say(FNR, "banned-call", name "(); " remedy)
}

function check_calls()
{
	if (code !~ /\(/)
		return
	ban("strcpy", "", "snprintf() or memcpy() with the size checked")
	ban("stpcpy", "", "snprintf() or memcpy() with the size checked")
	ban("strcat", "", "snprintf() into what is left")
	ban("strncpy", "", "snprintf(): strncpy may leave no terminator")
	ban("strncat", "", "snprintf() into what is left")
	ban("sprintf", "", "snprintf()")
	ban("vsprintf", "", "vsnprintf()")
	ban("gets", "", "fgets() or getline()")
	ban("atoi", "", "strtol() with its end pointer and errno checked")
	ban("atol", "", "strtol() with its end pointer and errno checked")
	ban("atoll", "", "strtoll() with its end pointer and errno checked")
	ban("atof", "", "strtod() with its end pointer checked")
	ban("strtok", "", "strsep() or strtok_r()")
	ban("tmpnam", "", "mkstemp()")
	ban("mktemp", "", "mkstemp()")
	ban("gethostbyname", "", "getaddrinfo()")
	ban("rand", "", "exec/base/prng.h with a seed that the host gives")
	ban("alloca", "", "a fixed array or malloc()")
	ban("sleep", "^exec/", "a timer of the main loop, or a timed wait on a condition")
	ban("usleep", "^exec/", "a timer of the main loop, or a timed wait on a condition")
	ban("localtime", "^(exec|lib)/", "localtime_r()")
	ban("gmtime", "^(exec|lib)/", "gmtime_r()")
	ban("ctime", "", "strftime()")
	ban("system", "^(exec|lib|tools)/", "no shell: fork() and execv() if it must be")
	ban("popen", "^(exec|lib|tools)/", "no shell: fork() and execv() if it must be")
	ban("assert", "^exec/", "cs_assert(), which release builds keep")
	if (FILENAME ~ /^exec\// && FILENAME !~ /^exec\/core\/main\.c$/)
		ban("exit", "", "return a negative errno; only exec/core/main.c ends the process")
	ban("exit", "^lib/", "return a cs_error_t; a library never ends its process")
	ban("_exit", "^lib/", "return a cs_error_t; a library never ends its process")
	ban("abort", "^lib/", "return a cs_error_t; a library never ends its process")
}

# A declaration in a function whose bracket holds a lower-case name.
function check_vla(    inside)
{
	if (in_function == 0)
		return
	if (code !~ /^\t+[a-z][A-Za-z0-9_ ]* \**[a-z_0-9]+\[[^]]*\][^(]*;/)
		return
	if (code ~ /^\t+(return|goto|case|else|static|extern) /)
		return
	inside = code
	sub(/^[^[]*\[/, "", inside)
	sub(/\].*$/, "", inside)
	gsub(/sizeof *\([^)]*\)/, "", inside)
	gsub(/sizeof [a-z_0-9.>*-]+/, "", inside)
	if (inside ~ /(^|[^A-Za-z0-9_])[a-z_]/)
		say(FNR, "vla", "array of variable length; a named constant, or malloc()")
}

# Does a declaration leave the variable itself changeable?  Of a pointer the last level counts.
function is_mutable(text)
{
	sub(/[ \t]*=.*$/, "", text)
	if (text ~ /\(\*[^()]*\)[ \t]*\(/)	# a pointer to a function
		return text !~ /\(\*[ \t]*const[^a-z_]/
	sub(/[ \t]*\[.*$/, "", text)
	if (text ~ /\*/)
		sub(/^.*\*/, "", text)
	return text !~ /(^|[^A-Za-z0-9_])const([^A-Za-z0-9_]|$)/
}

# Instances, not globals: a process can hold a hundred of each.  Static ones anywhere, those of
# all files at file scope; a table that is const is no variable.
function check_global(    name, behind)
{
	if (FILENAME !~ /^exec\/(totem|net|ipc|engines|base|crypto)\// || FILENAME ~ /assert\.c$/)
		return
	if (code ~ /^\t*static / && code !~ /^\t*static (inline|_Noreturn)/ && is_mutable(code) &&
	    (code ~ /^\t*static [^(]*[;=]/ || code ~ /^\t*static [^(]*\(\*[^;]*[;=]/)) {
		say(FNR, "global", "variable outside every instance; put it into the struct")
		return
	}
	if (in_function)
		return
	# The name behind a struct's body; what stands before the body says whether it is const.
	if (code ~ /^\}[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*([;=]|\[)/) {
		name = head
		sub(/\{.*$/, "", name)
		if (name !~ /(^|[^a-z_])(typedef|const)([^a-z_]|$)/)
			say(FNR, "global", "variable of the whole process; put it into a struct")
		return
	}
	if (code !~ /^[A-Za-z_]/ || code ~ /^(static|typedef|return|goto|_Static_assert)[^A-Za-z_]/)
		return
	# Not a function, its head, or a type: a name with a value, dimensions or an end behind it.
	name = code
	if (name ~ /\(\*/)
		sub(/\(\*[ \t]*/, "* ", name)
	behind = "([ \t]*([;=]|\\[)|\\)\\(.*[;=])"
	if (name !~ ("^[A-Za-z_][A-Za-z0-9_ \t*]*[ \t*][A-Za-z_][A-Za-z0-9_]*" behind))
		return
	if (name ~ /^(struct|union|enum)[ \t]+[A-Za-z0-9_]+[ \t]*;/)
		return
	if (is_mutable(code))
		say(FNR, "global", "variable of the whole process; put it into a struct")
}

# --- functions and switches ----------------------------------------------------------------------

function function_begin()
{
	in_function = FNR
	marked = FNR - last_flat_mark <= 8 && last_flat_mark > last_function_end
	if (head !~ /^[A-Za-z_0-9]+[ ]*\(/ && head != "")
		say(head_line, "function-head", "name not in column one; its type stands above")
}

function function_end(    lines, most)
{
	lines = FNR - in_function - 1
	most = marked ? 120 : 80
	if (lines > most)
		say(in_function, "function-length", lines " lines, " most " at most; split it")
	in_function = 0
	last_function_end = FNR
	depth = 0
	switches = 0
}

# An enum's enumerators as far as a name tells (the caller leaves out macros of the file); errno,
# address families, signals are open sets.
function enum_like(label)
{
	if (label !~ /^[A-Z][A-Z0-9_]*$/)
		return 0
	if (label ~ /^(E[A-Z0-9]+|SIG[A-Z0-9]+|LOG_[A-Z]+|S_IF[A-Z]+)$/)
		return 0
	return label !~ /^(AF|SOCK|IPPROTO|SO|IP|IPV6|UDP|ICMP)_/
}

function check_switch(    label, i, opened, closed)
{
	if (code ~ /(^|[^a-z_])switch[ \t]*\(/) {
		switches++
		switch_depth[switches] = depth
		switch_default[switches] = 0
		switch_enum[switches] = 0
	}
	if (switches > 0 && code ~ /(^|[^a-z_])case /) {
		label = code
		sub(/^.*case[ \t]+/, "", label)
		sub(/[ \t]*:.*$/, "", label)
		gsub(/[() ]/, "", label)
		if (enum_like(label) && !(label in macros))
			switch_enum[switches] = 1
	}
	if (switches > 0 && code ~ /(^|[^a-z_])default[ \t]*:/ && $0 !~ /tidy: open set/)
		switch_default[switches] = FNR
	opened = gsub(/\{/, "{", code)
	closed = gsub(/\}/, "}", code)
	depth += opened - closed
	while (switches > 0 && closed > 0 && depth <= switch_depth[switches]) {
		if (switch_default[switches] && switch_enum[switches])
			say(switch_default[switches], "enum-default", \
			    "default: hides enumerators; name them, or mark: tidy: open set")
		switches--
	}
}

# --- files -----------------------------------------------------------------------------------

function file_end(    most)
{
	if (file == "")
		return
	most = file ~ /^test\// ? 800 : 600
	if (file ~ /\.[ch]$/ && lines_in_file > most) {
		printf "%s:%d: file-length: %d lines, %d at most; split it\n", file, \
		    lines_in_file, lines_in_file, most
		found++
	}
	if (!seen_spdx) {
		printf "%s:1: spdx: no licence line; SPDX-License-Identifier: BSD-3-Clause\n", file
		found++
	}
	if (!seen_copyright && file ~ /\.[ch]$/) {
		printf "%s:2: copyright: no copyright line; name the holders in the head\n", file
		found++
	}
}

function file_begin()
{
	file = FILENAME
	room = room_of(FILENAME)
	is_c = FILENAME ~ /\.[ch]$/
	seen_spdx = seen_copyright = 0
	in_comment = in_function = in_macro = 0
	depth = switches = 0
	last_flat_mark = last_function_end = -100
	head = ""
	split("", macros)
}

BEGIN {
	if (list_rules) {
		n = split("banned-call blank-end columns copyright enum-default file-length " \
		    "function-head function-length global indent layering line-comment spdx " \
		    "unfinished vla", rules, " ")
		for (i = 1; i <= n; i++)
			print rules[i]
		exit
	}
}

FNR == 1 {
	file_end()
	file_begin()
}

{
	lines_in_file = FNR
	if (FNR <= 3 && /SPDX-License-Identifier: BSD-3-Clause/)
		seen_spdx = 1
	if (FNR <= 4 && /Copyright \(c\)/)
		seen_copyright = 1
	if (/[ \t\r]$/)
		say(FNR, "blank-end", "blanks at the end of the line; remove them")
	# The build lists of *.mk may be long.
	if (FILENAME !~ /\.mk$/ && (length($0) > 90 || /\t/) && columns($0) > 100)
		say(FNR, "columns", columns($0) " columns, 100 at most; break the line")
	if (/(^|[^A-Za-z0-9_])(TO[D]O|FIX[M]E|X[X]X)([^A-Za-z0-9_]|$)/)
		say(FNR, "unfinished", "unfinished work in the source; do it, or file an issue")
}

is_c {
	if (/tidy: flat switch/) {
		last_flat_mark = FNR
		if (in_function)
			marked = 1
	}
	was_comment = in_comment
	code = strip($0)
	if (!was_comment && /^        / && code !~ /^ *$/)
		say(FNR, "indent", "eight blanks; indent with tabs")
	if (!was_comment && /^[ \t]*#[ \t]*include[ \t]*[<"]/)
		check_include($0)
	check_calls()
	if (code ~ /^[ \t]*#[ \t]*define[ \t]/) {
		split(code, words, " ")
		macros[words[1] == "#" ? words[3] : words[2]] = 1
	}
	if (in_macro || code ~ /^[ \t]*#/) {
		in_macro = $0 ~ /\\$/
		next
	}
	check_global()
	if (code ~ /^\{[ \t]*$/) {
		function_begin()
	} else if (code ~ /^\}/ && in_function) {
		function_end()
		next
	} else if (code ~ /^[A-Za-z_]/) {
		head = code
		head_line = FNR
	}
	if (in_function) {
		check_vla()
		check_switch()
	}
}

END {
	if (list_rules)
		exit 0
	file_end()
	exit found > 0
}
