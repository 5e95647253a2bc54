/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "exec/base/assert.h"
#include "exec/core/daemon.h"
#include "exec/core/engines.h"
#include "exec/core/last_words.h"
#include "exec/core/local.h"
#include "exec/core/log.h"
#include "exec/core/shell.h"
#include "exec/core/start.h"
#include "exec/core/state.h"

#define LOG_END_SECONDS		1u	/* when all has failed, the log too may hang */
#define HEADERS_IPV4_BYTES	28u	/* IP and UDP */
#define HEADERS_IPV6_BYTES	48u

static void
stop(struct daemon *d, enum process_exit status)
{
	if (!d->stopping)
		d->status = status;
	d->stopping = true;
	qb_loop_stop(d->loop);
}

/* A reason not to start: to the log, and to who waits for us in the foreground. */
static void __attribute__((format(printf, 3, 4)))
refuse(struct daemon *d, enum process_exit status, const char *format, ...)
{
	char text[LOCAL_WHY_MAX + 64];
	va_list args;

	va_start(args, format);
	(void) vsnprintf(text, sizeof text, format, args);
	va_end(args);
	log_line(LOG_SUBSYS_MAIN, LOG_CRIT, "Cannot start: %s", text);
	if (d->ready_fd >= 0)
		fprintf(stderr, "corosync: cannot start: %s\n", text);
	stop(d, status);
}

/* --- what the parts tell us ------------------------------------------------------------------ */

static void
on_log(void *host, const char *subsystem, int priority, const char *text)
{
	unsigned int number = log_subsys_number(subsystem);

	(void) host;
	log_line(number, priority, "%s", text);
}

static void
on_storage(void *host, int error)
{
	const struct daemon *d = host;

	if (error == -EINPROGRESS)
		log_line(LOG_SUBSYS_STATE, LOG_WARNING, "The ring's number is being written to %s"
		    " for more than %u s: the disk is slow or hangs.  Until it answers, this node "
		    "can be in no ring with a higher number, and nodes that start may wait "
		    "outside.", d->instance.state_dir,
		    (unsigned int) (SHELL_STORAGE_SLOW_NS / 1000000000));
	else if (error < 0)
		log_line(LOG_SUBSYS_STATE, LOG_ERR, "The ring's number cannot be kept in %s: %s.  "
		    "The ring goes on; after a restart its numbers go on above the clock's.",
		    d->instance.state_dir, strerror(-error));
	else
		log_line(LOG_SUBSYS_STATE, LOG_NOTICE, "The ring's number is kept in %s again.",
		    d->instance.state_dir);
}

static void
on_wake(void *host)
{
	const struct daemon *d = host;

	shell_wake(d->shell);
}

static void
on_turned(void *host)
{
	const struct daemon *d = host;

	shell_turned(d->shell);
}

static void
on_ready(void *host)
{
	struct daemon *d = host;

	process_ready(&d->ready_fd, "providing service");
}

/* In the middle of whatever it was: nothing is taken down.  Our last words tell the others. */
static void __attribute__((noreturn))
on_fail(void *host, const char *engine, const char *why)
{
	struct daemon *d = host;
	char text[256];
	int len;

	last_words_now();
	len = snprintf(text, sizeof text, "corosync: engine %s: %s; this node ends with status "
	    "%d\n", engine, why, (int) PROCESS_EXIT_FATAL);
	/* First, as it needs no memory; then what waits to be written, if a disk lets us. */
	if (len > 0)
		log_crash(text, (size_t) len < sizeof text ? (size_t) len : sizeof text - 1);
	process_failed(&d->ready_fd, PROCESS_EXIT_FATAL);
	instance_unlock(&d->instance);
	(void) signal(SIGALRM, SIG_DFL);
	(void) alarm(LOG_END_SECONDS);
	log_end();
	_exit(PROCESS_EXIT_FATAL);
}

static bool
on_authorised(void *host, uid_t uid, gid_t gid)
{
	const struct daemon *d = host;

	if (uid == 0 || uid == geteuid() || gid == 0)
		return true;
	for (size_t i = 0; i < d->config.uid_count; i++) {
		if (d->config.uids[i] == uid)
			return true;
	}
	for (size_t i = 0; i < d->config.gid_count; i++) {
		if (d->config.gids[i] == gid)
			return true;
	}
	return false;
}

/* --- beginning ------------------------------------------------------------------------------- */

static uint64_t
realtime_ns(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t) now.tv_sec * UINT64_C(1000000000) + (uint64_t) now.tv_nsec;
}

static uint32_t
frame_bytes(const struct config *config, const struct net_address *local)
{
	uint64_t bytes = config->netmtu - (local->sa.any.sa_family == AF_INET
	    ? HEADERS_IPV4_BYTES : HEADERS_IPV6_BYTES);

	if (bytes > TOTEM_FRAME_BYTES_MAX)
		bytes = TOTEM_FRAME_BYTES_MAX;
	return (uint32_t) bytes;
}

static void
net_config_fill(const struct config *config, const struct local_found *local,
    struct net_config *net)
{
	net->kind = config->transport == CONFIG_TRANSPORT_UDP ? NET_UDP : NET_UDPU;
	net->local = local->address;
	net->frame_bytes_max = frame_bytes(config, &local->address);
	net->rcvbuf_bytes = net->sndbuf_bytes = (uint32_t) config->socket_buffer_bytes;
	net->gso = net->gro = config->udp_offload != 0;
	if (net->kind != NET_UDP)
		return;
	local_multicast(config, local->address.sa.any.sa_family, &net->multicast);
	net->broadcast = config->link.broadcast != 0;
	net->ttl = (uint8_t) config->link.ttl;
}

static void
totem_config_fill(const struct daemon *d, uint32_t node_id, uint32_t frame_bytes_max,
    struct totem_config *totem)
{
	const struct config *config = &d->config;

	totem->node_id = node_id;
	totem->incarnation = realtime_ns();
	totem->cluster_hash = totem_cluster_hash(config->cluster_name);
	if (getrandom(&totem->seed, sizeof totem->seed, GRND_NONBLOCK) != sizeof totem->seed)
		totem->seed = totem->incarnation ^ (uint64_t) getpid();
	totem->ring_seq_floor = d->ring_seq_floor;
	totem->frame_bytes_max = frame_bytes_max;
	if (config->window_count != CONFIG_UNSET)
		totem->window_frames_max = (uint32_t) config->window_count;
	totem->learn_peers = config->node_count == 0 || !config->block_unlisted;
	totem->timing = config->timing;
}

static int
engines_begin(struct daemon *d, const struct local_found *local)
{
	const struct engines_config config = {
		.loop = d->loop, .config = &d->config,
		.totem = shell_totem(d->shell), .net = shell_net(d->shell),
		.directory = d->engine_dir, .instance = d->instance.name,
		.local = local->address, .authorised = on_authorised, .log = on_log,
		.wake = on_wake, .turned = on_turned, .fail = on_fail, .ready = on_ready,
		.host = d,
	};
	int r = engines_new(&config, &d->engines);

	if (r < 0)
		refuse(d, PROCESS_EXIT_SERVICES, "the engines of %s: %s", config.directory,
		    strerror(-r));
	else if (engines_count(d->engines) == 0)
		log_line(LOG_SUBSYS_SERV, LOG_WARNING, "No engine was found in %s: "
		    "there is no service for programs.", config.directory);
	return r;
}

static int
on_begin(void *host, const struct local_found *local, const struct net_peer *peers, size_t count)
{
	struct daemon *d = host;
	struct shell_config config = {
		.loop = d->loop, .state = d->state, .log = on_log, .storage = on_storage,
		.words = d->words,
		.late_warning_ns = d->config.timing.token_ns * 8 / 10,
		.token_late_ns = d->config.timing.token_ns / 100
		    * d->config.token_warning_percent,
		.host = d,
	};
	struct net_peer known[CONFIG_NODES_MAX];
	uint32_t ids[CONFIG_NODES_MAX];
	size_t known_count = 0;
	char text[INET6_ADDRSTRLEN];
	int r;

	cs_assert(count <= CONFIG_NODES_MAX && d->shell == NULL);
	for (size_t i = 0; i < count; i++) {
		ids[i] = peers[i].node_id;
		if (peers[i].address.len > 0)
			known[known_count++] = peers[i];
	}
	net_config_fill(&d->config, local, &config.net);
	config.net.peers = known;
	config.net.peer_count = known_count;
	totem_config_fill(d, local->node_id, config.net.frame_bytes_max, &config.totem);
	config.totem.peers = ids;
	config.totem.peer_count = count;
	r = shell_new(&config, &d->shell);
	if (r < 0)
		return r;
	d->config.node_id = local->node_id;
	log_line(LOG_SUBSYS_TOTEM, LOG_NOTICE, "Node %" PRIu32 " at %s port %u, transport %s, %zu "
	    "nodes configured.", local->node_id,
	    net_address_text(&local->address, text, sizeof text),
	    (unsigned int) ntohs(local->address.sa.any.sa_family == AF_INET
	    ? local->address.sa.v4.sin_port : local->address.sa.v6.sin6_port),
	    config.net.kind == NET_UDP ? "udp" : "udpu", d->config.node_count);
	if (engines_begin(d, local) < 0)
		return 0;
	shell_engines_set(d->shell, d->engines);
	shell_start(d->shell);
	return 0;
}

static void
on_resolved(void *host, const struct net_peer *peer)
{
	const struct daemon *d = host;
	int r = shell_peer_set(d->shell, peer);

	if (r < 0)
		log_line(LOG_SUBSYS_NET, LOG_ERR, "The address of node %" PRIu32
		    " cannot be used: %s", peer->node_id, strerror(-r));
}

/* Who started us need not wait for a cable: we listen to signals and go on by ourselves. */
static void
on_waiting(void *host, const char *why)
{
	struct daemon *d = host;

	if (d->ready_fd >= 0)
		fprintf(stderr, "corosync: waiting: %s; it goes on by itself\n", why);
	process_ready(&d->ready_fd, why);
}

static const char *
failure_hint(int error)
{
	if (error == -EADDRINUSE)
		return " (another program has the port)";
	if (error == -EOPNOTSUPP)
		return " (its interface is loopback, or has no multicast: IPv6 multicast does not "
		    "work there; allowed: transport udpu, or an IPv4 address)";
	return "";
}

static void
on_failed(void *host, int error, const char *why)
{
	struct daemon *d = host;

	refuse(d, error == -EINVAL ? PROCESS_EXIT_CONFIG : PROCESS_EXIT_RING, "%s%s", why,
	    failure_hint(error));
}

static void
state_begin(struct daemon *d)
{
	struct state_found found = { 0 };
	const char *dir = d->instance.state_dir;
	int r = state_open(dir, time(NULL), &found, &d->state), error = found.write_error;

	if (r < 0) {
		refuse(d, PROCESS_EXIT_FATAL, "%s", strerror(-r));
		return;
	}
	d->ring_seq_floor = found.ring_seq_floor;
	if (found.damaged)
		log_line(LOG_SUBSYS_STATE, LOG_WARNING, "%s/%s is damaged; "
		    "the ring's numbers go on above the clock's.", dir, STATE_FILE_NAME);
	/* Said once, by what is wrong with the directory, if that is it. */
	if (found.read_error < 0 && found.write_error >= 0)
		log_line(LOG_SUBSYS_STATE, LOG_ERR, "%s/%s cannot be read: %s.  It should be a "
		    "small file of the daemon's: move away what is there, and start again.  The "
		    "ring's numbers go on above the clock's.", dir, STATE_FILE_NAME,
		    strerror(-found.read_error));
	if (found.foreign_error < 0 && found.write_error >= 0)
		log_line(LOG_SUBSYS_STATE, LOG_WARNING, "The files ringid_* in %s cannot be read: "
		    "%s.  The ring's numbers go on above the clock's.", dir,
		    strerror(-found.foreign_error));
	if (found.foreign)
		log_line(LOG_SUBSYS_STATE, LOG_NOTICE, "The ring's numbers go on above those of "
		    "the files ringid_* in %s.", dir);
	/* That it is missing is only what followed from why it could not be made. */
	if (error == -ENOENT && d->state_dir_error < 0)
		error = d->state_dir_error;
	if (error < 0)
		log_line(LOG_SUBSYS_STATE, LOG_ERR, "The state directory %s cannot be written: %s."
		    "  %sThe ring runs without; after a restart its numbers go on above the "
		    "clock's.", dir, strerror(-error), error == -ENOTDIR
		    ? "Move away the file that is in its place, or give another system.state_dir.  "
		    : "");
	else if (d->state_dir_error == -EPERM)
		log_line(LOG_SUBSYS_STATE, LOG_WARNING, "The state directory %s belongs to or can "
		    "be written by somebody else.", dir);
}

/* --- signals --------------------------------------------------------------------------------- */

static void
on_end_signal(struct daemon *d, int signal_number)
{
	log_line(LOG_SUBSYS_MAIN, LOG_NOTICE, "Node was shut down by signal %d: leaving the ring.",
	    signal_number);
	/* The others first: they must not wait for our cleaning up. */
	if (d->shell != NULL && !d->stopping)
		shell_leave(d->shell);
	process_stopping();
	stop(d, PROCESS_EXIT_DONE);
}

static void
on_hangup(void)
{
	int r = log_reopen();

	if (r < 0)
		log_line(LOG_SUBSYS_MAIN, LOG_ERR, "The log file cannot be opened again: %s",
		    strerror(-r));
	else
		log_line(LOG_SUBSYS_MAIN, LOG_INFO, "The log file was opened again.");
}

static void words_renew(struct daemon *d, bool again);

static void
on_words_again(void *data)
{
	words_renew(data, true);
}

/* Said once, however often it is tried. */
static void
words_renew(struct daemon *d, bool again)
{
	int r = d->words == NULL ? 0 : last_words_renew(d->words);
	qb_loop_timer_handle timer;

	if (r > 0)
		log_line(LOG_SUBSYS_MAIN, LOG_NOTICE, "The process that tells the other nodes of "
		    "our death had ended; there is another one.");
	if (r >= 0)
		return;
	if (!again)
		log_line(LOG_SUBSYS_MAIN, LOG_WARNING, "The process that tells the other nodes of "
		    "our death has ended: %s.  Another one is made in %u s; until then they notice "
		    "it by our closed port, or our silence.", r == -ECHILD ? "soon after it was "
		    "made" : strerror(-r), (unsigned int) (LAST_WORDS_AGAIN_NS / 1000000000u));
	if (qb_loop_timer_add(d->loop, QB_LOOP_LOW, LAST_WORDS_AGAIN_NS, d, on_words_again,
	    &timer) < 0)
		log_line(LOG_SUBSYS_MAIN, LOG_WARNING, "No memory to make that process again.");
}

static int32_t
on_signals(int32_t fd, int32_t revents, void *data)
{
	struct daemon *d = data;
	int signal_number;

	(void) revents;
	while ((signal_number = process_signals_next(fd)) != 0) {
		if (signal_number == SIGHUP)
			on_hangup();
		else if (signal_number == SIGCHLD)
			words_renew(d, false);
		else if (signal_number != SIGUSR2)
			on_end_signal(d, signal_number);
		else if (d->shell != NULL)
			shell_dump(d->shell);
	}
	return 0;
}

static int
signals_set(struct daemon *d)
{
	static const int ignored[] = { SIGPIPE, SIGALRM, SIGUSR1 };

	/* Who starts us may ignore it, and then nobody tells of a child's end. */
	(void) signal(SIGCHLD, SIG_DFL);
	/* Sent by mistake, these would be a crash to the others: there is nothing to do on them. */
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		(void) signal(ignored[i], SIG_IGN);
	d->signal_fd = process_signals_open();
	if (d->signal_fd < 0)
		return d->signal_fd;
	return qb_loop_poll_add(d->loop, QB_LOOP_HIGH, d->signal_fd, POLLIN, d, on_signals);
}

/* --- the whole life -------------------------------------------------------------------------- */

static void
take_down(struct daemon *d)
{
	d->start = start_free(d->start);
	if (d->shell != NULL)
		shell_engines_set(d->shell, NULL);
	d->engines = engines_free(d->engines);
	d->shell = shell_free(d->shell);
	d->state = state_close(d->state);
	d->words = last_words_free(d->words);
	(void) qb_loop_poll_del(d->loop, d->signal_fd);
	(void) close(d->signal_fd);
}

enum process_exit
daemon_run(struct daemon *d)
{
	static const struct start_handlers handlers = {
		.begin = on_begin, .resolved = on_resolved, .waiting = on_waiting,
		.failed = on_failed,
	};
	int r;

	d->status = PROCESS_EXIT_FATAL;
	d->loop = qb_loop_create();
	if (d->loop == NULL || signals_set(d) < 0) {
		log_line(LOG_SUBSYS_MAIN, LOG_CRIT, "Cannot start: no main loop");
		return PROCESS_EXIT_FATAL;
	}
	process_privilege(&d->config, d->options->plain_priority);
	/* With the priority, and before there is much memory that both have. */
	r = last_words_new(&d->words);
	if (r < 0)
		log_line(LOG_SUBSYS_MAIN, LOG_NOTICE, "No process that tells the other nodes of "
		    "our death could be made: %s.  They notice it by our closed port, or our "
		    "silence.", strerror(-r));
	state_begin(d);
	if (!d->stopping) {
		r = start_new(d->loop, &d->config, &handlers, d, &d->start);
		if (r < 0)
			refuse(d, PROCESS_EXIT_FATAL, "%s", strerror(-r));
		else
			qb_loop_run(d->loop);
	}
	take_down(d);
	qb_loop_destroy(d->loop);
	return d->status;
}
