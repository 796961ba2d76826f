/* test_feed.c - what all list syntaxes share: lines, names, wildcards, and which syntax a text is
 * in. */
#include "tests/unit/feeds.h"

#include <sys/socket.h>

#include "lib/dns/name.h"

static struct given given;

/* A line of each syntax and what it gives. */
static const struct {
	const char *syntax, *line, *gives, *comment;
} each[] = {
    {"hosts", "0.0.0.0 a.example", "exact a.example", "#"},
    {"domains", "a.example", "suffix a.example", "#"},
    {"wildcards", "*.a.example", "suffix a.example", "#"},
    {"adblock", "||a.example^", "suffix a.example", "!"},
    {"dnsmasq", "address=/a.example/", "suffix a.example", "#"},
    {"unbound", "local-zone: \"a.example\" static", "suffix a.example", "#"},
    {"smartdns", "address /a.example/#", "suffix a.example", "#"},
    {"rpz", "a.example CNAME .", "exact a.example", ";"},
    {"pihole-regex", "^a[0-9]", "regex /^a[0-9]/", "#"},
};

/* `LINE` of the syntax as line `number`. */
static void gives_at(size_t i, const char *text, size_t len, unsigned number, uint64_t lines)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "%u %s", number, each[i].gives);
	given.with_lines = true;
	given_parse(&given, each[i].syntax, text, len, false);
	given.with_lines = false;
	if (strcmp(given.text, expected) != 0 || given.err != 0 || given.counts.lines != lines)
		fail_msg("%s: %s (%llu lines, %s), not %s", each[i].syntax, given.text,
		    (unsigned long long)given.counts.lines, given.why.text, expected);
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(each); i++) {
		const char *line = each[i].line, *c = each[i].comment;
		char text[512];

		snprintf(text, sizeof(text), "%s\n", line);
		gives_at(i, text, strlen(text), 1, 1);
		gives_at(i, line, strlen(line), 1, 1);
		snprintf(text, sizeof(text), "%s\r\n\r\n", line);
		gives_at(i, text, strlen(text), 1, 2);
		snprintf(text, sizeof(text), "\357\273\277%s\n", line);
		gives_at(i, text, strlen(text), 1, 1);
		snprintf(text, sizeof(text), "\357\273\277%s caf\351\n\n%s \t", c, line);
		gives_at(i, text, strlen(text), 3, 3);
		snprintf(text, sizeof(text), "%s \344\366\374\r\n%s\n%s x", c, line, c);
		gives_at(i, text, strlen(text), 2, 3);
	}
}

/* A line with NUL bytes is one like others: not understood, or a comment. */
static void test_nul_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(each); i++) {
		char text[512];
		int n =
		    snprintf(text, sizeof(text), "%s \1 x\n%s\n", each[i].comment, each[i].line);

		*strchr(text, 1) = 0;
		gives_at(i, text, (size_t)n, 2, 2);
	}
	given_parse(&given, "domains", TEXT("a.ex\0ample\nb.example\n\0\nc.example\n"), false);
	assert_string_equal(given.text, "bad, suffix b.example, bad, suffix c.example");
	given_parse(&given, "hosts",
	    TEXT("0.0.0.0\ta.exam\0ple\n0.0.0.0\0 x.example\n0.0.0.0 b.example"), false);
	assert_string_equal(given.text, "bad, bad, exact b.example");
}

static void test_line_of_a_megabyte(void **state)
{
	size_t len = (size_t)1 << 20;
	char *text = malloc(len + 256);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < FEEDS_COUNT(each); i++) {
		int n = snprintf(text + len, 256, "\n%s\n", each[i].line);

		/* as a comment, and as something that is far too long */
		memset(text, 'a', len);
		text[0] = each[i].comment[0];
		gives_at(i, text, len + (size_t)n, 2, 2);
		text[0] = 'a';
		given_parse(&given, each[i].syntax, text, len + (size_t)n, false);
		assert_int_equal(given.err, 0);
		assert_int_equal(given.counts.rules, 1);
	}
	free(text);
}

static void test_counts(void **state)
{
	static const char text[] = "127.0.0.1 localhost local\n# c\n\n0.0.0.0 a.example a.example\n"
				   "192.0.2.1 b.example\n0.0.0.0 1.2.3.4 c_.example\nnonsense\n";

	(void)state;
	given_parse(&given, "hosts", text, sizeof(text) - 1, false);
	assert_int_equal(given.err, 0);
	assert_int_equal(given.counts.lines, 7);
	assert_int_equal(given.counts.rules, 3);
	assert_int_equal(given.counts.skips[FEED_OWN_NAME], 2);
	assert_int_equal(given.counts.skips[FEED_REWRITE], 1);
	assert_int_equal(given.counts.skips[FEED_BAD], 2);
	assert_int_equal(given.counts.first_bad_line, 6);
}

/* ---- names and addresses ---- */

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

/* Every byte, in every place of a label: a name has letters, digits, hyphen and underscore, and
 * dots between labels. */
static void test_bytes_of_names(void **state)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		bool expected = byte != 0 && strchr(allowed, (int)byte) != NULL;
		char text[] = "?x.exampl?";
		uint8_t wire[NAME_SIZE];
		size_t len;

		text[0] = text[9] = (char)byte;
		if (feed_name(text, 10, wire, &len) != expected)
			fail_msg("byte %u", byte);
		if (!expected)
			continue;
		assert_int_equal(len, 12);
		assert_int_equal(wire[0], 2);
		assert_int_equal(wire[3], 7);
		assert_int_equal(wire[11], 0);
		assert_int_equal(wire[1], byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
		assert_int_equal(wire[10], wire[1]);
	}
}

/* And in every place of the name, with a dot too, which parts two labels, or is the root's. */
static void test_places_of_bytes(void **state)
{
	enum { N = 19 };
	uint8_t wire[NAME_SIZE];
	size_t len;

	(void)state;
	for (unsigned place = 0; place < N; place++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
			bool expected = letter || (byte >= '0' && byte <= '9') || byte == '-' ||
					byte == '_' || (byte == '.' && place != 0);
			char text[N];

			memset(text, 'x', sizeof(text));
			text[place] = (char)byte;
			if (feed_name(text, N, wire, &len) != expected)
				fail_msg("byte %u at %u", byte, place);
			if (!expected)
				continue;
			assert_int_equal(len, byte == '.' && place == N - 1 ? N + 1 : N + 2);
			assert_int_equal(wire[0], byte == '.' ? place : N);
			assert_int_equal(wire[len - 1], 0);
			if (byte == '.')
				assert_int_equal(wire[place + 1], N - 1 - place);
			else
				assert_int_equal(wire[place + 1], letter ? byte | 0x20 : byte);
		}
	}
}

static void test_unicode(void **state)
{
	static const struct {
		const char *text, *name; /* NULL: none */
	} rows[] = {
	    {"a.example", "a.example"},
	    {"B\303\274cher.example", "xn--bcher-kva.example"},
	    {"B\303\234CHER.EXAMPLE.", "xn--bcher-kva.example"},
	    {"bu\314\210cher.example", "xn--bcher-kva.example"}, /* u and a combining diaeresis */
	    {"fa\303\237.example", "xn--fa-hia.example"},	 /* non-transitional: not fass */
	    {"\346\227\245\346\234\254\343\200\202example", "xn--wgv71a.example"},
	    {"caf\351.example", NULL}, /* Latin-1 */
	    {"\303\274..example", NULL},
	    {"\303\274 x.example", NULL},
	    {"\303\274/x.example", NULL},
	    {"\303\274*.example", NULL},
	    {"\303\274\377.example", NULL},
	    {"\303\274.123", NULL},
	    {"", NULL},
	};
	uint8_t wire[NAME_SIZE];
	char text[NAME_TEXT_SIZE];
	size_t len;

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		bool is_name = feed_host(rows[i].text, strlen(rows[i].text), wire, &len);

		if (is_name != (rows[i].name != NULL))
			fail_msg("%s", rows[i].text);
		if (!is_name)
			continue;
		assert_string_equal(name_to_text(wire, text), rows[i].name);
		assert_int_equal(len, name_len(wire));
	}
	assert_false(feed_host("\303\274\0.example", 11, wire, &len));
}

static void test_long_unicode(void **state)
{
	size_t len = (size_t)1 << 20, name_len;
	uint8_t wire[NAME_SIZE];
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i + 1 < len; i += 2)
		memcpy(text + i, "\303\274", 2);
	assert_false(feed_host(text, len, wire, &name_len));
	assert_false(feed_host(text, 1024, wire, &name_len));
	assert_true(feed_host(text, 40, wire, &name_len));
	free(text);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *text;
		int family;
		bool sink;
	} rows[] = {
	    {"0.0.0.0", AF_INET, true},
	    {"127.0.0.1", AF_INET, true},
	    {"127.255.0.9", AF_INET, true},
	    {"128.0.0.1", AF_INET, false},
	    {"0.0.0.1", AF_INET, false},
	    {"::", AF_INET6, true},
	    {"::1", AF_INET6, true},
	    {"::2", AF_INET6, false},
	    {"0:0:0:0:0:0:0:1", AF_INET6, true},
	    {"fe80::1%lo0", AF_INET6, false},
	    {"127.0.0.1%lo", 0, false},
	    {"0.0.0.0.", 0, false},
	    {"0.0.0", 0, false},
	    {"1.2.3.4/32", 0, false},
	    {":::", 0, false},
	    {"", 0, false},
	};
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		size_t len = strlen(rows[i].text);

		assert_int_equal(feed_address(rows[i].text, len, bytes), rows[i].family);
		assert_int_equal(feed_is_address(rows[i].text, len), rows[i].family != 0);
		assert_int_equal(feed_is_sink_address(rows[i].text, len), rows[i].sink);
	}
}

/* ---- which syntax ---- */

static void test_detects(void **state)
{
	static const struct {
		const char *text, *syntax;
	} rows[] = {
	    {"0.0.0.0 a.example\n", "hosts"},
	    {"# c\n! c\n\n\n127.0.0.1 localhost\n::1 localhost\n0.0.0.0 a.example\n", "hosts"},
	    {"192.168.1.7 nas.example\n0.0.0.0 a.example", "hosts"},
	    {"0.0.0.0 b\303\274cher.example\n", "hosts"},
	    {"a.example", "domains"},
	    {"\357\273\277! title\r\na.example\r\nb.example # c\r\n", "domains"},
	    {"192.0.2.1\n192.0.2.2\n192.0.2.3\na.example\n", "domains"},
	    {"com\nlocalhost\n.a.example\n", "domains"},
	    {"", "hosts"},
	    {"# nothing\n\n! but comments", "hosts"},
	    /* a stray line or two */
	    {"a.example\nb.example\nsome words\nc.example", "domains"},
	    {"b\303\274cher.example\nb\303\244cher.example\na.example\n", "domains"},
	    {"*.a.example\n*.b.example\n", "wildcards"},
	    {"# title\n*.a.example\nb.example\nc.example\nad*.d.example\n", "wildcards"},
	    {"! title\n[Adblock Plus 2.0]\n||a.example^\n", "adblock"},
	    {"! title\n\n||a.example^\n||b.example^\n", "adblock"},
	    {"a.example\n@@||b.example^\nc.example\n", "adblock"},
	    {"||a.example^\n0.0.0.0 b.example\nc.example\n", "adblock"},
	    {"||a.example^$important\n/^ads[0-9]/\n@@||b.example^|\n", "adblock"},
	    {"example.com##.banner\n||a.example^\n/banner/*$script\n", "adblock"},
	    {"# c\naddress=/a.example/0.0.0.0\n", "dnsmasq"},
	    {"server=/a.example/\n", "dnsmasq"},
	    {"no-resolv\ncache-size=100\nlocal=/a.example/\n", "dnsmasq"},
	    {"address /a.example/#\n", "smartdns"},
	    {"server 192.0.2.53\nspeed-check-mode none\naddress /a.example/#\n", "smartdns"},
	    {"server:\n  local-zone: \"a.example\" refuse\n", "unbound"},
	    {"local-zone: \"a.example\" always_nxdomain\n", "unbound"},
	    {"server:\n  verbosity: 1\n  do-ip6: no\n  local-zone: a.example refuse\n", "unbound"},
	    {"$TTL 60\n@ SOA x y 1 1 1 1 1\na.example CNAME .\n", "rpz"},
	    {"a.example CNAME .\n*.a.example CNAME .\n", "rpz"},
	    {"$TTL 60\n@ IN SOA x. y. (\n 1 ; serial\n 2\n 3\n 4\n 5 )\n IN NS x.\na CNAME .\n",
		"rpz"},
	    {"^ad[0-9]+\\.\n(^|\\.)ads\\.example$\n", "pihole-regex"},
	};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		struct why why = {""};
		const struct feed_syntax *syntax =
		    feed_detect(rows[i].text, strlen(rows[i].text), &why);

		if (syntax == NULL || strcmp(syntax->name, rows[i].syntax) != 0)
			fail_msg("`%s` is %s (%s), not %s", rows[i].text,
			    syntax != NULL ? syntax->name : "nothing", why.text, rows[i].syntax);
	}
}

/* Every example of the table is of its own syntax. */
static void test_detects_examples(void **state)
{
	(void)state;
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++) {
		const char *example = feed_syntaxes[i]->example;
		struct why why = {""};

		assert_ptr_equal(feed_detect(example, strlen(example), &why), feed_syntaxes[i]);
		given_parse(&given, feed_syntaxes[i]->name, example, strlen(example), false);
		assert_int_equal(given.counts.rules, 1);
	}
	for (size_t i = 0; i < FEEDS_COUNT(each); i++) {
		struct why why = {""};

		assert_ptr_equal(feed_detect(each[i].line, strlen(each[i].line), &why),
		    feed_find(each[i].syntax));
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

/* What begins like a plain list can go on otherwise: lines all over the text are looked at. */
static void test_looks_all_over(void **state)
{
	size_t size = 200000, len = 0;
	char *text = malloc(size);
	struct why why;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < 5000; i++)
		len += (size_t)snprintf(text + len, size - len,
		    i < 1000 || i % 2 != 0 ? "a%u.example\n" : "@@||b%u.example^\n", i);
	assert_ptr_equal(feed_detect(text, len, &why), feed_find("adblock"));
	free(text);
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
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		struct why why;

		assert_null(feed_detect(rows[i].text, rows[i].len, &why));
		/* Not where the syntax is given either. */
		for (size_t k = 0; feed_syntaxes[k] != NULL; k++) {
			given_parse(
			    &given, feed_syntaxes[k]->name, rows[i].text, rows[i].len, false);
			assert_int_equal(given.err, ERR_FORMAT);
			assert_string_equal(given.text, "");
			if (strstr(given.why.text, rows[i].reason) == NULL)
				fail_msg("row %zu: %s", i, given.why.text);
		}
	}
}

static void test_refuses_other_texts(void **state)
{
	static const struct {
		const char *text, *line, *reason;
	} rows[] = {
	    {"DOMAIN-SUFFIX,a.example\nDOMAIN,b.example\n", "line 1", "rule set of a proxy"},
	    {"# x\npayload:\n  - '+.a.example'\n", "line 2: `payload:`", "rule set of a proxy"},
	    {"{\"a\": 1}\n", "line 1", "JSON"},
	    {"[\"a.example\",\"b.example\"]\n", "line 1", "JSON"},
	    {"zone \"a.example\" { type master; };\n", "line 1", "BIND"},
	    {"404: Not Found", "line 1: `404: Not Found`", "does not look like a list"},
	    {"Sorry\n\nThere is nothing here.\n", "line 1: `Sorry`", "does not look"},
	    {"two words\n\033[31m\n", "line 1", "does not look"},
	    {"192.0.2.1\n192.0.2.2\n", "line 1", "does not look"},
	    {"Not found\n", "line 1", "does not look"},
	    {"error: no such file\n", "line 1", "does not look"},
	    {"name,category\na.example,ads\nb.example,ads\n", "line 1", "does not look"},
	    {"https://a.example/x\nhttps://b.example/y\n", "line 1", "does not look"},
	};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		given_parse(&given, NULL, rows[i].text, strlen(rows[i].text), false);
		assert_string_equal(given.text, "");
		if (given.err != ERR_FORMAT ||
		    strstr(given.why.text, rows[i].line) != given.why.text ||
		    strstr(given.why.text, rows[i].reason) == NULL)
			fail_msg("row %zu: %s", i, given.why.text);
	}
}

static void test_lines_without_a_rule(void **state)
{
	(void)state;
	given_parse(&given, "hosts", TEXT("# x\n\na.example\nb.example\n"), false);
	assert_int_equal(given.err, ERR_FORMAT);
	assert_non_null(strstr(given.why.text, "line 3: `a.example`"));
	assert_non_null(strstr(given.why.text, "0.0.0.0 ads.example.com"));
	assert_int_equal(given.counts.first_bad_line, 3);
	/* What is not printable is not shown as it is. */
	given_parse(&given, "domains", TEXT("a\033[31m\n"), false);
	assert_int_equal(given.err, ERR_FORMAT);
	assert_null(strchr(given.why.text, '\033'));
	given_parse(&given, NULL, TEXT("127.0.0.1 localhost\n"), false);
	assert_int_equal(given.err, ERR_FORMAT);
	assert_non_null(strstr(given.why.text, "no rule"));
	given_parse(
	    &given, "dnsmasq", TEXT("no-resolv\ncache-size=1\naddress=/localhost/\n"), false);
	assert_int_equal(given.err, ERR_FORMAT);
	assert_string_equal(given.why.text, "no rule: 2 times no rule that counts here");
	given_parse(&given, NULL, TEXT("# just a comment\n"), false);
	assert_int_equal(given.err, 0);
	given_parse(&given, NULL, TEXT(""), false);
	assert_int_equal(given.err, 0);
	assert_int_equal(given.counts.lines, 0);
}

static void test_stops_with_the_sink(void **state)
{
	(void)state;
	given.stop = ERR_NOMEM;
	for (size_t i = 0; i < FEEDS_COUNT(each); i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s\n%s\n", each[i].line, each[i].line);
		given_parse(&given, each[i].syntax, text, strlen(text), false);
		assert_int_equal(given.err, ERR_NOMEM);
		assert_string_equal(given.text, each[i].gives);
	}
	given_parse(
	    &given, "hosts", TEXT("0.0.0.0 a.example b.example\n0.0.0.0 c.example\n"), false);
	assert_int_equal(given.err, ERR_NOMEM);
	assert_string_equal(given.text, "exact a.example");
	given_parse(&given, "dnsmasq", TEXT("address=/a.example/b.example/\n"), false);
	assert_int_equal(given.err, ERR_NOMEM);
	assert_string_equal(given.text, "suffix a.example");
	given.stop = 0;
}

/* A sink may do without a skip callback. */
static int on_rule_alone(void *ctx, const struct rule *rule, uint64_t line)
{
	unsigned *n = ctx;

	(void)rule;
	(void)line;
	++*n;
	return 0;
}

static void test_sink_without_skip(void **state)
{
	unsigned n = 0;
	struct feed_sink sink = {.ctx = &n, .rule = on_rule_alone};
	struct feed_counts counts;

	(void)state;
	assert_int_equal(
	    feed_parse(TEXT("a.example\nnot a name\n"), &feed_domains, &sink, &counts, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(counts.skips[FEED_BAD], 1);
}

static void test_table(void **state)
{
	struct why why = {""};

	(void)state;
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++) {
		assert_ptr_equal(feed_find(feed_syntaxes[i]->name), feed_syntaxes[i]);
		assert_int_equal(feed_check_name(feed_syntaxes[i]->name, &why), 0);
		assert_true((feed_syntaxes[i]->line == NULL) != (feed_syntaxes[i]->text == NULL));
	}
	assert_int_equal(feed_check_name("auto", &why), 0);
	assert_int_equal(feed_check_name("nonsense", &why), ERR_FORMAT);
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++)
		assert_non_null(strstr(why.text, feed_syntaxes[i]->name));
	assert_null(feed_find("auto"));
	assert_null(feed_find("nonsense"));
	for (int i = 0; i < FEED_SKIPS; i++)
		assert_string_not_equal(feed_skip_text((enum feed_skip)i), "unknown reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_nul_bytes),
	    cmocka_unit_test(test_line_of_a_megabyte),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_lengths_of_names),
	    cmocka_unit_test(test_bytes_of_names),
	    cmocka_unit_test(test_places_of_bytes),
	    cmocka_unit_test(test_unicode),
	    cmocka_unit_test(test_long_unicode),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_detects),
	    cmocka_unit_test(test_detects_examples),
	    cmocka_unit_test(test_one_stray_line_of_many),
	    cmocka_unit_test(test_looks_all_over),
	    cmocka_unit_test(test_refuses_what_is_no_list),
	    cmocka_unit_test(test_refuses_other_texts),
	    cmocka_unit_test(test_lines_without_a_rule),
	    cmocka_unit_test(test_stops_with_the_sink),
	    cmocka_unit_test(test_sink_without_skip),
	    cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
