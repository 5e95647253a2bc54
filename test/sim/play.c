/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Plays a plan: its acts become happenings.
 */
#include <stdlib.h>

#include "test/sim/sim.h"

static void
play_push(struct sim *sim, size_t index, uint64_t at_ns)
{
	heap_push(&sim->heap, (struct happening) {
		.at_ns = at_ns, .kind = HAPPEN_ACT, .value = index,
	});
}

void
play_start(struct sim *sim)
{
	const struct plan *plan = sim->options.plan;

	sim->play_armed = util_alloc(plan->count + 1);
	for (size_t i = 0; i < plan->count; i++)
		if (!act_is_of_process(&plan->act[i]))
			play_push(sim, i, plan->act[i].at_ns);
}

const struct act *
play_of_process(const struct sim *sim, uint32_t host, uint32_t process, size_t *at)
{
	const struct plan *plan = sim->options.plan;

	for (; *at < plan->count; ++*at)
		if (plan->act[*at].host == host && plan->act[*at].process == process &&
		    act_is_of_process(&plan->act[*at]))
			return &plan->act[*at];
	return NULL;
}

/* Its time has come: it is done, or waits for a state from now on. */
void
play_happening(struct sim *sim, const struct happening *happening)
{
	const struct act *act = &sim->options.plan->act[happening->value];

	if (act->when_state != 0 && sim->play_armed[happening->value] == 0)
		sim->play_armed[happening->value] = 1;
	else
		act_do(sim, *act);
}

void
play_state_entered(struct sim *sim, uint32_t host, uint32_t state)
{
	const struct plan *plan = sim->options.plan;

	for (size_t i = 0; plan != NULL && sim->play_armed != NULL && i < plan->count; i++) {
		if (sim->play_armed[i] != 1 || plan->act[i].when_host != host ||
		    plan->act[i].when_state != state)
			continue;
		sim->play_armed[i] = 2;
		play_push(sim, i, sim->now_ns + plan->act[i].when_delay_ns);
	}
}
