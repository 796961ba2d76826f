/* cookie.c - server cookies, made and checked. */
#include "resolver/core/cookie.h"

#include <assert.h>
#include <string.h>

#define VERSION	    1 /* RFC 9018, 4.1 */
#define VERSION_OFF MSG_COOKIE_CLIENT
#define TIME_OFF    (VERSION_OFF + 4)
#define HASH_OFF    (TIME_OFF + 4)
#define HASH_SIZE   8

/* The hash over cookie[0..HASH_OFF) and the client's address. */
static void make_hash(const uint8_t secret[COOKIE_SECRET_SIZE], const uint8_t *cookie,
    const union addr *from, uint8_t hash[HASH_SIZE])
{
	const struct hash_key key = hash_key_of(secret);
	uint8_t input[HASH_OFF + 16];
	size_t len = HASH_OFF + (addr_host_bytes(from, input + HASH_OFF) == AF_INET ? 4 : 16);
	uint64_t sum;

	memcpy(input, cookie, HASH_OFF);
	sum = hash_siphash24(&key, input, len);
	for (unsigned i = 0; i < HASH_SIZE; i++)
		hash[i] = (uint8_t)(sum >> (8 * i));
}

/* In a time that does not say where they differ. */
static bool same_hash(const uint8_t *a, const uint8_t *b)
{
	uint8_t differ = 0;

	for (unsigned i = 0; i < HASH_SIZE; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static bool is_made_with(
    const uint8_t secret[COOKIE_SECRET_SIZE], const uint8_t *cookie, const union addr *from)
{
	uint8_t hash[HASH_SIZE];

	make_hash(secret, cookie, from, hash);
	return same_hash(hash, cookie + HASH_OFF);
}

/* Was it made here, and not too long ago?  *fresh: there need not be another yet. */
static bool is_good(const struct cookie_secrets *secrets, const uint8_t *cookie, size_t len,
    const union addr *from, uint32_t now_s, bool *fresh)
{
	bool current;
	int32_t age_s;

	if (len != MSG_COOKIE_SIZE || cookie[VERSION_OFF] != VERSION)
		return false;
	/* By serial number arithmetic (RFC 1982), as RFC 9018, 4.3 has it. */
	age_s = (int32_t)(now_s - msg_u32(cookie + TIME_OFF));
	if (age_s > COOKIE_AGE_MAX || age_s < -COOKIE_FUTURE_MAX)
		return false;
	current = is_made_with(secrets->current, cookie, from);
	*fresh = current && age_s <= COOKIE_AGE_FRESH;
	return current || (secrets->rolled && is_made_with(secrets->previous, cookie, from));
}

static void make(const struct cookie_secrets *secrets, const uint8_t *client,
    const union addr *from, uint32_t now_s, uint8_t cookie[MSG_COOKIE_SIZE])
{
	memcpy(cookie, client, MSG_COOKIE_CLIENT);
	memset(cookie + VERSION_OFF, 0, TIME_OFF - VERSION_OFF);
	cookie[VERSION_OFF] = VERSION;
	msg_set_u32(cookie + TIME_OFF, now_s);
	make_hash(secrets->current, cookie, from, cookie + HASH_OFF);
}

enum cookie_state cookie_check(const struct cookie_secrets *secrets, const uint8_t *cookie,
    size_t len, const union addr *from, uint64_t now_ms, uint8_t answer[MSG_COOKIE_SIZE])
{
	const uint32_t now_s = (uint32_t)(secrets->wall_s + (int64_t)(now_ms / 1000));
	bool fresh = false;
	bool good = is_good(secrets, cookie, len, from, now_s, &fresh);

	assert(secrets->known);
	if (fresh)
		memcpy(answer, cookie, MSG_COOKIE_SIZE);
	else
		make(secrets, cookie, from, now_s, answer);
	if (len == MSG_COOKIE_CLIENT)
		return COOKIE_ALONE;
	return good ? COOKIE_GOOD : COOKIE_BAD;
}
