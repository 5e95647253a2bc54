#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# The manual page corosync.conf(5) against the table of keys (exec/core/config_schema.c): every key
# has its place in the page, below its section, and a number's default is the one in the table.
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 99
LC_ALL=C
export LC_ALL

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
}' "$top/man/corosync.conf.5" "$top/exec/core/config_schema.c"
