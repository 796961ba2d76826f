/* catalogue.h - the catalogue of well-known public lists (catalogue.txt), compiled into
 * quell-update.
 *
 * It says what there is and where; the lists themselves are their publishers'.  Read only.
 */
#ifndef QUELL_CATALOGUE_H
#define QUELL_CATALOGUE_H

#include <stddef.h>

/* One list; no text is NULL, and only as_of may be empty. */
struct catalogue_entry {
	const char *name;     /* of the section in the configuration */
	const char *title;    /* as its publisher calls it */
	const char *url;      /* https: */
	const char *syntax;   /* a name of feed_find() */
	const char *licence;  /* or "not stated" */
	const char *homepage; /* https: */
	const char *purpose;  /* "ads, tracking": what it blocks */
	unsigned n_names;     /* roughly; 0: not stated */
	const char *as_of;    /* the month of n_names, "2026-09" */
};

/* In the order of catalogue.txt; one without a name ends it. */
extern const struct catalogue_entry catalogue[];

#endif
