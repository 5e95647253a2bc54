#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The manual pages against what they are about.
#   corosync.conf(5) and the table of keys (exec/core/config_schema.c): every key has its place in
#     the page, below its section, and a number's default is the one in the table.
#   cpg_*(3) and include/corosync/cpg.h: every function has a page, installed under its name, with
#     its prototype and the errors that the header names; no page names an error or a function that
#     there is not.  Broken on purpose, this is seen.
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 99
LC_ALL=C
export LC_ALL
failed=0

awk '
# --- the page: text[section, key] is the paragraph of a key.
FILENAME ~ /\.5$/ {
	if (/^\.S[HS] /) {
		heading = tolower($2)
		keys = ""
		next
	}
	if (/^\.TP/) {
		tag = 1
		next
	}
	line = $0
	gsub(/\\f[A-Z]|^\.[A-Z]+ |[",]/, " ", line)
	n = split(line, word, " ")
	if (tag) {
		keys = ""
		for (i = 1; i <= n; i++)
			keys = keys " " word[i]
		tag = 0
	}
	if (keys == "") {	# a list of keys in running text
		for (i = 1; i <= n; i++)
			text[heading, word[i]] = text[heading, word[i]] " "
	} else {
		m = split(keys, word, " ")
		for (i = 1; i <= m; i++)
			text[heading, word[i]] = text[heading, word[i]] " " line
	}
	next
}

# --- the table: one row may be several lines.
/^const struct config_key config_keys/ { table = 1; next }
/^};/ { table = 0 }
table {
	row = row " " $0
	if (!/\),$/ && !/ },$/)
		next
	sub(/^[ \t]*/, "", row)
	split(row, field, "\"")
	section = field[2]
	key = field[4]
	kind = row
	sub(/[^A-Z].*/, "", kind)
	rest = row
	sub(/^[^"]*"[^"]*", "[^"]*",/, "", rest)
	row = ""
	if (section == "")
		next
	heading = section
	if (section == "nodelist.node")
		heading = "nodelist"
	if (section ~ /^totem\.interface/)
		heading = "interface"
	if (section == "logging.logger_subsys")
		heading = "logger_subsys"
	count++
	if (key ~ /^ring[2-6]_addr$/)	# "ring1_addr ... ring7_addr" in the page
		next
	if (!((heading, key) in text)) {
		print "not ok - " section "." key " is not in the page"
		bad++
		next
	}
	if (kind != "MS" && kind != "COUNT" && kind != "BYTES")
		next
	sub(/^ *[A-Z]+\([a-z_]*\), */, "", rest)
	split(rest, field, ",")
	if (field[1] ~ /^[0-9]+$/ && text[heading, key] !~ ("Default " field[1] "\\.")) {
		print "not ok - " section "." key ": the table has default " field[1] \
		    ", the page says:" text[heading, key]
		bad++
	}
}
END {
	print "# " count " keys looked at, " bad + 0 " wrong"
	exit bad > 0 || count < 100
}' "$top/man/corosync.conf.5" "$top/exec/core/config_schema.c" || failed=1

# cpg_pages TREE: says what is wrong there.
cpg_pages()
{
	(cd "$1" && awk '
	function wrong(text)
	{
		print "not ok - " text
		bad++
	}
	function folded(text)
	{
		gsub(/\\f[A-Z]/, "", text)
		gsub(/[ \t\n]+/, " ", text)
		sub(/^ /, "", text)
		sub(/ $/, "", text)
		return text
	}
	FILENAME ~ /corotypes\.h$/ {
		if (match($0, /CS_ERR_[A-Z_]+/))
			known[substr($0, RSTART, RLENGTH)] = 1
		next
	}
	# --- the header: prototype[function], and said[function], the comment above it.
	FILENAME ~ /cpg\.h$/ {
		line = $0
		if (line ~ /\/\*/ && !in_comment && line !~ /^\t/) {
			in_comment = 1
			comment = ""
		}
		if (in_comment) {
			comment = comment " " line
			if (line ~ /\*\//)
				in_comment = 0
			next
		}
		if (line ~ /^cs_error_t cpg_/)
			text = ""
		else if (text == "")
			next
		text = text " " line
		if (text !~ /;/)
			next
		match(text, /cpg_[a-z_]+\(/)
		name = substr(text, RSTART, RLENGTH - 1)
		prototype[name] = folded(text)
		said[name] = comment
		text = ""
		next
	}
	FILENAME ~ /local\.mk$/ {
		installed = installed " " $0 " "
		next
	}
	# --- the pages.
	FNR == 1 {
		page = FILENAME
		sub(/^man\//, "", page)
		sub(/\.3$/, "", page)
		is_page[page] = 1
		section = ""
	}
	/^\.so / {
		alias[page] = $2
		sub(/^man3\//, "", alias[page])
		sub(/\.3$/, "", alias[page])
		next
	}
	/^\.SH / {
		section = substr($0, 5)
		next
	}
	{ body[page, section] = body[page, section] " " $0 }
	section == "ERRORS" && /^\.B CS_ERR_/ {
		if ((page, $2) in listed)
			wrong(page "(3) lists " $2 " twice")
		listed[page, $2] = 1
		if (!($2 in known))
			wrong(page "(3) lists " $2 ", which there is not")
	}
	section == "SEE ALSO" && /\(3\)/ { refers[page, $2] = 1 }
	END {
		for (name in prototype) {
			count++
			page = name in alias ? alias[name] : name
			if (!(name in is_page)) {
				wrong(name "() has no page")
				continue
			}
			if (index(installed, "man/" name ".3 ") == 0)
				wrong(name "(3) is not installed")
			if (index(folded(body[page, "NAME"]) ",", name ",") == 0 &&
			    index(body[page, "NAME"], name " ") == 0)
				wrong(page "(3) does not have " name " in its NAME")
			if (index(folded(body[page, "SYNOPSIS"]), prototype[name]) == 0)
				wrong(page "(3) does not have the prototype " prototype[name])
			text = said[name]
			while (match(text, /CS_ERR_[A-Z_]+/)) {
				error = substr(text, RSTART, RLENGTH)
				text = substr(text, RSTART + RLENGTH)
				if (!((page, error) in listed))
					wrong(page "(3) does not list " error ", the header does")
			}
			if (!((page, "CS_ERR_BAD_HANDLE") in listed) && name !~ /initialize$/)
				wrong(page "(3) does not list CS_ERR_BAD_HANDLE")
		}
		for (page in is_page)
			if (!(page in prototype) && page != "cpg_overview")
				wrong(page "(3) is about no function of the header")
		for (pair in refers) {
			split(pair, part, SUBSEP)
			if (part[2] ~ /^cpg_/ && !(part[2] in is_page))
				wrong(part[1] "(3) refers to " part[2] "(3), which there is not")
		}
		print "# " count + 0 " functions of cpg.h looked at, " bad + 0 " wrong"
		exit bad > 0 || count < 20
	}' include/corosync/corotypes.h include/corosync/cpg.h man/local.mk man/cpg_*.3)
}
cpg_pages "$top" || failed=1

# breaks WHAT FILE SED-SCRIPT: so changed, the tree is found to be wrong.
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
breaks()
{
	rm -rf "$work/tree"
	mkdir -p "$work/tree/include/corosync" "$work/tree/man"
	cp "$top"/include/corosync/corotypes.h "$top"/include/corosync/cpg.h \
	    "$work/tree/include/corosync"
	cp "$top"/man/local.mk "$top"/man/cpg_*.3 "$work/tree/man"
	sed "$3" "$work/tree/$2" > "$work/changed"
	if cmp -s "$work/changed" "$work/tree/$2"; then
		echo "not ok - $1: nothing was changed"
		failed=1
	fi
	mv "$work/changed" "$work/tree/$2"
	if cpg_pages "$work/tree" > "$work/said"; then
		echo "not ok - not seen: $1"
		failed=1
	else
		echo "ok - seen: $1: $(sed -n 's/^not ok - //p' "$work/said" | head -n 1)"
	fi
}
breaks "another type in a prototype" include/corosync/cpg.h \
    's/^cs_error_t cpg_fd_get(.*int \*fd/&s/'
breaks "a function without a page" include/corosync/cpg.h \
    's/^cs_error_t cpg_fd_get/cs_error_t cpg_new(cpg_handle_t handle);\n&/'
breaks "a page without a function" include/corosync/cpg.h 's/cpg_leave(/cpg_quit(/'
breaks "an error that the page lacks" include/corosync/cpg.h \
    's/CS_ERR_NAME_TOO_LONG\./CS_ERR_BUSY./'
breaks "an error that there is not" man/cpg_join.3 's/^\.B CS_ERR_EXIST/.B CS_ERR_EXISTS/'
breaks "a name that is missing" man/cpg_join.3 's/^cpg_join, cpg_leave /cpg_join /'
breaks "a page that is not installed" man/local.mk 's|man/cpg_leave.3 ||'
breaks "a reference to nothing" man/cpg_join.3 's/^\.BR cpg_finalize (3)/.BR cpg_end (3)/'

# What a callback gets, and what it is made of, cannot be guessed.
for name in $(sed -n 's/^typedef .*(\*\(cpg_[a-z_]*_fn_t\)).*/\1/p
    s/^struct \(cpg_[a-z_]*\) {$/\1/p' "$top/include/corosync/cpg.h"); do
	cat "$top"/man/cpg_*.3 | grep -q -e "^typedef void (\*$name)" -e "^struct $name {" \
	    -e "^typedef struct $name" && continue
	echo "not ok - $name of cpg.h is defined on no page"
	failed=1
done

# The formatter's own opinion, where there is one.
if command -v groff > /dev/null; then
	for page in "$top"/man/*.[0-9]; do
		grep -q '^\.so ' "$page" && continue
		said=$(groff -man -Tutf8 -K utf8 -ww -z "$page" 2>&1 || echo "groff failed")
		[ -z "$said" ] && continue
		echo "not ok - $said"
		failed=1
	done
fi
[ "$failed" -eq 0 ]
