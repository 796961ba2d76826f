/* update_bench.c - look-ups against the clock. */
#include "tools/update_bench.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blocklists/trie.h"
#include "tools/update_offline.h"
#include "tools/update_run.h"

#define ROUND_NS UINT64_C(300000000) /* long enough that the clock's own cost vanishes */

enum group { LISTED, BELOW, UNLISTED, GROUPS };

/* Names in wire form, one behind the other. */
struct pool {
	uint8_t *names;
	size_t len, size;
	uint64_t n;
};

static int pool_add(struct pool *p, const uint8_t *name, size_t len)
{
	if (p->names == NULL || p->len + len > p->size) {
		size_t size = p->size * 2 + 4096;
		uint8_t *names = realloc(p->names, size);

		if (names == NULL)
			return ERR_NOMEM;
		p->names = names;
		p->size = size;
	}
	memcpy(p->names + p->len, name, len);
	p->len += len;
	p->n++;
	return 0;
}

static enum group group_of(const struct trie *t, const uint8_t *name)
{
	struct trie_match first;

	if (trie_matches(t, name, &first, 1) == 0)
		return UNLISTED;
	return first.labels == name_labels(name) ? LISTED : BELOW;
}

static int read_names(
    struct pool pools[GROUPS], const struct trie *t, const char *path, struct why *why)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (file == NULL)
		return why_set(why, ERR_SYS, "%s: %s", path, strerror(errno));
	while (err == 0 && getline(&line, &size, file) >= 0) {
		uint8_t name[NAME_SIZE];
		size_t len = strcspn(line, " \t\r\n");

		if (len == 0 || name_from_text(line, len, name, &len) != 0)
			continue;
		name_lower(name, name, len);
		err = pool_add(&pools[group_of(t, name)], name, len);
	}
	if (err != 0)
		why_set(why, err, "%s: %s", path, err_text(err));
	else if (ferror(file))
		err = why_set(why, ERR_SYS, "%s: %s", path, strerror(errno));
	free(line);
	(void)fclose(file);
	return err;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* How many of the names are blocked; they are all looked up once. */
static uint64_t look_up_all(const struct trie *t, const struct pool *p)
{
	const uint8_t *name = p->names;
	uint64_t n_blocked = 0;

	for (uint64_t i = 0; i < p->n; i++) {
		n_blocked += trie_blocks(t, name);
		name += name_len(name);
	}
	return n_blocked;
}

static void measure(const char *label, const struct trie *t, const struct pool *p)
{
	uint64_t n_blocked = 0, n_rounds = 0, begin_ns, spent_ns = 0;

	if (p->n == 0) {
		printf("%-10s 0 names\n", label);
		return;
	}
	look_up_all(t, p); /* warm the caches */
	begin_ns = now_ns();
	while (spent_ns < ROUND_NS) {
		n_blocked += look_up_all(t, p);
		n_rounds++;
		spent_ns = now_ns() - begin_ns;
	}
	printf("%-10s %llu names, %.1f ns a look-up, %llu of them blocked\n", label,
	    (unsigned long long)p->n, (double)spent_ns / (double)(n_rounds * p->n),
	    (unsigned long long)(n_blocked / n_rounds));
}

int update_bench(const char *path, const char *names)
{
	static const char *const labels[GROUPS] = {
	    [LISTED] = "listed", [BELOW] = "below", [UNLISTED] = "unlisted"};
	struct pool pools[GROUPS] = {0};
	struct why why;
	struct trie t;
	char *bytes = NULL;
	int err = update_offline_open(&t, path, &bytes, &why);

	if (err != 0)
		return update_offline_fail(&why);
	err = read_names(pools, &t, names, &why);
	for (int i = 0; i < GROUPS; i++) {
		if (err == 0)
			measure(labels[i], &t, &pools[i]);
		free(pools[i].names);
	}
	free(bytes);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}
