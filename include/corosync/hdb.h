/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * The handle database under the names that sources written for the known libraries use.  It is
 * libqb's: who calls these links libqb.  Nothing of ours needs it.
 */
#ifndef COROSYNC_HDB_H
#define COROSYNC_HDB_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <qb/qbhdb.h>

typedef qb_handle_t hdb_handle_t;

#define HDB_D_FORMAT			QB_HDB_D_FORMAT		/* for printf() */
#define HDB_X_FORMAT			QB_HDB_X_FORMAT

#define hdb_handle_database		qb_hdb			/* a struct's tag */
#define DECLARE_HDB_DATABASE		QB_HDB_DECLARE
#define hdb_create			qb_hdb_create
#define hdb_destroy			qb_hdb_destroy
#define hdb_handle_create		qb_hdb_handle_create
#define hdb_handle_get			qb_hdb_handle_get
#define hdb_handle_get_always		qb_hdb_handle_get_always
#define hdb_handle_put			qb_hdb_handle_put
#define hdb_handle_destroy		qb_hdb_handle_destroy
#define hdb_handle_refcount_get		qb_hdb_handle_refcount_get
#define hdb_iterator_reset		qb_hdb_iterator_reset
#define hdb_iterator_next		qb_hdb_iterator_next
#define hdb_base_convert		qb_hdb_base_convert
#define hdb_nocheck_convert		qb_hdb_nocheck_convert

#define hdb_database_lock		pthread_mutex_lock
#define hdb_database_unlock		pthread_mutex_unlock
#define hdb_database_lock_init(mutex)	pthread_mutex_init(mutex, NULL)
#define hdb_database_lock_destroy	pthread_mutex_destroy
#endif
