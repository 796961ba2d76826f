/* fuzz_socks.c - what a proxy says, in one piece and cut anywhere, gives the same.
 *
 * The first byte: whether there is a password, and the largest piece.
 */
#include <string.h>

#include "resolver/io/socks.h"
#include "tests/fuzz/fuzz.h"

struct run {
	int err;
	size_t used, said_len;
	uint8_t said[4 * SOCKS_OUT_SIZE];
};

static void run(
    struct run *r, const char *proxy_text, const uint8_t *bytes, size_t len, size_t piece)
{
	struct socks *s = &(struct socks){0};
	struct socks_out out;
	struct proxy proxy;
	struct why why;
	union addr to;
	size_t used;

	memset(r, 0, sizeof(*r));
	CHECK(proxy_parse(&proxy, proxy_text, &why) == 0);
	CHECK(addr_parse(&to, "[2001:db8::1]:53", 0, &why) == 0);
	socks_start(s, &proxy, &to, &out);
	while (r->err == 0 && r->used < len) {
		size_t n = piece < len - r->used ? piece : len - r->used;

		why.text[0] = '\0';
		r->err = socks_feed(s, bytes + r->used, n, &used, &out, &why);
		CHECK(used <= n && (r->err != 0 || used == n));
		CHECK((r->err < 0) == (why.text[0] != '\0'));
		CHECK(r->err == 0 || r->err == 1 || r->err == ERR_DENIED || r->err == ERR_FORMAT);
		CHECK(out.len <= sizeof(out.bytes));
		memcpy(r->said + r->said_len, out.bytes, out.len);
		r->said_len += out.len;
		r->used += used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole, cut;
	const char *proxy;

	if (size < 2)
		return 0;
	proxy = (data[0] & 0x80) != 0 ? "socks5://user:password@127.0.0.1:1" : "socks5://[::1]:2";
	run(&whole, proxy, data + 1, size - 1, size);
	run(&cut, proxy, data + 1, size - 1, (data[0] & 0x7fu) + 1u);
	CHECK(whole.err == cut.err && whole.used == cut.used && whole.said_len == cut.said_len);
	CHECK(memcmp(whole.said, cut.said, whole.said_len) == 0);
	return 0;
}
