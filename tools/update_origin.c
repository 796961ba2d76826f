/* update_origin.c - read, changed, written. */
#include "tools/update_origin.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/update_store.h"

/* Where the text beside `path` stands; false: that would be too long. */
static bool text_path(const char *path, char name[CONF_PATH_SIZE])
{
	return snprintf(name, CONF_PATH_SIZE, "%s" ORIGIN_SUFFIX, path) < CONF_PATH_SIZE;
}

/* The text at `name`, the caller's; NULL: none that can be read. */
static char *read_text(int dir_fd, const char *name, size_t *len)
{
	char *text;

	*len = 0;
	return update_store_read_at(dir_fd, name, ORIGIN_TEXT_MAX, &text, len, NULL) == 0 ? text
											  : NULL;
}

void update_origin_read(
    int dir_fd, const char *path, const void *image, size_t len, struct origin *origin)
{
	char name[CONF_PATH_SIZE], *text;
	size_t text_len;
	uint64_t sum;

	origin->n = 0;
	if (!origin_sum(image, len, &sum) || !text_path(path, name))
		return;
	text = read_text(dir_fd, name, &text_len);
	origin_find(text, text_len, sum, origin);
	free(text);
}

int update_origin_write(int dir_fd, const char *path, const void *image, size_t len,
    const struct origin *origin, struct why *why)
{
	char name[CONF_PATH_SIZE], *text, *next = NULL;
	size_t text_len, next_len = 0;
	uint64_t sum;
	int err;

	if (!origin_sum(image, len, &sum))
		return why_set(why, ERR_FORMAT, "%s: this is no image", path);
	if (!text_path(path, name))
		return why_set(why, ERR_RANGE, "the path of the image is too long");
	text = read_text(dir_fd, name, &text_len);
	err = origin_write(origin, sum, text, text_len, &next, &next_len);
	free(text);
	if (err != 0)
		return why_set(why, err, "%s", err_text(err));
	if (!update_store_has_at(dir_fd, name, next, next_len))
		err = update_store_write_at(dir_fd, name, next, next_len, why);
	free(next);
	return err;
}
