/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Helper threads: for what blocks (disk, name resolution), never for the data path.
 */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H
#include <pthread.h>

/* With all signals blocked, plain scheduling and a small stack.  0 or -errno. */
int thread_start(pthread_t *ret_thread, void *(*run)(void *), void *argument);
#endif
