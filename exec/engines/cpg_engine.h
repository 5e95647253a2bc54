/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The cpg engine: glue between the pure state (cpg_group.h), the ring and the clients.
 * cpg_engine.c has the ring's side, cpg_client.c that of the clients.
 *
 * A local process (struct cpg_local) is one membership of one connection.  It outlives the
 * connection until the ring has seen it leave, so that nobody is left behind and the same process
 * cannot join twice.
 *
 *   state \ event  own JOIN    leave, finalise,   own DEPART    message of
 *                  ordered     connection gone    ordered       the client
 *   JOINING        MEMBER      DEPART sent,       -             sent (it is ordered
 *                              -> LEAVING                       behind the JOIN)
 *   MEMBER         -           DEPART sent,       -             sent
 *                              -> LEAVING
 *   LEAVING        attached    nothing: one       freed; a join dropped
 *                              departure, one     that waits for
 *                              reason             it begins
 *
 * A large message travels in parts and counts at the place of its last one.  A member that joins
 * between first and last could not have all of it, so a join makes it void for everyone: receivers
 * drop what they have (the library sees the same changes in the same order), and the sender's
 * engine answers TRY_AGAIN to the call that waits for the last part; the library sends it again.
 *
 * Last words: a member whose client got a SAFE message knows that all nodes of the ring have it,
 * and may die before the token tells them so; then they get it behind the transitional
 * configuration, where its sender has left already.  Between that and the regular configuration
 * what a departed process sent SAFE, also in parts, is delivered to the group all the same, behind
 * the leave.  AGREED promises nothing of the kind: that is dropped.
 */
#ifndef ENGINES_CPG_ENGINE_H
#define ENGINES_CPG_ENGINE_H
#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <corosync/ipc/cpg_wire.h>

#include "exec/base/assert.h"
#include "exec/engines/cpg_group.h"
#include "exec/engines/cpg_message.h"

enum cpg_local_state { CPG_JOINING, CPG_MEMBER, CPG_LEAVING };

struct cpg_client;

struct cpg_local {
	uint32_t id;
	uint32_t pid;
	struct cpg_group_name name;
	enum cpg_local_state state;
	bool depart_unsent;		/* LEAVING, but the ring did not take the DEPART yet */
	uint32_t depart_reason;
	bool large_open;		/* FIRST of our large message was ordered, LAST not */
	bool large_void;		/* and someone joined since */
	struct cpg_client *client;	/* NULL: has gone */
	struct cpg_group *group;	/* once our JOIN was ordered */
	struct cpg_local *next;		/* of the engine */
	struct cpg_local *group_next;	/* of the group's locals */
};

struct cpg_client {
	struct cs_conn *conn;
	uint32_t pid;
	uint32_t flags;			/* CPG_WIRE_WANT_... */
	struct cpg_local *local;	/* NULL: in no group */
	bool join_waits;		/* a join that is answered when the leave is through */
	struct cpg_group_name join_name;
	bool large_waits;		/* a LARGE_END that is answered when LAST is ordered */
	uint32_t large_total;		/* bytes of the large message that it sends now; */
	uint32_t large_taken;		/* those that came.  At most the total */
	struct cpg_client *next;
};

struct cpg_counters {
	uint64_t malformed;		/* messages of peers that could not be decoded */
	uint64_t orphan;		/* messages of processes that are in no group */
	uint64_t last_words;		/* SAFE ones of departed processes, delivered */
	uint64_t refused;		/* joins and list entries that contradicted our state */
	uint64_t large_void;
};

struct cpg_engine {
	struct cpg_sink sink;		/* first: the sink is the engine */
	struct cs_host *host;
	const struct cs_host_ops *ops;
	struct cpg_state *state;
	struct cpg_client *clients;
	struct cpg_local *locals;
	size_t local_count;
	uint32_t last_id;
	size_t joinlist_index;		/* own processes already said in this round */
	size_t unsent_count;		/* locals with depart_unsent */
	struct cpg_counters counters;
};

/* cpg_client.c */
int cpg_conn_open(void *instance, struct cs_conn *conn);
void cpg_conn_close(void *instance, struct cs_conn *conn);
void cpg_request(void *instance, struct cs_conn *conn, const struct cs_request *request);
int cpg_conn_data(void *instance, struct cs_conn *conn, const struct cs_request *record);
void cpg_reply(struct cpg_engine *engine, struct cpg_client *client, cs_error_t error);
/* Our own DEPART was ordered, or our JOIN was refused: the process is no more. */
void cpg_local_end(struct cpg_engine *engine, struct cpg_local *local);
struct cpg_local *cpg_local_find(const struct cpg_engine *engine, uint32_t id);
/* Send what the ring did not take before. */
void cpg_departures_flush(struct cpg_engine *engine);
int cpg_send(struct cpg_engine *engine, const struct cpg_message *message, const void *payload,
    size_t payload_len);

/* cpg_engine.c */
/* For what was ordered, and so must be done here too: ends the daemon. */
_Noreturn void cpg_out_of_memory(const struct cpg_engine *engine);

/* cpg_events.c */
void cpg_event_change(struct cpg_engine *engine, const struct cpg_change *change);
void cpg_event_totem(struct cpg_engine *engine, struct cpg_client *client);
void cpg_event_deliver(struct cpg_engine *engine, const struct cpg_group *group,
    uint32_t node_id, uint32_t pid, const struct cpg_message *message);
#endif
