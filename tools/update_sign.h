/* update_sign.h - is a text the one that was pinned, or signed by its publisher?
 *
 * A signature is a file of minisign (four lines), with Ed25519 over the text ("Ed", the legacy form)
 * or over its BLAKE2b-512 ("ED"); its trusted comment is signed too, together with the signature.
 */
#ifndef QUELL_UPDATE_SIGN_H
#define QUELL_UPDATE_SIGN_H

#include <stddef.h>

#include "lib/err.h"

#define UPDATE_SIGN_MAX 8192 /* bytes of a signature's file */

/* Is `hex` the SHA-256 (64 hex digits) of text[0..len)?  Returns 0, ERR_DENIED with both in `why`,
 * ERR_NOMEM. */
int update_sign_sha256(const char *hex, const char *text, size_t len, struct why *why) QUELL_CHECK;

/* Does the file of a signature, signature[0..signature_len), sign text[0..len) by `key` (a public key
 * as minisign prints it)?  Returns 0; ERR_DENIED where it does not, ERR_FORMAT where one of both is
 * malformed, with the reason; ERR_NOMEM. */
int update_sign_minisign(const char *key, const char *signature, size_t signature_len,
    const char *text, size_t len, struct why *why) QUELL_CHECK;

#endif
