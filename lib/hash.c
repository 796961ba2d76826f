/* hash.c - SipHash-c-d: c rounds for each word, d to finish. */
#include "lib/hash.h"

#include <endian.h>
#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word, unsigned rounds)
{
	s->v3 ^= word;
	for (unsigned i = 0; i < rounds; i++)
		sip_round(s);
	s->v0 ^= word;
}

/* The n < 8 bytes at p as a little-endian number. */
static inline uint64_t tail(const uint8_t *p, size_t n)
{
	uint32_t low = 0, high = 0;

	if (n >= 4) {
		memcpy(&low, p, 4);
		memcpy(&high, p + n - 4, 4);
		return le32toh(low) | (uint64_t)le32toh(high) << (8 * (n - 4));
	}
	if (n == 0)
		return 0;
	/* Of one to three bytes the first, the middle and the last are all there are. */
	return p[0] | (uint64_t)p[n / 2] << (8 * (n / 2)) | (uint64_t)p[n - 1] << (8 * (n - 1));
}

/* The rounds are constants where it is called, so that loops over them vanish. */
static inline __attribute__((always_inline)) uint64_t siphash(
    const struct hash_key *key, const void *data, size_t len, unsigned word_rounds, unsigned rounds)
{
	const uint8_t *p = data;
	size_t left = len;
	uint64_t last = (uint64_t)len << 56; /* the length modulo 256 is the last word's top byte */
	struct sip s = {
	    .v0 = key->k0 ^ 0x736f6d6570736575u, /* "somepseudorandomlygeneratedbytes" */
	    .v1 = key->k1 ^ 0x646f72616e646f6du,
	    .v2 = key->k0 ^ 0x6c7967656e657261u,
	    .v3 = key->k1 ^ 0x7465646279746573u,
	};

	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		sip_word(&s, le64toh(word), word_rounds);
	}
	sip_word(&s, last | tail(p, left), word_rounds);

	s.v2 ^= 0xff;
	for (unsigned i = 0; i < rounds; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_siphash13(const struct hash_key *key, const void *data, size_t len)
{
	return siphash(key, data, len, 1, 3);
}

uint64_t hash_siphash24(const struct hash_key *key, const void *data, size_t len)
{
	return siphash(key, data, len, 2, 4);
}

struct hash_key hash_key_of(const uint8_t bytes[16])
{
	uint64_t word[2];

	memcpy(word, bytes, sizeof(word));
	return (struct hash_key){le64toh(word[0]), le64toh(word[1])};
}
