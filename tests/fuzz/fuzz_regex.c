/* fuzz_regex.c - an expression, a newline, and names to try it on, a line each.  What is compiled
 * matches what the definition says and contains one of its literals; inverted it matches the other
 * names; what is taken for a name covers the same names. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "blocklists/regex.h"
#include "blocklists/rule.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/regexes.h"

/* A subject is a host name: no label of it is empty. */
static bool is_host(const char *subject, size_t len, uint8_t name[NAME_SIZE])
{
	char text[2 * REGEXES_SUBJECT_MAX];
	size_t n = 0, name_len;

	for (size_t i = 0; i < len; i++) {
		if (subject[i] == '\\')
			text[n++] = '\\';
		text[n++] = subject[i];
	}
	if (n == 0 || text[n - 1] == '.' || name_from_text(text, n, name, &name_len) != 0)
		return false;
	name_lower(name, name, name_len);
	return true;
}

static void try_subject(const struct regex_tree *tree, const struct regex *r,
    const struct regex *inverted, const struct rule *rule, const char *subject, size_t len)
{
	bool matches = regex_matches(r, subject, len);
	uint8_t name[NAME_SIZE];

	CHECK(matches != regex_matches(inverted, subject, len));
	if (matches)
		CHECK(regexes_has_literal(r, subject, len));
	if (len <= REGEXES_SUBJECT_MAX)
		CHECK(matches == regexes_match(tree, subject, len));
	if (rule->name != NULL && len <= REGEXES_SUBJECT_MAX && is_host(subject, len, name))
		CHECK(matches == rule_covers(rule->kind, rule->name, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size;
	const char *newline = size == 0 ? NULL : memchr(text, '\n', size);
	size_t len = newline == NULL ? size : (size_t)(newline - text);
	struct regex_tree tree = {.nodes = NULL};
	struct why why = {""};
	struct rule rule = {.name = NULL};
	struct regex r, inverted;
	uint8_t name[NAME_SIZE];
	int err = regex_compile(&r, text, len, false, &why);

	CHECK(err == regex_compile(&inverted, text, len, true, NULL));
	CHECK(err == 0 || ((err == ERR_FORMAT || err == ERR_LIMIT) && why.text[0] != '\0'));
	if (err != 0)
		goto out;
	CHECK(r.n_states <= REGEX_STATES_MAX && r.first_sink <= r.n_states);
	CHECK(regex_tree_parse(&tree, text, len, NULL) == 0);
	regex_is_name(text, len, &rule, name);
	while (newline != NULL) {
		const char *subject = newline + 1;

		newline = memchr(subject, '\n', (size_t)(end - subject));
		try_subject(&tree, &r, &inverted, &rule, subject,
		    (size_t)((newline == NULL ? end : newline) - subject));
	}
out:
	regex_tree_free(&tree);
	regex_free(&r);
	regex_free(&inverted);
	return 0;
}
