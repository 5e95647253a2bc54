/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The cluster executive authors
 *
 * Every file of the directories named goes through a fuzz target once: the corpus with any
 * compiler, and one finding with a debugger.
 *
 *	replay_NAME DIRECTORY|FILE...
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "test/fuzz/input.h"

#define FILE_BYTES_MAX	(1024u * 1024u)

static size_t replayed;

static bool
replay_file(const char *path)
{
	uint8_t *data = malloc(FILE_BYTES_MAX), *exact;
	FILE *file = fopen(path, "rbe");
	size_t len;

	if (data == NULL || file == NULL) {
		perror(path);
		free(data);
		return false;
	}
	len = fread(data, 1, FILE_BYTES_MAX, file);
	(void) fclose(file);
	exact = malloc(len > 0 ? len : 1);
	FUZZ_REQUIRE(exact != NULL);
	memcpy(exact, data, len);
	free(data);
	if (getenv("REPLAY_VERBOSE") != NULL)
		fprintf(stderr, "%s\n", path);
	(void) LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	replayed++;
	return true;
}

static bool
replay(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	char name[4096];
	bool ok = true;

	if (dir == NULL)
		return replay_file(path);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void) snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		ok = replay_file(name) && ok;
	}
	(void) closedir(dir);
	return ok;
}

int
main(int argc, char **argv)
{
	bool ok = argc > 1;

	for (int i = 1; i < argc; i++)
		ok = replay(argv[i]) && ok;
	printf("%s: %zu inputs\n", argv[0], replayed);
	return ok && replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
