# SPDX-License-Identifier: BSD-3-Clause
# Deliberate bugs in the production sources.  All of them: make check-mutants.  Some: make check.
# MUTANTS="NAME NAME:PROPERTY ...": those.
mutants_environment = MUTANT_SOURCES='$(top_srcdir)' \
	MUTANT_COMPILE='$(COMPILE)' MUTANT_LINK='$(CC) $(CFLAGS) $(LDFLAGS)' \
	MUTANT_VC_OBJECTS='$(test_sim_vc_OBJECTS)' MUTANT_ENGINE_OBJECTS='$(cpg_la_OBJECTS)' \
	MUTANT_SCENARIO_OBJECTS='$(test_sim_scenario_OBJECTS)' \
	MUTANT_SCENARIO_LIBS='$(CHECK_LIBS)' \
	MUTANT_LIBRARY_OBJECTS='$(libcpg_la_OBJECTS) $(libclient_la_OBJECTS)' \
	MUTANT_VC_LIBS='$(QB_LIBS) $(SYSTEMD_LIBS) -ldl -lpthread'

check-mutants: test/sim/vs$(EXEEXT) test/sim/vc$(EXEEXT) test/sim/scenario$(EXEEXT) \
		test/unit/test_libcpg$(EXEEXT) libcpg.la $(sbin_PROGRAMS)
	$(mutants_environment) $(top_srcdir)/test/mutants/run $(MUTANTS)

check-mutants-sample: test/sim/vs$(EXEEXT) test/sim/vc$(EXEEXT)
	$(mutants_environment) $(top_srcdir)/test/mutants/run --sample --seeds 40

# Not with `make check TESTS=...`: whoever chose the tests has chosen.
check-local:
	@case '$(origin TESTS)' in \
	command*) ;; \
	*) $(MAKE) check-mutants-sample ;; \
	esac
.PHONY: check-mutants check-mutants-sample

EXTRA_DIST += test/mutants
