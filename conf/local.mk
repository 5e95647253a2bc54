# SPDX-License-Identifier: BSD-3-Clause
# Sample configurations; none of them is installed as the one in use.
corosysconfdir = $(sysconfdir)/corosync
dist_corosysconf_DATA = conf/corosync.conf.example conf/corosync.conf.example.udp \
	conf/corosync.conf.example.local
