/* file.c - read(2) and write(2) to the end, and rename(2) over what was there. */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP ((size_t)64 << 10) /* bytes of room at least, for a file whose size is unknown */

/* The room to begin with: a regular file's size, its NUL, and a byte more to see its end. */
static size_t first_size(int fd, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		return READ_STEP;
	return (uintmax_t)st.st_size < max ? (size_t)st.st_size + 2 : max + 2;
}

/* Make room for `size` bytes; of what is in it nothing is kept. */
static int make_room(struct file_buffer *b, size_t size)
{
	if (b->bytes != NULL && b->size >= size)
		return 0;
	free(b->bytes);
	b->bytes = malloc(size);
	b->size = b->bytes != NULL ? size : 0;
	return b->bytes != NULL ? 0 : ERR_NOMEM;
}

/* More room behind the first `len` bytes, which stay. */
static int grow(struct file_buffer *b, size_t len)
{
	size_t larger = b->size + b->size / 2;
	char *bytes = malloc(larger);

	if (bytes == NULL)
		return ERR_NOMEM;
	memcpy(bytes, b->bytes, len);
	free(b->bytes);
	b->bytes = bytes;
	b->size = larger;
	return 0;
}

static int read_all(struct file_buffer *b, int fd, size_t max, size_t *len)
{
	int err = make_room(b, first_size(fd, max));

	*len = 0;
	while (err == 0) {
		ssize_t n;

		if (b->size - *len < 2) {
			err = grow(b, *len);
			continue;
		}
		n = read(fd, b->bytes + *len, b->size - *len - 1);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_SYS;
		*len += (size_t)n;
		if (*len > max)
			return ERR_RANGE;
	}
	if (err == 0)
		b->bytes[*len] = '\0';
	return err;
}

int file_read_into(
    struct file_buffer *buffer, int fd, const char *name, size_t max, size_t *len, struct why *why)
{
	int err = read_all(buffer, fd, max, len);

	switch (err) {
	case 0:
		return 0;
	case ERR_SYS:
		return why_set(why, err, "%s: %s", name, strerror(errno));
	case ERR_RANGE:
		return why_set(why, err, "%s: longer than %zu bytes", name, max);
	default:
		return why_set(why, err, "%s: no memory to read it", name);
	}
}

int file_read(int fd, const char *name, size_t max, char **text, size_t *len, struct why *why)
{
	struct file_buffer buffer = {NULL, 0};
	size_t n;
	int err = file_read_into(&buffer, fd, name, max, &n, why);

	if (err != 0) {
		free(buffer.bytes);
		return err;
	}
	*text = buffer.bytes;
	*len = n;
	return 0;
}

int file_write(int fd, const char *name, const void *bytes, size_t len, struct why *why)
{
	const char *p = bytes;

	while (len != 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why_set(why, ERR_SYS, "%s: %s", name, strerror(errno));
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sys_error(const char *path, struct why *why)
{
	return why_set(why, ERR_SYS, "%s: %s", path, strerror(errno));
}

void file_sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd;

	(void)snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
	    slash == NULL ? "." : path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	(void)close(fd);
}

/* A new file, and nothing that stood there before: not a link, not one that others have open. */
static int create(const char *path, mode_t mode, const void *bytes, size_t len, struct why *why)
{
	int err, fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return sys_error(path, why);
	err = file_write(fd, path, bytes, len, why);
	if (err == 0 && fsync(fd) != 0)
		err = sys_error(path, why);
	if (close(fd) != 0 && err == 0)
		err = sys_error(path, why);
	return err;
}

int file_replace(const char *path, mode_t mode, const void *bytes, size_t len, struct why *why)
{
	char temp[PATH_MAX];
	int err;

	if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return why_set(why, ERR_SYS, "%s: %s", path, strerror(ENAMETOOLONG));
	err = create(temp, mode, bytes, len, why);
	if (err == 0 && rename(temp, path) != 0)
		err = sys_error(path, why);
	if (err == 0)
		file_sync_folder(path);
	else
		(void)unlink(temp);
	return err;
}
