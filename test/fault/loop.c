/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/fault/fault.h"

#define HANG_MS		30000	/* without a step */
#define ORPHANS_MS	500u	/* the kernel ends the daemons of a child that was killed */
#define UNFIRED_ENOUGH	3	/* in a row: counts vary from run to run */
#define FAILURES_MAX	10	/* of one loop: then it is given up */
#ifdef __SANITIZE_ADDRESS__
#define CLASS_FIRST	INJECT_SEND	/* cf. inject.h */
#else
#define CLASS_FIRST	INJECT_ALLOC
#endif
#define FRAME_NAME_MAX	128

struct inject_control *fault_own, *fault_daemon;
pid_t fault_pid;
static bool verbose;

/* What the child tells. */
static struct report {
	uint32_t at;			/* of the fault under way */
	uint32_t steps;			/* counts up */
	uint32_t unfired;		/* in a row */
	uint32_t fired_total, outcome[OUTCOME_COUNT];
	bool over;
	char step[160], failure[1024];
} *report;

/* What the parent counts. */
struct loop {
	uint64_t began_ms;
	unsigned int known, failed;
};

static const char *const class_name[] = { [INJECT_NONE] = "none", [INJECT_ALLOC] = "alloc",
    [INJECT_SEND] = "send", [INJECT_WRITE] = "write", [INJECT_FSYNC] = "fsync",
    [INJECT_OPEN] = "open", [INJECT_MMAP] = "mmap" };

static const int class_error[] = { [INJECT_NONE] = 0, [INJECT_ALLOC] = ENOMEM,
    [INJECT_SEND] = ENOBUFS, [INJECT_WRITE] = ENOSPC, [INJECT_FSYNC] = EIO,
    [INJECT_OPEN] = EMFILE, [INJECT_MMAP] = ENOMEM };

/* --- for subjects --- */

void
fault_step(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void) vsnprintf(report->step, sizeof report->step, format, args);
	va_end(args);
	__atomic_add_fetch(&report->steps, 1, __ATOMIC_RELEASE);
}

_Noreturn void
fault_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void) vsnprintf(report->failure, sizeof report->failure, format, args);
	va_end(args);
	daemons_end();
	_exit(1);
}

void
fault_arm(struct inject_control *control, const struct fault *fault)
{
	control->at = fault->at;
	control->times = fault->times;
	control->error = class_error[fault->class];
	control->count = control->fired = control->frame_count = 0;
	__atomic_store_n(&control->armed, (uint32_t) fault->class, __ATOMIC_RELEASE);
}

void
fault_disarm(struct inject_control *control)
{
	__atomic_store_n(&control->armed, INJECT_NONE, __ATOMIC_RELEASE);
}

uint64_t
fault_now_ms(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000u + (uint64_t) now.tv_nsec / 1000000u;
}

void
fault_sleep_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long) (ms % 1000) * 1000000 };

	(void) nanosleep(&time, NULL);
}

unsigned int
fault_entries(const char *path)
{
	const struct dirent *entry;
	unsigned int count = 0;
	DIR *dir = opendir(path);

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	if (dir != NULL)
		(void) closedir(dir);
	return count;
}

/* --- where it was --- */

/* Function, file and line, as addr2line knows it. */
static void
frame_name(const struct inject_frame *frame, char name[FRAME_NAME_MAX])
{
	char command[256];
	FILE *names;

	(void) snprintf(name, FRAME_NAME_MAX, "?");
	/* A return address: the call is before it. */
	(void) snprintf(command, sizeof command, "addr2line -fse '%s' 0x%" PRIx64
	    " 2>/dev/null | paste -sd ' '", frame->module, frame->offset - 1);
	names = popen(command, "re");
	if (names == NULL)
		return;
	if (fgets(name, FRAME_NAME_MAX, names) != NULL)
		name[strcspn(name, "\n")] = '\0';
	(void) pclose(names);
}

static void
place_print(const struct inject_control *control)
{
	char name[FRAME_NAME_MAX];

	for (uint32_t i = 0; i < control->frame_count; i++) {
		frame_name(&control->frame[i], name);
		printf("#     %s+0x%" PRIx64 " %s\n", control->frame[i].module,
		    control->frame[i].offset, name);
	}
}

/* --- the child --- */

/* With --verbose: what became of each fault. */
static void
fault_print(uint32_t at, enum outcome outcome)
{
	static const char *const names[] = { [OUTCOME_NONE] = "not reached",
	    [OUTCOME_UNSEEN] = "unseen", [OUTCOME_TOLD] = "told", [OUTCOME_ENDED] = "ended" };

	if (!verbose)
		return;
	printf("# %u: %s\n", at, names[outcome]);
	place_print(fault_own->fired > 0 ? fault_own : fault_daemon);
	(void) fflush(stdout);
}

static uint32_t
fired_count(void)
{
	return fault_own->fired + fault_daemon->fired;
}

static _Noreturn void
child(const struct subject *subject, struct fault fault, unsigned int count_max)
{
	enum outcome outcome;

	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (subject->begin != NULL)
		subject->begin();
	for (unsigned int i = 0; report->unfired < UNFIRED_ENOUGH && i < count_max; i++) {
		report->at = fault.at;
		fault_own->fired = fault_daemon->fired = 0;
		fault_step("beginning");
		outcome = subject->run(&fault);
		fault_disarm(fault_own);
		fault_disarm(fault_daemon);
		report->fired_total += fired_count() > 0;
		report->outcome[fired_count() > 0 ? outcome : OUTCOME_NONE]++;
		fault_print(fault.at, fired_count() > 0 ? outcome : OUTCOME_NONE);
		report->unfired = fired_count() > 0 ? 0 : report->unfired + 1;
		fault.at++;
	}
	daemons_end();
	report->over = true;
	_exit(0);
}

/* --- the parent --- */

/* The child's end, or that it did not take another step for too long. */
static int
child_watch(pid_t pid, bool *ret_hung)
{
	uint32_t steps = 0, now;
	uint64_t since_ms = fault_now_ms();
	int status;

	*ret_hung = false;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		now = __atomic_load_n(&report->steps, __ATOMIC_ACQUIRE);
		if (now != steps)
			since_ms = fault_now_ms();
		steps = now;
		if (fault_now_ms() - since_ms > HANG_MS) {
			*ret_hung = true;
			(void) kill(pid, SIGKILL);
			(void) waitpid(pid, &status, 0);
			fault_sleep_ms(ORPHANS_MS);
			break;
		}
		fault_sleep_ms(2);
	}
	return status;
}

/* --- what is not ours --- */

/* A library's own crash in that function of its, on the way from that one of ours.  libqb asserts
 * that its allocations succeed, or uses what it did not get; these are while the daemon starts or
 * when it has left the ring, and nothing that we could do instead leads round them. */
static const struct exception {
	const char *library, *function, *caller, *why;
} exceptions[] = {
	{ "libqb.so", "qb_log_init", "log_begin", "the log begins" },
	{ "libqb.so", "qb_log_thread_start", "log_begin", "the log begins" },
	{ "libqb.so", "qb_log_format_set", "format_set", "the log begins" },
	{ "libqb.so", "qb_loop_create", "daemon_run", "the main loop is made" },
	{ "libqb.so", "qb_log_callsite_get2", "signals_set", "libqb's own first log line" },
	{ "libqb.so", "qb_loop_timer_add", "start_new", "the first timer" },
	{ "libqb.so", "qb_log_fini", "life", "the log ends" },
};

static void
function_name(const struct inject_frame *frame, char name[FRAME_NAME_MAX])
{
	frame_name(frame, name);
	name[strcspn(name, " ")] = '\0';
}

static bool
library_calls(const struct inject_control *control, uint32_t ours, const struct exception *e)
{
	char name[FRAME_NAME_MAX];

	for (uint32_t i = 0; i < ours; i++) {
		function_name(&control->frame[i], name);
		if (strstr(control->frame[i].module, e->library) != NULL &&
		    strcmp(name, e->function) == 0)
			return true;
	}
	return false;
}

/* Of the system: ours in the build tree have no version in their name. */
static bool
is_library(const struct inject_frame *frame)
{
	return strstr(frame->module, ".so.") != NULL;
}

static const struct exception *
exception_find(const struct inject_control *control)
{
	char name[FRAME_NAME_MAX];
	uint32_t ours = 0;

	while (ours < control->frame_count && is_library(&control->frame[ours]))
		ours++;
	for (uint32_t k = ours; k < control->frame_count; k++) {
		function_name(&control->frame[k], name);
		for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
			if (strcmp(name, exceptions[i].caller) == 0 &&
			    library_calls(control, ours, &exceptions[i]))
				return &exceptions[i];
	}
	return NULL;
}

static const char *
times_name(uint32_t times)
{
	return times == 1 ? "once" : times == ALWAYS ? "always" : "burst";
}

/* True: it counts. */
static bool
failure_print(const struct subject *subject, const struct fault *fault, int status, bool hung)
{
	const struct exception *exception = exception_find(fault_daemon);

	if (exception != NULL && strstr(report->failure, "ended by signal") != NULL) {
		printf("known: %s: %s number %u: %s() crashes (%s)\n", subject->name,
		    class_name[fault->class], report->at, exception->function,
		    exception->why);
		return false;
	}
	printf("FAIL: %s: %s number %u, %s: ", subject->name, class_name[fault->class], report->at,
	    times_name(fault->times));
	if (hung)
		printf("hangs while %s\n", report->step);
	else if (WIFSIGNALED(status))
		printf("signal %d while %s\n", WTERMSIG(status), report->step);
	else
		printf("%s (while %s)\n", report->failure, report->step);
	place_print(fault_own->fired > 0 ? fault_own : fault_daemon);
	(void) fflush(stdout);
	return true;
}

static void
loop_print(const struct subject *subject, const struct fault *first, const struct loop *loop)
{
	printf("%-7s %-6s %-6s from %-4u fired %4u: unseen %4u, told %4u, ended %4u, "
	    "known %u, failed %u  (%.1f s%s)\n", subject->name, class_name[first->class],
	    times_name(first->times), first->at, report->fired_total,
	    report->outcome[OUTCOME_UNSEEN], report->outcome[OUTCOME_TOLD],
	    report->outcome[OUTCOME_ENDED], loop->known, loop->failed,
	    (double) (fault_now_ms() - loop->began_ms) / 1e3,
	    report->unfired >= UNFIRED_ENOUGH ? ", to the end" : "");
	(void) fflush(stdout);
}

/* One child, which goes on until the end or the first fault that is not met as it must be. */
static void
child_run(const struct subject *subject, struct fault *fault, unsigned int count_max,
    struct loop *loop)
{
	bool hung;
	pid_t pid;
	int status;

	(void) fflush(stdout);
	pid = fork();
	if (pid == 0)
		child(subject, *fault, count_max);
	status = child_watch(pid, &hung);
	fault_disarm(fault_own);
	fault_disarm(fault_daemon);
	if (report->over)
		return;
	if (failure_print(subject, fault, status, hung))
		loop->failed++;
	else
		loop->known++;
	report->failure[0] = '\0';
	fault->at = report->at + 1;
}

bool
fault_loop(const struct subject *subject, const struct fault *first, unsigned int count_max)
{
	struct loop loop = { .began_ms = fault_now_ms() };
	struct fault fault = *first;

	memset(report, 0, sizeof *report);
	while (!report->over && loop.failed < FAILURES_MAX && fault.at - first->at < count_max)
		child_run(subject, &fault, count_max - (fault.at - first->at), &loop);
	if (report->fired_total + loop.known + loop.failed == 0) {
		/* A sample's last place is beyond the end. */
		if (first->at > 1)
			return true;
		printf("FAIL: %s: %s: no fault fired, which shows nothing\n", subject->name,
		    class_name[first->class]);
		loop.failed++;
	}
	loop_print(subject, first, &loop);
	return loop.failed == 0;
}

/* --- the command --- */

char fault_dir[64] = "/tmp/fault.XXXXXX";

static struct inject_control *
control_make(const char *name)
{
	char path[128];
	void *map;
	int fd;

	(void) snprintf(path, sizeof path, "%s/%s", fault_dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct inject_control)) < 0)
		return NULL;
	map = mmap(NULL, sizeof(struct inject_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void) close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static bool
pages_make(void)
{
	report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);
	fault_own = control_make("own");
	fault_daemon = control_make("daemon");
	return report != MAP_FAILED && fault_own != NULL && fault_daemon != NULL;
}

/* Again, with the library in front: the subjects that are libraries are in this process. */
static void
preload_self(char **argv)
{
	char own[128], library[4096], dir[4000];

	if (getcwd(dir, sizeof dir) == NULL || mkdtemp(fault_dir) == NULL)
		return;
	(void) snprintf(own, sizeof own, "%s/own", fault_dir);
	(void) snprintf(library, sizeof library, "%s/test/fault/.libs/inject.so", dir);
	if (control_make("own") == NULL || access(library, R_OK) != 0)
		return;
	(void) setenv(INJECT_VARIABLE, own, 1);
	(void) setenv("FAULT_DIR", fault_dir, 1);
	(void) setenv("LD_PRELOAD", library, 1);
	(void) setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 0);
	/* Freed memory is to be seen as free at once. */
	(void) setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
	(void) execv("/proc/self/exe", argv);
}

static int
remove_tree(void)
{
	char command[128];

	(void) snprintf(command, sizeof command, "rm -rf %s", fault_dir);
	return system(command);
}

/* The sample: so many faults of each loop, from several places. */
static const uint32_t sample_from[] = { 1, 7, 40, 150, 400 };
#define SAMPLE_COUNT	2u

static bool
class_run(const struct subject *subject, struct fault fault, bool sample)
{
	bool good = true;

	if (!sample)
		return fault_loop(subject, &fault, UINT32_MAX);
	for (size_t i = 0; i < sizeof sample_from / sizeof sample_from[0]; i++) {
		fault.at = sample_from[i];
		good = fault_loop(subject, &fault, SAMPLE_COUNT) && good;
		if (report->unfired > 0 || !good)
			break;
	}
	return good;
}

struct selection {
	const char *subject, *class;	/* NULL: all */
	uint32_t at;			/* 0: all */
	bool sample;
};

static void
subject_run(const struct subject *subject, const struct selection *want, unsigned int *passed,
    unsigned int *failed)
{
	static const uint32_t times[] = { 1, BURST, ALWAYS };
	const unsigned int bits[] = { subject->classes, subject->classes_burst,
	    subject->classes_always };

	for (enum inject_class c = CLASS_FIRST; c < INJECT_CLASS_COUNT; c++) {
		if (want->class != NULL && strcmp(want->class, class_name[c]) != 0)
			continue;
		for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
			struct fault fault = { .class = c, .at = want->at > 0 ? want->at : 1,
			    .times = times[i] };
			bool good;

			if ((bits[i] & 1u << c) == 0)
				continue;
			good = want->at > 0 ? fault_loop(subject, &fault, 1)
			    : class_run(subject, fault, want->sample);
			*(good ? passed : failed) += 1;
		}
	}
}

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: faults [--sample] [--verbose] [--subject NAME] [--class NAME] "
	    "[--at N]\n");
	exit(2);
}

static struct selection
selection_parse(int argc, char **argv)
{
	struct selection want = { .at = 0 };

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--sample") == 0)
			want.sample = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else if (strcmp(argv[i], "--subject") == 0 && i + 1 < argc)
			want.subject = argv[++i];
		else if (strcmp(argv[i], "--class") == 0 && i + 1 < argc)
			want.class = argv[++i];
		else if (strcmp(argv[i], "--at") == 0 && i + 1 < argc)
			want.at = (uint32_t) strtoul(argv[++i], NULL, 10);
		else
			usage();
	}
	return want;
}

int
main(int argc, char **argv)
{
	static const struct subject *const subjects[] = { &subject_state, &subject_client,
	    &subject_start, &subject_serve, &subject_ring, &subject_join };
	struct selection want = selection_parse(argc, argv);
	const char *dir = getenv("FAULT_DIR");
	unsigned int passed = 0, failed = 0;

	if (dir == NULL)
		preload_self(argv);
	else
		(void) snprintf(fault_dir, sizeof fault_dir, "%s", dir);
	if (dir == NULL || !pages_make()) {
		fprintf(stderr, "faults: no test/fault/.libs/inject.so here, or no room in %s; "
		    "run it in the build tree\n", fault_dir);
		return 99;
	}
	fault_pid = getpid();
	(void) unsetenv("LD_PRELOAD");
	(void) signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
		if (want.subject == NULL || strcmp(want.subject, subjects[i]->name) == 0)
			subject_run(subjects[i], &want, &passed, &failed);
	}
	printf("%u passed, %u failed\n", passed, failed);
	if (getenv("KEEP") == NULL)
		(void) remove_tree();
	return failed > 0 || passed == 0;
}
