/* oracle.h - ldns as the judge of lib/dns, for tests and fuzz targets.
 *
 * A check reads the same bytes through ldns and through lib/dns and returns NULL where both see the
 * same, else what they disagree about.  Where they are meant to disagree, the class of difference is
 * recognised in the bytes themselves, and lib/dns must then really decide the other way: see
 * docs/decisions/0001-ldns-differences.md.
 */
#ifndef QUELL_TESTS_ORACLE_H
#define QUELL_TESTS_ORACLE_H

#include <ldns/ldns.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dns/msg.h"

/* The classes of difference, as bits. */
enum oracle_difference {
	/* lib/dns rejects what ldns accepts. */
	ORACLE_POINTER = 1 << 0,
	ORACLE_SHORT = 1 << 1,
	ORACLE_TYPE_MAP = 1 << 2,
	ORACLE_PARAMS = 1 << 3,
	/* lib/dns accepts what ldns rejects, or reads in it what ldns does not. */
	ORACLE_OPAQUE = 1 << 4,
	ORACLE_OPAQUE_NAME = 1 << 5,
	/* msg_parse_query() alone. */
	ORACLE_RDATA_UNREAD = 1 << 6,
	ORACLE_CONTRACT = 1 << 7,
};
#define ORACLE_N_DIFFERENCES 8

/* Walk msg[0..len), copy its records, and compare all with ldns' reading; and copy the copy, which
 * must give the same bytes.  The classes that were met go to *differences. */
const char *oracle_check_reply(const uint8_t *msg, size_t len, unsigned *differences);

/* Compare msg_parse_query() with ldns' reading of packet[0..len). */
const char *oracle_check_query(const uint8_t *packet, size_t len, unsigned *differences);

/* ldns could read the name at msg[off], but its pointers break the rule of name.h. */
bool oracle_pointers_differ(const uint8_t *msg, size_t off);

/* Copy all records of msg[0..len), TTLs as they stand, into a message without question.
 * Returns its length, or 0 where a record is malformed or they do not fit. */
size_t oracle_copy(const uint8_t *msg, size_t len, uint8_t *out, size_t size);

/* Both lists hold the same records in the same order, each byte of owner and rdata counting. */
bool oracle_same_records(const ldns_rr_list *a, const ldns_rr_list *b);

/* Numbers for made-up input, the same ones in each run. */
struct oracle_random {
	uint64_t state;
};
uint64_t oracle_random(struct oracle_random *r);

/* 0 .. n - 1 */
unsigned oracle_below(struct oracle_random *r, unsigned n);

/* A well-formed name of any bytes; its length. */
size_t oracle_random_name(struct oracle_random *r, uint8_t name[NAME_SIZE]);

#endif
