/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Names to addresses without blocking the main loop: a helper thread asks getaddrinfo().  Numeric
 * addresses never need it.
 */
#ifndef CORE_RESOLVE_H
#define CORE_RESOLVE_H
#include <stdbool.h>
#include <stdint.h>

#include "exec/core/config.h"
#include "exec/net/net.h"

struct resolver;

struct resolve_answer {
	char name[CONFIG_TEXT_MAX];
	uint32_t tag;			/* the asker's */
	struct net_address address;	/* port 0 */
	int error;			/* 0, or getaddrinfo()'s */
};

/* A numeric address of a family that `version` allows; false: it is a name or not allowed. */
bool resolve_numeric(const char *text, enum config_ip_version version,
    struct net_address *ret_address);
void resolve_port_set(struct net_address *address, uint16_t port);

int resolver_new(struct resolver **ret_resolver);
/* A question under way is left to end by itself.  Accepts NULL; returns NULL. */
struct resolver *resolver_free(struct resolver *resolver);
int resolver_fd(const struct resolver *resolver);	/* readable: resolver_answer() has one */
/* 0, or -EBUSY when too many are waiting. */
int resolver_ask(struct resolver *resolver, const char *name, enum config_ip_version version,
    uint32_t tag);
bool resolver_answer(struct resolver *resolver, struct resolve_answer *ret_answer);
#endif
