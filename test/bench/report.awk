# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# Tables of the measurements (see bench): median and spread, and ours against the better of stock.
# The ratio is above 1 where ours is better.

function cell(key)
{
	if (!(key in count))
		return "-"
	return figure(median(key)) " (" figure(v[key, 1]) ".." figure(v[key, count[key]]) ")"
}

# Ours against the better of the others.
function ratio(row, metric,    i, best, m, ours)
{
	best = -1
	for (i = 2; i <= 3; i++) {
		if (!((row, flavour[i]) in seen))
			continue
		m = median(row SUBSEP flavour[i])
		if (best < 0 || (more_is_better(metric) ? m > best : m < best))
			best = m
	}
	if (best < 0 || !((row, "ours") in seen))
		return ""
	ours = median(row SUBSEP "ours")
	if (more_is_better(metric))
		return best > 0 ? sprintf("%.2f", ours / best) : ""
	return ours > 0 ? sprintf("%.2f", best / ours) : ""
}

END {
	for (i = 1; i <= row_count; i++) {
		split(row_name[i], part, SUBSEP)
		if (!(part[1] in titled)) {
			titled[part[1]] = 1
			title[++titles] = part[1]
		}
	}
	for (t = 1; t <= titles; t++) {
		printf "\n%-22s %26s %26s %26s %8s\n", title[t], "ours", "knet", "udpu", "ratio"
		for (i = 1; i <= row_count; i++) {
			split(row_name[i], part, SUBSEP)
			if (part[1] != title[t])
				continue
			row = row_name[i]
			printf "%-22s %26s %26s %26s %8s\n", part[2], cell(row SUBSEP "ours"),
			    cell(row SUBSEP "knet"), cell(row SUBSEP "udpu"),
			    ratio(row, metric_of[row])
		}
	}
}
