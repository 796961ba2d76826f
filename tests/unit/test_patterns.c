/* test_patterns.c - many expressions at once match what each alone does; any bytes do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "blocklists/patterns.h"
#include "lib/dns/name.h"
#include "tests/unit/regexes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIX_MAX	     400

/* Expressions as lists have them, and others by dice. */
struct mix {
	struct regexes_text texts[MIX_MAX];
	struct patterns_source sources[MIX_MAX];
	size_t n;
};

static void mix_make(struct mix *m, size_t n, uint32_t *seed)
{
	static const char *const usual[] = {"^(.+[_.-])?adse?rv(er?|ice)?s?[0-9]*[_.-]",
	    "(^|\\.)ads.*\\.com$", "^[a-z0-9]{3}\\.com$", "^a", "com$", "(ads|x1|12)[0-9]*\\.", "",
	    "/", "^$", "\\.(com|aa)$", "(^|\\.)aa\\.b$", "^[^.]*$"};

	m->n = 0;
	while (m->n < n) {
		struct regexes_text *t = &m->texts[m->n];
		struct regex r;

		regexes_random(t, seed, true);
		if (regexes_dice(seed, 3) == 0)
			snprintf(t->ours, sizeof(t->ours), "%s",
			    usual[regexes_dice(seed, COUNT(usual))]);
		if (regex_compile(&r, t->ours, strlen(t->ours), false, NULL) == 0)
			m->sources[m->n++] = (struct patterns_source){
			    t->ours, strlen(t->ours), regexes_dice(seed, 10) == 0};
		regex_free(&r);
	}
}

static uint8_t *section_of(const struct patterns_source *sources, size_t n, size_t *len)
{
	struct why why = {""};
	uint8_t *bytes, *exact;

	if (patterns_build(sources, n, &bytes, len, &why) != 0)
		fail_msg("%s", why.text);
	/* In a block of its size and no more. */
	exact = malloc(*len);
	assert_non_null(exact);
	memcpy(exact, bytes, *len);
	free(bytes);
	return exact;
}

static struct patterns opened(const uint8_t *bytes, size_t len)
{
	struct why why = {""};
	struct patterns p;

	if (patterns_open(&p, bytes, len, &why) != 0)
		fail_msg("%s", why.text);
	return p;
}

struct matched {
	bool is[MIX_MAX];
	uint32_t n;
};

static void on_match(void *ctx, uint32_t number)
{
	struct matched *matched = ctx;

	assert_true(number < MIX_MAX);
	assert_false(matched->is[number]); /* each once */
	matched->is[number] = true;
	matched->n++;
}

static struct matched matched_by(const struct patterns *p, const char *text, size_t len)
{
	struct matched matched = {.n = 0};
	uint8_t name[NAME_SIZE] = {0};
	size_t name_len;

	if (len != 0)
		assert_int_equal(name_from_text(text, len, name, &name_len), 0);
	patterns_match(p, name, on_match, &matched);
	return matched;
}

static void test_as_each_alone(void **state)
{
	static struct mix mix;
	uint32_t seed = 21;

	(void)state;
	for (unsigned round = 0; round < 12; round++) {
		struct regex alone[MIX_MAX];
		size_t len, n_found = 0;
		struct patterns p;
		uint8_t *bytes;

		mix_make(&mix, round == 0 ? 1 : 30 * round, &seed);
		bytes = section_of(mix.sources, mix.n, &len);
		p = opened(bytes, len);
		assert_int_equal(p.n, mix.n);
		for (size_t i = 0; i < mix.n; i++)
			assert_int_equal(regex_compile(&alone[i], mix.sources[i].text,
					     mix.sources[i].len, mix.sources[i].inverted, NULL),
			    0);
		for (unsigned i = 0; i < 300; i++) {
			char subject[64];
			size_t n = regexes_subject(subject, &seed);
			struct matched matched;

			if (n != 0 && subject[n - 1] == '.')
				subject[--n] = '\0';
			matched = matched_by(&p, subject, n);
			for (size_t j = 0; j < mix.n; j++) {
				if (matched.is[j] != regex_matches(&alone[j], subject, n))
					fail_msg("%s on %s", mix.sources[j].text, subject);
			}
			n_found += matched.n;
		}
		assert_true(n_found != 0 || round == 0);
		for (size_t i = 0; i < mix.n; i++)
			regex_free(&alone[i]);
		free(bytes);
	}
}

static void test_bytes(void **state)
{
	static struct mix mix;
	struct patterns_source source;
	size_t len, other_len;
	uint8_t *bytes, *other;
	uint32_t seed = 4;
	struct patterns p;

	(void)state;
	mix_make(&mix, 200, &seed);
	bytes = section_of(mix.sources, mix.n, &len);
	other = section_of(mix.sources, mix.n, &other_len);
	assert_int_equal(len, other_len);
	assert_memory_equal(bytes, other, len);
	p = opened(bytes, len);
	assert_int_equal(patterns_verify(&p, NULL), 0);
	for (uint32_t i = 0; i < mix.n; i++) {
		assert_true(patterns_source(&p, i, &source));
		assert_int_equal(source.len, mix.sources[i].len);
		assert_memory_equal(source.text, mix.sources[i].text, source.len);
		assert_int_equal(source.inverted, mix.sources[i].inverted);
	}
	assert_false(patterns_source(&p, (uint32_t)mix.n, &source));
	assert_false(patterns_source(&p, UINT32_MAX, &source));
	free(bytes);
	free(other);
}

static void test_names(void **state)
{
	static const struct patterns_source sources[] = {
	    {"^$", 2, false}, /* the root */
	    {"a.b", 3, false},
	    {"a\\.b", 4, false},
	    {"^.{253}$", 8, false},
	    {".", 1, true},
	};
	static const uint8_t dot_inside[] = "\3a.b", dot_between[] = "\1a\1b", space[] = "\3a b";
	uint8_t longest[NAME_SIZE] = {0};
	struct matched matched;
	struct patterns p;
	size_t len;
	uint8_t *bytes = section_of(sources, COUNT(sources), &len);

	(void)state;
	p = opened(bytes, len);
	matched = matched_by(&p, "", 0);
	assert_true(matched.is[0] && matched.is[4] && matched.n == 2);

	matched = (struct matched){.n = 0};
	patterns_match(&p, dot_between, on_match, &matched);
	assert_true(matched.is[1] && matched.is[2] && matched.n == 2);

	/* A dot in a label is no border of labels, but some other byte. */
	matched = (struct matched){.n = 0};
	patterns_match(&p, dot_inside, on_match, &matched);
	assert_true(matched.is[1] && matched.n == 1);
	matched = (struct matched){.n = 0};
	patterns_match(&p, space, on_match, &matched);
	assert_true(matched.is[1] && matched.n == 1);

	for (unsigned i = 0; i < 254; i += 64)
		longest[i] = i == 192 ? 61 : 63;
	for (unsigned i = 0; i < 254; i++)
		longest[i] = i % 64 == 0 ? longest[i] : 'x';
	matched = (struct matched){.n = 0};
	patterns_match(&p, longest, on_match, &matched);
	assert_true(matched.is[3] && matched.n == 1);
	free(bytes);
}

static void test_none(void **state)
{
	struct patterns p = {.n = 0};
	struct patterns_source source;
	size_t len;
	uint8_t *bytes;

	(void)state;
	assert_int_equal(matched_by(&p, "a", 1).n, 0);
	assert_false(patterns_source(&p, 0, &source));
	assert_int_equal(patterns_verify(&p, NULL), 0);
	bytes = section_of(NULL, 0, &len);
	p = opened(bytes, len);
	assert_int_equal(matched_by(&p, "a", 1).n, 0);
	assert_int_equal(patterns_verify(&p, NULL), 0);
	free(bytes);
}

static void on_any(void *ctx, uint32_t number)
{
	uint32_t *n = ctx;

	assert_true(number < *n);
}

/* Every reader over a block of exactly these bytes: nothing outside is read. */
static int use(const uint8_t *bytes, size_t len)
{
	static const uint8_t *const names[] = {(const uint8_t *)"", (const uint8_t *)"\3ads\3com",
	    (const uint8_t *)"\2x1\4a-12\3com", (const uint8_t *)"\2aa\1b"};
	uint8_t *block = malloc(len + (len == 0));
	struct patterns_source source;
	struct patterns p;
	int err;

	assert_non_null(block);
	memcpy(block, bytes, len);
	err = patterns_open(&p, block, len, NULL);
	assert_true(err == 0 || (err == ERR_FORMAT && p.n == 0));
	for (size_t i = 0; i < COUNT(names); i++)
		patterns_match(&p, names[i], on_any, &p.n);
	for (uint32_t i = 0; i < p.n; i++)
		(void)!patterns_source(&p, i, &source);
	if (err == 0)
		err = patterns_verify(&p, NULL);
	free(block);
	return err;
}

static void damage(const struct patterns_source *sources, size_t n)
{
	static const uint8_t masks[] = {0x01, 0x10, 0x80, 0xff};
	size_t len;
	uint8_t *bytes = section_of(sources, n, &len);
	struct patterns p = opened(bytes, len);

	assert_int_equal(use(bytes, len), 0);
	for (size_t at = 0; at < len; at++) {
		for (size_t i = 0; i < COUNT(masks); i++) {
			int err;

			bytes[at] ^= masks[i];
			err = use(bytes, len);
			/* Another text may mean the same. */
			if (err != ERR_FORMAT && (err != 0 || bytes + at < p.texts))
				fail_msg("byte %zu, %02x", at, masks[i]);
			bytes[at] ^= masks[i];
		}
	}
	for (size_t i = 0; i < len; i++)
		assert_int_equal(use(bytes, i), ERR_FORMAT);
	free(bytes);
}

static void test_damaged(void **state)
{
	/* With nothing behind its table but its own text. */
	static const struct patterns_source one = {"a", 1, false};
	static struct mix mix;
	uint32_t seed = 77;

	(void)state;
	mix_make(&mix, 12, &seed);
	damage(mix.sources, mix.n);
	damage(&one, 1);
}

static void refused(const struct patterns_source *sources, size_t n, int wanted, const char *reason)
{
	struct why why = {""};
	uint8_t *bytes;
	size_t len;

	assert_int_equal(patterns_build(sources, n, &bytes, &len, &why), wanted);
	assert_null(bytes);
	if (strstr(why.text, reason) == NULL)
		fail_msg("%s", why.text);
}

static void test_limits(void **state)
{
	static struct patterns_source sources[PATTERNS_MAX + 1];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(sources); i++)
		sources[i] = (struct patterns_source){"[0-9]{7}", 8, false};
	/* What every name may match is limited; the expression that is too much is named. */
	free(section_of(sources, PATTERNS_LOAD_MAX, &len));
	sources[PATTERNS_LOAD_MAX].text = "[0-9]{8}";
	refused(sources, PATTERNS_LOAD_MAX + 1, ERR_LIMIT, "/[0-9]{8}/: too many");
	refused(sources, PATTERNS_MAX + 1, ERR_LIMIT, "65537 expressions");
	sources[3] = (struct patterns_source){"a(b", 3, false};
	refused(sources, 5, ERR_FORMAT, "/a(b/: position 2");
	sources[3] = (struct patterns_source){"a{2000}", 7, false};
	refused(sources, 5, ERR_LIMIT, "/a{2000}/: position 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_as_each_alone),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
