/* oracle.h - ldns as the judge of lib/dns, for tests and fuzz targets.
 *
 * A check reads the same bytes through ldns and through lib/dns and returns NULL where both see the
 * same, else what they disagree about.  Where they are meant to disagree, the class of difference
 * is recognised in the bytes themselves, and lib/dns must then really decide the other way: see
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
	ORACLE_POINTER = 1 << 0,     /* a pointer that name.h does not allow */
	ORACLE_SHORT = 1 << 1,	     /* rdata that ends before its last field */
	ORACLE_LENGTH = 1 << 2,	     /* rdata that ends elsewhere than RDLENGTH says */
	ORACLE_TYPE_MAP = 1 << 3,    /* NSEC, NSEC3 or CSYNC with a type bit map that is none */
	ORACLE_PARAMS = 1 << 4,	     /* SVCB or HTTPS with parameters that are none */
	ORACLE_OPAQUE = 1 << 5,	     /* a form that ldns checks, and lib/dns does not know */
	ORACLE_OPAQUE_NAME = 1 << 6, /* a name that lib/dns does not see */
	ORACLE_TSIG = 1 << 7,	     /* a TSIG with records behind it, which ldns does not count */
	ORACLE_UNREAD = 1 << 8,	     /* a query with bad rdata, which nobody reads */
	ORACLE_CONTRACT = 1 << 9,    /* what msg_parse_query() rejects beyond ldns */
	ORACLE_VALUE = 1 << 10,	     /* a field that ldns takes as any bytes, and that has a form */
	ORACLE_COUNT = 1 << 11,	     /* a record of more fields than ldns counts to */
};
#define ORACLE_N_DIFFERENCES 12

/* Walk msg[0..len), copy its records, and compare all with ldns' reading; and copy the copy, which
 * must give the same bytes.  The classes that were met go to *differences. */
const char *oracle_check_reply(const uint8_t *msg, size_t len, unsigned *differences);

/* Compare msg_parse_query() with ldns' reading of packet[0..len). */
const char *oracle_check_query(const uint8_t *packet, size_t len, unsigned *differences);

/* Compare `edns`, which is of an OPT record with these options, msg[off..off + len), with a reading of theirs by
 * itself (ldns keeps them unread).  Well-formed ones only; see oracle_options_ok(). */
const char *oracle_check_options(
    const uint8_t *msg, size_t off, size_t len, const struct msg_edns *edns);

/* Do these options fill p[0..len)? */
bool oracle_options_ok(const uint8_t *p, size_t len);

/* ldns could read the name at msg[off], but one of its first `n_followed` pointers breaks the rule
 * of name.h (ORACLE_ALL_POINTERS: any of them, or there are too many). */
#define ORACLE_ALL_POINTERS 128
bool oracle_pointers_differ(const uint8_t *msg, size_t off, unsigned n_followed);

/* Copy all records of msg[0..len), TTLs as they stand, into a message without question.
 * Returns its length, or 0 where a record is malformed or they do not fit. */
size_t oracle_copy(const uint8_t *msg, size_t len, uint8_t *out, size_t size);

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
