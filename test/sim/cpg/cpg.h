/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The process groups in the simulated cluster.  From the client's call to the ring all is
 * production code but the sockets between client and daemon, and time:
 *
 *     program.c, teller.c            what simulated processes do, as coroutines
 *       lib/cpg*.c                   production
 *         link.c                     lib/client.h: calls, records and events, with virtual waiting
 *         corosync/ipc/ring.h        production: the rings, in memory that wire.c makes
 *         exec/ipc/conn.c, slow.c, backlog.c     production
 *         ipc.c                      exec/ipc/server.c and doze.c: bells, turns, timers
 *       exec/core/{engines,host,sync}.c, and the modules of the build: production
 *     node.c                         hangs them on a host of test/sim/host.c
 *
 * watch.c looks at what waits for slow processes, for C12; trace.c keeps what the processes did and
 * saw; test/sim/check_c*.c judge that.
 *
 *   client    one place for a process on one host; processes follow each other there
 *   session   one membership of one process in one group: from cpg_join() to its end
 *   place     in the one order; each event has the one at which its daemon made it.  The
 *             simulated host knows it from the core's outputs, not from the engine.
 */
#ifndef SIM_CPG_CPG_H
#define SIM_CPG_CPG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <ucontext.h>

#include <corosync/corotypes.h>
#include <corosync/cpg.h>

#include "test/sim/cpg/ledger.h"
#include "test/sim/lie.h"
#include "test/sim/sim.h"

#define CPG_GROUPS_MAX		4u
#define CPG_CLIENTS_MAX		5u	/* on one host: */
#define CPG_PROGRAMS_MAX	3u	/* the first of them; */
#define CPG_TELLER		3u	/* a replica of the bank; */
#define CPG_PROBE		4u	/* who asks for the groups at the end */
#define CPG_STEPS_MAX		12u	/* that a process is about to do */
#define CPG_FIRST		100u	/* numbers of properties: C1 is 101 */

enum cpg_property {
	C1_ORDER = CPG_FIRST + 1,
	C2_VIEWS,
	C3_JOIN_POINT,
	C4_LEAVE_POINT,
	C5_MEMBERS_ONLY,
	C6_NO_GHOSTS,
	C7_SELF_DELIVERY,
	C8_WHOLE,
	C9_BARRIER,
	C10_PAUSED,
	C11_REJOIN,
	C12_FLOW,
	C13_SAVINGS,
	C14_SAFE,
	CPG_PROPERTY_END
};

struct tag {
	uint64_t place;			/* 0: not in the order */
	uint64_t ring;			/* hash of its id */
	uint64_t move;			/* place of its transitional configuration; 0: not yet */
	bool transitional;		/* in that */
	bool boundary;			/* at the transitional configuration itself */
	bool synchronised;		/* all barriers of the ring were delivered */
};

/* --- between client and daemon ------------------------------------------------------------- */

/* ipc.c */
struct cpg_node;
struct service;
struct loop_timer;
/* The daemon's main loop comes round; with one of its timers, or 0. */
void ipc_happening(struct cpg_node *node, uint64_t timer);
/* watch.c */
/* To be called each time the daemon's code has run: its processes are woken, it is looked at. */
void watch_settle(struct cpg_node *node);
bool watch_slows(const struct cpg_node *node);	/* the ring, for slow ones */

/* --- a daemon ------------------------------------------------------------------------------ */

struct cpg_node {
	struct sim *sim;
	struct host *host;
	struct engines *engines;	/* NULL: no daemon */
	struct service *services;	/* of its engines */
	struct loop_timer *timers;
	uint64_t timer_last;
	struct config *config;
	struct tag tag;
	struct totem_ring_id ring;
	uint32_t member_count, barrier_count;
	uint32_t barrier_from[TOTEM_NODES_MAX];
	bool was_active;
};

/* node.c */
extern const struct sim_app cpg_app;
struct cpg_sim *cpg_of(const struct sim *sim);
const char *cpg_engines_directory(void);		/* where the modules are */
struct cpg_node *cpg_node_of(struct sim *sim, uint32_t host);
/* Who acts now; what production code asks for its clock, and fakes for their simulation. */
extern struct cpg_node *cpg_now_acting;

/* --- slow processes ------------------------------------------------------------------------ */

struct cpg_flow {			/* a daemon and what waits for processes of one service */
	uint64_t counted_bytes;		/* says the daemon; */
	uint64_t waiting_bytes;		/* and really, for one of them; 0: not looked at now */
	bool nothing_waits;		/* at all */
	bool slowed;			/* the ring, for them */
	uint64_t relieved_ns;		/* though little waits, for so long */
	uint32_t still_pid;		/* who has read nothing meanwhile, for longest; 0: nobody */
	uint64_t still_ns;		/* so long */
};

struct cpg_cut {			/* one that is cut off for being slow */
	bool for_room;			/* else: for what it has not read in the grace time */
	uint64_t counted_bytes;		/* what waited for all, just before */
	uint64_t read_bytes;		/* by it, in the last three quarters of the grace time */
	uint64_t slowed_ns;		/* the ring, for so long; */
	uint64_t waits_ns;		/* and so long also for this one */
	uint32_t still_pid;		/* another one, which has read nothing for longest; or 0 */
	uint64_t still_ns;
};

/* --- processes ----------------------------------------------------------------------------- */

struct client {
	struct sim *sim;
	uint32_t host, index;
	void (*life)(struct client *client);	/* processes, one after another, until the end */
	ucontext_t context;
	uint8_t *stack;
	bool ended;
	uint64_t ticket;		/* of the present wait: old wake-ups do not count */
	bool wake_due;
	bool killed;			/* the process has died: nothing is heard from it */
	bool teller;			/* a replica of the bank */
	uint32_t pid;
	uint32_t lives;			/* processes so far */
	struct client_link *links;
	/* what it is doing, for the trace */
	uint32_t session_first, session_last;	/* whose events come next; the latest; NONE */
	uint32_t tiny;			/* messages too small for a header, of this pid */
	bool stuck;			/* it never reads again */
	uint64_t sip_bytes;		/* it reads no more a second; 0: all that there is */
	uint64_t read_bytes;		/* ever */
	/* what it is about to do, and when it does more */
	struct act step[CPG_STEPS_MAX];
	size_t step_next, step_count;
	uint64_t act_ns;
	size_t plan_at;			/* its next act of the plan is from there on */
};

/* link.c */
void link_start(struct client *client);			/* its life begins */
void link_resume(struct client *client);
void link_kill(struct client *client);			/* the process dies */
void link_end(struct client *client);			/* the run is over */
void link_wake(struct client *client);
void link_kill_later(struct client *client, uint64_t span_ns);	/* this process, if it lives */
void link_wait(struct client *client, uint64_t span_ns);	/* NEVER: until woken */
void link_happening(struct sim *sim, const struct happening *happening);
struct client *link_running(void);
const struct tag *link_tag(void);			/* of the event being called back */
bool link_lost(struct client *client);			/* some daemon's end hung up */
bool link_cut(struct client *client);			/* because it was too slow */
void link_stuck(struct client *client);			/* it stops reading */

/* program.c */
void program_life(struct client *client);
void program_probe(struct client *client);
void program_sip(struct client *client, uint64_t bytes_second);	/* it reads slowly from now on */
void program_murder(struct client *client);	/* the process dies, whatever it is doing */
void program_cut(struct client *client, const struct cpg_cut *cut);	/* it is too slow */
/* teller.c */
void teller_life(struct client *client);

/* --- the trace ----------------------------------------------------------------------------- */

enum cpg_kind {
	CPG_JOIN, CPG_JOINED,		/* the call, its result */
	CPG_LEAVE, CPG_LEFT,
	CPG_SEND, CPG_SENT,
	CPG_DELIVER,
	CPG_CONFCHG,
	CPG_END,			/* the session is over: value is enum session_end */
	CPG_LIST,			/* what cpg_iteration says at the end */
	CPG_BROKEN,			/* libcpg gives up, with its daemon in good health */
	CPG_CUT,			/* disconnected for being slow; value 1: to make room */
	CPG_FLOW,			/* something waits for slow ones */
};

struct place { uint32_t node, pid, reason; };	/* of a list */

struct cpg_event {
	uint64_t at_ns;
	enum cpg_kind kind;
	uint32_t session;		/* NONE: of none */
	uint32_t message;		/* SEND, SENT, DELIVER; NONE: unknown bytes */
	uint32_t node, pid;		/* DELIVER: the sender; JOINED of a double: who */
	struct tag tag;
	uint32_t value;			/* results: cs_error_t; END: why */
	size_t len;
	const struct place *members, *left, *joined;	/* lent */
	size_t member_count, left_count, joined_count;
	uint32_t group;
	const struct cpg_cut *cut;	/* lent */
	const struct cpg_flow *flow;
};

enum session_end { SESSION_LIVE, SESSION_LEFT, SESSION_FINALIZED, SESSION_DIED, SESSION_CUT,
	SESSION_NODE, SESSION_NEVER };

struct step {				/* one callback */
	uint64_t place;
	bool view;
	uint32_t what;			/* message, or number of the view */
};

struct session {
	uint32_t host, node, pid, group, client;
	uint32_t next;			/* of its process; NONE */
	uint32_t daemon;		/* generation of its host */
	uint64_t join_ns, end_ns, leave_ns;
	bool join_ok, leave_called, leave_ok;
	bool seen_join, seen_leave;
	bool cut;			/* it was the slow one */
	enum session_end end;
	struct place *view;
	size_t view_count, view_room;
	uint64_t view_place;		/* trace_view_id() of the last confchg; 0: none */
	uint64_t view_at;		/* its place */
	bool first_view;		/* it is the one of the join */
	uint32_t view_number, view_step;
	uint64_t set_sum;		/* of the messages in this view */
	uint32_t set_count;
	struct step *step;
	size_t step_count, step_room;
	uint64_t *ring;			/* rings it heard of anything in, in their order */
	size_t ring_count, ring_room;
	uint64_t *has;			/* bits by message */
	size_t has_words;
	uint64_t *owed;			/* SAFE ones that others had: check_safe.c */
	size_t owed_words;
	uint32_t *sent;			/* messages */
	size_t sent_count, sent_room;
	uint32_t *last;			/* by session: number of its last message here, + 1 */
	size_t last_room;
};

enum sent { SENT_OPEN, SENT_OK, SENT_NOT, SENT_UNKNOWN };

struct cpg_message {
	uint32_t session, number;	/* the sender's; n-th of it */
	uint32_t len;
	uint8_t tiny;			/* 0, or the first byte of one without a header */
	bool safe;
	enum sent sent;
	bool delivered;			/* to anybody */
	uint64_t ring;			/* in which */
	uint64_t sent_ns;
};

struct move_of {			/* a transitional configuration at one host */
	uint32_t host;
	uint64_t place, ring, next;
	uint32_t member[TOTEM_NODES_MAX];
	size_t member_count;
};

struct closed {				/* a view, from one change to the next, at one session */
	uint32_t session;
	bool first_view;
	uint64_t set_sum;
	uint32_t set_count;
	uint64_t change;		/* at its end: who left and joined, and why */
};

enum cpg_count {
	CPG_COUNT_PROCESSES, CPG_COUNT_JOINS, CPG_COUNT_REJOINS, CPG_COUNT_DOUBLES,
	CPG_COUNT_LEAVES, CPG_COUNT_FINALIZED, CPG_COUNT_DEATHS, CPG_COUNT_DAEMON_LOST,
	CPG_COUNT_SENT, CPG_COUNT_SAFE, CPG_COUNT_TINY, CPG_COUNT_HUGE, CPG_COUNT_LARGE,
	CPG_COUNT_TRY_AGAIN, CPG_COUNT_LARGE_VOID, CPG_COUNT_DELIVERED, CPG_COUNT_VIEWS,
	CPG_COUNT_SEEN_LEAVE, CPG_COUNT_SEEN_PROCDOWN, CPG_COUNT_SEEN_NODEDOWN,
	CPG_COUNT_SEEN_JOIN, CPG_COUNT_SEEN_NODEUP, CPG_COUNT_LAST_WORDS, CPG_COUNT_ACTIVATED,
	CPG_COUNT_ABORTED, CPG_COUNT_CROWDS, CPG_COUNT_NAPS, CPG_COUNT_STUCK, CPG_COUNT_SLOW,
	CPG_COUNT_CUT, CPG_COUNT_CUT_FOR_ROOM, CPG_COUNT_CONGESTED, CPG_COUNT_ORDERS,
	CPG_COUNT_DONE, CPG_COUNT_SHORT,
	CPG_COUNT_UNKNOWN, CPG_COUNT_ROUNDS, CPG_COUNT_MERGED, CPG_COUNT_OVERDRAWN,
	CPG_COUNT_COUNT
};
_Static_assert(CPG_COUNT_COUNT <= SIM_APP_COUNTS, "they fit");

struct trace {
	struct session *session;
	size_t session_count, session_room;
	struct cpg_message *message;
	size_t message_count, message_room;
	struct move_of *move;
	size_t move_count, move_room;
	struct hash_map *places;	/* by place and group: hash of what happened there */
	struct hash_map *views;		/* by the places of its two ends: number in `closed`, + 1 */
	struct hash_map *joined;	/* by place and process: its session, + 1 */
	struct hash_map *known;		/* by session and process: place at which it saw it join */
	struct closed *closed;
	size_t closed_count, closed_room;
};

struct cpg_sim {
	struct trace trace;
	struct cpg_node *node;		/* by host */
	struct client *client;		/* host * CPG_CLIENTS_MAX + index */
	uint32_t client_count, group_count;
	uint32_t pid_last;
	size_t ring_bytes, backlog_bytes;
	uint64_t grace_ns;
	uint32_t message_bytes_max;
	uint32_t flood_bytes;		/* one message of those that come all at once */
	uint32_t large_left, huge_left, floods_left;
	uint64_t gap_ns;		/* between two acts of one process */
	uint32_t acts_left;		/* of all of them */
	bool bank, parts;		/* a bank; messages in parts */
	bool played;			/* processes do what the plan says */
	bool closing;			/* only read from now on */
	bool ending;			/* the run is over: processes end */
	struct ledger ledger;
	const struct cpg_mutant *mutant;
	struct cpg_mutation *mutation;
	uint8_t *scratch;
};

/* trace.c */
uint32_t trace_session_new(struct sim *sim, const struct client *client, uint32_t group);
uint32_t trace_message_new(struct sim *sim, uint32_t session, uint32_t len, bool safe,
    uint8_t tiny);
void trace_message_fill(const struct sim *sim, uint32_t message, uint8_t *data);
uint32_t trace_message_find(const struct sim *sim, const struct session *to, uint32_t node,
    uint32_t pid, const uint8_t *data, size_t len);
/* The last ring that it heard of anything in; 0: none. */
uint64_t trace_ring(const struct session *session);
bool trace_has(const struct session *session, uint32_t message);
bool trace_view_has(const struct session *session, uint32_t node, uint32_t pid);
const struct move_of *trace_move(const struct trace *trace, uint32_t host, uint64_t next);
const struct move_of *trace_move_at(const struct trace *trace, uint32_t host, uint64_t place);
/* How that node went on from that ring: the transitional configuration. */
const struct move_of *trace_move_last(const struct trace *trace, uint32_t host, uint64_t ring);
bool trace_moves(const struct move_of *move, uint32_t node);	/* it goes along */
void trace_event(struct sim *sim, const struct cpg_event *event);	/* may be lied about */
void trace_plain(struct sim *sim, const struct cpg_event *event);	/* judged, then added */
/* Sessions that must be in each other's views now: living, of that group, on members of the ring
 * that `host` is in. */
bool trace_present(struct sim *sim, const struct session *session, uint32_t host, uint32_t group);

/* The first session that went through the same view to the same change as `session` now does;
 * NULL: it is the first. */
/* The session of a process that a member saw joining, and which is in its view.  NULL: it was there
 * before that member, or has not seen its joining itself. */
const struct session *trace_seen_joining(const struct trace *trace, uint32_t member, uint32_t node,
    uint32_t pid);
const struct closed *trace_closed(const struct trace *trace, const struct session *session,
    const struct cpg_event *event);
uint64_t trace_content(const struct cpg_event *event);	/* of DELIVER and CONFCHG */
uint64_t trace_change(const struct cpg_event *event);	/* of CONFCHG: who left and joined */
/* Who goes through the same place may still come from different views, and have others, while a
 * merge is not complete. */
uint64_t trace_view_id(const struct cpg_event *event);
uint64_t trace_place_key(const struct cpg_event *event);
uint64_t trace_mix(uint64_t hash, uint64_t value);

/* A table from 64-bit keys to 64-bit values. */
struct hash_map *hash_map_new(void);
struct hash_map *hash_map_free(struct hash_map *map);
/* The value; `*ret_new` when the key was not there: the value is 0 then. */
uint64_t *hash_map_at(struct hash_map *map, uint64_t key, bool *ret_new);
uint64_t hash_map_get(const struct hash_map *map, uint64_t key);	/* 0: not there */

/* --- judges -------------------------------------------------------------------------------- */

struct cpg_checker {
	enum cpg_property property;
	const char *name;
	void (*event)(struct sim *sim, const struct cpg_event *event);	/* before it is added */
	void (*final)(struct sim *sim);		/* at rest, at the end; either may be NULL */
};

/* judge.c */
void judge_event(struct sim *sim, const struct cpg_event *event);
void judge_final(struct sim *sim);
const char *judge_name(uint32_t property);
void judge_fail(struct sim *sim, enum cpg_property property, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "3:17.0" for session 0 of pid 17 on node 3; lives until the eighth next call. */
const char *judge_session(const struct sim *sim, uint32_t session);
const char *judge_message(const struct sim *sim, uint32_t message);

extern const struct cpg_checker check_c01_order, check_c02_views, check_c03_join_point,
    check_c04_leave_point, check_c05_members_only, check_c06_no_ghosts, check_c07_self_delivery,
    check_c08_whole, check_c09_barrier, check_c10_paused, check_c11_rejoin, check_c12_flow,
    check_savings, check_safe;

/* --- lies ---------------------------------------------------------------------------------- */

struct cpg_mutant {
	struct lie lie;
	void (*event)(struct sim *sim, const struct cpg_event *event);
	void (*final)(struct sim *sim);		/* before the last judgement; either may be NULL */
};

extern const struct cpg_mutant cpg_mutants[];
extern const size_t cpg_mutant_count;

void cpg_mutation_init(struct sim *sim, const struct cpg_mutant *mutant);
void cpg_mutation_done(struct sim *sim);

/* run.c */
uint32_t cpg_run(struct sim *sim);
void cpg_report(const struct sim_result *sum);

static inline void
cpg_counted(struct sim *sim, enum cpg_count what)
{
	sim->result.app[what]++;
}
#endif
