/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The batch of datagrams to be sent.  Entries wait in one queue a destination, data lent; a flush
 * makes messages of them, destinations in turn so that all hear of news equally soon, and gives
 * them to the kernel together.  A run of frames of one size to one destination (the last may be
 * shorter) goes as one message, a train, which the kernel or the card takes apart (UDP GSO).
 *
 *   B1  Datagrams to one destination leave in the order in which they were added.
 *   B2  A train that the kernel refuses is sent again at once as plain datagrams, and that
 *       destination gets no more trains.
 *   B3  A flush waits at most NET_SEND_WAIT_NS in total for a full kernel; what it will not take
 *       then is dropped and counted.  Every other datagram is tried NET_SEND_TRIES_MAX times.
 */
#include "exec/net/net_internal.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define BATCH_END	((uint16_t) NET_BATCH_MAX)	/* of a queue */
#define WAIT_STEP_NS	100000		/* device queues do not say when they have room again */

void
batch_init(struct batch *batch)
{
	batch->entry_count = batch->active_count = 0;
	for (size_t i = 0; i < NET_SLOTS; i++)
		batch->queue[i] = (struct batch_queue) { .head = BATCH_END, .tail = BATCH_END };
}

void
batch_add(struct net *net, uint16_t slot, const uint8_t *data, size_t len)
{
	struct batch *batch = &net->batch;
	struct batch_queue *queue = &batch->queue[slot];
	uint16_t at;

	cs_assert(slot < NET_SLOTS);
	cs_assert(len > 0 && len <= net->frame_bytes_max);

	if (batch->entry_count == NET_BATCH_MAX)
		batch_flush(net);
	at = (uint16_t) batch->entry_count++;
	batch->entry[at] = (struct batch_entry) {
		.data = data, .len = (uint32_t) len, .next = BATCH_END,
	};
	if (queue->head == BATCH_END) {
		queue->head = at;
		batch->active[batch->active_count++] = slot;
	} else {
		batch->entry[queue->tail].next = at;
	}
	queue->tail = at;
}

static bool *
gso_off(struct net *net, uint16_t slot)
{
	return slot == NET_SLOT_GROUP ? &net->group_gso_off : &net->peers.slot[slot].gso_off;
}

static struct net_address *
destination(struct net *net, uint16_t slot)
{
	return slot == NET_SLOT_GROUP ? &net->group : &net->peers.slot[slot].peer.address;
}

static void
message_init(struct mmsghdr *message, struct net_address *to, struct iovec *iov, size_t iov_count)
{
	*message = (struct mmsghdr) {
		.msg_hdr = {
			.msg_name = &to->sa.any,
			.msg_namelen = to->len,
			.msg_iov = iov,
			.msg_iovlen = iov_count,
		},
	};
}

static void
message_set_segment(struct mmsghdr *message, struct batch_control *control, size_t segment_bytes)
{
	uint16_t value = (uint16_t) segment_bytes;
	struct cmsghdr *cmsg;

	memset(control, 0, sizeof *control);
	message->msg_hdr.msg_control = control->bytes;
	message->msg_hdr.msg_controllen = sizeof control->bytes;
	cmsg = CMSG_FIRSTHDR(&message->msg_hdr);
	cmsg->cmsg_level = IPPROTO_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof value);
	memcpy(CMSG_DATA(cmsg), &value, sizeof value);
}

/* Message number `index` takes from the slot's queue as many frames as can go in one.  Its parts
 * lie in iov[], of which `*iov_used` are taken. */
static void
train_build(struct net *net, uint16_t slot, size_t index, size_t *iov_used)
{
	struct batch *batch = &net->batch;
	struct batch_queue *queue = &batch->queue[slot];
	struct iovec *iov = &batch->iov[*iov_used];
	uint32_t segment_bytes = batch->entry[queue->head].len, last_bytes, bytes = 0;
	uint16_t count = 0;
	uint16_t count_max =
	    net->stats.gso && !*gso_off(net, slot) ? NET_TRAIN_SEGMENTS_MAX : 1;

	do {
		struct batch_entry *entry = &batch->entry[queue->head];

		last_bytes = entry->len;
		if (count > 0 &&
		    (last_bytes > segment_bytes || bytes + last_bytes > NET_TRAIN_BYTES_MAX))
			break;
		/* iovec has no const; the kernel only reads. */
		iov[count++] = (struct iovec) {
			.iov_base = (void *) (uintptr_t) entry->data, .iov_len = entry->len,
		};
		bytes += last_bytes;
		queue->head = entry->next;
	} while (count < count_max && last_bytes == segment_bytes && queue->head != BATCH_END);

	message_init(&batch->message[index], destination(net, slot), iov, count);
	if (count > 1)
		message_set_segment(&batch->message[index], &batch->control[index], segment_bytes);
	batch->train[index] = (struct batch_train) {
		.slot = slot, .segment_count = count, .bytes = bytes,
	};
	*iov_used += count;
	cs_assert(*iov_used <= batch->entry_count);
}

/* All entries become messages; returns their number. */
static size_t
batch_build(struct net *net)
{
	struct batch *batch = &net->batch;
	size_t count = 0, iov_used = 0;

	while (batch->active_count > 0) {
		size_t kept = 0;

		for (size_t i = 0; i < batch->active_count; i++) {
			uint16_t slot = batch->active[i];

			train_build(net, slot, count++, &iov_used);
			if (batch->queue[slot].head != BATCH_END)
				batch->active[kept++] = slot;
		}
		batch->active_count = kept;
	}
	cs_assert(iov_used == batch->entry_count);
	return count;
}

static uint64_t
clock_ns(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

/* The kernel is full: wait a little.  False when this flush has waited long enough. */
static bool
wait_for_room(struct net *net, bool socket_full)
{
	struct pollfd poll_fd = { .fd = net->fd[0], .events = POLLOUT };
	uint64_t now_ns = clock_ns(), wait_ns;
	struct timespec timeout = { 0 };

	if (net->batch.wait_until_ns == 0)
		net->batch.wait_until_ns = now_ns + NET_SEND_WAIT_NS;
	if (now_ns >= net->batch.wait_until_ns)
		return false;
	wait_ns = net->batch.wait_until_ns - now_ns;
	if (!socket_full && wait_ns > WAIT_STEP_NS)
		wait_ns = WAIT_STEP_NS;
	timeout.tv_nsec = (long) wait_ns;
	(void) ppoll(&poll_fd, socket_full ? 1 : 0, &timeout, NULL);
	/* An unread error ends every poll at once; read it, so that the next one waits. */
	if ((poll_fd.revents & POLLERR) != 0)
		evidence_read(net);
	return true;
}

/* Did the kernel object to the train as such, rather than to the datagrams in it? */
static bool
gso_refused(int error)
{
	return error == EIO || error == EINVAL || error == EMSGSIZE || error == ENOPROTOOPT ||
	    error == EOPNOTSUPP;
}

static void
messages_count_sent(struct net *net, const struct batch_train *train, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		net->stats.tx_datagrams += train[i].segment_count;
		net->stats.tx_bytes += train[i].bytes;
		net->stats.tx_gso_trains += train[i].segment_count > 1;
	}
}

/* What to do about the first message of a call that failed. */
enum send_verdict { SEND_AGAIN, SEND_SKIP };

static enum send_verdict
send_failed(struct net *net, const struct batch_train *train, int error, unsigned int *tries)
{
	if (error == EAGAIN || error == ENOBUFS) {
		if (wait_for_room(net, error == EAGAIN))
			return SEND_AGAIN;
		net->stats.tx_dropped += train->segment_count;
		return SEND_SKIP;
	}
	if (train->segment_count > 1 && gso_refused(error)) {
		*gso_off(net, train->slot) = true;
		return SEND_AGAIN;
	}
	/* It may be an older datagram's error, told to whoever calls next.  Reading the queue
	 * clears it.  No ICMP says these two: a firewall or the routes of our own host do. */
	if (error != EPERM && error != EINVAL && ++*tries < NET_SEND_TRIES_MAX) {
		evidence_read(net);
		return SEND_AGAIN;
	}
	net->stats.tx_errors += train->segment_count;
	return SEND_SKIP;
}

/* How many messages can go as they are: up to a train whose destination has lost its trains. */
static size_t
run_length(struct net *net, const struct batch_train *train, size_t count)
{
	size_t n = 0;

	while (n < count && (train[n].segment_count == 1 || !*gso_off(net, train[n].slot)))
		n++;
	return n;
}

/* Deal with messages up to the first that has to be taken apart; returns how many that were. */
static size_t
messages_send(struct net *net, struct mmsghdr *message, const struct batch_train *train,
    size_t count)
{
	unsigned int tries = 0;
	size_t at = 0, run;

	while ((run = run_length(net, &train[at], count - at)) > 0) {
		int sent = sendmmsg(net->fd[0], &message[at], (unsigned int) run, MSG_NOSIGNAL);

		net->stats.tx_calls++;
		if (sent > 0) {
			messages_count_sent(net, &train[at], (size_t) sent);
			/* If a pending error ended it early, this call has swallowed it. */
			net->errors_waiting |= (size_t) sent < run;
			at += (size_t) sent;
			tries = 0;
		} else if (send_failed(net, &train[at], errno, &tries) == SEND_SKIP) {
			at++;
			tries = 0;
		}
	}
	return at;
}

/* Send a refused train's frames one by one. */
static void
train_send_plain(struct net *net, const struct mmsghdr *message, const struct batch_train *train)
{
	struct batch *batch = &net->batch;
	struct iovec *iov = message->msg_hdr.msg_iov;
	size_t count = train->segment_count;

	cs_assert(count > 1 && count <= NET_TRAIN_SEGMENTS_MAX);

	for (size_t i = 0; i < count; i++) {
		message_init(&batch->plain[i], destination(net, train->slot), &iov[i], 1);
		batch->plain_train[i] = (struct batch_train) {
			.slot = train->slot, .segment_count = 1, .bytes = (uint32_t) iov[i].iov_len,
		};
	}
	(void) messages_send(net, batch->plain, batch->plain_train, count);
}

void
batch_flush(struct net *net)
{
	struct batch *batch = &net->batch;
	size_t count, at = 0;

	if (batch->entry_count == 0)
		return;
	count = batch_build(net);
	batch->wait_until_ns = 0;
	while (at < count) {
		at += messages_send(net, &batch->message[at], &batch->train[at], count - at);
		if (at < count) {
			train_send_plain(net, &batch->message[at], &batch->train[at]);
			at++;
		}
	}
	batch_init(batch);
}

void
batch_send_now(struct net *net, const struct net_address *to, const uint8_t *data, size_t len)
{
	struct net_address address = *to;
	struct iovec iov = { .iov_base = (void *) (uintptr_t) data, .iov_len = len };
	struct batch_train train = {
		.slot = NET_SLOT_GROUP, .segment_count = 1, .bytes = (uint32_t) len,
	};
	struct mmsghdr message;

	message_init(&message, &address, &iov, 1);
	net->batch.wait_until_ns = 0;
	(void) messages_send(net, &message, &train, 1);
}
