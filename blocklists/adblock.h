/* adblock.h - what the files of the Adblock syntax share.
 *
 *   feed_adblock.c         lines, patterns            @@||example.com^$important,dnsrewrite=192.0.2.1
 *   adblock_modifiers.c    what stands behind `$`                      |--------- --------------------
 *   adblock_rewrite.c      the value of $dnsrewrite                                           ---------
 */
#ifndef QUELL_ADBLOCK_H
#define QUELL_ADBLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/effect.h"
#include "blocklists/feed.h"

/* What the modifiers of a rule make of it. */
struct adblock_modifiers {
	struct effect effect; /* finished */
	bool badfilter;	      /* the rule takes its equals away */
	bool rewrite;	      /* it is about an answer to the name asked for */
	bool limited;	      /* it counts for certain types, clients or names alone */
};

/* Read text[0..len), what stands behind the `$` (`len` 0: nothing does), of a rule that begins with
 * `@@` (`allow`) or does not; `rewrites` as in struct feed_sink.  False: the rule is to be skipped,
 * for *reason. */
bool adblock_read_modifiers(struct adblock_modifiers *m, const char *text, size_t len, bool allow,
    bool rewrites, enum feed_skip *reason);

/* Does text[0..len) begin like modifiers, known to this syntax or to browsers? */
bool adblock_is_modifiers(const char *text, size_t len);

/* Bytes up to the next `separator` that no backslash stands before, or up to the end. */
size_t adblock_item(const char *text, size_t len, char separator);

/* Copy text[0..len) without the backslashes before `, | ' "` to `out`, `size` bytes, terminated.
 * Returns the length; more than fits or a NUL byte: 0. */
size_t adblock_unescape(const char *text, size_t len, char *out, size_t size);

/* The number of a type of records by its name, in any letter case; 0: there is none. */
uint16_t adblock_type(const char *text, size_t len);

#define ADBLOCK_RDATA_MAX 1024

struct adblock_rewrite {
	uint8_t rcode;
	uint16_t type; /* 0: no record */
	size_t rdata_len;
	uint8_t rdata[ADBLOCK_RDATA_MAX];
};

/* The value text[0..len) of $dnsrewrite, short (`192.0.2.1`, `example.net`, `REFUSED`) or as
 * `RCODE;TYPE;VALUE`.  False: see *reason. */
bool adblock_read_rewrite(
    struct adblock_rewrite *rewrite, const char *text, size_t len, enum feed_skip *reason);

/* Does it only keep the name from being reached: an RCODE, no records, or an address of nowhere? */
bool adblock_rewrite_blocks(const struct adblock_rewrite *rewrite);

#endif
