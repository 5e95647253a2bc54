/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * A process of one group that sends, checks what it gets, and tells what happens and when.  Every
 * message says who sent it and its number, and its content follows from these: a byte that is
 * wrong, a message lost, doubled or out of its sender's order is seen at once (exit status 4).
 * A running hash over sender, number, content and configuration changes, in the order of delivery,
 * is the same wherever the same was delivered.
 *
 * Standard output, a line each; MS is CLOCK_MONOTONIC in ms:
 *	MS ready				our first configuration change came
 *	MS config COUNT NODE:PID,...		the members now (--events)
 *	MS ring COUNT NODE,...			the ring now (--events)
 *	MS error CODE				the library said so; exit status 3
 *	MS progress N				received so far (--progress MS: so often)
 *	total sent N received N bytes N configs N hash HEX
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <corosync/cpg.h>

#include "exec/base/buf.h"
#include "exec/base/prng.h"

#define SENDERS_MAX		256u
#define HEAD_BYTES		24u
#define SIZE_MAX_BYTES		1048576u
#define MAGIC			0x64616f6cu
#define EXIT_LIBRARY		3
#define EXIT_INTEGRITY		4

enum kind { KIND_DATA, KIND_END };

struct sender {
	uint32_t node_id, pid;
	bool number_known;	/* false: its next message may have any number */
	uint64_t number_next;
	bool ended;		/* its end mark came */
};

struct options {
	const char *group;
	bool events, safe, listen;
	double seconds;			/* 0: until told to stop */
	unsigned long size_min, size_max, rate, stop_count, members, progress_ms;
};

static struct options options = { .group = "cpgload", .size_min = 64, .size_max = 64 };

static struct {
	cpg_handle_t handle;
	uint32_t node_id;
	struct sender sender[SENDERS_MAX];
	size_t sender_count;
	uint64_t sent, received, received_bytes, configs, hash;
	bool ready;
	bool counting;		/* hash and totals run: from the start, or from --members */
	bool frozen;		/* all end marks came */
	double progress_ms;	/* when it is said again */
	bool bereaved;		/* a node went down, and nobody joined since */
	struct sender departed;	/* stands for who says SAFE last words then */
} load;

static volatile sig_atomic_t stopped;

static double
now_ms(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static _Noreturn void
integrity(const char *what, uint32_t node_id, uint32_t pid, uint64_t number)
{
	fflush(stdout);
	fprintf(stderr, "cpgload: %s: node %" PRIu32 " pid %" PRIu32 " number %" PRIu64 "\n",
	    what, node_id, pid, number);
	exit(EXIT_INTEGRITY);
}

static _Noreturn void
library_error(const char *call, cs_error_t error)
{
	printf("%.3f error %d\n", now_ms(), (int) error);
	fflush(stdout);
	fprintf(stderr, "cpgload: %s: error %d\n", call, (int) error);
	exit(EXIT_LIBRARY);
}

static void
hash_add(uint64_t value)
{
	uint64_t z = (load.hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);

	load.hash = z ^ (z >> 29);
}

/* The content behind the head, word by word; the last word may be cut. */
static struct prng
content_seed(uint32_t node_id, uint32_t pid, uint64_t number)
{
	return (struct prng) { .state = ((uint64_t) node_id << 32 | pid) ^ number * 0x10001u };
}

static void
content_fill(uint8_t *at, size_t len, struct prng prng)
{
	while (len > 0) {
		uint64_t word = prng_u64(&prng);
		size_t piece = len < sizeof word ? len : sizeof word;
		struct buf_writer out = buf_writer(at, piece);

		buf_put_le(&out, word, piece);
		at += piece;
		len -= piece;
	}
}

static bool
content_check(const uint8_t *at, size_t len, struct prng prng)
{
	while (len > 0) {
		uint64_t word = prng_u64(&prng);
		size_t piece = len < sizeof word ? len : sizeof word;
		struct buf_reader in = buf_reader(at, piece);
		uint64_t got = buf_get_le(&in, piece);

		if (piece < sizeof word)
			word &= (UINT64_C(1) << (8 * piece)) - 1;
		if (got != word)
			return false;
		if (load.counting && !load.frozen)
			hash_add(got);
		at += piece;
		len -= piece;
	}
	return true;
}

static struct sender *
sender_find(uint32_t node_id, uint32_t pid)
{
	for (size_t i = 0; i < load.sender_count; i++) {
		if (load.sender[i].node_id == node_id && load.sender[i].pid == pid)
			return &load.sender[i];
	}
	return NULL;
}

/* With --members the run is over when everybody still there has said that it was its last. */
static void
end_check(void)
{
	for (size_t i = 0; i < load.sender_count; i++) {
		if (!load.sender[i].ended)
			return;
	}
	load.frozen = load.counting && options.members > 0;
}

static void
progress_say(void)
{
	double at_ms;

	if (options.progress_ms == 0 || (at_ms = now_ms()) < load.progress_ms)
		return;
	load.progress_ms = at_ms + (double) options.progress_ms;
	printf("%.3f progress %" PRIu64 "\n", at_ms, load.received);
	fflush(stdout);
}

static void
on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node_id, uint32_t pid,
    void *msg, size_t len)
{
	struct buf_reader in = buf_reader(msg, len);
	struct sender *sender = sender_find(node_id, pid);
	uint32_t magic = buf_get_u32(&in), kind = buf_get_u32(&in);
	uint64_t number = buf_get_u64(&in), claimed = buf_get_u64(&in);

	(void) handle;
	(void) group;
	if (!buf_reader_ok(&in) || magic != MAGIC || claimed != len)
		integrity("damaged head", node_id, pid, number);
	if (sender == NULL && options.safe && load.bereaved) {
		load.departed = (struct sender) { .node_id = node_id, .pid = pid };
		sender = &load.departed;
	}
	if (sender == NULL)
		integrity("message of a process that is no member", node_id, pid, number);
	if (sender->number_known && number != sender->number_next)
		integrity(number < sender->number_next ? "doubled or late" : "lost before",
		    node_id, pid, number);
	sender->number_known = true;
	sender->number_next = number + 1;
	if (load.counting && !load.frozen) {
		hash_add((uint64_t) node_id << 32 | pid);
		hash_add(number);
		hash_add(len);
		load.received++;
		load.received_bytes += len;
	}
	if (!content_check(in.at, in.left, content_seed(node_id, pid, number)))
		integrity("damaged content", node_id, pid, number);
	if (kind == KIND_END) {
		sender->ended = true;
		end_check();
	}
	progress_say();
	if (options.stop_count > 0 && load.received >= options.stop_count)
		stopped = 1;
}

/* Forget who left; who joined, or joined again after a partition, may begin with any number. */
static void
senders_update(const struct cpg_address *members, size_t member_count,
    const struct cpg_address *joined, size_t joined_count)
{
	struct sender old[SENDERS_MAX];
	size_t old_count = load.sender_count;

	memcpy(old, load.sender, sizeof old);
	if (member_count > SENDERS_MAX)
		integrity("more members than expected", 0, 0, member_count);
	load.sender_count = 0;
	for (size_t i = 0; i < member_count; i++) {
		struct sender *now = &load.sender[load.sender_count++];

		*now = (struct sender) { .node_id = members[i].nodeid, .pid = members[i].pid };
		for (size_t k = 0; k < old_count; k++) {
			if (old[k].node_id == now->node_id && old[k].pid == now->pid)
				*now = old[k];
		}
		for (size_t k = 0; k < joined_count; k++) {
			if (joined[k].nodeid == now->node_id && joined[k].pid == now->pid)
				now->number_known = false;
		}
	}
}

static void
on_config(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	double at_ms = now_ms();

	(void) handle;
	(void) group;
	load.bereaved = joined_count == 0 && (load.bereaved ||
	    (left_count > 0 && left[0].reason == CPG_REASON_NODEDOWN));
	senders_update(members, member_count, joined, joined_count);
	if (!load.ready && sender_find(load.node_id, (uint32_t) getpid()) != NULL) {
		load.ready = true;
		printf("%.3f ready\n", at_ms);
	}
	if (options.members == 0 || member_count >= options.members)
		load.counting = true;
	if (load.counting && !load.frozen) {
		load.configs++;
		hash_add(member_count);
		for (size_t i = 0; i < member_count; i++)
			hash_add((uint64_t) members[i].nodeid << 32 | members[i].pid);
		end_check();
	}
	if (options.events) {
		printf("%.3f config %zu ", at_ms, member_count);
		for (size_t i = 0; i < member_count; i++)
			printf("%s%" PRIu32 ":%" PRIu32, i > 0 ? "," : "", members[i].nodeid,
			    members[i].pid);
		printf("\n");
	}
	fflush(stdout);
}

static void
on_ring(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t count, const uint32_t *members)
{
	double at_ms = now_ms();

	(void) handle;
	(void) ring;
	if (!options.events)
		return;
	printf("%.3f ring %" PRIu32 " ", at_ms, count);
	for (uint32_t i = 0; i < count; i++)
		printf("%s%" PRIu32, i > 0 ? "," : "", members[i]);
	printf("\n");
	fflush(stdout);
}

/* Small sizes as likely as large ones: first the number of bits, then the rest. */
static size_t
size_draw(struct prng *prng)
{
	unsigned long low = options.size_min, high = options.size_max, step = low;
	unsigned int steps = 0, chosen;

	for (; step < high; step *= 2)
		steps++;
	if (steps == 0)
		return low;
	chosen = (unsigned int) prng_below(prng, steps);
	low <<= chosen;
	high = low * 2 < options.size_max ? low * 2 : options.size_max;
	return low + prng_below(prng, high - low + 1);
}

/* The message that is due; drawn once, tried until the library takes it. */
static struct {
	uint8_t bytes[SIZE_MAX_BYTES];
	size_t len;			/* 0: none prepared */
	enum kind kind;
} next;

static void
next_prepare(enum kind kind, struct prng *prng)
{
	struct buf_writer out;

	next.kind = kind;
	next.len = kind == KIND_END ? HEAD_BYTES : size_draw(prng);
	out = buf_writer(next.bytes, next.len);
	buf_put_u32(&out, MAGIC);
	buf_put_u32(&out, (uint32_t) kind);
	buf_put_u64(&out, load.sent);
	buf_put_u64(&out, next.len);
	content_fill(out.at, out.left, content_seed(load.node_id, (uint32_t) getpid(), load.sent));
}

/* True: the prepared message, or else one of this kind, is sent; false: be patient. */
static bool
next_send(enum kind kind, struct prng *prng)
{
	struct iovec iov;
	cs_error_t error;

	if (next.len == 0)
		next_prepare(kind, prng);
	iov = (struct iovec) { .iov_base = next.bytes, .iov_len = next.len };
	error = cpg_mcast_joined(load.handle, options.safe ? CPG_TYPE_SAFE : CPG_TYPE_AGREED,
	    &iov, 1);
	if (error == CS_ERR_TRY_AGAIN)
		return false;
	if (error != CS_OK)
		library_error("cpg_mcast_joined", error);
	next.len = 0;
	load.sent++;
	return true;
}

static void
on_signal(int number)
{
	(void) number;
	stopped = 1;
}

/* A daemon that is starting, or synchronising, says so: wait for it up to half a minute. */
static void
connect_and_join(void)
{
	cpg_model_v1_data_t model = {
		.model = CPG_MODEL_V1,
		.cpg_deliver_fn = on_deliver,
		.cpg_confchg_fn = on_config,
		.cpg_totem_confchg_fn = on_ring,
		.flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF,
	};
	double end_ms = now_ms() + 30000;
	struct cpg_name name;
	cs_error_t error;
	unsigned int node_id;

	name.length = (uint32_t) strlen(options.group);
	memcpy(name.value, options.group, name.length);
	do {
		error = cpg_model_initialize(&load.handle, CPG_MODEL_V1,
		    (cpg_model_data_t *) &model, NULL);
		if (error != CS_OK)
			(void) poll(NULL, 0, 5);
	} while (error != CS_OK && now_ms() < end_ms && !stopped);
	if (error != CS_OK)
		library_error("cpg_model_initialize", error);
	if ((error = cpg_local_get(load.handle, &node_id)) != CS_OK)
		library_error("cpg_local_get", error);
	load.node_id = node_id;
	while ((error = cpg_join(load.handle, &name)) == CS_ERR_TRY_AGAIN && now_ms() < end_ms)
		(void) poll(NULL, 0, 5);
	if (error != CS_OK)
		library_error("cpg_join", error);
}

/* Wait for the daemon at most `wait_ms`, then take what there is. */
static void
dispatch(int fd, int wait_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	cs_error_t error;

	if (poll(&ready, 1, wait_ms) <= 0)
		return;
	error = cpg_dispatch(load.handle, CS_DISPATCH_ALL);
	if (error != CS_OK && error != CS_ERR_TRY_AGAIN)
		library_error("cpg_dispatch", error);
}

/* How long may the loop sleep before it must send?  -1 turned into a bounded wait. */
static int
wait_ms_until(double due_ms)
{
	double wait = due_ms - now_ms();

	if (wait <= 0)
		return 0;
	return wait > 100 ? 100 : (int) wait + 1;
}

static void
run(void)
{
	struct prng prng = { .state = (uint64_t) getpid() * 7919u };
	double end_ms = 0, send_ms = 0;
	bool end_sent = false;
	int fd;

	if (cpg_fd_get(load.handle, &fd) != CS_OK)
		library_error("cpg_fd_get", CS_ERR_LIBRARY);
	while (!stopped && !load.frozen) {
		bool may_send = load.ready && load.counting && !options.listen && !end_sent;
		bool over = end_ms > 0 && now_ms() >= end_ms;

		progress_say();
		if (load.counting && end_ms <= 0 && options.seconds > 0)
			end_ms = now_ms() + options.seconds * 1e3;
		if (over && options.members == 0)
			return;
		if (!may_send) {
			dispatch(fd, 100);
			continue;
		}
		if (!over && now_ms() < send_ms) {
			dispatch(fd, wait_ms_until(send_ms));
			continue;
		}
		if (!next_send(over ? KIND_END : KIND_DATA, &prng)) {
			dispatch(fd, 1);
			continue;
		}
		end_sent = next.kind == KIND_END;
		if (options.rate > 0)
			send_ms = (send_ms > 0 ? send_ms : now_ms()) + 1e3 / (double) options.rate;
		dispatch(fd, 0);
	}
}

static unsigned long
number(const char *text, unsigned long max, const char **ret_end)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || end == text || value > max || (ret_end == NULL && *end != '\0')) {
		fprintf(stderr, "cpgload: %s: not a number up to %lu\n", text, max);
		exit(2);
	}
	if (ret_end != NULL)
		*ret_end = end;
	return value;
}

static void
sizes_read(const char *text)
{
	const char *end;

	options.size_min = options.size_max = number(text, SIZE_MAX_BYTES, &end);
	if (*end == '-')
		options.size_max = number(end + 1, SIZE_MAX_BYTES, NULL);
	if (options.size_min < HEAD_BYTES || options.size_max < options.size_min) {
		fprintf(stderr, "cpgload: sizes from %u to %u bytes\n", HEAD_BYTES,
		    SIZE_MAX_BYTES);
		exit(2);
	}
}

static void
options_read(int argc, char **argv)
{
	static const struct option known[] = {
		{ "group", required_argument, NULL, 'g' },
		{ "events", no_argument, NULL, 'e' },
		{ "seconds", required_argument, NULL, 't' },
		{ "sizes", required_argument, NULL, 's' },
		{ "rate", required_argument, NULL, 'r' },
		{ "safe", no_argument, NULL, 'S' },
		{ "listen", no_argument, NULL, 'l' },
		{ "stop-on-count", required_argument, NULL, 'c' },
		{ "members", required_argument, NULL, 'm' },
		{ "progress", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'g': options.group = optarg; break;
		case 'e': options.events = true; break;
		case 't': options.seconds = (double) number(optarg, 86400, NULL); break;
		case 's': sizes_read(optarg); break;
		case 'r': options.rate = number(optarg, 1000000, NULL); break;
		case 'S': options.safe = true; break;
		case 'l': options.listen = true; break;
		case 'c': options.stop_count = number(optarg, UINT32_MAX, NULL); break;
		case 'm': options.members = number(optarg, SENDERS_MAX, NULL); break;
		case 'p': options.progress_ms = number(optarg, 60000, NULL); break;
		default: exit(2);
		}
	}
	if (optind < argc || strlen(options.group) > CPG_MAX_NAME_LENGTH) {
		fprintf(stderr, "usage: cpgload [--group NAME] [--events] [--seconds T] [--sizes "
		    "MIN[-MAX]] [--rate N]\n               [--safe] [--listen] [--stop-on-count N] "
		    "[--members N] [--progress MS]\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };

	options_read(argc, argv);
	(void) sigaction(SIGTERM, &action, NULL);
	(void) sigaction(SIGINT, &action, NULL);
	connect_and_join();
	run();
	printf("total sent %" PRIu64 " received %" PRIu64 " bytes %" PRIu64 " configs %" PRIu64
	    " hash %016" PRIx64 "\n", load.sent, load.received, load.received_bytes, load.configs,
	    load.hash);
	fflush(stdout);
	(void) cpg_finalize(load.handle);
	return EXIT_SUCCESS;
}
