/* test_cachefile.c - the saved cache as bytes: what is damaged is found, and what clocks say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/core/cachefile.h"

static const struct cachefile_head written = {
    .wall_s = 1700000000,
    .boot_ms = 5000,
    .boot = "01234567",
    .budget = 1234567890123,
};

static void a_head_comes_back(void **state)
{
	uint8_t bytes[CACHEFILE_HEAD_SIZE];
	struct cachefile_head head;

	(void)state;
	cachefile_put_head(bytes, &written);
	assert_int_equal(cachefile_get_head(&head, bytes), 0);
	assert_true(head.wall_s == written.wall_s);
	assert_true(head.boot_ms == written.boot_ms);
	assert_string_equal(head.boot, written.boot);
	assert_true(head.budget == written.budget);
	for (size_t i = 0; i < 8 * sizeof(bytes); i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(cachefile_get_head(&head, bytes), ERR_FORMAT);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void age_is_what_clocks_agree_on(void **state)
{
	struct cachefile_head now = written;
	uint64_t age_ms;

	(void)state;
	/* The same boot: nobody sets that clock, whatever the wall clock says. */
	now.boot_ms += 1500;
	now.wall_s = 5;
	assert_true(cachefile_age(&written, &now, &age_ms));
	assert_int_equal(age_ms, 1500);
	/* Another boot. */
	memcpy(now.boot, "89abcdef", 8);
	assert_false(cachefile_age(&written, &now, &age_ms));
	now.wall_s = written.wall_s + 7;
	assert_true(cachefile_age(&written, &now, &age_ms));
	assert_int_equal(age_ms, 7000);
	now.wall_s = UINT64_MAX;
	assert_false(cachefile_age(&written, &now, &age_ms));
	/* A system that does not say which boot it is. */
	now = written;
	now.boot[0] = '\0';
	now.wall_s++;
	now.boot_ms += 5;
	assert_true(cachefile_age(&now, &now, &age_ms));
	assert_int_equal(age_ms, 0);
}

static void a_block_has_its_place(void **state)
{
	uint8_t block[CACHEFILE_BLOCK_HEAD_SIZE + 100];
	size_t len;

	(void)state;
	memset(block, 'x', sizeof(block));
	cachefile_seal(block, 100, 3);
	assert_int_equal(cachefile_length(block, &len), 0);
	assert_int_equal(len, 100);
	assert_true(cachefile_is_whole(block, len, 3));
	assert_false(cachefile_is_whole(block, len, 2));
	assert_false(cachefile_is_whole(block, len - 1, 3));
	for (size_t i = 4; i < sizeof(block); i++) {
		block[i] ^= 0x10;
		assert_false(cachefile_is_whole(block, len, 3));
		block[i] ^= 0x10;
	}
	memset(block, 0xff, 4);
	assert_int_equal(cachefile_length(block, &len), ERR_FORMAT);
}

static void come_back(uint64_t source)
{
	const struct cachefile_entry one = {
	    .source = source,
	    .age_ms = UINT64_C(0x123456789ab),
	    .ttl_s = 300,
	    .ede = -1,
	    .is_private = true,
	    .key = (const uint8_t *)"123456\1a",
	    .key_len = 9,
	    .msg = (const uint8_t *)"message",
	    .msg_len = 7,
	};
	struct cachefile_entry got;
	uint8_t bytes[200];
	struct buf out = buf_over(bytes, sizeof(bytes));
	size_t pos = 0, len;

	cachefile_put(&out, &one);
	len = out.pos;
	cachefile_put(&out, &one);
	assert_false(out.failed);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cachefile_next(bytes, out.pos, &pos, &got), 1);
		assert_true(got.age_ms == one.age_ms);
		assert_int_equal(got.ttl_s, 300);
		assert_int_equal(got.ede, -1);
		assert_true(got.is_private);
		assert_true(got.source == source);
		assert_int_equal(got.key_len, 9);
		assert_memory_equal(got.key, one.key, 9);
		assert_int_equal(got.msg_len, 7);
		assert_memory_equal(got.msg, one.msg, 7);
	}
	assert_int_equal(cachefile_next(bytes, out.pos, &pos, &got), 0);
	/* Cut anywhere. */
	for (size_t cut = 1; cut < len; cut++) {
		pos = 0;
		assert_int_equal(cachefile_next(bytes, cut, &pos, &got), ERR_FORMAT);
	}
	/* No room: nothing of it is there. */
	out = buf_over(bytes, len - 1);
	cachefile_put(&out, &one);
	assert_true(out.failed);
	assert_int_equal(out.pos, 0);
}

static void entries_come_back(void **state)
{
	(void)state;
	come_back(0);
	come_back(UINT64_C(0xfedcba9876543210));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_head_comes_back),
	    cmocka_unit_test(age_is_what_clocks_agree_on),
	    cmocka_unit_test(a_block_has_its_place),
	    cmocka_unit_test(entries_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
