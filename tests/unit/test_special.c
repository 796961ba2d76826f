/* test_special.c - which names are special, with each switch; what they get is in the scenes. */
#include "resolver/core/special.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/dns/msg.h"
#include "lib/dns/name.h"
#include "lib/rng.h"

/* A name of each switch, and all of private-reverse's. */
static const struct {
	const char *word, *name;
} names[] = {
    {"localhost", "a.localhost"},
    {"invalid", "invalid"},
    {"test", "www.test"},
    {"onion", "x.onion"},
    {"local", "nas.local"},
    {"alt", "alt"},
    {"home.arpa", "nas.home.arpa"},
    {"resolver.arpa", "_dns.resolver.arpa"},
    {"ipv4only.arpa", "ipv4only.arpa"},
    {"use-application-dns.net", "use-application-dns.net"},
    {"mask.icloud.com", "mask.icloud.com"},
    {"mask-h2.icloud.com", "mask-h2.icloud.com"},
    {"private-reverse", "1.0.168.192.in-addr.arpa"},
    {"private-reverse", "1.0.0.10.in-addr.arpa"},
    {"private-reverse", "d.f.ip6.arpa"},
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

static bool is_special(const struct special *s, const char *text)
{
	struct special_answer answer;
	uint8_t name[NAME_SIZE];
	bool found;
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	found = special_find(s, name, len, TYPE_A, &answer);
	/* The filter may let pass what is not special, and never the other way round. */
	if (found)
		assert_true(special_maybe(s, name, len));
	return found;
}

static void each_has_its_switch(void **state)
{
	struct special s;

	(void)state;
	for (unsigned word = 0; word < SPECIAL_N_WORDS; word++) {
		uint32_t bit = special_bit(special_words[word]);
		unsigned n = 0;

		assert_int_equal(bit, 1u << word);
		for (size_t i = 0; i < N_NAMES; i++) {
			bool mine = strcmp(names[i].word, special_words[word]) == 0;

			special_set(&s, bit);
			assert_int_equal(is_special(&s, names[i].name), mine);
			special_set(&s, SPECIAL_ALL & ~bit);
			assert_int_equal(is_special(&s, names[i].name), !mine);
			n += mine;
		}
		assert_int_not_equal(n, 0);
	}
	assert_null(special_words[SPECIAL_N_WORDS]);
	assert_int_equal(special_bit("lan"), 0);
	assert_int_equal(special_bit(""), 0);
}

static void all_off_is_none(void **state)
{
	struct special s;
	uint8_t name[NAME_SIZE];
	size_t len;

	(void)state;
	special_set(&s, 0);
	for (size_t i = 0; i < N_NAMES; i++) {
		assert_int_equal(
		    name_from_text(names[i].name, strlen(names[i].name), name, &len), 0);
		assert_false(special_maybe(&s, name, len));
		assert_false(is_special(&s, names[i].name));
	}
}

/* All first octets, and second ones below 172, 100 and 192, against the networks of RFC 6303, 4.1 and
 * 4.2, and RFC 7793. */
static void reverse_names_of_all_networks(void **state)
{
	struct special s;
	char text[64];

	(void)state;
	special_set(&s, SPECIAL_ALL);
	for (unsigned a = 0; a < 256; a++) {
		(void)snprintf(text, sizeof(text), "4.3.2.%u.in-addr.arpa", a);
		assert_int_equal(is_special(&s, text), a == 0 || a == 10 || a == 127);
		(void)snprintf(text, sizeof(text), "4.3.%u.172.in-addr.arpa", a);
		assert_int_equal(is_special(&s, text), a >= 16 && a <= 31);
		(void)snprintf(text, sizeof(text), "%u.172.in-addr.arpa", a);
		assert_int_equal(is_special(&s, text), a >= 16 && a <= 31);
		(void)snprintf(text, sizeof(text), "4.3.%u.100.in-addr.arpa", a);
		assert_int_equal(is_special(&s, text), a >= 64 && a <= 127);
		(void)snprintf(text, sizeof(text), "4.3.%u.192.in-addr.arpa", a);
		assert_int_equal(is_special(&s, text), a == 168);
		(void)snprintf(text, sizeof(text), "4.3.%u.169.in-addr.arpa", a);
		assert_int_equal(is_special(&s, text), a == 254);
	}
	assert_false(is_special(&s, "0016.172.in-addr.arpa"));
	assert_false(is_special(&s, "1x.172.in-addr.arpa"));
	assert_false(is_special(&s, "172.in-addr.arpa"));
	assert_false(is_special(&s, "100.in-addr.arpa"));
	assert_false(is_special(&s, "in-addr.arpa"));
}

/* Whatever the bytes: nothing outside of the name is read, and a find is one of the table's ends. */
static void random_names(void **state)
{
	static const char *const labels[] = {"", "\4arpa", "\7in-addr", "\003172", "\00216",
	    "\4test", "\5local", "\3com", "\6icloud", "\4mask", "\0010", "\3ip6", "\001d", "\001f",
	    "\4home"};
	struct special_answer answer;
	struct special s;
	struct rng rng;
	unsigned n_found = 0;

	(void)state;
	rng_init_fixed(&rng, 3);
	special_set(&s, SPECIAL_ALL);
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t name[NAME_SIZE];
		size_t len = 0;
		unsigned n = rng_u16(&rng) % 6;

		for (unsigned k = 0; k < n; k++) {
			const char *label = labels[rng_u16(&rng) % 15];

			if (label[0] == '\0') {
				name[len++] = 1;
				name[len++] = (uint8_t)rng_u16(&rng);
			} else {
				memcpy(name + len, label, strlen(label));
				len += strlen(label);
			}
		}
		name[len++] = 0;
		if (!special_find(&s, name, len, TYPE_PTR, &answer))
			continue;
		n_found++;
		assert_true(special_maybe(&s, name, len));
		assert_true(answer.zone >= name && answer.zone < name + len);
		assert_true(name_in_zone(name, answer.zone));
		assert_true(answer.n_records == 0 || answer.rcode == RCODE_NOERROR);
	}
	assert_in_range(n_found, 1000, 199000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_has_its_switch),
	    cmocka_unit_test(all_off_is_none),
	    cmocka_unit_test(reverse_names_of_all_networks),
	    cmocka_unit_test(random_names),
	};

	return cmocka_run_group_tests_name("special", tests, NULL, NULL);
}
