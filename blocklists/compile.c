/* compile.c - sources through their syntax into one build. */
#include "blocklists/compile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blocklists/build.h"
#include "blocklists/format.h"

struct compile {
	struct build *build;
	unsigned n_lists;
};

bool compile_is_image(const void *bytes, size_t len)
{
	return len >= FORMAT_MAGIC_LEN && memcmp(bytes, FORMAT_MAGIC, FORMAT_MAGIC_LEN) == 0;
}

struct compile *compile_new(void)
{
	struct compile *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->build = build_new();
	if (c != NULL && c->build == NULL) {
		free(c);
		c = NULL;
	}
	return c;
}

void compile_free(struct compile *c)
{
	if (c == NULL)
		return;
	build_free(c->build);
	free(c);
}

/* Where the lines of one source go. */
struct target {
	struct build *build;
	const struct compile_source *source;
	uint16_t list;
	compile_skip_fn *skip;
	void *skip_ctx;
};

struct rule compile_matched(const struct rule *rule, enum conf_match match)
{
	static const enum rule_kind kinds[] = {
	    [CONF_MATCH_EXACT] = RULE_EXACT,
	    [CONF_MATCH_SUFFIX] = RULE_SUFFIX,
	    [CONF_MATCH_BELOW] = RULE_BELOW,
	};
	struct rule changed = *rule;

	if (match != CONF_MATCH_AUTO && rule->kind < RULE_NAME_KINDS)
		changed.kind = kinds[match];
	return changed;
}

static int take_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	const struct target *target = ctx;
	struct rule changed;

	(void)line;
	if (target->source->match != CONF_MATCH_AUTO) {
		changed = compile_matched(rule, target->source->match);
		rule = &changed;
	}
	return build_add(target->build, rule, target->list);
}

static int take_cancel(void *ctx, const struct rule *rule, uint64_t line)
{
	const struct target *target = ctx;
	struct rule changed = compile_matched(rule, target->source->match);

	(void)line;
	return build_cancel(target->build, &changed);
}

static void take_skip(void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len)
{
	const struct target *target = ctx;

	target->skip(target->skip_ctx, target->source, reason, line, text, len);
}

/* The whole pages before source->text[bytes] are not needed any more, so that text and rules need not
 * both fit into memory. */
static void give_back(void *ctx, size_t bytes)
{
	const struct target *target = ctx;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)target->source->text + page - 1) / page * page;
	uintptr_t to = ((uintptr_t)target->source->text + bytes) / page * page;

	if (from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}

int compile_add_none(struct compile *c, struct why *why)
{
	if (c->n_lists == RULE_LISTS_MAX)
		return why_set(why, ERR_LIMIT, "more than %d lists", RULE_LISTS_MAX);
	c->n_lists++;
	return 0;
}

int compile_add_rule(struct compile *c, const struct rule *rule, struct why *why)
{
	int err = build_add(c->build, rule, (uint16_t)(c->n_lists - 1));

	return err == 0 ? 0 : why_set(why, err, "%s", err_text(err));
}

int compile_add(struct compile *c, struct compile_source *source, compile_skip_fn *skip,
    void *skip_ctx, struct why *why)
{
	struct target target = {
	    .build = c->build,
	    .source = source,
	    .list = (uint16_t)c->n_lists,
	    .skip = skip,
	    .skip_ctx = skip_ctx,
	};
	struct feed_sink sink = {
	    .ctx = &target,
	    .rewrites = source->rewrites,
	    .rule = take_rule,
	    .cancel = take_cancel,
	    .skip = skip != NULL ? take_skip : NULL,
	    .passed = source->gives_back ? give_back : NULL,
	};
	struct why reason = {""};
	int err = compile_add_none(c, why);

	if (err != 0)
		return err;
	memset(&source->counts, 0, sizeof(source->counts));
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

int compile_image(struct compile *c, uint8_t **image, size_t *image_len, struct why *why)
{
	return build_image(c->build, c->n_lists, image, image_len, why);
}
