/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Stories of members that get tokens but not the messages, or not the large ones, and of one whose
 * messages get out to nobody.
 */
#include "exec/totem/wire.h"
#include "test/sim/scenario.h"

static uint32_t outcast;

/* Are the nodes but one, and those that are cut off, in one ring without it? */
static bool
without_outcast(struct sim *sim)
{
	const struct period *first = NULL;
	uint32_t count = 0;

	for (uint32_t i = 0; i < sim->node_count; i++) {
		const struct proc *proc = &sim->history.proc[sim->host[i].proc];
		const struct period *period = history_period(&sim->history, sim->host[i].proc);

		if (i == outcast || sim->host[i].island != 0)
			continue;
		count++;
		if (first == NULL)
			first = period;
		if (proc->state != TOTEM_OPERATIONAL || period == NULL ||
		    period->ring != first->ring)
			return false;
	}
	return sim->history.ring[first->ring].member_count == count;
}

/* Frames above a size do not get through to one node, the others do: the others go on without it,
 * all of them, whoever notices first; and when they get through again it is back. */
START_TEST(large_frames_lost_to_one)
{
	struct sim *sim = world(5, 1, 300 + (uint64_t) _i);

	outcast = 2;
	sim->host[outcast].bytes_max = 500;
	load_all(sim, 5, 1200);
	ck_assert(sim_run_until(sim, without_outcast, 4 * SEC_NS));
	sim->host[outcast].bytes_max = 0;
	ck_assert(sim_run_until(sim, sim_settled, 6 * SEC_NS));
	all_is_well(sim);
}
END_TEST

/* A member is gone, and what the outcast lacks is to be given to it: RECOVERY ends, too. */
START_TEST(large_frames_lost_in_recovery)
{
	struct sim *sim = world(5, 1, 320 + (uint64_t) _i);

	outcast = 2;
	sim->host[outcast].bytes_max = 500;
	load(sim, (uint32_t) _i % 2, 3, 1200);
	sim_run_for(sim, 100 * MS_NS);
	islands(sim, 4);
	ck_assert(sim_run_until(sim, without_outcast, 4 * SEC_NS));
	islands(sim, UINT32_MAX);
	sim->host[outcast].bytes_max = 0;
	ck_assert(sim_run_until(sim, sim_settled, 6 * SEC_NS));
	all_is_well(sim);
}
END_TEST

static enum sim_verdict
unheard(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) sim;
	(void) to;
	return from == outcast && len > FRAME_TYPE_AT && data[FRAME_TYPE_AT] == WIRE_DATA ?
	    FRAME_DROP : FRAME_PASS;
}

/* One whose messages get out to nobody is no reason to give up those who do not get them. */
START_TEST(messages_get_out_to_nobody)
{
	struct sim *sim = world(4, 1, 340 + (uint64_t) _i);

	outcast = (uint32_t) _i % 4;
	sim->filter = unheard;
	load(sim, outcast, 1, 1000);
	ck_assert(sim_run_until(sim, without_outcast, 5 * SEC_NS));
	sim->filter = NULL;
	ck_assert(sim_run_until(sim, sim_settled, 6 * SEC_NS));
	all_is_well(sim);
}
END_TEST

static uint32_t unheard_from, unheard_to;

static enum sim_verdict
one_way(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) sim;
	if (from == unheard_from && to == unheard_to)
		return FRAME_DROP;
	return to == outcast && len > FRAME_TYPE_AT && data[FRAME_TYPE_AT] == WIRE_DATA ?
	    FRAME_DROP : FRAME_PASS;
}

static bool
sender_is_done(struct sim *sim)
{
	const struct proc *sender = &sim->history.proc[sim->host[(outcast + 1) % 4].proc];

	return sender->own_delivered == sender->submit_count;
}

/* Beside that somebody does not hear another: they may end in several rings, but in rings. */
START_TEST(data_lost_to_one_and_a_cut)
{
	struct sim *sim = world(4, 1, 380 + (uint64_t) _i);

	unheard_from = (uint32_t) _i % 4;
	unheard_to = (unheard_from + 1 + (uint32_t) _i / 4 % 3) % 4;
	outcast = (uint32_t) _i / 12;
	sim->filter = one_way;
	load(sim, (outcast + 1) % 4, 1, 1000);
	sim_run_for(sim, 8 * SEC_NS);
	ck_assert_msg(sim_run_until(sim, sender_is_done, 2 * SEC_NS), "nothing is delivered");
	sim->filter = NULL;
	ck_assert(sim_run_until(sim, sim_settled, 12 * SEC_NS));
	all_is_well(sim);
}
END_TEST

static uint32_t site_first;	/* the hosts from this one on are the second site */

static enum sim_verdict
large_between_sites(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) sim;
	(void) data;
	return (from < site_first) != (to < site_first) && len > 500 ? FRAME_DROP : FRAME_PASS;
}

static bool
each_site_has_a_ring(struct sim *sim)
{
	return in_one_ring(sim, 0, site_first) &&
	    in_one_ring(sim, site_first, sim->node_count - site_first);
}

/* Large frames are lost between two sites.  Those of one site hear each other well: they stay
 * together, and are not given up one after the other. */
START_TEST(large_frames_lost_between_sites)
{
	struct sim *sim = world(4 + (uint32_t) _i % 4, 1, 440 + (uint64_t) _i);
	uint32_t apart = 0;

	site_first = 1 + (uint32_t) _i / 4 % (sim->node_count - 1);
	sim->filter = large_between_sites;
	load(sim, (uint32_t) _i / 2 % sim->node_count, 1, 1200);
	ck_assert(sim_run_until(sim, each_site_has_a_ring, 7 * SEC_NS));
	for (uint32_t tenth = 0; tenth < 600; tenth++) {
		if (tenth % 20 == 0)
			load_all(sim, 1, 1200);
		sim_run_for(sim, 100 * MS_NS);
		apart += each_site_has_a_ring(sim);
	}
	ck_assert_msg(apart > 330, "each site had a ring in %u of 600 moments", apart);
	sim->filter = NULL;
	ck_assert(sim_run_until(sim, sim_settled, 161 * SEC_NS));
	all_is_well(sim);
}
END_TEST

/* It stays so, and all have much to say: what that costs the others becomes less and less. */
START_TEST(large_frames_lost_for_long)
{
	struct sim *sim = world(4, 1, 360);
	const struct proc *other = &sim->history.proc[sim->host[0].proc];
	uint32_t waiting = 0;

	outcast = 2;
	sim->host[outcast].bytes_max = 500;
	for (uint32_t tenth = 0; tenth < 3000; tenth++) {
		if (tenth % 10 == 0)
			load(sim, tenth / 10 % 3 == 2 ? 3 : tenth / 10 % 3, 1, 1200);
		sim_run_for(sim, 100 * MS_NS);
		waiting += other->own_delivered != other->submit_count;
	}
	ck_assert_msg(waiting < 200, "something waited in %u of 3,000 moments", waiting);
	sim->host[outcast].bytes_max = 0;
	ck_assert(sim_run_until(sim, sim_settled, 161 * SEC_NS));
	all_is_well(sim);
}
END_TEST

TCase *
scenario_receive(void)
{
	TCase *tc = tcase_create("receive");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, large_frames_lost_to_one, 0, 10);
	tcase_add_loop_test(tc, large_frames_lost_in_recovery, 0, 10);
	tcase_add_loop_test(tc, messages_get_out_to_nobody, 0, 8);
	tcase_add_loop_test(tc, data_lost_to_one_and_a_cut, 0, 48);
	tcase_add_loop_test(tc, large_frames_lost_between_sites, 0, 24);
	tcase_add_test(tc, large_frames_lost_for_long);
	return tc;
}
