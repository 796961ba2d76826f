/* test_feed_wildcards.c - lists of wildcards; docs/lists.md has the plain examples. */
#include "tests/unit/feeds.h"

#include "blocklists/regex.h"

static void test_words(void **state)
{
	static const struct given_row rows[] = {
	    {"*.a.example # why", "suffix a.example"},
	    {"*.a.example.", "suffix a.example"},
	    {"*.*.a.example", "regex /\\..*\\.a\\.example$/"},
	    {"a.*.example", "regex /(^|\\.)a\\..*\\.example$/"},
	    {"a**b.example", "regex /(^|\\.)a.*b\\.example$/"},
	    {"A*B.example", "regex /(^|\\.)a.*b\\.example$/"},
	    {"a*.example.", "regex /(^|\\.)a.*\\.example$/"},
	    {"ads_*-x.example", "regex /(^|\\.)ads_.*-x\\.example$/"},
	    {"**", "not-here"},
	    {"*.**.*", "not-here"},
	    {"*..*", "bad"},
	    {".*.a.example", "bad"},
	    {"10.*", "bad"},
	    {"*[a-z].example", "bad"},
	    {"*/ads*", "bad"},
	    {"(*.a.example)", "bad"},
	};

	(void)state;
	given_check("wildcards", rows, FEEDS_COUNT(rows), false);
}

/* Long ones, and one that is longer than a name. */
static void test_lengths(void **state)
{
	static struct given given;
	char text[300];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[0] = '*';
	given_parse(&given, "wildcards", text, 100, false);
	assert_int_equal(given.counts.rules, 1);
	/* So long an expression takes too long to compile. */
	given_parse(&given, "wildcards", text, 255, false);
	assert_int_equal(given.counts.skips[FEED_BUDGET], 1);
	given_parse(&given, "wildcards", text, 256, false);
	assert_int_equal(given.counts.rules, 0);
	assert_int_equal(given.counts.skips[FEED_BAD], 1);
	/* Each dot takes two bytes of the expression. */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 != 0 ? '.' : 'a';
	text[100] = '*';
	given_parse(&given, "wildcards", text, 101, false);
	assert_int_equal(given.counts.rules, 1);
}

struct asked {
	const char *name;
	bool matches;
};

static int on_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	struct asked *asked = ctx;
	struct why why = {""};
	struct regex regex;

	(void)line;
	assert_int_equal(rule->kind, RULE_REGEX);
	if (regex_compile(&regex, rule->regex, rule->regex_len, rule->inverted, &why) != 0)
		fail_msg("%s", why.text);
	asked->matches = regex_matches(&regex, asked->name, strlen(asked->name));
	regex_free(&regex);
	return 0;
}

/* The expressions mean what a star means. */
static void test_matches(void **state)
{
	static const struct {
		const char *wildcard, *name;
		bool matches;
	} rows[] = {
	    {"ads*.example.com", "ads.example.com", true},
	    {"ads*.example.com", "ads1.example.com", true},
	    {"ads*.example.com", "x.ads1.example.com", true},
	    {"ads*.example.com", "ads.x.example.com", true},
	    {"ads*.example.com", "bads.example.com", false},
	    {"ads*.example.com", "example.com", false},
	    {"ads*.example.com", "ads.example.com.net", false},
	    {"ads*.example.com", "ads.examplexcom", false},
	    {"*ads.example.com", "ads.example.com", true},
	    {"*ads.example.com", "bads.example.com", true},
	    {"*ads.example.com", "x.ads.example.com", true},
	    {"*ads.example.com", "ads.example.com.net", false},
	    {"ads.*", "ads.example.com", true},
	    {"ads.*", "x.ads.example.com", true},
	    {"ads.*", "bads.example.com", false},
	    {"ads.*", "ads", false},
	    {"*-ads-*", "x-ads-y.example", true},
	    {"*-ads-*", "ads-y.example", false},
	};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		struct asked asked = {.name = rows[i].name};
		struct feed_sink sink = {.ctx = &asked, .rule = on_rule};
		struct feed_counts counts;

		assert_int_equal(feed_parse(rows[i].wildcard, strlen(rows[i].wildcard),
				     &feed_wildcards, &sink, &counts, NULL),
		    0);
		if (asked.matches != rows[i].matches)
			fail_msg("%s and %s", rows[i].wildcard, rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
