/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * libcfg: what the daemon knows about its node, the other nodes and the links between them, and
 * administrative commands.
 *
 * Functions that return cs_error_t may always return CS_ERR_BAD_HANDLE (never initialised,
 * finalized, or inherited through fork()) and CS_ERR_LIBRARY (the daemon is gone; finalize and
 * initialise again).  Those marked "not supported yet" check the handle and return
 * CS_ERR_NOT_SUPPORTED: a program built with them links and runs, and can tell.
 */
#ifndef COROSYNC_CFG_H_DEFINED
#define COROSYNC_CFG_H_DEFINED

#include <stddef.h>
#include <netinet/in.h>
#include <corosync/corotypes.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t corosync_cfg_handle_t;

typedef enum {
	COROSYNC_CFG_SHUTDOWN_FLAG_REQUEST = 0,		/* programs that track are asked first */
	COROSYNC_CFG_SHUTDOWN_FLAG_REGARDLESS = 1,	/* they are told, their answer is ignored */
	COROSYNC_CFG_SHUTDOWN_FLAG_IMMEDIATE = 2,	/* at once */
} corosync_cfg_shutdown_flags_t;

typedef enum {
	COROSYNC_CFG_SHUTDOWN_FLAG_NO = 0,
	COROSYNC_CFG_SHUTDOWN_FLAG_YES = 1,
} corosync_cfg_shutdown_reply_flags_t;

typedef void (*corosync_cfg_shutdown_callback_t)(corosync_cfg_handle_t cfg_handle,
    corosync_cfg_shutdown_flags_t flags);

typedef struct {
	corosync_cfg_shutdown_callback_t corosync_cfg_shutdown_callback;
} corosync_cfg_callbacks_t;

typedef struct {
	int address_length;		/* of the sockaddr in `address` */
	char address[sizeof(struct sockaddr_in6)];
} corosync_cfg_node_address_t;

/* Connect to the daemon of the instance that the environment's COROSYNC_INSTANCE names.
 * `cfg_callbacks` may be NULL.  CS_OK; CS_ERR_LIBRARY: no daemon; CS_ERR_TRY_AGAIN: it is starting;
 * CS_ERR_ACCESS: this user may not; CS_ERR_INVALID_PARAM; CS_ERR_NO_MEMORY. */
cs_error_t corosync_cfg_initialize(corosync_cfg_handle_t *cfg_handle,
    const corosync_cfg_callbacks_t *cfg_callbacks);
/* A descriptor to poll for reading; then call corosync_cfg_dispatch().  It belongs to the
 * library. */
cs_error_t corosync_cfg_fd_get(corosync_cfg_handle_t cfg_handle, int32_t *selection_fd);
/* CS_ERR_INVALID_PARAM: unknown flag. */
cs_error_t corosync_cfg_dispatch(corosync_cfg_handle_t cfg_handle,
    cs_dispatch_flags_t dispatch_flags);
cs_error_t corosync_cfg_finalize(corosync_cfg_handle_t cfg_handle);

/* The links of this node: their addresses, and a line of status for each.  Both arrays and every
 * string in them are allocated; the caller frees them.  CS_ERR_NO_MEMORY.
 * A status has one character per known node in ascending order of their ids: `n` for this node,
 * otherwise a digit, the sum of 1 (link enabled) and 2 (link connected). */
cs_error_t corosync_cfg_ring_status_get(corosync_cfg_handle_t cfg_handle, char ***interface_names,
    char ***status, unsigned int *interface_count);

typedef enum {
	CFG_NODE_STATUS_V1 = 1,
} corosync_cfg_node_status_version_t;

#define CFG_MAX_HOST_LEN	256
#define CFG_MAX_LINKS		8

struct corosync_knet_link_status_v1 {
	uint8_t enabled;	/* configured, and not ignored by command */
	uint8_t connected;	/* frames of the node arrive over it */
	uint8_t dynconnected;	/* 0 */
	unsigned int mtu;	/* bytes of a frame; 0: not known */
	char src_ipaddr[CFG_MAX_HOST_LEN];
	char dst_ipaddr[CFG_MAX_HOST_LEN];
};

struct corosync_cfg_node_status_v1 {
	corosync_cfg_node_status_version_t version;
	unsigned int nodeid;
	uint8_t reachable;	/* a member of our ring */
	uint8_t remote;
	uint8_t external;
	uint8_t onwire_min;
	uint8_t onwire_max;
	uint8_t onwire_ver;
	struct corosync_knet_link_status_v1 link_status[CFG_MAX_LINKS];
};

/* Fill in `node_status`, which is a struct corosync_cfg_node_status_v1 for version 1.
 * CS_ERR_NOT_SUPPORTED: another version; CS_ERR_FAILED_OPERATION: unknown node;
 * CS_ERR_INVALID_PARAM: NULL. */
cs_error_t corosync_cfg_node_status_get(corosync_cfg_handle_t cfg_handle, unsigned int nodeid,
    corosync_cfg_node_status_version_t version, void *node_status);

/* The addresses of a node (0: this one).  At most `max_addrs` are stored, `num_addrs` says how
 * many. CS_ERR_NOT_EXIST: unknown node, or its address is not known yet. */
cs_error_t corosync_cfg_get_node_addrs(corosync_cfg_handle_t cfg_handle, unsigned int nodeid,
    size_t max_addrs, int *num_addrs, corosync_cfg_node_address_t *addrs);
cs_error_t corosync_cfg_local_get(corosync_cfg_handle_t handle, unsigned int *local_nodeid);

/* An extension: all that is known of all nodes at once. */
typedef struct {
	unsigned int nodeid;
	unsigned int mtu;		/* bytes of a frame; 0: not known */
	uint64_t round_trip_ns;		/* 0: not known */
	unsigned int port;		/* UDP */
	uint8_t local;			/* this node */
	uint8_t member;			/* of our ring */
	uint8_t ignored;		/* by corosync_cfg_ignore() */
	uint8_t connected;		/* frames of it arrive */
	char name[CFG_MAX_HOST_LEN];	/* "" when the configuration gives none */
	char address[64];		/* numeric; "" when not known yet */
	char local_address[64];		/* ours that faces it */
} corosync_cfg_node_t;

#define CFG_TRANSPORT_LEN	16

/* Store the nodes in ascending order of their ids, at most `max_nodes`; `num_nodes` says how many
 * there are, which may be more.  `transport` may be NULL. */
cs_error_t corosync_cfg_nodes_get(corosync_cfg_handle_t cfg_handle,
    char transport[CFG_TRANSPORT_LEN], size_t max_nodes, size_t *num_nodes,
    corosync_cfg_node_t *nodes);

/* An extension, for tests of applications against partitions: from now on this node's daemon
 * neither takes frames from the named nodes nor sends them any, as if the network between them were
 * cut.  The list replaces the one before; `count` 0 takes it back, and the rings merge.  Only this
 * node's daemon is told: name the others on it, or it on all the others.  It is lost when the
 * daemon ends.
 * CS_ERR_INVALID_PARAM: an unknown node or this one is named, NULL with a count, or more than 128:
 * then nothing is changed. */
cs_error_t corosync_cfg_ignore(corosync_cfg_handle_t cfg_handle, const unsigned int *nodeids,
    size_t count);

/* Not supported yet: make a node's daemon end. */
cs_error_t corosync_cfg_kill_node(corosync_cfg_handle_t cfg_handle, unsigned int nodeid,
    const char *reason);
/* Not supported yet: be asked before an orderly shutdown. */
cs_error_t corosync_cfg_trackstart(corosync_cfg_handle_t cfg_handle, uint8_t track_flags);
cs_error_t corosync_cfg_trackstop(corosync_cfg_handle_t cfg_handle);
/* Not supported yet: an orderly shutdown of this node's daemon.  SIGTERM does it. */
cs_error_t corosync_cfg_try_shutdown(corosync_cfg_handle_t cfg_handle,
    corosync_cfg_shutdown_flags_t flags);
cs_error_t corosync_cfg_replyto_shutdown(corosync_cfg_handle_t cfg_handle,
    corosync_cfg_shutdown_reply_flags_t flags);
/* Not supported yet: read the configuration again. */
cs_error_t corosync_cfg_reload_config(corosync_cfg_handle_t handle);
/* Not supported yet through the library.  SIGHUP does it. */
cs_error_t corosync_cfg_reopen_log_files(corosync_cfg_handle_t handle);

#ifdef __cplusplus
}
#endif
#endif
