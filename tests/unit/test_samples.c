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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "blocklists/compile.h"
#include "blocklists/feed.h"
#include "blocklists/judge.h"
#include "tests/unit/naive.h"

#define N_SAMPLES 10

/* Python that unpacks the samples to lines that begin with T (a sample's name), L (a line of it) or H (a name,
 * the verdict, what it is soft about). */
static const char unpack[] =
    "import gzip, json, sys\n"
    "for t in json.load(gzip.open(sys.argv[1]))['tables']:\n"
    "    print('T' + t['name'])\n"
    "    for rule in t['rules']: print('L' + rule)\n"
    "    for h in t['hosts']: print('H' + h['host'], h['expect'], h.get('soft', '-'))\n";

struct sample {
	char name[128];
	char text[1 << 20];
	size_t len;
	const struct feed_syntax *syntax; /* set with `ready` */
	struct naive naive;
	uint8_t *image;
	struct trie trie;
	bool ready;
	unsigned n_hosts, n_wrong;
};

static void begin(struct sample *s, const char *name)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%.100s", name);
	naive_init(&s->naive);
}

static void add_line(struct sample *s, const char *line)
{
	size_t len = strlen(line);

	assert_true(len + 2 <= sizeof(s->text) - s->len);
	memcpy(s->text + s->len, line, len);
	s->len += len;
	s->text[s->len++] = '\n';
}

static void end(struct sample *s)
{
	naive_fini(&s->naive);
	free(s->image);
}

/* The sample as an array of rules, and as an image. */
static void parse(struct sample *s)
{
	struct compile_source source = {.name = s->name, .text = s->text, .len = s->len};
	struct compile *c = compile_new();
	struct why why = {""};
	size_t len;

	assert_non_null(c);
	if (naive_feed(&s->naive, 0, s->text, s->len, NULL, false, &why) != 0 ||
	    compile_add(c, &source, NULL, NULL, &why) != 0 ||
	    compile_image(c, &s->image, &len, &why) != 0 ||
	    trie_open(&s->trie, s->image, len, &why) != 0)
		fail_msg("%s: %s", s->name, why.text);
	compile_free(c);
	s->syntax = source.used;
	s->ready = true;
}

/* What must be said of a soft name, where it is not what the engine says: a plain domain covers what
 * is below it, and so does `*.name` with the name itself. */
static bool is_blocked_here(const struct sample *s, const char *soft)
{
	return (strcmp(soft, "plain-sub") == 0 && s->syntax == &feed_domains) ||
	       (strcmp(soft, "star-apex") == 0 && s->syntax == &feed_wildcards);
}

static void check_host(struct sample *s, const char *row)
{
	char host[256], expect[16], soft[32];
	uint8_t name[NAME_SIZE];
	struct effect_ask ask = {.name = name, .type = 1};
	struct judge_verdict verdict;
	bool blocks;
	size_t len;

	if (!s->ready)
		parse(s);
	assert_int_equal(sscanf(row, "%255s %15s %31s", host, expect, soft), 3);
	assert_true(feed_name(host, strlen(host), name, &len));
	blocks = strcmp(expect, "block") == 0 || is_blocked_here(s, soft);
	s->n_hosts++;
	judge_name(&s->trie, &ask, RULE_LISTS_MAX, &verdict);
	assert_int_equal(verdict.outcome, naive_judge(&s->naive, &ask));
	if ((verdict.outcome == JUDGE_BLOCKED) == blocks)
		return;
	print_message("# %s: %s must%s be blocked\n", s->name, host, blocks ? "" : " not");
	s->n_wrong++;
}

/* Begin to unpack; *pid is the process that does it. */
static FILE *start(const char *path, pid_t *pid)
{
	int fds[2];
	FILE *f;

	assert_int_equal(pipe(fds), 0);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execlp("python3", "python3", "-c", unpack, path, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	f = fdopen(fds[0], "r");
	assert_non_null(f);
	return f;
}

static void test_samples(void **state)
{
	const char *top = getenv("top_srcdir");
	char path[4096], row[65536];
	unsigned n = 0, n_hosts = 0, n_wrong = 0;
	static struct sample s;
	int status;
	pid_t pid;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/../shared/oracle/list-samples.json.gz",
	    top != NULL ? top : ".");
	if (access(path, R_OK) != 0) {
		print_message("# there is no %s\n", path);
		skip();
	}
	f = start(path, &pid);
	while (fgets(row, sizeof(row), f) != NULL) {
		row[strcspn(row, "\n")] = '\0';
		if (row[0] == 'T') {
			n_hosts += s.n_hosts;
			n_wrong += s.n_wrong;
			end(&s);
			begin(&s, row + 1);
			n++;
		} else if (row[0] == 'L') {
			add_line(&s, row + 1);
		} else {
			check_host(&s, row + 1);
		}
	}
	fclose(f);
	n_hosts += s.n_hosts;
	n_wrong += s.n_wrong;
	end(&s);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
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
