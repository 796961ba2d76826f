/* patterns.h - many regular expressions behind one literal pre-filter: a section of the image.
 *
 *   name --> one pass of an automaton over all literals --> candidates --> each its own table
 *        \-> the few that have no literal: always run
 *
 * 20,000 expressions cost a name microseconds.  The bytes are made once (patterns_build.c) and read
 * in place; a look-up is memory-safe on any bytes and its steps are bounded.
 */
#ifndef QUELL_PATTERNS_H
#define QUELL_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define PATTERNS_MAX	    100000 /* in one image */
#define PATTERNS_ALWAYS_MAX 256	   /* of them without a literal */

/* Over the bytes of the section; all zero: no patterns. */
struct patterns {
	const uint8_t *bytes;
	size_t len;
	uint32_t n;
	/* --- the rest belongs to patterns.c --- */
	uint32_t n_always, n_nodes;
	size_t nodes_off, always_off, tables_off;
};

/* One expression to build from. */
struct patterns_source {
	const char *text;
	size_t len;
	bool inverted;
};

/* The section for sources[0..n), in their order; the number of each is its index.  *bytes is
 * malloc'ed for the caller.  Returns 0; ERR_LIMIT or ERR_FORMAT with the text of the expression in
 * `why`; ERR_NOMEM. */
int patterns_build(const struct patterns_source *sources, size_t n, uint8_t **bytes, size_t *len,
    struct why *why) QUELL_CHECK;

/* Look at the header: constant cost.  Returns 0 or ERR_FORMAT with the reason. */
int patterns_open(
    struct patterns *p, const uint8_t *bytes, size_t len, struct why *why) QUELL_CHECK;

/* Check all of it: what patterns_build() makes.  Returns 0 or ERR_FORMAT with the reason. */
int patterns_verify(const struct patterns *p, struct why *why) QUELL_CHECK;

/* Call found() with the number of each expression that `name` (lower-case wire form) matches, in no
 * order, each once. */
void patterns_match(const struct patterns *p, const uint8_t *name,
    void (*found)(void *ctx, uint32_t number), void *ctx);

/* Expression `number` as it was written; false where there is none (or the bytes are damaged). */
bool patterns_source(const struct patterns *p, uint32_t number, struct patterns_source *source);

#endif
