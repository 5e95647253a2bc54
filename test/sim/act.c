/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * What can be done to the cluster, one thing at a time, and how that is written.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

/* How an act is written: h, o host and other as hosts; e, n the same as plain numbers; p process;
 * v number; w signed number; t milliseconds; s storage; g guarantee. */
static const struct {
	const char *name, *form;
} words[ACT_COUNT] = {
	[ACT_START] = { "start", "hs" },
	[ACT_CRASH] = { "crash", "h" },
	[ACT_CRASH_HOST] = { "crash-host", "h" },
	[ACT_LEAVE] = { "leave", "h" },
	[ACT_ISLAND] = { "island", "hv" },
	[ACT_CUT] = { "cut", "ho" },
	[ACT_CUT_FOREVER] = { "cut-forever", "ho" },
	[ACT_WHOLE] = { "whole", "ho" },
	[ACT_SLOW_PATH] = { "slow-path", "hot" },
	[ACT_DEAF] = { "deaf", "hv" },
	[ACT_MUTE] = { "mute", "hv" },
	[ACT_PAUSE] = { "pause", "h" },
	[ACT_RESUME] = { "resume", "h" },
	[ACT_CLOCK_JUMP] = { "clock-jump", "ht" },
	[ACT_WALL_CLOCK] = { "wall-clock", "hw" },
	[ACT_LOSS] = { "loss", "v" },
	[ACT_DELAY] = { "delay", "t" },
	[ACT_CORRUPTION] = { "corruption", "v" },
	[ACT_USUAL] = { "usual", "" },
	[ACT_LOSE_TYPE] = { "lose-type", "hnv" },
	[ACT_LOSE_BIG] = { "lose-big", "hv" },
	[ACT_HOLES] = { "holes", "hv" },
	[ACT_STRAGGLERS] = { "stragglers", "h" },
	[ACT_COST] = { "cost", "ht" },
	[ACT_BUFFER] = { "buffer", "hv" },
	[ACT_GARBAGE] = { "garbage", "v" },
	[ACT_REPLAY] = { "replay", "v" },
	[ACT_FORGE] = { "forge", "v" },
	[ACT_FORGING] = { "forging", "v" },
	[ACT_BRAKE] = { "brake", "hv" },
	[ACT_RECONFIGURE] = { "reconfigure", "h" },
	[ACT_DISK] = { "disk", "ht" },
	[ACT_INTRUDER] = { "intruder", "env" },
	[ACT_INTRUDER_OFF] = { "intruder-off", "e" },
	[ACT_SEND] = { "send", "hvg" },
	[ACT_HEAL] = { "heal", "" },
	[ACT_JOIN] = { "join", "hpv" },
	[ACT_SAY] = { "say", "hpvg" },
	[ACT_LEAVE_GROUP] = { "leave-group", "hp" },
	[ACT_JOIN_AGAIN] = { "join-again", "hpv" },
	[ACT_NAP] = { "nap", "hpt" },
	[ACT_STOP_READING] = { "stop-reading", "hpt" },
	[ACT_DIE] = { "die", "hpt" },
	[ACT_FINALIZE] = { "finalize", "hp" },
};

static const char *const storages[] = { "intact", "stale", "corrupt", "missing" };

void
act_write(const struct act *act, FILE *out)
{
	(void) fputs(words[act->kind].name, out);
	for (const char *c = words[act->kind].form; *c != '\0'; c++) {
		(void) fputc(' ', out);
		if (*c == 'h')
			(void) fprintf(out, "%" PRIu32, act->host + 1);
		else if (*c == 'o')
			(void) fprintf(out, "%" PRIu32, act->other + 1);
		else if (*c == 'e')
			(void) fprintf(out, "%" PRIu32, act->host);
		else if (*c == 'n')
			(void) fprintf(out, "%" PRIu32, act->other);
		else if (*c == 'p')
			(void) fprintf(out, "%" PRIu32, act->process + 1);
		else if (*c == 'v')
			(void) fprintf(out, "%" PRIu64, act->value);
		else if (*c == 'w')
			(void) fprintf(out, "%" PRId64, (int64_t) act->value);
		else if (*c == 't')
			(void) fprintf(out, "%" PRIu64 ".%06" PRIu64, act->value / MS_NS,
			    act->value % MS_NS);
		else if (*c == 's')
			(void) fputs(storages[act->value], out);
		else
			(void) fputs(act->other != 0 ? "SAFE" : "AGREED", out);
	}
}

static bool
act_argument(struct act *act, char form, const char *word)
{
	char *end;
	uint64_t number;

	if (form == 's') {
		for (act->value = 0; act->value < 4; act->value++)
			if (strcmp(word, storages[act->value]) == 0)
				return true;
		return false;
	}
	if (form == 'g') {
		act->other = strcmp(word, "SAFE") == 0;
		return act->other != 0 || strcmp(word, "AGREED") == 0;
	}
	if (form == 'w') {
		act->value = (uint64_t) strtoll(word, &end, 10);
		return *end == '\0';
	}
	if (form == 't')
		return util_milliseconds(word, &act->value);
	number = strtoull(word, &end, 0);
	if (*end != '\0' || *word == '-' || (strchr("hop", form) != NULL && number == 0))
		return false;
	if (form == 'h' || form == 'e')
		act->host = (uint32_t) (form == 'h' ? number - 1 : number);
	else if (form == 'o' || form == 'n')
		act->other = (uint32_t) (form == 'o' ? number - 1 : number);
	else if (form == 'p')
		act->process = (uint32_t) (number - 1);
	else
		act->value = number;
	return true;
}

bool
act_read(struct act *ret_act, char **line, size_t count)
{
	for (int kind = 0; kind < ACT_COUNT; kind++) {
		const char *form = words[kind].form;

		if (count == 0 || strcmp(line[0], words[kind].name) != 0)
			continue;
		ret_act->kind = (enum act_kind) kind;
		if (count != 1 + strlen(form))
			return false;
		for (size_t i = 0; form[i] != '\0'; i++)
			if (!act_argument(ret_act, form[i], line[1 + i]))
				return false;
		return true;
	}
	return false;
}

bool
act_names(const struct act *act, uint32_t host)
{
	const char *form = words[act->kind].form;

	return (strchr(form, 'h') != NULL && act->host == host) ||
	    (strchr(form, 'o') != NULL && act->other == host) ||
	    (act->when_state != 0 && act->when_host == host);
}

void
act_renumber(struct act *act, uint32_t host)
{
	const char *form = words[act->kind].form;

	if (strchr(form, 'h') != NULL && act->host > host)
		act->host--;
	if (strchr(form, 'o') != NULL && act->other > host)
		act->other--;
	if (act->when_state != 0 && act->when_host > host)
		act->when_host--;
}

bool
act_is_of_process(const struct act *act)
{
	return strchr(words[act->kind].form, 'p') != NULL;
}

bool
act_sends(const struct act *act)
{
	return act->kind == ACT_SEND || act->kind == ACT_SAY;
}

static void
act_on_daemon(struct sim *sim, struct host *host, const struct act *act)
{
	if (act->kind == ACT_START) {
		if (host->totem == NULL)
			host_start(sim, host, (enum host_storage) act->value);
		return;
	}
	if (act->kind == ACT_RESUME) {
		if (host->totem != NULL && host->paused)
			host_resume(sim, host);
		return;
	}
	if (host->totem == NULL)
		return;
	if (act->kind == ACT_CRASH || act->kind == ACT_CRASH_HOST) {
		if (act->kind == ACT_CRASH && sim->last_words)
			host_last_words(sim, host);
		host_kill(sim, host);
		host->up = act->kind == ACT_CRASH;
	} else if (host->paused) {
		return;
	} else if (act->kind == ACT_LEAVE) {
		host_leave(sim, host);
	} else if (act->kind == ACT_PAUSE) {
		host_pause(sim, host);
	} else if (act->kind == ACT_RECONFIGURE) {
		host_reconfigure(sim, host);
	} else if (act->kind == ACT_BRAKE) {
		host_brake(sim, host, act->value != 0);
	} else {
		host->clock_offset_ns += act->value;
		host->timer_at_ns = sim->now_ns;
		heap_push(&sim->heap, (struct happening) {
			.at_ns = sim->now_ns, .kind = HAPPEN_TIMER, .host = host->index,
			.generation = host->generation,
		});
	}
}

static void
act_on_network(struct sim *sim, struct host *host, const struct act *act)
{
	struct network *n = &sim->network;
	struct link *link = network_link(sim, host->index,
	    act->other < sim->host_count ? act->other : 0);

	if (act->kind == ACT_ISLAND)
		host->island = (uint32_t) act->value;
	else if (act->kind == ACT_CUT)
		link->cut = true;
	else if (act->kind == ACT_CUT_FOREVER)
		link->cut_forever = sim->forever = true;
	else if (act->kind == ACT_WHOLE)
		link->cut = false;
	else if (act->kind == ACT_SLOW_PATH)
		link->extra_ns = act->value;
	else if (act->kind == ACT_DEAF)
		host->deaf = act->value != 0;
	else if (act->kind == ACT_MUTE)
		host->mute = act->value != 0;
	else if (act->kind == ACT_LOSS)
		n->loss = act->value;
	else if (act->kind == ACT_DELAY)
		n->delay_ns = act->value;
	else if (act->kind == ACT_CORRUPTION)
		n->corrupt = act->value;
	else if (act->kind == ACT_FORGING)
		n->forge = act->value;
	else if (act->kind == ACT_USUAL)
		*n = sim->usual;
}

static void
act_intrude(struct sim *sim, const struct act *act)
{
	struct host *host = &sim->host[sim->node_count + (act->host != 0)];

	if (host->totem != NULL)
		host_kill(sim, host);
	if (act->kind == ACT_INTRUDER_OFF)
		return;
	host->node_id = act->other;
	host->cluster_hash = sim->host[0].cluster_hash ^ act->value;
	host_start(sim, host, HOST_MISSING);
}

/* From here on nothing goes wrong.  The dead stay dead. */
static void
act_heal(struct sim *sim)
{
	sim->faults_on = false;
	sim->healed_ns = sim->now_ns;
	sim->fault_round++;
	sim->usual.loss = sim->usual.corrupt = sim->usual.duplicate = sim->usual.reorder = 0;
	sim->network = sim->usual;
	for (uint32_t i = 0; i < sim->host_count * sim->host_count; i++) {
		sim->link[i].cut = false;
		sim->link[i].extra_ns = 0;
	}
	for (uint32_t i = 0; i < sim->host_count; i++) {
		struct host *host = &sim->host[i];

		host->island = 0;
		host->deaf = host->mute = false;
		host->type_lost = 0;
		host->holes_ppm = 0;
		host->bytes_max = 0;
		host->storage.latency_ns = 0;
		host->cost_ns = 2 * US_NS;
		host->queue_bytes_max = 8u << 20;
		if (i >= sim->node_count) {
			host_kill(sim, host);
			host->up = false;
			continue;
		}
		if (host->totem != NULL && host->paused)
			host_resume(sim, host);
		if (host->totem != NULL)
			host_brake(sim, host, false);
	}
}

static void
act_apply(struct sim *sim, const struct act *act)
{
	struct host *host = &sim->host[act->host < sim->host_count ? act->host : 0];

	switch (act->kind) {		/* tidy: flat switch */
	case ACT_START:
	case ACT_CRASH:
	case ACT_CRASH_HOST:
	case ACT_LEAVE:
	case ACT_PAUSE:
	case ACT_RESUME:
	case ACT_CLOCK_JUMP:
	case ACT_BRAKE:
	case ACT_RECONFIGURE:
		act_on_daemon(sim, host, act);
		break;
	case ACT_ISLAND:
	case ACT_CUT:
	case ACT_CUT_FOREVER:
	case ACT_WHOLE:
	case ACT_SLOW_PATH:
	case ACT_DEAF:
	case ACT_MUTE:
	case ACT_LOSS:
	case ACT_DELAY:
	case ACT_CORRUPTION:
	case ACT_FORGING:
	case ACT_USUAL:
		act_on_network(sim, host, act);
		break;
	case ACT_WALL_CLOCK:
		host->wall_offset_ns += (int64_t) act->value;
		break;
	case ACT_LOSE_TYPE:
		host->type_lost = (uint8_t) (act->value == 0 ? 0 : act->other);
		host->type_lost_ppm = (uint32_t) act->value;
		break;
	case ACT_LOSE_BIG:
		host->bytes_max = (uint32_t) act->value;
		break;
	case ACT_HOLES:
		host->holes_ppm = (uint32_t) act->value;
		break;
	case ACT_STRAGGLERS:
		network_stragglers(sim, host);
		break;
	case ACT_COST:
		host->cost_ns = act->value;
		break;
	case ACT_BUFFER:
		host->queue_bytes_max = act->value;
		break;
	case ACT_GARBAGE:
		network_garbage(sim, act->value);
		break;
	case ACT_REPLAY:
		network_replay(sim, act->value);
		break;
	case ACT_FORGE:
		network_forge(sim, act->value);
		break;
	case ACT_DISK:
		host->storage.latency_ns = act->value;
		break;
	case ACT_INTRUDER:
	case ACT_INTRUDER_OFF:
		act_intrude(sim, act);
		break;
	case ACT_SEND:
		if (host->totem == NULL)
			break;
		workload_want(sim, host, (uint32_t) act->value, act->other != 0);
		host_flush(sim, host);
		break;
	case ACT_HEAL:
		act_heal(sim);
		break;
	case ACT_JOIN:
	case ACT_SAY:
	case ACT_LEAVE_GROUP:
	case ACT_JOIN_AGAIN:
	case ACT_NAP:
	case ACT_STOP_READING:
	case ACT_DIE:
	case ACT_FINALIZE:
	case ACT_COUNT:
		break;
	}
}

static void
act_note(struct sim *sim, const struct act *act)
{
	char text[96];
	FILE *out;

	if (sim->options.story == NULL || act_sends(act))
		return;
	out = fmemopen(text, sizeof text, "w");
	if (out == NULL)
		return;
	act_write(act, out);
	(void) fclose(out);
	record_note(sim, "%s", text);
}

void
act_tell(struct sim *sim, struct act act)
{
	act.at_ns = sim->now_ns;
	if (sim->record != NULL)
		plan_add(sim->record, &act);
	act_note(sim, &act);
	if (sim->tale != NULL)
		tale_act(sim, &act);
}

void
act_do(struct sim *sim, struct act act)
{
	act_tell(sim, act);
	act_apply(sim, &act);
}
