/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "exec/base/assert.h"
#include "exec/core/engines.h"
#include "exec/core/last_words.h"
#include "exec/core/shell_internal.h"
#include "exec/core/state.h"

#define RECEIVE_BUDGET		256u	/* datagrams between two settlements */
#define RECEIVE_ROUNDS_MAX	8	/* then clients get their turn */
#define EXPIRE_ROUNDS_MAX	64
#define ALONE_LOOK_NS		UINT64_C(10000000000)
#define ARM_SLACK_NS		UINT64_C(8000000)
#define STREAM_PAUSE_NS		UINT64_C(100000)	/* of receiving, while clients stream */

uint64_t
shell_now_ns(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * UINT64_C(1000000000) + (uint64_t) now.tv_nsec;
}

static void
on_refused(void *argument, uint32_t node_id)
{
	struct shell *shell = argument;

	/* Not while outputs are being carried out: the core takes no input in between. */
	if (shell->refused_count < SHELL_REFUSED_MAX)
		shell->refused[shell->refused_count++] = node_id;
}

static void
flush(struct shell *shell)
{
	if (!shell->send_pending)
		return;
	shell->send_pending = false;
	net_flush(shell->net, on_refused, shell);
}

static void
storage_say(struct shell *shell, int error)
{
	if (error != shell->storage_error && shell->config.storage != NULL)
		shell->config.storage(shell->config.host, error);
	shell->storage_error = error;
}

/* A disk that hangs gives no error, and until it answers this node can be in no new ring. */
static void
storage_late(void *argument)
{
	struct shell *shell = argument;

	shell->storage_timer = 0;
	storage_say(shell, -EINPROGRESS);
}

static void
storage_wait(struct shell *shell, uint64_t ring_seq)
{
	shell->storage_wanted = ring_seq;
	if (shell->storage_timer == 0)
		(void) qb_loop_timer_add(shell->config.loop, QB_LOOP_LOW, SHELL_STORAGE_SLOW_NS,
		    shell, storage_late, &shell->storage_timer);
}

static void
storage_waited(struct shell *shell, uint64_t ring_seq)
{
	if (ring_seq < shell->storage_wanted || shell->storage_timer == 0)
		return;
	(void) qb_loop_timer_del(shell->config.loop, shell->storage_timer);
	shell->storage_timer = 0;
}

_Static_assert(TOTEM_LAST_WORDS_BYTES <= LAST_WORDS_BYTES_MAX, "last words need more room");

/* What the members are to hear if we die from now on. */
static void
words_leave(struct shell *shell, const struct totem_configuration *config)
{
	uint8_t frame[TOTEM_LAST_WORDS_BYTES];
	struct net_address to[NET_PEERS_MAX];
	size_t len, count = 0;

	if (shell->config.words == NULL || config->kind != TOTEM_REGULAR)
		return;
	len = totem_last_words(shell->totem, frame);
	for (size_t i = 0; i < config->member_count && count < NET_PEERS_MAX; i++)
		if (!net_ignores(shell->net, config->members[i].node_id))
			count += net_peer_address(shell->net, config->members[i].node_id,
			    &to[count]);
	last_words_leave(shell->config.words, frame, len, &shell->config.net.local, to, count);
}

static void
carry_out(struct shell *shell, const struct totem_output *output)
{
	bool told;

	/* What is lent to the network must have gone before anybody can give the core an input. */
	if (output->kind != TOTEM_SEND)
		flush(shell);
	switch (output->kind) {
	case TOTEM_SEND:
		if (output->as_data)
			net_send_as_data(shell->net, output->to, output->to_count, output->data,
			    output->len);
		else
			net_send(shell->net, output->to, output->to_count, output->data,
			    output->len);
		shell->send_pending = true;
		if (output->urgent)
			flush(shell);
		break;
	case TOTEM_SEND_SOURCE:
		if (shell->source != NULL)
			net_reply(shell->net, shell->source, output->data, output->len);
		break;
	case TOTEM_RESERVE:
		state_reserve(shell->config.state, output->ring_seq);
		storage_wait(shell, output->ring_seq);
		break;
	case TOTEM_DELIVER:
		if (shell->engines != NULL)
			engines_deliver(shell->engines, output);
		break;
	case TOTEM_CONFIGURATION:
		words_leave(shell, &output->config);
		shell_lists_configuration(shell, &output->config);
		told = shell_log_configuration(shell, &output->config);
		if (shell->engines == NULL)
			break;
		engines_quiet(shell->engines, !told);
		engines_configuration(shell->engines, &output->config);
		break;
	case TOTEM_NOTICE:
		if (output->notice == TOTEM_NOTICE_PAUSED)
			shell_lists_paused(shell);
		shell_log_notice(shell, output);
		break;
	}
}

static void
drain(struct shell *shell)
{
	struct totem_output output;

	cs_assert(!shell->draining);
	shell->draining = true;
	for (;;) {
		while (totem_output(shell->totem, &output))
			carry_out(shell, &output);
		flush(shell);
		if (shell->refused_count == 0)
			break;
		totem_refused(shell->totem, shell_now_ns(), shell->refused[--shell->refused_count]);
	}
	shell->draining = false;
}

/* Setting the timer is a system call: only when it would fire too late; or so much too early that
 * waking up for nothing costs more. */
static void
arm(struct shell *shell)
{
	uint64_t deadline_ns = totem_deadline(shell->totem);
	struct itimerspec when = { .it_value = { 0, 0 } };

	if (deadline_ns >= shell->armed_ns && deadline_ns - shell->armed_ns < ARM_SLACK_NS)
		return;
	shell->armed_ns = deadline_ns;
	shell->timer_calls++;
	when.it_value.tv_sec = (time_t) (deadline_ns / UINT64_C(1000000000));
	when.it_value.tv_nsec = (long) (deadline_ns % UINT64_C(1000000000));
	if (deadline_ns == 0)
		when.it_value.tv_nsec = 1;
	(void) timerfd_settime(shell->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Everything that is due, until the core only waits. */
static void
run(struct shell *shell)
{
	uint64_t end_ns;

	drain(shell);
	for (int i = 0; i < EXPIRE_ROUNDS_MAX; i++) {
		uint64_t now_ns = shell_now_ns();
		bool input = shell->engines != NULL && engines_turn(shell->engines, now_ns);

		if (totem_deadline(shell->totem) <= now_ns) {
			if (input)
				drain(shell);
			totem_expire(shell->totem, now_ns);
			input = true;
		}
		if (!input)
			break;
		drain(shell);
	}
	end_ns = shell_now_ns();
	token_watch_look(&shell->watch, end_ns);
	/* Heartbeats wake us more often than that. */
	if (end_ns >= shell->look_ns) {
		shell->look_ns = end_ns + SHELL_LOOK_NS;
		shell_lists_turn(shell);
	}
	arm(shell);
}

static void
on_datagram(void *argument, const uint8_t *data, size_t len, const struct net_address *source)
{
	struct shell *shell = argument;
	uint32_t sender = 0;
	enum totem_drop drop;

	shell->source = source;
	drop = totem_datagram(shell->totem, shell_now_ns(), data, len, &sender);
	if (drop == TOTEM_ACCEPTED && sender != 0 && shell->config.net.kind == NET_UDP) {
		struct net_peer peer = { sender, *source };

		(void) net_peer_set(shell->net, &peer);
	}
	drain(shell);
	shell_log_heard(shell, drop);
	shell_lists_look(shell, drop, sender);
	shell->source = NULL;
}

/* Clients that stream wait for no message, and have more to send if we let them have the processor:
 * a token that comes a little later takes a full frame instead of a few messages, and what others
 * sent meanwhile costs one waking up. */
static void
stream_pause(struct shell *shell)
{
	uint64_t due_ns = shell->received_ns + STREAM_PAUSE_NS;
	struct timespec until = { .tv_sec = (time_t) (due_ns / UINT64_C(1000000000)),
	    .tv_nsec = (long) (due_ns % UINT64_C(1000000000)) };

	if (!shell->streams || shell_now_ns() >= due_ns)
		return;
	shell->timer_calls++;
	(void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int32_t
on_readable(int32_t fd, int32_t revents, void *argument)
{
	struct shell *shell = argument;

	(void) fd;
	(void) revents;
	shell->wakes++;
	stream_pause(shell);
	for (int i = 0; i < RECEIVE_ROUNDS_MAX; i++) {
		size_t got = net_receive(shell->net, RECEIVE_BUDGET, on_datagram, on_refused,
		    shell);

		drain(shell);
		if (shell->engines != NULL)
			shell->streams = engines_look(shell->engines, shell_now_ns());
		drain(shell);
		totem_settle(shell->totem, shell_now_ns());
		drain(shell);
		if (got < RECEIVE_BUDGET)
			break;
	}
	shell->received_ns = shell_now_ns();
	run(shell);
	return 0;
}

static int32_t
on_timer(int32_t fd, int32_t revents, void *argument)
{
	struct shell *shell = argument;
	uint64_t count;

	(void) revents;
	shell->wakes++;
	shell->timer_calls++;
	if (read(fd, &count, sizeof count) < 0)
		return 0;
	shell->armed_ns = UINT64_MAX;
	run(shell);
	return 0;
}

static int32_t
on_state(int32_t fd, int32_t revents, void *argument)
{
	struct shell *shell = argument;
	uint64_t ring_seq;
	int error;

	(void) fd;
	(void) revents;
	while (state_done(shell->config.state, &ring_seq, &error)) {
		storage_waited(shell, ring_seq);
		storage_say(shell, error);
		/* A ring must be able to form when the disk is full; the log says what is lost. */
		totem_reserved(shell->totem, shell_now_ns(), ring_seq);
		drain(shell);
	}
	run(shell);
	return 0;
}

void
shell_wake(struct shell *shell)
{
	if (!shell->draining)
		shell->input_waits = true;
}

/* Not by a job of the loop: libqb's sleeps up to 50 ms with one that was queued by a handler. */
void
shell_turned(struct shell *shell)
{
	if (!shell->input_waits)
		return;
	shell->input_waits = false;
	run(shell);
}

static int
poll_add(struct shell *shell, int fd, qb_loop_poll_dispatch_fn dispatch)
{
	return qb_loop_poll_add(shell->config.loop, QB_LOOP_HIGH, fd, POLLIN, shell, dispatch);
}

static int
descriptors_add(struct shell *shell)
{
	int fds[NET_FDS_MAX], r;
	size_t count = net_fds(shell->net, fds);

	shell->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (shell->timer_fd < 0)
		return -errno;
	r = poll_add(shell, shell->timer_fd, on_timer);
	if (r == 0)
		r = poll_add(shell, state_fd(shell->config.state), on_state);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = poll_add(shell, fds[i], on_readable);
	return r;
}

int
shell_new(const struct shell_config *config, struct shell **ret_shell)
{
	struct shell *shell = calloc(1, sizeof *shell);
	int r;

	if (shell == NULL)
		return -ENOMEM;
	shell->config = *config;
	shell_lists_init(shell, &config->totem);
	shell->timer_fd = -1;
	shell->armed_ns = UINT64_MAX;
	r = net_new(&config->net, &shell->net);
	if (r == 0)
		r = totem_new(&config->totem, &shell->totem);
	shell->watch = (struct token_watch) { .totem = shell->totem,
	    .late_ns = config->token_late_ns };
	if (r == 0)
		r = descriptors_add(shell);
	/* The caller's lists were copied. */
	shell->config.net.peers = NULL;
	shell->config.totem.peers = NULL;
	if (r < 0) {
		(void) shell_free(shell);
		return r;
	}
	*ret_shell = shell;
	return 0;
}

struct shell *
shell_free(struct shell *shell)
{
	int fds[NET_FDS_MAX];
	size_t count;

	if (shell == NULL)
		return NULL;
	if (shell->alone_timer != 0)
		(void) qb_loop_timer_del(shell->config.loop, shell->alone_timer);
	if (shell->storage_timer != 0)
		(void) qb_loop_timer_del(shell->config.loop, shell->storage_timer);
	count = shell->net == NULL ? 0 : net_fds(shell->net, fds);
	for (size_t i = 0; i < count; i++)
		(void) qb_loop_poll_del(shell->config.loop, fds[i]);
	if (shell->timer_fd >= 0) {
		(void) qb_loop_poll_del(shell->config.loop, shell->timer_fd);
		(void) qb_loop_poll_del(shell->config.loop, state_fd(shell->config.state));
		(void) close(shell->timer_fd);
	}
	shell->totem = totem_free(shell->totem);
	shell->net = net_free(shell->net);
	free(shell);
	return NULL;
}

void
shell_engines_set(struct shell *shell, struct engines *engines)
{
	shell->engines = engines;
}

/* Not an error: this node may be the first.  But nothing else would ever say it. */
static void
alone_look(void *argument)
{
	struct shell *shell = argument;
	size_t count;

	shell->alone_timer = 0;
	(void) totem_members(shell->totem, &count);
	if (count <= 1 && net_stats(shell->net)->rx_group == 0)
		shell->config.log(shell->config.host, "TOTEM", LOG_NOTICE, "Nobody was heard by "
		    "multicast since the start. If other nodes run, the network does not pass it "
		    "on (IGMP snooping without a querier, a firewall, another mcastaddr); "
		    "transport: udpu needs none.");
}

void
shell_start(struct shell *shell)
{
	shell->look_ns = shell_now_ns() + SHELL_LOOK_NS;
	if (shell->config.net.kind == NET_UDP)
		(void) qb_loop_timer_add(shell->config.loop, QB_LOOP_LOW, ALONE_LOOK_NS, shell,
		    alone_look, &shell->alone_timer);
	totem_start(shell->totem, shell_now_ns());
	run(shell);
}

void
shell_leave(struct shell *shell)
{
	totem_leave(shell->totem, shell_now_ns());
	drain(shell);
	if (shell->config.words != NULL)
		last_words_silence(shell->config.words);
}

struct totem *
shell_totem(struct shell *shell)
{
	return shell->totem;
}

struct net *
shell_net(struct shell *shell)
{
	return shell->net;
}

int
shell_peer_set(struct shell *shell, const struct net_peer *peer)
{
	return net_peer_set(shell->net, peer);
}
