/* special.h - names that mean the same everywhere, or nothing outside of this network: they have fixed
 * answers and are never forwarded.
 *
 *   name --tails.h--> may be --> rows: name, what it gets, switch
 *
 * The rows stand in special.c; docs/answers.md has them with their sources.  A user's own rule comes
 * before them (query_names.c), they come before the lists.  A switch is a word: it stands for the rows that
 * have it, and all of them are on unless the configuration names it.
 *
 * Read-only, no allocation.
 */
#ifndef QUELL_SPECIAL_H
#define QUELL_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "resolver/core/tails.h"

/* Word, as in `special_off = { ... }`. */
#define SPECIAL_WORDS(X)                                                                           \
	X(LOCALHOST, "localhost")                                                                  \
	X(INVALID, "invalid")                                                                      \
	X(TEST, "test")                                                                            \
	X(ONION, "onion")                                                                          \
	X(LOCAL, "local")                                                                          \
	X(ALT, "alt")                                                                              \
	X(HOME_ARPA, "home.arpa")                                                                  \
	X(RESOLVER_ARPA, "resolver.arpa")                                                          \
	X(IPV4ONLY_ARPA, "ipv4only.arpa")                                                          \
	X(CANARY, "use-application-dns.net")                                                       \
	X(MASK, "mask.icloud.com")                                                                 \
	X(MASK_H2, "mask-h2.icloud.com")                                                           \
	X(REVERSE, "private-reverse")

#define SPECIAL_WORD(name, text) SPECIAL_##name,
enum special_word { SPECIAL_WORDS(SPECIAL_WORD) SPECIAL_N_WORDS };

#define SPECIAL_ALL ((1u << SPECIAL_N_WORDS) - 1) /* every word's bit */

/* How long clients may keep what they get, s (RFC 6303, 3). */
#define SPECIAL_TTL_S 10800

/* Which of them are on. */
struct special {
	uint32_t on; /* bits by word */
	bool dns64;  /* ipv4only.arpa has addresses of IPv6: */
	uint8_t well_known6[2][16];
	struct tails tails;
};

/* What a query for one gets: records, or else a "no". */
struct special_answer {
	enum special_word word; /* by which it can be turned off */
	const uint8_t *zone; /* owner of the SOA that goes with a "no": a part of the name asked */
	unsigned rcode;
	bool soa; /* that SOA is the answer */
	unsigned n_records;
	struct special_record {
		uint16_t type;
		uint16_t len;
		const uint8_t *rdata; /* borrowed from the name asked, or static */
	} record[2];
};

/* Make those of `on` (bits by word) special, and no others. */
void special_set(struct special *s, uint32_t on);

/* After special_set(): addresses of IPv4 are given under this prefix (dns64.h; 0 bits: they are not), and by
 * ipv4only.arpa clients find out which it is (RFC 7050, 3; RFC 8880, 7.1). */
void special_set_dns64(struct special *s, const struct net *prefix);

/* The bit of a word; 0: there is none such. */
uint32_t special_bit(const char *word);

/* All words, NULL at the end. */
extern const char *const special_words[];

/* Does the filter let it pass?  Most that are not special it does not. */
static inline bool special_maybe(const struct special *s, const uint8_t *name, size_t len)
{
	return tails_maybe(&s->tails, name, len);
}

/* Is name[0..len), in lower-case wire form, special for a query of `type`?  Then *out has what it gets. */
bool special_find(const struct special *s, const uint8_t *name, size_t len, uint16_t type,
    struct special_answer *out);

#endif
