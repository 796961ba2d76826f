/* fuzz_core.c - any order of events at the query core: client messages, replies, time.
 *
 * The input is a list of commands: a byte that says which, two bytes of length, so many bytes.
 *   0  a client's message over UDP              1  the same over TCP
 *   2  a reply of these bytes to the last try, its ID and question put right
 *   3  the same, untouched                      4  time passes: 16 ms for each byte
 *   5  the last try fails                       6  the lists come, or with no bytes go
 *   254  other options: a byte of flags (8: DNS64, 16 to 128: suppressed types), then a block answer for all,
 *        and for each list, of two bytes; a client subnet, where their number is even
 *   255  the rules of the user's own are these bytes; in a pause, where their number is odd
 * Invariants: every answer is a well-formed response to a message of this client, within its size,
 * and every message upstream is a well-formed query, for no special name while there are no own rules.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/build.h"
#include "blocklists/feed.h"
#include "lib/dns/msg.h"
#include "resolver/core/query.h"
#include "resolver/core/special.h"
#include "tests/fuzz/fuzz.h"

struct world {
	struct query *core;
	struct options options;
	struct special special; /* what must not go upstream */
	struct reason_answers answers;
	struct query_try last; /* the last message upstream */
	uint8_t asked[600];
	size_t asked_len;
	uint32_t last_port;
	uint64_t now_ms, armed_ms;
	unsigned n_awaited;
};

static void check_message(const uint8_t *msg, size_t len)
{
	struct msg_walk walk;
	struct msg_rr rr;
	int more;

	CHECK(len >= MSG_HEADER);
	CHECK(msg_walk_start(&walk, msg, len) == 0);
	while ((more = msg_walk_next(&walk, &rr)) == 1)
		;
	CHECK(more == 0 && walk.pos == len);
}

static void check_answer(const struct query_asker *to, const uint8_t *msg, size_t len)
{
	check_message(msg, len);
	CHECK((msg_u16(msg + 2) & (MSG_QR | MSG_AA)) == MSG_QR);
	CHECK(to->tcp || len <= 1232);
	/* Only who has EDNS gets more than the plain size, and then there is an OPT. */
	CHECK(to->tcp || len <= MSG_UDP_PLAIN || msg_u16(msg + 10) > 0);
}

static void net_send(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	(void)ctx;
	if (len == 0)
		CHECK(to->tcp);
	else
		check_answer(to, msg, len);
}

static int net_port(void *ctx, enum query_carrier via, const union addr *to, uint32_t *port)
{
	struct world *w = ctx;

	(void)via;
	(void)to;
	*port = ++w->last_port;
	w->n_awaited++;
	return 0;
}

/* The question, in lower case, as the core asks it. */
static void check_not_special(const struct world *w, const uint8_t *msg)
{
	struct special_answer answer;
	const uint8_t *name = msg + MSG_HEADER;
	size_t len = name_len(name);

	CHECK(!special_find(&w->special, name, len, msg_u16(name + len), &answer));
}

static int net_ask(void *ctx, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct world *w = ctx;

	check_message(msg, len);
	CHECK((msg_u16(msg + 2) & (MSG_QR | MSG_RD | MSG_OPCODE)) == MSG_RD);
	check_not_special(w, msg);
	CHECK(len <= sizeof(w->asked));
	w->last = *try;
	memcpy(w->asked, msg, len);
	w->asked_len = len;
	return 0;
}

static void net_done(void *ctx, const struct query_try *try)
{
	struct world *w = ctx;

	(void)try;
	CHECK(w->n_awaited > 0);
	w->n_awaited--;
}

static void net_arm(void *ctx, uint64_t at_ms)
{
	((struct world *)ctx)->armed_ms = at_ms;
}

static void client(struct world *w, bool tcp, const uint8_t *bytes, size_t len)
{
	static uint8_t out[QUERY_OUT_SIZE];
	struct query_asker asker = {.tcp = tcp};
	size_t n;

	CHECK(addr_parse(&asker.from, "127.0.0.1:5000", 0, NULL) == 0);
	n = query_ask(w->core, &asker, bytes, len, w->now_ms, out, tcp ? sizeof(out) : 1232);
	if (n == 0)
		return;
	CHECK(len >= MSG_HEADER && memcmp(out, bytes, 2) == 0);
	check_answer(&asker, out, n);
}

static void reply(struct world *w, bool mend, const uint8_t *bytes, size_t len)
{
	static uint8_t msg[MSG_MAX];
	size_t question_len;

	if (w->asked_len == 0 || len > sizeof(msg) - sizeof(w->asked))
		return;
	memcpy(msg, bytes, len);
	if (mend && len >= MSG_HEADER) {
		/* The fuzzer's header but for ID and QDCOUNT, the question as asked, the fuzzer's
		 * records. */
		question_len = MSG_HEADER + name_len(w->asked + MSG_HEADER) + 4;
		memcpy(msg, w->asked, 2);
		msg[2] |= MSG_QR >> 8;
		memmove(msg + question_len, msg + MSG_HEADER, len - MSG_HEADER);
		memcpy(msg + 4, w->asked + 4, 2);
		memcpy(msg + MSG_HEADER, w->asked + MSG_HEADER, question_len - MSG_HEADER);
		len += question_len - MSG_HEADER;
	}
	query_reply(w->core, w->last.via, w->last.port, &w->last.to, msg, len, w->now_ms);
}

static void pass_time(struct world *w, size_t ms)
{
	uint64_t until_ms = w->now_ms + ms;

	for (unsigned i = 0; w->armed_ms <= until_ms; i++) {
		CHECK(i < 100000);
		if (w->armed_ms > w->now_ms)
			w->now_ms = w->armed_ms;
		w->armed_ms = UINT64_MAX;
		query_tick(w->core, w->now_ms);
	}
	w->now_ms = until_ms;
}

static int take_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	(void)line;
	return build_add(ctx, rule, 0);
}

/* Rules of all kinds, on short names that the fuzzer finds. */
static const struct trie *lists(void)
{
	static const char adblock[] =
	    "||b^\n||a^$dnsrewrite=192.0.2.7\n||c^$dnsrewrite=www.example.com\n"
	    "||l^$dnsrewrite=c\n||b.com^$client=127.0.0.1\n@@||w.b^\n"
	    "||n^$dnsrewrite=NXDOMAIN;;\n||y^$dnstype=AAAA\n/^re/\n";
	static const char rpz[] =
	    "$TTL 60\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\nd CNAME rpz-drop.\n"
	    "t CNAME rpz-tcp-only.\np CNAME rpz-passthru.\n*.p CNAME .\n"
	    "24.0.100.51.198.rpz-ip A 192.0.2.8\n32.7.100.51.198.rpz-ip CNAME .\n";
	static struct trie trie;
	static uint8_t *image;
	struct feed_counts counts;
	struct feed_sink sink = {.rewrites = true, .rule = take_rule};
	size_t len;

	if (image != NULL)
		return &trie;
	sink.ctx = build_new();
	CHECK(sink.ctx != NULL);
	CHECK(feed_parse(adblock, sizeof(adblock) - 1, &feed_adblock, &sink, &counts, NULL) == 0);
	CHECK(feed_parse(rpz, sizeof(rpz) - 1, &feed_rpz, &sink, &counts, NULL) == 0);
	CHECK(build_image(sink.ctx, 1, &image, &len, NULL) == 0);
	CHECK(trie_open(&trie, image, len, NULL) == 0);
	build_free(sink.ctx);
	return &trie;
}

/* A block answer out of two bytes. */
static struct block_answer block_answer(const uint8_t *bytes)
{
	struct block_answer a = {.mode = bytes[0] % BLOCK_MODES};

	if (a.mode == BLOCK_ADDRESS) {
		a.n_in4 = bytes[1] % 3;
		a.n_in6 = bytes[1] / 3 % 3;
		a.mode = block_answer_valid(&a) ? BLOCK_ADDRESS : BLOCK_NULL;
	}
	return a;
}

static void change_options(struct world *w, const uint8_t *bytes, size_t len)
{
	unsigned flags = len != 0 ? bytes[0] : 0;

	w->options.special = (flags & 1) != 0 ? SPECIAL_ALL : 0;
	w->options.adapt.on = (flags & 2) != 0;
	w->options.dns64 = (struct net){.bits = 0};
	if ((flags & 8) != 0)
		CHECK(net_parse(&w->options.dns64, "2001:db8:122:300::/56", NULL) == 0);
	w->options.suppress = flags >> 4;
	w->options.client_subnet = (struct net){.bits = 0};
	if (len % 2 == 0)
		CHECK(net_parse(&w->options.client_subnet, "198.51.100.0/24", NULL) == 0);
	if (len >= 3)
		w->options.block_answer = block_answer(bytes + 1);
	memset(&w->answers, 0, sizeof(w->answers));
	for (size_t i = 0; i < REASON_LISTS && 5 + 2 * i <= len; i++)
		w->answers.list[i] = block_answer(bytes + 3 + 2 * i);
	/* What waits already may be asked once more. */
	special_set(&w->special, w->options.special & w->special.on);
	query_set_answers(w->core, (flags & 4) != 0 ? &w->answers : NULL);
	query_set_options(w->core, &w->options);
}

static void command(struct world *w, unsigned which, const uint8_t *bytes, size_t len)
{
	static const struct trie none;

	if (which == 254) {
		change_options(w, bytes, len);
		return;
	}
	if (which == 255) {
		/* They may allow what is special. */
		special_set(&w->special, 0);
		(void)!query_set_rules(w->core, len % 2 != 0, bytes, len);
		return;
	}
	switch (which % 7) {
	case 0:
	case 1:
		client(w, which % 7 == 1, bytes, len);
		break;
	case 2:
	case 3:
		reply(w, which % 7 == 2, bytes, len);
		break;
	case 4:
		pass_time(w, 16 * len);
		break;
	case 5:
		if (w->asked_len != 0)
			query_failed(w->core, w->last.try, w->now_ms);
		break;
	default:
		query_set_lists(w->core, len == 0 ? &none : lists());
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.now_ms = 1000, .armed_ms = UINT64_MAX};
	const struct query_net net = {&w, net_send, net_port, net_ask, net_done, net_arm};
	struct rng rng;

	w.options = (struct options){
	    .n_upstream = 2,
	    .cache_size = 1 << 16,
	    .cache_max_ttl_s = 86400,
	    .cache_negative_ttl_s = 3600,
	    .cache_failure_ttl_s = 1,
	    .prefetch = 2,
	    .stale = true,
	    .stale_delay_ms = 200,
	    .stale_max_s = 60,
	    .query_timeout_ms = 4000,
	    .questions_max = 8,
	    .udp_size = 1232,
	    .special = SPECIAL_ALL,
	    .block_ttl_s = 10,
	    .adapt = {.threshold = 2, .window_ms = 1000, .dwell_ms = 1000, .return_ms = 2000},
	};
	special_set(&w.special, w.options.special);
	rng_init_fixed(&rng, 1);
	CHECK(addr_parse(&w.options.upstream[0], "192.0.2.1:53", 0, NULL) == 0);
	CHECK(addr_parse(&w.options.upstream[1], "[2001:db8::1]:53", 0, NULL) == 0);
	CHECK(query_new(&w.core, &w.options, &net, &rng) == 0);
	while (size >= 3) {
		size_t len = (size_t)data[1] << 8 | data[2];

		len = len < size - 3 ? len : size - 3;
		command(&w, data[0], data + 3, len);
		data += 3 + len;
		size -= 3 + len;
	}
	/* When all time is over nobody waits and nothing is awaited. */
	pass_time(&w, 60000);
	CHECK(w.armed_ms == UINT64_MAX && w.n_awaited == 0);
	query_free(w.core);
	return 0;
}
