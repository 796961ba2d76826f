/* type.c - a table of names; all others are numbers. */
#include "lib/dns/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/dns/msg.h"

/* Those that rules of lists and people ask for (IANA, DNS Parameters, Resource Record TYPEs). */
static const struct {
	uint16_t type;
	const char *text;
} names[] = {
    {TYPE_A, "A"},
    {TYPE_NS, "NS"},
    {TYPE_CNAME, "CNAME"},
    {TYPE_SOA, "SOA"},
    {TYPE_PTR, "PTR"},
    {TYPE_HINFO, "HINFO"},
    {TYPE_MX, "MX"},
    {TYPE_TXT, "TXT"},
    {TYPE_RP, "RP"},
    {TYPE_AAAA, "AAAA"},
    {29, "LOC"},
    {TYPE_SRV, "SRV"},
    {TYPE_NAPTR, "NAPTR"},
    {TYPE_DNAME, "DNAME"},
    {TYPE_DS, "DS"},
    {44, "SSHFP"},
    {TYPE_RRSIG, "RRSIG"},
    {TYPE_NSEC, "NSEC"},
    {48, "DNSKEY"},
    {TYPE_NSEC3, "NSEC3"},
    {52, "TLSA"},
    {TYPE_SVCB, "SVCB"},
    {TYPE_HTTPS, "HTTPS"},
    {99, "SPF"},
    {TYPE_ANY, "ANY"},
    {256, "URI"},
    {257, "CAA"},
};

const char *type_to_text(uint16_t type, char text[TYPE_TEXT_SIZE])
{
	(void)snprintf(text, TYPE_TEXT_SIZE, "TYPE%u", type);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].type == type)
			(void)snprintf(text, TYPE_TEXT_SIZE, "%s", names[i].text);
	}
	return text;
}

bool type_from_text(const char *text, uint16_t *type)
{
	unsigned long number;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(names[i].text, text) == 0) {
			*type = names[i].type;
			return true;
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0)
		return false;
	text += 4;
	if (*text == '\0' || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return false;
	number = strtoul(text, NULL, 10);
	*type = (uint16_t)number;
	return number <= UINT16_MAX;
}
