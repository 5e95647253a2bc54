/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/assert.h"
#include "exec/core/log.h"
#include "exec/core/resolve.h"
#include "exec/core/start.h"

#define MS_NS			UINT64_C(1000000)
#define TICK_NS			(100 * MS_NS)
#define SAY_TICKS		50u	/* every five seconds */
#define PATIENCE_TICKS		10u	/* a second for the first answers */
#define ASK_AGAIN_TICKS		20u	/* a name that did not resolve: every two seconds */

struct start {
	qb_loop_t *loop;
	const struct config *config;
	const struct start_handlers *handlers;
	void *host;
	struct resolver *resolver;	/* made when there is a name to ask for */
	qb_loop_timer_handle timer;
	struct net_address address[CONFIG_NODES_MAX];	/* of config->nodes; len 0: not known */
	bool asked[CONFIG_NODES_MAX];			/* an answer is to come */
	unsigned int fail_count[CONFIG_NODES_MAX];
	uint64_t tick_count;
	unsigned int wait_count;	/* attempts that found something missing */
	bool begun, ended;
	uint32_t local_id;
};

static void tick(void *data);

static enum config_ip_version
ip_version(const struct start *s)
{
	return (enum config_ip_version) s->config->ip_version;
}

static void
peer_fill(const struct start *s, size_t index, struct net_peer *ret_peer)
{
	const struct config_node *node = &s->config->nodes[index];

	*ret_peer = (struct net_peer) { .node_id = (uint32_t) node->node_id };
	ret_peer->address = s->address[index];
	if (ret_peer->address.len > 0)
		resolve_port_set(&ret_peer->address, (uint16_t) node->port);
}

static void
fail(struct start *s, int error, const char *why)
{
	s->ended = true;
	s->handlers->failed(s->host, error, why);
}

/* Without it nothing would be tried again: a daemon that has not begun would wait for ever. */
static void
timer_set(struct start *s)
{
	int r = qb_loop_timer_add(s->loop, QB_LOOP_MED, TICK_NS, s, tick, &s->timer);

	if (r < 0 && !s->begun)
		fail(s, r, strerror(-r));
	else if (r < 0)
		log_line(LOG_SUBSYS_NET, LOG_ERR, "Names that did not resolve are not asked for "
		    "again: %s", strerror(-r));
}

static void
wait_say(struct start *s, const char *why)
{
	bool asking = false;

	/* Names take a moment also when all is well. */
	for (size_t i = 0; i < s->config->node_count; i++)
		asking = asking || s->asked[i];
	if (asking && s->tick_count < PATIENCE_TICKS)
		return;
	if (s->wait_count++ % SAY_TICKS == 0)
		log_line(LOG_SUBSYS_MAIN, LOG_WARNING, "Waiting: %s; trying again.", why);
	if (s->wait_count == 1)
		s->handlers->waiting(s->host, why);
}

static void
attempt(struct start *s)
{
	struct local_address ours[LOCAL_ADDRESSES_MAX];
	struct net_peer peers[CONFIG_NODES_MAX];
	struct local_found local;
	char why[LOCAL_WHY_MAX], text[INET6_ADDRSTRLEN];
	size_t count = 0;
	int r;

	r = local_find(s->config, s->address, ours, local_addresses(ours), &local, why);
	if (r == -EAGAIN) {
		wait_say(s, why);
		return;
	}
	if (r < 0) {
		fail(s, r, why);
		return;
	}
	for (size_t i = 0; i < s->config->node_count; i++) {
		if (s->config->nodes[i].node_id != local.node_id)
			peer_fill(s, i, &peers[count++]);
	}
	s->local_id = local.node_id;
	r = s->handlers->begin(s->host, &local, peers, count);
	if (r == 0) {
		s->begun = true;
		return;
	}
	(void) snprintf(why, sizeof why, "address %s: %s",
	    net_address_text(&local.address, text, sizeof text), strerror(-r));
	if (r == -EADDRNOTAVAIL)
		wait_say(s, why);
	else
		fail(s, r, why);
}

static void
answer_take(struct start *s, const struct resolve_answer *answer)
{
	const struct config_node *node = &s->config->nodes[answer->tag];
	struct net_peer peer;
	size_t index = answer->tag;
	char text[INET6_ADDRSTRLEN];

	cs_assert(index < s->config->node_count && s->asked[index]);
	s->asked[index] = false;
	if (answer->error != 0) {
		/* The first time, and once a minute. */
		if (s->fail_count[index]++ % (60000 / 100 / ASK_AGAIN_TICKS) == 0)
			log_line(LOG_SUBSYS_NET, LOG_WARNING, "The name '%s' of node %u does not "
			    "resolve: %s; trying again.", node->address[0],
			    (unsigned int) node->node_id, gai_strerror(answer->error));
		return;
	}
	if (s->fail_count[index] > 0)
		log_line(LOG_SUBSYS_NET, LOG_NOTICE, "The name '%s' of node %u resolves to %s.",
		    node->address[0], (unsigned int) node->node_id,
		    net_address_text(&answer->address, text, sizeof text));
	s->address[index] = answer->address;
	if (s->begun && node->node_id != s->local_id) {
		peer_fill(s, index, &peer);
		s->handlers->resolved(s->host, &peer);
	}
}

static int32_t
on_answer(int32_t fd, int32_t revents, void *data)
{
	struct start *s = data;
	struct resolve_answer answer;

	(void) fd;
	(void) revents;
	while (!s->ended && resolver_answer(s->resolver, &answer))
		answer_take(s, &answer);
	if (!s->begun && !s->ended)
		attempt(s);
	return 0;
}

static int
names_ask(struct start *s)
{
	int r;

	for (size_t i = 0; i < s->config->node_count; i++) {
		if (s->address[i].len > 0 || s->asked[i])
			continue;
		if (s->resolver == NULL) {
			r = resolver_new(&s->resolver);
			if (r == 0)
				r = qb_loop_poll_add(s->loop, QB_LOOP_MED,
				    resolver_fd(s->resolver), POLLIN, s, on_answer);
			if (r < 0)
				return r;
		}
		s->asked[i] = resolver_ask(s->resolver, s->config->nodes[i].address[0],
		    ip_version(s), (uint32_t) i) == 0;
	}
	return 0;
}

static void
tick(void *data)
{
	struct start *s = data;
	bool all = true;

	s->tick_count++;
	if (s->tick_count % ASK_AGAIN_TICKS == 0)
		(void) names_ask(s);
	if (!s->begun && !s->ended)
		attempt(s);
	for (size_t i = 0; i < s->config->node_count; i++)
		all = all && s->address[i].len > 0;
	if (!s->ended && !(s->begun && all))
		timer_set(s);
}

int
start_new(qb_loop_t *loop, const struct config *config, const struct start_handlers *handlers,
    void *host, struct start **ret_start)
{
	struct start *s = calloc(1, sizeof *s);
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->config = config;
	s->handlers = handlers;
	s->host = host;
	for (size_t i = 0; i < config->node_count; i++)
		(void) resolve_numeric(config->nodes[i].address[0], ip_version(s), &s->address[i]);
	r = names_ask(s);
	if (r < 0) {
		(void) start_free(s);
		return r;
	}
	/* Names that the hosts file knows come back at once: their answer attempts it. */
	r = qb_loop_timer_add(loop, QB_LOOP_HIGH, 1, s, tick, &s->timer);
	if (r < 0) {
		(void) start_free(s);
		return r;
	}
	*ret_start = s;
	return 0;
}

struct start *
start_free(struct start *s)
{
	if (s == NULL)
		return NULL;
	(void) qb_loop_timer_del(s->loop, s->timer);
	if (s->resolver != NULL)
		(void) qb_loop_poll_del(s->loop, resolver_fd(s->resolver));
	s->resolver = resolver_free(s->resolver);
	free(s);
	return NULL;
}
