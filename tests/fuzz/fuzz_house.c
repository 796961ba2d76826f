/* fuzz_house.c - files of hosts and leases: whatever stands in them, what comes out is a table that can be
 * searched, in which each name is a host's, and each address that of a device.  The first byte says of
 * which kind the file is. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/house_read.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t lan[] = "\3lan";

/* The name of each PTR record in the table leads back. */
static void check_pointers(const struct local *local)
{
	const uint8_t *slots = local->bytes + sizeof(struct local_header);

	for (uint32_t i = 0; i < local->head.n_slots; i++) {
		struct local_name found;
		struct local_record r;
		uint8_t lower[NAME_SIZE];
		const uint8_t *name;
		uint32_t at;

		memcpy(&at, slots + i * sizeof(at), sizeof(at));
		if (at == 0)
			continue;
		name = local->bytes + at + LOCAL_NODE_SIZE;
		if (!local_find(local, name, name_len(name), &found))
			continue;
		for (size_t pos = 0; local_next(&found, &pos, &r);) {
			struct local_name host;

			CHECK(r.type == TYPE_A || r.type == TYPE_AAAA || r.type == TYPE_PTR);
			CHECK(name[0] != 1 || name[1] != '*');
			CHECK(r.type != TYPE_A || (r.len == 4 && r.rdata[0] != 127));
			if (r.type != TYPE_PTR)
				continue;
			name_lower(lower, r.rdata, r.len);
			CHECK(local_maybe(local, lower, r.len) &&
			      local_find(local, lower, r.len, &host) && host.exists);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct local_build *b = local_build_new();
	const struct hash_key key = {1, 2};
	struct house_counts counts = {0};
	uint8_t *bytes = NULL;
	struct local local;
	char *text = calloc(1, size + 1);
	size_t len;
	int err;

	CHECK(b != NULL && text != NULL);
	if (size > 1)
		memcpy(text, data + 1, size - 1);
	if (size > 0 && data[0] == 'h')
		err = house_read_hosts(b, text, size - 1, lan, &counts);
	else
		err = house_read_leases(b, text, size, lan, 1700000000, &counts);
	CHECK(err == 0 || err == ERR_LIMIT);
	CHECK(local_build_image(b, &key, &bytes, &len) == 0);
	CHECK(local_open(&local, bytes, len) == 0);
	CHECK((counts.n_bad != 0) == (counts.first_bad != 0));
	check_pointers(&local);
	free(bytes);
	free(text);
	local_build_free(b);
	return 0;
}
