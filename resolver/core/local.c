/* local.c - finding names of the house. */
#include "resolver/core/local.h"

#include <string.h>

#include "lib/dns/msg.h"

/* ---- Bytes ---- */

static uint32_t slot(const struct local *l, uint32_t i)
{
	uint32_t offset;

	memcpy(
	    &offset, l->bytes + sizeof(struct local_header) + i * sizeof(offset), sizeof(offset));
	return offset;
}

static uint32_t first_slot(const struct local *l, const uint8_t *name, size_t len)
{
	return (uint32_t)hash_siphash13(&l->head.key, name, len) & (l->head.n_slots - 1);
}

/* The end of the record at `at`; 0: it does not fit. */
static size_t record_end(const struct local *l, size_t at)
{
	size_t len;

	if (l->len - at < LOCAL_RECORD_SIZE)
		return 0;
	len = msg_u16(l->bytes + at + 7);
	if (l->bytes[at + 6] >= LOCAL_N_RANKS || l->len - at - LOCAL_RECORD_SIZE < len)
		return 0;
	return at + LOCAL_RECORD_SIZE + len;
}

/* Is the one name in the rdata of a record that leads on whole? */
static bool is_target(const uint8_t *rdata, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t off = 0, name_size;

	return name_read(rdata, len, &off, name, &name_size) == 0 && name_size == len;
}

static bool check_node(const struct local *l, size_t at)
{
	uint8_t name[NAME_SIZE];
	size_t off, len, left;

	if (at > l->len || l->len - at < LOCAL_NODE_SIZE)
		return false;
	off = at + LOCAL_NODE_SIZE;
	left = msg_u32(l->bytes + at + 2);
	if (name_read(l->bytes, l->len, &off, name, &len) != 0 || len != l->bytes[at] ||
	    off != at + LOCAL_NODE_SIZE + len)
		return false;
	while (left > 0) {
		size_t end = record_end(l, off);

		if (end == 0 || end - off > left ||
		    (msg_u16(l->bytes + off) == TYPE_CNAME &&
			!is_target(
			    l->bytes + off + LOCAL_RECORD_SIZE, end - off - LOCAL_RECORD_SIZE)))
			return false;
		left -= end - off;
		off = end;
	}
	return true;
}

/* All slots lead to nodes, and one of them to none, so that each search ends. */
static bool check_slots(const struct local *l)
{
	bool any_free = false;

	for (uint32_t i = 0; i < l->head.n_slots; i++) {
		uint32_t at = slot(l, i);

		if (at == 0)
			any_free = true;
		else if (!check_node(l, at))
			return false;
	}
	return any_free;
}

int local_open(struct local *l, const void *bytes, size_t len)
{
	*l = (struct local){.bytes = bytes, .len = len};
	if (len < sizeof(l->head) || len > LOCAL_SIZE_MAX)
		return ERR_FORMAT;
	memcpy(&l->head, bytes, sizeof(l->head));
	if (memcmp(l->head.magic, LOCAL_MAGIC, sizeof(l->head.magic)) != 0 ||
	    l->head.n_slots == 0 || (l->head.n_slots & (l->head.n_slots - 1)) != 0 ||
	    l->head.n_slots > (len - sizeof(l->head)) / sizeof(uint32_t) || !check_slots(l))
		return ERR_FORMAT;
	return 0;
}

/* ---- Names ---- */

/* The node of name[0..len), which has so many labels; NULL: there is none. */
static const uint8_t *find_node(
    const struct local *l, const uint8_t *name, size_t len, unsigned labels)
{
	uint32_t at;

	if ((l->head.depths[labels / 64] >> labels % 64 & 1) == 0)
		return NULL;
	for (uint32_t i = first_slot(l, name, len); (at = slot(l, i)) != 0;
	     i = (i + 1) & (l->head.n_slots - 1))
		if (l->bytes[at] == len && memcmp(l->bytes + at + LOCAL_NODE_SIZE, name, len) == 0)
			return l->bytes + at;
	return NULL;
}

/* The node of the wildcard below part[0..len), which has so many labels; NULL: there is none. */
static const uint8_t *find_wildcard(
    const struct local *l, const uint8_t *part, size_t len, unsigned labels)
{
	uint8_t name[NAME_SIZE] = "\1*";

	if (len > sizeof(name) - 2)
		return NULL;
	memcpy(name + 2, part, len);
	return find_node(l, name, len + 2, labels + 1);
}

static void take(struct local_name *out, const uint8_t *node)
{
	out->exists = true;
	out->records_len = msg_u32(node + 2);
	out->records = node + LOCAL_NODE_SIZE + node[0];
}

/* What nodes above the name say: the next one may have a wildcard (RFC 4592, 3.3.1), and a zone makes an
 * end of it. */
static bool find_above(
    const struct local *l, const uint8_t *name, size_t len, unsigned labels, struct local_name *out)
{
	const uint8_t *part = name, *node = NULL;
	bool nearest = !out->exists;

	while (labels-- > 0) {
		len -= part[0] + 1u;
		part += part[0] + 1;
		node = find_node(l, part, len, labels);
		if (node == NULL)
			continue;
		if (nearest) {
			const uint8_t *wildcard =
			    l->head.n_wild != 0 ? find_wildcard(l, part, len, labels) : NULL;

			nearest = false;
			if (wildcard != NULL) {
				take(out, wildcard);
				if (out->records_len != 0)
					return true;
			}
		}
		if ((node[1] & LOCAL_IS_ZONE) != 0) {
			out->zone = part;
			return true;
		}
	}
	return false;
}

bool local_find(const struct local *l, const uint8_t *name, size_t len, struct local_name *out)
{
	unsigned labels = name_labels(name);
	const uint8_t *node = find_node(l, name, len, labels);

	*out = (struct local_name){.zone = name};
	if (node != NULL) {
		take(out, node);
		if (out->records_len != 0 || (node[1] & LOCAL_IS_ZONE) != 0)
			return true;
	}
	if (l->head.n_wild == 0 && l->head.n_zones == 0)
		return false;
	return find_above(l, name, len, labels, out);
}

/* ---- Records ---- */

bool local_next(const struct local_name *name, size_t *at, struct local_record *record)
{
	const uint8_t *p;

	if (*at == name->records_len) /* then there may be no `records` at all */
		return false;
	p = name->records + *at;
	*record = (struct local_record){
	    .type = msg_u16(p),
	    .ttl_s = msg_u32(p + 2),
	    .rank = p[6],
	    .len = msg_u16(p + 7),
	    .rdata = p + LOCAL_RECORD_SIZE,
	};
	*at += LOCAL_RECORD_SIZE + record->len;
	return true;
}

bool local_get(const struct local_name *name, uint16_t type, struct local_record *record)
{
	for (size_t at = 0; local_next(name, &at, record);)
		if (record->type == type)
			return true;
	return false;
}
