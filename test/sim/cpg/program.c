/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What processes do with libcpg: join, send, read, nap, leave, come back, die.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base/assert.h"
#include "test/sim/cpg/cpg.h"

#define HEAD_BYTES	12u		/* messages below it carry no header: trace.c */
#define BURST_MAX	8u
#define FLOOD_MESSAGES	CPG_STEPS_MAX
#define PARTS_BYTES_MAX	(3u << 20)
#define LIST_MAX	256u

/* --- for whoever plays a process ------------------------------------------------------------- */

struct ledger *
program_ledger(struct client *client)
{
	return &cpg_of(client->sim)->ledger;
}

void
program_sleep(struct client *client, uint64_t span_ns)
{
	if (!client->killed)
		link_wait(client, span_ns);
}

uint64_t
program_random(struct client *client, uint64_t below)
{
	return prng_below(&client->sim->prng, below);
}

uint64_t
program_now_ns(struct client *client)
{
	return client->sim->now_ns;
}

uint32_t
program_pid(struct client *client)
{
	return client->pid;
}

uint32_t
program_node(struct client *client)
{
	return client->sim->host[client->host].node_id;
}

bool
program_killed(struct client *client)
{
	return client->killed;
}

bool
program_closing(struct client *client)
{
	return cpg_of(client->sim)->closing;
}

bool
program_ending(struct client *client)
{
	return cpg_of(client->sim)->ending;
}

void
program_reborn(struct client *client)
{
	struct cpg_sim *cpg = cpg_of(client->sim);

	client->killed = cpg->ending;
	client->stuck = false;
	client->sip_bytes = 0;
	client->tiny = 0;
	client->lives++;
	client->pid = ++cpg->pid_last;
	cpg_counted(client->sim, CPG_COUNT_PROCESSES);
}

void
program_note(struct client *client, const char *format, ...)
{
	char text[96];
	va_list arguments;

	va_start(arguments, format);
	(void) vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	record_note(client->sim, "%u:%u %s", program_node(client), client->pid, text);
}

void
program_teller_count(struct client *client, enum teller_count what)
{
	static const enum cpg_count counts[] = {
		[TELLER_ORDER] = CPG_COUNT_ORDERS, [TELLER_DONE] = CPG_COUNT_DONE,
		[TELLER_SHORT] = CPG_COUNT_SHORT, [TELLER_UNKNOWN] = CPG_COUNT_UNKNOWN,
		[TELLER_ROUND] = CPG_COUNT_ROUNDS, [TELLER_MERGED] = CPG_COUNT_MERGED,
	};

	cpg_counted(client->sim, counts[what]);
}

/* --- what is told ---------------------------------------------------------------------------- */

static struct session *
program_session(struct client *client, uint32_t session)
{
	return session == NONE ? NULL : &cpg_of(client->sim)->trace.session[session];
}

static struct cpg_event
program_event(const struct client *client, enum cpg_kind kind, uint32_t session)
{
	return (struct cpg_event) {
		.at_ns = client->sim->now_ns, .kind = kind, .session = session, .message = NONE,
		.tag = *link_tag(),
	};
}

static void
program_tell(struct client *client, enum cpg_kind kind, uint32_t session, uint32_t value)
{
	struct cpg_event event = program_event(client, kind, session);

	if (client->killed)
		return;
	event.value = value;
	trace_event(client->sim, &event);
}

static void
program_over(struct client *client, enum session_end end)
{
	for (uint32_t session = client->session_first; session != NONE;
	    session = program_session(client, session)->next)
		program_tell(client, CPG_END, session, end);
}

void
program_murder(struct client *client)
{
	if (client->killed || client->teller)
		return;
	program_over(client, SESSION_DIED);
	cpg_counted(client->sim, CPG_COUNT_DEATHS);
	link_kill(client);
}

void
program_cut(struct client *client, const struct cpg_cut *cut)
{
	struct cpg_event event = program_event(client, CPG_CUT, client->session_first);

	if (client->killed)
		return;
	event.value = cut->for_room;
	event.cut = cut;
	/* Once at least: it may be in no group, as far as it knows. */
	do {
		trace_event(client->sim, &event);
		if (event.session != NONE)
			event.session = program_session(client, event.session)->next;
	} while (event.session != NONE);
}

/* --- callbacks ------------------------------------------------------------------------------- */

static void
on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
    void *data, size_t len)
{
	struct client *client = link_running();
	struct cpg_event event = program_event(client, CPG_DELIVER, client->session_first);
	const struct session *session = program_session(client, event.session);

	(void) handle;
	if (client->killed)
		return;
	event.node = node;
	event.pid = pid;
	event.len = len;
	event.group = (uint32_t) (group->value[1] - '0');
	if (session != NULL)
		event.message = trace_message_find(client->sim, session, node, pid, data, len);
	trace_event(client->sim, &event);
}

static void
program_list(const struct cpg_address *from, size_t count, struct place *to)
{
	cs_assert(count <= LIST_MAX);
	for (size_t i = 0; i < count; i++)
		to[i] = (struct place) { .node = from[i].nodeid, .pid = from[i].pid,
		    .reason = from[i].reason };
}

static void
on_confchg(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
    size_t member_count, const struct cpg_address *left, size_t left_count,
    const struct cpg_address *joined, size_t joined_count)
{
	struct client *client = link_running();
	struct cpg_event event = program_event(client, CPG_CONFCHG, client->session_first);
	static struct place lists[3][LIST_MAX];

	(void) handle;
	if (client->killed)
		return;
	program_list(members, member_count, lists[0]);
	program_list(left, left_count, lists[1]);
	program_list(joined, joined_count, lists[2]);
	event.members = lists[0];
	event.left = lists[1];
	event.joined = lists[2];
	event.member_count = member_count;
	event.left_count = left_count;
	event.joined_count = joined_count;
	event.group = (uint32_t) (group->value[1] - '0');
	trace_event(client->sim, &event);
	for (size_t i = 0; i < left_count; i++)
		if (event.session != NONE && left[i].nodeid == program_node(client) &&
		    left[i].pid == client->pid) {
			client->session_first = program_session(client, event.session)->next;
			if (client->session_first == NONE)
				client->session_last = NONE;
		}
}

/* --- acts ------------------------------------------------------------------------------------ */

static struct cpg_name
program_name(uint32_t group)
{
	struct cpg_name name = { .length = 2, .value = { 'g', (char) ('0' + group) } };

	return name;
}

static cs_error_t
program_join(struct client *client, cpg_handle_t handle, uint32_t group)
{
	struct cpg_name name = program_name(group);
	uint32_t session = trace_session_new(client->sim, client, group);
	uint32_t before = client->session_last;
	cs_error_t error;

	if (client->session_first == NONE)
		client->session_first = session;
	else
		program_session(client, before)->next = session;
	client->session_last = session;
	program_tell(client, CPG_JOIN, session, 0);
	error = cpg_join(handle, &name);
	program_tell(client, CPG_JOINED, session, error);
	if (error == CS_OK) {
		cpg_counted(client->sim, CPG_COUNT_JOINS);
		return error;
	}
	/* It never was; nothing is dispatched while it is asked for. */
	if (client->session_first == session)
		client->session_first = client->session_last = NONE;
	else
		client->session_last = before;
	if (client->session_last != NONE)
		program_session(client, before)->next = NONE;
	return error;
}

static uint32_t
program_size(struct client *client)
{
	struct cpg_sim *cpg = cpg_of(client->sim);
	struct prng *prng = &client->sim->chance;
	uint64_t kind = prng_below(prng, 1000), size;

	if (kind < 40)
		return (uint32_t) dice(prng, 1, HEAD_BYTES - 1);
	if (kind < 780)
		size = dice_scaled(prng, HEAD_BYTES, 1400);
	else if (kind < 960)
		size = dice_scaled(prng, 1000, 20000);
	else if (kind < 990 || cpg->huge_left == 0)
		size = dice_scaled(prng, 20000, 200000);
	else if (kind < 994 && cpg->large_left > 0)
		size = dice(prng, 1048577, PARTS_BYTES_MAX);
	else
		size = dice(prng, 1, 4) == 1 ? cpg->message_bytes_max :
		    dice_scaled(prng, 200000, cpg->message_bytes_max);
	if (size > 1048576) {
		cpg->large_left--;
		return (uint32_t) size;
	}
	if (size > cpg->message_bytes_max)
		size = cpg->message_bytes_max;
	cpg->huge_left -= size > 200000;
	return (uint32_t) size;
}

static void
program_send_count(struct client *client, const struct cpg_message *m)
{
	cpg_counted(client->sim, CPG_COUNT_SENT);
	if (m->safe)
		cpg_counted(client->sim, CPG_COUNT_SAFE);
	if (m->len < HEAD_BYTES)
		cpg_counted(client->sim, CPG_COUNT_TINY);
	if (m->len >= 200000)
		cpg_counted(client->sim, CPG_COUNT_HUGE);
	if (m->len > 1048576)
		cpg_counted(client->sim, CPG_COUNT_LARGE);
}

static void
program_send(struct client *client, cpg_handle_t handle, uint32_t len, bool safe)
{
	struct sim *sim = client->sim;
	uint8_t tiny = len < HEAD_BYTES ? (uint8_t) ++client->tiny : 0;
	uint32_t message = trace_message_new(sim, client->session_last, len, safe, tiny);
	struct cpg_event event = program_event(client, CPG_SEND, client->session_last);
	struct iovec iov = { .iov_base = malloc(len), .iov_len = len };
	cs_error_t error;

	cs_assert(iov.iov_base != NULL);
	trace_message_fill(sim, message, iov.iov_base);
	event.message = message;
	trace_event(sim, &event);
	error = cpg_mcast_joined(handle, safe ? CPG_TYPE_SAFE : CPG_TYPE_AGREED, &iov, 1);
	free(iov.iov_base);
	if (client->killed)
		return;
	event.kind = CPG_SENT;
	event.at_ns = sim->now_ns;
	event.value = error;
	trace_event(sim, &event);
	if (error == CS_OK)
		program_send_count(client, &cpg_of(sim)->trace.message[message]);
	else if (error == CS_ERR_TRY_AGAIN)
		cpg_counted(sim, len > 1048576 ? CPG_COUNT_LARGE_VOID : CPG_COUNT_TRY_AGAIN);
}

static void
program_leave(struct client *client, cpg_handle_t handle)
{
	uint32_t session = client->session_last;
	struct cpg_name name = program_name(program_session(client, session)->group);
	cs_error_t error;

	program_tell(client, CPG_LEAVE, session, 0);
	error = cpg_leave(handle, &name);
	program_tell(client, CPG_LEFT, session, error);
	if (error == CS_OK)
		cpg_counted(client->sim, CPG_COUNT_LEAVES);
}

/* The same process joins the same group once more: by the same handle, or by another one. */
static void
program_double(struct client *client, cpg_handle_t handle, bool second)
{
	const struct session *session = program_session(client, client->session_last);
	struct cpg_name name = program_name(session->group);
	struct cpg_event event = program_event(client, CPG_JOINED, NONE);
	cpg_handle_t other = handle;
	cs_error_t error;

	if (second && cpg_initialize(&other, NULL) != CS_OK)
		return;
	error = cpg_join(other, &name);
	/* When our daemon let go of us meanwhile, it is no double any more. */
	if (!client->killed && !link_lost(client)) {
		event.node = program_node(client);
		event.pid = client->pid;
		event.value = error;
		trace_event(client->sim, &event);
		cpg_counted(client->sim, CPG_COUNT_DOUBLES);
	}
	if (second)
		(void) cpg_finalize(other);
}

static void
program_finalize(struct client *client, cpg_handle_t handle)
{
	if (!client->killed) {
		program_over(client, SESSION_FINALIZED);
		cpg_counted(client->sim, CPG_COUNT_FINALIZED);
	}
	(void) cpg_finalize(handle);
}

static bool
program_is_member(struct client *client)
{
	const struct session *session = program_session(client, client->session_last);

	return session != NULL && session->join_ok && !session->leave_ok;
}

static void
program_step(struct client *client, enum act_kind kind, uint64_t value, bool safe)
{
	cs_assert(client->step_count < CPG_STEPS_MAX);
	client->step[client->step_count++] = (struct act) {
		.kind = kind, .host = client->host, .process = client->index, .value = value,
		.other = safe,
	};
}

static void
program_choose_words(struct client *client)
{
	struct prng *prng = &client->sim->chance;

	for (uint64_t i = dice(prng, 1, BURST_MAX); i > 0; i--)
		program_step(client, ACT_SAY, program_size(client),
		    dice_ppm(prng, client->sim->safe_ppm));
}

/* More than the ring to the daemon holds: some of it is refused. */
static void
program_choose_flood(struct client *client)
{
	struct cpg_sim *cpg = cpg_of(client->sim);

	if (cpg->floods_left == 0)
		return;
	cpg->floods_left--;
	for (uint32_t i = 0; i < FLOOD_MESSAGES; i++)
		program_step(client, ACT_SAY, cpg->flood_bytes - i,
		    dice_ppm(&client->sim->chance, client->sim->safe_ppm));
}

static void
program_choose_change(struct client *client, uint32_t group)
{
	struct prng *prng = &client->sim->chance;

	program_step(client, ACT_LEAVE_GROUP, 0, false);
	if (dice_ppm(prng, 600000))
		program_step(client, ACT_JOIN, dice_ppm(prng, 700000) ?
		    program_session(client, client->session_last)->group : group, false);
}

/* What to do next. */
static void
program_choose(struct client *client)
{
	struct prng *prng = &client->sim->chance;
	uint32_t group = (uint32_t) prng_below(prng, cpg_of(client->sim)->group_count);
	uint64_t kind = prng_below(prng, 1000);

	client->step_next = client->step_count = 0;
	if (!program_is_member(client))
		program_step(client, ACT_JOIN, group, false);
	else if (kind < 780)
		program_choose_words(client);
	else if (kind < 850)
		program_choose_change(client, group);
	else if (kind < 880)
		program_step(client, ACT_JOIN_AGAIN, dice_ppm(prng, 500000), false);
	else if (kind < 882)
		program_step(client, ACT_STOP_READING, dice_scaled(prng, SEC_NS, 60 * SEC_NS),
		    false);
	else if (kind < 910)
		program_step(client, ACT_NAP, dice_scaled(prng, 10 * MS_NS, 3 * SEC_NS), false);
	else if (kind < 930)
		program_step(client, ACT_DIE, dice_scaled(prng, US_NS, 50 * MS_NS), false);
	else if (kind < 950)
		program_step(client, ACT_FINALIZE, 0, false);
	else if (kind < 960)
		program_step(client, ACT_DIE, 0, false);
	else
		program_choose_flood(client);
}

/* When it does something the next time, as far as it knows. */
static uint64_t
program_act_ns(struct client *client)
{
	const struct act *act;

	if (!cpg_of(client->sim)->played)
		return client->act_ns;
	act = play_of_process(client->sim, client->host, client->index, &client->plan_at);
	return act != NULL ? act->at_ns : NEVER;
}

/* Is there something to do now? */
static bool
program_turn(struct client *client, struct act *ret_act)
{
	struct cpg_sim *cpg = cpg_of(client->sim);
	struct sim *sim = client->sim;

	if (client->step_next < client->step_count) {
		*ret_act = client->step[client->step_next++];
		return true;
	}
	if (sim->now_ns < program_act_ns(client))
		return false;
	if (cpg->played) {
		*ret_act = sim->options.plan->act[client->plan_at++];
		return true;
	}
	if (cpg->acts_left == 0)
		return false;
	cpg->acts_left--;
	client->act_ns = sim->now_ns + dice(&sim->chance, 0, 2 * cpg->gap_ns);
	program_choose(client);
	if (client->step_count == 0)
		return false;
	*ret_act = client->step[client->step_next++];
	return true;
}

static void
program_join_now(struct client *client, cpg_handle_t handle, uint32_t group)
{
	if (client->session_last != NONE)
		cpg_counted(client->sim, CPG_COUNT_REJOINS);
	(void) program_join(client, handle, group);
}

static void
program_say(struct client *client, cpg_handle_t handle, const struct act *act)
{
	uint32_t len = (uint32_t) act->value;

	/* No more of those without a header can be told apart. */
	if (len < HEAD_BYTES && client->tiny >= 255)
		len = HEAD_BYTES;
	program_send(client, handle, len, act->other != 0);
}

static void
program_stop_reading(struct client *client, uint64_t dies_ns)
{
	link_stuck(client);
	cpg_counted(client->sim, CPG_COUNT_STUCK);
	link_kill_later(client, dies_ns);
}

/* Whatever comes meanwhile is not read. */
static void
program_not_read(struct client *client, uint64_t span_ns)
{
	const struct cpg_sim *cpg = cpg_of(client->sim);
	uint64_t end_ns = client->sim->now_ns + span_ns;

	while (!client->killed && !cpg->closing && !cpg->ending && !link_lost(client) &&
	    client->sim->now_ns < end_ns)
		link_wait(client, end_ns - client->sim->now_ns);
}

static void
program_nap(struct client *client, uint64_t span_ns)
{
	cpg_counted(client->sim, CPG_COUNT_NAPS);
	program_not_read(client, span_ns);
}

void
program_sip(struct client *client, uint64_t bytes_second)
{
	client->sip_bytes = bytes_second;
}

/* False: the process is over. */
static bool
program_act(struct client *client, cpg_handle_t handle, const struct act *act)
{
	/* Of a plan that was made shorter, it may be in no position to. */
	if (program_is_member(client) == (act->kind == ACT_JOIN) ||
	    act->value >= (act->kind == ACT_JOIN ? cpg_of(client->sim)->group_count : UINT64_MAX))
		return true;
	act_tell(client->sim, *act);
	if (act->kind == ACT_JOIN)
		program_join_now(client, handle, (uint32_t) act->value);
	else if (act->kind == ACT_SAY)
		program_say(client, handle, act);
	else if (act->kind == ACT_LEAVE_GROUP)
		program_leave(client, handle);
	else if (act->kind == ACT_JOIN_AGAIN)
		program_double(client, handle, act->value != 0);
	else if (act->kind == ACT_NAP)
		program_nap(client, act->value);
	else if (act->kind == ACT_STOP_READING)
		program_stop_reading(client, act->value);
	else if (act->kind == ACT_DIE && act->value > 0)
		link_kill_later(client, act->value);
	else if (act->kind == ACT_DIE)
		program_murder(client);
	else
		program_finalize(client, handle);
	return act->kind != ACT_FINALIZE;
}

/* --- processes ------------------------------------------------------------------------------- */

static cs_error_t
program_open(struct client *client, cpg_handle_t *ret_handle)
{
	cpg_callbacks_t callbacks = { .cpg_deliver_fn = on_deliver, .cpg_confchg_fn = on_confchg };
	cs_error_t error = cpg_initialize(ret_handle, &callbacks);

	while (error != CS_OK && !client->killed) {
		link_wait(client, dice(&client->sim->prng, 1, 50) * MS_NS);
		error = client->killed ? CS_ERR_LIBRARY : cpg_initialize(ret_handle, &callbacks);
	}
	return error;
}

/* The daemon is gone, or has cut us off; or the library does not understand it any more. */
static void
program_disconnected(struct client *client)
{
	if (client->killed)
		return;
	if (!link_lost(client)) {
		program_tell(client, CPG_BROKEN, client->session_first, 0);
		return;
	}
	program_over(client, link_cut(client) ? SESSION_CUT : SESSION_NODE);
	cpg_counted(client->sim, CPG_COUNT_DAEMON_LOST);
}

/* False: the process is over. */
static bool
program_acts(struct client *client, cpg_handle_t handle, bool *ret_any)
{
	struct act act;

	*ret_any = false;
	while (!client->killed && !client->stuck && program_turn(client, &act)) {
		*ret_any = true;
		if (!program_act(client, handle, &act))
			return false;
	}
	return true;
}

/* Until it has something to do, or something is there to read. */
static void
program_rest(struct client *client)
{
	uint64_t now_ns = client->sim->now_ns, act_ns = program_act_ns(client);
	bool reads = cpg_of(client->sim)->closing || client->stuck;

	link_wait(client, reads || act_ns == NEVER || act_ns <= now_ns ? SEC_NS : act_ns - now_ns);
}

/* What there is; or one event, and then nothing for as long as that takes who is so slow. */
static cs_error_t
program_read(struct client *client, cpg_handle_t handle)
{
	uint64_t before = client->read_bytes;
	cs_error_t error;

	if (client->sip_bytes == 0 || cpg_of(client->sim)->closing)
		return cpg_dispatch(handle, CS_DISPATCH_ALL);
	error = cpg_dispatch(handle, CS_DISPATCH_ONE_NONBLOCKING);
	if (client->read_bytes > before)
		program_not_read(client, (client->read_bytes - before) * SEC_NS /
		    client->sip_bytes);
	return error;
}

static void
program_process(struct client *client)
{
	struct cpg_sim *cpg = cpg_of(client->sim);
	cs_error_t error = CS_OK;
	cpg_handle_t handle;
	bool any = false;

	client->session_first = client->session_last = NONE;
	client->step_next = client->step_count = 0;
	client->act_ns = client->sim->now_ns + dice(&client->sim->chance, 0, cpg->gap_ns);
	if (program_open(client, &handle) != CS_OK)
		return;
	while (!client->killed) {
		if (!client->stuck)
			error = program_read(client, handle);
		else if (link_lost(client))
			error = CS_ERR_LIBRARY;
		if (client->killed || (error != CS_OK && error != CS_ERR_TRY_AGAIN)) {
			program_disconnected(client);
			break;
		}
		if (!cpg->closing && !program_acts(client, handle, &any))
			return;
		/* Who sips has left something. */
		if (cpg->closing || client->stuck ||
		    (!any && (client->sip_bytes == 0 || error != CS_OK)))
			program_rest(client);
	}
	(void) cpg_finalize(handle);
}

void
program_life(struct client *client)
{
	struct cpg_sim *cpg = cpg_of(client->sim);
	struct prng *prng = &client->sim->prng;
	uint32_t pid;

	while (!cpg->ending && !cpg->closing) {
		pid = client->pid;
		program_reborn(client);
		/* The same process tries again; or the number is given to the next. */
		if (pid != 0 && dice_ppm(prng, 300000)) {
			client->pid = pid;
			client->tiny = 255;
		}
		program_process(client);
		if (cpg->ending)
			break;
		client->killed = false;
		link_wait(client, dice_scaled(prng, MS_NS, 2 * SEC_NS));
	}
}

/* Who is in which group, says this node's daemon. */
void
program_probe(struct client *client)
{
	struct cpg_iteration_description_t entry;
	cpg_iteration_handle_t iteration;
	struct cpg_event event = program_event(client, CPG_LIST, NONE);
	static struct place list[CPG_GROUPS_MAX][LIST_MAX];
	size_t count[CPG_GROUPS_MAX] = { 0 };
	cpg_handle_t handle;
	uint32_t group;

	program_reborn(client);
	if (program_open(client, &handle) != CS_OK)
		return;
	if (cpg_iteration_initialize(handle, CPG_ITERATION_ALL, NULL, &iteration) == CS_OK) {
		while (cpg_iteration_next(iteration, &entry) == CS_OK) {
			group = (uint32_t) (entry.group.value[1] - '0');
			if (entry.group.length != 2 || group >= CPG_GROUPS_MAX)
				continue;	/* the bank */
			cs_assert(count[group] < LIST_MAX);
			list[group][count[group]++] = (struct place) { .node = entry.nodeid,
			    .pid = entry.pid };
		}
		(void) cpg_iteration_finalize(iteration);
		for (group = 0; group < cpg_of(client->sim)->group_count; group++) {
			event.node = client->host;
			event.group = group;
			event.members = list[group];
			event.member_count = count[group];
			if (!client->killed)
				trace_event(client->sim, &event);
		}
	}
	(void) cpg_finalize(handle);
}
