/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The daemon's configuration: what corosync.conf says, checked and typed.  Pure but for
 * config_load(), which reads the file and the directory uidgid.d beside it.  Nothing here logs:
 * what the administrator should read is collected as reports, one line each.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "exec/totem/totem.h"

#define CONFIG_UNSET		UINT64_MAX	/* a number that the file does not give */
#define CONFIG_TEXT_MAX		256u
#define CONFIG_NODES_MAX	TOTEM_NODES_MAX
#define CONFIG_LINKS_MAX	8u
#define CONFIG_SUBSYS_MAX	32u
#define CONFIG_IDS_MAX		64u
#define CONFIG_KEYS_MAX		256u		/* rows of the table, at most */
#define CONFIG_REPORTS_MAX	256u
#define CONFIG_REPORT_BYTES_MAX	640u
#define CONFIG_PORT_DEFAULT	5405u

enum config_transport { CONFIG_TRANSPORT_UDPU, CONFIG_TRANSPORT_UDP };
enum config_ip_version { CONFIG_IP_64, CONFIG_IP_46, CONFIG_IP_4, CONFIG_IP_6 };
enum config_debug { CONFIG_DEBUG_OFF, CONFIG_DEBUG_ON, CONFIG_DEBUG_TRACE };
enum config_timestamp { CONFIG_TIMESTAMP_OFF, CONFIG_TIMESTAMP_ON, CONFIG_TIMESTAMP_HIRES };

struct config_node {
	char address[CONFIG_LINKS_MAX][CONFIG_TEXT_MAX];
	char name[CONFIG_TEXT_MAX];
	uint64_t node_id;		/* CONFIG_UNSET until config_load() derived it */
	uint64_t port;
	unsigned int line;
	bool refused;			/* a value was: it is not missing as well */
};

struct config_link {
	uint64_t number;
	char bind[CONFIG_TEXT_MAX];		/* bindnetaddr */
	char multicast[CONFIG_TEXT_MAX];
	uint64_t port;
	uint64_t broadcast;
	uint64_t ttl;
	unsigned int line;
};

/* logging{} and each logger_subsys{}; there CONFIG_UNSET and "" mean: as logging{} says. */
struct config_log {
	char subsys[CONFIG_TEXT_MAX];
	uint64_t to_stderr, to_logfile, to_syslog;
	char logfile[CONFIG_TEXT_MAX];
	uint64_t logfile_priority, syslog_priority, syslog_facility;
	uint64_t debug;				/* enum config_debug */
	unsigned int line;
};

struct config {
	/* totem */
	uint64_t version, transport, ip_version, node_id, clear_node_high_bit, netmtu;
	uint64_t token_ms, token_coefficient_ms, token_warning_percent, token_retransmit_ms;
	uint64_t hold_ms, retransmits_count, join_ms, consensus_ms, merge_ms;
	uint64_t fail_recv_count, idle_count, window_count;
	uint64_t heartbeat_ms, silence_ms, probe_ms, probe_count;
	uint64_t socket_buffer_bytes, udp_offload, block_unlisted, config_version;
	char cluster_name[CONFIG_TEXT_MAX];
	/* system */
	uint64_t sched_rr;
	char priority[CONFIG_TEXT_MAX];
	char state_dir[CONFIG_TEXT_MAX], run_dir[CONFIG_TEXT_MAX];
	uint64_t client_backlog_bytes, client_grace_ms;
	/* logging */
	uint64_t timestamp, fileline, function_name;	/* timestamp: enum config_timestamp */
	struct config_log log;
	struct config_log subsys[CONFIG_SUBSYS_MAX];
	size_t subsys_count;

	struct config_node nodes[CONFIG_NODES_MAX];	/* ascending node ids */
	size_t node_count;
	struct config_link links[CONFIG_LINKS_MAX];
	size_t link_count;
	uid_t uids[CONFIG_IDS_MAX];
	size_t uid_count;
	gid_t gids[CONFIG_IDS_MAX];
	size_t gid_count;
	bool quorum_section;
	/* Line of each key of the table in the first text read, 0: not there.  Of sections that may
	 * come several times: in the last of them. */
	unsigned int key_line[CONFIG_KEYS_MAX];
	bool was_read;

	/* derived */
	struct config_link link;	/* the one in use */
	struct totem_timing timing;
};

enum config_report_kind { CONFIG_NOTE, CONFIG_WARNING, CONFIG_ERROR };

struct config_report {
	enum config_report_kind kind;
	char text[CONFIG_REPORT_BYTES_MAX];	/* "corosync.conf:12: totem.tokne: …" */
};

struct config_reports {
	struct config_report *report;	/* CONFIG_REPORTS_MAX of them */
	size_t count;
	size_t lost_count;		/* did not fit */
	size_t error_count;
};

int config_reports_init(struct config_reports *reports);
void config_reports_done(struct config_reports *reports);
/* line 0: none. */
void config_report(struct config_reports *reports, enum config_report_kind kind,
    const char *file, unsigned int line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* All defaults. */
void config_init(struct config *config);
/* Read one file's text into `config`.  Problems go to `reports`.  0, or -EBADMSG when the text's
 * structure is broken: then the rest was not read, and config_finish() would only mislead. */
int config_read_text(struct config *config, const char *file, const char *text, size_t len,
    struct config_reports *reports);
/* After all text: check values against each other and derive what follows from them. */
void config_finish(struct config *config, const char *file, struct config_reports *reports);
/* The file, uidgid.d beside it, and config_finish().  0; -EBADMSG: there were errors; or the -errno
 * of opening and reading it, reported too. */
int config_load(struct config *config, const char *file, struct config_reports *reports);

/* Parts of config_finish(). */
void config_finish_nodes(struct config *config, const char *file, struct config_reports *reports);
void config_finish_timing(struct config *config, const char *file, struct config_reports *reports);
void config_finish_logging(const struct config *config, const char *file,
    struct config_reports *reports);
/* Looks at the file system: can the log file be written, if one is wanted? */
void config_check_logfile(const struct config *config, const char *file,
    struct config_reports *reports);

/* Position in `nodes` of that id, or -ENOENT. */
int config_node_index(const struct config *config, uint32_t node_id);
#endif
