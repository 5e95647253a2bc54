/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the cluster tests cannot do exactly from a shell: take the time of a fault with the clock
 * that the programs under test use, and put bytes of any kind into a datagram.
 *
 *	fault now			print CLOCK_MONOTONIC in ms
 *	fault signal NUMBER PID...	print the time, then send the signal
 *	fault run COMMAND [ARG...]	print the time, then become the command
 *	fault send ADDRESS PORT COUNT SIZE_MAX SEED [PREFIX_HEX]
 *					datagrams of random length and content behind the prefix
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <netdb.h>

#include "exec/base/prng.h"

#define DATAGRAM_BYTES_MAX 65507u

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: fault now | signal NUMBER PID... | run COMMAND [ARG...] |\n"
	    "       send ADDRESS PORT COUNT SIZE_MAX SEED [PREFIX_HEX]\n");
	exit(2);
}

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "fault: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long
number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value > max) {
		fprintf(stderr, "fault: %s: not a number up to %lu\n", text, max);
		exit(2);
	}
	return value;
}

static void
now_print(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		die("clock_gettime");
	printf("%lld.%03ld\n", (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000,
	    now.tv_nsec / 1000 % 1000);
	(void) fflush(stdout);
}

static size_t
hex_decode(const char *hex, uint8_t *bytes, size_t size)
{
	size_t len = strlen(hex) / 2;

	if (len > size || strlen(hex) % 2 != 0)
		usage();
	for (size_t i = 0; i < len; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
		char *end;

		bytes[i] = (uint8_t) strtoul(pair, &end, 16);
		if (*end != '\0')
			usage();
	}
	return len;
}

static int
socket_to(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found;
	int fd, r;

	r = getaddrinfo(address, port, &hints, &found);
	if (r != 0) {
		fprintf(stderr, "fault: %s port %s: %s\n", address, port, gai_strerror(r));
		exit(1);
	}
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (connect(fd, found->ai_addr, found->ai_addrlen) != 0)
		die("connect");
	freeaddrinfo(found);
	return fd;
}

static void
garbage_send(char **argv)
{
	static uint8_t bytes[DATAGRAM_BYTES_MAX];
	unsigned long count = number(argv[2], 1000000);
	unsigned long size_max = number(argv[3], DATAGRAM_BYTES_MAX);
	struct prng prng = { .state = number(argv[4], ULONG_MAX) };
	size_t prefix = argv[5] != NULL ? hex_decode(argv[5], bytes, sizeof bytes) : 0;
	int fd = socket_to(argv[0], argv[1]);

	for (unsigned long i = 0; i < count; i++) {
		size_t len = (size_t) prng_below(&prng, size_max + 1);

		for (size_t k = prefix; k < len; k++)
			bytes[k] = (uint8_t) prng_u64(&prng);
		/* A closed port's or a full buffer's answer is not what is tested. */
		if (send(fd, bytes, len, 0) < 0 && errno != ECONNREFUSED && errno != ENOBUFS &&
		    errno != EMSGSIZE)
			die("send");
	}
	(void) close(fd);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		usage();
	if (strcmp(argv[1], "now") == 0 && argc == 2) {
		now_print();
	} else if (strcmp(argv[1], "signal") == 0 && argc >= 4) {
		int signal_number = (int) number(argv[2], 64);

		now_print();
		for (int i = 3; i < argc; i++) {
			if (kill((pid_t) number(argv[i], INT32_MAX), signal_number) != 0)
				die(argv[i]);
		}
	} else if (strcmp(argv[1], "run") == 0 && argc >= 3) {
		now_print();
		(void) execvp(argv[2], argv + 2);
		die(argv[2]);
	} else if (strcmp(argv[1], "send") == 0 && (argc == 7 || argc == 8)) {
		garbage_send(argv + 2);
	} else {
		usage();
	}
	return EXIT_SUCCESS;
}
