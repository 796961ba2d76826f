/* test_adblock_modifiers.c - what the modifiers of a rule make of it, and the pieces they are cut
 * into. */
#include "tests/unit/feeds.h"

#include "blocklists/adblock.h"
#include "lib/dns/msg.h"

/* Read modifiers in a block of exactly their size, so that reading behind them is seen. */
static bool read_modifiers(struct adblock_modifiers *m, const char *text, bool allow, bool rewrites,
    enum feed_skip *reason)
{
	size_t len = strlen(text);
	char *copy = malloc(len != 0 ? len : 1);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, text, len);
	ok = adblock_read_modifiers(m, copy, len, allow, rewrites, reason);
	free(copy);
	return ok;
}

struct row {
	const char *text, *effect; /* NULL: it is skipped */
	enum feed_skip reason;
};

static void check(const struct row *rows, size_t n, bool allow, bool rewrites)
{
	static struct adblock_modifiers m;
	static char words[4 * EFFECT_SIZE];

	for (size_t i = 0; i < n; i++) {
		enum feed_skip reason = FEED_SKIPS;
		bool ok = read_modifiers(&m, rows[i].text, allow, rewrites, &reason);

		if (!ok && (rows[i].effect != NULL || reason != rows[i].reason))
			fail_msg("%s: skipped, %d", rows[i].text, (int)reason);
		if (!ok)
			continue;
		assert_int_equal(effect_check(m.effect.bytes, m.effect.len), 0);
		effect_text(m.effect.bytes, m.effect.len, words, sizeof(words));
		if (rows[i].effect == NULL || strcmp(words, rows[i].effect) != 0)
			fail_msg("%s: gives %s", rows[i].text, words);
	}
}

static void test_effects(void **state)
{
	static const struct row rows[] = {
	    {"", "", 0},
	    {"important", "block important", 0},
	    {"dnstype=A|aaaa", "block types=A,AAAA", 0},
	    {"dnstype=~A", "block types=~A", 0},
	    {"dnstype=~A|MX", "block types=MX", 0},
	    {"denyallow=A.example|b.example", "block except=a.example,b.example", 0},
	    {"client=192.0.2.7", "block clients=192.0.2.7", 0},
	    {"client=192.0.2.77/24", "block clients=192.0.2.0/24", 0},
	    {"client=~'192.0.2.7'", "block clients=~192.0.2.7", 0},
	    {"client=\"2001:db8:ffff::1/33\"", "block clients=2001:db8:8000::/33", 0},
	    {"client=0.0.0.0/0", "block clients=0.0.0.0/0", 0},
	    {"dnstype=A,important", "block important types=A", 0},
	    {"badfilter", "", 0},
	};
	static const struct row allows[] = {
	    {"", "allow", 0},
	    {"important", "allow important", 0},
	    {"dnstype=A", "allow types=A", 0},
	};

	(void)state;
	check(rows, FEEDS_COUNT(rows), false, false);
	check(allows, FEEDS_COUNT(allows), true, false);
}

/* Without what is not known here the rule would be another. */
static void test_skipped(void **state)
{
	static const struct row rows[] = {
	    {"third-party", NULL, FEED_BROWSER},
	    {"important,domain=a.example", NULL, FEED_BROWSER},
	    {"~third-party,important", NULL, FEED_BROWSER},
	    {"all", NULL, FEED_BROWSER},
	    {"Important", NULL, FEED_BROWSER},
	    {"~important", NULL, FEED_BROWSER},
	    {"client=telly", NULL, FEED_CLIENT},
	    {"client=192.0.2.7|telly", NULL, FEED_CLIENT},
	    {"client=192.0.2.0/33", NULL, FEED_CLIENT},
	    {"client=192.0.2.0/", NULL, FEED_CLIENT},
	    {"client=fe80::1%eth0", NULL, FEED_CLIENT},
	    {"ctag=device_phone", NULL, FEED_CLIENT},
	    {"ctag=", NULL, FEED_BAD},
	    {"client=", NULL, FEED_BAD},
	    {"client=192.0.2.7|", NULL, FEED_BAD},
	    {"dnstype=", NULL, FEED_BAD},
	    {"dnstype", NULL, FEED_BAD},
	    {"dnstype=NOTYPE", NULL, FEED_BAD},
	    {"dnstype=A||MX", NULL, FEED_BAD},
	    {"dnstype=~", NULL, FEED_BAD},
	    {"denyallow=", NULL, FEED_BAD},
	    {"denyallow=a..example", NULL, FEED_BAD},
	    {"important=yes", NULL, FEED_BAD},
	    {"badfilter=", NULL, FEED_BAD},
	    {"important,", NULL, FEED_BAD},
	    {",important", NULL, FEED_BAD},
	    {"important,,badfilter", NULL, FEED_BAD},
	    {"impor tant", NULL, FEED_BAD},
	    {"third-party,!", NULL, FEED_BAD},
	};

	(void)state;
	check(rows, FEEDS_COUNT(rows), false, true);
}

/* A list that may only block: what blocks is kept as a block. */
static void test_rewrite_of_a_blocking_list(void **state)
{
	static const struct row rows[] = {
	    {"dnsrewrite=NXDOMAIN", "", 0},
	    {"dnsrewrite=0.0.0.0", "", 0},
	    {"dnsrewrite=NOERROR;AAAA;::,important", "block important", 0},
	    {"dnsrewrite=192.0.2.1", NULL, FEED_REWRITE},
	    {"dnsrewrite=a.example", NULL, FEED_REWRITE},
	    {"dnsrewrite", NULL, FEED_BAD},
	    {"dnsrewrite=", NULL, FEED_BAD},
	};

	(void)state;
	check(rows, FEEDS_COUNT(rows), false, false);
}

static void test_rewrite_of_a_trusted_list(void **state)
{
	static const struct row rows[] = {
	    {"dnsrewrite=NXDOMAIN", "answer rcode=NXDOMAIN", 0},
	    {"dnsrewrite=192.0.2.1", "answer A=192.0.2.1", 0},
	    {"dnsrewrite=0.0.0.0", "answer A=0.0.0.0", 0},
	    {"dnsrewrite=a.example,important,dnstype=A", "answer important types=A CNAME=a.example",
		0},
	    {"dnsrewrite=a..example", NULL, FEED_BAD},
	    {"dnsrewrite=NOERROR;NS;a.example", NULL, FEED_NOT_HERE},
	    {"dnsrewrite=192.0.2.1,dnsrewrite=192.0.2.2", NULL, FEED_BAD},
	    {"dnsrewrite", NULL, FEED_BAD},
	};
	static const struct row allows[] = {
	    {"dnsrewrite", "no-answer", 0}, {"dnsrewrite=", "no-answer", 0},
	    {"dnsrewrite=192.0.2.1", "no-answer A=192.0.2.1", 0},
	    {"dnsrewrite=REFUSED,important", "no-answer important rcode=REFUSED", 0},
	    {"dnsrewrite=NOERROR", NULL, FEED_NOT_HERE}, /* as one without a value */
	};

	(void)state;
	check(rows, FEEDS_COUNT(rows), false, true);
	check(allows, FEEDS_COUNT(allows), true, true);
	check(allows, FEEDS_COUNT(allows), true, false); /* that gives no name an answer */
}

static void test_flags(void **state)
{
	static const struct {
		const char *text;
		bool badfilter, rewrite, limited;
	} rows[] = {
	    {"", false, false, false},
	    {"important", false, false, false},
	    {"badfilter", true, false, false},
	    {"dnsrewrite=NXDOMAIN", false, true, false},
	    {"badfilter,dnsrewrite=192.0.2.1", true, true, false}, /* of a list that may answer */
	    {"dnstype=A", false, false, true},
	    {"client=192.0.2.7", false, false, true},
	    {"denyallow=a.example,important", false, false, true},
	    {"badfilter,dnstype=~A", true, false, true},
	};
	static struct adblock_modifiers m;
	enum feed_skip reason;

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		memset(&m, 0xff, sizeof(m));
		if (!read_modifiers(&m, rows[i].text, false, false, &reason) ||
		    m.badfilter != rows[i].badfilter || m.rewrite != rows[i].rewrite ||
		    m.limited != rows[i].limited)
			fail_msg("%s", rows[i].text);
	}
}

static void test_is_modifiers(void **state)
{
	static const char *const yes[] = {"important", "dnstype=A", "dnsrewrite", "ctag=x,y",
	    "third-party", "~third-party,important", "domain=a.example", "badfilter,!"};
	static const char *const no[] = {
	    "", "~", "importantly", "import", "/", "a.example", "=A", ",important", "important/"};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(yes); i++) {
		if (!adblock_is_modifiers(yes[i], strlen(yes[i])))
			fail_msg("%s", yes[i]);
	}
	for (size_t i = 0; i < FEEDS_COUNT(no); i++) {
		if (adblock_is_modifiers(no[i], strlen(no[i])))
			fail_msg("%s", no[i]);
	}
	assert_false(adblock_is_modifiers("important", 8));
}

static void test_item(void **state)
{
	(void)state;
	assert_int_equal(adblock_item(TEXT(""), ','), 0);
	assert_int_equal(adblock_item(TEXT("ab,c"), ','), 2);
	assert_int_equal(adblock_item(TEXT("ab,c"), '|'), 4);
	assert_int_equal(adblock_item(TEXT("a\\,b,c"), ','), 4);
	assert_int_equal(adblock_item(TEXT("a\\\\,c"), ','), 3);
	assert_int_equal(adblock_item(TEXT("a\\"), ','), 2);
	assert_int_equal(adblock_item("a\\,", 2, ','), 2);
}

static void test_unescape(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(adblock_unescape(TEXT("\\,\\|\\'\\\""), out, sizeof(out)), 4);
	assert_string_equal(out, ",|'\"");
	assert_int_equal(adblock_unescape(TEXT("a\\nb\\"), out, sizeof(out)), 5);
	assert_string_equal(out, "a\\nb\\");
	assert_int_equal(adblock_unescape(TEXT("1234567"), out, sizeof(out)), 7);
	assert_string_equal(out, "1234567");
	assert_int_equal(adblock_unescape(TEXT("12345678"), out, sizeof(out)), 0);
	assert_int_equal(adblock_unescape(TEXT("\\,234567"), out, sizeof(out)), 7);
	assert_int_equal(adblock_unescape(TEXT("a\0b"), out, sizeof(out)), 0);
}

static void test_type(void **state)
{
	(void)state;
	assert_int_equal(adblock_type(TEXT("A")), TYPE_A);
	assert_int_equal(adblock_type(TEXT("aAaA")), TYPE_AAAA);
	assert_int_equal(adblock_type(TEXT("https")), TYPE_HTTPS);
	assert_int_equal(adblock_type("AAAA", 1), TYPE_A);
	assert_int_equal(adblock_type(TEXT("")), 0);
	assert_int_equal(adblock_type(TEXT("A ")), 0);
	assert_int_equal(adblock_type(TEXT("A\0A")), 0);
	assert_int_equal(adblock_type(TEXT("NOSUCHTYPE")), 0);
	assert_int_equal(adblock_type(TEXT("a-name-longer-than-any-type")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_effects),
	    cmocka_unit_test(test_skipped),
	    cmocka_unit_test(test_rewrite_of_a_blocking_list),
	    cmocka_unit_test(test_rewrite_of_a_trusted_list),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_is_modifiers),
	    cmocka_unit_test(test_item),
	    cmocka_unit_test(test_unescape),
	    cmocka_unit_test(test_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
