/* test_budget.c - the memory, divided: the parts are never more than the whole, and what is cut is cut in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs those above. */
#include <cmocka.h>

#include "resolver/budget.h"

#define KIB	    UINT64_C(1024)
#define MIB	    (1024 * KIB)
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One that listens on one address, has one upstream and `workers`, and else the defaults. */
static struct conf *new_conf(unsigned workers)
{
	struct conf *conf = conf_new();

	assert_non_null(conf);
	conf->workers = workers;
	assert_int_equal(conf_set(conf, "listen", 0, "127.0.0.1:53", NULL), 0);
	assert_int_equal(conf_set(conf, "upstream", 0, "192.0.2.1:53", NULL), 0);
	return conf;
}

static uint64_t sum(const struct budget *b)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < BUDGET_N_PARTS; i++)
		all += b->part[i];
	return all;
}

/* Whatever is asked for, the whole is divided, half of it or more for lists and names, and no option is above what was asked for. */
static void divides_all(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 4; workers++) {
		struct conf *conf = new_conf(workers);

		for (uint64_t memory = 64 * MIB * workers; memory < 4096 * MIB;
		     memory += 37 * MIB) {
			struct budget b;

			assert_int_equal(budget_make(&b, conf, memory, NULL), 0);
			assert_int_equal(sum(&b), memory);
			assert_true(b.part[BUDGET_LISTS] + b.part[BUDGET_NAMES] >= memory / 2);
			assert_true(
			    b.cache_size <= conf->cache_size && b.cache_size >= workers * MIB);
			assert_in_range(b.questions_max, 64, conf->questions_max);
			assert_in_range(b.tcp_clients_max, 8, conf->tcp_clients_max);
		}
		conf_free(conf);
	}
}

/* Connections to 64, the cache, connections to 8, questions: each only when those before are at their least. */
static void cuts_in_order(void **state)
{
	struct conf *conf = new_conf(1);
	unsigned seen = 0;

	(void)state;
	for (uint64_t memory = 2048 * MIB; memory > 8 * MIB; memory -= 256 * KIB) {
		struct budget b;

		if (budget_make(&b, conf, memory, NULL) != 0)
			break;
		if (b.tcp_clients_max == conf->tcp_clients_max)
			assert_string_equal(b.cut, "");
		if (b.cache_size < conf->cache_size) {
			assert_in_range(b.tcp_clients_max, 8, 64);
			seen |= 1;
		}
		if (b.tcp_clients_max < 64) {
			assert_int_equal(b.cache_size, MIB);
			seen |= 2;
		}
		if (b.questions_max < conf->questions_max) {
			assert_int_equal(b.tcp_clients_max, 8);
			seen |= 4;
		}
	}
	assert_int_equal(seen, 7);
	conf_free(conf);
}

/* Too little is an error, and what it says would do, does, to the megabyte. */
static void says_what_would_do(void **state)
{
	struct conf *conf = new_conf(2);
	struct budget b;
	struct why why;
	unsigned need;
	const char *number;

	(void)state;
	assert_int_equal(budget_make(&b, conf, 8 * MIB, &why), ERR_RANGE);
	number = strstr(why.text, "give it ");
	assert_non_null(number);
	assert_int_equal(sscanf(number, "give it %uM or more", &need), 1);
	assert_int_equal(budget_make(&b, conf, need * MIB, NULL), 0);
	assert_int_equal(b.cache_size, 2 * MIB); /* each worker's least */
	assert_int_equal(budget_make(&b, conf, (need - 2) * MIB, NULL), ERR_RANGE);
	conf_free(conf);
}

static void says_what_is_cut(void **state)
{
	struct conf *conf = new_conf(1);
	struct budget b;

	(void)state;
	assert_int_equal(budget_make(&b, conf, 96 * MIB, NULL), 0);
	assert_non_null(strstr(b.cut, "tcp_clients_max 4096 to 64, cache_size 33554432 to "));
	assert_null(strstr(b.cut, "questions_max"));
	conf_free(conf);
}

/* Images that are kept, the next one, and what the loader has, are together no more than the part. */
static void lists_fit(void **state)
{
	struct conf *conf = new_conf(1);
	struct budget b;

	(void)state;
	assert_int_equal(budget_make(&b, conf, 96 * MIB, NULL), 0);
	for (uint64_t held = 0; held <= 2 * b.part[BUDGET_LISTS]; held += 64 * KIB) {
		const struct loader_limits limits = budget_lists(&b, held);
		const uint64_t left = held < b.part[BUDGET_LISTS] ? b.part[BUDGET_LISTS] - held : 0;

		assert_true(limits.image <= left);
		assert_true(limits.compiled + limits.memory <= left || limits.memory == 1);
		assert_true(limits.memory != 0); /* which is no limit */
		/* An image of the greatest size can always take the place of one. */
		if (held <= b.part[BUDGET_LISTS] / 2)
			assert_int_equal(limits.image, b.part[BUDGET_LISTS] / 2);
		/* And so can what quelld compiled itself. */
		if (held <= b.part[BUDGET_LISTS] / 8)
			assert_int_equal(limits.memory, b.part[BUDGET_LISTS] / 4 * 3);
	}
	conf_free(conf);
}

/* Names of the house take from the lists, and only where there are any. */
static void names_fit(void **state)
{
	struct conf *conf = new_conf(1);
	struct budget without, with;
	struct loader_limits limits;

	(void)state;
	assert_int_equal(budget_make(&without, conf, 96 * MIB, NULL), 0);
	assert_int_equal(without.part[BUDGET_NAMES], 0);
	assert_int_equal(conf_set(conf, "hosts", 0, "/etc/hosts", NULL), 0);
	assert_int_equal(budget_make(&with, conf, 96 * MIB, NULL), 0);
	assert_int_equal(
	    with.part[BUDGET_NAMES] + with.part[BUDGET_LISTS], without.part[BUDGET_LISTS]);
	limits = budget_names(&with);
	assert_true(limits.compiled > 0);
	assert_true(2 * limits.compiled + limits.memory <= with.part[BUDGET_NAMES]);
	conf_free(conf);
}

/* More of everything takes more. */
static void counts_all(void **state)
{
	static const struct {
		const char *option, *value;
		enum budget_part part;
	} more[] = {
	    {"listen", "127.0.0.2:53", BUDGET_QUEUES},
	    {"upstream", "192.0.2.2:53", BUDGET_PORTS},
	    {"questions_max", "8192", BUDGET_QUESTIONS},
	    {"tcp_clients_max", "8192", BUDGET_CONNECTIONS},
	    {"cache_size", "64M", BUDGET_CACHE},
	};

	(void)state;
	for (unsigned i = 0; i < N_OF(more); i++) {
		struct conf *conf = new_conf(1);
		struct budget before, after;

		assert_int_equal(budget_make(&before, conf, 4096 * MIB, NULL), 0);
		assert_int_equal(
		    conf_set(conf, more[i].option, i < 2 ? 1 : 0, more[i].value, NULL), 0);
		assert_int_equal(budget_make(&after, conf, 4096 * MIB, NULL), 0);
		assert_true(after.part[more[i].part] > before.part[more[i].part]);
		conf_free(conf);
	}
}

/* What a worker is told is its part of what is in force; one client does not get all connections. */
static void shares(void **state)
{
	struct conf *conf = new_conf(2);
	struct options options = {
	    .cache_size = 16 * MIB,
	    .questions_max = 2048,
	    .tcp_clients_max = 2048,
	    .tcp_clients_per_address = 409,
	};
	struct options same = options;
	struct budget b;

	(void)state;
	assert_int_equal(budget_make(&b, conf, 128 * MIB, NULL), 0);
	budget_share(&b, conf, &options);
	assert_int_equal(options.cache_size, b.cache_size / 2);
	assert_int_equal(options.tcp_clients_max, b.tcp_clients_max / 2);
	assert_in_range(options.tcp_clients_per_address, 1, options.tcp_clients_max / 4);
	assert_int_equal(budget_make(&b, conf, 4096 * MIB, NULL), 0);
	budget_share(&b, conf, &same);
	assert_int_equal(same.cache_size, 16 * MIB);
	assert_int_equal(same.questions_max, 2048);
	assert_int_equal(same.tcp_clients_max, 2048);
	assert_int_equal(same.tcp_clients_per_address, 409);
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(divides_all),
	    cmocka_unit_test(cuts_in_order),
	    cmocka_unit_test(says_what_would_do),
	    cmocka_unit_test(says_what_is_cut),
	    cmocka_unit_test(lists_fit),
	    cmocka_unit_test(names_fit),
	    cmocka_unit_test(counts_all),
	    cmocka_unit_test(shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
