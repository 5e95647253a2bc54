/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the administrator should read about a configuration, collected.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "exec/base/assert.h"
#include "exec/core/config.h"

int
config_reports_init(struct config_reports *reports)
{
	*reports = (struct config_reports) { 0 };
	reports->report = calloc(CONFIG_REPORTS_MAX, sizeof *reports->report);
	return reports->report != NULL ? 0 : -ENOMEM;
}

void
config_reports_done(struct config_reports *reports)
{
	free(reports->report);
	*reports = (struct config_reports) { 0 };
}

void
config_report(struct config_reports *reports, enum config_report_kind kind, const char *file,
    unsigned int line, const char *format, ...)
{
	struct config_report *report;
	size_t len;
	va_list args;

	cs_assert(reports->report != NULL);
	reports->error_count += kind == CONFIG_ERROR;
	if (reports->count == CONFIG_REPORTS_MAX) {
		reports->lost_count++;
		return;
	}
	report = &reports->report[reports->count++];
	report->kind = kind;
	if (line > 0)
		(void) snprintf(report->text, sizeof report->text, "%.300s:%u: ", file, line);
	else
		(void) snprintf(report->text, sizeof report->text, "%.300s: ", file);
	for (len = 0; report->text[len] != '\0';)
		len++;
	va_start(args, format);
	(void) vsnprintf(report->text + len, sizeof report->text - len, format, args);
	va_end(args);
}
