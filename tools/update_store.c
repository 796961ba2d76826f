/* update_store.c - files that are whole or not there. */
#include "tools/update_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "blocklists/compile.h"
#include "blocklists/format.h"
#include "blocklists/verify.h"
#include "lib/file.h"
#include "tools/text.h"

#define FILE_MODE 0644
#define DIR_MODE  0755

#define IMAGE	      "image"
#define IMAGE_TEMP    "image.tmp"
#define PREVIOUS      "image.previous"
#define PREVIOUS_TEMP "image.previous.tmp"
#define LOCK	      "update.lock"

static int sys_error(struct why *why, const char *what)
{
	why_set(why, ERR_SYS, "%s: %s", what, strerror(errno));
	return ERR_SYS;
}

/* ---- one file ---- */

static int open_to_read(int dir_fd, const char *name, int *fd, struct why *why)
{
	/* In our own folders nobody waits for the other end of a pipe; what a user names may be one. */
	*fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | (dir_fd != AT_FDCWD ? O_NONBLOCK : 0));
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT || errno == EBADF)
		return why_set(why, ERR_NOTFOUND, "%s: %s", name, strerror(ENOENT));
	return sys_error(why, name);
}

int update_store_read_at(
    int dir_fd, const char *name, size_t max, char **text, size_t *len, struct why *why)
{
	int fd, err = open_to_read(dir_fd, name, &fd, why);

	if (err != 0)
		return err;
	err = file_read(fd, name, max, text, len, why);
	close(fd);
	return err;
}

int update_store_read_into(struct file_buffer *buffer, int dir_fd, const char *name, size_t max,
    size_t *len, struct why *why)
{
	int fd, err = open_to_read(dir_fd, name, &fd, why);

	if (err != 0)
		return err;
	err = file_read_into(buffer, fd, name, max, len, why);
	close(fd);
	return err;
}

static uint64_t n_written;

uint64_t update_store_written(void)
{
	return n_written;
}

void update_store_add_written(uint64_t bytes)
{
	n_written += bytes;
}

static uint64_t n_reserved;

void update_store_reserve(uint64_t bytes)
{
	n_reserved += bytes;
}

void update_store_release(uint64_t bytes)
{
	n_reserved -= bytes < n_reserved ? bytes : n_reserved;
}

int update_store_check_space(int fd, const char *name, uint64_t need, struct why *why)
{
	char need_text[TEXT_BYTES_SIZE], free_text[TEXT_BYTES_SIZE];
	struct statvfs fs;
	uint64_t available;

	if (fstatvfs(fd, &fs) != 0 || fs.f_blocks == 0) /* some network file systems do not tell */
		return 0;
	available = (uint64_t)fs.f_bavail * fs.f_frsize;
	available -= n_reserved < available ? n_reserved : available;
	if (need <= available)
		return 0;
	return why_set(why, ERR_SYS, "%s: %s: %s are needed, %s are free", name, strerror(ENOSPC),
	    text_bytes(need_text, need), text_bytes(free_text, available));
}

/* After an error the file is gone. */
static int write_temp(int dir_fd, const char *temp, const void *bytes, size_t len, struct why *why)
{
	int fd =
	    openat(dir_fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	int err;

	if (fd < 0)
		return sys_error(why, temp);
	err = update_store_check_space(fd, temp, len, why);
	if (err == 0)
		err = file_write(fd, temp, bytes, len, why);
	if (err == 0 && fsync(fd) != 0)
		err = sys_error(why, temp);
	if (close(fd) != 0 && err == 0)
		err = sys_error(why, temp);
	if (err != 0)
		unlinkat(dir_fd, temp, 0);
	else
		update_store_add_written(len);
	return err;
}

static int rename_temp(int dir_fd, const char *temp, const char *name, struct why *why)
{
	if (renameat(dir_fd, temp, dir_fd, name) == 0)
		return 0;
	sys_error(why, name);
	unlinkat(dir_fd, temp, 0);
	return ERR_SYS;
}

int update_store_write_at(
    int dir_fd, const char *name, const void *bytes, size_t len, struct why *why)
{
	char temp[FILENAME_MAX];
	int err;

	(void)snprintf(temp, sizeof(temp), "%s.tmp", name);
	err = write_temp(dir_fd, temp, bytes, len, why);
	if (err == 0)
		err = rename_temp(dir_fd, temp, name, why);
	if (err == 0 && dir_fd == AT_FDCWD)
		file_sync_folder(name);
	else if (err == 0 && fsync(dir_fd) != 0)
		err = sys_error(why, name);
	return err;
}

/* Has the file behind `fd` these bytes, and no others? */
static bool has_bytes(int fd, const char *text, size_t len)
{
	static char bytes[1 << 16];
	size_t at = 0;

	for (;;) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 && at == len;
		if ((size_t)n > len - at || memcmp(text + at, bytes, (size_t)n) != 0)
			return false;
		at += (size_t)n;
	}
}

bool update_store_has_at(int dir_fd, const char *name, const void *bytes, size_t len)
{
	bool same;
	int fd;

	if (open_to_read(dir_fd, name, &fd, NULL) != 0)
		return false;
	same = has_bytes(fd, bytes, len);
	close(fd);
	return same;
}

static int write_image_temp(
    int dir_fd, const char *temp, const uint8_t *image, size_t len, struct why *why)
{
	int err = write_temp(dir_fd, temp, image, len, why);

	if (err != 0)
		return err;
	/* What the disk now has is what was meant. */
	if (update_store_has_at(dir_fd, temp, image, len))
		return 0;
	unlinkat(dir_fd, temp, 0);
	return why_set(why, ERR_FORMAT, "%s: reads back other than it was written", temp);
}

int update_store_write_image(const char *path, const uint8_t *image, size_t len, struct why *why)
{
	char temp[CONF_PATH_SIZE];
	int err;

	if (snprintf(temp, sizeof(temp), "%s.tmp", path) >= (int)sizeof(temp))
		return why_set(why, ERR_RANGE, "%s: the path is too long", path);
	err = write_image_temp(AT_FDCWD, temp, image, len, why);
	if (err == 0)
		err = rename_temp(AT_FDCWD, temp, path, why);
	if (err == 0)
		file_sync_folder(path);
	return err;
}

/* ---- the folder ---- */

static int make_dir(const char *dir, struct why *why)
{
	char path[CONF_PATH_SIZE];

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return why_set(why, ERR_RANGE, "%s: the path is too long", dir);
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(path, DIR_MODE); /* the last one tells */
		*p = '/';
	}
	if (mkdir(path, DIR_MODE) != 0 && errno != EEXIST)
		return sys_error(why, dir);
	return 0;
}

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The lock of flock(2) holds between any two openers; the other one, which goes with it, is there
 * to be asked for its process. */
static pid_t holder_of(int lock_fd)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(lock_fd, F_GETLK, &all) != 0 || all.l_type == F_UNLCK)
		return 0;
	return all.l_pid;
}

static int lock(struct update_store *s, struct why *why)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat st;
	pid_t holder;

	s->lock_fd = openat(s->dir_fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (s->lock_fd < 0)
		return why_set(why, ERR_SYS, "%s/" LOCK ": %s", s->dir, strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return why_set(why, ERR_SYS, "%s/" LOCK ": %s", s->dir, strerror(errno));
		holder = holder_of(s->lock_fd);
		if (holder == 0)
			return why_set(why, ERR_TAKEN, "%s: another run holds the lock", s->dir);
		return why_set(why, ERR_TAKEN, "%s: another run holds the lock: process %ld",
		    s->dir, (long)holder);
	}
	(void)fcntl(s->lock_fd, F_SETLK, &all);
	s->interrupted = fstat(s->lock_fd, &st) == 0 && st.st_size != 0;
	return 0;
}

/* From here on the folder may have what quelld has not: a byte in the lock says so until
 * update_store_close().  Nothing is written where it is there already. */
static int mark(const struct update_store *s, struct why *why)
{
	struct stat st;

	if (fstat(s->lock_fd, &st) == 0 && st.st_size != 0)
		return 0;
	if (pwrite(s->lock_fd, "!\n", 2, 0) != 2 || fsync(s->lock_fd) != 0)
		return sys_error(why, LOCK);
	update_store_add_written(2);
	return 0;
}

static bool is_temp(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".tmp") == 0;
}

static void remove_temps(struct update_store *s)
{
	DIR *dir;
	int fd;

	unlinkat(s->dir_fd, IMAGE_TEMP, 0);
	unlinkat(s->dir_fd, PREVIOUS_TEMP, 0);
	fd = open_dir(s->lists_fd, ".");
	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (is_temp(e->d_name))
			unlinkat(s->lists_fd, e->d_name, 0);
	}
	closedir(dir);
}

static int open_folders(struct update_store *s, struct why *why)
{
	int err = make_dir(s->dir, why);

	if (err != 0)
		return err;
	s->dir_fd = open_dir(AT_FDCWD, s->dir);
	if (s->dir_fd < 0)
		return sys_error(why, s->dir);
	err = lock(s, why);
	if (err != 0)
		return err;
	if (mkdirat(s->dir_fd, "lists", DIR_MODE) != 0 && errno != EEXIST)
		return why_set(why, ERR_SYS, "%s/lists: %s", s->dir, strerror(errno));
	s->lists_fd = open_dir(s->dir_fd, "lists");
	if (s->lists_fd < 0)
		return why_set(why, ERR_SYS, "%s/lists: %s", s->dir, strerror(errno));
	return 0;
}

int update_store_open(struct update_store *s, const char *dir, struct why *why)
{
	struct stat st;
	int err;

	*s = (struct update_store){.dir = dir, .dir_fd = -1, .lists_fd = -1, .lock_fd = -1};
	err = open_folders(s, why);
	if (err != 0) {
		update_store_close(s, false);
		return err;
	}
	remove_temps(s);
	if (fstatat(s->dir_fd, IMAGE, &st, 0) == 0)
		update_store_reserve((uint64_t)st.st_size);
	return 0;
}

void update_store_look(struct update_store *s, const char *dir)
{
	*s = (struct update_store){.dir = dir, .lists_fd = -1, .lock_fd = -1};
	s->dir_fd = open_dir(AT_FDCWD, dir);
	if (s->dir_fd >= 0)
		s->lists_fd = open_dir(s->dir_fd, "lists");
}

void update_store_close(struct update_store *s, bool done)
{
	struct stat st;

	if (s->lists_fd >= 0)
		close(s->lists_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	if (s->lock_fd >= 0) {
		if (done && fstat(s->lock_fd, &st) == 0 && st.st_size != 0 &&
		    ftruncate(s->lock_fd, 0) != 0)
			s->interrupted = true;
		close(s->lock_fd);
	}
	s->dir_fd = s->lists_fd = s->lock_fd = -1;
	update_store_release(UINT64_MAX);
}

/* ---- lists ---- */

#define LIST_FILE_SIZE (CONF_NAME_SIZE + sizeof(".txt.tmp"))

int update_store_read(
    struct update_store *s, const char *name, char **text, size_t *len, struct why *why)
{
	char file[LIST_FILE_SIZE];

	snprintf(file, sizeof(file), "%s.txt", name);
	return update_store_read_at(s->lists_fd, file, COMPILE_TEXT_MAX, text, len, why);
}

bool update_store_has(struct update_store *s, const char *name, const char *text, size_t len)
{
	char file[LIST_FILE_SIZE];

	snprintf(file, sizeof(file), "%s.txt", name);
	return update_store_has_at(s->lists_fd, file, text, len);
}

int update_store_keep(
    struct update_store *s, const char *name, const char *text, size_t len, struct why *why)
{
	char file[LIST_FILE_SIZE];

	snprintf(file, sizeof(file), "%s.txt", name);
	return update_store_write_at(s->lists_fd, file, text, len, why);
}

int update_store_adopt(struct update_store *s, const char *name, const char *part, struct why *why)
{
	char file[LIST_FILE_SIZE];

	snprintf(file, sizeof(file), "%s.txt", name);
	if (renameat(s->lists_fd, part, s->lists_fd, file) != 0 || fsync(s->lists_fd) != 0)
		return sys_error(why, file);
	return 0;
}

/* ---- the image ---- */

/* Is the file as long as the image in it says?  A damaged one may be of any length. */
static bool is_whole(int fd)
{
	uint8_t header[FORMAT_HEADER];
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
	       compile_is_image(header, sizeof(header)) &&
	       format_get_u64(header + FORMAT_AT_LEN) == (uint64_t)st.st_size;
}

char *update_store_present(struct update_store *s, size_t *len)
{
	char *bytes = NULL;
	int fd;

	*len = 0;
	if (open_to_read(s->dir_fd, IMAGE, &fd, NULL) != 0)
		return NULL;
	if (!is_whole(fd) || file_read(fd, IMAGE, SIZE_MAX / 2, &bytes, len, NULL) != 0)
		bytes = NULL;
	close(fd);
	return bytes;
}

bool update_store_has_image(struct update_store *s, const uint8_t *image, size_t len)
{
	return update_store_has_at(s->dir_fd, IMAGE, image, len);
}

/* `image` keeps its name all the time: a second name is made for the file, and that is renamed. */
static int keep_previous(struct update_store *s, const char *present, size_t len, struct why *why)
{
	int err = 0;

	if (linkat(s->dir_fd, IMAGE, s->dir_fd, PREVIOUS_TEMP, 0) != 0) /* FAT has no links */
		err = write_temp(s->dir_fd, PREVIOUS_TEMP, present, len, why);
	if (err == 0)
		err = rename_temp(s->dir_fd, PREVIOUS_TEMP, PREVIOUS, why);
	/* Where both were names of one file already, rename(2) does nothing and leaves both. */
	unlinkat(s->dir_fd, PREVIOUS_TEMP, 0);
	return err;
}

int update_store_install(struct update_store *s, const uint8_t *image, size_t len, struct why *why)
{
	size_t present_len;
	char *present = NULL;
	int err = verify_image(image, len, why);

	update_store_release(UINT64_MAX);
	if (err == 0)
		err = write_image_temp(s->dir_fd, IMAGE_TEMP, image, len, why);
	if (err != 0)
		return err;
	present = update_store_present(s, &present_len);
	if (present != NULL && (present_len != len || memcmp(present, image, len) != 0) &&
	    verify_image(present, present_len, NULL) == 0)
		err = keep_previous(s, present, present_len, why);
	free(present);
	if (err != 0) {
		unlinkat(s->dir_fd, IMAGE_TEMP, 0);
		return err;
	}
	err = mark(s, why);
	if (err == 0)
		err = rename_temp(s->dir_fd, IMAGE_TEMP, IMAGE, why);
	else
		unlinkat(s->dir_fd, IMAGE_TEMP, 0);
	if (err == 0 && fsync(s->dir_fd) != 0)
		err = sys_error(why, s->dir);
	return err;
}
