/* buf.h - a cursor over bytes to be written, with a sticky error.
 *
 *   bytes  [ written | left ]
 *          0        pos    size
 *
 * A write that does not fit sets `failed`, moves nothing, and every later one does nothing; so a
 * whole record is written and looked at once.  Integers are big endian (the network's order).  A
 * buf owns nothing.
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

/* Is there room for `n` more bytes?  If not, `b` has failed. */
static inline bool buf_need(struct buf *b, size_t n)
{
	if (b->failed || n > b->size - b->pos)
		b->failed = true;
	return !b->failed;
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
