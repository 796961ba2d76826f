/* compile.c - sources through their syntax into one build. */
#include "blocklists/compile.h"

#include <string.h>

#include "blocklists/build.h"
#include "blocklists/format.h"

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
