#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes ./configure from configure.ac.  Needed once after a clone.
cd "$(dirname "$0")" && exec autoreconf -fi
