/* name.c - see name.h. */
#include "lib/dns/name.h"

#include <string.h>

#define HEADER_SIZE 12	  /* of a message: no name stands in it */
#define POINTER	    0xc0u /* the two top bits of a length byte that starts a pointer */

/* Each byte of `v` that is an ASCII capital to lower case, eight at a time: adding to the low seven
 * bits carries into the top bit from 'A' on, and from behind 'Z' on; capitals are where one carried
 * and the other did not. */
static uint64_t lower8(uint64_t v)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t low = v & 0x7f * ones;
	uint64_t from_a = low + (0x80 - 'A') * ones;
	uint64_t behind_z = low + (0x7f - 'Z') * ones;
	uint64_t capital = (from_a ^ behind_z) & ~v & 0x80 * ones;

	return v | capital >> 2;
}

static uint64_t load8(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint8_t lower1(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Where the pointer at msg[pos] leads to; 0 when it is cut off or not to before `limit`. */
static size_t pointer_target(const uint8_t *msg, size_t len, size_t pos, size_t limit)
{
	size_t target;

	if (len - pos < 2)
		return 0;
	target = (size_t)(msg[pos] & ~POINTER) << 8 | msg[pos + 1];
	return target >= HEADER_SIZE && target < limit ? target : 0;
}

int name_read(const uint8_t *msg, size_t len, size_t *off, uint8_t out[NAME_SIZE], size_t *out_len)
{
	size_t pos = *off, run = *off; /* `run`: where the labels read now began */
	size_t behind = 0;	       /* the first pointer, once it was met */
	size_t n = 0;
	unsigned n_pointers = 0;
	size_t label;

	do {
		if (pos >= len)
			return ERR_FORMAT;
		label = msg[pos];
		if (label >= POINTER) {
			if (behind == 0)
				behind = pos + 2;
			pos = pointer_target(msg, len, pos, run);
			if (pos == 0 || ++n_pointers > NAME_LABELS_MAX)
				return ERR_FORMAT;
			len = run; /* what it leads to has to end there */
			run = pos;
			continue;
		}
		if (label > NAME_LABEL_MAX || label >= len - pos || label >= NAME_SIZE - n)
			return ERR_FORMAT;
		memcpy(out + n, msg + pos, label + 1);
		n += label + 1;
		pos += label + 1;
	} while (label != 0);

	*out_len = n;
	*off = behind != 0 ? behind : pos;
	return 0;
}

int name_skip(const uint8_t *msg, size_t len, size_t *off)
{
	size_t pos = *off;
	size_t label;

	do {
		if (pos >= len)
			return ERR_FORMAT;
		label = msg[pos];
		if (label >= POINTER) {
			if (pointer_target(msg, len, pos, *off) == 0)
				return ERR_FORMAT;
			*off = pos + 2;
			return 0;
		}
		if (label > NAME_LABEL_MAX || label >= len - pos || pos + label - *off >= NAME_SIZE)
			return ERR_FORMAT;
		pos += label + 1;
	} while (label != 0);

	*off = pos;
	return 0;
}

size_t name_len(const uint8_t *name)
{
	size_t n = 0;

	while (name[n] != 0)
		n += name[n] + 1u;
	return n + 1;
}

unsigned name_labels(const uint8_t *name)
{
	unsigned n = 0;

	for (; *name != 0; name += *name + 1)
		n++;
	return n;
}

const uint8_t *name_last_labels(const uint8_t *name, unsigned labels)
{
	for (unsigned n = name_labels(name); n > labels; n--)
		name += *name + 1;
	return name;
}

static bool equal8(const uint8_t *a, const uint8_t *b)
{
	uint64_t v = load8(a), w = load8(b);

	return v == w || lower8(v) == lower8(w);
}

bool name_equal_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		if (!equal8(a + i, b + i))
			return false;
	}
	/* The last eight once more are quicker than what is left one by one. */
	if (i < len && len >= 8)
		return equal8(a + len - 8, b + len - 8);
	for (; i < len; i++) {
		if (lower1(a[i]) != lower1(b[i]))
			return false;
	}
	return true;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = name_len(a);

	return len == name_len(b) && name_equal_bytes(a, b, len);
}

bool name_in_zone(const uint8_t *name, const uint8_t *zone)
{
	size_t len = name_len(name), zone_len = name_len(zone);

	/* Step over whole labels, so that "notexample" is not taken to be below "example". */
	while (len > zone_len) {
		len -= *name + 1u;
		name += *name + 1u;
	}
	return len == zone_len && name_equal_bytes(name, zone, len);
}

static void lower8_at(uint8_t *out, const uint8_t *name)
{
	uint64_t v = lower8(load8(name));

	memcpy(out, &v, sizeof(v));
}

void name_lower(uint8_t *out, const uint8_t *name, size_t len)
{
	size_t i = 0;

	for (; len - i >= 8; i += 8)
		lower8_at(out + i, name + i);
	if (i < len && len >= 8) {
		lower8_at(out + len - 8, name + len - 8);
		return;
	}
	for (; i < len; i++)
		out[i] = lower1(name[i]);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The byte that text[*pos..text_len) starts with, escaped or not, and *pos behind it; or -1. */
static int read_char(const char *text, size_t text_len, size_t *pos)
{
	const char *p = text + *pos;
	size_t left = text_len - *pos;
	int value;

	if (p[0] != '\\') {
		*pos += 1;
		return (uint8_t)p[0];
	}
	if (left < 2)
		return -1;
	if (!is_digit(p[1])) {
		*pos += 2;
		return (uint8_t)p[1];
	}
	if (left < 4 || !is_digit(p[2]) || !is_digit(p[3]))
		return -1;
	value = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
	*pos += 4;
	return value <= 255 ? value : -1;
}

int name_from_text(const char *text, size_t text_len, uint8_t out[NAME_SIZE], size_t *out_len)
{
	size_t label = 0; /* where the length of the label being read goes */
	size_t n = 1;
	size_t pos = 0;

	if (text_len == 0)
		return ERR_FORMAT;
	if (text_len == 1 && text[0] == '.')
		pos = 1; /* the one empty label that may be written */

	while (pos < text_len) {
		int c;

		if (text[pos] == '.') {
			if (n - label == 1)
				return ERR_FORMAT;
			out[label] = (uint8_t)(n - label - 1);
			label = n++;
			pos++;
			continue;
		}
		c = read_char(text, text_len, &pos);
		if (c < 0)
			return ERR_FORMAT;
		if (n - label > NAME_LABEL_MAX || n >= NAME_SIZE - 1)
			return ERR_RANGE;
		out[n++] = (uint8_t)c;
	}
	if (n - label > 1) {
		out[label] = (uint8_t)(n - label - 1);
		label = n;
	}
	out[label] = 0;
	*out_len = label + 1;
	return 0;
}

static char *write_char(char *p, uint8_t c)
{
	if (c > ' ' && c < 0x7f) {
		if (c == '.' || c == '\\')
			*p++ = '\\';
		*p++ = (char)c;
		return p;
	}
	*p++ = '\\';
	*p++ = (char)('0' + c / 100);
	*p++ = (char)('0' + c / 10 % 10);
	*p++ = (char)('0' + c % 10);
	return p;
}

const char *name_to_text(const uint8_t *name, char text[NAME_TEXT_SIZE])
{
	char *p = text;

	if (*name == 0)
		*p++ = '.';
	while (*name != 0) {
		const uint8_t *end = name + 1 + *name;

		if (p != text)
			*p++ = '.';
		for (name++; name < end; name++)
			p = write_char(p, *name);
	}
	*p = '\0';
	return text;
}
