#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The cluster executive authors
#
# A few faults of every loop; all of them: make check-faults.
exec timeout 300 test/fault/faults --sample
