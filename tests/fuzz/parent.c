/* parent.c - the parts of server.c and supervise.c that report.c, inspect.c and own.c are linked with. */
#include "tests/fuzz/parent.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "resolver/report.h"
#include "tests/fuzz/fuzz.h"
#include "tools/control.h"

struct parent_asked parent_asked[PARENT_WORKERS_MAX];

struct supervisor {
	unsigned n;
};

static struct supervisor workers;

/* ---- workers ---- */

unsigned supervise_n(const struct supervisor *s)
{
	return s->n;
}

unsigned supervise_running(const struct supervisor *s)
{
	return s->n;
}

bool supervise_loops(const struct supervisor *s, unsigned worker)
{
	CHECK(worker < s->n);
	return false;
}

void supervise_past(const struct supervisor *s, unsigned worker, struct supervise_past *out)
{
	CHECK(worker < s->n);
	memset(out, 0, sizeof(*out));
}

bool supervise_send(struct supervisor *s, unsigned worker, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	(void)payload, (void)fd;
	CHECK(worker < s->n && len <= CHANNEL_MAX);
	parent_asked[worker] = (struct parent_asked){type, serial};
	return true;
}

void supervise_send_all(struct supervisor *s, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	(void)s, (void)type, (void)serial, (void)payload, (void)len, (void)fd;
	CHECK(false); /* nothing here tells all */
}

void parent_answer(
    struct server *s, unsigned worker, uint32_t type, const void *payload, size_t len)
{
	static struct channel_message m;

	CHECK(len <= sizeof(m.payload));
	m = (struct channel_message){
	    .head = {type, parent_asked[worker].serial}, .len = len, .fd = -1};
	memcpy(m.payload, payload, len);
	parent_asked[worker].type = 0;
	report_message(s, worker, &m);
}

size_t parent_size(uint32_t type)
{
	switch (type) {
	case CHANNEL_STATS:
		return sizeof(struct channel_stats);
	case CHANNEL_WHY:
		return sizeof(struct reason);
	case CHANNEL_FLUSH:
		return sizeof(uint64_t);
	case CHANNEL_OVERLAY:
		return sizeof(struct channel_overlay);
	case CHANNEL_CACHED:
		return sizeof(struct cached);
	case CHANNEL_UPSTREAM:
		return sizeof(struct query_upstream_whole);
	default:
		return 0;
	}
}

/* ---- the parent ---- */

/* The rules cannot be written: that is told, and nothing of one run is there in the next. */
static const char configuration[] =
    "upstream = {\"192.0.2.1\"}\nrules = \"/proc/none/rules\"\n"
    "group \"others\" {\nupstream = {\"192.0.2.3\"}\n}\nfallback = \"others\"\n"
    "forward \"lan\" {\nupstream = {\"192.0.2.2\"}\n}\n"
    "list \"one\" {\nfile = \"/proc/none/one\"\n}\n";

static struct server *make(void)
{
	static const struct settings_flags flags = {.n_blocklist = 0};
	struct server *s = calloc(1, sizeof(*s));
	struct why why;

	log_setup(LOG_ERROR, -1);
	CHECK(s != NULL);
	s->base = event_base_new();
	CHECK(s->base != NULL && conf_read_text(&s->conf, configuration, "fuzz", &why) == 0);
	s->flags = &flags;
	s->workers = &workers;
	s->generation = 1;
	s->lists = (struct lists){.source = LISTS_FILES, .fd = -1, .info = {.n_lists = 1}};
	settings_options(s->conf, &s->options);
	CHECK(report_init(s) == 0 && own_init(s) == 0);
	return s;
}

struct server *parent_fresh(unsigned n_workers)
{
	static struct server *s;

	if (s == NULL)
		s = make();
	CHECK(n_workers <= PARENT_WORKERS_MAX);
	workers.n = n_workers;
	memset(parent_asked, 0, sizeof(parent_asked));
	for (unsigned i = 0; i < n_workers; i++)
		s->swapped[i] = s->generation;
	rules_fini(&s->own.rules);
	rules_init(&s->own.rules);
	s->own.trouble.text[0] = '\0';
	s->started_ms = s->lists.loaded_ms = clock_ms();
	return s;
}

/* ---- what is answered ---- */

static bool is_text(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte == '\n' || byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

void parent_check_answer(const char *text, size_t len)
{
	bool fails = len >= 6 && memcmp(text, "error ", 6) == 0;

	CHECK(len > 0 && len < CONTROL_ANSWER_MAX && text[len - 1] == '\n');
	CHECK(fails || (len >= 3 && memcmp(text, "ok\n", 3) == 0));
	for (size_t i = 0; i < len; i++) {
		CHECK(is_text(text[i]));
		if (i == 0 || text[i - 1] == '\n')
			CHECK(text[i] >= 'a' && text[i] <= 'z');
		CHECK(!fails || text[i] != '\n' || i == len - 1);
	}
}
