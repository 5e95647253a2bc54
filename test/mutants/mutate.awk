# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# awk -f mutate.awk MUTANT SOURCE: SOURCE with the mutant's text replaced.  The text must be there
# exactly once: a mutant that has gone stale is an error, not a survivor.

FNR == 1 {
	file++
}

file == 1 && /^--- (replace|with|end)$/ {
	section = $2
	lines[section] = 0
	next
}

file == 1 {
	if (section == "replace" || section == "with")
		text[section] = lines[section]++ ? text[section] "\n" $0 : $0
	next
}

{
	source = source $0 "\n"
}

END {
	at = index(source, text["replace"])
	rest = substr(source, at + length(text["replace"]))
	if (section != "end" || text["replace"] == "" || at == 0 ||
	    index(rest, text["replace"]) > 0) {
		print ARGV[1] ": its text is not in " ARGV[2] " exactly once: " text["replace"] \
			>"/dev/stderr"
		exit 1
	}
	printf "%s%s%s", substr(source, 1, at - 1), text["with"], rest
}
