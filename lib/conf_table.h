/* conf_table.h - the rows of the option table, between conf.c (which has them) and conf_read.c.
 *
 * A value, whether it comes from the file or is a default, is a text that goes through its kind's
 * set(); so there is one check, and no second place that knows a default.
 */
#ifndef QUELL_CONF_TABLE_H
#define QUELL_CONF_TABLE_H

#include "lib/conf.h"

#define CONF_VALUE_SIZE CONF_URL_SIZE /* the longest value as text, and its terminator */

struct option;

/* How values of one kind are written. */
struct kind {
	bool is_list;
	/* Put `text` into value `index` (0 unless a list) of the option's field in `base`, a struct
	 * conf or struct conf_list.  Returns 0 or ERR_FORMAT with what is wrong and what is
	 * right. */
	int (*set)(void *base, const struct option *option, unsigned index, const char *text,
	    struct why *why);
	/* Value `index` as text that set() takes; false: there is none. */
	bool (*get)(const void *base, const struct option *option, unsigned index,
	    char text[CONF_VALUE_SIZE]);
	/* Of numbers: text to value and back, and how much of it is one unit of the field. */
	int (*parse)(uint64_t *value, const char *text, struct why *why);
	void (*format)(uint64_t value, char text[CONF_VALUE_SIZE]);
	uint64_t unit;
	/* Of choices: the words of the field's values 0, 1, ..., NULL at the end. */
	const char *const *words;
	/* Of texts: what must hold beside being printable and short enough. */
	int (*check)(const char *text, struct why *why);
};

/* One row: an option. */
struct option {
	const char *name;
	const struct kind *kind;
	size_t off, size; /* its field in struct conf, or in that of its section */
	const char *defaults[2];
	uint64_t min, max; /* of numbers, in the field's unit */
	const char *help;
};

/* A row without a name ends each table. */
extern const struct option conf_options[];
extern const struct option conf_list_options[]; /* inside a section: list "name" { ... } */
extern const struct option conf_list_name;
extern const struct option conf_forward_options[]; /* inside: forward "zone" { ... } */
extern const struct option conf_forward_zone;
extern const struct option conf_group_options[]; /* inside: group "name" { ... } */
extern const struct option conf_group_name;

/* Put the defaults of `table` into `base`, which is all zero.  Returns 0, or ERR_FORMAT where a
 * default does not pass its own check (a folder given to configure, for one). */
int conf_set_defaults(void *base, const struct option *table) QUELL_CHECK;

#endif
