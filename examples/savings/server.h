/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What serve.c (the process group, the loop) and clients.c (the local clients) share.
 */
#ifndef SAVINGS_SERVER_H
#define SAVINGS_SERVER_H
#include <corosync/cpg.h>
#include <poll.h>
#include <signal.h>

#include "replica.h"
#include "serve.h"

#define CONNECTION_MAX 64

struct connection {
	int fd;				/* -1: free */
	char request[REQUEST_BYTES_MAX];
	size_t request_len;
	bool waiting;			/* for the replica to be settled */
	uint64_t ticket;		/* of the order it waits for; 0: none */
	char *reply;			/* once there is one */
	size_t reply_len, reply_at;
};

struct server {
	struct replica *replica;
	cpg_handle_t cpg;
	int cpg_fd;			/* -1: not connected */
	struct cpg_name group;
	struct member self;
	cs_error_t said;		/* why connecting fails: said once */
	bool settled;			/* as last seen, to say it when it comes */
	int error;			/* the replica's: the end */
	int listen_fd;
	struct connection connections[CONNECTION_MAX];
	uint64_t ticket;		/* the last one given */
	struct member members[CPG_MEMBERS_MAX];
	size_t member_count;
};

/* serve.c */
uint64_t wall_clock_ns(void);
/* One line of the log, with the time in seconds since 1970. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* clients.c */
int clients_open(struct server *server);	/* 0, or -1: said why */
void clients_close(struct server *server);
/* fds[0] is the listening socket's, the rest the connections'. */
void clients_poll(const struct server *server, struct pollfd fds[CONNECTION_MAX + 1]);
void clients_serve(struct server *server, const struct pollfd fds[CONNECTION_MAX + 1]);
void clients_answer(struct server *server);	/* what the replica has for them */
void clients_wake(struct server *server);	/* those that waited for settled books */
#endif
