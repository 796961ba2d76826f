/* update_tld.c - the commonest registries below countries.  Those that are missing cost a warning
 * less; the whole list of them has 10,000 lines and changes every week.  Private ones (in.net, pp.ru)
 * are left out: lists block them on purpose. */
#include "tools/update_tld.h"

#include <stddef.h>
#include <string.h>

#include "lib/dns/name.h"

static const struct registry {
	const char *country;
	const char *words; /* each with a space behind it */
} registries[] = {
    {"ae", "ac co gov net org sch "},
    {"ar", "com edu gob int net org "},
    {"arpa", "in-addr ip6 "},
    {"at", "ac co gv or "},
    {"au", "asn com edu gov id net org "},
    {"bd", "com edu gov net org "},
    {"br", "art blog com edu eco gov ind net org "},
    {"cn", "ac com edu gov net org "},
    {"co", "com edu gov net nom org "},
    {"cy", "com gov net org "},
    {"do", "com edu gob net org "},
    {"ec", "com edu gob net org "},
    {"eg", "com edu gov net org "},
    {"es", "com edu gob nom org "},
    {"fr", "asso com gouv nom "},
    {"gr", "com edu gov net org "},
    {"gt", "com edu gob net org "},
    {"hk", "com edu gov idv net org "},
    {"hu", "co info org "},
    {"id", "ac co go my net or sch web "},
    {"il", "ac co gov muni net org "},
    {"in", "ac co edu firm gen gov ind net nic org res "},
    {"ir", "ac co gov id net org sch "},
    {"it", "edu gov "},
    {"jp", "ac ad co ed go gr lg ne or "},
    {"ke", "ac co go ne or sc "},
    {"kr", "ac co go ne or pe re "},
    {"lk", "com edu gov net org "},
    {"ma", "ac co gov net org "},
    {"mx", "com edu gob net org "},
    {"my", "com edu gov name net org "},
    {"ng", "com edu gov net org "},
    {"nz", "ac co geek gen govt iwi kiwi maori net org school "},
    {"pe", "com edu gob net nom org "},
    {"ph", "com edu gov net org "},
    {"pk", "com edu gov net org "},
    {"pl", "com edu gov info net org waw "},
    {"pt", "com edu gov org "},
    {"py", "com edu gov net org "},
    {"ro", "com org "},
    {"rs", "ac co edu gov in org "},
    {"sa", "com edu gov net org sch "},
    {"sg", "com edu gov net org per "},
    {"th", "ac co go in net or "},
    {"tr", "av bel com edu gen gov k12 net org web "},
    {"tw", "club com ebiz edu gov idv net org "},
    {"tz", "ac co go ne or "},
    {"ua", "com edu gov in kiev kyiv lviv net odesa org "},
    {"ug", "ac co go ne or "},
    {"uk", "ac co gov ltd me net nhs org plc police sch "},
    {"uy", "com edu gub net org "},
    {"ve", "co com gob info net org web "},
    {"vn", "ac com edu gov net org "},
    {"za", "ac co edu gov net org school web "},
};

static bool label_is(const uint8_t *label, const char *text)
{
	return strlen(text) == label[0] && memcmp(label + 1, text, label[0]) == 0;
}

static bool has_word(const char *words, const uint8_t *label)
{
	for (size_t len; *words != '\0'; words += len + 1) {
		len = strcspn(words, " ");
		if (len == label[0] && memcmp(words, label + 1, len) == 0)
			return true;
	}
	return false;
}

bool update_tld_is(const uint8_t *name)
{
	unsigned labels = name_labels(name);
	const uint8_t *last;

	if (labels != 2)
		return labels == 1;
	last = name_last_labels(name, 1);
	for (size_t i = 0; i < sizeof(registries) / sizeof(registries[0]); i++) {
		if (label_is(last, registries[i].country))
			return has_word(registries[i].words, name);
	}
	return false;
}
