/* test_feed_real.c - the real lists, where they are at hand: each is found to be of its syntax, and
 * gives just the rules that count-rules.awk finds in it. */
#include "tests/unit/feeds.h"

#include <sys/wait.h>
#include <unistd.h>

#include "blocklists/compile.h"
#include "lib/file.h"

/* Many rules, in no order: how many, and the sum of their hashes. */
struct tally {
	uint64_t n_rules, n_skips, sum;
};

static void tally_add(struct tally *tally, const char *what)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (const char *p = what; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3u;
	tally->sum += hash ^ hash >> 29;
	if (strchr(what, ' ') != NULL)
		tally->n_rules++;
	else
		tally->n_skips++;
}

static int tally_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	char text[RULE_TEXT_SIZE];

	(void)line;
	tally_add(ctx, rule_text(rule, text));
	return 0;
}

static void tally_skip(
    void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len)
{
	(void)line;
	(void)text;
	(void)len;
	/* Of a name with a last label of digits the product may say either. */
	tally_add(ctx, reason == FEED_OWN_NAME	? "own"
		       : reason == FEED_REWRITE ? "rewrite"
						: "bad");
}

/* What the shell's `command` prints. */
static char *output_of(const char *command, size_t *len)
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
		execlp("sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (file_read(fds[0], command, COMPILE_TEXT_MAX, &text, len, &why) != 0)
		fail_msg("%s", why.text);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s failed", command);
	return text;
}

static void check_list(const char *top, const char *file, const char *syntax)
{
	struct tally expected = {0}, given = {0};
	struct feed_sink sink = {.ctx = &given, .rule = tally_rule, .skip = tally_skip};
	const struct feed_syntax *detected;
	struct feed_counts counts;
	struct why why = {""};
	char command[8192];
	char *text, *save = NULL;
	size_t len;

	snprintf(command, sizeof(command), "xz -dc '%s/../shared/lists/%s'", top, file);
	text = output_of(command, &len);
	detected = feed_detect(text, len, &why);
	if (detected == NULL || strcmp(detected->name, syntax) != 0)
		fail_msg("%s is %s (%s), not %s", file,
		    detected != NULL ? detected->name : "nothing", why.text, syntax);
	if (feed_parse(text, len, NULL, &sink, &counts, &why) != 0)
		fail_msg("%s: %s", file, why.text);
	assert_int_equal(counts.rules, given.n_rules);
	free(text);

	snprintf(command, sizeof(command),
	    "xz -dc '%s/../shared/lists/%s' | LC_ALL=C awk -v syntax=%s -f "
	    "'%s/tests/unit/count-rules.awk'; echo end",
	    top, file, syntax, top);
	text = output_of(command, &len);
	assert_true(len > 4);
	text[len - 5] = '\0'; /* the end and the newline before it */
	for (char *what = strtok_r(text, "\n", &save); what != NULL;
	     what = strtok_r(NULL, "\n", &save))
		tally_add(&expected, what);
	free(text);
	if (given.n_rules != expected.n_rules || given.n_skips != expected.n_skips ||
	    given.sum != expected.sum)
		fail_msg("%s gives %llu rules and %llu lines without, but has %llu and %llu%s",
		    file, (unsigned long long)given.n_rules, (unsigned long long)given.n_skips,
		    (unsigned long long)expected.n_rules, (unsigned long long)expected.n_skips,
		    given.n_rules == expected.n_rules ? " (others)" : "");
}

/* Which syntax a row of the lists' README, its column `format`, is about. */
static const char *syntax_of(const char *row)
{
	static const struct {
		const char *format, *syntax;
	} formats[] = {
	    {"| plain domains", "domains"},
	    {"| hosts", "hosts"},
	    {"| wildcard ", "wildcards"},
	    {"| ABP", "adblock"},
	    {"| AdGuard |", "adblock"},
	    {"| dnsmasq", "dnsmasq"},
	    {"| smartdns", "smartdns"},
	    {"| unbound", "unbound"},
	    {"| RPZ zone", "rpz"},
	};

	for (size_t i = 0; i < FEEDS_COUNT(formats); i++) {
		if (strstr(row, formats[i].format) != NULL)
			return formats[i].syntax;
	}
	return NULL;
}

static void test_real_lists(void **state)
{
	const char *top = getenv("top_srcdir");
	char path[4200], row[4096], file[128];
	unsigned n = 0;
	FILE *f;

	(void)state;
	if (top == NULL)
		top = ".";
	snprintf(path, sizeof(path), "%s/../shared/lists/README.md", top);
	f = fopen(path, "r");
	if (f == NULL) {
		print_message("# there is no %s\n", path);
		skip();
	}
	while (f != NULL && fgets(row, sizeof(row), f) != NULL) {
		if (sscanf(row, "| %127[^ ] |", file) != 1 || strstr(file, ".xz") == NULL)
			continue;
		if (syntax_of(row) == NULL)
			fail_msg("%s: which syntax?", file);
		check_list(top, file, syntax_of(row));
		n++;
	}
	if (f != NULL)
		fclose(f);
	assert_true(n >= 38);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_real_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
