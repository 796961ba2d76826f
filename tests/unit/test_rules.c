/* test_rules.c - the text of the user's own rules: read, changed, expired, written. */
#include "blocklists/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "resolver/core/overlay.h"
#include "resolver/pack.h"
#include "tests/unit/scratch.h"

#define HOUR_MS 3600000u

static const struct hash_key secret = {1, 2};

/* 2026-11-21T15:00:00Z, an hour after the start. */
static const struct rules_clock start = {HOUR_MS, 1795273200, "5f0c2a81"};

static struct rules rules;
static struct rules_clock now;

static int set_up(void **state)
{
	rules_init(&rules);
	now = start;
	return scratch_set_up(state);
}

static int tear_down(void **state)
{
	rules_fini(&rules);
	return scratch_tear_down(state);
}

/* As quelld does it when it starts again. */
static void read_anew(void)
{
	rules_fini(&rules);
	assert_int_equal(rules_read(&rules, "rules", &now, NULL), 0);
	(void)rules_expire(&rules, &now);
}

static int apply(const char *text, struct why *why)
{
	struct rules_line change;
	int err = rules_parse_change(&change, text, &now, why);

	return err == 0 ? rules_apply(&rules, &change, &now, why) : err;
}

static void change(const char *text)
{
	struct why why = {""};

	if (apply(text, &why) != 0)
		fail_msg("%s: %s", text, why.text);
}

static void write_out(void)
{
	struct why why = {""};

	if (rules_write(&rules, "rules", &why) != 0)
		fail_msg("%s", why.text);
}

static void pass(uint64_t ms)
{
	now.boot_ms += ms;
	now.wall_s += (int64_t)(ms / 1000);
}

/* 'a', 'b' or '-' for what the overlay says of the name. */
static char says(const char *text)
{
	struct overlay *o = overlay_new(&secret);
	uint8_t name[NAME_SIZE], *bytes;
	enum overlay_action action;
	size_t len;

	assert_non_null(o);
	assert_int_equal(pack_rules(&rules, &bytes, &len), 0);
	assert_int_equal(overlay_set(o, rules_pause(&rules) != NULL, bytes, len), 0);
	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	action = overlay_judge(o, name);
	free(bytes);
	free(o);
	return "-ab"[action];
}

static void assert_file(const char *expected)
{
	char text[4096];

	(void)scratch_read("rules", text, sizeof(text));
	assert_string_equal(text, expected);
}

/* The file less its comments. */
static void assert_rules(const char *expected)
{
	char text[4096], *at = text, *line, kept[4096] = "";

	(void)scratch_read("rules", text, sizeof(text));
	while ((line = strsep(&at, "\n")) != NULL)
		if (*line != '#' && *line != '\0')
			(void)snprintf(
			    kept + strlen(kept), sizeof(kept) - strlen(kept), "%s\n", line);
	assert_string_equal(kept, expected);
}

/* ---- lines ---- */

static void what_a_line_says(void **state)
{
	(void)state;
	scratch_write("rules", "allow Example.COM\n"
			       "  block\t=www.example.com   # telly\r\n"
			       "block bücher.example#no comment\n"
			       "block b\xc3\xbc"
			       "cher.example\n"
			       "# allow a.test\n"
			       "\n"
			       "allow c.test# d\n"
			       "allow c.test #\n"
			       "block .");
	read_anew();
	assert_int_equal(says("a.example.com"), 'a');
	assert_int_equal(says("www.example.com"), 'b');
	assert_int_equal(says("a.www.example.com"), 'a');
	assert_int_equal(says("xn--bcher-kva.example"), 'b');
	assert_int_equal(says("x.c.test"), 'a');
	assert_int_equal(says("a.test"), 'b');
	assert_string_equal(rules.lines[1].note, "telly");
	assert_null(rules.lines[7].note);
	assert_int_equal(rules.lines[2].kind, RULES_BAD);
	assert_int_equal(rules.lines[6].kind, RULES_BAD);
	assert_int_equal(rules.n_rules, 5);
}

/* The answer of a block: read, written, handed on, and gone with the next rule on the name. */
static void blocks_with_an_answer(void **state)
{
	struct rules_line *line = NULL;
	char text[RULES_TEXT_SIZE];

	(void)state;
	scratch_write("rules", "block a.test with nxdomain\n"
			       "block =b.test with 192.0.2.1 2001:db8::1 for 30m # telly\n"
			       "block c.test for 30m\n");
	read_anew();
	assert_int_equal(says("a.test"), 'b');
	assert_int_equal(rules.lines[0].answer.mode, BLOCK_NXDOMAIN);
	line = &rules.lines[1];
	assert_int_equal(line->kind, RULES_BLOCK);
	assert_int_equal(line->answer.n_in4, 1);
	assert_int_equal(line->answer.n_in6, 1);
	assert_int_equal(line->for_ms, HOUR_MS / 2);
	assert_string_equal(line->note, "telly");
	assert_string_equal(rules_format(line, &now, text),
	    "block =b.test with 192.0.2.1 2001:db8::1 left 30m # telly");
	/* It is written with its expiry, and read back. */
	write_out();
	read_anew();
	assert_int_equal(rules.lines[1].kind, RULES_BLOCK);
	assert_int_equal(rules.lines[1].answer.n_in6, 1);

	change("block d.test with null");
	assert_string_equal(rules_format(&rules.lines[3], &now, text), "block d.test with null");
	change("block d.test with refused");
	assert_int_equal(rules.lines[3].answer.mode, BLOCK_REFUSED);
	change("block d.test");
	assert_int_equal(rules.lines[3].answer.mode, BLOCK_DEFAULT);
	assert_int_equal(rules.n_lines, 4);
}

static void mistakes_have_a_reason(void **state)
{
	static const struct {
		const char *line, *reason;
	} bad[] = {
	    {"permit a.test", "'permit'"},
	    {"allow", "which name?"},
	    {"allow *.a.test", "allow a.test"},
	    {"allow *.", "'*.' is not a name"},
	    {"allow *.a..test", "not a name"},
	    {"allow 192.0.2.1", "not a name"},
	    {"allow https://a.test/", "not a name"},
	    {"block a..test", "not a name"},
	    {"block =", "not a name"},
	    {"allow a.test telly", "'telly'"},
	    {"allow a.test for", "'for'"},
	    {"allow a.test for ever", "duration"},
	    {"allow a.test for 0", "out of range"},
	    {"allow a.test for 4000d", "out of range"},
	    {"allow a.test for 5m until tomorrow", "not a time"},
	    {"allow a.test until 2026-11-21T15:00:00Z", "'until'"},
	    {"block a.test telly", "with nxdomain for 30m"},
	    {"block a.test with", "'with'"},
	    {"block a.test with telly", "it is servfail"},
	    {"block a.test with null nxdomain", "alone"},
	    {"block a.test for 5m with null", "'with'"},
	    {"block a.test with 192.0.2.1 192.0.2.2 ::1 ::2 ::3", "at most"},
	    {"allow a.test with null", "'with'"},
	    {"pause for", "duration"},
	    {"pause a.test", "duration"},
	    {"unset a.test", "'unset'"},
	    {"resume", "'resume'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "block b.test\n%s # telly\n", bad[i].line);
		scratch_write("rules", text);
		read_anew();
		assert_int_equal(rules.lines[1].kind, RULES_BAD);
		assert_int_equal(rules_number(&rules, &rules.lines[1]), 2);
		if (strstr(rules.lines[1].note, bad[i].reason) == NULL)
			fail_msg("%s: %s", bad[i].line, rules.lines[1].note);
		assert_int_equal(says("b.test"), 'b');
		assert_int_equal(says("a.test"), '-');
		/* Nothing of it is lost. */
		change("allow c.test");
		write_out();
		(void)snprintf(
		    text, sizeof(text), "block b.test\n%s # telly\nallow c.test\n", bad[i].line);
		assert_file(text);
	}
}

static void changes_refused(void **state)
{
	static const char *const bad[] = {"", "  ", "# telly", "rules", "allow", "unset",
	    "unset a.test for 5m", "resume now", "allow a.test for 5 m", "pause 5m 6m"};
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(apply(bad[i], &why), ERR_FORMAT);
	change("allow =a.test");
	assert_int_equal(apply("unset a.test", &why), ERR_NOTFOUND);
	assert_non_null(strstr(why.text, "a.test"));
	assert_int_equal(apply("unset =b.test", &why), ERR_NOTFOUND);
	assert_int_equal(says("a.test"), 'a');
	change("unset =a.test");
	assert_int_equal(says("a.test"), '-');
}

/* ---- changes ---- */

static void rest_of_the_file_stays(void **state)
{
	(void)state;
	scratch_write("rules", "# mine\n\n  allow a.test\t# one\nnonsense\nblock b.test # two\n"
			       "allow a.test\n#end");
	read_anew();
	change("block a.test");
	change("block =c.test # three");
	write_out();
	assert_file("# mine\n\nblock a.test\nnonsense\nblock b.test # two\n#end\nblock =c.test  # "
		    "three\n");
	change("unset b.test");
	write_out();
	assert_file("# mine\n\nblock a.test\nnonsense\n#end\nblock =c.test  # three\n");
}

static void comment_stays_with_its_rule(void **state)
{
	(void)state;
	change("allow a.test # telly");
	change("allow a.test");
	write_out();
	assert_rules("allow a.test  # telly\n");
	change("allow a.test # radio");
	write_out();
	assert_rules("allow a.test  # radio\n");
	change("block a.test");
	write_out();
	assert_rules("block a.test\n");
}

static void allow_wins_a_tie(void **state)
{
	(void)state;
	scratch_write("rules", "block a.test\nallow a.test\nallow b.test\nblock b.test\n");
	read_anew();
	assert_int_equal(says("a.test"), 'a');
	assert_int_equal(says("b.test"), 'a');
}

/* For an hour another rule, then the old one again. */
static void timed_rule_gives_way(void **state)
{
	(void)state;
	change("allow a.test");
	change("block b.test");
	change("block a.test for 1h");
	change("allow b.test for 1h");
	assert_int_equal(says("a.test"), 'b');
	assert_int_equal(says("b.test"), 'a');
	change("allow b.test for 2h"); /* in the place of the other */
	pass(HOUR_MS);
	assert_true(rules_expire(&rules, &now));
	assert_int_equal(says("a.test"), 'a');
	assert_int_equal(says("b.test"), 'a');
	pass(HOUR_MS);
	assert_true(rules_expire(&rules, &now));
	assert_int_equal(says("b.test"), 'b');
	/* One without expiry is the last word. */
	change("allow b.test for 1h");
	change("block b.test");
	assert_int_equal(says("b.test"), 'b');
	assert_int_equal(rules.n_rules, 2);
	change("allow b.test for 1h");
	change("unset b.test");
	assert_int_equal(says("b.test"), '-');
	assert_int_equal(rules.n_rules, 1);
}

static void pause_and_resume(void **state)
{
	(void)state;
	change("block a.test");
	change("pause 30m");
	assert_int_equal(says("a.test"), 'a');
	assert_int_equal(says("b.test"), 'a');
	assert_int_equal(rules_next_ms(&rules), start.boot_ms + 30 * 60000);
	change("pause"); /* until resume */
	assert_int_equal(rules_next_ms(&rules), UINT64_MAX);
	write_out();
	assert_rules("block a.test\npause\n");
	change("pause for 5m # a film");
	write_out();
	assert_rules("block a.test\npause for 5m until 2026-11-21T15:05:00Z boot 5f0c2a81+3900.000"
		     "  # a film\n");
	change("resume");
	change("resume"); /* no mistake */
	assert_int_equal(says("a.test"), 'b');
	write_out();
	assert_rules("block a.test\n");
}

static void the_bound(void **state)
{
	char text[64];
	FILE *to = fopen("rules", "w");
	struct why why;

	(void)state;
	assert_non_null(to);
	for (unsigned i = 0; i < OVERLAY_RULES_MAX; i++)
		(void)fprintf(to, "block n%u.test\n", i);
	(void)fprintf(to, "block over.test\n");
	(void)fclose(to);
	read_anew();
	assert_int_equal(rules.n_rules, OVERLAY_RULES_MAX);
	assert_int_equal(rules.lines[OVERLAY_RULES_MAX].kind, RULES_BAD);
	(void)snprintf(text, sizeof(text), "n%d.test", OVERLAY_RULES_MAX - 1);
	assert_int_equal(says(text), 'b');
	assert_int_equal(says("over.test"), '-');
	assert_int_equal(apply("allow one.test", &why), ERR_LIMIT);
	change("allow n7.test"); /* in the place of another */
	assert_int_equal(says("n7.test"), 'a');
	change("unset n8.test");
	change("allow one.test");
}

/* ---- time ---- */

static void expiry_is_exact(void **state)
{
	(void)state;
	change("allow a.test for 1500ms");
	assert_int_equal(rules_next_ms(&rules), start.boot_ms + 1500);
	pass(1499);
	assert_false(rules_expire(&rules, &now));
	assert_int_equal(says("a.test"), 'a');
	pass(1);
	assert_true(rules_expire(&rules, &now));
	assert_int_equal(says("a.test"), '-');
	assert_int_equal(rules_next_ms(&rules), UINT64_MAX);
	write_out();
}

/* The same boot: only its clock counts. */
static void restart_keeps_the_time(void **state)
{
	(void)state;
	change("allow a.test for 30m # telly");
	write_out();
	assert_rules("allow a.test for 30m until 2026-11-21T15:30:00Z boot 5f0c2a81+5400.000  # "
		     "telly\n");
	pass(10 * 60000);
	now.wall_s = 4000000000; /* the wall clock jumps */
	read_anew();
	assert_int_equal(rules_next_ms(&rules), start.boot_ms + 30 * 60000);
	now.wall_s = 0;
	read_anew();
	assert_int_equal(rules_next_ms(&rules), start.boot_ms + 30 * 60000);
	assert_int_equal(says("a.test"), 'a');
	pass(20 * 60000);
	read_anew();
	assert_int_equal(says("a.test"), '-');
}

/* Another boot: the wall clock counts, and never more than all of the time. */
static void reboot(int64_t wall_s)
{
	now = (struct rules_clock){5000, wall_s, "77777777"};
	read_anew();
}

static void reboot_asks_the_wall_clock(void **state)
{
	(void)state;
	change("allow a.test for 30m");
	write_out();
	reboot(start.wall_s + 10 * 60);
	assert_int_equal(says("a.test"), 'a');
	assert_int_equal(rules_next_ms(&rules), 5000 + 20 * 60000);
	/* From here on this boot's clock counts. */
	write_out();
	assert_rules("allow a.test for 30m until 2026-11-21T15:30:00Z boot 77777777+1205.000\n");
	now.wall_s = 0;
	read_anew();
	assert_int_equal(rules_next_ms(&rules), 5000 + 20 * 60000);
}

static void reboot_after_the_end(void **state)
{
	(void)state;
	change("allow a.test for 30m");
	write_out();
	reboot(start.wall_s + 30 * 60);
	assert_int_equal(says("a.test"), '-');
	write_out();
	assert_rules("");
}

static void reboot_without_a_clock(void **state)
{
	(void)state;
	change("allow a.test for 30m");
	write_out();
	reboot(100);
	assert_int_equal(says("a.test"), 'a');
	assert_int_equal(rules_next_ms(&rules), 5000 + 30 * 60000);
	reboot(start.wall_s - 600);
	assert_int_equal(rules_next_ms(&rules), 5000 + 30 * 60000);
	/* Another boot that has lasted as long. */
	now = (struct rules_clock){start.boot_ms, start.wall_s + 600, "77777777"};
	read_anew();
	assert_int_equal(rules_next_ms(&rules), start.boot_ms + 20 * 60000);
}

/* A stamp that lies gives no more than `for` does. */
static void forged_stamps(void **state)
{
	static const char *const stamps[] = {
	    "until 9999-01-01T00:00:00Z boot 5f0c2a81+99999999.000",
	    "until 9999-01-01T00:00:00Z boot 5f0c2a81+-1.000",
	    "until 9999-01-01T00:00:00Z boot 5f0c2a81+1.000x",
	    "until 9999-01-01T00:00:00Z boot 5f0c2a81",
	    "until 9999-01-01T00:00:00Z boot",
	    "until 9999-01-01T00:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "block a.test for 5m %s\n", stamps[i]);
		scratch_write("rules", text);
		read_anew();
		if (rules.lines[0].kind == RULES_BAD)
			continue;
		assert_true(rules_next_ms(&rules) <= now.boot_ms + 5 * 60000);
	}
}

static void written_by_hand_counts_from_reading(void **state)
{
	(void)state;
	scratch_write("rules", "block a.test for 5m # homework\npause 1m\n");
	read_anew();
	assert_int_equal(rules_next_ms(&rules), now.boot_ms + 60000);
	write_out();
	assert_file("block a.test for 5m until 2026-11-21T15:05:00Z boot 5f0c2a81+3900.000  # "
		    "homework\npause for 1m until 2026-11-21T15:01:00Z boot 5f0c2a81+3660.000\n");
	pass(2 * 60000);
	read_anew();
	assert_null(rules_pause(&rules));
	assert_int_equal(rules_next_ms(&rules), start.boot_ms + 5 * 60000);
}

/* ---- the file ---- */

static void no_file_no_rules(void **state)
{
	(void)state;
	read_anew();
	assert_int_equal(rules.n_lines, 0);
	write_out();
	assert_int_not_equal(access("rules", F_OK), 0); /* nothing to say */
	change("allow a.test");
	write_out();
	assert_rules("allow a.test\n");
	assert_int_equal(unlink("rules"), 0);
	read_anew();
	assert_int_equal(rules.n_lines, 0);
}

static void nothing_new_is_not_written(void **state)
{
	struct stat before, after;

	(void)state;
	change("allow a.test");
	write_out();
	assert_int_equal(stat("rules", &before), 0);
	read_anew();
	change("allow a.test");
	write_out();
	assert_int_equal(stat("rules", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void rights_and_links_stay(void **state)
{
	struct stat st;

	(void)state;
	scratch_write("mine", "allow a.test\n");
	assert_int_equal(chmod("mine", 0604), 0);
	assert_int_equal(symlink("mine", "rules"), 0);
	read_anew();
	change("block b.test");
	write_out();
	assert_int_equal(lstat("rules", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat("mine", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0604);
	assert_file("allow a.test\nblock b.test\n");
	assert_int_not_equal(access("mine.new", F_OK), 0);
}

/* What cannot be written holds over reloads, and is written when that can be. */
static void unwritten_changes_hold(void **state)
{
	struct why why;

	(void)state;
	scratch_write("rules", "allow a.test\nblock b.test\nblock t.test\n");
	read_anew();
	change("block a.test # new");
	change("unset b.test");
	change("allow t.test for 1m");
	change("pause 1m");
	assert_int_equal(mkdir("rules.new", 0700), 0); /* in the way */
	assert_int_not_equal(rules_write(&rules, "rules", &why), 0);
	assert_non_null(strstr(why.text, "rules.new"));
	assert_file("allow a.test\nblock b.test\nblock t.test\n");

	scratch_write("rules", "allow a.test\nblock b.test\nblock t.test\nblock hand.test\n");
	assert_int_equal(rules_read(&rules, "rules", &now, &why), 0);
	assert_non_null(rules_pause(&rules));
	pass(60000);
	assert_true(rules_expire(&rules, &now));
	assert_int_equal(rules_read(&rules, "rules", &now, &why), 0);
	(void)rules_expire(&rules, &now);
	assert_null(rules_pause(&rules));
	assert_int_equal(says("a.test"), 'b');
	assert_int_equal(says("b.test"), '-');
	assert_int_equal(says("t.test"), 'b');
	assert_int_equal(says("hand.test"), 'b');

	assert_int_equal(rmdir("rules.new"), 0);
	write_out();
	assert_file("block a.test  # new\nblock t.test\nblock hand.test\n");
	scratch_write("rules", "allow a.test\n");
	assert_int_equal(rules_read(&rules, "rules", &now, &why), 0);
	assert_int_equal(says("a.test"), 'a'); /* the hand has the last word */
}

/* What cannot be read is not written, and what was in force stays. */
static void unread_file_is_left_alone(void **state)
{
	struct why why;
	struct stat st;

	(void)state;
	change("allow a.test");
	write_out();
	assert_int_equal(rename("rules", "old"), 0);
	assert_int_equal(mkdir("rules", 0700), 0);
	assert_int_not_equal(rules_read(&rules, "rules", &now, &why), 0);
	assert_non_null(strstr(why.text, "rules"));
	assert_int_equal(says("a.test"), 'a');
	change("block b.test");
	assert_int_not_equal(rules_write(&rules, "rules", &why), 0);
	assert_int_equal(rmdir("rules"), 0);

	scratch_write("rules", "allow a.test\n");
	assert_int_equal(truncate("rules", RULES_FILE_MAX + 1), 0);
	assert_int_equal(rules_read(&rules, "rules", &now, &why), ERR_RANGE);
	assert_int_equal(truncate("rules", 20), 0); /* NULs */
	assert_int_equal(rules_read(&rules, "rules", &now, &why), ERR_FORMAT);
	assert_int_not_equal(rules_write(&rules, "rules", &why), 0);
	assert_int_equal(stat("rules", &st), 0);
	assert_int_equal(st.st_size, 20);
	assert_int_equal(says("a.test"), 'a');
	assert_int_equal(says("b.test"), 'b');

	assert_int_equal(rename("old", "rules"), 0);
	assert_int_equal(rules_read(&rules, "rules", &now, &why), 0);
	write_out();
	assert_rules("allow a.test\nblock b.test\n");
}

/* An editor that has the file open, and writes when it has just been replaced. */
static int editor = -1;
static const char late[] = "allow late.test\n";

int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	int result = __real_renameat2(from_dir, from, to_dir, to, flags);

	if (editor >= 0) {
		assert_int_equal(ftruncate(editor, 0), 0);
		assert_int_equal(pwrite(editor, late, strlen(late), 0), (ssize_t)strlen(late));
	}
	return result;
}

static void the_hand_is_late(void **state)
{
	struct why why;

	(void)state;
	scratch_write("rules", "allow a.test\n");
	read_anew();
	change("block b.test");
	editor = open("rules", O_RDWR | O_CLOEXEC);
	assert_true(editor >= 0);
	if (rules_write(&rules, "rules", &why) == 0)
		skip(); /* this file system cannot exchange two files */
	assert_file(late);
	assert_int_not_equal(access("rules.new", F_OK), 0);
	assert_int_equal(close(editor), 0);
	editor = -1;
	assert_int_equal(rules_read(&rules, "rules", &now, &why), 0);
	write_out();
	assert_file("allow late.test\nblock b.test\n");
	assert_int_not_equal(access("rules.new", F_OK), 0);
}

/* What was written since it was read is not written over. */
static void the_hand_comes_first(void **state)
{
	struct why why;

	(void)state;
	scratch_write("rules", "allow a.test\n");
	read_anew();
	change("block b.test");
	scratch_write("rules", "allow a.test\nallow mine.test\n");
	assert_int_equal(rules_write(&rules, "rules", &why), ERR_TAKEN);
	assert_file("allow a.test\nallow mine.test\n");
	assert_int_not_equal(access("rules.new", F_OK), 0);
	assert_int_equal(rules_read(&rules, "rules", &now, &why), 0);
	write_out();
	assert_file("allow a.test\nallow mine.test\nblock b.test\n");
	change("unset b.test");
	assert_int_equal(unlink("rules"), 0);
	assert_int_equal(rules_write(&rules, "rules", &why), ERR_TAKEN);
	assert_int_equal(rules_read(&rules, "rules", &now, &why), 0);
	assert_int_equal(says("a.test"), '-');
	change("block c.test");
	scratch_write("rules", "# made meanwhile\n");
	assert_int_equal(rules_write(&rules, "rules", &why), ERR_TAKEN);
	assert_file("# made meanwhile\n");
}

/* An editor's signature of UTF-8 is no mistake, and stays; elsewhere it is one. */
static void signature_of_an_editor(void **state)
{
	(void)state;
	scratch_write("rules", "\xef\xbb\xbf"
			       "block a.test\r\n\xef\xbb\xbfxblock b.test\n");
	read_anew();
	assert_int_equal(says("a.test"), 'b');
	assert_int_equal(rules.lines[1].kind, RULES_BAD);
	change("block c.test");
	write_out();
	assert_file("\xef\xbb\xbf"
		    "block a.test\r\n\xef\xbb\xbfxblock b.test\nblock c.test\n");
}

/* A pipe is not an empty file. */
static void a_pipe_is_no_file(void **state)
{
	struct why why;

	(void)state;
	scratch_write("rules", "block a.test\n");
	read_anew();
	assert_int_equal(unlink("rules"), 0);
	assert_int_equal(mkfifo("rules", 0600), 0);
	assert_int_equal(rules_read(&rules, "rules", &now, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "pipe"));
	assert_int_equal(says("a.test"), 'b');
	assert_int_not_equal(rules_write(&rules, "rules", &why), 0);
}

/* A time by hand counts from when it was read first, though it cannot be written. */
static void reading_again_prolongs_nothing(void **state)
{
	(void)state;
	scratch_write("rules", "allow a.test for 5m\n");
	assert_int_equal(rules_read(&rules, "rules", &now, NULL), 0);
	pass(60000);
	assert_int_equal(rules_read(&rules, "rules", &now, NULL), 0);
	assert_int_equal(rules_next_ms(&rules), start.boot_ms + 5 * 60000);
	scratch_write("rules", "allow a.test for 5m\nallow b.test\n");
	assert_int_equal(rules_read(&rules, "rules", &now, NULL), 0);
	assert_int_equal(rules_next_ms(&rules), now.boot_ms + 5 * 60000);
}

/* Only the first RULES_MAX count, of those that there are now. */
static void a_mistake_may_come_right(void **state)
{
	FILE *to = fopen("rules", "w");

	(void)state;
	assert_non_null(to);
	for (unsigned i = 0; i <= RULES_MAX; i++)
		fprintf(to, "allow n%u.test\n", i);
	assert_int_equal(fclose(to), 0);
	read_anew();
	assert_int_equal(rules.lines[RULES_MAX].kind, RULES_BAD);
	change("unset n0.test");
	write_out();
	assert_int_equal(rules_read(&rules, "rules", &now, NULL), 0);
	assert_int_equal(rules.n_rules, RULES_MAX);
	assert_int_equal(rules.lines[RULES_MAX - 1].kind, RULES_ALLOW);
}

/* The header of a new file is a part of it, then and later. */
static void header_stays(void **state)
{
	char first[4096], second[4096];

	(void)state;
	change("allow a.test");
	write_out();
	(void)scratch_read("rules", first, sizeof(first));
	assert_int_equal(first[0], '#');
	assert_int_equal(rules_number(&rules, &rules.lines[rules.n_lines - 1]), 3);
	assert_int_equal(rules_read(&rules, "rules", &now, NULL), 0);
	change("block b.test");
	write_out();
	(void)scratch_read("rules", second, sizeof(second));
	strcat(first, "block b.test\n");
	assert_string_equal(second, first);
	assert_int_equal(rules_number(&rules, &rules.lines[rules.n_lines - 1]), 4);
}

/* ---- for people ---- */

static void in_order_of_precedence(void **state)
{
	static const char *const order[] = {"block =a.b.test", "allow a.b.test left 1h",
	    "allow a.b.test # x", "block b.test", "allow test"};
	const struct rules_line *found[8];
	char text[RULES_TEXT_SIZE];
	uint8_t name[NAME_SIZE];
	size_t len;

	(void)state;
	change("allow test");
	change("allow a.b.test # x");
	change("block =a.b.test");
	change("block b.test");
	change("allow a.b.test for 1h # y");
	change("block other.test");
	free(rules.lines[6].note); /* behind the header */
	rules.lines[6].note = NULL;
	assert_int_equal(name_from_text("a.b.test", 8, name, &len), 0);
	assert_int_equal(rules_matches(&rules, name, found, 8), 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(rules_format(found[i], &now, text), order[i]);
	assert_int_equal(rules_matches(&rules, name, found, 2), 2);
	assert_string_equal(rules_format(found[0], &now, text), order[0]);
	assert_string_equal(rules_format(found[1], &now, text), order[1]);
}

static void time_left(void **state)
{
	static const struct {
		const char *span;
		uint64_t passed_ms;
		const char *left;
	} rows[] = {
	    {"1d", 0, "pause left 1d"}, {"1d", 1000, "pause left 23h59m"},
	    {"90m", 1, "pause left 1h30m"}, {"30m", 50000, "pause left 29m10s"},
	    {"30m", 50001, "pause left 29m10s"}, {"61", 0, "pause left 1m1s"},
	    {"10s", 9999, "pause left 1s"},
	    {"10s", 10000, "pause left 0s"}, /* not one without an end */
	};
	char text[RULES_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		now = start;
		(void)snprintf(text, sizeof(text), "pause %s", rows[i].span);
		change(text);
		pass(rows[i].passed_ms);
		assert_string_equal(rules_format(rules_pause(&rules), &now, text), rows[i].left);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest cases[] = {
	    CASE(what_a_line_says),
	    CASE(blocks_with_an_answer),
	    CASE(mistakes_have_a_reason),
	    CASE(changes_refused),
	    CASE(rest_of_the_file_stays),
	    CASE(comment_stays_with_its_rule),
	    CASE(allow_wins_a_tie),
	    CASE(timed_rule_gives_way),
	    CASE(pause_and_resume),
	    CASE(the_bound),
	    CASE(expiry_is_exact),
	    CASE(restart_keeps_the_time),
	    CASE(reboot_asks_the_wall_clock),
	    CASE(reboot_after_the_end),
	    CASE(reboot_without_a_clock),
	    CASE(forged_stamps),
	    CASE(written_by_hand_counts_from_reading),
	    CASE(no_file_no_rules),
	    CASE(nothing_new_is_not_written),
	    CASE(rights_and_links_stay),
	    CASE(unwritten_changes_hold),
	    CASE(unread_file_is_left_alone),
	    CASE(the_hand_is_late),
	    CASE(the_hand_comes_first),
	    CASE(signature_of_an_editor),
	    CASE(a_pipe_is_no_file),
	    CASE(reading_again_prolongs_nothing),
	    CASE(a_mistake_may_come_right),
	    CASE(header_stays),
	    CASE(in_order_of_precedence),
	    CASE(time_left),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
