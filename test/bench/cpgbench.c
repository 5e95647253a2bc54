/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The client of the benchmarks, the same binary for every executive: it needs nothing but
 * libcpg.so.4, and which one it gets is the loader's matter (LD_LIBRARY_PATH).
 *
 * One process a node.  When the group has --members processes, the one with the lowest node id
 * names a time to start, by a message, so all nodes measure the same stretch of CLOCK_MONOTONIC
 * (they share the machine).  The processes of nodes 1 to --senders then send for --seconds; each
 * ends with a mark that says how many it sent, and a process is done when it has all marks.
 *
 *	--mode flood	as fast as the library takes them; when it says CS_ERR_TRY_AGAIN, dispatch
 *			what there is and try again
 *	--mode threads	as fast as the library takes them, from a thread that does nothing else
 *			and sleeps 100 us when it says CS_ERR_TRY_AGAIN; another one dispatches
 *	--mode hot	one message in flight, the next one when it came back: latency
 *	--mode cold	one message every 20 ms: latency of an executive that was at rest
 *
 * Every message that is counted was verified: each sender's numbers come complete and in order,
 * and the content is what follows from sender, number and length, looked at whole up to 1 KiB, and
 * of longer ones head, tail and 64 bytes of each KiB at a place that moves with the number.
 *
 * The last line of output, in one line: result KEY=VALUE...
 *	node sent retries	what this node's process did
 *	messages bytes		delivered and verified here, all in all
 *	window_s		the stretch from --warm after the start to the end of sending
 *	window_messages window_bytes	delivered in it
 *	first_ms last_send_ms last_ms	start of sending, our last send, the last delivery
 *	gap_ms			the longest time without a delivery between start and last delivery
 *	hash			over sender and number in the order of delivery
 *	client_us daemon_us	CPU time in the window, of this process and of --watch PID
 *	latencies min_us p50_us p99_us max_us	only with --mode hot and cold, at the sender
 * Exit status: 3 the library failed, 4 a message was wrong, 5 no end within a minute.
 */
#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <corosync/cpg.h>

#include "exec/base/buf.h"
#include "exec/base/prng.h"

#define NODES_MAX		128u
#define SIZE_MAX_BYTES		1048576u
#define MAGIC			0x686e6562u
#define HEAD_BYTES		32u
#define WHOLE_BYTES_MAX		1024u	/* looked at whole up to this size */
#define PATTERN_SHIFTS		4096u
#define BURST_MESSAGES		64u	/* sent between two dispatches */
#define BURST_BYTES		262144u
#define START_DELAY_NS		UINT64_C(50000000)
#define COLD_NS			UINT64_C(20000000)
#define AGAIN_NS		100000
#define PATIENCE_NS		UINT64_C(60000000000)
#define SAMPLES_MAX		4000000u
#define EXIT_LIBRARY		3
#define EXIT_INTEGRITY		4
#define EXIT_STALLED		5

enum mode { MODE_FLOOD, MODE_THREADS, MODE_HOT, MODE_COLD };
enum kind { KIND_START, KIND_DATA, KIND_END };

/* What a message says of itself. */
struct head {
	enum kind kind;
	uint32_t node_id;
	uint64_t number;	/* KIND_START: the time to start; KIND_END: how many were sent */
	uint64_t len;
};

static struct {
	enum mode mode;
	unsigned long members, senders, size;
	double seconds, warm;
	unsigned long watch;		/* a daemon's pid; 0: none */
} options = { .members = 1, .senders = 1, .size = 64, .seconds = 1, .warm = 0.2 };

/* CPU time used so far. */
struct usage {
	uint64_t client_ns, daemon_ns;
};

static struct {
	cpg_handle_t handle;
	int fd;
	uint32_t node_id;
	bool complete, leading;		/* all members are there; our node id is the lowest */
	bool started, start_sent, end_sent;
	uint64_t start_ns, window_ns, end_ns;	/* of sending: start, after --warm, end */
	uint64_t next[NODES_MAX + 1];	/* by node id: the number that is due */
	size_t ends;			/* end marks seen */
	uint64_t sent, retries, last_send_ns;
	uint64_t messages, bytes, window_messages, window_bytes;
	uint64_t last_ns, gap_ns, hash;
	int snapshots;
	struct usage usage[2];		/* at the window's begin and end */
	pthread_t sender;		/* MODE_THREADS: it alone sends, and counts that */
	bool sending;
} bench;

/* One message in flight. */
static struct {
	bool waiting;
	uint64_t sent_ns, due_ns;
	size_t count;
	uint32_t ns[SAMPLES_MAX];
} latency;

static uint8_t pattern[PATTERN_SHIFTS + SIZE_MAX_BYTES];

static uint64_t
now_ns(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

static double
ms(uint64_t ns)
{
	return (double) ns / 1e6;
}

static _Noreturn void
integrity(const char *what, uint32_t node_id, uint64_t number)
{
	fprintf(stderr, "cpgbench: %s: node %" PRIu32 " number %" PRIu64 "\n", what, node_id,
	    number);
	exit(EXIT_INTEGRITY);
}

static void
must(const char *call, cs_error_t error)
{
	if (error == CS_OK)
		return;
	fprintf(stderr, "cpgbench: %s: error %d\n", call, (int) error);
	exit(EXIT_LIBRARY);
}

/* --- content --- */

static void
pattern_make(void)
{
	struct prng prng = { .state = MAGIC };

	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t) prng_u64(&prng);
}

/* What stands behind the head of this message. */
static const uint8_t *
content(uint32_t node_id, uint64_t number)
{
	return pattern + (number * 37 + node_id * UINT64_C(1009)) % PATTERN_SHIFTS;
}

static bool
content_right(const uint8_t *at, size_t len, uint32_t node_id, uint64_t number)
{
	const uint8_t *expected = content(node_id, number);

	if (len <= WHOLE_BYTES_MAX)
		return memcmp(at, expected, len) == 0;
	if (memcmp(at, expected, 256) != 0 ||
	    memcmp(at + len - 256, expected + len - 256, 256) != 0)
		return false;
	for (size_t i = number * 64 % 1024; i + 64 <= len; i += 1024) {
		if (memcmp(at + i, expected + i, 64) != 0)
			return false;
	}
	return true;
}

static cs_error_t
message_send(enum kind kind, uint64_t number, size_t len)
{
	uint8_t head[HEAD_BYTES];
	struct buf_writer out = buf_writer(head, sizeof head);
	struct iovec iov[2] = {
		{ .iov_base = head, .iov_len = sizeof head },
		{ .iov_base = (void *) (uintptr_t) content(bench.node_id, number),
		    .iov_len = len - sizeof head },
	};

	buf_put_u32(&out, MAGIC);
	buf_put_u32(&out, (uint32_t) kind);
	buf_put_u64(&out, bench.node_id);
	buf_put_u64(&out, number);
	buf_put_u64(&out, len);
	return cpg_mcast_joined(bench.handle, CPG_TYPE_AGREED, iov, len > sizeof head ? 2 : 1);
}

/* --- CPU time --- */

/* Of all threads of a process, in ns, as the scheduler counted. */
static uint64_t
daemon_ns(void)
{
	char path[300];
	uint64_t sum = 0;
	struct dirent *entry;
	DIR *tasks;

	(void) snprintf(path, sizeof path, "/proc/%lu/task", options.watch);
	tasks = opendir(path);
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		uint64_t ns = 0;
		FILE *file;

		(void) snprintf(path, sizeof path, "/proc/%lu/task/%s/schedstat", options.watch,
		    entry->d_name);
		if (entry->d_name[0] == '.' || (file = fopen(path, "r")) == NULL)
			continue;
		if (fscanf(file, "%" SCNu64, &ns) == 1)
			sum += ns;
		(void) fclose(file);
	}
	if (tasks != NULL)
		(void) closedir(tasks);
	return sum;
}

/* Also between two messages: under a flood one call of cpg_dispatch() can last for seconds. */
static void
usage_watch(uint64_t now)
{
	struct usage *usage = &bench.usage[bench.snapshots];
	struct rusage own;

	if (bench.snapshots == 2 || !bench.started
	    || now < (bench.snapshots == 0 ? bench.window_ns : bench.end_ns))
		return;
	(void) getrusage(RUSAGE_SELF, &own);
	usage->client_ns = (uint64_t) (own.ru_utime.tv_sec + own.ru_stime.tv_sec) * 1000000000u +
	    (uint64_t) (own.ru_utime.tv_usec + own.ru_stime.tv_usec) * 1000u;
	usage->daemon_ns = daemon_ns();
	bench.snapshots++;
}

/* --- delivery --- */

static struct head
head_read(const void *msg, size_t len, uint32_t node_id)
{
	struct buf_reader in = buf_reader(msg, len);
	uint32_t magic = buf_get_u32(&in);
	struct head head = { .kind = (enum kind) buf_get_u32(&in) };

	head.node_id = (uint32_t) buf_get_u64(&in);
	head.number = buf_get_u64(&in);
	head.len = buf_get_u64(&in);
	if (!buf_reader_ok(&in) || magic != MAGIC || head.len != len || head.kind > KIND_END ||
	    head.node_id != node_id || node_id == 0 || node_id > NODES_MAX)
		integrity("damaged head", node_id, head.number);
	return head;
}

static void
start_take(uint64_t start_ns)
{
	bench.started = true;
	bench.start_ns = bench.last_ns = start_ns;
	bench.window_ns = start_ns + (uint64_t) (options.warm * 1e9);
	bench.end_ns = start_ns + (uint64_t) (options.seconds * 1e9);
}

static void
data_take(const struct head *head, const uint8_t *msg)
{
	uint64_t now = now_ns();

	usage_watch(now);
	if (head->number != bench.next[head->node_id])
		integrity(head->number < bench.next[head->node_id] ? "doubled or late" :
		    "lost before", head->node_id, head->number);
	if (!content_right(msg + HEAD_BYTES, head->len - HEAD_BYTES, head->node_id, head->number))
		integrity("damaged content", head->node_id, head->number);
	bench.next[head->node_id]++;
	bench.messages++;
	bench.bytes += head->len;
	bench.hash = (bench.hash ^ (head->node_id + head->number * NODES_MAX)) *
	    UINT64_C(0x100000001b3);
	if (now >= bench.window_ns && now < bench.end_ns) {
		bench.window_messages++;
		bench.window_bytes += head->len;
	}
	if (now > bench.last_ns) {
		if (now - bench.last_ns > bench.gap_ns)
			bench.gap_ns = now - bench.last_ns;
		bench.last_ns = now;
	}
	if (head->node_id == bench.node_id && latency.waiting) {
		latency.waiting = false;
		if (latency.count < SAMPLES_MAX)
			latency.ns[latency.count++] = (uint32_t) (now - latency.sent_ns);
	}
}

static void
on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node_id, uint32_t pid,
    void *msg, size_t len)
{
	struct head head = head_read(msg, len, node_id);

	(void) handle;
	(void) group;
	(void) pid;
	switch (head.kind) {
	case KIND_START:
		start_take(head.number);
		break;
	case KIND_DATA:
		data_take(&head, msg);
		break;
	case KIND_END:
		if (head.number != bench.next[node_id])
			integrity("the end came too early", node_id, head.number);
		bench.ends++;
		break;
	}
}

/* Once begun, nobody may come; who leaves, leaves behind the last end mark. */
static void
on_config(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	(void) handle;
	(void) group;
	(void) left;
	(void) joined;
	if (bench.started && (joined_count > 0 || (left_count > 0 &&
	    bench.ends < options.senders)))
		integrity("the membership changed", bench.node_id, bench.messages);
	bench.complete = member_count == options.members;
	bench.leading = true;
	for (size_t i = 0; i < member_count; i++) {
		if (members[i].nodeid < bench.node_id)
			bench.leading = false;
	}
}

/* --- sending --- */

static bool
is_sender(void)
{
	return bench.node_id <= options.senders;
}

/* True: sent; false: the library wants us to be patient. */
static bool
try_send(enum kind kind, uint64_t number, size_t len)
{
	cs_error_t error = message_send(kind, number, len);

	if (error == CS_ERR_TRY_AGAIN) {
		bench.retries++;
		return false;
	}
	must("cpg_mcast_joined", error);
	return true;
}

static bool
data_send(void)
{
	if (!try_send(KIND_DATA, bench.sent, options.size))
		return false;
	bench.sent++;
	return true;
}

static void
dispatch(void)
{
	cs_error_t error = cpg_dispatch(bench.handle, CS_DISPATCH_ALL);

	if (error != CS_ERR_TRY_AGAIN)
		must("cpg_dispatch", error);
}

static void
wait_and_dispatch(int wait_ms)
{
	struct pollfd ready = { .fd = bench.fd, .events = POLLIN };

	if (poll(&ready, 1, wait_ms) > 0)
		dispatch();
}

/* A burst, then what came meanwhile; sleep only when neither was possible. */
static void
flood(void)
{
	uint64_t before = bench.messages;
	size_t bytes = 0;
	bool taken = true;

	for (size_t i = 0; taken && i < BURST_MESSAGES && bytes < BURST_BYTES; i++) {
		taken = data_send();
		bytes += options.size;
	}
	if (bytes > options.size || taken)
		bench.last_send_ns = now_ns();
	dispatch();
	if (!taken && bench.messages == before)
		wait_and_dispatch(1);
}

static void *
send_all(void *unused)
{
	const struct timespec again = { .tv_nsec = AGAIN_NS };
	uint64_t now;

	while ((now = now_ns()) < bench.end_ns) {
		if (now < bench.start_ns || !data_send())
			(void) nanosleep(&again, NULL);
		else
			bench.last_send_ns = now;
	}
	while (!try_send(KIND_END, bench.sent, HEAD_BYTES))
		(void) nanosleep(&again, NULL);
	return unused;
}

static void
sender_start(void)
{
	int error = pthread_create(&bench.sender, NULL, send_all, NULL);

	if (error != 0) {
		fprintf(stderr, "cpgbench: pthread_create: %s\n", strerror(error));
		exit(EXIT_LIBRARY);
	}
	bench.sending = true;
}

static void
measure_latency(void)
{
	uint64_t now = now_ns();

	if (latency.waiting) {
		wait_and_dispatch(100);
		return;
	}
	if (options.mode == MODE_COLD && now < latency.due_ns) {
		wait_and_dispatch((int) ((latency.due_ns - now) / 1000000u) + 1);
		return;
	}
	latency.sent_ns = now;
	latency.waiting = data_send();
	if (latency.waiting) {
		latency.due_ns = now + COLD_NS;
		bench.last_send_ns = now;
	} else {
		wait_and_dispatch(1);
	}
}

static void
step(void)
{
	uint64_t now = now_ns();

	if (!bench.started) {
		if (bench.complete && bench.leading && !bench.start_sent)
			bench.start_sent = try_send(KIND_START, now + START_DELAY_NS, HEAD_BYTES);
		wait_and_dispatch(10);
	} else if (is_sender() && options.mode == MODE_THREADS) {
		if (!bench.sending)
			sender_start();
		wait_and_dispatch(20);
	} else if (!is_sender() || now < bench.start_ns || bench.end_sent) {
		wait_and_dispatch(now < bench.start_ns ? 1 : 20);
	} else if (now >= bench.end_ns && !latency.waiting) {
		bench.end_sent = try_send(KIND_END, bench.sent, HEAD_BYTES);
		if (!bench.end_sent)
			wait_and_dispatch(1);
	} else if (options.mode == MODE_FLOOD) {
		flood();
	} else {
		measure_latency();
	}
	if (now > PATIENCE_NS + (bench.started ? bench.end_ns : bench.last_ns)) {
		fprintf(stderr, "cpgbench: stalled: %zu of %lu ended, %" PRIu64 " delivered\n",
		    bench.ends, options.senders, bench.messages);
		exit(EXIT_STALLED);
	}
	usage_watch(now_ns());
}

/* --- the rest --- */

static void
connect_and_join(void)
{
	static const struct cpg_name group = { .length = 8, .value = "cpgbench" };
	cpg_model_v1_data_t model = {
		.model = CPG_MODEL_V1,
		.cpg_deliver_fn = on_deliver,
		.cpg_confchg_fn = on_config,
	};
	cs_error_t error;
	unsigned int node_id;

	for (int i = 0; i < 3000; i++) {
		error = cpg_model_initialize(&bench.handle, CPG_MODEL_V1,
		    (cpg_model_data_t *) &model, NULL);
		if (error == CS_OK)
			break;
		(void) poll(NULL, 0, 10);
	}
	must("cpg_model_initialize", error);
	must("cpg_local_get", cpg_local_get(bench.handle, &node_id));
	if (node_id > NODES_MAX)
		integrity("node id too large", node_id, 0);
	bench.node_id = node_id;
	while ((error = cpg_join(bench.handle, &group)) == CS_ERR_TRY_AGAIN)
		(void) poll(NULL, 0, 10);
	must("cpg_join", error);
	must("cpg_fd_get", cpg_fd_get(bench.handle, &bench.fd));
	bench.last_ns = now_ns();
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return x < y ? -1 : x > y;
}

static void
result_print(void)
{
	printf("result node=%" PRIu32 " sent=%" PRIu64 " retries=%" PRIu64 " messages=%" PRIu64
	    " bytes=%" PRIu64 " window_s=%.6f window_messages=%" PRIu64 " window_bytes=%" PRIu64
	    " first_ms=%.3f last_send_ms=%.3f last_ms=%.3f gap_ms=%.3f hash=%016" PRIx64,
	    bench.node_id, bench.sent, bench.retries, bench.messages, bench.bytes,
	    (double) (bench.end_ns - bench.window_ns) / 1e9, bench.window_messages,
	    bench.window_bytes, ms(bench.start_ns), ms(bench.last_send_ns), ms(bench.last_ns),
	    ms(bench.gap_ns), bench.hash);
	printf(" client_us=%.0f daemon_us=%.0f",
	    (double) (bench.usage[1].client_ns - bench.usage[0].client_ns) / 1e3,
	    (double) (bench.usage[1].daemon_ns - bench.usage[0].daemon_ns) / 1e3);
	if (latency.count > 0) {
		size_t n = latency.count;

		qsort(latency.ns, n, sizeof latency.ns[0], compare);
		printf(" latencies=%zu min_us=%.1f p50_us=%.1f p99_us=%.1f max_us=%.1f", n,
		    latency.ns[0] / 1e3, latency.ns[n / 2] / 1e3, latency.ns[n - 1 - n / 100] / 1e3,
		    latency.ns[n - 1] / 1e3);
	}
	printf("\n");
}

static double
number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= min && value <= max)) {
		fprintf(stderr, "cpgbench: %s: not a number from %g to %g\n", text, min, max);
		exit(2);
	}
	return value;
}

static enum mode
mode_read(const char *text)
{
	static const char *const names[] = { "flood", "threads", "hot", "cold" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(text, names[i]) == 0)
			return (enum mode) i;
	}
	fprintf(stderr, "cpgbench: --mode flood, threads, hot or cold\n");
	exit(2);
}

static void
options_read(int argc, char **argv)
{
	static const struct option known[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "members", required_argument, NULL, 'n' },
		{ "senders", required_argument, NULL, 's' },
		{ "size", required_argument, NULL, 'b' },
		{ "seconds", required_argument, NULL, 't' },
		{ "warm", required_argument, NULL, 'w' },
		{ "watch", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'm': options.mode = mode_read(optarg); break;
		case 'n': options.members = (unsigned long) number(optarg, 1, NODES_MAX); break;
		case 's': options.senders = (unsigned long) number(optarg, 1, NODES_MAX); break;
		case 'b': options.size = (unsigned long) number(optarg, HEAD_BYTES,
		    SIZE_MAX_BYTES); break;
		case 't': options.seconds = number(optarg, 0.01, 86400); break;
		case 'w': options.warm = number(optarg, 0, 86400); break;
		case 'p': options.watch = (unsigned long) number(optarg, 1, 1e9); break;
		default: exit(2);
		}
	}
	if (optind < argc || options.warm >= options.seconds ||
	    options.senders > options.members) {
		fprintf(stderr, "usage: cpgbench [--mode flood|threads|hot|cold] [--members N] "
		    "[--senders N] [--size BYTES]\n                [--seconds S] [--warm S] "
		    "[--watch PID]\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	options_read(argc, argv);
	pattern_make();
	connect_and_join();
	while (bench.ends < options.senders || bench.snapshots < 2)
		step();
	if (bench.sending)
		(void) pthread_join(bench.sender, NULL);
	result_print();
	(void) cpg_finalize(bench.handle);
	return EXIT_SUCCESS;
}
