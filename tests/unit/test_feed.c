/* test_feed.c - lines of each syntax, and which syntax a text is in. */
#include "tests/unit/lists.h"

#include <sys/wait.h>
#include <unistd.h>

#include "blocklists/compile.h"
#include "blocklists/feed.h"
#include "lib/file.h"

/* A text and its length. */
#define TEXT(t) t, sizeof(t) - 1

struct taken {
	char text[4096]; /* "LINE name " or "LINE !reason " */
	int stop;	 /* what the sink returns */
};

static int on_rule(
    void *ctx, const uint8_t *name, size_t name_len, enum rule_kind kind, uint64_t line)
{
	struct taken *taken = ctx;
	char text[NAME_TEXT_SIZE];
	size_t len = strlen(taken->text);

	(void)kind;
	assert_int_equal(name_len, strlen(name_to_text(name, text)) + 2);
	snprintf(taken->text + len, sizeof(taken->text) - len, "%u %s ", (unsigned)line, text);
	return taken->stop;
}

static void on_skip(void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len)
{
	static const char *const words[] = {
	    [FEED_BAD] = "!bad", [FEED_OWN_NAME] = "!own", [FEED_REWRITE] = "!address"};
	struct taken *taken = ctx;
	size_t used = strlen(taken->text);

	assert_true(text != NULL && len != 0);
	snprintf(taken->text + used, sizeof(taken->text) - used, "%u %s ", (unsigned)line,
	    words[reason]);
}

static int parse(const char *text, size_t len, const char *syntax, struct taken *taken,
    struct feed_counts *counts, struct why *why)
{
	struct feed_sink sink = {.ctx = taken, .rule = on_rule, .skip = on_skip};
	/* A block of exactly its size, so that reading behind it is seen. */
	char *copy = malloc(len != 0 ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	taken->text[0] = '\0';
	why->text[0] = '\0';
	err = feed_parse(copy, len, syntax != NULL ? feed_find(syntax) : NULL, &sink, counts, why);
	free(copy);
	return err;
}

static void test_lines(void **state)
{
	static const struct {
		const char *syntax, *text;
		size_t len;
		const char *taken;
		uint64_t lines, first_bad;
	} rows[] = {
	    {"domains", TEXT("a.example\nb.example\n"), "1 a.example 2 b.example ", 2, 0},
	    {"domains", TEXT("a.example\r\nb.example\r\n"), "1 a.example 2 b.example ", 2, 0},
	    {"domains", TEXT("a.example\n\n\nb.example"), "1 a.example 4 b.example ", 4, 0},
	    {"domains", TEXT("\357\273\277a.example\n"), "1 a.example ", 1, 0},
	    {"domains", TEXT("\357\273\277# x\na.example\n"), "2 a.example ", 2, 0},
	    {"domains", TEXT(" \ta.example \t \r\n"), "1 a.example ", 1, 0},
	    {"domains", TEXT("a.ex\0ample\nb.example\n\0\nc.example\n"),
		"1 !bad 2 b.example 3 !bad 4 c.example ", 4, 1},
	    {"domains", TEXT("# caf\351\nb.example # \344\366\374\n"), "2 b.example ", 2, 0},
	    {"domains", TEXT("a.example\nno name\n?\nb.example"),
		"1 a.example 2 !bad 3 !bad 4 b.example ", 4, 2},
	    {"hosts", TEXT("0.0.0.0 a.example\t b.example\r\n::1\tc.example"),
		"1 a.example 1 b.example 2 c.example ", 2, 0},
	    {"hosts", TEXT("127.0.0.1 localhost\n0.0.0.0 a.example\n10.0.0.1 nas.example\nx\n"),
		"1 !own 2 a.example 3 !address 4 !bad ", 4, 4},
	    {"hosts", TEXT("0.0.0.0\ta.exam\0ple\n0.0.0.0\0 x.example\n0.0.0.0 b.example"),
		"1 !bad 2 !bad 3 b.example ", 3, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct feed_counts counts;
		struct taken taken = {.stop = 0};
		struct why why;

		assert_int_equal(
		    parse(rows[i].text, rows[i].len, rows[i].syntax, &taken, &counts, &why), 0);
		assert_string_equal(taken.text, rows[i].taken);
		assert_int_equal(counts.lines, rows[i].lines);
		assert_int_equal(counts.first_bad_line, rows[i].first_bad);
	}
}

static void test_counts(void **state)
{
	static const char text[] = "127.0.0.1 localhost local\n# c\n\n0.0.0.0 a.example a.example\n"
				   "192.0.2.1 b.example\n0.0.0.0 1.2.3.4 c_.example\nnonsense\n";
	struct feed_counts counts;
	struct taken taken = {.stop = 0};
	struct why why;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1, "hosts", &taken, &counts, &why), 0);
	assert_int_equal(counts.lines, 7);
	assert_int_equal(counts.rules, 3);
	assert_int_equal(counts.skips[FEED_OWN_NAME], 2);
	assert_int_equal(counts.skips[FEED_REWRITE], 1);
	assert_int_equal(counts.skips[FEED_BAD], 2);
	assert_int_equal(counts.first_bad_line, 6);
}

static void test_line_of_a_megabyte(void **state)
{
	static const char last[] = "\nb.example\n";
	size_t len = (size_t)1 << 20;
	char *text = malloc(len + sizeof(last));
	struct feed_counts counts;
	struct taken taken = {.stop = 0};
	struct why why;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	memcpy(text + len, last, sizeof(last));
	assert_int_equal(parse(text, len + sizeof(last) - 1, "domains", &taken, &counts, &why), 0);
	assert_string_equal(taken.text, "1 !bad 2 b.example ");
	text[0] = '#';
	assert_int_equal(parse(text, len + sizeof(last) - 1, "domains", &taken, &counts, &why), 0);
	assert_string_equal(taken.text, "2 b.example ");
	free(text);
}

static void test_lengths_of_names(void **state)
{
	char label[65], name[300] = "";
	uint8_t wire[NAME_SIZE];
	size_t len;

	(void)state;
	memset(label, 'x', sizeof(label));
	assert_true(feed_name(label, 63, wire, &len));
	assert_int_equal(len, 65);
	assert_false(feed_name(label, 64, wire, &len));
	for (unsigned i = 0; i < 4; i++)
		snprintf(name + strlen(name), 65, "%.*s.", i < 3 ? 63 : 61, label);
	/* 253 bytes of text are 255 on the wire (RFC 1035, 2.3.4). */
	assert_int_equal(strlen(name), 254);
	assert_true(feed_name(name, 254, wire, &len));
	assert_true(feed_name(name, 253, wire, &len));
	assert_int_equal(len, NAME_SIZE);
	assert_int_equal(name_len(wire), NAME_SIZE);
	name[253] = 'x';
	assert_false(feed_name(name, 254, wire, &len));
	assert_false(feed_name("", 0, wire, &len));
	assert_false(feed_name(".", 1, wire, &len));
	assert_false(feed_name("a.example..", 11, wire, &len));
}

static void test_detects(void **state)
{
	static const struct {
		const char *text, *syntax;
	} rows[] = {
	    {"0.0.0.0 a.example\n", "hosts"},
	    {"# c\n! c\n\n\n127.0.0.1 localhost\n::1 localhost\n0.0.0.0 a.example\n", "hosts"},
	    {"192.168.1.7 nas.example\n0.0.0.0 a.example", "hosts"},
	    {"a.example", "domains"},
	    {"\357\273\277! title\r\na.example\r\nb.example # c\r\n", "domains"},
	    {"192.0.2.1\n192.0.2.2\n192.0.2.3\na.example\n", "domains"},
	    {"com\nlocalhost\n.a.example\n", "domains"},
	    {"", "hosts"},
	    {"# nothing\n\n! but comments", "hosts"},
	    /* a stray line or two */
	    {"a.example\nb.example\nsome words\nc.example", "domains"},
	    {"b\303\274cher.example\nb\303\244cher.example\na.example\n", "domains"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct why why = {""};
		const struct feed_syntax *syntax =
		    feed_detect(rows[i].text, strlen(rows[i].text), &why);

		if (syntax == NULL)
			fail_msg("row %zu: %s", i, why.text);
		else
			assert_string_equal(syntax->name, rows[i].syntax);
	}
}

static void test_one_stray_line_of_many(void **state)
{
	char text[2000] = "";
	struct why why;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		snprintf(text + strlen(text), 20, "%s%u.example\n", i == 50 ? "||" : "a", i);
	assert_ptr_equal(feed_detect(text, strlen(text), &why), feed_find("domains"));
}

static void test_refuses_what_is_no_list(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *reason;
	} rows[] = {
	    {TEXT("<!DOCTYPE html>\n<html><body>a.example</body></html>"), "web page"},
	    {TEXT("\n \n<html>"), "web page"},
	    {TEXT("\037\213\010\000abc"), "gzip"},
	    {TEXT("PK\003\004abc"), "zip"},
	    {TEXT("\3757zXZ\000"), "xz"},
	    {TEXT("\211PNG\r\n\032\n"), "PNG"},
	    {TEXT("\177ELF\002\001\001"), "ELF"},
	    {TEXT("\000\001\002\003\000\000\000\000"), "binary"},
	    {TEXT("\377\376a\000.\000b\000"), "UTF-16"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct feed_counts counts;
		struct taken taken = {.stop = 0};
		struct why why;

		assert_null(feed_detect(rows[i].text, rows[i].len, &why));
		/* Not where the syntax is given either. */
		assert_int_equal(
		    parse(rows[i].text, rows[i].len, "domains", &taken, &counts, &why), ERR_FORMAT);
		assert_string_equal(taken.text, "");
		if (strstr(why.text, rows[i].reason) == NULL)
			fail_msg("row %zu: %s", i, why.text);
	}
}

static void test_refuses_other_syntaxes(void **state)
{
	static const struct {
		const char *text, *line, *reason;
	} rows[] = {
	    {"! title\n[Adblock Plus 2.0]\n||a.example^\n", "line 2: `[Adblock", "Adblock"},
	    {"! title\n\n||a.example^\n||b.example^\n", "line 3: `||a.example^`", "Adblock"},
	    {"a.example\n@@||b.example^\nc.example\n", "line 2", "Adblock"},
	    {"example.com##.banner\n", "line 1", "Adblock"},
	    {"# c\naddress=/a.example/0.0.0.0\n", "line 2", "dnsmasq"},
	    {"server=/a.example/\n", "line 1", "dnsmasq"},
	    {"address /a.example/#\n", "line 1", "smartdns"},
	    {"server:\n  local-zone: \"a.example\" refuse\n", "line 1", "unbound"},
	    {"local-zone: \"a.example\" always_nxdomain\n", "line 1", "unbound"},
	    {"$TTL 60\n@ SOA x y 1 1 1 1 1\na.example CNAME .\n", "line 1", "RPZ"},
	    {"a.example CNAME .\n*.a.example CNAME .\n", "line 1", "RPZ"},
	    {"*.a.example\n*.b.example\n", "line 1", "wildcards"},
	    {"404: Not Found", "line 1: `404: Not Found`", "does not look like a list"},
	    {"{\"a\": 1}\n", "line 1", "JSON"},
	    {"Sorry\n\nThere is nothing here.\n", "line 1: `Sorry`", "does not look"},
	    {"two words\n\033[31m\n", "line 1", "does not look"},
	    {"192.0.2.1\n192.0.2.2\n", "line 1", "does not look"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct feed_counts counts;
		struct taken taken = {.stop = 0};
		struct why why;

		assert_int_equal(
		    parse(rows[i].text, strlen(rows[i].text), NULL, &taken, &counts, &why),
		    ERR_FORMAT);
		assert_string_equal(taken.text, "");
		if (strstr(why.text, rows[i].line) != why.text ||
		    strstr(why.text, rows[i].reason) == NULL)
			fail_msg("row %zu: %s", i, why.text);
	}
}

static void test_lines_without_a_rule(void **state)
{
	struct feed_counts counts;
	struct taken taken = {.stop = 0};
	struct why why;

	(void)state;
	assert_int_equal(
	    parse(TEXT("# x\n\na.example\nb.example\n"), "hosts", &taken, &counts, &why),
	    ERR_FORMAT);
	assert_non_null(strstr(why.text, "line 3: `a.example`"));
	assert_non_null(strstr(why.text, "0.0.0.0 ads.example.com"));
	assert_int_equal(counts.first_bad_line, 3);
	/* What is not printable is not shown as it is. */
	assert_int_equal(parse(TEXT("a\033[31m\n"), "domains", &taken, &counts, &why), ERR_FORMAT);
	assert_null(strchr(why.text, '\033'));
	assert_int_equal(
	    parse(TEXT("127.0.0.1 localhost\n"), NULL, &taken, &counts, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "no rule"));
	assert_int_equal(parse(TEXT("# just a comment\n"), NULL, &taken, &counts, &why), 0);
	assert_int_equal(parse(TEXT(""), NULL, &taken, &counts, &why), 0);
	assert_int_equal(counts.lines, 0);
}

static void test_stops_with_the_sink(void **state)
{
	struct feed_counts counts;
	struct taken taken = {.stop = ERR_NOMEM};
	struct why why;

	(void)state;
	assert_int_equal(parse(TEXT("0.0.0.0 a.example b.example\n0.0.0.0 c.example\n"), "hosts",
			     &taken, &counts, &why),
	    ERR_NOMEM);
	assert_string_equal(taken.text, "1 a.example ");
	assert_int_equal(
	    parse(TEXT("a.example\nb.example\n"), "domains", &taken, &counts, &why), ERR_NOMEM);
	assert_string_equal(taken.text, "1 a.example ");
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++)
		assert_ptr_equal(feed_find(feed_syntaxes[i]->name), feed_syntaxes[i]);
	assert_null(feed_find("auto"));
	assert_null(feed_find("nonsense"));
	for (int i = 0; i < FEED_SKIPS; i++)
		assert_string_not_equal(feed_skip_text((enum feed_skip)i), "unknown reason");
}

/* ---- the real lists, where they are ---- */

struct names {
	char **texts;
	size_t n, size;
};

/* A name as the table of the lists' README counts it, which is stricter: two labels or more, no
 * hyphen at either end of one, a last label of letters or an A-label, at most 240 bytes. */
static bool is_in_table(const uint8_t *name)
{
	const uint8_t *last = name;

	if (name_labels(name) < 2 || name_len(name) - 2 > 240)
		return false;
	for (const uint8_t *p = name; *p != 0; p += *p + 1) {
		if (p[1] == '-' || p[*p] == '-')
			return false;
		last = p;
	}
	if (last[0] > 4 && memcmp(last + 1, "xn--", 4) == 0)
		return true;
	for (unsigned i = 1; i <= last[0]; i++) {
		if (last[i] < 'a' || last[i] > 'z')
			return false;
	}
	return last[0] >= 2;
}

static int on_name(
    void *ctx, const uint8_t *name, size_t name_len, enum rule_kind kind, uint64_t line)
{
	struct names *names = ctx;
	char text[NAME_TEXT_SIZE];

	(void)kind;
	(void)line;
	(void)name_len;
	if (!is_in_table(name))
		return 0;
	if (names->n == names->size) {
		names->size = names->size * 2 + 1024;
		names->texts = realloc(names->texts, names->size * sizeof(*names->texts));
		assert_non_null(names->texts);
	}
	names->texts[names->n] = strdup(name_to_text(name, text));
	assert_non_null(names->texts[names->n]);
	names->n++;
	return 0;
}

static int text_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t count_distinct(struct names *names)
{
	size_t n = 0;

	qsort(names->texts, names->n, sizeof(*names->texts), text_order);
	for (size_t i = 0; i < names->n; i++)
		n += i == 0 || strcmp(names->texts[i - 1], names->texts[i]) != 0;
	for (size_t i = 0; i < names->n; i++)
		free(names->texts[i]);
	free(names->texts);
	return n;
}

static char *unpack(const char *path, size_t *len)
{
	struct why why = {""};
	char *text = NULL;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execlp("xz", "xz", "-dc", path, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (file_read(fds[0], path, COMPILE_TEXT_MAX, &text, len, &why) != 0)
		fail_msg("%s", why.text);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return text;
}

static void check_list(const char *folder, const char *file, const char *syntax, size_t expected)
{
	struct names names = {0};
	struct feed_sink sink = {.ctx = &names, .rule = on_name};
	struct feed_counts counts;
	struct why why = {""};
	char path[8192];
	size_t len, n;
	char *text;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	text = unpack(path, &len);
	assert_ptr_equal(feed_detect(text, len, &why), feed_find(syntax));
	if (feed_parse(text, len, NULL, &sink, &counts, &why) != 0)
		fail_msg("%s: %s", file, why.text);
	free(text);
	n = count_distinct(&names);
	if (n != expected)
		fail_msg("%s: %zu names, but its table says %zu", file, n, expected);
}

/* The fields of `| FILE | SOURCE | SNAPSHOT | LICENCE | FORMAT | LINES | NAMES |`. */
static bool split_row(char *row, char *fields[7])
{
	char *save = NULL, *field = strtok_r(row, "|", &save);
	unsigned n = 0;

	for (; field != NULL && n < 7; field = strtok_r(NULL, "|", &save)) {
		size_t len;

		field += strspn(field, " ");
		len = strlen(field);
		while (len != 0 && (field[len - 1] == ' ' || field[len - 1] == '\n'))
			field[--len] = '\0';
		fields[n++] = field;
	}
	return n == 7 && strlen(fields[0]) > 3 &&
	       strcmp(fields[0] + strlen(fields[0]) - 3, ".xz") == 0;
}

static void test_real_lists(void **state)
{
	const char *top = getenv("top_srcdir");
	char folder[4096], path[4200], row[2048], *fields[7];
	unsigned n = 0;
	FILE *f;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/../shared/lists", top != NULL ? top : ".");
	snprintf(path, sizeof(path), "%s/README.md", folder);
	f = fopen(path, "r");
	if (f == NULL)
		skip();
	while (f != NULL && fgets(row, sizeof(row), f) != NULL) {
		const char *syntax = NULL;

		if (!split_row(row, fields))
			continue;
		if (strncmp(fields[4], "hosts", 5) == 0)
			syntax = "hosts";
		else if (strncmp(fields[4], "plain domains", 13) == 0)
			syntax = "domains";
		if (syntax == NULL)
			continue;
		check_list(folder, fields[0], syntax, strtoul(fields[6], NULL, 10));
		n++;
	}
	if (f != NULL)
		fclose(f);
	assert_true(n >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_line_of_a_megabyte),
	    cmocka_unit_test(test_lengths_of_names),
	    cmocka_unit_test(test_detects),
	    cmocka_unit_test(test_one_stray_line_of_many),
	    cmocka_unit_test(test_refuses_what_is_no_list),
	    cmocka_unit_test(test_refuses_other_syntaxes),
	    cmocka_unit_test(test_lines_without_a_rule),
	    cmocka_unit_test(test_stops_with_the_sink),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_real_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
