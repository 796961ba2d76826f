/* fuzz_resolvconf.c - any text as resolv.conf(5): what comes out are addresses that stand in it, in their order, each
 * once, and neither quell's own nor one that is nobody's.
 *
 * The first byte: how many there is room for, and bits 6 and 7: which are quell's own.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/resolvconf.h"
#include "tests/fuzz/fuzz.h"

#define ROOM 16

/* Is there a line with this address behind `from`?  Returns where it ends, or NULL. */
static const char *find_line(const char *from, const union addr *a)
{
	for (const char *at = from; (at = strstr(at, "nameserver")) != NULL; at++) {
		char word[ADDR_TEXT_SIZE] = "";
		const char *value = at + strlen("nameserver"), *start;
		size_t n;
		union addr there;

		start = value + strspn(value, " \t\r");
		n = strcspn(start, " \t\r\n");
		if (start == value || n >= sizeof(word))
			continue;
		memcpy(word, start, n);
		if (addr_parse(&there, word, 53, NULL) == 0 && addr_equal(&there, a))
			return start + n;
	}
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const own_texts[] = {"127.0.0.1:53", "[::1]:53", "0.0.0.0:53"};
	union addr out[ROOM + 1], own[2];
	unsigned max, n, n_own = 0;
	const char *at;
	char *text;

	if (size < 1)
		return 0;
	max = data[0] % (ROOM + 1);
	for (unsigned i = 0; i < 2; i++)
		if ((data[0] >> (6 + i) & 1) != 0)
			CHECK(addr_parse(&own[n_own++], own_texts[i], 53, NULL) == 0);
	if ((data[0] & 0x20) != 0) { /* all of this machine */
		n_own = 1;
		CHECK(addr_parse(&own[0], own_texts[2], 53, NULL) == 0);
	}
	text = calloc(1, size);
	CHECK(text != NULL);
	memcpy(text, data + 1, size - 1);
	memset(&out[max], 0x5a, sizeof(out[max]));
	n = resolvconf_parse(text, out, max, own, n_own);
	CHECK(n <= max && ((uint8_t *)&out[max])[0] == 0x5a);
	at = text;
	for (unsigned i = 0; i < n; i++) {
		CHECK(!addr_is_wildcard(&out[i]) && !resolvconf_is_own(&out[i], own, n_own));
		CHECK((data[0] & 0x20) == 0 || !addr_is_loopback(&out[i]) ||
		      addr_port(&out[i]) != 53);
		for (unsigned k = 0; k < i; k++)
			CHECK(!addr_equal(&out[i], &out[k]));
		at = find_line(at, &out[i]);
		CHECK(at != NULL);
	}
	free(text);
	return 0;
}
