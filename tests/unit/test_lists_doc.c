/* test_lists_doc.c - the examples of docs/lists.md, read from the page itself. */
#include "tests/unit/feeds.h"

#define ROW_SIZE 4096

/* One row of a table: `LINE`<br>`LINE` and what they give. */
struct row {
	char lines[ROW_SIZE];
	char expected[ROW_SIZE];
};

/* The text of one cell from *p on, up to the bar that ends it; \| is a bar of its own. */
static bool take_cell(const char **p, char *cell)
{
	size_t n = 0;

	while (**p == ' ')
		++*p;
	for (; **p != '|'; ++*p) {
		if (**p == '\0' || **p == '\n')
			return false;
		if ((*p)[0] == '\\' && (*p)[1] == '|')
			++*p;
		cell[n++] = **p;
	}
	++*p;
	while (n != 0 && cell[n - 1] == ' ')
		n--;
	cell[n] = '\0';
	return true;
}

/* `a`<br>`b` to two lines. */
static bool unquote(char *cell)
{
	const char *p = cell;
	char *out = cell;

	for (;;) {
		const char *end;

		if (*p != '`')
			return false;
		end = strchr(p + 1, '`');
		if (end == NULL)
			return false;
		memmove(out, p + 1, (size_t)(end - p) - 1);
		out += end - p - 1;
		p = end + 1;
		if (strncmp(p, "<br>", 4) != 0)
			break;
		p += 4;
		*out++ = '\n';
	}
	if (*p != '\0')
		return false;
	*out = '\0';
	return true;
}

static bool read_row(const char *text, struct row *row)
{
	if (strncmp(text, "| `", 3) != 0)
		return false;
	text++;
	return take_cell(&text, row->lines) && unquote(row->lines) &&
	       take_cell(&text, row->expected);
}

static void check_row(const struct feed_syntax *syntax, const struct row *row, bool rewrites)
{
	static struct given given;
	bool nothing = strcmp(row->expected, "nothing") == 0;

	given_parse(&given, syntax->name, row->lines, strlen(row->lines), rewrites);
	if (strcmp(given.text, nothing ? "" : row->expected) != 0)
		fail_msg("%s: `%s` gives %s, but the page says %s", syntax->name, row->lines,
		    given.text[0] != '\0' ? given.text : "nothing", row->expected);
	/* A text that has lines must have a rule. */
	assert_int_equal(given.err, given.counts.rules != 0 || nothing ? 0 : ERR_FORMAT);
}

/* Which syntax a section is about: its text begins "`syntax = NAME`." */
static const struct feed_syntax *syntax_of(const char *text)
{
	char name[32];

	if (sscanf(text, "`syntax = %31[a-z-]`", name) != 1)
		return NULL;
	assert_non_null(feed_find(name));
	return feed_find(name);
}

static void test_examples(void **state)
{
	const char *top = getenv("top_srcdir");
	const struct feed_syntax *syntax = NULL, *begins;
	unsigned n_rows[2][16] = {{0}};
	char path[4096], text[ROW_SIZE];
	bool rewrites = false;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/docs/lists.md", top != NULL ? top : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(text, sizeof(text), f) != NULL) {
		static struct row row;

		if (strncmp(text, "## ", 3) == 0)
			syntax = NULL;
		if (text[0] == '#')
			rewrites = strstr(text, "trust = rewrite") != NULL;
		begins = syntax_of(text);
		if (begins != NULL)
			syntax = begins;
		if (syntax == NULL || !read_row(text, &row))
			continue;
		check_row(syntax, &row, rewrites);
		for (size_t i = 0; feed_syntaxes[i] != NULL; i++)
			n_rows[rewrites][i] += feed_syntaxes[i] == syntax;
	}
	fclose(f);
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++) {
		if (n_rows[0][i] < 20)
			fail_msg("%s has %u examples", feed_syntaxes[i]->name, n_rows[0][i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
