/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Stories of somebody who is not ready, or does not answer, and of those who must not wait for it;
 * and of those who should take their time.
 */
#include "exec/totem/wire.h"
#include "test/sim/scenario.h"

/* A node that starts has to write its first ring number before it can be a member.  With a disk
 * that takes long the others do not wait for it, and then it comes in as any other. */
START_TEST(slow_disk_at_start)
{
	struct sim *sim = world(4, 1, 400 + (uint64_t) _i);
	struct host *late = &sim->host[3];
	uint64_t change_ns;

	host_leave(sim, late);
	sim_run_for(sim, SEC_NS);
	change_ns = sim->last_change_ns;
	late->storage.latency_ns = 20 * SEC_NS;
	host_start(sim, late, HOST_INTACT);
	for (uint32_t second = 0; second < 18; second++) {
		load(sim, second % 3, 2, 1000);
		sim_run_for(sim, SEC_NS);
		ck_assert_msg(in_one_ring(sim, 0, 3), "no ring of the others after %u s", second);
		ck_assert_msg(sim->last_change_ns == change_ns, "it changed");
	}
	ck_assert(sim_run_until(sim, sim_settled, 3 * SEC_NS));
	all_is_well(sim);
}
END_TEST

/* The number of a node that starts is beyond what the others have written, and a member's disk
 * takes long: their ring does not stop for it either, and the new one comes in when it is done. */
START_TEST(slow_disk_of_a_member)
{
	struct sim *sim = world(4, 1, 405 + (uint64_t) _i);

	host_kill(sim, &sim->host[3]);
	sim_run_for(sim, SEC_NS);
	sim->host[_i % 3].storage.latency_ns = 10 * SEC_NS;
	host_start(sim, &sim->host[3], HOST_INTACT);
	for (uint32_t second = 0; second < 4; second++) {
		load(sim, second % 3, 2, 1000);
		sim_run_for(sim, SEC_NS);
		ck_assert_msg(in_one_ring(sim, 0, 3), "no ring of the others after %u s", second);
		ck_assert_msg(sim->host[_i % 3].storage.written_ns > sim->now_ns, "not shown");
	}
	sim_run_for(sim, 6 * SEC_NS);
	sim->host[_i % 3].storage.latency_ns = 0;
	ck_assert(sim_run_until(sim, sim_settled, 3 * SEC_NS));
	all_is_well(sim);
}
END_TEST

/* The disk of the only member hangs: who starts is alone until then, and at rest. */
START_TEST(hung_disk_of_one_of_two)
{
	struct sim *sim = world(2, 1, 490 + (uint64_t) _i);
	uint64_t change_ns;

	host_kill(sim, &sim->host[_i % 2]);
	sim_run_for(sim, SEC_NS);
	sim->host[1 - _i % 2].storage.latency_ns = 20 * SEC_NS;
	host_start(sim, &sim->host[_i % 2], HOST_INTACT);
	sim_run_for(sim, 2 * SEC_NS);
	change_ns = sim->last_change_ns;
	sim_run_for(sim, 16 * SEC_NS);
	ck_assert_msg(sim->last_change_ns == change_ns, "it changes");
	ck_assert(sim_run_until(sim, sim_settled, 4 * SEC_NS));
	all_is_well(sim);
}
END_TEST

/* The disk of a member hangs for good while a node starts whose number it has to write.  The ring
 * goes on without who starts; and when a third one dies, the others go on without who hangs. */
START_TEST(hung_disk_of_a_member)
{
	struct sim *sim = world(5, 1, 470 + (uint64_t) _i);
	uint32_t hung = (uint32_t) _i % 3, without = 0;

	host_kill(sim, &sim->host[4]);
	sim_run_for(sim, SEC_NS);
	sim->host[hung].storage.latency_ns = 1000 * SEC_NS;
	host_start(sim, &sim->host[4], HOST_INTACT);
	if (_i >= 3) {
		sim_run_for(sim, 2 * SEC_NS);
		host_kill(sim, &sim->host[3]);
	}
	sim_run_for(sim, 9 * SEC_NS);
	for (uint32_t tenth = 0; tenth < 300; tenth++) {
		sim_run_for(sim, 100 * MS_NS);
		for (uint32_t i = 0; i < 5; i++)
			if (i != hung && sim->host[i].totem != NULL &&
			    sim->history.proc[sim->host[i].proc].state != TOTEM_OPERATIONAL) {
				without++;
				break;
			}
	}
	ck_assert_msg(without < 40, "no ring of the others in %u of 300 moments", without);
	sim->host[hung].storage.latency_ns = 0;
	host_kill(sim, &sim->host[hung]);
	sim_run_for(sim, SEC_NS);
	host_start(sim, &sim->host[hung], HOST_INTACT);
	ck_assert(sim_run_until(sim, sim_settled, 161 * SEC_NS));
	all_is_well(sim);
}
END_TEST

static uint32_t unasked;	/* host index */

static enum sim_verdict
ask_lost(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) sim;
	(void) from;
	return to == unasked && len > FRAME_TYPE_AT && data[FRAME_TYPE_AT] == WIRE_COMMIT_ASK ?
	    FRAME_DROP : FRAME_PASS;
}

/* Its JOINs are heard and it hears others, but never answers when a ring is to be made, as when
 * multicast gets through and the rest does not: a second for that, and then less and less often. */
START_TEST(never_answers)
{
	struct sim *sim = world(4, 1, 410 + (uint64_t) _i);
	uint32_t without = 0;

	unasked = 3;
	host_kill(sim, &sim->host[unasked]);
	sim_run_for(sim, SEC_NS);
	sim->filter = ask_lost;
	host_start(sim, &sim->host[unasked], HOST_INTACT);
	for (uint32_t tenth = 0; tenth < 1000; tenth++) {
		sim_run_for(sim, 100 * MS_NS);
		without += !in_one_ring(sim, 0, 3);
	}
	ck_assert_msg(without < 120, "no ring of the others in %u of 1,000 moments", without);
	sim->filter = NULL;
	ck_assert(sim_run_until(sim, sim_settled, 161 * SEC_NS));
	all_is_well(sim);
}
END_TEST

static enum sim_verdict
commit_lost(struct sim *sim, uint32_t from, uint32_t to, const uint8_t *data, size_t len)
{
	(void) sim;
	return (from == unasked || to == unasked) && len > FRAME_TYPE_AT &&
	    (data[FRAME_TYPE_AT] == WIRE_COMMIT_ASK || data[FRAME_TYPE_AT] == WIRE_COMMIT_ACK) ?
	    FRAME_DROP : FRAME_PASS;
}

/* The same of one of two, which makes rings of its own meanwhile: so does the other, between two
 * attempts, and must not forget what it waited for. */
START_TEST(one_of_two_never_answers)
{
	struct sim *sim = world(2, 1, 430 + (uint64_t) _i);
	uint32_t without = 0;

	unasked = 1;
	sim->network.delay_ns = (uint64_t) _i % 10 * MS_NS;
	host_kill(sim, &sim->host[unasked]);
	sim_run_for(sim, SEC_NS);
	sim->filter = commit_lost;
	host_start(sim, &sim->host[unasked], HOST_INTACT);
	for (uint32_t tenth = 0; tenth < 1000; tenth++) {
		sim_run_for(sim, 100 * MS_NS);
		without += sim->history.proc[sim->host[0].proc].state != TOTEM_OPERATIONAL;
	}
	ck_assert_msg(without < 120, "no ring of the other in %u of 1,000 moments", without);
	sim->filter = NULL;
	ck_assert(sim_run_until(sim, sim_settled, 161 * SEC_NS));
	all_is_well(sim);
}
END_TEST

/* One is stopped just while a ring is made, the representative or another: that is no refusal to
 * answer, of it or of the others, and it is back soon after it goes on. */
START_TEST(stopped_in_commit)
{
	static const uint64_t spans_ms[] = { 300, 820, 880, 950, 2000 };
	struct sim *sim = world(5, 1, 450 + (uint64_t) _i);
	struct host *stopped = &sim->host[_i % 4];
	uint64_t steps = 0;

	host_leave(sim, &sim->host[4]);
	while (sim->history.proc[stopped->proc].state != TOTEM_COMMIT && steps++ < 20000)
		sim_run_for(sim, 5 * US_NS);
	ck_assert_uint_lt(steps, 20000);
	sim_run_for(sim, (uint64_t) _i / 20 * 40 * US_NS);
	host_pause(sim, stopped);
	sim_run_for(sim, spans_ms[_i / 4 % 5] * MS_NS);
	host_resume(sim, stopped);
	ck_assert_msg(sim_run_until(sim, sim_settled, 500 * MS_NS), "%s",
	    check_v14_unsettled(&sim->history, false));
	all_is_well(sim);
}
END_TEST

/* Those that gather are stopped, all of them, as when they run on one machine: they do not take
 * the time for spent, and go on together. */
START_TEST(stopped_in_gather)
{
	struct sim *sim = world(4, 1, 420 + (uint64_t) _i);
	uint32_t gathering = 0;

	islands(sim, 3);
	for (uint32_t steps = 0; steps < 40000 && gathering < 3; steps++) {
		sim_run_for(sim, MS_NS / 20);
		gathering = 0;
		for (uint32_t i = 0; i < 3; i++)
			gathering += sim->history.proc[sim->host[i].proc].state == TOTEM_GATHER;
	}
	ck_assert_uint_eq(gathering, 3);
	for (uint32_t i = 0; i < 3; i++)
		host_pause(sim, &sim->host[i]);
	sim_run_for(sim, 1300 * MS_NS);
	for (uint32_t i = 0; i < 3; i++)
		host_resume(sim, &sim->host[i]);
	sim_run_for(sim, 3 * SEC_NS);
	ck_assert(in_one_ring(sim, 0, 3));
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_msg(sim->history.proc[sim->host[i].proc].period_count == 2,
		    "node %u was in %zu rings", i + 1,
		    sim->history.proc[sim->host[i].proc].period_count);
	islands(sim, UINT32_MAX);
	sim_run_for(sim, SEC_NS);
	all_is_well(sim);
}
END_TEST

/* Who is alone slows down, too, when a client of his reads too slowly. */
START_TEST(alone_and_braked)
{
	struct sim *sim = world(1, 1, 430);
	const struct proc *proc = &sim->history.proc[sim->host[0].proc];
	uint64_t before;

	host_brake(sim, &sim->host[0], true);
	sim_run_for(sim, 100 * MS_NS);
	load(sim, 0, 2000, 1200);
	before = proc->own_delivered;
	sim_run_for(sim, 500 * MS_NS);
	ck_assert_uint_le(proc->own_delivered - before, 2 * 110);
	ck_assert_uint_ge(proc->own_delivered - before, 2 * 90);
	host_brake(sim, &sim->host[0], false);
	ck_assert(sim_run_until(sim, sim_settled, SEC_NS));
	all_is_well(sim);
}
END_TEST

/* Two that do not hear each other both gather with the third, and it decides for one of them, as
 * it may.  The other has asked it by then; it must not wait until the time for that is up: it is in
 * no ring meanwhile. */
START_TEST(decides_for_another)
{
	struct sim *sim = world(3, 1, 500 + (uint64_t) _i);
	uint64_t in_ring_ns;

	sim->network.delay_ns = 8 * MS_NS;
	for (uint32_t i = 0; i < 3; i++)
		sim->host[i].island = i;
	sim_run_for(sim, 4 * SEC_NS);
	network_link(sim, 1, 0)->cut_forever = true;
	islands(sim, UINT32_MAX);
	in_ring_ns = sim->now_ns;
	for (uint32_t step = 0; step < 400; step++) {
		sim_run_for(sim, 5 * MS_NS);
		if (sim->history.proc[sim->host[1].proc].state == TOTEM_OPERATIONAL)
			in_ring_ns = sim->now_ns;
		ck_assert_uint_le(sim->now_ns - in_ring_ns, 300 * MS_NS);
	}
	network_link(sim, 1, 0)->cut_forever = false;
	ck_assert(sim_run_until(sim, sim_settled, 5 * SEC_NS));
	all_is_well(sim);
}
END_TEST

/* What a daemon sent before it was killed arrives behind the word that its port is closed: no sign
 * of life, as an answer to a probe would be. */
START_TEST(last_frames_come_late)
{
	struct sim *sim = world(3, 1, 600 + (uint64_t) _i);
	uint64_t killed_ns;

	load_all(sim, 300, 2000);
	sim_run_for(sim, (uint64_t) _i * MS_NS / 4);
	for (uint32_t i = 0; i < 2; i++)
		network_link(sim, 2, i)->extra_ns = 10 * MS_NS;
	sim_run_for(sim, (uint64_t) _i * MS_NS / 4);
	/* The kernel says it once and then only after a second: it has answered others. */
	for (uint32_t i = 0; i < 2; i++)
		network_link(sim, 2, i)->icmp_full_ns = sim->now_ns + 5 * SEC_NS;
	host_kill(sim, &sim->host[2]);
	killed_ns = sim->now_ns;
	while (sim->now_ns < killed_ns + 3 * SEC_NS && !in_one_ring(sim, 0, 2))
		sim_run_for(sim, MS_NS);
	ck_assert_uint_le(sim->now_ns - killed_ns, 150 * MS_NS);
	all_is_well(sim);
}
END_TEST

TCase *
scenario_wait(void)
{
	TCase *tc = tcase_create("wait");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, slow_disk_at_start, 0, 4);
	tcase_add_loop_test(tc, slow_disk_of_a_member, 0, 6);
	tcase_add_loop_test(tc, hung_disk_of_a_member, 0, 12);
	tcase_add_loop_test(tc, hung_disk_of_one_of_two, 0, 4);
	tcase_add_loop_test(tc, never_answers, 0, 4);
	tcase_add_loop_test(tc, one_of_two_never_answers, 0, 20);
	tcase_add_loop_test(tc, stopped_in_commit, 0, 120);
	tcase_add_loop_test(tc, stopped_in_gather, 0, 20);
	tcase_add_test(tc, alone_and_braked);
	tcase_add_loop_test(tc, decides_for_another, 0, 100);
	tcase_add_loop_test(tc, last_frames_come_late, 0, 60);
	return tc;
}
