/* test_settings.c - flags over file, and a worker's share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "resolver/core/client.h"
#include "resolver/core/special.h"
#include "resolver/settings.h"

static const char *write_conf(const char *text)
{
	static char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "test_settings-%d.conf", (int)getpid());
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

static int read_with(
    struct conf **conf, const char *text, struct settings_flags *flags, struct why *why)
{
	int err;

	flags->conf_path = write_conf(text);
	err = settings_read(conf, flags, why);
	assert_int_equal(unlink(flags->conf_path), 0);
	return err;
}

static void test_flags_replace(void **state)
{
	struct settings_flags flags = {
	    .listen = {"127.0.0.1:5300", "[::1]:5301"},
	    .n_listen = 2,
	    .upstream = {"192.0.2.53"},
	    .n_upstream = 1,
	    .workers = 4,
	    .control = "/tmp/x",
	};
	struct conf *conf;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(
	    read_with(&conf,
		"listen = {10.0.0.1}\nupstream = {192.0.2.1, 192.0.2.2}\nworkers = 2\n", &flags,
		NULL),
	    0);
	assert_int_equal(conf->n_listen, 2);
	assert_string_equal(conf->listen_text[1], "[::1]:5301");
	assert_int_equal(conf->n_upstream, 1);
	assert_string_equal(addr_format(&conf->upstream[0], text), "192.0.2.53:53");
	assert_int_equal(conf->workers, 4);
	assert_string_equal(conf->control, "/tmp/x");
	conf_free(conf);
}

static void test_file_without_flags(void **state)
{
	struct settings_flags flags = {0};
	struct conf *conf;

	(void)state;
	assert_int_equal(read_with(&conf, "listen = {10.0.0.1}\nworkers = 2\n", &flags, NULL), 0);
	assert_int_equal(conf->n_listen, 1);
	assert_int_equal(conf->workers, 2);
	conf_free(conf);
}

/* An interface that is not there now may come later, in a flag as in the file. */
static void test_missing_interface(void **state)
{
	struct settings_flags flags = {.listen = {"[fe80::1%nosuchif]:53"}, .n_listen = 1};
	struct conf *conf;

	(void)state;
	assert_int_equal(read_with(&conf, "", &flags, NULL), 0);
	assert_string_equal(conf->listen_text[0], "[fe80::1%nosuchif]:53");
	conf_free(conf);
}

static void test_mistakes(void **state)
{
	static const struct {
		struct settings_flags flags;
		const char *conf, *told;
	} cases[] = {
	    {{.listen = {"nonsense"}, .n_listen = 1}, "", "--listen"},
	    {{.listen = {"127.0.0.1", "127.0.0.1:53"}, .n_listen = 2}, "", "--listen"},
	    {{.upstream = {"1.2.3.4:99999"}, .n_upstream = 1}, "", "--upstream"},
	    {{.upstream = {"0.0.0.0:53"}, .n_upstream = 1}, "", "--upstream"},
	    {{.workers = 64}, "cache_size = 1M\n", "4096K"},
	    {{0}, "listen = {127.0.0.1}\nupstream = {127.0.0.1}\n", "ask itself"},
	    {{0}, "listen = {0.0.0.0}\nupstream = {127.0.0.53}\n", "ask itself"},
	    {{0}, "listen = {0.0.0.0, [::]}\nupstream = {[::1]}\n", "ask itself"},
	    {{.upstream = {"127.0.0.1:5300"},
		 .n_upstream = 1,
		 .listen = {"0.0.0.0:5300"},
		 .n_listen = 1},
		"", "ask itself"},
	    {{0}, "special_off = {local, lan}\n", "special_off: there is no special name 'lan'"},
	    {{0}, "nonsense\n", ".conf:1"},
	    {{0}, "proxy = 'socks5://127.0.0.1:9050'\n", "there is no upstream to ask through it"},
	    {{.upstream = {"9.9.9.9"}, .n_upstream = 1},
		"proxy = 'socks5://127.0.0.1:9050'\nforward lan { upstream = 9.9.9.9 }\n",
		"in another way"},
	    {{0},
		"group a { upstream = 9.9.9.9\nproxy = 'socks5://127.0.0.1:1' }\n"
		"group b { upstream = 9.9.9.9\nproxy = 'socks5://127.0.0.1:2' }\n",
		"in another way"},
	    {{0},
		"group a { upstream = 9.9.9.1\nproxy = 'socks5://127.0.0.1:1' }\n"
		"group b { upstream = 9.9.9.2\nproxy = 'socks5://127.0.0.1:2' }\n"
		"group c { upstream = 9.9.9.3\nproxy = 'socks5://127.0.0.1:3' }\n"
		"group d { upstream = 9.9.9.4\nproxy = 'socks5://127.0.0.1:4' }\n"
		"group e { upstream = 9.9.9.5\nproxy = 'socks5://127.0.0.1:5' }\n",
		"4 proxies"},
	    {{0}, "listen = 127.0.0.1\ngroup a { upstream = 127.0.0.1 }\n", "ask itself"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct settings_flags flags = cases[i].flags;
		struct conf *conf = NULL;
		struct why why;

		assert_true(read_with(&conf, cases[i].conf, &flags, &why) < 0);
		assert_non_null(strstr(why.text, cases[i].told));
		assert_null(conf);
	}
}

static void test_missing_file(void **state)
{
	struct settings_flags flags = {.conf_path = "/nowhere/quell.conf"};
	struct conf *conf = NULL;
	struct why why;

	(void)state;
	assert_true(settings_read(&conf, &flags, &why) < 0);
	assert_non_null(strstr(why.text, "/nowhere/quell.conf"));
}

static enum client_access access_of(const struct options *options, const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(&a, text, 53, NULL), 0);
	return client_access(options, &a);
}

static bool allows(const struct options *options, const char *text)
{
	return access_of(options, text) == CLIENT_ALLOW;
}

/* Groups behind others, and how each is asked. */
static void test_groups(void **state)
{
	static struct options o;
	struct settings_flags flags = {0};
	struct conf *conf;

	(void)state;
	assert_int_equal(read_with(&conf,
			     "group far { upstream = {9.9.9.7, 9.9.9.1} }\n"
			     "group tor { upstream = {9.9.9.9, 9.9.9.8}\nfallback = far\n"
			     "proxy = 'socks5://a:b@127.0.0.1:9050' }\n"
			     "upstream = {9.9.9.1, 9.9.9.2}\nfallback = tor\n"
			     "client_subnet = 198.51.100.0/24\n"
			     "forward lan { upstream = 192.168.1.1\nfallback = far }\n"
			     "forward corp.example { upstream = 9.9.9.8\n"
			     "proxy = 'socks5://a:b@127.0.0.1:9050' }\n",
			     &flags, NULL),
	    0);
	settings_options(conf, &o);
	assert_int_equal(o.n_upstream, 2);
	assert_int_equal(o.n_forward, 4);
	/* 0 for all, 1 and 2 the zones, 3 and 4 the groups. */
	assert_int_equal(o.fallback[0], 4);
	assert_int_equal(o.fallback[1], 3);
	assert_int_equal(o.fallback[2], 0);
	assert_int_equal(o.fallback[3], 0);
	assert_int_equal(o.fallback[4], 3);
	assert_int_equal(o.groups[0], 1 << 3); /* 9.9.9.1, besides that it is for all */
	assert_int_equal(o.groups[2], 1 << 1); /* 192.168.1.1 */
	assert_int_equal(o.groups[3], 1 << 2 | 1 << 4);
	assert_int_equal(o.groups[4], 1 << 3);
	assert_int_equal(o.groups[5], 1 << 4);
	assert_int_equal(o.proxy[0] + o.proxy[1] + o.proxy[2] + o.proxy[4], 0);
	assert_int_equal(o.proxy[3], 1);
	assert_int_equal(o.proxy[5], 1);
	assert_string_equal(o.proxies[0].password, "b");
	assert_int_equal(o.client_subnet.bits, 24);
	conf_free(conf);
}

static void test_options(void **state)
{
	static struct options one, two;
	struct settings_flags flags = {.upstream = {"192.0.2.53"}, .n_upstream = 1, .workers = 2};
	struct conf *conf;

	(void)state;
	assert_int_equal(
	    read_with(&conf, "cache_size = 8M\nquestions_max = 1000\n", &flags, NULL), 0);
	settings_options(conf, &one);
	assert_int_equal(one.cache_size, 4 << 20);
	assert_int_equal(one.questions_max, 500);
	assert_int_equal(one.n_upstream, 1);
	assert_true(allows(&one, "10.1.2.3"));
	assert_true(allows(&one, "172.31.0.1"));
	assert_true(allows(&one, "192.168.7.7"));
	assert_true(allows(&one, "169.254.1.1"));
	assert_true(allows(&one, "[fd12::1]"));
	assert_true(allows(&one, "[fe80::1%lo]"));
	assert_false(allows(&one, "8.8.8.8"));
	assert_false(allows(&one, "172.32.0.1"));
	assert_false(allows(&one, "[2001:4860:4860::8888]"));
	/* Equal settings are equal bytes. */
	memset(&two, 0xff, sizeof(two));
	settings_options(conf, &two);
	assert_memory_equal(&one, &two, sizeof(one));
	conf_free(conf);

	assert_int_equal(read_with(&conf, "allow = {198.51.100.0/24}\n", &flags, NULL), 0);
	settings_options(conf, &one);
	assert_int_equal(one.n_access, 1);
	assert_true(allows(&one, "198.51.100.9"));
	assert_false(allows(&one, "10.1.2.3"));
	conf_free(conf);

	/* What is said of names. */
	assert_int_equal(read_with(&conf, "", &flags, NULL), 0);
	settings_options(conf, &one);
	assert_int_equal(one.special, SPECIAL_ALL);
	assert_int_equal(one.block_answer.mode, BLOCK_SERVFAIL);
	assert_int_equal(one.block_ttl_s, 10);
	assert_false(one.adapt.on);
	conf_free(conf);
	assert_int_equal(
	    read_with(&conf,
		"special_off = {\"home.arpa\", private-reverse}\nblock_answer = {192.0.2.1, ::1}\n"
		"block_ttl = 1m\nadaptive = yes\nadaptive_threshold = 7\nadaptive_window = 2s\n"
		"adaptive_dwell = 3s\nadaptive_return = 4s\n",
		&flags, NULL),
	    0);
	settings_options(conf, &one);
	assert_int_equal(
	    one.special, SPECIAL_ALL & ~(1u << SPECIAL_HOME_ARPA) & ~(1u << SPECIAL_REVERSE));
	assert_int_equal(one.block_answer.mode, BLOCK_ADDRESS);
	assert_int_equal(one.block_answer.n_in4, 1);
	assert_int_equal(one.block_answer.n_in6, 1);
	assert_int_equal(one.block_ttl_s, 60);
	assert_true(one.adapt.on);
	assert_int_equal(one.adapt.threshold, 7);
	assert_int_equal(one.adapt.window_ms, 2000);
	assert_int_equal(one.adapt.dwell_ms, 3000);
	assert_int_equal(one.adapt.return_ms, 4000);
	conf_free(conf);

	/* The default networks stay beside what is refused. */
	assert_int_equal(read_with(&conf,
			     "refuse = {10.0.0.0/24, 10.0.1.1}\ndrop = {0.0.0.0/0, 10.0.1.1}\n"
			     "rate_limit = 1001\nrate_limit_network = 0\nrate_slip = 3\n",
			     &flags, NULL),
	    0);
	settings_options(conf, &one);
	assert_true(allows(&one, "10.0.2.3"));
	assert_int_equal(access_of(&one, "10.0.0.7"), CLIENT_REFUSE);
	assert_int_equal(access_of(&one, "10.0.1.1"), CLIENT_DROP);
	assert_int_equal(access_of(&one, "8.8.8.8"), CLIENT_DROP);
	assert_int_equal(access_of(&one, "[2001:4860:4860::8888]"), CLIENT_REFUSE);
	assert_int_equal(one.rate_limit, 500);
	assert_int_equal(one.rate_limit_network, 0);
	assert_int_equal(one.rate_slip, 3);
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_flags_replace),
	    cmocka_unit_test(test_file_without_flags),
	    cmocka_unit_test(test_missing_interface),
	    cmocka_unit_test(test_mistakes),
	    cmocka_unit_test(test_missing_file),
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
