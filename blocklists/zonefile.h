/* zonefile.h - a zone file (RFC 1035, 5) cut into its entries: records and directives, which go over
 * several lines within parentheses.  An entry that is wrong costs no other.
 *
 * Nothing that a text says makes this read another file.  Each byte is read twice at most.
 */
#ifndef QUELL_ZONEFILE_H
#define QUELL_ZONEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONEFILE_ENTRY_MAX 16384 /* bytes of an entry without its comments; longer ones are bad */

struct zonefile {
	const char *next, *end;
	uint64_t line; /* lines read so far */
	/* A parenthesis that was opened before is not closed up to here, so entries that begin
	 * before it end with their line. */
	const char *open_to;
};

struct zonefile_entry {
	uint64_t line;	 /* of its beginning, from 1 */
	const char *raw; /* its first line in the text, without blanks at both ends; never empty */
	size_t raw_len;
	bool bad;  /* no text: too long, not closed, or with a byte that cannot be */
	int depth; /* of parentheses, while it is read */
	size_t len;
	/* Terminated.  Comments, parentheses and blanks at the end are left out, other blanks are
	 * spaces, an escaped one is \032. */
	char text[ZONEFILE_ENTRY_MAX + 1];
};

/* text[0..len) must stay until the last entry was read. */
void zonefile_start(struct zonefile *z, const char *text, size_t len);

/* The next entry that has something in it; false at the end of the text. */
bool zonefile_next(struct zonefile *z, struct zonefile_entry *e);

#endif
