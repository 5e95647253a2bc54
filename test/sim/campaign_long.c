/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A campaign that takes hours: after each step what was done is kept in a small text file, so that
 * it may be stopped at any time and goes on where it was.
 *
 *     build 6f1d0c5b2a948e37     of this program: what another one found does not count
 *     next 5400                  first seed that was not run
 *     simulated_ms 194400000
 *     real_ms 700000
 *     failed 1234 5 V9 ...       seed, nodes, what
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/sim/campaign.h"

#define STEP_SEEDS	400u	/* the last ones of a step leave processors idle */
#define LIST_BYTES	65536u

struct progress {
	uint64_t build, next, simulated_ms, real_ms, failed;
	char list[LIST_BYTES];
};

static uint64_t
clock_ms(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / MS_NS;
}

/* FNV-1a of a file, on from another one's. */
static uint64_t
file_hash(uint64_t hash, const char *name)
{
	FILE *in = fopen(name, "re");
	int c;

	if (in == NULL) {
		perror(name);
		exit(2);
	}
	while ((c = getc(in)) != EOF)
		hash = (hash ^ (uint64_t) c) * UINT64_C(0x100000001b3);
	(void) fclose(in);
	return hash;
}

/* The program's own file, and what it loads. */
static uint64_t
build_hash(const struct subject *subject)
{
	uint64_t hash = file_hash(UINT64_C(0xcbf29ce484222325), "/proc/self/exe");

	for (size_t i = 0; subject->files != NULL && subject->files[i] != NULL; i++)
		hash = file_hash(hash, subject->files[i]);
	return hash;
}

static void
list_add(struct progress *p, const char *lines)
{
	size_t len = strlen(p->list);

	(void) snprintf(p->list + len, sizeof p->list - len, "%s", lines);
}

static void
progress_read(struct progress *p, const char *name)
{
	char line[256];
	FILE *in = fopen(name, "re");
	uint64_t build = 0;

	if (in == NULL)
		return;
	while (fgets(line, sizeof line, in) != NULL) {
		uint64_t value = strtoull(line + strcspn(line, " "), NULL, 10);

		if (strncmp(line, "build ", 6) == 0)
			build = strtoull(line + 6, NULL, 16);
		else if (strncmp(line, "next ", 5) == 0)
			p->next = value;
		else if (strncmp(line, "simulated_ms ", 13) == 0)
			p->simulated_ms = value;
		else if (strncmp(line, "real_ms ", 8) == 0)
			p->real_ms = value;
		else if (strncmp(line, "failed ", 7) == 0) {
			list_add(p, line);
			p->failed++;
		}
	}
	(void) fclose(in);
	if (build == p->build)
		return;
	(void) fprintf(stderr, "%s is of another build of this program: its seeds do not count for"
	    " this one.\nRemove the file to begin anew.\n", name);
	exit(2);
}

static void
progress_write(const struct progress *p, const char *name)
{
	char other[4096];
	FILE *out;

	(void) snprintf(other, sizeof other, "%s.new", name);
	out = fopen(other, "we");
	if (out == NULL) {
		perror(other);
		exit(2);
	}
	(void) fprintf(out, "build %016" PRIx64 "\nnext %" PRIu64 "\nsimulated_ms %" PRIu64
	    "\nreal_ms %" PRIu64 "\n%s", p->build, p->next, p->simulated_ms, p->real_ms, p->list);
	if (fclose(out) != 0 || rename(other, name) != 0) {
		perror(name);
		exit(2);
	}
}

uint64_t
campaign_long(const struct campaign *campaign, const char *state_file)
{
	static struct progress p;
	static char lines[LIST_BYTES];
	uint64_t end = campaign->first + campaign->count;

	p.build = build_hash(campaign->subject);
	p.next = campaign->first;
	progress_read(&p, state_file);
	if (p.next > campaign->first)
		(void) printf("going on at seed %" PRIu64 "\n", p.next);
	while (p.next < end) {
		struct campaign step = *campaign;
		uint64_t simulated_ns, from_ms = clock_ms();

		step.first = p.next;
		step.count = end - p.next < STEP_SEEDS ? end - p.next : STEP_SEEDS;
		p.failed += campaign_step(&step, &simulated_ns, lines, sizeof lines);
		list_add(&p, lines);
		p.next += step.count;
		p.simulated_ms += simulated_ns / MS_NS;
		p.real_ms += clock_ms() - from_ms;
		progress_write(&p, state_file);
	}
	(void) fputs(p.list, stdout);
	(void) printf("%" PRIu64 " seeds, %" PRIu64 " failed, %.1f simulated hours, %.1f seeds a"
	    " second\n", campaign->count, p.failed, (double) p.simulated_ms / 3600000,
	    p.real_ms == 0 ? 0 : (double) campaign->count * 1000 / (double) p.real_ms);
	return p.failed;
}
