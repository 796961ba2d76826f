/* buf.h - a cursor over bytes with a sticky error.
 *
 *   bytes  [ read or written | left ]
 *          0                pos    size
 *
 * A read or write that does not fit sets `failed`, moves nothing, and every later call does
 * nothing (reads give 0); so a parser reads a whole record and looks once.  Integers are big
 * endian (the network's order).  A buf owns nothing.
 */
#ifndef QUELL_BUF_H
#define QUELL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t *bytes;
	size_t pos;
	size_t size;
	bool failed;
};

static inline struct buf buf_over(void *bytes, size_t size)
{
	return (struct buf){.bytes = bytes, .size = size};
}

static inline size_t buf_left(const struct buf *b)
{
	return b->size - b->pos;
}

static inline bool buf_need(struct buf *b, size_t n)
{
	if (b->failed || n > b->size - b->pos)
		b->failed = true;
	return !b->failed;
}

static inline uint8_t buf_get_u8(struct buf *b)
{
	return buf_need(b, 1) ? b->bytes[b->pos++] : 0;
}

static inline uint16_t buf_get_u16(struct buf *b)
{
	if (!buf_need(b, 2))
		return 0;
	b->pos += 2;
	return (uint16_t)(b->bytes[b->pos - 2] << 8 | b->bytes[b->pos - 1]);
}

static inline uint32_t buf_get_u32(struct buf *b)
{
	uint32_t hi = buf_get_u16(b);

	return hi << 16 | buf_get_u16(b);
}

/* A borrowed pointer to the next `n` bytes, or NULL. */
static inline const uint8_t *buf_get_bytes(struct buf *b, size_t n)
{
	if (!buf_need(b, n))
		return NULL;
	b->pos += n;
	return b->bytes + b->pos - n;
}

static inline void buf_put_bytes(struct buf *b, const void *from, size_t n)
{
	if (!buf_need(b, n))
		return;
	if (n != 0)
		memcpy(b->bytes + b->pos, from, n);
	b->pos += n;
}

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put_bytes(b, &v, 1);
}

static inline void buf_put_u16(struct buf *b, uint16_t v)
{
	const uint8_t be[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	buf_put_bytes(b, be, sizeof(be));
}

static inline void buf_put_u32(struct buf *b, uint32_t v)
{
	buf_put_u16(b, (uint16_t)(v >> 16));
	buf_put_u16(b, (uint16_t)v);
}

#endif
