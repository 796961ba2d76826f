/* update_part.c - the text of one download. */
#include "tools/update_part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "tools/text.h"
#include "tools/update_store.h"

#define FILE_MODE 0644
#define STEP_SIZE 65536 /* bytes compared or copied at a time */
#define ROOM_STEP 65536 /* room that is asked for at a time, where no size was announced */
/* A part below this is sent again as soon as gone on with. */
#define NOTE_BYTES ((uint64_t)256 << 10)

static const char part_ending[] = ".part", seen_ending[] = ".part-seen";

static int sys_error(const struct update_part *p, struct why *why)
{
	return why_set(why, ERR_SYS, "%s%s: %s", p->name, part_ending, strerror(errno));
}

static void seen_file(const struct update_part *p, char file[UPDATE_PART_FILE_SIZE])
{
	(void)snprintf(file, UPDATE_PART_FILE_SIZE, "%s%s", p->name, seen_ending);
}

void update_part_file(const struct update_part *p, char file[UPDATE_PART_FILE_SIZE])
{
	(void)snprintf(file, UPDATE_PART_FILE_SIZE, "%s%s", p->name, part_ending);
}

void update_part_here(enum update_here which, const char *name, char file[UPDATE_PART_FILE_SIZE])
{
	static const char *const endings[UPDATE_HERES] = {
	    [UPDATE_HERE_KEPT] = "txt",
	    [UPDATE_HERE_HELD] = "held",
	    [UPDATE_HERE_BACK] = "back",
	};

	(void)snprintf(file, UPDATE_PART_FILE_SIZE, "%s.%s", name, endings[which]);
}

static void open_base(struct update_part *p, enum update_here which)
{
	struct update_base *base = &p->bases[which];
	char file[UPDATE_PART_FILE_SIZE];
	struct stat st;

	update_part_here(which, p->name, file);
	base->fd = openat(p->lists_fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (base->fd >= 0 && fstat(base->fd, &st) == 0)
		base->bytes = (uint64_t)st.st_size;
}

void update_part_open(
    struct update_part *p, int lists_fd, const char *name, bool dry, size_t max_bytes)
{
	*p = (struct update_part){
	    .lists_fd = lists_fd, .name = name, .dry = dry, .max_bytes = max_bytes, .fd = -1};
	for (unsigned i = 0; i < UPDATE_HERES; i++) {
		p->bases[i].fd = -1;
		if (lists_fd >= 0)
			open_base(p, i);
	}
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

static void close_part(struct update_part *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	update_store_release(p->reserved + p->growth);
	p->reserved = p->growth = 0;
}

void update_part_restart(struct update_part *p)
{
	if (p->fd >= 0)
		remove_files(p);
	close_part(p);
	p->bytes = 0;
	p->is_noted = false;
	for (unsigned i = 0; i < UPDATE_HERES; i++)
		p->bases[i].differs = false;
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
		p->fd = openat(p->lists_fd, file,
		    O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	}
	return p->fd >= 0 ? 0 : ERR_SYS;
}

/* Room for `len` bytes more, and all that is to come behind them; and for what they may add to the
 * image: about half of what a text grows by, since an image is denser. */
static int make_room(struct update_part *p, uint64_t len, struct why *why)
{
	char file[UPDATE_PART_FILE_SIZE];
	uint64_t rest = p->expected > p->bytes ? p->expected - p->bytes : 0;
	uint64_t step = p->expected != 0 ? rest : ROOM_STEP;
	uint64_t kept = p->bases[UPDATE_HERE_KEPT].bytes, after, more = 0;
	int err;

	if (p->dry || len <= p->reserved)
		return 0;
	if (step < len)
		step = len;
	after = p->bytes + step;
	if (after > kept)
		more = (after - kept < step ? after - kept : step) / 2;
	update_part_file(p, file);
	err = update_store_check_space(p->fd, file, step + more, why);
	if (err != 0)
		return err;
	update_store_release(p->reserved);
	p->reserved = step;
	p->growth += more;
	update_store_reserve(step + more);
	return 0;
}

static int write_part(struct update_part *p, const char *bytes, size_t len, struct why *why)
{
	char file[UPDATE_PART_FILE_SIZE];
	int err = make_room(p, len, why);

	update_part_file(p, file);
	if (err == 0)
		err = file_write(p->fd, file, bytes, len, why);
	if (err == 0 && !p->dry) {
		update_store_add_written(len);
		update_store_release(len);
		p->reserved -= len;
	}
	return err;
}

/* A text that is here and has been the same so far, or NULL. */
static const struct update_base *same_base(const struct update_part *p)
{
	for (unsigned i = 0; i < UPDATE_HERES; i++) {
		if (p->bases[i].fd >= 0 && !p->bases[i].differs && p->bases[i].bytes >= p->bytes)
			return &p->bases[i];
	}
	return NULL;
}

static int copy_base(struct update_part *p, const struct update_base *base, struct why *why)
{
	char bytes[STEP_SIZE];
	uint64_t at = 0;
	int err = 0;

	while (at < p->bytes && err == 0) {
		uint64_t left = p->bytes - at;
		ssize_t n =
		    pread(base->fd, bytes, left < STEP_SIZE ? (size_t)left : STEP_SIZE, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return sys_error(p, why);
		err = write_part(p, bytes, (size_t)n, why);
		at += (uint64_t)n;
	}
	return err;
}

/* On the disk, with what has been the same as `base` so far (NULL: nothing has come). */
static int begin_part(struct update_part *p, const struct update_base *base, struct why *why)
{
	int err = open_part(p);

	if (err != 0)
		return sys_error(p, why);
	err = make_room(p, p->expected > p->bytes ? p->expected : p->bytes, why);
	return err != 0 || base == NULL ? err : copy_base(p, base, why);
}

/* How much of bytes[0..len) `base` goes on with. */
static size_t same_bytes(
    const struct update_part *p, const struct update_base *base, const char *bytes, size_t len)
{
	char found[STEP_SIZE];
	size_t at = 0;

	while (at < len && base->fd >= 0 && !base->differs) {
		size_t want = len - at < STEP_SIZE ? len - at : STEP_SIZE;
		ssize_t n = pread(base->fd, found, want, (off_t)(p->bytes + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || memcmp(found, bytes + at, (size_t)n) != 0)
			break;
		at += (size_t)n;
	}
	return at;
}

/* While nothing is on the disk: pass over what is here already.  Returns how much that is of
 * bytes[0..len); where it is not all, the part is to be begun with that of `base`. */
static size_t pass_over(
    struct update_part *p, const char *bytes, size_t len, const struct update_base **base)
{
	size_t same[UPDATE_HERES], most = 0;

	*base = NULL;
	for (unsigned i = 0; i < UPDATE_HERES; i++) {
		same[i] = same_bytes(p, &p->bases[i], bytes, len);
		if (p->bases[i].fd >= 0 && !p->bases[i].differs &&
		    (*base == NULL || same[i] > most)) {
			*base = &p->bases[i];
			most = same[i];
		}
	}
	for (unsigned i = 0; i < UPDATE_HERES; i++)
		p->bases[i].differs = p->bases[i].differs || same[i] < len;
	p->bytes += most;
	return most;
}

int update_part_take(struct update_part *p, const char *bytes, size_t len, struct why *why)
{
	const struct update_base *base;
	char max[TEXT_BYTES_SIZE];
	size_t same;
	int err = 0;

	if (len > p->max_bytes - p->bytes)
		return why_set(
		    why, ERR_RANGE, "it is larger than %s", text_bytes(max, p->max_bytes));
	if (p->fd < 0) {
		same = pass_over(p, bytes, len, &base);
		bytes += same;
		len -= same;
		if (len > 0)
			err = begin_part(p, base, why);
	}
	if (err == 0 && len > 0)
		err = write_part(p, bytes, len, why);
	if (err == 0)
		p->bytes += len;
	return err;
}

/* ---- the whole ---- */

bool update_part_is(const struct update_part *p, enum update_here which)
{
	const struct update_base *base = &p->bases[which];

	return p->fd < 0 && base->fd >= 0 && !base->differs && p->bytes == base->bytes;
}

void update_part_set(struct update_part *p, enum update_here which)
{
	update_part_restart(p);
	p->bytes = p->bases[which].bytes;
	for (unsigned i = 0; i < UPDATE_HERES; i++)
		p->bases[i].differs = i != which;
}

int update_part_read(const struct update_part *p, char **text, size_t *len, struct why *why)
{
	const struct update_base *base = same_base(p);
	char file[UPDATE_PART_FILE_SIZE];
	int fd = p->fd >= 0 || base == NULL ? p->fd : base->fd;
	int err;

	if (fd < 0) { /* nothing has come, and nothing is here */
		*len = 0;
		*text = calloc(1, 1);
		return *text != NULL ? 0 : why_set(why, ERR_NOMEM, "no memory for it");
	}
	update_part_file(p, file);
	if (lseek(fd, 0, SEEK_SET) != 0)
		return sys_error(p, why);
	err = file_read(fd, file, SIZE_MAX / 2, text, len, why);
	if (err == 0 && *len > p->bytes) { /* it is shorter than what is here */
		*len = (size_t)p->bytes;
		(*text)[*len] = '\0';
	}
	return err;
}

int update_part_sync(struct update_part *p, struct why *why)
{
	int err = p->fd < 0 ? begin_part(p, same_base(p), why) : 0;

	if (err == 0 && fsync(p->fd) != 0)
		err = sys_error(p, why);
	if (err == 0)
		p->growth = 0; /* which stays set aside, for the image */
	return err;
}

void update_part_note(struct update_part *p, const struct update_seen *seen)
{
	struct update_seen noted = *seen;
	char file[UPDATE_PART_FILE_SIZE];

	if (p->is_noted || p->dry || p->fd < 0 || p->bytes < NOTE_BYTES)
		return;
	p->is_noted = true; /* or cannot be: then it begins anew */
	clock_boot(noted.boot);
	seen_file(p, file);
	if (noted.boot[0] == '\0' || update_seen_write(p->lists_fd, file, &noted, NULL) != 0)
		(void)unlinkat(p->lists_fd, file, 0);
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
	if (err == 0)
		close_part(p);
	return err;
}

/* Is the part that is there the one of which `seen` was saved?  Or, where the run that wrote it was
 * killed: was it written since this machine was started, so that nothing of it is lost? */
static bool is_whole(struct update_part *p, const struct update_seen *seen)
{
	char boot[CLOCK_BOOT_SIZE], *text;
	off_t size = lseek(p->fd, 0, SEEK_END);
	size_t len;
	bool fits;

	if (size < 0 || (uint64_t)size > p->max_bytes)
		return false;
	p->bytes = (uint64_t)size;
	if (seen->boot[0] != '\0') {
		clock_boot(boot);
		return strcmp(seen->boot, boot) == 0;
	}
	if (seen->bytes != p->bytes || update_part_read(p, &text, &len, NULL) != 0)
		return false;
	fits = update_seen_fits(seen, text, len);
	free(text);
	return fits;
}

bool update_part_resume(struct update_part *p, const char *url, struct update_seen *seen)
{
	char file[UPDATE_PART_FILE_SIZE];

	if (p->dry || p->lists_fd < 0)
		return false;
	seen_file(p, file);
	if (update_seen_read(p->lists_fd, file, seen) && strcmp(seen->url, url) == 0 &&
	    update_seen_strong(seen) != NULL) {
		update_part_file(p, file);
		p->fd = openat(p->lists_fd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (p->fd >= 0 && is_whole(p, seen)) {
			p->is_noted = seen->boot[0] != '\0';
			seen->boot[0] = '\0';
			return true;
		}
	}
	close_part(p);
	p->bytes = 0;
	remove_files(p);
	return false;
}

void update_part_close(struct update_part *p)
{
	update_part_restart(p);
	for (unsigned i = 0; i < UPDATE_HERES; i++) {
		if (p->bases[i].fd >= 0)
			close(p->bases[i].fd);
		p->bases[i].fd = -1;
	}
}

/* ---- what earlier runs left ---- */

/* The name of the list whose part, or what is remembered of it, the file is.  False: it is neither. */
static bool list_of_part(const char *file, char name[CONF_NAME_SIZE])
{
	static const char *const endings[] = {part_ending, seen_ending};
	size_t len = strlen(file);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t ending = strlen(endings[i]);

		if (len > ending && len - ending < CONF_NAME_SIZE &&
		    strcmp(file + len - ending, endings[i]) == 0) {
			(void)snprintf(name, CONF_NAME_SIZE, "%.*s", (int)(len - ending), file);
			return true;
		}
	}
	return false;
}

void update_part_sweep(int lists_fd, bool (*wanted)(void *ctx, const char *name), void *ctx)
{
	int fd = openat(lists_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	char name[CONF_NAME_SIZE];

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (list_of_part(e->d_name, name) && !wanted(ctx, name))
			(void)unlinkat(lists_fd, e->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}
