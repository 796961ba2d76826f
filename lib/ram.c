/* ram.c - reads /proc and /sys/fs/cgroup. */
#include "lib/ram.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/conf.h"

/* The number behind `word` in a file of such lines, or the file's first for ""; UINT64_MAX: there is none. */
static uint64_t read_number(const char *path, const char *word)
{
	const size_t len = strlen(word);
	uint64_t number = UINT64_MAX;
	FILE *file = fopen(path, "re");
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, word, len) == 0 && sscanf(line + len, "%" SCNu64, &number) == 1)
			break;
	}
	if (file != NULL)
		(void)fclose(file);
	return number;
}

/* The group of this process, as "/a/b"; "" for the first of all, or none. */
static void read_group(const char *root, char group[CONF_PATH_SIZE])
{
	char path[PATH_MAX];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	file = fopen(path, "re");
	group[0] = '\0';
	while (file != NULL && fgets(group, CONF_PATH_SIZE, file) != NULL) {
		if (strncmp(group, "0::/", 4) == 0) {
			group[strcspn(group, "\n")] = '\0';
			memmove(group, group + 3, strlen(group + 3) + 1);
			break;
		}
		group[0] = '\0';
	}
	if (file != NULL)
		(void)fclose(file);
	if (strcmp(group, "/") == 0)
		group[0] = '\0';
}

uint64_t ram_allowed(const char *root)
{
	char group[CONF_PATH_SIZE], path[PATH_MAX], *slash = group;
	uint64_t least, number;

	(void)snprintf(path, sizeof(path), "%s/proc/meminfo", root);
	least = read_number(path, "MemTotal:");
	if (least != UINT64_MAX)
		least = least * 1024 / 2;
	/* Each group up to the root, which in a container is the container's. */
	for (read_group(root, group); slash != NULL;) {
		(void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup%s/memory.max", root, group);
		number = read_number(path, "");
		if (number < least)
			least = number;
		slash = strrchr(group, '/');
		if (slash != NULL)
			*slash = '\0';
	}
	return least;
}
