/* text.c - escapes, sizes and times. */
#include "tools/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define DOTS_LEN 3

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f;
}

static size_t escaped_len(unsigned char c)
{
	return is_plain(c) ? 1 : 4;
}

const char *text_escape(char *out, size_t size, const char *raw, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)raw;
	size_t pos = 0, need = 0, room = size - 1;

	for (size_t i = 0; i < len; i++)
		need += escaped_len(bytes[i]);
	if (need > room)
		room -= DOTS_LEN;
	for (size_t i = 0; i < len && pos + escaped_len(bytes[i]) <= room; i++) {
		if (is_plain(bytes[i]))
			out[pos] = raw[i];
		else
			(void)snprintf(out + pos, size - pos, "\\x%02x", bytes[i]);
		pos += escaped_len(bytes[i]);
	}
	if (room < size - 1) {
		memcpy(out + pos, "...", DOTS_LEN);
		pos += DOTS_LEN;
	}
	out[pos] = '\0';
	return out;
}

const char *text_bytes(char out[TEXT_BYTES_SIZE], uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double n = (double)bytes;
	unsigned unit = 0;

	if (bytes < 1000) {
		snprintf(out, TEXT_BYTES_SIZE, "%u B", (unsigned)bytes);
		return out;
	}
	n /= 1000;
	while (n >= 999.95 && unit < 3) {
		n /= 1000;
		unit++;
	}
	snprintf(out, TEXT_BYTES_SIZE, "%.1f %s", n < 9999 ? n : 9999, units[unit]);
	return out;
}

const char *text_seconds(char out[TEXT_DURATION_SIZE], uint64_t s)
{
	uint64_t min = s / 60, h = min / 60, d = h / 24;

	if (d != 0)
		(void)snprintf(out, TEXT_DURATION_SIZE, "%" PRIu64 " d %" PRIu64 " h", d, h % 24);
	else if (h != 0)
		(void)snprintf(
		    out, TEXT_DURATION_SIZE, "%" PRIu64 " h %" PRIu64 " min", h, min % 60);
	else if (min != 0)
		(void)snprintf(out, TEXT_DURATION_SIZE, "%" PRIu64 " min", min);
	else
		(void)snprintf(out, TEXT_DURATION_SIZE, "%" PRIu64 " s", s);
	return out;
}

const char *text_micros(char out[TEXT_DURATION_SIZE], uint64_t us)
{
	if (us == 0)
		(void)snprintf(out, TEXT_DURATION_SIZE, "<1 ms");
	else if (us < 1000)
		(void)snprintf(out, TEXT_DURATION_SIZE, "%" PRIu64 " us", us);
	else if (us < 999950)
		(void)snprintf(out, TEXT_DURATION_SIZE, "%.1f ms", (double)us / 1e3);
	else
		(void)snprintf(out, TEXT_DURATION_SIZE, "%.1f s", (double)us / 1e6);
	return out;
}

void text_json(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (is_plain(c))
			fputc(c, to);
		else
			fprintf(to, "\\\\x%02x", c);
	}
	fputc('"', to);
}
