/* cachefile.c - heads, blocks and entries of a saved cache. */
#include "resolver/core/cachefile.h"

#include <string.h>

#include "lib/dns/msg.h"
#include "lib/hash.h"
#include "resolver/core/cache.h"

#define MAGIC	    "quell-k1" /* its digit is the version */
#define MAGIC_SIZE  (sizeof(MAGIC) - 1)
#define BOOT_LEN    (CLOCK_BOOT_SIZE - 1)
#define HEAD_HASHED (CACHEFILE_HEAD_SIZE - 8)

#define ENTRY_FIXED  19
#define FLAG_PRIVATE 1
#define FLAG_SOURCE  2 /* a source of 8 bytes stands before the key */

_Static_assert(MAGIC_SIZE + 3 * 8 + BOOT_LEN + 8 == CACHEFILE_HEAD_SIZE, "a head has no gaps");

static uint64_t checksum(const uint8_t *bytes, size_t len, uint64_t number)
{
	/* Against damage, not against forgery. */
	const struct hash_key key = {.k0 = number};

	return hash_siphash13(&key, bytes, len);
}

static void put_u64(uint8_t *out, uint64_t v)
{
	msg_set_u32(out, (uint32_t)(v >> 32));
	msg_set_u32(out + 4, (uint32_t)v);
}

static uint64_t get_u64(const uint8_t *bytes)
{
	return (uint64_t)msg_u32(bytes) << 32 | msg_u32(bytes + 4);
}

/* ---- the head ---- */

void cachefile_put_head(uint8_t out[CACHEFILE_HEAD_SIZE], const struct cachefile_head *head)
{
	memcpy(out, MAGIC, MAGIC_SIZE);
	put_u64(out + 8, head->wall_s);
	put_u64(out + 16, head->boot_ms);
	memcpy(out + 24, head->boot, BOOT_LEN);
	put_u64(out + 32, head->budget);
	put_u64(out + HEAD_HASHED, checksum(out, HEAD_HASHED, 0));
}

int cachefile_get_head(struct cachefile_head *head, const uint8_t bytes[CACHEFILE_HEAD_SIZE])
{
	if (memcmp(bytes, MAGIC, MAGIC_SIZE) != 0 ||
	    get_u64(bytes + HEAD_HASHED) != checksum(bytes, HEAD_HASHED, 0))
		return ERR_FORMAT;
	*head = (struct cachefile_head){
	    .wall_s = get_u64(bytes + 8),
	    .boot_ms = get_u64(bytes + 16),
	    .budget = get_u64(bytes + 32),
	};
	memcpy(head->boot, bytes + 24, BOOT_LEN);
	return 0;
}

bool cachefile_age(
    const struct cachefile_head *head, const struct cachefile_head *now, uint64_t *age_ms)
{
	/* Within one boot there is a clock that nobody sets. */
	if (head->boot[0] != '\0' && strcmp(head->boot, now->boot) == 0 &&
	    now->boot_ms >= head->boot_ms) {
		*age_ms = now->boot_ms - head->boot_ms;
		return true;
	}
	if (now->wall_s < head->wall_s || now->wall_s - head->wall_s > UINT32_MAX)
		return false;
	*age_ms = (now->wall_s - head->wall_s) * 1000;
	return true;
}

/* ---- blocks ---- */

void cachefile_seal(uint8_t *block, size_t len, uint32_t number)
{
	msg_set_u32(block, (uint32_t)len);
	put_u64(block + 4, checksum(block + CACHEFILE_BLOCK_HEAD_SIZE, len, number + UINT64_C(1)));
}

int cachefile_length(const uint8_t head[CACHEFILE_BLOCK_HEAD_SIZE], size_t *len)
{
	*len = msg_u32(head);
	return *len <= CACHEFILE_PAYLOAD_SIZE ? 0 : ERR_FORMAT;
}

bool cachefile_is_whole(const uint8_t *block, size_t len, uint32_t number)
{
	return get_u64(block + 4) ==
	       checksum(block + CACHEFILE_BLOCK_HEAD_SIZE, len, number + UINT64_C(1));
}

/* ---- entries ---- */

void cachefile_put(struct buf *out, const struct cachefile_entry *entry)
{
	uint8_t fixed[ENTRY_FIXED + 8];
	size_t fixed_len = ENTRY_FIXED;

	put_u64(fixed, entry->age_ms);
	msg_set_u32(fixed + 8, entry->ttl_s);
	msg_set_u16(fixed + 12, (uint16_t)entry->ede);
	fixed[14] = entry->is_private ? FLAG_PRIVATE : 0;
	msg_set_u16(fixed + 15, (unsigned)entry->key_len);
	msg_set_u16(fixed + 17, (unsigned)entry->msg_len);
	if (entry->source != 0) {
		fixed[14] |= FLAG_SOURCE;
		put_u64(fixed + ENTRY_FIXED, entry->source);
		fixed_len += 8;
	}
	if (!buf_need(out, fixed_len + entry->key_len + entry->msg_len))
		return;
	buf_put_bytes(out, fixed, fixed_len);
	buf_put_bytes(out, entry->key, entry->key_len);
	buf_put_bytes(out, entry->msg, entry->msg_len);
}

int cachefile_next(const uint8_t *bytes, size_t len, size_t *pos, struct cachefile_entry *entry)
{
	const uint8_t *fixed = bytes + *pos;
	size_t fixed_len = ENTRY_FIXED;

	if (*pos == len)
		return 0;
	if (len - *pos >= ENTRY_FIXED && (fixed[14] & FLAG_SOURCE) != 0)
		fixed_len += 8;
	if (len - *pos < fixed_len)
		return ERR_FORMAT;
	*entry = (struct cachefile_entry){
	    .age_ms = get_u64(fixed),
	    .ttl_s = msg_u32(fixed + 8),
	    .ede = (int16_t)msg_u16(fixed + 12),
	    .is_private = (fixed[14] & FLAG_PRIVATE) != 0,
	    .source = fixed_len > ENTRY_FIXED ? get_u64(fixed + ENTRY_FIXED) : 0,
	    .key = fixed + fixed_len,
	    .key_len = msg_u16(fixed + 15),
	    .msg_len = msg_u16(fixed + 17),
	};
	entry->msg = entry->key + entry->key_len;
	if (entry->key_len <= CACHE_KEY_NAME || entry->key_len > CACHE_KEY_SIZE ||
	    len - *pos - fixed_len < entry->key_len + entry->msg_len)
		return ERR_FORMAT;
	*pos += fixed_len + entry->key_len + entry->msg_len;
	return 1;
}
