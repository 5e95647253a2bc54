/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What a library answered, in words for people: the error's name and what to do about it.
 */
#ifndef TOOLS_TROUBLE_H
#define TOOLS_TROUBLE_H
#include <corosync/corotypes.h>

/* "" when nobody can tell. */
const char *trouble_advice(cs_error_t error);
/* To standard error: "WHAT (CS_ERR_…): advice".  The text of WHAT may be known to scripts. */
void trouble_say(cs_error_t error, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
