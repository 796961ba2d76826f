/* why_text.c - the rules of a text compared with those that are wanted. */
#include "tools/why_text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocklists/compile.h"
#include "lib/file.h"
#include "tools/text.h"

/* A wanted rule taken apart, so that most of a text's rules need not be put into words. */
struct wanted {
	bool named;
	enum rule_kind kind;
	uint8_t name[NAME_SIZE];
};

struct search {
	const struct why_text *text;
	struct why_rule *rules; /* n of them */
	struct wanted *wanted;	/* owned: of each */
	size_t n;
};

const char *why_rule_text(const struct rule *rule, char text[WHY_RULE_SIZE])
{
	char raw[RULE_TEXT_SIZE];

	rule_text(rule, raw);
	return text_escape(text, WHY_RULE_SIZE, raw, strnlen(raw, EXPLAIN_RULE_SIZE - 1));
}

static struct wanted take_apart(const char *text)
{
	struct wanted wanted = {.named = false};
	size_t len;

	for (enum rule_kind kind = 0; kind < RULE_NAME_KINDS; kind++) {
		const char *word = rule_kind_text(kind), *name = text + strlen(word) + 1;

		if (strncmp(text, word, strlen(word)) != 0 || text[strlen(word)] != ' ')
			continue;
		wanted.kind = kind;
		wanted.named = name_from_text(name, strcspn(name, " "), wanted.name, &len) == 0;
	}
	return wanted;
}

static bool may_be(const struct wanted *wanted, const struct rule *rule)
{
	return !wanted->named ||
	       (rule->kind == wanted->kind && name_equal(rule->name, wanted->name));
}

static int compare_rule(void *ctx, const struct rule *given, uint64_t line)
{
	struct search *s = ctx;
	struct rule rule = compile_matched(given, s->text->match);
	char text[WHY_RULE_SIZE];

	for (size_t i = 0; i < s->n; i++) {
		struct why_rule *wanted = &s->rules[i];

		if (!may_be(&s->wanted[i], &rule) ||
		    strcmp(why_rule_text(&rule, text), wanted->text) != 0)
			continue;
		if (wanted->n_lines < WHY_LINES_MAX)
			wanted->line[wanted->n_lines] = line;
		wanted->n_lines++;
	}
	return 0;
}

static int sys_error(const char *path, struct why *why)
{
	return why_set(
	    why, errno == ENOENT ? ERR_NOTFOUND : ERR_SYS, "%s: %s", path, strerror(errno));
}

/* The whole text, the caller's. */
static int read_text(
    const char *path, char **text, size_t *len, int64_t *written_s, struct why *why)
{
	/* A pipe, which nobody writes, is not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
	struct stat st;

	if (fd < 0)
		return sys_error(path, why);
	if (fstat(fd, &st) < 0) {
		err = sys_error(path, why);
	} else if (!S_ISREG(st.st_mode)) {
		err = why_set(why, ERR_FORMAT, "%s: not a regular file", path);
	} else {
		*written_s = st.st_mtime;
		err = file_read(fd, path, COMPILE_TEXT_MAX, text, len, why);
	}
	(void)close(fd);
	return err;
}

int why_text_find(const struct why_text *text, struct why_rule *rules, size_t n, int64_t *written_s,
    struct why *why)
{
	struct search s = {.text = text, .rules = rules, .n = n};
	struct feed_sink sink = {.ctx = &s, .rule = compare_rule, .rewrites = text->rewrites};
	struct feed_counts counts;
	char *bytes = NULL;
	size_t len;
	int err = read_text(text->path, &bytes, &len, written_s, why);

	if (err != 0)
		return err;
	s.wanted = calloc(n + 1, sizeof(*s.wanted));
	if (s.wanted == NULL) {
		err = why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		rules[i].n_lines = 0;
		s.wanted[i] = take_apart(rules[i].text);
	}
	err = feed_parse(bytes, len, text->syntax, &sink, &counts, why);
out:
	free(s.wanted);
	free(bytes);
	return err;
}

const char *why_places(const struct why_rule *rule, char text[WHY_PLACES_SIZE])
{
	unsigned n = rule->n_lines < WHY_LINES_MAX ? rule->n_lines : WHY_LINES_MAX;
	int used = snprintf(text, WHY_PLACES_SIZE, rule->n_lines == 1 ? "line" : "lines");

	for (unsigned i = 0; i < n; i++)
		used += snprintf(text + used, WHY_PLACES_SIZE - (size_t)used, "%s %" PRIu64,
		    i != 0 ? "," : "", rule->line[i]);
	if (n < rule->n_lines)
		(void)snprintf(
		    text + used, WHY_PLACES_SIZE - (size_t)used, " and %u more", rule->n_lines - n);
	return text;
}

const char *why_age(int64_t written_s, int64_t now_s, char text[WHY_AGE_SIZE])
{
	static const struct {
		int64_t s;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	int64_t age_s = now_s > written_s ? now_s - written_s : 0, n;
	size_t i = 0;

	/* Of less than two of a unit the next smaller says more. */
	while (i < 3 && age_s < 2 * units[i].s)
		i++;
	n = age_s / units[i].s;
	(void)snprintf(text, WHY_AGE_SIZE, "%" PRId64 " %s%s", n, units[i].name, n == 1 ? "" : "s");
	return text;
}
