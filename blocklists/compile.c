/* compile.c - sources through their syntax into one build. */
#include "blocklists/compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocklists/build.h"
#include "blocklists/format.h"

#define READ_STEP ((size_t)64 << 10) /* bytes of room at least, for a file whose size is unknown */

bool compile_is_image(const void *bytes, size_t len)
{
	return len >= FORMAT_MAGIC_LEN && memcmp(bytes, FORMAT_MAGIC, FORMAT_MAGIC_LEN) == 0;
}

/* Where the lines of one source go. */
struct target {
	struct build *build;
	const struct compile_source *source;
	uint16_t list;
	compile_skip_fn *skip;
	void *skip_ctx;
};

static int take_rule(
    void *ctx, const uint8_t *name, size_t name_len, enum rule_kind kind, uint64_t line)
{
	struct target *target = ctx;

	(void)line;
	switch (target->source->match) {
	case CONF_MATCH_EXACT:
		kind = RULE_EXACT;
		break;
	case CONF_MATCH_SUFFIX:
		kind = RULE_SUFFIX;
		break;
	case CONF_MATCH_BELOW:
		kind = RULE_BELOW;
		break;
	case CONF_MATCH_AUTO:
		break;
	}
	return build_add(target->build, name, name_len, kind, target->list);
}

static void take_skip(void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len)
{
	struct target *target = ctx;

	target->skip(target->skip_ctx, target->source, reason, line, text, len);
}

static int compile_one(struct compile_source *source, struct target *target, struct why *why)
{
	struct feed_sink sink = {
	    .ctx = target, .rule = take_rule, .skip = target->skip != NULL ? take_skip : NULL};
	struct why reason = {""};
	int err = 0;

	source->used = source->syntax;
	if (source->used == NULL)
		source->used = feed_detect(source->text, source->len, &reason);
	if (source->used == NULL)
		err = ERR_FORMAT;
	else
		err = feed_parse(
		    source->text, source->len, source->used, &sink, &source->counts, &reason);
	if (err != 0)
		return why_set(why, err, "%s: %s", source->name,
		    reason.text[0] != '\0' ? reason.text : err_text(err));
	return 0;
}

int compile_texts(struct compile_source *sources, unsigned n, compile_skip_fn *skip, void *skip_ctx,
    uint8_t **image, size_t *image_len, struct why *why)
{
	struct target target = {.skip = skip, .skip_ctx = skip_ctx};
	int err = 0;

	if (n > RULE_LISTS_MAX)
		return why_set(why, ERR_LIMIT, "%u lists, but there can be %d", n, RULE_LISTS_MAX);
	target.build = build_new();
	if (target.build == NULL)
		return why_set(why, ERR_NOMEM, "no memory to compile the lists");
	for (unsigned i = 0; i < n && err == 0; i++) {
		memset(&sources[i].counts, 0, sizeof(sources[i].counts));
		target.source = &sources[i];
		target.list = (uint16_t)i;
		err = compile_one(&sources[i], &target, why);
	}
	if (err == 0)
		err = build_image(target.build, n, image, image_len, why);
	build_free(target.build);
	return err;
}

/* The room to begin with: a regular file's size, its NUL, and a byte more to see its end. */
static size_t first_size(int fd, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		return READ_STEP;
	return (uintmax_t)st.st_size < max ? (size_t)st.st_size + 2 : max + 2;
}

/* Read on to the end.  *len bytes are in *text, of *size; on failure they are still the
 * caller's. */
static int read_all(int fd, size_t max, char **text, size_t *len, size_t *size)
{
	for (;;) {
		ssize_t n;

		if (*size - *len < 2) {
			size_t larger = *size + *size / 2;
			char *p = realloc(*text, larger);

			if (p == NULL)
				return ERR_NOMEM;
			*text = p;
			*size = larger;
		}
		n = read(fd, *text + *len, *size - *len - 1);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_SYS;
		*len += (size_t)n;
		if (*len > max)
			return ERR_RANGE;
	}
}

int compile_read_fd(int fd, const char *name, size_t max, char **text, size_t *len, struct why *why)
{
	size_t size = first_size(fd, max), n = 0;
	char *bytes = malloc(size);
	int err = bytes != NULL ? read_all(fd, max, &bytes, &n, &size) : ERR_NOMEM;

	switch (err) {
	case 0:
		bytes[n] = '\0';
		*text = bytes;
		*len = n;
		return 0;
	case ERR_SYS:
		why_set(why, err, "%s: %s", name, strerror(errno));
		break;
	case ERR_RANGE:
		why_set(why, err, "%s: longer than %zu bytes", name, max);
		break;
	default:
		why_set(why, err, "%s: no memory to read it", name);
		break;
	}
	free(bytes);
	return err;
}
