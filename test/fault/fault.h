/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Fault loops: a subject is driven again and again, each time with the next call of one class
 * failing, until its work is over before the call comes.  The loop runs in a child; the parent
 * watches that it goes on, and starts another behind the place where one failed or hung.
 */
#ifndef FAULT_FAULT_H
#define FAULT_FAULT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "test/fault/inject.h"

#define NODES_MAX	3u
#define BURST		20u		/* so many in a row */
#define ALWAYS		UINT32_MAX	/* from the Nth on all calls fail */

/* What followed from a fault; the worst counts. */
enum outcome {
	OUTCOME_NONE,		/* it did not come to it */
	OUTCOME_UNSEEN,		/* nobody noticed */
	OUTCOME_TOLD,		/* a call failed with an error that fits, or a line in the log */
	OUTCOME_ENDED,		/* the daemon ended, and said why */
	OUTCOME_COUNT
};

struct fault {
	enum inject_class class;
	uint32_t at, times;
};

struct subject {
	const char *name, *what;
	unsigned int classes;			/* bits, by enum inject_class */
	unsigned int classes_burst;		/* of these also with BURST in a row */
	unsigned int classes_always;		/* of these also with ALWAYS */
	void (*begin)(void);			/* what lasts for many faults; may be NULL */
	enum outcome (*run)(const struct fault *fault);
};

extern const struct subject subject_state, subject_client, subject_start, subject_serve,
    subject_ring, subject_join;

/* --- the loop (loop.c) --- */

extern struct inject_control *fault_own;	/* of this process */
extern struct inject_control *fault_daemon;	/* of the daemon under test */
extern char fault_dir[];			/* for files */
extern pid_t fault_pid;				/* the parent's: names and ports follow from it */

/* What is being done, for the case that it does not come to an end. */
void fault_step(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* It is not as it must be: this fault has failed, and the child ends. */
_Noreturn void fault_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fault_arm(struct inject_control *control, const struct fault *fault);
void fault_disarm(struct inject_control *control);
/* Milliseconds of the monotonic clock. */
uint64_t fault_now_ms(void);
void fault_sleep_ms(unsigned int ms);
/* Entries of a directory: descriptors of a process. */
unsigned int fault_entries(const char *path);
bool fault_loop(const struct subject *subject, const struct fault *first, unsigned int count_max);

/* --- daemons (daemons.c) --- */

/* Write the configurations of a ring of so many, on loopback. */
void daemons_configure(unsigned int count);
/* `control`: preloaded with that page, else plain.  Does not wait. */
void daemon_start(unsigned int node, struct inject_control *control);
/* It has ended, or does within so long: true and wait()'s status. */
bool daemon_ended(unsigned int node, unsigned int wait_ms, int *ret_status);
bool daemon_runs(unsigned int node);
void daemon_signal(unsigned int node, int number);
/* Bounded; fails when it does not end with status 0. */
void daemon_stop(unsigned int node);
/* Kill those that are left, and wait for their end: the next need their ports. */
void daemons_end(void);
unsigned int daemon_descriptors(unsigned int node);
/* Is there such a text in what it said since the last daemon_log_mark()? */
bool daemon_said(unsigned int node, const char *text);
/* The same, now or soon: a thread writes the log. */
bool daemon_says(unsigned int node, const char *text);
void daemon_log_mark(unsigned int node);
/* It has ended by itself: with a status other than 0, by no signal, and it said why. */
void daemon_end_judge(unsigned int node, int status);
/* The libraries talk to that node from now on. */
void daemon_choose(unsigned int node);

/* --- programs: clients that check (program.c) --- */

struct program;

/* A member of the group: waits until it is.  NULL: refused; `*ret_error` is a cs_error_t. */
struct program *program_join(unsigned int node, const char *group, int *ret_error);
struct program *program_end(struct program *program);
/* The daemon or the library said that it is a member no more. */
bool program_gone(const struct program *program);
bool program_send(struct program *program, size_t len);
void program_dispatch(struct program *program);
unsigned int program_members(const struct program *program);
/* Got all that the other was told to be accepted since both were marked. */
bool program_has_all(const struct program *program, const struct program *sender);
/* Both got the same in the same order. */
void program_compare(const struct program *a, const struct program *b);
/* A quiet moment: what is compared begins here. */
void program_mark(struct program *program);
uint32_t program_accepted(const struct program *program);

#endif
