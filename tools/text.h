/* text.h - how the tools write what comes from elsewhere, sizes and times.
 *
 * A line of a list or an error of a server is shown to a terminal and to programs: whatever is not
 * printable ASCII is written as \xNN, so that no publisher can steer the one or break the other.
 */
#ifndef QUELL_TEXT_H
#define QUELL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_BYTES_SIZE 16 /* "1023.9 MB" and the terminator */

/* Bytes raw[0..len), escaped, into out[0..size), terminated; what does not fit is left away and
 * `...` stands in its place.  `size` is 8 at least.  Returns out. */
const char *text_escape(char *out, size_t size, const char *raw, size_t len);

/* "512 B", "12.3 MB".  Returns out. */
const char *text_bytes(char out[TEXT_BYTES_SIZE], uint64_t bytes);

#define TEXT_DURATION_SIZE 32 /* two numbers of 64 bits with units would fit */

/* "45 s", "12 min", "3 h 20 min", "4 d 6 h".  Returns out. */
const char *text_seconds(char out[TEXT_DURATION_SIZE], uint64_t s);

/* "12 us", "3.4 ms", "1.2 s"; of what was measured in whole milliseconds 0 is "<1 ms".  Returns
 * out. */
const char *text_micros(char out[TEXT_DURATION_SIZE], uint64_t us);

/* Write `text` to `to` as a JSON string with its quotes (RFC 8259, 7).  Bytes outside of
 * printable ASCII are written as their \xNN, so that the string is valid whatever they are. */
void text_json(FILE *to, const char *text);

#endif
