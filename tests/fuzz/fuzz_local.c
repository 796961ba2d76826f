/* fuzz_local.c - any bytes as the names of the house, which a process made that reads what others write: they are
 * refused, or every name can be looked for, and every record in them is whole.
 *
 * The first byte: bit 7: all of the bytes are the input's; else the header is a sound one, and bits 0 to 3 say how
 * many slots there are.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/local.h"
#include "tests/fuzz/fuzz.h"

static void check_name(const struct local *l, const uint8_t *name)
{
	const size_t len = name_len(name);
	struct local_name found;
	struct local_record r;

	(void)local_maybe(l, name, len);
	if (!local_find(l, name, len, &found))
		return;
	CHECK(found.zone >= name && found.zone < name + len);
	for (size_t at = 0; local_next(&found, &at, &r);) {
		uint8_t target[NAME_SIZE];
		size_t off = 0, target_len;

		CHECK(r.rdata >= l->bytes && r.rdata + r.len <= l->bytes + l->len);
		CHECK(r.rank < LOCAL_N_RANKS);
		if (r.type != TYPE_CNAME)
			continue;
		CHECK(name_read(r.rdata, r.len, &off, target, &target_len) == 0);
		CHECK(off == r.len && target_len == r.len);
	}
}

/* The name, and others that a zone or wildcard may cover. */
static void check_names(const struct local *l, const uint8_t *name)
{
	uint8_t below[NAME_SIZE + 2] = {1, '*'};

	check_name(l, name);
	for (unsigned i = 0; i < 2 && name_len(name) + 2 <= NAME_SIZE; i++) {
		memcpy(below + 2, name, name_len(name));
		check_name(l, below);
		below[1] = 'x';
	}
	if (name[0] != 0)
		check_name(l, name + 1 + name[0]);
}

static void put_header(uint8_t *bytes, unsigned bits)
{
	struct local_header head = {
	    .magic = LOCAL_MAGIC, .n_slots = 1u << bits, .n_nodes = 1, .n_wild = 1, .n_zones = 1};

	memset(&head.tails, 0xff, sizeof(head.tails));
	memset(&head.depths, 0xff, sizeof(head.depths));
	memcpy(bytes, &head, sizeof(head));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool made = size != 0 && (data[0] & 0x80) == 0;
	const size_t head_len = made ? sizeof(struct local_header) : 0;
	struct local l;
	uint8_t *bytes;
	size_t len;

	if (size < 1)
		return 0;
	len = head_len + size - 1;
	bytes = malloc(len + 1);
	CHECK(bytes != NULL);
	if (made)
		put_header(bytes, data[0] & 15);
	memcpy(bytes + head_len, data + 1, size - 1);
	if (local_open(&l, bytes, len) == 0) {
		for (uint32_t i = 0; i < l.head.n_slots; i++) {
			uint32_t at;

			memcpy(&at, bytes + sizeof(l.head) + i * sizeof(at), sizeof(at));
			if (at != 0)
				check_names(&l, bytes + at + LOCAL_NODE_SIZE);
		}
	}
	free(bytes);
	return 0;
}
