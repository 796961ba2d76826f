/* update_why.h - `quell-update why`: which rules match a name, and the verdict. */
#ifndef QUELL_UPDATE_WHY_H
#define QUELL_UPDATE_WHY_H

/* files[0..n) are one image, or list texts.  `type` is only shown (may be NULL): every query
 * type of a blocked name is blocked.  Writes the matching rules, the most specific first, each
 * with the list's id or with file and line, then the verdict.  Returns the exit code. */
int update_why(char **files, unsigned n, const char *name, const char *type);

#endif
