/* update_seen.c - validators as text and in requests. */
#include "tools/update_seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/hash.h"
#include "tools/update_store.h"

#define FILE_SIZE 8192 /* of the whole file: two URLs and the rest */
#define CLEAR_S	  60   /* RFC 9110, 8.8.2.2: between Last-Modified and Date */

static const char etag_key[] = "etag", modified_key[] = "modified";

/* It finds damage, not malice: whoever can write here can change the copy too. */
static const struct hash_key key = {0x7175656c6c2d7570, 0x646174652073656e};

/* ---- the file ---- */

static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || (unsigned char)*text == 0x7f)
			return false;
	}
	return true;
}

static bool copy_plain(char *out, size_t size, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	out[0] = '\0';
	if (len == 0 || len >= size || !is_plain(text))
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static bool take_line(struct update_seen *seen, const char *name, const char *value)
{
	char *rest = NULL;

	if (strcmp(name, "url") == 0)
		return copy_plain(seen->url, sizeof(seen->url), value);
	if (strcmp(name, "from") == 0)
		return copy_plain(seen->from, sizeof(seen->from), value);
	if (strcmp(name, etag_key) == 0)
		return copy_plain(seen->etag, sizeof(seen->etag), value);
	if (strcmp(name, modified_key) == 0)
		return copy_plain(seen->modified, sizeof(seen->modified), value);
	if (strcmp(name, "key") == 0)
		return copy_plain(seen->key, sizeof(seen->key), value);
	if (strcmp(name, "boot") == 0)
		return copy_plain(seen->boot, sizeof(seen->boot), value);
	if (strcmp(name, "bytes") == 0)
		seen->bytes = strtoull(value, &rest, 10);
	if (strcmp(name, "hash") == 0)
		seen->hash = strtoull(value, &rest, 16);
	return rest != NULL && *rest == '\0';
}

bool update_seen_read(int dir_fd, const char *name, struct update_seen *seen)
{
	char *text, *state = NULL;
	size_t len;
	bool is_good = true;

	memset(seen, 0, sizeof(*seen));
	if (update_store_read_at(dir_fd, name, FILE_SIZE, &text, &len, NULL) != 0)
		return false;
	for (char *line = strtok_r(text, "\n", &state); line != NULL && is_good;
	     line = strtok_r(NULL, "\n", &state)) {
		char *space = strchr(line, ' ');

		if (line[0] == '#')
			continue;
		if (space != NULL)
			*space = '\0';
		is_good = space != NULL && take_line(seen, line, space + 1);
	}
	free(text);
	return is_good && seen->url[0] != '\0';
}

static void write_field(FILE *to, const char *name, const char *value)
{
	if (value[0] != '\0')
		(void)fprintf(to, "%s %s\n", name, value);
}

int update_seen_write(int dir_fd, const char *name, const struct update_seen *seen, struct why *why)
{
	char text[FILE_SIZE], *present;
	FILE *to = fmemopen(text, sizeof(text), "w");
	size_t len, present_len;
	bool is_same = false;

	if (to == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	(void)fputs("# Of the text beside it; this file may be removed at any time.\n", to);
	write_field(to, "url", seen->url);
	write_field(to, "from", seen->from);
	write_field(to, etag_key, seen->etag);
	write_field(to, modified_key, seen->modified);
	write_field(to, "key", seen->key);
	write_field(to, "boot", seen->boot);
	(void)fprintf(to, "bytes %" PRIu64 "\nhash %016" PRIx64 "\n", seen->bytes, seen->hash);
	len = (size_t)ftell(to);
	(void)fclose(to);
	if (update_store_read_at(dir_fd, name, FILE_SIZE, &present, &present_len, NULL) == 0) {
		is_same = present_len == len && memcmp(present, text, len) == 0;
		free(present);
	}
	return is_same ? 0 : update_store_write_at(dir_fd, name, text, len, why);
}

/* ---- validators ---- */

/* A date (RFC 9110, 5.6.7) as seconds since 1970; -1: it is none.  Not by curl_getdate(): a libcurl with
 * times of 32 bits (Debian 12 for armhf) has none after 2038. */
static int64_t seconds_of(const char *date)
{
	static const char *const forms[] = {
	    "%a, %d %b %Y %H:%M:%S GMT",
	    "%A, %d-%b-%y %H:%M:%S GMT",
	    "%a %b %d %H:%M:%S %Y",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(date, forms[i], &tm);

		if (end != NULL && *end == '\0')
			return timegm(&tm);
	}
	return -1;
}

/* A page made anew for everyone was last modified now, each time. */
static bool is_clear_of(const char *modified, const char *date)
{
	int64_t modified_s = seconds_of(modified);
	int64_t date_s = date != NULL ? seconds_of(date) : -1;

	return modified_s != -1 && date_s != -1 && date_s - modified_s >= CLEAR_S;
}

/* One tag, in quotes that are closed (RFC 9110, 8.8.3), or, as some servers have it, in none. */
static bool is_etag(const char *etag)
{
	const char *quote = strchr(etag, '"'), *end;

	if (quote == NULL)
		return true;
	end = strchr(quote + 1, '"');
	return (quote == etag || (quote == etag + 2 && strncmp(etag, "W/", 2) == 0)) &&
	       end != NULL && end[1] == '\0';
}

void update_seen_note(
    struct update_seen *seen, const char *etag, const char *modified, const char *date)
{
	(void)copy_plain(
	    seen->etag, sizeof(seen->etag), etag != NULL && is_etag(etag) ? etag : NULL);
	seen->modified[0] = '\0';
	if (modified != NULL && is_clear_of(modified, date))
		(void)copy_plain(seen->modified, sizeof(seen->modified), modified);
}

bool update_seen_has_validator(const struct update_seen *seen)
{
	return seen->etag[0] != '\0' || seen->modified[0] != '\0';
}

const char *update_seen_strong(const struct update_seen *seen)
{
	if (seen->etag[0] == '"')
		return seen->etag;
	/* A weak ETag says that the server knows of versions that are not the same bytes. */
	return seen->etag[0] == '\0' && seen->modified[0] != '\0' ? seen->modified : NULL;
}

void update_seen_bind(struct update_seen *seen, const char *text, size_t len)
{
	seen->bytes = len;
	seen->hash = hash_siphash13(&key, text, len);
}

bool update_seen_fits(const struct update_seen *seen, const char *text, size_t len)
{
	return seen->bytes == len && seen->hash == hash_siphash13(&key, text, len);
}

bool update_seen_is_from(const struct update_seen *seen, const char *url, bool is_redirect)
{
	size_t len = strcspn(url, "?");

	if (!is_redirect)
		return strcmp(seen->from, url) == 0;
	return strcspn(seen->from, "?") == len && memcmp(seen->from, url, len) == 0;
}
