/* fuzz_patterns.c - sections of expressions.  On any bytes the readers read nothing outside; in a
 * section that patterns_verify() passes each expression matches as it does alone.  An input that
 * begins with a newline is no section, but the lines to make one of. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/patterns.h"
#include "blocklists/regex.h"
#include "lib/dns/name.h"
#include "tests/fuzz/fuzz.h"

#define SOURCES_MAX 64

struct matched {
	uint32_t n; /* expressions in the section */
	uint64_t is;
};

static void on_match(void *ctx, uint32_t number)
{
	struct matched *matched = ctx;

	CHECK(number < matched->n);
	if (number < SOURCES_MAX) {
		CHECK((matched->is >> number & 1) == 0);
		matched->is |= UINT64_C(1) << number;
	}
}

static const char *const names[] = {"ads.example.com", "www.x1.net", "a-12.track.example", "a"};

static void try_names(const struct patterns *p, bool sound)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct matched matched = {.n = p->n};
		uint8_t name[NAME_SIZE];
		size_t len;

		CHECK(name_from_text(names[i], strlen(names[i]), name, &len) == 0);
		patterns_match(p, name, on_match, &matched);
		for (uint32_t j = 0; j < p->n && j < SOURCES_MAX && sound; j++) {
			struct patterns_source source;
			struct regex r;

			CHECK(patterns_source(p, j, &source));
			CHECK(
			    regex_compile(&r, source.text, source.len, source.inverted, NULL) == 0);
			CHECK(
			    regex_matches(&r, names[i], strlen(names[i])) == (matched.is >> j & 1));
			regex_free(&r);
		}
	}
}

static void try_section(const uint8_t *bytes, size_t len)
{
	struct patterns p;
	bool sound;

	if (patterns_open(&p, bytes, len, NULL) != 0) {
		CHECK(p.n == 0);
		return;
	}
	sound = patterns_verify(&p, NULL) == 0;
	try_names(&p, sound);
	for (uint32_t i = 0; i < p.n; i++) {
		struct patterns_source source;

		if (patterns_source(&p, i, &source)) {
			CHECK((const uint8_t *)source.text >= bytes);
			CHECK(source.len <= len);
			CHECK((const uint8_t *)source.text + source.len <= bytes + len);
		}
	}
}

static void try_lines(const char *at, const char *end)
{
	struct patterns_source sources[SOURCES_MAX];
	struct patterns p;
	uint8_t *bytes;
	size_t n = 0, len;

	while (at < end && n < SOURCES_MAX) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline == NULL ? end : newline;
		bool inverted = *at == '!' && at < stop;

		at += inverted;
		sources[n++] = (struct patterns_source){at, (size_t)(stop - at), inverted};
		at = newline == NULL ? end : newline + 1;
	}
	if (patterns_build(sources, n, &bytes, &len, NULL) != 0)
		return;
	CHECK(patterns_open(&p, bytes, len, NULL) == 0);
	CHECK(p.n == n && patterns_verify(&p, NULL) == 0);
	try_names(&p, true);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size != 0 && *data == '\n')
		try_lines((const char *)data + 1, (const char *)data + size);
	else
		try_section(data, size);
	return 0;
}
