/* file.c - read(2) and write(2) to the end. */
#include "lib/file.h"

#include <errno.h>
#include <stdint.h>
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

/* Read on to the end.  *len bytes are in *text, of *size; on failure they are still the
 * caller's. */
static int read_all(int fd, size_t max, char **text, size_t *len, size_t *size)
{
	for (;;) {
		ssize_t n;

		if (*size - *len < 2) {
			size_t larger = *size + *size / 2;
			char *p = realloc(*text, larger);

			if (p == NULL)
				return ERR_NOMEM;
			*text = p;
			*size = larger;
		}
		n = read(fd, *text + *len, *size - *len - 1);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_SYS;
		*len += (size_t)n;
		if (*len > max)
			return ERR_RANGE;
	}
}

int file_read(int fd, const char *name, size_t max, char **text, size_t *len, struct why *why)
{
	size_t size = first_size(fd, max), n = 0;
	char *bytes = malloc(size);
	int err = bytes != NULL ? read_all(fd, max, &bytes, &n, &size) : ERR_NOMEM;

	switch (err) {
	case 0:
		bytes[n] = '\0';
		*text = bytes;
		*len = n;
		return 0;
	case ERR_SYS:
		why_set(why, err, "%s: %s", name, strerror(errno));
		break;
	case ERR_RANGE:
		why_set(why, err, "%s: longer than %zu bytes", name, max);
		break;
	default:
		why_set(why, err, "%s: no memory to read it", name);
		break;
	}
	free(bytes);
	return err;
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
