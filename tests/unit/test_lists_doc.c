/* test_lists_doc.c - the examples of docs/lists.md, read from the page itself. */
#include "tests/unit/lists.h"

#include "blocklists/feed.h"

/* What the line gave, in the words of the page. */
struct given {
	char text[1024];
};

static void give(struct given *given, const char *what, const char *name)
{
	size_t len = strlen(given->text);

	snprintf(given->text + len, sizeof(given->text) - len, "%s%s%s%s", len != 0 ? ", " : "",
	    what, name[0] != '\0' ? " " : "", name);
}

static int on_rule(
    void *ctx, const uint8_t *name, size_t name_len, enum rule_kind kind, uint64_t line)
{
	char text[NAME_TEXT_SIZE];

	(void)name_len;
	assert_int_equal(line, 1);
	give(ctx, rule_kind_text(kind), name_to_text(name, text));
	return 0;
}

static void on_skip(void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len)
{
	static const char *const words[] = {
	    [FEED_BAD] = "bad", [FEED_OWN_NAME] = "own", [FEED_REWRITE] = "address"};

	(void)text;
	(void)len;
	assert_int_equal(line, 1);
	give(ctx, words[reason], "");
}

static void check_row(const struct feed_syntax *syntax, const char *line, const char *expected)
{
	struct given given = {""};
	struct feed_sink sink = {.ctx = &given, .rule = on_rule, .skip = on_skip};
	struct feed_counts counts;
	int err = feed_parse(line, strlen(line), syntax, &sink, &counts, NULL);

	if (given.text[0] == '\0')
		give(&given, "nothing", "");
	if (strcmp(given.text, expected) != 0)
		fail_msg("%s: `%s` gives %s, but the page says %s", syntax->name, line, given.text,
		    expected);
	/* A text that has lines must have a rule. */
	assert_int_equal(
	    err, counts.rules != 0 || strcmp(expected, "nothing") == 0 ? 0 : ERR_FORMAT);
}

/* `| `LINE` | EXPECTED |`, with \| for a bar in LINE. */
static bool read_row(char *row, char *line, char **expected)
{
	char *p = row + 3, *end;

	if (strncmp(row, "| `", 3) != 0)
		return false;
	for (; *p != '`' && *p != '\0'; p++) {
		if (p[0] == '\\' && p[1] == '|')
			p++;
		*line++ = *p;
	}
	*line = '\0';
	assert_int_equal(strncmp(p, "` | ", 4), 0);
	*expected = p + 4;
	end = strstr(*expected, " |");
	assert_non_null(end);
	*end = '\0';
	return true;
}

static void test_examples(void **state)
{
	const char *top = getenv("top_srcdir");
	const struct feed_syntax *syntax = NULL;
	unsigned n_rows[2] = {0, 0};
	char path[4096], row[512], line[512], *expected;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/docs/lists.md", top != NULL ? top : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(row, sizeof(row), f) != NULL) {
		if (strncmp(row, "## Hosts", 8) == 0)
			syntax = feed_find("hosts");
		else if (strncmp(row, "## Plain", 8) == 0)
			syntax = feed_find("domains");
		if (syntax == NULL || !read_row(row, line, &expected))
			continue;
		check_row(syntax, line, expected);
		n_rows[syntax == feed_find("domains")]++;
	}
	fclose(f);
	assert_true(n_rows[0] >= 30 && n_rows[1] >= 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
