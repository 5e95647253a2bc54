/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Several daemons on one machine: the name of this one, and what follows from it: names of
 * sockets, directories, the lock that admits one daemon an instance.
 */
#ifndef CORE_INSTANCE_H
#define CORE_INSTANCE_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define INSTANCE_NAME_MAX	32u
#define INSTANCE_PATH_MAX	4096u
#define INSTANCE_SERVICE_MAX	64u

struct instance {
	char name[INSTANCE_NAME_MAX + 1];	/* "": the plain daemon */
	char run_dir[INSTANCE_PATH_MAX];
	char state_dir[INSTANCE_PATH_MAX];
	int lock_fd;				/* -1: not locked */
};

struct instance_paths {		/* "": the default.  The name is put behind those of the file. */
	const char *option_run_dir, *option_state_dir;
	const char *file_run_dir, *file_state_dir;
};

/* Letters, digits, '-' and '_'; at most INSTANCE_NAME_MAX of them. */
bool instance_name_ok(const char *name);
/* `name` "": from COROSYNC_INSTANCE unless set-user-id.  0, -EINVAL (name), -ENAMETOOLONG. */
int instance_init(struct instance *instance, const char *name,
    const struct instance_paths *paths);
/* "cpg" or "cpg-NAME". */
void instance_service_name(const struct instance *instance, const char *service,
    char ret_name[INSTANCE_SERVICE_MAX]);
/* Make a directory and those above it.  -EPERM: it is there, but somebody else could write it. */
int instance_dir_make(const char *path, mode_t mode);
/* Become the one daemon and write our process id.  0, -errno, or -EBUSY and who holds it (0 when
 * that cannot be told). */
int instance_lock(struct instance *instance, pid_t *ret_holder);
void instance_unlock(struct instance *instance);
#endif
