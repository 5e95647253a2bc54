/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * libcorosync_common: error codes as text, and errno as error code.
 */
#include "config.h"
#include <errno.h>
#include <stddef.h>

#pragma GCC visibility push(default)
#include <corosync/corotypes.h>
#pragma GCC visibility pop

struct error_name {
	cs_error_t error;
	const char *name;
};

#define NAMED(error)	{ error, #error }

static const struct error_name error_names[] = {
	{ CS_OK, "success" },
	NAMED(CS_ERR_LIBRARY), NAMED(CS_ERR_VERSION), NAMED(CS_ERR_INIT), NAMED(CS_ERR_TIMEOUT),
	NAMED(CS_ERR_TRY_AGAIN), NAMED(CS_ERR_INVALID_PARAM), NAMED(CS_ERR_NO_MEMORY),
	NAMED(CS_ERR_BAD_HANDLE), NAMED(CS_ERR_BUSY), NAMED(CS_ERR_ACCESS),
	NAMED(CS_ERR_NOT_EXIST), NAMED(CS_ERR_NAME_TOO_LONG), NAMED(CS_ERR_EXIST),
	NAMED(CS_ERR_NO_SPACE), NAMED(CS_ERR_INTERRUPT), NAMED(CS_ERR_NAME_NOT_FOUND),
	NAMED(CS_ERR_NO_RESOURCES), NAMED(CS_ERR_NOT_SUPPORTED), NAMED(CS_ERR_BAD_OPERATION),
	NAMED(CS_ERR_FAILED_OPERATION), NAMED(CS_ERR_MESSAGE_ERROR), NAMED(CS_ERR_QUEUE_FULL),
	NAMED(CS_ERR_QUEUE_NOT_AVAILABLE), NAMED(CS_ERR_BAD_FLAGS), NAMED(CS_ERR_TOO_BIG),
	NAMED(CS_ERR_NO_SECTIONS), NAMED(CS_ERR_CONTEXT_NOT_FOUND),
	NAMED(CS_ERR_TOO_MANY_GROUPS), NAMED(CS_ERR_SECURITY),
};

struct error_map {
	int number;		/* errno */
	cs_error_t error;
};

static const struct error_map error_map[] = {
	{ EBADF, CS_ERR_BAD_HANDLE },
	{ ENOMEM, CS_ERR_NO_MEMORY },
	{ ENOMSG, CS_ERR_TRY_AGAIN },
	{ ENOBUFS, CS_ERR_TRY_AGAIN },
	{ ETIMEDOUT, CS_ERR_TRY_AGAIN },
	{ EAGAIN, CS_ERR_TRY_AGAIN },
	{ EBADE, CS_ERR_FAILED_OPERATION },
	{ ETIME, CS_ERR_TIMEOUT },
	{ EINVAL, CS_ERR_INVALID_PARAM },
	{ EBUSY, CS_ERR_BUSY },
	{ EACCES, CS_ERR_ACCESS },
	{ EOVERFLOW, CS_ERR_NAME_TOO_LONG },
	{ EEXIST, CS_ERR_EXIST },
	{ ENOSPC, CS_ERR_NO_SPACE },
	{ EINTR, CS_ERR_INTERRUPT },
	{ ENOENT, CS_ERR_NOT_EXIST },
	{ ENODEV, CS_ERR_NOT_EXIST },
	{ ENOSYS, CS_ERR_NOT_SUPPORTED },
	{ ENOTSUP, CS_ERR_NOT_SUPPORTED },
	{ EBADMSG, CS_ERR_MESSAGE_ERROR },
	{ EMSGSIZE, CS_ERR_TOO_BIG },
	{ E2BIG, CS_ERR_TOO_BIG },
};

static const struct error_map hdb_map[] = {
	{ 0, CS_OK },
	{ EBADF, CS_ERR_BAD_HANDLE },
	{ ENOMEM, CS_ERR_NO_MEMORY },
	{ EMFILE, CS_ERR_NO_RESOURCES },
	{ EACCES, CS_ERR_ACCESS },
};

static cs_error_t
map_find(const struct error_map *map, size_t count, int number)
{
	for (size_t i = 0; i < count; i++)
		if (map[i].number == number)
			return map[i].error;
	return CS_ERR_LIBRARY;
}

const char *
cs_strerror(cs_error_t err)
{
	for (size_t i = 0; i < sizeof error_names / sizeof error_names[0]; i++)
		if (error_names[i].error == err)
			return error_names[i].name;
	return "unknown error";
}

cs_error_t
qb_to_cs_error(int result)
{
	/* The smallest int has no positive counterpart, and is no errno. */
	if (result >= 0 || result == INT32_MIN)
		return result >= 0 ? CS_OK : CS_ERR_LIBRARY;
	return map_find(error_map, sizeof error_map / sizeof error_map[0], -result);
}

cs_error_t
hdb_error_to_cs(int res)
{
	return map_find(hdb_map, sizeof hdb_map / sizeof hdb_map[0], res);
}
