/* origin.c - blocks of lines, one for each image. */
#include "blocklists/origin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/feed.h"
#include "blocklists/format.h"

#define SUM_DIGITS 16

/* A blank at an end would be lost. */
static char shown(const char *name, size_t at)
{
	bool inside = at != 0 && name[at + 1] != '\0';

	return (name[at] > ' ' && name[at] < 0x7f) || (name[at] == ' ' && inside) ? name[at] : '?';
}

void origin_add(struct origin *o, const char *name)
{
	char *to;
	size_t len = 0;

	if (o->n == CONF_LISTS_MAX)
		return;
	to = o->name[o->n++];
	for (; len < CONF_NAME_SIZE - 1 && name[len] != '\0'; len++)
		to[len] = shown(name, len);
	if (len == 0 || to[len - 1] == ' ')
		to[len != 0 ? len - 1 : len++] = '?';
	to[len] = '\0';
}

bool origin_sum(const void *header, size_t len, uint64_t *sum)
{
	if (len < FORMAT_HEADER || memcmp(header, FORMAT_MAGIC, FORMAT_MAGIC_LEN) != 0)
		return false;
	*sum = format_get_u64((const uint8_t *)header + FORMAT_AT_SUM);
	return true;
}

/* `image SUM`: a block begins. */
static bool begins_block(const struct feed_lines *l, uint64_t *sum)
{
	static const char key[] = "image ";
	const size_t key_len = sizeof(key) - 1;
	char digits[SUM_DIGITS + 1], *end;

	if (l->len != key_len + SUM_DIGITS || memcmp(l->text, key, key_len) != 0)
		return false;
	memcpy(digits, l->text + key_len, SUM_DIGITS);
	digits[SUM_DIGITS] = '\0';
	*sum = strtoull(digits, &end, 16);
	return *end == '\0';
}

/* `list NAME` */
static void take_list(struct origin *o, const struct feed_lines *l)
{
	static const char key[] = "list ";
	const size_t key_len = sizeof(key) - 1;
	char name[CONF_NAME_SIZE];

	if (l->len <= key_len || memcmp(l->text, key, key_len) != 0)
		return;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(l->len - key_len), l->text + key_len);
	origin_add(o, name);
}

void origin_find(const char *text, size_t len, uint64_t sum, struct origin *out)
{
	struct feed_lines l;
	bool wanted = false;
	uint64_t found;

	out->n = 0;
	if (text == NULL)
		return;
	feed_lines_start(&l, text, len);
	while (feed_lines_next(&l)) {
		if (begins_block(&l, &found)) {
			if (out->n != 0)
				return;
			wanted = found == sum;
		} else if (wanted) {
			take_list(out, &l);
		}
	}
}

bool origin_same(const struct origin *a, const struct origin *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		if (strcmp(a->name[i], b->name[i]) != 0)
			return false;
	}
	return true;
}

static void write_block(FILE *to, const struct origin *o, uint64_t sum)
{
	fprintf(to, "image %016" PRIx64 "\n", sum);
	for (unsigned i = 0; i < o->n; i++)
		fprintf(to, "list %s\n", o->name[i]);
}

/* The blocks of the images but that of `sum`, as many as are kept beside it. */
static int write_others(FILE *to, uint64_t sum, const char *text, size_t len)
{
	struct origin *other = malloc(sizeof(*other));
	struct feed_lines l;
	unsigned n = 1;
	uint64_t found;

	if (other == NULL)
		return ERR_NOMEM;
	feed_lines_start(&l, text, len);
	while (n < ORIGIN_IMAGES && feed_lines_next(&l)) {
		if (!begins_block(&l, &found) || found == sum)
			continue;
		origin_find(text, len, found, other);
		write_block(to, other, found);
		n++;
	}
	free(other);
	return 0;
}

int origin_write(
    const struct origin *o, uint64_t sum, const char *text, size_t len, char **out, size_t *out_len)
{
	FILE *to = open_memstream(out, out_len);
	int err = 0;

	if (to == NULL)
		return ERR_NOMEM;
	write_block(to, o, sum);
	if (text != NULL)
		err = write_others(to, sum, text, len);
	if (fclose(to) == 0 && err == 0)
		return 0;
	free(*out);
	return ERR_NOMEM;
}
