/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The table.  One line a key; the macros only save repeating what follows from the kind of key.
 */
#include <string.h>

#include "exec/core/config.h"
#include "exec/core/config_schema.h"

#define MS_MAX		3600000u	/* an hour: more is a slip */
#define MS_MIN		30u		/* three ticks at HZ=100, as ever */

#define ROOT(field)	CONFIG_SCOPE_ROOT, offsetof(struct config, field)
#define NODE(field)	CONFIG_SCOPE_NODE, offsetof(struct config_node, field)
#define LINK(field)	CONFIG_SCOPE_LINK, offsetof(struct config_link, field)
#define LOG(field)	CONFIG_SCOPE_LOG, offsetof(struct config_log, field)

#define MS(s, k, at, initial, min, what) \
	{ s, k, CONFIG_MS, CONFIG_USED, at, initial, min, MS_MAX, NULL, true, what }
#define COUNT(s, k, at, initial, min, max, run, what) \
	{ s, k, CONFIG_COUNT, CONFIG_USED, at, initial, min, max, NULL, run, what }
#define BYTES(s, k, at, initial, min, max, what) \
	{ s, k, CONFIG_BYTES, CONFIG_USED, at, initial, min, max, NULL, false, what }
#define BOOL(s, k, at, initial, run, what) \
	{ s, k, CONFIG_BOOL, CONFIG_USED, at, initial, 0, 1, NULL, run, what }
#define CHOICE(s, k, at, initial, choices, run, what) \
	{ s, k, CONFIG_CHOICE, CONFIG_USED, at, initial, 0, 0, choices, run, what }
#define TEXT(s, k, at, run, what) \
	{ s, k, CONFIG_TEXT, CONFIG_USED, at, 0, 0, 0, NULL, run, what }
#define NO_EFFECT(s, k, what) \
	{ s, k, CONFIG_TEXT, CONFIG_IGNORED, CONFIG_SCOPE_NONE, 0, 0, 0, 0, NULL, false, what }
#define SILENT(s, k, what) \
	{ s, k, CONFIG_TEXT, CONFIG_SILENT, CONFIG_SCOPE_NONE, 0, 0, 0, 0, NULL, false, what }
#define SEALING(s, k, what) \
	{ s, k, CONFIG_TEXT, CONFIG_SEALING, CONFIG_SCOPE_NONE, 0, 0, 0, 0, NULL, false, what }

#define PRIORITIES "emerg alert crit err|error warning|warn notice info debug"
#define FACILITIES "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp " \
	"12 13 14 15 local0 local1 local2 local3 local4 local5 local6 local7"
#define DETECTOR "the failure detector has keys of its own: heartbeat_interval, silence_timeout"
#define ADAPTIVE "flow control adapts to loss and to the slowest member by itself"
#define ONE_LINK "several links are not supported yet"
#define NO_COMPRESSION "messages are not compressed"

const struct config_key config_keys[] = {
	COUNT("totem", "version", ROOT(version), CONFIG_UNSET, 2, 2, false,
	    "Version of the file's format; must be 2."),
	MS("totem", "token", ROOT(token_ms), 3000, MS_MIN,
	    "No token for so long breaks the ring (plus token_coefficient a node above two)."),
	MS("totem", "token_coefficient", ROOT(token_coefficient_ms), 650, 0,
	    "Added to token for each node of the list above two."),
	{ "totem", "token_warning", CONFIG_PERCENT, CONFIG_USED, ROOT(token_warning_percent), 75,
	    0, 100, NULL, true, "Warn when no token came for this share of token; 0: never." },
	MS("totem", "token_retransmit", ROOT(token_retransmit_ms), CONFIG_UNSET, MS_MIN,
	    "Longest wait before a passed token is sent again; by default from token."),
	MS("totem", "hold", ROOT(hold_ms), CONFIG_UNSET, 14,
	    "An idle ring's token rests so long at the node that sent last."),
	COUNT("totem", "token_retransmits_before_loss_const", ROOT(retransmits_count), 4, 1, 64,
	    true, "The default of token_retransmit is token / (this + 0.2)."),
	MS("totem", "join", ROOT(join_ms), 50, MS_MIN, "Repeat a join message so often."),
	MS("totem", "consensus", ROOT(consensus_ms), CONFIG_UNSET, MS_MIN,
	    "Of no effect, the failure detector ends waiting; less than join is refused."),
	MS("totem", "merge", ROOT(merge_ms), 200, MS_MIN,
	    "Look for nodes outside the ring so often."),
	COUNT("totem", "fail_recv_const", ROOT(fail_recv_count), 2500, 10, 1000000, true,
	    "Rotations without progress of a member before it is said to receive nothing."),
	COUNT("totem", "seqno_unchanged_const", ROOT(idle_count), 2, 1, 1000000, true,
	    "Rotations without a message before the token rests."),
	COUNT("totem", "window_size", ROOT(window_count), CONFIG_UNSET, 1, 8192, false,
	    "Frames all nodes may send a rotation at most; by default as memory allows."),
	MS("totem", "heartbeat_interval", ROOT(heartbeat_ms), CONFIG_UNSET, 5,
	    "Send a sign of life to ring neighbours so often."),
	MS("totem", "silence_timeout", ROOT(silence_ms), CONFIG_UNSET, MS_MIN,
	    "A neighbour unheard for so long is suspected and probed."),
	MS("totem", "probe_interval", ROOT(probe_ms), CONFIG_UNSET, 1,
	    "Time between two probes of a suspect."),
	COUNT("totem", "probe_count", ROOT(probe_count), CONFIG_UNSET, 1, 100, true,
	    "A suspect that answers none of so many probes is given up."),
	CHOICE("totem", "transport", ROOT(transport), CONFIG_TRANSPORT_UDPU, "udpu|knet|none udp",
	    false, "How frames travel: udpu to each node's address, udp by multicast."),
	CHOICE("totem", "ip_version", ROOT(ip_version), CONFIG_IP_64, "ipv6-4 ipv4-6 ipv4 ipv6",
	    false, "Which addresses of a name are taken, and which first."),
	COUNT("totem", "nodeid", ROOT(node_id), CONFIG_UNSET, 0, UINT32_MAX, false,
	    "This node's id; with a node list, which of its nodes this daemon is."),
	BOOL("totem", "clear_node_high_bit", ROOT(clear_node_high_bit), 0, false,
	    "Node ids that are made from addresses stay below 2^31."),
	TEXT("totem", "cluster_name", ROOT(cluster_name), false,
	    "Frames of another cluster are dropped; the multicast address is made from it."),
	SILENT("totem", "cluster_uuid", "Written by configuration tools; informative."),
	COUNT("totem", "config_version", ROOT(config_version), 0, 0, UINT64_MAX - 1, true,
	    "Number of this version of the configuration; informative."),
	BYTES("totem", "netmtu", ROOT(netmtu), 1500, 1048, 65028,
	    "Largest packet of the network, IP and UDP headers included."),
	BYTES("totem", "socket_buffer", ROOT(socket_buffer_bytes), 4194304, 65536, 268435456,
	    "Wanted size of the socket buffers; the kernel may give less."),
	BOOL("totem", "udp_offload", ROOT(udp_offload), 1, false,
	    "Use UDP segmentation and receive offload where the kernel has them."),
	BOOL("totem", "block_unlisted_ips", ROOT(block_unlisted), 1, false,
	    "Drop frames of nodes that are not in the node list."),
	SEALING("totem", "secauth", "Seal all frames."),
	SEALING("totem", "crypto_cipher", "Cipher that seals frames."),
	SEALING("totem", "crypto_hash", "Hash that seals frames."),
	SEALING("totem", "crypto_type", "Cipher that seals frames (1.4)."),
	NO_EFFECT("totem", "crypto_model", "frames are not sealed yet"),
	NO_EFFECT("totem", "crypto_accept", "frames are not sealed yet"),
	NO_EFFECT("totem", "keyfile", "frames are not sealed yet"),
	NO_EFFECT("totem", "key", "frames are not sealed yet"),
	NO_EFFECT("totem", "send_join", "joins are spread by chance already"),
	NO_EFFECT("totem", "downcheck", "an interface that goes down is never left for another"),
	NO_EFFECT("totem", "heartbeat_failures_allowed", DETECTOR),
	NO_EFFECT("totem", "max_network_delay", DETECTOR),
	NO_EFFECT("totem", "max_messages", ADAPTIVE),
	NO_EFFECT("totem", "miss_count_const", "a gap is known by the token, not by counting"),
	NO_EFFECT("totem", "cancel_token_hold_on_retransmit",
	    "the token never rests while a message is missing"),
	NO_EFFECT("totem", "threads", "one thread does it"),
	NO_EFFECT("totem", "vsftype", "the quorum engine is not installed"),
	NO_EFFECT("totem", "rrp_mode", ONE_LINK),
	NO_EFFECT("totem", "rrp_problem_count_timeout", ONE_LINK),
	NO_EFFECT("totem", "rrp_problem_count_threshold", ONE_LINK),
	NO_EFFECT("totem", "rrp_problem_count_mcast_threshold", ONE_LINK),
	NO_EFFECT("totem", "rrp_token_expired_timeout", ONE_LINK),
	NO_EFFECT("totem", "rrp_autorecovery_check_timeout", ONE_LINK),
	NO_EFFECT("totem", "link_mode", ONE_LINK),
	NO_EFFECT("totem", "knet_pmtud_interval", "the frame size is netmtu's"),
	NO_EFFECT("totem", "knet_mtu", "the frame size is netmtu's"),
	NO_EFFECT("totem", "knet_compression_model", NO_COMPRESSION),
	NO_EFFECT("totem", "knet_compression_threshold", NO_COMPRESSION),
	NO_EFFECT("totem", "knet_compression_level", NO_COMPRESSION),
	NO_EFFECT("totem", "ip_dscp", "packets are not marked"),

	COUNT("totem.interface", "linknumber", LINK(number), CONFIG_UNSET, 0, 7, false,
	    "Number of the link; link 0 is used."),
	COUNT("totem.interface", "ringnumber", LINK(number), CONFIG_UNSET, 0, 7, false,
	    "Old name of linknumber."),
	TEXT("totem.interface", "bindnetaddr", LINK(bind), false,
	    "Address of an interface, or of its network; needed only without a node list."),
	BOOL("totem.interface", "broadcast", LINK(broadcast), 0, false,
	    "Transport udp: broadcast instead of multicast."),
	TEXT("totem.interface", "mcastaddr", LINK(multicast), false,
	    "Transport udp: multicast address; by default made from cluster_name."),
	COUNT("totem.interface", "mcastport", LINK(port), CONFIG_UNSET, 1, 65535, false,
	    "UDP port of every node that has none of its own; 5405."),
	COUNT("totem.interface", "ttl", LINK(ttl), CONFIG_UNSET, 0, 255, false,
	    "Transport udp: hops that multicast packets may travel; 1."),
	NO_EFFECT("totem.interface", "knet_link_priority", ONE_LINK),
	NO_EFFECT("totem.interface", "knet_ping_interval", DETECTOR),
	NO_EFFECT("totem.interface", "knet_ping_timeout", DETECTOR),
	NO_EFFECT("totem.interface", "knet_ping_precision", DETECTOR),
	NO_EFFECT("totem.interface", "knet_pong_count", DETECTOR),
	NO_EFFECT("totem.interface", "knet_transport", "frames travel by UDP"),
	TEXT("totem.interface.member", "memberaddr", NODE(address[0]), false,
	    "A node's address; old form of a node list, ids are made from addresses."),

	TEXT("nodelist.node", "ring0_addr", NODE(address[0]), false, "Address or name."),
	TEXT("nodelist.node", "ring1_addr", NODE(address[1]), false, "Of link 1; not used."),
	TEXT("nodelist.node", "ring2_addr", NODE(address[2]), false, "Of link 2; not used."),
	TEXT("nodelist.node", "ring3_addr", NODE(address[3]), false, "Of link 3; not used."),
	TEXT("nodelist.node", "ring4_addr", NODE(address[4]), false, "Of link 4; not used."),
	TEXT("nodelist.node", "ring5_addr", NODE(address[5]), false, "Of link 5; not used."),
	TEXT("nodelist.node", "ring6_addr", NODE(address[6]), false, "Of link 6; not used."),
	TEXT("nodelist.node", "ring7_addr", NODE(address[7]), false, "Of link 7; not used."),
	COUNT("nodelist.node", "nodeid", NODE(node_id), CONFIG_UNSET, 0, UINT32_MAX, false,
	    "The node's id; without it, made from a numeric IPv4 address."),
	TEXT("nodelist.node", "name", NODE(name), false, "Name of the node, for people."),
	COUNT("nodelist.node", "port", NODE(port), CONFIG_UNSET, 1, 65535, false,
	    "The node's UDP port, for several nodes on one machine; mcastport."),
	SILENT("nodelist.node", "quorum_votes", "Votes; the quorum engine reads it."),

	SILENT("quorum", "provider", "Quorum engine."),
	SILENT("quorum", "expected_votes", "Votes of a whole cluster."),
	SILENT("quorum", "votes", "Votes of this node."),
	SILENT("quorum", "two_node", "Two nodes: one is enough."),
	SILENT("quorum", "leaving_timeout", "For the quorum engine."),
	SILENT("quorum", "disallowed", "For the quorum engine."),
	SILENT("quorum", "quorumdev_poll", "For the quorum engine."),
	SILENT("quorum", "quorate", "For the quorum engine."),
	SILENT("quorum", "wait_for_all", "For the quorum engine."),
	SILENT("quorum", "last_man_standing", "For the quorum engine."),
	SILENT("quorum", "last_man_standing_window", "For the quorum engine."),
	SILENT("quorum", "auto_tie_breaker", "For the quorum engine."),
	SILENT("quorum", "auto_tie_breaker_node", "For the quorum engine."),
	SILENT("quorum", "allow_downscale", "For the quorum engine."),
	SILENT("quorum", "expected_votes_tracking", "For the quorum engine."),
	SILENT("quorum", "cancel_wait_for_all", "For the quorum engine."),

	BOOL("logging", "fileline", ROOT(fileline), 0, true, "Say the source line."),
	BOOL("logging", "function_name", ROOT(function_name), 0, true, "Say the function."),
	CHOICE("logging", "timestamp", ROOT(timestamp), CONFIG_TIMESTAMP_HIRES,
	    "off|no|0 on|yes|1 hires", true, "Time of day on stderr and in the log file."),
	NO_EFFECT("logging", "blackbox", "the flight recorder is not installed"),
	NO_EFFECT("logging", "format", "the format follows timestamp, fileline, function_name"),
	NO_EFFECT("logging", "tags", "there are no trace tags"),
	BOOL("logging", "to_stderr", LOG(to_stderr), 1, true, "Log to stderr (foreground)."),
	BOOL("logging", "to_logfile", LOG(to_logfile), 0, true, "Log to logfile."),
	BOOL("logging", "to_file", LOG(to_logfile), 0, true, "Old name of to_logfile."),
	BOOL("logging", "to_syslog", LOG(to_syslog), 1, true, "Log to syslog."),
	TEXT("logging", "logfile", LOG(logfile), true, "The file for to_logfile."),
	CHOICE("logging", "logfile_priority", LOG(logfile_priority), 6, PRIORITIES, true,
	    "Least priority that goes to logfile and stderr."),
	CHOICE("logging", "syslog_facility", LOG(syslog_facility), 3, FACILITIES, true,
	    "Syslog facility."),
	CHOICE("logging", "syslog_priority", LOG(syslog_priority), 6, PRIORITIES, true,
	    "Least priority that goes to syslog."),
	CHOICE("logging", "syslog_level", LOG(syslog_priority), 6, PRIORITIES, true,
	    "Old name of syslog_priority."),
	CHOICE("logging", "debug", LOG(debug), CONFIG_DEBUG_OFF, "off|no|0 on|yes|1 trace", true,
	    "Log debug messages too."),
	TEXT("logging.logger_subsys", "subsys", LOG(subsys), true,
	    "Subsystem (MAIN TOTEM NET IPC SYNC SERV STATE CPG …) that the section is for."),
	BOOL("logging.logger_subsys", "to_stderr", LOG(to_stderr), CONFIG_UNSET, true,
	    "As in logging."),
	BOOL("logging.logger_subsys", "to_logfile", LOG(to_logfile), CONFIG_UNSET, true,
	    "As in logging."),
	BOOL("logging.logger_subsys", "to_file", LOG(to_logfile), CONFIG_UNSET, true,
	    "As in logging."),
	BOOL("logging.logger_subsys", "to_syslog", LOG(to_syslog), CONFIG_UNSET, true,
	    "As in logging."),
	CHOICE("logging.logger_subsys", "logfile_priority", LOG(logfile_priority), CONFIG_UNSET,
	    PRIORITIES, true, "As in logging."),
	CHOICE("logging.logger_subsys", "syslog_priority", LOG(syslog_priority), CONFIG_UNSET,
	    PRIORITIES, true, "As in logging."),
	CHOICE("logging.logger_subsys", "syslog_level", LOG(syslog_priority), CONFIG_UNSET,
	    PRIORITIES, true, "As in logging."),
	CHOICE("logging.logger_subsys", "debug", LOG(debug), CONFIG_UNSET,
	    "off|no|0 on|yes|1 trace", true, "As in logging."),
	NO_EFFECT("logging.logger_subsys", "logfile", "all subsystems share logging.logfile"),
	NO_EFFECT("logging.logger_subsys", "syslog_facility",
	    "all subsystems share logging.syslog_facility"),
	NO_EFFECT("logging.logger_subsys", "tags", "there are no trace tags"),

	BOOL("system", "sched_rr", ROOT(sched_rr), 1, false, "Run with real-time priority."),
	TEXT("system", "priority", ROOT(priority), false,
	    "Real-time priority max, min or a number; without sched_rr, a nice value."),
	TEXT("system", "state_dir", ROOT(state_dir), false, "Where the ring's number is kept."),
	TEXT("system", "run_dir", ROOT(run_dir), false, "Where the lock and pid file is."),
	BYTES("system", "client_backlog", ROOT(client_backlog_bytes), 16777216, 65536, 134217728,
	    "Bytes queued for slow clients at most; more than half of it slows the ring."),
	MS("system", "client_grace", ROOT(client_grace_ms), 2000, 10,
	    "So long may the ring be slowed for a client that reads nothing."),
	NO_EFFECT("system", "qb_ipc_type", "clients are connected by shared memory"),
	NO_EFFECT("system", "move_to_root_cgroup", "the service manager places the daemon"),
	NO_EFFECT("system", "allow_knet_handle_fallback", "there is no knet"),

	{ "uidgid", "uid", CONFIG_USER, CONFIG_USED, CONFIG_SCOPE_NONE, 0, 0, 0, 0, NULL, true,
	    "A user whose programs may connect." },
	{ "uidgid", "gid", CONFIG_GROUP, CONFIG_USED, CONFIG_SCOPE_NONE, 0, 0, 0, 0, NULL, true,
	    "A group whose programs may connect." },
};
const size_t config_key_count = sizeof config_keys / sizeof config_keys[0];

const struct config_foreign config_foreign[] = {
	{ "quorum.device", NULL },	/* said once, with quorum */
	{ "aisexec", "it is of 1.x: engines are loaded from their directory" },
	{ "service", "it is of 1.x: engines are loaded from their directory" },
	{ "compatibility", "it is of 1.x" },
	{ "amf", "it is of 1.x" },
	{ "logging.logging_daemon", "other daemons log for themselves" },
	{ "resources", "the resource monitor and watchdog engines are not installed" },
	{ "nozzle", "there is no virtual network interface" },
	{ "pload", "the load engine is not installed" },
	{ "cfg", "the configuration engine takes no keys" },
};
const size_t config_foreign_count = sizeof config_foreign / sizeof config_foreign[0];
