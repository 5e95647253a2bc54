#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Our failure detector against a token timeout of 1000 ms: faster, at no more mistakes.  Made slow
# or hasty on purpose it must not pass; a comparison that passes everything would prove nothing.
set -u
detect=${SIM_DETECT:-test/sim/detect}
"$detect" --check || exit 1
for silence in 3000 100; do
	"$detect" --check --silence "$silence" > /dev/null
	status=$?
	if [ "$status" -ne 1 ]; then
		echo "not ok - a detector with a silence of $silence ms: status $status, not 1"
		exit 1
	fi
	echo "ok - a silence of $silence ms does not pass"
done
