# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# Reads the measurements (see bench): per row and flavour the values in order, in v[].
# Before a file that prints them.

function insert(key, value,    i)
{
	for (i = ++count[key]; i > 1 && v[key, i - 1] > value; i--)
		v[key, i] = v[key, i - 1]
	v[key, i] = value
}

function median(key,    n)
{
	n = count[key]
	return n % 2 ? v[key, (n + 1) / 2] : (v[key, n / 2] + v[key, n / 2 + 1]) / 2
}

function figure(x)
{
	return x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x)
}

function more_is_better(metric)
{
	return metric == "msgs_s" || metric == "mb_s"
}

function row_text(nodes, size, who)
{
	if (size == 0)
		return sprintf("N=%d %s", nodes, who)
	return sprintf("N=%d %5d B %s", nodes, size, who)
}

BEGIN {
	split("ours knet udpu", flavour)
}

# Runs that came to no end: of a kind, for all its metrics; or of one metric.
$6 == "failed" || $6 ~ /_failed$/ {
	metric = $6
	sub(/_?failed$/, "", metric)
	failed[$1 " " (metric == "" ? "" : metric "_ms") SUBSEP row_text($3, $4, $5) SUBSEP $2]++
	next
}

NF == 7 {
	row = $1 " " $6 SUBSEP row_text($3, $4, $5)
	if (!(row in rows)) {
		rows[row] = ++row_count
		row_name[row_count] = row
		metric_of[row] = $6
	}
	seen[row, $2] = 1
	insert(row SUBSEP $2, $7 + 0)
}
