/* update_survey.h - `quell-update report`: what each list is worth beside the others, from the kept
 * copies alone. */
#ifndef QUELL_UPDATE_SURVEY_H
#define QUELL_UPDATE_SURVEY_H

#include <stdbool.h>

#include "lib/conf.h"

/* Write it to standard output, as text or as one JSON object.  Of each list:
 *   alone     rules that no other list has (the same kind, name and effect)
 *   shadowed  plain blocks of a name that a plain block of another list, at the name or above it,
 *             covers
 *   bytes     of the image: its bytes over its rules, where what n lists have counts 1/n for each;
 *             so the lists' bytes add up to the image, and a list that goes frees at most about
 *             what its rules alone have
 * A list adds nothing where each rule of it is on another list, or shadowed by one.  Returns the exit
 * code. */
int update_survey(const struct conf *conf, bool json);

#endif
