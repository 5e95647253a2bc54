/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The helper thread sleeps on a condition until there is a request, writes it, and says so through
 * an event descriptor.  Requests do not queue: a later one covers an earlier one.  What could not
 * be written is tried again, less and less often, and answered once more when that works.
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
#define RETRY_FIRST_MS	500u
#define RETRY_LAST_MS	32000u

struct state {
	char dir[STATE_PATH_MAX];
	int event_fd;
	pthread_t thread;
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t wake;
	bool wanted, answered, closing;
	uint64_t wanted_seq, answered_seq;
	int error;
	unsigned int retry_ms;		/* 0: nothing is to be tried again */
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

/* The number in a file of stock: eight bytes in the machine's order.  0, or -errno. */
static int
foreign_read(const char *dir_path, const char *name, uint64_t *ret_number)
{
	char path[STATE_PATH_MAX + 256];
	uint8_t data[RINGID_BYTES + 1];
	uint64_t number = 0;
	ssize_t n;

	(void) snprintf(path, sizeof path, "%s/%s", dir_path, name);
	n = small_file_read(path, data, sizeof data);
	if (n == RINGID_BYTES)
		memcpy(&number, data, RINGID_BYTES);
	/* A number that leaves no room to go on is damage. */
	*ret_number = number < UINT64_MAX / 2 ? number : 0;
	return n < 0 ? (int) n : 0;
}

/* The highest number in stock's files ringid_*.  0, or the -errno of what could not be read. */
static int
foreign_floor(const char *dir_path, uint64_t *ret_floor)
{
	const struct dirent *entry;
	DIR *dir = opendir(dir_path);
	int r = 0;

	*ret_floor = 0;
	if (dir == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		uint64_t number;
		int error;

		if (strncmp(entry->d_name, "ringid_", 7) != 0)
			continue;
		error = foreign_read(dir_path, entry->d_name, &number);
		if (error < 0)
			r = error;
		if (number > *ret_floor)
			*ret_floor = number;
	}
	if (errno != 0)
		r = -errno;
	(void) closedir(dir);
	return r;
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

/* Until there is a request, it is time to try again, or the end has come.  With the lock held. */
static void
work_wait(struct state *s)
{
	struct timespec until;

	(void) clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += s->retry_ms / 1000;
	until.tv_nsec += (long) (s->retry_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!s->wanted && !s->closing) {
		if (s->retry_ms == 0)
			(void) pthread_cond_wait(&s->wake, &s->lock);
		else if (pthread_cond_timedwait(&s->wake, &s->lock, &until) == ETIMEDOUT)
			return;
	}
}

/* Said when it is asked for, and when it has become otherwise.  With the lock held. */
static void
answer(struct state *s, bool asked, uint64_t ring_seq, int error)
{
	static const uint64_t one = 1;

	if (error == 0)
		s->retry_ms = 0;
	else if (asked || s->retry_ms == 0)
		s->retry_ms = RETRY_FIRST_MS;
	else if (s->retry_ms < RETRY_LAST_MS)
		s->retry_ms *= 2;
	if (!asked && error == s->error)
		return;
	s->answered = true;
	s->answered_seq = ring_seq;
	s->error = error;
	/* Cannot fail: the counter is far from full. */
	(void) !write(s->event_fd, &one, sizeof one);
}

/* At the end what failed is tried a last time. */
static void *
state_thread(void *argument)
{
	struct state *s = argument;
	bool last = false;

	(void) pthread_mutex_lock(&s->lock);
	while (!last) {
		uint64_t ring_seq;
		bool asked;
		int r;

		work_wait(s);
		last = s->closing;
		asked = s->wanted;
		if (!asked && s->retry_ms == 0)
			continue;
		s->wanted = false;
		ring_seq = s->wanted_seq;
		(void) pthread_mutex_unlock(&s->lock);
		r = state_write(s->dir, ring_seq, true);
		(void) pthread_mutex_lock(&s->lock);
		answer(s, asked, ring_seq, r);
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
	uint64_t clock = state_floor_of_clock(now), foreign;
	ssize_t n;

	(void) snprintf(path, sizeof path, "%s/%s", dir, STATE_FILE_NAME);
	n = small_file_read(path, data, sizeof data);
	if (n >= 0 && state_decode(data, (size_t) n, &found->ring_seq_floor) == 0)
		found->intact = true;
	else if (n >= 0)
		found->damaged = true;
	else if (n != -ENOENT)
		found->read_error = (int) n;
	/* Also above what an intact file says: it may be old, if storing failed since. */
	if (clock > found->ring_seq_floor)
		found->ring_seq_floor = clock;
	found->foreign_error = foreign_floor(dir, &foreign);
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
	pthread_condattr_t attr;
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
	(void) pthread_condattr_init(&attr);
	(void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&s->wake, &attr);
	(void) pthread_condattr_destroy(&attr);
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
