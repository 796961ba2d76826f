/* doctor_host.c - clock and disk. */
#include "tools/doctor_host.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#include "tools/text.h"

#define DAY_S	 86400
#define YEARS_S	 (10LL * 365 * DAY_S) /* no program of this kind lives so long */
#define ROOM_BAD 4000000	      /* bytes: no update comes through */
#define ROOM_LOW 64000000	      /* of several large lists, old and new beside each other */

static const char clock_fix[] =
    "sudo timedatectl set-ntp true; timedatectl timesync-status; by hand: sudo date -s "
    "'YYYY-MM-DD hh:mm'";

bool doctor_clock_synchronised(void)
{
	struct timex now = {.modes = 0}; /* to read only */
	int state = adjtimex(&now);

	return state >= 0 && state != TIME_ERROR && (now.status & STA_UNSYNC) == 0;
}

void doctor_clock(struct doctor *d, const struct doctor_case *c, int64_t built_s, bool synchronised)
{
	const time_t now = (time_t)c->now_s;
	char day[32] = "?";
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M UTC", &tm);
	if (c->now_s < built_s - DAY_S) {
		doctor_say(d, DOCTOR_BAD, "clock",
		    "it is %s, before this program was built: no certificate is valid yet", day);
		doctor_fix(d, "%s", clock_fix);
	} else if (c->now_s > built_s + YEARS_S) {
		doctor_say(d, DOCTOR_WARN, "clock",
		    "it is %s, years after this program was built: is that so?", day);
		doctor_fix(d, "%s", clock_fix);
	} else if (!synchronised) {
		doctor_say(
		    d, DOCTOR_WARN, "clock", "it is %s, and nobody keeps the clock right", day);
		doctor_fix(d, "%s", clock_fix);
	} else {
		doctor_say(d, DOCTOR_OK, "clock", "it is %s, synchronised", day);
	}
}

/* ---- disk ---- */

bool doctor_room(struct doctor *d, const char *path, const struct statvfs *fs)
{
	uint64_t left = (uint64_t)fs->f_bavail * fs->f_frsize;
	char bytes[TEXT_BYTES_SIZE];

	if ((fs->f_flag & ST_RDONLY) != 0) {
		doctor_say(d, DOCTOR_BAD, "disk",
		    "%s cannot be written: its file system is read-only", path);
		doctor_fix(d,
		    "sudo mount -o remount,rw \"$(findmnt -n -o TARGET -T %s)\"; sudo dmesg | "
		    "tail: a card "
		    "that fails becomes read-only",
		    path);
		return true;
	}
	if (fs->f_files != 0 && fs->f_favail == 0) {
		doctor_say(
		    d, DOCTOR_BAD, "disk", "no file can be made at %s: all inodes are taken", path);
		doctor_fix(d, "df -i %s", path);
		return true;
	}
	if (fs->f_blocks == 0 || left >= ROOM_LOW) /* some network file systems do not tell */
		return false;
	doctor_say(d, left < ROOM_BAD ? DOCTOR_BAD : DOCTOR_WARN, "disk", "only %s are left at %s",
	    text_bytes(bytes, left), path);
	doctor_fix(d, "df -h %s; sudo apt clean; sudo journalctl --vacuum-size=50M", path);
	return true;
}

static bool may_write(const struct stat *st, const struct passwd *user)
{
	if (user->pw_uid == 0)
		return true;
	if (st->st_uid == user->pw_uid)
		return (st->st_mode & S_IWUSR) != 0;
	if (st->st_gid == user->pw_gid)
		return (st->st_mode & S_IWGRP) != 0;
	return (st->st_mode & S_IWOTH) != 0;
}

void doctor_folder(struct doctor *d, const char *path, const char *owner)
{
	const struct passwd *user = getpwnam(owner);
	char bytes[TEXT_BYTES_SIZE];
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st) != 0 || statvfs(path, &fs) != 0) {
		bool missing = errno == ENOENT;

		doctor_say(d, missing ? DOCTOR_WARN : DOCTOR_UNKNOWN, "disk", "%s: %s", path,
		    strerror(errno));
		doctor_fix(d, missing ? "sudo install -d -o %s -g %s %s" : "sudo quellctl doctor",
		    owner, owner, path);
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		doctor_say(d, DOCTOR_BAD, "disk", "%s is no folder", path);
		doctor_fix(d, "sudo mv %s %s.old; sudo install -d -o %s -g %s %s", path, path,
		    owner, owner, path);
		return;
	}
	if (doctor_room(d, path, &fs))
		return;
	/* Where there is no such user, another one runs it. */
	if (user != NULL && !may_write(&st, user)) {
		doctor_say(
		    d, DOCTOR_WARN, "disk", "the user %s may not write into %s", owner, path);
		doctor_fix(d, "sudo chown -R %s: %s", owner, path);
		return;
	}
	doctor_say(d, DOCTOR_OK, "disk", "%s can be written, with room for %s", path,
	    text_bytes(bytes, (uint64_t)fs.f_bavail * fs.f_frsize));
}
