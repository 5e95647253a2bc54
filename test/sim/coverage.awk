# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# Sums up the output of gcov -b -c.  Branches that belong to a cs_assert(), from its line to the one
# that ends it, do not count; nor do those that only an exception would take.

function flush_line()
{
	if (branches == 0)
		return
	total[name] += branches
	reached[name] += taken
	if (taken < branches)
		missing[++missing_count] = name ":" line ": " (branches - taken) " of " branches \
			": " text
	branches = taken = 0
}

FNR == 1 {
	flush_line()
	name = FILENAME
	sub(/.*\//, "", name)
	sub(/\.gcov$/, "", name)
	names[++name_count] = name
	in_assert = 0
}

# "    count:  line:source", "branch  0 taken 12", "call ...", "function ..."
/^ *[^ :]+\**: *[0-9]+:/ {
	flush_line()
	if (assert_ends)
		in_assert = assert_ends = 0
	line = $0
	sub(/^[^:]*: */, "", line)
	text = line
	sub(/:.*/, "", line)
	sub(/^[0-9]+:[ \t]*/, "", text)
	if (text ~ /cs_assert\(/)
		in_assert = 1
	if (in_assert && text ~ /;/)
		assert_ends = 1
	next
}

/^branch/ && !in_assert && !/\(throw\)/ {
	branches++
	taken += $3 == "taken" && $4 > 0
}

END {
	flush_line()
	for (i = 1; i <= name_count; i++) {
		n = names[i]
		if (total[n] == 0)
			continue
		printf "%-12s %5d of %5d branches  %5.1f %%\n", n, reached[n], total[n],
			100 * reached[n] / total[n]
		all += total[n]
		all_reached += reached[n]
	}
	print ""
	for (i = 1; i <= missing_count; i++)
		print missing[i]
	printf "\n%d of %d branches of exec/totem are reached: %.1f %%\n", all_reached, all,
		100 * all_reached / all
	exit all_reached * 100 < all * 90
}
