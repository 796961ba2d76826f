/* msg.h - DNS messages in place: what a query asks, the records of a reply, and writing both.
 *
 *   header 12 | question: name type class | answer | authority | additional (with OPT)
 *
 * Reading never copies records and never allocates.  Writing goes through `struct msg_writer`,
 * which compresses names (RFC 1035, 4.1.4) against those already written.
 * Offsets are from the first byte of the message.
 */
#ifndef QUELL_MSG_H
#define QUELL_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/dns/name.h"
#include "lib/err.h"

#define MSG_HEADER    12
#define MSG_MAX	      65535
#define MSG_RR_MIN    11  /* bytes of a record: root, type, class, TTL, length (RFC 1035, 3.2.1) */
#define MSG_UDP_PLAIN 512 /* RFC 1035, 4.2.1: the limit without EDNS, and EDNS' least */

/* Flags, as in the second 16-bit word of the header (RFC 1035 4.1.1, RFC 4035 3.2). */
#define MSG_QR	   0x8000u
#define MSG_OPCODE 0x7800u
#define MSG_AA	   0x0400u
#define MSG_TC	   0x0200u
#define MSG_RD	   0x0100u
#define MSG_RA	   0x0080u
#define MSG_AD	   0x0020u
#define MSG_CD	   0x0010u
#define MSG_RCODE  0x000fu

enum msg_rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16,   /* RFC 6891, 6.1.3 */
	RCODE_BADCOOKIE = 23, /* RFC 7873, 8 */
};

enum msg_type {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_MD = 3,
	TYPE_MF = 4,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_MB = 7,
	TYPE_MG = 8,
	TYPE_MR = 9,
	TYPE_WKS = 11,
	TYPE_PTR = 12,
	TYPE_HINFO = 13,
	TYPE_MINFO = 14,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_RP = 17,
	TYPE_AFSDB = 18,
	TYPE_X25 = 19,
	TYPE_ISDN = 20,
	TYPE_RT = 21,
	TYPE_SIG = 24,
	TYPE_KEY = 25,
	TYPE_PX = 26,
	TYPE_GPOS = 27,
	TYPE_AAAA = 28,
	TYPE_LOC = 29,
	TYPE_NXT = 30,
	TYPE_SRV = 33,
	TYPE_NAPTR = 35,
	TYPE_KX = 36,
	TYPE_CERT = 37,
	TYPE_DNAME = 39,
	TYPE_OPT = 41,
	TYPE_APL = 42,
	TYPE_DS = 43,
	TYPE_SSHFP = 44,
	TYPE_IPSECKEY = 45,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_DNSKEY = 48,
	TYPE_DHCID = 49,
	TYPE_NSEC3 = 50,
	TYPE_NSEC3PARAM = 51,
	TYPE_TLSA = 52,
	TYPE_SMIMEA = 53,
	TYPE_HIP = 55,
	TYPE_NINFO = 56,
	TYPE_RKEY = 57,
	TYPE_TALINK = 58,
	TYPE_CDS = 59,
	TYPE_CDNSKEY = 60,
	TYPE_OPENPGPKEY = 61,
	TYPE_CSYNC = 62,
	TYPE_ZONEMD = 63,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_SPF = 99,
	TYPE_NID = 104,
	TYPE_L32 = 105,
	TYPE_L64 = 106,
	TYPE_LP = 107,
	TYPE_EUI48 = 108,
	TYPE_EUI64 = 109,
	TYPE_NXNAME = 128, /* only ever in the bitmap of an NSEC (RFC 9824, 3.5) */
	TYPE_TKEY = 249,
	TYPE_TSIG = 250,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_ANY = 255,
	TYPE_URI = 256,
	TYPE_CAA = 257,
	TYPE_AVC = 258,
	TYPE_AMTRELAY = 260,
	TYPE_DLV = 32769,
};

enum msg_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

/* Extended DNS error codes (RFC 8914, 5.2) in use here. */
enum msg_ede {
	EDE_NONE = -1,
	EDE_STALE = 3,
	EDE_FORGED = 4,
	EDE_CACHED_ERROR = 13,
	EDE_BLOCKED = 15,
	EDE_PROHIBITED = 18,
	EDE_STALE_NXDOMAIN = 19,
	EDE_NOT_AUTHORITATIVE = 20,
	EDE_NO_REACHABLE_AUTHORITY = 22,
};

/* Sizes of what stands in a COOKIE option (RFC 7873, 4; our server cookie: RFC 9018, 4). */
#define MSG_COOKIE_CLIENT     8	 /* bytes of a client cookie; a server cookie follows it or not */
#define MSG_COOKIE_SERVER_MIN 8	 /* of anybody's server cookie ... */
#define MSG_COOKIE_SERVER_MAX 32 /* ... */
#define MSG_COOKIE_SERVER     16 /* ... and of our own */
#define MSG_COOKIE_SIZE	      (MSG_COOKIE_CLIENT + MSG_COOKIE_SERVER)
#define MSG_COOKIE_MAX	      (MSG_COOKIE_CLIENT + MSG_COOKIE_SERVER_MAX)

/* EDNS as a query or reply carries it (RFC 6891). */
struct msg_edns {
	bool present;
	bool dnssec_ok; /* DO, RFC 3225 */
	uint8_t version;
	uint8_t ext_rcode; /* upper eight bits of the extended RCODE */
	uint16_t udp_size; /* as sent; less than 512 counts as 512 */
	uint16_t options_off, options_len;
	/* The first COOKIE option (those behind it do not count, RFC 7873, 5.2). */
	bool cookie;	      /* there is one ... */
	bool cookie_bad;      /* ... of a length that none can have (RFC 7873, 5.2.2) */
	uint16_t cookie_off;  /* its data ... */
	uint16_t cookie_len;  /* ... and their length */
	bool keepalive;	      /* an edns-tcp-keepalive option is there (RFC 7828) ... */
	bool keepalive_value; /* ... and one has data, which only a server's may (3.2.1) */
	bool subnet;	      /* a client subnet option is there (RFC 7871): the first one's ... */
	uint16_t subnet_off;  /* ... data ... */
	uint16_t subnet_len;  /* ... and their length */
};

/* What our OPT carries. */
struct msg_opt {
	uint16_t udp_size;     /* what we can take */
	bool dnssec_ok;	       /* DO: echoed in an answer (RFC 3225, 3) */
	bool keepalive;	       /* edns-tcp-keepalive, with this time-out in units of 100 ms: */
	uint16_t keepalive_ds; /* (RFC 7828, 3.1) */
	uint16_t rcode;	       /* the full RCODE; its lower four bits are the header's */
	int16_t ede;	       /* EDE_NONE, or a code of RFC 8914 ... */
	uint8_t cookie_len;    /* 0: no COOKIE option */
	uint8_t cookie[MSG_COOKIE_MAX]; /* client cookie, server cookie */
	const char *ede_text;		/* ... with this text in UTF-8, or NULL */
	const uint8_t *subnet; /* data of a client subnet option, subnet_len of them; 0: none */
	uint8_t subnet_len;
};

struct msg_query {
	uint16_t id;
	uint16_t flags;
	uint16_t qtype, qclass;
	uint8_t qname[NAME_SIZE]; /* lower case */
	uint8_t qname_len;
	uint16_t question_end; /* it is packet[12 .. question_end), its name uncompressed */
	struct msg_edns edns;
};

/* What msg_parse_query() found.  Values >= 0 are the RCODE to answer with. */
enum { MSG_QUERY_DROP = -100, MSG_QUERY_COOKIE };

/* Read a client's message of `len` bytes (at most MSG_MAX).
 * Returns RCODE_NOERROR and fills all of *q for a well-formed standard query;
 * MSG_QUERY_DROP for what must not be answered: shorter than a header, or a response (QR set);
 * MSG_QUERY_COOKIE for a well-formed one without a question that asks for a cookie alone (RFC 7873,
 * 5.4), with q->edns set;
 * else the RCODE that docs/answers.md gives for it: RCODE_NOTIMP for another opcode,
 * whatever follows; RCODE_FORMERR for a malformed one; RCODE_BADVERS for an EDNS version above 0 in
 * a message that is well-formed otherwise (then *q is whole).
 * In each case but a drop q->id and q->flags are set, and q->question_end is not 0 only when one
 * well-formed question was read (then qname, qtype, qclass are set too and the reply may repeat
 * it); q->edns is all zero but for RCODE_NOERROR, RCODE_NOTIMP where the message is laid out as a query is, RCODE_BADVERS, MSG_QUERY_COOKIE, and RCODE_FORMERR
 * for a COOKIE option of a wrong length (q->edns.cookie_bad) in a message that is well-formed
 * otherwise.  That a keepalive option must have no data is for the caller to see to, who knows whether
 * it counts (over UDP it does not, RFC 7828, 3.3.1).
 * A name in the question may not be compressed (nothing stands before it to point to).
 * Records of the answer and authority section are walked and ignored; bytes behind the last
 * counted record are ignored.  More than one OPT, one outside the additional section or with an
 * owner other than the one byte of the root, or options that overrun it: FORMERR (RFC 6891, 6.1.1).
 * No record may overrun the message: FORMERR.  QDCOUNT other than 1, but for that without a question:
 * FORMERR (RFC 9619, 4).
 * Cost: one pass, no allocation. */
int msg_parse_query(const uint8_t *packet, size_t len, struct msg_query *q) QUELL_CHECK;

/* Codes of EDNS options. */
enum msg_option {
	OPTION_SUBNET = 8,     /* RFC 7871, 6 */
	OPTION_COOKIE = 10,    /* RFC 7873, 4 */
	OPTION_KEEPALIVE = 11, /* RFC 7828, 3.1 */
	OPTION_EDE = 15,       /* RFC 8914, 2 */
};

/* Next EDNS option in packet[*pos .. end): its code, data (borrowed) and length.
 * Start with *pos = options_off.  Returns false at the end, and before an option that overruns
 * it. */
bool msg_next_option(const uint8_t *packet, size_t *pos, size_t end, uint16_t *code,
    const uint8_t **data, uint16_t *data_len);

enum msg_section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL, SECTION_N };

/* One record as it stands in a message. */
struct msg_rr {
	size_t owner_off;
	size_t ttl_off;
	size_t rdata_off;
	uint16_t type, class;
	uint32_t ttl; /* s; the top bit set counts as 0 (RFC 2181, 8) */
	uint16_t rdata_len;
	enum msg_section section;
};

/* Walks the records of a message behind its question. */
struct msg_walk {
	const uint8_t *msg;
	size_t len;
	size_t pos;
	uint16_t left[SECTION_N];
	enum msg_section section;
};

/* Start behind the question section (0 or more questions).  Returns 0, or ERR_FORMAT where the
 * header or a question is malformed. */
int msg_walk_start(struct msg_walk *w, const uint8_t *msg, size_t len) QUELL_CHECK;

/* Returns 1 and the next record, 0 at the end (bytes behind the last counted record are ignored),
 * ERR_FORMAT where the message is malformed.  Pointers in the owner and the rdata itself are not
 * looked at: msg_write_copy() does that. */
int msg_walk_next(struct msg_walk *w, struct msg_rr *rr) QUELL_CHECK;

/* Read a record of type OPT that msg_walk_next() gave.  Returns 0, or ERR_FORMAT where the owner is
 * not the one byte of the root or the options do not fill the rdata (then *edns is undefined). */
int msg_read_edns(const uint8_t *msg, const struct msg_rr *rr, struct msg_edns *edns) QUELL_CHECK;

static inline uint16_t msg_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t msg_u32(const uint8_t *p)
{
	return (uint32_t)msg_u16(p) << 16 | msg_u16(p + 2);
}

static inline void msg_set_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void msg_set_u32(uint8_t *p, uint32_t v)
{
	msg_set_u16(p, v >> 16);
	msg_set_u16(p + 2, v & 0xffff);
}

/* A message being written.  `out` fails stickily when the message does not fit.
 *
 * The names written so far are a tree by labels: `suffix_off[i]` is where a label stands that is
 * followed by the suffix `parent`, and `suffix_key[i]` is that parent and a few bits of the label.
 * A parent comes before its children, so looking up a name from its last label on passes over the
 * table once, whatever an upstream sends. */
#define MSG_WRITER_NAMES 128 /* more names are written in full; the longest question has 127 */

struct msg_writer {
	struct buf out;
	unsigned n_suffixes;
	unsigned n_question; /* the first ones: the question's name */
	size_t question_len; /* of its name; 0: there is none yet */
	uint16_t suffix_off[MSG_WRITER_NAMES];
	uint16_t suffix_key[MSG_WRITER_NAMES];
};

/* Start a message in out[0..size), of which MSG_MAX are used at most: a header of zeros (with `id`
 * and `flags`) and no question.  The sections are to be written in their order. */
void msg_write_start(struct msg_writer *w, uint8_t *out, size_t size, uint16_t id, uint16_t flags);

/* The one question, before any record; sets QDCOUNT.  `name` keeps its letter case. */
void msg_write_question(struct msg_writer *w, const uint8_t *name, uint16_t type, uint16_t class);

/* `name`, compressed where `compress` is true.  A suffix equal to part of the question's name,
 * letter case aside, becomes a pointer to it (so a reply speaks in the asker's case); other
 * suffixes only where the letter case agrees.  What is written with `compress` false is not pointed
 * to either. */
void msg_write_name(struct msg_writer *w, const uint8_t *name, bool compress);

/* Copy record `rr`, which msg_walk_next() gave for msg[0..len), with the TTL `ttl` (s): its owner
 * and the names in its rdata are read through their pointers and written anew; names in rdata are
 * compressed only for the types of RFC 1035 (RFC 3597, 4).  Counts it in its section of the header.
 * For a type of the table in msg.c the rdata must have exactly its form, whatever the class: all types
 * in use that have one.  All others are opaque (RFC 3597, 3; OPT, TKEY and TSIG too).
 * Returns 0; ERR_FORMAT where a name or the rdata is malformed; ERR_RANGE where it does not fit.
 * After an error nothing of it is written and `out` is as before.
 * Cost: no allocation; linear in the length of the record and its names. */
int msg_write_copy(struct msg_writer *w, const uint8_t *msg, size_t len, const struct msg_rr *rr,
    uint32_t ttl) QUELL_CHECK;

/* The same for who has read the owner's name already. */
int msg_write_copy_of(struct msg_writer *w, const uint8_t *msg, const struct msg_rr *rr,
    const uint8_t *owner, uint32_t ttl) QUELL_CHECK;

/* The OPT record `opt`.  Counts itself in ARCOUNT. */
void msg_write_opt(struct msg_writer *w, const struct msg_opt *opt);

/* Bytes that msg_write_opt() will need. */
size_t msg_opt_size(const struct msg_opt *opt);

#endif
