/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The judges of a run: one for each property V1 to V14 of extended virtual synchrony.  Each sees
 * every event before it is added to the history, and says so when it must not happen; some look
 * again when the run is over and nothing more can come.
 *
 * "Moved together" from C to C' means: installed C' coming from C.  A process that was to come
 * along and never installed C' counts as one that failed at that moment.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H
#include "test/sim/history.h"

enum property {
	V1_INTEGRITY = 1,
	V2_SAME_CONFIGURATION,
	V3_MEMBERSHIP,
	V4_IDS,
	V5_ALTERNATION,
	V6_TRANSITIONAL,
	V7_NO_LONE_INSTALL,
	V8_SELF_DELIVERY,
	V9_ATOMICITY,
	V10_CAUSAL,
	V11_TOTAL,
	V12_SAFE,
	V13_FIFO,
	V14_LIVENESS,
	PROPERTY_END
};

struct check {
	struct history *history;
	uint32_t only;			/* 0, or the one property looked at: for mutants */
	enum property failed;		/* 0: nothing yet */
	uint64_t failed_at_ns;
	char what[512];			/* the first violation, in words */
	void *v13;			/* check_v13_fifo.c */
};

struct checker {
	enum property property;
	const char *name;
	/* Either may be NULL.  `final`: the run is over, was healed and came to rest. */
	void (*event)(struct check *check, const struct event *event);
	void (*final)(struct check *check);
};

const struct checker *checker_of(enum property property);
void check_event(struct check *check, const struct event *event);
void check_final(struct check *check);
void check_fail(struct check *check, enum property property, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "3/17" for a process, "3/17#5 (SAFE, 120 bytes)" for a message, "1.8.ab" for a ring.  The text
 * lives until the eighth next call. */
const char *check_proc(const struct history *h, uint32_t proc);
const char *check_message(const struct history *h, uint32_t message);
const char *check_ring_id(const struct totem_ring_id *id);
const char *check_ring(const struct history *h, uint32_t ring);

extern const struct checker check_v01_integrity, check_v02_same_configuration,
    check_v03_membership, check_v04_ids, check_v05_alternation, check_v06_transitional,
    check_v07_no_lone_install, check_v08_self_delivery, check_v09_atomicity, check_v10_causal,
    check_v11_total, check_v12_safe, check_v13_fifo, check_v14_liveness;

void check_v13_done(struct check *check);	/* what V13 keeps on the side */

/* V14 asks at moments that the run chooses.  All live processes are in one ring, or, `apart`, each
 * in a consistent ring; NULL, or what is missing. */
const char *check_v14_unsettled(const struct history *h, bool apart);
/* Everything accepted from live processes was ordered and delivered to all of the ring. */
const char *check_v14_undelivered(const struct history *h);
#endif
