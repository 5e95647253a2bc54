#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The seeds of every build: small clusters, some large ones, and the deliberate bugs, which must all
# be caught.  SIM_SEEDS and SIM_FIRST ask for more, or for others.
set -eu
vs=${SIM_VS:-test/sim/vs}
"$vs" --seeds "${SIM_FIRST:-1}" "${SIM_SEEDS:-1000}" --nodes-min 3 --nodes-max 9 --jobs 2
"$vs" --seeds "${SIM_FIRST:-1}" "${SIM_SEEDS_LARGE:-20}" --nodes-min 32 --nodes-max 32 --jobs 2 \
	--quiet
"$vs" --seeds "${SIM_FIRST:-1}" "${SIM_SEEDS_LARGEST:-2}" --nodes-min 64 --nodes-max 64 --jobs 2 \
	--quiet
"$vs" --check-mutants
