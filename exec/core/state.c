/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The helper thread sleeps on a condition until there is a request, writes it, and says so through
 * an event descriptor.  Requests do not queue: a later one covers an earlier one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/base/assert.h"
#include "exec/base/buf.h"
#include "exec/core/state.h"
#include "exec/core/thread.h"

#define STATE_MAGIC	UINT64_C(0x31305453474e4952)	/* "RINGST01" in the file */
#define RINGID_BYTES	8	/* of a ringid_* file of stock */

struct state {
	char dir[STATE_PATH_MAX];
	int event_fd;
	pthread_t thread;
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t wake;
	bool wanted, answered, closing;
	uint64_t wanted_seq, answered_seq;
	int error;
};

/* FNV-1a: finds a torn or foreign file; nobody forges one here. */
static uint64_t
checksum(const uint8_t *data, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

void
state_encode(uint64_t ring_seq, uint8_t data[STATE_FILE_BYTES])
{
	struct buf_writer out = buf_writer(data, STATE_FILE_BYTES);

	buf_put_u64(&out, STATE_MAGIC);
	buf_put_u64(&out, ring_seq);
	buf_put_u64(&out, 0);		/* room */
	buf_put_u64(&out, checksum(data, STATE_FILE_BYTES - 8));
	cs_assert(buf_writer_ok(&out) && buf_written(&out) == STATE_FILE_BYTES);
}

int
state_decode(const uint8_t *data, size_t len, uint64_t *ret_ring_seq)
{
	struct buf_reader in = buf_reader(data, len);
	uint64_t magic = buf_get_u64(&in), ring_seq = buf_get_u64(&in), sum;

	(void) buf_get_u64(&in);
	sum = buf_get_u64(&in);
	if (!buf_done(&in) || magic != STATE_MAGIC || sum != checksum(data, STATE_FILE_BYTES - 8))
		return -EBADMSG;
	*ret_ring_seq = ring_seq;
	return 0;
}

uint64_t
state_floor_of_clock(time_t now)
{
	return now > 0 ? (uint64_t) now << 16 : 0;
}

/* At most `size` bytes; returns how many, or -errno. */
static ssize_t
small_file_read(const char *path, uint8_t *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, data, size);
	if (n < 0)
		n = -errno;
	(void) close(fd);
	return n;
}

/* The highest number in stock's files ringid_*: eight bytes in the machine's order. */
static uint64_t
foreign_floor(const char *dir_path)
{
	const struct dirent *entry;
	uint64_t floor = 0;
	DIR *dir = opendir(dir_path);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[STATE_PATH_MAX + 256];
		uint64_t number = 0;
		uint8_t data[RINGID_BYTES + 1];

		if (strncmp(entry->d_name, "ringid_", 7) != 0)
			continue;
		(void) snprintf(path, sizeof path, "%s/%s", dir_path, entry->d_name);
		if (small_file_read(path, data, sizeof data) != RINGID_BYTES)
			continue;
		memcpy(&number, data, RINGID_BYTES);
		/* A number that leaves no room to go on is damage. */
		if (number > floor && number < UINT64_MAX / 2)
			floor = number;
	}
	if (dir != NULL)
		(void) closedir(dir);
	return floor;
}

static int
write_all(int fd, const uint8_t *data, size_t len, bool durable)
{
	ssize_t n = write(fd, data, len);

	if (n < 0)
		return -errno;
	if ((size_t) n != len)
		return -ENOSPC;
	return durable && fsync(fd) < 0 ? -errno : 0;
}

/* Not `durable`: only try whether it would work, without waiting for the disk; changes nothing. */
static int
state_write(const char *dir, uint64_t ring_seq, bool durable)
{
	uint8_t data[STATE_FILE_BYTES];
	int dir_fd, fd, r;

	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	fd = openat(dir_fd, STATE_FILE_NAME ".new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		r = -errno;
		goto out;
	}
	state_encode(ring_seq, data);
	r = write_all(fd, data, sizeof data, durable);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && durable
	    && renameat(dir_fd, STATE_FILE_NAME ".new", dir_fd, STATE_FILE_NAME) < 0)
		r = -errno;
	if (r == 0 && durable && fsync(dir_fd) < 0)
		r = -errno;
	if (r < 0 || !durable)
		(void) unlinkat(dir_fd, STATE_FILE_NAME ".new", 0);
out:
	(void) close(dir_fd);
	return r;
}

static void *
state_thread(void *argument)
{
	struct state *s = argument;
	static const uint64_t one = 1;

	(void) pthread_mutex_lock(&s->lock);
	for (;;) {
		uint64_t ring_seq;
		int r;

		while (!s->wanted && !s->closing)
			(void) pthread_cond_wait(&s->wake, &s->lock);
		if (!s->wanted)
			break;
		s->wanted = false;
		ring_seq = s->wanted_seq;
		(void) pthread_mutex_unlock(&s->lock);
		r = state_write(s->dir, ring_seq, true);
		(void) pthread_mutex_lock(&s->lock);
		s->answered = true;
		s->answered_seq = ring_seq;
		s->error = r;
		/* Cannot fail: the counter is far from full. */
		(void) !write(s->event_fd, &one, sizeof one);
	}
	(void) pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Read what is there, and see whether writing works. */
static void
state_find(const char *dir, time_t now, struct state_found *found)
{
	char path[STATE_PATH_MAX + 64];
	uint8_t data[STATE_FILE_BYTES + 1] = { 0 };
	uint64_t foreign;
	ssize_t n;

	(void) snprintf(path, sizeof path, "%s/%s", dir, STATE_FILE_NAME);
	n = small_file_read(path, data, sizeof data);
	if (n >= 0 && state_decode(data, (size_t) n, &found->ring_seq_floor) == 0)
		found->intact = true;
	else if (n >= 0)
		found->damaged = true;
	else if (n != -ENOENT)
		found->read_error = (int) n;
	if (!found->intact)
		found->ring_seq_floor = state_floor_of_clock(now);
	foreign = foreign_floor(dir);
	if (foreign > found->ring_seq_floor) {
		found->foreign = true;
		found->ring_seq_floor = foreign;
	}
	found->write_error = state_write(dir, found->ring_seq_floor, false);
}

int
state_open(const char *dir, time_t now, struct state_found *ret_found, struct state **ret_state)
{
	struct state_found found = { 0 };
	struct state *s;
	int r;

	if (strlen(dir) >= STATE_PATH_MAX)
		return -ENAMETOOLONG;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	memcpy(s->dir, dir, strlen(dir) + 1);
	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->event_fd < 0) {
		r = -errno;
		free(s);
		return r;
	}
	(void) pthread_mutex_init(&s->lock, NULL);
	(void) pthread_cond_init(&s->wake, NULL);
	state_find(dir, now, &found);
	r = thread_start(&s->thread, state_thread, s);
	if (r < 0) {
		(void) close(s->event_fd);
		free(s);
		return r;
	}
	*ret_found = found;
	*ret_state = s;
	return 0;
}

struct state *
state_close(struct state *s)
{
	if (s == NULL)
		return NULL;
	(void) pthread_mutex_lock(&s->lock);
	s->closing = true;
	(void) pthread_cond_signal(&s->wake);
	(void) pthread_mutex_unlock(&s->lock);
	(void) pthread_join(s->thread, NULL);
	(void) pthread_mutex_destroy(&s->lock);
	(void) pthread_cond_destroy(&s->wake);
	(void) close(s->event_fd);
	free(s);
	return NULL;
}

int
state_fd(const struct state *s)
{
	return s->event_fd;
}

void
state_reserve(struct state *s, uint64_t ring_seq)
{
	(void) pthread_mutex_lock(&s->lock);
	s->wanted = true;
	s->wanted_seq = ring_seq;
	(void) pthread_cond_signal(&s->wake);
	(void) pthread_mutex_unlock(&s->lock);
}

bool
state_done(struct state *s, uint64_t *ret_ring_seq, int *ret_error)
{
	uint64_t count;
	bool answered;

	(void) !read(s->event_fd, &count, sizeof count);
	(void) pthread_mutex_lock(&s->lock);
	answered = s->answered;
	if (answered) {
		s->answered = false;
		*ret_ring_seq = s->answered_seq;
		*ret_error = s->error;
	}
	(void) pthread_mutex_unlock(&s->lock);
	return answered;
}
