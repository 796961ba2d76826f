/* update_part.c - the text of one download. */
#include "tools/update_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "tools/text.h"
#include "tools/update_store.h"

#define FILE_MODE 0644
#define STEP_SIZE 65536 /* bytes compared or copied at a time */

static int sys_error(const struct update_part *p, struct why *why)
{
	return why_set(why, ERR_SYS, "%s.part: %s", p->name, strerror(errno));
}

static void seen_file(const struct update_part *p, char file[UPDATE_PART_FILE_SIZE])
{
	(void)snprintf(file, UPDATE_PART_FILE_SIZE, "%s.part-seen", p->name);
}

void update_part_file(const struct update_part *p, char file[UPDATE_PART_FILE_SIZE])
{
	(void)snprintf(file, UPDATE_PART_FILE_SIZE, "%s.part", p->name);
}

static void open_kept(struct update_part *p)
{
	char file[UPDATE_PART_FILE_SIZE];
	struct stat st;

	(void)snprintf(file, sizeof(file), "%s.txt", p->name);
	p->kept_fd = openat(p->lists_fd, file, O_RDONLY | O_CLOEXEC);
	if (p->kept_fd >= 0 && fstat(p->kept_fd, &st) == 0)
		p->kept_bytes = (uint64_t)st.st_size;
}

void update_part_open(
    struct update_part *p, int lists_fd, const char *name, bool dry, size_t max_bytes)
{
	*p = (struct update_part){.lists_fd = lists_fd,
	    .name = name,
	    .dry = dry,
	    .max_bytes = max_bytes,
	    .kept_fd = -1,
	    .fd = -1};
	if (lists_fd >= 0)
		open_kept(p);
}

static void remove_files(const struct update_part *p)
{
	char file[UPDATE_PART_FILE_SIZE];

	if (p->dry)
		return;
	update_part_file(p, file);
	(void)unlinkat(p->lists_fd, file, 0);
	seen_file(p, file);
	(void)unlinkat(p->lists_fd, file, 0);
}

void update_part_restart(struct update_part *p)
{
	if (p->fd >= 0) {
		close(p->fd);
		remove_files(p);
	}
	p->fd = -1;
	p->bytes = 0;
}

/* ---- the file ---- */

static int open_part(struct update_part *p)
{
	char file[UPDATE_PART_FILE_SIZE];

	if (p->dry) {
		p->fd = open(P_tmpdir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		if (p->fd < 0)
			p->fd = memfd_create("part", MFD_CLOEXEC);
	} else {
		update_part_file(p, file);
		p->fd =
		    openat(p->lists_fd, file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	}
	return p->fd >= 0 ? 0 : ERR_SYS;
}

static int write_part(struct update_part *p, const char *bytes, size_t len, struct why *why)
{
	char file[UPDATE_PART_FILE_SIZE];
	int err;

	update_part_file(p, file);
	err = file_write(p->fd, file, bytes, len, why);
	if (err == 0 && !p->dry)
		update_store_add_written(len);
	return err;
}

/* What has been the same as the kept copy so far. */
static int copy_kept(struct update_part *p, struct why *why)
{
	char bytes[STEP_SIZE];
	uint64_t at = 0;
	int err = 0;

	while (at < p->bytes && err == 0) {
		uint64_t left = p->bytes - at;
		ssize_t n =
		    pread(p->kept_fd, bytes, left < STEP_SIZE ? left : STEP_SIZE, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return sys_error(p, why);
		err = write_part(p, bytes, (size_t)n, why);
		at += (uint64_t)n;
	}
	return err;
}

static int begin_part(struct update_part *p, struct why *why)
{
	char file[UPDATE_PART_FILE_SIZE];
	uint64_t need = p->expected > p->bytes ? p->expected : p->bytes;
	int err = open_part(p);

	if (err != 0)
		return sys_error(p, why);
	update_part_file(p, file);
	err = update_store_check_space(p->fd, file, need, why);
	return err != 0 ? err : copy_kept(p, why);
}

/* How much of bytes[0..len) the kept copy goes on with. */
static size_t same_bytes(const struct update_part *p, const char *bytes, size_t len)
{
	char kept[STEP_SIZE];
	size_t at = 0;

	while (at < len && p->kept_fd >= 0) {
		size_t want = len - at < STEP_SIZE ? len - at : STEP_SIZE;
		ssize_t n = pread(p->kept_fd, kept, want, (off_t)(p->bytes + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || memcmp(kept, bytes + at, (size_t)n) != 0)
			break;
		at += (size_t)n;
	}
	return at;
}

int update_part_take(struct update_part *p, const char *bytes, size_t len, struct why *why)
{
	char max[TEXT_BYTES_SIZE];
	size_t same;
	int err = 0;

	if (len > p->max_bytes - p->bytes)
		return why_set(
		    why, ERR_RANGE, "it is larger than %s", text_bytes(max, p->max_bytes));
	if (p->fd < 0) {
		same = same_bytes(p, bytes, len);
		p->bytes += same;
		bytes += same;
		len -= same;
		if (len > 0)
			err = begin_part(p, why);
	}
	if (err == 0 && len > 0)
		err = write_part(p, bytes, len, why);
	if (err == 0)
		p->bytes += len;
	return err;
}

/* ---- the whole ---- */

bool update_part_is_kept(const struct update_part *p)
{
	return p->fd < 0 && p->kept_fd >= 0 && p->bytes == p->kept_bytes;
}

int update_part_read(const struct update_part *p, char **text, size_t *len, struct why *why)
{
	char file[UPDATE_PART_FILE_SIZE];
	int fd = p->fd >= 0 ? p->fd : p->kept_fd;
	int err;

	if (fd < 0) { /* nothing has come, and nothing was kept */
		*len = 0;
		*text = calloc(1, 1);
		return *text != NULL ? 0 : why_set(why, ERR_NOMEM, "no memory for it");
	}
	update_part_file(p, file);
	if (lseek(fd, 0, SEEK_SET) != 0)
		return sys_error(p, why);
	err = file_read(fd, file, SIZE_MAX / 2, text, len, why);
	if (err == 0 && *len > p->bytes) { /* it is shorter than the kept copy */
		*len = p->bytes;
		(*text)[*len] = '\0';
	}
	return err;
}

int update_part_sync(struct update_part *p, struct why *why)
{
	int err = p->fd < 0 ? begin_part(p, why) : 0;

	if (err == 0 && fsync(p->fd) != 0)
		err = sys_error(p, why);
	return err;
}

int update_part_save(struct update_part *p, struct update_seen *seen, struct why *why)
{
	char file[UPDATE_PART_FILE_SIZE], *text;
	size_t len;
	int err = update_part_sync(p, why);

	if (err == 0)
		err = update_part_read(p, &text, &len, why);
	if (err != 0)
		return err;
	update_seen_bind(seen, text, len);
	free(text);
	seen_file(p, file);
	err = update_seen_write(p->lists_fd, file, seen, why);
	if (err == 0) {
		close(p->fd);
		p->fd = -1;
	}
	return err;
}

bool update_part_resume(struct update_part *p, const char *url, struct update_seen *seen)
{
	char file[UPDATE_PART_FILE_SIZE], *text = NULL;
	size_t len = 0;
	bool fits = false;

	if (p->dry || p->lists_fd < 0)
		return false;
	seen_file(p, file);
	if (update_seen_read(p->lists_fd, file, seen) && strcmp(seen->url, url) == 0 &&
	    update_seen_strong(seen) != NULL) {
		update_part_file(p, file);
		p->fd = openat(p->lists_fd, file, O_RDWR | O_CLOEXEC);
		p->bytes = seen->bytes;
		fits = p->fd >= 0 && seen->bytes <= p->max_bytes &&
		       lseek(p->fd, 0, SEEK_END) == (off_t)seen->bytes &&
		       update_part_read(p, &text, &len, NULL) == 0 &&
		       update_seen_fits(seen, text, len);
		free(text);
	}
	if (fits)
		return true;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->bytes = 0;
	remove_files(p);
	return false;
}

void update_part_close(struct update_part *p)
{
	update_part_restart(p);
	if (p->kept_fd >= 0)
		close(p->kept_fd);
	p->kept_fd = -1;
}
