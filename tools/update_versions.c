/* update_versions.c - one rename after the other. */
#include "tools/update_versions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE (CONF_NAME_SIZE + sizeof(".txt.4294967295"))

/* NAME.txt for 0, NAME.txt.N for others. */
static const char *version_file(char file[FILE_SIZE], const char *name, unsigned n)
{
	if (n == 0)
		(void)snprintf(file, FILE_SIZE, "%s.txt", name);
	else
		(void)snprintf(file, FILE_SIZE, "%s.txt.%u", name, n);
	return file;
}

static const char *other_file(char file[FILE_SIZE], const char *name, const char *ending)
{
	(void)snprintf(file, FILE_SIZE, "%s.%s", name, ending);
	return file;
}

static int sys_error(struct why *why, const char *file)
{
	return why_set(
	    why, errno == ENOENT ? ERR_NOTFOUND : ERR_SYS, "%s: %s", file, strerror(errno));
}

static void move(struct update_store *s, const char *name, unsigned from, unsigned to)
{
	char old[FILE_SIZE], new[FILE_SIZE];

	(void)renameat(
	    s->lists_fd, version_file(old, name, from), s->lists_fd, version_file(new, name, to));
}

/* A second name for the kept copy; where links are not known (FAT), a copy. */
static int copy_kept(struct update_store *s, const char *name, const char *to, struct why *why)
{
	char kept[FILE_SIZE], *text;
	size_t len;
	int err;

	version_file(kept, name, 0);
	if (unlinkat(s->lists_fd, to, 0) != 0 && errno != ENOENT)
		return sys_error(why, to);
	if (linkat(s->lists_fd, kept, s->lists_fd, to, 0) == 0)
		return 0;
	err = update_store_read(s, name, &text, &len, why);
	if (err != 0)
		return err;
	err = update_store_write_at(s->lists_fd, to, text, len, why);
	free(text);
	return err;
}

static void drop_from(struct update_store *s, const char *name, unsigned first)
{
	char file[FILE_SIZE];

	for (unsigned i = first; i < CONF_VERSIONS_MAX; i++)
		unlinkat(s->lists_fd, version_file(file, name, i), 0);
}

void update_versions_shift(struct update_store *s, const char *name, unsigned versions)
{
	char first[FILE_SIZE];

	drop_from(s, name, versions > 1 ? versions - 1 : 1);
	if (versions < 2)
		return;
	for (unsigned i = versions - 1; i > 1; i--)
		move(s, name, i - 1, i);
	if (copy_kept(s, name, version_file(first, name, 1), NULL) != 0)
		unlinkat(s->lists_fd, first, 0);
}

void update_versions_settle(struct update_store *s, const char *name)
{
	char file[FILE_SIZE];

	unlinkat(s->lists_fd, other_file(file, name, "held"), 0);
	unlinkat(s->lists_fd, other_file(file, name, "back"), 0);
}

int update_versions_hold(
    struct update_store *s, const char *name, const char *text, size_t len, struct why *why)
{
	char file[FILE_SIZE];

	other_file(file, name, "held");
	if (update_store_has_at(s->lists_fd, file, text, len))
		return 0;
	return update_store_write_at(s->lists_fd, file, text, len, why);
}

int update_versions_hold_part(
    struct update_store *s, const char *name, const char *part, struct why *why)
{
	char file[FILE_SIZE];

	other_file(file, name, "held");
	if (renameat(s->lists_fd, part, s->lists_fd, file) != 0 || fsync(s->lists_fd) != 0)
		return sys_error(why, file);
	return 0;
}

void update_versions_unhold(struct update_store *s, const char *name)
{
	char file[FILE_SIZE];

	unlinkat(s->lists_fd, other_file(file, name, "held"), 0);
}

bool update_versions_was_left(
    struct update_store *s, const char *name, const char *text, size_t len)
{
	char file[FILE_SIZE];

	return update_store_has_at(s->lists_fd, other_file(file, name, "back"), text, len);
}

/* The first version before the kept copy that is another than it; 0: none. */
static int find_before(struct update_store *s, const char *name, unsigned *found, struct why *why)
{
	char file[FILE_SIZE], *text;
	size_t len;
	int err = update_store_read(s, name, &text, &len, why);

	*found = 0;
	if (err == ERR_NOTFOUND)
		return why_set(why, err, "there is no copy of it yet");
	if (err != 0)
		return err;
	for (unsigned i = 1; i < CONF_VERSIONS_MAX && *found == 0; i++) {
		version_file(file, name, i);
		if (faccessat(s->lists_fd, file, R_OK, 0) == 0 &&
		    !update_store_has_at(s->lists_fd, file, text, len))
			*found = i;
	}
	free(text);
	return 0;
}

int update_versions_roll_back(struct update_store *s, const char *name, struct why *why)
{
	char kept[FILE_SIZE], before[FILE_SIZE], back[FILE_SIZE];
	unsigned n;
	int err = find_before(s, name, &n, why);

	if (err == 0 && n == 0)
		return why_set(why, ERR_NOTFOUND, "no version before is kept of it");
	/* After a second step back it is still the publisher's newest that is not wanted. */
	other_file(back, name, "back");
	if (err == 0 && faccessat(s->lists_fd, back, F_OK, 0) != 0)
		err = copy_kept(s, name, back, why);
	if (err != 0)
		return err;
	version_file(kept, name, 0);
	version_file(before, name, n);
	if (renameat(s->lists_fd, before, s->lists_fd, kept) != 0)
		return sys_error(why, kept);
	for (unsigned i = 1; i < CONF_VERSIONS_MAX; i++) {
		if (i < n) /* the same as what was left */
			unlinkat(s->lists_fd, version_file(before, name, i), 0);
		else if (i > n)
			move(s, name, i, i - n);
	}
	return fsync(s->lists_fd) == 0 ? 0 : sys_error(why, kept);
}

int update_versions_accept(
    struct update_store *s, const char *name, unsigned versions, struct why *why)
{
	char kept[FILE_SIZE], file[FILE_SIZE];

	if (faccessat(s->lists_fd, other_file(file, name, "held"), R_OK, 0) != 0 &&
	    faccessat(s->lists_fd, other_file(file, name, "back"), R_OK, 0) != 0)
		return why_set(why, ERR_NOTFOUND, "no version of it is held");
	update_versions_shift(s, name, versions);
	version_file(kept, name, 0);
	if (renameat(s->lists_fd, file, s->lists_fd, kept) != 0)
		return sys_error(why, kept);
	update_versions_settle(s, name);
	return fsync(s->lists_fd) == 0 ? 0 : sys_error(why, kept);
}
