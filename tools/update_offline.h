/* update_offline.h - what quell-update does without network and configuration: images made, read
 * back, checked, asked and measured.  Each function writes to standard output, its errors to
 * standard error, and returns the exit code. */
#ifndef QUELL_UPDATE_OFFLINE_H
#define QUELL_UPDATE_OFFLINE_H

#include <stddef.h>
#include <stdint.h>

#include "blocklists/compile.h"
#include "blocklists/trie.h"
#include "lib/err.h"

/* Compile files[0..n) to the image `path`; the list id of each is its index. */
int update_offline_compile(const char *path, char **files, unsigned n);

/* Every rule of the image at `path`, one a line: the lists that have it, and the rule as rule_text()
 * has it, escaped: `0,2 suffix example.com`; sorted by bytes. */
int update_offline_dump(const char *path);

int update_offline_verify(const char *path);

/* The image of the texts sources[0..n), whose names are their paths; one of them at a time is in
 * memory.  *image is malloc'ed for the caller.  Returns 0 or an error with the reason, which names
 * the path. */
int update_offline_image(struct compile_source *sources, unsigned n, compile_skip_fn *skip,
    uint8_t **image, size_t *len, struct why *why) QUELL_CHECK;

/* Read and verify the image at `path`: *bytes (malloc'ed for the caller) and `t` over them.
 * Returns 0 or an error with the reason, which names the path. */
int update_offline_open(
    struct trie *t, const char *path, char **bytes, struct why *why) QUELL_CHECK;

/* Say `why` on standard error.  Returns the exit code for it. */
int update_offline_fail(const struct why *why);

#endif
