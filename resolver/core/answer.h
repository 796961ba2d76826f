/* answer.h - what a client is sent: an upstream's reply brought into normal form, an answer made
 * out of it for one asker, and the short answers that need no upstream.
 *
 * Normal form: a whole message with one question and, behind it, the records that belong to that
 * question or its chain of CNAMEs; names compressed anew, TTLs capped and equal within an RRset, no
 * OPT.  Its question stands at offset 12 and later names point to it, so that copying the asker's
 * question over it gives every record the asker's letter case.  Nothing malformed survives it.
 */
#ifndef QUELL_ANSWER_H
#define QUELL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/block_answer.h"
#include "lib/dns/msg.h"
#include "resolver/core/cache.h"
#include "resolver/core/change.h"
#include "resolver/core/local.h"
#include "resolver/core/policy.h"
#include "resolver/core/special.h"

#define ANSWER_RECORDS_MAX (MSG_MAX / MSG_RR_MIN)

/* How long an asker may keep what a list gives, s: a change of the lists is to be seen soon. */
#define ANSWER_RULE_TTL_S 10

/* CNAMEs that are followed in one answer; a longer chain is cut off there and counts as
 * malformed. */
#define ANSWER_CHAIN_MAX 16

/* The question of an answer: `name` in lower case. */
struct answer_question {
	const uint8_t *name;
	size_t name_len;
	uint16_t type, class;
	bool dnssec_ok; /* it asked for signatures */
};

/* Bounds on what is kept, s. */
struct answer_limits {
	uint32_t min_ttl_s; /* of what is kept at all, and is no "no"; less than max_ttl_s counts */
	uint32_t max_ttl_s;
	uint32_t negative_ttl_s; /* RFC 2308, 5 */
};

/* The text behind an EDE that an upstream gave: who speaks (RFC 8914, 3). */
#define ANSWER_EDE_TEXT "said by an upstream resolver"

/* How long an asker may keep an answer whose time is over, s (RFC 8767, 4); and what is said of it. */
#define ANSWER_STALE_TTL_S 30
#define ANSWER_STALE_TEXT  "the upstream resolvers give no newer answer"

#define ANSWER_SLOTS 8192 /* more than records */

/* An upstream's reply in normal form. */
struct answer {
	uint8_t msg[MSG_MAX];
	uint16_t ttl_off[ANSWER_RECORDS_MAX];
	struct cache_answer view; /* over msg and ttl_off; ttl_s 0: not to be cached */
	unsigned rcode;		  /* with the upper bits of its OPT */
	struct msg_edns edns;	  /* of the reply, offsets too */
	bool referral; /* it says only whom else to ask, as no resolver does (RFC 2308, 2.2) */
	/* --- used while it is made: the RRsets --- */
	struct {
		uint32_t hash;
		uint16_t first; /* record of the same set */
	} set[ANSWER_RECORDS_MAX];
	uint16_t slot[ANSWER_SLOTS]; /* first record + 1 of a set, by its hash; 0: free */
	unsigned slots_mask;	     /* so many of them are in use, less one */
};

/* Bring `reply`, which is known to answer `question`, into normal form.
 * Returns 0, or ERR_FORMAT for a malformed message (then *a is undefined).  No allocation. */
int answer_normalise(struct answer *a, const struct answer_question *question,
    const struct answer_limits *limits, const uint8_t *reply, size_t len,
    uint64_t now_ms) QUELL_CHECK;

/* Whom an answer is for. */
struct answer_to {
	uint16_t id, flags;	 /* as in the query */
	const uint8_t *question; /* as it was asked, in its letter case; NULL: none was read */
	size_t question_len;
	bool edns;	    /* there is an OPT ... */
	struct msg_opt opt; /* ... which carries this; RCODE and EDE are the writer's to set */
	size_t limit;	    /* bytes that the asker can take */
};

/* Write `a` for one asker: ID, letter case, flags, TTLs less the time since it was stored (ANSWER_STALE_TTL_S
 * and EDE 3 or 19 where its time is over), OPT; cut
 * at the edge of an RRset, with TC, where it is larger than to->limit (RFC 2181, 9: records of the
 * additional section are left out without TC).  *truncated says whether TC was set.  Returns the
 * length, at most to->limit; `out` must have that size. */
size_t answer_write(const struct cache_answer *a, const struct answer_to *to, uint64_t now_ms,
    uint8_t *out, bool *truncated);

/* The same behind the CNAMEs that the lists lead the question over (way->n_hops of them), or with `change`
 * (for which change_find() was called; NULL: none), or both.  Without AD, and with EDE 4 where lists lead
 * there, or records are left out.  Where nothing is left of what was asked for there is a SOA by which this
 * may be kept for ANSWER_RULE_TTL_S.  What does not fit is left out record by record, with TC. */
size_t answer_write_behind(const struct cache_answer *a, const struct policy_way *way,
    const struct change *change, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    bool *truncated);

/* What the lists answer themselves: the CNAMEs of `way`, and behind them RCODE and records of
 * `verdict` (JUDGE_ANSWER), these only as far as they are of the type asked, or a CNAME; with EDE 4.
 * A "no" has a SOA.
 * Where all of it does not fit there are no records, with TC. */
size_t answer_write_rule(const struct judge_verdict *verdict, const struct policy_way *way,
    const struct answer_to *to, uint8_t *out, bool *truncated);

/* An empty answer with TC: ask again over TCP. */
size_t answer_write_truncated(const struct answer_to *to, uint8_t *out);

/* One TXT record with a TTL of 0 for the name asked; its rdata are character-strings (RFC 1035,
 * 3.3.14).  Where it does not fit, none, with TC. */
size_t answer_write_txt(const struct answer_to *to, const uint8_t *rdata, size_t rdata_len,
    uint8_t *out, bool *truncated);

/* What a blocked query gets: `how`, of which BLOCK_DEFAULT is SERVFAIL, with records and SOA that may be
 * kept for ttl_s; with EDE 15 and this text (NULL: none).  Returns the length, at most to->limit. */
size_t answer_write_blocked(const struct answer_to *to, const struct block_answer *how,
    uint32_t ttl_s, const char *ede_text, uint8_t *out);

/* What a special name gets, which is the end of `way` (NULL: the name asked).  Where there are CNAMEs in
 * front of it and they do not fit, there are no records, with TC. */
size_t answer_write_special(const struct answer_to *to, const struct special_answer *special,
    const struct policy_way *way, uint8_t *out, bool *truncated);

/* What is known of `name` (lower case), a name of the house that is the end of `way`: records of the type
 * asked, behind the aliases that lead to them, or a "no" with a SOA that may be kept for ANSWER_RULE_TTL_S.
 * Where all of it does not fit there are no records, with TC.  *rcode is what it says. */
size_t answer_write_local(const struct answer_to *to, const struct local *local,
    const uint8_t *name, const struct policy_way *way, uint8_t *out, unsigned *rcode,
    bool *truncated);

/* Behind the CNAMEs of `way` nothing of the type asked, which may be kept for ttl_s; with EDE 4 and this text.
 * Where it does not fit, TC. */
size_t answer_write_nodata(const struct answer_to *to, const struct policy_way *way, uint32_t ttl_s,
    const char *ede_text, uint8_t *out, bool *truncated);

/* NXDOMAIN for the name asked, with a SOA by which it may be kept for ttl_s. */
size_t answer_write_nxdomain(const struct answer_to *to, uint32_t ttl_s, uint8_t *out);

/* An answer without records: `rcode`, and in OPT where the asker has EDNS the code `ede` (EDE_NONE:
 * none) with its text (static).  Returns the length, at most to->limit (the text, and then the code,
 * are left out where they would not fit). */
size_t answer_write_empty(
    const struct answer_to *to, unsigned rcode, int ede, const char *ede_text, uint8_t *out);

#endif
