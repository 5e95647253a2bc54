/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The totem ring: one node's part in it, as a function.  Sans-I/O: this library reads no clock,
 * socket, file or random device, never logs, and knows no thread.  The host says what happened and
 * when; what to do about it comes out as an ordered queue of outputs.  The order of the outputs is
 * the contract: carry them out one after the other, and all of them before the next input.
 *
 *     totem_datagram(t, now, bytes)  \
 *     totem_settle(t, now)            |                      / send this frame to these nodes
 *     totem_expire(t, now)            |--> totem_output() --|  deliver this message
 *     totem_submit(t, now, message)   |                      \ the configuration is now this
 *     totem_refused(t, now, peer)     |
 *     totem_reserved(t, now, seq)    /    totem_deadline(t): call totem_expire() then
 *
 * All times are nanoseconds of one monotonic clock.  PROTOCOL.md tells the protocol.
 */
#ifndef TOTEM_TOTEM_H
#define TOTEM_TOTEM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/totem/limits.h"

struct totem;

/* Unique for ever: the nonce is drawn anew by the representative even when its storage was lost. */
struct totem_ring_id {
	uint32_t rep;		/* node id of the representative: the lowest of the members */
	uint64_t seq;		/* grows with every ring anyone here has heard of */
	uint64_t nonce;
};

struct totem_member {
	uint32_t node_id;
	uint64_t incarnation;	/* one start of that node's daemon */
};

enum totem_state {
	TOTEM_IDLE,		/* made, not started; or left */
	TOTEM_GATHER,
	TOTEM_COMMIT,
	TOTEM_RECOVERY,
	TOTEM_OPERATIONAL,
	TOTEM_STATE_COUNT
};

/* Why a state was entered; also why a member was given up (struct totem_departure). */
enum totem_cause {
	TOTEM_CAUSE_NONE,
	TOTEM_CAUSE_START,
	TOTEM_CAUSE_TOKEN_LOST,		/* nobody saw the token for token_ns */
	TOTEM_CAUSE_PORT_CLOSED,	/* so the kernel, and no answer to probes; or last words */
	TOTEM_CAUSE_SILENT,		/* nothing heard for silence_ns, probes unanswered */
	TOTEM_CAUSE_LEFT,		/* it said good-bye */
	TOTEM_CAUSE_RESTARTED,		/* another incarnation of it speaks */
	TOTEM_CAUSE_EXCLUDED,		/* a member of our ring went on without us */
	TOTEM_CAUSE_JOIN,		/* a member gathers */
	TOTEM_CAUSE_MERGE,		/* another ring can be merged with ours */
	TOTEM_CAUSE_PAUSED,		/* we did not run for a while */
	TOTEM_CAUSE_COMMIT_FAILED,	/* the commit was not answered in time */
	TOTEM_CAUSE_CONSENSUS,
	TOTEM_CAUSE_COMMITTED,
	TOTEM_CAUSE_RECOVERED,
	TOTEM_CAUSE_FAILED_TO_RECEIVE,	/* or was not received, while the token went round */
	TOTEM_CAUSE_PARTITIONED,	/* not given up by us: some member did not hear it */
	TOTEM_CAUSE_COUNT
};

enum totem_guarantee {
	TOTEM_AGREED,		/* one order on all nodes */
	TOTEM_SAFE,		/* and every member is known to have it */
};

/* SYNC overtakes APP; APP is closed from each regular configuration to totem_app_open(). */
enum totem_queue {
	TOTEM_QUEUE_SYNC,
	TOTEM_QUEUE_APP,
};

/* Nanoseconds unless named otherwise.  Zero: the default that totem_timing_default() gives. */
struct totem_timing {
	uint64_t token_ns;		/* backstop: no token for so long breaks the ring */
	uint64_t token_retransmit_ns;	/* longest wait before a passed token is sent again */
	uint64_t hold_ns;		/* an idle ring's token rests so long */
	uint64_t join_ns;		/* GATHER: repeat our JOIN */
	uint64_t consensus_ns;		/* GATHER: stop waiting for members that do not join */
	uint64_t merge_ns;		/* look for nodes outside our ring so often */
	uint64_t heartbeat_ns;		/* to ring neighbours */
	uint64_t silence_ns;		/* a neighbour unheard for so long is suspected */
	uint64_t probe_ns;		/* between two probes of a suspect */
	uint32_t probe_count;		/* so many unanswered condemn */
	uint32_t idle_rotations;	/* unchanged rotations before the token rests; at least 2 */
	uint32_t fail_recv_rotations;	/* rotations without progress of one member */
};

/* One call for each event worth a line; kept out of the outputs because tracing is no action. */
enum totem_trace_kind {
	TOTEM_TRACE_STATE,		/* a: old, b: new state, c: cause, node: who */
	TOTEM_TRACE_ORIGINATE,		/* message ordered: a: submit number, b: last seq */
	TOTEM_TRACE_TOKEN,		/* token accepted: a: token seq, b: seq, c: aru */
	TOTEM_TRACE_CONDEMN,		/* node given up: c: cause */
	TOTEM_TRACE_SUSPECT,		/* node suspected: c: cause */
	TOTEM_TRACE_DROP,		/* c: enum totem_drop, node: claimed sender */
	TOTEM_TRACE_RETRANSMIT,		/* a: seq sent again */
	TOTEM_TRACE_REQUEST,		/* a: first seq, b: count asked for */
	TOTEM_TRACE_COUNT
};

struct totem_trace {
	uint64_t now_ns;
	enum totem_trace_kind kind;
	uint32_t node;
	uint64_t a, b, c;
};

typedef void (*totem_trace_fn)(void *host, const struct totem_trace *event);

struct totem_part {		/* of a message */
	const void *data;
	size_t len;
};

/* Why a received frame was not used.  Counted in struct totem_stats. */
enum totem_drop {
	TOTEM_DROP_SHORT,		/* shorter than its header or than its type needs */
	TOTEM_DROP_MAGIC,		/* not ours at all */
	TOTEM_DROP_VERSION,		/* another protocol version */
	TOTEM_DROP_CLUSTER,		/* another cluster's name */
	TOTEM_DROP_TYPE,		/* unknown frame type */
	TOTEM_DROP_MALFORMED,		/* counts, lengths or values that cannot be */
	TOTEM_DROP_SELF,		/* our own frame came back (multicast loop) */
	TOTEM_DROP_DUPLICATE_ID,	/* our node id, or one in use, from another incarnation */
	TOTEM_DROP_UNKNOWN_NODE,	/* not in the node list */
	TOTEM_DROP_STALE_RING,		/* of a ring that is not ours now */
	TOTEM_DROP_STALE,		/* old token, old join, old incarnation */
	TOTEM_DROP_DUPLICATE,		/* data we have */
	TOTEM_DROP_WINDOW,		/* data too far ahead */
	TOTEM_DROP_STATE,		/* not of use in this state */
	TOTEM_DROP_CHECKSUM,		/* damaged on the way */
	TOTEM_DROP_COUNT,
	TOTEM_ACCEPTED = TOTEM_DROP_COUNT
};

struct totem_stats {
	uint64_t token_tx, token_rx, token_retransmit_tx;
	uint64_t data_tx, data_rx, data_retransmit_tx;
	uint64_t join_tx, join_rx, beacon_tx, beacon_rx, heartbeat_tx, heartbeat_rx;
	uint64_t probe_tx, probe_rx, commit_tx, commit_rx, hold_cancel_tx, hold_cancel_rx;
	uint64_t message_tx, message_rx, message_bytes_tx, message_bytes_rx;
	uint64_t entered[TOTEM_STATE_COUNT];
	uint64_t entered_for[TOTEM_CAUSE_COUNT];
	uint64_t token_lost[TOTEM_STATE_COUNT];
	uint64_t dropped[TOTEM_DROP_COUNT];
	uint64_t pauses;
	uint64_t rotation_ns;		/* smoothed, 0 before the first */
	uint64_t token_last_ns;		/* when a token was last accepted */
	uint32_t window_frames;		/* what we allow ourselves a visit now */
};

struct totem_config {
	uint32_t node_id;		/* not 0 */
	uint64_t incarnation;		/* not 0; above any earlier start's if possible */
	uint64_t cluster_hash;		/* totem_cluster_hash() of the cluster's name */
	uint64_t seed;			/* all randomness comes from here */
	uint64_t ring_seq_floor;	/* no ring of ours may have this sequence or one below */
	uint32_t frame_bytes_max;	/* largest datagram we may send, TOTEM_FRAME_BYTES_MIN.. */
	uint32_t window_frames_max;	/* frames all members may send a rotation; 0: by the pool */
	uint32_t seq_first;		/* first of rings we represent (tests: wrap) */
	bool learn_peers;		/* accept frames of nodes that are not in `peers` */
	const uint32_t *peers;		/* node ids, without our own; copied */
	size_t peer_count;
	struct totem_timing timing;
	totem_trace_fn trace;		/* may be NULL */
	void *trace_host;
};

struct totem_departure {
	uint32_t node_id;
	enum totem_cause how;		/* how it was noticed */
	uint64_t silent_ns;		/* from the last sign of life to giving it up */
};

enum totem_config_kind { TOTEM_TRANSITIONAL, TOTEM_REGULAR };

/* A configuration event.  A TRANSITIONAL one lists who moves with us from our old ring (`ring` is
 * the old ring's id, `next` the new one's); the REGULAR one that follows lists the new ring. */
struct totem_configuration {
	enum totem_config_kind kind;
	struct totem_ring_id ring;
	struct totem_ring_id next;			/* TRANSITIONAL only */
	const struct totem_member *members;		/* ascending node ids */
	size_t member_count;
	const struct totem_departure *left;		/* REGULAR only: of the last regular one */
	size_t left_count;
	enum totem_cause cause;				/* REGULAR: what began this change */
	uint64_t change_ns;			/* REGULAR: from leaving OPERATIONAL to here */
};

/* Something the administrator should know; the host limits how often it says so. */
enum totem_notice {
	TOTEM_NOTICE_DUPLICATE_ID,	/* node: the id; the datagram's source has it too */
	TOTEM_NOTICE_CLUSTER,		/* another cluster's frames; value: its hash */
	TOTEM_NOTICE_VERSION,		/* another protocol version; value: it */
	TOTEM_NOTICE_DUPLICATE_SEEN,	/* node: hears another with our id, and stays with us */
	TOTEM_NOTICE_REFUSED_DUPLICATE,	/* a peer tells us that our node id is used by another */
	TOTEM_NOTICE_REFUSED_CLUSTER,	/* a peer tells us that it is of another cluster */
	TOTEM_NOTICE_REFUSED_VERSION,	/* a peer tells us that it speaks another version: value */
	TOTEM_NOTICE_PAUSED,		/* value: we did not run for so many ns */
	TOTEM_NOTICE_TOKEN_LOST,	/* value: ns without a token */
	TOTEM_NOTICE_CONDEMNED,		/* node: given up; value: enum totem_cause */
	TOTEM_NOTICE_PARTIAL,		/* node: seen, but it and a member do not hear each other */
	/* node: some messages do not reach it, the token does; value: not heard for so many ns */
	TOTEM_NOTICE_FAILED_TO_RECEIVE,
	TOTEM_NOTICE_NOT_RECEIVED,	/* some of ours reach nobody; value: alone for so many ns */
	TOTEM_NOTICE_ACCUSED,		/* node: says that some messages do not reach us */
	/* node: gave up others whom some messages do not reach; nor do they reach us: we part from
	 * it; value: for so many ns */
	TOTEM_NOTICE_PARTED,
	/* node: takes part in gathering but does not answer when a ring is made; value: not heard
	 * for so many ns */
	TOTEM_NOTICE_UNANSWERED,
	TOTEM_NOTICE_COUNT
};

enum totem_output_kind {
	TOTEM_SEND,		/* frame to each of `to` (one multicast will do); none listed, when
				 * peers are learned: to everybody there is */
	TOTEM_SEND_SOURCE,	/* frame back to where the current datagram came from */
	TOTEM_RESERVE,		/* make `ring_seq` durable, then call totem_reserved() */
	TOTEM_DELIVER,		/* message, in the one order */
	TOTEM_CONFIGURATION,
	TOTEM_NOTICE,
};

/* Everything pointed to is lent: valid until the next call on this totem. */
struct totem_output {
	enum totem_output_kind kind;
	/* TOTEM_SEND, TOTEM_SEND_SOURCE: a frame; TOTEM_DELIVER: a message */
	const uint8_t *data;
	size_t len;
	const uint32_t *to;		/* TOTEM_SEND */
	size_t to_count;
	bool urgent;			/* TOTEM_SEND: token or control: do not wait for a batch */
	bool as_data;			/* TOTEM_SEND: by the way that data takes, even to one */
	/* TOTEM_DELIVER */
	uint32_t origin;
	uint64_t origin_incarnation;
	enum totem_guarantee guarantee;
	uint32_t seq;			/* place in the ring's order: of its last fragment */
	/* others */
	uint64_t ring_seq;		/* TOTEM_RESERVE */
	struct totem_configuration config;
	enum totem_notice notice;	/* TOTEM_NOTICE */
	uint32_t node;
	uint64_t value;
};

/* The default timing for a node list of that size: token 3000 ms + 650 ms a node above two. */
struct totem_timing totem_timing_default(size_t node_count);
/* How often heartbeats go out by default when members are suspected after that silence: some of
 * them may be lost, or late. */
uint64_t totem_heartbeat_default(uint64_t silence_ns);
uint64_t totem_cluster_hash(const char *name);

/* 0, -EINVAL (config) or -ENOMEM.  Copies config.  Equal seeds and inputs give equal outputs. */
int totem_new(const struct totem_config *config, struct totem **ret_totem);
/* Accepts NULL; returns NULL. */
struct totem *totem_free(struct totem *totem);

/* Begin: look for others, form a ring. */
void totem_start(struct totem *totem, uint64_t now_ns);
/* Say good-bye; afterwards nothing but the farewell frames comes out. */
void totem_leave(struct totem *totem, uint64_t now_ns);

/* Last words: the frame that tells the members of the installed ring that this process died, for
 * who outlives it and can send it to them then.  Good until the next configuration.  Returns its
 * length, at most TOTEM_LAST_WORDS_BYTES; 0: nobody else is in the ring. */
size_t totem_last_words(const struct totem *totem, uint8_t frame[TOTEM_LAST_WORDS_BYTES]);

/* A datagram arrived.  Returns TOTEM_ACCEPTED, or why it was dropped: the network is no error.
 * A token is put aside until totem_settle(), so that data received with it goes first.
 * `*ret_sender` (may be NULL) is set on TOTEM_ACCEPTED, and on TOTEM_DROP_UNKNOWN_NODE, for the
 * log: the node id that is claimed.  Not by a good-bye: nobody is reached where that came from. */
enum totem_drop totem_datagram(struct totem *totem, uint64_t now_ns, const uint8_t *data,
    size_t len, uint32_t *ret_sender);
/* The receive queue is empty, or enough was taken from it: act on the token. */
void totem_settle(struct totem *totem, uint64_t now_ns);

/* Order this message.  0, -EAGAIN (queue full or closed: later), -EMSGSIZE, -ESHUTDOWN (left).
 * Copies the data.  `*ret_number` (may be NULL): the submit number, 1, 2, … of this incarnation;
 * of each queue the messages of one node are ordered as submitted. */
int totem_submit(struct totem *totem, uint64_t now_ns, enum totem_queue queue,
    enum totem_guarantee guarantee, const uint8_t *data, size_t len, uint64_t *ret_number);
/* The same with the message in parts, which spares the caller a copy. */
int totem_submit_parts(struct totem *totem, uint64_t now_ns, enum totem_queue queue,
    enum totem_guarantee guarantee, const struct totem_part *parts, size_t count,
    uint64_t *ret_number);
/* Bytes that totem_submit(APP) would take now; 0 while the queue is closed. */
size_t totem_app_room(const struct totem *totem);
/* Engines have synchronised: let application messages out.  Ignored unless OPERATIONAL. */
void totem_app_open(struct totem *totem, uint64_t now_ns);
/* Ask all members to send as little as possible, or no longer. */
void totem_brake(struct totem *totem, uint64_t now_ns, bool on);

/* The kernel says that nobody listens on this peer's port: a suspicion, no proof. */
void totem_refused(struct totem *totem, uint64_t now_ns, uint32_t node_id);
/* Answer to TOTEM_RESERVE: numbers up to this one will never be given out again.  Until the first
 * answer this node can be no member of a ring, and asks nobody to make one. */
void totem_reserved(struct totem *totem, uint64_t now_ns, uint64_t ring_seq);

/* Time has passed.  Harmless when early. */
void totem_expire(struct totem *totem, uint64_t now_ns);
uint64_t totem_deadline(const struct totem *totem);	/* UINT64_MAX: nothing pending */
/* The next output, false when there is none.  Drain it after every input. */
bool totem_output(struct totem *totem, struct totem_output *ret_output);

/* New timing or node list for a running node.  0 or -EINVAL. */
int totem_reconfigure(struct totem *totem, uint64_t now_ns, const struct totem_timing *timing,
    const uint32_t *peers, size_t peer_count);

enum totem_state totem_state(const struct totem *totem);
const struct totem_stats *totem_stats(const struct totem *totem);
/* The last regular configuration's ring; all zero before the first. */
struct totem_ring_id totem_ring(const struct totem *totem);
/* Its members, ascending; lent until the next input. */
const struct totem_member *totem_members(const struct totem *totem, size_t *ret_count);
/* Heard from in the last 3 s (any incarnation)?  After a pause of ours: at any time before it. */
bool totem_hears(const struct totem *totem, uint64_t now_ns, uint32_t node_id);
/* Smoothed round trip to a peer, 0 if not known. */
uint64_t totem_round_trip_ns(const struct totem *totem, uint32_t node_id);

const char *totem_state_name(enum totem_state state);
const char *totem_cause_name(enum totem_cause cause);	/* "token lost", "port closed", … */
const char *totem_drop_name(enum totem_drop drop);
#endif
