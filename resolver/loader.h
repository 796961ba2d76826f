/* loader.h - files that others write to a sealed image, in a process of its own.
 *
 *   parent: opens the files, --> loader: compiles the texts, or copies the image, into the memfd;
 *   makes a memfd            <--         seals and checks it; ends.  It can write nothing else.
 *
 * A list is text from the internet: whatever it does to the code that reads it, it does there.
 */
#ifndef QUELL_LOADER_H
#define QUELL_LOADER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "blocklists/feed.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "resolver/channel.h"

#define LOADER_LIMIT_S 60 /* one that takes longer is ended and reported */

/* A file that was opened for the loader. */
struct loader_input {
	int fd;	 /* -1: it cannot be had, ... */
	int err; /* ... for this errno */
	const char *path;
};

/* What the loader does: in[0..n) into the memfd, which is sealed afterwards; what it says goes into *out, or
 * for an error into *why.  Runs in the loader's process; ctx is the parent's memory as it was then. */
typedef int loader_work_fn(void *ctx, const struct loader_input *in, unsigned n, int memfd,
    struct channel_loaded *out, struct why *why);

/* What to load: by default block lists, one image, any number of texts, or (n 0) the starter list. */
struct loader_job {
	const char *const *paths; /* paths[0..n), borrowed until loader_start() returns */
	unsigned n;
	loader_work_fn *work; /* NULL: the lists */
	void *ctx;
	bool files_optional; /* one that cannot be had is no error */
	bool urgent;	     /* nothing is in force meanwhile, or a makeshift */
	bool compiled; /* only an image will do: an empty file is a damaged one, and no list */
};

/* What jobs may take, in bytes; 0: whatever they like. */
struct loader_limits {
	uint64_t memory;   /* besides what the parent has */
	uint64_t image;	   /* a finished image */
	uint64_t compiled; /* what comes of texts */
};

/* The end of a job.  `fd`: the sealed image, now the callee's; or -1, and loaded->err and ->text
 * say why. */
typedef void loader_done_fn(void *ctx, const struct channel_loaded *loaded, int fd);

struct loader;

struct loader *loader_new(struct event_base *base, loader_done_fn *done, void *ctx);
void loader_free(struct loader *l); /* a running job is ended without done() */

/* For jobs that begin later. */
void loader_limit(struct loader *l, const struct loader_limits *limits);

/* Begin a job; none may be running.  done() is called later, exactly once, unless this fails:
 * ERR_NOTFOUND where a file is not there, else ERR_DENIED, ERR_FORMAT (no regular file), ERR_SYS,
 * with the reason in `why`. */
int loader_start(struct loader *l, const struct loader_job *job, struct why *why) QUELL_CHECK;

#endif
