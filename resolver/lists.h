/* lists.h - which block lists are in force, and getting the next ones.
 *
 *   --blocklist FILE...   those files, or an error
 *   lists configured      image -> image.previous -> starter list  (a fallback is reported)
 *   neither               none: nothing is blocked
 */
#ifndef QUELL_LISTS_H
#define QUELL_LISTS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "blocklists/origin.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "resolver/channel.h"
#include "resolver/core/reason.h"
#include "resolver/loader.h"
#include "resolver/settings.h"

enum lists_source { LISTS_NONE, LISTS_FILES, LISTS_IMAGE, LISTS_PREVIOUS, LISTS_STARTER };

struct lists {
	enum lists_source source;
	int fd;			    /* owned: the sealed image; -1: no lists */
	uint64_t loaded_ms;	    /* clock_ms() */
	struct channel_loaded info; /* what the loader said of it */
	struct why trouble;   /* not empty: these are not the lists that were wanted, and why */
	struct origin origin; /* of an image: what it was compiled from, as it stands beside it */
};

/* The end of lists_load(): with err 0, *next is the callee's; else `why` says what is wrong. */
typedef void lists_done_fn(void *ctx, int err, struct lists *next, const struct why *why);

struct lists_loader;

struct lists_loader *lists_loader_new(struct event_base *base, lists_done_fn *done, void *ctx);
void lists_loader_free(struct lists_loader *l);

/* What loads that begin later may take. */
void lists_limit(struct lists_loader *l, const struct loader_limits *limits);

/* Get the lists that `conf` and `flags` (borrowed until done()) want; done() may be called before
 * this returns. `fall_back`: where the image of the configured lists is not good, use an older one
 * rather than fail. */
void lists_load(struct lists_loader *l, const struct conf *conf, const struct settings_flags *flags,
    bool fall_back);

/* Load the lists that `conf` and `flags` want and drop them again, for --check: with an event loop
 * of its own, until that is done.  Returns 0 or an error with what is wrong. */
int lists_check(const struct conf *conf, const struct settings_flags *flags,
    const struct loader_limits *limits, struct why *why) QUELL_CHECK;

/* "none", "files", "image", "previous image", "starter list". */
const char *lists_source_text(enum lists_source source);

/* What these lists are called, as far as it is known, in printable ASCII: of files the last part of
 * the path; of an image what stands beside it, for the configuration may have other lists by now.
 * *names is zeroed first. */
void lists_names(const struct lists *lists, const struct conf *conf,
    const struct settings_flags *flags, struct reason_names *names);

/* The block answers of these lists, where they are those of the configuration; returns whether there is
 * any.  *answers is zeroed first. */
bool lists_answers(
    const struct lists *lists, const struct conf *conf, struct reason_answers *answers);

/* Where the text of list `id` is, and how it is to be read: `conf`'s own words for syntax, match and
 * trust.  False: it is not known. */
struct lists_text {
	char path[2 * CONF_PATH_SIZE];
	const char *syntax, *match, *trust;
};
bool lists_text(const struct lists *lists, const struct conf *conf,
    const struct settings_flags *flags, unsigned id, struct lists_text *text);

#endif
