/* update_look.c - facts to bytes and back. */
#include "tools/update_look.h"

#include <stdlib.h>
#include <string.h>

#include "lib/dns/name.h"
#include "lib/file.h"
#include "tools/update_jail.h"

struct look {
	const struct update_watch *watch;
	const struct conf_list *conf;
	const char *text;
	size_t len;
};

/* Before hits[watch->n], one byte each, and tlds. */
struct head {
	struct feed_counts counts;
	uint64_t everything;
};

static int look_inside(void *ctx, int out, struct why *why)
{
	const struct look *l = ctx;
	struct update_facts facts;
	struct head head;
	int err = update_gate_look(l->watch, l->conf, l->text, l->len, &facts, why);

	if (err != 0)
		return err;
	head = (struct head){.counts = facts.counts, .everything = facts.everything};
	err = file_write(out, "facts", &head, sizeof(head), why);
	for (unsigned i = 0; i < l->watch->n && err == 0; i++) {
		const uint8_t hit = facts.hits[i];

		err = file_write(out, "facts", &hit, 1, why);
	}
	if (err == 0)
		err = file_write(out, "facts", facts.tlds, facts.tlds_len, why);
	update_facts_fini(&facts);
	return err;
}

/* Whole names, one behind the other? */
static bool are_names(const uint8_t *bytes, size_t len)
{
	uint8_t name[NAME_SIZE];

	for (size_t off = 0; off < len;) {
		size_t before = off, n;

		if (name_read(bytes, len, &off, name, &n) != 0 || off - before != n)
			return false;
	}
	return true;
}

static int read_facts(
    const char *bytes, size_t len, unsigned n_hits, struct update_facts *facts, struct why *why)
{
	struct head head;
	const char *hits = bytes + sizeof(head), *tlds = hits + n_hits;

	if (len < sizeof(head) + n_hits ||
	    !are_names((const uint8_t *)tlds, len - sizeof(head) - n_hits))
		return why_set(why, ERR_SYS, "what was read of it makes no sense");
	memcpy(&head, bytes, sizeof(head));
	facts->counts = head.counts;
	facts->everything = head.everything != 0;
	facts->hits = calloc(n_hits + 1, sizeof(*facts->hits));
	facts->tlds_len = facts->tlds_size = len - sizeof(head) - n_hits;
	facts->tlds = malloc(facts->tlds_size + 1);
	if (facts->hits == NULL || facts->tlds == NULL) {
		update_facts_fini(facts);
		return why_set(why, ERR_NOMEM, "no memory for it");
	}
	for (unsigned i = 0; i < n_hits; i++)
		facts->hits[i] = hits[i] != 0;
	memcpy(facts->tlds, tlds, facts->tlds_len);
	return 0;
}

int update_look(const struct update_watch *watch, const struct conf_list *conf, const char *text,
    size_t len, struct update_facts *facts, struct why *why)
{
	struct look look = {.watch = watch, .conf = conf, .text = text, .len = len};
	char *bytes;
	size_t n;
	int err = update_jail(look_inside, &look, NULL, 0, &bytes, &n, why);

	*facts = (struct update_facts){0};
	if (err == 0)
		err = read_facts(bytes, n, watch->n, facts, why);
	free(bytes);
	return err;
}
