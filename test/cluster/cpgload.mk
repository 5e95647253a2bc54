# SPDX-License-Identifier: BSD-3-Clause
# cpgload: a sender and checker of one group; its output is described at the head of cpgload.c.
