/* update_bench.h - `quell-update bench`: what a look-up in an image costs. */
#ifndef QUELL_UPDATE_BENCH_H
#define QUELL_UPDATE_BENCH_H

/* Sort the names of the file `names` (one a line) by what the image at `path` says of them: listed
 * themselves, below a listed one, unlisted; then look the names of each group up, in their order,
 * over and over.  Writes the names and the ns a look-up of each group.  Returns the exit code. */
int update_bench(const char *path, const char *names);

#endif
