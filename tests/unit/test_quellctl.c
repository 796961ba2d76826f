/* test_quellctl.c - the whole program against a quelld that the test plays: what it asks, what it
 * shows, and with which status it ends. */
/* Before cmocka.h, which makes a macro of `fail`. */
int quellctl_main(int argc, char **argv);

#define main quellctl_main
#include "tools/quellctl.c" /* NOLINT(bugprone-suspicious-include): its main is what is tested */
#undef main

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fake_quelld.h"
#include "tests/unit/scratch.h"

#define WORDS_MAX 8

enum { WELL = 0, DEGRADED = 1, REFUSED = 1, DOWN = 2, USAGE = 2 }; /* quellctl(8), EXIT STATUS */

static struct scratch_output said;
static struct fake_quelld quelld;

/* Run `quellctl LINE`, words apart by single blanks, in a process of its own.  Returns its exit
 * status; its outputs are in `said`. */
static int run_words(char **words, int n_words)
{
	int status = 0;
	pid_t pid;

	scratch_capture_begin();
	pid = fork();
	if (pid == 0)
		exit(quellctl_main(n_words, words));
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	scratch_capture_end(&said);
	assert_true(pid > 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(const char *line)
{
	char copy[256], *at = copy;
	char *words[WORDS_MAX + 2] = {(char *)"quellctl"};
	int n_words = 1;

	assert_true(snprintf(copy, sizeof(copy), "%s", line) < (int)sizeof(copy));
	while (at != NULL && *at != '\0') {
		assert_true(n_words <= WORDS_MAX);
		words[n_words++] = strsep(&at, " ");
	}
	return run_words(words, n_words);
}

/* The same, with a quelld at `socket` that gives this answer; quelld.heard is what it was asked. */
static int run_answered(const char *line, const char *answer)
{
	int status;

	fake_quelld_start(&quelld, "socket", FAKE_POLITE, answer, strlen(answer));
	status = run(line);
	fake_quelld_stop(&quelld);
	assert_int_equal(unlink("socket"), 0);
	return status;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("there is no \"%s\" in \"%s\"", part, text);
}

/* Each line of `text` is a line of `answer` with more blanks: the values stand below each other. */
static void assert_table(const char *text, const char *answer)
{
	size_t column = 0;

	while (*answer != '\0') {
		size_t key_len = strcspn(answer, " "),
		       value_len = strcspn(answer, "\n") - key_len - 1;
		size_t blanks = strspn(text + key_len, " ");

		assert_memory_equal(text, answer, key_len);
		assert_true(blanks > 0);
		if (column == 0)
			column = key_len + blanks;
		assert_int_equal(key_len + blanks, column);
		answer += key_len + 1;
		assert_memory_equal(text + column, answer, value_len + 1);
		text += column + value_len + 1;
		answer += value_len + 1;
	}
	assert_string_equal(text, "");
}

/* `text` is one line, and one JSON object of just these members in any order. */
static void assert_object(const char *text, const char *const members[], size_t n)
{
	size_t len = 2 + 1; /* braces, line end */

	assert_int_equal(text[0], '{');
	for (size_t i = 0; i < n; i++) {
		const char *found = strstr(text, members[i]);

		assert_has(text, members[i]);
		assert_true(found[-1] == '{' || found[-1] == ',');
		len += strlen(members[i]) + (i > 0);
		found += strlen(members[i]);
		assert_true(*found == ',' || strcmp(found, "}\n") == 0);
	}
	assert_int_equal(strlen(text), len);
	assert_string_equal(text + len - 2, "}\n");
}

#define ASSERT_OBJECT(text, ...)                                                                   \
	assert_object(text, (const char *const[]){__VA_ARGS__},                                    \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* ---- the daemon answers ---- */

static const char well[] = "state well\npid 17\nversion 1.0\nlisten 127.0.0.1:53 open\n"
			   "listen [::1]:53 open\nupstream 192.0.2.1:53 udp 12 ms\n";
static const char degraded[] = "state degraded\nreason no upstream answers\nreason lists are old\n";

static const char *ok(const char *lines)
{
	static char answer[2048];

	assert_true(snprintf(answer, sizeof(answer), "ok\n%s", lines) < (int)sizeof(answer));
	return answer;
}

static void test_status_well(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--control socket status", ok(well)), WELL);
	assert_string_equal(quelld.heard, "status\n");
	assert_table(said.out, well);
	assert_string_equal(said.err, "");
}

static void test_status_degraded(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--control socket status", ok(degraded)), DEGRADED);
	assert_table(said.out, degraded);
	/* Only a plain "well" is well. */
	assert_int_equal(run_answered("--control socket status", ok("state wellish\n")), DEGRADED);
	assert_int_equal(run_answered("--control socket status", ok("pid 17\n")), DEGRADED);
	assert_int_equal(run_answered("--control socket --json status", ok(degraded)), DEGRADED);
}

static void test_status_down(void **state)
{
	(void)state;
	assert_int_equal(run("--control socket status"), DOWN);
	assert_string_equal(said.out, "");
	assert_int_equal(strncmp(said.err, "quellctl: socket: ", 18), 0);
	assert_int_equal(run("--control socket --json status"), DOWN);
	assert_int_equal(strncmp(said.out, "{\"error\":\"socket: ", 18), 0);
	assert_string_equal(said.out + strlen(said.out) - 3, "\"}\n");
	assert_int_equal(run_answered("--control socket status", "what?\n"), DOWN);
	assert_int_equal(run_answered("--control socket status", ""), DOWN);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    run_answered("--control socket reload", "error a.conf:3: \"x\" is none\n"), REFUSED);
	assert_string_equal(quelld.heard, "reload\n");
	assert_string_equal(said.out, "");
	assert_string_equal(said.err, "quellctl: a.conf:3: \"x\" is none\n");
	assert_int_equal(
	    run_answered("--control socket --json reload", "error a.conf:3: \"x\" is none\n"),
	    REFUSED);
	assert_string_equal(said.out, "{\"error\":\"a.conf:3: \\\"x\\\" is none\"}\n");
}

/* Whether a command is known is for quelld to say. */
static void test_requests(void **state)
{
	static const struct {
		const char *line, *request;
	} rows[] = {
	    {"stats", "stats\n"},
	    {"reload", "reload\n"},
	    {"why www.example.com", "why www.example.com\n"},
	    {"why www.example.com AAAA", "why www.example.com AAAA\n"},
	    {"--client 192.0.2.7 why www.example.com", "why www.example.com A 192.0.2.7\n"},
	    {"why www.example.com TXT --client ::1", "why www.example.com TXT ::1\n"},
	    {"cache www.example.com", "cache www.example.com\n"},
	    {"cache www.example.com TYPE65280", "cache www.example.com TYPE65280\n"},
	    {"upstreams", "upstreams\n"},
	    {"flush www.example.com", "flush www.example.com\n"},
	    {"flush --all", "flush --all\n"},
	    {"--all flush", "flush --all\n"},
	    {"flush --below example.com", "flush --below example.com\n"},
	    {"allow www.example.com", "allow www.example.com\n"},
	    {"allow www.example.com for 30m --comment telly",
		"allow www.example.com for 30m # telly\n"},
	    {"--comment telly block =a.example", "block =a.example # telly\n"},
	    {"unset www.example.com", "unset www.example.com\n"},
	    {"rules", "rules\n"},
	    {"pause", "pause\n"},
	    {"pause 30m", "pause 30m\n"},
	    {"resume", "resume\n"},
	    {"dance", "dance\n"},
	};
	char line[96];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(line, sizeof(line), "--control socket %s", rows[i].line);
		assert_int_equal(run_answered(line, "ok\nkey value\n"), WELL);
		assert_string_equal(quelld.heard, rows[i].request);
		assert_table(said.out, "key value\n");
	}
}

static const char counted[] =
    "group Clients\nabout messages received over UDP\nqueries_udp 1234567\n"
    "group Cache\nabout answers in the cache now\ncache_entries 0\n"
    "group Time to answer\nabout from the cache\nlatency_cached_n 12\n"
    "latency_cached_p50_us 7\nlatency_cached_p90_us 3420\n"
    "latency_cached_p99_us 999960\nlatency_cached_p999_us 65000000\n"
    "latency_cached_max_us 65000001\n"
    "about from upstream\nlatency_forwarded_n 0\n"
    "latency_forwarded_p50_us 0\nlatency_forwarded_p90_us 0\n"
    "latency_forwarded_p99_us 0\nlatency_forwarded_p999_us 0\n"
    "latency_forwarded_max_us 0\n";

static void test_stats_for_people(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--control socket stats", ok(counted)), WELL);
	assert_string_equal(said.out,
	    "Clients\n"
	    "  queries_udp                 1234567  messages received over UDP\n"
	    "\n"
	    "Cache\n"
	    "  cache_entries                     0  answers in the cache now\n"
	    "\n"
	    "Time to answer\n"
	    "                                 answers       p50       p90       p99     p99.9"
	    "       max\n"
	    "  from the cache                      12      7 us    3.4 ms     1.0 s    65.0 s"
	    "    65.0 s\n"
	    "  from upstream                        0         -         -         -         -"
	    "         -\n");
}

static void test_json_stats(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--json --control socket stats", ok(counted)), WELL);
	ASSERT_OBJECT(said.out, "\"queries_udp\":1234567", "\"cache_entries\":0",
	    "\"latency_cached_n\":12", "\"latency_cached_p50_us\":7",
	    "\"latency_cached_p90_us\":3420", "\"latency_cached_p99_us\":999960",
	    "\"latency_cached_p999_us\":65000000", "\"latency_cached_max_us\":65000001",
	    "\"latency_forwarded_n\":0", "\"latency_forwarded_p50_us\":0",
	    "\"latency_forwarded_p90_us\":0", "\"latency_forwarded_p99_us\":0",
	    "\"latency_forwarded_p999_us\":0", "\"latency_forwarded_max_us\":0");
}

/* Times and parts, where they are numbers. */
static void test_status_for_people(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--control socket status",
			     ok("state well\nuptime_s 93784\nlists_age_s 59\nodd_s later\n"
				"queries 2000\nblocked 13\ncached 1000\n")),
	    WELL);
	assert_table(said.out, "state well\nuptime 1 d 2 h\nlists_age 59 s\nodd_s later\n"
			       "queries 2000\nblocked 13 (0.7 %)\ncached 1000 (50.0 %)\n");
	assert_int_equal(run_answered("--control socket status",
			     ok("state well\nqueries 0\nblocked 0\ncached 0\n")),
	    WELL);
	assert_table(said.out, "state well\nqueries 0\nblocked 0\ncached 0\n");
	assert_int_equal(run_answered("--json --control socket status",
			     ok("state well\nuptime_s 93784\nqueries 2000\nblocked 13\n")),
	    WELL);
	ASSERT_OBJECT(said.out, "\"state\":\"well\"", "\"uptime_s\":93784", "\"queries\":2000",
	    "\"blocked\":13", "\"listen\":[]", "\"upstream\":[]", "\"reason\":[]", "\"sandbox\":[]",
	    "\"sandbox_lacks\":[]", "\"restarts\":[]");
}

static void test_answer_without_lines(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--control socket stats", "ok\n"), WELL);
	assert_string_equal(said.out, "");
	assert_int_equal(run_answered("--control socket --json stats", "ok\n"), WELL);
	assert_string_equal(said.out, "{}\n");
}

/* ---- JSON ---- */

static void test_json_status(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--json --control socket status", ok(well)), WELL);
	ASSERT_OBJECT(said.out, "\"state\":\"well\"", "\"pid\":17", "\"version\":\"1.0\"",
	    "\"listen\":[\"127.0.0.1:53 open\",\"[::1]:53 open\"]",
	    "\"upstream\":[\"192.0.2.1:53 udp 12 ms\"]", "\"reason\":[]", "\"sandbox\":[]",
	    "\"sandbox_lacks\":[]", "\"restarts\":[]");
	assert_int_equal(run_answered("--json --control socket status", ok(degraded)), DEGRADED);
	ASSERT_OBJECT(said.out, "\"state\":\"degraded\"",
	    "\"reason\":[\"no upstream answers\",\"lists are old\"]", "\"listen\":[]",
	    "\"upstream\":[]", "\"sandbox\":[]", "\"sandbox_lacks\":[]", "\"restarts\":[]");
}

static void test_json_why(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--json --control socket why a.example",
			     ok("name a.example\nverdict blocked\nmatch ads: exact a.example\n")),
	    WELL);
	ASSERT_OBJECT(said.out, "\"name\":\"a.example\"", "\"verdict\":\"blocked\"",
	    "\"match\":[\"ads: exact a.example\"]", "\"change\":[]", "\"note\":[]");
	assert_int_equal(run_answered("--json --control socket why b.example",
			     ok("name b.example\nverdict not listed\n")),
	    WELL);
	ASSERT_OBJECT(said.out, "\"name\":\"b.example\"", "\"verdict\":\"not listed\"",
	    "\"match\":[]", "\"change\":[]", "\"note\":[]");
}

static void test_json_rules(void **state)
{
	(void)state;
	assert_int_equal(
	    run_answered("--json --control socket rules",
		ok("blocking on\nrule allow a.example # telly\nrule block b.example\n")),
	    WELL);
	ASSERT_OBJECT(said.out, "\"blocking\":\"on\"",
	    "\"rule\":[\"allow a.example # telly\",\"block b.example\"]", "\"note\":[]");
	assert_int_equal(run_answered("--json --control socket allow a.example",
			     ok("rule allow a.example\nnote one\nnote two\n")),
	    WELL);
	ASSERT_OBJECT(said.out, "\"rule\":[\"allow a.example\"]", "\"note\":[\"one\",\"two\"]");
}

/* Objects within the answer, each with arrays of its own, also where they are empty. */
static void test_json_cache(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--json --control socket cache a.example",
			     ok("name a.example\nverdict not listed\nnote n\n"
				"answer A\nclass 1\nworker 0\nstale false\n"
				"answer TYPE65280\nclass 1\nprefetched true\n"
				"message 0000818000000000000000000\n")),
	    WELL);
	assert_string_equal(said.out,
	    "{\"name\":\"a.example\",\"verdict\":\"not listed\",\"note\":[\"n\"],\"answers\":["
	    "{\"type\":\"A\",\"class\":\"IN\",\"worker\":0,\"stale\":false,\"records\":[]},"
	    "{\"type\":\"TYPE65280\",\"class\":\"IN\",\"prefetched\":true,\"unreadable\":true,"
	    "\"records\":[]}]}\n");
	assert_int_equal(
	    run_answered("--json --control socket cache a.example MX",
		ok("name a.example\nverdict not listed\nnote nothing is in the cache\n")),
	    WELL);
	assert_string_equal(said.out, "{\"name\":\"a.example\",\"verdict\":\"not listed\","
				      "\"note\":[\"nothing is in the cache\"],\"answers\":[]}\n");
}

static void test_json_upstreams(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--json --control socket upstreams",
			     ok("upstream 192.0.2.1:53\nzone .\nzone lan\nasked 7\nworker 0\nstate "
				"good\nworker 1\n"
				"state away\nupstream 192.0.2.2:53\nasked 0\n")),
	    WELL);
	assert_string_equal(said.out,
	    "{\"note\":[],\"upstreams\":[{\"address\":\"192.0.2.1:53\",\"asked\":7,"
	    "\"zones\":[\".\",\"lan\"],\"groups\":[],\"workers\":[{\"worker\":0,\"state\":\"good\"}"
	    ","
	    "{\"worker\":1,\"state\":\"away\"}]},"
	    "{\"address\":\"192.0.2.2:53\",\"asked\":0,\"zones\":[],\"groups\":[],\"workers\":[]}]}"
	    "\n");
	assert_int_equal(run_answered("--json --control socket upstreams", "ok\n"), WELL);
	assert_string_equal(said.out, "{\"note\":[],\"upstreams\":[]}\n");
}

/* RFC 8259, 6: a number has no zero before other digits; and 7: what a text must escape. */
static void test_json_values(void **state)
{
	(void)state;
	assert_int_equal(run_answered("--json --control socket stats",
			     ok("a 0\nb 18446744073709551615\nc -1\nd 1.5\ne \nf\ng 007\nh 00\n"
				"i say \"x\\y\"\nj 1 2\nk\"k \xc3\xa4\n")),
	    WELL);
	ASSERT_OBJECT(said.out, "\"a\":0", "\"b\":18446744073709551615", "\"c\":\"-1\"",
	    "\"d\":\"1.5\"", "\"e\":\"\"", "\"f\":\"\"", "\"g\":\"007\"", "\"h\":\"00\"",
	    "\"i\":\"say \\\"x\\\\y\\\"\"", "\"j\":\"1 2\"", "\"k\\\"k\":\"\\\\xc3\\\\xa4\"");
}

/* ---- the command line ---- */

static void assert_usage(const char *line)
{
	assert_int_equal(run_answered(line, "ok\nstate well\n"), USAGE);
	assert_string_equal(quelld.heard, ""); /* nobody was told anything */
	assert_string_equal(said.out, "");
	assert_int_equal(strncmp(said.err, "quellctl: ", 10), 0);
}

static void test_usage(void **state)
{
	static const char *const lines[] = {"", "status now", "reload --all", "--all",
	    "stats --all", "why --all", "why", "why a.example A B", "flush", "flush a.example A",
	    "--client ::1 status", "--client ::1 flush a.example", "--client", "--comment x status",
	    "--comment", "rules --all", "--client ::1 allow a.example", "flush --all a.example",
	    "flush --below", "flush --all --below", "cache --below a.example", "rules --below",
	    "cache", "cache --all", "cache a.example A B", "upstreams a",
	    "--client ::1 cache a.example", "rules all", "resume 5m", "resume --comment x",
	    "rules --comment x", "unset a.example --comment x", "--bogus status",
	    "status --control"};
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		(void)snprintf(
		    line, sizeof(line), "--control socket%s%s", *lines[i] ? " " : "", lines[i]);
		assert_usage(line);
	}
}

/* One request is one line of bounded length. */
static void test_argument_must_fit_a_line(void **state)
{
	char name[REQUEST_MAX + 1], one[] = "quellctl", two[] = "--control=socket", three[] = "why";
	char two_lines[] = "a.example\nreload", ending[] = "a.example\n";
	char *words[] = {one, two, three, name, NULL};

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(run_words(words, 4), USAGE);
	assert_has(said.err, "quellctl: this is not a command\n");
	words[3] = two_lines;
	assert_int_equal(run_words(words, 4), USAGE);
	assert_has(said.err, "quellctl: this is not a command\n");
	words[3] = ending;
	assert_int_equal(run_words(words, 4), USAGE);
	assert_has(said.err, "quellctl: this is not a command\n");
}

static void test_help_and_version(void **state)
{
	(void)state;
	assert_int_equal(run("--help"), WELL);
	assert_int_equal(strncmp(said.out, "Usage: quellctl ", 16), 0);
	for (size_t i = 0; i < 5; i++)
		assert_has(said.out, (const char *const[]){"\n  status", "\n  stats",
					 "\n  why NAME", "\n  flush NAME", "\n  reload"}[i]);
	assert_string_equal(said.err, "");
	assert_int_equal(run("--version"), WELL);
	assert_string_equal(said.out, "quellctl " PACKAGE_VERSION "\n");
}

static void test_path_from_configuration(void **state)
{
	char folder[64], text[128];

	(void)state;
	assert_non_null(getcwd(folder, sizeof(folder)));
	(void)snprintf(text, sizeof(text), "control = \"%s/socket\"\n", folder);
	scratch_write("a.conf", text);
	assert_int_equal(run_answered("-c a.conf status", ok("state well\n")), WELL);
	assert_string_equal(quelld.heard, "status\n");
	assert_int_equal(run_answered("--config=a.conf status", ok("state well\n")), WELL);
	assert_int_equal(run("-c a.conf --control elsewhere status"), DOWN);
	assert_int_equal(strncmp(said.err, "quellctl: elsewhere: ", 21), 0);
}

static void test_bad_configuration(void **state)
{
	(void)state;
	scratch_write("bad.conf", "\nno_such_option = 1\n");
	assert_int_equal(run("-c bad.conf status"), USAGE);
	assert_has(said.err, "bad.conf:2");
	assert_int_equal(run("-c missing.conf status"), USAGE);
	assert_has(said.err, "missing.conf");
}

/* A script must not take it for well when the answer is lost on its way. */
static void test_output_fails(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	fake_quelld_start(&quelld, "socket", FAKE_POLITE, "ok\nstate well\n", 14);
	pid = fork();
	if (pid == 0) {
		char *words[] = {
		    (char *)"quellctl", (char *)"--control=socket", (char *)"status", NULL};
		int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

		if (full < 0 || dup2(full, STDOUT_FILENO) < 0 || dup2(full, STDERR_FILENO) < 0)
			_exit(99);
		(void)close(full);
		exit(quellctl_main(3, words));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fake_quelld_stop(&quelld);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, scratch_set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_status_well),
	    TEST(test_status_degraded),
	    TEST(test_status_down),
	    TEST(test_refused),
	    TEST(test_requests),
	    TEST(test_stats_for_people),
	    TEST(test_json_stats),
	    TEST(test_status_for_people),
	    TEST(test_answer_without_lines),
	    TEST(test_json_status),
	    TEST(test_json_why),
	    TEST(test_json_rules),
	    TEST(test_json_cache),
	    TEST(test_json_upstreams),
	    TEST(test_json_values),
	    TEST(test_usage),
	    TEST(test_argument_must_fit_a_line),
	    TEST(test_help_and_version),
	    TEST(test_path_from_configuration),
	    TEST(test_bad_configuration),
	    TEST(test_output_fails),
	};

	return cmocka_run_group_tests_name("quellctl", tests, NULL, NULL);
}
