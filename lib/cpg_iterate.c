/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Iterations: what the engine lists, page by page, taken whole when the iteration is made.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cpg_private.h"

_Static_assert(sizeof(struct cpg_wire_entry) == sizeof(struct cpg_iteration_description_t),
    "same layout");

struct iteration {
	struct cpg_wire_entry *entry;
	size_t count, next;
	pthread_mutex_t lock;
};

static void iteration_destroy(void *object);

static struct client_handles iterations = { .destroy = iteration_destroy };

static void
iteration_destroy(void *object)
{
	struct iteration *iteration = object;

	(void) pthread_mutex_destroy(&iteration->lock);
	free(iteration->entry);
	free(iteration);
}

static cs_error_t
append(struct iteration *iteration, const struct cpg_wire_page *page)
{
	size_t count = iteration->count + page->count;
	struct cpg_wire_entry *entry;

	entry = realloc(iteration->entry, (count + 1) * sizeof *entry);
	if (entry == NULL)
		return CS_ERR_NO_MEMORY;
	memcpy(entry + iteration->count, page->entry, page->count * sizeof *entry);
	iteration->entry = entry;
	iteration->count = count;
	return CS_OK;
}

static cs_error_t
fetch(struct cpg *cpg, struct iteration *iteration, struct cpg_wire_iterate *ask)
{
	struct cpg_wire_page page;
	cs_error_t error;

	do {
		error = cpg_call(cpg, CPG_CALL_ITERATE, ask, sizeof *ask, &page, sizeof page);
		if (error != CS_OK)
			return error;
		if (page.count > CPG_WIRE_PAGE_ENTRIES || (page.more != 0 && page.count == 0))
			return CS_ERR_LIBRARY;
		error = append(iteration, &page);
		if (error != CS_OK)
			return error;
		if (page.more != 0) {
			ask->resume = 1;
			ask->after = page.entry[page.count - 1];
		}
	} while (page.more != 0);
	return CS_OK;
}

cs_error_t
cpg_iteration_initialize(cpg_handle_t handle, cpg_iteration_type_t iteration_type,
    const struct cpg_name *group, cpg_iteration_handle_t *cpg_iteration_handle)
{
	struct cpg_wire_iterate ask = { .type = iteration_type };
	struct iteration *iteration;
	struct cpg *cpg;
	cs_error_t error;

	if (cpg_iteration_handle == NULL || iteration_type < CPG_ITERATION_NAME_ONLY ||
	    iteration_type > CPG_ITERATION_ALL)
		return CS_ERR_INVALID_PARAM;
	if (iteration_type == CPG_ITERATION_ONE_GROUP) {
		error = cpg_name_check(group, &ask.name);
		if (error != CS_OK)
			return error;
	}
	error = cpg_get(handle, &cpg);
	if (error != CS_OK)
		return error;
	iteration = calloc(1, sizeof *iteration);
	if (iteration == NULL) {
		cpg_put(handle);
		return CS_ERR_NO_MEMORY;
	}
	(void) pthread_mutex_init(&iteration->lock, NULL);
	error = fetch(cpg, iteration, &ask);
	cpg_put(handle);
	if (error == CS_OK)
		error = client_handle_new(&iterations, iteration, cpg_iteration_handle);
	if (error != CS_OK)
		iteration_destroy(iteration);
	return error;
}

cs_error_t
cpg_iteration_next(cpg_iteration_handle_t handle, struct cpg_iteration_description_t *description)
{
	struct iteration *iteration;
	void *object;
	cs_error_t error;

	if (description == NULL)
		return CS_ERR_INVALID_PARAM;
	error = client_handle_get(&iterations, handle, &object);
	if (error != CS_OK)
		return error;
	iteration = object;
	(void) pthread_mutex_lock(&iteration->lock);
	if (iteration->next < iteration->count)
		memcpy(description, &iteration->entry[iteration->next++], sizeof *description);
	else
		error = CS_ERR_NO_SECTIONS;
	(void) pthread_mutex_unlock(&iteration->lock);
	client_handle_put(&iterations, handle);
	return error;
}

cs_error_t
cpg_iteration_finalize(cpg_iteration_handle_t handle)
{
	void *object;
	cs_error_t error = client_handle_get(&iterations, handle, &object);

	if (error != CS_OK)
		return error;
	error = client_handle_close(&iterations, handle);
	client_handle_put(&iterations, handle);
	return error;
}
