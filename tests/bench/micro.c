/* micro.c - what the steps of a query cost, and a query's whole way through the core, without a socket.
 *
 *	micro IMAGE LISTED OPEN CASE [PASSES]
 *	micro --cases
 *
 * LISTED and OPEN are files of names, one a line, that the image blocks and does not block.  A case goes over all
 * of them PASSES times; the best pass counts.  Writes one line of JSON: names, ns for each, and instructions for
 * each in user space where the system counts them (perf_event_open(2)), else null: micro.py has them counted by
 * callgrind, which collects what happens in micro_run() alone.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "blocklists/trie.h"
#include "lib/dns/msg.h"
#include "resolver/core/answer.h"
#include "resolver/core/cache.h"
#include "resolver/core/query.h"

#define NAMES_MAX	 20000
#define CACHE_SIZE	 ((size_t)32 << 20)
#define CACHE_SMALL_SIZE ((size_t)1 << 20) /* of which most names are driven out again */
#define PENDING_MAX	 16
#define NOW_MS		 1000000
#define TTL_S		 3600

/* A query as it comes in, and its name in lower case. */
struct item {
	uint16_t len, name_len;
	uint8_t msg[MSG_HEADER + NAME_SIZE + 4 + MSG_RR_MIN];
	uint8_t name[NAME_SIZE];
};

struct items {
	struct item *at;
	size_t n;
};

struct world {
	struct trie lists;
	struct items items;
	bool edns;
	struct cache *cache;
	struct query *core;
	struct rng rng;
	struct {
		struct query_try try;
		size_t len;
		uint8_t msg[MSG_UDP_PLAIN];
	} asked[PENDING_MAX]; /* of the upstream, and not answered yet */
	unsigned n_asked;
	uint8_t out[4096];
	volatile uint64_t sum; /* of results, so that the compiler leaves none out */
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "micro: %s\n", what);
	exit(EXIT_FAILURE);
}

/* ---- the input ---- */

static struct item make_item(const char *text, size_t text_len, uint16_t id, bool edns)
{
	struct item item;
	struct msg_writer w;
	size_t len;

	if (name_from_text(text, text_len, item.name, &len) < 0)
		fail("a line is no name");
	name_lower(item.name, item.name, len);
	item.name_len = (uint16_t)len;
	msg_write_start(&w, item.msg, sizeof(item.msg), id, MSG_RD);
	msg_write_question(&w, item.name, TYPE_A, CLASS_IN);
	if (edns)
		msg_write_opt(&w, &(struct msg_opt){.udp_size = 1232, .ede = EDE_NONE});
	item.len = (uint16_t)w.out.pos;
	return item;
}

/* The names of the file, but for those of which the lists say otherwise. */
static struct items read_items(const char *path, const struct trie *lists, bool listed, bool edns)
{
	struct items items = {.at = calloc(NAMES_MAX, sizeof(struct item))};
	FILE *f = fopen(path, "r");
	char line[512];

	if (f == NULL || items.at == NULL)
		fail(path);
	while (items.n < NAMES_MAX && fgets(line, sizeof(line), f) != NULL) {
		struct item *item = &items.at[items.n];

		*item = make_item(line, strcspn(line, " \n"), (uint16_t)items.n, edns);
		items.n += trie_blocks(lists, item->name) == listed;
	}
	if (fclose(f) != 0 || items.n == 0)
		fail(path);
	return items;
}

static void open_lists(struct trie *lists, const char *path)
{
	struct stat st;
	struct why why;
	void *bytes = MAP_FAILED;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0)
		bytes =
		    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED || trie_open(lists, bytes, (size_t)st.st_size, &why) < 0)
		fail(path);
	(void)close(fd);
}

/* ---- the upstream of the core: an address for every name ---- */

static void net_send(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	struct world *w = ctx;

	(void)to;
	(void)msg;
	w->sum += len;
}

static int net_port(void *ctx, enum query_carrier via, const union addr *to, uint32_t *port)
{
	(void)ctx;
	(void)via;
	(void)to;
	*port = 1;
	return 0;
}

static int net_ask(void *ctx, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct world *w = ctx;

	if (w->n_asked == PENDING_MAX || len > sizeof(w->asked[0].msg))
		return ERR_SYS;
	w->asked[w->n_asked].try = *try;
	w->asked[w->n_asked].len = len;
	memcpy(w->asked[w->n_asked++].msg, msg, len);
	return 0;
}

static void net_done(void *ctx, const struct query_try *try)
{
	(void)ctx;
	(void)try;
}

static void net_arm(void *ctx, uint64_t at_ms)
{
	(void)ctx;
	(void)at_ms;
}

/* Behind the question: its name, an address.  What stood there (OPT) is left out. */
static size_t put_address(uint8_t *msg, size_t question_end)
{
	static const uint8_t record[] = {0xc0, MSG_HEADER, 0, TYPE_A, 0, CLASS_IN, 0, 0, TTL_S >> 8,
	    TTL_S & 0xff, 0, 4, 192, 0, 2, 1};

	msg_set_u16(msg + 2, MSG_QR | MSG_RD | MSG_RA);
	msg_set_u16(msg + 6, 1);
	msg_set_u16(msg + 10, 0);
	memcpy(msg + question_end, record, sizeof(record));
	return question_end + sizeof(record);
}

static void answer_asked(struct world *w)
{
	while (w->n_asked > 0) {
		struct query_try try = w->asked[--w->n_asked].try;
		uint8_t reply[MSG_UDP_PLAIN];
		size_t end = MSG_HEADER;

		memcpy(reply, w->asked[w->n_asked].msg, w->asked[w->n_asked].len);
		while (reply[end] != 0)
			end += reply[end] + 1u;
		query_reply(w->core, try.via, try.port, &try.to, reply, put_address(reply, end + 5),
		    NOW_MS);
	}
}

static void new_core(struct world *w)
{
	const struct query_net net = {w, net_send, net_port, net_ask, net_done, net_arm};
	static struct options options = {
	    .n_upstream = 1,
	    .cache_size = CACHE_SIZE,
	    .cache_max_ttl_s = 86400,
	    .cache_negative_ttl_s = 3600,
	    .query_timeout_ms = 4000,
	    .questions_max = 4096,
	    .udp_size = 1232,
	};

	if (addr_parse(&options.upstream[0], "192.0.2.53", 53, NULL) < 0 ||
	    query_new(&w->core, &options, &net, &w->rng) < 0)
		fail("no core");
	query_set_lists(w->core, &w->lists);
}

/* ---- the cases: what comes before each pass, and a pass ---- */

static void run_name_read(struct world *w)
{
	uint8_t name[NAME_SIZE];

	for (size_t i = 0; i < w->items.n; i++) {
		size_t off = MSG_HEADER, len = 0;

		if (name_read(w->items.at[i].msg, w->items.at[i].len, &off, name, &len) == 0)
			w->sum += len;
	}
}

static void run_query_parse(struct world *w)
{
	struct msg_query q;

	for (size_t i = 0; i < w->items.n; i++)
		w->sum += (unsigned)msg_parse_query(w->items.at[i].msg, w->items.at[i].len, &q);
}

static void run_lookup(struct world *w)
{
	for (size_t i = 0; i < w->items.n; i++)
		w->sum += trie_blocks(&w->lists, w->items.at[i].name);
}

static void key_of(const struct world *w, const struct item *item, struct cache_key *key)
{
	cache_key(w->cache, key, item->name, item->name_len, TYPE_A, CLASS_IN, false, false, 0);
}

static void run_cache_put(struct world *w)
{
	const struct cache_verdict verdict = {0};
	struct cache_key key;

	for (size_t i = 0; i < w->items.n; i++) {
		const struct item *item = &w->items.at[i];
		uint8_t msg[sizeof(item->msg) + 16];
		uint16_t ttl_off = (uint16_t)(MSG_HEADER + item->name_len + 4 + 6);
		struct cache_answer answer = {
		    .msg = msg,
		    .ttl_off = &ttl_off,
		    .n_records = 1,
		    .stored_ms = NOW_MS,
		    .ttl_s = TTL_S,
		    .ede = EDE_NONE,
		};

		memcpy(msg, item->msg, item->len);
		answer.len = put_address(msg, MSG_HEADER + item->name_len + 4u);
		key_of(w, item, &key);
		cache_put(w->cache, &key, &answer, &verdict);
	}
}

static void run_cache_get(struct world *w)
{
	struct cache_key key;
	struct cache_answer answer;
	struct cache_verdict *verdict;

	for (size_t i = 0; i < w->items.n; i++) {
		key_of(w, &w->items.at[i], &key);
		if (cache_get(w->cache, &key, NOW_MS, &answer, &verdict))
			w->sum += answer.len;
	}
}

static struct answer_to to_asker(const struct world *w, const struct item *item)
{
	return (struct answer_to){
	    .id = msg_u16(item->msg),
	    .flags = MSG_RD,
	    .question = item->msg + MSG_HEADER,
	    .question_len = item->name_len + 4u,
	    .edns = w->edns,
	    .opt = {.udp_size = 1232, .ede = EDE_NONE},
	    .limit = 1232,
	};
}

static void run_answer_blocked(struct world *w)
{
	const struct block_answer how = {0};

	for (size_t i = 0; i < w->items.n; i++) {
		const struct answer_to to = to_asker(w, &w->items.at[i]);

		w->sum += answer_write_blocked(&to, &how, 10, "Blocked", w->out);
	}
}

/* What run_cache_get() does, and the answer of it. */
static void run_answer_cached(struct world *w)
{
	struct cache_key key;
	struct cache_answer answer;
	struct cache_verdict *verdict;
	bool truncated;

	for (size_t i = 0; i < w->items.n; i++) {
		const struct answer_to to = to_asker(w, &w->items.at[i]);

		key_of(w, &w->items.at[i], &key);
		if (cache_get(w->cache, &key, NOW_MS, &answer, &verdict))
			w->sum += answer_write(&answer, &to, NOW_MS + 5000, w->out, &truncated);
	}
}

static void run_core(struct world *w)
{
	struct query_asker asker = {0};

	if (addr_parse(&asker.from, "127.0.0.1", 4000, NULL) < 0)
		fail("no client");
	for (size_t i = 0; i < w->items.n; i++) {
		const struct item *item = &w->items.at[i];

		w->sum += query_ask(
		    w->core, &asker, item->msg, item->len, NOW_MS, w->out, sizeof(w->out));
		if (w->n_asked > 0)
			answer_asked(w);
	}
}

static void forget_all(struct world *w)
{
	w->sum += query_flush(w->core, NULL, false);
}

static const struct micro {
	const char *name;
	const char *what;
	bool listed, edns;
	size_t cache_size;		      /* 0: no cache */
	bool core;			      /* the whole way */
	void (*warm)(struct world *w);	      /* once, before all passes; NULL: nothing */
	void (*before_pass)(struct world *w); /* NULL: nothing */
	void (*run)(struct world *w);
} cases[] = {
    {"name-read", "read a name out of a message", .run = run_name_read},
    {"query-parse", "read a query", .run = run_query_parse},
    {"query-parse-edns", "read a query with EDNS", .edns = true, .run = run_query_parse},
    {"lookup-listed", "look a name up in the lists that is on them", .listed = true,
	.run = run_lookup},
    {"lookup-open", "look a name up that is on none", .run = run_lookup},
    {"cache-get", "find an answer in the cache", .cache_size = CACHE_SIZE, .warm = run_cache_put,
	.run = run_cache_get},
    {"cache-put", "put an answer into a full cache", .cache_size = CACHE_SMALL_SIZE,
	.warm = run_cache_put, .run = run_cache_put},
    {"answer-blocked", "write a block answer", .listed = true, .run = run_answer_blocked},
    {"answer-blocked-edns", "write one with its reason", .listed = true, .edns = true,
	.run = run_answer_blocked},
    {"answer-cached", "find an answer in the cache and write it", .cache_size = CACHE_SIZE,
	.warm = run_cache_put, .run = run_answer_cached},
    {"way-blocked", "the core's whole way: blocked", .listed = true, .core = true, .warm = run_core,
	.run = run_core},
    {"way-blocked-edns", "blocked, with EDNS", .listed = true, .edns = true, .core = true,
	.warm = run_core, .run = run_core},
    {"way-cached", "cached", .core = true, .warm = run_core, .run = run_core},
    {"way-cached-edns", "cached, with EDNS", .edns = true, .core = true, .warm = run_core,
	.run = run_core},
    {"way-miss", "forwarded, with the reply", .core = true, .before_pass = forget_all,
	.run = run_core},
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))

/* ---- measuring ---- */

/* Callgrind finds it by its name. */
void micro_run(const struct micro *micro, struct world *w);

__attribute__((noinline, noclone)) void micro_run(const struct micro *micro, struct world *w)
{
	micro->run(w);
}

/* A counter of this process' instructions in user space, or -1 where the system has none for us. */
static int open_counter(void)
{
	struct perf_event_attr attr = {
	    .type = PERF_TYPE_HARDWARE,
	    .size = sizeof(attr),
	    .config = PERF_COUNT_HW_INSTRUCTIONS,
	    .disabled = 1,
	    .exclude_kernel = 1,
	    .exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t now_ns(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void measure(const struct micro *micro, struct world *w, unsigned passes)
{
	uint64_t best_ns = UINT64_MAX, best_instructions = UINT64_MAX;
	double n = (double)w->items.n;
	int counter = open_counter();

	for (unsigned i = 0; i < passes; i++) {
		uint64_t begin_ns, took_ns, instructions = 0;

		if (micro->before_pass != NULL)
			micro->before_pass(w);
		if (counter >= 0) {
			(void)ioctl(counter, PERF_EVENT_IOC_RESET, 0);
			(void)ioctl(counter, PERF_EVENT_IOC_ENABLE, 0);
		}
		begin_ns = now_ns();
		micro_run(micro, w);
		took_ns = now_ns() - begin_ns;
		best_ns = took_ns < best_ns ? took_ns : best_ns;
		if (counter >= 0 && ioctl(counter, PERF_EVENT_IOC_DISABLE, 0) == 0 &&
		    read(counter, &instructions, sizeof(instructions)) == sizeof(instructions) &&
		    instructions != 0 && instructions < best_instructions)
			best_instructions = instructions;
	}
	printf("{\"case\": \"%s\", \"names\": %zu, \"ns\": %.1f, \"instructions\": ", micro->name,
	    w->items.n, (double)best_ns / n);
	if (best_instructions != UINT64_MAX)
		printf("%.0f}\n", (double)best_instructions / n);
	else
		printf("null}\n");
}

static const struct micro *find_case(const char *name)
{
	for (size_t i = 0; i < N_CASES; i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	fail("no such case: micro --cases names them");
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct hash_key key = {1, 2};
	static struct world w;
	const struct micro *micro;

	if (argc == 2 && strcmp(argv[1], "--cases") == 0) {
		for (size_t i = 0; i < N_CASES; i++)
			printf("%s\t%s\n", cases[i].name, cases[i].what);
		return 0;
	}
	if (argc < 5 || argc > 6)
		fail("usage: micro IMAGE LISTED OPEN CASE [PASSES] | micro --cases");
	micro = find_case(argv[4]);
	rng_init_fixed(&w.rng, 7);
	w.edns = micro->edns;
	open_lists(&w.lists, argv[1]);
	w.items = read_items(argv[micro->listed ? 2 : 3], &w.lists, micro->listed, micro->edns);
	if (micro->cache_size != 0 && cache_new(&w.cache, micro->cache_size, &key) < 0)
		fail("no cache");
	if (micro->core)
		new_core(&w);
	if (micro->warm != NULL)
		micro->warm(&w);
	measure(micro, &w, argc == 6 ? (unsigned)atoi(argv[5]) : 7);
	query_free(w.core);
	cache_free(w.cache);
	free(w.items.at);
	return 0;
}
