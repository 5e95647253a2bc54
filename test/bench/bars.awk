# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# A drawing (SVG) of the medians: per row a bar for each flavour, as long as its part of the row's
# longest, with its figure.  The rows that are drawn are listed in BEGIN.  -v machine=TEXT: where.

function row_add(panel, kind, metric, nodes, size, who, label)
{
	rows_wanted++
	wanted_panel[rows_wanted] = panel
	wanted_row[rows_wanted] = kind " " metric SUBSEP row_text(nodes, size, who)
	wanted_label[rows_wanted] = label
}

function size_name(bytes)
{
	return bytes < 1024 ? bytes " B" : bytes / 1024 " KiB"
}

function throughput_rows(panel, nodes, who,    i, sizes, n)
{
	n = split("64 1024 8192 65536", sizes, " ")
	for (i = 1; i <= n; i++)
		row_add(panel, "throughput", "msgs_s", nodes, sizes[i], who,
		    size_name(sizes[i]))
}

function text(x, y, anchor, size, fill, s)
{
	printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" font-size=\"%d\" ", x, y, anchor, size
	printf "fill=\"%s\">%s</text>\n", fill, s
}

function grouped(x,    s, out)
{
	s = figure(x)
	if (s + 0 < 1000)
		return s
	for (out = ""; length(s) > 3; s = substr(s, 1, length(s) - 3))
		out = " " substr(s, length(s) - 2) out
	return s out
}

function longest(row,    i, m, max)
{
	max = 0
	for (i = 1; i <= 3; i++) {
		m = (row, flavour[i]) in seen ? median(row SUBSEP flavour[i]) : 0
		if (m > max)
			max = m
	}
	return max
}

# One row of a panel.
function row_draw(row, label, x, y,    i, m, max)
{
	max = longest(row)
	text(x + 118, y + 26, "end", 12, "#333", label)
	for (i = 1; i <= 3; i++) {
		if (!((row, flavour[i]) in seen))
			continue
		m = median(row SUBSEP flavour[i])
		printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"11\" fill=\"%s\"/>\n",
		    x + 126, y + (i - 1) * 13, (max > 0 ? 210 * m / max : 0) + 1, colour[i]
		text(x + 132 + (max > 0 ? 210 * m / max : 0), y + 10 + (i - 1) * 13, "start", 10,
		    "#555", grouped(m))
	}
}

BEGIN {
	split("#1f6fb4 #c9c9c9 #9a9a9a", colour, " ")
	split("ours,stock: knet,stock: udpu", flavour_name, ",")
	column["t3o"] = 0; title["t3o"] = "messages/s, 3 nodes, one sender"
	column["t3a"] = 0; title["t3a"] = "messages/s, 3 nodes, all send"
	column["t8a"] = 0; title["t8a"] = "messages/s, 8 nodes, all send"
	column["lat"] = 1; title["lat"] = "latency of an own message, 3 nodes, µs (median)"
	column["cpu"] = 1; title["cpu"] = "cost in all daemons, 3 nodes, all send"
	column["rep"] = 1; title["rep"] = "failure to configuration change, 3 nodes, ms"
	throughput_rows("t3o", 3, "one")
	throughput_rows("t3a", 3, "all")
	throughput_rows("t8a", 8, "all")
	row_add("lat", "hot", "p50_us", 3, 64, "one", "back to back")
	row_add("lat", "cold", "p50_us", 3, 64, "one", "every 20 ms")
	row_add("cpu", "throughput", "daemons_us", 3, 64, "all", "µs, 64 B")
	row_add("cpu", "syscalls", "calls", 3, 64, "all", "system calls")
	row_add("rep", "repair", "kill_ms", 3, 0, "idle", "killed")
	row_add("rep", "repair", "leave_ms", 3, 0, "idle", "terminated")
	row_add("rep", "repair", "freeze_ms", 3, 0, "idle", "frozen")
	row_add("rep", "repair", "cut_ms", 3, 0, "idle", "cable pulled")
	row_add("rep", "repair", "partition_ms", 3, 0, "idle", "partition")
	row_add("rep", "repair", "start_ms", 3, 0, "idle", "started")
	row_add("rep", "repair", "heal_ms", 3, 0, "idle", "healed")
	row_add("rep", "repair", "thaw_ms", 3, 0, "idle", "thawed")
}

function drawn(row)
{
	return ((row, flavour[1]) in seen) || ((row, flavour[2]) in seen) || \
	    ((row, flavour[3]) in seen)
}

# Where every drawn row goes: place[], and heading[] of the panels; returns the height of it all.
function lay_out(    i, c, y, panel)
{
	y[0] = y[1] = 40
	for (i = 1; i <= rows_wanted; i++) {
		if (!drawn(wanted_row[i]))
			continue
		panel = wanted_panel[i]
		c = column[panel]
		if (!(panel in heading)) {
			heading[panel] = y[c] + 22
			y[c] += 32
		}
		place[i] = y[c]
		y[c] += 47
	}
	return (y[0] > y[1] ? y[0] : y[1]) + 6
}

END {
	height = lay_out()
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"%d\"" \
	    " viewBox=\"0 0 860 %d\" font-family=\"sans-serif\">\n", height, height
	printf "<rect width=\"860\" height=\"%d\" fill=\"#fff\"/>\n", height
	for (i = 1; i <= 3; i++) {
		printf "<rect x=\"%d\" y=\"18\" width=\"12\" height=\"12\" fill=\"%s\"/>\n",
		    20 + (i - 1) * 110, colour[i]
		text(37 + (i - 1) * 110, 29, "start", 13, "#333", flavour_name[i])
	}
	text(840, 29, "end", 10, "#777", machine)
	for (panel in heading)
		text(20 + column[panel] * 430, heading[panel], "start", 13, "#000", title[panel])
	for (i = 1; i <= rows_wanted; i++) {
		if (i in place)
			row_draw(wanted_row[i], wanted_label[i],
			    20 + column[wanted_panel[i]] * 430, place[i])
	}
	print "</svg>"
}
