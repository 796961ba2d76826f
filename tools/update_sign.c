/* update_sign.c - digests and signatures, by OpenSSL's libcrypto. */
#include "tools/update_sign.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ID_LEN	    8
#define KEY_LEN	    32
#define SIG_LEN	    64
#define SHA256_LEN  32
#define HASH_LEN    64
#define COMMENT_MAX 4096

/* `Ed` or `ED`, the key's number, then the key or the signature. */
struct public_key {
	char algorithm[2];
	uint8_t id[ID_LEN], bytes[KEY_LEN];
};

struct signature {
	char algorithm[2];
	uint8_t id[ID_LEN], bytes[SIG_LEN];
};

_Static_assert(sizeof(struct public_key) == 42 && sizeof(struct signature) == 74, "as in base64");

struct line {
	const char *text;
	size_t len;
};

/* Base64 (RFC 4648, 4) of exactly `size` bytes. */
static bool decode(uint8_t *out, size_t size, const char *text, size_t len)
{
	uint8_t bytes[3 * 64];
	size_t padding = 0;

	if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof(bytes))
		return false;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) != (int)(len / 4 * 3) ||
	    len / 4 * 3 - padding != size)
		return false;
	memcpy(out, bytes, size);
	return true;
}

int update_sign_sha256(const char *hex, const char *text, size_t len, struct why *why)
{
	uint8_t hash[SHA256_LEN];
	char found[2 * SHA256_LEN + 1];

	if (EVP_Digest(text, len, hash, NULL, EVP_sha256(), NULL) != 1)
		return why_set(why, ERR_NOMEM, "libcrypto makes no SHA-256");
	for (size_t i = 0; i < SHA256_LEN; i++)
		(void)snprintf(found + 2 * i, 3, "%02x", hash[i]);
	if (strcasecmp(found, hex) == 0)
		return 0;
	return why_set(why, ERR_DENIED, "its SHA-256 is %s, and not the pinned %s", found, hex);
}

/* Ed25519 (RFC 8032). */
static bool verify(
    const uint8_t key[KEY_LEN], const uint8_t signature[SIG_LEN], const uint8_t *bytes, size_t len)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, KEY_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = pkey != NULL && ctx != NULL &&
		    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		    EVP_DigestVerify(ctx, signature, SIG_LEN, bytes, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

/* The next line, without its end; false: there is none. */
static bool next_line(const char **at, const char *end, struct line *line)
{
	const char *lf;

	if (*at == end)
		return false;
	lf = memchr(*at, '\n', (size_t)(end - *at));
	line->text = *at;
	line->len = (size_t)((lf != NULL ? lf : end) - *at);
	*at = lf != NULL ? lf + 1 : end;
	if (line->len != 0 && line->text[line->len - 1] == '\r')
		line->len--;
	return true;
}

static bool begins(const struct line *line, const char *text)
{
	return line->len >= strlen(text) && memcmp(line->text, text, strlen(text)) == 0;
}

/* untrusted comment: ... / signature / trusted comment: ... / signature of both */
static int parse(const char *text, size_t len, struct signature *signature, struct line *comment,
    uint8_t global[SIG_LEN], struct why *why)
{
	static const char trusted[] = "trusted comment: ";
	const char *end = text + len;
	struct line line[4];

	for (unsigned i = 0; i < 4; i++) {
		if (!next_line(&text, end, &line[i]) || line[i].len > COMMENT_MAX)
			return why_set(why, ERR_FORMAT, "its signature has not got four lines");
	}
	if (!begins(&line[0], "untrusted comment:") || !begins(&line[2], trusted) ||
	    !decode((uint8_t *)signature, sizeof(*signature), line[1].text, line[1].len) ||
	    !decode(global, SIG_LEN, line[3].text, line[3].len))
		return why_set(why, ERR_FORMAT, "its signature is not one of minisign");
	comment->text = line[2].text + strlen(trusted);
	comment->len = line[2].len - strlen(trusted);
	return 0;
}

/* The text, hashed or not. */
static bool verify_text(
    const struct public_key *key, const struct signature *signature, const char *text, size_t len)
{
	uint8_t hash[HASH_LEN];

	if (signature->algorithm[1] == 'd')
		return verify(key->bytes, signature->bytes, (const uint8_t *)text, len);
	return EVP_Digest(text, len, hash, NULL, EVP_blake2b512(), NULL) == 1 &&
	       verify(key->bytes, signature->bytes, hash, sizeof(hash));
}

/* The signature and the trusted comment behind it. */
static bool verify_comment(const struct public_key *key, const struct signature *signature,
    const struct line *comment, const uint8_t global[SIG_LEN])
{
	uint8_t bytes[SIG_LEN + COMMENT_MAX];

	memcpy(bytes, signature->bytes, SIG_LEN);
	memcpy(bytes + SIG_LEN, comment->text, comment->len);
	return verify(key->bytes, global, bytes, SIG_LEN + comment->len);
}

int update_sign_minisign(const char *key_text, const char *signature_text, size_t signature_len,
    const char *text, size_t len, struct why *why)
{
	struct signature signature;
	struct public_key key;
	struct line comment;
	uint8_t global[SIG_LEN];
	int err;

	if (!decode((uint8_t *)&key, sizeof(key), key_text, strlen(key_text)) ||
	    memcmp(key.algorithm, "Ed", 2) != 0)
		return why_set(why, ERR_FORMAT, "%s is no public key of minisign", key_text);
	err = parse(signature_text, signature_len, &signature, &comment, global, why);
	if (err != 0)
		return err;
	if (signature.algorithm[0] != 'E' ||
	    (signature.algorithm[1] != 'd' && signature.algorithm[1] != 'D'))
		return why_set(why, ERR_FORMAT, "its signature is of an unknown kind");
	if (memcmp(signature.id, key.id, ID_LEN) != 0)
		return why_set(why, ERR_DENIED, "its signature is by another key");
	if (!verify_text(&key, &signature, text, len))
		return why_set(why, ERR_DENIED, "its signature does not belong to this text");
	if (!verify_comment(&key, &signature, &comment, global))
		return why_set(why, ERR_DENIED, "the comment of its signature was changed");
	return 0;
}
