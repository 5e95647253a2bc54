/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * One value of the configuration: checked by its key's line in the table, and stored.
 */
#ifndef CORE_CONFIG_VALUE_H
#define CORE_CONFIG_VALUE_H
#include "exec/core/config.h"
#include "exec/core/config_parse.h"
#include "exec/core/config_schema.h"

/* `base`: the struct that key->offset counts from.  An error names what is allowed. */
void config_value_set(struct config *config, const struct config_key *key, void *base,
    const struct config_event *event, const char *file, struct config_reports *reports);
/* Plain decimal digits only.  0, -EINVAL or -ERANGE. */
int config_number(const char *text, uint64_t *ret_number);
#endif
