/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The allocator's own names (__libc_malloc) lead past us: dlsym() allocates, and so could not find
 * the real ones for us.  The constructor finds the others.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/fault/inject.h"

#define EXPORT __attribute__((visibility("default")))

#ifndef __SANITIZE_ADDRESS__
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
#endif

static struct inject_control *control;
/* This thread is describing a fault: what that needs is not counted. */
static __thread bool inside __attribute__((tls_model("initial-exec")));

static void __attribute__((constructor))
begin(void)
{
	const char *path = getenv(INJECT_VARIABLE);
	void *map, *warm[1];
	int fd;

	if (path == NULL)
		return;
	fd = (int) syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	map = (void *) syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	(void) close(fd);
	(void) backtrace(warm, 1);	/* loads what it needs */
	if (map != MAP_FAILED)
		control = map;
}

static void
frame_describe(struct inject_frame *frame, void *address)
{
	Dl_info info;

	memset(frame, 0, sizeof *frame);
	if (dladdr(address, &info) == 0)
		return;
	if (info.dli_fname != NULL)
		(void) memccpy(frame->module, info.dli_fname, '\0', sizeof frame->module - 1);
	frame->offset = (uint64_t) ((uintptr_t) address - (uintptr_t) info.dli_fbase);
}

static void
place_keep(void)
{
	void *address[INJECT_FRAMES_MAX + 2];
	int count;

	inside = true;
	count = backtrace(address, (int) (INJECT_FRAMES_MAX + 2));
	/* The first two are ours. */
	for (int i = 2; i < count; i++)
		frame_describe(&control->frame[i - 2], address[i]);
	control->frame_count = count > 2 ? (uint32_t) count - 2 : 0;
	inside = false;
}

/* Shall this call fail?  Then errno is set. */
static bool __attribute__((noinline))
strikes(enum inject_class class)
{
	uint32_t number;

	if (control == NULL || inside ||
	    __atomic_load_n(&control->armed, __ATOMIC_ACQUIRE) != (uint32_t) class)
		return false;
	number = __atomic_add_fetch(&control->count, 1, __ATOMIC_RELAXED);
	if (number < control->at || number - control->at >= control->times)
		return false;
	if (__atomic_add_fetch(&control->fired, 1, __ATOMIC_RELAXED) == 1)
		place_keep();
	errno = control->error;
	return true;
}

/* Not a socket or an event descriptor, whose errors would be others. */
static bool
is_file(int fd)
{
	struct stat st;

	return control != NULL && control->armed == INJECT_WRITE && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode);
}

/* The system's own function of that name. */
#define REAL(name) \
	static __typeof__(&name) real; \
	if (real == NULL) { \
		bool before = inside; \
		inside = true; \
		real = (__typeof__(&name)) dlsym(RTLD_NEXT, #name); \
		inside = before; \
	}

/* --- alloc --- */

#ifndef __SANITIZE_ADDRESS__	/* whose allocator must be the only one */

EXPORT void *
malloc(size_t size)
{
	return strikes(INJECT_ALLOC) ? NULL : __libc_malloc(size);
}

EXPORT void *
calloc(size_t count, size_t size)
{
	return strikes(INJECT_ALLOC) ? NULL : __libc_calloc(count, size);
}

EXPORT void *
realloc(void *old, size_t size)
{
	return strikes(INJECT_ALLOC) ? NULL : __libc_realloc(old, size);
}

EXPORT void *
reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return strikes(INJECT_ALLOC) ? NULL : __libc_realloc(old, bytes);
}

EXPORT void *
memalign(size_t alignment, size_t size)
{
	return strikes(INJECT_ALLOC) ? NULL : __libc_memalign(alignment, size);
}

EXPORT void *
aligned_alloc(size_t alignment, size_t size)
{
	return strikes(INJECT_ALLOC) ? NULL : __libc_memalign(alignment, size);
}

EXPORT int
posix_memalign(void **ret, size_t alignment, size_t size)
{
	*ret = strikes(INJECT_ALLOC) ? NULL : __libc_memalign(alignment, size);
	return *ret != NULL ? 0 : ENOMEM;
}

#endif

/* --- send --- */

EXPORT ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	REAL(send);
	return strikes(INJECT_SEND) ? -1 : real(fd, data, len, flags);
}

EXPORT ssize_t
sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	REAL(sendto);
	return strikes(INJECT_SEND) ? -1 : real(fd, data, len, flags, to, to_len);
}

EXPORT ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	REAL(sendmsg);
	return strikes(INJECT_SEND) ? -1 : real(fd, message, flags);
}

EXPORT int
sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	REAL(sendmmsg);
	return strikes(INJECT_SEND) ? -1 : real(fd, messages, count, flags);
}

/* --- write --- */

EXPORT ssize_t
write(int fd, const void *data, size_t len)
{
	REAL(write);
	return is_file(fd) && strikes(INJECT_WRITE) ? -1 : real(fd, data, len);
}

EXPORT ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	REAL(pwrite);
	return is_file(fd) && strikes(INJECT_WRITE) ? -1 : real(fd, data, len, at);
}

EXPORT ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	REAL(writev);
	return is_file(fd) && strikes(INJECT_WRITE) ? -1 : real(fd, iov, count);
}

/* --- fsync --- */

EXPORT int
fsync(int fd)
{
	REAL(fsync);
	return strikes(INJECT_FSYNC) ? -1 : real(fd);
}

EXPORT int
fdatasync(int fd)
{
	REAL(fdatasync);
	return strikes(INJECT_FSYNC) ? -1 : real(fd);
}

EXPORT int
rename(const char *from, const char *to)
{
	REAL(rename);
	return strikes(INJECT_FSYNC) ? -1 : real(from, to);
}

EXPORT int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	REAL(renameat);
	return strikes(INJECT_FSYNC) ? -1 : real(from_fd, from, to_fd, to);
}

/* --- open --- */

static mode_t
mode_of(int flags, va_list args)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE
	    ? va_arg(args, mode_t) : 0;
}

EXPORT int
open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return strikes(INJECT_OPEN) ? -1 : (int) syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

EXPORT int
openat(int dir_fd, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return strikes(INJECT_OPEN) ? -1 : (int) syscall(SYS_openat, dir_fd, path, flags, mode);
}

EXPORT DIR *
opendir(const char *path)
{
	REAL(opendir);
	return strikes(INJECT_OPEN) ? NULL : real(path);
}

EXPORT FILE *
fopen(const char *path, const char *mode)
{
	REAL(fopen);
	return strikes(INJECT_OPEN) ? NULL : real(path, mode);
}

EXPORT int
socket(int domain, int type, int protocol)
{
	REAL(socket);
	return strikes(INJECT_OPEN) ? -1 : real(domain, type, protocol);
}

EXPORT int
accept4(int fd, struct sockaddr *from, socklen_t *from_len, int flags)
{
	REAL(accept4);
	/* With one descriptor given up it would not fail again, so it does not for long. */
	return control != NULL && control->times == 1 && strikes(INJECT_OPEN) ? -1
	    : real(fd, from, from_len, flags);
}

/* The headers declare these in several ways. */
extern int eventfd(unsigned int value, int flags);
extern int timerfd_create(int clock, int flags);

EXPORT int
eventfd(unsigned int value, int flags)
{
	REAL(eventfd);
	return strikes(INJECT_OPEN) ? -1 : real(value, flags);
}

EXPORT int
timerfd_create(int clock, int flags)
{
	REAL(timerfd_create);
	return strikes(INJECT_OPEN) ? -1 : real(clock, flags);
}

/* --- mmap --- */

EXPORT void *
mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
	if (strikes(INJECT_MMAP))
		return MAP_FAILED;
	return (void *) syscall(SYS_mmap, address, len, protection, flags, fd, offset);
}

/* The address is there only with MREMAP_FIXED; the kernel ignores it otherwise. */
EXPORT void *
mremap(void *old, size_t old_len, size_t len, int flags, ...)
{
	void *address;
	va_list list;

	va_start(list, flags);
	address = (flags & MREMAP_FIXED) != 0 ? va_arg(list, void *) : NULL;
	va_end(list);
	if (strikes(INJECT_MMAP))
		return MAP_FAILED;
	return (void *) syscall(SYS_mremap, old, old_len, len, flags, address);
}

EXPORT int
memfd_create(const char *name, unsigned int flags)
{
	REAL(memfd_create);
	return strikes(INJECT_MMAP) ? -1 : real(name, flags);
}

EXPORT int
ftruncate(int fd, off_t size)
{
	REAL(ftruncate);
	return strikes(INJECT_MMAP) ? -1 : real(fd, size);
}
