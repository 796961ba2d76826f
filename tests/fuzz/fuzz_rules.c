/* fuzz_rules.c - the text of the user's own rules.  The first line is a change; the rest is the file.
 * Whatever they say: lines without an expiry stay as they are, the overlay takes what is in force and
 * decides as rules_matches() does, and nothing lives longer than it was given. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "resolver/core/overlay.h"
#include "resolver/pack.h"
#include "blocklists/rules.h"
#include "tests/fuzz/fuzz.h"

#define MATCHES_MAX 64

static const struct rules_clock now = {3600000, 1795273200, "5f0c2a81"};

/* Lines of the text, one after the other, are those of `r`. */
static void check_lines(const struct rules *r, const uint8_t *text, size_t len)
{
	size_t at = 0, i = 0;

	for (; at < len; i++) {
		const uint8_t *end = memchr(text + at, '\n', len - at);
		size_t line_len = end != NULL ? (size_t)(end - text) - at : len - at;

		CHECK(i < r->n_lines);
		if (r->lines[i].for_ms == 0) {
			CHECK(strlen(r->lines[i].text) == line_len);
			CHECK(memcmp(r->lines[i].text, text + at, line_len) == 0);
		}
		at += line_len + 1;
	}
	CHECK(i == r->n_lines);
}

static void check_rule(
    const struct rules *r, const struct overlay *o, const struct rules_line *line)
{
	const struct rules_line *found[MATCHES_MAX];
	char text[RULES_TEXT_SIZE];

	CHECK(line->for_ms <= (uint64_t)RULES_FOR_MAX_S * 1000);
	CHECK(line->for_ms == 0 || line->expires_ms <= now.boot_ms + line->for_ms);
	CHECK(strpbrk(rules_format(line, &now, text), "\n\r\x1b") == NULL);
	if (line->kind != RULES_ALLOW && line->kind != RULES_BLOCK)
		return;
	CHECK(rules_matches(r, line->name, found, MATCHES_MAX) != 0);
	CHECK(overlay_judge(o, line->name) ==
	      (rules_pause(r) != NULL || found[0]->kind == RULES_ALLOW ? OVERLAY_ALLOW
								       : OVERLAY_BLOCK));
}

static void check(const struct rules *r)
{
	static struct overlay *o;
	uint8_t *bytes;
	size_t len;

	if (o == NULL)
		o = overlay_new(&(struct hash_key){1, 2});
	CHECK(o != NULL && pack_rules(r, &bytes, &len) == 0);
	CHECK(overlay_set(o, rules_pause(r) != NULL, bytes, len) == 0);
	free(bytes);
	for (size_t i = 0; i < r->n_lines; i++)
		if (r->lines[i].kind != RULES_TEXT && r->lines[i].kind != RULES_BAD)
			check_rule(r, o, &r->lines[i]);
}

static void read_text(struct rules *r, const uint8_t *text, size_t len)
{
	int fd = memfd_create("rules", MFD_CLOEXEC);
	char path[64];

	CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rules_read(r, path, &now, NULL) == 0)
		check_lines(r, text, len);
	CHECK(close(fd) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size != 0 ? memchr(data, '\n', size) : NULL;
	struct rules_line change;
	struct rules r;
	char line[512] = "";

	rules_init(&r);
	if (end != NULL && (size_t)(end - data) < sizeof(line)) {
		memcpy(line, data, (size_t)(end - data));
		size -= (size_t)(end - data) + 1;
		data = end + 1;
	}
	read_text(&r, data, size);
	(void)rules_expire(&r, &now);
	check(&r);
	if (rules_parse_change(&change, line, &now, NULL) == 0 &&
	    rules_apply(&r, &change, &now, NULL) == 0)
		check(&r);
	rules_fini(&r);
	return 0;
}
