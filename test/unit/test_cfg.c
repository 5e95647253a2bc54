/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The cfg engine behind a real server, a made-up host of 100 nodes, libcfg in front of it, and the
 * text of corosync-cfgtool.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <corosync/cfg.h>
#include <corosync/engine/engine.h>
#include <corosync/ipc/link.h>
#include "exec/ipc/ipc.h"
#include "lib/client.h"
#include "tools/trouble.h"

#define NODES	100u		/* more than a page of a reply */
#define LOCAL	7u

extern const struct cs_engine cs_engine_descriptor;

/* --- the host --- */

struct cs_host {
	struct cs_host_head head;
	bool ignored[NODES + 1];
};

static uint32_t
host_node_id(const struct cs_host *host)
{
	(void) host;
	return LOCAL;
}

static void
host_reply(struct cs_host *host, struct cs_conn *conn, const void *data, size_t len)
{
	(void) host;
	ipc_reply((struct ipc_conn *) conn, data, len);
}

static pid_t
host_pid(const struct cs_conn *conn)
{
	return ipc_conn_pid((const struct ipc_conn *) conn);
}

static uid_t
host_uid(const struct cs_conn *conn)
{
	return ipc_conn_uid((const struct ipc_conn *) conn);
}

/* Nodes 1 to 100; 7 is us, 9 is away, 10 is heard only, even ones have an IPv6 address. */
static int
host_node_info(const struct cs_host *host, size_t index, struct cs_node_info *ret_info)
{
	uint32_t id = (uint32_t) index + 1;

	if (index >= NODES)
		return -ENOENT;
	*ret_info = (struct cs_node_info) {
		.node_id = id, .port = 5405, .local = id == LOCAL,
		.member = id != 9 && id != 10 && !host->ignored[id], .ignored = host->ignored[id],
		.link = id == LOCAL ? CS_LINK_LOCAL : id == 9 ? CS_LINK_DOWN : CS_LINK_UP,
		.mtu = 1400, .round_trip_ns = id == LOCAL ? 0 : 123456,
	};
	(void) snprintf(ret_info->name, sizeof ret_info->name, "n\"%u", id);
	(void) snprintf(ret_info->address, sizeof ret_info->address,
	    id % 2 == 0 ? "fd00::%x" : "10.0.0.%u", id);
	(void) snprintf(ret_info->local_address, sizeof ret_info->local_address, "10.0.0.7");
	return 0;
}

static int
host_ignore(struct cs_host *host, const uint32_t *node_ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (node_ids[i] == LOCAL || node_ids[i] == 0 || node_ids[i] > NODES)
			return -EINVAL;
	memset(host->ignored, 0, sizeof host->ignored);
	for (size_t i = 0; i < count; i++)
		host->ignored[node_ids[i]] = true;
	return 0;
}

static const char *
host_transport(const struct cs_host *host)
{
	(void) host;
	return "udpu";
}

static void
host_log(const struct cs_host *host, int priority, const char *format, ...)
{
	char text[4096];
	va_list ap;

	(void) host;
	(void) priority;
	va_start(ap, format);
	(void) vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
}

static const struct cs_host_ops host_ops = {
	.node_id = host_node_id, .reply = host_reply, .conn_pid = host_pid, .conn_uid = host_uid,
	.node_info = host_node_info, .ignore = host_ignore, .transport = host_transport,
	.log = host_log,
};

/* --- its server --- */

static int
server_authorise(void *instance, uid_t uid, gid_t gid, pid_t pid)
{
	(void) instance;
	(void) uid;
	(void) gid;
	(void) pid;
	return 0;
}

static int
server_opened(void *instance, struct ipc_conn *conn)
{
	return cs_engine_descriptor.conn_open(instance, (struct cs_conn *) conn);
}

static void
server_closed(void *instance, struct ipc_conn *conn)
{
	cs_engine_descriptor.conn_close(instance, (struct cs_conn *) conn);
}

static void
server_request(void *instance, struct ipc_conn *conn, uint32_t function, const void *data,
    size_t len)
{
	struct cs_request request = { .function = function, .data = data, .len = len };

	cs_engine_descriptor.request(instance, (struct cs_conn *) conn, &request);
}

static int
server_record(void *instance, struct ipc_conn *conn, uint32_t function, const void *data,
    size_t len)
{
	(void) instance;
	(void) conn;
	(void) function;
	(void) data;
	(void) len;
	return -EBADMSG;
}

static void
server_congested(void *instance, bool on)
{
	(void) instance;
	(void) on;
}

static void
server_log(void *instance, int priority, const char *text)
{
	(void) instance;
	(void) priority;
	(void) text;
}

static void
server_run(int ready_fd)
{
	static const struct ipc_handlers handlers = {
		.authorise = server_authorise, .opened = server_opened, .closed = server_closed,
		.request = server_request, .record = server_record,
		.congested = server_congested, .log = server_log,
	};
	struct cs_host host = { .head = { .ops = &host_ops } };
	char name[IPC_NAME_BYTES_MAX];
	struct ipc_config config = { .name = name, .backlog_bytes_max = 1024, .grace_ns = 1 };
	qb_loop_t *loop = qb_loop_create();
	struct ipc_server *server;
	void *instance;

	(void) ipc_name(name, sizeof name, "cfg", getenv("COROSYNC_INSTANCE"));
	if (cs_engine_descriptor.init(&host, &instance) < 0 ||
	    ipc_server_new(loop, &config, &handlers, instance, &server) < 0)
		_exit(1);
	(void) write(ready_fd, "+", 1);
	qb_loop_run(loop);
	_exit(0);
}

static pid_t server_pid;
static corosync_cfg_handle_t handle;

static void
setup(void)
{
	char instance[32], byte = '?';
	int ready[2];

	(void) snprintf(instance, sizeof instance, "cfg%d", (int) getpid());
	ck_assert_int_eq(setenv("COROSYNC_INSTANCE", instance, 1), 0);
	ck_assert_int_eq(pipe(ready), 0);
	server_pid = fork();
	if (server_pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void) close(ready[0]);
		server_run(ready[1]);
	}
	(void) close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void) close(ready[0]);
	ck_assert_int_eq(corosync_cfg_initialize(&handle, NULL), CS_OK);
}

static void
teardown(void)
{
	ck_assert_int_eq(corosync_cfg_finalize(handle), CS_OK);
	ck_assert_int_eq(kill(server_pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(server_pid, NULL, 0), server_pid);
}

/* --- libcfg --- */

START_TEST(local_and_status)
{
	struct corosync_cfg_node_status_v1 status;
	char **names, **states;
	unsigned int id = 0, count = 0;

	ck_assert_int_eq(corosync_cfg_local_get(handle, &id), CS_OK);
	ck_assert_uint_eq(id, LOCAL);
	ck_assert_int_eq(corosync_cfg_ring_status_get(handle, &names, &states, &count), CS_OK);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(names[0], "10.0.0.7");
	ck_assert_uint_eq(strlen(states[0]), NODES);
	ck_assert_int_eq(strncmp(states[0], "333333n31333", 12), 0);
	free(names[0]);
	free(states[0]);
	free(names);
	free(states);
	ck_assert_int_eq(corosync_cfg_node_status_get(handle, 100, CFG_NODE_STATUS_V1, &status),
	    CS_OK);
	ck_assert_uint_eq(status.nodeid, 100);
	ck_assert_uint_eq(status.reachable, 1);
	ck_assert_uint_eq(status.link_status[0].connected, 1);
	ck_assert_uint_eq(status.link_status[0].mtu, 1400);
	ck_assert_str_eq(status.link_status[0].dst_ipaddr, "fd00::64");
	ck_assert_int_eq(corosync_cfg_node_status_get(handle, 9, CFG_NODE_STATUS_V1, &status),
	    CS_OK);
	ck_assert_uint_eq(status.reachable, 0);
	ck_assert_uint_eq(status.link_status[0].connected, 0);
	ck_assert_int_eq(corosync_cfg_node_status_get(handle, 101, CFG_NODE_STATUS_V1, &status),
	    CS_ERR_FAILED_OPERATION);
	ck_assert_int_eq(corosync_cfg_node_status_get(handle, 9,
	    (corosync_cfg_node_status_version_t) 2, &status), CS_ERR_NOT_SUPPORTED);
}
END_TEST

START_TEST(addresses)
{
	corosync_cfg_node_address_t address[2];
	const struct sockaddr *sa = (const struct sockaddr *) (const void *) address[0].address;
	int count = 0;

	ck_assert_int_eq(corosync_cfg_get_node_addrs(handle, 0, 2, &count, address), CS_OK);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(address[0].address_length, (int) sizeof(struct sockaddr_in));
	ck_assert_int_eq(sa->sa_family, AF_INET);
	ck_assert_int_eq(corosync_cfg_get_node_addrs(handle, 100, 2, &count, address), CS_OK);
	ck_assert_int_eq(address[0].address_length, (int) sizeof(struct sockaddr_in6));
	ck_assert_int_eq(sa->sa_family, AF_INET6);
	ck_assert_int_eq(corosync_cfg_get_node_addrs(handle, 4711, 2, &count, address),
	    CS_ERR_NOT_EXIST);
}
END_TEST

START_TEST(all_nodes_and_ignoring)
{
	static corosync_cfg_node_t nodes[128];
	char transport[CFG_TRANSPORT_LEN];
	unsigned int ids[130] = { 3, 99 };
	size_t count = 0;

	ck_assert_int_eq(corosync_cfg_nodes_get(handle, transport, 128, &count, nodes), CS_OK);
	ck_assert_uint_eq(count, NODES);
	ck_assert_str_eq(transport, "udpu");
	for (unsigned int i = 0; i < NODES; i++)
		ck_assert_uint_eq(nodes[i].nodeid, i + 1);
	ck_assert_int_eq(corosync_cfg_ignore(handle, ids, 2), CS_OK);
	ck_assert_int_eq(corosync_cfg_nodes_get(handle, NULL, 3, &count, nodes), CS_OK);
	ck_assert_uint_eq(count, NODES);
	ck_assert_uint_eq(nodes[2].ignored, 1);
	ids[1] = LOCAL;
	ck_assert_int_eq(corosync_cfg_ignore(handle, ids, 2), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(corosync_cfg_ignore(handle, ids, 130), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(corosync_cfg_ignore(handle, NULL, 1), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(corosync_cfg_nodes_get(handle, NULL, 128, &count, nodes), CS_OK);
	ck_assert_uint_eq(nodes[2].ignored, 1);
	ck_assert_uint_eq(nodes[98].ignored, 1);
	ck_assert_int_eq(corosync_cfg_ignore(handle, NULL, 0), CS_OK);
	ck_assert_int_eq(corosync_cfg_nodes_get(handle, NULL, 128, &count, nodes), CS_OK);
	ck_assert_uint_eq(nodes[2].ignored, 0);
}
END_TEST

START_TEST(what_is_not_supported_says_so)
{
	ck_assert_int_eq(corosync_cfg_kill_node(handle, 2, "why"), CS_ERR_NOT_SUPPORTED);
	ck_assert_int_eq(corosync_cfg_trackstart(handle, 0), CS_ERR_NOT_SUPPORTED);
	ck_assert_int_eq(corosync_cfg_trackstop(handle), CS_ERR_NOT_SUPPORTED);
	ck_assert_int_eq(corosync_cfg_try_shutdown(handle, COROSYNC_CFG_SHUTDOWN_FLAG_REQUEST),
	    CS_ERR_NOT_SUPPORTED);
	ck_assert_int_eq(corosync_cfg_replyto_shutdown(handle, COROSYNC_CFG_SHUTDOWN_FLAG_YES),
	    CS_ERR_NOT_SUPPORTED);
	ck_assert_int_eq(corosync_cfg_reload_config(handle), CS_ERR_NOT_SUPPORTED);
	ck_assert_int_eq(corosync_cfg_reopen_log_files(handle), CS_ERR_NOT_SUPPORTED);
	ck_assert_int_eq(corosync_cfg_kill_node(handle + 1, 2, "why"), CS_ERR_BAD_HANDLE);
}
END_TEST

START_TEST(bad_arguments)
{
	corosync_cfg_handle_t second;
	unsigned int id;
	int32_t fd;

	ck_assert_int_eq(corosync_cfg_initialize(NULL, NULL), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(corosync_cfg_local_get(handle, NULL), CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(corosync_cfg_local_get(0, &id), CS_ERR_BAD_HANDLE);
	ck_assert_int_eq(corosync_cfg_node_status_get(handle, 1, CFG_NODE_STATUS_V1, NULL),
	    CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(corosync_cfg_dispatch(handle, (cs_dispatch_flags_t) 9),
	    CS_ERR_INVALID_PARAM);
	ck_assert_int_eq(corosync_cfg_dispatch(handle, CS_DISPATCH_ALL), CS_OK);
	ck_assert_int_eq(corosync_cfg_dispatch(handle, CS_DISPATCH_ONE_NONBLOCKING),
	    CS_ERR_TRY_AGAIN);
	ck_assert_int_eq(corosync_cfg_fd_get(handle, &fd), CS_OK);
	ck_assert_int_eq(corosync_cfg_initialize(&second, NULL), CS_OK);
	ck_assert_int_eq(corosync_cfg_finalize(second), CS_OK);
	ck_assert_int_eq(corosync_cfg_finalize(second), CS_ERR_BAD_HANDLE);
	ck_assert_int_eq(corosync_cfg_local_get(second, &id), CS_ERR_BAD_HANDLE);
}
END_TEST

/* Requests of any length and content are answered. */
START_TEST(engine_answers_every_request)
{
	uint8_t bytes[1024], reply[65536];
	struct iovec iov = { .iov_base = bytes };
	struct client *client;
	size_t len;

	memset(bytes, 0xff, sizeof bytes);
	ck_assert_int_eq(client_open("cfg", false, &client), CS_OK);
	for (uint32_t function = 0; function < 6; function++) {
		for (iov.iov_len = 0; iov.iov_len < 600; iov.iov_len += 4) {
			len = 0;
			if (client_call(client, function, &iov, 1, reply, sizeof reply, &len) !=
			    CS_OK || len < 4)
				ck_abort_msg("function %u, %zu bytes", function, iov.iov_len);
		}
	}
	client = client_close(client);
}
END_TEST

START_TEST(errors_as_text_and_from_errno)
{
	ck_assert_str_eq(cs_strerror(CS_OK), "success");
	ck_assert_str_eq(cs_strerror(CS_ERR_TRY_AGAIN), "CS_ERR_TRY_AGAIN");
	ck_assert_str_eq(cs_strerror(CS_ERR_SECURITY), "CS_ERR_SECURITY");
	ck_assert_str_eq(cs_strerror((cs_error_t) 29), "unknown error");
	ck_assert_int_eq(qb_to_cs_error(5), CS_OK);
	ck_assert_int_eq(qb_to_cs_error(-EAGAIN), CS_ERR_TRY_AGAIN);
	ck_assert_int_eq(qb_to_cs_error(-ETIME), CS_ERR_TIMEOUT);
	ck_assert_int_eq(qb_to_cs_error(-EPIPE), CS_ERR_LIBRARY);
	ck_assert_int_eq(qb_to_cs_error(INT32_MIN), CS_ERR_LIBRARY);
	ck_assert_int_eq(hdb_error_to_cs(0), CS_OK);
	ck_assert_int_eq(hdb_error_to_cs(EMFILE), CS_ERR_NO_RESOURCES);
}
END_TEST

/* --- corosync-cfgtool --- */

/* Run it; its standard output and error in `out`. */
static int
tool(const char *arguments, char *out, size_t size)
{
	char command[256];
	size_t len;
	FILE *file;
	int status;

	(void) snprintf(command, sizeof command, "./corosync-cfgtool %s 2>&1", arguments);
	file = popen(command, "re");
	ck_assert_ptr_nonnull(file);
	len = fread(out, 1, size - 1, file);
	out[len] = '\0';
	status = pclose(file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(cfgtool_text)
{
	static char out[65536];
	static const char head[] = "Local node ID 7, transport udpu\nLINK ID 0 udp\n"
	    "\taddr\t= 10.0.0.7\n";

	ck_assert_int_eq(tool("-s", out, sizeof out), 0);
	ck_assert_int_eq(strncmp(out, head, strlen(head)), 0);
	ck_assert_ptr_nonnull(strstr(out, "\tstatus:\n\t\tnodeid:          1:\tconnected\n"));
	ck_assert_ptr_nonnull(strstr(out, "\t\tnodeid:          7:\tlocalhost\n"));
	ck_assert_ptr_nonnull(strstr(out, "\t\tnodeid:          9:\tdisconnected\n"));
	ck_assert_ptr_nonnull(strstr(out, "\t\tnodeid:         10:\tconnected, not in our ring\n"));
	ck_assert_int_eq(tool("-s -b -i 10.0.0.7", out, sizeof out), 0);
	ck_assert_ptr_nonnull(strstr(out, "\tstatus\t= 333333n31333"));
	ck_assert_int_eq(tool("-n", out, sizeof out), 0);
	ck_assert_ptr_nonnull(strstr(out, "nodeid: 1 reachable\n   LINK: 0 udp "
	    "(10.0.0.7->10.0.0.1) enabled connected mtu: 1400\n\n"));
	ck_assert_ptr_null(strstr(out, "nodeid: 7 "));
	ck_assert_ptr_null(strstr(out, "nodeid: 9 "));
	ck_assert_ptr_null(strstr(out, "nodeid: 10 "));
	ck_assert_int_eq(tool("-a 2", out, sizeof out), 0);
	ck_assert_str_eq(out, "fd00::2\n");
	ck_assert_int_eq(tool("-s --json", out, sizeof out), 0);
	ck_assert_ptr_nonnull(strstr(out, "\"name\": \"n\\\"1\", \"local\": false"));
	ck_assert_ptr_nonnull(strstr(out, "\"round_trip_us\": 123.456"));
	ck_assert_int_eq(tool("--ignore 3,99", out, sizeof out), 0);
	ck_assert_int_eq(tool("-s", out, sizeof out), 0);
	ck_assert_ptr_nonnull(strstr(out, "nodeid:         99:\tconnected ignored\n"));
	ck_assert_int_eq(tool("--hear-all", out, sizeof out), 0);
	ck_assert_int_eq(tool("-s", out, sizeof out), 0);
	ck_assert_ptr_null(strstr(out, "ignored"));
}
END_TEST

START_TEST(cfgtool_errors)
{
	static const char *const wrong[] = {
		"", "-q", "-b", "-a", "-a x", "-a 1,2", "-a 0", "-a 4294967296", "-a 4711", "-s -n",
		"-s extra", "-i 0", "-a 1 --json", "-s -b --json", "-s -i 3", "--ignore",
		"--ignore 1,", "--ignore 7", "--ignore 4711", "--ignore -1",
	};
	char out[4096];

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		if (tool(wrong[i], out, sizeof out) != 1 || out[0] == '\0')
			ck_abort_msg("corosync-cfgtool %s: %s", wrong[i], out);
	}
	ck_assert_int_eq(tool("-a 4711", out, sizeof out), 1);
	ck_assert_str_eq(out, "Could not get node address for nodeid 4711: no node has this id "
	    "(CS_ERR_NOT_EXIST)\n");
	ck_assert_int_eq(tool("-h", out, sizeof out), 0);
	ck_assert_int_eq(setenv("COROSYNC_INSTANCE", "nobody-is-here", 1), 0);
	ck_assert_int_eq(tool("-s", out, sizeof out), 1);
	ck_assert_str_eq(out, "Could not initialize corosync configuration API error 2 "
	    "(CS_ERR_LIBRARY): no daemon answers: start corosync, or see its log if it runs (it "
	    "may still wait for its address); COROSYNC_INSTANCE says which one is asked\n");
	ck_assert_ptr_nonnull(strstr(trouble_advice(CS_ERR_ACCESS), "run it as root"));
	ck_assert_ptr_nonnull(strstr(trouble_advice(CS_ERR_TRY_AGAIN), "try again"));
	ck_assert_str_eq(trouble_advice(CS_ERR_EXIST), "");
}
END_TEST

/* A daemon that is stopped is not waited for for ever. */
START_TEST(cfgtool_frozen_daemon)
{
	char out[4096];

	ck_assert_int_eq(kill(server_pid, SIGSTOP), 0);
	ck_assert_int_eq(tool("-s", out, sizeof out), 1);
	ck_assert_str_eq(out, "corosync-cfgtool: the daemon runs, but does not answer within 10 s: "
	    "it is stopped or the machine is overloaded\n");
	ck_assert_int_eq(kill(server_pid, SIGCONT), 0);
	ck_assert_int_eq(tool("-s -b", out, sizeof out), 0);
}
END_TEST

static Suite *
cfg_suite(void)
{
	Suite *suite = suite_create("cfg");
	TCase *tc = tcase_create("cfg");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, local_and_status);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, all_nodes_and_ignoring);
	tcase_add_test(tc, what_is_not_supported_says_so);
	tcase_add_test(tc, bad_arguments);
	tcase_add_test(tc, engine_answers_every_request);
	tcase_add_test(tc, errors_as_text_and_from_errno);
	tcase_add_test(tc, cfgtool_text);
	tcase_add_test(tc, cfgtool_errors);
	tcase_add_test(tc, cfgtool_frozen_daemon);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(cfg_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
