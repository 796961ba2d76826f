/* zonefile.c - entries, put together line by line. */
#include "blocklists/zonefile.h"

#include <string.h>

static void put(struct zonefile_entry *e, char c)
{
	if (e->len == ZONEFILE_ENTRY_MAX || c == '\0')
		e->bad = true;
	else
		e->text[e->len++] = c;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* An escape that begins at text[0]; returns its length.  A blank becomes its number, so that it
 * parts no words. */
static size_t put_escape(struct zonefile_entry *e, const char *text, size_t len)
{
	if (len == 1) {
		e->bad = true;
		return 1;
	}
	put(e, '\\');
	if (text[1] == ' ') {
		put(e, '0');
		put(e, '3');
		put(e, '2');
	} else {
		put(e, text[1]);
	}
	return 2;
}

/* Bytes from text[0] on that mean nothing but themselves. */
static size_t plain_length(const char *text, size_t len)
{
	static const bool is_special[256] = {['\0'] = true,
	    ['\t'] = true,
	    ['\r'] = true,
	    ['"'] = true,
	    ['('] = true,
	    [')'] = true,
	    [';'] = true,
	    ['\\'] = true};
	size_t n = 0;

	while (n < len && !is_special[(unsigned char)text[n]])
		n++;
	return n;
}

static void put_line(struct zonefile_entry *e, const char *text, size_t len)
{
	bool quoted = false;

	for (size_t i = 0; i < len && !e->bad; i++) {
		size_t room = ZONEFILE_ENTRY_MAX - e->len;
		size_t n = plain_length(text + i, len - i < room ? len - i : room);
		char c;

		memcpy(e->text + e->len, text + i, n);
		e->len += n;
		i += n;
		if (i == len)
			break;
		c = text[i];
		if (c == '\\') {
			i += put_escape(e, text + i, len - i) - 1;
		} else if (c == '"') {
			quoted = !quoted;
			put(e, c);
		} else if (quoted) {
			put(e, c);
		} else if (c == ';') {
			break;
		} else if (c == '(' || c == ')') {
			e->depth += c == '(' ? 1 : -1;
			put(e, ' ');
		} else {
			put(e, is_blank(c) ? ' ' : c);
		}
		e->bad = e->bad || e->depth < 0;
	}
	e->bad = e->bad || quoted;
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct zonefile *z, const char **text, size_t *len)
{
	const char *lf;

	if (z->next == z->end)
		return false;
	lf = memchr(z->next, '\n', (size_t)(z->end - z->next));
	*text = z->next;
	*len = (size_t)((lf != NULL ? lf : z->end) - z->next);
	z->next = lf != NULL ? lf + 1 : z->end;
	z->line++;
	if (*len != 0 && (*text)[*len - 1] == '\r')
		--*len;
	return true;
}

/* The lines behind the first of an entry, while a parenthesis is open.  Where none closes it, the
 * first line alone is bad. */
static void join_lines(struct zonefile *z, struct zonefile_entry *e)
{
	const struct zonefile behind_first = *z;
	const char *text;
	size_t len;

	while (e->depth > 0 && !e->bad && next_line(z, &text, &len)) {
		put(e, ' ');
		put_line(e, text, len);
	}
	if (e->depth <= 0 && !e->bad)
		return;
	e->bad = true;
	if (z->next > z->open_to)
		z->open_to = z->next;
	z->next = behind_first.next;
	z->line = behind_first.line;
}

void zonefile_start(struct zonefile *z, const char *text, size_t len)
{
	*z = (struct zonefile){.next = text, .end = text + len, .open_to = text};
	if (len >= 3 && memcmp(text, "\357\273\277", 3) == 0)
		z->next += 3;
}

bool zonefile_next(struct zonefile *z, struct zonefile_entry *e)
{
	const char *text;
	size_t len;

	do {
		bool alone = z->next < z->open_to;

		if (!next_line(z, &text, &len))
			return false;
		e->line = z->line;
		e->bad = false;
		e->depth = 0;
		e->len = 0;
		put_line(e, text, len);
		if (e->depth > 0 && !alone)
			join_lines(z, e);
		e->bad = e->bad || e->depth > 0;
		while (e->len != 0 && e->text[e->len - 1] == ' ')
			e->len--;
	} while (e->len == 0 && !e->bad);
	e->text[e->len] = '\0';
	while (len != 0 && is_blank(text[len - 1]))
		len--;
	for (; len != 0 && is_blank(*text); len--)
		text++;
	e->raw = text;
	e->raw_len = len;
	return true;
}
