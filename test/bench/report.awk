# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# Tables of the measurements (see bench): median and spread, and ours against the better of stock.
# The ratio is above 1 where ours is better.

# Of a row's flavour; "+1!": one more run came to no end.
function cell(key,    part, kind, lost)
{
	split(key, part, SUBSEP)
	split(part[1], kind, " ")
	lost = failed[kind[1] " " SUBSEP part[2] SUBSEP part[3]] + failed[key]
	lost = lost > 0 ? " +" lost "!" : ""
	if (!(key in count))
		return lost == "" ? "-" : lost
	return figure(median(key)) " (" figure(v[key, 1]) ".." figure(v[key, count[key]]) ")" lost
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

# What a kind's metric is, in words.
function words(title,    part)
{
	split(title, part, " ")
	return (part[1] in kind_word ? kind_word[part[1]] : part[1]) ": " \
	    (part[2] in metric_word ? metric_word[part[2]] : part[2])
}

BEGIN {
	kind_word["hot"] = "latency, back to back"
	kind_word["cold"] = "latency, one every 20 ms"
	kind_word["idle"] = "at rest"
	kind_word["syscalls"] = "system calls"
	kind_word["threads"] = "throughput, clients of two threads"
	metric_word["msgs_s"] = "messages/s at the slowest receiver"
	metric_word["mb_s"] = "MB/s at the slowest receiver"
	metric_word["daemons_us"] = "CPU time of all daemons, us a message"
	metric_word["sender_daemon_us"] = "CPU time of the first node's daemon, us a message"
	metric_word["clients_us"] = "CPU time of all clients, us a message"
	metric_word["gap_ms"] = "longest time without delivery at any node, ms"
	metric_word["drain_ms"] = "from the last send to all delivered, ms"
	metric_word["min_us"] = "least, us"
	metric_word["p50_us"] = "median, us"
	metric_word["p99_us"] = "99th percentile, us"
	metric_word["max_us"] = "most, us"
	metric_word["calls"] = "first node's daemon, a message"
	metric_word["own_count"] = "the same by its own count"
	metric_word["cpu_percent"] = "CPU time of a daemon, % of a core"
	metric_word["rss_mb"] = "memory of a daemon, MB resident"
	metric_word["rss_loaded_mb"] = "memory of a daemon after load, MB resident"
	metric_word["kill_ms"] = "SIGKILL to the survivors' change, ms"
	metric_word["leave_ms"] = "SIGTERM to the survivors' change, ms"
	metric_word["freeze_ms"] = "SIGSTOP to the survivors' change, ms"
	metric_word["thaw_ms"] = "SIGCONT to all in one view, ms"
	metric_word["cut_ms"] = "cable pulled to the survivors' change, ms"
	metric_word["plug_ms"] = "cable plugged to all in one view, ms"
	metric_word["partition_ms"] = "partition to the larger side's change, ms"
	metric_word["heal_ms"] = "partition healed to all in one view, ms"
	metric_word["start_ms"] = "start of a daemon to the ring with it, ms"
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
		printf "\n%s\n%-18s %26s %26s %26s %7s\n", words(title[t]), "", "ours",
		    "knet", "udpu", "ratio"
		for (i = 1; i <= row_count; i++) {
			split(row_name[i], part, SUBSEP)
			if (part[1] != title[t])
				continue
			row = row_name[i]
			printf "%-18s %26s %26s %26s %7s\n", part[2], cell(row SUBSEP "ours"),
			    cell(row SUBSEP "knet"), cell(row SUBSEP "udpu"),
			    ratio(row, metric_of[row])
		}
	}
}
