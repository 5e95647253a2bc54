/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The text of a configuration: read, checked, finished.  What is reported ends and is one line.
 */
#include "exec/core/config.h"
#include "test/fuzz/input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct config config;
	struct input in = { .at = data, .left = len };
	static struct config_reports reports;	/* one for all: making it takes longest */
	char *text;

	if (reports.report == NULL)
		FUZZ_REQUIRE(config_reports_init(&reports) == 0);
	reports.count = reports.lost_count = reports.error_count = 0;
	text = (char *) input_block(&in, len, &len);
	config_init(&config);
	if (config_read_text(&config, "fuzz.conf", text, len, &reports) == 0)
		config_finish(&config, "fuzz.conf", &reports);
	else
		FUZZ_REQUIRE(reports.error_count > 0);
	FUZZ_REQUIRE(reports.count <= CONFIG_REPORTS_MAX);
	for (size_t i = 0; i < reports.count; i++) {
		const char *line = reports.report[i].text;

		FUZZ_REQUIRE(memchr(line, '\0', CONFIG_REPORT_BYTES_MAX) != NULL);
		FUZZ_REQUIRE(strchr(line, '\n') == NULL);
	}
	FUZZ_REQUIRE(config.node_count <= CONFIG_NODES_MAX);
	for (size_t i = 1; i < config.node_count && reports.error_count == 0; i++)
		FUZZ_REQUIRE(config.nodes[i - 1].node_id <= config.nodes[i].node_id);
	free(text);
	return 0;
}
