/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The state of one node's part in the ring, shared by the files of this folder and nobody else.
 *
 *     IDLE --start--> GATHER --consensus--> COMMIT --everybody answered--> RECOVERY
 *                       ^  ^                  |                               |
 *                       |  +---- a member gathers again, no answer, token lost+
 *                       |                                                     |
 *                       +-- token lost, condemned, leave, join, merge --- OPERATIONAL
 *                                                                             ^
 *                                  RECOVERY --all have all frames of old rings+
 *
 * Invariants, asserted by totem_check() after each input:
 *   I1  Of each store: base <= aru <= high, high - base <= window (store.h).
 *   I2  No ring id that we drew or accepted lies beyond what is reserved on stable storage.
 *   I3  We are a member of our installed ring and of the one being formed.
 *   I4  A frame is released only when every member is known to have it and we delivered it.
 *   I5  Nothing is delivered outside OPERATIONAL except by the script of an installation.
 *   I6  Every state change went through totem_enter() with a cause.
 */
#ifndef TOTEM_INTERNAL_H
#define TOTEM_INTERNAL_H
#include "exec/base/assert.h"
#include "exec/base/nodebits.h"
#include "exec/base/prng.h"
#include "exec/base/seq.h"
#include "exec/totem/queue.h"
#include "exec/totem/store.h"
#include "exec/totem/totem.h"
#include "exec/totem/wire.h"

#define NEVER			UINT64_MAX
#define MS_NS			UINT64_C(1000000)
#define US_NS			UINT64_C(1000)
#define SEC_NS			UINT64_C(1000000000)

#define SELF			0u	/* our slot in the peer table */
#define NO_SLOT			UINT32_MAX
#define ARENA_BYTES		(128u * 1024u)	/* control frames queued between two inputs */
#define RECOVERY_QUEUE_BYTES	(256u * 1024u)
#define NEIGHBOURS		2u	/* ring neighbours that hear our heartbeats */
#define RATE_LIMIT_NS		(10 * MS_NS)	/* answers to beacons of one peer */

enum timer {
	TIMER_TOKEN_LOSS,	/* armed by each new token; fires into GATHER */
	TIMER_TOKEN_RETRANSMIT,	/* armed by each token sent; sends it again, later and later */
	TIMER_HOLD,		/* the resting token goes on */
	TIMER_HOLD_CANCEL,	/* ask again for it */
	TIMER_JOIN,		/* GATHER: next JOIN, by change or by period */
	TIMER_COMMIT,		/* COMMIT: repeat what was not answered */
	TIMER_COMMIT_LIMIT,	/* COMMIT: give up */
	TIMER_HEARTBEAT,	/* heartbeats out, silence of neighbours looked at */
	TIMER_PROBE,		/* a suspect is to be probed or condemned */
	TIMER_BEACON,		/* to nodes outside our ring */
	TIMER_COUNT
};

/* Messages of three kinds share the frames.  The order is their precedence at the sender. */
enum send_class {
	CLASS_RECOVERED,	/* a frame of an old ring */
	CLASS_SYNC,
	CLASS_APP,
	CLASS_COUNT
};

struct assembly {		/* of a message in several frames, per origin */
	uint8_t *memory;	/* touched as used */
	size_t size, len;
	bool active, overflow;
};

struct row {			/* what a peer's latest JOIN or BEACON said, in our slots */
	uint64_t received_ns;	/* 0: none */
	uint64_t counter;	/* of the frame: older ones are stale */
	uint64_t epoch;
	enum totem_state state;
	struct totem_ring_id ring;
	struct nodebits hears, mutual, proposed, given_up, ring_members, expected;
	struct nodebits accused;	/* given up for they fail to receive */
	bool proposes_unknown, ring_unknown;	/* a node that is not in our node list */
	bool unready;		/* it starts, and can't be a member yet */
	uint16_t mutual_count;
};

struct peer {
	uint32_t node_id;
	uint64_t incarnation;	/* 0: never heard */
	uint64_t heard_ns;	/* last accepted frame; 0: never */
	bool configured;	/* in the node list */
	/* failure detector */
	bool suspected;
	enum totem_cause suspect_cause;
	uint64_t suspected_ns, probe_sent_ns, probe_next_ns, probe_stamp;
	uint32_t probes_sent;
	enum totem_cause given_up;	/* TOTEM_CAUSE_NONE: not */
	enum totem_cause left_how;	/* why it was last given up; outlives its return */
	uint64_t left_silent_ns;	/* how long it was unheard then */
	uint64_t quarantine_until_ns;	/* it held us up: not heard on purpose until then, */
	uint64_t quarantine_ns;		/* for so long; 0: never yet */
	bool refused;			/* its port was closed when last heard of */
	uint64_t round_trip_ns;
	/* gather and merge */
	struct row row;
	uint64_t beacon_sent_ns;
	uint64_t committed_epoch;	/* its JOINs of this epoch or before are past */
	uint64_t unanswered_ns;		/* that we waited for its answers in COMMIT, in vain, */
	uint64_t unanswered_at_ns;	/* until then */
	/* two nodes with this id? */
	uint64_t other_incarnation, other_since_ns, other_probe_ns;
	uint64_t other_unanswered_ns;	/* first probe since the known one was heard; 0: none */
	struct assembly assembly;
	struct assembly recovered;	/* of one old frame; a frame's size is enough */
};

struct ring {
	struct totem_ring_id id;	/* zero: none */
	struct totem_member member[TOTEM_NODES_MAX];	/* ascending */
	uint64_t epoch[TOTEM_NODES_MAX];		/* each one's, when it committed */
	uint32_t slot[TOTEM_NODES_MAX];
	uint32_t to[TOTEM_NODES_MAX];			/* all but ourselves */
	size_t member_count, to_count;
	size_t my_index;
	struct nodebits set;				/* slots */
	uint32_t frame_bytes;				/* agreed size */
	uint32_t window;				/* agreed: frames all can keep */
	struct store store;
	/* delivery: everything before (seq, offset) was delivered or skipped */
	uint32_t read_seq;		/* frame being read; its predecessors are done */
	size_t read_offset;		/* chunk in it */
	uint32_t safe;			/* every member is known to have received up to here */
	struct nodebits obliged;	/* whose messages we deliver even behind a gap (slots) */
};

struct order {			/* the token's rotation on the current ring */
	uint32_t token_seq;	/* of the last accepted */
	bool token_seen;
	uint32_t promised;	/* seq of the token before last: what may be asked for */
	uint32_t seq_last;	/* seq of the last token as we sent it */
	uint32_t aru_last;	/* aru of the last token as we sent it */
	uint32_t sent_last;	/* frames that we sent at the last visit */
	uint32_t alone_rounds;	/* keeper: rotations in which nobody else sent, */
	uint32_t idle_rounds;	/* and nobody at all */
	uint32_t kept_frames;	/* numbered since the token came, */
	uint64_t kept_until_ns;	/* which may stay so long */
	bool hold_flag;		/* the token we passed on may rest at its keeper */
	bool hold_cancelled;	/* somebody asks for it: it does not rest here */
	bool holding;
	bool brake, brake_counted;	/* asked by the host; counted in the token */
	bool braked;			/* the token rests here because somebody asked */
	bool lossy;		/* our frames were asked for again since the last new ones */
	uint32_t window;	/* frames we allow ourselves a visit */
	uint64_t passed_ns;	/* when we passed the token on; 0: not yet */
	uint64_t retransmit_wait_ns;
	uint32_t asked_aru, asked_rounds;	/* rotations that our requests went unanswered */
	uint32_t stuck_rounds, stuck_aru, stuck_owner;
	uint64_t stuck_since_ns;
	bool stuck_lacks;		/* we lack that frame, too */
	struct wire_token token;	/* as held */
	uint8_t sent[TOTEM_FRAME_BYTES_MIN];	/* the token frame as last sent */
	size_t sent_len;
};

struct gather {
	enum totem_cause cause;		/* what began this change */
	uint64_t since_ns;		/* this gather */
	uint64_t change_since_ns;	/* left OPERATIONAL, or started */
	struct nodebits proposal;
	struct nodebits mates;		/* of the ring that ended, or failed to form */
	struct nodebits accused;	/* of them, by us or by others: once is enough */
	struct nodebits foreign;	/* outside our ring, worth waiting for */
	struct wire_status told;	/* our last JOIN */
	uint32_t repeats;		/* JOINs sent since the content changed */
	uint64_t foreign_until_ns;	/* so long for `foreign`, and who is not mutual yet */
	uint64_t mates_until_ns;	/* so long for members of our ring */
	uint64_t left_out_until_ns;	/* so long for who joined and does not fit in */
	uint64_t join_sent_ns;
	uint32_t abandoned;		/* commits of ours in this change that ended in GATHER */
	uint64_t commit_from_ns;	/* we do not begin one sooner */
};

struct commit {
	struct totem_ring_id ring;
	struct wire_commit message;	/* ASK, then INFO */
	bool asked;			/* as a member: we answered an ASK */
	bool info;			/* INFO is out (representative) or in (member) */
	struct nodebits waiting;	/* representative: slots that did not answer yet */
	struct wire_ack ack[TOTEM_NODES_MAX];	/* by member index */
	uint64_t resend_wait_ns, since_ns;
	uint64_t looked_ns;		/* at who does not answer */
	/* incoming segments */
	uint8_t blob[WIRE_INFO_BYTES_MAX];
	struct totem_ring_id blob_ring;
	enum wire_type blob_type;
	uint8_t blob_count;
	uint64_t blob_have;		/* segments, as bits */
	size_t blob_len;
};

enum install_phase {
	INSTALL_NONE,
	INSTALL_OLD_REGULAR,	/* what the old configuration still owes, then TRANSITIONAL */
	INSTALL_OLD_TRANSITIONAL,	/* the rest, then REGULAR */
	INSTALL_REGULAR		/* there was no old ring */
};

struct recovery {
	uint32_t cursor;		/* next old frame to look at for sending again */
	uint32_t low, high, max_aru;	/* of our group */
	uint32_t safe_max;
	bool has_group;			/* we had an old ring */
	bool incomplete;		/* an old frame could not be kept: never done */
	struct nodebits transitional;	/* who moves with us (slots), ourselves included */
	struct nodebits obliged;	/* union of the group's obligations */
	struct wire_commit info;
	enum install_phase phase;
	bool gap;			/* delivery passed a missing frame */
	uint64_t seen[TOTEM_POOL_FRAMES_MAX / 64];	/* sent again by somebody; from low + 1 */
};

struct packed {			/* a frame made at this visit */
	const uint8_t *frame;
	size_t len;
};

struct totem {
	struct totem_config config;
	struct totem_timing timing;
	enum totem_state state;
	struct totem_stats stats;
	struct prng prng;
	uint64_t now_ns;		/* of the latest input */
	uint64_t deadline_told_ns;	/* when we wanted to run: lateness is a pause */
	uint64_t timer[TIMER_COUNT];
	uint64_t counter;		/* frames sent */
	uint64_t epoch;
	uint32_t beats;			/* heartbeats sent */
	uint64_t ring_seq_max;		/* highest heard of */
	uint64_t ring_seq_reserved;	/* may be used up to here */
	uint64_t ring_seq_asked;
	uint64_t submit_number;
	bool app_open;
	uint64_t notice_sent_ns[4];

	struct peer *peer;		/* TOTEM_NODES_MAX slots; SELF first; never move */
	size_t peer_count;
	uint32_t sorted[TOTEM_NODES_MAX];	/* slots by ascending node id */
	uint32_t peer_ids[TOTEM_NODES_MAX];	/* node ids without ours, for SEND to all */
	size_t peer_ids_count;

	struct frame_pool pool;
	struct ring ring[2];
	unsigned int installed;		/* index; the other one is being formed */
	struct queue queue[CLASS_COUNT];
	struct order order;
	struct gather gather;
	struct commit commit;
	struct recovery recovery;
	bool token_pending;

	struct totem_output out[TOTEM_OUTPUT_MAX];
	size_t out_head, out_count;
	uint8_t *arena;
	size_t arena_used;
	struct totem_member told_members[TOTEM_NODES_MAX];	/* lent with CONFIGURATION */
	struct totem_departure told_left[TOTEM_NODES_MAX];
	struct packed packed[TOTEM_SEND_FRAMES_MAX];
	bool packed_safe;		/* a SAFE message begins or goes on in them */
	struct wire_status scratch_status;
	struct wire_commit scratch_commit;
};

/* totem.c */
void totem_enter(struct totem *t, enum totem_state state, enum totem_cause cause, uint32_t node);
void totem_trace(struct totem *t, enum totem_trace_kind kind, uint32_t node, uint64_t a, uint64_t b,
    uint64_t c);
void totem_timer_set(struct totem *t, enum timer timer, uint64_t at_ns);
void totem_timer_stop(struct totem *t, enum timer timer);
void totem_notify(struct totem *t, enum totem_notice notice, uint32_t node, uint64_t value);
struct ring *totem_installed(struct totem *t);
struct ring *totem_forming(struct totem *t);
/* The ring whose token we serve now: forming in RECOVERY, else installed. */
struct ring *totem_current(struct totem *t);

/* door.c: frames in */
/* What the header alone decides; `*ret_slot` stays NO_SLOT when there is nothing to dispatch. */
enum totem_drop door_admit(struct totem *t, const uint8_t *data, size_t len,
    struct wire_header *header, uint32_t *ret_slot);
enum totem_drop door_dispatch(struct totem *t, const struct wire_header *header, uint32_t slot,
    const uint8_t *frame, size_t frame_len);

/* send.c: frames out */
struct control {		/* a control frame being written into the arena */
	uint8_t *frame;		/* NULL: no room, drop it like the network would */
	struct buf_writer body;
	enum wire_type type;
};
struct control send_begin(struct totem *t, enum wire_type type, size_t body_max);
void send_to(struct totem *t, struct control *control, const uint32_t *ids, size_t count);
/* To every node we know; where peers are learned, to everybody there is. */
void send_to_all(struct totem *t, struct control *control);
/* A list of recipients that lives as long as the outputs; NULL when there is no room. */
const uint32_t *send_ids(struct totem *t, const uint32_t *ids, size_t count);
void send_to_one(struct totem *t, struct control *control, uint32_t node_id);
void send_to_source(struct totem *t, struct control *control);
/* A frame of a store or of our own keeping: stays valid until the outputs are drained.  NULL: to
 * nobody, or no room. */
struct totem_output *send_frame(struct totem *t, const uint8_t *frame, size_t len,
    const uint32_t *to, size_t to_count, bool urgent);
void send_seal(struct totem *t, uint8_t *frame, size_t len, enum wire_type type);
struct totem_output *send_output(struct totem *t, enum totem_output_kind kind);
void send_arena_reset(struct totem *t);

/* peer.c */
int peer_table_init(struct totem *t);
void peer_table_done(struct totem *t);
uint32_t peer_slot(const struct totem *t, uint32_t node_id);	/* NO_SLOT: not known */
uint32_t peer_add(struct totem *t, uint32_t node_id, bool configured);	/* NO_SLOT: full */
/* May this frame's sender be who it says?  TOTEM_ACCEPTED or why not. */
enum totem_drop peer_admit(struct totem *t, const struct wire_header *header, uint32_t *ret_slot);
void peer_heard(struct totem *t, uint32_t slot);
uint64_t peer_hear_window(const struct totem *t);	/* so long a sign of life counts */
bool peer_hears(const struct totem *t, uint32_t slot);
bool peer_row_fresh(const struct totem *t, uint32_t slot);
bool peer_mutual(const struct totem *t, uint32_t slot);
uint64_t peer_quarantine(struct totem *t, uint32_t slot);	/* for so long */
/* 0 or -ENOMEM: every one of the set can have its messages assembled. */
int peers_assemblies(struct totem *t, const struct nodebits *set);
void peers_assemblies_reset(struct totem *t);

/* detector.c */
void detector_heartbeat(struct totem *t);
void detector_on_heartbeat(struct totem *t);
void detector_probe_timer(struct totem *t);
void detector_refused(struct totem *t, uint32_t slot);
void detector_on_probe(struct totem *t, uint32_t slot, const uint8_t *body, size_t len);
void detector_on_probe_ack(struct totem *t, uint32_t slot, const uint8_t *body, size_t len);
void detector_on_leave(struct totem *t, uint32_t slot, uint64_t counter, const uint8_t *body,
    size_t len);
void detector_condemn(struct totem *t, uint32_t slot, enum totem_cause cause);
void detector_forgive_all(struct totem *t);
void detector_ask(struct totem *t, uint32_t slot);	/* a probe out of suspicion's order */
void detector_clear(struct totem *t, uint32_t slot);

/* order.c: the token */
void order_reset(struct totem *t, struct ring *ring, uint32_t first);
void order_on_token(struct totem *t, uint32_t slot, const struct wire_token *token);
void order_settle(struct totem *t);
enum totem_drop order_on_data(struct totem *t, const uint8_t *frame, size_t len);
void order_retransmit_timer(struct totem *t);
void order_first_token(struct totem *t);
void order_on_repeat(struct totem *t, uint32_t token_seq);
void order_visit(struct totem *t, bool fresh);
void order_update_aru(struct totem *t, struct ring *ring, struct wire_token *token);

/* stuck.c: after each fresh visit */
void stuck_watch(struct totem *t, const struct ring *ring, const struct wire_token *token);
void stuck_adopt(struct totem *t, uint32_t from);	/* in GATHER, with its row */

/* rest.c: the resting token */
bool rest_alone(const struct totem *t);
bool rest_decide(struct totem *t, bool fresh, bool alone, uint32_t resent, uint32_t count);
void rest_begin(struct totem *t, struct ring *ring);
void rest_hold_timer(struct totem *t);
void rest_hold_cancel_timer(struct totem *t);
void rest_on_hold_cancel(struct totem *t, const uint8_t *body, size_t len);
void rest_wake(struct totem *t);	/* there is something to send */

/* pack.c: messages into frames.  Fills `t->packed`; returns how many frames, numbered from
 * seq + 1. */
uint32_t pack_frames(struct totem *t, struct ring *ring, uint32_t seq, uint32_t count_max);
bool pack_ready(const struct totem *t);

/* deliver.c: frames into messages */
bool deliver_next(struct totem *t, struct totem_output *ret);
void deliver_recovered(struct totem *t);	/* RECOVERY: take in old frames from the new ring */
void deliver_release(struct totem *t);

/* gather.c */
void gather_begin(struct totem *t, enum totem_cause cause, uint32_t node);
void gather_join_timer(struct totem *t);
void gather_on_status(struct totem *t, uint32_t slot, const struct wire_header *header,
    const struct wire_status *status);
void gather_evaluate(struct totem *t);
void gather_soon(struct totem *t);	/* evaluate and send a JOIN at the next turn */
void gather_ready(struct totem *t);	/* the next ring number is on the disk */
void gather_forgive(struct totem *t, uint64_t span_ns);
void gather_status_fill(struct totem *t, struct wire_status *status);
/* It gathers, we hear each other, and what it says is of this round. */
bool gather_joined(const struct totem *t, uint32_t slot);

/* merge.c */
void merge_beacon_timer(struct totem *t);
void merge_beacon_to(struct totem *t, uint32_t slot);
void merge_consider(struct totem *t, uint32_t slot);

/* commit.c */
void commit_begin(struct totem *t);	/* representative: consensus reached */
void commit_timer(struct totem *t);
void commit_abandoned(struct totem *t);	/* GATHER again: who does not answer? */
void commit_number_heard(struct totem *t, uint64_t ring_seq);
bool commit_ready(const struct totem *t);	/* a ring number above all others is on the disk */
void commit_on_segment(struct totem *t, uint32_t slot, enum wire_type type, const uint8_t *body,
    size_t len);
void commit_on_ack(struct totem *t, uint32_t slot, const uint8_t *body, size_t len);
void commit_on_info_ack(struct totem *t, uint32_t slot, const uint8_t *body, size_t len);
void commit_reserve_ahead(struct totem *t);

/* recovery.c */
void recovery_begin(struct totem *t, const struct wire_commit *info);
void recovery_fill_queue(struct totem *t);
bool recovery_done_here(struct totem *t);
void recovery_on_message(struct totem *t, const uint8_t *data, size_t len);
void recovery_oblige(struct totem *t);
void recovery_install(struct totem *t);

/* check.c */
void totem_check(const struct totem *t);
#endif
