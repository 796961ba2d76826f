/* test_local.c - the bytes of the names of the house: good ones are taken, and none that a look-up could leave by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/dns/msg.h"
#include "resolver/core/local.h"

#define NAME	 "\3nas\4home"
#define NAME_LEN sizeof(NAME)
#define TARGET	 "\3box\4home"

/* Where things are in what make() makes: one name, with a CNAME and an address. */
#define SLOTS	sizeof(struct local_header)
#define NODE	(SLOTS + 2 * sizeof(uint32_t))
#define RECORDS (NODE + LOCAL_NODE_SIZE + NAME_LEN)
#define ALIAS	(RECORDS + LOCAL_RECORD_SIZE)
#define ADDRESS (ALIAS + sizeof(TARGET))
#define END	(ADDRESS + LOCAL_RECORD_SIZE + 4)

static void put_record(uint8_t *at, uint16_t type, const void *rdata, size_t len)
{
	msg_set_u16(at, type);
	at[5] = 60; /* TTL */
	at[6] = LOCAL_RECORD;
	msg_set_u16(at + 7, (unsigned)len);
	memcpy(at + LOCAL_RECORD_SIZE, rdata, len);
}

static void put_slot(uint8_t *bytes, unsigned i, uint32_t to)
{
	memcpy(bytes + SLOTS + i * sizeof(to), &to, sizeof(to));
}

static void make(uint8_t bytes[END])
{
	struct local_header head = {.magic = LOCAL_MAGIC, .n_slots = 2, .n_nodes = 1};

	memset(bytes, 0, END);
	memcpy(bytes, &head, sizeof(head));
	put_slot(bytes, 1, NODE);
	bytes[NODE] = NAME_LEN;
	bytes[NODE + 5] = END - RECORDS;
	memcpy(bytes + NODE + LOCAL_NODE_SIZE, NAME, NAME_LEN);
	put_record(bytes + RECORDS, TYPE_CNAME, TARGET, sizeof(TARGET));
	put_record(bytes + ADDRESS, TYPE_A, "\xc0\0\2\1", 4);
}

/* In memory of just this size, so that a sanitizer sees a step too far. */
static int check(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len + (len == 0));
	struct local l;
	int err;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	err = local_open(&l, copy, len);
	free(copy);
	return err;
}

static void test_whole(void **state)
{
	uint8_t bytes[END];

	(void)state;
	make(bytes);
	assert_int_equal(check(bytes, END), 0);
}

static void test_cut(void **state)
{
	uint8_t bytes[END];

	(void)state;
	make(bytes);
	for (size_t len = 0; len < END; len++)
		assert_int_equal(check(bytes, len), ERR_FORMAT);
}

static void test_one_byte_wrong(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} cases[] = {
	    {0, 'Q'},			    /* another format */
	    {NODE, NAME_LEN - 1},	    /* the name is longer ... */
	    {NODE, NAME_LEN + 1},	    /* ... and shorter than that */
	    {NODE + LOCAL_NODE_SIZE, 0xc0}, /* no pointers in names */
	    {NODE + LOCAL_NODE_SIZE, 63},   /* a label goes beyond the end */
	    {NODE + 2, 1},		    /* more records than there are bytes */
	    {NODE + 5, END - RECORDS - 1},  /* the last record is cut */
	    {NODE + 5, END - RECORDS + 1},  /* part of one more */
	    {RECORDS + 6, LOCAL_N_RANKS},   /* from nowhere */
	    {RECORDS + 7, 1},		    /* rdata beyond the end */
	    {ALIAS, 2},			    /* a target that ends early ... */
	    {ALIAS, 0},			    /* ... is followed by something ... */
	    {ALIAS, 0xc0},		    /* ... or is none */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[END];

		make(bytes);
		bytes[cases[i].at] = cases[i].byte;
		if (check(bytes, END) != ERR_FORMAT)
			fail_msg("case %zu was taken", i);
	}
}

/* A search ends at a free slot; so there is one, and all others lead to nodes. */
static void test_slots(void **state)
{
	static const uint32_t wrong[] = {1, SLOTS, NODE + 1, END - 1, END, END + 1, UINT32_MAX};
	static const uint32_t counts[] = {0, 3, 1U << 24}; /* none, no power of two, too many */
	struct local_header head;
	uint8_t bytes[END];

	(void)state;
	make(bytes);
	put_slot(bytes, 0, NODE);
	assert_int_equal(check(bytes, END), ERR_FORMAT);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make(bytes);
		put_slot(bytes, 1, wrong[i]);
		assert_int_equal(check(bytes, END), ERR_FORMAT);
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		make(bytes);
		memcpy(&head, bytes, sizeof(head));
		head.n_slots = counts[i];
		memcpy(bytes, &head, sizeof(head));
		assert_int_equal(check(bytes, END), ERR_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_one_byte_wrong),
	    cmocka_unit_test(test_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
