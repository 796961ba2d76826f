/* test_house_read.c - records, hosts files and leases into names of the house. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/house_read.h"

#define NOW_S 1700000000

static const uint8_t lan[] = "\3lan";

/* What was built of, and made into. */
struct fixture {
	struct local_build *b;
	uint8_t *bytes;
	struct local local;
	struct house_counts counts;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->b = local_build_new();
	assert_non_null(f->b);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	local_build_free(f->b);
	free(f->bytes);
	free(f);
	return 0;
}

static void record(struct fixture *f, const char *text)
{
	struct why why = {""};

	if (house_read_record(f->b, text, &why) != 0)
		fail_msg("%s: %s", text, why.text);
}

static void hosts(struct fixture *f, const char *text, const uint8_t *domain)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	assert_int_equal(house_read_hosts(f->b, copy, strlen(copy), domain, &f->counts), 0);
	free(copy);
}

static void leases(struct fixture *f, const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	assert_int_equal(house_read_leases(f->b, copy, strlen(copy), lan, NOW_S, &f->counts), 0);
	free(copy);
}

static void make(struct fixture *f)
{
	const struct hash_key key = {3, 4};
	size_t len;

	assert_int_equal(local_build_image(f->b, &key, &f->bytes, &len), 0);
	assert_int_equal(local_open(&f->local, f->bytes, len), 0);
}

/* The addresses, and names of PTR and CNAME records, that `text` has: in the order of the table, with
 * spaces between; "-": nothing is known of it, "": it has none. */
static const char *has(const struct fixture *f, const char *text)
{
	static char said[1024];
	char one[NAME_TEXT_SIZE];
	uint8_t name[NAME_SIZE];
	struct local_name found;
	struct local_record r;
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	if (!local_maybe(&f->local, name, len) || !local_find(&f->local, name, len, &found))
		return "-";
	said[0] = '\0';
	for (size_t at = 0; local_next(&found, &at, &r);) {
		if (r.type == TYPE_A || r.type == TYPE_AAAA)
			(void)inet_ntop(
			    r.type == TYPE_A ? AF_INET : AF_INET6, r.rdata, one, sizeof(one));
		else
			(void)name_to_text(r.rdata, one);
		if (said[0] != '\0')
			(void)strcat(said, " ");
		(void)strcat(said, one);
	}
	return said;
}

static void records_in_zone_syntax(void **state)
{
	struct fixture *f = *state;

	record(f, "nas.lan. 300 IN A 192.168.1.5");
	record(f, "NAS.lan AAAA fd00::5");
	record(f, "www.lan CNAME nas.lan.");
	record(f, "_http._tcp.lan 60 SRV 0 0 80 nas.lan");
	record(f, "x.lan TYPE65280 \\# 3 010203");
	make(f);
	assert_int_equal(local_build_n(f->b), 5);
	assert_string_equal(has(f, "nas.lan"), "192.168.1.5 fd00::5");
	assert_string_equal(has(f, "www.lan"), "nas.lan");
	assert_string_equal(has(f, "5.1.168.192.in-addr.arpa"), "nas.lan");
	assert_string_equal(has(f, "lan"), "-");
}

static void records_that_are_none(void **state)
{
	static const char *const texts[] = {
	    "nas.lan",
	    "nas.lan A",
	    "nas.lan A 192.168.1",
	    "nas.lan AAAA 192.168.1.1",
	    "nas..lan A 192.168.1.1",
	    "nas.lan CH TXT x",
	    "nas.lan ANY x",
	    "nas.lan OPT x",
	    "nas.lan 300 IN MX nas.lan",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct why why = {""};

		if (house_read_record(f->b, texts[i], &why) != ERR_FORMAT)
			fail_msg("taken: %s", texts[i]);
		if (strstr(why.text, texts[i]) == NULL)
			fail_msg("%s: %s", texts[i], why.text);
	}
}

static void hosts_files(void **state)
{
	struct fixture *f = *state;

	hosts(f,
	    "# a comment\n"
	    "127.0.0.1\tlocalhost\n"
	    "::1 localhost ip6-localhost\n"
	    "ff02::1 ip6-allnodes\n"
	    "127.0.1.1 quell\n"
	    "0.0.0.0 ads.example\n"
	    "192.168.1.5  nas.lan nas  # behind\r\n"
	    "192.168.1.6 -bad good.example\n"
	    "192.168.1.7\n"
	    "nonsense here\n"
	    "fd00::5 nas.lan\n"
	    "192.168.1.8 last",
	    lan);
	make(f);
	assert_string_equal(has(f, "nas.lan"), "192.168.1.5 fd00::5");
	assert_string_equal(has(f, "nas"), "192.168.1.5");
	assert_string_equal(has(f, "last"), "192.168.1.8");
	assert_string_equal(has(f, "last.lan"), "192.168.1.8");
	assert_string_equal(has(f, "good.example"), "192.168.1.6");
	assert_string_equal(has(f, "localhost"), "-");
	assert_string_equal(has(f, "quell"), "-");
	assert_string_equal(has(f, "ads.example"), "-");
	assert_string_equal(has(f, "5.1.168.192.in-addr.arpa"), "nas.lan");
	assert_string_equal(has(f, "8.1.168.192.in-addr.arpa"), "last.lan");
	assert_int_equal(f->counts.n_bad, 3);
	assert_int_equal(f->counts.first_bad, 8);
}

/* A NUL does not hide the lines behind it. */
static void nuls(void **state)
{
	static const char host[] = "192.168.1.5 nas\0\n192.168.1.6 tv\n";
	static const char lease[] = "0 aa:bb:cc:dd:ee:01 192.168.1.30 ph\0ne *\n"
				    "0 aa:bb:cc:dd:ee:02 192.168.1.31 printer *\n";
	struct fixture *f = *state;
	char text[128];

	memcpy(text, host, sizeof(host));
	assert_int_equal(house_read_hosts(f->b, text, sizeof(host) - 1, NULL, &f->counts), 0);
	assert_int_equal(f->counts.n_bad, 1);
	memcpy(text, lease, sizeof(lease));
	assert_int_equal(house_read_leases(f->b, text, sizeof(lease) - 1, NULL, 0, &f->counts), 0);
	make(f);
	assert_string_equal(has(f, "tv"), "192.168.1.6");
	assert_string_equal(has(f, "printer"), "192.168.1.31");
	assert_string_equal(has(f, "nas"), "-");
	assert_string_equal(has(f, "ph"), "-");
	assert_int_equal(f->counts.n_bad, 2);
}

static void leases_of_dnsmasq(void **state)
{
	struct fixture *f = *state;

	leases(f, "1700003600 aa:bb:cc:dd:ee:01 192.168.1.30 phone 01:aa:bb:cc:dd:ee:01\n"
		  "1600000000 aa:bb:cc:dd:ee:02 192.168.1.31 gone *\n"
		  "0 aa:bb:cc:dd:ee:03 192.168.1.32 printer *\n"
		  "1700003600 aa:bb:cc:dd:ee:04 192.168.1.33 * *\n"
		  "duid 00:01:00:01:2a\n"
		  "1700003600 123456 fd00::30 phone 00:01:00:01\n"
		  "what is this\n");
	make(f);
	assert_string_equal(has(f, "phone.lan"), "192.168.1.30 fd00::30");
	assert_string_equal(has(f, "phone"), "192.168.1.30 fd00::30");
	assert_string_equal(has(f, "printer.lan"), "192.168.1.32");
	assert_string_equal(has(f, "gone.lan"), "-");
	assert_string_equal(has(f, "30.1.168.192.in-addr.arpa"), "phone.lan");
	assert_string_equal(has(f, "33.1.168.192.in-addr.arpa"), "-");
	assert_int_equal(f->counts.n_names, 3);
	assert_int_equal(f->counts.n_bad, 1);
	assert_int_equal(f->counts.first_bad, 7);
}

static void leases_of_isc(void **state)
{
	struct fixture *f = *state;

	leases(f,
	    "# The format of this file is documented in the dhcpd.leases(5) manual page.\n"
	    "authoring-byte-order little-endian;\n\n"
	    "lease 192.168.1.30 {\n  starts 4 2023/11/01 10:00:00;\n  ends 4 2023/12/31 10:00:00;\n"
	    "  binding state active;\n  next binding state free;\n"
	    "  hardware ethernet aa:bb:cc:dd:ee:01;\n  client-hostname \"phone\";\n}\n"
	    "lease 192.168.1.31 {\n  ends never;\n  binding state active;\n"
	    "  client-hostname \"old\";\n}\n"
	    "lease 192.168.1.32 {\n  ends 4 2023/01/01 10:00:00;\n  binding state active;\n"
	    "  client-hostname \"over\";\n}\n"
	    "lease 192.168.1.33 {\n  binding state free;\n  client-hostname \"free\";\n}\n"
	    "lease 192.168.1.34 {\n  ends epoch 1600000000; # Sun\n  client-hostname "
	    "\"epoch\";\n}\n"
	    "lease 192.168.1.31 {\n  ends never;\n  binding state active;\n"
	    "  client-hostname \"new\";\n}\n");
	make(f);
	assert_string_equal(has(f, "phone.lan"), "192.168.1.30");
	/* Of an address, the last that is written. */
	assert_string_equal(has(f, "new.lan"), "192.168.1.31");
	assert_string_equal(has(f, "old.lan"), "-");
	assert_string_equal(has(f, "over.lan"), "-");
	assert_string_equal(has(f, "free.lan"), "-");
	assert_string_equal(has(f, "epoch.lan"), "-");
	assert_int_equal(f->counts.n_names, 2);
}

static void leases_of_isc_for_ipv6(void **state)
{
	struct fixture *f = *state;

	leases(f,
	    "# The format of this file is documented in the dhcpd.leases(5) manual page.\n"
	    "authoring-byte-order little-endian;\n\n"
	    "server-duid \"\\000\\001\\000\\001+ {\\021\";\n\n"
	    "ia-na \"{ \\001 lease\\000\" {\n  cltt 3 2023/11/01 10:00:00;\n"
	    "  iaaddr fd00::30 {\n    binding state active;\n    preferred-life 27000;\n"
	    "    max-life 43200;\n    ends 4 2023/12/31 10:00:00;\n"
	    "    client-hostname \"phone\";\n  }\n"
	    "  iaaddr fd00::31 {\n    binding state expired;\n    ends 4 2023/12/31 10:00:00;\n"
	    "    client-hostname \"expired\";\n  }\n}\n"
	    "ia-ta \"b\" {\n  iaaddr fd00::32 {\n    binding state active;\n    ends never;\n"
	    "    set ddns-fwd-name = \"tablet.lan\";\n  }\n}\n"
	    "ia-na \"c\" {\n  iaaddr fd00::33 {\n    binding state active;\n"
	    "    ends epoch 1600000000;\n    client-hostname \"over\";\n  }\n}\n"
	    "ia-na \"d\" {\n  iaaddr fd00::34 {\n    binding state active;\n    ends never;\n"
	    "    client-hostname \"watch\";\n    set ddns-fwd-name = \"other.lan\";\n  }\n}\n"
	    "ia-na \"e\" {\n  iaaddr fd00::35 {\n    binding state active;\n"
	    "    set ddns-fwd-name = \"www.bank.example\";\n  }\n}\n"
	    "ia-pd \"f\" {\n  iaprefix fd00:1::/64 {\n    binding state active;\n"
	    "    client-hostname \"router\";\n  }\n}\n");
	make(f);
	assert_string_equal(has(f, "phone.lan"), "fd00::30");
	assert_string_equal(has(f, "tablet.lan"), "fd00::32");
	assert_string_equal(has(f, "watch.lan"), "fd00::34");
	assert_string_equal(has(f, "expired.lan"), "-");
	assert_string_equal(has(f, "over.lan"), "-");
	assert_string_equal(has(f, "other.lan"), "-");
	assert_string_equal(has(f, "www.bank.example"), "-");
	assert_string_equal(has(f, "router.lan"), "-");
	assert_int_equal(f->counts.n_names, 3);
	assert_int_equal(f->counts.n_bad, 1);
}

/* One in which nothing is leased yet is not taken for one of dnsmasq. */
static void no_leases_of_isc(void **state)
{
	struct fixture *f = *state;

	leases(f, "# The format of this file is documented in the dhcpd.leases(5) manual page.\n"
		  "authoring-byte-order little-endian;\n\n"
		  "server-duid \"\\000\\001\";\n");
	assert_int_equal(f->counts.n_names, 0);
	assert_int_equal(f->counts.n_bad, 0);
}

static void leases_of_kea(void **state)
{
	struct fixture *f = *state;

	leases(f, "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,"
		  "hostname,state,"
		  "user_context,pool_id\n"
		  "192.168.1.30,aa:bb,,3600,1700003600,1,0,0,phone,0,,0\n"
		  "192.168.1.31,aa:bc,,3600,1700003600,1,0,0,Tablet.lan.,0,,0\n"
		  "192.168.1.32,aa:bd,,3600,1600000000,1,0,0,over,0,,0\n"
		  "192.168.1.33,aa:be,,3600,1700003600,1,0,0,declined,1,,0\n"
		  "192.168.1.34,aa:bf,,3600,1700003600,1,0,0,back,0,,0\n"
		  "192.168.1.34,aa:bf,,0,1700003600,1,0,0,back,0,,0\n"
		  "short,line\n");
	make(f);
	assert_string_equal(has(f, "phone.lan"), "192.168.1.30");
	assert_string_equal(has(f, "tablet.lan"), "192.168.1.31");
	assert_string_equal(has(f, "over.lan"), "-");
	assert_string_equal(has(f, "declined.lan"), "-");
	assert_string_equal(has(f, "back.lan"), "-");
	assert_int_equal(f->counts.n_bad, 1);
	assert_int_equal(f->counts.first_bad, 8);
}

static void leases_of_kea_for_ipv6(void **state)
{
	struct fixture *f = *state;

	leases(f,
	    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,"
	    "fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context\n"
	    "fd00::30,00:01,3600,1700003600,1,1800,0,1,128,0,0,phone,,0,\n"
	    "fd00:1::,00:02,3600,1700003600,1,1800,2,1,64,0,0,router,,0,\n");
	make(f);
	assert_string_equal(has(f, "phone.lan"), "fd00::30");
	assert_string_equal(has(f, "router.lan"), "-");
	assert_int_equal(f->counts.n_bad, 0);
}

static void leases_of_devices_that_lie(void **state)
{
	struct fixture *f = *state;

	record(f, "nas.lan A 192.168.1.5");
	hosts(f, "192.168.1.6 tv\n", lan);
	leases(f,
	    "0 m 192.168.1.66 nas *\n"	/* a name of the configuration */
	    "0 m 192.168.1.67 tv *\n"	/* of a hosts file */
	    "0 m 192.168.1.68 wpad *\n" /* one that browsers trust */
	    "0 m 192.168.1.69 LOCALHOST *\n"
	    "0 m 192.168.1.70 www.bank.example *\n" /* one of the world */
	    "0 m 192.168.1.71 a.b.lan *\n"
	    "0 m 192.168.1.72 *.lan *\n"
	    "0 m 192.168.1.73 x\\046y *\n"
	    "0 m 192.168.1.74 -x *\n"
	    "0 m 192.168.1.75 x- *\n"
	    "0 m 192.168.1.76 "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa *\n" /* 64 letters */
	    "0 m 192.168.1.5 mine *\n" /* the address of another */
	    "0 m 127.0.0.1 loop *\n"
	    "0 m 192.168.1.300 far *\n"
	    "0 m 192.168.1.77 honest *\n");
	make(f);
	assert_string_equal(has(f, "nas.lan"), "192.168.1.5");
	assert_string_equal(has(f, "tv.lan"), "192.168.1.6");
	assert_string_equal(has(f, "wpad"), "-");
	assert_string_equal(has(f, "wpad.lan"), "-");
	assert_string_equal(has(f, "localhost"), "-");
	assert_string_equal(has(f, "www.bank.example"), "-");
	assert_string_equal(has(f, "www.lan"), "-");
	assert_string_equal(has(f, "b.lan"), "-");
	assert_string_equal(has(f, "anything.lan"), "-");
	assert_string_equal(has(f, "loop.lan"), "-");
	assert_string_equal(has(f, "honest.lan"), "192.168.1.77");
	assert_string_equal(has(f, "5.1.168.192.in-addr.arpa"), "nas.lan");
	assert_string_equal(has(f, "70.1.168.192.in-addr.arpa"), "-");
	assert_int_equal(f->counts.n_bad, 11);
}

/* One name with all the addresses of a network. */
static void a_name_has_no_more_than_some(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(65536), *at = text;
	unsigned n = 1;

	assert_non_null(text);
	for (unsigned i = 1; i < 255; i++)
		at += sprintf(at, "0 m 192.168.1.%u many *\n", i);
	leases(f, text);
	free(text);
	make(f);
	for (const char *c = has(f, "many.lan"); (c = strchr(c, ' ')) != NULL; c++)
		n++;
	assert_int_equal(n, 64);
}

/* The table, against a search through all that was put in. */
static void every_record_is_found(void **state)
{
	struct fixture *f = *state;
	char text[80], expected[32];

	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(
		    text, sizeof(text), "h%u.z%u.lan A 10.0.%u.%u", i, i % 7, i / 256, i % 256);
		record(f, text);
	}
	assert_int_equal(local_build_zone(f->b, lan), 0);
	make(f);
	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(text, sizeof(text), "h%u.z%u.lan", i, i % 7);
		(void)snprintf(expected, sizeof(expected), "10.0.%u.%u", i / 256, i % 256);
		assert_string_equal(has(f, text), expected);
		(void)snprintf(
		    expected, sizeof(expected), "%u.%u.0.10.in-addr.arpa", i % 256, i / 256);
		assert_string_equal(has(f, expected), text);
	}
	assert_string_equal(has(f, "z3.lan"), "");
	assert_string_equal(has(f, "lan"), "");
	assert_string_equal(has(f, "z3.example"), "-");
}

/* No byte of it, changed, leads out of it. */
static void damaged_tables_are_refused_or_harmless(void **state)
{
	struct fixture *f = *state;
	const struct hash_key key = {3, 4};
	static const char *const names[] = {"nas.lan", "a.apps.lan", "www.lan", "x.lan", "lan"};
	uint8_t *copy;
	size_t len;

	record(f, "nas.lan A 192.168.1.5");
	record(f, "*.apps.lan A 192.168.1.6");
	record(f, "www.lan CNAME nas.lan");
	assert_int_equal(local_build_zone(f->b, lan), 0);
	assert_int_equal(local_build_image(f->b, &key, &f->bytes, &len), 0);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(local_open(&f->local, f->bytes, cut), ERR_FORMAT);
	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			copy = malloc(len); /* so that a sanitizer sees its end */
			assert_non_null(copy);
			memcpy(copy, f->bytes, len);
			copy[i] ^= (uint8_t)(1u << bit);
			if (local_open(&f->local, copy, len) == 0)
				for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
					struct local_name found;
					struct local_record r;
					uint8_t name[NAME_SIZE];
					size_t name_size;

					assert_int_equal(name_from_text(names[k], strlen(names[k]),
							     name, &name_size),
					    0);
					if (local_find(&f->local, name, name_size, &found))
						for (size_t at = 0; local_next(&found, &at, &r);)
							assert_true(r.rdata + r.len <= copy + len);
				}
			free(copy);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(records_in_zone_syntax),
	    TEST(records_that_are_none),
	    TEST(hosts_files),
	    TEST(nuls),
	    TEST(leases_of_dnsmasq),
	    TEST(leases_of_isc),
	    TEST(leases_of_isc_for_ipv6),
	    TEST(no_leases_of_isc),
	    TEST(leases_of_kea),
	    TEST(leases_of_kea_for_ipv6),
	    TEST(leases_of_devices_that_lie),
	    TEST(a_name_has_no_more_than_some),
	    TEST(every_record_is_found),
	    TEST(damaged_tables_are_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
