/* test_inflight.c - the tables of questions in flight: bounds, order, letter case, and that nothing
 * is lost on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/core/inflight.h"

static const struct hash_key secret = {1, 2};

static struct cache *cache; /* whose keys these are */

static struct cache_key key_of(const char *text, uint16_t type)
{
	uint8_t name[NAME_SIZE];
	struct cache_key key;
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	cache_key(cache, &key, name, len, type, CLASS_IN, false, false, 0);
	return key;
}

static void a_question_is_found_by_its_key_until_it_is_closed(void **state)
{
	struct cache_key a = key_of("a.example", 1), a28 = key_of("a.example", 28);
	struct inflight_question *q;
	struct inflight f;

	(void)state;
	assert_int_equal(inflight_init(&f, 4, &secret), 0);
	assert_null(inflight_find(&f, &a));
	q = inflight_open(&f, &a, 5);
	assert_non_null(q);
	assert_ptr_equal(inflight_find(&f, &a), q);
	assert_null(inflight_find(&f, &a28));
	assert_int_equal(q->name_len, 11);
	assert_memory_equal(q->name, "\1a\7example", 11);
	inflight_close(&f, q);
	assert_null(inflight_find(&f, &a));
	assert_int_equal(f.n_questions, 0);
	inflight_fini(&f);
}

static void tables_are_full_at_their_bounds_and_never_leak(void **state)
{
	struct inflight_question *q[4];
	struct inflight f;

	(void)state;
	assert_int_equal(inflight_init(&f, 4, &secret), 0);
	for (unsigned round = 0; round < 1000; round++) {
		unsigned n_waiters = 0, n_tries = 0;

		for (unsigned i = 0; i < 4; i++) {
			char text[] = "a.example";
			struct cache_key key;

			text[0] = (char)('a' + i);
			key = key_of(text, 1);
			q[i] = inflight_open(&f, &key, round);
			assert_non_null(q[i]);
		}
		assert_null(inflight_open(&f, &(struct cache_key){.len = 8}, round));
		assert_ptr_equal(f.oldest, q[0]);
		while (inflight_wait(&f, q[n_waiters % 4]) != NULL)
			n_waiters++;
		assert_int_equal(n_waiters, 4 * INFLIGHT_WAITERS_EACH);
		while (inflight_try(&f, q[n_tries % 4]) != NULL)
			n_tries++;
		assert_int_equal(n_tries, 4 * INFLIGHT_TRIES_EACH);
		for (unsigned i = 0; i < 4; i++) {
			while (q[i]->tries != NULL)
				inflight_end(&f, q[i]->tries);
			inflight_close(&f, q[i]);
		}
	}
	inflight_fini(&f);
}

static struct inflight_try *sent(struct inflight *f, struct inflight_question *q, uint32_t port,
    uint16_t id, uint8_t wait_class, uint64_t now_ms)
{
	struct inflight_try *t = inflight_try(f, q);

	assert_non_null(t);
	t->sent.via = CARRIER_UDP;
	t->sent.port = port;
	t->id = id;
	t->wait_class = wait_class;
	assert_true(inflight_sent(f, t, now_ms));
	return t;
}

static void a_try_is_found_by_carrier_port_and_id(void **state)
{
	struct cache_key a = key_of("a.example", 1);
	struct inflight_question *q;
	struct inflight_try *t, *same;
	struct inflight f;

	(void)state;
	assert_int_equal(inflight_init(&f, 4, &secret), 0);
	q = inflight_open(&f, &a, 5);
	t = sent(&f, q, 70000, 9, 2, 5);
	assert_ptr_equal(inflight_match(&f, CARRIER_UDP, 70000, 9), t);
	assert_null(inflight_match(&f, CARRIER_UDP, 70000, 10));
	assert_null(inflight_match(&f, CARRIER_UDP, 70001, 9));
	assert_null(inflight_match(&f, CARRIER_TCP, 70000, 9));
	assert_ptr_equal(inflight_try_by_handle(&f, inflight_try_handle(&f, t)), t);
	/* Who has the same ID on this port does not come in between. */
	same = inflight_try(&f, q);
	assert_non_null(same);
	same->sent.port = 70000;
	same->id = 9;
	same->wait_class = 3;
	assert_false(inflight_sent(&f, same, 6));
	assert_int_equal(f.any_waiting, 1 << 2);
	inflight_end(&f, same);
	assert_ptr_equal(inflight_match(&f, CARRIER_UDP, 70000, 9), t);
	/* Overdue it is still found, and waits no more. */
	inflight_overdue(&f, t);
	assert_ptr_equal(inflight_match(&f, CARRIER_UDP, 70000, 9), t);
	assert_null(f.waiting[2]);
	assert_int_equal(f.any_waiting, 0);
	inflight_end(&f, t);
	assert_null(inflight_match(&f, CARRIER_UDP, 70000, 9));
	assert_null(inflight_try_by_handle(&f, inflight_try_handle(&f, t)));
	assert_null(inflight_try_by_handle(&f, 1000000));
	inflight_close(&f, q);
	inflight_fini(&f);
}

static void tries_wait_in_the_order_of_sending(void **state)
{
	struct cache_key a = key_of("a.example", 1);
	struct inflight_try *one, *two;
	struct inflight_question *q;
	struct inflight f;

	(void)state;
	assert_int_equal(inflight_init(&f, 4, &secret), 0);
	q = inflight_open(&f, &a, 5);
	one = sent(&f, q, 1, 1, 0, 5);
	two = sent(&f, q, 1, 2, 0, 6);
	assert_ptr_equal(f.waiting[0], one);
	inflight_end(&f, one);
	assert_ptr_equal(f.waiting[0], two);
	assert_ptr_equal(q->tries, two);
	/* An orphan outlives its question. */
	inflight_orphan(two);
	assert_null(q->tries);
	inflight_close(&f, q);
	assert_ptr_equal(inflight_match(&f, CARRIER_UDP, 1, 2), two);
	inflight_end(&f, two);
	inflight_fini(&f);
}

static void each_waiter_has_its_own_letter_case(void **state)
{
	static const uint8_t asked[] = "\3wWw\7exAMPLe\3c[m\0\0\34\0\1";
	struct cache_key key = key_of("www.example.c[m", 28);
	struct inflight_waiter *upper, *lower;
	uint8_t out[NAME_SIZE + 4];
	struct inflight_question *q;
	struct inflight f;
	size_t name_len = sizeof(asked) - 1 - 4;

	(void)state;
	assert_int_equal(inflight_init(&f, 4, &secret), 0);
	q = inflight_open(&f, &key, 5);
	q->type = 28;
	q->class = CLASS_IN;
	upper = inflight_wait(&f, q);
	inflight_keep_case(upper, asked, name_len);
	lower = inflight_wait(&f, q);
	inflight_keep_case(lower, q->name, q->name_len);
	assert_int_equal(inflight_question_as_asked(q, upper, out), sizeof(asked) - 1);
	assert_memory_equal(out, asked, sizeof(asked) - 1);
	assert_int_equal(inflight_question_as_asked(q, lower, out), sizeof(asked) - 1);
	assert_memory_equal(out, q->name, q->name_len);
	assert_ptr_equal(q->waiters, upper);
	assert_ptr_equal(upper->next, lower);
	inflight_close(&f, q);
	inflight_fini(&f);
}

/* Who was led to the question from another name is answered under that; the table has its bound, and
 * a closed question gives back what it had. */
static void a_waiter_may_have_asked_another_name(void **state)
{
	static const uint8_t asked[] = "\3aBc\4test\0\0\1\0\1", name[] = "\3abc\4test";
	const size_t name_len = sizeof(name), n = 2 * INFLIGHT_ALIAS_SHARE;
	const struct cache_key key = key_of("www.example", TYPE_A);
	struct inflight_waiter *w = NULL;
	uint8_t out[NAME_SIZE + 4];
	struct inflight f;

	(void)state;
	assert_int_equal(inflight_init(&f, (uint32_t)n, &secret), 0);
	for (unsigned round = 0; round < 100; round++) {
		struct inflight_question *q = inflight_open(&f, &key, 0);
		unsigned n_aliases = 0;

		q->type = TYPE_A;
		q->class = CLASS_IN;
		while (inflight_has_alias(&f)) {
			w = inflight_wait(&f, q);
			assert_non_null(w);
			assert_true(inflight_wait_as(&f, w, name, name_len));
			n_aliases++;
		}
		assert_int_equal(n_aliases, n / INFLIGHT_ALIAS_SHARE + 1);
		assert_false(inflight_wait_as(&f, inflight_wait(&f, q), name, name_len));
		inflight_keep_case(w, asked, name_len);
		assert_int_equal(inflight_question_as_asked(q, w, out), sizeof(asked) - 1);
		assert_memory_equal(out, asked, sizeof(asked) - 1);
		assert_memory_equal(inflight_asked_name(q, w), name, name_len);
		inflight_close(&f, q);
	}
	inflight_fini(&f);
}

static int make_cache(void **state)
{
	(void)state;
	return cache_new(&cache, 65536, &secret);
}

static int free_cache(void **state)
{
	(void)state;
	cache_free(cache);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_question_is_found_by_its_key_until_it_is_closed),
	    cmocka_unit_test(tables_are_full_at_their_bounds_and_never_leak),
	    cmocka_unit_test(a_try_is_found_by_carrier_port_and_id),
	    cmocka_unit_test(tries_wait_in_the_order_of_sending),
	    cmocka_unit_test(each_waiter_has_its_own_letter_case),
	    cmocka_unit_test(a_waiter_may_have_asked_another_name),
	};

	return cmocka_run_group_tests(tests, make_cache, free_cache);
}
