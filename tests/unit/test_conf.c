/* test_conf.c - the configuration: what each option takes, what is refused and in which words, and
 * that it is documented. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conf.h"

static struct conf *read_ok(const char *text)
{
	struct conf *conf = NULL;
	struct why why = {""};

	if (conf_read_text(&conf, text, "test.conf", &why) < 0)
		fail_msg("%s", why.text);
	return conf;
}

/* `text` is refused with a message that begins with "test.conf:LINE: " and has `part` in it. */
static void refuse(const char *text, unsigned line, const char *part)
{
	struct conf *conf = NULL;
	struct why why = {""};
	char start[64];

	(void)snprintf(start, sizeof(start), "test.conf:%u: ", line);
	if (conf_read_text(&conf, text, "test.conf", &why) != ERR_FORMAT)
		fail_msg("not refused: %s", text);
	if (strncmp(why.text, start, strlen(start)) != 0 || strstr(why.text, part) == NULL)
		fail_msg("%s\ngives: %s", text, why.text);
	assert_null(conf);
}

static char *printed(const struct conf *conf)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	conf_print(conf, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void assert_addr(const union addr *a, const char *expected)
{
	char text[ADDR_TEXT_SIZE];

	assert_string_equal(addr_format(a, text), expected);
}

static void test_defaults(void **state)
{
	struct conf *conf = conf_new();

	(void)state;
	assert_non_null(conf);
	assert_int_equal(conf->n_listen, 2);
	assert_addr(&conf->listen[0], "0.0.0.0:53");
	assert_addr(&conf->listen[1], "[::]:53");
	assert_string_equal(conf->listen_text[1], "[::]:53");
	assert_int_equal(conf->n_upstream, 0);
	assert_int_equal(conf->strategy, CONF_HEDGED);
	assert_int_equal(conf->allow.n, 0);
	assert_int_equal(conf->records.n + conf->hosts.n + conf->leases.n, 0);
	assert_string_equal(conf->local_domain, "");
	assert_int_equal(conf->single_label, CONF_SINGLE_NXDOMAIN);
	assert_int_equal(conf->suppress, 0);
	assert_int_equal(conf->dns64.bits, 0);
	assert_true(conf->cname_guard);
	assert_true(conf->rebind_protection);
	assert_int_equal(conf->rebind_allow.n, 0);
	assert_int_equal(conf->rebind_trust.n, 0);
	assert_int_equal(conf->workers, 1);
	assert_string_equal(conf->control, QUELL_RUNDIR "/control");
	assert_string_equal(conf->state_dir, QUELL_STATEDIR);
	assert_int_equal(conf->cache_size, 32 << 20);
	assert_int_equal(conf->cache_max_ttl_s, 86400);
	assert_int_equal(conf->cache_negative_ttl_s, 3600);
	assert_int_equal(conf->cache_failure_ttl_s, 1);
	assert_int_equal(conf->min_ttl_s, 0);
	assert_int_equal(conf->prefetch, 3);
	assert_int_equal(conf->cache_save_s, 3600);
	assert_int_equal(conf->cache_save_budget, 256 << 20);
	assert_true(conf->stale);
	assert_int_equal(conf->stale_delay_ms, 1800);
	assert_int_equal(conf->stale_max_s, 2 * 86400);
	assert_int_equal(conf->query_timeout_ms, 4000);
	assert_int_equal(conf->questions_max, 4096);
	assert_int_equal(conf->tcp_clients_max, 4096);
	assert_int_equal(conf->tcp_clients_per_address, 0);
	assert_int_equal(conf->tcp_idle_ms, 10000);
	assert_int_equal(conf->udp_size, 1232);
	assert_false(conf->log_queries);
	assert_int_equal(conf->n_lists, 0);
	conf_free(conf);
	conf_free(NULL);
}

static void test_every_option(void **state)
{
	struct conf *conf =
	    read_ok("listen = { '127.0.0.1:5300', \"[::1]\" }\n"
		    "upstream = {9.9.9.9, [2620:fe::fe]:5353, }\n"
		    "strategy = strict\n"
		    "record = {\"nas.lan A 192.168.1.5\", 'x.lan TXT \"a \\ b\"'}\n"
		    "hosts = /etc/hosts\n"
		    "leases = {/a, \"/b c\"}\n"
		    "local_domain = lan\n"
		    "single_label = forward\n"
		    "suppress = {AAAA, svcb}\n"
		    "dns64 = \"2001:db8:122:300::/56\"\n"
		    "cname_guard = no\n"
		    "rebind_protection = no\n"
		    "rebind_allow = {plex.direct, \"example.com.\"}\n"
		    "rebind_trust = {192.168.1.1}\n"
		    "allow = 10.0.0.0/8\n"
		    "workers = 4\n"
		    "control = /tmp/c\n"
		    "state_dir = \"/var/tmp/a b\"\n"
		    "versions = 7\n"
		    "vital_names = no\n"
		    "cache_size = 1G\n"
		    "cache_max_ttl = 2h\n"
		    "cache_negative_ttl = 60\n"
		    "cache_failure_ttl = 5\n"
		    "min_ttl = 1h\n"
		    "prefetch = 255\n"
		    "cache_save = 0\n"
		    "cache_save_budget = 1M\n"
		    "stale = no\n"
		    "stale_delay = 0\n"
		    "stale_max = 3d\n"
		    "query_timeout = 1500ms\n"
		    "questions_max = 64\n"
		    "tcp_clients_max = 16384\n"
		    "tcp_clients_per_address = 20\n"
		    "tcp_idle = 1m\n"
		    "udp_size = 4096\n"
		    "log_queries = yes\n"
		    "group far { upstream = {192.0.2.7, 192.0.2.8:5353} }\n"
		    "group \"tor\" {\n\tfallback = far\n\tupstream = 192.0.2.9\n"
		    "\tproxy = 'socks5://quell:s3cret@127.0.0.1:9050'\n}\n"
		    "fallback = tor\n"
		    "proxy = \"socks5://[::1]:1080\"\n"
		    "client_subnet = 198.51.100.0/24\n"
		    "forward \"lan\" { upstream = {192.168.1.1, 192.168.1.2:5353}\n"
		    "fallback = far }\n"
		    "forward 192.168.0.0/16 {\n\tupstream = 192.168.1.1\n"
		    "\tproxy = \"socks5://[::1]:1080\"\n}\n"
		    "list \"ads\" { url = \"https://example.net/hosts\" }\n"
		    "list my.own_1 {\n\tfile = own.txt\n\tsyntax = pihole-regex\n"
		    "\tmatch = exact\n\ttrust = rewrite\n\tbad_max = 100\n\tshrink_max = 0\n"
		    "\tgrow_max = 1000000\n}\n");

	(void)state;
	assert_int_equal(conf->n_listen, 2);
	assert_addr(&conf->listen[0], "127.0.0.1:5300");
	assert_addr(&conf->listen[1], "[::1]:53");
	assert_int_equal(conf->n_upstream, 2);
	assert_addr(&conf->upstream[0], "9.9.9.9:53");
	assert_addr(&conf->upstream[1], "[2620:fe::fe]:5353");
	assert_int_equal(conf->allow.n, 1);
	assert_int_equal(conf->allow.net[0].bits, 8);
	assert_int_equal(conf->strategy, CONF_STRICT);
	assert_int_equal(conf->records.n, 2);
	assert_string_equal(conf->records.text[1], "x.lan TXT \"a \\ b\"");
	assert_int_equal(conf->hosts.n, 1);
	assert_string_equal(conf->hosts.text[0], "/etc/hosts");
	assert_int_equal(conf->leases.n, 2);
	assert_string_equal(conf->leases.text[1], "/b c");
	assert_string_equal(conf->local_domain, "lan");
	assert_int_equal(conf->single_label, CONF_SINGLE_FORWARD);
	assert_int_equal(conf->suppress, CONF_SUPPRESS_AAAA | CONF_SUPPRESS_SVCB);
	assert_int_equal(conf->dns64.bits, 56);
	assert_int_equal(conf->dns64.bytes[6], 3);
	assert_false(conf->cname_guard);
	assert_false(conf->rebind_protection);
	assert_int_equal(conf->rebind_allow.n, 2);
	assert_string_equal(conf->rebind_allow.text[1], "example.com.");
	assert_int_equal(conf->rebind_trust.n, 1);
	assert_addr(&conf->rebind_trust.addr[0], "192.168.1.1:53");
	assert_int_equal(conf->workers, 4);
	assert_string_equal(conf->control, "/tmp/c");
	assert_string_equal(conf->state_dir, "/var/tmp/a b");
	assert_int_equal(conf->versions, 7);
	assert_false(conf->vital_names);
	assert_int_equal(conf->cache_size, 1 << 30);
	assert_int_equal(conf->cache_max_ttl_s, 7200);
	assert_int_equal(conf->cache_negative_ttl_s, 60);
	assert_int_equal(conf->cache_failure_ttl_s, 5);
	assert_int_equal(conf->min_ttl_s, 3600);
	assert_int_equal(conf->prefetch, 255);
	assert_int_equal(conf->cache_save_s, 0);
	assert_int_equal(conf->cache_save_budget, 1 << 20);
	assert_false(conf->stale);
	assert_int_equal(conf->stale_delay_ms, 0);
	assert_int_equal(conf->stale_max_s, 3 * 86400);
	assert_int_equal(conf->query_timeout_ms, 1500);
	assert_int_equal(conf->questions_max, 64);
	assert_int_equal(conf->tcp_clients_max, 16384);
	assert_int_equal(conf->tcp_clients_per_address, 20);
	assert_int_equal(conf->tcp_idle_ms, 60000);
	assert_int_equal(conf->udp_size, 4096);
	assert_true(conf->log_queries);
	assert_int_equal(conf->n_groups, 2);
	assert_string_equal(conf->groups[0].name, "far");
	assert_int_equal(conf->groups[0].upstream.n, 2);
	assert_string_equal(conf->groups[0].fallback, "");
	assert_string_equal(conf->groups[1].fallback, "far");
	assert_addr(&conf->groups[1].proxy.addr, "127.0.0.1:9050");
	assert_string_equal(conf->groups[1].proxy.user, "quell");
	assert_string_equal(conf->groups[1].proxy.password, "s3cret");
	assert_string_equal(conf->fallback, "tor");
	assert_addr(&conf->proxy.addr, "[::1]:1080");
	assert_int_equal(conf->client_subnet.family, AF_INET);
	assert_int_equal(conf->client_subnet.bits, 24);
	assert_int_equal(conf->n_forwards, 2);
	assert_string_equal(conf->forwards[0].fallback, "far");
	assert_addr(&conf->forwards[1].proxy.addr, "[::1]:1080");
	assert_string_equal(conf->forwards[0].zone, "lan");
	assert_int_equal(conf->forwards[0].upstream.n, 2);
	assert_addr(&conf->forwards[0].upstream.addr[1], "192.168.1.2:5353");
	assert_string_equal(conf->forwards[1].zone, "192.168.0.0/16");
	assert_int_equal(conf->forwards[1].upstream.n, 1);
	assert_int_equal(conf->n_lists, 2);
	assert_string_equal(conf->lists[0].name, "ads");
	assert_string_equal(conf->lists[0].url, "https://example.net/hosts");
	assert_string_equal(conf->lists[0].file, "");
	assert_string_equal(conf->lists[0].syntax, "auto");
	assert_int_equal(conf->lists[0].match, CONF_MATCH_AUTO);
	assert_int_equal(conf->lists[0].trust, CONF_TRUST_BLOCK);
	assert_string_equal(conf->lists[1].name, "my.own_1");
	assert_string_equal(conf->lists[1].url, "");
	assert_string_equal(conf->lists[1].file, "own.txt");
	assert_string_equal(conf->lists[1].syntax, "pihole-regex");
	assert_int_equal(conf->lists[1].match, CONF_MATCH_EXACT);
	assert_int_equal(conf->lists[1].trust, CONF_TRUST_REWRITE);
	assert_int_equal(conf->lists[1].bad_max, 100);
	assert_int_equal(conf->lists[1].shrink_max, 0);
	assert_int_equal(conf->lists[1].grow_max, 1000000);
	conf_free(conf);
}

#define SHA256 "E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define KEY    "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"

static void test_pins(void **state)
{
	struct conf *conf = read_ok("list a { url = http://x/\n sha256 = " SHA256
				    "\n minisign = '" KEY "'\n signature = https://y/s }\n");

	(void)state;
	assert_string_equal(conf->lists[0].sha256, SHA256);
	assert_string_equal(conf->lists[0].minisign, KEY);
	assert_string_equal(conf->lists[0].signature, "https://y/s");
	conf_free(conf);
	refuse("list a { url = http://x/\n sha256 = abc }", 2, "64 hex digits");
	refuse("list a { url = http://x/\n sha256 = " SHA256 "0 }", 2, "too long");
	refuse("list a { url = http://x/\n sha256 = g" SHA256 " }", 2, "too long");
	refuse("list a { url = http://x/\n minisign = RWQ }", 2, "56 characters");
	refuse("list a { url = http://x/\n minisign = " SHA256 " }", 2, "too long");
	refuse("list a { url = http://x/\n signature = s }", 2, "URL");
}

static void test_lists_of_values(void **state)
{
	struct conf *conf;

	(void)state;
	conf = read_ok("listen += { 127.0.0.1:1 }\nlisten += { 127.0.0.1:2 }\n");
	assert_int_equal(conf->n_listen, 2); /* the default does not stay */
	assert_addr(&conf->listen[1], "127.0.0.1:2");
	conf_free(conf);

	conf = read_ok("listen = {}\nupstream = {}\n");
	assert_int_equal(conf->n_listen, 2);
	assert_int_equal(conf->n_upstream, 0);
	conf_free(conf);
}

static void test_comments_and_line_ends(void **state)
{
	struct conf *conf = read_ok("\xef\xbb\xbf#\r\n"
				    "//\r\n"
				    "# 345678901234567890123456789012\r\n"
				    "/* a * b\n// \" */ workers = 2 # \"it's\r\n"
				    "listen = { # one\r\n\t127.0.0.1:1, // two\r\n"
				    "\t/**/ 127.0.0.1:2\r\n}\r\n"
				    "list a { url = http://example.net//a#b\n }\n"
				    "list b { url = \"http://example.net/#/*\" }\n"
				    "list c { file = 'it\\'s # here' }#");

	(void)state;
	assert_int_equal(conf->workers, 2);
	assert_int_equal(conf->n_listen, 2);
	assert_string_equal(conf->lists[0].url, "http://example.net//a");
	assert_string_equal(conf->lists[1].url, "http://example.net/#/*");
	assert_string_equal(conf->lists[2].file, "it's # here");
	conf_free(conf);
	conf_free(read_ok(""));
	conf_free(read_ok("#"));
	conf_free(read_ok("\n\n"));
}

static void test_environment(void **state)
{
	struct conf *conf;

	(void)state;
	assert_int_equal(setenv("QUELL_TEST_DIR", "/srv/x", 1), 0);
	assert_int_equal(unsetenv("QUELL_TEST_NONE"), 0);
	conf = read_ok("state_dir = \"${QUELL_TEST_DIR}/a\"\n"
		       "control = ${QUELL_TEST_NONE:-/run/y}\n"
		       "list a { file = '${QUELL_TEST_DIR}' }\n"
		       "list b { file = \"\\${QUELL_TEST_DIR}\" }\n");
	assert_string_equal(conf->state_dir, "/srv/x/a");
	assert_string_equal(conf->control, "/run/y");
	assert_string_equal(conf->lists[0].file, "${QUELL_TEST_DIR}");
	assert_string_equal(conf->lists[1].file, "${QUELL_TEST_DIR}");
	conf_free(conf);
}

static void test_refused_values(void **state)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
	    {"workers = 0", "from 1 to 64"},
	    {"workers = 65", "from 1 to 64"},
	    {"workers = two", "'two' is not a number"},
	    {"workers = -1", "'-1' is not a number"},
	    {"workers = 1;", "'1;' is not a number"},
	    {"workers = ''", "'' is not a number"},
	    {"workers = 99999999999999999999999", "is not a number"},
	    {"cache_size = 1023K", "from 1M to 4G"},
	    {"cache_size = 5G", "from 1M to 4G"},
	    {"cache_size = 32MB", "as in 32M"},
	    {"cache_size = 99999999999999G", "as in 32M"},
	    {"cache_max_ttl = 8d", "from 1s to 7d"},
	    {"cache_max_ttl = 0", "from 1s to 7d"},
	    {"cache_max_ttl = 1500ms", "whole seconds"},
	    {"cache_negative_ttl = 25h", "from 1s to 1d"},
	    {"cache_failure_ttl = 6s", "from 1s to 5s"},
	    {"query_timeout = 999ms", "from 1s to 30s"},
	    {"query_timeout = 31", "from 1s to 30s"},
	    {"query_timeout = 5 s", "there is no option 's'"},
	    {"query_timeout = 1.5s", "not a duration"},
	    {"questions_max = 63", "from 64 to 65536"},
	    {"questions_max = 65537", "from 64 to 65536"},
	    {"tcp_clients_max = 7", "from 8 to 16384"},
	    {"tcp_idle = 999ms", "from 1s to 10m"},
	    {"udp_size = 511", "from 512 to 4096"},
	    {"udp_size = 4097", "from 512 to 4096"},
	    {"log_queries = true", "neither yes nor no"},
	    {"listen = localhost", "192.0.2.1:53"},
	    {"listen = 127.0.0.1:0", "from 1 to 65535"},
	    {"listen = {127.0.0.1:5, 127.0.0.1:5}", "twice"},
	    {"listen = {'[::1]', ::1}", "twice"},
	    {"listen = *:53", "in quotes"},
	    {"upstream = [fe80::1%no-such-if]:53", "no interface no-such-if"},
	    {"upstream = 0.0.0.0", "every address"},
	    {"upstream = dns.example", "192.0.2.1:53"},
	    {"rebind_trust = {9.9.9.9, 9.9.9.9:53}", "twice"},
	    {"rebind_allow = .", "not a name"},
	    {"suppress = {aaaa, mx}", "'mx' is none"},
	    {"dns64 = maybe", "maybe"},
	    {"dns64 = \"64:ff9b::/95\"", "32, 40, 48, 56, 64 or 96"},
	    {"dns64 = \"64:ff9b::/72\"", "32, 40, 48, 56, 64 or 96"},
	    {"dns64 = \"2000::/16\"", "32, 40, 48, 56, 64 or 96"},
	    {"dns64 = \"2001:db8:0:0:100::/96\"", "zeros in bits 64"},
	    {"dns64 = \"192.0.2.0/24\"", "32, 40, 48, 56, 64 or 96"},
	    {"record = \"\"", "empty"},
	    {"record = \"a\\tb\"", "control character"},
	    {"hosts = etc/hosts", "absolute"},
	    {"local_domain = a..b", "not a name"},
	    {"single_label = servfail", "nxdomain or forward"},
	    {"forward lan { }", "has no upstream"},
	    {"forward lan { upstrem = 1.1.1.1 }", "did you mean 'upstream'"},
	    {"forward . { upstream = 9.9.9.9 }", "not a name"},
	    {"forward 192.168.1.0/16 { upstream = 9.9.9.9 }", "192.168.0.0/16"},
	    {"forward a { upstream = 9.9.9.9 } forward a { upstream = 9.9.9.9 }", "own name"},
	    {"forwrd = 1", "did you mean 'forward'"},
	    {"rebind_allow = a..b", "not a name"},
	    {"rebind_allow = \"b\303\274cher.example\"", "xn--"},
	    {"rebind_allow = \"a b\"", "letters, digits"},
	    {"allow = 192.168.1.1/24", "192.168.1.0/24"},
	    {"control = run/control", "begins with /"},
	    {"control = /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"at most 107 bytes"},
	    {"state_dir = \"/a\\nb\"", "control character"},
	    {"state_dir = ''", "begins with /"},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "# 1\n/* 2\n3 */\n%s\nworkers = x\n", cases[i].line);
		refuse(text, 4, cases[i].part);
	}
}

static void test_refused_grammar(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *part;
	} cases[] = {
	    {"\nworker = 1\n", 2, "did you mean 'workers'?"},
	    {"lists a { }", 1, "did you mean 'list'?"},
	    {"something = 1\n", 1, "there is no option 'something'; quell.conf(5)"},
	    {"x = 1\n", 1, "there is no option 'x'; quell.conf(5)"},
	    {"list a {\n\tulr = 'http://a/'\n}\n", 2, "'ulr' in a list; did you mean 'url'?"},
	    {"list a {\n\n\tworkers = 1\n}\n", 3, "'workers' in a list"},
	    {"\n'' = 1", 2, "no such option"},
	    {"list a { file = x }\nlist|url = y", 2, "there is no option 'url'"},
	    {"list|url = y", 1, "list"},
	    {"workers 1", 1, "equal sign"},
	    {"workers = {1}", 1, "name = value"},
	    {"workers += 1", 1, "non-list"},
	    {"listen = {127.0.0.1 127.0.0.2}", 1, "name = { value, value }"},
	    {"\n\nlisten = {127.0.0.1,\n", 3, "no '}'"},
	    {"\nlist a {\n\tfile = x\n", 2, "no '}'"},
	    {"list { }", 1, "missing title"},
	    {"list a\nworkers = 1\n", 2, "opening brace"},
	    {"}", 1, "closing brace"},
	    {"\nstate_dir = \"/a\nb\"\n", 2, "no end on this line"},
	    {"\nstate_dir = '/a\\\nb'\n", 2, "no end on this line"},
	    {"\nstate_dir = '/a\\", 2, "no end on this line"},
	    {"workers = 1\n\"", 2, "no end on this line"},
	    {"workers = 1\n/* x\n", 2, "comment"},
	    {"state_dir = \"/${HOME\n}\"\n", 1, "single quotes"},
	    {"\nstate_dir = ${HOME", 2, "'${' has no '}'"},
	    {"workers = 1\n\f", 2, "control character"},
	    {"a + b", 1, "in quotes"},
	    {"state_dir = \"\\999\"", 1, "escape"},
	    {"workers = 1\nworkers = 1\n", 2, "workers is set twice"},
	    {"listen = ::1\nlisten = {127.0.0.1}\n", 2, "listen is set twice"},
	    {"list a { match = exact\nmatch = auto }", 2, "match is set twice"},
	    {"list a { file = x }\nlist b { file = x\n }\nlist a { file = x }", 4,
		"title 'a'; each has its own name"},
	    {"forward lan { upstream = 10.0.0.1 }\nforward LAN. { upstream = 10.0.0.2\n}", 3,
		"\"LAN.\" stands there twice"},
	    {"list a {\n}\n", 2, "neither url nor file"},
	    {"list a {\n url = 'http://x/'\n file = y }\n", 3, "both url and file"},
	    {"list .a { file = x }", 1, "'.a' is not a name"},
	    {"list 'a/b' { file = x }", 1, "'a/b' is not a name"},
	    {"list '' { file = x }", 1, "'' is not a name"},
	    {"list aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa { file = x }",
		1, "at most 63"},
	    {"list a { file = '' }", 1, "file: the path is empty"},
	    {"list a { url = ftp://x/y }", 1, "begins with https://"},
	    {"list a { url = https:// }", 1, "begins with https://"},
	    {"list a { url = 'https://x/ y' }", 1, "no spaces"},
	    {"list a { trust = all }", 1, "block or rewrite"},
	    {"list a { match = prefix }", 1, "auto, exact, suffix or below"},
	    {"list a { syntax = Hosts }", 1, "not a syntax"},
	    {"list a { syntax = aaaaaaaaaaaaaaaa }", 1, "at most 15"},
	    {"block_answer = drop", 1, "block_answer: 'drop' is not possible; it is servfail"},
	    {"block_answer = {null, nodata}", 1, "'nodata' can only stand alone"},
	    {"list a { block_answer = {::1, ::2, ::3} }", 1, "at most 2"},
	    {"special_off = {\"a b\"}", 1, "'a b' is not a name"},
	    {"adaptive_threshold = 1", 1, "from 2 to 1000"},
	    {"\nfallback = a\n", 2, "fallback: there is no group \"a\" above"},
	    {"fallback = a\ngroup a { upstream = 9.9.9.9 }", 1, "no group \"a\" above"},
	    {"group a {\n fallback = a\n upstream = 9.9.9.9 }", 2, "no group \"a\" above"},
	    {"group a { upstream = 9.9.9.9\n fallback = b }\n"
	     "group b { upstream = 9.9.9.9\n fallback = a }",
		2, "no group \"b\" above"},
	    {"forward lan { upstream = 9.9.9.9\n fallback = x }", 2, "no group \"x\" above"},
	    {"\ngroup a { }", 2, "group \"a\" has no upstream"},
	    {"group a { upstream = 9.9.9.9 }\ngroup a { upstream = 9.9.9.9 }", 2, "own name"},
	    {"group '' { upstream = 9.9.9.9 }", 1, "'' is not a name"},
	    {"group a { upstrem = 9.9.9.9 }", 1, "in a group; did you mean 'upstream'"},
	    {"groop a { upstream = 9.9.9.9 }", 1, "did you mean 'group'"},
	    {"\nproxy = 127.0.0.1:9050", 2, "proxy: '127.0.0.1:9050' is not a proxy"},
	    {"proxy = 'socks5://127.0.0.1'", 1, "port"},
	    {"client_subnet = 192.0.2.1", 1, "too narrow"},
	    {"client_subnet = 192.0.2.0/25", 1, "24 bits"},
	    {"client_subnet = '2001:db8::/57'", 1, "56 for IPv6"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuse(cases[i].text, cases[i].line, cases[i].part);
}

static void test_bounds_of_lists(void **state)
{
	static const struct {
		const char *name, *format;
		unsigned max;
	} cases[] = {
	    {"listen", "127.0.0.1:%u", CONF_LISTEN_MAX},
	    {"upstream", "127.0.0.1:%u", CONF_UPSTREAM_MAX},
	    {"allow", "10.0.0.%u", CONF_NETWORKS_MAX},
	    {"rebind_trust", "127.0.0.1:%u", CONF_UPSTREAM_MAX},
	    {"rebind_allow", "example.n%u", CONF_ZONES_MAX},
	    {"leases", "/leases.%u", CONF_FILES_MAX},
	};
	char *text = malloc(65536), *at;
	struct conf *conf;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		at = text + sprintf(text, "%s = {\n", cases[i].name);
		for (unsigned k = 1; k <= cases[i].max; k++)
			at += sprintf(at, "\"%.*s%u\",\n", (int)strcspn(cases[i].format, "%"),
			    cases[i].format, k);
		(void)strcpy(at, "}\n");
		conf_free(read_ok(text));
		(void)sprintf(
		    at, "\"%.*s255\"\n}\n", (int)strcspn(cases[i].format, "%"), cases[i].format);
		refuse(text, cases[i].max + 2, "too many values");
	}

	at = text;
	for (unsigned k = 0; k < CONF_LISTS_MAX; k++)
		at += sprintf(at, "list l%u { file = f%u }\n", k, k);
	conf = read_ok(text);
	assert_int_equal(conf->n_lists, CONF_LISTS_MAX);
	assert_string_equal(conf->lists[CONF_LISTS_MAX - 1].file, "f255");
	conf_free(conf);
	(void)strcpy(at, "list more { file = f }\n");
	refuse(text, CONF_LISTS_MAX + 1, "too many lists");
	free(text);
}

static void test_listen_on_an_interface_to_come(void **state)
{
	struct conf *conf = read_ok("listen = {\"[fe80::1%no-such-if]:53\", 127.0.0.1:53}");

	(void)state;
	assert_int_equal(conf->n_listen, 2);
	assert_int_equal(conf->listen[0].sa.sa_family, AF_UNSPEC);
	assert_string_equal(conf->listen_text[0], "[fe80::1%no-such-if]:53");
	assert_int_equal(conf->listen[1].sa.sa_family, AF_INET);
	conf_free(conf);
	refuse("listen = {\"[fe80::1%no-such-if]:53\", \"[fe80::1%no-such-if]:53\"}", 1, "twice");
}

static void test_print_reads_back(void **state)
{
	static const char *const texts[] = {
	    "",
	    "listen = {127.0.0.1:5300, \"[fe80::1%no-such-if]:53\"}\nupstream = 9.9.9.9\n"
	    "allow = {10.0.0.0/8, fd00::/8}\nquery_timeout = 2500ms\ncache_size = 1048577\n"
	    "tcp_idle = 90\ncache_max_ttl = 36h\nlog_queries = yes\n"
	    "state_dir = '/a \"b\" \\\\ $HOME ${HOME} #\\'/ */'\n"
	    "list a { url = \"http://x/?a=b&c='d'\"\nmatch = below }\n"
	    "block_answer = {192.0.2.1, \"2001:db8::1\"}\nspecial_off = {local, \"home.arpa\"}\n"
	    "list c { file = c block_answer = nodata }\n"
	    "list b { file = 'r\\x.txt' syntax = pihole-regex trust = rewrite }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct conf *first = read_ok(texts[i]), *second;
		char *first_text = printed(first), *second_text;

		second = read_ok(first_text);
		second_text = printed(second);
		assert_string_equal(first_text, second_text);
		assert_memory_equal(first, second, offsetof(struct conf, lists));
		assert_int_equal(first->n_lists, second->n_lists);
		for (unsigned k = 0; k < first->n_lists; k++)
			assert_memory_equal(
			    &first->lists[k], &second->lists[k], sizeof(first->lists[k]));
		free(first_text);
		free(second_text);
		conf_free(first);
		conf_free(second);
	}
}

static void test_durations_and_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} durations[] = {{"300", 300000}, {"300s", 300000}, {"5m", 300000}, {"1h", 3600000},
	    {"2d", 172800000}, {"250ms", 250}, {"0", 0}};
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {{"65536", 65536}, {"64K", 65536}, {"32M", 33554432}, {"1G", 1073741824},
	    {"0", 0}, {"18446744073709551615", UINT64_MAX}};
	static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "0x10", "m", "1mm", "1e3",
	    "18446744073709551616", "18446744073709551615d", "18446744073709551615G"};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		assert_int_equal(conf_parse_duration(&value, durations[i].text, NULL), 0);
		assert_int_equal(value, durations[i].ms);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(conf_parse_size(&value, sizes[i].text, NULL), 0);
		assert_int_equal(value, sizes[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(conf_parse_duration(&value, bad[i], NULL), ERR_FORMAT);
		assert_int_equal(conf_parse_size(&value, bad[i], NULL), ERR_FORMAT);
	}
}

/* A file of `len` bytes; the caller unlinks and frees its path. */
static char *write_file(const char *bytes, size_t len)
{
	char *path = strdup("/tmp/quell-test-conf.XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(close(fd), 0);
	return path;
}

static void assert_file(const char *bytes, size_t len, int expected, const char *part)
{
	char *path = write_file(bytes, len);
	struct conf *conf = NULL;
	struct why why = {""};
	int err = conf_read(&conf, path, &why);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(err, expected);
	if (err < 0) {
		assert_non_null(strstr(why.text, part));
		assert_int_equal(strncmp(why.text, path, strlen(path)), 0);
	}
	conf_free(conf);
	free(path);
}

static void test_files(void **state)
{
	char *large = malloc(2 << 20);
	struct conf *conf = NULL;
	struct why why = {""};

	(void)state;
	assert_non_null(large);
	memset(large, '\n', 2 << 20);
	assert_file("workers = 2\n", 12, 0, "");
	assert_file("", 0, 0, "");
	assert_file("\nworkers = 0\n", 13, ERR_FORMAT, ":2: workers: '0'");
	assert_file("workers = 2\n\0x", 14, ERR_FORMAT, "not text");
	assert_file(large, 1 << 20, 0, "");
	assert_file(large, (1 << 20) + 1, ERR_FORMAT, "longer than 1M");
	free(large);

	assert_int_equal(conf_read(&conf, "/tmp/quell-none/x", &why), ERR_NOTFOUND);
	assert_string_equal(why.text, "/tmp/quell-none/x: No such file or directory");
	assert_int_equal(conf_read(&conf, "/tmp", &why), ERR_FORMAT);
	assert_string_equal(why.text, "/tmp: Is a directory");
	assert_null(conf);
}

/* The whole of top_srcdir/`name`. */
static char *source_text(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[4096], *text = calloc(1, 65536);
	FILE *file;

	assert_non_null(text);
	(void)snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".", name);
	file = fopen(path, "re");
	if (file == NULL)
		fail_msg("%s is not there", path);
	assert_in_range(fread(text, 1, 65535, file), 1, 65534);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void test_names_are_sorted(void **state)
{
	const char *const *names = conf_option_names();

	(void)state;
	assert_non_null(names[0]);
	for (size_t i = 1; names[i] != NULL; i++)
		assert_true(strcmp(names[i - 1], names[i]) < 0);
}

static void test_every_option_is_documented(void **state)
{
	char *manual = source_text("docs/man/quell.conf.5");
	char *example = source_text("etc/quell.conf.example");
	struct conf *conf = read_ok(
	    "list a { url = http://x/\n minisign = '" KEY
	    "'\n signature = http://x/s\n sha256 = " SHA256
	    " }\nlist b { file = x }\nforward lan { upstream = 9.9.9.9 }\nlocal_domain = lan\n"
	    "group g { upstream = 9.9.9.9 }\nfallback = g\nproxy = 'socks5://[::1]:9050'\n"
	    "client_subnet = 0.0.0.0/0\n");
	char *print = printed(conf), word[80];

	(void)state;
	for (const char *const *name = conf_option_names(); *name != NULL; name++) {
		(void)snprintf(word, sizeof(word), ".It Ic %s", *name);
		if (strstr(manual, word) == NULL)
			fail_msg("%s: not in quell.conf.5", *name);
		(void)snprintf(word, sizeof(word),
		    strcmp(*name, "list") == 0 || strcmp(*name, "forward") == 0 ||
			    strcmp(*name, "group") == 0
			? "%s \""
			: "%s = ",
		    *name);
		if (strstr(example, word) == NULL)
			fail_msg("%s: not in quell.conf.example", *name);
		if (strstr(print, word) == NULL)
			fail_msg("%s: not printed", *name);
	}
	conf_free(conf);
	free(print);
	free(example);
	free(manual);
}

static void forget(struct conf_texts *texts)
{
	while (texts->n != 0)
		free(texts->text[--texts->n]);
}

/* As it stands the example sets nothing; with each "#name = value" made a line of the file, it sets
 * everything to its default. */
static void test_example_holds_the_defaults(void **state)
{
	char *example = source_text("etc/quell.conf.example"), *print, *defaults;
	struct conf *conf = read_ok(example), *none = conf_new();

	(void)state;
	defaults = printed(none);
	conf->n_lists = conf->n_forwards = 0;
	print = printed(conf);
	assert_string_equal(print, defaults);
	free(print);
	conf_free(conf);

	for (char *at = example; (at = strchr(at, '#')) != NULL; at++) {
		if ((at == example || at[-1] == '\n' || at[-1] == '\t') && at[1] != ' ' &&
		    at[1] != '\n')
			*at = ' ';
	}
	conf = read_ok(example);
	assert_true(conf->n_lists >= 3 && conf->n_forwards == 2 && conf->n_groups == 1);
	conf->n_lists = conf->n_forwards = conf->n_groups = 0;
	assert_string_equal(conf->fallback, conf->groups[0].name);
	memset(conf->fallback, 0, sizeof(conf->fallback));
	assert_true(conf->client_subnet.bits > 0 && conf->proxy.user[0] != '\0');
	memset(&conf->client_subnet, 0, sizeof(conf->client_subnet));
	memset(&conf->proxy, 0, sizeof(conf->proxy));
	/* Where nothing is the default, the example shows something. */
	assert_true(conf->n_upstream > 0 && conf->n_special_off > 0);
	assert_true(conf->allow.n > 0 && conf->refuse.n > 0 && conf->drop.n > 0);
	assert_true(conf->rebind_trust.n > 0 && conf->rebind_allow.n > 0);
	conf->n_upstream = conf->n_special_off = conf->rebind_trust.n = 0;
	assert_int_equal(conf->suppress, CONF_SUPPRESS_AAAA);
	conf->suppress = 0;
	assert_true(conf->records.n > 0 && conf->hosts.n > 0 && conf->leases.n > 0);
	assert_string_equal(conf->local_domain, "lan");
	memset(conf->local_domain, 0, sizeof(conf->local_domain));
	forget(&conf->records);
	forget(&conf->hosts);
	forget(&conf->leases);
	forget(&conf->rebind_allow);
	conf->allow.n = conf->refuse.n = conf->drop.n = 0;
	/* The paths depend on how it was configured. */
	(void)memcpy(conf->control, none->control, sizeof(conf->control));
	(void)memcpy(conf->state_dir, none->state_dir, sizeof(conf->state_dir));
	(void)memcpy(conf->rules, none->rules, sizeof(conf->rules));
	print = printed(conf);
	assert_string_equal(print, defaults);
	free(print);
	free(defaults);
	free(example);
	conf_free(conf);
	conf_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_every_option),
	    cmocka_unit_test(test_pins),
	    cmocka_unit_test(test_lists_of_values),
	    cmocka_unit_test(test_comments_and_line_ends),
	    cmocka_unit_test(test_environment),
	    cmocka_unit_test(test_refused_values),
	    cmocka_unit_test(test_refused_grammar),
	    cmocka_unit_test(test_bounds_of_lists),
	    cmocka_unit_test(test_listen_on_an_interface_to_come),
	    cmocka_unit_test(test_print_reads_back),
	    cmocka_unit_test(test_durations_and_sizes),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_names_are_sorted),
	    cmocka_unit_test(test_every_option_is_documented),
	    cmocka_unit_test(test_example_holds_the_defaults),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
