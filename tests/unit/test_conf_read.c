/* test_conf_read.c - files to a conf: what comes of each value, what a file must be, and that one
 * reading leaves nothing behind for the next.  What each option takes is in test_conf.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/conf.h"
#include "tests/unit/scratch.h"

#define FILE_NAME "quell.conf"
#define NOBODY	  65534

static struct conf *read_ok(const char *text)
{
	struct conf *conf = NULL;
	struct why why = {""};

	scratch_write(FILE_NAME, text);
	if (conf_read(&conf, FILE_NAME, &why) != 0)
		fail_msg("%s", why.text);
	assert_non_null(conf);
	return conf;
}

/* What is at `path` is refused with `err`; the reason begins with the path and has `part`. */
static void refuse_path(const char *path, int err, const char *part)
{
	struct conf mark, *conf = &mark;
	struct why why = {""};

	assert_int_equal(conf_read(&conf, path, &why), err);
	if (strncmp(why.text, path, strlen(path)) != 0 || strstr(why.text, part) == NULL)
		fail_msg("'%s' is not in: %s", part, why.text);
	assert_ptr_equal(conf, &mark);
}

static void refuse(const char *text, const char *part)
{
	scratch_write(FILE_NAME, text);
	refuse_path(FILE_NAME, ERR_FORMAT, part);
}

static void test_values(void **state)
{
	struct conf *conf =
	    read_ok("query_timeout = 2500ms\ntcp_idle = 1m\ncache_max_ttl = 2h\n"
		    "cache_size = 64M\nudp_size = 1400\nlog_queries = yes\n"
		    "listen = [::1]:5300\nupstream = { 192.0.2.1, 192.0.2.2:54 }\n"
		    "list ads { url = 'https://lists.example/ads'\nmatch = below }\n"
		    "list own { file = own.txt }\n");
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(conf->query_timeout_ms, 2500);
	assert_int_equal(conf->tcp_idle_ms, 60000);
	assert_int_equal(conf->cache_max_ttl_s, 7200);
	assert_int_equal(conf->cache_size, 64 << 20);
	assert_int_equal(conf->udp_size, 1400);
	assert_true(conf->log_queries);
	assert_int_equal(conf->n_listen, 1); /* in the place of the two defaults */
	assert_string_equal(addr_format(&conf->listen[0], text), "[::1]:5300");
	assert_int_equal(conf->n_upstream, 2);
	assert_string_equal(addr_format(&conf->upstream[1], text), "192.0.2.2:54");
	assert_int_equal(conf->n_lists, 2);
	assert_string_equal(conf->lists[0].name, "ads");
	assert_int_equal(conf->lists[0].match, CONF_MATCH_BELOW);
	assert_string_equal(conf->lists[1].file, "own.txt");
	assert_string_equal(conf->lists[1].url, ""); /* each list begins anew */
	assert_int_equal(conf->lists[1].match, CONF_MATCH_AUTO);
	conf_free(conf);
}

static void test_line_of_an_error(void **state)
{
	(void)state;
	refuse("workers = 0", FILE_NAME ":1: workers: ");
	refuse("# one\n/* two\nthree */ workers = 0\n", FILE_NAME ":3: workers: ");
	refuse("\r\n\r\nquery_timeout = soon\r\n", FILE_NAME ":3: query_timeout: ");
	refuse("cache_size = 1X\n", FILE_NAME ":1: cache_size: ");
	refuse("workers = 1\nupstream = {\n 192.0.2.1,\n 192.0.2.1000 }\n",
	    FILE_NAME ":4: upstream: ");
	refuse("list a {\n file = x\n match = most\n}\n", FILE_NAME ":3: match: ");
	refuse("workers = 0\nudp_size = 1\n", FILE_NAME ":1: "); /* the first of two */
}

/* The scanner exists once in a process. */
static void test_nothing_is_left_behind(void **state)
{
	struct conf *first, *second;

	(void)state;
	refuse("workers = 2\nlist a { file = x\n match = exact\n match = exact }", ":4: ");
	first = read_ok("workers = 2\nlist a { file = x }\n");
	refuse("state_dir = \"/no/end\n", ":1: ");
	refuse("list b { file = y }\nlist c {\n", "");
	second = read_ok("list a { file = y }\n");
	assert_ptr_not_equal(first, second);
	assert_int_equal(first->workers, 2);
	assert_int_equal(second->workers, 1); /* the default */
	assert_int_equal(first->n_lists, 1);
	assert_int_equal(second->n_lists, 1);
	assert_int_equal(first->lists[0].match, CONF_MATCH_AUTO);
	assert_string_equal(first->lists[0].file, "x");
	assert_string_equal(second->lists[0].file, "y");
	conf_free(first);
	conf_free(second);
}

static void test_text_is_only_read(void **state)
{
	char text[] = "# a comment\nworkers = 3 // another\n";
	struct conf *conf = NULL;
	struct why why;

	(void)state;
	assert_int_equal(conf_read_text(&conf, text, "x", &why), 0);
	assert_int_equal(conf->workers, 3);
	assert_string_equal(text, "# a comment\nworkers = 3 // another\n");
	conf_free(conf);
	assert_int_equal(conf_read_text(&conf, "\nworkers = x", "the text", &why), ERR_FORMAT);
	assert_memory_equal(why.text, "the text:2: ", 12);
}

static void test_what_is_no_file(void **state)
{
	(void)state;
	refuse_path("missing", ERR_NOTFOUND, "No such file");
	assert_int_equal(mkdir("folder", 0700), 0);
	refuse_path("folder", ERR_FORMAT, "Is a directory");
	refuse_path("folder/missing/x", ERR_NOTFOUND, "No such file");
	scratch_write("file", "");
	refuse_path("file/x", ERR_SYS, "Not a directory");
	assert_int_equal(mkfifo("pipe", 0600), 0);
	refuse_path("pipe", ERR_FORMAT, "pipe"); /* and is not waited for */
	scratch_write_bytes("nul", "workers = 2\n\0", 13);
	refuse_path("nul", ERR_FORMAT, "not text");
	refuse_path("/dev/zero", ERR_FORMAT, "longer than 1M");
}

static void test_denied(void **state)
{
	bool is_root = geteuid() == 0; /* who may read everything */

	(void)state;
	scratch_write(FILE_NAME, "workers = 2\n");
	assert_return_code(chmod(FILE_NAME, 0), errno);
	if (is_root && seteuid(NOBODY) != 0) {
		print_message("there is no other user to be\n");
		skip();
	}
	refuse_path(FILE_NAME, ERR_DENIED, "Permission denied");
	if (is_root)
		assert_return_code(seteuid(0), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_values, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(
		test_line_of_an_error, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(
		test_nothing_is_left_behind, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test(test_text_is_only_read),
	    cmocka_unit_test_setup_teardown(
		test_what_is_no_file, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(test_denied, scratch_set_up, scratch_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
