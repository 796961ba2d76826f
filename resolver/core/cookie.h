/* cookie.h - DNS cookies, the server's side (RFC 7873, RFC 9018): a client that sends back the server
 * cookie that it was given gets mail at its address, so its address is not forged.
 *
 *   client cookie 8 | version 1, reserved 3, time 4, hash 8      the COOKIE option
 *                   \------------ server cookie ---------/
 *   hash = SipHash-2-4(secret; client cookie, version, reserved, time, the client's IP address)
 *
 * Nothing is kept of a client: the secret and the clock are all it takes.  A cookie is never required;
 * one that is not good counts as none, and the answer brings a good one.
 */
#ifndef QUELL_COOKIE_H
#define QUELL_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/dns/msg.h"
#include "lib/hash.h"

#define COOKIE_SECRET_SIZE 16 /* RFC 9018, 4.4 */

/* RFC 9018, 4.3, s */
#define COOKIE_AGE_MAX	  3600 /* an older one is not good */
#define COOKIE_FUTURE_MAX 300  /* nor is one from later than this */
#define COOKIE_AGE_FRESH  1800 /* an older one is good, and the answer brings a new one */

struct cookie_secrets {
	bool known;  /* false: there are no cookies */
	bool rolled; /* there is a previous one */
	uint8_t current[COOKIE_SECRET_SIZE];
	/* Cookies made with it are good until they are too old. */
	uint8_t previous[COOKIE_SECRET_SIZE];
	int64_t wall_s; /* what the wall clock said when now_ms was 0, s since 1970 */
};

enum cookie_state {
	COOKIE_NONE,  /* no COOKIE option, or none that counts */
	COOKIE_ALONE, /* a client cookie without a server cookie */
	COOKIE_BAD,   /* the server cookie is none of ours, or too old */
	COOKIE_GOOD,
};

/* Look at a COOKIE option of a valid length (RFC 7873, 4: 8, or 16 to 40) from the client at `from`, and
 * write the one to answer with.  secrets->known must be true.  now_ms is the time that the core gets.
 * Cost: one hash, or two or three; no allocation. */
enum cookie_state cookie_check(const struct cookie_secrets *secrets, const uint8_t *cookie,
    size_t len, const union addr *from, uint64_t now_ms, uint8_t answer[MSG_COOKIE_SIZE]);

#endif
