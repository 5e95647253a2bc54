/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Smaller parts of the daemon: stable state, instances, names, which node we are.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/core/instance.h"
#include "exec/core/local.h"
#include "exec/core/resolve.h"
#include "exec/core/state.h"

static char dir[64];

static void
setup(void)
{
	(void) snprintf(dir, sizeof dir, "/tmp/test_core.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
teardown(void)
{
	char command[128];

	(void) snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* --- state ----------------------------------------------------------------------------------- */

/* Any one byte changed, and any other length, is noticed. */
START_TEST(state_file_is_guarded)
{
	uint8_t data[STATE_FILE_BYTES + 1] = { 0 };
	uint64_t seq = 0;

	state_encode(UINT64_C(0x123456789abcdef), data);
	ck_assert_int_eq(state_decode(data, STATE_FILE_BYTES, &seq), 0);
	ck_assert_uint_eq(seq, UINT64_C(0x123456789abcdef));
	seq = 7;
	for (size_t len = 0; len <= STATE_FILE_BYTES + 1; len++)
		if (len != STATE_FILE_BYTES)
			ck_assert_int_eq(state_decode(data, len, &seq), -EBADMSG);
	for (size_t i = 0; i < STATE_FILE_BYTES; i++) {
		data[i] ^= 0x20;
		ck_assert_int_eq(state_decode(data, STATE_FILE_BYTES, &seq), -EBADMSG);
		data[i] ^= 0x20;
	}
	ck_assert_uint_eq(seq, 7);
}
END_TEST

static void
state_wait(struct state *state, uint64_t *ret_seq, int *ret_error)
{
	struct pollfd fd = { .fd = state_fd(state), .events = POLLIN };

	ck_assert_int_eq(poll(&fd, 1, 5000), 1);
	ck_assert(state_done(state, ret_seq, ret_error));
}

static void
file_put(const char *name, const void *data, size_t len)
{
	char path[128];
	int fd;

	(void) snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int) write(fd, data, len), (int) len);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(state_is_kept)
{
	struct state_found found;
	struct state *state;
	uint64_t seq;
	int error;

	ck_assert_int_eq(state_open(dir, 1000, &found, &state), 0);
	ck_assert(!found.intact && !found.damaged && !found.foreign);
	ck_assert_int_eq(found.write_error, 0);
	ck_assert_uint_eq(found.ring_seq_floor, UINT64_C(1000) << 16);
	state_reserve(state, 70000000);
	state_wait(state, &seq, &error);
	ck_assert_uint_eq(seq, 70000000);
	ck_assert_int_eq(error, 0);
	ck_assert(!state_done(state, &seq, &error));
	/* What was asked for when it is closed is still written. */
	state_reserve(state, 70000001);
	state = state_close(state);
	ck_assert_int_eq(state_open(dir, 1, &found, &state), 0);
	ck_assert(found.intact);
	ck_assert_uint_eq(found.ring_seq_floor, 70000001);
	state = state_close(state);
}
END_TEST

START_TEST(state_damage_and_stock_files)
{
	static const uint64_t stock = UINT64_C(1) << 50, absurd = UINT64_MAX;
	struct state_found found;
	struct state *state;

	file_put(STATE_FILE_NAME, "garbage", 7);
	ck_assert_int_eq(state_open(dir, 1000, &found, &state), 0);
	ck_assert(found.damaged && !found.intact);
	ck_assert_uint_eq(found.ring_seq_floor, UINT64_C(1000) << 16);
	state = state_close(state);
	file_put("ringid_1", &stock, sizeof stock);
	file_put("ringid_2", &absurd, sizeof absurd);
	file_put("ringid_3", &stock, 5);
	ck_assert_int_eq(state_open(dir, 1000, &found, &state), 0);
	ck_assert(found.foreign && found.damaged);
	ck_assert_uint_eq(found.ring_seq_floor, stock);
	state = state_close(state);
}
END_TEST

/* What is no file of ours at all is not called damaged. */
START_TEST(state_that_is_no_file)
{
	struct state_found found;
	struct state *state;
	char path[128];

	(void) snprintf(path, sizeof path, "%s/" STATE_FILE_NAME, dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(state_open(dir, 1000, &found, &state), 0);
	ck_assert(!found.damaged && !found.intact);
	ck_assert_int_eq(found.read_error, -EISDIR);
	ck_assert_uint_eq(found.ring_seq_floor, UINT64_C(1000) << 16);
	state = state_close(state);
	file_put("plain", "x", 1);
	(void) snprintf(path, sizeof path, "%s/plain", dir);
	ck_assert_int_eq(state_open(path, 1000, &found, &state), 0);
	ck_assert(!found.damaged && !found.intact);
	ck_assert_int_eq(found.read_error, -ENOTDIR);
	ck_assert_int_eq(found.write_error, -ENOTDIR);
	state = state_close(state);
}
END_TEST

/* A directory that cannot be written: said at the start, and requests answered with the error. */
START_TEST(state_without_storage)
{
	struct state_found found;
	struct state *state;
	uint64_t seq;
	int error;

	ck_assert_int_eq(state_open("/proc/self", 1000, &found, &state), 0);
	ck_assert_int_lt(found.write_error, 0);
	state_reserve(state, 5);
	state_wait(state, &seq, &error);
	ck_assert_uint_eq(seq, 5);
	ck_assert_int_lt(error, 0);
	state = state_close(state);
}
END_TEST

/* The disk comes back: what could not be stored is, without being asked for again. */
START_TEST(state_is_tried_again)
{
	struct state_found found;
	struct state *state;
	char path[128];
	uint64_t seq;
	int error;

	(void) snprintf(path, sizeof path, "%s/later", dir);
	ck_assert_int_eq(state_open(path, 1000, &found, &state), 0);
	ck_assert_int_eq(found.write_error, -ENOENT);
	state_reserve(state, 70000000);
	state_wait(state, &seq, &error);
	ck_assert_int_eq(error, -ENOENT);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	state_wait(state, &seq, &error);
	ck_assert_uint_eq(seq, 70000000);
	ck_assert_int_eq(error, 0);
	state = state_close(state);
	ck_assert_int_eq(state_open(path, 1, &found, &state), 0);
	ck_assert(found.intact);
	ck_assert_uint_eq(found.ring_seq_floor, 70000000);
	state = state_close(state);
}
END_TEST

/* A file that is whole may be old: numbers go on above the clock's, as the log says. */
START_TEST(state_of_long_ago)
{
	struct state_found found;
	struct state *state;
	uint8_t data[STATE_FILE_BYTES];

	state_encode(UINT64_C(1000) << 16, data);
	file_put(STATE_FILE_NAME, data, sizeof data);
	ck_assert_int_eq(state_open(dir, 2000, &found, &state), 0);
	ck_assert(found.intact);
	ck_assert_uint_eq(found.ring_seq_floor, UINT64_C(2000) << 16);
	state = state_close(state);
}
END_TEST

/* --- instances ------------------------------------------------------------------------------- */

START_TEST(instance_names)
{
	static const struct instance_paths none = { "", "", "", "" };
	const struct instance_paths file = { "", "/opt/state", "/r", "/s" };
	char service[INSTANCE_SERVICE_MAX];
	struct instance instance;

	ck_assert(instance_name_ok("a-B_9"));
	ck_assert(!instance_name_ok(""));
	ck_assert(!instance_name_ok("../x"));
	ck_assert(!instance_name_ok("a.b"));
	ck_assert(!instance_name_ok("123456789012345678901234567890123"));
	ck_assert_int_eq(instance_init(&instance, "n1", &file), 0);
	ck_assert_str_eq(instance.run_dir, "/r-n1");
	ck_assert_str_eq(instance.state_dir, "/opt/state");
	instance_service_name(&instance, "cpg", service);
	ck_assert_str_eq(service, "cpg-n1");
	ck_assert_int_eq(setenv("COROSYNC_INSTANCE", "bad/name", 1), 0);
	ck_assert_int_eq(instance_init(&instance, "", &none), -EINVAL);
	ck_assert_int_eq(setenv("COROSYNC_INSTANCE", "env", 1), 0);
	ck_assert_int_eq(instance_init(&instance, "", &file), 0);
	ck_assert_str_eq(instance.name, "env");
	ck_assert_int_eq(unsetenv("COROSYNC_INSTANCE"), 0);
	ck_assert_int_eq(instance_init(&instance, "", &file), 0);
	ck_assert_str_eq(instance.run_dir, "/r");
	instance_service_name(&instance, "cpg", service);
	ck_assert_str_eq(service, "cpg");
}
END_TEST

START_TEST(instance_admits_one)
{
	const struct instance_paths paths = { dir, dir, "", "" };
	struct instance instance, second;
	pid_t child, holder = 0;
	int status, fds[2];
	char byte;

	ck_assert_int_eq(instance_init(&instance, "", &paths), 0);
	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void) close(fds[1]);
		status = instance_lock(&instance, &holder);
		/* Holds it until the parent closes the pipe. */
		(void) !read(fds[0], &byte, 1);
		_exit(status == 0 ? 0 : 1);
	}
	(void) close(fds[0]);
	ck_assert_int_eq(instance_init(&second, "", &paths), 0);
	for (int i = 0; i < 500; i++) {
		status = instance_lock(&second, &holder);
		if (status == -EBUSY)
			break;
		instance_unlock(&second);
		(void) poll(NULL, 0, 10);
	}
	ck_assert_int_eq(status, -EBUSY);
	ck_assert_int_eq(holder, child);
	(void) close(fds[1]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(instance_lock(&second, &holder), 0);
	instance_unlock(&second);
}
END_TEST

START_TEST(instance_directories)
{
	char path[128];
	struct stat st;

	(void) snprintf(path, sizeof path, "%s/a/b/c", dir);
	ck_assert_int_eq(instance_dir_make(path, 0700), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	ck_assert_int_eq(instance_dir_make(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 0777), 0);
	ck_assert_int_eq(instance_dir_make(path, 0700), -EPERM);
	file_put("file", "x", 1);
	(void) snprintf(path, sizeof path, "%s/file", dir);
	ck_assert_int_eq(instance_dir_make(path, 0700), -ENOTDIR);
}
END_TEST

/* --- names and addresses --------------------------------------------------------------------- */

static void
answer_wait(struct resolver *resolver, struct pollfd *fd, struct resolve_answer *ret_answer)
{
	for (int i = 0; i < 20; i++) {
		if (resolver_answer(resolver, ret_answer))
			return;
		ck_assert_int_ge(poll(fd, 1, 1000), 0);
	}
	ck_abort_msg("no answer");
}

START_TEST(names_resolve_in_a_thread)
{
	struct addrinfo *list;
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM };
	/* A machine without /etc/hosts need not know even this name; then its error must come. */
	const int expected = getaddrinfo("localhost", NULL, &hints, &list);
	struct resolve_answer answer;
	struct resolver *resolver;
	struct net_address address;
	struct pollfd fd;

	if (expected == 0)
		freeaddrinfo(list);
	ck_assert(resolve_numeric("127.0.0.1", CONFIG_IP_4, &address));
	ck_assert(!resolve_numeric("127.0.0.1", CONFIG_IP_6, &address));
	ck_assert(resolve_numeric("::1", CONFIG_IP_46, &address));
	ck_assert(!resolve_numeric("localhost", CONFIG_IP_46, &address));
	ck_assert_int_eq(resolver_new(&resolver), 0);
	ck_assert(!resolver_answer(resolver, &answer));
	ck_assert_int_eq(resolver_ask(resolver, "localhost", CONFIG_IP_4, 3), 0);
	ck_assert_int_eq(resolver_ask(resolver, "127.0.0.9", CONFIG_IP_4, 4), 0);
	fd = (struct pollfd) { .fd = resolver_fd(resolver), .events = POLLIN };
	answer_wait(resolver, &fd, &answer);
	ck_assert_uint_eq(answer.tag, 3);
	ck_assert_int_eq(answer.error, expected);
	if (expected == 0)
		ck_assert_uint_eq(ntohl(answer.address.sa.v4.sin_addr.s_addr) >> 24, 127);
	answer_wait(resolver, &fd, &answer);
	ck_assert_uint_eq(answer.tag, 4);
	ck_assert_int_eq(answer.error, 0);
	ck_assert_uint_eq(ntohl(answer.address.sa.v4.sin_addr.s_addr), 0x7f000009u);
	resolver = resolver_free(resolver);
}
END_TEST

static struct config config;
static struct net_address resolved[CONFIG_NODES_MAX];
static struct local_address ours[2];
static struct local_found found;
static char why[LOCAL_WHY_MAX];

/* 127.0.0.1/8 on lo, 10.1.0.5/16 on another interface. */
static void
machine(void)
{
	memset(&config, 0, sizeof config);
	config.node_id = CONFIG_UNSET;
	config.link.port = 5405;
	memset(resolved, 0, sizeof resolved);
	memset(ours, 0, sizeof ours);
	ck_assert(resolve_numeric("127.0.0.1", CONFIG_IP_64, &ours[0].address));
	ours[0].prefix_bits = 8;
	ours[0].loopback = true;
	ck_assert(resolve_numeric("10.1.0.5", CONFIG_IP_64, &ours[1].address));
	ours[1].prefix_bits = 16;
}

static void
node_add(uint32_t node_id, const char *address, uint16_t port)
{
	struct config_node *node = &config.nodes[config.node_count];

	node->node_id = node_id;
	node->port = port;
	(void) snprintf(node->address[0], sizeof node->address[0], "%s", address);
	(void) resolve_numeric(address, CONFIG_IP_64, &resolved[config.node_count++]);
}

START_TEST(local_by_address)
{
	struct local_address many[60] = { 0 };

	for (size_t i = 0; i < 60; i++)
		ck_assert(resolve_numeric("fd00:1111:2222:3333:4444:5555:6666:7777", CONFIG_IP_64,
		    &many[i].address));
	machine();
	node_add(1, "10.1.0.4", 5405);
	node_add(2, "10.1.0.5", 5406);
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), 0);
	ck_assert_uint_eq(found.node_id, 2);
	ck_assert_uint_eq(ntohs(found.address.sa.v4.sin_port), 5406);
	/* The interface is not up: wait. */
	ck_assert_int_eq(local_find(&config, resolved, ours, 1, &found, why), -EAGAIN);
	/* The same network is not enough on an interface that is not loopback. */
	machine();
	node_add(1, "10.1.0.4", 5405);
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), -EAGAIN);
	node_add(2, "a-name", 5405);
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), -EAGAIN);
	ck_assert_str_eq(why, "no interface that is up has the address of a node of the node list, "
	    "and not all of its names resolve; looked for: 10.1.0.4 (node 1), a-name = ? (node 2); "
	    "this machine has: 10.1.0.5, 127.0.0.1; correct this node's ring0_addr or bring its "
	    "interface up");
	/* However much there is to list, the advice fits. */
	for (uint32_t i = 3; i <= CONFIG_NODES_MAX; i++) {
		memset(config.nodes[i - 1].address[0], 'n', CONFIG_TEXT_MAX - 1);
		config.nodes[config.node_count++].node_id = UINT32_MAX - i;
	}
	ck_assert_int_eq(local_find(&config, resolved, many, 60, &found, why), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(why, " more; this machine has: "));
	ck_assert_ptr_nonnull(strstr(why, " more; correct this node's ring0_addr or bring its "
	    "interface up"));
}
END_TEST

START_TEST(local_of_several)
{
	machine();
	node_add(1, "127.0.0.1", 5405);
	node_add(2, "127.0.0.9", 5406);
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "--nodeid"));
	config.node_id = 2;
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), 0);
	ck_assert_uint_eq(found.node_id, 2);
	ck_assert_uint_eq(ntohs(found.address.sa.v4.sin_port), 5406);
	resolved[1].len = 0;
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(why, "does not resolve"));
	ck_assert(resolve_numeric("10.1.0.9", CONFIG_IP_64, &resolved[1]));
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(why, "(node 2); this machine has: 10.1.0.5, 127.0.0.1; "
	    "correct nodeid or the node's ring0_addr, or bring the interface up"));
}
END_TEST

START_TEST(local_by_network)
{
	machine();
	(void) snprintf(config.link.bind, sizeof config.link.bind, "10.1.0.0");
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), 0);
	ck_assert_uint_eq(found.node_id, 0x0a010005);
	config.node_id = 9;
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), 0);
	ck_assert_uint_eq(found.node_id, 9);
	ck_assert_uint_eq(ntohs(found.address.sa.v4.sin_port), 5405);
	(void) snprintf(config.link.bind, sizeof config.link.bind, "10.2.0.0");
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(why, "bindnetaddr 10.2.0.0; this machine has: 10.1.0.5, "
	    "127.0.0.1; correct bindnetaddr"));
	(void) snprintf(config.link.bind, sizeof config.link.bind, "a-name");
	ck_assert_int_eq(local_find(&config, resolved, ours, 2, &found, why), -EINVAL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("core");
	TCase *tc = tcase_create("core");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, state_file_is_guarded);
	tcase_add_test(tc, state_is_kept);
	tcase_add_test(tc, state_damage_and_stock_files);
	tcase_add_test(tc, state_is_tried_again);
	tcase_add_test(tc, state_of_long_ago);
	tcase_add_test(tc, state_that_is_no_file);
	tcase_add_test(tc, state_without_storage);
	tcase_add_test(tc, instance_names);
	tcase_add_test(tc, instance_admits_one);
	tcase_add_test(tc, instance_directories);
	tcase_add_test(tc, names_resolve_in_a_thread);
	tcase_add_test(tc, local_by_address);
	tcase_add_test(tc, local_of_several);
	tcase_add_test(tc, local_by_network);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
