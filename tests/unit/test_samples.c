/* test_samples.c - samples of real lists, each with the verdicts of an independent engine on names:
 * ../shared/oracle.  A name that the samples call soft is one about which that engine and the
 * publishers of such lists differ; docs/lists.md says what is done with it here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocklists/feed.h"
#include "tests/unit/naive.h"

#define N_SAMPLES 10

/* Unpacks the samples to lines that begin with T (a sample's name), L (a line of it) or H (a name,
 * the verdict, what it is soft about). */
#define UNPACK                                                                                     \
	"python3 -c '\n"                                                                           \
	"import gzip, json, sys\n"                                                                 \
	"for t in json.load(gzip.open(sys.argv[1]))[\"tables\"]:\n"                                \
	"    print(\"T\" + t[\"name\"])\n"                                                         \
	"    for rule in t[\"rules\"]: print(\"L\" + rule)\n"                                      \
	"    for h in t[\"hosts\"]: print(\"H\" + h[\"host\"], h[\"expect\"], h.get(\"soft\", "    \
	"\"-\"))\n"                                                                                \
	"' '%s'"

struct sample {
	char name[128];
	char *text;
	size_t len;
	const struct feed_syntax *syntax; /* set with `ready` */
	struct naive naive;
	bool ready;
	unsigned n_hosts, n_wrong;
};

static void begin(struct sample *s, const char *name)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%.100s", name);
	naive_init(&s->naive);
}

static void end(struct sample *s)
{
	free(s->text);
	naive_fini(&s->naive);
}

static void add_line(struct sample *s, const char *line)
{
	size_t len = strlen(line);

	s->text = realloc(s->text, s->len + len + 2);
	assert_non_null(s->text);
	s->len += (size_t)sprintf(s->text + s->len, "%s\n", line);
}

static void parse(struct sample *s)
{
	struct why why = {""};

	s->syntax = feed_detect(s->text, s->len, &why);
	if (s->syntax == NULL || naive_feed(&s->naive, 0, s->text, s->len, NULL, false, &why) != 0)
		fail_msg("%s: %s", s->name, why.text);
	s->ready = true;
}

/* What must be said of a soft name, where it is not what the engine says: a plain domain covers what
 * is below it, and so does `*.name` with the name itself. */
static bool is_blocked_here(const struct sample *s, const char *soft)
{
	return (strcmp(soft, "plain-sub") == 0 && strcmp(s->syntax->name, "domains") == 0) ||
	       (strcmp(soft, "star-apex") == 0 && strcmp(s->syntax->name, "wildcards") == 0);
}

static void check_host(struct sample *s, const char *row)
{
	char host[256], expect[16], soft[32];
	uint8_t name[NAME_SIZE];
	struct effect_ask ask = {.name = name, .type = 1};
	bool blocks;
	size_t len;

	if (!s->ready)
		parse(s);
	assert_int_equal(sscanf(row, "%255s %15s %31s", host, expect, soft), 3);
	assert_true(feed_name(host, strlen(host), name, &len));
	blocks = strcmp(expect, "block") == 0 || is_blocked_here(s, soft);
	s->n_hosts++;
	if ((naive_judge(&s->naive, &ask) == JUDGE_BLOCKED) == blocks)
		return;
	print_message("# %s (%s): %s must%s be blocked\n", s->name, s->syntax->name, host,
	    blocks ? "" : " not");
	s->n_wrong++;
}

static void test_samples(void **state)
{
	const char *top = getenv("top_srcdir");
	char path[4096], command[8192], row[65536];
	unsigned n = 0, n_hosts = 0, n_wrong = 0;
	struct sample s;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/../shared/oracle/list-samples.json.gz",
	    top != NULL ? top : ".");
	f = fopen(path, "r");
	if (f == NULL)
		skip();
	else
		fclose(f);
	snprintf(command, sizeof(command), UNPACK, path);
	f = popen(command, "r");
	assert_non_null(f);
	while (f != NULL && fgets(row, sizeof(row), f) != NULL) {
		row[strcspn(row, "\n")] = '\0';
		if (row[0] == 'T') {
			if (n++ != 0)
				end(&s);
			begin(&s, row + 1);
		} else if (row[0] == 'L') {
			add_line(&s, row + 1);
		} else {
			check_host(&s, row + 1);
			n_hosts++;
			n_wrong += s.n_wrong;
			s.n_wrong = 0;
		}
	}
	end(&s);
	assert_int_equal(pclose(f), 0);
	assert_int_equal(n, N_SAMPLES);
	assert_true(n_hosts >= N_SAMPLES * 100);
	assert_int_equal(n_wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
