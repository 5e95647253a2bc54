/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Stable state: up to which sequence number ring ids may have been given out.  One small file,
 * replaced atomically (written beside, synced, renamed, directory synced) by a helper thread, so
 * that the main loop never waits for a disk.  A lost, damaged or old file is survived: numbers go
 * on above the wall clock's, if these are higher.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define STATE_FILE_NAME		"ringstate"
#define STATE_FILE_BYTES	32u
#define STATE_PATH_MAX		4096u

struct state;

struct state_found {
	uint64_t ring_seq_floor;	/* numbers up to this one may be in use */
	bool intact;			/* our file was there and good */
	bool damaged;			/* it was there, but not good */
	int read_error;			/* 0, or -errno: it is not such a file at all */
	bool foreign;			/* a ringid_* file of stock raised the floor */
	int foreign_error;		/* 0, or -errno: some of these could not be read */
	int write_error;		/* 0, or -errno: the directory cannot be written */
};

/* Pure: the file's contents. */
void state_encode(uint64_t ring_seq, uint8_t data[STATE_FILE_BYTES]);
/* 0, or -EBADMSG. */
int state_decode(const uint8_t *data, size_t len, uint64_t *ret_ring_seq);
/* The floor when nothing is known: above anything that counting from an earlier clock gave. */
uint64_t state_floor_of_clock(time_t now);

/* Read what is there and try whether the directory can be written.  The directory is made when it
 * is missing.  Fails only with -ENOMEM or the errno of making the thread's descriptor. */
int state_open(const char *dir, time_t now, struct state_found *ret_found,
    struct state **ret_state);
/* Waits for a write that is under way.  Accepts NULL; returns NULL. */
struct state *state_close(struct state *state);
/* Readable when state_done() has an answer. */
int state_fd(const struct state *state);
/* Make it durable; the latest request counts.  While that fails it is tried again now and then. */
void state_reserve(struct state *state, uint64_t ring_seq);
/* true: the request up to `*ret_ring_seq` was carried out, with 0 or -errno; in the second case it
 * is answered again when another try ends otherwise. */
bool state_done(struct state *state, uint64_t *ret_ring_seq, int *ret_error);
#endif
