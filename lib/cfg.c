/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * libcfg: asks the cfg engine.  What crosses is in <corosync/ipc/cfg_wire.h>.
 */
#include "config.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(default)
#include <corosync/cfg.h>
#pragma GCC visibility pop
#include <corosync/ipc/cfg_wire.h>
#include "lib/client.h"

#define NODES_MAX	128u

struct cfg {
	struct client *client;
	corosync_cfg_callbacks_t callbacks;
};

struct cfg_page {		/* a nodes reply */
	struct cfg_wire_nodes head;
	struct cfg_wire_node node[CFG_WIRE_PAGE_NODES];
};

struct cfg_nodes {		/* all of them */
	char transport[CFG_TRANSPORT_LEN];
	size_t count;
	struct cfg_wire_node node[NODES_MAX];
};

static void cfg_destroy(void *object);

static struct client_handles handles = { .destroy = cfg_destroy };

static void
cfg_destroy(void *object)
{
	struct cfg *cfg = object;

	cfg->client = client_close(cfg->client);
	free(cfg);
}

static cs_error_t
cfg_get(corosync_cfg_handle_t handle, struct cfg **ret_cfg)
{
	void *object;
	cs_error_t error = client_handle_get(&handles, handle, &object);

	if (error == CS_OK)
		*ret_cfg = object;
	return error;
}

static void
cfg_put(corosync_cfg_handle_t handle)
{
	client_handle_put(&handles, handle);
}

cs_error_t
corosync_cfg_initialize(corosync_cfg_handle_t *cfg_handle,
    const corosync_cfg_callbacks_t *cfg_callbacks)
{
	struct cfg *cfg;
	cs_error_t error;

	if (cfg_handle == NULL)
		return CS_ERR_INVALID_PARAM;
	cfg = calloc(1, sizeof *cfg);
	if (cfg == NULL)
		return CS_ERR_NO_MEMORY;
	if (cfg_callbacks != NULL)
		cfg->callbacks = *cfg_callbacks;
	error = client_open("cfg", /* data_rings= */ false, &cfg->client);
	if (error == CS_OK)
		error = client_handle_new(&handles, cfg, cfg_handle);
	if (error != CS_OK)
		cfg_destroy(cfg);
	return error;
}

cs_error_t
corosync_cfg_finalize(corosync_cfg_handle_t cfg_handle)
{
	struct cfg *cfg;
	cs_error_t error = cfg_get(cfg_handle, &cfg);

	if (error != CS_OK)
		return error;
	error = client_handle_close(&handles, cfg_handle);
	client_interrupt(cfg->client);	/* whoever waits in dispatch */
	cfg_put(cfg_handle);
	return error;
}

cs_error_t
corosync_cfg_fd_get(corosync_cfg_handle_t cfg_handle, int32_t *selection_fd)
{
	struct cfg *cfg;
	cs_error_t error;
	int fd = -1;

	if (selection_fd == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cfg_get(cfg_handle, &cfg);
	if (error != CS_OK)
		return error;
	error = client_fd(cfg->client, &fd);
	if (error == CS_OK)
		*selection_fd = fd;
	cfg_put(cfg_handle);
	return error;
}

/* --- dispatch --- */

/* The daemon sends this library nothing yet, so nothing ever is to be handled; a later daemon's
 * events are passed over. */
static cs_error_t
cfg_dispatch_one(struct cfg *cfg, int timeout_ms)
{
	struct client_record record;
	cs_error_t error = client_next(cfg->client, timeout_ms, &record);

	if (error == CS_OK)
		client_done(cfg->client);
	return error;
}

static cs_error_t
cfg_dispatch_loop(struct cfg *cfg, corosync_cfg_handle_t handle, cs_dispatch_flags_t flags)
{
	bool wait = flags == CS_DISPATCH_ONE || flags == CS_DISPATCH_BLOCKING;
	cs_error_t error;

	do {
		error = cfg_dispatch_one(cfg, wait ? -1 : 0);
	} while (error == CS_OK && !client_handle_closed(&handles, handle));
	if (client_handle_closed(&handles, handle))
		return CS_OK;	/* finalized meanwhile: the loop ends */
	if (error == CS_ERR_TRY_AGAIN && flags == CS_DISPATCH_ALL)
		return CS_OK;
	return error;
}

cs_error_t
corosync_cfg_dispatch(corosync_cfg_handle_t cfg_handle, cs_dispatch_flags_t dispatch_flags)
{
	struct cfg *cfg;
	cs_error_t error;

	if (dispatch_flags < CS_DISPATCH_ONE || dispatch_flags > CS_DISPATCH_ONE_NONBLOCKING)
		return CS_ERR_INVALID_PARAM;
	error = cfg_get(cfg_handle, &cfg);
	if (error != CS_OK)
		return error;
	error = cfg_dispatch_loop(cfg, cfg_handle, dispatch_flags);
	cfg_put(cfg_handle);
	return error;
}

/* --- nodes --- */

static cs_error_t
cfg_page_get(struct cfg *cfg, uint32_t first, struct cfg_page *page)
{
	struct cfg_wire_from from = { .first = first };
	const struct iovec iov = { .iov_base = &from, .iov_len = sizeof from };
	size_t len = 0;
	cs_error_t error;

	memset(&page->head, 0, sizeof page->head);
	error = client_call(cfg->client, CFG_CALL_NODES, &iov, 1, page, sizeof *page, &len);
	if (error != CS_OK)
		return error;
	if (page->head.error != CS_OK)
		return (cs_error_t) page->head.error;
	if (page->head.count > CFG_WIRE_PAGE_NODES ||
	    len != sizeof page->head + page->head.count * sizeof page->node[0])
		return CS_ERR_LIBRARY;
	page->head.transport[sizeof page->head.transport - 1] = '\0';
	for (uint32_t i = 0; i < page->head.count; i++) {
		struct cfg_wire_node *node = &page->node[i];

		node->name[sizeof node->name - 1] = '\0';
		node->address[sizeof node->address - 1] = '\0';
		node->local_address[sizeof node->local_address - 1] = '\0';
	}
	return CS_OK;
}

/* Every page.  The caller frees it. */
static cs_error_t
cfg_nodes_get(corosync_cfg_handle_t handle, struct cfg_nodes **ret_nodes)
{
	struct cfg_nodes *nodes;
	struct cfg_page *page;
	struct cfg *cfg;
	cs_error_t error = cfg_get(handle, &cfg);

	if (error != CS_OK)
		return error;
	nodes = calloc(1, sizeof *nodes);
	page = malloc(sizeof *page);
	if (nodes == NULL || page == NULL)
		error = CS_ERR_NO_MEMORY;
	while (error == CS_OK) {
		error = cfg_page_get(cfg, (uint32_t) nodes->count, page);
		if (error != CS_OK)
			break;
		memcpy(nodes->transport, page->head.transport, sizeof nodes->transport);
		for (uint32_t i = 0; i < page->head.count && nodes->count < NODES_MAX; i++)
			nodes->node[nodes->count++] = page->node[i];
		if (!page->head.more || nodes->count == NODES_MAX)
			break;
	}
	free(page);
	cfg_put(handle);
	if (error == CS_OK)
		*ret_nodes = nodes;
	else
		free(nodes);
	return error;
}

static const struct cfg_wire_node *
node_find(const struct cfg_nodes *nodes, unsigned int nodeid)
{
	for (size_t i = 0; i < nodes->count; i++)
		if (nodes->node[i].node_id == nodeid ||
		    (nodeid == 0 && (nodes->node[i].flags & CFG_WIRE_LOCAL) != 0))
			return &nodes->node[i];
	return NULL;
}

/* Link status as the digit of corosync_cfg_ring_status_get(). */
static char
node_status_char(const struct cfg_wire_node *node)
{
	int digit = 0;

	if ((node->flags & CFG_WIRE_LOCAL) != 0)
		return 'n';
	if ((node->flags & CFG_WIRE_IGNORED) == 0)
		digit |= 1;
	if ((node->flags & CFG_WIRE_LINK_UP) != 0)
		digit |= 2;
	return (char) ('0' + digit);
}

/* An array of one string of at most `size` bytes, zeroed. */
static char **
strings_new(size_t size)
{
	char **strings = calloc(1, sizeof *strings);

	if (strings == NULL)
		return NULL;
	strings[0] = calloc(1, size);
	if (strings[0] == NULL) {
		free(strings);
		return NULL;
	}
	return strings;
}

cs_error_t
corosync_cfg_ring_status_get(corosync_cfg_handle_t cfg_handle, char ***interface_names,
    char ***status, unsigned int *interface_count)
{
	const struct cfg_wire_node *local;
	struct cfg_nodes *nodes;
	char **names, **states;
	cs_error_t error;

	if (interface_names == NULL || status == NULL || interface_count == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cfg_nodes_get(cfg_handle, &nodes);
	if (error != CS_OK)
		return error;
	names = strings_new(CFG_MAX_HOST_LEN);
	states = strings_new(NODES_MAX + 1);
	if (names == NULL || states == NULL) {
		if (names != NULL)
			free(names[0]);
		free(names);
		if (states != NULL)
			free(states[0]);
		free(states);
		free(nodes);
		return CS_ERR_NO_MEMORY;
	}
	local = node_find(nodes, 0);
	if (local != NULL)
		(void) snprintf(names[0], CFG_MAX_HOST_LEN, "%s", local->address);
	for (size_t i = 0; i < nodes->count; i++)
		states[0][i] = node_status_char(&nodes->node[i]);
	free(nodes);
	*interface_names = names;
	*status = states;
	*interface_count = 1;
	return CS_OK;
}

cs_error_t
corosync_cfg_node_status_get(corosync_cfg_handle_t cfg_handle, unsigned int nodeid,
    corosync_cfg_node_status_version_t version, void *node_status)
{
	struct corosync_cfg_node_status_v1 *result = node_status;
	const struct cfg_wire_node *node;
	struct corosync_knet_link_status_v1 *link;
	struct cfg_nodes *nodes;
	cs_error_t error;

	if (node_status == NULL)
		return CS_ERR_INVALID_PARAM;
	if (version != CFG_NODE_STATUS_V1)
		return CS_ERR_NOT_SUPPORTED;
	error = cfg_nodes_get(cfg_handle, &nodes);
	if (error != CS_OK)
		return error;
	node = node_find(nodes, nodeid);
	if (node == NULL) {
		free(nodes);
		return CS_ERR_FAILED_OPERATION;
	}
	memset(result, 0, sizeof *result);
	result->version = CFG_NODE_STATUS_V1;
	result->nodeid = node->node_id;
	result->reachable = (node->flags & CFG_WIRE_MEMBER) != 0;
	result->onwire_max = result->onwire_ver = 1;
	link = &result->link_status[0];
	link->enabled = (node->flags & CFG_WIRE_IGNORED) == 0;
	link->connected = (node->flags & CFG_WIRE_LINK_UP) != 0;
	link->mtu = node->mtu;
	(void) snprintf(link->src_ipaddr, sizeof link->src_ipaddr, "%s", node->local_address);
	(void) snprintf(link->dst_ipaddr, sizeof link->dst_ipaddr, "%s", node->address);
	free(nodes);
	return CS_OK;
}

/* Numeric text as a sockaddr.  False: it is none. */
static bool
address_encode(const struct cfg_wire_node *node, corosync_cfg_node_address_t *address)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	uint16_t port = htons((uint16_t) node->port);

	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, node->address, &v4.sin_addr) == 1) {
		v4.sin_port = port;
		address->address_length = (int) sizeof v4;
		memcpy(address->address, &v4, sizeof v4);
		return true;
	}
	if (inet_pton(AF_INET6, node->address, &v6.sin6_addr) == 1) {
		v6.sin6_port = port;
		address->address_length = (int) sizeof v6;
		memcpy(address->address, &v6, sizeof v6);
		return true;
	}
	return false;
}

cs_error_t
corosync_cfg_get_node_addrs(corosync_cfg_handle_t cfg_handle, unsigned int nodeid,
    size_t max_addrs, int *num_addrs, corosync_cfg_node_address_t *addrs)
{
	corosync_cfg_node_address_t address;
	const struct cfg_wire_node *node;
	struct cfg_nodes *nodes;
	cs_error_t error;

	if (num_addrs == NULL || (addrs == NULL && max_addrs > 0))
		return CS_ERR_INVALID_PARAM;
	error = cfg_nodes_get(cfg_handle, &nodes);
	if (error != CS_OK)
		return error;
	node = node_find(nodes, nodeid);
	if (node == NULL || !address_encode(node, &address)) {
		error = CS_ERR_NOT_EXIST;
	} else {
		*num_addrs = max_addrs > 0 ? 1 : 0;
		if (max_addrs > 0)
			addrs[0] = address;
	}
	free(nodes);
	return error;
}

cs_error_t
corosync_cfg_nodes_get(corosync_cfg_handle_t cfg_handle, char transport[CFG_TRANSPORT_LEN],
    size_t max_nodes, size_t *num_nodes, corosync_cfg_node_t *nodes)
{
	struct cfg_nodes *all;
	cs_error_t error;

	if (num_nodes == NULL || (nodes == NULL && max_nodes > 0))
		return CS_ERR_INVALID_PARAM;
	error = cfg_nodes_get(cfg_handle, &all);
	if (error != CS_OK)
		return error;
	if (transport != NULL)
		memcpy(transport, all->transport, CFG_TRANSPORT_LEN);
	for (size_t i = 0; i < all->count && i < max_nodes; i++) {
		const struct cfg_wire_node *from = &all->node[i];

		nodes[i] = (corosync_cfg_node_t) {
			.nodeid = from->node_id,
			.mtu = from->mtu,
			.round_trip_ns = from->round_trip_ns,
			.port = from->port,
			.local = (from->flags & CFG_WIRE_LOCAL) != 0,
			.member = (from->flags & CFG_WIRE_MEMBER) != 0,
			.ignored = (from->flags & CFG_WIRE_IGNORED) != 0,
			.connected = (from->flags & CFG_WIRE_LINK_UP) != 0,
		};
		memcpy(nodes[i].name, from->name, sizeof nodes[i].name);
		memcpy(nodes[i].address, from->address, sizeof nodes[i].address);
		memcpy(nodes[i].local_address, from->local_address,
		    sizeof nodes[i].local_address);
	}
	*num_nodes = all->count;
	free(all);
	return CS_OK;
}

cs_error_t
corosync_cfg_local_get(corosync_cfg_handle_t handle, unsigned int *local_nodeid)
{
	struct cfg_wire_local reply = { .error = CS_ERR_LIBRARY };
	struct cfg *cfg;
	cs_error_t error;

	if (local_nodeid == NULL)
		return CS_ERR_INVALID_PARAM;
	error = cfg_get(handle, &cfg);
	if (error != CS_OK)
		return error;
	error = client_call(cfg->client, CFG_CALL_LOCAL, NULL, 0, &reply, sizeof reply, NULL);
	if (error == CS_OK)
		error = (cs_error_t) reply.error;
	if (error == CS_OK)
		*local_nodeid = reply.node_id;
	cfg_put(handle);
	return error;
}

cs_error_t
corosync_cfg_ignore(corosync_cfg_handle_t cfg_handle, const unsigned int *nodeids, size_t count)
{
	struct cfg_wire_ignore head = { .count = (uint32_t) count };
	struct cfg_wire_reply reply = { .error = CS_ERR_LIBRARY };
	uint32_t ids[CFG_WIRE_IGNORE_MAX];
	struct iovec iov[2] = {
		{ .iov_base = &head, .iov_len = sizeof head },
		{ .iov_base = ids, .iov_len = count * sizeof ids[0] },
	};
	struct cfg *cfg;
	cs_error_t error;

	if (count > CFG_WIRE_IGNORE_MAX || (nodeids == NULL && count > 0))
		return CS_ERR_INVALID_PARAM;
	for (size_t i = 0; i < count; i++)
		ids[i] = nodeids[i];
	error = cfg_get(cfg_handle, &cfg);
	if (error != CS_OK)
		return error;
	error = client_call(cfg->client, CFG_CALL_IGNORE, iov, 2, &reply, sizeof reply, NULL);
	if (error == CS_OK)
		error = (cs_error_t) reply.error;
	cfg_put(cfg_handle);
	return error;
}

/* --- not supported yet, as the header says --- */

static cs_error_t
cfg_not_supported(corosync_cfg_handle_t handle)
{
	struct cfg *cfg;
	cs_error_t error = cfg_get(handle, &cfg);

	if (error != CS_OK)
		return error;
	cfg_put(handle);
	return CS_ERR_NOT_SUPPORTED;
}

cs_error_t
corosync_cfg_kill_node(corosync_cfg_handle_t cfg_handle, unsigned int nodeid, const char *reason)
{
	(void) nodeid;
	(void) reason;
	return cfg_not_supported(cfg_handle);
}

cs_error_t
corosync_cfg_trackstart(corosync_cfg_handle_t cfg_handle, uint8_t track_flags)
{
	(void) track_flags;
	return cfg_not_supported(cfg_handle);
}

cs_error_t
corosync_cfg_trackstop(corosync_cfg_handle_t cfg_handle)
{
	return cfg_not_supported(cfg_handle);
}

cs_error_t
corosync_cfg_try_shutdown(corosync_cfg_handle_t cfg_handle, corosync_cfg_shutdown_flags_t flags)
{
	(void) flags;
	return cfg_not_supported(cfg_handle);
}

cs_error_t
corosync_cfg_replyto_shutdown(corosync_cfg_handle_t cfg_handle,
    corosync_cfg_shutdown_reply_flags_t flags)
{
	(void) flags;
	return cfg_not_supported(cfg_handle);
}

cs_error_t
corosync_cfg_reload_config(corosync_cfg_handle_t handle)
{
	return cfg_not_supported(handle);
}

cs_error_t
corosync_cfg_reopen_log_files(corosync_cfg_handle_t handle)
{
	return cfg_not_supported(handle);
}
