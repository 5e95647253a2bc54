/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Numbers that sources written for the known libraries take from this header.  Nothing of ours
 * needs it.
 */
#ifndef COROSYNC_CORODEFS_H
#define COROSYNC_CORODEFS_H
#include <netinet/in.h>

/* The well-known service ids; not each of them has an engine here. */
enum corosync_service_types {
	CMAP_SERVICE,
	CFG_SERVICE,
	CPG_SERVICE,
	QUORUM_SERVICE,
	PLOAD_SERVICE,
	VOTEQUORUM_SERVICE,
	MON_SERVICE,
	WD_SERVICE
};

/* For arrays with a place for each member of a cluster.  A ring of ours has 128 at most. */
#ifdef HAVE_SMALL_MEMORY_FOOTPRINT
#define PROCESSOR_COUNT_MAX	16
#else
#define PROCESSOR_COUNT_MAX	384
#endif

#define TOTEMIP_ADDRLEN		(sizeof(struct in6_addr))	/* bytes */
#endif
