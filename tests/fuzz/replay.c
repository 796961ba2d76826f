/* replay.c - runs a fuzz target without a fuzzer: over its seeds and its past crashes.
 *
 * The main of fuzz_X where it is built without libFuzzer.  Without arguments it replays the folders
 * seeds/X and crashes/X of this folder and prints TAP, one line for each; with arguments, those
 * files.  A target that finds fault traps, and the last "# FILE" line says on which file.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* The whole file in a block of exactly its size, so that a sanitizer sees every read behind it. */
static bool read_file(const char *path, uint8_t **data, size_t *size)
{
	FILE *f = fopen(path, "rb");
	bool ok = false;
	long end;

	*data = NULL;
	*size = 0;
	if (f == NULL)
		return false;
	if (fseek(f, 0, SEEK_END) != 0)
		goto out;
	end = ftell(f);
	if (end < 0 || fseek(f, 0, SEEK_SET) != 0)
		goto out;
	*size = (size_t)end;
	*data = malloc(*size);
	ok = (*data != NULL || *size == 0) && fread(*data, 1, *size, f) == *size;
out:
	fclose(f);
	return ok;
}

static bool replay_file(const char *path)
{
	uint8_t *data;
	size_t size;
	bool ok = read_file(path, &data, &size);

	if (!ok) {
		printf("# %s: cannot be read\n", path);
	} else {
		printf("# %s\n", path);
		fflush(stdout);
		LLVMFuzzerTestOneInput(data, size);
	}
	free(data);
	return ok;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Replay each file of `folder`.  Returns how many there are, or -1 where one cannot be read; a
 * folder that is not there has none. */
static int replay_folder(const char *folder)
{
	struct dirent **entries = NULL;
	const int n = scandir(folder, &entries, is_shown, alphasort);
	int n_replayed = 0;
	char path[4096];

	for (int i = 0; i < n; i++) {
		const int len = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);

		if (n_replayed >= 0 && len > 0 && (size_t)len < sizeof(path) && replay_file(path))
			n_replayed++;
		else
			n_replayed = -1;
		free(entries[i]);
	}
	free(entries);
	return n_replayed;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("top_srcdir");
	const char *name = strrchr(argv[0], '_');
	char folder[4096];
	int n_seeds, n_crashes;

	if (argc > 1) {
		bool ok = true;

		for (int i = 1; i < argc; i++)
			ok = replay_file(argv[i]) && ok;
		return ok ? 0 : 1;
	}
	if (srcdir == NULL || name == NULL) {
		fprintf(stderr,
		    "usage: %s FILE...\n"
		    "without FILE: $top_srcdir must name the source folder\n",
		    argv[0]);
		return 2;
	}
	name++;
	printf("1..2\n");
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/seeds/%s", srcdir, name);
	n_seeds = replay_folder(folder);
	printf("%s 1 - %d seeds of %s\n", n_seeds > 0 ? "ok" : "not ok", n_seeds, name);
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/crashes/%s", srcdir, name);
	n_crashes = replay_folder(folder);
	printf("%s 2 - %d past crashes of %s\n", n_crashes >= 0 ? "ok" : "not ok", n_crashes, name);
	return 0;
}
