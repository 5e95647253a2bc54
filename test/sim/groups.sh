#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Process groups and the bank on the simulated cluster, and the lies that their judges must find
# out.  SIM_GROUPS_SEEDS and SIM_FIRST ask for more, or for others.
set -eu
vc=${SIM_VC:-test/sim/vc}
"$vc" --seeds "${SIM_FIRST:-1}" "${SIM_GROUPS_SEEDS:-200}" --nodes-min 3 --nodes-max 9 --jobs 2
"$vc" --check-mutants
