/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What an engine may ask of the daemon (include/corosync/engine/engine.h), and what its clients'
 * connections tell it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <corosync/ipc/link.h>

#include "exec/base/assert.h"
#include "exec/base/buf.h"
#include "exec/core/config.h"
#include "exec/core/engines_internal.h"
#include "exec/core/shell.h"

#define PARTS_MAX	16u
#define DENIED_PAUSE_NS	(UINT64_C(10) * 1000000000)	/* between two lines about it */

static struct ipc_conn *
ipc_of(struct cs_conn *conn)
{
	return (struct ipc_conn *) conn;	/* the engine's name for the same thing */
}

static uint32_t
host_node_id(const struct cs_host *host)
{
	return (uint32_t) host->set->config.config->node_id;
}

static uint64_t
host_now_ns(const struct cs_host *host)
{
	(void) host;
	return shell_now_ns();
}

static bool
host_is_active(const struct cs_host *host)
{
	return engines_active(host->set);
}

static int
host_multicast(struct cs_host *host, enum cs_guarantee guarantee, const struct iovec *iov,
    size_t iov_count)
{
	struct engines *set = host->set;
	uint8_t head[ENGINES_HEAD_BYTES];
	struct buf_writer out = buf_writer(head, sizeof head);
	struct totem_part part[PARTS_MAX + 1] = { { head, sizeof head } };
	enum totem_queue queue = TOTEM_QUEUE_APP;
	int r;

	if (iov_count > PARTS_MAX)
		return -EMSGSIZE;
	buf_put_u16(&out, host->engine->service_id);
	buf_put_u16(&out, host->engine->version);
	for (size_t i = 0; i < iov_count; i++)
		part[i + 1] = (struct totem_part) { iov[i].iov_base, iov[i].iov_len };
	/* Nothing but synchronisation goes out before activation. */
	if (!engines_active(set) && host->engine->sync_process != NULL)
		queue = TOTEM_QUEUE_SYNC;
	r = totem_submit_parts(set->config.totem, shell_now_ns(), queue, guarantee == CS_SAFE
	    ? TOTEM_SAFE : TOTEM_AGREED, part, iov_count + 1, NULL);
	if (r == 0)
		set->config.wake(set->config.host);
	else if (r == -EAGAIN)
		host->starved = true;
	return r;
}

static size_t
host_multicast_room(const struct cs_host *host)
{
	size_t room = totem_app_room(host->set->config.totem);

	if (!engines_active(host->set) && host->engine->sync_process != NULL)
		return TOTEM_SYNC_QUEUE_BYTES / 2;
	return room > ENGINES_HEAD_BYTES ? room - ENGINES_HEAD_BYTES : 0;
}

static void
host_reply(struct cs_host *host, struct cs_conn *conn, const void *data, size_t len)
{
	(void) host;
	ipc_reply(ipc_of(conn), data, len);
}

static int
host_event(struct cs_host *host, struct cs_conn *conn, uint32_t function, const struct iovec *iov,
    size_t iov_count)
{
	(void) host;
	return ipc_event(ipc_of(conn), function, iov, iov_count);
}

static void
host_disconnect(struct cs_host *host, struct cs_conn *conn, const char *why)
{
	(void) host;
	ipc_disconnect(ipc_of(conn), why);
}

static pid_t
host_conn_pid(const struct cs_conn *conn)
{
	return ipc_conn_pid((const struct ipc_conn *) conn);
}

static bool
host_conn_is_closing(const struct cs_conn *conn)
{
	return ipc_conn_is_closing((const struct ipc_conn *) conn);
}

static uid_t
host_conn_uid(const struct cs_conn *conn)
{
	return ipc_conn_uid((const struct ipc_conn *) conn);
}

static void *
host_conn_private(const struct cs_conn *conn)
{
	return ipc_conn_private((const struct ipc_conn *) conn);
}

static void
host_conn_private_set(struct cs_conn *conn, void *value)
{
	ipc_conn_private_set(ipc_of(conn), value);
}

static bool
is_member(const struct engines *set, uint32_t node_id)
{
	size_t count;
	const struct totem_member *member = totem_members(set->config.totem, &count);

	for (size_t i = 0; i < count; i++)
		if (member[i].node_id == node_id)
			return true;
	return false;
}

/* Node id of entry `index`: of the node list; without one, of the ring's members. */
static int
node_at(const struct engines *set, size_t index, uint32_t *ret_node_id)
{
	const struct config *config = set->config.config;
	const struct totem_member *member;
	size_t count;

	if (config->node_count > 0) {
		if (index >= config->node_count)
			return -ENOENT;
		*ret_node_id = (uint32_t) config->nodes[index].node_id;
		return 0;
	}
	member = totem_members(set->config.totem, &count);
	if (count == 0 && index == 0) {
		*ret_node_id = (uint32_t) config->node_id;
		return 0;
	}
	if (index >= count)
		return -ENOENT;
	*ret_node_id = member[index].node_id;
	return 0;
}

static uint16_t
port_of(const struct net_address *address)
{
	return address->sa.any.sa_family == AF_INET6 ? ntohs(address->sa.v6.sin6_port)
	    : ntohs(address->sa.v4.sin_port);
}

static int
host_node_info(const struct cs_host *host, size_t index, struct cs_node_info *ret_info)
{
	struct engines *set = host->set;
	struct net_address address = set->config.local;
	struct cs_node_info info = { .mtu = 0 };
	int at;

	if (node_at(set, index, &info.node_id) < 0)
		return -ENOENT;
	at = config_node_index(set->config.config, info.node_id);
	if (at >= 0)
		(void) snprintf(info.name, sizeof info.name, "%s",
		    set->config.config->nodes[at].name);
	info.local = info.node_id == host_node_id(host);
	info.member = is_member(set, info.node_id);
	info.ignored = net_ignores(set->config.net, info.node_id);
	if (info.local || net_peer_address(set->config.net, info.node_id, &address)) {
		(void) net_address_text(&address, info.address, sizeof info.address);
		info.port = port_of(&address);
	}
	(void) net_address_text(&set->config.local, info.local_address, sizeof info.local_address);
	info.link = info.local ? CS_LINK_LOCAL : info.member || (!info.ignored
	    && totem_hears(set->config.totem, shell_now_ns(), info.node_id)) ? CS_LINK_UP
	    : CS_LINK_DOWN;
	info.mtu = (uint32_t) set->config.config->netmtu;
	info.round_trip_ns = totem_round_trip_ns(set->config.totem, info.node_id);
	*ret_info = info;
	return 0;
}

static int
host_ignore(struct cs_host *host, const uint32_t *node_ids, size_t count)
{
	struct engines *set = host->set;

	for (size_t i = 0; i < count; i++) {
		uint32_t known;
		size_t k = 0;

		if (node_ids[i] == host_node_id(host))
			return -EINVAL;
		while (node_at(set, k, &known) == 0 && known != node_ids[i])
			k++;
		if (node_at(set, k, &known) < 0)
			return -EINVAL;
	}
	net_ignore(set->config.net, node_ids, count);
	if (count == 0)
		engines_log(set, "NET", LOG_NOTICE, "all nodes are heard again");
	for (size_t i = 0; i < count; i++)
		engines_log(set, "NET", LOG_NOTICE,
		    "node %u is ignored by administrative command", node_ids[i]);
	return 0;
}

static const char *
host_transport(const struct cs_host *host)
{
	return host->set->config.config->transport == CONFIG_TRANSPORT_UDP ? "udp" : "udpu";
}

static void
host_log(const struct cs_host *host, int priority, const char *format, ...)
{
	char line[ENGINES_LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void) vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	host->set->config.log(host->set->config.host, host->engine->subsystem, priority, line);
}

static void __attribute__((noreturn))
host_fail(const struct cs_host *host, const char *why)
{
	host->set->config.fail(host->set->config.host, host->engine->name, why);
}

const struct cs_host_ops host_ops = {
	.node_id = host_node_id,
	.now_ns = host_now_ns,
	.multicast = host_multicast,
	.multicast_room = host_multicast_room,
	.is_active = host_is_active,
	.reply = host_reply,
	.event = host_event,
	.disconnect = host_disconnect,
	.conn_pid = host_conn_pid,
	.conn_uid = host_conn_uid, .conn_is_closing = host_conn_is_closing,
	.conn_private = host_conn_private,
	.conn_private_set = host_conn_private_set,
	.node_info = host_node_info,
	.ignore = host_ignore,
	.transport = host_transport,
	.log = host_log,
	.fail = host_fail,
};

/* ---- what the connections tell ---- */

static int
on_authorise(void *argument, uid_t uid, gid_t gid, pid_t pid)
{
	struct cs_host *host = argument;
	struct engines *set = host->set;

	if (!set->config.authorised(set->config.host, uid, gid)) {
		uint64_t now_ns = shell_now_ns();

		/* Anybody may try as often as he likes, and must not fill the log with it. */
		if (host->denied_ns != 0 && now_ns - host->denied_ns < DENIED_PAUSE_NS) {
			host->denied_count++;
			return -EACCES;
		}
		host->denied_ns = now_ns;
		engines_log(set, "IPC", LOG_WARNING, "denied connection to %s: process %ld of user"
		    " %ld is neither the daemon's user nor in uidgid{} (%u more since the last"
		    " such line)", host->engine->name, (long) pid, (long) uid,
		    host->denied_count);
		host->denied_count = 0;
		return -EACCES;
	}
	return set->was_ready ? 0 : -EAGAIN;
}

static int
on_opened(void *argument, struct ipc_conn *conn)
{
	struct cs_host *host = argument;

	return host->engine->conn_open(host->instance, (struct cs_conn *) conn);
}

static void
on_closed(void *argument, struct ipc_conn *conn)
{
	struct cs_host *host = argument;

	host->engine->conn_close(host->instance, (struct cs_conn *) conn);
}

static void
on_request(void *argument, struct ipc_conn *conn, uint32_t function, const void *data, size_t len)
{
	struct cs_host *host = argument;
	struct cs_request request = { .function = function, .data = data, .len = len };

	host->engine->request(host->instance, (struct cs_conn *) conn, &request);
}

static int
on_record(void *argument, struct ipc_conn *conn, uint32_t function, const void *data, size_t len)
{
	struct cs_host *host = argument;
	struct cs_request record = { .function = function, .data = data, .len = len };
	int r;

	if (host->engine->conn_data == NULL)
		return -EBADMSG;
	r = host->engine->conn_data(host->instance, (struct cs_conn *) conn, &record);
	if (r == -EAGAIN)
		host->starved = true;
	return r;
}

static void
on_congested(void *argument, bool on)
{
	struct cs_host *host = argument;
	struct engines *set = host->set;

	if (host->congested == on)
		return;
	host->congested = on;
	set->congested_count += on ? 1u : -1u;
	set->brake_wanted = set->congested_count > 0;
	set->config.wake(set->config.host);
}

static void
on_turned(void *argument)
{
	const struct cs_host *host = argument;

	host->set->config.turned(host->set->config.host);
}

static void
on_log(void *argument, int priority, const char *text)
{
	struct cs_host *host = argument;

	host->set->config.log(host->set->config.host, "IPC", priority, text);
}

int
host_serve(struct cs_host *host)
{
	static const struct ipc_handlers handlers = {
		.authorise = on_authorise,
		.opened = on_opened,
		.closed = on_closed,
		.request = on_request,
		.record = on_record,
		.congested = on_congested,
		.turned = on_turned,
		.log = on_log,
	};
	struct engines *set = host->set;
	char name[IPC_NAME_BYTES_MAX];
	struct ipc_config config = {
		.name = name,
		.backlog_bytes_max = (size_t) set->config.config->client_backlog_bytes,
		.grace_ns = set->config.config->client_grace_ms * UINT64_C(1000000),
	};
	int r = ipc_name(name, sizeof name, host->engine->name, set->config.instance);

	if (r < 0)
		return r;
	return ipc_server_new(set->config.loop, &config, &handlers, host, &host->server);
}
