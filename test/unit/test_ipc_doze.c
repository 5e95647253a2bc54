/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Dozing (link.h): who streams does not ring for each record, and nobody waits for a bell that is
 * not rung.  Each side is held against the other's words in the shared memory, played by hand.
 */
#include <check.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/private.h"
#include "test/unit/ipc_raw.h"
#include "test/unit/ipc_toy.h"

#define MS_NS		UINT64_C(1000000)

/* --- the server, and a client played by hand --- */

/* 5 s at most. */
static bool
word_becomes(const uint32_t *word, uint32_t value)
{
	uint64_t until = cs_timestamp_get() + 5000 * MS_NS;

	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value)
		if (cs_timestamp_get() > until)
			return false;
	return true;
}

/* A record, and a bell for a server that sleeps. */
static void
count_put(struct raw *raw, uint64_t number)
{
	raw_put(raw, TOY_RECORD_COUNT, &number, sizeof number);
	if (ipc_wish_change(&raw->page->to_daemon.consumer_wish, IPC_ASLEEP, IPC_AWAKE))
		raw_bell(raw);
}

static void
burst_ask(struct raw *raw, uint32_t count)
{
	struct { uint32_t head[2]; struct toy_burst burst; } call = {
		.head = { 1, 0 }, .burst = { .count = count, .bytes = 8 },
	};

	raw_put(raw, TOY_CALL_BURST | IPC_FUNCTION_CALL, &call, sizeof call);
	raw_bell(raw);
	ck_assert(word_becomes(&raw->page->reply_sequence, 1));
}

/* It sends and does not read: the server comes by itself while that goes on, and then sleeps. */
START_TEST(streaming_client_need_not_ring)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	uint32_t *wish;
	int dozing = 0;
	struct raw raw;

	raw_open(&raw);
	wish = &raw.page->to_daemon.consumer_wish;
	burst_ask(&raw, 3);
	/* Where this process pauses the doze ends, and it has to ring again. */
	for (uint64_t number = 1; number <= 2000; number++) {
		dozing += __atomic_load_n(wish, __ATOMIC_SEQ_CST) == IPC_DOZING;
		count_put(&raw, number);
		if (!word_becomes(&raw.page->to_daemon.tail, raw.to_daemon.at))
			ck_abort_msg("record %" PRIu64 " was not taken", number);
	}
	ck_assert_int_gt(dozing, 10);
	ck_assert(word_becomes(wish, IPC_ASLEEP));
	raw_close(&raw);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* Who has read everything may wait for what it sends: it shall ring for each record. */
START_TEST(server_sleeps_for_a_client_that_reads)
{
	pid_t pid = toy_start(TOY_DOOR_OPEN);
	struct ipc_ring events;
	struct ipc_ring_record event;
	struct raw raw;
	int taken = 0;

	raw_open(&raw);
	burst_ask(&raw, 3);
	events = raw_to_client(&raw);
	ck_assert(word_becomes(&raw.page->to_client.head, 3 * 16));
	while (ipc_ring_peek(&events, &event) == 0) {
		ipc_ring_advance(&events, &event);
		taken++;
	}
	ipc_ring_release(&events);
	ck_assert_int_eq(taken, 3);
	for (uint64_t number = 1; number <= 1000; number++) {
		ck_assert(word_becomes(&raw.page->to_daemon.consumer_wish, IPC_ASLEEP));
		count_put(&raw, number);
		ck_assert(word_becomes(&raw.page->to_daemon.tail, raw.to_daemon.at));
		ck_assert_uint_ne(raw.page->to_daemon.consumer_wish, IPC_DOZING);
	}
	raw_close(&raw);
	toy_kill(pid, SIGTERM);
}
END_TEST

/* --- the library, and a server played by hand --- */

struct hand {
	int listen_fd, fd;
	uint8_t *map;
	struct ipc_page *page;
	struct ipc_ring to_client;	/* as its producer */
};

static void
hand_listen(struct hand *hand)
{
	struct sockaddr_un address;
	char name[64];
	socklen_t len;

	(void) snprintf(name, sizeof name, "hand%d", (int) getpid());
	ck_assert_int_eq(setenv("COROSYNC_INSTANCE", name, 1), 0);
	(void) snprintf(name, sizeof name, "toy.hand%d", (int) getpid());
	len = ipc_address(&address, name);
	hand->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(hand->listen_fd, 0);
	ck_assert_int_eq(bind(hand->listen_fd, (struct sockaddr *) &address, len), 0);
	ck_assert_int_eq(listen(hand->listen_fd, 1), 0);
}

static void *
hand_accept(void *argument)
{
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control;
	const struct ipc_welcome welcome = { .magic = IPC_MAGIC };
	struct hand *hand = argument;
	struct ipc_hello hello;
	struct iovec iov = { .iov_base = &hello, .iov_len = sizeof hello };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	int memory_fd;

	hand->fd = accept4(hand->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (recvmsg(hand->fd, &message, MSG_CMSG_CLOEXEC) != sizeof hello)
		return NULL;
	memcpy(&memory_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof memory_fd);
	hand->map = mmap(NULL, ipc_map_bytes(hello.to_daemon_bytes, hello.to_client_bytes),
	    PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	(void) close(memory_fd);
	hand->page = (struct ipc_page *) (void *) hand->map;
	hand->to_client = (struct ipc_ring) {
		.shared = &hand->page->to_client,
		.data = hand->map + IPC_PAGE_BYTES + IPC_REPLY_BYTES_MAX + hello.to_daemon_bytes,
		.size = hello.to_client_bytes,
	};
	(void) send(hand->fd, &welcome, sizeof welcome, MSG_NOSIGNAL);
	return hand;
}

static struct client *
hand_open(struct hand *hand)
{
	struct client *client;
	pthread_t thread;
	void *done;

	hand_listen(hand);
	ck_assert_int_eq(pthread_create(&thread, NULL, hand_accept, hand), 0);
	ck_assert_int_eq(client_open("toy", true, &client), CS_OK);
	ck_assert_int_eq(pthread_join(thread, &done), 0);
	ck_assert_ptr_eq(done, hand);
	return client;
}

/* Bells since the last time. */
static int
hand_bells(const struct hand *hand)
{
	char bells[16];
	ssize_t n = recv(hand->fd, bells, sizeof bells, MSG_DONTWAIT);

	return n < 0 ? 0 : (int) n;
}

static void
hand_doze(const struct hand *hand)
{
	__atomic_store_n(&hand->page->to_daemon.consumer_wish, IPC_DOZING, __ATOMIC_SEQ_CST);
}

static uint32_t
hand_wish(const struct hand *hand)
{
	return __atomic_load_n(&hand->page->to_daemon.consumer_wish, __ATOMIC_SEQ_CST);
}

/* An event, and the bell if the client armed it. */
static void
hand_event(struct hand *hand)
{
	char text[8] = "event";
	struct iovec iov = { .iov_base = text, .iov_len = sizeof text };

	ck_assert_int_eq(ipc_ring_put(&hand->to_client, 1, &iov, 1, 0), 0);
	if (ipc_wish_change(&hand->page->to_client.consumer_wish, IPC_ARMED, IPC_RUNG))
		ck_assert_int_eq(send(hand->fd, "", 1, MSG_NOSIGNAL), 1);
}

/* A client with an event to read, and a daemon that dozes. */
static struct client *
hand_open_dozing(struct hand *hand)
{
	struct client *client = hand_open(hand);

	hand_event(hand);
	hand_doze(hand);
	return client;
}

static void
hand_take_all(const struct hand *hand)
{
	struct ipc_ring_shared *shared = &hand->page->to_daemon;

	__atomic_store_n(&shared->tail, __atomic_load_n(&shared->head, __ATOMIC_SEQ_CST),
	    __ATOMIC_SEQ_CST);
}

static void
send_bytes(struct client *client, size_t len)
{
	static char data[65536];
	struct iovec iov = { .iov_base = data, .iov_len = len };

	ck_assert_int_eq(client_send(client, TOY_RECORD_COUNT, &iov, 1), CS_OK);
}

static void
read_events(struct client *client, int count)
{
	struct client_record record;

	for (int i = 0; i < count; i++) {
		ck_assert_int_eq(client_next(client, 0, &record), CS_OK);
		client_done(client);
	}
	ck_assert_int_eq(client_next(client, 0, &record), CS_ERR_TRY_AGAIN);
}

static void
hand_close(struct hand *hand, struct client *client)
{
	(void) client_close(client);
	(void) close(hand->fd);
	(void) close(hand->listen_fd);
}

START_TEST(dozing_is_woken_for_much)
{
	struct hand hand;
	struct client *client = hand_open_dozing(&hand);
	size_t sent = 0;

	for (; sent + 1008 < IPC_DOZE_BYTES; sent += 1008)	/* with the record's head */
		send_bytes(client, 1000);
	ck_assert_int_eq(hand_bells(&hand), 0);
	ck_assert_uint_eq(hand_wish(&hand), IPC_DOZING);
	send_bytes(client, 1000);
	ck_assert_int_eq(hand_bells(&hand), 1);
	ck_assert_uint_eq(hand_wish(&hand), IPC_AWAKE);
	send_bytes(client, 1000);
	ck_assert_int_eq(hand_bells(&hand), 0);
	hand_close(&hand, client);
}
END_TEST

START_TEST(dozing_is_woken_when_all_is_read)
{
	struct hand hand;
	struct client *client = hand_open_dozing(&hand);

	hand_event(&hand);
	send_bytes(client, 8);
	ck_assert_int_eq(hand_bells(&hand), 0);
	read_events(client, 2);
	ck_assert_int_eq(hand_bells(&hand), 1);
	ck_assert_uint_eq(hand_wish(&hand), IPC_AWAKE);
	hand_close(&hand, client);
}
END_TEST

/* Nothing is left, so nothing is rung; but the next record is. */
START_TEST(doze_ends_when_all_is_read)
{
	struct hand hand;
	struct client *client = hand_open_dozing(&hand);

	send_bytes(client, 8);
	hand_take_all(&hand);
	read_events(client, 1);
	ck_assert_int_eq(hand_bells(&hand), 0);
	ck_assert_uint_eq(hand_wish(&hand), IPC_ASLEEP);
	send_bytes(client, 8);
	ck_assert_int_eq(hand_bells(&hand), 1);
	hand_close(&hand, client);
}
END_TEST

START_TEST(dozing_is_woken_for_a_call)
{
	struct hand hand;
	struct client *client = hand_open_dozing(&hand);

	hand.page->reply_sequence = 1;		/* the answer is there before the question */
	ck_assert_int_eq(client_call(client, TOY_CALL_NOTHING, NULL, 0, NULL, 0, NULL), CS_OK);
	ck_assert_int_eq(hand_bells(&hand), 1);
	hand_close(&hand, client);
}
END_TEST

/* The ring is full: the client will try again, so the daemon should know. */
START_TEST(dozing_is_woken_by_a_full_ring)
{
	static char data[65536];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof data };
	struct hand hand;
	struct client *client = hand_open(&hand);

	while (client_send(client, TOY_RECORD_COUNT, &iov, 1) == CS_OK)
		;
	(void) hand_bells(&hand);
	hand_doze(&hand);
	ck_assert_int_eq(client_send(client, TOY_RECORD_COUNT, &iov, 1), CS_ERR_TRY_AGAIN);
	ck_assert_int_eq(hand_bells(&hand), 1);
	hand_close(&hand, client);
}
END_TEST

static Suite *
doze_suite(void)
{
	Suite *suite = suite_create("ipc dozing");
	TCase *tc = tcase_create("dozing");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, streaming_client_need_not_ring);
	tcase_add_test(tc, server_sleeps_for_a_client_that_reads);
	tcase_add_test(tc, dozing_is_woken_for_much);
	tcase_add_test(tc, dozing_is_woken_when_all_is_read);
	tcase_add_test(tc, doze_ends_when_all_is_read);
	tcase_add_test(tc, dozing_is_woken_for_a_call);
	tcase_add_test(tc, dozing_is_woken_by_a_full_ring);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(doze_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
