/* update_bench.c - look-ups against the clock. */
#include "tools/update_bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "blocklists/judge.h"
#include "blocklists/trie.h"
#include "lib/dns/msg.h"
#include "lib/file.h"
#include "lib/pages.h"
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

/* Has the set of a node a rule for the name that lies there (`here`), or for those below? */
static bool set_covers(const struct trie *t, uint32_t set, bool here)
{
	for (size_t i = 0; i < trie_set_size(t, set); i++) {
		if (trie_set_entry(t, set, i).kind != (here ? RULE_BELOW : RULE_EXACT))
			return true;
	}
	return false;
}

static enum group group_of(const struct trie *t, const uint8_t *name)
{
	struct trie_path path;
	unsigned n_labels = name_labels(name);

	trie_walk(t, name, &path);
	for (unsigned i = 0; i < path.n; i++) {
		bool here = path.at[i].labels == n_labels;

		if (set_covers(t, path.at[i].set, here))
			return here ? LISTED : BELOW;
	}
	return UNLISTED;
}

/* Those of the names in the file that are in `group`. */
static int read_names(
    struct pool *pool, enum group group, const struct trie *t, const char *path, struct why *why)
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
		if (group_of(t, name) == group)
			err = pool_add(pool, name, len);
	}
	if (err != 0)
		why_set(why, err, "%s: %s", path, err_text(err));
	else if (ferror(file))
		err = why_set(why, ERR_SYS, "%s: %s", path, strerror(errno));
	free(line);
	(void)fclose(file);
	return err;
}

/* splitmix64: the same order in each run. */
static uint64_t dice(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Bring the names into random order, so that no look-up finds in the cache what the one before it
 * has touched.  They lie in that order: reading them costs nothing. */
static int pool_shuffle(struct pool *p)
{
	uint64_t state = p->n;
	size_t *offs = calloc((size_t)p->n + 1, sizeof(*offs));
	uint8_t *copy = malloc(p->len + 1), *at = p->names;
	int err = offs != NULL && copy != NULL ? 0 : ERR_NOMEM;

	if (err != 0 || p->n == 0)
		goto out;
	memcpy(copy, p->names, p->len);
	for (size_t i = 0, off = 0; i < p->n; i++, off += name_len(copy + off)) {
		size_t other = (size_t)(dice(&state) % (i + 1));

		offs[i] = offs[other];
		offs[other] = off;
	}
	for (size_t i = 0; i < p->n; i++) {
		size_t len = name_len(copy + offs[i]);

		memcpy(at, copy + offs[i], len);
		at += len;
	}
out:
	free(offs);
	free(copy);
	return err;
}

/* Of the processor: what else runs on the machine does not count. */
static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* What is measured: true where the name is blocked. */
typedef bool look_up_fn(const struct trie *t, const uint8_t *name);

/* All of the verdict: expressions, exceptions and answers too. */
static bool judge(const struct trie *t, const uint8_t *name)
{
	const struct effect_ask ask = {.name = name, .type = TYPE_A};
	struct judge_verdict verdict;

	judge_name(t, &ask, RULE_LISTS_MAX, &verdict);
	return verdict.outcome != JUDGE_NONE && verdict.outcome != JUDGE_ALLOWED;
}

/* Look all names up until the clock says enough.  *n_blocked: how many of them are.  Returns the ns
 * for one. */
static double measure(
    look_up_fn *look_up, const struct trie *t, const struct pool *p, uint64_t *n_blocked)
{
	uint64_t n_rounds = 0, spent_ns = 0, n_found = 0;

	while (spent_ns < ROUND_NS) {
		const uint8_t *name = p->names;
		uint64_t begin_ns = now_ns();

		for (uint64_t i = 0; i < p->n; i++) {
			n_found += look_up(t, name);
			name += name_len(name);
		}
		spent_ns += now_ns() - begin_ns;
		n_rounds++;
	}
	*n_blocked = n_found / n_rounds;
	return (double)spent_ns / (double)(n_rounds * p->n);
}

static void print_group(const char *label, const struct trie *t, const struct pool *p)
{
	uint64_t n_blocked;
	double ns;

	if (p->n == 0) {
		printf("%-10s 0 names\n", label);
		return;
	}
	ns = measure(trie_blocks, t, p, &n_blocked);
	printf("%-10s %" PRIu64 " names, %.1f ns a look-up, ", label, p->n, ns);
	if (!t->plain)
		printf("%.1f ns a verdict, ", measure(judge, t, p, &n_blocked));
	printf("%" PRIu64 " of them blocked\n", n_blocked);
}

static int bench_group(enum group group, const struct trie *t, const char *names, struct why *why)
{
	static const char *const labels[GROUPS] = {
	    [LISTED] = "listed", [BELOW] = "below", [UNLISTED] = "unlisted"};
	struct pool pool = {0};
	int err = read_names(&pool, group, t, names, why);

	if (err == 0 && pool_shuffle(&pool) != 0)
		err = why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	if (err == 0)
		print_group(labels[group], t, &pool);
	free(pool.names);
	return err;
}

/* Map the image as a worker of quelld does: what a look-up costs depends on its pages. */
static int map_image(void **mapped, const struct trie *t, struct why *why)
{
	int fd = memfd_create("quell-bench", MFD_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return why_set(why, ERR_SYS, "no file in memory: %s", strerror(errno));
	err = file_write(fd, "image in memory", t->bytes, t->len, why);
	if (err == 0) {
		*mapped = pages_map(fd, t->len);
		if (*mapped == NULL)
			err = why_set(why, ERR_SYS, "the image: %s", strerror(errno));
	}
	(void)close(fd);
	if (err == 0)
		pages_gather(*mapped, t->len, UINT64_MAX);
	return err;
}

int update_bench(const char *path, const char *names)
{
	struct why why;
	struct trie t;
	char *bytes = NULL;
	void *mapped = NULL;
	size_t len;
	int err = update_offline_open(&t, path, &bytes, &why);

	if (err != 0)
		return update_offline_fail(&why);
	len = t.len;
	err = map_image(&mapped, &t, &why);
	free(bytes);
	if (err == 0)
		err = trie_open(&t, mapped, len, &why);
	for (enum group group = 0; group < GROUPS && err == 0; group++)
		err = bench_group(group, &t, names, &why);
	if (mapped != NULL)
		(void)munmap(mapped, len);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}
