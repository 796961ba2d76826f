/* conf_edit.h - which lists a configuration names, changed in its text: not one other byte moves.
 *
 *   text ... list "ads" { url = "..." } ...      sections[i] is where lists[i] of conf stands
 *            ^ start                   ^ end
 *
 * The file is the user's: comments, order and spacing are kept.  The text is read by
 * conf_read_text() before and after each change, and a change that would alter anything but the
 * lists that were meant is refused.  Nothing here opens a file; conf_file.h does.
 *
 * What a new section looks like: at the end, behind an empty line, in the indentation and with
 * the line ends of the file.
 *
 * What goes with a section that is removed: what stands between its braces, a comment behind its
 * closing brace, and one empty line above it.  Comments above it stay: they are not part of it, and
 * may be about more than it.  So a list that is added and removed leaves the bytes that were there.
 */
#ifndef QUELL_CONF_EDIT_H
#define QUELL_CONF_EDIT_H

#include <stddef.h>

#include "lib/conf.h"

struct conf_section {
	size_t start, end; /* from its first byte to behind its closing brace */
};

struct conf_edit {
	char *text;		       /* owned, terminated */
	const char *name;	       /* of the file in messages; borrowed */
	struct conf *conf;	       /* what the text says */
	struct conf_section *sections; /* conf->n_lists of them */
};

/* What a new section says. */
struct conf_edit_list {
	const char *name;
	const char *url;
	const char *syntax; /* NULL: the option is left away */
};

/* Start with `text`, which is copied.  Returns 0; ERR_FORMAT, where it is no configuration, with
 * "NAME:LINE: reason"; ERR_NOMEM.  After an error there is nothing to free. */
int conf_edit_init(
    struct conf_edit *e, const char *text, const char *name, struct why *why) QUELL_CHECK;
void conf_edit_fini(struct conf_edit *e);

/* The line where list `index` begins, from 1. */
unsigned conf_edit_line(const struct conf_edit *e, unsigned index);

/* Add a section as the last one.  Returns 0; ERR_TAKEN, where a list has this name or this URL,
 * with its line; ERR_FORMAT, where a value is not possible; ERR_NOMEM.  After an error `e` is as
 * before. */
int conf_edit_add(
    struct conf_edit *e, const struct conf_edit_list *list, struct why *why) QUELL_CHECK;

/* Remove the section of list `name`.  Returns 0; ERR_NOTFOUND with the lists that there are;
 * ERR_NOMEM.  After an error `e` is as before. */
int conf_edit_remove(struct conf_edit *e, const char *name, struct why *why) QUELL_CHECK;

#endif
