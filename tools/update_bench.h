/* update_bench.h - `quell-update bench`: what a look-up in an image costs. */
#ifndef QUELL_UPDATE_BENCH_H
#define QUELL_UPDATE_BENCH_H

/* Sort the names of the file `names` (one a line) by what the rules on names of the image at `path` say
 * of them: listed themselves, below a listed one, unlisted; then look the names of each group up in
 * random order, over and over: with more names than the caches hold, each look-up is a cold one.
 * Writes the names and the ns a look-up of each group, and, where the image has more than plain
 * blocks of names, the ns of the whole verdict.  Returns the exit code. */
int update_bench(const char *path, const char *names);

#endif
