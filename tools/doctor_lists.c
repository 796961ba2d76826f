/* doctor_lists.c - files of quell-update and of its timer. */
#include "tools/doctor_lists.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/text.h"

#define DAY_S	    86400
#define OLD_S	    (30 * DAY_S) /* lists of this kind change every week at least */
#define TIMER_OLD_S (3 * DAY_S)	 /* it is due once a day */

static const char link_path[] = "/etc/systemd/system/timers.target.wants/quell-update.timer";
static const char stamp_path[] = "/var/lib/systemd/timers/stamp-quell-update.timer";

/* How long ago it was written. */
static uint64_t age_s(const struct doctor_case *c, const struct stat *st)
{
	return c->now_s > st->st_mtime ? (uint64_t)(c->now_s - st->st_mtime) : 0;
}

static int stat_copy(
    const struct doctor_case *c, const struct conf_list *list, const char *suffix, struct stat *st)
{
	char path[CONF_PATH_SIZE + CONF_NAME_SIZE + 32];

	(void)snprintf(path, sizeof(path), "%s/lists/%s%s", c->conf->state_dir, list->name, suffix);
	return stat(path, st) == 0 ? 0 : errno;
}

/* Returns whether something was said of it. */
static bool check_list(
    struct doctor *d, const struct doctor_case *c, const struct conf_list *list, uint64_t *age)
{
	char duration[TEXT_DURATION_SIZE];
	struct stat st;
	int missing = stat_copy(c, list, ".txt", &st);

	if (missing != 0) {
		doctor_say(d, missing == ENOENT ? DOCTOR_WARN : DOCTOR_UNKNOWN, "lists", "%s: %s",
		    list->name,
		    missing == ENOENT ? "it has never been fetched" : strerror(missing));
		doctor_fix(d,
		    missing == ENOENT
			? "sudo systemctl start quell-update; sudo journalctl -u quell-update -n 50"
			: "sudo quellctl doctor");
		return true;
	}
	*age = age_s(c, &st);
	if (stat_copy(c, list, ".held", &st) == 0) {
		doctor_say(d, DOCTOR_WARN, "lists", "%s: a new version has been held back since %s",
		    list->name, text_seconds(duration, age_s(c, &st)));
		doctor_fix(d,
		    "sudo -u quell-update quell-update preview %s; to take it: sudo -u "
		    "quell-update quell-update "
		    "run --accept %s",
		    list->name, list->name);
		return true;
	}
	if (*age < OLD_S)
		return false;
	doctor_say(d, DOCTOR_WARN, "lists", "%s: it has not changed for %s", list->name,
	    text_seconds(duration, *age));
	doctor_fix(d, "sudo systemctl start quell-update; where that brings nothing new, its "
		      "publisher has given it up: "
		      "quell-update catalogue");
	return true;
}

void doctor_lists(struct doctor *d, const struct doctor_case *c)
{
	char oldest_text[TEXT_DURATION_SIZE];
	uint64_t age, oldest = 0;
	unsigned n = 0;
	bool said = false;

	for (unsigned i = 0; i < c->conf->n_lists; i++) {
		const struct conf_list *list = &c->conf->lists[i];

		if (list->url[0] == '\0')
			continue;
		n++;
		age = 0;
		said = check_list(d, c, list, &age) || said;
		oldest = age > oldest ? age : oldest;
	}
	if (n != 0 && !said)
		doctor_say(d, DOCTOR_OK, "lists", "%u of the internet, the oldest as of %s ago", n,
		    text_seconds(oldest_text, oldest));
}

/* ---- the timer ---- */

/* lstat(2) below the root: 0 or an errno. */
static int stat_system(const struct doctor_case *c, const char *path, struct stat *st)
{
	char whole[CONF_PATH_SIZE];

	if (snprintf(whole, sizeof(whole), "%s%s", c->root, path) >= (int)sizeof(whole))
		return ENAMETOOLONG;
	return lstat(whole, st) == 0 ? 0 : errno;
}

static bool has_urls(const struct conf *conf)
{
	for (unsigned i = 0; i < conf->n_lists; i++) {
		if (conf->lists[i].url[0] != '\0')
			return true;
	}
	return false;
}

void doctor_timer(struct doctor *d, const struct doctor_case *c)
{
	char duration[TEXT_DURATION_SIZE];
	struct stat st;

	if (!has_urls(c->conf))
		return;
	if (stat_system(c, "/run/systemd/system", &st) != 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "timer",
		    "systemd does not run here: who fetches the lists is not known");
		doctor_fix(d, "see to it that `quell-update run` runs once a day, as by cron(8)");
	} else if (stat_system(c, link_path, &st) != 0) {
		doctor_say(d, DOCTOR_WARN, "timer",
		    "quell-update.timer is not enabled: nothing fetches the lists");
		doctor_fix(d, "sudo systemctl enable --now quell-update.timer");
	} else if (stat_system(c, stamp_path, &st) != 0) {
		doctor_say(
		    d, DOCTOR_WARN, "timer", "quell-update.timer is enabled, and has never run");
		doctor_fix(d, "sudo systemctl start quell-update.timer; systemctl list-timers "
			      "quell-update.timer");
	} else if (age_s(c, &st) > TIMER_OLD_S) {
		doctor_say(d, DOCTOR_WARN, "timer", "quell-update.timer has not run for %s",
		    text_seconds(duration, age_s(c, &st)));
		doctor_fix(d, "sudo systemctl restart quell-update.timer; systemctl list-timers "
			      "quell-update.timer");
	} else {
		doctor_say(d, DOCTOR_OK, "timer", "quell-update.timer is enabled, and ran %s ago",
		    text_seconds(duration, age_s(c, &st)));
	}
}
