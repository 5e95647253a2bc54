/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * For LD_PRELOAD: a disk that hangs.  fsync() does not return while the file that SLOW_DISK names
 * is there.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int __attribute__((visibility("default")))
fsync(int fd)
{
	const struct timespec pause = { 0, 20000000 };
	const char *path = getenv("SLOW_DISK");
	int (*real)(int);

	while (path != NULL && access(path, F_OK) == 0)
		(void) nanosleep(&pause, NULL);
	*(void **) &real = dlsym(RTLD_NEXT, "fsync");
	return real(fd);
}
