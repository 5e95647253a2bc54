/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A chat on a process group, as a first program to read: type a line, and everyone in the room sees
 * it, all in the same order, together with who comes and goes.
 *
 *	chat [ROOM]
 *
 * It shows the usual shape of a program on libcpg: initialise, join, then one select() loop over
 * the library's descriptor and the program's own.  Three things are easy to get wrong:
 *
 *   - Our own lines come back to us in their place among the others'.  Act on what is delivered,
 *     never on what was sent: then all members do the same.
 *   - Sending can say CS_ERR_TRY_AGAIN.  Then dispatch, and send it later; don't drop it, and don't
 *     read more input meanwhile.
 *   - The daemon can die.  cpg_dispatch() says CS_ERR_LIBRARY; a program that should live on
 *     initialises and joins again, and is a new member.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include <corosync/cpg.h>

#define LINE_MAX_BYTES	4096
#define RETRY_NS	20000000	/* 20 ms */

struct chat {
	cpg_handle_t handle;
	struct cpg_name room;
	uint32_t node_id, pid;
	char line[LINE_MAX_BYTES];	/* what was typed and not yet sent */
	size_t len;
	bool waiting;			/* a whole line is in it; the cluster said: not now */
	bool left;			/* our own leave was delivered */
};

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
	(void) number;
	stopped = 1;
}

static void
pause_shortly(void)
{
	struct timespec time = { .tv_nsec = RETRY_NS };

	(void) nanosleep(&time, NULL);
}

/* --- what the cluster tells us ------------------------------------------------------------- */

static void
on_line(cpg_handle_t handle, const struct cpg_name *group, uint32_t node_id, uint32_t pid,
    void *msg, size_t len)
{
	(void) handle;
	(void) group;
	printf("<%" PRIu32 ":%" PRIu32 "> ", node_id, pid);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = ((const unsigned char *) msg)[i];

		/* Another's bytes: nothing in them should move our cursor. */
		putchar(c >= ' ' && c != 0x7f ? c : '.');
	}
	putchar('\n');
}

static const char *
reason_text(uint32_t reason)
{
	switch (reason) {
	case CPG_REASON_JOIN:
		return "came";
	case CPG_REASON_LEAVE:
		return "left";
	case CPG_REASON_NODEDOWN:
		return "is gone: its node left the cluster";
	case CPG_REASON_NODEUP:
		return "is here: its node came to us";
	case CPG_REASON_PROCDOWN:
		return "died";
	default:	/* tidy: open set: a number from outside */
		return "changed";
	}
}

static void
on_change(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	struct chat *chat = NULL;
	void *context;

	(void) group;
	(void) members;
	if (cpg_context_get(handle, &context) == CS_OK)
		chat = context;
	for (size_t i = 0; i < left_count; i++) {
		printf("* %" PRIu32 ":%" PRIu32 " %s\n", left[i].nodeid, left[i].pid,
		    reason_text(left[i].reason));
		if (chat != NULL && left[i].nodeid == chat->node_id && left[i].pid == chat->pid)
			chat->left = true;
	}
	for (size_t i = 0; i < joined_count; i++)
		printf("* %" PRIu32 ":%" PRIu32 " %s\n", joined[i].nodeid, joined[i].pid,
		    reason_text(joined[i].reason));
	printf("* %zu in the room\n", member_count);
}

/* --- what we tell the cluster -------------------------------------------------------------- */

/* Send the first typed line, if there is a whole one. */
static cs_error_t
send_line(struct chat *chat)
{
	char *end = memchr(chat->line, '\n', chat->len);
	struct iovec iov = { .iov_base = chat->line };
	cs_error_t error;
	size_t used;

	if (end == NULL && chat->len < sizeof chat->line)
		return CS_OK;
	iov.iov_len = end != NULL ? (size_t) (end - chat->line) : chat->len;
	error = cpg_mcast_joined(chat->handle, CPG_TYPE_AGREED, &iov, 1);
	chat->waiting = error == CS_ERR_TRY_AGAIN;
	if (error != CS_OK)
		return chat->waiting ? CS_OK : error;
	used = iov.iov_len + (end != NULL ? 1 : 0);
	chat->len -= used;
	memmove(chat->line, chat->line + used, chat->len);
	chat->waiting = memchr(chat->line, '\n', chat->len) != NULL;
	return CS_OK;
}

static void
read_input(struct chat *chat)
{
	ssize_t n = read(STDIN_FILENO, chat->line + chat->len, sizeof chat->line - chat->len);

	if (n > 0)
		chat->len += (size_t) n;
	else if (n == 0 || errno != EINTR)
		stopped = 1;
}

/* --- the loop ------------------------------------------------------------------------------ */

static cs_error_t
enter(struct chat *chat, const char *room)
{
	cpg_callbacks_t callbacks = { .cpg_deliver_fn = on_line, .cpg_confchg_fn = on_change };
	unsigned int node_id;
	cs_error_t error;

	*chat = (struct chat) { .pid = (uint32_t) getpid() };
	chat->room.length = (uint32_t) strlen(room);
	memcpy(chat->room.value, room, chat->room.length);
	while ((error = cpg_initialize(&chat->handle, &callbacks)) == CS_ERR_TRY_AGAIN && !stopped)
		pause_shortly();
	if (error != CS_OK)
		return error;
	(void) cpg_context_set(chat->handle, chat);
	error = cpg_local_get(chat->handle, &node_id);
	if (error != CS_OK)
		return error;
	chat->node_id = node_id;
	while ((error = cpg_join(chat->handle, &chat->room)) == CS_ERR_TRY_AGAIN && !stopped)
		pause_shortly();
	return error;
}

static cs_error_t
talk(struct chat *chat)
{
	struct timeval retry;
	cs_error_t error;
	fd_set readable;
	int fd;

	error = cpg_fd_get(chat->handle, &fd);
	while (error == CS_OK && !stopped) {
		FD_ZERO(&readable);
		FD_SET(fd, &readable);
		if (!chat->waiting)
			FD_SET(STDIN_FILENO, &readable);
		retry = (struct timeval) { .tv_usec = RETRY_NS / 1000 };
		if (select(fd + 1, &readable, NULL, NULL, chat->waiting ? &retry : NULL) < 0) {
			if (errno == EINTR)
				continue;
			return CS_ERR_LIBRARY;
		}
		if (FD_ISSET(STDIN_FILENO, &readable))
			read_input(chat);
		if (FD_ISSET(fd, &readable))
			error = cpg_dispatch(chat->handle, CS_DISPATCH_ALL);
		if (error == CS_OK)
			error = send_line(chat);
		(void) fflush(stdout);
	}
	return error;
}

/* Send what is still there, leave, and see ourselves leave: all before it was delivered then. */
static cs_error_t
leave(struct chat *chat)
{
	cs_error_t error = CS_OK;

	while (error == CS_OK && chat->waiting) {
		pause_shortly();
		error = send_line(chat);
		if (error == CS_OK)
			error = cpg_dispatch(chat->handle, CS_DISPATCH_ALL);
	}
	if (error == CS_OK)
		while ((error = cpg_leave(chat->handle, &chat->room)) == CS_ERR_TRY_AGAIN)
			pause_shortly();
	while (error == CS_OK && !chat->left)
		error = cpg_dispatch(chat->handle, CS_DISPATCH_ONE);
	return error;
}

int
main(int argc, char **argv)
{
	static struct chat chat;
	struct sigaction action = { .sa_handler = on_signal };
	const char *room = argc > 1 ? argv[1] : "chat";
	cs_error_t error;

	if (argc > 2 || strlen(room) > CPG_MAX_NAME_LENGTH) {
		fprintf(stderr, "usage: chat [ROOM]   (a name of at most %d bytes)\n",
		    CPG_MAX_NAME_LENGTH);
		return EXIT_FAILURE;
	}
	(void) sigaction(SIGINT, &action, NULL);
	(void) sigaction(SIGTERM, &action, NULL);
	error = enter(&chat, room);
	if (error == CS_OK)
		error = talk(&chat);
	if (error == CS_OK)
		error = leave(&chat);
	(void) cpg_finalize(chat.handle);
	if (error != CS_OK) {
		fprintf(stderr, "chat: %s%s\n", cs_strerror(error),
		    error == CS_ERR_LIBRARY ? " (is the daemon running?)" : "");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
