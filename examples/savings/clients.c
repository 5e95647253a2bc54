/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The local clients of a replica: each connection is one request and one reply.
 */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
connection_close(struct connection *c)
{
	(void) close(c->fd);
	free(c->reply);
	*c = (struct connection) { .fd = -1, };
}

/* The reply begins with the status; the caller writes the text and closes it. */
static FILE *
reply_open(struct connection *c, enum exit_status status)
{
	FILE *out = open_memstream(&c->reply, &c->reply_len);

	if (out == NULL) {
		say("client: no memory for a reply, disconnected");
		connection_close(c);
		return NULL;
	}
	(void) fputc('0' + (int) status, out);
	return out;
}

static void
reply_close(struct connection *c, FILE *out)
{
	bool failed = ferror(out) != 0;

	if (fclose(out) != 0 || failed) {
		say("client: no memory for a reply, disconnected");
		connection_close(c);
	}
}

static void
reply_text(struct connection *c, enum exit_status status, const char *text)
{
	FILE *out = reply_open(c, status);

	if (out != NULL) {
		(void) fprintf(out, "%s\n", text);
		reply_close(c, out);
	}
}

static void
print_id(FILE *out, const struct tx_id *id)
{
	(void) fprintf(out, "%u.%llx.%llu", id->node, (unsigned long long) id->incarnation,
	    (unsigned long long) id->number);
}

static void
print_balance(FILE *out, const char *name, int64_t cents)
{
	char text[AMOUNT_TEXT_BYTES];

	(void) fprintf(out, "%-20s %16s%s\n", name, amount_format(cents, text),
	    cents < 0 ? "  overdrawn" : "");
}

static void
print_history(FILE *out, const struct account *account)
{
	char amount[AMOUNT_TEXT_BYTES], balance[AMOUNT_TEXT_BYTES], when[32];
	int64_t sum_cents = 0;

	for (size_t i = 0; account != NULL && i < account->entry_count; i++) {
		const struct tx *tx = &account->entries[i].tx;
		time_t seconds = (time_t) (tx->when_ns / 1000000000);
		struct tm tm;

		if (gmtime_r(&seconds, &tm) == NULL ||
		    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm) == 0)
			when[0] = '\0';
		sum_cents += tx->amount_cents;
		(void) fprintf(out, "%6llu  %s.%03uZ  %14s  %14s  node %u pid %-7u ",
		    (unsigned long long) tx->order, when,
		    (unsigned int) (tx->when_ns / 1000000 % 1000),
		    amount_format(tx->amount_cents, amount), amount_format(sum_cents, balance),
		    tx->id.node, tx->pid);
		print_id(out, &tx->id);
		(void) fputc('\n', out);
	}
}

static void
print_status(const struct server *server, FILE *out)
{
	const struct bank *bank = replica_bank(server->replica);

	(void) fprintf(out, "replica       node %u pid %u\nstate         %s\nmembers      ",
	    server->self.node, server->self.pid, server->cpg_fd < 0 ? "no executive" :
	    replica_settled(server->replica) ? "settled" : "reconciling");
	for (size_t i = 0; i < server->member_count; i++)
		(void) fprintf(out, " %u/%u", server->members[i].node, server->members[i].pid);
	(void) fprintf(out, "\ntransactions  %zu\ndigest        %016llx\n", bank->tx_count,
	    (unsigned long long) bank_digest(bank));
	for (size_t i = 0; i < bank->account_count; i++)
		if (bank->accounts[i].balance_cents < 0)
			(void) fprintf(out, "overdrawn     %s\n", bank->accounts[i].name);
}

static void
request_order(struct server *server, struct connection *c, const char *account, int64_t cents)
{
	int r;

	c->ticket = ++server->ticket;
	r = replica_command(server->replica, c->ticket, account, cents, wall_clock_ns());
	if (r == -EINVAL) {
		c->ticket = 0;
		reply_text(c, EXIT_USAGE, "no such account or amount can be");
	} else if (r < 0) {
		server->error = r;
	}
}

static void
request_read(struct server *server, struct connection *c, const char *verb, const char *name)
{
	const struct bank *bank = replica_bank(server->replica);
	FILE *out = reply_open(c, EXIT_DONE);

	if (out == NULL)
		return;
	if (strcmp(verb, "digest") == 0)
		(void) fprintf(out, "%016llx %zu transactions %zu accounts\n",
		    (unsigned long long) bank_digest(bank), bank->tx_count, bank->account_count);
	else if (strcmp(verb, "status") == 0)
		print_status(server, out);
	else if (strcmp(verb, "history") == 0)
		print_history(out, bank_account(bank, name));
	else if (name[0] != '\0')
		print_balance(out, name, bank_balance(bank, name));
	else
		for (size_t i = 0; i < bank->account_count; i++)
			print_balance(out, bank->accounts[i].name,
			    bank->accounts[i].balance_cents);
	reply_close(c, out);
}

/* A whole request line is there.  Orders wait inside the replica, readers here: the books of a
 * replica that is just being told what it lacks would mislead. */
static void
request_run(struct server *server, struct connection *c)
{
	char verb[16] = "", name[ACCOUNT_NAME_MAX + 1] = "";
	long long cents = 0;
	bool order;

	c->waiting = false;
	if (sscanf(c->request, "%15s %31s %lld", verb, name, &cents) < 3)
		name[0] = '\0';		/* "status  0" */
	order = strcmp(verb, "deposit") == 0 || strcmp(verb, "withdraw") == 0;
	if (strcmp(verb, "status") == 0)
		request_read(server, c, verb, name);
	else if (server->cpg_fd < 0)
		reply_text(c, EXIT_REFUSED, "nothing was done: this replica has no executive now");
	else if (order)
		request_order(server, c, name, verb[0] == 'd' ? cents : -cents);
	else if (!replica_settled(server->replica))
		c->waiting = true;
	else if (strcmp(verb, "digest") == 0 || strcmp(verb, "history") == 0 ||
	    strcmp(verb, "balance") == 0)
		request_read(server, c, verb, name);
	else
		reply_text(c, EXIT_USAGE, "no such request");
}

static void
connection_accept(struct server *server)
{
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;			/* gone again, or no descriptor now: it may try again */
	for (size_t i = 0; savings_peer_trusted(fd) && i < CONNECTION_MAX; i++)
		if (server->connections[i].fd < 0) {
			server->connections[i].fd = fd;
			return;
		}
	(void) close(fd);
}

static void
connection_serve(struct server *server, struct connection *c)
{
	ssize_t len;

	if (c->reply != NULL) {
		len = send(c->fd, c->reply + c->reply_at, c->reply_len - c->reply_at,
		    MSG_NOSIGNAL);
		if (len > 0)
			c->reply_at += (size_t) len;
		if (c->reply_at == c->reply_len || (len < 0 && errno != EAGAIN))
			connection_close(c);
		return;
	}
	len = read(c->fd, c->request + c->request_len, sizeof c->request - c->request_len - 1);
	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0 || c->waiting || c->ticket != 0) {
		connection_close(c);	/* gone, or says more than one request */
		return;
	}
	c->request_len += (size_t) len;
	c->request[c->request_len] = '\0';
	if (strchr(c->request, '\n') != NULL)
		request_run(server, c);
	else if (c->request_len == sizeof c->request - 1)
		connection_close(c);
}

static void
print_short(FILE *out, const struct bank *bank, const struct tx *tx)
{
	char has[AMOUNT_TEXT_BYTES], wanted[AMOUNT_TEXT_BYTES];
	int64_t balance_cents = bank_balance(bank, tx->account);

	if (bank_account(bank, tx->account) == NULL) {
		(void) fprintf(out, "refused: there is no account %s; a deposit opens it\n",
		    tx->account);
		return;
	}
	(void) fprintf(out, "refused: not enough money in account %s: it has %s, wanted are %s%s\n",
	    tx->account, amount_format(balance_cents, has),
	    amount_format(-tx->amount_cents, wanted), balance_cents >= -tx->amount_cents ?
	    " (other orders are under way)" : "");
}

static void
answer_give(struct server *server, struct connection *c, const struct answer *answer)
{
	static const enum exit_status status[] = {
		[RESULT_DONE] = EXIT_DONE, [RESULT_SHORT] = EXIT_REFUSED,
		[RESULT_NOTHING] = EXIT_REFUSED, [RESULT_UNKNOWN] = EXIT_UNKNOWN,
		[RESULT_FULL] = EXIT_REFUSED,
	};
	const struct tx *tx = &answer->tx;
	char amount[AMOUNT_TEXT_BYTES];
	FILE *out = reply_open(c, status[answer->result]);

	if (out == NULL)
		return;
	switch (answer->result) {
	case RESULT_DONE:
		(void) fprintf(out, "done: %s %s, order %llu, id ", tx->account,
		    amount_format(tx->amount_cents, amount), (unsigned long long) tx->order);
		print_id(out, &tx->id);
		(void) fputc('\n', out);
		break;
	case RESULT_SHORT:
		print_short(out, replica_bank(server->replica), tx);
		break;
	case RESULT_NOTHING:
		(void) fputs("nothing was done: the executive went away\n", out);
		break;
	case RESULT_UNKNOWN:
		(void) fputs("outcome unknown: the executive went away; look in the history "
		    "for id ", out);
		print_id(out, &tx->id);
		(void) fputc('\n', out);
		break;
	case RESULT_FULL:
		(void) fputs("refused: the books are full\n", out);
		break;
	}
	reply_close(c, out);
}

void
clients_answer(struct server *server)
{
	struct answer answer;

	while (replica_answer(server->replica, &answer))
		for (size_t i = 0; i < CONNECTION_MAX; i++)
			if (server->connections[i].ticket == answer.ticket)
				answer_give(server, &server->connections[i], &answer);
}

void
clients_wake(struct server *server)
{
	for (size_t i = 0; i < CONNECTION_MAX; i++)
		if (server->connections[i].waiting)
			request_run(server, &server->connections[i]);
}

void
clients_poll(const struct server *server, struct pollfd fds[CONNECTION_MAX + 1])
{
	fds[0] = (struct pollfd) { .fd = server->listen_fd, .events = POLLIN, };
	for (size_t i = 0; i < CONNECTION_MAX; i++)
		fds[i + 1] = (struct pollfd) {
			.fd = server->connections[i].fd,	/* -1 is passed over */
			.events = server->connections[i].reply != NULL ? POLLOUT : POLLIN,
		};
}

void
clients_serve(struct server *server, const struct pollfd fds[CONNECTION_MAX + 1])
{
	for (size_t i = 0; i < CONNECTION_MAX; i++)
		if (fds[i + 1].revents != 0 && server->connections[i].fd == fds[i + 1].fd)
			connection_serve(server, &server->connections[i]);
	if (fds[0].revents != 0)
		connection_accept(server);
}

int
clients_open(struct server *server)
{
	struct sockaddr_un address;
	socklen_t len;
	int fd;

	for (size_t i = 0; i < CONNECTION_MAX; i++)
		server->connections[i].fd = -1;
	if (savings_address(&address, &len) < 0) {
		(void) fprintf(stderr, "savings: COROSYNC_INSTANCE is too long\n");
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (const struct sockaddr *) &address, len) == 0 &&
	    listen(fd, CONNECTION_MAX) == 0) {
		server->listen_fd = fd;
		return 0;
	}
	(void) fprintf(stderr, "savings: socket: %s\n", errno == EADDRINUSE ?
	    "a replica of this instance is running already" : strerror(errno));
	if (fd >= 0)
		(void) close(fd);
	return -1;
}

void
clients_close(struct server *server)
{
	for (size_t i = 0; i < CONNECTION_MAX; i++)
		if (server->connections[i].fd >= 0)
			connection_close(&server->connections[i]);
	(void) close(server->listen_fd);
}
