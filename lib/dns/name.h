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

/* Compression pointers (RFC 1035, 4.1.4: to "a prior occurrence"): each has to point behind the
 * header, and to labels that end, with their root or own pointer, before the first byte of the run
 * of labels that it stands in.  So reading always ends.  No more than NAME_LABELS_MAX are followed
 * for one name, so that long chains of them cost nothing. */

/* Read the name at msg[*off], following pointers.  Writes it in its own letter case to `out`, its
 * length to *out_len, and moves *off behind the name as it stands in the message.  Bytes without
 * pointers need not be a message.
 * Returns 0; ERR_FORMAT for a bad label, a bad pointer, a name longer than NAME_SIZE or one that
 * msg[0..len) ends in (then *off is as it was, out and *out_len are undefined). */
int name_read(const uint8_t *msg, size_t len, size_t *off, uint8_t out[NAME_SIZE],
    size_t *out_len) QUELL_CHECK;

/* Move *off behind the name at msg[*off] without following a pointer: what stands here is checked
 * as by name_read(), what a pointer leads to is not.  Returns 0 or ERR_FORMAT (then *off is as it
 * was). */
int name_skip(const uint8_t *msg, size_t len, size_t *off) QUELL_CHECK;

/* Length in bytes, with the root label, of a well-formed name. */
size_t name_len(const uint8_t *name);

/* Labels without the root: 0 for ".". */
unsigned name_labels(const uint8_t *name);

/* Where the rightmost `labels` labels of `name` begin; it has at least so many. */
const uint8_t *name_last_labels(const uint8_t *name, unsigned labels);

/* a[0..len) and b[0..len) are equal but for the case of ASCII letters (RFC 4343).  Length bytes are
 * not letters, so this serves for labels, parts of names and whole names alike. */
bool name_equal_bytes(const uint8_t *a, const uint8_t *b, size_t len);

/* Well-formed names, equal but for the case of ASCII letters. */
bool name_equal(const uint8_t *a, const uint8_t *b);

/* `name` is `zone` or below it (RFC 9499: subdomain), letter case aside. */
bool name_in_zone(const uint8_t *name, const uint8_t *zone);

/* name[0..len) to `out` with ASCII letters in lower case; `out` is `name` itself or does not
 * overlap it. */
void name_lower(uint8_t *out, const uint8_t *name, size_t len);

/* Text (RFC 1035, 5.1: dots, \DDD and \X) to wire; a dot at the end is optional; letter case is
 * kept, and every byte that is no dot or backslash stands for itself.  Returns 0; ERR_FORMAT for an
 * empty label, a bad escape or an empty text; ERR_RANGE where a label or the name is too long (the
 * first fault from the left counts; out and *out_len are then undefined). */
int name_from_text(
    const char *text, size_t text_len, uint8_t out[NAME_SIZE], size_t *out_len) QUELL_CHECK;

/* Wire to text with a dot only for the root itself ("www.example.com", "."); what is not printable
 * ASCII (the space is not), and the dot and backslash inside a label, are escaped.
 * name_from_text() reads it back to the same bytes.  Returns `text`. */
const char *name_to_text(const uint8_t *name, char text[NAME_TEXT_SIZE]);

#endif
