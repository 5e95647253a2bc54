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

#include "lib/private.h"
#include "test/sim/cpg/wire.h"

#define STACK_BYTES	262144u
#define LINK_KILL	(UINT64_C(1) << 63)
#define CALL_PARTS_MAX	16u

struct client_link {			/* what a struct client of the library is here */
	struct client_link *next;	/* of the process */
	struct client *process;
	struct wire *wire;
	struct ipc_ring to_daemon, to_client;	/* its own view of them */
	uint32_t sequence;		/* of the last call */
	bool lent;
	uint8_t *bounce;		/* a record that lay around the ring's end, made whole */
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

void
link_kill(struct client *client)
{
	client->killed = true;
	for (struct client_link *link = client->links; link != NULL; link = link->next)
		wire_hang_up(link->wire);
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
		if (link->wire->hung_up)
			return true;
	return false;
}

bool
link_cut(struct client *client)
{
	for (const struct client_link *link = client->links; link != NULL; link = link->next)
		if (link->wire->hung_up && !link->wire->orphan)
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
	return link->process->killed || link->wire->hung_up;
}

/* Its memory has rings of the size that the run has, whatever the library asks for. */
cs_error_t
client_open(const char *service, bool data_rings, struct client **ret_client)
{
	struct client *process = link_now;
	struct client_link *link;
	struct wire *wire;
	int welcome;

	(void) data_rings;
	if (process->killed)
		return CS_ERR_LIBRARY;
	wire = wire_new(cpg_node_of(process->sim, process->host), service, process);
	if (wire == NULL)
		return CS_ERR_LIBRARY;
	while (wire->welcome == 1 && !wire->hung_up && !process->killed)
		link_wait(process, NEVER);
	welcome = wire->welcome;
	if (welcome != 0 || wire->hung_up || process->killed) {
		wire_close(wire);
		return welcome == -EAGAIN ? CS_ERR_TRY_AGAIN : CS_ERR_LIBRARY;
	}
	link = util_alloc(sizeof *link);
	link->process = process;
	link->wire = wire;
	wire_rings(wire, &link->to_daemon, &link->to_client);
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
	wire_close(link->wire);
	free(link->bounce);
	free(link);
	return NULL;
}

void
client_interrupt(struct client *client)
{
	wire_hang_up(link_of(client)->wire);
}

cs_error_t
client_fd(struct client *client, int *ret_fd)
{
	(void) client;
	*ret_fd = -1;
	return CS_ERR_NOT_SUPPORTED;	/* programs here wait in virtual time */
}

/* --- to the daemon --- */

static cs_error_t
link_put(struct client_link *link, uint32_t function, const struct iovec *iov, size_t count,
    uint32_t reserve)
{
	struct ipc_ring_shared *shared = link->to_daemon.shared;
	int r;

	if (link_dead(link))
		return CS_ERR_LIBRARY;
	r = ipc_ring_put(&link->to_daemon, function, iov, count, reserve);
	if ((r == 0 || r == -EAGAIN) &&
	    ipc_wish_change(&shared->consumer_wish, IPC_ASLEEP, IPC_AWAKE))
		wire_ring(link->wire);
	if (r == -EAGAIN)
		return CS_ERR_TRY_AGAIN;
	if (r == -EBADMSG)
		return CS_ERR_LIBRARY;
	return r == 0 ? CS_OK : CS_ERR_TOO_BIG;
}

static bool
link_replied(const struct client_link *link)
{
	return wire_page(link->wire)->reply_sequence == link->sequence;
}

cs_error_t
client_call(struct client *client, uint32_t function, const struct iovec *iov, size_t count,
    void *reply, size_t reply_size, size_t *ret_len)
{
	struct client_link *link = link_of(client);
	const struct ipc_page *page = wire_page(link->wire);
	uint32_t head[2] = { ++link->sequence, 0 };
	struct iovec parts[CALL_PARTS_MAX + 1u];
	cs_error_t error;

	cs_assert(count <= CALL_PARTS_MAX && ipc_iov_len(iov, count) <= IPC_CALL_BYTES_MAX);
	parts[0] = (struct iovec) { .iov_base = head, .iov_len = sizeof head };
	for (size_t i = 0; i < count; i++)
		parts[i + 1] = iov[i];
	error = link_put(link, function | IPC_FUNCTION_CALL, parts, count + 1, 0);
	if (error != CS_OK)
		return error;
	link->wire->call = link->sequence;
	while (!link_replied(link) && !link_dead(link))
		link_wait(link->process, NEVER);
	link->wire->call = 0;
	if (!link_replied(link) || link->process->killed)
		return CS_ERR_LIBRARY;
	if (page->reply_len > reply_size)
		return CS_ERR_TOO_BIG;
	if (page->reply_len > 0)
		memcpy(reply, link->wire->memory + IPC_PAGE_BYTES, page->reply_len);
	*ret_len = page->reply_len;
	return CS_OK;
}

cs_error_t
client_send(struct client *client, uint32_t function, const struct iovec *iov, size_t count)
{
	return link_put(link_of(client), function, iov, count, IPC_CALL_RESERVE_BYTES);
}

size_t
client_send_max(const struct client *client)
{
	return ipc_ring_record_max(&link_of(client)->to_daemon);
}

unsigned int
client_send_fill(struct client *client)
{
	const struct ipc_ring *ring = &link_of(client)->to_daemon;

	return (unsigned int) ((uint64_t) ipc_ring_used(ring) * 100 / ring->size);
}

/* --- from the daemon --- */

static void
link_lend(struct client_link *link, const struct ipc_ring_record *record,
    struct client_record *ret_record)
{
	const struct ipc_ring *ring = &link->to_client;

	cs_assert(!link->lent);
	link->lent = true;
	*ret_record = (struct client_record) { .function = record->function,
	    .data = ring->data + record->place, .len = record->len };
	if (record->len > ring->size - record->place) {
		link->bounce = util_alloc(record->len);
		ipc_ring_read(ring, record, 0, link->bounce, record->len);
		ret_record->data = link->bounce;
	}
	ipc_ring_advance(&link->to_client, record);
	link_now_tag = wire_tag(link->wire);
}

cs_error_t
client_next(struct client *client, int timeout_ms, struct client_record *ret_record)
{
	struct client_link *link = link_of(client);
	struct ipc_ring_record record;
	int r;

	if (link->process->killed)
		return CS_ERR_LIBRARY;
	while ((r = ipc_ring_peek(&link->to_client, &record)) == -EAGAIN) {
		if (link_dead(link))
			return CS_ERR_LIBRARY;
		if (timeout_ms == 0)
			return CS_ERR_TRY_AGAIN;
		link_wait(link->process, NEVER);
	}
	if (r < 0)
		return CS_ERR_LIBRARY;
	link_lend(link, &record, ret_record);
	return CS_OK;
}

/* Not here: a process that waits with a full ring is one that does not read, which the daemon's
 * rule for slow clients is judged by. */
bool
client_read_ahead(void)
{
	return false;
}

bool
client_is_behind(struct client *client)
{
	(void) client;
	return false;
}

void
client_refused(struct client *client)
{
	(void) client;
}

void
client_lock_reading(pthread_mutex_t *lock)
{
	(void) pthread_mutex_lock(lock);
}

void
client_done(struct client *client)
{
	struct client_link *link = link_of(client);
	struct ipc_ring *ring = &link->to_client;
	struct ipc_ring_shared *shared = ring->shared;

	free(link->bounce);
	link->bounce = NULL;
	link->lent = false;
	watch_read(link->wire, ring->at - shared->tail);
	ipc_ring_release(ring);
	if (!link_dead(link) && shared->head - ring->at <= ring->size / 2 &&
	    ipc_wish_change(&shared->producer_wish, 1, 0))
		wire_ring(link->wire);
}
