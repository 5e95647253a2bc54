/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Last words, with processes that stand for daemons, and sockets that stand for the other nodes'.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/core/last_words.h"

#define WAIT_MS		5000
#define SILENCE_MS	200
#define NODES		2

static int node[NODES];
static struct net_address address[NODES], local;

static struct net_address
loopback(void)
{
	struct net_address a = { .len = sizeof a.sa.v4 };

	a.sa.v4.sin_family = AF_INET;
	a.sa.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void
setup(void)
{
	local = loopback();
	for (int i = 0; i < NODES; i++) {
		address[i] = loopback();
		node[i] = socket(AF_INET, SOCK_DGRAM, 0);
		ck_assert_int_ge(node[i], 0);
		ck_assert_int_eq(bind(node[i], &address[i].sa.any, address[i].len), 0);
		ck_assert_int_eq(getsockname(node[i], &address[i].sa.any, &address[i].len), 0);
	}
}

static void
teardown(void)
{
	for (int i = 0; i < NODES; i++)
		(void) close(node[i]);
}

static void
leave(struct last_words *words, const char *text, size_t count)
{
	last_words_leave(words, (const uint8_t *) text, strlen(text), &local, address, count);
}

/* A daemon that lives as `life` says, and then waits to be killed. */
static pid_t
daemon_start(void (*life)(struct last_words *words), int closed_fd)
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct last_words *words;

		if (last_words_new(&words) < 0)
			_exit(1);
		life(words);
		if (closed_fd >= 0)
			(void) close(closed_fd);
		(void) !write(ready[1], "", 1);
		for (;;)
			(void) pause();
	}
	(void) close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void) close(ready[0]);
	return pid;
}

static void
daemon_kill(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
}

static void
hears(int fd, const char *text)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	char got[LAST_WORDS_BYTES_MAX];

	ck_assert_int_eq(poll(&poller, 1, WAIT_MS), 1);
	ck_assert_int_eq(recv(fd, got, sizeof got, 0), (ssize_t) strlen(text));
	ck_assert_int_eq(memcmp(got, text, strlen(text)), 0);
}

static void
hears_nothing(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&poller, 1, SILENCE_MS), 0);
}

static void
life_of_two_wills(struct last_words *words)
{
	leave(words, "the first", NODES);
	leave(words, "the second", NODES);
}

/* Twice, as the network may lose one; and only when it is dead. */
START_TEST(the_last_are_said_to_all)
{
	pid_t pid = daemon_start(life_of_two_wills, -1);

	hears_nothing(node[0]);
	daemon_kill(pid);
	for (int i = 0; i < NODES; i++) {
		hears(node[i], "the second");
		hears(node[i], "the second");
		hears_nothing(node[i]);
	}
}
END_TEST

static void
life_of_few_friends(struct last_words *words)
{
	leave(words, "to two", NODES);
	leave(words, "to one", 1);
}

START_TEST(others_hear_nothing)
{
	daemon_kill(daemon_start(life_of_few_friends, -1));
	hears(node[0], "to one");
	hears_nothing(node[1]);
}
END_TEST

static void
life_with_good_bye(struct last_words *words)
{
	leave(words, "never said", NODES);
	last_words_silence(words);
}

static void
life_to_its_end(struct last_words *words)
{
	leave(words, "never said", NODES);
	(void) last_words_free(words);
}

START_TEST(good_bye_silences)
{
	daemon_kill(daemon_start(_i == 0 ? life_with_good_bye : life_to_its_end, -1));
	hears_nothing(node[0]);
}
END_TEST

/* Who waits for the end of a pipe of the daemon's does not wait for the watcher. */
START_TEST(no_descriptor_is_kept)
{
	struct pollfd poller = { .events = POLLIN };
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = daemon_start(life_of_two_wills, fds[1]);
	(void) close(fds[1]);
	poller.fd = fds[0];
	ck_assert_int_eq(poll(&poller, 1, WAIT_MS), 1);
	ck_assert_int_eq(poller.revents & POLLIN, 0);
	ck_assert_int_ne(poller.revents & POLLHUP, 0);
	daemon_kill(pid);
	(void) close(fds[0]);
}
END_TEST

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
#define SIGNALS		(sizeof signals / sizeof signals[0])

static void
life_without_fear(struct last_words *words)
{
	leave(words, "not yet", NODES);
	for (size_t i = 0; i < SIGNALS; i++)
		(void) signal(signals[i], SIG_IGN);
}

/* Signals to the whole group are the daemon's to act on: it may have to be killed afterwards. */
START_TEST(signals_to_all_leave_it)
{
	pid_t pid;

	ck_assert_int_eq(setpgid(0, 0), 0);
	pid = daemon_start(life_without_fear, -1);
	for (size_t i = 0; i < SIGNALS; i++) {
		(void) signal(signals[i], SIG_IGN);	/* we are in it, too */
		ck_assert_int_eq(kill(0, signals[i]), 0);
	}
	daemon_kill(pid);
	hears(node[0], "not yet");
}
END_TEST

static void
life_with_a_long_end(struct last_words *words)
{
	leave(words, "now", NODES);
	last_words_now();
}

static void
life_without_end(struct last_words *words)
{
	leave(words, "never said", NODES);
	(void) last_words_free(words);
	last_words_now();	/* none are left */
}

/* A core file takes long to be written. */
START_TEST(they_are_said_before_the_end)
{
	pid_t pid = daemon_start(life_with_a_long_end, -1);

	hears(node[1], "now");
	hears(node[1], "now");
	daemon_kill(pid);
	hears_nothing(node[1]);
	daemon_kill(daemon_start(life_without_end, -1));
	hears(node[0], "now");
	hears(node[0], "now");
	hears_nothing(node[0]);
}
END_TEST

/* Of whom we are the parent, of any name; 0: nobody. */
static pid_t
child_of_ours(void)
{
	DIR *processes = opendir("/proc");
	pid_t child = 0;

	ck_assert_ptr_nonnull(processes);
	for (struct dirent *entry; child == 0 && (entry = readdir(processes)) != NULL;) {
		char path[300];
		int pid, parent;
		FILE *file;

		(void) snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		file = fopen(path, "r");	/* not a process, or one that has ended: no file */
		if (file == NULL)
			continue;
		if (fscanf(file, "%d (%*[^)]) %*c %d", &pid, &parent) == 2 && parent == getpid())
			child = (pid_t) pid;
		(void) fclose(file);
	}
	(void) closedir(processes);
	return child;
}

static int
killed_and_renewed(struct last_words *words)
{
	int r = last_words_renew(words);
	pid_t watcher = child_of_ours();

	if (r != 0 || watcher == 0 || kill(watcher, SIGKILL) < 0)
		return 0;
	for (int i = 0; i < WAIT_MS && r == 0; i++) {
		(void) poll(NULL, 0, 1);
		r = last_words_renew(words);
	}
	return r;
}

static void
life_with_another(struct last_words *words)
{
	leave(words, "by the second", NODES);
	(void) sleep(3);
	if (killed_and_renewed(words) != 1)
		_exit(1);
}

static void
life_with_a_third(struct last_words *words)
{
	leave(words, "by the third", NODES);
	if (killed_and_renewed(words) != -ECHILD || last_words_renew(words) != 1)
		_exit(1);
}

static void
life_with_a_thief(struct last_words *words)
{
	leave(words, "though reaped by another", NODES);
	(void) sleep(3);
	if (kill(child_of_ours(), SIGKILL) < 0 || wait(NULL) <= 0 || last_words_renew(words) != 1)
		_exit(1);
}

static void
life_with_no_other(struct last_words *words)
{
	leave(words, "by nobody", NODES);
	if (killed_and_renewed(words) != -ECHILD)
		_exit(1);
}

static void
life_that_goes_on(struct last_words *words)
{
	leave(words, "said", NODES);
	(void) sleep(3);
	last_words_now();
	for (int i = 0; i < SILENCE_MS; i++) {
		(void) poll(NULL, 0, 1);
		if (last_words_renew(words) != 0)
			_exit(1);
	}
}

/* Another one is made of a process that was killed, but not again and again at once; and none when
 * the words were said. */
START_TEST(it_is_made_again)
{
	static const struct {
		void (*life)(struct last_words *words);
		const char *text;
	} cases[] = {
		{ life_with_another, "by the second" },
		{ life_with_a_third, "by the third" },
		{ life_with_a_thief, "though reaped by another" },
		{ life_that_goes_on, "said" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		daemon_kill(daemon_start(cases[i].life, -1));
		hears(node[0], cases[i].text);
		hears(node[0], cases[i].text);
		hears_nothing(node[0]);
	}
	daemon_kill(daemon_start(life_with_no_other, -1));
	hears_nothing(node[0]);
}
END_TEST

/* Neither name nor arguments are those of the daemon. */
START_TEST(it_has_a_name_of_its_own)
{
	static char title[] = "corosync\0-f";
	struct last_words *words;
	char line[64] = "";
	FILE *file;

	last_words_title(title, sizeof title);
	ck_assert_int_eq(last_words_new(&words), 0);
	ck_assert_str_eq(title, "corosync");	/* ours is as it was */
	for (int i = 0; i < WAIT_MS && strcmp(line, "lastword\n") != 0; i++) {
		(void) snprintf(line, sizeof line, "/proc/%ld/comm", (long) child_of_ours());
		file = fopen(line, "r");
		ck_assert_ptr_nonnull(file);
		ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
		(void) fclose(file);
		(void) poll(NULL, 0, 1);
	}
	ck_assert_str_eq(line, "lastword\n");
	(void) last_words_free(words);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("last words");
	TCase *tcase = tcase_create("last words");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, the_last_are_said_to_all);
	tcase_add_test(tcase, others_hear_nothing);
	tcase_add_loop_test(tcase, good_bye_silences, 0, 2);
	tcase_add_test(tcase, no_descriptor_is_kept);
	tcase_add_test(tcase, signals_to_all_leave_it);
	tcase_add_test(tcase, they_are_said_before_the_end);
	tcase_add_test(tcase, it_is_made_again);
	tcase_add_test(tcase, it_has_a_name_of_its_own);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
