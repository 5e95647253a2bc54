# SPDX-License-Identifier: BSD-3-Clause
# cpgload.c is being written by the owner of test/cluster (it is needed first there).
# Wanted by test/cluster/lib.bash; the build rule of cpgload goes below.
#   cpgload [--group NAME] [--events] [--seconds T] [--sizes MIN-MAX] [--rate N] [--safe]
#	[--stop-on-count N] [--listen (send nothing)]
#	[--members N: send and hash from the change that makes N members to the end marks of all N]
# Standard output, each line flushed; MS is CLOCK_MONOTONIC in ms with three decimals:
#   MS ready					joined: the first change with ourselves was seen
#   MS config COUNT NODE:PID,NODE:PID,...	one line a configuration change: members now
#   MS ring COUNT NODE,NODE,...			one line a totem configuration callback
#   MS error WHAT				dispatch failed; then exit status 3
#   total sent N received N bytes N configs N hash HEX	at the end
