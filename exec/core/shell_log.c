/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What the log says about the membership.  The first words of the lines are those that people and
 * tools have searched for since the 1.x days.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "exec/core/shell_internal.h"

#define LINE_BYTES		2048u
#define NOTICE_PAUSE_NS		(UINT64_C(10) * 1000000000)	/* between two alike */
#define MISTAKE_PAUSE_NS	(UINT64_C(60) * 1000000000)	/* of one that people must mend */
#define ANEW_PAUSE_NS		(UINT64_C(60) * 1000000000)	/* between two rings of us alone */
#define MS_NS			UINT64_C(1000000)

struct line {
	char text[LINE_BYTES];
	size_t len;
};

static void __attribute__((format(printf, 2, 3)))
add(struct line *line, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(line->text + line->len, sizeof line->text - line->len, format, arguments);
	va_end(arguments);
	if (len > 0)
		line->len += (size_t) len;
	if (line->len >= sizeof line->text)
		line->len = sizeof line->text - 1;
}

static void
say(struct shell *shell, int priority, const struct line *line)
{
	shell->config.log(shell->config.host, "TOTEM", priority, line->text);
}

static bool
contains(const struct totem_member *member, size_t count, const struct totem_member *one)
{
	for (size_t i = 0; i < count; i++)
		if (member[i].node_id == one->node_id && member[i].incarnation == one->incarnation)
			return true;
	return false;
}

static void
members_add(struct line *line, const struct totem_member *member, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(line, " %" PRIu32, member[i].node_id);
}

/* The stock line: what tools search for. */
static void
say_membership(struct shell *shell, const struct totem_configuration *config)
{
	struct line line = { .len = 0 };
	size_t joined_count = 0, left_count = 0;

	add(&line, "A new membership (%" PRIu32 ".%" PRIx64 ") was formed.", config->ring.rep,
	    config->ring.seq);
	for (size_t i = 0; i < config->member_count; i++) {
		if (contains(shell->moved, shell->moved_count, &config->members[i]))
			continue;
		add(&line, "%s %" PRIu32, joined_count++ == 0 ? " Members joined:" : "",
		    config->members[i].node_id);
	}
	for (size_t i = 0; i < shell->previous_count; i++) {
		if (contains(shell->moved, shell->moved_count, &shell->previous[i]))
			continue;
		if (left_count++ == 0)
			add(&line, "%s left:", joined_count == 0 ? " Members" : "");
		add(&line, " %" PRIu32, shell->previous[i].node_id);
	}
	if (joined_count + left_count == 0)
		add(&line, " Members unchanged.");
	say(shell, LOG_NOTICE, &line);
}

/* We were alone, and are again.  A ring of several that is made anew stopped the programs of all of
 * them each time: that is always told. */
static bool
is_alone_anew(const struct shell *shell, const struct totem_configuration *config)
{
	return config->member_count == 1 && config->left_count == 0 && shell->previous_count == 1
	    && shell->moved_count == 1
	    && contains(shell->previous, 1, &config->members[0])
	    && contains(shell->moved, 1, &config->members[0]);
}

/* While two nodes have one id, say, the one that nobody takes in tries it without end, and each try
 * ends in a ring of itself again.  One in a while is told, with how many there were. */
static bool
anew_due(struct shell *shell)
{
	uint64_t now_ns = shell_now_ns();

	if (shell->anew_ns != 0 && now_ns - shell->anew_ns < ANEW_PAUSE_NS) {
		shell->anew_count++;
		return false;
	}
	shell->anew_ns = now_ns;
	return true;
}

/* Members of our last ring that did not come with us, and are in the new one all the same: they
 * went on without us, say while we were stopped. */
static void
say_returned(struct shell *shell, const struct totem_configuration *config)
{
	struct line line = { .len = 0 };

	for (size_t i = 0; i < shell->previous_count; i++)
		if (!contains(shell->moved, shell->moved_count, &shell->previous[i])
		    && contains(config->members, config->member_count, &shell->previous[i]))
			add(&line, "%s %" PRIu32, line.len == 0 ? "Gone and back: nodes that went"
			    " on without us:" : "", shell->previous[i].node_id);
	if (line.len == 0)
		return;
	add(&line, " (%s; change took %.1f ms)", totem_cause_name(config->cause),
	    (double) config->change_ns / (double) MS_NS);
	say(shell, LOG_NOTICE, &line);
}

/* Ours: who left, how it was noticed, how long it took, who remains. */
static void
say_departures(struct shell *shell, const struct totem_configuration *config)
{
	struct line line = { .len = 0 }, unannounced = { .len = 0 };

	if (config->left_count == 0)
		return;
	for (size_t i = 0; i < config->left_count; i++) {
		const struct totem_departure *left = &config->left[i];

		add(&line, "%snode %" PRIu32 " %s", i == 0 ? "Gone: " : ", ", left->node_id,
		    left->how == TOTEM_CAUSE_LEFT ? "(said good-bye" : "(");
		if (left->how != TOTEM_CAUSE_LEFT)
			add(&line, "%s", totem_cause_name(left->how));
		if (left->silent_ns != 0 && left->how != TOTEM_CAUSE_LEFT)
			add(&line, ", %.1f ms after its last sign of life",
			    (double) left->silent_ns / (double) MS_NS);
		add(&line, ")");
		if (left->how != TOTEM_CAUSE_LEFT)
			add(&unannounced, " %" PRIu32, left->node_id);
	}
	add(&line, "; change took %.1f ms; remaining:",
	    (double) config->change_ns / (double) MS_NS);
	members_add(&line, config->members, config->member_count);
	if (unannounced.len > 0) {
		struct line stock = { .len = 0 };

		add(&stock, "Failed to receive the leave message. failed:%s", unannounced.text);
		say(shell, LOG_NOTICE, &stock);
	}
	say(shell, LOG_NOTICE, &line);
}

bool
shell_log_configuration(struct shell *shell, const struct totem_configuration *config)
{
	struct line line = { .len = 0 };

	if (config->kind == TOTEM_TRANSITIONAL) {
		memcpy(shell->moved, config->members,
		    config->member_count * sizeof config->members[0]);
		shell->moved_count = config->member_count;
		return false;
	}
	if (is_alone_anew(shell, config) && !anew_due(shell))
		return false;
	say_membership(shell, config);
	say_departures(shell, config);
	say_returned(shell, config);
	add(&line, "Members[%zu]:", config->member_count);
	members_add(&line, config->members, config->member_count);
	if (config->left_count == 0)
		add(&line, " (%s; change took %.1f ms)", totem_cause_name(config->cause),
		    (double) config->change_ns / (double) MS_NS);
	if (shell->anew_count > 0)
		add(&line, " (%" PRIu32 " more rings of this node alone before this one were not"
		    " told)", shell->anew_count);
	shell->anew_count = 0;
	say(shell, LOG_NOTICE, &line);
	memcpy(shell->previous, config->members, config->member_count * sizeof config->members[0]);
	shell->previous_count = config->member_count;
	shell->moved_count = 0;
	return true;
}

static uint64_t
notice_pause_ns(enum totem_notice notice)
{
	return notice == TOTEM_NOTICE_DUPLICATE_ID || notice == TOTEM_NOTICE_DUPLICATE_SEEN
	    || notice == TOTEM_NOTICE_REFUSED_DUPLICATE ? MISTAKE_PAUSE_NS : NOTICE_PAUSE_NS;
}

/* What a line is one of.  A daemon with our id is heard, and says that it does not listen to us:
 * that is the same.  That our id is used twice all the others say: once will do. */
static struct shell_notice
notice_key(const struct shell *shell, const struct totem_output *output)
{
	struct shell_notice key = { .kind = output->notice, .node = output->node };

	if (key.kind == TOTEM_NOTICE_REFUSED_DUPLICATE && key.node == shell->config.totem.node_id)
		key.kind = TOTEM_NOTICE_DUPLICATE_ID;
	if (key.kind == TOTEM_NOTICE_DUPLICATE_SEEN || key.kind == TOTEM_NOTICE_REFUSED_DUPLICATE)
		key.node = 0;
	return key;
}

/* One line in a while for each kind and node.  NULL: not now; else its slot, which counts what was
 * left out since the last line. */
static struct shell_notice *
notice_due(struct shell *shell, const struct totem_output *output)
{
	struct shell_notice key = notice_key(shell, output), *oldest = &shell->notices[0];
	struct shell_notice *slot = NULL;
	uint64_t now_ns = shell_now_ns();

	for (size_t i = 0; i < SHELL_NOTICES_MAX && slot == NULL; i++) {
		struct shell_notice *notice = &shell->notices[i];

		if (notice->last_ns != 0 && notice->kind == key.kind && notice->node == key.node)
			slot = notice;
		else if (notice->last_ns < oldest->last_ns)
			oldest = notice;
	}
	if (slot != NULL && now_ns - slot->last_ns < notice_pause_ns(slot->kind)) {
		slot->suppressed_count++;
		return NULL;
	}
	if (slot == NULL) {
		slot = oldest;
		*slot = key;
	}
	slot->last_ns = now_ns;
	return slot;
}

/* --- other versions of the protocol --- */

static struct shell_stranger *
stranger_find(struct shell *shell)
{
	for (size_t i = 0; i < SHELL_STRANGERS_MAX; i++) {
		struct shell_stranger *stranger = &shell->strangers[i];

		if (stranger->count > 0 && net_address_equal(&stranger->source, shell->source))
			return stranger;
	}
	return NULL;
}

/* The checksum cannot tell whether a frame of another version is whole, as that version may make it
 * in another way.  So a bit that flips makes a frame look so; or one of ours at a peer, which then
 * tells us that it does not listen.  Only who goes on like that, with nothing valid in between, is
 * believed. */
static bool
stranger_believed(struct shell *shell)
{
	struct shell_stranger *stranger;

	if (shell->source == NULL)
		return false;
	shell->stranger_seen = true;
	stranger = stranger_find(shell);
	if (stranger == NULL) {
		stranger = &shell->strangers[shell->stranger_next++ % SHELL_STRANGERS_MAX];
		*stranger = (struct shell_stranger) { .source = *shell->source };
	}
	if (stranger->count < SHELL_STRANGER_COUNT)
		stranger->count++;
	return stranger->count == SHELL_STRANGER_COUNT;
}

void
shell_log_heard(struct shell *shell, enum totem_drop drop)
{
	bool damaged = drop == TOTEM_DROP_SHORT || drop == TOTEM_DROP_MAGIC
	    || drop == TOTEM_DROP_CHECKSUM;
	struct shell_stranger *stranger;

	/* Nobody was ever strange: this is for each datagram. */
	if (shell->stranger_next == 0)
		return;
	stranger = damaged || shell->stranger_seen ? NULL : stranger_find(shell);
	shell->stranger_seen = false;
	if (stranger != NULL)
		stranger->count = 0;
}

static void
say_pause(struct shell *shell, uint64_t late_ns)
{
	struct line line = { .len = 0 };

	if (late_ns >= shell->config.late_warning_ns) {
		add(&line, "Corosync main process was not scheduled for %.4f ms (threshold is %.4f"
		    " ms). Consider token timeout increase.", (double) late_ns / (double) MS_NS,
		    (double) shell->config.late_warning_ns / (double) MS_NS);
		say(shell, LOG_WARNING, &line);
		line.len = 0;
	}
	add(&line, "Process pause detected for %" PRIu64 " ms, flushing membership messages.",
	    late_ns / MS_NS);
	say(shell, LOG_NOTICE, &line);
}

/* Where we look for this node, unless it is where the datagram came from. */
static bool
known_address(const struct shell *shell, uint32_t node_id, char text[INET6_ADDRSTRLEN])
{
	struct net_address address = shell->config.net.local;

	if (node_id != shell->config.totem.node_id
	    && (shell->net == NULL || !net_peer_address(shell->net, node_id, &address)))
		return false;
	if (address.len == 0
	    || (shell->source != NULL && net_address_equal(&address, shell->source)))
		return false;
	(void) net_address_text(&address, text, INET6_ADDRSTRLEN);
	return true;
}

/* Whose id it is, ours or another's, and where those are that have it. */
static void
duplicate_text(const struct shell *shell, const struct totem_output *output, const char *source,
    struct line *line)
{
	uint32_t own = shell->config.totem.node_id;
	char text[INET6_ADDRSTRLEN];

	if (output->node == own) {
		add(line, "Two nodes use node id %" PRIu32 ", ours: another daemon with it is at"
		    " %s", own, source);
		if (known_address(shell, own, text))
			add(line, ", this one at %s", text);
		add(line, "; they do not listen to each other.");
	} else if (output->notice == TOTEM_NOTICE_DUPLICATE_ID) {
		add(line, "Two nodes use node id %" PRIu32 ": frames of another daemon with it come"
		    " from %s", output->node, source);
		if (known_address(shell, output->node, text))
			add(line, ", and we have that node at %s", text);
		add(line, "; it is not listened to.");
	} else if (output->notice == TOTEM_NOTICE_DUPLICATE_SEEN) {
		add(line, "Two nodes use node id %" PRIu32 ", ours: node %" PRIu32 " at %s hears"
		    " another daemon with it (and stays with us); its log has the address.", own,
		    output->node, source);
	} else {
		add(line, "%s (node %" PRIu32 ") does not listen to us: it knows another daemon"
		    " with our node id %" PRIu32 "; its log has the addresses.", source,
		    output->node, own);
	}
	add(line, " Give each node an id of its own, and restart what had the wrong one.");
}

static void
notice_text(const struct shell *shell, const struct totem_output *output, const char *source,
    struct line *line)
{
	switch (output->notice) {
	case TOTEM_NOTICE_DUPLICATE_ID:
	case TOTEM_NOTICE_DUPLICATE_SEEN:
	case TOTEM_NOTICE_REFUSED_DUPLICATE:
		duplicate_text(shell, output, source, line);
		break;
	case TOTEM_NOTICE_CLUSTER:
		add(line, "Frames of another cluster come from %s (its node %" PRIu32 "): they are"
		    " dropped. totem.cluster_name differs, or the address is wrong.", source,
		    output->node);
		break;
	case TOTEM_NOTICE_VERSION:
		add(line, "%s speaks version %" PRIu64 " of the ring protocol, we speak another:"
		    " its frames are dropped. Install the same version on all nodes.", source,
		    output->value);
		break;
	case TOTEM_NOTICE_REFUSED_CLUSTER:
		add(line, "%s does not listen to us: it belongs to another cluster"
		    " (totem.cluster_name differs).", source);
		break;
	case TOTEM_NOTICE_REFUSED_VERSION:
		add(line, "%s does not listen to us: it speaks version %" PRIu64
		    " of the ring protocol. Install the same version on all nodes.", source,
		    output->value);
		break;
	case TOTEM_NOTICE_TOKEN_LOST:
		add(line, "A processor failed, forming new configuration: token timed out (%"
		    PRIu64 "ms).", output->value / MS_NS);
		break;
	case TOTEM_NOTICE_CONDEMNED:
		add(line, "A processor failed, forming new configuration: node %" PRIu32 " (%s).",
		    output->node, totem_cause_name((enum totem_cause) output->value));
		break;
	case TOTEM_NOTICE_PARTIAL:
		add(line, "Node %" PRIu32 " is heard, but it and a member of our ring do not hear"
		    " each other: it stays outside until they do.", output->node);
		break;
	case TOTEM_NOTICE_FAILED_TO_RECEIVE:
		add(line, "FAILED TO RECEIVE: some messages do not reach node %" PRIu32
		    " although the token does (are large frames lost on its path? see netmtu and"
		    " the path's MTU); the ring goes on without it for %" PRIu64 " s, or until its"
		    " corosync is started again.", output->node, output->value / (1000 * MS_NS));
		break;
	case TOTEM_NOTICE_NOT_RECEIVED:
		add(line, "FAILED TO RECEIVE: some of our messages reach nobody although the token"
		    " goes round (are large frames lost on our path? see netmtu and the path's"
		    " MTU); this node leaves the ring for %" PRIu64 " s, or until its corosync is"
		    " started again.", output->value / (1000 * MS_NS));
		break;
	case TOTEM_NOTICE_ACCUSED:
		add(line, "FAILED TO RECEIVE: node %" PRIu32 " says that some messages do not reach"
		    " this node (are large frames lost on our path? see netmtu and the path's MTU);"
		    " the others go on without us for a while.", output->node);
		break;
	case TOTEM_NOTICE_PARTED:
		add(line, "FAILED TO RECEIVE: node %" PRIu32 " gave up members whom some messages"
		    " do not reach; nor do they reach this node, which goes on with those members"
		    " for %" PRIu64 " s (are large frames lost between two parts of the network?"
		    " see netmtu and the path's MTU).", output->node,
		    output->value / (1000 * MS_NS));
		break;
	case TOTEM_NOTICE_UNANSWERED:
		add(line, "Node %" PRIu32 " wants to be in the ring but does not answer when one is"
		    " made (does unicast to and from it get through? is its node id used twice? is"
		    " its disk slow?); the ring goes on without it for %" PRIu64 " s.",
		    output->node, output->value / (1000 * MS_NS));
		break;
	case TOTEM_NOTICE_PAUSED:
	case TOTEM_NOTICE_COUNT:
		break;
	}
}

void
shell_log_notice(struct shell *shell, const struct totem_output *output)
{
	char address[INET6_ADDRSTRLEN] = "a node";
	struct line line = { .len = 0 };
	struct shell_notice *slot;

	if (output->notice == TOTEM_NOTICE_PAUSED) {
		say_pause(shell, output->value);
		return;
	}
	if ((output->notice == TOTEM_NOTICE_VERSION
	    || output->notice == TOTEM_NOTICE_REFUSED_VERSION) && !stranger_believed(shell))
		return;
	slot = notice_due(shell, output);
	if (slot == NULL)
		return;
	if (shell->source != NULL)
		(void) net_address_text(shell->source, address, sizeof address);
	notice_text(shell, output, address, &line);
	if (slot->suppressed_count > 0)
		add(&line, " (%" PRIu32 " more like this since the last line)",
		    slot->suppressed_count);
	slot->suppressed_count = 0;
	if (line.len > 0)
		say(shell, LOG_WARNING, &line);
}
