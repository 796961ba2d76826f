/* update_why.h - `quell-update why`: which rules match a name, and the verdict. */
#ifndef QUELL_UPDATE_WHY_H
#define QUELL_UPDATE_WHY_H

#include <stdint.h>

/* files[0..n) are one image, or list texts.  Writes the rules that match and count for a query of
 * `type`, in the order of their precedence, each with its list's number, or with the file and the
 * line of each place where a text has it; then the verdict.  Returns the exit code. */
int update_why(char **files, unsigned n, const char *name, uint16_t type);

#endif
