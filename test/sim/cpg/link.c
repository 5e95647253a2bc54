/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * lib/client.h for simulated processes.  Each process is a coroutine: where the library would sleep
 * in the kernel, it goes back to the loop of virtual time and is resumed when there is a reason.
 * So a process is written as a program, from top to bottom, on the library as it is.
 *
 * A process that dies is resumed like any other, but whatever it calls says at once that the daemon
 * is gone; its program then comes to its end by itself, and frees what it had.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exec/base/assert.h"
#include "lib/private.h"
#include "test/sim/cpg/cpg.h"

#define STACK_BYTES	262144u
#define LINK_KILL	(UINT64_C(1) << 63)
#define RESERVE_BYTES	(32768u + 16u)	/* of the ring to the daemon, kept for a call */

struct client_link {			/* what a struct client of the library is here */
	struct client_link *next;	/* of the process */
	struct client *process;
	struct ipc_conn *conn;
	struct ipc_item *lent;
};

static ucontext_t link_loop;		/* of virtual time */
static struct client *link_now;		/* who runs; NULL: the loop */
static struct tag link_now_tag;

struct client *
link_running(void)
{
	return link_now;
}

const struct tag *
link_tag(void)
{
	return &link_now_tag;
}

/* --- coroutines ------------------------------------------------------------------------------ */

static void
link_main(void)
{
	struct client *client = link_now;

	client->life(client);
	client->ended = true;
	(void) swapcontext(&client->context, &link_loop);
	abort();	/* nobody resumes the dead */
}

void
link_resume(struct client *client)
{
	struct client *before = link_now;

	cs_assert(before == NULL && !client->ended);
	client->ticket++;
	client->wake_due = false;
	link_now = client;
	(void) swapcontext(&link_loop, &client->context);
	link_now = NULL;
}

void
link_start(struct client *client)
{
	if (client->stack == NULL)
		client->stack = util_alloc(STACK_BYTES);
	(void) getcontext(&client->context);
	client->context.uc_stack.ss_sp = client->stack;
	client->context.uc_stack.ss_size = STACK_BYTES;
	client->context.uc_link = NULL;
	makecontext(&client->context, link_main, 0);
	client->ended = false;
	link_wake(client);
}

static void
link_push(struct client *client, uint64_t span_ns)
{
	struct sim *sim = client->sim;

	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + span_ns, .kind = HAPPEN_CLIENT, .host = client->host,
		.other = client->index, .value = client->ticket,
	});
}

void
link_wake(struct client *client)
{
	if (client == link_now || client->wake_due || client->ended)
		return;
	client->wake_due = true;
	link_push(client, dice(&client->sim->prng, 1, 60) * US_NS);
}

void
link_wait(struct client *client, uint64_t span_ns)
{
	cs_assert(link_now == client);
	if (cpg_of(client->sim)->ending)
		return;
	if (span_ns != NEVER)
		link_push(client, span_ns);
	(void) swapcontext(&client->context, &link_loop);
}

void
link_happening(struct sim *sim, const struct happening *happening)
{
	struct client *client = &cpg_of(sim)->client[happening->host * CPG_CLIENTS_MAX +
	    happening->other];

	if (client->ended)
		return;
	if ((happening->value & LINK_KILL) != 0) {
		if ((happening->value & ~LINK_KILL) == client->lives && !cpg_of(sim)->closing)
			program_murder(client);
	} else if (client->ticket == happening->value) {
		link_resume(client);
	}
}

void
link_kill_later(struct client *client, uint64_t span_ns)
{
	struct sim *sim = client->sim;

	heap_push(&sim->heap, (struct happening) {
		.at_ns = sim->now_ns + span_ns, .kind = HAPPEN_CLIENT, .host = client->host,
		.other = client->index, .value = client->lives | LINK_KILL,
	});
}

static void
link_hang_up(struct client_link *link)
{
	link->conn->hung_up = true;
	if (link->conn->server != NULL)
		ipc_work_later(link->conn->server);
}

void
link_kill(struct client *client)
{
	client->killed = true;
	for (struct client_link *link = client->links; link != NULL; link = link->next)
		link_hang_up(link);
	if (client != link_now)
		link_wake(client);
}

void
link_end(struct client *client)
{
	cs_assert(cpg_of(client->sim)->ending);
	client->killed = true;
	while (!client->ended)
		link_resume(client);
}

bool
link_lost(struct client *client)
{
	for (const struct client_link *link = client->links; link != NULL; link = link->next)
		if (link->conn->hung_up)
			return true;
	return false;
}

bool
link_cut(struct client *client)
{
	for (const struct client_link *link = client->links; link != NULL; link = link->next)
		if (link->conn->hung_up && !link->conn->orphan)
			return true;
	return false;
}

void
link_stuck(struct client *client)
{
	client->stuck = true;
}

/* The library waits a little for room.  A process's time is the simulation's. */
int
nanosleep(const struct timespec *request, struct timespec *remain)
{
	(void) remain;
	cs_assert(link_now != NULL);
	if (!link_now->killed)
		link_wait(link_now, (uint64_t) request->tv_sec * SEC_NS +
		    (uint64_t) request->tv_nsec);
	return 0;
}

/* --- lib/private.h: one process, one thread --------------------------------------------------- */

void
client_lock(void)
{
}

void
client_unlock(void)
{
}

unsigned int
client_fork_count(void)
{
	return 0;
}

/* --- lib/client.h ---------------------------------------------------------------------------- */

/* The library's `struct client` is a link here; in this file the name means the process. */
static struct client_link *
link_of(const struct client *library)
{
	return (struct client_link *) (uintptr_t) library;
}

static bool
link_dead(const struct client_link *link)
{
	return link->process->killed || link->conn->hung_up;
}

cs_error_t
client_open(const char *service, bool data_rings, struct client **ret_client)
{
	struct client *process = link_now;
	struct client_link *link;
	struct ipc_conn *conn;
	int refused;

	(void) data_rings;
	if (process->killed)
		return CS_ERR_LIBRARY;
	conn = ipc_connect(cpg_node_of(process->sim, process->host), service, process,
	    process->pid);
	if (conn == NULL)
		return CS_ERR_LIBRARY;
	while (conn->refused == 1 && !conn->hung_up && !process->killed)
		link_wait(process, NEVER);
	refused = conn->refused;
	if (refused != 0 || conn->hung_up || process->killed) {
		ipc_client_gone(conn);
		return refused == -EAGAIN ? CS_ERR_TRY_AGAIN : CS_ERR_LIBRARY;
	}
	link = util_alloc(sizeof *link);
	link->process = process;
	link->conn = conn;
	link->next = process->links;
	process->links = link;
	*ret_client = (struct client *) (void *) link;
	return CS_OK;
}

struct client *
client_close(struct client *client)
{
	struct client_link *link = link_of(client), **at;

	if (link == NULL)
		return NULL;
	for (at = &link->process->links; *at != link; at = &(*at)->next)
		;
	*at = link->next;
	ipc_client_gone(link->conn);
	free(link->lent);
	free(link);
	return NULL;
}

void
client_interrupt(struct client *client)
{
	link_hang_up(link_of(client));
}

cs_error_t
client_fd(struct client *client, int *ret_fd)
{
	(void) client;
	*ret_fd = -1;
	return CS_ERR_NOT_SUPPORTED;	/* programs here wait in virtual time */
}

cs_error_t
client_call(struct client *client, uint32_t function, const struct iovec *iov, size_t count,
    void *reply, size_t reply_size, size_t *ret_len)
{
	struct client_link *link = link_of(client);
	struct ipc_conn *conn = link->conn;
	struct ipc_item *item;

	if (link_dead(link))
		return CS_ERR_LIBRARY;
	item = ipc_item_new(function, iov, count);
	item->call = true;
	ipc_items_add(&conn->to_daemon, item);
	conn->replied = false;
	ipc_work_later(conn->server);
	while (!conn->replied && !link_dead(link))
		link_wait(link->process, NEVER);
	if (!conn->replied || link->process->killed)
		return CS_ERR_LIBRARY;
	if (conn->reply_len > reply_size)
		return CS_ERR_TOO_BIG;
	memcpy(reply, conn->reply, conn->reply_len);
	*ret_len = conn->reply_len;
	return CS_OK;
}

cs_error_t
client_send(struct client *client, uint32_t function, const struct iovec *iov, size_t count)
{
	struct client_link *link = link_of(client);
	struct ipc_conn *conn = link->conn;
	struct ipc_item *item;

	if (link_dead(link))
		return CS_ERR_LIBRARY;
	item = ipc_item_new(function, iov, count);
	if (item->len > client_send_max(client)) {
		free(item);
		return CS_ERR_TOO_BIG;
	}
	if (conn->to_daemon.bytes + ipc_cost(item->len) + RESERVE_BYTES >
	    cpg_of(link->process->sim)->ring_bytes) {
		free(item);
		return CS_ERR_TRY_AGAIN;
	}
	ipc_items_add(&conn->to_daemon, item);
	ipc_work_later(conn->server);
	return CS_OK;
}

size_t
client_send_max(const struct client *client)
{
	return cpg_of(link_of(client)->process->sim)->ring_bytes / 2 - 8u;
}

unsigned int
client_send_fill(struct client *client)
{
	const struct client_link *link = link_of(client);

	return (unsigned int) (link->conn->to_daemon.bytes * 100 /
	    cpg_of(link->process->sim)->ring_bytes);
}

cs_error_t
client_next(struct client *client, int timeout_ms, struct client_record *ret_record)
{
	struct client_link *link = link_of(client);
	struct ipc_item *item;

	if (link->process->killed)
		return CS_ERR_LIBRARY;
	link->process->read_ns = link->process->sim->now_ns;
	item = ipc_items_take(&link->conn->to_client);
	while (item == NULL) {
		if (link_dead(link))
			return CS_ERR_LIBRARY;
		if (timeout_ms == 0)
			return CS_ERR_TRY_AGAIN;
		link_wait(link->process, NEVER);
		item = ipc_items_take(&link->conn->to_client);
	}
	cs_assert(link->lent == NULL);
	link->lent = item;
	link_now_tag = item->tag;
	*ret_record = (struct client_record) { .function = item->function, .data = item->data,
	    .len = item->len };
	return CS_OK;
}

void
client_done(struct client *client)
{
	struct client_link *link = link_of(client);
	struct ipc_conn *conn = link->conn;

	free(link->lent);
	link->lent = NULL;
	if (conn->server != NULL && conn->backlog.first != NULL &&
	    conn->to_client.bytes <= cpg_of(link->process->sim)->ring_bytes / 2)
		ipc_work_later(conn->server);
}
