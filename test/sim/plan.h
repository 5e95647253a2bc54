/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A run in words: the world it happens in, and everything that is done to it.  Each fault and each
 * message of a run that comes from a seed is written down as acts; played again, they give the same
 * run.  Acts can then be left out one by one (shrink.c), be kept in a file, or be written by hand:
 *
 *     # comment
 *     nodes 3
 *     1000.000000 crash 2
 *     3000.000000 when 1 COMMIT 0.500000 pause 3
 *
 * Times are milliseconds from the start; hosts are counted from 1.  What the file does not say is
 * calm.  `when`: once, the first time from then on that the host enters the state, and so long
 * after it.  What a process does (vc) is written with its host and its number there; it does that
 * when its turn comes, and nothing that it is in no position to do.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H
#include <stdio.h>

#include "test/sim/util.h"

struct sim;

enum act_kind {
	ACT_START,		/* host; value: enum host_storage */
	ACT_CRASH,
	ACT_CRASH_HOST,		/* nothing answers any more */
	ACT_LEAVE,
	ACT_ISLAND,		/* host is on island `value` */
	ACT_CUT,		/* host -> other */
	ACT_CUT_FOREVER,
	ACT_WHOLE,
	ACT_SLOW_PATH,		/* host -> other by `value` ns */
	ACT_DEAF,		/* value: 1 or 0 */
	ACT_MUTE,
	ACT_PAUSE,
	ACT_RESUME,
	ACT_CLOCK_JUMP,		/* by ns */
	ACT_WALL_CLOCK,		/* by ns, signed */
	ACT_LOSS,		/* ppm */
	ACT_DELAY,		/* ns */
	ACT_CORRUPTION,		/* ppm */
	ACT_USUAL,		/* the network is as at the start */
	ACT_LOSE_TYPE,		/* to host: frames of type `other`, ppm; all of nothing: none */
	ACT_LOSE_BIG,		/* to host: frames above so many bytes; 0: none */
	ACT_HOLES,		/* from host: DATA frames, ppm */
	ACT_STRAGGLERS,		/* to host: the lost ones of lately come after all */
	ACT_COST,		/* of a datagram, ns */
	ACT_BUFFER,		/* receive buffer, bytes */
	ACT_GARBAGE,		/* value: its dice */
	ACT_REPLAY,
	ACT_FORGE,
	ACT_FORGING,		/* beside frames on their way, ppm */
	ACT_BRAKE,
	ACT_RECONFIGURE,
	ACT_DISK,		/* ns a write; 0: quick */
	ACT_INTRUDER,		/* host: 0 double, 1 stranger; other: its id; value: cluster ^ */
	ACT_INTRUDER_OFF,
	ACT_SEND,		/* value: bytes; other: SAFE */
	ACT_HEAL,		/* no more faults */
	ACT_JOIN,		/* a process: of group `value` */
	ACT_SAY,		/* value: bytes; other: SAFE */
	ACT_LEAVE_GROUP,
	ACT_JOIN_AGAIN,		/* a member; value: 1 by another handle */
	ACT_NAP,		/* it does not read for `value` ns */
	ACT_STOP_READING,	/* for ever, and dies after `value` ns */
	ACT_DIE,		/* in `value` ns */
	ACT_FINALIZE,
	ACT_COUNT
};

struct act {
	uint64_t at_ns;
	enum act_kind kind;
	uint32_t host, other;
	uint32_t process;		/* on that host */
	uint64_t value;
	uint32_t when_state;		/* enum totem_state; 0: at once */
	uint32_t when_host;
	uint64_t when_delay_ns;
};

struct plan_host {
	uint64_t node_id, frame_bytes, queue_bytes, cost_ns, clock_ns;
	uint64_t wall_ns;		/* signed */
};

struct plan_world {		/* all uint64_t: read and written by a table */
	uint64_t nodes, seed;
	uint64_t loss, duplicate, reorder, corrupt, delay_ns, jitter_ns, bytes_per_us, fifo;
	uint64_t seq_first, window_frames, learn_peers, icmp_filtered, last_words;
	uint64_t safe_ppm, message_bytes_max;
	uint64_t after_each, after_extra;	/* messages when all has healed */
	uint64_t trial;				/* enum sim_trial */
	uint64_t groups, processes, bank;	/* process groups: how many, a host */
	uint64_t ring_bytes, backlog_bytes, grace_ns, parts;
};

struct plan {
	struct plan_world world;
	struct plan_host *host;		/* by index, the double and the stranger too */
	struct act *act;		/* ascending times */
	size_t count, room;
};

/* A calm world for so many nodes. */
void plan_init(struct plan *plan, uint32_t nodes);
void plan_done(struct plan *plan);
void plan_copy(struct plan *to, const struct plan *from);
void plan_add(struct plan *plan, const struct act *act);
/* 0, or -EINVAL after saying on stderr which line is wrong. */
int plan_read(struct plan *plan, FILE *in, const char *name);
void plan_write(const struct plan *plan, FILE *out);
uint64_t plan_end_ns(const struct plan *plan);		/* when it heals */
/* What the seed chose, as the plan of the run that begins. */
void plan_of_seed(struct plan *plan, const struct sim *sim);
/* The other way round: `sim` gets the plan's world. */
void plan_to_world(const struct plan *plan, struct sim *sim);

/* act.c */
/* Does it, now, and writes it down when the run is being recorded. */
void act_do(struct sim *sim, struct act act);
/* The same for what a process is about to do itself. */
void act_tell(struct sim *sim, struct act act);
bool act_is_of_process(const struct act *act);
bool act_sends(const struct act *act);
void act_write(const struct act *act, FILE *out);	/* without its time */
/* The words of a line, without the time; false: not understood. */
bool act_read(struct act *ret_act, char **words, size_t count);
/* Does it concern that host?  `renumber`: the hosts above it move down by one. */
bool act_names(const struct act *act, uint32_t host);
void act_renumber(struct act *act, uint32_t host);

/* play.c */
void play_start(struct sim *sim);
struct happening;
void play_happening(struct sim *sim, const struct happening *happening);
void play_state_entered(struct sim *sim, uint32_t host, uint32_t state);
/* The next act of that process from number `*at` on, which is moved there; NULL: none. */
const struct act *play_of_process(const struct sim *sim, uint32_t host, uint32_t process,
    size_t *at);

/* shrink.c */
struct sim_app;
struct lie;
struct shrink {
	const struct sim_app *app;	/* that the plan is for; NULL: none */
	const struct lie *lie;		/* that makes it fail; NULL: none */
	uint64_t limit_seconds;		/* of real time */
	bool quiet;
};
/* Reduces the plan to less of everything that fails in the same way.  False: it does not fail. */
bool shrink_plan(struct plan *plan, const struct shrink *shrink);
/* A seed's run as a plan, be it that it ends in an assertion.  False: no plan came of it. */
struct sim_options;
bool shrink_record(struct plan *plan, const struct sim_options *options);
#endif
