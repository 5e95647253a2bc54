/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <stdio.h>
#include <stdlib.h>

#include "exec/base/assert.h"

static cs_assert_fn assert_handler;

void
cs_assert_handler_set(cs_assert_fn handler)
{
	assert_handler = handler;
}

_Noreturn void
cs_assert_failed(const char *expression, const char *file, int line)
{
	if (assert_handler != NULL)
		assert_handler(expression, file, line);
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
	abort();
}
