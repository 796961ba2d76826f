/* name.h - domain names in wire form (RFC 1035, 3.1).
 *
 *   3 w w w 7 e x a m p l e 3 c o m 0        17 bytes, 3 labels
 *
 * A `name` here is always uncompressed, complete with its root label, at most NAME_SIZE bytes.
 * Nothing here allocates or reads outside the bytes it is given.
 */
#ifndef QUELL_NAME_H
#define QUELL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define NAME_SIZE	255  /* RFC 1035, 2.3.4 */
#define NAME_LABEL_MAX	63   /* RFC 1035, 2.3.4 */
#define NAME_LABELS_MAX 127  /* one byte of text and one of length each, and the root */
#define NAME_TEXT_SIZE	1024 /* every byte as \DDD, dots, terminator */

/* Read the name at msg[*off], following compression pointers (RFC 1035, 4.1.4), which may only
 * point to before where they stand.  Writes it in its own letter case to `out`, its length to
 * *out_len, and moves *off behind the name as it stands in the message.
 * Returns 0 or ERR_FORMAT (then *off and out are undefined). */
int name_read(const uint8_t *msg, size_t len, size_t *off, uint8_t out[NAME_SIZE],
    size_t *out_len) QUELL_CHECK;

/* Move *off behind the name at msg[*off] without following pointers; label lengths, and that a
 * pointer points to before where it stands, are checked.  Returns 0 or ERR_FORMAT. */
int name_skip(const uint8_t *msg, size_t len, size_t *off) QUELL_CHECK;

/* Length in bytes, with the root label, of a well-formed name. */
size_t name_len(const uint8_t *name);

/* Labels without the root: 0 for ".". */
unsigned name_labels(const uint8_t *name);

/* Equal but for the case of ASCII letters (RFC 4343). */
bool name_equal(const uint8_t *a, const uint8_t *b);

/* `name` is `zone` or below it (RFC 9499: subdomain), letter case aside. */
bool name_in_zone(const uint8_t *name, const uint8_t *zone);

/* ASCII letters of name[0..len) to lower case, in place or into `out` (may be `name`). */
void name_lower(uint8_t *out, const uint8_t *name, size_t len);

/* Text (RFC 1035, 5.1: dots, \DDD and \X) to wire; a dot at the end is optional; letter case is
 * kept.  Returns 0; ERR_FORMAT for an empty label, a bad escape or an empty text; ERR_RANGE where
 * a label or the name is too long. */
int name_from_text(
    const char *text, size_t text_len, uint8_t out[NAME_SIZE], size_t *out_len) QUELL_CHECK;

/* Wire to text with a dot only for the root itself ("www.example.com", "."); what is not printable
 * ASCII, and the dot and backslash inside a label, are escaped.  Returns `text`. */
const char *name_to_text(const uint8_t *name, char text[NAME_TEXT_SIZE]);

#endif
