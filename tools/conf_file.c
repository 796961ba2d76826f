/* conf_file.c - a file that is whole at every moment. */
#include "tools/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/file.h"

#define TEXT_MAX ((size_t)1024 * 1024) /* what conf_read() reads */
#define NEW_MODE 0644
#define SUFFIX	 ".XXXXXX"

static int sys_error(struct why *why, const char *path)
{
	int err = errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_SYS;

	return why_set(why, err, "%s: %s", path, strerror(errno));
}

/* ---- reading ---- */

static int read_text(struct conf_file *f, struct why *why)
{
	int fd = open(f->real, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t len = 0;
	int err = 0;

	if (fd < 0 || fstat(fd, &f->st) != 0)
		err = sys_error(why, f->path);
	else if (!S_ISREG(f->st.st_mode))
		err = why_set(why, ERR_FORMAT, "%s: this is no file that can be replaced", f->path);
	if (err == 0)
		err = file_read(fd, f->path, TEXT_MAX, &f->text, &len, why);
	if (err == 0 && memchr(f->text, '\0', len) != NULL)
		err = why_set(why, ERR_FORMAT, "%s: this is not text", f->path);
	if (fd >= 0)
		(void)close(fd);
	return err;
}

/* A path that leads nowhere is one of a new file, unless it is a link. */
static int open_new(struct conf_file *f, struct why *why)
{
	struct stat st;

	if (lstat(f->path, &st) == 0)
		return why_set(
		    why, ERR_SYS, "%s: this is a symbolic link that leads nowhere", f->path);
	f->real = strdup(f->path);
	f->text = strdup("");
	if (f->real == NULL || f->text == NULL)
		return why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	return 0;
}

static int open_there(struct conf_file *f, struct why *why)
{
	struct conf *conf = NULL;
	int err = conf_read(&conf, f->path, why); /* it says best what is wrong with a file */

	conf_free(conf);
	if (err != 0)
		return err;
	f->exists = true;
	return read_text(f, why);
}

int conf_file_open(struct conf_file *f, const char *path, struct why *why)
{
	int err;

	*f = (struct conf_file){.path = path, .real = realpath(path, NULL)};
	if (f->real != NULL)
		err = open_there(f, why);
	else
		err = errno == ENOENT ? open_new(f, why) : sys_error(why, path);
	if (err != 0)
		conf_file_close(f);
	return err;
}

void conf_file_close(struct conf_file *f)
{
	free(f->real);
	free(f->text);
	*f = (struct conf_file){0};
}

/* ---- writing ---- */

/* Mode and owner of the file that is replaced. */
static int keep_rights(const struct conf_file *f, int fd, struct why *why)
{
	mode_t mode = f->exists ? f->st.st_mode & 07777 : NEW_MODE;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return sys_error(why, f->path);
	if (f->exists && (st.st_uid != f->st.st_uid || st.st_gid != f->st.st_gid) &&
	    fchown(fd, f->st.st_uid, f->st.st_gid) != 0)
		return why_set(why, ERR_DENIED, "%s: it would not keep its owner: %s", f->path,
		    strerror(errno));
	return fchmod(fd, mode) == 0 ? 0 : sys_error(why, f->path);
}

static int write_temp(
    const struct conf_file *f, int fd, const char *temp, const char *text, struct why *why)
{
	struct conf *conf = NULL;
	int err = file_write(fd, temp, text, strlen(text), why);

	if (err == 0)
		err = keep_rights(f, fd, why);
	if (err == 0 && fsync(fd) != 0)
		err = sys_error(why, temp);
	if (err == 0)
		err = conf_read(&conf, temp, why);
	conf_free(conf);
	return err;
}

/* Is the file still the one that was read? */
static int check_unchanged(const struct conf_file *f, struct why *why)
{
	struct stat st;
	bool there = lstat(f->real, &st) == 0;

	if (there == f->exists &&
	    (!there ||
		(st.st_dev == f->st.st_dev && st.st_ino == f->st.st_ino &&
		    st.st_size == f->st.st_size && st.st_mtim.tv_sec == f->st.st_mtim.tv_sec &&
		    st.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec)))
		return 0;
	return why_set(why, ERR_TAKEN,
	    "%s: somebody else has just changed it; nothing is written, try again", f->path);
}

/* Best effort: the new file is in its place already. */
static void sync_folder(char *path)
{
	int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	(void)close(fd);
}

int conf_file_replace(struct conf_file *f, const char *text, struct why *why)
{
	size_t size = strlen(f->real) + sizeof(SUFFIX);
	char *temp = malloc(size);
	int fd = -1, err;

	if (temp == NULL)
		return why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	(void)snprintf(temp, size, "%s" SUFFIX, f->real);
	/* Where the folder may be written, rename() would replace a file that may not. */
	if (f->exists && access(f->real, W_OK) != 0) {
		err = sys_error(why, f->path);
		goto out;
	}
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		err = why_set(why, errno == EACCES ? ERR_DENIED : ERR_SYS,
		    "%s: no file can be made beside it: %s", f->path, strerror(errno));
		goto out;
	}
	err = write_temp(f, fd, temp, text, why);
	if (err == 0)
		err = check_unchanged(f, why);
	if (err == 0 && rename(temp, f->real) != 0)
		err = sys_error(why, f->path);
	if (err != 0)
		(void)unlink(temp);
	else
		sync_folder(temp);
out:
	if (fd >= 0)
		(void)close(fd);
	free(temp);
	return err;
}
