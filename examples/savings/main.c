/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * savings: a bank whose books are on every node.  Read on in bank.h, replica.h, MERGING.md.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bank.h"
#include "serve.h"

static const char usage_text[] =
    "usage: savings serve [GROUP]              be this node's replica (until SIGTERM)\n"
    "       savings deposit ACCOUNT AMOUNT     pay in; AMOUNT as 12 or 12.34\n"
    "       savings withdraw ACCOUNT AMOUNT    pay out, refused when the money is short\n"
    "       savings balance [ACCOUNT]          of one account or of all\n"
    "       savings history ACCOUNT            its transactions, in order\n"
    "       savings digest                     equal on replicas with equal books\n"
    "       savings status                     this replica and its group\n"
    "COROSYNC_INSTANCE chooses the replica, as it chooses the executive.\n"
    "Exit status: 0 done, 1 refused or not done, 2 usage, 3 no replica, 4 outcome unknown.\n";

int
savings_address(struct sockaddr_un *ret_address, socklen_t *ret_len)
{
	const char *instance = secure_getenv("COROSYNC_INSTANCE");
	int len;

	*ret_address = (struct sockaddr_un) { .sun_family = AF_UNIX, };
	len = snprintf(ret_address->sun_path + 1, sizeof ret_address->sun_path - 1, "savings/%s",
	    instance != NULL ? instance : "");
	if (len < 0 || (size_t) len >= sizeof ret_address->sun_path - 1)
		return -EINVAL;
	*ret_len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + (size_t) len);
	return 0;
}

/* An abstract name can be taken by anyone on the machine: each side looks who the other is. */
int
savings_peer_trusted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid());
}

static int
usage(const char *problem, const char *what)
{
	(void) fprintf(stderr, "savings: %s%s\n%s", problem, what, usage_text);
	return EXIT_USAGE;
}

/* The request line for these arguments; 0 or an exit status, said. */
static int
request_make(int argc, char **argv, char request[REQUEST_BYTES_MAX])
{
	const char *verb = argv[1];
	bool order = strcmp(verb, "deposit") == 0 || strcmp(verb, "withdraw") == 0;
	bool account = order || strcmp(verb, "history") == 0;
	bool alone = strcmp(verb, "digest") == 0 || strcmp(verb, "status") == 0;
	int64_t cents = 0;
	int r, count_max = order ? 4 : alone ? 2 : 3;

	if (!account && !alone && strcmp(verb, "balance") != 0)
		return usage("no such command: ", verb);
	if (argc > count_max)
		return usage("too much: ", argv[count_max]);
	if (argc < (order ? 4 : account ? 3 : 2))
		return usage(verb, order ? ": ACCOUNT and AMOUNT are needed" :
		    ": ACCOUNT is needed");
	if (argc > 2 && !account_name_valid(argv[2]))
		return usage("account names are up to 31 letters, digits and _ . - ; not: ",
		    argv[2]);
	if (order) {
		r = amount_parse(argv[3], &cents);
		if (r == -ERANGE)
			return usage("amounts are 0.01 to 10000000000.00; not: ", argv[3]);
		if (r < 0)
			return usage("amounts look like 12 or 12.34; not: ", argv[3]);
	}
	(void) snprintf(request, REQUEST_BYTES_MAX, "%s %s %lld\n", verb,
	    argc > 2 ? argv[2] : "", (long long) cents);
	return 0;
}

/* Send the request; print the answer; return the status that came with it. */
static int
request_do(const char *request)
{
	struct sockaddr_un address;
	socklen_t address_len;
	char text[4096];
	int fd, status = -1;
	ssize_t len;
	FILE *to = stderr;

	if (savings_address(&address, &address_len) < 0)
		return usage("COROSYNC_INSTANCE is too long", "");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *) &address, address_len) < 0) {
		(void) fprintf(stderr, "savings: no replica here: %s; start one with: "
		    "savings serve\n", strerror(errno));
		return EXIT_NO_REPLICA;
	}
	if (!savings_peer_trusted(fd)) {
		(void) fprintf(stderr, "savings: another user runs that replica\n");
		return EXIT_NO_REPLICA;
	}
	/* A replica that is gone closes the connection: said below. */
	(void) send(fd, request, strlen(request), MSG_NOSIGNAL);
	while ((len = read(fd, text, sizeof text)) > 0) {
		size_t skip = status < 0;

		if (status < 0) {
			status = text[0] - '0';
			to = status == EXIT_DONE ? stdout : stderr;
		}
		(void) fwrite(text + skip, 1, (size_t) len - skip, to);
	}
	(void) close(fd);
	if (status < 0 || len < 0) {
		(void) fprintf(stderr, "savings: the replica went away; outcome unknown\n");
		return EXIT_UNKNOWN;
	}
	if (fflush(stdout) != 0) {
		(void) fprintf(stderr, "savings: output: %s\n", strerror(errno));
		return EXIT_REFUSED;
	}
	return status;
}

int
main(int argc, char **argv)
{
	char request[REQUEST_BYTES_MAX];
	int r;

	if (argc < 2)
		return usage("a command is needed", "");
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return fputs(usage_text, stdout) < 0 ? EXIT_REFUSED : EXIT_DONE;
	if (strcmp(argv[1], "serve") == 0) {
		if (argc > 3)
			return usage("too much: ", argv[3]);
		return serve(argc == 3 ? argv[2] : "savings");
	}
	r = request_make(argc, argv, request);
	return r != 0 ? r : request_do(request);
}
