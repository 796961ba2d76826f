/* cached.c - entries, one behind the other. */
#include "resolver/core/cached.h"

#include <string.h>

#include "lib/buf.h"

void cached_put(struct cached *c, struct cached_entry *entry, const char *verdict,
    const uint8_t *msg, size_t len)
{
	struct buf to = buf_over(c->entries, sizeof(c->entries));
	size_t verdict_len = strnlen(verdict, CACHED_VERDICT_SIZE - 1);

	to.pos = c->len;
	if (!entry->answer)
		len = 0;
	entry->cut = len > UINT16_MAX || len + verdict_len + sizeof(*entry) > to.size - to.pos;
	if (entry->cut)
		len = 0;
	entry->verdict_len = (uint16_t)verdict_len;
	entry->msg_len = (uint16_t)len;
	if (!buf_need(&to, sizeof(*entry) + verdict_len + len)) {
		c->n_left_out++;
		return;
	}
	buf_put_bytes(&to, entry, sizeof(*entry));
	buf_put_bytes(&to, verdict, verdict_len);
	buf_put_bytes(&to, msg, len);
	c->len = (uint32_t)to.pos;
}

bool cached_next(const struct cached *c, size_t *pos, struct cached_entry *entry,
    const char **verdict, const uint8_t **msg)
{
	size_t len = c->len < sizeof(c->entries) ? c->len : sizeof(c->entries), left;

	if (*pos >= len || len - *pos < sizeof(*entry))
		return false;
	left = len - *pos - sizeof(*entry);
	memcpy(entry, c->entries + *pos, sizeof(*entry));
	if (left < (size_t)entry->verdict_len + entry->msg_len)
		return false;
	*verdict = (const char *)c->entries + *pos + sizeof(*entry);
	*msg = (const uint8_t *)*verdict + entry->verdict_len;
	*pos += sizeof(*entry) + entry->verdict_len + entry->msg_len;
	return true;
}
