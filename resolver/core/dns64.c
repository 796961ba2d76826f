/* dns64.c - addresses of IPv4 within those of IPv6. */
#include "resolver/core/dns64.h"

#include <string.h>
#include <sys/socket.h>

#include "lib/dns/msg.h"
#include "lib/dns/reverse.h"
#include "resolver/core/rebind.h"

#define NIBBLES 32
#define IP6	"\3ip6\4arpa" /* a literal's terminator is the root label */

/* ---- Addresses ---- */

/* Where byte `i` of the IPv4 address stands: behind the prefix, byte 8 left out (RFC 6052, 2.2). */
static unsigned place(const struct net *prefix, unsigned i)
{
	unsigned at = prefix->bits / 8u + i;

	return at >= 8 && prefix->bits <= 64 ? at + 1 : at;
}

void dns64_embed(const struct net *prefix, const uint8_t v4[4], uint8_t v6[16])
{
	memset(v6, 0, 16);
	memcpy(v6, prefix->bytes, prefix->bits / 8u);
	for (unsigned i = 0; i < 4; i++)
		v6[place(prefix, i)] = v4[i];
}

bool dns64_may_embed(const struct net *prefix, const uint8_t v4[4])
{
	static const uint8_t well_known[12] = {0, 0x64, 0xff, 0x9b};
	const struct rebind_address address = {AF_INET, v4};

	return prefix->bits != 96 || memcmp(prefix->bytes, well_known, sizeof(well_known)) != 0 ||
	       !rebind_is_private(&address);
}

bool dns64_is_excluded(const uint8_t v6[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(v6, mapped, sizeof(mapped)) == 0;
}

/* ---- Answers ---- */

enum dns64_need dns64_need(const uint8_t *msg, size_t len)
{
	unsigned rcode = msg[3] & MSG_RCODE, n_good = 0, n_excluded = 0;
	struct msg_walk walk;
	struct msg_rr rr;

	/* "It is not there" holds for the A records, too (RFC 6147, 5.1.2). */
	if (rcode == RCODE_NXDOMAIN || msg_walk_start(&walk, msg, len) != 0)
		return DNS64_NOTHING;
	while (msg_walk_next(&walk, &rr) == 1 && rr.section == SECTION_ANSWER) {
		if (rr.type != TYPE_AAAA || rr.rdata_len != 16)
			continue;
		if (dns64_is_excluded(msg + rr.rdata_off))
			n_excluded++;
		else
			n_good++;
	}
	if (n_good == 0)
		return DNS64_SYNTHESIS;
	return n_excluded != 0 ? DNS64_FILTER : DNS64_NOTHING;
}

uint32_t dns64_soa_ttl(const uint8_t *msg, size_t len)
{
	struct msg_walk walk;
	struct msg_rr rr;

	if (msg_walk_start(&walk, msg, len) != 0)
		return DNS64_TTL_S;
	while (msg_walk_next(&walk, &rr) == 1)
		if (rr.section == SECTION_AUTHORITY && rr.type == TYPE_SOA)
			return rr.ttl;
	return DNS64_TTL_S;
}

/* ---- Reverse names ---- */

/* -1: it is no digit, as they stand in lower case. */
static int nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool dns64_reverse(
    const struct net *prefix, const uint8_t *name, size_t len, uint8_t alias[NAME_SIZE])
{
	uint8_t v6[16] = {0}, v4[4];

	if (prefix->bits == 0 || len != 2 * NIBBLES + sizeof(IP6) ||
	    memcmp(name + 2 * (size_t)NIBBLES, IP6, sizeof(IP6)) != 0)
		return false;
	for (unsigned i = 0; i < NIBBLES; i++) {
		const uint8_t *label = name + 2 * (size_t)(NIBBLES - 1 - i);
		int digit = nibble(label[1]);

		if (label[0] != 1 || digit < 0)
			return false;
		v6[i / 2] |= (uint8_t)(i % 2 == 0 ? digit << 4 : digit);
	}
	if (memcmp(v6, prefix->bytes, prefix->bits / 8u) != 0 || (prefix->bits < 96 && v6[8] != 0))
		return false;
	for (unsigned i = 0; i < 4; i++)
		v4[i] = v6[place(prefix, i)];
	reverse_name(AF_INET, v4, alias);
	return true;
}
