/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The cfg engine: what the daemon knows about nodes and links, for libcfg, and the command that
 * makes it ignore named peers.  It multicasts nothing and has no state of its own; every answer is
 * computed when it is asked for.  Calls are those of <corosync/ipc/cfg_wire.h>.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <corosync/corotypes.h>
#include <corosync/engine/engine.h>
#include <corosync/ipc/cfg_wire.h>

#define IGNORE_TEXT_BYTES	(CFG_WIRE_IGNORE_MAX * 11u + 1u)	/* ten digits and a blank */

struct cfg {
	struct cs_host *host;
	const struct cs_host_ops *ops;
	struct {
		struct cfg_wire_nodes head;
		struct cfg_wire_node node[CFG_WIRE_PAGE_NODES];
	} page;			/* the reply being built */
};

static int
cfg_init(struct cs_host *host, void **ret_instance)
{
	struct cfg *cfg = calloc(1, sizeof *cfg);

	if (cfg == NULL)
		return -ENOMEM;
	cfg->host = host;
	cfg->ops = cs_host_ops(host);
	*ret_instance = cfg;
	return 0;
}

static void
cfg_exit(void *instance)
{
	free(instance);
}

static int
cfg_conn_open(void *instance, struct cs_conn *conn)
{
	(void) instance;
	(void) conn;
	return 0;
}

static void
cfg_conn_close(void *instance, struct cs_conn *conn)
{
	(void) instance;
	(void) conn;
}

static void
reply_error(const struct cfg *cfg, struct cs_conn *conn, cs_error_t error)
{
	const struct cfg_wire_reply reply = { .error = (uint32_t) error };

	cfg->ops->reply(cfg->host, conn, &reply, sizeof reply);
}

static void
call_local(const struct cfg *cfg, struct cs_conn *conn)
{
	const struct cfg_wire_local reply = {
		.error = CS_OK,
		.node_id = cfg->ops->node_id(cfg->host),
	};

	cfg->ops->reply(cfg->host, conn, &reply, sizeof reply);
}

static struct cfg_wire_node
node_encode(const struct cs_node_info *info)
{
	struct cfg_wire_node node = {
		.round_trip_ns = info->round_trip_ns,
		.node_id = info->node_id,
		.mtu = info->mtu,
		.port = info->port,
	};

	node.flags = (info->local ? CFG_WIRE_LOCAL : 0) | (info->member ? CFG_WIRE_MEMBER : 0) |
	    (info->ignored ? CFG_WIRE_IGNORED : 0) |
	    (info->link == CS_LINK_DOWN ? 0 : CFG_WIRE_LINK_UP);
	(void) snprintf(node.name, sizeof node.name, "%s", info->name);
	(void) snprintf(node.address, sizeof node.address, "%s", info->address);
	(void) snprintf(node.local_address, sizeof node.local_address, "%s",
	    info->local_address);
	return node;
}

static void
call_nodes(struct cfg *cfg, struct cs_conn *conn, const struct cs_request *request)
{
	struct cfg_wire_from from;
	struct cs_node_info info;
	uint32_t count = 0;

	if (request->len != sizeof from) {
		reply_error(cfg, conn, CS_ERR_INVALID_PARAM);
		return;
	}
	memcpy(&from, request->data, sizeof from);
	while (count < CFG_WIRE_PAGE_NODES &&
	    cfg->ops->node_info(cfg->host, (size_t) from.first + count, &info) == 0)
		cfg->page.node[count++] = node_encode(&info);
	cfg->page.head = (struct cfg_wire_nodes) { .error = CS_OK, .count = count };
	cfg->page.head.more = count == CFG_WIRE_PAGE_NODES &&
	    cfg->ops->node_info(cfg->host, (size_t) from.first + count, &info) == 0;
	(void) snprintf(cfg->page.head.transport, sizeof cfg->page.head.transport, "%s",
	    cfg->ops->transport(cfg->host));
	cfg->ops->reply(cfg->host, conn, &cfg->page,
	    sizeof cfg->page.head + count * sizeof cfg->page.node[0]);
}

static void
ignore_log(const struct cfg *cfg, const struct cs_conn *conn, const uint32_t *node_ids,
    uint32_t count)
{
	char text[IGNORE_TEXT_BYTES] = "";
	size_t at = 0;

	for (uint32_t i = 0; i < count; i++)
		at += (size_t) snprintf(text + at, sizeof text - at, " %" PRIu32, node_ids[i]);
	if (count == 0)
		cfg->ops->log(cfg->host, LOG_NOTICE,
		    "No node is ignored any longer, by command of pid %d (uid %u)",
		    (int) cfg->ops->conn_pid(conn), (unsigned int) cfg->ops->conn_uid(conn));
	else
		cfg->ops->log(cfg->host, LOG_NOTICE,
		    "Ignoring nodes%s from now on, by command of pid %d (uid %u)", text,
		    (int) cfg->ops->conn_pid(conn), (unsigned int) cfg->ops->conn_uid(conn));
}

static void
call_ignore(const struct cfg *cfg, struct cs_conn *conn, const struct cs_request *request)
{
	struct cfg_wire_ignore head;
	uint32_t node_ids[CFG_WIRE_IGNORE_MAX] = { 0 };

	if (request->len < sizeof head) {
		reply_error(cfg, conn, CS_ERR_INVALID_PARAM);
		return;
	}
	memcpy(&head, request->data, sizeof head);
	if (head.count > CFG_WIRE_IGNORE_MAX ||
	    request->len != sizeof head + head.count * sizeof node_ids[0]) {
		reply_error(cfg, conn, CS_ERR_INVALID_PARAM);
		return;
	}
	if (head.count > 0)
		memcpy(node_ids, (const uint8_t *) request->data + sizeof head,
		    head.count * sizeof node_ids[0]);
	if (cfg->ops->ignore(cfg->host, node_ids, head.count) < 0) {
		reply_error(cfg, conn, CS_ERR_INVALID_PARAM);
		return;
	}
	ignore_log(cfg, conn, node_ids, head.count);
	reply_error(cfg, conn, CS_OK);
}

static void
cfg_request(void *instance, struct cs_conn *conn, const struct cs_request *request)
{
	struct cfg *cfg = instance;

	switch (request->function) {
	case CFG_CALL_LOCAL:
		call_local(cfg, conn);
		return;
	case CFG_CALL_NODES:
		call_nodes(cfg, conn, request);
		return;
	case CFG_CALL_IGNORE:
		call_ignore(cfg, conn, request);
		return;
	default:	/* tidy: open set: the number is the client's */
		reply_error(cfg, conn, CS_ERR_NOT_SUPPORTED);
		return;
	}
}

static void
cfg_deliver(void *instance, uint32_t node_id, uint64_t incarnation, const void *data, size_t len)
{
	const struct cfg *cfg = instance;

	(void) incarnation;
	(void) data;
	/* A later version of us will send some. */
	cfg->ops->log(cfg->host, LOG_DEBUG, "Message of %zu bytes from node %" PRIu32
	    " is of a later version, ignoring it", len, node_id);
}

static void
cfg_confchg(void *instance, const struct cs_configuration *configuration)
{
	(void) instance;
	(void) configuration;
}

__attribute__((visibility("default"))) extern const struct cs_engine cs_engine_descriptor;
const struct cs_engine cs_engine_descriptor = {
	.abi = CS_ENGINE_ABI,
	.service_id = 1,
	.version = 1,
	.name = "cfg",
	.description = "corosync configuration service",
	.subsystem = "CFG",
	.init = cfg_init,
	.exit = cfg_exit,
	.conn_open = cfg_conn_open,
	.conn_close = cfg_conn_close,
	.request = cfg_request,
	.deliver = cfg_deliver,
	.confchg = cfg_confchg,
};
