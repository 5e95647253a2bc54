/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The thread is detached and shares a reference-counted block with the resolver: getaddrinfo() may
 * take many seconds and cannot be interrupted, and the daemon's end must not wait for it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exec/base/assert.h"
#include "exec/core/resolve.h"
#include "exec/core/thread.h"

#define QUESTIONS_MAX	(CONFIG_NODES_MAX + 1u)

struct question {
	enum { SLOT_FREE, SLOT_ASKED, SLOT_RUNNING, SLOT_ANSWERED } state;
	enum config_ip_version version;
	struct resolve_answer answer;
};

struct resolver {
	pthread_mutex_t lock;	/* guards what follows */
	pthread_cond_t wake;
	unsigned int users;	/* the owner and the thread */
	bool closing;
	int event_fd;
	struct question slot[QUESTIONS_MAX];
};

static bool
version_allows(enum config_ip_version version, int family)
{
	switch (version) {
	case CONFIG_IP_4:
		return family == AF_INET;
	case CONFIG_IP_6:
		return family == AF_INET6;
	case CONFIG_IP_46:
	case CONFIG_IP_64:
		return family == AF_INET || family == AF_INET6;
	}
	return false;
}

bool
resolve_numeric(const char *text, enum config_ip_version version, struct net_address *ret_address)
{
	struct net_address a = { 0 };

	if (inet_pton(AF_INET, text, &a.sa.v4.sin_addr) == 1) {
		a.sa.v4.sin_family = AF_INET;
		a.len = sizeof a.sa.v4;
	} else if (inet_pton(AF_INET6, text, &a.sa.v6.sin6_addr) == 1) {
		a.sa.v6.sin6_family = AF_INET6;
		a.len = sizeof a.sa.v6;
	} else {
		return false;
	}
	if (!version_allows(version, a.sa.any.sa_family))
		return false;
	*ret_address = a;
	return true;
}

void
resolve_port_set(struct net_address *address, uint16_t port)
{
	cs_assert(address->len > 0);
	if (address->sa.any.sa_family == AF_INET)
		address->sa.v4.sin_port = htons(port);
	else
		address->sa.v6.sin6_port = htons(port);
}

static int
name_lookup(const char *name, enum config_ip_version version, struct net_address *ret_address)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM };
	int first = version == CONFIG_IP_4 || version == CONFIG_IP_46 ? AF_INET : AF_INET6;
	const struct addrinfo *best = NULL;
	struct addrinfo *list;
	int r;

	r = getaddrinfo(name, NULL, &hints, &list);
	if (r != 0)
		return r;
	for (const struct addrinfo *i = list; i != NULL; i = i->ai_next) {
		if (!version_allows(version, i->ai_family)
		    || i->ai_addrlen > sizeof ret_address->sa)
			continue;
		if (best == NULL || (best->ai_family != first && i->ai_family == first))
			best = i;
	}
	r = EAI_NONAME;
	if (best != NULL) {
		*ret_address = (struct net_address) { .len = best->ai_addrlen };
		memcpy(&ret_address->sa, best->ai_addr, best->ai_addrlen);
		r = 0;
	}
	freeaddrinfo(list);
	return r;
}

/* Called with the lock held; gives it up. */
static void
resolver_leave(struct resolver *r)
{
	bool last = --r->users == 0;

	(void) pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	(void) pthread_mutex_destroy(&r->lock);
	(void) pthread_cond_destroy(&r->wake);
	(void) close(r->event_fd);
	free(r);
}

static struct question *
slot_find(struct resolver *r, int state)
{
	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		if ((int) r->slot[i].state == state)
			return &r->slot[i];
	}
	return NULL;
}

static void *
resolver_thread(void *argument)
{
	struct resolver *r = argument;
	static const uint64_t one = 1;

	(void) pthread_mutex_lock(&r->lock);
	while (!r->closing) {
		struct question *q = slot_find(r, SLOT_ASKED);
		struct net_address address = { 0 };
		int error;

		if (q == NULL) {
			(void) pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		q->state = SLOT_RUNNING;
		(void) pthread_mutex_unlock(&r->lock);
		/* The name does not change while the slot is running. */
		error = name_lookup(q->answer.name, q->version, &address);
		(void) pthread_mutex_lock(&r->lock);
		q->answer.address = address;
		q->answer.error = error;
		q->state = SLOT_ANSWERED;
		(void) !write(r->event_fd, &one, sizeof one);
	}
	resolver_leave(r);
	return NULL;
}

int
resolver_new(struct resolver **ret_resolver)
{
	struct resolver *r = calloc(1, sizeof *r);
	pthread_t thread;
	int result;

	if (r == NULL)
		return -ENOMEM;
	r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->event_fd < 0) {
		result = -errno;
		free(r);
		return result;
	}
	(void) pthread_mutex_init(&r->lock, NULL);
	(void) pthread_cond_init(&r->wake, NULL);
	r->users = 2;
	result = thread_start(&thread, resolver_thread, r);
	if (result < 0) {
		(void) close(r->event_fd);
		free(r);
		return result;
	}
	(void) pthread_detach(thread);
	*ret_resolver = r;
	return 0;
}

struct resolver *
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return NULL;
	(void) pthread_mutex_lock(&r->lock);
	r->closing = true;
	(void) pthread_cond_signal(&r->wake);
	resolver_leave(r);
	return NULL;
}

int
resolver_fd(const struct resolver *r)
{
	return r->event_fd;
}

int
resolver_ask(struct resolver *r, const char *name, enum config_ip_version version, uint32_t tag)
{
	struct question *q;

	(void) pthread_mutex_lock(&r->lock);
	q = slot_find(r, SLOT_FREE);
	if (q != NULL) {
		*q = (struct question) { .state = SLOT_ASKED, .version = version };
		q->answer.tag = tag;
		(void) snprintf(q->answer.name, sizeof q->answer.name, "%s", name);
		(void) pthread_cond_signal(&r->wake);
	}
	(void) pthread_mutex_unlock(&r->lock);
	return q != NULL ? 0 : -EBUSY;
}

bool
resolver_answer(struct resolver *r, struct resolve_answer *ret_answer)
{
	struct question *q;
	uint64_t count;

	(void) pthread_mutex_lock(&r->lock);
	q = slot_find(r, SLOT_ANSWERED);
	if (q != NULL) {
		*ret_answer = q->answer;
		q->state = SLOT_FREE;
	} else {
		(void) !read(r->event_fd, &count, sizeof count);
	}
	(void) pthread_mutex_unlock(&r->lock);
	return q != NULL;
}
