/* test_trie.c - look-ups against the definition of a rule, on random mixes and on real names. */
#include "tests/unit/lists.h"
#include "tests/unit/rounds.h"

#include "blocklists/format.h"
#include "lib/dns/msg.h"

static void test_kinds(void **state)
{
	static const struct {
		const char *name;
		bool blocked;
	} rows[] = {
	    {"exact.com", true},
	    {"a.exact.com", false},
	    {"suffix.com", true},
	    {"a.suffix.com", true},
	    {"a.b.c.suffix.com", true},
	    {"below.com", false},
	    {"a.below.com", true},
	    {"deep.in.suffix.net", true},
	    {"in.suffix.net", false},
	    {"com", false},
	    {"xsuffix.com", false},
	    {"suffix.com.org", false},
	    {"top", true},
	    {"a.top", true},
	    {".", false},
	};
	struct listed rules[] = {
	    rule_of("exact.com", RULE_EXACT, 0),
	    rule_of("suffix.com", RULE_SUFFIX, 0),
	    rule_of("below.com", RULE_BELOW, 0),
	    rule_of("deep.in.suffix.net", RULE_EXACT, 0),
	    rule_of("top", RULE_SUFFIX, 0),
	};
	size_t len;
	uint8_t *image = image_of(rules, COUNT(rules), 1, &len);
	struct trie t = trie_of(image, len);

	(void)state;
	assert_true(t.plain);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct listed name = rule_of(rows[i].name, RULE_EXACT, 0);

		if (trie_blocks(&t, name.name) != rows[i].blocked)
			fail_msg("%s", rows[i].name);
	}
	free(image);
}

static void test_path_deepest_first(void **state)
{
	struct listed rules[] = {
	    rule_of("com", RULE_SUFFIX, 2),
	    rule_of("b.com", RULE_BELOW, 1),
	    rule_of("b.com", RULE_SUFFIX, 3),
	    rule_of("b.com", RULE_EXACT, 0),
	    rule_of("a.a.b.com", RULE_EXACT, 4),
	};
	static const struct {
		uint8_t labels;
		size_t n;
		struct trie_entry entries[3];
	} expected[] = {
	    {4, 1, {{4, 0, RULE_EXACT}}},
	    {2, 3, {{0, 0, RULE_EXACT}, {3, 0, RULE_SUFFIX}, {1, 0, RULE_BELOW}}},
	    {1, 1, {{2, 0, RULE_SUFFIX}}},
	};
	struct listed name = rule_of("a.a.b.com", RULE_EXACT, 0);
	struct trie_path path;
	size_t len;
	uint8_t *image = image_of(rules, COUNT(rules), 5, &len);
	struct trie t = trie_of(image, len);

	(void)state;
	trie_walk(&t, name.name, &path);
	assert_int_equal(path.n, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_int_equal(path.at[i].labels, expected[i].labels);
		assert_int_equal(trie_set_size(&t, path.at[i].set), expected[i].n);
		for (size_t k = 0; k < expected[i].n; k++) {
			struct trie_entry entry = trie_set_entry(&t, path.at[i].set, k);

			assert_int_equal(entry.list, expected[i].entries[k].list);
			assert_int_equal(entry.kind, expected[i].entries[k].kind);
			assert_int_equal(entry.effect, 0);
		}
	}
	/* What has no rule on its way but that of the last label; and nothing at all. */
	trie_walk(&t, name.name + 4, &path);
	assert_int_equal(path.n, 2);
	trie_walk(&t, rule_of("com.a", RULE_EXACT, 0).name, &path);
	assert_int_equal(path.n, 0);
	free(image);
}

static void test_no_rules(void **state)
{
	struct listed name = rule_of("www.example.com", RULE_EXACT, 0);
	struct trie zero = {0}, t;
	struct trie_path path;
	size_t len, effect_len = 1;
	uint8_t *image = image_of(NULL, 0, 3, &len);

	(void)state;
	t = trie_of(image, len);
	assert_int_equal(t.n_lists, 3);
	for (const struct trie *p = &t; p != NULL; p = p == &t ? &zero : NULL) {
		assert_false(trie_blocks(p, name.name));
		trie_walk(p, name.name, &path);
		assert_int_equal(path.n, 0);
		assert_int_equal(trie_set_size(p, 0), 0);
		assert_int_equal(trie_set_size(p, 1), 0);
		assert_null(trie_effect(p, 1, &effect_len));
		assert_int_equal(effect_len, 0);
		assert_int_equal(trie_regex_set(p, 0), 0);
		assert_rules(p, NULL, 0);
	}
	free(image);
}

static void test_longest_names(void **state)
{
	struct listed rules[2] = {{.rule.kind = RULE_EXACT}, {.rule.kind = RULE_SUFFIX}};
	struct listed other;
	size_t len;
	uint8_t *image;
	struct trie t;

	(void)state;
	for (unsigned i = 0; i < NAME_LABELS_MAX; i++)
		memcpy(rules[0].name + 2 * (size_t)i, "\1a", 2);
	/* Bytes that all need the escape. */
	for (unsigned i = 0; i < 3; i++) {
		rules[1].name[64 * i] = 63;
		for (unsigned k = 1; k <= 63; k++)
			rules[1].name[64 * i + k] = (uint8_t)(128 + k + i);
	}
	rules[1].name[192] = 61;
	memset(rules[1].name + 193, 0, 61);
	rules[0].rule.name_len = rules[1].rule.name_len = NAME_SIZE;
	image = image_of(rules, 2, 1, &len);
	t = trie_of(image, len);
	assert_true(trie_blocks(&t, rules[0].name));
	assert_true(trie_blocks(&t, rules[1].name));
	for (unsigned i = 0; i < 2; i++) {
		other = rules[i];
		other.name[1]++;
		assert_false(trie_blocks(&t, other.name));
	}
	assert_false(trie_blocks(&t, rules[0].name + 2));
	assert_rules(&t, rules, 2);
	free(image);
}

static bool set_has(const struct trie *t, uint32_t set, const struct listed *rule)
{
	for (size_t i = 0; i < trie_set_size(t, set); i++) {
		struct trie_entry entry = trie_set_entry(t, set, i);
		size_t len;
		const uint8_t *effect = trie_effect(t, entry.effect, &len);

		if (entry.kind == rule->rule.kind && entry.list == rule->list &&
		    bytes_equal(effect, len, rule->rule.effect, rule->rule.effect_len))
			return true;
	}
	return false;
}

/* The set of the node that has the rightmost `labels` labels; 0: it has no rule. */
static uint32_t set_at(const struct trie_path *path, unsigned labels)
{
	for (unsigned i = 0; i < path->n; i++)
		if (path->at[i].labels == labels)
			return path->at[i].set;
	return 0;
}

/* What the trie says of `name` against what the rules (each once) say. */
static void compare(const struct trie *t, const struct listed *rules, size_t n, const uint8_t *name)
{
	size_t n_found = 0, n_on_the_way = 0;
	bool blocked = false;
	struct trie_path path;

	trie_walk(t, name, &path);
	for (unsigned i = 0; i < path.n; i++) {
		assert_true(i == 0 || path.at[i].labels < path.at[i - 1].labels);
		n_found += trie_set_size(t, path.at[i].set);
	}
	for (size_t i = 0; i < n; i++) {
		if (!rule_covers(RULE_SUFFIX, rules[i].name, name))
			continue;
		n_on_the_way++;
		assert_true(set_has(t, set_at(&path, name_labels(rules[i].name)), &rules[i]));
		blocked |= rules[i].rule.effect_len == 0 &&
			   rule_covers(rules[i].rule.kind, rules[i].name, name);
	}
	assert_int_equal(n_found, n_on_the_way);
	assert_int_equal(trie_blocks(t, name), blocked);
}

/* Distinct random rules; one in four has an effect. */
static size_t mix(struct listed *rules, size_t n, unsigned n_lists, uint32_t *seed)
{
	static struct effect effects[3];
	size_t kept = 0;

	effect_init(&effects[0], EFFECT_ALLOW, 0);
	effect_init(&effects[1], EFFECT_BLOCK, EFFECT_IMPORTANT);
	effect_init(&effects[2], EFFECT_BLOCK, 0);
	assert_int_equal(effect_add_type(&effects[2], TYPE_A, false), 0);
	for (size_t i = 0; i < COUNT(effects); i++)
		effect_finish(&effects[i]);
	for (size_t i = 0; i < n; i++) {
		struct listed rule = dice_rule(seed, n_lists, 3);
		size_t effect = dice(seed, 12);

		if (effect < COUNT(effects)) {
			rule.rule.effect = effects[effect].bytes;
			rule.rule.effect_len = effects[effect].len;
		}
		if (count_equal(rules, kept, &rule) == 0)
			rules[kept++] = rule;
	}
	return kept;
}

static unsigned one_random_mix(uint32_t seed, size_t size, unsigned n_questions)
{
	static struct listed rules[4000];
	unsigned n_lists = 1 + dice(&seed, 6);
	size_t n = mix(rules, 1 + dice(&seed, (uint32_t)size), n_lists, &seed), len;
	uint8_t *image = image_of(rules, n, n_lists, &len);
	struct trie t = trie_of(image, len);

	assert_rules(&t, rules, n);
	for (size_t i = 0; i < n; i++) {
		compare(&t, rules, n, rules[i].name);
		compare(&t, rules, n, rules[i].name + rules[i].name[0] + 1);
	}
	for (unsigned i = 0; i < n_questions; i++)
		compare(&t, rules, n, dice_rule(&seed, 1, 3).name);
	free(image);
	return (unsigned)(2 * n) + n_questions;
}

static void test_against_naive_set(void **state)
{
	unsigned n_questions = 0;

	(void)state;
	for (uint32_t seed = 1; n_questions < rounds(1000000); seed++)
		n_questions += one_random_mix(seed * 2654435761u, 60, 5000);
}

/* Enough names that some have more children than one record holds. */
static void test_large_mixes(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 3; seed++)
		one_random_mix(seed * 2654435761u, 4000, 1000);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_listed(char **names, size_t n, const char *name)
{
	return bsearch(&name, names, n, sizeof(*names), compare_names) != NULL;
}

/* Each kind of question: the name, below it, and one letter changed, so that hardly one is listed. */
static void ask_about(const struct trie *t, char **names, size_t n, const char *name)
{
	char text[3][300];

	snprintf(text[0], sizeof(text[0]), "%s", name);
	snprintf(text[1], sizeof(text[1]), "www.%s", name);
	snprintf(text[2], sizeof(text[2]), "%s", name);
	text[2][0] = text[2][0] == 'q' ? 'z' : 'q';
	for (unsigned i = 0; i < 3; i++) {
		bool listed = false;

		for (const char *p = text[i]; p != NULL && !listed; p = strchr(p, '.')) {
			p += *p == '.';
			listed = is_listed(names, n, p);
		}
		if (trie_blocks(t, rule_of(text[i], RULE_EXACT, 0).name) != listed)
			fail_msg("%s", text[i]);
	}
}

static void test_real_names(void **state)
{
	static const char list[] = "../shared/lists/shadowwhisperer-tracking.txt.xz";
	enum { MAX = 200000 };
	const char *top = getenv("top_srcdir");
	char command[4200], line[400], **names = calloc(MAX, sizeof(*names));
	struct build *b = build_new();
	size_t n = 0, len;
	uint8_t *image;
	struct trie t;
	FILE *f;

	(void)state;
	snprintf(
	    command, sizeof(command), "xz -dc '%s/%s' 2>/dev/null", top != NULL ? top : ".", list);
	f = popen(command, "r"); // NOLINT(cert-env33-c): the path is the source tree's own
	assert_non_null(f);
	assert_non_null(names);
	assert_non_null(b);
	while (n < MAX && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\0' && line[0] != '#' && strlen(line) < 240 &&
		    strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == strlen(line))
			names[n++] = strdup(line);
	}
	pclose(f);
	for (size_t i = 0; i < n; i++) {
		struct listed listed = rule_of(names[i], RULE_SUFFIX, 0);

		add_rules(b, &listed, 1);
	}
	image = image_of_build(b, 1, &len);
	t = trie_of(image, len);
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		ask_about(&t, names, n, names[i]);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	free(image);
	if (n == 0) {
		print_message("# there is no %s\n", list);
		skip();
	}
}

/* Whatever the bytes say, nothing outside of them is read (seen by a sanitizer or valgrind). */
static void use(const uint8_t *bytes, size_t len, uint32_t *seed)
{
	uint8_t escaped[NAME_LABEL_MAX + 2] = {NAME_LABEL_MAX};
	struct gathered back = {0};
	struct trie_path path;
	struct trie t;

	if (trie_open(&t, bytes, len, NULL) != 0)
		return;
	memset(escaped + 1, 0xff, NAME_LABEL_MAX);
	for (unsigned i = 0; i < 20; i++) {
		struct listed rule = dice_rule(seed, 1, 3);
		const uint8_t *name = i != 0 ? rule.name : escaped;

		trie_blocks(&t, name);
		trie_walk(&t, name, &path);
		for (unsigned k = 0; k < path.n; k++) {
			for (size_t at = 0; at < trie_set_size(&t, path.at[k].set); at++) {
				struct trie_entry entry = trie_set_entry(&t, path.at[k].set, at);
				size_t effect_len;

				trie_effect(&t, entry.effect, &effect_len);
			}
		}
	}
	if (walk_rules(&t, gather, &back, NULL) == 0)
		trie_regex_set(&t, 0);
	free(back.rules);
}

static void test_any_bytes(void **state)
{
	static struct listed rules[600];
	uint32_t seed = 77;
	size_t n = mix(rules, COUNT(rules), 3, &seed), len;
	uint8_t *image = image_of(rules, n, 3, &len), *bytes = malloc(len);
	struct trie sound = trie_of(image, len);
	/* Codes of labels, of sets and hubs, and all behind them. */
	size_t parts[] = {FORMAT_HEADER, FORMAT_HEADER + 2 * FORMAT_CODES_SET,
	    (size_t)(sound.directory - image), len};

	(void)state;
	assert_non_null(bytes);
	for (unsigned round = 0; round < rounds(3000); round++) {
		size_t from = parts[round % 2 * 2];

		memcpy(bytes, image, len);
		for (unsigned i = 0; i <= round % 8; i++)
			bytes[from + dice(&seed, (uint32_t)(len - from))] =
			    (uint8_t)dice(&seed, 256);
		use(bytes, len, &seed);
	}
	/* Long codes that say nothing; then everything at random. */
	for (size_t from = 0; from < COUNT(parts) - 1; from++) {
		memcpy(bytes, image, len);
		memset(bytes + parts[from], 0xff, parts[from + 1] - parts[from]);
		use(bytes, len, &seed);
		for (unsigned round = 0; round < 20; round++) {
			for (size_t i = parts[from]; i < parts[from + 1]; i++)
				bytes[i] = (uint8_t)dice(&seed, 256);
			use(bytes, len, &seed);
		}
	}
	free(bytes);
	free(image);
}

static void test_open_refuses(void **state)
{
	struct listed rule = rule_of("example.com", RULE_SUFFIX, 0);
	struct why why;
	struct trie t;
	size_t len;
	uint8_t *image = image_of(&rule, 1, 1, &len);

	(void)state;
	for (size_t n = 0; n < len; n += n < FORMAT_HEADER || n > len - 100 ? 1 : 97) {
		uint8_t *cut = malloc(n + 1); /* malloc(0) may be NULL */

		assert_non_null(cut);
		memcpy(cut, image, n);
		assert_int_equal(trie_open(&t, cut, n, NULL), ERR_FORMAT);
		/* Also when the header says so. */
		if (n >= FORMAT_HEADER)
			format_put(cut + FORMAT_AT_LEN, n, 8);
		assert_int_equal(trie_open(&t, cut, n, NULL), ERR_FORMAT);
		assert_int_equal(t.n_buckets, 0);
		free(cut);
	}
	for (size_t at = FORMAT_AT_BUCKETS; at < FORMAT_AT_LISTS; at += 4) {
		uint32_t was = format_get_u32(image + at);

		format_put(image + at, UINT32_MAX, 4);
		assert_int_equal(trie_open(&t, image, len, NULL), ERR_FORMAT);
		format_put(image + at, was, 4);
	}
	image[FORMAT_AT_VERSION]++;
	assert_int_equal(trie_open(&t, image, len, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "version 4"));
	image[FORMAT_AT_VERSION]--;
	image[0]++;
	assert_int_equal(trie_open(&t, image, len, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "no image"));
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_path_deepest_first),
	    cmocka_unit_test(test_no_rules),
	    cmocka_unit_test(test_longest_names),
	    cmocka_unit_test(test_against_naive_set),
	    cmocka_unit_test(test_large_mixes),
	    cmocka_unit_test(test_real_names),
	    cmocka_unit_test(test_any_bytes),
	    cmocka_unit_test(test_open_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
