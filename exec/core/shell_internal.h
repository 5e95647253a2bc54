/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#ifndef CORE_SHELL_INTERNAL_H
#define CORE_SHELL_INTERNAL_H
#include "exec/core/shell.h"

#define SHELL_REFUSED_MAX	16u

struct shell {
	struct shell_config config;
	struct totem *totem;
	struct net *net;
	struct engines *engines;
	int timer_fd;
	uint64_t armed_ns;		/* when the timer will fire; UINT64_MAX: not set */
	bool draining, job_queued, send_pending;
	uint32_t refused[SHELL_REFUSED_MAX];	/* peers whose port is closed: to be told */
	size_t refused_count;
	const struct net_address *source;	/* of the datagram being handled */
	/* for the log */
	struct totem_member previous[TOTEM_NODES_MAX];	/* of the last regular configuration */
	size_t previous_count;
	uint64_t notice_last_ns[TOTEM_NOTICE_COUNT];
	uint32_t notice_last_node[TOTEM_NOTICE_COUNT];
	uint32_t notice_suppressed[TOTEM_NOTICE_COUNT];
	int storage_error;
};

/* shell_log.c */
void shell_log_configuration(struct shell *shell, const struct totem_configuration *config);
void shell_log_notice(struct shell *shell, const struct totem_output *output);
#endif
