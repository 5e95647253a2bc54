/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/core/instance.h"

#define LOCK_FILE_NAME	"corosync.pid"

bool
instance_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > INSTANCE_NAME_MAX)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
	    == len;
}

/* `dir` and, behind a dash, the instance's name. */
static int
path_with_name(char ret_path[INSTANCE_PATH_MAX], const char *dir, const char *name,
    const char *below)
{
	int n = snprintf(ret_path, INSTANCE_PATH_MAX, "%s%s%s%s", dir, name[0] != '\0' ? "-" : "",
	    name, below);

	return n < 0 || (unsigned int) n >= INSTANCE_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int
default_dirs(struct instance *instance)
{
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");
	char base[INSTANCE_PATH_MAX];
	int r;

	if (geteuid() == 0) {
		r = path_with_name(instance->run_dir, CS_RUNSTATEDIR "/corosync", instance->name,
		    "");
		return r < 0 ? r : path_with_name(instance->state_dir,
		    CS_LOCALSTATEDIR "/lib/corosync", instance->name, "");
	}
	if (xdg != NULL && xdg[0] == '/')
		r = snprintf(base, sizeof base, "%s/corosync", xdg);
	else
		r = snprintf(base, sizeof base, "/tmp/corosync-%u", (unsigned int) geteuid());
	if (r < 0 || (size_t) r >= sizeof base)
		return -ENAMETOOLONG;
	r = path_with_name(instance->run_dir, base, instance->name, "");
	return r < 0 ? r : path_with_name(instance->state_dir, base, instance->name, "/state");
}

int
instance_init(struct instance *instance, const char *name, const struct instance_paths *paths)
{
	int r;

	*instance = (struct instance) { .lock_fd = -1 };
	if (name[0] == '\0') {
		name = secure_getenv("COROSYNC_INSTANCE");
		if (name == NULL)
			name = "";
	}
	if (name[0] != '\0' && !instance_name_ok(name))
		return -EINVAL;
	(void) snprintf(instance->name, sizeof instance->name, "%s", name);
	r = default_dirs(instance);
	if (paths->option_run_dir[0] != '\0')
		r = path_with_name(instance->run_dir, paths->option_run_dir, "", "");
	else if (paths->file_run_dir[0] != '\0')
		r = path_with_name(instance->run_dir, paths->file_run_dir, name, "");
	if (r < 0)
		return r;
	if (paths->option_state_dir[0] != '\0')
		r = path_with_name(instance->state_dir, paths->option_state_dir, "", "");
	else if (paths->file_state_dir[0] != '\0')
		r = path_with_name(instance->state_dir, paths->file_state_dir, name, "");
	return r;
}

void
instance_service_name(const struct instance *instance, const char *service,
    char ret_name[INSTANCE_SERVICE_MAX])
{
	(void) snprintf(ret_name, INSTANCE_SERVICE_MAX, "%.24s%s%s", service,
	    instance->name[0] != '\0' ? "-" : "", instance->name);
}

int
instance_dir_make(const char *path, mode_t mode)
{
	char part[INSTANCE_PATH_MAX];
	struct stat st;
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof part)
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (size_t i = 1; i < len; i++) {
		if (part[i] != '/')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		part[i] = '/';
	}
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	/* In a directory that others can write (/tmp) somebody may have made it before us. */
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & S_IWOTH) != 0)
		return -EPERM;
	return 0;
}

int
instance_lock(struct instance *instance, pid_t *ret_holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[INSTANCE_PATH_MAX + 32], text[16];
	int fd, len, r;

	(void) snprintf(path, sizeof path, "%s/" LOCK_FILE_NAME, instance->run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		r = errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
		lock.l_pid = 0;
		if (r == -EBUSY)
			(void) fcntl(fd, F_GETLK, &lock);
		*ret_holder = lock.l_type != F_UNLCK && lock.l_pid > 0 ? lock.l_pid : 0;
		(void) close(fd);
		return r;
	}
	len = snprintf(text, sizeof text, "%ld\n", (long) getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t) len, 0) != len) {
		/* The lock is what counts; a full disk must not keep the daemon from running. */
		(void) !ftruncate(fd, 0);
	}
	instance->lock_fd = fd;
	return 0;
}

void
instance_unlock(struct instance *instance)
{
	if (instance->lock_fd < 0)
		return;
	/* Emptied, not removed: a successor that has it open already must find the same file. */
	(void) !ftruncate(instance->lock_fd, 0);
	(void) close(instance->lock_fd);
	instance->lock_fd = -1;
}
