# SPDX-License-Identifier: BSD-3-Clause
# The core's own sources, compiled once more with the sanitizers.
check_PROGRAMS += test/fuzz/fuzz_totem
TESTS += test/fuzz/fuzz_totem
test_fuzz_fuzz_totem_SOURCES = test/fuzz/fuzz_cluster.c test/fuzz/fuzz_cluster.h \
	test/fuzz/fuzz_forge.c test/fuzz/fuzz_forge.h test/fuzz/fuzz_totem.c \
	$(libtotem_la_SOURCES) $(libbase_la_SOURCES)
test_fuzz_fuzz_totem_CFLAGS = $(AM_CFLAGS) -O1 -fno-omit-frame-pointer \
	-fsanitize=address,undefined,bounds-strict -fno-sanitize-recover=all
test_fuzz_fuzz_totem_LDFLAGS = -fsanitize=address,undefined
