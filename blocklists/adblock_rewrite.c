/* adblock_rewrite.c - the value of $dnsrewrite. */
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "blocklists/adblock.h"
#include "lib/dns/msg.h"

#define STRING_MAX 255 /* a character string of TXT (RFC 1035, 3.3) */

static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
    "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"};

/* In any letter case; -1: there is none. */
static int rcode_of(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++) {
		if (strlen(rcodes[i]) == len && strncasecmp(rcodes[i], text, len) == 0)
			return (int)i;
	}
	return -1;
}

/* The next word as a number of 16 bits, behind what is there. */
static bool put_number(struct adblock_rewrite *r, const char **text, size_t *len)
{
	size_t n = feed_word(text, len);
	unsigned number = 0;

	if (n == 0 || n > 5)
		return false;
	for (; n != 0; n--, (*text)++, (*len)--) {
		if (**text < '0' || **text > '9')
			return false;
		number = number * 10 + (unsigned)(**text - '0');
	}
	if (number > UINT16_MAX)
		return false;
	msg_set_u16(r->rdata + r->rdata_len, number);
	r->rdata_len += 2;
	return true;
}

static bool put_numbers(struct adblock_rewrite *r, const char **text, size_t *len, unsigned n)
{
	while (n != 0 && put_number(r, text, len))
		n--;
	return n == 0;
}

/* The last word as a name; `root`: that may be a dot. */
static bool put_name(struct adblock_rewrite *r, const char *text, size_t len, bool root)
{
	size_t n = feed_word(&text, &len), name_len;
	uint8_t name[NAME_SIZE];

	if (n == 0 || n != len)
		return false;
	if (root && n == 1 && text[0] == '.')
		name[0] = 0, name_len = 1;
	else if (!feed_host(text, n, name, &name_len))
		return false;
	memcpy(r->rdata + r->rdata_len, name, name_len);
	r->rdata_len += name_len;
	return true;
}

static bool put_address(struct adblock_rewrite *r, const char *text, size_t len, int family)
{
	r->rdata_len = family == AF_INET ? 4 : 16;
	return memchr(text, '%', len) == NULL && feed_address(text, len, r->rdata) == family;
}

static bool put_text(struct adblock_rewrite *r, const char *text, size_t len)
{
	char plain[ADBLOCK_RDATA_MAX - ADBLOCK_RDATA_MAX / STRING_MAX];

	len = adblock_unescape(text, len, plain, sizeof(plain));
	for (size_t i = 0; i < len; i += STRING_MAX) {
		size_t n = len - i < STRING_MAX ? len - i : STRING_MAX;

		r->rdata[r->rdata_len++] = (uint8_t)n;
		memcpy(r->rdata + r->rdata_len, plain + i, n);
		r->rdata_len += n;
	}
	return len != 0;
}

/* Append `word` to line[0..size) behind a blank. */
static bool append(char *line, size_t size, const char *word, size_t len)
{
	static const char dohpath[] = "dohpath="; /* RFC 9461, 5: key 7, which ldns may not know */
	size_t used = strlen(line), skip = 0;
	const char *key = "";

	if (len >= sizeof(dohpath) - 1 && memcmp(word, dohpath, sizeof(dohpath) - 1) == 0) {
		key = "key7=";
		skip = sizeof(dohpath) - 1;
	}
	return (size_t)snprintf(line + used, size - used, " %s%.*s", key, (int)(len - skip),
		   word + skip) < size - used;
}

/* Data that ldns reads from its form in zone files: SVCB and HTTPS (RFC 9460, 2.1). */
static bool put_service(struct adblock_rewrite *r, const char *text, size_t len)
{
	char line[2 * ADBLOCK_RDATA_MAX] = ". 0 IN";
	char plain[ADBLOCK_RDATA_MAX];
	const char *rest = plain, *type = r->type == TYPE_SVCB ? "SVCB" : "HTTPS";
	bool ok = append(line, sizeof(line), type, strlen(type));
	ldns_rr *rr = NULL;
	size_t n;

	len = adblock_unescape(text, len, plain, sizeof(plain));
	if (len == 0 || strpbrk(plain, "();\"\\") != NULL)
		return false;
	while (ok && (n = feed_word(&rest, &len)) != 0) {
		ok = append(line, sizeof(line), rest, n);
		rest += n;
		len -= n;
	}
	ok = ok && ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) == LDNS_STATUS_OK &&
	     ldns_rr_rd_count(rr) >= 2;
	for (size_t i = 0; ok && i < ldns_rr_rd_count(rr); i++) {
		ldns_rdf *field = ldns_rr_rdf(rr, i);

		ok = ldns_rdf_size(field) <= sizeof(r->rdata) - r->rdata_len;
		if (!ok)
			break;
		if (i == 1)
			ldns_dname2canonical(field);
		memcpy(r->rdata + r->rdata_len, ldns_rdf_data(field), ldns_rdf_size(field));
		r->rdata_len += ldns_rdf_size(field);
	}
	ldns_rr_free(rr);
	return ok;
}

static bool put_record(
    struct adblock_rewrite *r, const char *text, size_t len, enum feed_skip *reason)
{
	r->rdata_len = 0;
	switch (r->type) {
	case TYPE_A:
		return put_address(r, text, len, AF_INET);
	case TYPE_AAAA:
		return put_address(r, text, len, AF_INET6);
	case TYPE_CNAME:
	case TYPE_PTR:
		return put_name(r, text, len, false);
	case TYPE_MX:
		return put_numbers(r, &text, &len, 1) && put_name(r, text, len, true);
	case TYPE_SRV:
		return put_numbers(r, &text, &len, 3) && put_name(r, text, len, true);
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return put_service(r, text, len);
	case TYPE_TXT:
		return put_text(r, text, len);
	default:
		if (r->type != 0)
			*reason = FEED_NOT_HERE;
		return false;
	}
}

static bool is_keyword(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < 'A' || text[i] > 'Z')
			return false;
	}
	return true;
}

static bool read_short(
    struct adblock_rewrite *r, const char *text, size_t len, enum feed_skip *reason)
{
	uint8_t address[16];

	if (is_keyword(text, len)) {
		int rcode = rcode_of(text, len);

		/* The others have no short form. */
		if (rcode != RCODE_NOERROR && rcode != RCODE_SERVFAIL && rcode != RCODE_NXDOMAIN &&
		    rcode != RCODE_REFUSED)
			return false;
		r->rcode = (uint8_t)rcode;
		return true;
	}
	switch (feed_address(text, len, address)) {
	case AF_INET:
		r->type = TYPE_A;
		break;
	case AF_INET6:
		r->type = TYPE_AAAA;
		break;
	default:
		r->type = TYPE_CNAME;
		break;
	}
	return put_record(r, text, len, reason);
}

bool adblock_read_rewrite(
    struct adblock_rewrite *rewrite, const char *text, size_t len, enum feed_skip *reason)
{
	const char *type = memchr(text, ';', len), *value;
	size_t left;
	int rcode;

	*reason = FEED_BAD;
	*rewrite = (struct adblock_rewrite){.rcode = RCODE_NOERROR};
	if (type == NULL)
		return read_short(rewrite, text, len, reason);
	rcode = rcode_of(text, (size_t)(type - text));
	left = len - (size_t)(++type - text);
	value = memchr(type, ';', left);
	if (rcode < 0 || value == NULL)
		return false;
	rewrite->rcode = (uint8_t)rcode;
	left = len - (size_t)(++value - text);
	/* An error has no records; `;;` is NOERROR without any. */
	if (rcode != RCODE_NOERROR || (value - type == 1 && left == 0))
		return true;
	rewrite->type = adblock_type(type, (size_t)(value - 1 - type));
	return put_record(rewrite, value, left, reason);
}

bool adblock_rewrite_blocks(const struct adblock_rewrite *rewrite)
{
	switch (rewrite->type) {
	case 0:
		return true;
	case TYPE_A:
		return feed_is_sink(AF_INET, rewrite->rdata);
	case TYPE_AAAA:
		return feed_is_sink(AF_INET6, rewrite->rdata);
	default:
		return false;
	}
}
