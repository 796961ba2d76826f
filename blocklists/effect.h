/* effect.h - what happens to a name that a rule matches, and for whom the rule counts: a few bytes
 * that are kept once in the image, however many rules have them.
 *
 *   verdict | flags | RCODE | items: types, clients, excepted names, records
 *
 * Canonical: equal effects have equal bytes, so they can be interned and compared with memcmp().
 * No bytes at all is the plain block that nearly every rule is.
 *
 * Verdicts, as judge.h weighs them:
 *   block    blocked                      allow     `@@`: no list blocks the name
 *   pass     RPZ: this list and those     exempt    dnsmasq, unbound, smartdns: less specific rules
 *            behind it say nothing                  of this list say nothing
 *   drop     no answer at all             tcp-only  over UDP only a truncated answer
 *   answer   these records, this RCODE    no-answer `@@...$dnsrewrite`: voids answers (all, or those
 *                                                   with the same RCODE and records)
 *
 * A rule counts for a query of a type that it has (if it has any) and does not except, from a
 * client that it has (if it has any) and does not except, for a name that it does not except.
 *
 * Writers (feeds, in the loader or quell-update): effect_init(), effect_add_*(), effect_finish().
 * Readers (worker): effect_applies(), effect_*() getters; they are memory-safe on any bytes.
 */
#ifndef QUELL_EFFECT_H
#define QUELL_EFFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"

#define EFFECT_SIZE 4096

enum effect_verdict {
	EFFECT_BLOCK,
	EFFECT_ALLOW,
	EFFECT_PASS,
	EFFECT_EXEMPT,
	EFFECT_DROP,
	EFFECT_TCP_ONLY,
	EFFECT_ANSWER,
	EFFECT_NO_ANSWER,
	EFFECT_VERDICTS
};

enum {
	EFFECT_IMPORTANT = 1, /* $important */
	EFFECT_NEAREST = 2,   /* of the rules of its list, the most specific one alone decides */
	EFFECT_NEEDED = 4     /* of an allow: not a list's, but since the network needs the name */
};

/* An effect being made. */
struct effect {
	size_t len;
	uint8_t bytes[EFFECT_SIZE];
};

void effect_init(struct effect *e, enum effect_verdict verdict, unsigned flags);

/* Each returns 0, or ERR_LIMIT where the effect grows beyond EFFECT_SIZE.  Adding one twice is one. */

/* The rule counts for queries of `type`, if any type is added; `except`: for all but this. */
int effect_add_type(struct effect *e, uint16_t type, bool except) QUELL_CHECK;
/* The rule counts for clients in `network`, if any is added; `except`: not for those. */
int effect_add_client(struct effect *e, const struct net *network, bool except) QUELL_CHECK;
/* The rule does not count for `name` (lower-case wire form) and what is below it ($denyallow). */
int effect_add_except(struct effect *e, const uint8_t *name, size_t name_len) QUELL_CHECK;
/* EFFECT_ANSWER, EFFECT_NO_ANSWER: the RCODE (0 to 15; NOERROR unless said), and a record of it
 * (rdata in wire form, names uncompressed). */
void effect_set_rcode(struct effect *e, uint8_t rcode);
int effect_add_record(
    struct effect *e, uint16_t type, const uint8_t *rdata, size_t rdata_len) QUELL_CHECK;

/* Bring it to its canonical form: a block without items is plain, it has no bytes. */
void effect_finish(struct effect *e);

/* Is effect[0..len) what effect_finish() makes?  Returns 0 or ERR_FORMAT. */
int effect_check(const uint8_t *effect, size_t len) QUELL_CHECK;

enum effect_verdict effect_verdict(const uint8_t *effect, size_t len);
unsigned effect_flags(const uint8_t *effect, size_t len);

/* Whom and what is asked. */
struct effect_ask {
	const uint8_t *name; /* lower-case wire form */
	uint16_t type;
	const union addr *client; /* NULL: not known; then no rule for certain clients counts, and
				   * those for all but certain clients do */
	bool rule_wanted; /* judge_name() is to say which rule decides, which costs a little */
	/* So many of the rightmost labels are a name that many share, and the question is for none of
	 * them: rules on it, and on names above it, block nothing.  0: it is nobody's. */
	uint8_t shared_labels;
};

/* Does a rule with this effect, which matches ask->name, count?  *by_client is set to true (never
 * to false) where that could be otherwise for another client. */
bool effect_applies(
    const uint8_t *effect, size_t len, const struct effect_ask *ask, bool *by_client);

/* Does it count for some types of queries alone? */
bool effect_has_types(const uint8_t *effect, size_t len);

/* The RCODE of EFFECT_ANSWER, and its records one after the other: *at is 0 at first; false behind
 * the last. */
uint8_t effect_rcode(const uint8_t *effect, size_t len);
bool effect_record(const uint8_t *effect, size_t len, size_t *at, uint16_t *type,
    const uint8_t **rdata, size_t *rdata_len);

/* Does the no-answer `by` void the answer `answer`?  One with NOERROR and no records voids all,
 * another those with its RCODE and exactly its records; but an important answer only where `by` is
 * important too. */
bool effect_voids(const uint8_t *by, size_t by_len, const uint8_t *answer, size_t answer_len);

/* Words behind a rule, for dump and why: `allow important types=A,AAAA`, `block types=~A`,
 * `block clients=192.0.2.0/24,~192.0.2.7`, `block except=a.example`, `pass`, `answer rcode=NXDOMAIN`,
 * `answer A=192.0.2.1`; nothing for a plain block.  The flags are the words `important`,
 * `nearest` and `needed`.
 * Cut to size - 1 bytes, terminated.  Returns `text`. */
const char *effect_text(const uint8_t *effect, size_t len, char *text, size_t size);

#endif
