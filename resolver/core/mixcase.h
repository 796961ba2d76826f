/* mixcase.h - the letter case of a question as a secret (draft-vixie-dnsext-dns0x20).
 *
 *   www.example.com  +  bits drawn at random  ->  wWw.EXamPle.cOm
 *
 * Servers copy the question into their replies as it stands, so whoever forges a reply has to guess
 * one bit for each letter besides port and ID.
 */
#ifndef QUELL_MIXCASE_H
#define QUELL_MIXCASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dns/name.h"
#include "lib/rng.h"

#define MIXCASE_SIZE ((NAME_SIZE + 7) / 8) /* bytes: a bit for each byte of a name */

/* Draw bits for a name of `len` bytes. */
void mixcase_draw(uint8_t bits[MIXCASE_SIZE], struct rng *rng, size_t len);

/* name[0..len), in lower case, to `out` with its letters in upper case where their bit is set.
 * Returns whether there are any. */
bool mixcase_write(uint8_t *out, const uint8_t *name, size_t len, const uint8_t bits[MIXCASE_SIZE]);

/* The bits of name[0..len), by which mixcase_write() makes it out of its lower case again.  Returns whether
 * any is set; those behind the name's last byte are not. */
bool mixcase_read(uint8_t bits[MIXCASE_SIZE], const uint8_t *name, size_t len);

#endif
