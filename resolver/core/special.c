/* special.c - the rows of special names, and finding them. */
#include "resolver/core/special.h"

#include <string.h>

#include "lib/dns/msg.h"
#include "lib/dns/name.h"
#include "resolver/core/dns64.h"

/* What the name, and what is below it, gets. */
enum content {
	NOTHING,   /* it does not exist */
	EMPTY,	   /* a zone that has nothing but its SOA and NS (RFC 6303, 3) */
	NO_DATA,   /* it exists, and has no records; likewise below */
	LOCALHOST, /* the loopback addresses; likewise below */
	LOOPBACK4, /* as EMPTY, with the PTR of 127.0.0.1 */
	LOOPBACK6, /* as EMPTY, with a PTR of its own */
	ADDRESSES  /* A alone: what else is asked is not special */
};

/* A literal's terminator is the root label.  `low` to `high`: the row stands for the names that are one
 * such number in front of it (0 to 0: it stands for itself).  `delegated`: a DS record is asked of the
 * parent, which exists outside of this network; who validates behind us needs its "no". */
struct row {
	const char *name;
	uint8_t len;
	uint8_t low, high;
	bool delegated;
	enum content content;
	enum special_word word;
};

#define NAME(literal) literal, sizeof(literal)
#define IN_ADDR	      "\7in-addr\4arpa"
#define IP6	      "\3ip6\4arpa"
#define ZEROS(digit)  "\1" digit "\1" digit "\1" digit "\1" digit
#define ZEROS_28      ZEROS("0") ZEROS("0") ZEROS("0") ZEROS("0") ZEROS("0") ZEROS("0") ZEROS("0")

static const struct row rows[] = {
    {NAME("\11localhost"), 0, 0, false, LOCALHOST, SPECIAL_LOCALHOST},	       /* RFC 6761, 6.3 */
    {NAME("\7invalid"), 0, 0, false, NOTHING, SPECIAL_INVALID},		       /* RFC 6761, 6.4 */
    {NAME("\4test"), 0, 0, false, NOTHING, SPECIAL_TEST},		       /* RFC 6761, 6.2 */
    {NAME("\5onion"), 0, 0, false, NOTHING, SPECIAL_ONION},		       /* RFC 7686, 2 */
    {NAME("\5local"), 0, 0, false, NOTHING, SPECIAL_LOCAL},		       /* RFC 6762, 22.1 */
    {NAME("\3alt"), 0, 0, false, NOTHING, SPECIAL_ALT},			       /* RFC 9476, 2 */
    {NAME("\4home\4arpa"), 0, 0, true, EMPTY, SPECIAL_HOME_ARPA},	       /* RFC 8375, 4 */
    {NAME("\10resolver\4arpa"), 0, 0, false, NO_DATA, SPECIAL_RESOLVER_ARPA},  /* RFC 9462, 4 */
    {NAME("\10ipv4only\4arpa"), 0, 0, true, ADDRESSES, SPECIAL_IPV4ONLY_ARPA}, /* RFC 8880, 7.1 */
    {NAME("\23use-application-dns\3net"), 0, 0, false, NOTHING, SPECIAL_CANARY}, /* of Mozilla */
    {NAME("\4mask\6icloud\3com"), 0, 0, false, NOTHING, SPECIAL_MASK},		 /* of Apple */
    {NAME("\7mask-h2\6icloud\3com"), 0, 0, false, NOTHING, SPECIAL_MASK_H2},

    /* RFC 6303, 4.1 */
    {NAME("\00210" IN_ADDR), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\003172" IN_ADDR), 16, 31, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\003168\003192" IN_ADDR), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    /* RFC 6303, 4.2 */
    {NAME("\0010" IN_ADDR), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\003127" IN_ADDR), 0, 0, true, LOOPBACK4, SPECIAL_REVERSE},
    {NAME("\003254\003169" IN_ADDR), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\0012\0010\003192" IN_ADDR), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\003100\00251\003198" IN_ADDR), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\003113\0010\003203" IN_ADDR), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\003255\003255\003255\003255" IN_ADDR), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    /* RFC 7793, 2.1 */
    {NAME("\003100" IN_ADDR), 64, 127, true, EMPTY, SPECIAL_REVERSE},
    /* RFC 6303, 4.3 to 4.6 */
    {NAME(ZEROS("0") ZEROS_28 IP6), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\0011\0010\0010\0010" ZEROS_28 IP6), 0, 0, true, LOOPBACK6, SPECIAL_REVERSE},
    {NAME("\001d\001f" IP6), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\0018\001e\001f" IP6), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\0019\001e\001f" IP6), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\001a\001e\001f" IP6), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\001b\001e\001f" IP6), 0, 0, true, EMPTY, SPECIAL_REVERSE},
    {NAME("\0018\001b\001d\0010\0011\0010\0010\0012" IP6), 0, 0, true, EMPTY, SPECIAL_REVERSE},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

#define SPECIAL_TEXT(name, text) text,
const char *const special_words[] = {SPECIAL_WORDS(SPECIAL_TEXT) NULL};

uint32_t special_bit(const char *word)
{
	for (unsigned i = 0; i < SPECIAL_N_WORDS; i++) {
		if (strcmp(special_words[i], word) == 0)
			return 1u << i;
	}
	return 0;
}

/* ---- The filter ---- */

void special_set(struct special *s, uint32_t on)
{
	*s = (struct special){.on = on};
	for (size_t i = 0; i < N_ROWS; i++) {
		if ((on & 1u << rows[i].word) != 0)
			tails_add(&s->tails, (const uint8_t *)rows[i].name, rows[i].len);
	}
}

static const uint8_t well_known[2][4] = {{192, 0, 0, 170}, {192, 0, 0, 171}}; /* RFC 7050, 8.2 */

void special_set_dns64(struct special *s, const struct net *prefix)
{
	s->dns64 = prefix->bits != 0;
	for (unsigned i = 0; i < 2 && s->dns64; i++)
		dns64_embed(prefix, well_known[i], s->well_known6[i]);
}

/* ---- The rows ---- */

/* Where the label of `name` before `below` begins; `below` is a part of it, and not all. */
static const uint8_t *label_before(const uint8_t *name, const uint8_t *below)
{
	while (name + name[0] + 1 != below)
		name += name[0] + 1;
	return name;
}

/* Is the label a number from `low` to `high`, as it stands in a reverse name? */
static bool is_number(const uint8_t *label, unsigned low, unsigned high)
{
	unsigned number = 0;

	if (label[0] == 0 || label[0] > 3 || label[1] == '0')
		return false;
	for (unsigned i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
		number = 10 * number + (label[i] - '0');
	}
	return number >= low && number <= high;
}

/* The part of name[0..len) that is the row's own; NULL: it is neither that nor below it. */
static const uint8_t *zone_of(const struct row *row, const uint8_t *name, size_t len)
{
	const uint8_t *zone, *label;

	if (len < row->len)
		return NULL;
	zone = name + len - row->len;
	if (memcmp(zone, row->name, row->len) != 0 ||
	    !name_in_zone(name, (const uint8_t *)row->name))
		return NULL;
	if (row->high == 0)
		return zone;
	if (zone == name)
		return NULL;
	label = label_before(name, zone);
	return is_number(label, row->low, row->high) ? label : NULL;
}

/* ---- What they get ---- */

static const char localhost[] = "\11localhost";
static const uint8_t loopback4[] = {127, 0, 0, 1};
static const uint8_t loopback6[16] = {[15] = 1};

/* A record that is given to who asks for its type, or for any. */
static void give(
    struct special_answer *out, uint16_t asked, uint16_t type, const void *rdata, size_t len)
{
	if (asked == type || asked == TYPE_ANY)
		out->record[out->n_records++] =
		    (struct special_record){.type = type, .len = (uint16_t)len, .rdata = rdata};
}

/* At a zone's own name there are a SOA and an NS (RFC 6303, 3); who asks for any gets the first (RFC
 * 8482, 4.1).  Below it there is nothing. */
static void give_zone(struct special_answer *out, const uint8_t *name, uint16_t type)
{
	if (name != out->zone) {
		out->rcode = RCODE_NXDOMAIN;
		return;
	}
	out->soa = type == TYPE_SOA || type == TYPE_ANY;
	if (type == TYPE_NS)
		give(out, type, TYPE_NS, out->zone, name_len(out->zone));
}

static void give_loopback4(struct special_answer *out, const uint8_t *name, uint16_t type)
{
	static const char pointer[] = "\0011\0010\0010\003127" IN_ADDR;

	if (name_equal(name, (const uint8_t *)pointer))
		give(out, type, TYPE_PTR, localhost, sizeof(localhost));
	else if (name == out->zone || !name_in_zone((const uint8_t *)pointer, name))
		give_zone(out, name, type);
}

bool special_find(const struct special *s, const uint8_t *name, size_t len, uint16_t type,
    struct special_answer *out)
{
	const struct row *row = rows;

	*out = (struct special_answer){.rcode = RCODE_NOERROR};
	for (; row < rows + N_ROWS; row++) {
		if ((s->on & 1u << row->word) != 0 && (out->zone = zone_of(row, name, len)) != NULL)
			break;
	}
	if (row == rows + N_ROWS || (row->delegated && type == TYPE_DS && name == out->zone))
		return false;
	out->word = row->word;
	switch (row->content) {
	case NOTHING:
		/* The zone above says so: in its own a name would be there. */
		out->zone += out->zone[0] + 1;
		out->rcode = RCODE_NXDOMAIN;
		break;
	case EMPTY:
		give_zone(out, name, type);
		break;
	case NO_DATA:
		break;
	case LOCALHOST:
		give(out, type, TYPE_A, loopback4, sizeof(loopback4));
		give(out, type, TYPE_AAAA, loopback6, sizeof(loopback6));
		break;
	case LOOPBACK4:
		give_loopback4(out, name, type);
		break;
	case LOOPBACK6:
		if (name == out->zone && type == TYPE_PTR)
			give(out, type, TYPE_PTR, localhost, sizeof(localhost));
		else
			give_zone(out, name, type);
		break;
	case ADDRESSES:
		for (unsigned i = 0; i < 2 && type == TYPE_A; i++)
			give(out, type, TYPE_A, well_known[i], sizeof(well_known[i]));
		for (unsigned i = 0; i < 2 && type == TYPE_AAAA && s->dns64; i++)
			give(out, type, TYPE_AAAA, s->well_known6[i], sizeof(s->well_known6[i]));
		return out->n_records != 0 && name == out->zone;
	}
	return true;
}
