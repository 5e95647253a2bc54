/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Last words: when the daemon dies, of whatever, a process that outlives it tells the other
 * members, who need not find it out.  (Its closed port tells them too, but only who sends something
 * to it, and its kernel says so about once a second at most; and nobody may filter ICMP.)  That
 * process is made at the start; it sleeps until the daemon's end, sends what the daemon has left in
 * memory that both see, and ends.  It takes no part in anything else: when it is killed together
 * with the daemon, the members notice as they do without it.  Where to, is as it was at the last
 * configuration: a member that has moved since does not hear them.
 */
#ifndef CORE_LAST_WORDS_H
#define CORE_LAST_WORDS_H
#include <stddef.h>
#include <stdint.h>

#include "exec/net/net.h"

#define LAST_WORDS_BYTES_MAX	128u
#define LAST_WORDS_AGAIN_NS	UINT64_C(10000000000)

struct last_words;

/* From the first argument to the end of the last one: the process puts its own name there, too. */
void last_words_title(char *title, size_t size);
/* 0 or -errno.  Makes the process, which keeps none of our descriptors, but a copy of what memory
 * we have by then.  One in each daemon. */
int last_words_new(struct last_words **ret_words);
/* For SIGCHLD, and LAST_WORDS_AGAIN_NS after an error.  Has the process ended, though we live?
 * Then another one is made, which has the same to say.  0: it has not, or the words were said; 1:
 * it had, and another one is there; -ECHILD: it had, so soon that another one would as well;
 * another -errno: none could be made.  After an error there are no last words until one is. */
int last_words_renew(struct last_words *words);
/* What to say, and to whom, from the address `local`; replaces what was left before.  Copies all.
 * Nothing is said to nobody.  At any moment the process finds one or the other. */
void last_words_leave(struct last_words *words, const uint8_t *frame, size_t len,
    const struct net_address *local, const struct net_address *to, size_t count);
/* Say them now: we end, and it may take long (a core file is written, a disk hangs).  May be called
 * in a signal handler, and without last words; SIGPIPE is ignored.  Nothing may be sent to anybody
 * afterwards. */
void last_words_now(void);
/* Good-bye was said. */
void last_words_silence(struct last_words *words);
/* Silence, for ever.  Accepts NULL; returns NULL. */
struct last_words *last_words_free(struct last_words *words);
#endif
