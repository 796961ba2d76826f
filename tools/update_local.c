/* update_local.c - files, one or many. */
#include "tools/update_local.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/text.h"
#include "tools/update_store.h"

bool update_local_path(const char *url, char path[CONF_PATH_SIZE])
{
	CURLU *u;
	char *found = NULL;
	bool fits = false;

	if (strncasecmp(url, "file:", 5) != 0)
		return false;
	u = curl_url();
	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PATH, &found, CURLU_URLDECODE) == CURLUE_OK)
		fits = snprintf(path, CONF_PATH_SIZE, "%s", found) < CONF_PATH_SIZE;
	if (!fits)
		path[0] = '\0';
	curl_free(found);
	curl_url_cleanup(u);
	return true;
}

static int too_large(size_t max, struct why *why)
{
	char text[TEXT_BYTES_SIZE];

	return why_set(why, ERR_RANGE, "it is larger than %s", text_bytes(text, max));
}

static int sys_error(const char *path, struct why *why)
{
	return why_set(
	    why, errno == ENOENT ? ERR_NOTFOUND : ERR_SYS, "%s: %s", path, strerror(errno));
}

static int is_shown(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Texts one behind the other. */
struct pile {
	struct file_buffer one;
	char *text;
	size_t len, max;
};

static int add_file(struct pile *p, int dir_fd, const char *name, struct why *why)
{
	size_t len;
	char *longer;
	int err = update_store_read_into(&p->one, dir_fd, name, p->max - p->len, &len, why);

	if (err == ERR_RANGE)
		return too_large(p->max, why);
	if (err != 0 || len == 0)
		return err;
	longer = realloc(p->text, p->len + len + 2);
	if (longer == NULL)
		return why_set(why, ERR_NOMEM, "no memory for it");
	p->text = longer;
	memcpy(p->text + p->len, p->one.bytes, len);
	p->len += len;
	if (p->text[p->len - 1] != '\n' && p->len < p->max)
		p->text[p->len++] = '\n';
	p->text[p->len] = '\0';
	return 0;
}

static int add_regular(struct pile *p, int dir_fd, const char *name, struct why *why)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, 0) != 0)
		return sys_error(name, why);
	return S_ISREG(st.st_mode) ? add_file(p, dir_fd, name, why) : 0;
}

static int read_folder(const char *path, size_t max, char **text, size_t *len, struct why *why)
{
	int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct pile pile = {.text = calloc(1, 1), .max = max};
	struct dirent **entries = NULL;
	int err = 0, n = dir_fd < 0 ? -1 : scandirat(dir_fd, ".", &entries, is_shown, by_bytes);

	if (pile.text == NULL)
		err = why_set(why, ERR_NOMEM, "no memory for it");
	else if (n < 0)
		err = sys_error(path, why);
	for (int i = 0; i < n; i++) {
		struct why reason;

		if (err == 0) {
			err = add_regular(&pile, dir_fd, entries[i]->d_name, &reason);
			if (err == ERR_RANGE)
				why_set(why, err, "%s", reason.text);
			else if (err != 0)
				why_set(why, err, "%s/%s", path, reason.text);
		}
		free(entries[i]);
	}
	free(entries);
	free(pile.one.bytes);
	if (dir_fd >= 0)
		close(dir_fd);
	if (err != 0) {
		free(pile.text);
		return err;
	}
	*text = pile.text;
	*len = pile.len;
	return 0;
}

int update_local_read(const char *path, size_t max, char **text, size_t *len, struct why *why)
{
	struct stat st;
	int err;

	if (stat(path, &st) != 0)
		return sys_error(path, why);
	if (S_ISDIR(st.st_mode))
		return read_folder(path, max, text, len, why);
	if (!S_ISREG(st.st_mode)) /* a pipe that nobody writes to has no end */
		return why_set(why, ERR_FORMAT, "%s: neither a file nor a folder", path);
	err = update_store_read_at(AT_FDCWD, path, max, text, len, why);
	return err == ERR_RANGE ? too_large(max, why) : err;
}
