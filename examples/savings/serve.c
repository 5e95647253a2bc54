/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The glue: one loop over the process group and the local clients.  It decides nothing; what came
 * in goes to the replica, what the replica wants out goes to the group or to the clients.
 */
#include "server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 20		/* the executive isn't there yet, or takes no more just now */

static volatile sig_atomic_t end_wanted;

static void
on_signal(int number)
{
	(void) number;
	end_wanted = 1;
}

uint64_t
wall_clock_ns(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

void
say(const char *format, ...)
{
	uint64_t now_us = wall_clock_ns() / 1000;
	va_list args;

	(void) printf("%llu.%06llu ", (unsigned long long) (now_us / 1000000),
	    (unsigned long long) (now_us % 1000000));
	va_start(args, format);
	(void) vprintf(format, args);
	va_end(args);
	(void) putchar('\n');
}

/* ---- the group ----------------------------------------------------------------------------- */

static struct server *
server_of(cpg_handle_t handle)
{
	void *server = NULL;

	(void) cpg_context_get(handle, &server);	/* our own handle, set at once */
	return server;
}

static void
on_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
    void *data, size_t len)
{
	struct server *server = server_of(handle);
	int r = replica_deliver(server->replica, (struct member) { node, pid, }, data, len);

	(void) group;
	if (r == -EBADMSG)
		say("ignored a malformed message of %u/%u, %zu bytes", node, pid, len);
	else if (r < 0)
		server->error = r;
}

static void
list_text(char *text, size_t room, const struct cpg_address *list, size_t count, bool reason)
{
	static const char *const reasons[] = {
		[CPG_REASON_UNDEFINED] = "", [CPG_REASON_JOIN] = "(joined)",
		[CPG_REASON_LEAVE] = "(left)", [CPG_REASON_NODEDOWN] = "(node down)",
		[CPG_REASON_NODEUP] = "(node up)", [CPG_REASON_PROCDOWN] = "(process died)",
	};
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && used < room; i++)
		used += (size_t) snprintf(text + used, room - used, " %u/%u%s", list[i].nodeid,
		    list[i].pid, reason && list[i].reason <= CPG_REASON_PROCDOWN ?
		    reasons[list[i].reason] : "");
}

static void
on_view(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	struct server *server = server_of(handle);
	char member_text[256], left_text[256], joined_text[256];
	int r;

	(void) group;
	server->member_count = member_count > CPG_MEMBERS_MAX ? CPG_MEMBERS_MAX : member_count;
	for (size_t i = 0; i < server->member_count; i++)
		server->members[i] = (struct member) { members[i].nodeid, members[i].pid, };
	list_text(member_text, sizeof member_text, members, member_count, false);
	list_text(left_text, sizeof left_text, left, left_count, true);
	list_text(joined_text, sizeof joined_text, joined, joined_count, true);
	say("view: %zu members:%s; left:%s; joined:%s", member_count, member_text, left_text,
	    joined_text);
	server->settled = server->settled && joined_count == 0;
	r = replica_view(server->replica, server->self, server->members, server->member_count,
	    joined_count > 0);
	if (r < 0)
		server->error = r;
}

static void
on_ring(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t count, const uint32_t *nodes)
{
	char text[256];
	size_t used = 0;

	(void) handle;
	text[0] = '\0';
	for (uint32_t i = 0; i < count && used < sizeof text; i++)
		used += (size_t) snprintf(text + used, sizeof text - used, " %u", nodes[i]);
	say("ring: %u.%llx: %u nodes:%s", ring.nodeid, (unsigned long long) ring.seq, count, text);
}

static void
group_disconnect(struct server *server, cs_error_t why)
{
	say("executive: lost (%s); the books are kept", cs_strerror(why));
	(void) cpg_finalize(server->cpg);	/* nothing is there to be told */
	server->cpg_fd = -1;
	server->member_count = 0;
	server->settled = false;
	replica_disconnected(server->replica);
	clients_wake(server);
}

/* Try to get into the group; the first reason for failing is said, a change of it too. */
static void
group_connect(struct server *server)
{
	cpg_model_v1_data_t model = {
		.model = CPG_MODEL_V1, .cpg_deliver_fn = on_message, .cpg_confchg_fn = on_view,
		.cpg_totem_confchg_fn = on_ring, .flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF,
	};
	unsigned int node = 0;
	int fd = -1;
	cs_error_t error = cpg_model_initialize(&server->cpg, CPG_MODEL_V1,
	    (cpg_model_data_t *) (void *) &model, server);

	if (error == CS_OK) {
		error = cpg_local_get(server->cpg, &node);
		if (error == CS_OK)
			error = cpg_fd_get(server->cpg, &fd);
		if (error == CS_OK)
			error = cpg_join(server->cpg, &server->group);
		if (error != CS_OK)
			(void) cpg_finalize(server->cpg);
	}
	if (error != CS_OK) {
		if (error != server->said)
			say("executive: not there yet (%s); trying on", cs_strerror(error));
		server->said = error;
		return;
	}
	server->said = CS_OK;
	server->cpg_fd = fd;
	server->self = (struct member) { node, (uint32_t) getpid(), };
	say("executive: connected, we are %u/%u", node, server->self.pid);
}

/* Returns whether the executive takes no more just now. */
static bool
group_send(struct server *server)
{
	const void *data;
	size_t len;
	bool safe;

	while (server->cpg_fd >= 0 &&
	    replica_message(server->replica, &data, &len, &safe)) {
		struct iovec iov = { .iov_len = len, };
		cs_error_t error;

		memcpy(&iov.iov_base, &data, sizeof data);	/* libcpg only reads it */
		error = cpg_mcast_joined(server->cpg, safe ? CPG_TYPE_SAFE : CPG_TYPE_AGREED,
		    &iov, 1);
		if (error == CS_ERR_TRY_AGAIN)
			return true;
		if (error != CS_OK)
			group_disconnect(server, error);
		else
			replica_sent(server->replica);
	}
	return false;
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* After each turn: what the replica has for the clients and for the log. */
static void
server_outputs(struct server *server)
{
	const struct bank *bank = replica_bank(server->replica);
	struct round_figures round = replica_round(server->replica);

	clients_answer(server);
	if (!replica_settled(server->replica) || server->settled)
		return;
	server->settled = true;
	say("settled: %zu inconsistent accounts:%s; sent %zu, got %zu; "
	    "books: %zu transactions, digest %016llx", round.inconsistent_count,
	    round.inconsistent, round.sent_count, round.got_count, bank->tx_count,
	    (unsigned long long) bank_digest(bank));
	clients_wake(server);
}

/* One turn: wait for anything, take it all. */
static void
server_turn(struct server *server, const sigset_t *wait_mask)
{
	struct timespec retry = { .tv_nsec = RETRY_MS * 1000000, };
	bool soon = group_send(server) || server->cpg_fd < 0;
	struct pollfd fds[CONNECTION_MAX + 2];
	cs_error_t error;

	server_outputs(server);
	clients_poll(server, fds);
	fds[CONNECTION_MAX + 1] = (struct pollfd) { .fd = server->cpg_fd, .events = POLLIN, };
	if (ppoll(fds, CONNECTION_MAX + 2, soon ? &retry : NULL, wait_mask) < 0)
		return;			/* a signal */
	if (server->cpg_fd < 0) {
		group_connect(server);
	} else if (fds[CONNECTION_MAX + 1].revents != 0) {
		error = cpg_dispatch(server->cpg, CS_DISPATCH_ALL);
		if (error != CS_OK && error != CS_ERR_TRY_AGAIN)
			group_disconnect(server, error);
	}
	clients_serve(server, fds);
}

int
serve(const char *group)
{
	struct sigaction action = { .sa_handler = on_signal, };
	static struct server server = { .cpg_fd = -1, .said = CS_OK, };
	sigset_t block, before;

	if (strlen(group) == 0 || strlen(group) > CPG_MAX_NAME_LENGTH) {
		(void) fprintf(stderr, "savings: group names have 1 to 128 bytes\n");
		return EXIT_USAGE;
	}
	server.group.length = (uint32_t) strlen(group);
	memcpy(server.group.value, group, server.group.length);
	server.replica = replica_new(wall_clock_ns());
	if (server.replica == NULL || clients_open(&server) < 0)
		return EXIT_REFUSED;
	/* Signals come in only while we wait, so none is missed between looking and waiting. */
	(void) sigemptyset(&block);
	(void) sigaddset(&block, SIGTERM);
	(void) sigaddset(&block, SIGINT);
	(void) sigprocmask(SIG_BLOCK, &block, &before);
	(void) sigaction(SIGTERM, &action, NULL);
	(void) sigaction(SIGINT, &action, NULL);
	(void) setvbuf(stdout, NULL, _IOLBF, 0);

	while (!end_wanted && server.error == 0)
		server_turn(&server, &before);
	if (server.error != 0)
		say("the end: can't follow the others any more: %s", strerror(-server.error));
	if (server.cpg_fd >= 0)
		(void) cpg_finalize(server.cpg);	/* that is how the others learn it */
	server.replica = replica_free(server.replica);
	clients_close(&server);
	return server.error != 0 ? EXIT_REFUSED : EXIT_DONE;
}
