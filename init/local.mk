# SPDX-License-Identifier: BSD-3-Clause
# The unit file; its directories are known only when make runs.
EXTRA_DIST += init/corosync.service.in
CLEANFILES += init/corosync.service
systemdsystemunit_DATA = init/corosync.service

init/corosync.service: $(srcdir)/init/corosync.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) init && sed -e 's,@sbindir\@,$(sbindir),g' \
		-e 's,@sysconfdir\@,$(sysconfdir),g' $(srcdir)/init/corosync.service.in > $@
