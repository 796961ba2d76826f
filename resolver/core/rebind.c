/* rebind.c - private networks, and where addresses stand in records. */
#include "resolver/core/rebind.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/dns/msg.h"
#include "lib/dns/name.h"
#include "lib/dns/svcb.h"

/* ---- Addresses ---- */

struct network {
	uint8_t bytes[16];
	uint8_t bits;
};

static const struct {
	uint32_t address, mask;
} private4[] = {
    {0x00000000, 0xff000000}, /* this host (RFC 1122, 3.2.1.3); to connect to it reaches loopback */
    {0x0a000000, 0xff000000}, /* 10: RFC 1918, 3 */
    {0x64400000, 0xffc00000}, /* 100.64: RFC 6598, 7: of the provider, and of overlay networks */
    {0x7f000000, 0xff000000}, /* 127: RFC 1122, 3.2.1.3 */
    {0xa9fe0000, 0xffff0000}, /* 169.254: RFC 3927, 2.1 */
    {0xac100000, 0xfff00000}, /* 172.16: RFC 1918, 3 */
    {0xc0a80000, 0xffff0000}, /* 192.168: RFC 1918, 3 */
    {0xffffffff, 0xffffffff}, /* RFC 919, 7 */
};

static const struct network private6[] = {
    {{0}, 128},		/* RFC 4291, 2.5.2 */
    {{[15] = 1}, 128},	/* RFC 4291, 2.5.3 */
    {{0xfc}, 7},	/* RFC 4193, 3.1 */
    {{0xfe, 0x80}, 10}, /* RFC 4291, 2.5.6 */
    {{0xfe, 0xc0}, 10}, /* of sites, as long as there were such (RFC 3879, 4) */
};

/* In these, an address of IPv4 stands at `at`. */
static const struct {
	struct network net;
	uint8_t at;
} embedding[] = {
    {{{0}, 96}, 12},			     /* RFC 4291, 2.5.5.1 */
    {{{[10] = 0xff, [11] = 0xff}, 96}, 12},  /* RFC 4291, 2.5.5.2 */
    {{{0, 0x64, 0xff, 0x9b}, 96}, 12},	     /* RFC 6052, 2.1 */
    {{{0, 0x64, 0xff, 0x9b, 0, 1}, 96}, 12}, /* RFC 8215, 4 */
    {{{[8] = 0xff, [9] = 0xff}, 96}, 12},    /* RFC 2765, 2.1 */
    {{{0x20, 0x02}, 16}, 2},		     /* RFC 3056, 2 */
};

static bool is_in(const struct network *net, const uint8_t *address)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	return memcmp(address, net->bytes, whole) == 0 &&
	       (rest == 0 || ((address[whole] ^ net->bytes[whole]) & 0xff00u >> rest & 0xff) == 0);
}

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_private4(const uint8_t *address)
{
	const uint32_t v = msg_u32(address);

	for (size_t i = 0; i < N_OF(private4); i++)
		if ((v & private4[i].mask) == private4[i].address)
			return true;
	return false;
}

static bool is_private6(const uint8_t *address)
{
	for (size_t i = 0; i < N_OF(private6); i++)
		if (is_in(&private6[i], address))
			return true;
	for (size_t i = 0; i < N_OF(embedding); i++)
		if (is_in(&embedding[i].net, address))
			return is_private4(address + embedding[i].at);
	return false;
}

bool rebind_is_private(const struct rebind_address *address)
{
	return address->family == AF_INET ? is_private4(address->bytes)
					  : is_private6(address->bytes);
}

/* ---- Records ---- */

/* The first private one of bytes[0..len), which are addresses and nothing else. */
static bool find_in(int family, const uint8_t *bytes, size_t len, struct rebind_address *address)
{
	size_t size = family == AF_INET ? 4 : 16;

	for (; len >= size; bytes += size, len -= size) {
		*address = (struct rebind_address){family, bytes};
		if (rebind_is_private(address))
			return true;
	}
	return false;
}

/* The first private hint of the parameters in msg[off..end). */
static bool find_hint(const uint8_t *msg, size_t off, size_t end, struct rebind_address *address)
{
	struct svcb_param hint;

	while (svcb_next(msg, &off, end, &hint))
		if ((hint.key == SVCB_IPV4HINT &&
			find_in(AF_INET, msg + hint.off, hint.len, address)) ||
		    (hint.key == SVCB_IPV6HINT &&
			find_in(AF_INET6, msg + hint.off, hint.len, address)))
			return true;
	return false;
}

bool rebind_find(const uint8_t *msg, size_t len, size_t ttl_off, struct rebind_address *address)
{
	const uint8_t *ttl = msg + ttl_off;
	size_t off = ttl_off + 6, rdata_len = msg_u16(ttl + 4), end = off + rdata_len;

	if (msg_u16(ttl - 2) != CLASS_IN || end > len)
		return false;
	switch (msg_u16(ttl - 4)) {
	case TYPE_A:
		return find_in(AF_INET, msg + off, rdata_len, address);
	case TYPE_AAAA:
		return find_in(AF_INET6, msg + off, rdata_len, address);
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return svcb_skip_target(msg, &off, end) && find_hint(msg, off, end, address);
	default:
		return false;
	}
}

/* ---- Names ---- */

/* Special names that are forwarded after all, and the top-level names of home networks that will never
 * be delegated (RFC 6762, G; ICANN for home, corp, mail and internal).  A literal's terminator is the root
 * label. */
static const char *const usual[] = {
    "\11localhost",
    "\7invalid",
    "\4test",
    "\5onion",
    "\5local",
    "\3alt",
    "\10internal",
    "\4home",
    "\4corp",
    "\4mail",
    "\3lan",
    "\7private",
    "\10intranet",
    "\13localdomain",
    "\4home\4arpa",
};

void rebind_except_usual(struct zones *zones)
{
	for (size_t i = 0; i < N_OF(usual); i++) {
		int err = zones_add(zones, (const uint8_t *)usual[i], 0);

		assert(err == 0);
		(void)err;
	}
}

bool rebind_is_public(const struct zones *excepted, const uint8_t *name, size_t len)
{
	return name[0] + 2u < len && zones_find(excepted, name, len) < 0;
}
