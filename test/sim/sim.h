/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A cluster on virtual time: production cores, a network, disks, clocks and the faults of all of
 * them, from one seed.  The cores are driven through the calls that the daemon makes, in its
 * order; nothing of theirs is looked into.
 *
 *     workload.c --submit--> host.c <--inputs-- network.c, fault.c
 *                              |  outputs
 *                              v
 *                          mutant.c --events--> record.c --> check.c, history.c, the story
 *
 * A run has three parts: faults and messages; no more faults, and everything must come right
 * within a bound; then rest, in which nothing may change any more.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H
#include <stdio.h>

#include "exec/totem/totem.h"
#include "test/sim/check.h"
#include "test/sim/heap.h"
#include "test/sim/history.h"
#include "test/sim/plan.h"
#include "test/sim/util.h"

#define SIM_HOSTS_MAX		(TOTEM_NODES_MAX + 2u)	/* a double and a stranger */
#define SIM_RECORDED_MAX	128u
#define SIM_LOST_MAX		64u	/* frames kept that were lost */
#define SIM_STEPS_MAX		UINT64_C(60000000)
#define SIM_APP_COUNTS		48u

enum sim_happening {
	HAPPEN_ARRIVE,		/* frame from `other` at `host` */
	HAPPEN_WORK,		/* the daemon finds its socket readable */
	HAPPEN_TIMER,
	HAPPEN_STORED,
	HAPPEN_REFUSED,		/* port of `other` closed */
	HAPPEN_RETRY,		/* messages that totem had no room for */
	HAPPEN_LOAD,		/* the application has something to say */
	HAPPEN_FAULT,
	HAPPEN_UNDO,		/* value: enum sim_undo */
	HAPPEN_AMBUSH,		/* a fault at a tender moment */
	HAPPEN_ACT,		/* value: which of the plan */
	HAPPEN_APP,		/* of the application in the daemon */
	HAPPEN_CLIENT,		/* of a process beside it: `other` */
};

enum sim_trial {		/* a small mishap when all is well, and how long it may be felt */
	TRIAL_NONE,
	TRIAL_CRASH,
	TRIAL_SILENCE,
	TRIAL_LEAVE,
	TRIAL_RESTART,
	TRIAL_PAUSE,
	TRIAL_LOST_TOKEN,
	TRIAL_LOST_DATA,
	TRIAL_LOST_JOINS,
	TRIAL_FORGED,
	TRIAL_BRAKE,
	TRIAL_CUT,		/* one hears the next one no more, as the other way round */
	TRIAL_DOUBLE,		/* a second node with an id in use */
	TRIAL_FREEZE,		/* the machine stops, not only the process */
	TRIAL_QUIET_LEAVE,	/* a leave soon after a change, that only one hears of */
	TRIAL_REST,		/* how quickly the resting token goes on */
	TRIAL_UNREADY,		/* one who starts can't answer yet, or never does */
	TRIAL_COUNT
};

enum sim_fault {
	FAULT_CRASH,
	FAULT_CRASH_HOST,	/* nothing answers any more */
	FAULT_POWER,		/* all of them, at once */
	FAULT_LEAVE,
	FAULT_RESTART_INTACT,
	FAULT_RESTART_STALE,
	FAULT_RESTART_CORRUPT,
	FAULT_RESTART_MISSING,
	FAULT_PARTITION,
	FAULT_CUT_ONE_WAY,
	FAULT_CUT_PAIR,
	FAULT_CUT_FOREVER,
	FAULT_ISOLATE,		/* one node hears nobody, or is heard by nobody */
	FAULT_PAUSE,
	FAULT_CLOCK_JUMP,
	FAULT_WALL_CLOCK,
	FAULT_LOSS,
	FAULT_DELAY,
	FAULT_LATE,		/* one direction between two nodes is slow */
	FAULT_CORRUPTION,
	FAULT_TYPE,		/* one type of frame is lost, everywhere or at one node */
	FAULT_BIG,		/* frames above a size do not get through to one node */
	FAULT_HOLES,		/* a sender dies, and some of its last frames nobody has */
	FAULT_STRAGGLERS,	/* frames that were lost come late after all */
	FAULT_PARTING,		/* such a death; the next ring is parted before all have it */
	FAULT_SLOW,
	FAULT_SMALL_BUFFER,
	FAULT_GARBAGE,
	FAULT_REPLAY,
	FAULT_FORGED,		/* frames with a good checksum that cannot be */
	FAULT_BRAKE,
	FAULT_RECONFIGURE,	/* the node list and the timing are given anew, unchanged */
	FAULT_DISK,		/* writes take seconds */
	FAULT_DOUBLE,		/* a second node with a node id in use */
	FAULT_STRANGER,		/* another cluster's node, or one that nobody knows */
	FAULT_AMBUSH,		/* one of these, right when a node enters a state */
	FAULT_COUNT
};

enum sim_undo {
	UNDO_PAUSE,
	UNDO_CRASH,		/* start again */
	UNDO_PARTITION,
	UNDO_CUT,
	UNDO_LATE,
	UNDO_ISOLATE,
	UNDO_NETWORK,
	UNDO_FILTER,
	UNDO_HOLES,		/* it dies */
	UNDO_SLOW,
	UNDO_BRAKE,
	UNDO_DISK,
};

enum sim_count {
	COUNT_FRAMES,
	COUNT_LOST,
	COUNT_DUPLICATED,
	COUNT_REORDERED,
	COUNT_CORRUPTED,
	COUNT_CUT,
	COUNT_OVERFLOWED,
	COUNT_REFUSED,
	COUNT_REPLAYED,
	COUNT_STRAGGLERS,
	COUNT_GARBAGE,
	COUNT_FORGED,
	COUNT_STARTS,
	COUNT_SYNC,
	COUNT_APP,
	COUNT_SAFE,
	COUNT_TINY,
	COUNT_FRAGMENTED,
	COUNT_HUGE,		/* 200 KB and more */
	COUNT_DELIVERED,
	COUNT_REGULAR,
	COUNT_TRANSITIONAL,
	COUNT_SHRUNK,		/* transitional configurations that lost members */
	COUNT_GAPS,		/* transitional configurations with messages left out */
	COUNT_SUSPECTED,
	COUNT_CONDEMNED,
	COUNT_LAST_WORDS,	/* processes that died and had them sent */
	COUNT_RETRANSMIT,
	COUNT_WRAPPED,		/* rings whose sequence numbers crossed 2^31 or 2^32 */
	COUNT_COUNT
};

/* One run's figures; the campaign adds them up. */
struct sim_result {
	uint64_t seed;
	uint32_t nodes;
	uint32_t failed;		/* enum property; 0: none */
	char what[512];
	uint64_t simulated_ns, converge_ns;
	uint64_t runs, forever_runs, wrap_runs, filtered_runs;
	uint64_t fault[FAULT_COUNT];
	uint64_t count[COUNT_COUNT];
	uint64_t entered[TOTEM_STATE_COUNT];
	uint64_t entered_for[TOTEM_CAUSE_COUNT];
	uint64_t token_lost[TOTEM_STATE_COUNT];
	uint64_t dropped[TOTEM_DROP_COUNT];
	uint64_t trial[TRIAL_COUNT], trial_ns[TRIAL_COUNT];	/* runs, longest repair */
	uint64_t app[SIM_APP_COUNTS];	/* the application's own */
};

struct frame {
	uint32_t users;
	uint32_t len;
	uint8_t data[];
};

struct received {
	struct frame *frame;
	uint32_t from;
};

struct pending {		/* a message that the application wants to send */
	uint32_t len;
	bool safe;
};

struct storage {
	uint64_t value;		/* reserved up to here; 0: no file */
	uint64_t older;		/* what a backup holds */
	uint64_t latency_ns;	/* 0: quick */
	uint64_t written_ns;	/* when the last write is done */
};

struct sim;

struct barrier {		/* synchronisation of one ring, as the shell does it */
	struct totem_ring_id ring;
	bool active;		/* not all barriers are in */
	uint32_t chatter_left;	/* messages to send before our barrier */
	bool sent;
	uint32_t members;
	uint32_t seen;
	struct totem_member member[TOTEM_NODES_MAX];
	bool has[TOTEM_NODES_MAX];
	bool open_now;		/* activate as soon as the outputs are carried out */
};

struct flow {			/* the last token that a host passed on */
	struct totem_ring_id ring;
	uint32_t token_seq, seq;
	uint16_t brake;
	uint8_t flags;
	uint64_t at_ns;
	uint64_t clock_ns;	/* the host's clock, then or when it was repeated */
	uint64_t repeat_ns;	/* not repeated sooner */
	bool operational;
};

struct host {
	struct sim *sim;
	uint32_t index, node_id;
	bool watched;		/* its events are told; the stranger's are not */
	bool up;		/* the machine; the daemon is there when `totem` is */
	struct totem *totem;
	uint32_t generation;	/* of the daemon */
	uint32_t proc;
	bool leaving;
	uint64_t incarnation;
	uint64_t cluster_hash;
	/* time */
	bool paused;
	uint64_t clock_offset_ns;	/* monotonic */
	int64_t wall_offset_ns;
	uint64_t busy_until_ns, timer_at_ns;
	uint64_t apart_until_ns;	/* it said that it does not hear somebody until then */
	uint64_t cost_ns;		/* of taking one datagram */
	/* network */
	uint32_t island;
	bool deaf, mute;
	uint8_t type_lost;		/* of frames to this host; 0: none */
	uint32_t type_lost_ppm;
	uint32_t bytes_max;		/* of frames to this host; 0: any */
	uint32_t holes_ppm;		/* of data frames from this host are lost */
	bool doomed;			/* it dies when it has sent some */
	uint64_t tx_free_ns;
	struct received *queue;		/* a ring buffer */
	size_t queue_first, queue_count, queue_room;
	uint64_t queue_bytes, queue_bytes_max;
	bool work_due;
	uint32_t source;		/* of the datagram being taken; NONE */
	/* the rest of the daemon */
	struct storage storage;
	struct barrier barrier;
	struct pending *pending;
	size_t pending_first, pending_count, pending_room;
	bool retry_due;
	uint32_t frame_bytes;
	struct flow flow;
	struct {
		uint8_t frame[TOTEM_LAST_WORDS_BYTES];
		size_t len;		/* 0: none */
		uint32_t to[TOTEM_NODES_MAX];
		size_t to_count;
	} words;			/* what its watcher would send */
	bool brake;		/* it asks all to slow down; */
	uint64_t brake_ns;	/* that changed last */
};

struct link {
	bool cut, cut_forever;
	uint64_t last_arrival_ns;
	uint64_t extra_ns;	/* slower than the others by so much */
	uint64_t icmp_full_ns;	/* may say again as often as ever that a port is closed */
};

struct network {		/* rates in parts per million */
	uint64_t loss, duplicate, reorder, corrupt;
	uint64_t forge;			/* so many are accompanied by a broken one */
	uint64_t delay_ns, jitter_ns;
	uint64_t bytes_per_us;
	bool fifo;
};

struct recorded {
	struct frame *frame;
	uint32_t from, to;
	uint64_t at_ns;
};

/* What runs on the cores instead of the plain messages of workload.c; it has judges of its own. */
struct sim_app {
	void (*init)(struct sim *sim);
	void (*done)(struct sim *sim);
	void (*start)(struct sim *sim, struct host *host);	/* the core is there, at rest */
	void (*end)(struct sim *sim, struct host *host);	/* it is about to go */
	void (*deliver)(struct sim *sim, struct host *host, const struct totem_output *output);
	void (*configuration)(struct sim *sim, struct host *host,
	    const struct totem_configuration *config);
	/* After outputs were carried out.  True: the core was given an input. */
	bool (*turn)(struct sim *sim, struct host *host);
	void (*happening)(struct sim *sim, const struct happening *happening);
	uint32_t (*run)(struct sim *sim);
	const char *(*property_name)(uint32_t property);
	uint32_t property_first, property_end;
	void (*report)(const struct sim_result *sum);
};

enum sim_verdict { FRAME_PASS, FRAME_DROP, FRAME_TWICE };
typedef enum sim_verdict (*sim_filter_fn)(struct sim *sim, uint32_t from, uint32_t to,
    const uint8_t *data, size_t len);

struct sim_options {
	uint64_t seed;
	uint32_t nodes;			/* 0: 3 to 9, by the seed */
	uint64_t seconds;		/* of faults; 0: 30 */
	FILE *story;			/* NULL: not told */
	const struct lie *lie;		/* NULL: none; the application's where there is one */
	uint32_t only;			/* 0, or the one property to check */
	bool calm;			/* no faults and no load but the caller's */
	uint32_t seq_first;		/* calm: first sequence number; 0: 1 */
	const struct plan *plan;	/* what happens, instead of the seed's choice; NULL */
	struct plan *record;		/* what happens is to be written down here; NULL */
	const struct sim_app *app;	/* NULL: none */
};

struct sim {
	struct sim_options options;
	uint64_t now_ns;
	uint64_t steps;
	struct prng prng;		/* of the network and the hosts */
	struct prng keep;		/* which frames are kept to be replayed */
	struct prng chance;		/* of what is done to them: profile, faults, load */
	struct heap heap;
	struct host *host;
	uint32_t host_count;		/* with double and stranger */
	uint32_t node_count;
	uint32_t *node_ids;		/* of the nodes, by index */
	struct link *link;		/* from * host_count + to */
	struct network network, usual;
	struct recorded recorded[SIM_RECORDED_MAX];
	size_t recorded_count;
	struct recorded lost[SIM_LOST_MAX];	/* data frames, a ring buffer */
	size_t lost_next;
	struct totem_timing timing;
	uint64_t wall_ns;		/* at the start of virtual time */
	uint32_t seq_first;
	uint32_t window_frames_max;
	bool icmp_filtered, learn_peers, last_words;
	bool timing_default;		/* the hosts give none, and get the same */
	bool faults_on;
	uint64_t healed_ns;		/* 0: not yet */
	uint64_t ghost_ns;		/* something arrived that a dead one had sent; 0: never */
	uint32_t fault_round;		/* what was to be undone before the heal no longer is */
	uint64_t fault_gap_ns, fault_weight[FAULT_COUNT];
	uint64_t ambush_ppm;
	uint32_t ambush_left;
	uint32_t ambush_sure;		/* the next state entries are ambushed, whatever the dice */
	enum totem_state parting;	/* the nodes part when one enters it; TOTEM_IDLE: not */
	uint64_t load_gap_ns;
	uint64_t safe_ppm;
	uint32_t message_bytes_max;
	bool load_on;
	uint32_t wanted;		/* messages */
	bool forever;			/* some cut stays */
	enum sim_trial trial;
	struct plan *record;		/* what happens is written down here; NULL */
	struct tale *tale;		/* what matters of it is told; NULL */
	uint32_t trial_host, trial_left;	/* frames to be lost */
	bool trial_passed;		/* its host has passed a marked token on */
	uint8_t *play_armed;		/* by act of the plan: 1 waits for its state, 2 had it */
	struct history history;
	struct check check;
	struct mutation *mutation;
	struct sim_result result;
	sim_filter_fn filter;
	uint64_t last_change_ns;	/* configuration event */
	uint8_t *scratch;
	void *app_state;
};

/* sim.c */
struct sim *sim_new(const struct sim_options *options);
struct sim *sim_free(struct sim *sim);
/* The whole run.  0, or the property violated; `result` says more. */
uint32_t sim_run(struct sim *sim);
/* One thing happens.  False: nothing more will, or a property is violated. */
bool sim_step(struct sim *sim);
void sim_run_for(struct sim *sim, uint64_t span_ns);
typedef bool (*sim_condition_fn)(struct sim *sim);
/* False: the condition did not come true in time (or a property is violated). */
bool sim_run_until(struct sim *sim, sim_condition_fn condition, uint64_t span_ns);
/* Until nobody is kept out any more because messages did not get through. */
uint64_t sim_apart_ns(const struct sim *sim);
uint64_t sim_rotation_ns(const struct sim *sim);	/* of a token, none lost, at the worst */
bool sim_settled(struct sim *sim);		/* one ring of all that live, all delivered */
void sim_later(struct sim *sim, uint64_t span_ns, struct happening happening);
void sim_finish(struct sim *sim);		/* final checks and figures */
void sim_start_hosts(struct sim *sim);
void sim_play(struct sim *sim);			/* the plan, until all has healed */

/* profile.c: what kind of run this seed is */
void profile_choose(struct sim *sim);

/* host.c */
uint64_t host_clock(const struct sim *sim, const struct host *host);
enum host_storage { HOST_INTACT, HOST_STALE, HOST_CORRUPT, HOST_MISSING };
void host_start(struct sim *sim, struct host *host, enum host_storage storage);
void host_kill(struct sim *sim, struct host *host);
void host_last_words(struct sim *sim, struct host *host);	/* just before that */
void host_leave(struct sim *sim, struct host *host);
void host_pause(struct sim *sim, struct host *host);
void host_resume(struct sim *sim, struct host *host);
void host_brake(struct sim *sim, struct host *host, bool on);
void host_reconfigure(struct sim *sim, struct host *host);
void host_happening(struct sim *sim, const struct happening *happening);
void host_flush(struct sim *sim, struct host *host);	/* offer pending messages to totem */
void host_forget_queue(struct host *host);
void host_follow_up(struct sim *sim, struct host *host);	/* after an input */
void host_later(struct sim *sim, struct host *host, enum sim_happening kind, uint64_t span_ns,
    uint64_t value);

/* network.c */
struct frame *frame_new(const uint8_t *data, size_t len);
void frame_put(struct frame *frame);
void network_send(struct sim *sim, struct host *from, struct host *to, struct frame *frame);
void network_arrive(struct sim *sim, const struct happening *happening);
void network_garbage(struct sim *sim, uint64_t dice_seed);
void network_replay(struct sim *sim, uint64_t dice_seed);
void network_stragglers(struct sim *sim, struct host *to);
struct host *network_find(struct sim *sim, uint32_t node_id);
struct link *network_link(struct sim *sim, uint32_t from, uint32_t to);

/* forge.c: of frames of the past; of one that is just being sent */
void network_forge(struct sim *sim, uint64_t dice_seed);
void network_forge_beside(struct sim *sim, uint32_t from, uint32_t to, const struct frame *frame);

/* contract.c: misuse, and questions */
void contract_new(const struct totem_config *config);
void contract_ask(struct sim *sim, struct host *host);
void contract_misuse(struct sim *sim, struct host *host);
void contract_left(struct sim *sim, struct host *host);

/* flow.c: a host has sent a frame */
void flow_sent(struct sim *sim, struct host *host, const uint8_t *data, size_t len);

/* fault.c */

void workload_start(struct sim *sim);
void workload_happening(struct sim *sim, const struct happening *happening);
void workload_add(struct sim *sim, struct host *host, uint32_t count);
void workload_few(struct sim *sim, struct host *host, uint32_t count);
void workload_want(struct sim *sim, struct host *host, uint32_t len, bool safe);

/* fault.c */
void fault_start(struct sim *sim);
void fault_happening(struct sim *sim, const struct happening *happening);
void fault_state_entered(struct sim *sim, struct host *host, enum totem_state state);
void fault_originated(struct sim *sim, struct host *host);
void fault_heal(struct sim *sim);
const char *fault_name(enum sim_fault fault);

/* trial.c: on a cluster at rest */
void trial_run(struct sim *sim);
const char *trial_name(enum sim_trial trial);

/* record.c: an event happens, as the cores' host sees it */
void record_event(struct sim *sim, const struct event *event);
void record_note(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* tale.c: told as what came of what */
void tale_begin(struct sim *sim);
void tale_end(struct sim *sim);
void tale_act(struct sim *sim, const struct act *act);
void tale_condemned(struct sim *sim, uint32_t node, enum totem_cause cause);
void tale_event(struct sim *sim, const struct event *event);

/* story.c: told as lines */
void story_event(struct sim *sim, const struct event *event);
#endif
