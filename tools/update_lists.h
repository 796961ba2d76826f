/* update_lists.h - `quell-update catalogue`, `add` and `remove`: which lists the configuration
 * names. */
#ifndef QUELL_UPDATE_LISTS_H
#define QUELL_UPDATE_LISTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/conf.h"

struct update_lists_options {
	const char *conf_path;
	bool conf_named;    /* by the user; then it is named in what to do next, too */
	const char *name;   /* of the one list that is added; NULL: from the catalogue or its URL */
	const char *syntax; /* written into the section; NULL: it is not */
	bool json;
	char **words; /* of the catalogue or the configuration, or URLs; n_words of them */
	unsigned n_words;
};

/* Show the catalogue: a line a list, or one JSON object.  Returns the exit code. */
int update_lists_catalogue(bool json);

/* Add all of `words` to the configuration, or none.  Returns the exit code. */
int update_lists_add(const struct update_lists_options *options);

/* Remove all lists named by `words`, or none.  Returns the exit code. */
int update_lists_remove(const struct update_lists_options *options);

/* The name for a list at `url`, into out: the publisher (the host, or who has the repository
 * there) and the file, as in "hagezi-light".  Returns out. */
const char *update_lists_name(char out[CONF_NAME_SIZE], const char *url);

#endif
