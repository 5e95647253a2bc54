/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The ring's number on disk: what is said to be durable is there after any fault, what is not is
 * said so, it is tried again until it is, and a start afterwards goes on above all that was used.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/core/state.h"
#include "test/fault/fault.h"

#define NOW		((time_t) 1700000000)
#define BLOCK		UINT64_C(1048576)
#define FOREIGN_ABOVE	UINT64_C(1000000000)
#define RESERVES	4
#define ANSWER_MS	15000

static char dir[128];

/* An empty directory but for a file of stock, whose number is above the clock's. */
static void
dir_make(void)
{
	const uint64_t foreign = ((uint64_t) NOW << 16) + FOREIGN_ABOVE;
	char path[192];
	FILE *out;

	(void) snprintf(dir, sizeof dir, "%s/ring", fault_dir);
	(void) snprintf(path, sizeof path, "rm -rf %s", dir);
	(void) !system(path);
	(void) mkdir(dir, 0700);
	(void) snprintf(path, sizeof path, "%s/ringid_127.0.0.1", dir);
	out = fopen(path, "we");
	if (out == NULL || fwrite(&foreign, sizeof foreign, 1, out) != 1 || fclose(out) != 0)
		fault_fail("cannot write %s", path);
}

/* What a start would find now, without faults. */
static struct state_found
found_now(time_t now)
{
	struct state_found found;
	struct state *state;
	int r;

	r = state_open(dir, now, &found, &state);
	if (r < 0)
		fault_fail("state_open without a fault: %s", strerror(-r));
	(void) state_close(state);
	return found;
}

/* The next answer: the number and 0 or -errno. */
static int
answer(struct state *state, uint64_t *ret_seq)
{
	struct pollfd ready = { .fd = state_fd(state), .events = POLLIN };
	int error;

	do {
		if (poll(&ready, 1, ANSWER_MS) <= 0)
			fault_fail("no answer");
	} while (!state_done(state, ret_seq, &error));
	return error;
}

/* One reservation; how often its failing was told. */
static unsigned int
reserve(struct state *state, uint64_t wanted)
{
	uint64_t seq = 0, kept;
	unsigned int told = 0;
	int error;

	fault_step("reserving");
	state_reserve(state, wanted);
	while ((error = answer(state, &seq)) < 0) {
		if (seq != wanted)
			fault_fail("answer for %llu, asked for %llu", (unsigned long long) seq,
			    (unsigned long long) wanted);
		told++;
		fault_step("waiting for another try");
	}
	fault_disarm(fault_own);
	kept = found_now(1).ring_seq_floor;
	if (seq != wanted || kept < wanted)
		fault_fail("%llu is said to be durable, on disk is %llu",
		    (unsigned long long) seq, (unsigned long long) kept);
	return told;
}

static enum outcome
run(const struct fault *fault)
{
	struct state_found found;
	struct state *state;
	unsigned int told = 0;
	uint64_t base;
	int r;

	dir_make();
	base = found_now(NOW).ring_seq_floor;
	fault_arm(fault_own, fault);
	r = state_open(dir, NOW, &found, &state);
	if (r < 0)
		return fault_own->fired > 0 ? OUTCOME_ENDED : OUTCOME_NONE;
	if (found.ring_seq_floor < base && found.read_error == 0 && found.foreign_error == 0)
		fault_fail("begins at %llu without a word, %llu was kept",
		    (unsigned long long) found.ring_seq_floor, (unsigned long long) base);
	told = found.read_error < 0 || found.write_error < 0 || found.foreign_error < 0;
	for (unsigned int i = 1; i <= RESERVES; i++) {
		told += reserve(state, base + i * BLOCK);
		if (fault_own->fired == 0) {
			uint32_t count = fault_own->count;

			/* Armed again where it was: reserve() looked at the disk in between. */
			fault_arm(fault_own, fault);
			fault_own->count = count;
		}
	}
	(void) state_close(state);
	return told > 0 ? OUTCOME_TOLD : OUTCOME_UNSEEN;
}

const struct subject subject_state = {
	.name = "state", .what = "the ring's number on disk", .run = run,
	.classes = 1u << INJECT_ALLOC | 1u << INJECT_WRITE | 1u << INJECT_FSYNC | 1u << INJECT_OPEN,
};
